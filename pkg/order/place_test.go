package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
)

// plain is a sealer that hides nothing.
type plain struct{}

func (plain) Open(sealed []byte, context string) ([]byte, error) {
	text, ok := strings.CutPrefix(string(sealed), context+":")
	if !ok {
		return nil, errors.New("sealed for something else")
	}
	return []byte(text), nil
}

func (f *fixture) clock() time.Time { return f.now }

func (f *fixture) placer(t *testing.T) *Placer {
	t.Helper()
	p := NewPlacer(f.db.Pool, f.accounts, plain{}, f.clock, slog.New(slog.DiscardHandler), nil)
	t.Cleanup(p.Close)
	return p
}

func (f *fixture) writer(t *testing.T, told func([]int64)) *Writer {
	t.Helper()
	w := NewWriter(f.db.Pool, f.accounts, f.clock, slog.New(slog.DiscardHandler), told, nil)
	t.Cleanup(w.Close)
	return w
}

func (f *fixture) open(t *testing.T, merchant string, balance int64) int64 {
	t.Helper()
	var id int64
	require.NoError(t, pg.InTx(t.Context(), f.db.Pool, func(tx pgx.Tx) (err error) {
		id, err = f.wallet(t.Context(), tx, merchant, balance)
		return err
	}))
	return id
}

// product puts premium stock on the shelf and gives the product's id.
func (f *fixture) product(t *testing.T, items ...string) int64 {
	t.Helper()
	var id int64
	require.NoError(t, f.db.Pool.QueryRow(t.Context(), productSQL, f.now).Scan(&id))
	for _, it := range items {
		_, err := f.db.Pool.Exec(t.Context(), `INSERT INTO stock_items (product_id, content, created_at) VALUES ($1, $2, $3)`, id, []byte(StockContext+":"+it), f.now)
		require.NoError(t, err)
	}
	return id
}

func (f *fixture) verify(t *testing.T) {
	t.Helper()
	r, err := ledger.Verify(t.Context(), f.db.Pool, Checks()...)
	require.NoError(t, err)
	require.Empty(t, r.Problems)
}

func (f *fixture) balance(t *testing.T, wallet int64) int64 {
	t.Helper()
	n, err := ledger.Balance(t.Context(), f.db.Bun, wallet)
	require.NoError(t, err)
	return n
}

func pulsa(wallet int64, ref string, price int64) *Request {
	no := "081234567890"
	return &Request{
		WalletID: wallet, Ref: ref, Category: PPOB, SKU: "TSEL10", Name: "Telkomsel 10.000", ProductID: 1, Quantity: 1, Price: price,
		CustomerNo: &no, Route: Route{Upstream: "up-a", OfferID: 1, Code: "S10", Cost: price - 100}, MaxCost: price,
	}
}

func rented(wallet int64, ref string) *Request {
	return &Request{
		WalletID: wallet, Ref: ref, Category: OTP, SKU: "OTPTGID", Name: "Telegram", ProductID: 2, Quantity: 1, Price: 2_000,
		Route: Route{Upstream: "up-b", OfferID: 9, Code: "1:2:3", Cost: 1_500}, Inputs: map[string]string{"operator_id": "any"},
	}
}

func TestPlaceTakesThePriceAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p := f.open(t, "M1", 10_000), f.placer(t)
	placed, err := p.Place(t.Context(), pulsa(w, "r1", 4_000))
	require.NoError(t, err)
	require.EqualValues(t, 6_000, placed.Balance)
	require.Equal(t, "pending", placed.Order.Status())

	got, err := Get(t.Context(), f.db.Bun, w, "r1")
	require.NoError(t, err)
	require.Equal(t, placed.Order.ID, got.ID)
	require.Equal(t, "081234567890", *got.CustomerNo)
	require.True(t, strings.HasPrefix(got.PublicID(), "PPOB-"))
	again, err := Get(t.Context(), f.db.Bun, w, got.PublicID())
	require.NoError(t, err)
	require.Equal(t, got.ID, again.ID)

	held, err := Held(t.Context(), f.db.Bun, w)
	require.NoError(t, err)
	require.EqualValues(t, 4_000, held)
	f.verify(t)
}

func TestARefIsOneOrderHoweverManyPostIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.open(t, "M1", 10_000)
	placers := []*Placer{f.placer(t), f.placer(t)} // two API processes
	var fresh atomic.Int64
	ids := sync.Map{}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			placed, err := placers[i%2].Place(context.Background(), pulsa(w, "same", 3_000))
			if err != nil {
				t.Error(err)
				return
			}
			if !placed.Replayed {
				fresh.Add(1)
			}
			ids.Store(placed.Order.ID, true)
		})
	}
	wg.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	require.Equal(t, 1, n)
	require.EqualValues(t, 1, fresh.Load())
	require.EqualValues(t, 7_000, f.balance(t, w))
	f.verify(t)
}

func TestARefWithOtherContentIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p := f.open(t, "M1", 10_000), f.placer(t)
	_, err := p.Place(t.Context(), pulsa(w, "r1", 3_000))
	require.NoError(t, err)
	other := pulsa(w, "r1", 3_000)
	no := "089999999999"
	other.CustomerNo = &no
	_, err = p.Place(t.Context(), other)
	require.ErrorIs(t, err, ErrConflict)
	_, err = Replay(t.Context(), f.db.Bun, other)
	require.ErrorIs(t, err, ErrConflict)

	// Another price or callback is the same content: what is bought for whom.
	same := pulsa(w, "r1", 9_999)
	same.CallbackURL = "https://example.com/hook"
	placed, err := p.Place(t.Context(), same)
	require.NoError(t, err)
	require.True(t, placed.Replayed)
	require.EqualValues(t, 3_000, placed.Order.Price)
	o, err := Replay(t.Context(), f.db.Bun, same)
	require.NoError(t, err)
	require.Equal(t, placed.Order.ID, o.ID)
	o, err = Replay(t.Context(), f.db.Bun, pulsa(w, "never", 1))
	require.NoError(t, err)
	require.Nil(t, o)
}

func TestABalanceForTenBuysTen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.open(t, "M1", 30_000)
	placers := []*Placer{f.placer(t), f.placer(t)}
	var accepted, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			_, err := placers[i%2].Place(context.Background(), pulsa(w, fmt.Sprint("r", i), 3_000))
			switch {
			case err == nil:
				accepted.Add(1)
			case errors.Is(err, ErrInsufficient):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 10, accepted.Load())
	require.EqualValues(t, 90, refused.Load())
	require.Zero(t, f.balance(t, w))
	var orders int
	require.NoError(t, f.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM orders`).Scan(&orders))
	require.Equal(t, 10, orders, "a refused order leaves no trace")
	f.verify(t)
}

func TestARefusedNeighbourFailsNobodyElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rich, poor := f.open(t, "M1", 10_000), f.open(t, "M2", 100)
	p := f.placer(t)
	set := []*placement{
		{ctx: t.Context(), in: pulsa(rich, "a", 1_000)},
		{ctx: t.Context(), in: pulsa(poor, "a", 1_000)},
		{ctx: t.Context(), in: pulsa(999_999, "a", 1_000)},
		{ctx: t.Context(), in: pulsa(rich, "a", 1_000)},
		{ctx: t.Context(), in: pulsa(rich, "b", 9_001)},
		{ctx: t.Context(), in: pulsa(rich, "c", 9_000)},
	}
	p.commit(set)
	require.NoError(t, set[0].err)
	require.ErrorIs(t, set[1].err, ErrInsufficient)
	require.ErrorIs(t, set[2].err, ledger.ErrNoWallet)
	require.NoError(t, set[3].err)
	require.True(t, set[3].out.Replayed, "the same ref within one commit is one order")
	require.ErrorIs(t, set[4].err, ErrInsufficient)
	require.NoError(t, set[5].err)
	require.Zero(t, f.balance(t, rich))
	f.verify(t)
}

func TestAPremiumProductIsDeliveredInTheCommitThatTakesTheMoney(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p := f.open(t, "M1", 10_000), f.placer(t)
	product := f.product(t, "one", "two", "three")
	buy := func(ref string, n int64) (*Placed, error) {
		return p.Place(t.Context(), &Request{WalletID: w, Ref: ref, Category: Product, SKU: "PREM", Name: "Premium", ProductID: product, Quantity: n, Price: 1_000 * n})
	}
	placed, err := buy("r1", 2)
	require.NoError(t, err)
	require.Equal(t, []string{"one", "two"}, placed.Order.Facts.Items)
	require.Equal(t, Completed, placed.Order.State)
	view, ok := placed.Order.View().(ProductView)
	require.True(t, ok)
	require.Equal(t, "one\ntwo", view.Data.Content)

	_, err = buy("r2", 2)
	require.ErrorIs(t, err, ErrOutOfStock)
	require.EqualValues(t, 8_000, f.balance(t, w))

	replayed, err := buy("r1", 2)
	require.NoError(t, err)
	require.NoError(t, LoadItems(t.Context(), f.db.Bun, plain{}, replayed.Order))
	require.Equal(t, []string{"one", "two"}, replayed.Order.Facts.Items)
	f.verify(t)
}

func TestNoItemIsSoldTwice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.open(t, "M1", 1_000_000)
	var items []string
	for i := range 20 {
		items = append(items, fmt.Sprint("item", i))
	}
	product := f.product(t, items...)
	placers := []*Placer{f.placer(t), f.placer(t)}
	var sold sync.Map
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			placed, err := placers[i%2].Place(context.Background(), &Request{
				WalletID: w, Ref: fmt.Sprint("r", i), Category: Product, SKU: "PREM", Name: "Premium", ProductID: product, Quantity: 1, Price: 10,
			})
			if errors.Is(err, ErrOutOfStock) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			if _, twice := sold.LoadOrStore(placed.Order.Facts.Items[0], true); twice {
				t.Errorf("%s was sold twice", placed.Order.Facts.Items[0])
			}
		})
	}
	wg.Wait()
	f.verify(t)
}

func TestPlaceWithoutADatabaseLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p := f.open(t, "M1", 10_000), f.placer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Place(ctx, pulsa(w, "r1", 1_000))
	require.ErrorIs(t, err, context.Canceled)
	p.Close()
	_, err = p.Place(t.Context(), pulsa(w, "r1", 1_000))
	require.ErrorIs(t, err, errClosed)
	require.EqualValues(t, 10_000, f.balance(t, w))
}

func TestListFiltersAndPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p := f.open(t, "M1", 100_000), f.placer(t)
	other := f.open(t, "M2", 100_000)
	var ids []int64
	for i := range 5 {
		f.now = f.now.Add(time.Hour)
		placed, err := p.Place(t.Context(), pulsa(w, fmt.Sprint("r", i), 1_000))
		require.NoError(t, err)
		ids = append(ids, placed.Order.ID)
	}
	last := f.now
	f.now = last.Add(time.Second)
	_, err := p.Place(t.Context(), rented(w, "otp"))
	require.NoError(t, err)
	_, err = p.Place(t.Context(), pulsa(other, "x", 1_000))
	require.NoError(t, err)
	refs := func(flt Filter) (out []string) {
		if flt.Limit == 0 {
			flt.Limit = 50
		}
		list, err := List(t.Context(), f.db.Bun, w, flt)
		require.NoError(t, err)
		for _, o := range list {
			out = append(out, o.Ref)
		}
		return out
	}
	require.Equal(t, []string{"otp", "r4", "r3", "r2", "r1", "r0"}, refs(Filter{}))
	require.Equal(t, []string{"otp", "r4"}, refs(Filter{Limit: 2}))
	require.Equal(t, []string{"r2", "r1", "r0"}, refs(Filter{Before: ids[3]}))
	require.Equal(t, []string{"otp"}, refs(Filter{Category: OTP}))
	require.Equal(t, []string{"otp"}, refs(Filter{SKU: "OTPTGID"}))
	require.Len(t, refs(Filter{Status: "pending"}), 6)
	require.Empty(t, refs(Filter{Status: "processing"}))
	require.Empty(t, refs(Filter{Status: "completed"}))
	from, to := last.Add(-2*time.Hour), last
	require.Equal(t, []string{"r3", "r2"}, refs(Filter{From: &from, To: &to}))
	require.Equal(t, []string{"r1"}, refs(Filter{Search: "r1"}))
	require.Equal(t, []string{"r1"}, refs(Filter{Search: PublicID(PPOB, ids[1])}))
	require.Len(t, refs(Filter{Search: "081234567890"}), 5)
	require.Nil(t, States("sent"))

	stats, err := CountStats(t.Context(), f.db.Bun, w, last.Add(-90*time.Minute))
	require.NoError(t, err)
	require.Equal(t, Stats{Orders: 6, MonthOrders: 3}, stats)
	names, err := NamesOf(t.Context(), f.db.Bun, ids[:1])
	require.NoError(t, err)
	require.Equal(t, Names{Ref: "r0", OrderID: PublicID(PPOB, ids[0])}, names[ids[0]])
	_, err = Get(t.Context(), f.db.Bun, w, "x")
	require.ErrorIs(t, err, ErrNotFound, "another merchant's order is none")
}

func TestPublicIDs(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 5, 1, 0, 0, 0, 0, time.UTC)
	a, b := id.New(now), id.New(now.Add(time.Millisecond))
	require.Less(t, a, b)
	for _, c := range []Category{PPOB, SMM, OTP, Product} {
		got, id, ok := ParsePublicID(PublicID(c, a))
		require.True(t, ok)
		require.Equal(t, c, got)
		require.Equal(t, a, id)
	}
	for _, s := range []string{"", "PPOB", "PPOB-", "PPOB-0000000000000X", "XXX-0000000000001", "PPOB-00000000000U1", "PPOB-Z000000000000", "PPOB-000000000000l"} {
		_, _, ok := ParsePublicID(s)
		require.False(t, ok, s)
	}
}

func FuzzParsePublicID(f *testing.F) {
	f.Add("PPOB-0000000000001")
	f.Fuzz(func(t *testing.T, s string) {
		if c, id, ok := ParsePublicID(s); ok && PublicID(c, id) != s {
			t.Fatalf("%q is read as %q", s, PublicID(c, id))
		}
	})
}
