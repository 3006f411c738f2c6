package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Posted is an entry as it stands in the books, with its accounts' codes.
type Posted struct {
	ID     int64
	Kind   string
	N      int
	Debit  string
	Credit string
	Amount int64
	// Balance is the wallet's after the entry; nil where no wallet is touched.
	Balance   *int64
	Notes     string
	CreatedAt time.Time
}

// Of gives all entries on behalf of a subject, oldest first.
func Of(ctx context.Context, pool *pgxpool.Pool, subject string, id int64) ([]Posted, error) {
	rows, err := pool.Query(ctx, `SELECT e.id, e.kind, e.n, d.code, c.code, e.amount, e.wallet_balance, e.notes, e.created_at
		FROM ledger_entries e JOIN ledger_accounts d ON d.id = e.debit JOIN ledger_accounts c ON c.id = e.credit
		WHERE e.subject_id = $2 AND e.subject = $1 ORDER BY e.id`, subject, id)
	if err != nil {
		return nil, fmt.Errorf("ledger: entries: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Posted])
	if err != nil {
		return nil, fmt.Errorf("ledger: entries: %w", err)
	}
	return list, nil
}
