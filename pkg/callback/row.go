package callback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// State is what became of a callback.
type State string

// The states; the migration says what each means.
const (
	New      State = "new"
	Applied  State = "applied"
	Asked    State = "asked"
	Nothing  State = "nothing"
	Repeated State = "repeated"
	Stranger State = "stranger"
	Forged   State = "forged"
	Odd      State = "odd"
	Late     State = "late"
)

// Callback is what was posted.
type Callback struct {
	ID       int64
	Upstream string
	Headers  map[string]string
	Body     []byte
	// Redacted: a secret was taken out of Body, so that it cannot be verified.
	Redacted bool
	Digest   []byte
	State    State
	Attempts int
	Received time.Time
}

// Header is the headers that were kept.
func (c *Callback) Header() http.Header {
	h := http.Header{}
	for name, value := range c.Headers {
		h.Set(name, value)
	}
	return h
}

// ErrNotFound: there is no such callback.
var ErrNotFound = errors.New("callback: not found")

// Get reads a callback. [ErrNotFound] when there is none.
func Get(ctx context.Context, pool *pgxpool.Pool, id int64) (*Callback, error) {
	c := &Callback{}
	err := pool.QueryRow(ctx, `SELECT id, upstream, headers, body, redacted, digest, state, attempts, received_at FROM callbacks WHERE id = $1`, id).
		Scan(&c.ID, &c.Upstream, &c.Headers, &c.Body, &c.Redacted, &c.Digest, &c.State, &c.Attempts, &c.Received)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("callback: get: %w", err)
	}
	return c, nil
}

// AppliedBefore tells whether the same was posted before, and applied.
func (c *Callback) AppliedBefore(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	var before bool
	err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM callbacks WHERE upstream = $1 AND digest = $2 AND state = 'applied')`, c.Upstream, c.Digest).Scan(&before)
	if err != nil {
		return false, fmt.Errorf("callback: before: %w", err)
	}
	return before, nil
}

// Finish writes what became of a callback; orderID is zero where it was about none.
// One that is finished already stays as it is. Of what is not ours a first part is
// kept.
func Finish(ctx context.Context, pool *pgxpool.Pool, id int64, s State, orderID int64, now time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE callbacks SET state = $2, order_id = nullif($3::bigint, 0), attempts = attempts + 1, next_run_at = NULL, finished_at = $4,
			body = CASE WHEN $2 IN ('stranger', 'forged', 'odd') THEN substring(body FROM 1 FOR 1024) ELSE body END
		WHERE id = $1 AND state = 'new'`, id, string(s), orderID, now)
	if err != nil {
		return fmt.Errorf("callback: finish: %w", err)
	}
	return nil
}

// Later leaves a callback to be looked at again.
func Later(ctx context.Context, pool *pgxpool.Pool, id int64, at time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE callbacks SET attempts = attempts + 1, next_run_at = $2 WHERE id = $1 AND state = 'new'`, id, at)
	if err != nil {
		return fmt.Errorf("callback: later: %w", err)
	}
	return nil
}

// Due is a callback that no worker has finished in time.
type Due struct {
	ID       int64
	Upstream string
	Attempts int
	Received time.Time
}

// TakeDue gives callbacks that are due and moves their next look by again, so that two
// schedulers share them.
func TakeDue(ctx context.Context, pool *pgxpool.Pool, now time.Time, again time.Duration, limit int) ([]Due, error) {
	rows, err := pool.Query(ctx, `UPDATE callbacks c SET next_run_at = $1::timestamptz + $2::interval FROM (
			SELECT id FROM callbacks WHERE state = 'new' AND next_run_at <= $1 ORDER BY next_run_at LIMIT $3 FOR UPDATE SKIP LOCKED) d
		WHERE c.id = d.id RETURNING c.id, c.upstream, c.attempts, c.received_at`, now, again, limit)
	if err != nil {
		return nil, fmt.Errorf("callback: due: %w", err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Due])
	if err != nil {
		return nil, fmt.Errorf("callback: due: %w", err)
	}
	return due, nil
}

const (
	// patience is how long a callback waits for a worker: by then the order has been
	// asked about many times.
	patience = 24 * time.Hour
	// Life is how long a callback is kept at most.
	Life = 30 * 24 * time.Hour
	// idleLife is how long one is kept that told nothing: it came from somebody else, was
	// about none of our orders, could not be read, or was known already.
	idleLife = 24 * time.Hour
)

// Trim gives up on callbacks that nobody has read in time, and deletes those that have
// been kept for life; at most limit of each. It tells how many.
func Trim(ctx context.Context, pool *pgxpool.Pool, now time.Time, life time.Duration, limit int) (int, error) {
	n := 0
	for _, q := range []struct {
		sql   string
		since time.Time
	}{
		{`UPDATE callbacks SET state = 'late', next_run_at = NULL, finished_at = $3 WHERE id IN (
			SELECT id FROM callbacks WHERE state = 'new' AND received_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`, now.Add(-patience)},
		{`DELETE FROM callbacks WHERE id IN (SELECT id FROM callbacks WHERE state IN ('nothing', 'repeated', 'stranger', 'forged', 'odd') AND received_at < $1
			AND $3::timestamptz IS NOT NULL ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, now.Add(-idleLife)},
		{`DELETE FROM callbacks WHERE id IN (SELECT id FROM callbacks WHERE received_at < $1
			AND $3::timestamptz IS NOT NULL ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, now.Add(-life)},
	} {
		tag, err := pool.Exec(ctx, q.sql, q.since, limit, now)
		if err != nil {
			return n, fmt.Errorf("callback: trim: %w", err)
		}
		n += int(tag.RowsAffected())
	}
	return n, nil
}

// Waiting counts the callbacks that no worker has finished, with when the oldest came.
func Waiting(ctx context.Context, pool *pgxpool.Pool) (n int64, oldest time.Time, err error) {
	var at *time.Time
	if err := pool.QueryRow(ctx, `SELECT count(*), min(received_at) FROM callbacks WHERE state = 'new'`).Scan(&n, &at); err != nil {
		return 0, oldest, fmt.Errorf("callback: waiting: %w", err)
	}
	if at != nil {
		oldest = *at
	}
	return n, oldest, nil
}
