package order

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Candidate is an order that is due for a question, as far as choosing one needs it.
type Candidate struct {
	ID        int64
	ProductID int64
	Category  Category
	State     State
	// Wished: its merchant wants something that its upstream has not been told, or waits
	// for a cancel.
	Wished bool
	// Since is when the news that is waited for could first have come: when the attempt
	// was sent, or a further code was asked for.
	Since time.Time
	// LookedAt is when it was last asked about: every answer is written.
	LookedAt time.Time
	// ExpiresAt is the end of a rented number; nil where there is none.
	ExpiresAt *time.Time
	// Watched: its merchant has looked at it within the last half minute.
	Watched bool
}

const candidatesSQL = `SELECT id, product_id, category, state,
		cancel_requested OR finish_requested AND NOT coalesce((facts->>'finish_told')::boolean, false)
			OR resend_requested AND NOT coalesce((facts->>'wish_sent')::boolean, false),
		coalesce(CASE WHEN state = 'completed' THEN (facts->>'told_at')::timestamptz END, sent_at, created_at), updated_at, expires_at,
		coalesce(watched_at > $2::timestamptz - interval '30 seconds', false)
	FROM orders WHERE upstream = $1 AND next_run_at <= $2 AND state <> 'queued' AND state <> 'sending' ORDER BY next_run_at LIMIT $3`

// Candidates gives the orders of an upstream that are due for a question, those first
// that have been for longest. Nothing is leased: see [TakeFirst].
func Candidates(ctx context.Context, pool *pgxpool.Pool, upstream string, now time.Time, limit int) ([]Candidate, error) {
	rows, err := pool.Query(ctx, candidatesSQL, upstream, now, limit)
	if err != nil {
		return nil, fmt.Errorf("order: candidates: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Candidate])
	if err != nil {
		return nil, fmt.Errorf("order: candidates: %w", err)
	}
	return out, nil
}

const takeFirstSQL = `UPDATE orders o SET next_run_at = $2::timestamptz + $3::interval FROM (
		SELECT c.id FROM unnest($4::bigint[]) WITH ORDINALITY AS r(id, rank) JOIN orders c ON c.id = r.id
		WHERE c.upstream = $1 AND c.next_run_at <= $2 AND c.state <> 'queued' AND c.state <> 'sending'
		ORDER BY r.rank LIMIT 1 FOR NO KEY UPDATE OF c SKIP LOCKED) d
	WHERE o.id = d.id RETURNING ` + columns

// TakeFirst leases, for lease, the first of these orders that is still due and that
// nobody else has taken: nil when all are gone. Whoever asks about it writes the next
// look with what it learned.
func TakeFirst(ctx context.Context, pool *pgxpool.Pool, upstream string, now time.Time, lease time.Duration, ids []int64) (*Order, error) {
	rows, err := pool.Query(ctx, takeFirstSQL, upstream, now, lease, ids)
	if err != nil {
		return nil, fmt.Errorf("order: take first: %w", err)
	}
	out, err := collect(rows)
	if err != nil {
		return nil, fmt.Errorf("order: take first: %w", err)
	}
	if len(out) == 0 {
		return nil, nil //nolint:nilnil // somebody else has them: nothing to ask
	}
	return out[0], nil
}
