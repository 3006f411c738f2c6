package order

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testdb"
)

// While the database is away nobody may read "nothing there" out of it: every
// question ends in an error that says so.
func TestADatabaseThatIsAwayIsAnErrorAndNotAnAnswer(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 1_000))
	away := testdb.New(t)
	away.Pool.Close()
	require.NoError(t, away.Bun.Close())
	ctx, pool, db, now := t.Context(), away.Pool, away.Bun, s.now
	var look Looks
	look.Add(o.ID, now)
	of := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"overdue":      of(TakeOverdue(ctx, pool, now, time.Minute, 10)),
		"stuck":        of(Stuck(ctx, pool, now, 10)),
		"upstreams":    of(DueUpstreams(ctx, pool, now)),
		"due":          of(TakeDue(ctx, pool, "up-a", now, time.Minute, 10)),
		"touch":        Touch(ctx, pool, o.ID, now),
		"put back":     PutBack(ctx, pool, []int64{o.ID}, now),
		"look again":   LookAgain(ctx, pool, look),
		"tried":        of(Tried(ctx, pool, o.ID)),
		"standing":     of(Standing(ctx, pool, now)),
		"candidates":   of(Candidates(ctx, pool, "up-a", now, 10)),
		"first":        of(TakeFirst(ctx, pool, "up-a", now, time.Minute, []int64{o.ID})),
		"tally":        of(Tally(ctx, pool, now)),
		"link":         of(LinkBusy(ctx, pool, &Order{ID: o.ID, Link: ptr("l")}, "up-a", "C")),
		"borne":        of(Borne(ctx, pool, o, "T1")),
		"spent":        of(Spent(ctx, pool, now)),
		"by id":        of(ByID(ctx, db, o.ID)),
		"by ref":       of(Get(ctx, db, s.wallet, "r1")),
		"list":         of(List(ctx, db, s.wallet, Filter{Limit: 1})),
		"list all":     of(ListAll(ctx, db, OperatorFilter{Limit: 1})),
		"evidence":     of(ReadEvidence(ctx, db, o.ID)),
		"held":         of(Held(ctx, db, s.wallet)),
		"stats":        of(CountStats(ctx, db, s.wallet, now)),
		"names":        of(NamesOf(ctx, db, []int64{o.ID})),
		"replay":       of(Replay(ctx, db, pulsa(s.wallet, "r1", 1_000))),
		"cancel":       of(s.w.Cancel(ctx, db, s.wallet, "r1")),
		"resolve":      of(s.w.Resolve(ctx, db, o.ID, Resolution{As: Failed})),
		"seen":         of(s.w.Seen(ctx, db, o.ID, "why", "who")),
		"items opened": LoadItems(ctx, db, plain{}, &Order{ID: 1, Category: Product}),
	} {
		require.ErrorContains(t, err, "order: ", name)
		require.NotErrorIs(t, err, ErrNotFound, name)
	}
	_, _, err := NoteAsk(ctx, pool, o, now, time.Minute)
	require.ErrorContains(t, err, "order: note ask")
	require.NotErrorIs(t, err, ErrStale)
	_, _, err = CountOpen(ctx, db, "up-a")
	require.ErrorContains(t, err, "order: count open")
	_, _, err = Refused(ctx, pool, o.ID, 1)
	require.ErrorContains(t, err, "order: attempt")

	p := NewPlacer(pool, s.accounts, plain{}, s.clock, slog.New(slog.DiscardHandler), nil)
	defer p.Close()
	_, err = p.Place(ctx, pulsa(s.wallet, "r2", 1_000))
	require.ErrorContains(t, err, "order: place")
	w := NewWriter(pool, s.accounts, s.clock, slog.New(slog.DiscardHandler), nil, nil)
	defer w.Close()
	_, err = w.Do(ctx, Step{OrderID: o.ID, To: Sending})
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrStale)
	now2, err := ByID(ctx, s.db.Bun, o.ID)
	require.NoError(t, err)
	require.Equal(t, Queued, now2.State)
}

func TestAPanicFailsItsCommitAndNoLaterOne(t *testing.T) {
	t.Parallel()
	g := newGroup(4, func(set []*call[int, int]) {
		for _, c := range set {
			c.out = 10 / c.in
		}
	})
	defer g.close()
	_, err := g.do(context.Background(), 0)
	require.ErrorContains(t, err, "divide by zero")
	out, err := g.do(context.Background(), 5)
	require.NoError(t, err)
	require.Equal(t, 2, out)
}

func TestWhatIsWaitingWhenAGroupClosesIsRefused(t *testing.T) {
	t.Parallel()
	g := &group[int, int]{limit: 2, in: make(chan *call[int, int], 2), stop: make(chan struct{})}
	waiting := &call[int, int]{ctx: t.Context(), done: make(chan struct{})}
	g.in <- waiting
	g.close()
	<-waiting.done
	require.ErrorIs(t, waiting.err, errClosed)
}

func TestRefusalsAndSpendingAreReadFromTheAttempts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a, b, c := s.place(pulsa(s.wallet, "a", 1_000)), s.place(pulsa(s.wallet, "b", 2_000)), s.place(rented(s.wallet, "c"))
	for _, o := range []*Order{a, b, c} {
		s.do(o, Step{To: Sending, NextRunAt: &s.now})
	}
	s.do(a, Step{To: Unknown, Outcome: OutcomeRefused, Reason: "product", NextRunAt: &s.now})
	s.do(b, Step{To: Failed, Outcome: "failed", Reason: "customer"})
	refused, reason, err := Refused(t.Context(), s.db.Pool, a.ID, 1)
	require.NoError(t, err)
	require.True(t, refused)
	require.Equal(t, "product", reason)
	refused, _, err = Refused(t.Context(), s.db.Pool, c.ID, 1)
	require.NoError(t, err)
	require.False(t, refused)

	spent, err := Spent(t.Context(), s.db.Pool, s.now.Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"up-a": 900, "up-b": 1_500}, spent, "what failed cost nothing")
	spent, err = Spent(t.Context(), s.db.Pool, s.now.Add(time.Second))
	require.NoError(t, err)
	require.Empty(t, spent)
}

// Two answers to one ref in one commit were once the same order: opening the items
// for one merchant's call showed them twice in the other's.
func TestEachCallerOfARefGetsAnOrderOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p := f.open(t, "M1", 10_000), f.placer(t)
	product := f.product(t, "one", "two")
	request := func() *placement {
		return &placement{ctx: t.Context(), in: &Request{
			WalletID: w, Ref: "r", Category: Product, SKU: "PREM", Name: "Premium", ProductID: product, Quantity: 2, Price: 2_000,
		}}
	}
	p.commit([]*placement{request()})
	set := []*placement{request(), request(), request()}
	p.commit(set)
	for _, c := range set {
		require.NoError(t, c.err)
		require.True(t, c.out.Replayed)
		require.NoError(t, LoadItems(t.Context(), f.db.Bun, plain{}, c.out.Order))
	}
	for _, c := range set {
		require.Equal(t, []string{"one", "two"}, c.out.Order.Facts.Items)
	}
}

// An item that somebody else's commit holds is not gone: that commit may be refused.
func TestAnItemThatIsHeldForARefusedOrderIsNotOutOfStock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p := f.open(t, "M1", 10_000), f.placer(t)
	product := f.product(t, "last")
	other, err := f.db.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), stockSQL, product, 1)
	require.NoError(t, err)
	type answer struct {
		placed *Placed
		err    error
	}
	got := make(chan answer, 1)
	go func() {
		placed, err := p.Place(context.Background(), &Request{
			WalletID: w, Ref: "r", Category: Product, SKU: "PREM", Name: "Premium", ProductID: product, Quantity: 1, Price: 1_000,
		})
		got <- answer{placed, err}
	}()
	require.Eventually(t, func() bool {
		var waiting int
		err := f.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting > 0
	}, 20*time.Second, 5*time.Millisecond, "it waits for the one that holds the item")
	require.NoError(t, other.Rollback(t.Context()))
	a := <-got
	require.NoError(t, a.err)
	require.Equal(t, []string{"last"}, a.placed.Order.Facts.Items)
}

// One item that this key does not open fails the order that it was for, and nobody
// else's.
func TestAnItemThatCannotBeOpenedFailsItsOwnOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p := f.open(t, "M1", 10_000), f.placer(t)
	good, bad := f.product(t, "one"), f.product(t, "two")
	_, err := f.db.Pool.Exec(t.Context(), `UPDATE stock_items SET content = 'other:two' WHERE product_id = $1`, bad)
	require.NoError(t, err)
	buy := func(ref string, product int64) *placement {
		return &placement{ctx: t.Context(), in: &Request{
			WalletID: w, Ref: ref, Category: Product, SKU: "PREM", Name: "Premium", ProductID: product, Quantity: 1, Price: 1_000,
		}}
	}
	set := []*placement{buy("bad", bad), buy("good", good), {ctx: t.Context(), in: pulsa(w, "pulsa", 1_000)}}
	p.commit(set)
	require.ErrorIs(t, set[0].err, errSealed)
	require.NoError(t, set[1].err)
	require.NoError(t, set[2].err)
	require.EqualValues(t, 8_000, f.balance(t, w))
	var free int
	require.NoError(t, f.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM stock_items WHERE product_id = $1 AND order_id IS NULL`, bad).Scan(&free))
	require.Equal(t, 1, free)
	f.verify(t)
}

func TestALookIsNotMovedWhileAnAttemptIsBeingSent(t *testing.T) {
	t.Parallel()
	now := time.Now()
	before, after := now.Add(-time.Second), now.Add(time.Second)
	require.Equal(t, &now, earliest(&after, &now, false))
	require.Equal(t, &before, earliest(&before, &now, false))
	require.Equal(t, &now, earliest(nil, &now, false))
	require.Equal(t, &after, earliest(&after, &now, true))
}

// One order runs on a link at a service; elsewhere, and after its end, the link is free.
func TestALinkIsBusyWhileItsOrderIsOpen(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	smm := func(ref string) *Request {
		target := "https://example.com/p/1"
		return &Request{
			WalletID: s.wallet, Ref: ref, Category: SMM, SKU: "IG", Name: "Likes", ProductID: 3, Quantity: 100, Price: 1_000, Target: &target, Link: "example.com/p/1",
			Terms: &Terms{Units: 100, Total: 100}, Route: Route{Upstream: "up-a", OfferID: 5, Code: "7", Cost: 800},
		}
	}
	o := s.place(smm("a"))
	other := *o
	other.ID++
	busy := func(upstream, code string) bool {
		is, err := LinkBusy(t.Context(), s.db.Pool, &other, upstream, code)
		require.NoError(t, err)
		return is
	}
	require.True(t, busy("up-a", "7"))
	require.False(t, busy("up-a", "8"))
	require.False(t, busy("up-b", "7"))
	own, err := LinkBusy(t.Context(), s.db.Pool, o, "up-a", "7")
	require.NoError(t, err)
	require.False(t, own, "its own order does not bar it")
	_, err = s.p.Place(t.Context(), smm("b"))
	require.ErrorIs(t, err, ErrLinkBusy)
	s.do(o, Step{To: Sending, NextRunAt: &s.now})
	s.do(o, Step{To: Processing, UpstreamRef: "T1", NextRunAt: &s.now})
	borne, err := Borne(t.Context(), s.db.Pool, &other, "T1")
	require.NoError(t, err)
	require.True(t, borne)
	borne, err = Borne(t.Context(), s.db.Pool, o, "T1")
	require.NoError(t, err)
	require.False(t, borne)
	s.do(o, Step{To: Completed})
	require.False(t, busy("up-a", "7"))
	s.place(smm("b"))
	s.verify(t)
}
