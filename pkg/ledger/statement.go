package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Statement is what a wallet did between two times, in rupiah.
type Statement struct {
	Opening, Debits, Credits, Closing int64
	// Its mutations are those numbered above After and up to Through.
	After, Through int64
}

// Mutations selects the statement's mutations, oldest first. There are none where
// Through is After.
func (s *Statement) Mutations() Range {
	return Range{After: s.After, Before: s.Through + 1, OldestFirst: true}
}

// endSQL is the last mutation that bears a time before $2, below a number ($3). It cuts at numbers and not at times: a mutation
// that was numbered before another may carry a later time by a moment, and belongs to one statement only.
const endSQL = `SELECT wallet_seq, wallet_balance FROM ledger_entries WHERE wallet_id = $1 AND ` + exactly + ` < $2 AND wallet_seq < $3 ORDER BY wallet_seq DESC LIMIT 1`

// StatementOf sums a wallet up from a time (nil: its beginning) to before another
// (nil: now). What one statement closes with, the next one opens with.
func StatementOf(ctx context.Context, pool *pgxpool.Pool, walletID int64, from, to *time.Time) (*Statement, error) {
	s, err := statementOf(ctx, pool, walletID, from, to)
	if err != nil {
		return nil, fmt.Errorf("ledger: statement: %w", err)
	}
	return s, nil
}

func statementOf(ctx context.Context, pool *pgxpool.Pool, walletID int64, from, to *time.Time) (s *Statement, err error) {
	s = new(Statement)
	if from != nil {
		if s.After, s.Opening, err = end(ctx, pool, walletID, *from); err != nil {
			return nil, err
		}
	}
	if to != nil {
		s.Through, s.Closing, err = end(ctx, pool, walletID, *to)
	} else {
		err = pool.QueryRow(ctx, `SELECT seq, balance FROM wallets WHERE id = $1`, walletID).Scan(&s.Through, &s.Closing)
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	if s.Through <= s.After {
		s.Through, s.Closing = s.After, s.Opening
		return s, nil
	}
	if err := s.sum(ctx, pool, walletID, from, to); err != nil {
		return nil, err
	}
	return s, nil
}

// end is where a statement ends that ends at a time: zeroes before the first mutation.
func end(ctx context.Context, pool *pgxpool.Pool, walletID int64, at time.Time) (seq, balance int64, err error) {
	before, err := numberAt(ctx, pool, walletID, at.Add(settleTime))
	if err != nil {
		return 0, 0, err
	}
	err = pool.QueryRow(ctx, endSQL, walletID, at, before).Scan(&seq, &balance)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return seq, balance, err
}

// sum adds up what went out and came in: whole hours from their sums, the rest from the mutations. Should that not explain the
// balance, which a clock that was wrong by more than settleTime could do, every mutation is added up.
func (s *Statement) sum(ctx context.Context, pool *pgxpool.Pool, walletID int64, from, to *time.Time) error {
	ok, err := s.sumHours(ctx, pool, walletID, from, to)
	if err != nil || ok && s.Opening+s.Credits-s.Debits == s.Closing {
		return err
	}
	return pool.QueryRow(ctx, `SELECT coalesce(sum(amount) FILTER (WHERE debit = $1), 0)::bigint, coalesce(sum(amount) FILTER (WHERE credit = $1), 0)::bigint
		FROM ledger_entries WHERE wallet_id = $1 AND wallet_seq > $2 AND wallet_seq <= $3`, walletID, s.After, s.Through).Scan(&s.Debits, &s.Credits)
}

// sumHoursSQL sums the hours from $4 up to $5, and the mutations of the statement ($2, $3] that lie before and after them: those
// numbered below $6, and from $7 on.
const sumHoursSQL = `SELECT coalesce(sum(d), 0)::bigint, coalesce(sum(c), 0)::bigint FROM (
		SELECT debit AS d, credit AS c FROM ledger_hours WHERE account = $1 AND hour >= $4 AND hour < $5
	UNION ALL
		SELECT CASE WHEN debit = $1 THEN amount ELSE 0 END, CASE WHEN credit = $1 THEN amount ELSE 0 END FROM ledger_entries
		WHERE wallet_id = $1 AND wallet_seq > $2 AND wallet_seq <= $3 AND wallet_seq < $6 AND ` + exactly + ` < $4
	UNION ALL
		SELECT CASE WHEN debit = $1 THEN amount ELSE 0 END, CASE WHEN credit = $1 THEN amount ELSE 0 END FROM ledger_entries
		WHERE wallet_id = $1 AND wallet_seq > $2 AND wallet_seq <= $3 AND wallet_seq >= $7 AND ` + exactly + ` >= $5) AS parts`

// sumHours is false where there are no closed hours to make use of.
func (s *Statement) sumHours(ctx context.Context, pool *pgxpool.Pool, walletID int64, from, to *time.Time) (bool, error) {
	var closed time.Time
	err := pool.QueryRow(ctx, `SELECT through FROM ledger_rollup`).Scan(&closed)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var first time.Time // an hour whose mutations are all of the statement, as are those of the next up to last
	if from != nil {
		first = from.Add(settleTime + time.Hour - 1).UTC().Truncate(time.Hour)
	}
	last := closed.UTC()
	if to != nil && to.Before(last) {
		last = to.UTC().Truncate(time.Hour)
	}
	if !first.Before(last) {
		return false, nil
	}
	below, err := numberAt(ctx, pool, walletID, first.Add(settleTime))
	if err != nil {
		return false, err
	}
	above, err := numberAt(ctx, pool, walletID, last.Add(-settleTime))
	if err != nil {
		return false, err
	}
	err = pool.QueryRow(ctx, sumHoursSQL, walletID, s.After, s.Through, first, last, below, above).Scan(&s.Debits, &s.Credits)
	return err == nil, err
}
