package scheduler

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/queue"
)

func TestCallbacksWhoseTaskWasLostAreHandedOutByTwoSchedulersOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	door := callback.NewDoor(d.db.Pool, map[string]string{"t": "up-a"}, d.clock, slog.New(slog.DiscardHandler), nil)
	for i := range 5 {
		id, _ := door.Take(t.Context(), "t", http.Header{}, strings.NewReader(fmt.Sprint(i)))
		require.NotZero(t, id)
	}
	require.Zero(t, d.atOnce((*Scheduler).callbacksOnce), "a fresh one has its own task")
	d.now = d.now.Add(5 * time.Second)
	require.Equal(t, 5, d.atOnce((*Scheduler).callbacksOnce))
	require.EqualValues(t, 5, d.depth(queue.Callback("up-a")))
	d.now = d.now.Add(callbackAgain)
	d.atOnce((*Scheduler).callbacksOnce)
	require.EqualValues(t, 5, d.depth(queue.Callback("up-a")), "a task that still waits is not doubled")
	require.NoError(t, d.rdb.FlushAll(t.Context()).Err())
	d.now = d.now.Add(callbackAgain)
	d.atOnce((*Scheduler).callbacksOnce)
	require.EqualValues(t, 5, d.depth(queue.Callback("up-a")), "what Redis lost is put back")

	s := d.both[0]
	_, err := s.measureOnce(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 5, testutil.ToFloat64(s.rows.callbacks), 0)
	require.InDelta(t, 45, testutil.ToFloat64(s.rows.callbackAge), 0)
	d.now = d.now.Add(25 * time.Hour)
	require.Equal(t, 5, d.atOnce((*Scheduler).callbacksTrimOnce), "polls have told by then")
	require.Zero(t, d.atOnce((*Scheduler).callbacksOnce))
	_, err = s.measureOnce(t.Context())
	require.NoError(t, err)
	require.Zero(t, testutil.ToFloat64(s.rows.callbacks))
}
