package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standing is how a merchant's endpoint does, for operators.
type Standing struct {
	MerchantID      string
	Merchant        string
	URL             string
	Enabled         bool
	SuspendedReason string
	// FailingSince is since when nothing but failures came of it, FailingAttempts how many
	// of them; nil where it does well, or nothing was tried.
	FailingSince    *time.Time
	FailingAttempts int
	// Parked is how many events to it wait for a replay.
	Parked    int64
	UpdatedAt time.Time
}

// Standings lists the endpoints that have a URL, by merchant: all of them, or those that we
// have suspended only.
func Standings(ctx context.Context, db Querier, suspended bool) ([]Standing, error) {
	rows, err := db.Query(ctx, `SELECT p.merchant_id, m.name, p.url, p.enabled, p.suspended_reason, p.failing_since, p.failing_attempts,
			(SELECT count(*) FROM webhook_events e WHERE e.merchant_id = p.merchant_id AND e.status = 'parked' AND NOT e.fixed), p.updated_at
		FROM webhook_endpoints p JOIN merchants m ON m.id = p.merchant_id
		WHERE p.url <> '' AND (NOT $1 OR NOT p.enabled AND p.suspended_reason <> '') ORDER BY p.merchant_id`, suspended)
	if err != nil {
		return nil, fmt.Errorf("webhook: standings: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Standing])
	if err != nil {
		return nil, fmt.Errorf("webhook: standings: %w", err)
	}
	return list, nil
}

// Suspended counts the endpoints that we have switched off.
func Suspended(ctx context.Context, db Querier) (n int64, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FROM webhook_endpoints WHERE NOT enabled AND suspended_reason <> ''`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("webhook: suspended: %w", err)
	}
	return n, nil
}
