package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// DueEvent is an event for which a worker should be asked.
type DueEvent struct {
	ID       int64
	Attempts int
	// DueAt is when it became due.
	DueAt time.Time
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

// Due gives up to limit events that could be sent now and nobody sends, those
// that wait longest first and no more of a merchant than it has lanes free. Whoever
// is asked to deliver one goes on with the rest of its merchant's.
func Due(ctx context.Context, db Querier, now time.Time, limit int) ([]DueEvent, error) {
	rows, err := db.Query(ctx, dueSQL, now, defaultLanes, limit)
	if err != nil {
		return nil, fmt.Errorf("webhook: due: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DueEvent])
	if err != nil {
		return nil, fmt.Errorf("webhook: due: %w", err)
	}
	return list, nil
}

// Backlog counts the events that are neither delivered nor parked, and tells when
// the oldest that nobody has tried happened; zero when there is none. It leaves out
// those that wait for an earlier one of their subject, and merchants that only fail:
// what it measures is how well we keep up. It reads the index of open events only.
func Backlog(ctx context.Context, db Querier) (open int64, oldest time.Time, err error) {
	var at *time.Time
	err = db.QueryRow(ctx, `SELECT count(*), min(e.created_at) FILTER (WHERE e.attempts = 0 AND NOT e.blocked AND COALESCE(p.failures, 0) < `+sickAfter+`)
		FROM webhook_events e LEFT JOIN webhook_endpoints p ON p.merchant_id = e.merchant_id
		WHERE e.`+openCondition).Scan(&open, &at)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("webhook: backlog: %w", err)
	}
	if at != nil {
		oldest = *at
	}
	return open, oldest, nil
}
