package catalog

import (
	"slices"
)

const (
	basisPoints = 10_000
	// MaxCost bounds what a cost can be, in rupiah, so that no price overflows.
	MaxCost int64 = 1_000_000_000_000
)

// Markup is what a tier pays on top of the cost.
type Markup struct {
	PercentBP int64 // basis points: 100 is one percent
	Fixed     int64 // rupiah
}

// Rounding is what all prices obey.
type Rounding struct {
	// Step: prices are multiples of it, rounded up; zero means one rupiah.
	Step int64
	// Floor: no price is under cost + Floor, in rupiah.
	Floor int64
}

// PriceOf is the price in rupiah for a cost of 0 to MaxCost: with the markup, not under
// cost + floor, rounded up to the step; at least one step, since nothing is free.
func PriceOf(cost int64, m Markup, r Rounding) int64 {
	step := max(r.Step, 1)
	price := (cost*(basisPoints+m.PercentBP)+basisPoints-1)/basisPoints + m.Fixed
	price = max(price, cost+r.Floor, 1)
	return (price + step - 1) / step * step
}

// markupKey is what a markup is for: a scope (sku, brand, grp, category) and a key in it.
type markupKey struct{ scope, key string }

// pricing is the tiers and their markups.
type pricing struct {
	tiers   []int // ascending
	markups map[int]map[markupKey]Markup
}

// equal tells whether every price comes out the same.
func (p *pricing) equal(q *pricing) bool {
	if p == nil || q == nil || !slices.Equal(p.tiers, q.tiers) || len(p.markups) != len(q.markups) {
		return p == q
	}
	for tier, ms := range p.markups {
		other := q.markups[tier]
		if len(ms) != len(other) {
			return false
		}
		for k, m := range ms {
			if o, ok := other[k]; !ok || o != m {
				return false
			}
		}
	}
	return true
}

// markup finds a tier's for a product: the most specific of sku, brand, group and
// category. A tier that has none takes that of the tier below, which pays more.
func (p *pricing) markup(tier int, prod *Product) Markup {
	keys := [...]markupKey{
		{"sku", prod.SKU},
		{"brand", Fold(prod.Brand)},
		{"grp", Slug(prod.Group)},
		{"category", string(prod.Category)},
	}
	for i := len(p.tiers) - 1; i >= 0; i-- {
		if p.tiers[i] > tier {
			continue
		}
		ms := p.markups[p.tiers[i]]
		for _, k := range keys {
			if m, ok := ms[k]; ok {
				return m
			}
		}
	}
	return Markup{}
}

// categoryMarkup is a tier's markup for a whole category.
func (p *pricing) categoryMarkup(tier int, category string) Markup {
	for i := len(p.tiers) - 1; i >= 0; i-- {
		if p.tiers[i] > tier {
			continue
		}
		if m, ok := p.markups[p.tiers[i]][markupKey{"category", category}]; ok {
			return m
		}
	}
	return Markup{}
}

// tierIndex is the place of the highest tier that is not above the asked one; the
// lowest tier's when all are.
func tierIndex(tiers []int, tier int) int {
	at, found := slices.BinarySearch(tiers, tier)
	if found || at == 0 {
		return at
	}
	return at - 1
}
