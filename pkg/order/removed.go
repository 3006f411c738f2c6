package order

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// QueuedAt gives queued orders of upstreams, oldest first.
func QueuedAt(ctx context.Context, pool *pgxpool.Pool, upstreams []string, limit int) ([]*Order, error) {
	return listed(ctx, pool, `o.state = 'queued' AND o.upstream = ANY ($1)`, upstreams, limit)
}

// Unattended gives orders that upstreams are to be asked about and that no operator has
// been told of, oldest first.
func Unattended(ctx context.Context, pool *pgxpool.Pool, upstreams []string, limit int) ([]*Order, error) {
	return listed(ctx, pool, `o.state IN ('processing', 'unknown') AND o.next_run_at IS NOT NULL AND o.flag = '' AND o.upstream = ANY ($1)`, upstreams, limit)
}

func listed(ctx context.Context, pool *pgxpool.Pool, where string, upstreams []string, limit int) ([]*Order, error) {
	rows, err := pool.Query(ctx, `SELECT `+columns+` FROM orders o WHERE `+where+` ORDER BY o.id LIMIT $2`, upstreams, limit)
	if err != nil {
		return nil, fmt.Errorf("order: of upstreams: %w", err)
	}
	out, err := collect(rows)
	if err != nil {
		return nil, fmt.Errorf("order: of upstreams: %w", err)
	}
	return out, nil
}
