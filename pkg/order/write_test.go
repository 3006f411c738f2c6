package order

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
)

// scene is one wallet with orders that steps are taken on.
type scene struct {
	*fixture
	t      *testing.T
	wallet int64
	p      *Placer
	w      *Writer
	mu     sync.Mutex
	events []int64
}

func newScene(t *testing.T) *scene {
	t.Helper()
	f := newFixture(t)
	s := &scene{fixture: f, t: t, wallet: f.open(t, "M1", 100_000), p: f.placer(t)}
	s.w = f.writer(t, func(ids []int64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, ids...)
	})
	return s
}

func (s *scene) place(r *Request) *Order {
	s.t.Helper()
	placed, err := s.p.Place(s.t.Context(), r)
	require.NoError(s.t, err)
	return placed.Order
}

// do takes a step from where the order stands.
func (s *scene) do(o *Order, step Step) *Order {
	s.t.Helper()
	out, err := s.try(o, step)
	require.NoError(s.t, err)
	return out
}

func (s *scene) try(o *Order, step Step) (*Order, error) {
	s.t.Helper()
	now, err := ByID(s.t.Context(), s.db.Bun, o.ID)
	require.NoError(s.t, err)
	step.OrderID, step.Cause = o.ID, "test"
	if step.Attempt == 0 {
		step.Attempt = now.Attempt
	}
	return s.w.Do(s.t.Context(), step)
}

// bodies are the webhooks of an order, in order.
func (s *scene) bodies() (statuses []string) {
	s.t.Helper()
	rows, err := s.db.Pool.Query(s.t.Context(), `SELECT body FROM webhook_events ORDER BY id`)
	require.NoError(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var body string
		require.NoError(s.t, rows.Scan(&body))
		var parsed struct {
			Data struct{ Order struct{ Status string } }
		}
		require.NoError(s.t, json.Unmarshal([]byte(body), &parsed))
		statuses = append(statuses, parsed.Data.Order.Status)
	}
	return statuses
}

func ptr[T any](v T) *T { return &v }

func TestAnOrderGoesItsWay(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := pulsa(s.wallet, "r1", 4_000)
	r.CallbackURL = "https://merchant.example/hook"
	o := s.place(r)
	o = s.do(o, Step{To: Sending, NextRunAt: ptr(s.now.Add(time.Minute)), BalanceBefore: ptr[int64](50_000)})
	require.Equal(t, 1, o.Attempt)
	o = s.do(o, Step{To: Processing, Outcome: "accepted", UpstreamRef: "T1", NextRunAt: &s.now})
	require.Equal(t, "T1", o.UpstreamRef)
	o = s.do(o, Step{To: Completed, Outcome: "succeeded", SN: "SN-1", Cost: ptr[int64](3_700), SaidCode: "00"})
	require.Equal(t, "completed", o.Status())
	require.Nil(t, o.NextRunAt)
	require.NotNil(t, o.CompletedAt)
	require.EqualValues(t, 96_000, s.balance(t, s.wallet))

	require.Equal(t, []string{"processing", "completed"}, s.bodies(), "a status that stays is no event")
	require.Len(t, s.events, 2)
	sums, err := ledger.SystemSums(t.Context(), s.db.Pool)
	require.NoError(t, err)
	require.Contains(t, sums, ledger.Sum{Mode: "live", Code: "revenue", Balance: 4_000})
	require.Contains(t, sums, ledger.Sum{Mode: "live", Code: "cost:up-a", Balance: -3_700})
	require.Contains(t, sums, ledger.Sum{Mode: "live", Code: "float:up-a", Balance: 3_700})

	var a Attempt
	require.NoError(t, s.db.Bun.NewSelect().Model(&a).Where("order_id = ?", o.ID).Scan(t.Context()))
	require.Equal(t, OurRef(o.ID, 1), a.OurRef)
	require.Equal(t, "succeeded", a.Outcome)
	require.Equal(t, "T1", a.UpstreamRef)
	require.EqualValues(t, 3_700, a.Cost)
	require.EqualValues(t, 50_000, *a.BalanceBefore)
	require.NotNil(t, a.FinishedAt)
	s.verify(t)
}

func TestAStepOnlyFitsWhereItsOrderStands(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 4_000))
	for name, step := range map[string]Step{
		"completing what was never sent": {To: Completed},
		"another attempt":                {To: Sending, Attempt: 7},
		"another state":                  {To: Canceled, From: Processing},
	} {
		_, err := s.try(o, step)
		require.ErrorIs(t, err, ErrStale, name)
	}
	_, err := s.w.Do(t.Context(), Step{OrderID: 1})
	require.ErrorIs(t, err, ErrNotFound)

	s.do(o, Step{To: Sending})
	s.do(o, Step{To: Failed, Message: "no"})
	for _, to := range []State{Failed, Canceled, Expired, Processing, Queued, Sending, Unknown, Partial} {
		_, err := s.try(o, Step{To: to})
		require.ErrorIs(t, err, ErrStale, to)
	}
	require.EqualValues(t, 100_000, s.balance(t, s.wallet))
	s.verify(t)
}

func TestOneOfManyClaims(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 4_000))
	writers := []*Writer{s.w, s.writer(t, nil)}
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_, err := writers[i%2].Do(context.Background(), Step{OrderID: o.ID, From: Queued, To: Sending, Cause: "claim"})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ErrStale):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
	s.verify(t)
}

func TestFinishingTwiceMovesMoneyOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 4_000))
	s.do(o, Step{To: Sending})
	writers := []*Writer{s.w, s.writer(t, nil)}
	var wg sync.WaitGroup
	var won atomic.Int64
	for i := range 40 {
		wg.Go(func() {
			to := []State{Completed, Failed}[i/2%2]
			if _, err := writers[i%2].Do(context.Background(), Step{OrderID: o.ID, Attempt: 1, From: Sending, To: to, Cause: "race"}); err == nil {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
	s.verify(t)
}

func TestMoneyByFinalState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quantity int64
		step     Step
		refunded int64
	}{
		"completed":              {1, Step{To: Completed}, 0},
		"failed":                 {1, Step{To: Failed}, 1_000},
		"expired":                {1, Step{To: Expired}, 1_000},
		"canceled":               {1, Step{To: Canceled}, 1_000},
		"canceled by remains":    {3, Step{To: Canceled, Remains: ptr[int64](2)}, 666},
		"partial":                {3, Step{To: Partial, Remains: ptr[int64](1)}, 333},
		"partial, nothing left":  {3, Step{To: Partial, Remains: ptr[int64](0)}, 0},
		"partial, all left":      {3, Step{To: Partial, Remains: ptr[int64](3)}, 1_000},
		"partial beyond all":     {3, Step{To: Partial, Remains: ptr[int64](9)}, 1_000},
		"partial below none":     {3, Step{To: Partial, Remains: ptr[int64](-2)}, 0},
		"failed with remains":    {3, Step{To: Failed, Remains: ptr[int64](1)}, 1_000},
		"partial, nobody counts": {3, Step{To: Partial}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			r := pulsa(s.wallet, "r1", 1_000)
			r.Quantity = c.quantity
			o := s.place(r)
			s.do(o, Step{To: Sending})
			o = s.do(o, c.step)
			require.Equal(t, c.refunded, o.Refunded)
			require.Equal(t, 100_000-1_000+c.refunded, s.balance(t, s.wallet))
			s.verify(t)
		})
	}
}

func TestALateSuccessIsOurLossUnlessThePolicyTakesThePriceAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		recharge bool
		left     int64
		refunded int64
		balance  int64
		loss     int64
	}{
		"the merchant keeps the refund":      {false, 100_000, 4_000, 100_000, 3_500},
		"the price is taken again":           {true, 100_000, 0, 96_000, 0},
		"the balance does not allow to take": {true, 3_999, 4_000, 3_999, 3_500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			r := pulsa(s.wallet, "r1", 4_000)
			r.Route.Cost = 3_500
			r.CallbackURL = "https://merchant.example/hook"
			o := s.place(r)
			s.do(o, Step{To: Sending})
			s.do(o, Step{To: Failed})
			if c.left < 100_000 {
				s.place(pulsa(s.wallet, "spend", 100_000-c.left))
			}
			o = s.do(o, Step{To: Completed, SN: "LATE", Recharge: c.recharge})
			require.Equal(t, Completed, o.State)
			require.Equal(t, c.refunded, o.Refunded)
			require.Equal(t, c.balance, s.balance(t, s.wallet))
			require.Equal(t, c.loss > 0, o.Flag != "", "a loss is an operator's task")
			sums, err := ledger.SystemSums(t.Context(), s.db.Pool)
			require.NoError(t, err)
			require.Contains(t, sums, ledger.Sum{Mode: "live", Code: "loss:up-a", Balance: -c.loss})
			require.Equal(t, []string{"processing", "failed", "completed"}, s.bodies())
			s.verify(t)
		})
	}
}

func TestASuccessOfAnEarlierAttemptIsBookedOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 4_000))
	s.do(o, Step{To: Sending})
	s.do(o, Step{To: Queued, Outcome: "failed", Route: &Route{Upstream: "up-b", OfferID: 5, Code: "Z", Cost: 3_000}})
	o = s.do(o, Step{To: Sending})
	require.Equal(t, "up-b", o.Upstream)
	require.Equal(t, "processing", o.Status())

	late := Step{Attempt: 1, To: Completed} // the source names no price: the attempt's own counts
	o = s.do(o, late)
	require.Equal(t, Sending, o.State, "the order goes on with its second attempt")
	require.NotEmpty(t, o.Flag)
	_, err := s.try(o, late)
	require.ErrorIs(t, err, ErrStale)
	_, err = s.try(o, Step{Attempt: 1, To: Failed})
	require.ErrorIs(t, err, ErrStale)
	s.do(o, Step{To: Completed})
	s.verify(t)
	sums, err := ledger.SystemSums(t.Context(), s.db.Pool)
	require.NoError(t, err)
	require.Contains(t, sums, ledger.Sum{Mode: "live", Code: "loss:up-a", Balance: -3_900})
	require.Contains(t, sums, ledger.Sum{Mode: "live", Code: "cost:up-b", Balance: -3_000})
}

func TestARentedNumberAndItsCodes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := rented(s.wallet, "r1")
	r.CallbackURL = "https://merchant.example/hook"
	o := s.place(r)
	_, err := s.w.Finish(t.Context(), s.db.Bun, s.wallet, "r1")
	require.ErrorIs(t, err, ErrNotAvailable, "before a code came")
	_, err = s.w.Resend(t.Context(), s.db.Bun, s.wallet, "r1")
	require.ErrorIs(t, err, ErrNotAvailable)
	s.do(o, Step{To: Sending})
	end := s.now.Add(15 * time.Minute)
	s.do(o, Step{To: Processing, UpstreamRef: "RO1", Phone: "+6285600000000", Country: "Indonesia", Service: "Telegram", Operator: "any", ExpiresAt: &end})
	first := Message{Code: "1111", Text: "code 1111", ReceivedAt: s.now}
	o = s.do(o, Step{To: Completed, Messages: []Message{first}})
	o = s.do(o, Step{Messages: []Message{first}})
	require.Len(t, o.Facts.Messages, 1, "the same code told again is one message")

	o, err = s.w.Resend(t.Context(), s.db.Bun, s.wallet, "r1")
	require.NoError(t, err)
	require.True(t, o.ResendRequested)
	version := o.Version
	o, err = s.w.Resend(t.Context(), s.db.Bun, s.wallet, "r1")
	require.NoError(t, err)
	require.Equal(t, version, o.Version, "asking twice is asking once")
	o = s.do(o, Step{Wish: WishSent, NextRunAt: &s.now})
	require.True(t, o.Facts.WishSent)
	o = s.do(o, Step{Messages: []Message{{Code: "2222", Text: "code 2222", ReceivedAt: s.now}}})
	require.False(t, o.ResendRequested)
	view, ok := o.View().(OTPView)
	require.True(t, ok)
	require.Equal(t, "2222", *view.Data.OTPCode)
	require.Len(t, view.Data.Messages, 2)
	require.Equal(t, []string{"processing", "processing", "completed", "completed"}, s.bodies(), "sent; number; code; code")

	o, err = s.w.Resend(t.Context(), s.db.Bun, s.wallet, "r1")
	require.NoError(t, err)
	o = s.do(o, Step{Wish: WishRefused})
	require.False(t, o.ResendRequested)
	o, err = s.w.Finish(t.Context(), s.db.Bun, s.wallet, o.PublicID())
	require.NoError(t, err)
	require.True(t, o.FinishRequested)
	_, err = s.w.Finish(t.Context(), s.db.Bun, s.wallet, "r1")
	require.NoError(t, err)
	_, err = s.w.Resend(t.Context(), s.db.Bun, s.wallet, "r1")
	require.ErrorIs(t, err, ErrNotAvailable, "after finish")
	s.verify(t)
}

func TestAResendAfterTheNumbersEndIsNotAvailable(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(rented(s.wallet, "r1"))
	s.do(o, Step{To: Sending})
	end := s.now.Add(time.Minute)
	s.do(o, Step{To: Completed, ExpiresAt: &end, Messages: []Message{{Code: "1", ReceivedAt: s.now}}})
	s.now = end
	_, err := s.w.Resend(t.Context(), s.db.Bun, s.wallet, "r1")
	require.ErrorIs(t, err, ErrNotAvailable)
}

func TestCancelRefundsAtOnceOnlyWhatWasNeverSent(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.place(rented(s.wallet, "early"))
	o, err := s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "early")
	require.NoError(t, err)
	require.Equal(t, "canceled", o.Status())
	require.EqualValues(t, 100_000, s.balance(t, s.wallet))
	o, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "early")
	require.NoError(t, err, "asking twice is asking once")
	require.Equal(t, Canceled, o.State)

	o = s.place(rented(s.wallet, "late"))
	s.do(o, Step{To: Sending, NextRunAt: ptr(s.now.Add(time.Minute))})
	o, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "late")
	require.NoError(t, err)
	require.Equal(t, "processing", o.Status())
	require.True(t, o.CancelRequested)
	require.Equal(t, s.now.Add(time.Minute), o.NextRunAt.UTC(), "while it is being sent there is nothing to ask")
	require.EqualValues(t, 98_000, s.balance(t, s.wallet))
	s.do(o, Step{To: Processing, UpstreamRef: "RO1", NextRunAt: ptr(s.now.Add(time.Hour))})
	s.do(o, Step{To: Canceled})
	require.EqualValues(t, 100_000, s.balance(t, s.wallet))

	o = s.place(rented(s.wallet, "code first"))
	s.do(o, Step{To: Sending})
	s.do(o, Step{To: Completed})
	_, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "code first")
	require.ErrorIs(t, err, ErrNotCancelable)
	s.place(pulsa(s.wallet, "pulsa", 1_000))
	_, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "pulsa")
	require.ErrorIs(t, err, ErrNotCancelable)
	_, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "nothing")
	require.ErrorIs(t, err, ErrNotFound)
	s.verify(t)
}

func TestWhatIsDueIsSharedAndLeased(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var ids []int64
	for i := range 6 {
		o := s.place(pulsa(s.wallet, fmt.Sprint("r", i), 1_000))
		ids = append(ids, o.ID)
	}
	later := s.now.Add(time.Minute)
	over, err := TakeOverdue(t.Context(), s.db.Pool, later, 20*time.Second, 4)
	require.NoError(t, err)
	require.Len(t, over, 4)
	over, err = TakeOverdue(t.Context(), s.db.Pool, later, 20*time.Second, 4)
	require.NoError(t, err)
	require.Len(t, over, 2, "what one took the other does not get")

	for _, id := range ids[:4] {
		s.do(&Order{ID: id}, Step{To: Sending, NextRunAt: &later})
	}
	stuck, err := Stuck(t.Context(), s.db.Pool, later, 10)
	require.NoError(t, err)
	require.Len(t, stuck, 4)
	for i, id := range ids[:3] {
		s.do(&Order{ID: id}, Step{To: Processing, NextRunAt: ptr(s.now.Add(time.Duration(i) * time.Second))})
	}
	s.do(&Order{ID: ids[3]}, Step{To: Unknown, NextRunAt: &s.now, Flag: "look"})
	due, err := DueUpstreams(t.Context(), s.db.Pool, later)
	require.NoError(t, err)
	require.EqualValues(t, 4, due["up-a"].Count)

	require.NoError(t, Touch(t.Context(), s.db.Pool, ids[2], later))
	took, err := TakeDue(t.Context(), s.db.Pool, "up-a", later, time.Minute, 1)
	require.NoError(t, err)
	require.Equal(t, ids[2], took[0].ID, "a merchant is watching this one")
	rest, err := TakeDue(t.Context(), s.db.Pool, "up-a", later, time.Minute, 10)
	require.NoError(t, err)
	require.Len(t, rest, 3)
	require.NoError(t, PutBack(t.Context(), s.db.Pool, []int64{ids[0]}, later))
	again, err := TakeDue(t.Context(), s.db.Pool, "up-a", later, time.Minute, 10)
	require.NoError(t, err)
	require.Len(t, again, 1)
	var looks Looks
	require.NoError(t, LookAgain(t.Context(), s.db.Pool, looks))
	looks.Add(ids[1], later)
	require.NoError(t, LookAgain(t.Context(), s.db.Pool, looks))
	again, err = TakeDue(t.Context(), s.db.Pool, "up-a", later, time.Minute, 10)
	require.NoError(t, err)
	require.Len(t, again, 1)
	require.Equal(t, 1, again[0].Polls)

	open, err := Standing(t.Context(), s.db.Pool, later)
	require.NoError(t, err)
	require.EqualValues(t, 1, open.Flagged)
	require.EqualValues(t, 2, open.Upstreams["up-a"].Queued.Count)
	require.EqualValues(t, 1, open.Upstreams["up-a"].Unknown.Count)
	tried, err := Tried(t.Context(), s.db.Pool, ids[0])
	require.NoError(t, err)
	require.Empty(t, tried)
}

func TestVerifyFindsAnOrderWithoutItsMoney(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]string{
		"every order was paid once":                  `UPDATE orders SET price = price + 1`,
		"a final order has exactly its entries":      `UPDATE orders SET state = 'failed'`,
		"money in flight is the open orders' prices": `UPDATE orders SET state = 'completed'`,
		"an entry belongs to an order":               `SET session_replication_role = replica; DELETE FROM orders`,
		"an open order has no more than its debit":   `UPDATE ledger_entries SET kind = 'refund' WHERE kind = 'order'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.place(pulsa(s.wallet, "r1", 1_000))
			conn, err := s.db.Pool.Acquire(t.Context())
			require.NoError(t, err)
			defer conn.Release()
			_, err = conn.Conn().PgConn().Exec(t.Context(), `ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_immutable;`+harm).ReadAll()
			require.NoError(t, err)
			r, err := ledger.Verify(t.Context(), s.db.Pool, Checks()...)
			require.NoError(t, err)
			found := map[string]bool{}
			for _, p := range r.Problems {
				found[p.Check] = true
			}
			require.Contains(t, found, name)
		})
	}
}

func TestOrdersAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	require.Same(t, m.placed, NewMetrics(reg).placed, "several writers of a process count together")
	wallet := f.open(t, "M1", 5_000)
	log := slog.New(slog.DiscardHandler)
	p := NewPlacer(f.db.Pool, f.accounts, nil, f.clock, log, m)
	defer p.Close()
	w := NewWriter(f.db.Pool, f.accounts, f.clock, log, nil, m)
	defer w.Close()
	placed, err := p.Place(t.Context(), pulsa(wallet, "r1", 4_000))
	require.NoError(t, err)
	_, err = p.Place(t.Context(), pulsa(wallet, "r1", 4_000))
	require.NoError(t, err)
	_, err = p.Place(t.Context(), pulsa(wallet, "r2", 4_000))
	require.ErrorIs(t, err, ErrInsufficient)
	for verdict, mode := range map[string]string{"accepted": "live", "replayed": "live", "refused": ""} {
		require.InDelta(t, 1, testutil.ToFloat64(m.placed.WithLabelValues("ppob", mode, verdict)), 0, verdict)
	}
	_, err = w.Do(t.Context(), Step{OrderID: placed.Order.ID, To: Sending})
	require.NoError(t, err)
	f.now = f.now.Add(3 * time.Second)
	_, err = w.Do(t.Context(), Step{OrderID: placed.Order.ID, Attempt: 1, To: Completed})
	require.NoError(t, err)
	require.InDelta(t, 1, testutil.ToFloat64(m.entered.WithLabelValues("up-a", "ppob", "live", "completed")), 0)
	require.InDelta(t, 4_000, testutil.ToFloat64(m.rupiah.WithLabelValues("up-a", "ppob", "live", "settle")), 0)
	require.InDelta(t, 3_900, testutil.ToFloat64(m.rupiah.WithLabelValues("up-a", "ppob", "live", "cost")), 0)
	require.Equal(t, 1, testutil.CollectAndCount(m.final))
}

func TestAClaimIsForTheRouteThatWasSeen(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 4_000))
	seen := o.Version
	s.do(o, Step{To: Queued, Route: &Route{Upstream: "up-b", OfferID: 2, Code: "Y", Cost: 100}})
	_, err := s.try(o, Step{From: Queued, Version: seen, To: Sending})
	require.ErrorIs(t, err, ErrStale)
}

func TestAWordThatNothingWasBoughtCountsForTheLastSendingOnly(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 4_000))
	s.do(o, Step{To: Sending})
	s.do(o, Step{To: Unknown})
	o = s.do(o, Step{From: Unknown, To: Sending, Again: true})
	require.Equal(t, 2, o.Sends)
	require.Equal(t, 1, o.Attempt, "the same reference")
	var err error
	for _, to := range []State{Queued, Failed, Unknown} {
		_, err = s.try(o, Step{Sends: 1, To: to})
		require.ErrorIs(t, err, ErrStale, to)
	}
	o = s.do(o, Step{Sends: 1, To: Completed})
	require.Equal(t, Completed, o.State, "a purchase is a purchase, whenever it is told")
	s.verify(t)
}

func TestAnAnswerThatWasGivenUpWinsOverNotKnowing(t *testing.T) {
	t.Parallel()
	for to, want := range map[State]int64{Queued: 96_000, Failed: 100_000, Processing: 96_000} {
		t.Run(string(to), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			o := s.place(pulsa(s.wallet, "r1", 4_000))
			s.do(o, Step{To: Sending})
			s.do(o, Step{To: Unknown, Outcome: "unknown", Cause: "sweep"})
			o = s.do(o, Step{Sends: 1, To: to, Outcome: "rejected", UpstreamRef: "T1"})
			require.Equal(t, to, o.State)
			require.Equal(t, want, s.balance(t, s.wallet))
			s.verify(t)
		})
	}
}

func TestAPurchaseThatWasGivenUpAndWasAcceptedIsNotLost(t *testing.T) {
	t.Parallel()
	accepted := Step{Attempt: 1, Sends: 1, To: Processing, Outcome: "accepted", UpstreamRef: "T1"}
	s := newScene(t)
	s.place(rented(s.wallet, "early"))
	given := func(ref string) *Order {
		o := s.place(rented(s.wallet, ref))
		s.do(o, Step{To: Sending})
		s.do(o, Step{To: Unknown, Outcome: "unknown"})
		return s.do(o, Step{To: Queued, Outcome: OutcomeNotBought, Route: &Route{Upstream: "up-a", OfferID: 3, Code: "Y", Cost: 100}})
	}
	o := s.do(given("r1"), accepted)
	require.Equal(t, Processing, o.State, "nothing else was sent yet")
	require.Equal(t, "T1", o.UpstreamRef)
	require.Equal(t, "up-b", o.Upstream, "it is where it was accepted")

	o = given("r2")
	_, err := s.try(o, Step{Attempt: 1, To: Processing, UpstreamRef: "T1"})
	require.ErrorIs(t, err, ErrStale, "an old look is no answer to the purchase")
	s.do(o, Step{To: Sending})
	o = s.do(o, accepted)
	require.Equal(t, Sending, o.State, "the order goes on with what was sent since")
	require.Contains(t, o.Flag, "accepted by its source")
	var a Attempt
	require.NoError(t, s.db.Bun.NewSelect().Model(&a).Where("order_id = ? AND n = 1", o.ID).Scan(t.Context()))
	require.Equal(t, "T1", a.UpstreamRef)
	_, err = s.try(o, accepted)
	require.ErrorIs(t, err, ErrStale, "once")

	o = given("r3")
	_, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "r3")
	require.NoError(t, err)
	o = s.do(o, accepted)
	require.Equal(t, Canceled, o.State, "what was refunded stays so")
	require.NotEmpty(t, o.Flag)
	s.verify(t)
}

func TestASuccessOfAnAttemptThatWasGivenUpEndsItsOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 4_000))
	s.do(o, Step{To: Sending})
	s.do(o, Step{To: Queued, Outcome: "failed", Route: &Route{Upstream: "up-b", OfferID: 2, Code: "Y", Cost: 100}})
	o = s.do(o, Step{Attempt: 1, To: Completed})
	require.Equal(t, "up-a", o.Upstream)
	sums, err := ledger.SystemSums(t.Context(), s.db.Pool)
	require.NoError(t, err)
	require.Contains(t, sums, ledger.Sum{Mode: "live", Code: "cost:up-a", Balance: -3_900})
	_, err = s.try(o, Step{To: Sending})
	require.ErrorIs(t, err, ErrStale)
	s.verify(t)
}

func TestASlowAnswerDoesNotReviveWhatHasEnded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(rented(s.wallet, "r1"))
	s.do(o, Step{To: Sending})
	s.do(o, Step{To: Canceled})
	o = s.do(o, Step{NextRunAt: &s.now, Polled: true})
	require.Nil(t, o.NextRunAt)
}

func TestAFlagEndsWithWhatItWasAbout(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 4_000))
	s.do(o, Step{To: Sending})
	s.do(o, Step{To: Unknown, Flag: "the outcome has been unknown for long", NextRunAt: &s.now})
	o = s.do(o, Step{To: Completed})
	require.Empty(t, o.Flag)
}

func TestOneThatCannotBeWrittenKeepsNobodyElseFromIt(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := rented(s.wallet, "poison")
	r.CallbackURL = "https://merchant.example/hook"
	bad, good := s.place(r), s.place(pulsa(s.wallet, "good", 1_000))
	never := time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC) // JSON has no such year
	set := []*call[*Step, *Order]{
		{ctx: t.Context(), in: &Step{OrderID: bad.ID, To: Sending}},
		{ctx: t.Context(), in: &Step{OrderID: good.ID, To: Sending}},
	}
	s.w.commit(set)
	require.NoError(t, set[0].err)
	set[0].in, set[1].in = &Step{OrderID: bad.ID, Attempt: 1, To: Processing, Phone: "+62", ExpiresAt: &never}, &Step{OrderID: good.ID, Attempt: 1, To: Completed}
	s.w.commit(set)
	require.Error(t, set[0].err)
	require.NoError(t, set[1].err)
	s.verify(t)
}

func TestLooksAndStepsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var ids []int64
	var up, down Looks
	for i := range 40 {
		o := s.place(pulsa(s.wallet, fmt.Sprint("r", i), 100))
		s.do(o, Step{To: Sending})
		s.do(o, Step{To: Processing, NextRunAt: &s.now})
		ids = append(ids, o.ID)
	}
	for i := range ids {
		up.Add(ids[i], s.now)
		down.Add(ids[len(ids)-1-i], s.now)
	}
	var wg sync.WaitGroup
	for _, l := range []Looks{up, down} {
		wg.Go(func() {
			for range 60 {
				if err := LookAgain(context.Background(), s.db.Pool, l); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, id := range ids {
		wg.Go(func() {
			for range 20 {
				if _, err := s.w.Do(context.Background(), Step{OrderID: id, Attempt: 1, NextRunAt: &s.now, Cause: "test"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSeenKeepsInTheListWhatOnlyAPersonCanEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(rented(s.wallet, "r1"))
	s.do(o, Step{To: Sending})
	s.do(o, Step{To: Unknown, Flag: "outcome unknown"})
	_, err := s.w.Seen(t.Context(), s.db.Bun, o.ID, "looked", "me")
	require.ErrorIs(t, err, ErrNotResolvable)
}

// While an attempt is being sent nothing can be asked about it: a look that came due
// would read its row's old reference, or none.
func TestNobodyAsksAboutWhatIsBeingSent(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 1_000))
	past := s.now.Add(-time.Minute)
	s.do(o, Step{To: Sending, NextRunAt: &past})
	due, err := TakeDue(t.Context(), s.db.Pool, "up-a", s.now, time.Minute, 10)
	require.NoError(t, err)
	require.Empty(t, due)
	stuck, err := Stuck(t.Context(), s.db.Pool, s.now, 10)
	require.NoError(t, err)
	require.Len(t, stuck, 1, "the scheduler's sweep is what finds it")
}
