package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// number is a rented one of an age in seconds that was looked at so many seconds ago.
func (s *stage) number(id int64, age, ago float64) order.Candidate {
	since := s.now.Add(-seconds(age))
	end := since.Add(15 * time.Minute)
	return order.Candidate{
		ID: id, ProductID: 2, Category: order.OTP, State: order.Processing, Since: since, LookedAt: s.now.Add(-seconds(ago)), ExpiresAt: &end,
	}
}

func TestTheNewsThatIsExpectedToHaveWaitedLongestIsAskedForFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	for name, c := range map[string]struct{ first, second order.Candidate }{
		"at an age at which codes come":        {s.number(1, 40, 10), s.number(2, 600, 60)},
		"the longer unasked of two alike":      {s.number(1, 40, 20), s.number(2, 40, 10)},
		"one that can have its code by now":    {s.number(1, 20, 20), s.number(2, 4, 4)},
		"none starves":                         {s.number(1, 850, 800), s.number(2, 40, 10)},
		"a number whose end was not heard":     {s.number(1, 960, 80), s.number(2, 600, 60)},
		"but a code before an end just passed": {s.number(1, 60, 30), s.number(2, 902, 30)},
		"one that is watched": {
			func() order.Candidate { c := s.number(1, 40, 10); c.Watched = true; return c }(), s.number(2, 40, 15),
		},
		"but not for ever": {
			s.number(1, 40, 20), func() order.Candidate { c := s.number(2, 600, 60); c.Watched = true; return c }(),
		},
		"what nobody knows to be bought": {
			func() order.Candidate { c := s.number(1, 40, 10); c.State = order.Unknown; return c }(), s.number(2, 40, 15),
		},
		"an open wish before all": {
			func() order.Candidate { c := s.number(1, 600, 1); c.Wished = true; return c }(), s.number(2, 60, 60),
		},
	} {
		require.Equal(t, []int64{1, 2}, s.b.rank([]order.Candidate{c.first, c.second}, s.now), name)
		require.Equal(t, []int64{1, 2}, s.b.rank([]order.Candidate{c.second, c.first}, s.now), name)
	}
}

func TestOnlyTheBestAreOffered(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	var due []order.Candidate
	for i := range 100 {
		due = append(due, s.number(int64(i), 60, float64(100-i)/2))
	}
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	ids := s.b.rank(due, s.now)
	require.Len(t, ids, offered)
	for i, id := range ids {
		require.EqualValues(t, i, id)
	}
	require.Empty(t, s.b.rank(nil, s.now))
}

func TestNoOrderStarvesHoweverManyAreMoreWorthIt(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	old := s.buy(s.b, s.rent("old"))
	s.advance(5 * time.Minute)
	old = s.poll(s.b, old, 0)
	asked := s.clock()
	for i := range 30 {
		s.buy(s.b, s.rent(fmt.Sprint("r", i)))
	}
	for s.read(old).UpdatedAt.Equal(old.UpdatedAt) { // one question every two seconds
		s.advance(2 * time.Second)
		require.Less(t, s.clock().Sub(asked), 10*time.Minute)
		slot, err := s.b.Client.Reserve(t.Context(), budget.Poll)
		require.NoError(t, err)
		_, err = s.b.pollOnce(t.Context(), slot)
		require.NoError(t, err)
	}
	require.Greater(t, s.clock().Sub(asked), time.Minute, "others went first for a while")
}

func TestWorkersThatChooseAtOnceAskAboutDifferentOrders(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	var os []*order.Order
	for i := range 12 {
		os = append(os, s.buy(s.b, s.rent(fmt.Sprint("r", i))))
	}
	s.advance(30 * time.Second)
	other := s.worker("up-b", "rumahotp", s.serve(s.otp)+"/api")
	before := len(s.otp.Books().Requests)
	var all sync.WaitGroup
	for i := range len(os) {
		w := []*Worker{s.b, other}[i%2]
		all.Go(func() {
			slot, err := w.Client.Reserve(context.Background(), budget.Poll)
			if err == nil {
				_, err = w.pollOnce(context.Background(), slot)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	asked := map[string]int{}
	for _, r := range s.otp.Books().Requests[before:] {
		asked[r.Ref]++
	}
	require.Len(t, asked, len(os))
	for ref, n := range asked {
		require.Equal(t, 1, n, ref)
	}
}

// taught is what the lessons have come to: news, and seconds of watching.
func (s *stage) taught() (news, seconds float64) {
	s.t.Helper()
	require.NoError(s.t, s.b.arrivals.Sync(s.t.Context(), s.clock().Add(time.Hour)))
	require.NoError(s.t, s.db.Pool.QueryRow(s.t.Context(), `SELECT coalesce(sum((SELECT sum(n) FROM unnest(news) n)), 0), coalesce(sum((SELECT sum(n) FROM unnest(seconds) n)), 0)
		FROM arrivals WHERE upstream = 'up-b' AND category = 'otp' AND product_id = 2`).Scan(&news, &seconds))
	return news, seconds
}

func TestEveryLookIsALesson(t *testing.T) {
	t.Parallel()
	t.Run("a code", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, always(emulate.Outcome{Result: emulate.Success, After: 30 * time.Second}))
		o := s.buy(s.b, s.rent("r1"))
		s.poll(s.b, o, 20*time.Second)
		require.Equal(t, order.Completed, s.poll(s.b, o, 20*time.Second).State)
		news, seconds := s.taught()
		require.InDelta(t, 1, news, 1e-6)
		require.InDelta(t, 30, seconds, 10, "until it came")
		require.GreaterOrEqual(t, seconds, 20.0)
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
		o := s.buy(s.b, s.rent("r1"))
		s.poll(s.b, o, 20*time.Second)
		require.Equal(t, order.Expired, s.poll(s.b, o, time.Hour).State)
		news, seconds := s.taught()
		require.Zero(t, news)
		require.InDelta(t, 900, seconds, 1, "it was watched until its end, and no longer")
	})
	t.Run("a wish", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
		o := s.buy(s.b, s.rent("r1"))
		_, err := s.writer.Cancel(t.Context(), s.db.Bun, s.wallet, "r1")
		require.NoError(t, err)
		require.NoError(t, s.b.Act(t.Context(), queue.Task{OrderID: o.ID}))
		require.Equal(t, order.Canceled, s.poll(s.b, o, time.Second).State)
		news, seconds := s.taught()
		require.Zero(t, news+seconds)
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
		o := s.buy(s.b, s.rent("r1"))
		s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Drop, Endpoint: "read"})
		s.poll(s.b, o, 20*time.Second)
		s.b.lesson(o, &upstream.Result{State: upstream.NotFound})
		news, seconds := s.taught()
		require.Zero(t, news+seconds)
	})
}
