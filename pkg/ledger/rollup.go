package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// settleTime is how long after its end an hour is closed: entries bear the time
// at which their transaction was begun, and no transaction lives that long.
const settleTime = 15 * time.Minute

// Rollup sums the hours that have closed since the last one into ledger_hours and
// gives how many it closed. Two at once: the second waits and finds nothing.
func Rollup(ctx context.Context, pool *pgxpool.Pool, now time.Time) (hours int, err error) {
	through := now.Add(-settleTime).UTC().Truncate(time.Hour)
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var last time.Time
		err := tx.QueryRow(ctx, `SELECT through FROM ledger_rollup FOR UPDATE`).Scan(&last)
		if errors.Is(err, pgx.ErrNoRows) {
			// The first time: from the first entry there is.
			err = tx.QueryRow(ctx, `SELECT coalesce(date_trunc('hour', min(created_at), 'UTC'), $1) FROM ledger_entries`, through).Scan(&last)
			if err != nil {
				return err
			}
			last = last.UTC()
			_, err = tx.Exec(ctx, `INSERT INTO ledger_rollup (through) VALUES ($1)`, last)
		}
		if err != nil {
			return err
		}
		if !through.After(last) {
			return nil
		}
		_, err = tx.Exec(ctx, `INSERT INTO ledger_hours (account, hour, debit, credit)
			SELECT account, hour, sum(debit)::bigint, sum(credit)::bigint FROM (
				SELECT debit AS account, date_trunc('hour', created_at, 'UTC') AS hour, amount AS debit, 0 AS credit FROM ledger_entries
					WHERE created_at >= $1 AND created_at < $2
				UNION ALL
				SELECT credit, date_trunc('hour', created_at, 'UTC'), 0, amount FROM ledger_entries
					WHERE created_at >= $1 AND created_at < $2) x
			GROUP BY account, hour`, last, through)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE ledger_rollup SET through = $1`, through)
		hours = int(through.Sub(last) / time.Hour)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ledger: rollup: %w", err)
	}
	return hours, nil
}

// Sum is an account's balance, credits less debits, in rupiah.
type Sum struct {
	Mode    string
	Code    string
	Balance int64
}

// SystemSums gives the balances of all system accounts: closed hours from their
// sums, the rest live.
func SystemSums(ctx context.Context, pool *pgxpool.Pool) ([]Sum, error) {
	rows, err := pool.Query(ctx, `SELECT a.mode, a.code, coalesce(sum(s.d), 0)::bigint FROM ledger_accounts a
		LEFT JOIN (
			SELECT account, credit - debit AS d FROM ledger_hours
			UNION ALL
			SELECT credit, amount FROM ledger_entries WHERE created_at >= coalesce((SELECT through FROM ledger_rollup), '-infinity')
			UNION ALL
			SELECT debit, -amount FROM ledger_entries WHERE created_at >= coalesce((SELECT through FROM ledger_rollup), '-infinity')
		) s ON s.account = a.id
		WHERE NOT EXISTS (SELECT 1 FROM wallets w WHERE w.id = a.id)
		GROUP BY a.mode, a.code ORDER BY a.mode, a.code`)
	if err != nil {
		return nil, fmt.Errorf("ledger: sums: %w", err)
	}
	sums, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Sum])
	if err != nil {
		return nil, fmt.Errorf("ledger: sums: %w", err)
	}
	return sums, nil
}
