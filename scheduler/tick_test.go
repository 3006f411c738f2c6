package scheduler

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/queue"
)

func TestATickDoesWhatIsDueAndNoMore(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.place(3)
	d.now = d.now.Add(30 * time.Second)
	require.NoError(t, d.both[0].Tick(t.Context()))
	require.EqualValues(t, 3, d.depth(queue.Buy("up-a")))
	require.Zero(t, d.depth(queue.Low("up-a")), "balances are no part of a tick")
	d.db.Pool.Close()
	require.ErrorContains(t, d.both[0].Tick(t.Context()), "queued")
}
