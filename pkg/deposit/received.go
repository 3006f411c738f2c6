package deposit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Received is what a gateway has come to owe us by deposits that were paid after one
// moment and not after another, in rupiah.
func Received(ctx context.Context, pool *pgxpool.Pool, gateway string, from, to time.Time) (int64, error) {
	var sum int64
	err := pool.QueryRow(ctx, `SELECT coalesce(sum(received), 0)::bigint FROM deposits
		WHERE gateway = $1 AND state = 'paid' AND paid_at > $2 AND paid_at <= $3`, gateway, from, to).Scan(&sum)
	if err != nil {
		return 0, fmt.Errorf("deposit: received: %w", err)
	}
	return sum, nil
}
