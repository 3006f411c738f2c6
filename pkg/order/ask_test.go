package order

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOnlyOneMayAskInItsTime(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 4_000))
	_, _, err := NoteAsk(t.Context(), s.db.Pool, o, s.now, time.Minute)
	require.ErrorIs(t, err, ErrStale, "what is queued is not asked about")
	o = s.do(o, Step{To: Sending})
	_, _, err = NoteAsk(t.Context(), s.db.Pool, o, s.now, time.Minute)
	require.ErrorIs(t, err, ErrStale, "nor what is being sent")
	o = s.do(o, Step{To: Processing, Outcome: "accepted"})

	at, may, err := NoteAsk(t.Context(), s.db.Pool, o, s.now.Add(59*time.Second), time.Minute)
	require.NoError(t, err)
	require.False(t, may)
	require.WithinDuration(t, o.SentAt.Add(time.Minute), at, 0, "the sending counts")

	now := s.now.Add(time.Minute)
	var won atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			at, may, err := NoteAsk(t.Context(), s.db.Pool, o, now, time.Minute)
			if err != nil || (!may && !at.Equal(now.Add(time.Minute))) {
				t.Error(at, may, err)
			}
			if may {
				won.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, won.Load())
	_, may, err = NoteAsk(t.Context(), s.db.Pool, o, now.Add(time.Minute), time.Minute)
	require.NoError(t, err)
	require.True(t, may)

	later := now.Add(time.Hour)
	require.NoError(t, LookAt(t.Context(), s.db.Pool, o, later))
	looked, err := ByID(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	require.WithinDuration(t, later, *looked.NextRunAt, 0)
	require.Equal(t, o.Version, looked.Version)

	moved := s.do(o, Step{To: Failed})
	require.NoError(t, LookAt(t.Context(), s.db.Pool, o, later))
	looked, err = ByID(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	require.Nil(t, looked.NextRunAt, "it was written since")
	_, _, err = NoteAsk(t.Context(), s.db.Pool, o, now.Add(time.Hour), time.Minute)
	require.ErrorIs(t, err, ErrStale, "it is not as it was read")
	_, may, err = NoteAsk(t.Context(), s.db.Pool, moved, now.Add(time.Hour), time.Minute)
	require.NoError(t, err)
	require.True(t, may)
}
