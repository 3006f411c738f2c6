package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrNotFound: there is no such product, offer or upstream.
var ErrNotFound = errors.New("catalog: not found")

// notConfigured is why a source that left the configuration is paused. Its return
// ends the pause; one by an operator stays.
const notConfigured = "not in the configuration"

// Source is an upstream of the configuration.
type Source struct {
	Name   string
	Driver string
	Mode   string // Live, or Test for the sandbox
}

// EnsureUpstreams registers the sources of the configuration and pauses those that
// are no longer in it. Doing it again changes nothing.
func EnsureUpstreams(ctx context.Context, pool *pgxpool.Pool, sources []Source, now time.Time) error {
	names, drivers, modes := make([]string, len(sources)), make([]string, len(sources)), make([]string, len(sources))
	for i, s := range sources {
		names[i], drivers[i], modes[i] = s.Name, s.Driver, s.Mode
	}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		added, err := tx.Exec(ctx, `INSERT INTO upstreams (name, driver, mode, paused, paused_why, created_at, updated_at)
			SELECT n, d, m, false, '', $4, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS u (n, d, m) ORDER BY n
			ON CONFLICT (name) DO UPDATE SET driver = excluded.driver, mode = excluded.mode, updated_at = excluded.updated_at,
				paused = upstreams.paused AND upstreams.paused_why <> $5,
				paused_why = CASE WHEN upstreams.paused_why = $5 THEN '' ELSE upstreams.paused_why END
			WHERE (upstreams.driver, upstreams.mode) IS DISTINCT FROM (excluded.driver, excluded.mode) OR upstreams.paused_why = $5`,
			names, drivers, modes, now, notConfigured)
		if err != nil {
			return err
		}
		gone, err := tx.Exec(ctx, `UPDATE upstreams SET paused = true, paused_why = $2, updated_at = $3
			WHERE NOT paused AND name <> ALL ($1)`, names, notConfigured, now)
		if err != nil || added.RowsAffected()+gone.RowsAffected() == 0 {
			return err
		}
		return Bump(ctx, tx, nil)
	})
	if err != nil {
		return fmt.Errorf("catalog: upstreams: %w", err)
	}
	return nil
}

// Removed names the sources that left the configuration and to which no order has gone
// since a moment: a process that knows an older configuration does not count.
func Removed(ctx context.Context, pool *pgxpool.Pool, configured []string, since time.Time) ([]string, error) {
	rows, err := pool.Query(ctx, `SELECT name FROM upstreams WHERE paused AND updated_at <= $2 AND name <> ALL ($1) ORDER BY name`, configured, since)
	if err != nil {
		return nil, fmt.Errorf("catalog: removed: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("catalog: removed: %w", err)
	}
	return names, nil
}

// KnowUpstream registers one source unless it is known. Its worker does so, which may
// start before the scheduler has told of all of them.
func KnowUpstream(ctx context.Context, pool *pgxpool.Pool, s Source, now time.Time) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO upstreams (name, driver, mode, paused, paused_why, created_at, updated_at)
			VALUES ($1, $2, $3, false, '', $4, $4) ON CONFLICT (name) DO NOTHING`, s.Name, s.Driver, s.Mode, now)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return Bump(ctx, tx, nil)
	})
	if err != nil {
		return fmt.Errorf("catalog: upstream %s: %w", s.Name, err)
	}
	return nil
}

// Pause stops orders from going to a source until [Resume].
func Pause(ctx context.Context, pool *pgxpool.Pool, name, why, actor string, now time.Time) error {
	return setPaused(ctx, pool, name, true, why, actor, "upstream.pause", now)
}

// Resume lets orders go to a source again.
func Resume(ctx context.Context, pool *pgxpool.Pool, name, actor string, now time.Time) error {
	return setPaused(ctx, pool, name, false, "", actor, "upstream.resume", now)
}

func setPaused(ctx context.Context, pool *pgxpool.Pool, name string, paused bool, why, actor, action string, now time.Time) error {
	e := entry(actor, action, name, map[string]string{"why": why}, now)
	return operated(ctx, pool, e, func(tx pgx.Tx) ([]int64, error) {
		tag, err := tx.Exec(ctx, `UPDATE upstreams SET paused = $2, paused_why = $3, updated_at = $4 WHERE name = $1`, name, paused, why, now)
		if err != nil {
			return nil, fmt.Errorf("catalog: pause: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil, ErrNotFound
		}
		return nil, nil
	})
}

// SetBreaker keeps until when a source's circuit breaker is open; nil closes it.
func SetBreaker(ctx context.Context, pool *pgxpool.Pool, name string, until *time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE upstreams SET breaker_until = $2 WHERE name = $1 AND breaker_until IS DISTINCT FROM $2`, name, until)
	if err != nil {
		return fmt.Errorf("catalog: breaker: %w", err)
	}
	return nil
}

// SetBalance keeps our balance at a source, in rupiah, as it said at a moment. An
// older word never replaces a newer one.
func SetBalance(ctx context.Context, pool *pgxpool.Pool, name string, balance int64, at time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE upstreams SET balance = $2, balance_at = $3, seen_at = greatest(seen_at, $3)
		WHERE name = $1 AND (balance_at IS NULL OR balance_at <= $3)`, name, balance, at)
	if err != nil {
		return fmt.Errorf("catalog: balance: %w", err)
	}
	return nil
}

// Selling names the sources of which anything was ever listed: those whose balance pays for orders. A gateway of deposits alone is none.
func Selling(ctx context.Context, pool *pgxpool.Pool) (map[string]bool, error) {
	rows, err := pool.Query(ctx, `SELECT name FROM upstreams u WHERE EXISTS (SELECT FROM offers WHERE upstream = u.name)`)
	if err != nil {
		return nil, fmt.Errorf("catalog: selling: %w", err)
	}
	all := map[string]bool{}
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&name}, func() error {
		all[name] = true
		return nil
	}); err != nil {
		return nil, fmt.Errorf("catalog: selling: %w", err)
	}
	return all, nil
}

// KnownBalance is what a source last said; nil before it said anything.
func KnownBalance(ctx context.Context, pool *pgxpool.Pool, name string) (*int64, error) {
	var balance *int64
	err := pool.QueryRow(ctx, `SELECT balance FROM upstreams WHERE name = $1`, name).Scan(&balance)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: balance: %w", err)
	}
	return balance, nil
}
