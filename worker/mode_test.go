package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

func TestAnOrderOfAnotherModeNeverLeavesUs(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	s.a.Mode = catalog.Test
	o := s.buy(s.a, s.place("r1", "081234567890"))
	require.Equal(t, order.Failed, o.State)
	require.Empty(t, s.ppob.Books().Requests, "not one byte")
	require.EqualValues(t, 10_000_000, s.balance())

	s.a.Mode = catalog.Live
	s.fault(s.ppob.Core, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase"})
	o = s.buy(s.a, s.place("r2", "081234567890"))
	require.Equal(t, order.Unknown, o.State)
	s.ppob.ClearFaults(0)
	s.a.Mode = catalog.Test
	for range 5 {
		o = s.poll(s.a, o, time.Minute)
	}
	require.Empty(t, s.ppob.Books().Purchases, "nor is one sent again")
	require.Equal(t, order.Unknown, o.State)
	s.audit()
}
