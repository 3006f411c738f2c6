package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// MarkupScope is how specific a markup is.
type MarkupScope string

// The scopes, from the most to the least specific.
const (
	MarkupSKU      MarkupScope = "sku"
	MarkupBrand    MarkupScope = "brand"
	MarkupGroup    MarkupScope = "grp" // the category inside ppob
	MarkupCategory MarkupScope = "category"
)

// MarkupChange is what is said of a markup. What is nil stays as it is, zero where there was none.
type MarkupChange struct {
	PercentBP *int64 // basis points: 100 is one percent
	Fixed     *int64 // rupiah
}

// SetMarkup sets what a tier pays on top of the cost of a SKU, a brand, a group or a
// category. Prices are never under cost and floor, whatever a markup says. One that says
// nothing is [ErrInvalid]: everything would be sold at cost.
func SetMarkup(ctx context.Context, pool *pgxpool.Pool, tier int, scope MarkupScope, key string, c MarkupChange, actor string, now time.Time) error {
	key, err := scope.key(key)
	if err != nil {
		return err
	}
	if c == (MarkupChange{}) {
		return fmt.Errorf("%w: percent or fixed is required", ErrInvalid)
	}
	var m Markup // as it is then
	e := entry(actor, "markup.set", fmt.Sprintf("tier %d %s %s", tier, scope, key), &m, now)
	return operated(ctx, pool, e, func(tx pgx.Tx) ([]int64, error) {
		err := tx.QueryRow(ctx, `INSERT INTO markups AS m (tier, scope, key, percent_bp, fixed) VALUES ($1, $2, $3, coalesce($4, 0), coalesce($5, 0))
			ON CONFLICT (tier, scope, key) DO UPDATE SET percent_bp = coalesce($4, m.percent_bp), fixed = coalesce($5, m.fixed)
			RETURNING percent_bp, fixed`, tier, scope, key, c.PercentBP, c.Fixed).Scan(&m.PercentBP, &m.Fixed)
		if err != nil {
			return nil, tierRefused(err)
		}
		return nil, nil
	})
}

// tierRefused says in words what the database's own rules refuse.
func tierRefused(err error) error {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && refused.Code == "23503":
		return fmt.Errorf("%w: there is no such tier", ErrInvalid)
	case ok && refused.Code == "23514":
		return fmt.Errorf("%w: out of bounds (%s)", ErrInvalid, refused.ConstraintName)
	}
	return fmt.Errorf("catalog: tier: %w", err)
}

// Pending is a cost that jumped and waits for an operator, in rupiah.
type Pending struct {
	OfferID  int64     `json:"offer_id"`
	SKU      string    `json:"sku"`
	Name     string    `json:"name"`
	Upstream string    `json:"upstream"`
	Code     string    `json:"code"`
	Cost     int64     `json:"cost"`
	Pending  int64     `json:"pending_cost"`
	Since    time.Time `json:"since"`
}

// PendingCosts lists the jumps that wait, oldest first. Those of offers that an
// operator closed wait for nobody.
func PendingCosts(ctx context.Context, pool *pgxpool.Pool) ([]Pending, error) {
	rows, err := pool.Query(ctx, `SELECT o.id, p.sku, p.name, o.upstream, o.code, o.cost, o.pending_cost, o.pending_at
		FROM offers o JOIN products p ON p.id = o.product_id WHERE o.pending_cost IS NOT NULL AND NOT o.closed ORDER BY o.pending_at, o.id`)
	if err != nil {
		return nil, fmt.Errorf("catalog: pending: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Pending])
	if err != nil {
		return nil, fmt.Errorf("catalog: pending: %w", err)
	}
	return all, nil
}

// AcceptCost takes a waiting jump as the offer's cost.
func AcceptCost(ctx context.Context, pool *pgxpool.Pool, offerID int64, actor string, now time.Time) error {
	e := entry(actor, "offer.accept_cost", fmt.Sprintf("offer %d", offerID), nil, now)
	return operated(ctx, pool, e, func(tx pgx.Tx) ([]int64, error) {
		var product int64
		err := tx.QueryRow(ctx, `WITH was AS (SELECT id, cost, pending_cost FROM offers WHERE id = $1 AND pending_cost IS NOT NULL AND NOT closed FOR UPDATE),
				h AS (INSERT INTO price_history (offer_id, old_cost, cost, cause, created_at) SELECT id, cost, pending_cost, 'operator', $2 FROM was)
			UPDATE offers o SET cost = was.pending_cost, pending_cost = NULL, pending_at = NULL, updated_at = $2
			FROM was WHERE o.id = was.id RETURNING o.product_id`, offerID, now).Scan(&product)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, ErrNotFound
		}
		if err != nil {
			return nil, fmt.Errorf("catalog: accept cost: %w", err)
		}
		return []int64{product}, nil
	})
}

// RejectCost closes an offer whose cost jumped: at the old cost it can no longer be
// had, and the new one is not taken. It stays closed until [SetOfferClosed] opens it.
// [ErrNotFound] when no jump of it waits (any more).
func RejectCost(ctx context.Context, pool *pgxpool.Pool, offerID int64, actor string, now time.Time) error {
	e := entry(actor, "offer.reject_cost", fmt.Sprintf("offer %d", offerID), nil, now)
	return operated(ctx, pool, e, func(tx pgx.Tx) ([]int64, error) {
		return changed(ctx, tx, `UPDATE offers SET closed = true, updated_at = $2 WHERE id = $1 AND pending_cost IS NOT NULL AND NOT closed RETURNING product_id`, offerID, now)
	})
}

// SetOfferClosed closes one offer of a product, or opens it again.
func SetOfferClosed(ctx context.Context, pool *pgxpool.Pool, offerID int64, closed bool, actor string, now time.Time) error {
	action := "offer.open"
	if closed {
		action = "offer.close"
	}
	return operated(ctx, pool, entry(actor, action, fmt.Sprintf("offer %d", offerID), nil, now), func(tx pgx.Tx) ([]int64, error) {
		return changed(ctx, tx, `UPDATE offers SET closed = $2, updated_at = $3 WHERE id = $1 RETURNING product_id`, offerID, closed, now)
	})
}

// SetClosed closes a product for all its offers, or opens it again.
func SetClosed(ctx context.Context, pool *pgxpool.Pool, sku string, closed bool, actor string, now time.Time) error {
	action := "product.open"
	if closed {
		action = "product.close"
	}
	return operated(ctx, pool, entry(actor, action, sku, nil, now), func(tx pgx.Tx) ([]int64, error) {
		return changed(ctx, tx, `UPDATE products SET closed = $2, updated_at = $3 WHERE sku = $1 RETURNING id`, sku, closed, now)
	})
}

// SetCutOff sets the minutes of the day (0 to 1439, in the brand's time zone) between
// which a product is not sold; from is inside, to is not, and they may cross
// midnight. Negative minutes take the window away.
func SetCutOff(ctx context.Context, pool *pgxpool.Pool, sku string, from, to int, actor string, now time.Time) error {
	detail := map[string]int{"from": from, "to": to}
	return operated(ctx, pool, entry(actor, "product.cut_off", sku, detail, now), func(tx pgx.Tx) ([]int64, error) {
		return changed(ctx, tx, `UPDATE products SET cut_from = $2, cut_to = $3, updated_at = $4 WHERE sku = $1 RETURNING id`,
			sku, minute(from), minute(to), now)
	})
}

func minute(m int) *int {
	if m < 0 {
		return nil
	}
	return &m
}

// changed runs an update of one product and gives its id.
func changed(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]int64, error) {
	var id int64
	err := tx.QueryRow(ctx, sql, args...).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: product: %w", err)
	}
	return []int64{id}, nil
}
