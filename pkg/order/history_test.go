package order

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/testdb"
)

// historyRuns run at once, each with so many random histories: 10,000 in all, and
// a fifth of that under the race detector, which looks at something else.
const historyRuns = 4

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("rapid.checks").Value.String() == "100" {
		if err := flag.Set("rapid.checks", histories); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// bench is a database with system accounts in place.
type fixture struct {
	db       *testdb.DB
	accounts *ledger.Accounts
	now      time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{db: testdb.New(t), now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	f.accounts = ledger.NewAccounts(f.db.Pool)
	codes := []string{ledger.InFlight, ledger.Revenue, ledger.Adjustment}
	for _, up := range []string{"up-a", "up-b"} {
		codes = append(codes, ledger.Float(up), ledger.Cost(up), ledger.Loss(up))
	}
	for _, code := range codes {
		for _, mode := range []string{"live", "test"} {
			_, err := f.accounts.System(t.Context(), mode, code)
			require.NoError(t, err)
		}
	}
	return f
}

// wallet opens a merchant with a wallet that holds balance.
func (f *fixture) wallet(ctx context.Context, tx pgx.Tx, merchant string, balance int64) (int64, error) {
	_, err := tx.Exec(ctx, `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ($1, $1, 'active', 1, '{}', $2, $2)`, merchant, f.now)
	if err != nil {
		return 0, err
	}
	id, err := ledger.CreateWallet(ctx, tx, merchant, "live", f.now)
	if err != nil || balance == 0 {
		return id, err
	}
	_, err = ledger.Adjust(ctx, tx, f.accounts, id, balance, "opening", "test", f.now)
	return id, err
}

// model is an independent account of what a history should come to.
type model struct {
	balance map[int64]int64
	orders  []*modelOrder
}

type modelOrder struct {
	id       int64
	wallet   int64
	request  *Request
	price    int64
	refunded int64
	state    State
	attempt  int
	late     map[int]bool
	remains  *int64
	expect   int64
	// now is refunded as a commit on its way has it; taken: the source took it back.
	now   int64
	taken bool
	// elsewhere: it was led to another offer, where nobody else goes.
	elsewhere bool
	// cancel: its merchant wants it canceled.
	cancel bool
	// A wish for a further code, and the claim of a wish by the version it was made at.
	version, telling   int64
	resend, sent, lost bool
}

// total is what remains counts down from.
func (o *modelOrder) total() int64 {
	if o.request.Terms != nil {
		return o.request.Terms.Total
	}
	return o.request.Quantity
}

// back is what is given back by what remains.
func (o *modelOrder) back(whole bool, unknown int64) int64 {
	switch {
	case whole:
		return o.price
	case o.remains == nil:
		return unknown
	case o.total() == 0:
		return 0
	}
	return o.price * *o.remains / o.total()
}

// open is whether the order holds its link.
func (o *modelOrder) open() bool { return !o.state.Final() }

// history plays one random history inside a transaction that is rolled back.
type history struct {
	t   *rapid.T
	f   *fixture
	tx  pgx.Tx
	p   *Placer
	w   *Writer
	m   model
	ids []int64
}

func (h *history) ctx() context.Context { return context.Background() }

// place sends a set of placements through one commit, as concurrent callers do.
func (h *history) place() {
	var set []*placement
	for range rapid.IntRange(1, 6).Draw(h.t, "set") {
		r := &Request{
			WalletID: rapid.SampledFrom(h.ids).Draw(h.t, "wallet"), Ref: fmt.Sprintf("r%d", rapid.IntRange(0, 12).Draw(h.t, "ref")),
			Category: PPOB, SKU: "SKU1", Name: "Thing", ProductID: 1, Quantity: rapid.Int64Range(1, 7).Draw(h.t, "quantity"),
			Price: rapid.Int64Range(1, 60_000).Draw(h.t, "price"), Route: Route{Upstream: "up-a", OfferID: 1, Code: "X", Cost: rapid.Int64Range(0, 50_000).Draw(h.t, "cost")},
		}
		r.CustomerNo = &r.Ref
		if rapid.Bool().Draw(h.t, "smm") {
			r.Category, r.CustomerNo, r.Target = SMM, nil, &r.Ref
			r.Terms = &Terms{Units: 1000, Total: r.Quantity * rapid.Int64Range(0, 2).Draw(h.t, "runs")}
			r.Link = rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(h.t, "link")
		}
		set = append(set, &placement{ctx: h.ctx(), in: r})
	}
	require.NoError(h.t, h.p.try(h.ctx(), set))
	for _, c := range set {
		h.placed(c)
	}
}

func (h *history) placed(c *placement) {
	var known *modelOrder
	for _, o := range h.m.orders {
		if o.wallet == c.in.WalletID && o.request.Ref == c.in.Ref {
			known = o
		}
	}
	switch {
	case known != nil && known.request.Quantity == c.in.Quantity && known.request.Category == c.in.Category:
		require.NoError(h.t, c.err)
		require.True(h.t, c.out.Replayed)
		require.Equal(h.t, known.id, c.out.Order.ID)
	case known != nil:
		require.ErrorIs(h.t, c.err, ErrConflict)
	case h.busy(c.in.Link):
		require.ErrorIs(h.t, c.err, ErrLinkBusy)
	case h.m.balance[c.in.WalletID] < c.in.Price:
		require.ErrorIs(h.t, c.err, ErrInsufficient)
	default:
		require.NoError(h.t, c.err)
		h.m.balance[c.in.WalletID] -= c.in.Price
		h.m.orders = append(h.m.orders, &modelOrder{id: c.out.Order.ID, wallet: c.in.WalletID, request: c.in, price: c.in.Price, state: Queued, late: map[int]bool{}, version: c.out.Order.Version})
	}
}

// busy is whether an open order that was led nowhere else runs on a link.
func (h *history) busy(link string) bool {
	for _, o := range h.m.orders {
		if link != "" && o.request.Link == link && o.open() && !o.elsewhere {
			return true
		}
	}
	return false
}

// step sends a set of steps, stale ones among them, through one commit.
func (h *history) step() {
	if len(h.m.orders) == 0 {
		return
	}
	var set []*call[*Step, *Order]
	var models []*modelOrder
	for range rapid.IntRange(1, 6).Draw(h.t, "steps") {
		o := rapid.SampledFrom(h.m.orders).Draw(h.t, "order")
		s := &Step{
			OrderID: o.id, Attempt: rapid.IntRange(max(o.attempt-1, 0), o.attempt+1).Draw(h.t, "attempt"), Cause: "test",
			To:       rapid.SampledFrom([]State{"", Queued, Sending, Processing, Unknown, Completed, Failed, Partial, Canceled, Expired}).Draw(h.t, "to"),
			Recharge: rapid.Bool().Draw(h.t, "recharge"),
		}
		if rapid.Bool().Draw(h.t, "has remains") {
			n := rapid.Int64Range(-3, 12).Draw(h.t, "remains")
			s.Remains = &n
		}
		if rapid.Bool().Draw(h.t, "has cost") {
			n := rapid.Int64Range(0, 70_000).Draw(h.t, "said cost")
			s.Cost = &n
		}
		if rapid.Bool().Draw(h.t, "news") {
			s.SN = rapid.SampledFrom([]string{"A", "B"}).Draw(h.t, "sn")
		}
		if s.To == Queued {
			s.Route = &Route{Upstream: rapid.SampledFrom([]string{"up-a", "up-b"}).Draw(h.t, "route"), OfferID: 2, Code: fmt.Sprint("Y", o.id), Cost: 100}
		}
		s.Whole = rapid.Bool().Draw(h.t, "whole")
		s.TakenBack = s.To == "" && rapid.Bool().Draw(h.t, "taken back")
		if s.To == "" && rapid.Bool().Draw(h.t, "wishes") {
			h.wish(o, s)
		}
		set, models = append(set, &call[*Step, *Order]{ctx: h.ctx(), in: s}), append(models, o)
	}
	_, _, err := h.w.write(h.ctx(), h.tx, set)
	require.NoError(h.t, err)
	// The ledger's late charges within a set run after its states; so does the model.
	for i, c := range set {
		h.stepped(models[i], c)
	}
	for i, c := range set {
		if c.err == nil {
			h.refunded(models[i], c)
		}
	}
	for _, o := range models {
		o.now = o.refunded
	}
}

// wish makes a step one of a wish: the merchant's, a claim of it, or the answer to one,
// of which some come when another claim or another wish has been made since.
func (h *history) wish(o *modelOrder, s *Step) {
	s.Wish = rapid.SampledFrom([]Wish{WishCancel, WishResend, WishTelling, WishSent, WishRefused, WishLost, WishTold}).Draw(h.t, "wish")
	switch s.Wish {
	case WishCancel, WishResend:
	case WishTelling:
		s.Version, s.Until = o.version-rapid.Int64Range(0, 1).Draw(h.t, "seen"), h.f.now.Add(time.Minute)
	default:
		s.Telling = max(o.telling-rapid.Int64Range(0, 1).Draw(h.t, "claim"), 1)
	}
}

// wished takes a wish that was written into the model.
func (o *modelOrder) wished(s *Step) {
	if s.Telling != 0 || s.To != "" {
		o.telling = 0
	}
	switch s.Wish { //nolint:exhaustive // the others are not drawn
	case WishCancel:
		o.cancel = true
	case WishResend:
		o.resend, o.sent, o.lost, o.telling = true, false, false, 0
	case WishTelling:
		o.lost = o.lost || o.telling != 0
		o.telling = o.version
	case WishSent:
		o.sent = true
	case WishRefused:
		o.resend = false
	case WishLost:
		o.lost = true
	}
}

// legal is the state picture, written down a second time.
func legal(from, to State) bool {
	switch from { //nolint:exhaustive // the others go nowhere
	case Queued:
		return to == Queued || to == Sending || to == Canceled || to == Failed
	case Sending:
		return to != Sending
	case Processing:
		return to == Queued || to.Final()
	case Unknown:
		return to == Queued || to == Unknown || to == Processing || to.Final()
	case Failed:
		return to == Completed
	}
	return false
}

func (h *history) stepped(o *modelOrder, c *call[*Step, *Order]) {
	s := c.in
	if s.Attempt != o.attempt {
		if s.Attempt >= 1 && s.Attempt < o.attempt && s.To == Completed && !o.late[s.Attempt] {
			require.NoError(h.t, c.err)
			o.late[s.Attempt] = true
			o.version++
			return
		}
		require.ErrorIs(h.t, c.err, ErrStale)
		return
	}
	if s.TakenBack && (o.state != Completed || o.request.Category != SMM || o.now != 0 || o.taken) {
		require.ErrorIs(h.t, c.err, ErrStale)
		return
	}
	late := s.Version != 0 && s.Version != o.version || s.Telling != 0 && s.Telling != o.telling || s.Wish == WishRefused && o.sent
	if late || s.To == Sending && o.cancel {
		require.ErrorIs(h.t, c.err, ErrStale)
		return
	}
	given := s.To == Completed && o.state == Queued && o.attempt > 0 // up too early
	if s.To != "" && !legal(o.state, s.To) && !given {
		require.ErrorIs(h.t, c.err, ErrStale)
		return
	}
	require.NoError(h.t, c.err)
	if s.To == Sending {
		o.attempt++
	}
	if s.Remains != nil {
		n := max(*s.Remains, 0)
		if o.total() > 0 {
			n = min(n, o.total())
		}
		o.remains = &n
	}
	if s.TakenBack {
		o.taken, o.expect = true, o.back(s.Whole, 0)
		o.now = o.expect
	}
	o.version++
	o.wished(s)
	if s.To == "" {
		return
	}
	if s.To == Queued && o.cancel {
		o.state, o.remains, o.expect, o.now = Canceled, nil, o.price, o.price
		return
	}
	late = o.state == Failed
	o.state = s.To
	switch {
	case s.To == Queued:
		o.remains, o.elsewhere = nil, true
	case s.To == Partial && !s.Whole && o.remains == nil:
		o.expect = 0
	case s.To == Failed || s.To == Expired:
		o.expect = o.price
	case s.To != Completed:
		o.expect = o.back(s.Whole, o.price)
	}
	switch {
	case s.To == Completed && !late:
		o.now = 0
	case s.To.Final() && s.To != Completed:
		o.now = o.expect
	}
}

// refunded takes over what the commit says was given back, after checking that it
// may be, and books it.
func (h *history) refunded(o *modelOrder, c *call[*Step, *Order]) {
	f := c.out.Facts
	telling := int64(0)
	if f.Telling != nil {
		telling = f.Telling.Version
	}
	require.Equal(h.t, []any{o.version, o.telling, o.cancel, o.resend, o.sent, o.lost},
		[]any{c.out.Version, telling, c.out.CancelRequested, c.out.ResendRequested, f.WishSent, f.WishLost})
	got := c.out.Refunded
	switch o.state {
	case Failed, Expired:
		require.Equal(h.t, o.price, got)
	case Completed:
		if o.taken {
			require.Equal(h.t, o.expect, got)
			break
		}
		require.Contains(h.t, []int64{0, o.price}, got) // the price only after a late success that was not charged
	case Partial, Canceled:
		require.Equal(h.t, o.expect, got)
	case Queued, Sending, Processing, Unknown:
		require.Zero(h.t, got)
	}
	h.m.balance[o.wallet] += got - o.refunded
	o.refunded = got
}

func (h *history) adjust() {
	wallet := rapid.SampledFrom(h.ids).Draw(h.t, "adjusted")
	amount := rapid.Int64Range(-80_000, 80_000).Filter(func(n int64) bool { return n != 0 }).Draw(h.t, "amount")
	sub, err := h.tx.Begin(h.ctx())
	require.NoError(h.t, err)
	balance, err := ledger.Adjust(h.ctx(), sub, h.f.accounts, wallet, amount, "by hand", "test", h.f.now)
	if h.m.balance[wallet]+amount < 0 {
		require.ErrorIs(h.t, err, ledger.ErrInsufficient)
		require.NoError(h.t, sub.Rollback(h.ctx()))
		return
	}
	require.NoError(h.t, err)
	require.NoError(h.t, sub.Commit(h.ctx()))
	h.m.balance[wallet] += amount
	require.Equal(h.t, h.m.balance[wallet], balance)
}

// check proves the books: ours, and the model's.
func (h *history) check() {
	r, err := ledger.VerifyIn(h.ctx(), h.tx, Checks()...)
	require.NoError(h.t, err)
	require.Empty(h.t, r.Problems)
	for _, id := range h.ids {
		var balance int64
		require.NoError(h.t, h.tx.QueryRow(h.ctx(), `SELECT balance FROM wallets WHERE id = $1`, id).Scan(&balance))
		require.Equal(h.t, h.m.balance[id], balance)
	}
}

func TestNoHistoryMakesMoneyWrong(t *testing.T) {
	t.Parallel()
	for run := range historyRuns {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			conn, err := f.db.Pool.Acquire(t.Context())
			require.NoError(t, err)
			defer conn.Release()
			played := 0
			rapid.Check(t, func(rt *rapid.T) {
				ctx := context.Background()
				// What is rolled back stays in the files, and verifying reads all of them.
				if played++; played%20 == 0 {
					_, err := conn.Exec(ctx, `VACUUM merchants, ledger_accounts, wallets, ledger_entries, ledger_adjustments, orders, order_attempts, order_events`)
					require.NoError(rt, err)
				}
				tx, err := conn.Begin(ctx)
				require.NoError(rt, err)
				defer func() {
					if err := tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
						rt.Fatal(err)
					}
				}()
				now := func() time.Time { return f.now }
				h := &history{t: rt, f: f, tx: tx, m: model{balance: map[int64]int64{}}}
				h.p = &Placer{db: tx, accounts: f.accounts, now: now, loc: time.UTC, log: slog.New(slog.DiscardHandler)}
				h.w = &Writer{db: tx, accounts: f.accounts, now: now, log: slog.New(slog.DiscardHandler)}
				for i := range rapid.IntRange(1, 3).Draw(rt, "merchants") {
					opening := rapid.Int64Range(0, 200_000).Draw(rt, "opening")
					id, err := f.wallet(ctx, tx, fmt.Sprintf("MRA-M-%d", i), opening)
					require.NoError(rt, err)
					h.ids, h.m.balance[id] = append(h.ids, id), opening
				}
				for range rapid.IntRange(1, 12).Draw(rt, "length") {
					switch rapid.IntRange(0, 9).Draw(rt, "what") {
					case 0:
						h.adjust()
					case 1, 2, 3:
						h.place()
					default:
						h.step()
					}
				}
				h.check()
			})
		})
	}
}
