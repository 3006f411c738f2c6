package scheduler

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/float"
	"github.com/muarahq/muara/pkg/order"
)

func TestPurchasesAreNotKeptBackForEver(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.place(2)
	watch := &float.Watch{Ripe: 50 * time.Second}
	claim := func(id int64) error {
		_, err := d.writer.Do(t.Context(), order.Step{OrderID: id, From: order.Queued, To: order.Sending, Cause: "claim", Watch: watch, NextRunAt: &d.now})
		return err
	}
	require.NoError(t, claim(ids[0]))
	require.Equal(t, 1, d.atOnce((*Scheduler).stuckOnce))
	require.ErrorIs(t, claim(ids[1]), order.ErrHeld)
	d.now = d.now.Add(9 * time.Minute)
	require.Zero(t, d.atOnce((*Scheduler).doubtsOnce))
	s := d.both[0]
	_, err := s.measureOnce(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 540, testutil.ToFloat64(s.rows.held.WithLabelValues("up-a")), 0)
	d.now = d.now.Add(time.Minute)
	require.Equal(t, 1, d.atOnce((*Scheduler).doubtsOnce))
	o, err := order.ByID(t.Context(), d.db.Bun, ids[0])
	require.NoError(t, err)
	require.Equal(t, order.Unknown, o.State, "time decides nothing but who is told")
	require.Contains(t, o.Flag, "purchases go on")
	require.NotNil(t, o.NextRunAt, "it is looked at on")
	require.NoError(t, claim(ids[1]))
	_, err = s.measureOnce(t.Context())
	require.NoError(t, err)
	require.Zero(t, testutil.ToFloat64(s.rows.held.WithLabelValues("up-a")))
	_, err = s.pruneOnce(t.Context())
	require.NoError(t, err)
}

func TestWhatAnOlderProcessLeftBehindKeepsNothingBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.place(2)
	watch := &float.Watch{Ripe: 50 * time.Second}
	_, err := d.writer.Do(t.Context(), order.Step{OrderID: ids[0], From: order.Queued, To: order.Sending, Cause: "claim", Watch: watch})
	require.NoError(t, err)
	// As a binary that knows nothing of accounts would end it.
	_, err = d.db.Pool.Exec(t.Context(), `UPDATE orders SET serial = false WHERE id = $1`, ids[0])
	require.NoError(t, err)
	_, err = d.writer.Do(t.Context(), order.Step{OrderID: ids[0], Attempt: 1, To: order.Failed, Cause: "submit"})
	require.NoError(t, err)
	d.now = d.now.Add(watch.Ripe)
	held, err := float.HeldBack(t.Context(), d.db.Pool, "up-a", d.now)
	require.NoError(t, err)
	require.True(t, held)
	d.now = d.now.Add(10 * time.Minute)
	require.Equal(t, 1, d.atOnce((*Scheduler).doubtsOnce))
	held, err = float.HeldBack(t.Context(), d.db.Pool, "up-a", d.now)
	require.NoError(t, err)
	require.False(t, held)
}

func TestAVerdictThatWasTakenBackIsWeighedAgainSoon(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.place(2)
	watch := &float.Watch{Ripe: 50 * time.Second, Keeps: 15 * time.Minute}
	later := d.now.Add(15 * time.Minute)
	for _, id := range ids {
		_, err := d.writer.Do(t.Context(), order.Step{OrderID: id, From: order.Queued, To: order.Sending, Cause: "claim", Watch: watch})
		require.NoError(t, err)
	}
	for i, stand := range []float.Stand{float.Orphan, float.Void} {
		_, err := d.writer.Do(t.Context(), order.Step{OrderID: ids[i], Attempt: 1, To: order.Unknown, Cause: "submit", NextRunAt: &later})
		require.NoError(t, err)
		_, err = d.writer.Do(t.Context(), order.Step{OrderID: ids[i], Attempt: 1, Stand: stand, Cause: "lookup", NextRunAt: &later})
		require.NoError(t, err)
	}
	require.Zero(t, d.atOnce((*Scheduler).doubtsOnce))
	// Of two that nobody could tell apart the other was the one.
	_, err := d.writer.Do(t.Context(), order.Step{OrderID: ids[1], Attempt: 1, Sends: 1, To: order.Processing, UpstreamRef: "T", Cause: "submit", NextRunAt: &later})
	require.NoError(t, err)
	require.Equal(t, 1, d.atOnce((*Scheduler).doubtsOnce))
	o, err := order.ByID(t.Context(), d.db.Bun, ids[0])
	require.NoError(t, err)
	require.False(t, o.NextRunAt.After(d.now))
}
