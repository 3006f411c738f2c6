package budget

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPauseClosesEveryProcessAndEnds(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	limit := Limit{2, 20 * time.Millisecond}
	a, b := s.opened(limit, time.Minute), s.pod(limit, time.Minute)
	closed := time.Now()
	require.NoError(t, a.Close(background, 400*time.Millisecond, "429"))
	_, free, err := b.TryAcquire(background, Buy)
	require.NoError(t, err)
	require.False(t, free)
	state, err := b.State(background)
	require.NoError(t, err)
	require.WithinDuration(t, closed.Add(400*time.Millisecond), state.ClosedUntil, 200*time.Millisecond)
	require.Equal(t, "429", state.Why)
	require.Zero(t, state.Free)
	acquire(t, b, Buy)
	require.Greater(t, time.Since(closed), 400*time.Millisecond)
	state, err = b.State(background)
	require.NoError(t, err)
	require.True(t, state.ClosedUntil.IsZero())
	require.Empty(t, state.Why)
}

func TestShorterPauseNeverShortensALongerOne(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(oneAnHour, time.Minute)
	require.NoError(t, b.Close(background, time.Hour, "block page"))
	require.NoError(t, b.Close(background, time.Second, "429"))
	require.NoError(t, b.Close(background, -time.Second, "nonsense"))
	state, err := b.State(background)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), state.ClosedUntil, time.Minute)
	require.Equal(t, "block page", state.Why)
	refused(t, b, Buy, 50*time.Millisecond)
	require.NoError(t, b.Reopen(background))
	acquire(t, b, Buy)
}

func TestPauseOutlivesAFlush(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, 20 * time.Millisecond}, time.Minute)
	require.NoError(t, b.Close(background, time.Hour, "block page"))
	s.Flush()
	require.Eventually(t, func() bool {
		state, err := b.State(background)
		return err == nil && state.ClosedUntil.After(time.Now().Add(50*time.Minute))
	}, soon, 10*time.Millisecond)
	refused(t, b, Buy, 100*time.Millisecond)
}

func TestStateTellsAnOperatorWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	limit := Limit{3, time.Hour}
	fresh := s.pod(limit, time.Minute)
	state, err := fresh.State(background)
	require.NoError(t, err)
	require.Equal(t, State{Limit: limit, InUse: 3, Waiting: map[Class]int{}}, state)

	b := s.opened(limit, time.Minute)
	acquire(t, b, Poll)
	acquire(t, b, Poll).Release(background)
	state, err = b.State(background)
	require.NoError(t, err)
	require.True(t, state.Known)
	require.Equal(t, []int{2, 1}, []int{state.InUse, state.Free})
	require.Equal(t, limit, state.Limit)
	require.WithinDuration(t, time.Now().Add(time.Hour), state.NextFree, 2*time.Minute)

	acquire(t, b, Poll)
	l := &line{s: s}
	l.join(b, Catalog, "")
	l.join(b, Catalog, "")
	state, err = b.State(background)
	require.NoError(t, err)
	require.Equal(t, map[Class]int{Catalog: 2}, state.Waiting)
	require.NoError(t, b.Stop(background))
	l.wg.Wait()
}
