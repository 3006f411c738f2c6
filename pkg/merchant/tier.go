package merchant

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Tier is a step of the price ladder. Orders and volume (rupiah) are of completed orders.
type Tier struct {
	Tier      int
	Name      string
	MinOrders int64
	MinVolume int64
}

// Tiers lists all tiers, lowest first.
func Tiers(ctx context.Context, pool *pgxpool.Pool) ([]Tier, error) {
	rows, err := pool.Query(ctx, `SELECT tier, name, min_orders, min_volume FROM tiers ORDER BY tier`)
	if err != nil {
		return nil, fmt.Errorf("merchant: tiers: %w", err)
	}
	tiers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Tier])
	if err != nil {
		return nil, fmt.Errorf("merchant: tiers: %w", err)
	}
	return tiers, nil
}
