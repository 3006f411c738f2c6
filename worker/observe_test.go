package worker

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// condition is how an upstream does, as all processes know it.
func (s *stage) condition(name string) catalog.Condition {
	s.t.Helper()
	all, err := catalog.Upstreams(s.t.Context(), s.db.Pool)
	require.NoError(s.t, err)
	for _, u := range all {
		if u.Name == name {
			return u.Condition
		}
	}
	s.t.Fatal("no such upstream")
	return catalog.Condition{}
}

func TestLostPurchasesMakeASourceAiling(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	for i := range 4 {
		s.buy(s.b, s.rent(fmt.Sprint("good", i)))
		s.advance(6 * time.Second)
	}
	c := s.condition("up-b")
	require.InDelta(t, 4, c.Good, 0.1)
	require.InDelta(t, 4, c.Calls, 0.1)
	require.Zero(t, c.Bad)
	require.Empty(t, c.Ailing(s.now))
	s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Garbled, Endpoint: "purchase"})
	for i := range 3 {
		o := s.buy(s.b, s.rent(fmt.Sprint("bad", i)))
		_, err := s.db.Pool.Exec(t.Context(), `UPDATE float_moves SET stand = 'spoilt' WHERE subject_id = $1`, o.ID)
		require.NoError(t, err)
	}
	require.NoError(t, s.b.told(t.Context()))
	require.InDelta(t, 1, s.condition("up-b").Bad, 0.1, "it is told every few seconds")
	s.advance(observedEvery)
	require.NoError(t, s.b.BalanceTurn(t.Context(), queue.Task{}))
	c = s.condition("up-b")
	require.InDelta(t, 3, c.Bad, 0.1)
	require.Equal(t, "many purchases fail", c.Ailing(s.now))
	require.Empty(t, c.Ailing(s.now.Add(time.Hour)), "it is forgotten, and tried again")
}
