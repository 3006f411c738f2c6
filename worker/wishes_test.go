package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// then takes a step on an order, as if its source had said so.
func (s *stage) then(o *order.Order, step order.Step) *order.Order {
	s.t.Helper()
	now := s.read(o)
	step.OrderID, step.Attempt, step.Cause = o.ID, now.Attempt, "test"
	out, err := s.writer.Do(s.t.Context(), step)
	require.NoError(s.t, err)
	return out
}

// answered is a rented number to which a code has come.
func (s *stage) answered(ref string) *order.Order {
	s.t.Helper()
	end := s.now.Add(15 * time.Minute)
	o := s.then(s.order(s.otpAt("up-a", ref, 2, 2)), order.Step{To: order.Sending})
	o = s.then(o, order.Step{To: order.Processing, UpstreamRef: "R-" + ref, ExpiresAt: &end})
	return s.then(o, order.Step{To: order.Completed, Outcome: "succeeded", Messages: []order.Message{{Code: "1111"}}})
}

// filled is a social media order that may be refilled.
func (s *stage) filled(ref string) *order.Order {
	s.t.Helper()
	o := s.then(s.order(&order.Request{
		WalletID: s.wallet, Ref: ref, Category: order.SMM, SKU: "S", Name: "S", ProductID: 3, Quantity: 1000, Price: 9_000, Target: &ref, Link: ref,
		Terms: &order.Terms{Units: 1000, Total: 1000, Cancel: true, Refill: true}, Route: order.Route{Upstream: "up-a", OfferID: 3, Code: "55", Cost: 5_000},
	}), order.Step{To: order.Sending})
	o = s.then(o, order.Step{To: order.Processing, UpstreamRef: "S-" + ref})
	later := s.now.Add(time.Hour)
	return s.then(o, order.Step{To: order.Completed, Outcome: "succeeded", NextRunAt: &later})
}

func (s *stage) resend(o *order.Order) *order.Order {
	s.t.Helper()
	o, err := s.writer.Resend(s.t.Context(), s.db.Bun, s.wallet, o.Ref)
	require.NoError(s.t, err)
	return o
}

// tells has a source say how a number stands, by whatever question.
func (l *line) tells(codes ...string) {
	r := upstream.Result{State: upstream.Succeeded}
	for _, c := range codes {
		r.Messages = append(r.Messages, upstream.Message{Code: c})
	}
	l.say("status", r, nil)
	l.say("bulk", r, nil)
}

// comers are those who come upon an open wish: the task of the merchant's request and
// a poll turn.
func comers(w *Worker, o *order.Order) map[string]func() error {
	ctx := context.Background()
	return map[string]func() error{
		"the task": func() error { return w.Act(ctx, queue.Task{OrderID: o.ID}) },
		"a turn":   func() error { return w.PollTurn(ctx, queue.Task{}) },
	}
}

// sources are a source that is asked about one order at a time, and one about many.
func sources() map[string]func(*line) upstream.Driver {
	return map[string]func(*line) upstream.Driver{
		"one at a time": func(l *line) upstream.Driver { return l },
		"many":          func(l *line) upstream.Driver { return many{l} },
	}
}

var waiting = upstream.Reject(upstream.ReasonRequest, "wait", "a code is being waited for already") //nolint:gochecknoglobals,errname // what a source says to a second wish

func TestAWishIsToldOnceWhoeverComesUponIt(t *testing.T) {
	t.Parallel()
	for kind, driver := range sources() {
		for _, first := range []string{"the task", "a turn"} {
			t.Run(fmt.Sprintf("a further code: %s first, %s", first, kind), func(t *testing.T) {
				t.Parallel()
				s := newStage(t, emulate.Always(0))
				l := newLine()
				w := s.over("up-a", driver(l))
				others := []*order.Order{s.answered("r1"), s.answered("r2")} // so that many are due
				for i, o := range others {
					others[i] = s.resend(o)
				}
				o := others[0]
				l.say("resend", upstream.Result{State: upstream.Pending}, nil)
				l.tells("1111")
				require.NoError(t, w.Act(t.Context(), queue.Task{OrderID: others[1].ID}))
				all := comers(w, o)
				s.meanwhile(l.holds("resend"), all[first], func() {
					l.say("resend", upstream.Result{}, waiting)
					for range 3 {
						for name, come := range all {
							require.NoError(t, come(), name)
						}
						s.advance(5 * time.Second)
					}
					require.False(t, s.read(o).Facts.WishSent, "it is on its way")
				})
				require.Equal(t, 2, l.count("resend"), "once for each")
				o = s.read(o)
				require.True(t, o.Facts.WishSent)
				require.True(t, o.ResendRequested)
				require.NotNil(t, o.NextRunAt, "the code is looked for")
				l.tells("1111", "2222")
				o = s.poll(w, o, time.Minute)
				require.Len(t, o.Facts.Messages, 2)
				require.False(t, o.ResendRequested)
				require.Equal(t, []string{"processing", "completed", "completed"}, s.told(o))
				require.Equal(t, 2, l.count("resend"))
				s.audit()
			})
			t.Run(fmt.Sprintf("a refill: %s first, %s", first, kind), func(t *testing.T) {
				t.Parallel()
				s := newStage(t, emulate.Always(0))
				l := newLine()
				w := s.over("up-a", driver(l))
				o := s.filled("x")
				o, err := s.writer.Refill(t.Context(), s.db.Bun, s.wallet, o.Ref)
				require.NoError(t, err)
				l.tells()
				l.refills(&upstream.Refill{UpstreamRef: "F-1"}, nil)
				all := comers(w, o)
				s.meanwhile(l.holds("refill"), all[first], func() {
					l.refills(nil, upstream.Reject(upstream.ReasonRequest, "no", "a refill is under way"))
					for range 3 {
						for name, come := range all {
							require.NoError(t, come(), name)
						}
						s.advance(5 * time.Second)
					}
				})
				o = s.read(o)
				require.Equal(t, 1, l.count("refill"))
				require.Equal(t, order.RefillProcessing, o.Facts.Refill.Status)
				require.Equal(t, "F-1", o.Facts.Refill.UpstreamRef)
				s.poll(w, o, 10*time.Minute)
				require.Equal(t, 1, l.count("refill status"))
				require.Equal(t, 1, l.count("refill"))
			})
		}
	}
	for _, first := range []string{"the task", "another task"} {
		t.Run("a cancel: "+first, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, emulate.Always(0))
			l := newLine()
			w := s.over("up-a", l)
			l.say("submit", upstream.Result{State: upstream.Pending, UpstreamRef: "R1"}, nil)
			l.say("status", upstream.Result{State: upstream.Pending}, nil)
			l.say("cancel", upstream.Result{State: upstream.Pending}, nil)
			o := s.buy(w, s.order(s.otpAt("up-a", "r1", 2, 2)))
			s.cancel(o)
			all := comers(w, o)
			s.meanwhile(l.holds("cancel"), all["the task"], func() {
				for range 3 {
					require.NoError(t, all["the task"]())
					require.NoError(t, all["a turn"]())
					s.advance(5 * time.Second)
				}
				require.GreaterOrEqual(t, l.count("status"), 3, "it is asked about meanwhile")
				if first == "the task" {
					return
				}
				l.say("status", upstream.Result{State: upstream.Succeeded, Messages: []upstream.Message{{Code: "1"}}}, nil)
				o = s.poll(w, o, time.Minute)
				require.Equal(t, order.Completed, o.State, "a code that comes first wins")
			})
			require.Equal(t, 1, l.count("cancel"))
			o = s.read(o)
			if o.State == order.Completed {
				require.Nil(t, o.NextRunAt, "nothing is looked for")
				return
			}
			require.NotNil(t, o.Facts.ToldAt)
			l.say("status", upstream.Result{State: upstream.Canceled}, nil)
			o = s.poll(w, o, time.Second)
			s.canceled(o)
		})
	}
}

func TestAWishOfAWorkerThatDiedIsToldByAnother(t *testing.T) {
	t.Parallel()
	for kind, driver := range sources() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, emulate.Always(0))
			l := newLine()
			w := s.over("up-a", driver(l))
			ok := upstream.Result{State: upstream.Pending}
			for _, op := range []string{"resend", "finish", "cancel"} {
				l.say(op, ok, nil)
			}
			l.tells("1111")
			l.refills(&upstream.Refill{UpstreamRef: "F-1"}, nil)
			again, last, filled := s.resend(s.answered("again")), s.answered("last"), s.filled("x")
			last, err := s.writer.Finish(t.Context(), s.db.Bun, s.wallet, last.Ref)
			require.NoError(t, err)
			filled, err = s.writer.Refill(t.Context(), s.db.Bun, s.wallet, filled.Ref)
			require.NoError(t, err)
			wishes := map[string]*order.Order{"resend": again, "finish": last, "refill": filled}
			dead := map[string]int64{}
			for op, o := range wishes {
				require.NotEmpty(t, w.open(o, s.now))
				claimed, err := w.telling(t.Context(), o, w.open(o, s.now))
				require.NoError(t, err)
				dead[op] = claimed.Facts.Telling.Version
				none, err := w.telling(t.Context(), o, w.open(o, s.now))
				require.NoError(t, err)
				require.Nil(t, none, "one has it")
			}
			come := func() {
				for _, o := range wishes {
					for name, come := range comers(w, o) {
						require.NoError(t, come(), name)
					}
				}
			}
			for range 4 {
				come()
				s.advance((callTimeout + sendingMargin) / 4)
			}
			for op := range wishes {
				require.Zero(t, l.count(op), op)
			}
			require.NoError(t, w.PollTurn(t.Context(), queue.Task{}))
			s.advance(time.Minute)
			come()
			for op, o := range wishes {
				require.Equal(t, 1, l.count(op), op)
				_, err := s.writer.Do(t.Context(), order.Step{OrderID: o.ID, Attempt: o.Attempt, Cause: "act", Telling: dead[op], Wish: order.WishRefused})
				require.ErrorIs(t, err, order.ErrStale, "its answer comes too late")
			}
			require.True(t, s.read(again).Facts.WishSent)
			require.True(t, s.read(last).Facts.FinishTold)
			require.Equal(t, order.RefillProcessing, s.read(filled).Facts.Refill.Status)

			l.say("submit", upstream.Result{State: upstream.Pending, UpstreamRef: "R9"}, nil)
			o := s.buy(w, s.order(s.otpAt("up-a", "cancel", 2, 2)))
			s.cancel(o)
			o = s.read(o)
			_, err = w.telling(t.Context(), o, w.open(o, s.now))
			require.NoError(t, err)
			require.NoError(t, w.Act(t.Context(), queue.Task{OrderID: o.ID}))
			require.Zero(t, l.count("cancel"))
			s.advance(callTimeout + sendingMargin)
			require.NoError(t, w.Act(t.Context(), queue.Task{OrderID: o.ID}))
			require.Equal(t, 1, l.count("cancel"))
			require.Equal(t, 1, l.count("submit"))
			s.audit()
		})
	}
}

func TestARefusalAfterALostAnswerSaysNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Always(0))
	l := newLine()
	w := s.over("up-a", l)
	o := s.resend(s.answered("r1"))
	l.tells("1111")
	l.say("resend", upstream.Result{}, &upstream.Error{Class: upstream.Unknown}) // it arrived
	o = s.poll(w, o, time.Second)
	require.True(t, o.Facts.WishLost)
	require.True(t, o.Wished())
	l.say("resend", upstream.Result{}, waiting)
	o = s.poll(w, o, time.Minute)
	require.Equal(t, 2, l.count("resend"))
	require.True(t, o.ResendRequested)
	l.tells("1111", "2222")
	o = s.poll(w, o, time.Minute)
	require.Len(t, o.Facts.Messages, 2)
	require.False(t, o.ResendRequested)

	o = s.resend(o) // a wish of its own: a refusal is one
	o = s.poll(w, o, time.Second)
	require.False(t, o.ResendRequested)
	require.Nil(t, o.NextRunAt)
	require.Equal(t, 3, l.count("resend"))

	o = s.resend(o) // nothing left: no doubt
	l.say("resend", upstream.Result{}, &upstream.Error{Class: upstream.NotSent})
	o = s.poll(w, o, time.Second)
	require.False(t, o.Facts.WishLost)
	require.True(t, o.Wished())
	l.say("resend", upstream.Result{}, waiting)
	o = s.poll(w, o, time.Minute)
	require.False(t, o.ResendRequested)
	s.audit()
}

func TestOneWishAfterTheOther(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Always(0))
	l := newLine()
	w := s.over("up-a", l)
	l.tells("1111")
	l.say("finish", upstream.Result{State: upstream.Pending}, nil)
	l.say("resend", upstream.Result{State: upstream.Pending}, nil)
	o := s.resend(s.answered("r1"))
	task := comers(w, o)["the task"]
	s.meanwhile(l.holds("resend"), task, func() {
		_, err := s.writer.Finish(t.Context(), s.db.Bun, s.wallet, o.Ref)
		require.NoError(t, err)
		for name, come := range comers(w, o) {
			require.NoError(t, come(), name)
		}
		require.Zero(t, l.count("finish"), "one at a time")
	})
	o = s.poll(w, o, time.Second)
	require.Equal(t, 1, l.count("resend"))
	require.Equal(t, 1, l.count("finish"))
	require.True(t, o.Facts.FinishTold)

	// A code came while its wish was told, and the merchant asks for another: that is told
	// as well, whatever is said to the first.
	o = s.resend(s.answered("r2"))
	task = comers(w, o)["the task"]
	s.meanwhile(l.holds("resend"), task, func() {
		s.then(o, order.Step{Messages: []order.Message{{Code: "2222"}}})
		s.resend(o)
	})
	require.False(t, s.read(o).Facts.WishSent)
	o = s.poll(w, o, time.Second)
	require.True(t, o.Facts.WishSent)
	require.Equal(t, 3, l.count("resend"))
	s.audit()
}
