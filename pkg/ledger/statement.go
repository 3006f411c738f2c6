package ledger

import (
	"context"
	"fmt"
	"time"

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

// statementSQL cuts at numbers and not at times: a mutation that was numbered before
// another may carry a later time by a moment, and belongs to one statement only.
const statementSQL = `WITH a AS (SELECT wallet_seq, wallet_balance FROM ledger_entries WHERE wallet_id = $1 AND created_at < $2::timestamptz ORDER BY wallet_seq DESC LIMIT 1),
	z AS (SELECT wallet_seq, wallet_balance FROM ledger_entries WHERE wallet_id = $1 AND ($3::timestamptz IS NULL OR created_at < $3) ORDER BY wallet_seq DESC LIMIT 1),
	ends AS (SELECT coalesce((SELECT wallet_seq FROM a), 0) AS after, coalesce((SELECT wallet_balance FROM a), 0) AS opening,
		coalesce((SELECT wallet_seq FROM z), 0) AS through, coalesce((SELECT wallet_balance FROM z), 0) AS closing)
	SELECT ends.opening, ends.closing, ends.after, ends.through,
		coalesce((SELECT sum(amount) FROM ledger_entries e WHERE e.wallet_id = $1 AND e.debit = $1 AND wallet_seq > ends.after AND wallet_seq <= ends.through), 0)::bigint,
		coalesce((SELECT sum(amount) FROM ledger_entries e WHERE e.wallet_id = $1 AND e.credit = $1 AND wallet_seq > ends.after AND wallet_seq <= ends.through), 0)::bigint
	FROM ends`

// StatementOf sums a wallet up from a time (nil: its beginning) to before another
// (nil: now). What one statement closes with, the next one opens with.
func StatementOf(ctx context.Context, pool *pgxpool.Pool, walletID int64, from, to *time.Time) (*Statement, error) {
	s := new(Statement)
	err := pool.QueryRow(ctx, statementSQL, walletID, from, to).Scan(&s.Opening, &s.Closing, &s.After, &s.Through, &s.Debits, &s.Credits)
	if err != nil {
		return nil, fmt.Errorf("ledger: statement: %w", err)
	}
	return s, nil
}
