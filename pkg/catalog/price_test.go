package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/order"
)

func TestPrices(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		cost  int64
		m     Markup
		r     Rounding
		price int64
	}{
		{1000, Markup{}, Rounding{}, 1000},
		{1000, Markup{PercentBP: 300, Fixed: 100}, Rounding{}, 1130},
		{1001, Markup{PercentBP: 300}, Rounding{}, 1032}, // 1031.03 and up
		{1000, Markup{PercentBP: 300, Fixed: 100}, Rounding{Step: 50}, 1150},
		{1000, Markup{}, Rounding{Step: 50}, 1000},
		{1000, Markup{PercentBP: 100}, Rounding{Floor: 75}, 1075},
		{1000, Markup{PercentBP: 100}, Rounding{Floor: 75, Step: 100}, 1100},
		{0, Markup{}, Rounding{}, 1},
		{0, Markup{Fixed: 2500}, Rounding{Step: 100}, 2500},
		{MaxCost, Markup{PercentBP: 1_000_000, Fixed: 1_000_000_000}, Rounding{Step: 1000}, 101_001_000_000_000},
	} {
		require.Equal(t, tc.price, PriceOf(tc.cost, tc.m, tc.r), "%+v", tc)
	}
}

func TestNoPriceLosesMoney(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cost := rapid.Int64Range(0, MaxCost).Draw(t, "cost")
		m := Markup{rapid.Int64Range(0, 1_000_000).Draw(t, "bp"), rapid.Int64Range(0, 1_000_000_000).Draw(t, "fixed")}
		r := Rounding{rapid.Int64Range(0, 10_000).Draw(t, "step"), rapid.Int64Range(0, 1_000_000).Draw(t, "floor")}
		step := max(r.Step, 1)
		price := PriceOf(cost, m, r)
		require.GreaterOrEqual(t, price, cost+r.Floor)
		require.Zero(t, price%step)
		// Never more than one step above what markup or floor ask for.
		exact := max(cost+cost*m.PercentBP/10_000+1+m.Fixed, cost+r.Floor, 1)
		require.Less(t, price, exact+step)
		require.LessOrEqual(t, price, PriceOf(cost+rapid.Int64Range(0, 1000).Draw(t, "more"), m, r), "a higher cost has no lower price")
	})
}

func TestTheMostSpecificMarkupHolds(t *testing.T) {
	t.Parallel()
	p := &pricing{tiers: []int{1, 3, 4}, markups: map[int]map[markupKey]Markup{
		1: {{"category", "ppob"}: {1, 0}, {"grp", "paket-data"}: {2, 0}, {"brand", "freefire"}: {3, 0}, {"sku", "FFID50"}: {4, 0}},
		3: {{"category", "ppob"}: {5, 0}},
		4: {},
	}}
	of := func(tier int, sku, brand, group string) int64 {
		return p.markup(tier, &Product{SKU: sku, Brand: brand, Group: group, Category: order.PPOB}).PercentBP
	}
	require.EqualValues(t, 1, of(1, "X", "X", "Games"))
	require.EqualValues(t, 2, of(1, "X", "X", "Paket Data"))
	require.EqualValues(t, 3, of(1, "X", "FREE FIRE", "Paket Data"))
	require.EqualValues(t, 4, of(1, "FFID50", "FREE FIRE", "Paket Data"))
	require.EqualValues(t, 5, of(3, "FFID50", "FREE FIRE", "Paket Data"), "what a lower tier has is not this one's")
	require.EqualValues(t, 5, of(4, "X", "X", "Games"), "a tier without any pays what the one below pays")
	require.EqualValues(t, 1, of(2, "X", "X", "Games"), "so does one that does not exist")
	require.Zero(t, of(0, "X", "X", "Games"))
	require.Zero(t, p.markup(1, &Product{Category: order.SMM}).PercentBP)
	require.EqualValues(t, 5, p.categoryMarkup(4, "ppob").PercentBP)
	require.Zero(t, p.categoryMarkup(0, "ppob").PercentBP)
	require.Zero(t, p.categoryMarkup(4, "otp").PercentBP)

	require.True(t, p.equal(p))
	require.False(t, p.equal(nil))
	other := &pricing{tiers: p.tiers, markups: map[int]map[markupKey]Markup{1: p.markups[1], 3: {{"category", "ppob"}: {6, 0}}, 4: {}}}
	require.False(t, p.equal(other))
	require.False(t, p.equal(&pricing{tiers: p.tiers, markups: map[int]map[markupKey]Markup{1: {}, 3: p.markups[3], 4: {}}}))

	for tier, at := range map[int]int{0: 0, 1: 0, 2: 0, 3: 1, 4: 2, 9: 2} {
		require.Equal(t, at, tierIndex(p.tiers, tier), "tier %d", tier)
	}
}
