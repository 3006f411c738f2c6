package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Due is an event for which a worker should be asked.
type Due struct {
	ID       int64
	Attempts int
	// Since is when it became due.
	Since time.Time
}

// Merchants are walked through the index, each giving no more than it has lanes
// free: one with a million events due costs as much as one with eight. One that only
// fails gives one when its pause is over.
const dueSQL = `WITH RECURSIVE m AS (
		(SELECT merchant_id FROM webhook_events WHERE ` + openCondition + ` ORDER BY merchant_id LIMIT 1)
		UNION ALL
		SELECT (SELECT e.merchant_id FROM webhook_events e WHERE e.` + openCondition + ` AND e.merchant_id > m.merchant_id ORDER BY e.merchant_id LIMIT 1)
		FROM m WHERE m.merchant_id IS NOT NULL
	)
	SELECT d.id, d.attempts, d.next_run_at FROM m
	LEFT JOIN webhook_endpoints p ON p.merchant_id = m.merchant_id
	CROSS JOIN LATERAL (SELECT c.id, c.attempts, c.next_run_at FROM webhook_events c
		WHERE c.merchant_id = m.merchant_id AND c.` + openCondition + ` AND c.next_run_at <= $1 AND` + first + `
		ORDER BY c.next_run_at, c.id
		LIMIT GREATEST(0, CASE WHEN p.failures >= ` + sickAfter + ` THEN (p.probe_at <= $1)::int ELSE $2::int END
			- (SELECT count(*) FROM webhook_events l WHERE l.merchant_id = m.merchant_id AND l.leased AND l.next_run_at > $1))) d
	WHERE m.merchant_id IS NOT NULL
	ORDER BY d.next_run_at, d.id LIMIT $3`

// ListDue gives up to limit events that could be sent now and nobody sends, those
// that wait longest first and no more of a merchant than it has lanes free. Whoever
// is asked to deliver one goes on with the rest of its merchant's.
func ListDue(ctx context.Context, db Querier, now time.Time, limit int) ([]Due, error) {
	rows, err := db.Query(ctx, dueSQL, now, defaultLanes, limit)
	if err != nil {
		return nil, fmt.Errorf("webhook: due: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Due])
	if err != nil {
		return nil, fmt.Errorf("webhook: due: %w", err)
	}
	return list, nil
}

// Stats is how deliveries stand, for the scheduler's metrics.
type Stats struct {
	// Pending were not tried yet, Failed will be tried again.
	Pending int64
	Failed  int64
	// OldestPending is when the oldest event that was never tried happened, OldestDue
	// when the one that waits longest could have been sent; nil when there is none.
	OldestPending *time.Time
	OldestDue     *time.Time
	// Suspended endpoints are those that we switched off.
	Suspended int64
}

// Backlog counts what is open. It reads the index of open events only.
func Backlog(ctx context.Context, db Querier, now time.Time) (Stats, error) {
	var s Stats
	err := db.QueryRow(ctx, `SELECT count(*) FILTER (WHERE status = '`+Pending+`'), count(*) FILTER (WHERE status = '`+Failed+`'),
		min(created_at) FILTER (WHERE attempts = 0), min(next_run_at) FILTER (WHERE next_run_at <= $1 AND NOT blocked),
		(SELECT count(*) FROM webhook_endpoints WHERE suspended_reason <> '')
		FROM webhook_events WHERE `+openCondition, now).
		Scan(&s.Pending, &s.Failed, &s.OldestPending, &s.OldestDue, &s.Suspended)
	if err != nil {
		return Stats{}, fmt.Errorf("webhook: backlog: %w", err)
	}
	return s, nil
}
