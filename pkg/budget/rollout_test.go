package budget

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// busy has pods call without pause until the function that it gives is called, which waits for the last answer.
func (j *judge) busy(ctx context.Context, longest time.Duration, pods ...*Budget) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, b := range pods {
		for range 6 {
			running.Go(func() {
				for {
					slot, err := b.Acquire(ctx, Buy)
					if err != nil {
						return
					}
					j.call(longest)
					slot.Release(context.WithoutCancel(ctx))
				}
			})
		}
	}
	return func() { cancel(); running.Wait() }
}

// after is a judge of the arrivals after a moment.
func (j *judge) after(at time.Time) *judge {
	j.mu.Lock()
	defer j.mu.Unlock()
	kept := &judge{}
	for _, a := range j.arrivals {
		if a.After(at) {
			kept.arrivals = append(kept.arrivals, a)
		}
	}
	return kept
}

func TestALimitIsTheStricterWhileProcessesAreReplaced(t *testing.T) {
	t.Parallel()
	const latency = 20 * time.Millisecond
	strict, loose := Limit{2, 200 * time.Millisecond}, Limit{5, 200 * time.Millisecond}
	ruled := func(b *Budget, limit Limit) {
		t.Helper()
		require.Eventually(t, func() bool {
			state, err := b.State(background)
			return err == nil && state.Limit == limit
		}, soon, 2*time.Millisecond)
	}
	never := func(j *judge, limit Limit) {
		t.Helper()
		n, tightest := j.breaches(limit)
		require.Zero(t, n, "%v: %s", limit, tightest)
	}

	t.Run("lowered", func(t *testing.T) {
		t.Parallel()
		s, j := newServer(t), &judge{}
		old := []*Budget{s.opened(loose, time.Minute), s.pod(loose, time.Minute)}
		stop := j.busy(t.Context(), latency, old...)
		require.Eventually(t, func() bool { return j.count() > 20 }, soon, 2*time.Millisecond)
		fresh := s.pod(strict, time.Minute) // it has nothing to ask for, and counts all the same
		fresh.Announce()
		ruled(fresh, strict)
		mark := time.Now().Add(latency) // what was allowed before has arrived
		lowered := func() bool { return j.after(mark).count() > 10 }
		require.Eventually(t, lowered, soon, 2*time.Millisecond)
		stop()
		never(j.after(mark), strict)
		never(j, loose)
	})

	t.Run("raised", func(t *testing.T) {
		t.Parallel()
		s, j := newServer(t), &judge{}
		old := s.opened(strict, time.Minute)
		old.Announce()
		ruled(old, strict)
		fresh := s.pod(loose, time.Minute)
		fresh.Announce()
		stop := j.busy(t.Context(), latency, fresh)
		require.Eventually(t, func() bool { return j.count() > 10 }, soon, 2*time.Millisecond)
		ruled(fresh, strict)
		stop()
		never(j, strict)
	})
}

func TestAnnouncingIsDoneOnceAndNotAfterTheEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.pod(Limit{1, 100 * time.Millisecond}, time.Minute)
	b.Announce()
	b.Announce()
	require.NoError(t, b.Stop(within(t, soon)))
	b.Announce()
	_, err := b.Acquire(background, Buy)
	require.ErrorIs(t, err, ErrStopped)
}
