package budget

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var background = context.Background()

func TestBudgetOpensAHoldAndAGapAfterTheFirstSight(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	begun := time.Now()
	b := s.pod(Limit{2, 100 * time.Millisecond}, 300*time.Millisecond)
	acquire(t, b, Buy).Unused(background)
	require.Greater(t, time.Since(begun), 400*time.Millisecond)
}

func TestRecoveryZeroOpensAGapAfterTheFirstSight(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	begun := time.Now()
	b := s.pod(Limit{2, 100 * time.Millisecond}, time.Hour, Recovery(0))
	acquire(t, b, Buy).Unused(background)
	require.Greater(t, time.Since(begun), 100*time.Millisecond)
}

func TestSlotIsFreeAGapAfterItsResponseAndNotBefore(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, 200 * time.Millisecond}, time.Minute)
	slot := acquire(t, b, Poll)
	refused(t, b, Buy, 300*time.Millisecond) // it takes longer than Per, and holds its slot
	responded := time.Now()
	slot.Release(background)
	acquire(t, b, Buy)
	require.Greater(t, time.Since(responded), 200*time.Millisecond)
}

func TestUnusedSlotIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, time.Hour}, time.Minute)
	for range 10 {
		acquire(t, b, Poll).Unused(background)
	}
}

func TestUnusedSlotIsSoonSeenByOtherProcesses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, time.Hour}, time.Minute)
	slot := acquire(t, b, Poll)
	other := s.pod(Limit{1, time.Hour}, time.Minute)
	got := acquiring(t, other, Poll)
	s.queued(other, Poll, 1)
	slot.Unused(background)
	select {
	case slot := <-got:
		require.NotNil(t, slot)
	case <-within(t, 2*time.Second).Done():
		t.Fatal("the other process did not see it")
	}
}

func TestOnlyTheFirstEndOfASlotCounts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, time.Hour}, time.Minute)
	slot := acquire(t, b, Poll)
	slot.Release(background)
	slot.Unused(background)
	slot.Release(background)
	state, err := b.State(background)
	require.NoError(t, err)
	require.Equal(t, 1, state.InUse)
	refused(t, b, Buy, 50*time.Millisecond)
}

func TestReleaseOutlivesItsContext(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, 50 * time.Millisecond}, time.Minute)
	slot := acquire(t, b, Poll)
	ctx, cancel := context.WithCancel(background)
	cancel()
	slot.Release(ctx)
	acquire(t, b, Poll)
}

func TestSlotOfADeadProcessIsFreeAHoldAndAGapLater(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	limit, hold := Limit{1, 100 * time.Millisecond}, 400*time.Millisecond
	b := s.opened(limit, hold)
	given := time.Now()
	slot := acquire(t, b, Poll)
	require.WithinDuration(t, given.Add(hold), slot.Deadline(), 100*time.Millisecond)
	require.Equal(t, Poll, slot.Class())
	crash(b)
	other := s.pod(limit, hold)
	acquire(t, other, Buy)
	require.Greater(t, time.Since(given), hold+limit.Per)
}

func TestCallBeyondItsHoldCountsWhileItsProcessLives(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	limit := Limit{1, 50 * time.Millisecond}
	b := s.opened(limit, 100*time.Millisecond)
	slot := acquire(t, b, Poll)
	refused(t, b, Buy, 1200*time.Millisecond)
	slot.Release(background)
	acquire(t, b, Buy)
}

func TestCallInFlightCountsAfterAFlush(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	limit := Limit{1, 1200 * time.Millisecond} // longer than an idle process is silent
	b := s.opened(limit, time.Minute)
	slot := acquire(t, b, Poll)
	s.Flush()
	other := s.pod(limit, time.Minute, Recovery(0))
	refused(t, other, Buy, 2*time.Second)
	slot.Release(background)
	responded := time.Now()
	acquire(t, other, Buy)
	require.Greater(t, time.Since(responded), limit.Per-50*time.Millisecond)
}

func TestEndThatMemoryKnowsNothingOfIsAUse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	limit := Limit{1, 300 * time.Millisecond}
	b := s.opened(limit, time.Minute)
	slot := acquire(t, b, Poll)
	crash(b) // so that nothing but the release speaks of it
	s.Flush()
	other := s.pod(limit, time.Minute, Recovery(0))
	acquire(t, other, Poll).Unused(background)
	responded := time.Now()
	slot.Release(background)
	acquire(t, other, Buy)
	require.Greater(t, time.Since(responded), limit.Per)
}

func TestLostMemoryIsClosed(t *testing.T) {
	t.Parallel()
	limit, hold := Limit{2, 100 * time.Millisecond}, 400*time.Millisecond
	for name, lose := range map[string]func(t *testing.T, s *server){
		"flush":                  func(_ *testing.T, s *server) { s.Flush() },
		"restart without memory": func(_ *testing.T, s *server) { s.Restart() },
		"restart with memory of before": func(t *testing.T, s *server) {
			if s.Real() {
				require.NoError(t, s.rdb.Save(background).Err())
			}
			s.Restart()
		},
		"the uses alone": func(t *testing.T, s *server) { require.NoError(t, s.rdb.Del(background, keysOf("up")[0]).Err()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			b := s.opened(limit, hold, Recovery(hold))
			lose(t, s)
			lost := time.Now()
			acquire(t, b, Buy)
			require.Greater(t, time.Since(lost), hold+limit.Per)
		})
	}
}

func TestScriptsAreSentAgainAfterTheirCacheWasFlushed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, time.Hour}, time.Minute)
	for range 3 {
		slot := acquire(t, b, Poll)
		require.NoError(t, s.rdb.ScriptFlush(background).Err())
		slot.Unused(background)
		require.NoError(t, s.rdb.ScriptFlush(background).Err())
		_, err := b.State(background)
		require.NoError(t, err)
	}
}

func TestClockSetBackTakesTheSlotsAlong(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.opened(Limit{1, 100 * time.Millisecond}, time.Minute)
	acquire(t, b, Poll).Release(background)
	require.NoError(t, b.Close(background, 100*time.Millisecond, "429"))
	crash(b)
	// The same as setting the server's clock back: everything stored is an hour ahead.
	keys, hour := keysOf("up"), float64(time.Hour.Microseconds())
	for _, member := range s.rdb.ZRangeByScore(background, keys[0], rangeAbove(0)).Val() {
		require.NoError(t, s.rdb.ZIncrBy(background, keys[0], hour, member).Err())
	}
	for _, field := range []string{"seen", "closed", "s3"} {
		require.NoError(t, s.rdb.HIncrBy(background, keys[1], field, int64(hour)).Err())
	}
	other := s.pod(Limit{1, 100 * time.Millisecond}, time.Minute)
	slot, err := other.Acquire(within(t, 5*time.Second), Poll)
	require.NoError(t, err)
	require.NotNil(t, slot)
}

func TestStricterLimitRulesWhileBothRun(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	strict := s.opened(Limit{1, 100 * time.Millisecond}, time.Minute)
	loose := s.pod(Limit{3, 50 * time.Millisecond}, time.Minute)
	slot := acquire(t, loose, Buy)
	state, err := strict.State(background)
	require.NoError(t, err)
	require.Equal(t, Limit{1, 100 * time.Millisecond}, state.Limit)
	refused(t, loose, Buy, 150*time.Millisecond)
	responded := time.Now()
	slot.Release(background)
	acquire(t, loose, Buy)
	require.Greater(t, time.Since(responded), 100*time.Millisecond)
}

// rules has b believe in a limit for as long as d after it was last heard of.
func rules(d time.Duration) Option { return func(b *Budget) { b.pace.rule = d } }

func TestMoreSlotsStartUsed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	old := s.opened(Limit{1, 300 * time.Millisecond}, time.Minute, rules(50*time.Millisecond))
	held := acquire(t, old, Buy)
	crash(old)
	pass(100 * time.Millisecond)
	changed := time.Now()
	b := s.pod(Limit{2, 300 * time.Millisecond}, time.Minute)
	acquire(t, b, Buy)
	require.Greater(t, time.Since(changed), 300*time.Millisecond)
	refused(t, b, Buy, 50*time.Millisecond)
	held.Unused(background)
	acquire(t, b, Buy)
}

func TestChangedPerStartsWithAllSlotsUsed(t *testing.T) {
	t.Parallel()
	for name, per := range map[string][2]time.Duration{
		"shorter": {400 * time.Millisecond, 100 * time.Millisecond},
		"longer":  {100 * time.Millisecond, 400 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			old := s.opened(Limit{2, per[0]}, time.Minute, rules(50*time.Millisecond))
			held := acquire(t, old, Buy)
			crash(old)
			pass(100 * time.Millisecond)
			changed := time.Now()
			b := s.pod(Limit{2, per[1]}, time.Minute)
			acquire(t, b, Buy)
			require.Greater(t, time.Since(changed), 400*time.Millisecond)
			refused(t, b, Buy, 150*time.Millisecond)
			held.Unused(background)
			acquire(t, b, Buy)
		})
	}
}

func TestFewerSlotsWaitUntilEnoughHaveEnded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	loose := s.opened(Limit{3, 100 * time.Millisecond}, time.Minute)
	pass(150 * time.Millisecond)
	slots := []*Slot{acquire(t, loose, Buy), acquire(t, loose, Buy), acquire(t, loose, Buy)}
	strict := s.pod(Limit{1, 100 * time.Millisecond}, time.Minute)
	refused(t, strict, Buy, 50*time.Millisecond)
	slots[0].Unused(background)
	slots[1].Unused(background)
	refused(t, strict, Buy, 150*time.Millisecond)
	slots[2].Unused(background)
	acquire(t, strict, Buy)
}
