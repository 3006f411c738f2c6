package withdraw

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// PaidOut is how much less we have at a gateway by payouts, in rupiah, from one moment to
// another: what was sent between them, its charges too, less what was sent before and came
// back between them. A gateway takes a payout when it is asked for.
func PaidOut(ctx context.Context, pool *pgxpool.Pool, gateway string, from, to time.Time) (int64, error) {
	var sum int64
	err := pool.QueryRow(ctx, `SELECT (
			coalesce(sum(amount + charge) FILTER (WHERE at > $2 AND (state IN ('sending', 'sent', 'unknown', 'success') OR back > $3)), 0)
			- coalesce(sum(amount + charge) FILTER (WHERE at <= $2 AND back > $2 AND back <= $3), 0))::bigint
		FROM (SELECT amount, charge, state, coalesce(sent_at, completed_at) AS at, CASE WHEN state = 'rejected' AND upstream_ref <> '' THEN completed_at END AS back
			FROM withdrawals WHERE gateway = $1 AND created_at > $2::timestamptz - interval '30 days') w WHERE at <= $3`, gateway, from, to).Scan(&sum)
	if err != nil {
		return 0, fmt.Errorf("withdraw: paid out: %w", err)
	}
	return sum, nil
}
