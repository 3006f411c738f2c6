package budget

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// line is calls that wait, and the order in which they are given slots.
type line struct {
	s  *server
	mu sync.Mutex
	// given holds names in order; every slot given is back at once when unused, so order is all there is.
	given []string
	wg    sync.WaitGroup
}

// join has a call of class wait in b under a name, and returns when Redis knows of it.
func (l *line) join(b *Budget, class Class, name string) {
	l.s.t.Helper()
	before, err := b.State(background)
	require.NoError(l.s.t, err)
	l.wg.Go(func() {
		slot, err := b.Acquire(within(l.s.t, soon), class)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.given = append(l.given, name)
		l.mu.Unlock()
		slot.Unused(background)
	})
	l.s.queued(b, class, before.Waiting[class]+1)
}

func (l *line) order() []string {
	l.wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.given
}

var oneAnHour = Limit{1, time.Hour}

func TestWaitersAreServedByClassAcrossProcesses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.opened(oneAnHour, time.Minute, Ageing(time.Hour))
	b := s.pod(oneAnHour, time.Minute, Ageing(time.Hour))
	held := acquire(t, a, Buy)
	l := &line{s: s}
	for i, class := range []Class{Catalog, Balance, Poll, Ask, Cancel, Buy} {
		l.join([]*Budget{a, b}[i%2], class, class.String())
	}
	held.Unused(background)
	require.Equal(t, []string{"buy", "cancel", "ask", "poll", "balance", "catalog"}, l.order())
}

func TestWithinAClassTheFirstIsServedFirstAcrossProcesses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.opened(oneAnHour, time.Minute)
	b := s.pod(oneAnHour, time.Minute)
	held := acquire(t, a, Buy)
	l := &line{s: s}
	for i, name := range []string{"1", "2", "3", "4", "5", "6"} {
		l.join([]*Budget{a, b}[i/2%2], Poll, name)
	}
	held.Unused(background)
	require.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, l.order())
}

func TestUnservedClassAgesUntilItIsItsTurn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	step := 100 * time.Millisecond
	a := s.opened(oneAnHour, time.Minute, Ageing(step))
	held := acquire(t, a, Buy)
	l := &line{s: s}
	l.join(a, Poll, "old poll")
	l.join(a, Poll, "second poll")
	pass(3*step + 50*time.Millisecond)
	l.join(a, Buy, "buy")
	l.join(a, Buy, "second buy")
	held.Unused(background)
	require.Equal(t, []string{"old poll", "buy", "second buy", "second poll"}, l.order())
}

func TestPurchasesInARowLeavePollsAShare(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, 10 * time.Millisecond}, time.Minute, Ageing(50*time.Millisecond))
	var mu sync.Mutex
	given := map[Class]int{}
	ctx, cancel := context.WithCancel(within(t, soon))
	defer cancel()
	var wg sync.WaitGroup
	for _, class := range []Class{Buy, Buy, Buy, Poll, Poll} {
		wg.Go(func() {
			for {
				slot, err := b.Acquire(ctx, class)
				if err != nil {
					return
				}
				mu.Lock()
				given[class]++
				if given[Buy] >= 60 {
					cancel()
				}
				mu.Unlock()
				slot.Release(ctx)
			}
		})
	}
	wg.Wait()
	require.Positive(t, given[Poll], "one for 150 ms of purchases")
	require.Less(t, given[Poll], 15)
}

func TestPauseAgesNobody(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	step := 50 * time.Millisecond
	a := s.opened(oneAnHour, time.Minute, Ageing(step))
	require.NoError(t, a.Close(background, time.Hour, "block page"))
	l := &line{s: s}
	l.join(a, Poll, "poll")
	pass(4 * step)
	l.join(a, Buy, "buy")
	require.NoError(t, a.Reopen(background))
	require.Equal(t, []string{"buy", "poll"}, l.order())
}

// A thousand polls wait in four processes and are being worked off; then a purchase comes.
func TestPurchaseAmidAThousandPollsLeavesWithTheNextFreeSlot(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	limit := Limit{2, 200 * time.Millisecond}
	pods := []*Budget{s.opened(limit, time.Minute), s.pod(limit, time.Minute), s.pod(limit, time.Minute), s.pod(limit, time.Minute)}
	ctx, cancel := context.WithCancel(within(t, soon))
	defer cancel()
	polls := make(chan struct{}, 1000)
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			slot, err := pods[i%4].Acquire(ctx, Poll)
			if err != nil {
				return
			}
			polls <- struct{}{}
			slot.Release(ctx)
		})
	}
	calls := func() int64 {
		state, err := pods[0].State(background)
		require.NoError(t, err)
		require.Greater(t, state.Waiting[Poll], 900)
		return s.scriptCalls()
	}
	for range 6 {
		<-polls
	}
	before := calls()
	for range 10 {
		<-polls
	}
	require.Less(t, calls()-before, int64(100), "a handful of calls a slot")
	for range 3 {
		for len(polls) > 0 {
			<-polls
		}
		begun := time.Now()
		slot := acquire(t, pods[3], Buy)
		require.LessOrEqual(t, len(polls), 2, "at most those that were on their way out when it came")
		require.Less(t, time.Since(begun), 2*limit.Per)
		slot.Release(ctx)
	}
	cancel()
	wg.Wait()
	require.Eventually(t, func() bool {
		state, err := pods[0].State(background)
		return err == nil && len(state.Waiting) == 0
	}, soon, 5*time.Millisecond, "those who left are forgotten")
}

func TestWaitersOfADeadProcessAreForgotten(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dead := s.opened(oneAnHour, time.Minute)
	held := acquire(t, dead, Buy)
	l := &line{s: s}
	l.join(dead, Buy, "dead")
	crash(dead)
	b := s.pod(oneAnHour, time.Minute)
	l2 := &line{s: s}
	l2.join(b, Catalog, "alive")
	died := time.Now()
	held.Unused(background)
	require.Equal(t, []string{"alive"}, l2.order())
	require.Less(t, time.Since(died), 3*time.Second)
	require.NoError(t, dead.Stop(background))
	l.wg.Wait()
}

func TestStoppedProcessLeavesTheLineAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.opened(oneAnHour, time.Minute)
	held := acquire(t, a, Buy)
	failed := make(chan error, 1)
	go func() {
		_, err := a.Acquire(within(t, soon), Buy)
		failed <- err
	}()
	s.queued(a, Buy, 1)
	require.NoError(t, a.Stop(background))
	require.ErrorIs(t, <-failed, ErrStopped)
	state, err := a.State(background)
	require.NoError(t, err)
	require.Empty(t, state.Waiting)
	require.Equal(t, 1, state.InUse)

	held.Unused(background) // slots that are out can still go back
	acquire(t, s.pod(oneAnHour, time.Minute), Catalog)
	_, err = a.Acquire(background, Buy)
	require.ErrorIs(t, err, ErrStopped)
	_, _, err = a.TryAcquire(background, Buy)
	require.ErrorIs(t, err, ErrStopped)
	require.NoError(t, a.Stop(background))
}

func TestTryAcquireTakesOnlyWhatNobodyElseWaitsFor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.opened(oneAnHour, time.Minute)
	slot, free, err := a.TryAcquire(background, Poll)
	require.NoError(t, err)
	require.True(t, free)
	_, free, err = a.TryAcquire(background, Buy)
	require.NoError(t, err)
	require.False(t, free)
	state, err := a.State(background)
	require.NoError(t, err)
	require.Empty(t, state.Waiting, "one that only tried does not wait")

	other := s.pod(oneAnHour, time.Minute)
	l := &line{s: s}
	l.join(other, Ask, "ask")
	crash(other) // so that its waiter stays known and is not served
	slot.Unused(background)
	_, free, err = a.TryAcquire(background, Poll)
	require.NoError(t, err)
	require.False(t, free, "an ask waits")
	slot, free, err = a.TryAcquire(background, Buy)
	require.NoError(t, err)
	require.True(t, free)
	require.Equal(t, Buy, slot.Class())
	require.NoError(t, other.Stop(background))
}

func TestUnknownClassIsRefused(t *testing.T) {
	t.Parallel()
	b := newServer(t).opened(oneAnHour, time.Minute)
	_, err := b.Acquire(background, Class(6))
	require.Error(t, err)
	_, _, err = b.TryAcquire(background, Class(-1))
	require.Error(t, err)
	require.Equal(t, "unknown", Class(6).String())
}
