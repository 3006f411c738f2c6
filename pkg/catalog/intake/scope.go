package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/upstream"
)

const (
	defaultEvery = time.Hour
	// lease is how long a claimed scope is left to its reader; each page renews it.
	lease = 5 * time.Minute
	// A failed reading is tried again after firstRetry, doubled each time, at most maxRetry.
	firstRetry = 15 * time.Second
	maxRetry   = 30 * time.Minute
	// again is when a reading that was held is repeated.
	again = time.Minute
)

// Scope is a part of an upstream's catalogue that is due.
type Scope struct {
	Upstream string
	Key      string
	Every    time.Duration
	Failures int
}

// execer is a pool or a transaction.
type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// registerScopes makes scopes known; a new one is due at once.
func registerScopes(ctx context.Context, db execer, name string, scopes []upstream.Scope, now time.Time) error {
	var keys, services []string
	var every []int64
	for _, s := range scopes {
		if s.Every <= 0 {
			s.Every = defaultEvery
		}
		keys, services, every = append(keys, s.Key), append(services, s.Service), append(every, s.Every.Microseconds())
	}
	if len(keys) == 0 {
		return nil
	}
	_, err := db.Exec(ctx, `INSERT INTO catalog_scopes (upstream, key, service, every, next_run_at, demand, failures, last_error, shrunk, created_at)
		SELECT DISTINCT ON (k) $1, k, s, e * interval '1 microsecond', $5::timestamptz, 0, 0, '', false, $5
		FROM unnest($2::text[], $3::text[], $4::bigint[]) AS u (k, s, e) ORDER BY k
		ON CONFLICT (upstream, key) DO UPDATE SET service = excluded.service, every = excluded.every
		WHERE (catalog_scopes.service, catalog_scopes.every) IS DISTINCT FROM (excluded.service, excluded.every)`, name, keys, services, every, now)
	if err != nil {
		return fmt.Errorf("intake: scopes: %w", err)
	}
	return nil
}

// RegisterScopes makes scopes known; a new one is due at once.
func RegisterScopes(ctx context.Context, pool *pgxpool.Pool, name string, scopes []upstream.Scope, now time.Time) error {
	return registerScopes(ctx, pool, name, scopes, now)
}

// DueScope claims the scope of an upstream that is most worth reading now: one that
// tells of others before all, then what merchants asked for most, then what is
// due longest. Nil when nothing is due.
func DueScope(ctx context.Context, pool *pgxpool.Pool, name string, now time.Time) (*Scope, error) {
	s := &Scope{Upstream: name}
	err := pool.QueryRow(ctx, `UPDATE catalog_scopes c SET claimed_until = $3
		FROM (SELECT upstream, key FROM catalog_scopes WHERE upstream = $1 AND next_run_at <= $2 AND (claimed_until IS NULL OR claimed_until <= $2)
			ORDER BY service <> '', demand DESC, next_run_at, key LIMIT 1 FOR UPDATE SKIP LOCKED) due
		WHERE c.upstream = due.upstream AND c.key = due.key
		RETURNING c.key, c.every, c.failures`, name, now, now.Add(lease)).Scan(&s.Key, &s.Every, &s.Failures)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("intake: due scope: %w", err)
	}
	return s, nil
}

// renew keeps a claim while its pages are read, and tells how many rows they brought.
func (s *Scope) renew(ctx context.Context, pool *pgxpool.Pool, rows int, now time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE catalog_scopes SET claimed_until = $3, rows_read = $4 WHERE upstream = $1 AND key = $2`, s.Upstream, s.Key, now.Add(lease), rows)
	if err != nil {
		return fmt.Errorf("intake: scope: %w", err)
	}
	return nil
}

// release gives a claim back unused.
func (s *Scope) release(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `UPDATE catalog_scopes SET claimed_until = NULL, rows_read = 0 WHERE upstream = $1 AND key = $2`, s.Upstream, s.Key)
	if err != nil {
		return fmt.Errorf("intake: scope: %w", err)
	}
	return nil
}

// ScopeDone writes that a scope was read; held is whether the reading was not believed yet.
func ScopeDone(ctx context.Context, pool *pgxpool.Pool, s *Scope, held bool, now time.Time) error {
	next := now.Add(s.Every)
	if held {
		next = now.Add(min(again, s.Every))
	}
	_, err := pool.Exec(ctx, `WITH u AS (UPDATE upstreams SET catalog_at = $3 WHERE name = $1)
		UPDATE catalog_scopes SET last_done_at = $3, next_run_at = $4, claimed_until = NULL, rows_read = 0, demand = demand / 2, failures = 0, last_error = ''
		WHERE upstream = $1 AND key = $2`, s.Upstream, s.Key, now, next)
	if err != nil {
		return fmt.Errorf("intake: scope done: %w", err)
	}
	return nil
}

// ScopeFailed writes that a scope could not be read, for operators why, and when it
// is tried again.
func ScopeFailed(ctx context.Context, pool *pgxpool.Pool, s *Scope, why error, now time.Time) error {
	wait := firstRetry
	for range s.Failures {
		if wait *= 2; wait >= maxRetry {
			wait = maxRetry
			break
		}
	}
	wait = min(wait, s.Every)
	if e, ok := errors.AsType[*upstream.Error](why); ok {
		wait = max(wait, e.After) // what the source asked for
	}
	_, err := pool.Exec(ctx, `UPDATE catalog_scopes SET next_run_at = $3, claimed_until = NULL, rows_read = 0, failures = failures + 1, last_error = $4
		WHERE upstream = $1 AND key = $2`, s.Upstream, s.Key, now.Add(wait), upstream.Words(why))
	if err != nil {
		return fmt.Errorf("intake: scope failed: %w", err)
	}
	return nil
}

// DueUpstreams names the upstreams that have a scope to read.
func DueUpstreams(ctx context.Context, pool *pgxpool.Pool, now time.Time) ([]string, error) {
	rows, err := pool.Query(ctx, `SELECT name FROM upstreams u WHERE EXISTS (SELECT FROM catalog_scopes c
		WHERE c.upstream = u.name AND c.next_run_at <= $1 AND (c.claimed_until IS NULL OR c.claimed_until <= $1)) ORDER BY name`, now)
	if err != nil {
		return nil, fmt.Errorf("intake: due upstreams: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("intake: due upstreams: %w", err)
	}
	return names, nil
}

// Age is how long ago the scope that waits longest should have been read, by upstream;
// an upstream whose scopes are all in time is not in it.
func Age(ctx context.Context, pool *pgxpool.Pool, now time.Time) (map[string]time.Duration, error) {
	rows, err := pool.Query(ctx, `SELECT upstream, min(next_run_at) FROM catalog_scopes WHERE next_run_at <= $1 GROUP BY upstream`, now)
	if err != nil {
		return nil, fmt.Errorf("intake: age: %w", err)
	}
	all := map[string]time.Duration{}
	var name string
	var since time.Time
	if _, err := pgx.ForEachRow(rows, []any{&name, &since}, func() error {
		all[name] = now.Sub(since)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("intake: age: %w", err)
	}
	return all, nil
}
