package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Mutation is one entry as its wallet's owner sees it: debit is what went out.
type Mutation struct {
	// ID numbers the wallet's mutations 1, 2, 3 … without a gap.
	ID        int64
	Debit     int64
	Credit    int64
	Balance   int64
	Kind      string
	Subject   string
	SubjectID int64
	Notes     string
	CreatedAt time.Time
}

// Range selects mutations: From inclusive, To exclusive; Before is the ID that
// the page ends before (zero: from the newest), After the one that it begins after;
// Limit zero means all. They come newest first, unless OldestFirst.
type Range struct {
	From, To      *time.Time
	Before, After int64
	Limit         int
	OldestFirst   bool
}

const mutationsSQL = `SELECT wallet_seq, CASE WHEN debit = wallet_id THEN amount ELSE 0 END, CASE WHEN credit = wallet_id THEN amount ELSE 0 END,
	wallet_balance, kind, subject, subject_id, notes, created_at
	FROM ledger_entries
	WHERE wallet_id = $1 AND ($2::timestamptz IS NULL OR created_at >= $2) AND ($3::timestamptz IS NULL OR created_at < $3)
	AND ($4::bigint = 0 OR wallet_seq < $4) AND wallet_seq > $6
	ORDER BY wallet_seq `

const limitSQL = ` LIMIT CASE WHEN $5::int > 0 THEN $5 END`

// EachMutation streams a wallet's mutations.
func EachMutation(ctx context.Context, pool *pgxpool.Pool, walletID int64, r Range, each func(Mutation) error) error {
	direction := "DESC"
	if r.OldestFirst {
		direction = "ASC"
	}
	rows, err := pool.Query(ctx, mutationsSQL+direction+limitSQL, walletID, r.From, r.To, r.Before, r.Limit, r.After)
	if err != nil {
		return fmt.Errorf("ledger: mutations: %w", err)
	}
	var m Mutation
	_, err = pgx.ForEachRow(rows, []any{&m.ID, &m.Debit, &m.Credit, &m.Balance, &m.Kind, &m.Subject, &m.SubjectID, &m.Notes, &m.CreatedAt},
		func() error { return each(m) })
	if err != nil {
		return fmt.Errorf("ledger: mutations: %w", err)
	}
	return nil
}

// Mutations gives a page of a wallet's mutations.
func Mutations(ctx context.Context, pool *pgxpool.Pool, walletID int64, r Range) ([]Mutation, error) {
	var out []Mutation
	err := EachMutation(ctx, pool, walletID, r, func(m Mutation) error {
		out = append(out, m)
		return nil
	})
	return out, err
}
