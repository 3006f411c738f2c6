package order

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Overdue is a queued order that no worker has taken in time.
type Overdue struct {
	ID       int64
	Upstream string
	Attempt  int
	// Since is when the order last changed; task ids take a generation from it.
	Since time.Time
}

const overdueSQL = `UPDATE orders o SET next_run_at = $1::timestamptz + $2::interval FROM (
		SELECT id FROM orders WHERE state = 'queued' AND next_run_at <= $1 ORDER BY next_run_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) d
	WHERE o.id = d.id RETURNING o.id, o.upstream, o.attempt, o.updated_at`

// TakeOverdue gives queued orders that are due and moves their next look by
// again, so that two schedulers share them.
func TakeOverdue(ctx context.Context, pool *pgxpool.Pool, now time.Time, again time.Duration, limit int) ([]Overdue, error) {
	rows, err := pool.Query(ctx, overdueSQL, now, again, limit)
	if err != nil {
		return nil, fmt.Errorf("order: overdue: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Overdue])
	if err != nil {
		return nil, fmt.Errorf("order: overdue: %w", err)
	}
	return out, nil
}

// Stuck gives orders that have been sending for longer than any call may take:
// the worker that claimed them is gone, and their outcome is unknown.
func Stuck(ctx context.Context, pool *pgxpool.Pool, now time.Time, limit int) ([]*Order, error) {
	rows, err := pool.Query(ctx, `SELECT `+columns+` FROM orders o WHERE o.state = 'sending' AND o.next_run_at <= $1 ORDER BY o.next_run_at LIMIT $2`, now, limit)
	if err != nil {
		return nil, fmt.Errorf("order: stuck: %w", err)
	}
	out, err := collect(rows)
	if err != nil {
		return nil, fmt.Errorf("order: stuck: %w", err)
	}
	return out, nil
}

// DueUpstreams counts what is due at each upstream, with the age of the oldest.
func DueUpstreams(ctx context.Context, pool *pgxpool.Pool, now time.Time) (map[string]Backlog, error) {
	rows, err := pool.Query(ctx, `SELECT upstream, count(*), min(next_run_at) FROM orders
		WHERE next_run_at <= $1 AND state <> 'queued' AND state <> 'sending' GROUP BY upstream`, now)
	if err != nil {
		return nil, fmt.Errorf("order: due: %w", err)
	}
	out := map[string]Backlog{}
	var name string
	var b Backlog
	_, err = pgx.ForEachRow(rows, []any{&name, &b.Count, &b.Oldest}, func() error {
		out[name] = b
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("order: due: %w", err)
	}
	return out, nil
}

// Backlog is how much waits and since when.
type Backlog struct {
	Count  int64
	Oldest time.Time
}

// takeDueSQL leases the orders most worth asking about: those a merchant is
// watching or has a wish for first, then those close to their end, then by how
// long they are due.
const takeDueSQL = `UPDATE orders o SET next_run_at = $2::timestamptz + $3::interval FROM (
		SELECT id FROM orders WHERE upstream = $1 AND next_run_at <= $2 AND state <> 'queued' AND state <> 'sending'
		ORDER BY (cancel_requested OR finish_requested OR resend_requested) DESC, (watched_at > $2::timestamptz - interval '30 seconds') DESC NULLS LAST,
			(expires_at < $2::timestamptz + interval '30 seconds') DESC NULLS LAST, next_run_at
		LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED) d
	WHERE o.id = d.id RETURNING ` + columns

// TakeDue leases up to limit orders of an upstream that are worth asking about,
// for lease: whoever asks writes the next look with what it learned.
func TakeDue(ctx context.Context, pool *pgxpool.Pool, upstream string, now time.Time, lease time.Duration, limit int) ([]*Order, error) {
	rows, err := pool.Query(ctx, takeDueSQL, upstream, now, lease, limit)
	if err != nil {
		return nil, fmt.Errorf("order: take due: %w", err)
	}
	out, err := collect(rows)
	if err != nil {
		return nil, fmt.Errorf("order: take due: %w", err)
	}
	return out, nil
}

// Touch notes that a merchant is watching an open order, at most every 5 s, so
// that it is asked about sooner.
func Touch(ctx context.Context, pool *pgxpool.Pool, id int64, now time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE orders SET watched_at = $2 WHERE id = $1 AND (watched_at IS NULL OR watched_at < $2::timestamptz - interval '5 seconds')
		AND next_run_at IS NOT NULL`, id, now)
	if err != nil {
		return fmt.Errorf("order: touch: %w", err)
	}
	return nil
}

// PutBack makes leased orders due at a time again, unless they have been written
// since.
func PutBack(ctx context.Context, pool *pgxpool.Pool, ids []int64, at time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE orders o SET next_run_at = $2 FROM (SELECT id FROM orders WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE) l
		WHERE o.id = l.id AND o.next_run_at > $2 AND o.state <> 'queued' AND o.state <> 'sending'`, ids, at)
	if err != nil {
		return fmt.Errorf("order: put back: %w", err)
	}
	return nil
}

// Wake makes the queued orders of an upstream due that wait to be enqueued again.
func Wake(ctx context.Context, pool *pgxpool.Pool, upstream string, now time.Time) error {
	const again = 20 * time.Second // those that back off for longer have other reasons
	_, err := pool.Exec(ctx, `UPDATE orders o SET next_run_at = $2 FROM (SELECT id FROM orders WHERE state = 'queued' AND upstream = $1
		AND next_run_at > $2 AND next_run_at <= $2::timestamptz + $3::interval ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) l WHERE o.id = l.id`, upstream, now, again)
	if err != nil {
		return fmt.Errorf("order: wake: %w", err)
	}
	return nil
}

// Looks are orders and when to look at each again.
type Looks struct {
	ids []int64
	at  []time.Time
}

// Add adds one.
func (l *Looks) Add(id int64, at time.Time) {
	l.ids, l.at = append(l.ids, id), append(l.at, at)
}

// LookAgain sets the next looks of orders about which nothing new was learned.
func LookAgain(ctx context.Context, pool *pgxpool.Pool, l Looks) error {
	if len(l.ids) == 0 {
		return nil
	}
	_, err := pool.Exec(ctx, `UPDATE orders o SET next_run_at = u.at, polls = o.polls + 1
		FROM (SELECT id FROM orders WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE) l
		JOIN unnest($1::bigint[], $2::timestamptz[]) AS u(id, at) ON u.id = l.id
		WHERE o.id = l.id AND (o.state = 'processing' OR o.state = 'completed' AND o.next_run_at IS NOT NULL)`, l.ids, l.at)
	if err != nil {
		return fmt.Errorf("order: look again: %w", err)
	}
	return nil
}

// Tried gives the offers that an upstream refused or let fail for an order.
func Tried(ctx context.Context, pool *pgxpool.Pool, orderID int64) ([]int64, error) {
	rows, err := pool.Query(ctx, `SELECT offer_id FROM order_attempts WHERE order_id = $1 AND outcome IN ('rejected', 'failed')`, orderID)
	if err != nil {
		return nil, fmt.Errorf("order: tried: %w", err)
	}
	offers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("order: tried: %w", err)
	}
	return offers, nil
}

// OutcomeRefused marks an attempt that its upstream answered with a refusal that
// proves nothing by itself.
const OutcomeRefused = "refused"

// Refused tells whether an attempt was answered with such a refusal, and for what
// reason as far as it said.
func Refused(ctx context.Context, pool *pgxpool.Pool, orderID int64, attempt int) (refused bool, reason string, err error) {
	err = pool.QueryRow(ctx, `SELECT outcome = $3, reason FROM order_attempts WHERE order_id = $1 AND n = $2`, orderID, attempt, OutcomeRefused).Scan(&refused, &reason)
	if err != nil {
		return false, "", fmt.Errorf("order: attempt: %w", err)
	}
	return refused, reason, nil
}
