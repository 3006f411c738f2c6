package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The row's lock makes a second asker see what the first one noted.
const noteAskSQL = `UPDATE order_attempts a SET asked_at = $4 FROM orders o
	WHERE a.order_id = $1 AND a.n = $2 AND o.id = a.order_id AND o.attempt = a.n AND o.version = $3
		AND o.state <> 'queued' AND o.state <> 'sending' AND coalesce(greatest(o.sent_at, a.asked_at), '-infinity') <= $4::timestamptz - $5::interval`

const lastAskSQL = `SELECT greatest(o.sent_at, a.asked_at) FROM orders o JOIN order_attempts a ON a.order_id = o.id AND a.n = o.attempt
	WHERE o.id = $1 AND a.n = $2 AND o.version = $3 AND o.state <> 'queued' AND o.state <> 'sending'`

// NoteAsk notes that the order's attempt is asked about now. Of several that would
// ask at once one may, and none less than every after the last sending or question:
// then may is false, and at is when it may be. [ErrStale] when the order is not as
// the caller read it, or is being sent.
func NoteAsk(ctx context.Context, pool *pgxpool.Pool, o *Order, now time.Time, every time.Duration) (at time.Time, may bool, err error) {
	tag, err := pool.Exec(ctx, noteAskSQL, o.ID, o.Attempt, o.Version, now, every)
	if err != nil {
		return at, false, fmt.Errorf("order: note ask: %w", err)
	}
	if tag.RowsAffected() > 0 {
		return now, true, nil
	}
	err = pool.QueryRow(ctx, lastAskSQL, o.ID, o.Attempt, o.Version).Scan(&at)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return at, false, ErrStale
	case err != nil:
		return at, false, fmt.Errorf("order: note ask: %w", err)
	}
	return at.Add(every), false, nil
}

// LookAt sets the next look of an order about which nothing was asked, unless it has
// been written since it was read.
func LookAt(ctx context.Context, pool *pgxpool.Pool, o *Order, at time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE orders SET next_run_at = $3 WHERE id = $1 AND version = $2 AND state <> 'queued' AND state <> 'sending'`, o.ID, o.Version, at)
	if err != nil {
		return fmt.Errorf("order: look at: %w", err)
	}
	return nil
}
