package ledger

import (
	"context"
	"fmt"
	"strconv"
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
	wallet_balance, kind, subject, subject_id, notes, created_at FROM ledger_entries WHERE wallet_id = $1`

// page is how many mutations a stream reads at once: between two pages it holds neither a connection nor a snapshot, however
// slowly its reader takes them.
const page = 2_000

// exactly is the time of an entry where its number has brought us near: in the index of times, which knows blocks of the table
// only, Postgres would go through all that is older.
const exactly = `created_at + interval '0'`

// sql writes the conditions that are asked for and no other, so that every one of them can be looked for in the index.
func (r Range) sql(walletID int64) (string, []any) {
	sql, args := mutationsSQL, []any{walletID}
	add := func(condition string, arg any) {
		args = append(args, arg)
		sql += " AND " + condition + " $" + strconv.Itoa(len(args))
	}
	if r.From != nil {
		add(exactly+" >=", *r.From)
	}
	if r.To != nil {
		add(exactly+" <", *r.To)
	}
	if r.Before > 0 {
		add("wallet_seq <", r.Before)
	}
	if r.After > 0 {
		add("wallet_seq >", r.After)
	}
	sql += " ORDER BY wallet_seq"
	if !r.OldestFirst {
		sql += " DESC"
	}
	return sql + " LIMIT $" + strconv.Itoa(len(args)+1), append(args, r.Limit)
}

// narrow turns times into numbers, so that what is newer or older than asked for is not walked through.
func (r Range) narrow(ctx context.Context, pool *pgxpool.Pool, walletID int64) (Range, error) {
	if r.From != nil {
		first, err := numberAt(ctx, pool, walletID, r.From.Add(-settleTime))
		if err != nil {
			return r, err
		}
		r.After = max(r.After, first-1)
	}
	if r.To != nil {
		end, err := numberAt(ctx, pool, walletID, r.To.Add(settleTime))
		if err != nil {
			return r, err
		}
		if r.Before == 0 || end < r.Before {
			r.Before = end
		}
	}
	return r, nil
}

// EachMutation streams a wallet's mutations. What is posted after it has begun is not among them where they come newest first.
func EachMutation(ctx context.Context, pool *pgxpool.Pool, walletID int64, r Range, each func(Mutation) error) error {
	r, err := r.narrow(ctx, pool, walletID)
	if err != nil {
		return fmt.Errorf("ledger: mutations: %w", err)
	}
	left, whole := r.Limit, r.Limit == 0
	for whole || left > 0 {
		r.Limit = page
		if !whole {
			r.Limit = min(left, page)
		}
		ms, err := readPage(ctx, pool, walletID, r)
		if err != nil {
			return fmt.Errorf("ledger: mutations: %w", err)
		}
		for _, m := range ms {
			if err := each(m); err != nil {
				return fmt.Errorf("ledger: mutations: %w", err)
			}
		}
		if len(ms) < r.Limit {
			return nil
		}
		left -= len(ms)
		if last := ms[len(ms)-1].ID; r.OldestFirst {
			r.After = last
		} else {
			r.Before = last
		}
		if !r.OldestFirst && r.Before == 1 {
			return nil
		}
	}
	return nil
}

func readPage(ctx context.Context, pool *pgxpool.Pool, walletID int64, r Range) ([]Mutation, error) {
	sql, args := r.sql(walletID)
	rows, err := pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Mutation, err error) {
		err = row.Scan(&m.ID, &m.Debit, &m.Credit, &m.Balance, &m.Kind, &m.Subject, &m.SubjectID, &m.Notes, &m.CreatedAt)
		return m, err
	})
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
