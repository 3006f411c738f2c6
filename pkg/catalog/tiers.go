package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrInvalid is what every complaint about a tier or a markup wraps.
var ErrInvalid = errors.New("invalid")

const maxTierName = 50

// TierChange is what a tier becomes; what is nil stays. Orders and volume (rupiah) are
// what it takes to rise to it.
type TierChange struct {
	Name                 *string
	MinOrders, MinVolume *int64
}

// SetTier changes a tier, or makes it when it is new, which takes a name. A higher tier
// never takes less of anything than a lower one: who has reached it has reached those below.
func SetTier(ctx context.Context, pool *pgxpool.Pool, tier int, c TierChange, actor string, now time.Time) error {
	if tier < 1 || tier > 99 {
		return fmt.Errorf("%w: tiers are numbers from 1 to 99", ErrInvalid)
	}
	if c.Name != nil {
		if *c.Name = strings.TrimSpace(*c.Name); *c.Name == "" || len(*c.Name) > maxTierName {
			return fmt.Errorf("%w: name: 1 to %d characters", ErrInvalid, maxTierName)
		}
	}
	detail := map[string]any{"name": c.Name, "min_orders": c.MinOrders, "min_volume": c.MinVolume}
	return operated(ctx, pool, entry(actor, "tier.set", fmt.Sprintf("tier %d", tier), detail, now), func(tx pgx.Tx) ([]int64, error) {
		// One at a time, so that two changes cannot be right alone and wrong together.
		if _, err := tx.Exec(ctx, `LOCK TABLE tiers IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return nil, fmt.Errorf("catalog: tier: %w", err)
		}
		tag, err := tx.Exec(ctx, `UPDATE tiers SET name = coalesce($2, name), min_orders = coalesce($3, min_orders), min_volume = coalesce($4, min_volume) WHERE tier = $1`,
			tier, c.Name, c.MinOrders, c.MinVolume)
		if err != nil {
			return nil, tierRefused(err)
		}
		if tag.RowsAffected() == 0 {
			if c.Name == nil {
				return nil, fmt.Errorf("%w: tier %d is new: it needs a name", ErrInvalid, tier)
			}
			_, err := tx.Exec(ctx, `INSERT INTO tiers (tier, name, min_orders, min_volume) VALUES ($1, $2, coalesce($3, 0::bigint), coalesce($4, 0::bigint))`,
				tier, *c.Name, c.MinOrders, c.MinVolume)
			if err != nil {
				return nil, tierRefused(err)
			}
		}
		var low, high int
		err = tx.QueryRow(ctx, `SELECT a.tier, b.tier FROM tiers a JOIN tiers b ON b.tier > a.tier
			WHERE b.min_orders < a.min_orders OR b.min_volume < a.min_volume ORDER BY 1, 2 LIMIT 1`).Scan(&low, &high)
		switch {
		case err == nil:
			return nil, fmt.Errorf("%w: tier %d would take less than tier %d", ErrInvalid, high, low)
		case !errors.Is(err, pgx.ErrNoRows):
			return nil, fmt.Errorf("catalog: tier: %w", err)
		}
		return nil, nil
	})
}

// TierMarkup is a markup as it is set: for the products of a key in a scope, at a tier and
// those above it that have none of their own.
type TierMarkup struct {
	Tier  int
	Scope MarkupScope
	Key   string
	Markup
	// Products is how many products it is meant for.
	Products int
}

// Markups lists the markups that are set, of one tier or, with 0, of all.
func Markups(ctx context.Context, pool *pgxpool.Pool, tier int) ([]TierMarkup, error) {
	rows, err := pool.Query(ctx, `SELECT tier, scope, key, percent_bp, fixed FROM markups WHERE $1 = 0 OR tier = $1
		ORDER BY tier, array_position(ARRAY['category', 'grp', 'brand', 'sku'], scope), key`, tier)
	if err != nil {
		return nil, fmt.Errorf("catalog: markups: %w", err)
	}
	var m TierMarkup
	var out []TierMarkup
	if _, err := pgx.ForEachRow(rows, []any{&m.Tier, &m.Scope, &m.Key, &m.PercentBP, &m.Fixed}, func() error {
		out = append(out, m)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("catalog: markups: %w", err)
	}
	reach, err := reached(ctx, pool)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Products = reach[markupKey{string(out[i].Scope), out[i].Key}]
	}
	return out, nil
}

// reached counts the products by what a markup may be for.
func reached(ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}) (map[markupKey]int, error) {
	rows, err := db.Query(ctx, `SELECT sku, brand, grp, category FROM products WHERE category <> 'product'`)
	if err != nil {
		return nil, fmt.Errorf("catalog: markups: %w", err)
	}
	out := map[markupKey]int{}
	var sku, brand, group, category string
	if _, err := pgx.ForEachRow(rows, []any{&sku, &brand, &group, &category}, func() error {
		for _, k := range [...]markupKey{{"sku", sku}, {"brand", Fold(brand)}, {"grp", Slug(group)}, {"category", category}} {
			out[k]++
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("catalog: markups: %w", err)
	}
	return out, nil
}

// RemoveMarkup takes a markup away: the next one that is less specific holds, or that of
// the tier below. [ErrNotFound] when there is none.
func RemoveMarkup(ctx context.Context, pool *pgxpool.Pool, tier int, scope MarkupScope, key, actor string, now time.Time) error {
	key, err := scope.key(key)
	if err != nil {
		return err
	}
	return operated(ctx, pool, entry(actor, "markup.remove", fmt.Sprintf("tier %d %s %s", tier, scope, key), nil, now), func(tx pgx.Tx) ([]int64, error) {
		tag, err := tx.Exec(ctx, `DELETE FROM markups WHERE tier = $1 AND scope = $2 AND key = $3`, tier, scope, key)
		if err != nil {
			return nil, fmt.Errorf("catalog: markup: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil, ErrNotFound
		}
		return nil, nil
	})
}

// key is a key of the scope in its one spelling.
func (s MarkupScope) key(key string) (string, error) {
	switch s {
	case MarkupBrand:
		key = Fold(key)
	case MarkupGroup:
		key = Slug(key)
	case MarkupSKU:
		key = strings.ToUpper(strings.TrimSpace(key))
	case MarkupCategory:
	default:
		return "", fmt.Errorf("%w: unknown scope %q of a markup", ErrInvalid, s)
	}
	if key == "" {
		return "", fmt.Errorf("%w: a markup needs a key", ErrInvalid)
	}
	return key, nil
}
