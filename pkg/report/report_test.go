package report_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/report"
	"github.com/muarahq/muara/pkg/testdb"
)

// books is a database with merchants whose orders a test drives.
type books struct {
	t       require.TestingT
	db      *testdb.DB
	now     time.Time
	placer  *order.Placer
	writer  *order.Writer
	wallets []int64
}

var jakarta = func() *time.Location {
	zone, err := time.LoadLocation("Asia/Jakarta")
	if err != nil {
		panic(err)
	}
	return zone
}()

func newBooks(t *testing.T, merchants int) *books {
	t.Helper()
	b := &books{t: t, db: testdb.New(t), now: time.Date(2026, 11, 1, 16, 0, 0, 0, time.UTC)}
	ctx := t.Context()
	accounts := ledger.NewAccounts(b.db.Pool)
	clock := func() time.Time { return b.now }
	b.placer = order.NewPlacer(b.db.Pool, accounts, nil, clock, slog.New(slog.DiscardHandler), nil)
	t.Cleanup(b.placer.Close)
	b.writer = order.NewWriter(b.db.Pool, accounts, clock, slog.New(slog.DiscardHandler), nil, nil)
	t.Cleanup(b.writer.Close)
	for i := range merchants {
		id := fmt.Sprintf("MRA-M-%d", i)
		require.NoError(t, pgx.BeginFunc(ctx, b.db.Pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ($1, $1, 'active', $2, '{}', $3, $3)`, id, i+1, b.now)
			if err != nil {
				return err
			}
			wallet, err := ledger.CreateWallet(ctx, tx, id, "live", b.now)
			if err != nil {
				return err
			}
			b.wallets = append(b.wallets, wallet)
			_, err = ledger.Adjust(ctx, tx, accounts, wallet, 100_000_000, "opening", "test", b.now)
			return err
		}))
	}
	return b
}

func (b *books) place(wallet int64, ref, sku string, price, cost int64) *order.Order {
	no := "081234567890"
	placed, err := b.placer.Place(context.Background(), &order.Request{
		WalletID: wallet, Ref: ref, Category: order.PPOB, SKU: sku, Name: "Thing", ProductID: 1, Quantity: 1, Price: price,
		CustomerNo: &no, Route: order.Route{Upstream: "up-a", OfferID: 1, Code: "X", Cost: cost},
	})
	require.NoError(b.t, err)
	return placed.Order
}

func (b *books) step(o *order.Order, s order.Step) *order.Order {
	s.OrderID, s.Attempt, s.Cause = o.ID, o.Attempt, "test"
	o, err := b.writer.Do(context.Background(), s)
	require.NoError(b.t, err)
	return o
}

// sold places an order that is delivered at once.
func (b *books) sold(wallet int64, ref, sku string, price, cost int64) *order.Order {
	o := b.step(b.place(wallet, ref, sku, price, cost), order.Step{To: order.Sending})
	return b.step(o, order.Step{To: order.Completed, Outcome: "succeeded", SN: ref})
}

func (b *books) closeHours() {
	_, err := report.Close(context.Background(), b.db.Pool, jakarta, b.now)
	require.NoError(b.t, err)
}

func (b *books) days(from, to string) report.Range {
	r, err := report.Days(from, to, jakarta, b.now)
	require.NoError(b.t, err)
	return r
}

func (b *books) orders(q report.Query) (total report.Figures, rows []report.Row) {
	q.Mode = "live"
	err := report.Orders(context.Background(), b.db.Pool, &q, func(f report.Figures) error { total = f; return nil }, func(r *report.Row) error {
		rows = append(rows, *r)
		return nil
	})
	require.NoError(b.t, err)
	return total, rows
}

// ledger sums accounts of a kind over a time, credits less debits, apart from the report.
func (b *books) ledger(code string, r report.Range) (sum int64) {
	err := b.db.Pool.QueryRow(context.Background(), `SELECT coalesce(sum(CASE WHEN e.credit = a.id THEN e.amount ELSE -e.amount END), 0)::bigint
		FROM ledger_accounts a JOIN ledger_entries e ON a.id IN (e.debit, e.credit)
		WHERE a.code LIKE $1 AND e.created_at >= $2 AND e.created_at < $3`, code, r.From, r.To).Scan(&sum)
	require.NoError(b.t, err)
	return sum
}

func TestARangeIsOfWholeDaysOfTheBrand(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 20, 0, 0, 0, time.UTC) // the first of December in Jakarta
	r, err := report.Days("2026-11-01", "2026-11-03", jakarta, now)
	require.NoError(t, err)
	require.Equal(t, "2026-10-31T17:00:00Z", r.From.UTC().Format(time.RFC3339))
	require.Equal(t, "2026-11-02T17:00:00Z", r.To.UTC().Format(time.RFC3339))
	r, err = report.Days("", "", jakarta, now)
	require.NoError(t, err)
	require.Equal(t, "2026-12-01", r.From.Format(time.DateOnly))
	require.Equal(t, "2026-12-02", r.To.Format(time.DateOnly))
	r, err = report.Days("", "2026-12-01", jakarta, now)
	require.NoError(t, err)
	require.Equal(t, "2026-11-01", r.From.Format(time.DateOnly))
	for _, wrong := range [][2]string{{"2026-11-03", "2026-11-03"}, {"2026-11-04", "2026-11-03"}, {"today", ""}, {"", "2026-11-31"}, {"2020-01-01", "2026-01-01"}} {
		_, err := report.Days(wrong[0], wrong[1], jakarta, now)
		require.ErrorIs(t, err, report.ErrRange, "%v", wrong)
	}
}

func TestOrdersAreDividedByWhatIsAsked(t *testing.T) {
	t.Parallel()
	b := newBooks(t, 2)
	b.sold(b.wallets[0], "a1", "TSEL10", 10_500, 10_100) // 23:00 of the first in Jakarta
	failed := b.step(b.place(b.wallets[1], "b1", "XL5", 5_500, 5_200), order.Step{To: order.Sending})
	b.now = b.now.Add(2 * time.Hour) // the second
	failed = b.step(failed, order.Step{To: order.Failed, Outcome: "failed", Message: "no"})
	b.sold(b.wallets[1], "b2", "TSEL10", 10_400, 10_600)
	b.closeHours()
	b.now = b.now.Add(24 * time.Hour)
	b.closeHours()
	b.step(failed, order.Step{To: order.Completed, Outcome: "succeeded", SN: "late"})

	total, rows := b.orders(report.Query{Range: b.days("2026-11-01", "2026-11-04"), By: []report.Dimension{report.Day, report.SKU}})
	require.Len(t, rows, 5)
	first := rows[0]
	require.Equal(t, []string{"2026-11-01", "TSEL10"}, []string{*first.Day, *first.SKU})
	require.Nil(t, first.Merchant)
	rate := 1.0
	require.Equal(t, report.Figures{Placed: 1, Completed: 1, SuccessRate: &rate, Volume: 10_500, Revenue: 10_500, Cost: 10_100, Margin: 400}, first.Figures)
	require.Equal(t, report.Figures{Placed: 1, Volume: 5_500}, rows[1].Figures, "taken on the first, ended on the second")
	late := rows[4]
	require.Equal(t, []string{"2026-11-03", "XL5"}, []string{*late.Day, *late.SKU})
	require.EqualValues(t, -1, late.Failed)
	require.EqualValues(t, 1, late.Completed)
	require.EqualValues(t, 5_200, late.Losses)

	require.EqualValues(t, 3, total.Placed)
	require.EqualValues(t, 3, total.Completed)
	require.Zero(t, total.Failed)
	require.EqualValues(t, 400-200-5_200, total.Margin)
	require.InDelta(t, 1, *total.SuccessRate, 0)

	by := func(d report.Dimension, q report.Query) (names []string, margins []int64) {
		q.Range, q.By = b.days("2026-11-01", "2026-11-04"), []report.Dimension{d}
		_, rows := b.orders(q)
		for _, r := range rows {
			switch d {
			case report.Merchant:
				names = append(names, *r.Merchant)
			case report.Tier:
				names = append(names, fmt.Sprint(*r.Tier))
			case report.Upstream:
				names = append(names, *r.Upstream)
			case report.Category:
				names = append(names, *r.Category)
			case report.Day, report.SKU:
			}
			margins = append(margins, r.Margin)
		}
		return names, margins
	}
	names, margins := by(report.Merchant, report.Query{})
	require.Equal(t, []string{"MRA-M-0", "MRA-M-1"}, names)
	require.Equal(t, []int64{400, -5_400}, margins)
	names, margins = by(report.Tier, report.Query{Merchant: "MRA-M-1"})
	require.Equal(t, []string{"2"}, names)
	require.Equal(t, []int64{-5_400}, margins)
	names, _ = by(report.Upstream, report.Query{Category: "ppob", SKU: "XL5", Tier: 2, Upstream: "up-a"})
	require.Equal(t, []string{"up-a"}, names)
	names, _ = by(report.Category, report.Query{})
	require.Equal(t, []string{"ppob"}, names)
	names, _ = by(report.Category, report.Query{SKU: "nothing"})
	require.Empty(t, names)
}

func TestOrdersUnderTheirCostAreNamed(t *testing.T) {
	t.Parallel()
	b := newBooks(t, 1)
	b.sold(b.wallets[0], "good", "TSEL10", 10_500, 10_100)
	under := b.sold(b.wallets[0], "under", "TSEL10", 10_000, 10_100)
	b.now = b.now.Add(time.Minute)
	lost := b.step(b.place(b.wallets[0], "lost", "XL5", 5_500, 5_200), order.Step{To: order.Sending})
	lost = b.step(lost, order.Step{To: order.Failed, Outcome: "failed", Message: "no"})
	read := func(r report.Range, before int64, limit int) (report.BelowTotal, []report.Below) {
		total, page, err := report.BelowCost(t.Context(), b.db.Pool, r, "live", before, limit)
		require.NoError(t, err)
		return total, page
	}
	all := b.days("2026-11-01", "2026-12-01")
	look := func() {
		total, page := read(all, 0, 0)
		require.Equal(t, report.BelowTotal{Count: 1, Margin: -100}, total)
		require.Len(t, page, 1)
		require.Equal(t, under.PublicID(), page[0].OrderID)
		require.Equal(t, order.Completed, page[0].State)
	}
	look()
	b.now = b.now.Add(3 * time.Hour)
	b.closeHours()
	look()
	b.step(lost, order.Step{To: order.Completed, Outcome: "succeeded", SN: "late"})
	total, page := read(all, 0, 1)
	require.Equal(t, report.BelowTotal{Count: 2, Margin: -5_300}, total)
	require.Len(t, page, 1)
	require.Equal(t, lost.PublicID(), page[0].OrderID)
	require.EqualValues(t, 5_200, page[0].Losses)
	_, page = read(all, page[0].ID, 1)
	require.Equal(t, under.PublicID(), page[0].OrderID)
	total, _ = read(b.days("2026-11-01", "2026-11-02"), 0, 0)
	require.Equal(t, report.BelowTotal{Count: 1, Margin: -100}, total, "the loss is of the second")
}

func TestDaysOfAnotherTimeZoneAreClosedAnew(t *testing.T) {
	t.Parallel()
	b := newBooks(t, 1)
	b.sold(b.wallets[0], "one", "TSEL10", 10_500, 10_100)
	b.now = b.now.Add(48 * time.Hour)
	b.closeHours()
	tokyo, err := time.LoadLocation("Asia/Tokyo") // where it was sold on the second
	require.NoError(t, err)
	for range 2 { // before its days are closed, and after
		r, err := report.Days("2026-11-02", "2026-11-03", tokyo, b.now)
		require.NoError(t, err)
		total, rows := b.orders(report.Query{Range: r, By: []report.Dimension{report.Day}})
		require.EqualValues(t, 400, total.Margin)
		require.Len(t, rows, 1)
		_, err = report.Close(t.Context(), b.db.Pool, tokyo, b.now)
		require.NoError(t, err)
	}
	n, err := report.Close(t.Context(), b.db.Pool, tokyo, b.now)
	require.NoError(t, err)
	require.Zero(t, n)
}

// Whatever happened, whenever hours were closed, and over whatever range: a report's
// money is the ledger's.
func TestNoHistoryMakesAReportDifferFromTheLedger(t *testing.T) {
	t.Parallel()
	b := newBooks(t, 2)
	start := b.now
	var all []*order.Order
	refs := 0
	rapid.Check(t, func(rt *rapid.T) {
		b.t = rt
		for range rapid.IntRange(1, 10).Draw(rt, "length") {
			b.now = b.now.Add(time.Duration(rapid.IntRange(0, 600).Draw(rt, "minutes")) * time.Minute)
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				b.closeHours()
			case 1, 2, 3:
				refs++
				all = append(all, b.place(rapid.SampledFrom(b.wallets).Draw(rt, "wallet"), fmt.Sprint("r", refs), rapid.SampledFrom([]string{"A", "B"}).Draw(rt, "sku"),
					rapid.Int64Range(1, 60_000).Draw(rt, "price"), rapid.Int64Range(0, 60_000).Draw(rt, "cost")))
			default:
				b.wild(rt, all)
			}
		}
		first := rapid.IntRange(0, 20).Draw(rt, "first")
		from := start.In(jakarta).AddDate(0, 0, first)
		r := b.days(from.Format(time.DateOnly), from.AddDate(0, 0, rapid.IntRange(1, 400).Draw(rt, "long")).Format(time.DateOnly))
		dims := rapid.SliceOfDistinct(rapid.SampledFrom(report.Dimensions()), func(d report.Dimension) report.Dimension { return d }).Draw(rt, "by")
		total, rows := b.orders(report.Query{Range: r, By: dims})
		require.Equal(rt, b.ledger("revenue", r), total.Revenue)
		require.Equal(rt, -b.ledger("cost:%", r), total.Cost)
		require.Equal(rt, -b.ledger("loss:%", r), total.Losses)
		require.Equal(rt, b.ledger("revenue", r)+b.ledger("cost:%", r)+b.ledger("loss:%", r), total.Margin)
		require.Equal(rt, b.ledger("in_flight", r), total.Volume-total.Refunds-total.Revenue)
		if len(dims) > 0 {
			var sum report.Figures
			for _, row := range rows {
				sum.Placed += row.Placed
				sum.Completed += row.Completed
				sum.Volume += row.Volume
				sum.Margin += row.Margin
			}
			require.Equal(rt, []int64{total.Placed, total.Completed, total.Volume, total.Margin}, []int64{sum.Placed, sum.Completed, sum.Volume, sum.Margin})
		}
		b.counted(rt)
		b.below(rt)
	})
}

// wild takes any step with any order; most are refused.
func (b *books) wild(rt *rapid.T, all []*order.Order) {
	if len(all) == 0 {
		return
	}
	o := rapid.SampledFrom(all[max(len(all)-6, 0):]).Draw(rt, "order")
	now, err := order.ByID(context.Background(), b.db.Bun, o.ID)
	require.NoError(rt, err)
	s := order.Step{
		OrderID: o.ID, Attempt: max(now.Attempt-rapid.IntRange(0, 1).Draw(rt, "earlier"), 0), Cause: "test", Recharge: rapid.Bool().Draw(rt, "recharge"),
		To: rapid.SampledFrom([]order.State{order.Queued, order.Sending, order.Processing, order.Completed, order.Failed, order.Partial, order.Canceled, order.Expired}).Draw(rt, "to"),
	}
	if rapid.Bool().Draw(rt, "has cost") {
		n := rapid.Int64Range(0, 70_000).Draw(rt, "said cost")
		s.Cost = &n
	}
	if s.To == order.Queued {
		s.Route = &order.Route{Upstream: rapid.SampledFrom([]string{"up-a", "up-b"}).Draw(rt, "route"), OfferID: 2, Code: "Y", Cost: 100}
	}
	if _, err := b.writer.Do(context.Background(), s); err != nil && !errors.Is(err, order.ErrStale) {
		require.NoError(rt, err)
	}
}

// counted compares the counts of everything with how orders stand.
func (b *books) counted(rt *rapid.T) {
	total, _ := b.orders(report.Query{Range: b.days("2026-10-01", b.now.AddDate(0, 0, 2).Format(time.DateOnly))})
	var want [6]int64
	require.NoError(rt, b.db.Pool.QueryRow(context.Background(), `SELECT count(*), count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state = 'partial'),
		count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'canceled'), count(*) FILTER (WHERE state = 'expired') FROM orders`).
		Scan(&want[0], &want[1], &want[2], &want[3], &want[4], &want[5]))
	require.Equal(rt, want, [6]int64{total.Placed, total.Completed, total.Partial, total.Failed, total.Canceled, total.Expired})
}

// below compares the orders under their cost with their entries.
func (b *books) below(rt *rapid.T) {
	_, page, err := report.BelowCost(context.Background(), b.db.Pool, b.days("2026-10-01", b.now.AddDate(0, 0, 2).Format(time.DateOnly)), "live", 0, 0)
	require.NoError(rt, err)
	rows, err := b.db.Pool.Query(context.Background(), `SELECT e.subject_id, sum(CASE WHEN c.code = 'revenue' THEN e.amount WHEN d.code = 'revenue' THEN -e.amount
			WHEN d.code ~ '^(cost|loss):' THEN -e.amount WHEN c.code ~ '^(cost|loss):' THEN e.amount ELSE 0 END)::bigint AS margin
		FROM ledger_entries e JOIN ledger_accounts d ON d.id = e.debit JOIN ledger_accounts c ON c.id = e.credit WHERE e.subject = 'order' GROUP BY 1 ORDER BY 1 DESC`)
	require.NoError(rt, err)
	var want, got [][2]int64
	var id, margin int64
	_, err = pgx.ForEachRow(rows, []any{&id, &margin}, func() error {
		if margin < 0 {
			want = append(want, [2]int64{id, margin})
		}
		return nil
	})
	require.NoError(rt, err)
	for i := range page {
		got = append(got, [2]int64{page[i].ID, page[i].Margin})
	}
	require.Equal(rt, want, got)
}

func TestAReportIsReadInPartAndWrittenWhole(t *testing.T) {
	t.Parallel()
	b := newBooks(t, 2)
	b.sold(b.wallets[0], "a1", "=A", 10_500, 10_100)
	b.sold(b.wallets[1], "b1", "B", 10_400, 10_600)
	q := report.Query{Range: b.days("2026-11-01", "2026-11-02"), Mode: "live", By: []report.Dimension{report.SKU}}
	out, err := report.ReadOrders(t.Context(), b.db.Pool, &q, 1)
	require.NoError(t, err)
	require.True(t, out.More)
	require.Equal(t, 1, out.Count)
	require.Equal(t, "2026-11-01", out.From)
	require.Equal(t, "2026-11-02", out.To)
	require.EqualValues(t, 200, out.Total.Margin, "of all")
	var w strings.Builder
	require.NoError(t, report.OrdersCSV(t.Context(), b.db.Pool, &q, &w))
	require.Equal(t, `day,merchant_id,tier,category,sku,upstream,placed,completed,partial,failed,canceled,expired,success_rate,volume,refunds,revenue,cost,losses,margin
,,,,'=A,,1,1,0,0,0,0,1.0000,10500,0,10500,10100,0,400
,,,,B,,1,1,0,0,0,0,1.0000,10400,0,10400,10600,0,-200
`, w.String())
	w.Reset()
	q.By = nil
	require.NoError(t, report.OrdersCSV(t.Context(), b.db.Pool, &q, &w))
	require.Contains(t, w.String(), "\n,,,,,,2,2,0,0,0,0,1.0000,20900,0,20900,20700,0,200\n")
	w.Reset()
	require.NoError(t, report.BelowCSV(t.Context(), b.db.Pool, q.Range, "live", &w))
	lines := strings.Split(strings.TrimSpace(w.String()), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[1], ",MRA-M-1,ppob,B,up-a,completed,10400,0,10400,10600,0,-200,2026-11-01T16:00:00Z")
}
