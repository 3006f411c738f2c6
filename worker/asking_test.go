package worker

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
)

// shop is a provider whose only question is the purchase itself, once a minute. It
// buys what it does not know, whoever asks.
type shop struct {
	s    *stage
	rule upstream.AskRule

	mu     sync.Mutex
	known  map[string]*upstream.Result // by Ref
	first  upstream.Result             // what becomes of a purchase at first
	lose   int                         // so many answers are lost, carried out
	miss   int                         // so many requests never arrive
	refuse error                       // what a sending after the first is refused for
	at     []time.Time                 // arrivals
	sends  []int
	bought int
	absent bool // Status denies what it knows
}

const apart = time.Minute

func newShop(s *stage) *shop {
	return &shop{
		s: s, rule: upstream.AskRule{Every: apart, Within: 80 * 24 * time.Hour, Buys: true}, known: map[string]*upstream.Result{},
		first: upstream.Result{State: upstream.Succeeded, SN: "SN-1"},
	}
}

func (d *shop) AskRule(*upstream.Purchase) upstream.AskRule { return d.rule }

func (d *shop) Submit(_ context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sends = append(d.sends, p.Sends)
	if d.miss > 0 {
		d.miss--
		return nil, &upstream.Error{Err: errors.New("lost on its way")}
	}
	if p.Sends > 1 && d.refuse != nil {
		return nil, d.refuse
	}
	return d.take(p)
}

// take carries a purchase out once, and says how it stands.
func (d *shop) take(p *upstream.Purchase) (*upstream.Result, error) {
	d.at = append(d.at, d.s.clock())
	if d.known[p.Ref] == nil {
		d.bought++
		r := d.first
		r.UpstreamRef = p.Ref
		d.known[p.Ref] = &r
	}
	if d.lose > 0 {
		d.lose--
		return nil, &upstream.Error{Err: errors.New("answer lost")}
	}
	r := *d.known[p.Ref]
	return &r, nil
}

func (d *shop) Status(_ context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.absent {
		d.at = append(d.at, d.s.clock())
		return &upstream.Result{State: upstream.NotFound, Code: "50"}, nil
	}
	return d.take(p)
}

// decide changes what became of everything that was bought.
func (d *shop) decide(r upstream.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ref := range d.known {
		known := r
		known.UpstreamRef = ref
		d.known[ref] = &known
	}
}

// spaced sees that no two arrivals were closer than the rule allows.
func (d *shop) spaced() {
	d.s.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := 1; i < len(d.at); i++ {
		require.GreaterOrEqual(d.s.t, d.at[i].Sub(d.at[i-1]), apart)
	}
}

func (d *shop) arrivals() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.at)
}

func TestALostAnswerIsFetchedBySendingAgainOnceAMinute(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	d := newShop(s)
	d.lose = 3
	w := s.over("up-a", d)
	o := s.buy(w, s.place("r1", "081234567890"))
	require.Equal(t, order.Unknown, o.State)
	for range 20 {
		o = s.poll(w, o, 10*time.Second)
	}
	require.Equal(t, order.Unknown, o.State)
	for range 30 {
		o = s.poll(w, o, 30*time.Second)
	}
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, "SN-1", o.Facts.SN)
	require.Equal(t, 1, d.bought)
	require.Equal(t, 1, o.Attempt, "the same reference all along")
	require.Equal(t, []int{1, 2, 3, 4}, d.sends)
	d.spaced()
	s.audit()
}

func TestWhatNeverArrivedIsBoughtByTheQuestion(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	d := newShop(s)
	d.miss = 1
	w := s.over("up-a", d)
	o := s.buy(w, s.place("r1", "081234567890"))
	require.Equal(t, order.Unknown, o.State)
	for range 8 {
		o = s.poll(w, o, 15*time.Second)
	}
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, 1, d.bought)
	require.EqualValues(t, 9_980_000, s.balance(), "it is paid for")
	s.audit()
}

func TestAPendingPurchaseIsAskedAboutOnceAMinuteWhateverBringsItForward(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	d := newShop(s)
	d.first.State, d.first.SN = upstream.Pending, ""
	w, twin := s.over("up-a", d), s.over("up-a", d)
	o := s.buy(w, s.place("r1", "081234567890"))
	require.Equal(t, order.Processing, o.State)
	require.GreaterOrEqual(t, o.NextRunAt.Sub(s.now), apart)
	for range 90 { // as a hint, an operator or a crash would
		_, err := s.db.Pool.Exec(t.Context(), `UPDATE orders SET next_run_at = $1`, s.now)
		require.NoError(t, err)
		var both sync.WaitGroup
		for _, pod := range []*Worker{w, twin} {
			both.Go(func() {
				if err := pod.PollTurn(context.Background(), queue.Task{}); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		s.advance(5 * time.Second)
	}
	d.spaced()
	require.InDelta(t, 8, d.arrivals(), 1)
	d.decide(upstream.Result{State: upstream.Succeeded, SN: "SN-9"})
	o = s.poll(w, o, 2*apart)
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, 1, d.bought)
	s.audit()
}

func TestAfterTheRefundNobodyAsks(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	d := newShop(s)
	d.first = upstream.Result{State: upstream.Failed, Reason: upstream.ReasonLate}
	w := s.over("up-a", d)
	o := s.buy(w, s.place("r1", "081234567890"))
	require.Equal(t, order.Failed, o.State)
	require.Nil(t, o.NextRunAt, "a question would buy at our cost")
	require.EqualValues(t, 10_000_000, s.balance())
	_, err := s.db.Pool.Exec(t.Context(), `UPDATE orders SET next_run_at = $1`, s.now)
	require.NoError(t, err)
	o = s.poll(w, o, time.Hour)
	require.Nil(t, o.NextRunAt)
	require.Equal(t, 1, d.arrivals())
	require.Equal(t, order.Failed, o.State)
	s.audit()
}

func TestASerialNumberIsWaitedForWhileTheMoneyIsOurs(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	d := newShop(s)
	d.first.SN = ""
	w := s.over("up-a", d)
	o := s.buy(w, s.place("r1", "081234567890"))
	require.Equal(t, order.Completed, o.State)
	require.GreaterOrEqual(t, o.NextRunAt.Sub(s.now), apart)
	d.decide(upstream.Result{State: upstream.Succeeded, SN: "SN-late"})
	o = s.poll(w, o, 2*apart)
	require.Equal(t, "SN-late", o.Facts.SN)
	require.Nil(t, o.NextRunAt)
	d.spaced()
	s.audit()
}

func TestWhatIsTooOldIsNeverAskedAbout(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]upstream.State{"pending": upstream.Pending, "lost": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			d := newShop(s)
			d.first.State, d.first.SN = first, ""
			if first == "" {
				d.miss = 1
			}
			w := s.over("up-a", d)
			o := s.buy(w, s.place("r1", "081234567890"))
			asked := d.arrivals()
			o = s.poll(w, o, 80*24*time.Hour)
			require.Equal(t, asked, d.arrivals())
			require.NotEmpty(t, o.Flag, "a person has to decide")
			require.Nil(t, o.NextRunAt)
			require.False(t, o.State.Final())
			s.audit()
		})
	}
}

func TestARefusalOfASecondSendingProvesNothing(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]error{
		"known already": upstream.Reject(upstream.ReasonDuplicate, "49", ""),
		"too soon":      &upstream.Error{Class: upstream.Throttled, After: apart},
		"not sent":      &upstream.Error{Class: upstream.NotSent},
		"no answer":     errors.New("timeout"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			d := newShop(s)
			d.lose, d.refuse = 1, refusal
			w := s.over("up-a", d)
			o := s.buy(w, s.place("r1", "081234567890"))
			for range 40 {
				o = s.poll(w, o, time.Minute)
			}
			require.Equal(t, order.Unknown, o.State)
			require.Greater(t, len(d.sends), 2)
			require.NotEmpty(t, o.Flag)
			require.EqualValues(t, 9_980_000, s.balance())
			d.refuse = nil
			for range 20 {
				o = s.poll(w, o, 5*time.Minute)
			}
			require.Equal(t, order.Completed, o.State)
			require.Equal(t, 1, d.bought)
			s.audit()
		})
	}
}

func TestWhatOnlyBuyingTellsWaitsWhileTheSourceIsPaused(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	d := newShop(s)
	d.miss = 1
	w := s.over("up-a", d)
	o := s.buy(w, s.place("r1", "081234567890"))
	require.NoError(t, catalog.Pause(t.Context(), s.db.Pool, "up-a", "closed", "test", s.now))
	for range 10 {
		o = s.poll(w, o, time.Minute)
	}
	require.Zero(t, d.arrivals())
	require.NoError(t, catalog.Resume(t.Context(), s.db.Pool, "up-a", "test", s.now))
	for range 3 {
		o = s.poll(w, o, 2*time.Minute)
	}
	require.Equal(t, order.Completed, o.State)
	s.audit()
}

func TestALostBillIsAskedAboutByOurReference(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	d := newShop(s)
	d.rule = upstream.AskRule{Every: apart, ByRef: true}
	d.lose = 1
	w := s.over("up-a", d)
	o := s.buy(w, s.place("r1", "081234567890"))
	require.Equal(t, order.Unknown, o.State)
	d.absent = true
	for range 5 {
		o = s.poll(w, o, 2*time.Minute)
	}
	require.Equal(t, order.Unknown, o.State, "that it is not known proves nothing")
	require.NotEmpty(t, o.Flag)
	d.absent = false
	for range 3 {
		o = s.poll(w, o, 20*time.Minute)
	}
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, []int{1}, d.sends, "it was sent once")
	d.spaced()
	s.audit()
}

func TestWhatMayComeAboutElsewhereOrLateIsNotTriedElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := func() *order.Route { return &order.Route{Upstream: "up-c"} }
	for reason, failover := range map[upstream.Reason]bool{
		upstream.ReasonLate: false, upstream.ReasonTwin: false, upstream.ReasonRepeat: true, upstream.ReasonRequest: true, upstream.ReasonProduct: true,
	} {
		f := facts{o: &order.Order{State: order.Sending}, now: time.Now(), next: elsewhere}
		for _, s := range []order.Step{
			afterResult(f, &upstream.Result{State: upstream.Failed, Reason: reason}), afterError(f, upstream.Reject(reason, "", "")),
		} {
			require.Equal(t, failover, s.To == order.Queued, reason)
			require.Equal(t, failover, s.To != order.Failed, reason)
		}
	}
}
