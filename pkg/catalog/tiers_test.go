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
	require.NoError(t, catalog.SetMarkup(ctx, s.pool, 5, catalog.MarkupSKU, "MLID10", both(0, 0), "test", s.clock()))
	require.EqualValues(t, 2550, price(5), "never under cost + floor")
	require.Equal(t, below, price(4))
	require.NoError(t, catalog.RemoveMarkup(ctx, s.pool, 5, catalog.MarkupSKU, "MLID10", "test", s.clock()))
	require.Equal(t, below, price(5), "what is less specific holds again")
	require.ErrorIs(t, catalog.RemoveMarkup(ctx, s.pool, 5, catalog.MarkupSKU, "MLID10", "test", s.clock()), catalog.ErrNotFound)
	require.NoError(t, catalog.SetMarkup(ctx, s.pool, 5, catalog.MarkupBrand, "Mobile Legends", both(250, 0), "test", s.clock()))
	list, err := catalog.Markups(ctx, s.pool, 5)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, catalog.Markup{PercentBP: 250}, list[0].Markup)
	require.Positive(t, list[0].Products)
	require.ErrorIs(t, catalog.SetMarkup(ctx, s.pool, 5, catalog.MarkupSKU, "X", both(1_000_001, 0), "test", s.clock()), catalog.ErrInvalid)
	less := int64(1)
	require.ErrorIs(t, catalog.SetTier(ctx, s.pool, 5, catalog.TierChange{MinOrders: &less}, "test", s.clock()), catalog.ErrInvalid)
}

// both is a change of a markup that leaves nothing out.
func both(percentBP, fixed int64) catalog.MarkupChange {
	return catalog.MarkupChange{PercentBP: &percentBP, Fixed: &fixed}
}

func TestAMarkupKeepsWhatAChangeLeavesOut(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	set := func(c catalog.MarkupChange) error {
		return catalog.SetMarkup(t.Context(), s.pool, 1, catalog.MarkupBrand, "Telkomsel", c, "cli:ops", s.clock())
	}
	stands := func(want string) {
		t.Helper()
		var got, detail string
		require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT percent_bp || ' ' || fixed FROM markups WHERE key = 'telkomsel' AND tier = 1`).Scan(&got))
		require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT detail ->> 'PercentBP' || ' ' || (detail ->> 'Fixed') FROM audit_log ORDER BY id DESC LIMIT 1`).Scan(&detail))
		require.Equal(t, want, got)
		require.Equal(t, want, detail, "the audit log has it as it stands")
	}
	percent, fixed := int64(250), int64(50)
	require.ErrorIs(t, set(catalog.MarkupChange{}), catalog.ErrInvalid, "everything at cost")
	require.NoError(t, set(catalog.MarkupChange{PercentBP: &percent}))
	stands("250 0")
	require.NoError(t, set(catalog.MarkupChange{Fixed: &fixed}))
	stands("250 50")
	percent = 0
	require.NoError(t, set(catalog.MarkupChange{PercentBP: &percent}))
	stands("0 50")
}
