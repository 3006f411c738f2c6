package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
)

// followers is an order of 1000 at 20,000 rupiah.
func followers(wallet int64, ref, link string) *Request {
	return &Request{
		WalletID: wallet, Ref: ref, Category: SMM, SKU: "IGF1", Name: "Followers", ProductID: 3, Quantity: 1000, Price: 20_000, Target: &link, Link: link,
		Terms: &Terms{Units: 1000, Total: 1000, Cancel: true, Refill: true}, Route: Route{Upstream: "up-a", OfferID: 7, Code: "55", Cost: 14_000},
		CallbackURL: "https://merchant.example/hook",
	}
}

// delivered places an order and completes it.
func (s *scene) delivered(r *Request) *Order {
	s.t.Helper()
	o := s.do(s.place(r), Step{To: Sending})
	o = s.do(o, Step{To: Processing, UpstreamRef: "900-" + r.Ref, Cost: ptr[int64](14_000)})
	return s.do(o, Step{To: Completed, Outcome: "succeeded", StartCount: ptr[int64](5), Remains: ptr[int64](0)})
}

func (s *scene) clean() {
	s.t.Helper()
	r, err := ledger.Verify(s.t.Context(), s.db.Pool, Checks()...)
	require.NoError(s.t, err)
	require.Empty(s.t, r.Problems)
}

func (s *scene) sum(code string) int64 {
	s.t.Helper()
	sums, err := ledger.SystemSums(s.t.Context(), s.db.Pool)
	require.NoError(s.t, err)
	for _, x := range sums {
		if x.Mode == "live" && x.Code == code {
			return x.Balance
		}
	}
	return 0
}

func TestALinkRunsOneOrderAtATime(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.place(followers(s.wallet, "a", "x"))
	_, err := s.p.Place(t.Context(), followers(s.wallet, "b", "x"))
	require.ErrorIs(t, err, ErrLinkBusy)
	again, err := s.p.Place(t.Context(), followers(s.wallet, "a", "x"))
	require.NoError(t, err)
	require.True(t, again.Replayed, "the same ref is the same order, not a further one")
	require.EqualValues(t, 80_000, s.balance(t, s.wallet))
	other := followers(s.wallet, "c", "x")
	other.Route.Code = "56"
	s.place(other)

	busy, err := LinkBusy(t.Context(), s.db.Pool, first, "up-a", "56")
	require.NoError(t, err)
	require.True(t, busy)
	busy, err = LinkBusy(t.Context(), s.db.Pool, first, "up-a", "55")
	require.NoError(t, err)
	require.False(t, busy, "it does not stand in its own way")
	busy, err = LinkBusy(t.Context(), s.db.Pool, s.place(pulsa(s.wallet, "p", 1000)), "up-a", "55")
	require.NoError(t, err)
	require.False(t, busy)

	s.do(first, Step{To: Canceled})
	s.place(followers(s.wallet, "b", "x"))
	s.clean()
}

func TestARefusedLinkFailsNobodyElse(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	now := func() time.Time { return s.now }
	p := &Placer{db: s.db.Pool, accounts: s.accounts, now: now, loc: time.UTC, log: slog.New(slog.DiscardHandler)}
	var set []*placement
	for i, link := range []string{"a", "b", "a", "", "b", "c"} {
		r := followers(s.wallet, fmt.Sprint("r", i), link)
		r.Price = 1000
		set = append(set, &placement{ctx: t.Context(), in: r})
	}
	p.commit(set)
	for i, want := range []error{nil, nil, ErrLinkBusy, nil, ErrLinkBusy, nil} {
		if want == nil {
			require.NoError(t, set[i].err, i)
		} else {
			require.ErrorIs(t, set[i].err, want, i)
		}
	}
	require.EqualValues(t, 96_000, s.balance(t, s.wallet))
	s.clean()
}

func TestManyPlacersRaceForFewLinks(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var wallets []int64
	var placers []*Placer
	for i := range 4 {
		wallets = append(wallets, s.open(t, fmt.Sprint("W", i), 10_000_000))
		placers = append(placers, s.placer(t))
	}
	var won, busy atomic.Int64
	var all sync.WaitGroup
	for i, p := range placers {
		for n := range 60 {
			all.Go(func() {
				r := followers(wallets[i], fmt.Sprint("r", n), fmt.Sprint("link", rand.IntN(12)))
				_, err := p.Place(context.Background(), r)
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, ErrLinkBusy):
					busy.Add(1)
				default:
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	require.LessOrEqual(t, won.Load(), int64(12))
	require.EqualValues(t, 240, won.Load()+busy.Load())
	var rows, links int64
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT link) FROM orders`).Scan(&rows, &links))
	require.Equal(t, won.Load(), rows)
	require.Equal(t, rows, links)
	s.clean()
}

func TestAnOrderIsNotLedToWhereItsLinkIsTaken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	there := followers(s.wallet, "a", "x")
	there.Route.Upstream = "up-b"
	s.place(there)
	o := s.do(s.place(followers(s.wallet, "b", "x")), Step{To: Sending})
	bystander := s.place(followers(s.wallet, "c", "y"))
	set := []*call[*Step, *Order]{
		{ctx: t.Context(), in: &Step{OrderID: o.ID, Attempt: 1, To: Queued, Route: &Route{Upstream: "up-b", OfferID: 8, Code: "55", Cost: 1}, Cause: "test"}},
		{ctx: t.Context(), in: &Step{OrderID: bystander.ID, To: Sending, Cause: "test"}},
	}
	s.w.commit(set)
	require.ErrorIs(t, set[0].err, ErrLinkBusy)
	require.NoError(t, set[1].err)
	now, err := ByID(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	require.Equal(t, Sending, now.State)
	require.Equal(t, "up-a", now.Upstream)
	s.clean()
}

func TestWhatRemainsIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		terms   Terms
		step    Step
		back    int64
		remains *int64
	}{
		"in part":                      {Terms{Units: 1000, Total: 1000}, Step{To: Partial, Remains: ptr[int64](157)}, 3140, ptr[int64](157)},
		"rounded down":                 {Terms{Units: 1000, Total: 3000}, Step{To: Partial, Remains: ptr[int64](1)}, 6, ptr[int64](1)},
		"more than there was":          {Terms{Units: 1000, Total: 1000}, Step{To: Partial, Remains: ptr[int64](5000)}, 20_000, ptr[int64](1000)},
		"less than nothing":            {Terms{Units: 1000, Total: 1000}, Step{To: Partial, Remains: ptr[int64](-7)}, 0, ptr[int64](0)},
		"runs together":                {Terms{Units: 4000, Total: 4000}, Step{To: Partial, Remains: ptr[int64](1000)}, 5000, ptr[int64](1000)},
		"canceled in part":             {Terms{Units: 1000, Total: 1000}, Step{To: Canceled, Remains: ptr[int64](250)}, 5000, ptr[int64](250)},
		"canceled and nothing charged": {Terms{Units: 1000, Total: 1000}, Step{To: Canceled, Remains: ptr[int64](250), Whole: true}, 20_000, ptr[int64](250)},
		"a package canceled":           {Terms{Units: 1000}, Step{To: Canceled, Remains: ptr[int64](1), Whole: true}, 20_000, ptr[int64](1)},
		"a package in part":            {Terms{Units: 1000}, Step{To: Partial, Remains: ptr[int64](1)}, 0, ptr[int64](1)},
		"failed":                       {Terms{Units: 1000, Total: 1000}, Step{To: Failed, Remains: ptr[int64](3)}, 20_000, ptr[int64](3)},
	} {
		s := newScene(t)
		r := followers(s.wallet, "a", "x")
		r.Terms = &c.terms
		o := s.do(s.place(r), Step{To: Sending})
		o = s.do(o, c.step)
		require.Equal(t, c.back, o.Refunded, name)
		require.Equal(t, c.remains, o.Facts.Remains, name)
		require.Equal(t, 80_000+c.back, s.balance(t, s.wallet), name)
		s.clean()
	}
}

func TestWhatAnEarlierAttemptLeftDoesNotCount(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.do(s.place(followers(s.wallet, "a", "x")), Step{To: Sending})
	o = s.do(o, Step{To: Processing, Remains: ptr[int64](10), StartCount: ptr[int64](5)})
	o = s.do(o, Step{To: Queued, Route: &Route{Upstream: "up-b", OfferID: 9, Code: "1", Cost: 1}})
	require.Nil(t, o.Facts.Remains)
	require.Nil(t, o.Facts.StartCount)
	o, err := s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "a")
	require.NoError(t, err)
	require.Equal(t, Canceled, o.State)
	require.EqualValues(t, 20_000, o.Refunded)
	s.clean()
}

func TestWhatASourceTakesBackIsGivenBackOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.delivered(followers(s.wallet, "a", "x"))
	events := len(s.bodies())
	o = s.do(o, Step{TakenBack: true, Remains: ptr[int64](400), Cost: ptr[int64](8_400), Told: "lost"})
	require.Equal(t, Completed, o.State)
	require.EqualValues(t, 8_000, o.Refunded)
	require.EqualValues(t, 8_400, o.Cost)
	require.Equal(t, "lost", *o.View().(SMMView).Data.Note)
	require.EqualValues(t, 88_000, s.balance(t, s.wallet))
	require.EqualValues(t, 12_000, s.sum(ledger.Revenue))
	require.EqualValues(t, -8_400, s.sum(ledger.Cost("up-a")))
	require.Len(t, s.bodies(), events+1)
	s.clean()
	for _, again := range []Step{{TakenBack: true, Remains: ptr[int64](1000)}, {TakenBack: true, Whole: true}} {
		_, err := s.try(o, again)
		require.ErrorIs(t, err, ErrStale)
	}
	mutations, err := ledger.Mutations(t.Context(), s.db.Pool, s.wallet, ledger.Range{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, ledger.KindRefund, mutations[0].Kind, "what merchants read it as")

	whole := s.delivered(followers(s.wallet, "b", "y"))
	whole = s.do(whole, Step{TakenBack: true, Whole: true, Cost: ptr[int64](0)})
	require.EqualValues(t, 20_000, whole.Refunded)
	nothing := s.delivered(followers(s.wallet, "c", "z"))
	nothing.Price = 0
	nothing = s.do(nothing, Step{TakenBack: true, Remains: ptr[int64](0)})
	require.Zero(t, nothing.Refunded)
	_, err = s.try(nothing, Step{TakenBack: true, Whole: true})
	require.ErrorIs(t, err, ErrStale, "once, even for nothing")
	for _, o := range []*Order{s.place(followers(s.wallet, "d", "w")), s.do(s.sent("e"), Step{To: Completed})} {
		_, err = s.try(o, Step{TakenBack: true, Whole: true})
		require.ErrorIs(t, err, ErrStale, "only completed orders of this kind")
	}
	s.clean()
}

func TestTheBooksShowWhatIsGivenBackTwice(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]string{
		"refunded without its entry": `UPDATE orders SET refunded = 9000 WHERE ref = 'a'`,
		"of another category":        `UPDATE orders SET category = 'ppob' WHERE ref = 'a'`,
	} {
		s := newScene(t)
		o := s.delivered(followers(s.wallet, "a", "x"))
		s.do(o, Step{TakenBack: true, Remains: ptr[int64](400)})
		_, err := s.db.Pool.Exec(t.Context(), spoil)
		require.NoError(t, err)
		r, err := ledger.Verify(t.Context(), s.db.Pool, Checks()...)
		require.NoError(t, err)
		require.NotEmpty(t, r.Problems, name)
	}
}

func TestTheWishForARefill(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	wish := func(ref string) (*Order, error) { return s.w.Refill(t.Context(), s.db.Bun, s.wallet, ref) }
	s.place(followers(s.wallet, "open", "x"))
	none := followers(s.wallet, "none", "y")
	none.Terms = &Terms{Units: 1000, Total: 1000}
	s.delivered(none)
	o := s.delivered(followers(s.wallet, "a", "z"))
	for _, ref := range []string{"open", "none"} {
		_, err := wish(ref)
		require.ErrorIs(t, err, ErrNotAvailable, ref)
	}
	_, err := wish("nobody")
	require.ErrorIs(t, err, ErrNotFound)
	require.Nil(t, o.View().(SMMView).Data.RefillStatus)

	events := len(s.bodies())
	o, err = wish("a")
	require.NoError(t, err)
	require.Equal(t, "pending", *o.View().(SMMView).Data.RefillStatus)
	require.True(t, o.Facts.Refill.Due(s.now))
	version := o.Version
	o, err = wish("a")
	require.NoError(t, err)
	require.Equal(t, version, o.Version, "asking twice is asking once")
	require.Len(t, s.bodies(), events)

	next := *o.Facts.Refill
	next.Status, next.UpstreamRef, next.NextAt = RefillProcessing, "5", s.now.Add(time.Hour)
	o = s.do(o, Step{Refill: &next, NextRunAt: &next.NextAt})
	require.Len(t, s.bodies(), events+1, "what is learned of it is an event")
	require.False(t, o.Facts.Refill.Due(s.now))
	o = s.do(o, Step{Refill: &next, NextRunAt: &next.NextAt})
	require.Len(t, s.bodies(), events+1, "what is known already is none")
	next.Status, next.NextAt = RefillRejected, time.Time{}
	o = s.do(o, Step{Refill: &next})
	require.False(t, o.Facts.Refill.Open())
	require.Nil(t, o.NextRunAt)
	o, err = wish("a")
	require.NoError(t, err)
	require.Equal(t, 2, o.Facts.Refill.N)
	o = s.do(o, Step{TakenBack: true, Remains: ptr[int64](1)})
	require.NotNil(t, o)
	s.do(s.place(pulsa(s.wallet, "p", 1000)), Step{Refill: &next}) // an order without a refill gets none
	s.clean()
}

func TestTheWishToCancelDependsOnTheService(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	never := followers(s.wallet, "never", "x")
	never.Terms = &Terms{Units: 1000, Total: 1000}
	s.place(never)
	_, err := s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "never")
	require.ErrorIs(t, err, ErrNotCancelable)
	s.place(pulsa(s.wallet, "p", 1000))
	_, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "p")
	require.ErrorIs(t, err, ErrNotCancelable)
	o := s.do(s.place(followers(s.wallet, "a", "y")), Step{To: Sending})
	s.do(o, Step{To: Processing})
	o, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "a")
	require.NoError(t, err)
	require.Equal(t, Processing, o.State)
	require.True(t, o.View().(SMMView).Data.CancelRequested)
	o = s.do(o, Step{Wish: WishHeard})
	require.True(t, o.Facts.CancelTold)
	o = s.do(o, Step{To: Completed})
	_, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "a")
	require.ErrorIs(t, err, ErrNotCancelable)
	require.Equal(t, Completed, o.State)
}

func TestAnOperatorMayDivideAnOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	divide := func(o *Order, n *int64) (*Order, error) {
		return s.w.Resolve(t.Context(), s.db.Bun, o.ID, Resolution{As: Partial, Remains: n, Why: "their support", Actor: "test"})
	}
	o := s.do(s.place(followers(s.wallet, "a", "x")), Step{To: Sending})
	_, err := divide(o, ptr[int64](10))
	require.ErrorIs(t, err, ErrNotResolvable)
	o = s.do(o, Step{To: Processing, Flag: "look"})
	for _, n := range []*int64{nil, ptr[int64](0), ptr[int64](1000), ptr[int64](-1)} {
		_, err := divide(o, n)
		require.ErrorIs(t, err, ErrNotResolvable)
	}
	o, err = divide(o, ptr[int64](100))
	require.NoError(t, err)
	require.Equal(t, Partial, o.State)
	require.EqualValues(t, 2_000, o.Refunded)
	require.Empty(t, o.Flag)
	_, err = divide(o, ptr[int64](100))
	require.ErrorIs(t, err, ErrNotResolvable)

	// Whose source has told nothing cost what was delivered of it.
	lost := s.do(s.do(s.place(followers(s.wallet, "lost", "z")), Step{To: Sending}), Step{To: Unknown})
	whole := lost.Cost
	lost, err = divide(lost, ptr[int64](250))
	require.NoError(t, err)
	require.Equal(t, whole-whole/4, lost.Cost)

	pack := followers(s.wallet, "b", "y")
	pack.Terms = &Terms{Units: 1000}
	p := s.do(s.do(s.place(pack), Step{To: Sending}), Step{To: Processing})
	_, err = divide(p, ptr[int64](1))
	require.ErrorContains(t, err, "adjust the balance")
	_, err = divide(s.do(s.sent("c"), Step{To: Unknown}), ptr[int64](1))
	require.ErrorIs(t, err, ErrNotResolvable)
	s.clean()
}

func TestAnIDIsKnownByWhoBearsIt(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a := s.delivered(followers(s.wallet, "a", "x"))
	b := s.place(followers(s.wallet, "b", "x"))
	borne, err := Borne(t.Context(), s.db.Pool, b, "900-a")
	require.NoError(t, err)
	require.True(t, borne)
	for _, ref := range []string{"900-b", ""} {
		borne, err = Borne(t.Context(), s.db.Pool, b, ref)
		require.NoError(t, err)
		require.False(t, borne)
	}
	borne, err = Borne(t.Context(), s.db.Pool, a, "900-a")
	require.NoError(t, err)
	require.False(t, borne, "its own")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Borne(ctx, s.db.Pool, b, "x")
	require.ErrorIs(t, err, context.Canceled)
	_, err = LinkBusy(ctx, s.db.Pool, b, "up-a", "55")
	require.ErrorIs(t, err, context.Canceled)
}

func TestACompletedOrderIsLookedAtAgainWhileItIsWatched(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.delivered(followers(s.wallet, "a", "x"))
	at := s.now.Add(time.Hour)
	var looks Looks
	looks.Add(o.ID, at)
	require.NoError(t, LookAgain(t.Context(), s.db.Pool, looks))
	now, err := ByID(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	require.Nil(t, now.NextRunAt, "nobody looks any more: a slow answer does not revive it")
	o = s.do(o, Step{Wish: WishRefill, NextRunAt: &s.now})
	require.NoError(t, LookAgain(t.Context(), s.db.Pool, looks))
	now, err = ByID(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	require.WithinDuration(t, at, *now.NextRunAt, 0)
	require.Zero(t, s.place(pulsa(s.wallet, "p", 1000)).Units())
	require.EqualValues(t, 1000, o.Units())
}
