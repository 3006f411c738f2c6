package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

func TestALateSerialNumberIsAwaitedThroughAnswersThatTellNothing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 21, 4, 0, 0, 0, time.UTC)
	f := facts{now: now, o: &order.Order{Category: order.PPOB, State: order.Completed, CreatedAt: now.Add(-time.Hour)}}
	for state, taken := range map[upstream.State]bool{
		upstream.NotFound: false, upstream.Pending: false, upstream.Succeeded: false, upstream.State(""): false,
		upstream.Failed: true, upstream.Canceled: true, upstream.Partial: true, upstream.Expired: true,
	} {
		s := afterFinal(f, &upstream.Result{State: state})
		require.Equal(t, taken, s.Flag != "", "%q", state)
		require.Equal(t, taken, s.NextRunAt == nil, "%q", state)
		require.Empty(t, s.To, "%q", state)
	}
	f.o.CreatedAt = now.Add(-lateSerial)
	require.Nil(t, afterFinal(f, &upstream.Result{State: upstream.NotFound}).NextRunAt, "for a day")
	f.o.CreatedAt, f.o.Facts.SN = now, "SN-1"
	require.Nil(t, afterFinal(f, &upstream.Result{State: upstream.NotFound}).NextRunAt, "it has come")
}
