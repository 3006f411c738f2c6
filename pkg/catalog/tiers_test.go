package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
)

func TestPricesMoveWithTiersAndMarkups(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx := t.Context()
	s.imported("alpha", "p", games())
	price := func(tier int) int64 {
		s.refresh()
		return s.c.Snapshot().Price(s.product("MLID10"), tier)
	}
	below := price(4)
	name, orders, volume := "Diamond", int64(100_000), int64(9_000_000_000)
	require.NoError(t, catalog.SetTier(ctx, s.pool, 5, catalog.TierChange{Name: &name, MinOrders: &orders, MinVolume: &volume}, "test", s.clock()))
	require.Equal(t, below, price(5), "a new tier pays what the one below pays")
	require.NoError(t, catalog.SetMarkup(ctx, s.pool, 5, catalog.MarkupSKU, "MLID10", catalog.Markup{}, "test", s.clock()))
	require.EqualValues(t, 2550, price(5), "never under cost + floor")
	require.Equal(t, below, price(4))
	require.NoError(t, catalog.RemoveMarkup(ctx, s.pool, 5, catalog.MarkupSKU, "MLID10", "test", s.clock()))
	require.Equal(t, below, price(5), "what is less specific holds again")
	require.ErrorIs(t, catalog.RemoveMarkup(ctx, s.pool, 5, catalog.MarkupSKU, "MLID10", "test", s.clock()), catalog.ErrNotFound)
	require.NoError(t, catalog.SetMarkup(ctx, s.pool, 5, catalog.MarkupBrand, "Mobile Legends", catalog.Markup{PercentBP: 250}, "test", s.clock()))
	list, err := catalog.Markups(ctx, s.pool, 5)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, catalog.Markup{PercentBP: 250}, list[0].Markup)
	require.Positive(t, list[0].Products)
	require.ErrorIs(t, catalog.SetMarkup(ctx, s.pool, 5, catalog.MarkupSKU, "X", catalog.Markup{PercentBP: 1_000_001}, "test", s.clock()), catalog.ErrInvalid)
	less := int64(1)
	require.ErrorIs(t, catalog.SetTier(ctx, s.pool, 5, catalog.TierChange{MinOrders: &less}, "test", s.clock()), catalog.ErrInvalid)
}
