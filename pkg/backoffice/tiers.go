package backoffice

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/merchant"
)

// TierRow is a tier as operators see it.
type TierRow struct {
	Tier      int    `json:"tier" example:"2"`
	Name      string `json:"name" example:"Silver"`
	MinOrders int64  `json:"min_orders" doc:"Completed orders that it takes to rise to it."`
	MinVolume int64  `json:"min_volume" doc:"Rupiah of them that it takes."`
	Merchants int64  `json:"merchants" doc:"How many are of this tier."`
}

// TierList is all tiers, lowest first.
type TierList struct {
	Count int       `json:"count"`
	Tiers []TierRow `json:"tiers"`
}

// ListTiers gives all tiers.
func ListTiers(ctx context.Context, pool *pgxpool.Pool) (*TierList, error) {
	tiers, err := merchant.Tiers(ctx, pool)
	if err != nil {
		return nil, err
	}
	out := &TierList{Count: len(tiers), Tiers: make([]TierRow, len(tiers))}
	for i, t := range tiers {
		out.Tiers[i] = TierRow{Tier: t.Tier, Name: t.Name, MinOrders: t.MinOrders, MinVolume: t.MinVolume}
		if err := pool.QueryRow(ctx, `SELECT count(*) FROM merchants WHERE tier = $1`, t.Tier).Scan(&out.Tiers[i].Merchants); err != nil {
			return nil, fmt.Errorf("back office: tiers: %w", err)
		}
	}
	return out, nil
}

// MarkupRow is a markup as operators see it.
type MarkupRow struct {
	Tier     int     `json:"tier"`
	Scope    string  `json:"scope" enum:"category,group,brand,sku" doc:"The most specific one holds: sku, brand, group, category."`
	Key      string  `json:"key" example:"ppob"`
	Percent  float64 `json:"percent" doc:"On top of the cost." example:"2.5"`
	Fixed    int64   `json:"fixed" doc:"Rupiah on top of that."`
	Products int     `json:"products" doc:"How many products it is meant for."`
}

// MarkupList is the markups that are set.
type MarkupList struct {
	Count   int         `json:"count"`
	Markups []MarkupRow `json:"markups"`
}

// ListMarkups gives the markups of one tier or, with 0, of all.
func ListMarkups(ctx context.Context, pool *pgxpool.Pool, tier int) (*MarkupList, error) {
	list, err := catalog.Markups(ctx, pool, tier)
	if err != nil {
		return nil, err
	}
	out := &MarkupList{Count: len(list), Markups: make([]MarkupRow, len(list))}
	for i, m := range list {
		scope := string(m.Scope)
		if m.Scope == catalog.MarkupGroup {
			scope = "group"
		}
		out.Markups[i] = MarkupRow{Tier: m.Tier, Scope: scope, Key: m.Key, Percent: Percent(m.PercentBP).Number(), Fixed: m.Fixed, Products: m.Products}
	}
	return out, nil
}

// MarkupChange is what is said of a markup; scope as in [MarkupRow]. What is nil stays.
type MarkupChange struct {
	Tier       int
	Scope, Key string
	Percent    *Percent
	Fixed      *int64
}

// SetMarkup sets a markup and gives its row.
func SetMarkup(ctx context.Context, pool *pgxpool.Pool, m MarkupChange, actor string, now time.Time) (*MarkupRow, error) {
	change := catalog.MarkupChange{PercentBP: (*int64)(m.Percent), Fixed: m.Fixed}
	if err := catalog.SetMarkup(ctx, pool, m.Tier, markupScope(m.Scope), m.Key, change, actor, now); err != nil {
		return nil, err
	}
	list, err := ListMarkups(ctx, pool, m.Tier)
	if err != nil {
		return nil, err
	}
	for i := range list.Markups {
		if r := &list.Markups[i]; r.Scope == m.Scope && (r.Key == m.Key || r.Key == catalog.Fold(m.Key) || r.Key == catalog.Slug(m.Key) || r.Key == strings.ToUpper(strings.TrimSpace(m.Key))) {
			return r, nil
		}
	}
	return nil, errors.New("back office: the markup was taken away meanwhile")
}

// RemoveMarkup takes a markup away; scope as in [MarkupRow].
func RemoveMarkup(ctx context.Context, pool *pgxpool.Pool, tier int, scope, key, actor string, now time.Time) error {
	err := catalog.RemoveMarkup(ctx, pool, tier, markupScope(scope), key, actor, now)
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("tier %d has no markup for %s %q: %w", tier, scope, key, err)
	}
	return err
}

func markupScope(s string) catalog.MarkupScope {
	if s == "group" {
		return catalog.MarkupGroup
	}
	return catalog.MarkupScope(s)
}

// Percent is a percentage in hundredths of a percent, written as a number with two
// decimals at most.
type Percent int64

// ParsePercent reads a percentage of two decimals at most, exactly.
func ParsePercent(s string) (Percent, error) {
	whole, part, dotted := strings.Cut(s, ".")
	if whole == "" || len(whole) > 5 || len(part) > 2 || dotted && part == "" || strings.Trim(whole+part, "0123456789") != "" {
		return 0, fmt.Errorf("%w: %q is no percentage of two decimals at most", catalog.ErrInvalid, s)
	}
	var n int64
	for _, d := range whole + (part + "00")[:2] {
		n = n*10 + int64(d-'0')
	}
	return Percent(n), nil
}

// String writes it without zeroes that say nothing.
func (p Percent) String() string {
	s := fmt.Sprintf("%d.%02d", p/100, p%100)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// Number is it as JSON has it: a number that is written with two decimals at most.
func (p Percent) Number() float64 { return float64(p) / 100 }
