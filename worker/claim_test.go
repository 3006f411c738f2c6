package worker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// A drain that came between the slot and the claim once cut the claim's commit: it
// was not known whether the order was being sent, and nobody sent it.
func TestADrainDoesNotCutAClaim(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Always(0))
	o := s.place("r1", "081234567890")
	slot, err := s.a.Client.Reserve(t.Context(), budget.Buy)
	require.NoError(t, err)
	drained, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, s.a.submit(drained, o, slot))
	got, err := order.ByID(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	require.Equal(t, order.Completed, got.State)
	require.Len(t, s.ppob.Books().Purchases, 1)
}
