package order

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Status of the open orders, for metrics.
type (
	// AtUpstream is what is open at one upstream.
	AtUpstream struct{ Due, Queued, Unknown Backlog }
	// Open is what is open everywhere; Flagged waits for an operator; those of the test mode wait for nobody.
	Open struct {
		Upstreams map[string]AtUpstream
		Flagged   int64
	}
)

// Standing counts open orders. It reads only partial indexes of what is open. The
// planner is forbidden to read the table instead: where nothing is known of how
// many orders have a flag (a table that was never analysed) it takes it for most.
func Standing(ctx context.Context, pool *pgxpool.Pool, now time.Time) (*Open, error) {
	out := &Open{Upstreams: map[string]AtUpstream{}}
	var b pgx.Batch
	each := func(sql string, put func(*AtUpstream, Backlog), args ...any) {
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
			var name string
			var l Backlog
			_, err := pgx.ForEachRow(rows, []any{&name, &l.Count, &l.Oldest}, func() error {
				at := out.Upstreams[name]
				put(&at, l)
				out.Upstreams[name] = at
				return nil
			})
			return err
		})
	}
	each(`SELECT upstream, count(*), min(next_run_at) FROM orders WHERE next_run_at <= $1 AND state <> 'queued' AND state <> 'sending' GROUP BY upstream`,
		func(a *AtUpstream, l Backlog) { a.Due = l }, now)
	each(`SELECT upstream, count(*), min(created_at) FROM orders WHERE state = 'queued' GROUP BY upstream`,
		func(a *AtUpstream, l Backlog) { a.Queued = l })
	each(`SELECT upstream, count(*), min(updated_at) FROM orders WHERE state = 'unknown' GROUP BY upstream`,
		func(a *AtUpstream, l Backlog) { a.Unknown = l })
	b.Queue(`SELECT count(*) FROM orders WHERE flag <> '' AND mode = 'live'`).QueryRow(func(row pgx.Row) error { return row.Scan(&out.Flagged) })
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
			return err
		}
		return tx.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return nil, fmt.Errorf("order: standing: %w", err)
	}
	return out, nil
}

// Spent gives what attempts since a time cost at each upstream, in rupiah, whether
// they have ended or not.
func Spent(ctx context.Context, pool *pgxpool.Pool, since time.Time) (map[string]int64, error) {
	rows, err := pool.Query(ctx, `SELECT upstream, sum(cost)::bigint FROM order_attempts
		WHERE started_at >= $1 AND outcome NOT IN ('rejected', 'not_sent', 'not_bought', 'throttled', 'failed', 'returned', 'canceled', 'expired') GROUP BY upstream`, since)
	if err != nil {
		return nil, fmt.Errorf("order: spent: %w", err)
	}
	out := map[string]int64{}
	var name string
	var sum int64
	_, err = pgx.ForEachRow(rows, []any{&name, &sum}, func() error {
		out[name] = sum
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("order: spent: %w", err)
	}
	return out, nil
}
