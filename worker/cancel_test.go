package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

func (s *stage) cancel(o *order.Order) {
	s.t.Helper()
	_, err := s.writer.Cancel(s.t.Context(), s.db.Bun, s.wallet, o.Ref)
	require.NoError(s.t, err)
}

// canceled sees that an order was given back whole, once, and that its merchant heard.
func (s *stage) canceled(o *order.Order) {
	s.t.Helper()
	o = s.read(o)
	require.Equal(s.t, order.Canceled, o.State)
	require.Equal(s.t, o.Price, o.Refunded)
	require.EqualValues(s.t, 10_000_000, s.balance())
	require.Equal(s.t, []string{"processing", "canceled"}, s.told(o))
	require.Nil(s.t, o.NextRunAt)
	s.cancel(o) // asking twice is asking once
	require.EqualValues(s.t, 10_000_000, s.balance())
	s.audit()
}

// sold is a product of two offers, of which the one at up-a is the cheaper. What kind of
// thing it is does not matter to the way from one to the other.
func (s *stage) sold() (product, first, second int64) {
	s.t.Helper()
	require.NoError(s.t, s.db.Pool.QueryRow(s.t.Context(), `INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, policy, closed, edited, version, created_at, updated_at)
		VALUES ('live', 'O', 'ppob', 'Telegram', 'TELEGRAM', 'OTP', 'prepaid', '', '[]', '', 'price', false, '{}', 1, $1, $1) RETURNING id`, s.now).Scan(&product))
	for _, o := range []struct {
		at   *int64
		up   string
		cost int64
	}{{&first, "up-a", 5_000}, {&second, "up-c", 5_500}} {
		require.NoError(s.t, s.db.Pool.QueryRow(s.t.Context(), `INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited,
			success_rate, closed, failures, priority, weight, created_at, updated_at)
			VALUES ($1, $2, 's', '1:2:3', '{}', '', '', '', $3, true, '', 0, true, 100, false, 0, 0, 1, $4, $4) RETURNING id`, product, o.up, o.cost, s.now).Scan(o.at))
	}
	return product, first, second
}

func TestACancelThatComesWhileAPurchaseIsOnItsWayStopsEveryOther(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]error{
		"not one byte left":                               &upstream.Error{Class: upstream.NotSent},
		"too busy to take it":                             &upstream.Error{Class: upstream.Throttled, After: time.Hour},
		"refused for reasons that another does not share": upstream.Reject(upstream.ReasonProduct, "17", "empty"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, emulate.Always(0))
			product, first, _ := s.sold()
			l, other := newLine(), newLine()
			w, elsewhere := s.over("up-a", l), s.over("up-c", other)
			o := s.order(s.otpAt("up-a", "r1", product, first))
			l.say("submit", upstream.Result{}, says)
			s.meanwhile(l.holds("submit"), func() error { return w.Buy(context.WithoutCancel(t.Context()), queue.Task{OrderID: o.ID}) }, func() {
				s.cancel(o)
				s.cancel(o)
				require.Equal(t, order.Sending, s.read(o).State)
			})
			s.canceled(o)
			s.advance(2 * time.Hour)
			for n := range 3 {
				for _, w := range []*Worker{w, elsewhere} {
					require.NoError(t, w.Buy(t.Context(), queue.Task{OrderID: o.ID, Attempt: n}))
					require.NoError(t, w.PollTurn(t.Context(), queue.Task{}))
				}
			}
			require.Equal(t, 1, l.count("submit"))
			require.Zero(t, other.count("submit"))

			// Without the wish it would have gone on: there or elsewhere.
			free := s.order(s.otpAt("up-a", "r2", product, first))
			require.NoError(t, w.Buy(t.Context(), queue.Task{OrderID: free.ID}))
			require.Equal(t, order.Queued, s.read(free).State)
		})
	}
}

func TestACancelThatComesWhileTheSourceSaysFailedStopsEveryOther(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Always(0))
	product, first, _ := s.sold()
	l := newLine()
	w := s.over("up-a", l)
	l.say("submit", upstream.Result{State: upstream.Pending, UpstreamRef: "R1"}, nil)
	o := s.buy(w, s.order(s.otpAt("up-a", "r1", product, first)))
	require.Equal(t, order.Processing, o.State)
	l.say("status", upstream.Result{State: upstream.Failed, Reason: upstream.ReasonProduct}, nil)
	s.advance(time.Minute)
	s.meanwhile(l.holds("status"), func() error { return w.PollTurn(context.WithoutCancel(t.Context()), queue.Task{}) }, func() { s.cancel(o) })
	s.canceled(o)
	require.Equal(t, "up-a", s.read(o).Upstream)
}

func TestALostPurchaseThatIsToBeCanceledIsNotSentAgain(t *testing.T) {
	t.Parallel()
	lost := map[string]error{
		"no answer":                 &upstream.Error{Class: upstream.Unknown},
		"an answer without a proof": &upstream.Error{Class: upstream.Unknown, Answered: true},
	}
	for kind, driver := range map[string]func(*line) upstream.Driver{
		"asked by our reference":            func(l *line) upstream.Driver { return asked{l} },
		"and carrying a reference out once": func(l *line) upstream.Driver { return sure{asked{l}} },
	} {
		for name, err := range lost {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, emulate.Always(0))
				product, first, _ := s.sold()
				l := newLine()
				w := s.over("up-a", driver(l))
				o := s.order(s.otpAt("up-a", "r1", product, first))
				l.say("submit", upstream.Result{}, err)
				l.say("lookup", upstream.Result{State: upstream.NotFound}, nil)
				s.meanwhile(l.holds("submit"), func() error { return w.Buy(context.WithoutCancel(t.Context()), queue.Task{OrderID: o.ID}) }, func() { s.cancel(o) })
				require.Equal(t, order.Unknown, s.read(o).State)
				o = s.poll(w, o, callTimeout+settleTime-time.Second)
				require.Equal(t, order.Unknown, o.State, "it may still be on its way")
				require.EqualValues(t, 9_991_000, s.balance())
				o = s.poll(w, o, time.Minute)
				s.canceled(o)
				require.Equal(t, 1, l.count("submit"))
			})
		}
	}
	t.Run("while it is being asked about", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, emulate.Always(0))
		product, first, _ := s.sold()
		l := newLine()
		w := s.over("up-a", sure{asked{l}})
		l.say("submit", upstream.Result{}, &upstream.Error{Class: upstream.Unknown})
		o := s.buy(w, s.order(s.otpAt("up-a", "r1", product, first)))
		l.say("lookup", upstream.Result{State: upstream.NotFound}, nil)
		s.advance(time.Minute)
		s.meanwhile(l.holds("lookup"), func() error { return w.PollTurn(context.WithoutCancel(t.Context()), queue.Task{}) }, func() { s.cancel(o) })
		require.Equal(t, 1, l.count("submit"), "the claim saw the wish")
		for range 3 {
			o = s.poll(w, o, time.Minute)
		}
		s.canceled(o)
		require.Equal(t, 1, l.count("submit"))
	})
	t.Run("that was bought after all", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, emulate.Always(0))
		product, first, _ := s.sold()
		l := newLine()
		w := s.over("up-a", sure{asked{l}})
		l.say("submit", upstream.Result{}, &upstream.Error{Class: upstream.Unknown})
		o := s.buy(w, s.order(s.otpAt("up-a", "r1", product, first)))
		s.cancel(o)
		l.say("lookup", upstream.Result{State: upstream.Pending, UpstreamRef: "R1"}, nil)
		o = s.poll(w, o, time.Minute)
		require.Equal(t, order.Processing, o.State, "its source is told, and decides")
		l.say("cancel", upstream.Result{State: upstream.Pending}, nil)
		require.NoError(t, w.Act(t.Context(), queue.Task{OrderID: o.ID}))
		l.say("status", upstream.Result{State: upstream.Canceled}, nil)
		o = s.poll(w, o, time.Minute)
		s.canceled(o)
		require.Equal(t, 1, l.count("cancel"))
	})
}

// A version before this one put such an order back; while one is replaced by the other both run.
func TestAnOrderThatIsToBeCanceledAndWaitsInTheQueueEndsThere(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Always(0))
	product, first, _ := s.sold()
	w := s.over("up-a", newLine())
	o := s.order(s.otpAt("up-a", "r1", product, first))
	_, err := s.db.Pool.Exec(t.Context(), `UPDATE orders SET cancel_requested = true WHERE id = $1`, o.ID)
	require.NoError(t, err)
	require.NoError(t, w.Buy(t.Context(), queue.Task{OrderID: o.ID}))
	o = s.read(o)
	require.Equal(t, order.Canceled, o.State)
	require.Equal(t, o.Price, o.Refunded)
	require.Zero(t, o.Attempt, "nothing was sent")
	require.Equal(t, []string{"canceled"}, s.told(o))
	s.audit()
}
