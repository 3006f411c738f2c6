package order

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestOurReferenceIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id, n := rapid.Int64Range(0, math.MaxInt64).Draw(t, "id"), rapid.IntRange(1, 1000).Draw(t, "attempt")
		gotID, gotN, ok := ParseOurRef(OurRef(id, n))
		if !ok || gotID != id || gotN != n {
			t.Fatalf("%d %d %v", gotID, gotN, ok)
		}
	})
	for _, ref := range []string{
		"", "M", "M0000000000001", "M00000000000010", "M000000000000101", "M0000000000001-1", "M0000000000001+1", "N00000000000011", "M000000000000U1", "TEST-1",
		"M000000000000199999999999", " M00000000000011", "m00000000000011",
	} {
		_, _, ok := ParseOurRef(ref)
		require.False(t, ok, ref)
	}
}

func TestRaisingShowsAnOrderAndChangesNothingElse(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	later := s.now.Add(time.Hour)
	open := s.do(s.sent("open"), Step{To: Processing, NextRunAt: &later, UpstreamRef: "UP-1"})
	done := s.do(s.sent("done"), Step{To: Completed, Outcome: "succeeded"})
	flagged := s.do(s.sent("flagged"), Step{To: Unknown, Flag: "older", NextRunAt: &later})
	sending := s.sent("sending")
	for _, o := range []*Order{open, done, flagged, sending} {
		require.NoError(t, s.w.Raise(t.Context(), s.db.Bun, o.ID, "look", "reconcile"))
		after, err := ByID(t.Context(), s.db.Bun, o.ID)
		require.NoError(t, err)
		want := "look"
		if o == flagged {
			want = "older"
		}
		require.Equal(t, want, after.Flag)
		require.Equal(t, [4]any{o.State, o.Attempt, o.UpstreamRef, o.Refunded}, [4]any{after.State, after.Attempt, after.UpstreamRef, after.Refunded})
		if o.NextRunAt == nil {
			require.Nil(t, after.NextRunAt, "nobody looks at it again")
		} else {
			require.True(t, o.NextRunAt.Equal(*after.NextRunAt))
		}
	}
	e, err := ReadEvidence(t.Context(), s.db.Bun, done.ID)
	require.NoError(t, err)
	last := e.Events[len(e.Events)-1]
	require.Equal(t, "reconcile", last.Cause)
	require.Contains(t, last.Detail, "look")
	require.ErrorIs(t, s.w.Raise(t.Context(), s.db.Bun, 77, "look", "reconcile"), ErrNotFound)

	busy := s.do(s.sent("busy"), Step{To: Processing, NextRunAt: &later})
	var both sync.WaitGroup
	both.Go(func() {
		for range 20 {
			if _, err := s.w.Do(t.Context(), Step{OrderID: busy.ID, Attempt: 1, NextRunAt: &later, Polled: true}); err != nil {
				t.Error(err)
			}
		}
	})
	err = s.w.Raise(t.Context(), s.db.Bun, busy.ID, "look", "reconcile")
	both.Wait()
	if err != nil {
		require.ErrorIs(t, err, ErrStale, "it gives up rather than write over what moved")
	} else {
		after, err := ByID(t.Context(), s.db.Bun, busy.ID)
		require.NoError(t, err)
		require.Equal(t, "look", after.Flag)
	}
	got, err := ByIDs(t.Context(), s.db.Pool, []int64{busy.ID, 77, done.ID})
	require.NoError(t, err)
	require.Len(t, got, 2)
}
