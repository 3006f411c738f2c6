package worker

import (
	"context"
	"testing"
	"time"

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

// A worker whose claim met a database that was away once took it back minutes later,
// when another worker had claimed the order and was sending it: a third bought it again.
func TestAClaimThatWasNotKeptTakesBackNoOther(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Always(0))
	o := s.place("r1", "081234567890")
	lost := s.clock().Add(s.a.Client.Timeout + sendingMargin)
	s.advance(time.Second)
	step := order.Step{Attempt: o.Attempt, From: order.Queued, Version: o.Version, To: order.Sending}
	claimed, err := s.a.claim(t.Context(), o, step, "claim")
	require.NoError(t, err)
	require.NotNil(t, claimed)
	stands := func() *order.Order {
		got, err := order.ByID(t.Context(), s.db.Bun, o.ID)
		require.NoError(t, err)
		return got
	}
	require.NoError(t, s.a.unclaim(t.Context(), o, false, &lost, "claim"))
	require.Equal(t, order.Sending, stands().State, "the other's is on its way")
	require.NoError(t, s.a.unclaim(t.Context(), o, false, stands().NextRunAt, "claim"))
	require.Equal(t, order.Queued, stands().State, "its own is taken back")
}
