package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

func TestAnOperatorSaysHowOffersAreChosen(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "p", games())
	sku := s.c.Snapshot().All(catalog.Live)[0].SKU
	set := func(sku string, p catalog.Policy) int {
		n, err := catalog.SetPolicy(t.Context(), s.pool, sku, p, "test", s.clock())
		require.NoError(t, err)
		s.refresh()
		return n
	}
	require.Equal(t, catalog.ByPrice, s.product(sku).Policy())
	require.Equal(t, 1, set(sku, catalog.ByWeight))
	all := len(s.c.Snapshot().All(catalog.Live))
	require.Equal(t, all-1, set("", catalog.ByPriority), "what was said of one product stays")
	require.Equal(t, catalog.ByWeight, s.product(sku).Policy())
	require.Zero(t, set("", catalog.ByPriority))
	s.imported("alpha", "p", append(games(), ppob("NEW1", "Free Fire 5 Diamond", "FREE FIRE", "Games", 900)))
	of := map[catalog.Policy]int{}
	for _, p := range s.c.Snapshot().All(catalog.Live) {
		of[p.Policy()]++
	}
	require.Equal(t, map[catalog.Policy]int{catalog.ByWeight: 1, catalog.ByPriority: all}, of, "it holds for later ones")
	_, err := catalog.SetPolicy(t.Context(), s.pool, "NOSUCH", catalog.ByPrice, "test", s.clock())
	require.ErrorIs(t, err, catalog.ErrNotFound)
	_, err = catalog.SetPolicy(t.Context(), s.pool, "", "luck", "test", s.clock())
	require.Error(t, err)
	var n int
	require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action = 'catalog.policy'`).Scan(&n))
	require.Equal(t, 3, n)
}

func TestAnOperatorRanksOffers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	cheap, dear := ppob("ML10", "Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games", 2500), ppob("mlbb10", "Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games", 2600)
	s.imported("alpha", "p", []upstream.Offer{cheap})
	s.imported("beta", "p", []upstream.Offer{dear})
	p := s.c.Snapshot().All(catalog.Live)[0]
	states := s.c.Snapshot().OfferStates(p)
	require.Len(t, states, 2)
	chosen := func() string {
		s.refresh()
		r, err := s.c.Snapshot().Route(s.product(p.SKU), 0)
		require.NoError(t, err)
		return r.Upstream
	}
	require.Equal(t, "alpha", chosen())
	_, err := catalog.SetPolicy(t.Context(), s.pool, p.SKU, catalog.ByPriority, "test", s.clock())
	require.NoError(t, err)
	for _, o := range states {
		priority := map[string]int{"alpha": 2, "beta": 1}[o.Upstream]
		require.NoError(t, catalog.SetRank(t.Context(), s.pool, o.ID, &priority, nil, "test", s.clock()))
	}
	require.Equal(t, "beta", chosen())
	require.NoError(t, catalog.Observe(t.Context(), s.pool, "beta", catalog.Observed{Bad: 10}, s.clock()))
	require.Equal(t, "alpha", chosen(), "others are preferred to one that does badly")
	require.NoError(t, catalog.Pause(t.Context(), s.pool, "alpha", "x", "test", s.clock()))
	require.Equal(t, "beta", chosen(), "but it is better than none")
	zero := 0
	require.ErrorContains(t, catalog.SetRank(t.Context(), s.pool, states[0].ID, nil, &zero, "test", s.clock()), "1 at least")
	require.ErrorIs(t, catalog.SetRank(t.Context(), s.pool, 999_999, &zero, nil, "test", s.clock()), catalog.ErrNotFound)
}
