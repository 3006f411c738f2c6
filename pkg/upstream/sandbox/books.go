package sandbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The kinds of records.
const (
	kindPurchase = "purchase"
	kindInvoice  = "invoice"
	kindPayout   = "payout"
	kindRefill   = "refill"
)

// record is one line of the books. Money is whole rupiah.
type record struct {
	ID       int64
	Kind     string
	Ref      string
	Category string
	Code     string
	Target   string
	Operator string
	Plan     string
	Quantity int64
	// Debit is what it took; Credit what was given back or came in at CreditAt, and is
	// taken again at AgainAt.
	Debit, Credit     int64
	CreditAt, AgainAt *time.Time
	CanceledAt        *time.Time
	FinishedAt        *time.Time
	ResentAt          []time.Time
	At                time.Time
}

// books are the records of one sandbox, shared by all its workers.
type books struct {
	pool *pgxpool.Pool
	name string
}

const recordColumns = `id, kind, ref, category, code, target, operator, plan, quantity, debit, credit, credit_at, again_at, canceled_at, finished_at, resent_at, at`

// keep enters a record unless one of its kind has its ref, and gives what stands
// there then; fresh tells whether it is the new one.
func (b *books) keep(ctx context.Context, r record) (kept *record, fresh bool, err error) {
	rows, err := b.pool.Query(ctx, `INSERT INTO sandbox_records (upstream, kind, ref, category, code, target, operator, plan, quantity,
			debit, credit, credit_at, again_at, resent_at, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '{}', $14)
		ON CONFLICT (upstream, kind, ref) DO UPDATE SET ref = excluded.ref
		RETURNING `+recordColumns+`, xmax = 0`,
		b.name, r.Kind, r.Ref, r.Category, r.Code, r.Target, r.Operator, r.Plan, r.Quantity, r.Debit, r.Credit, r.CreditAt, r.AgainAt, r.At)
	if err != nil {
		return nil, false, fmt.Errorf("sandbox: keep: %w", err)
	}
	type stored struct {
		record
		Fresh bool
	}
	out, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[stored])
	if err != nil {
		return nil, false, fmt.Errorf("sandbox: keep: %w", err)
	}
	return &out.record, out.Fresh, nil
}

// find gives the record of a ref; nil when there is none.
func (b *books) find(ctx context.Context, kind, ref string) (*record, error) {
	all, err := b.read(ctx, `kind = $2 AND ref = $3`, kind, ref)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// byID gives the record of a kind by its number; nil when there is none.
func (b *books) byID(ctx context.Context, kind string, id int64) (*record, error) {
	all, err := b.read(ctx, `kind = $2 AND id = $3`, kind, id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// read gives the records of this sandbox for which where holds; its arguments
// begin at $2.
func (b *books) read(ctx context.Context, where string, args ...any) ([]record, error) {
	rows, err := b.pool.Query(ctx, `SELECT `+recordColumns+` FROM sandbox_records WHERE upstream = $1 AND `+where, append([]any{b.name}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("sandbox: read: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[record])
	if err != nil {
		return nil, fmt.Errorf("sandbox: read: %w", err)
	}
	return all, nil
}

// cancel ends a record that is not canceled yet, and gives back what it holds then.
func (b *books) cancel(ctx context.Context, id, credit int64, now time.Time) error {
	return b.write(ctx, `UPDATE sandbox_records SET canceled_at = $2, credit = $3, credit_at = $2, again_at = NULL
		WHERE id = $1 AND canceled_at IS NULL`, id, now, credit)
}

// cancelInvoice closes an invoice that nobody has paid.
func (b *books) cancelInvoice(ctx context.Context, id int64, now time.Time) error {
	return b.write(ctx, `UPDATE sandbox_records SET canceled_at = $2, credit_at = NULL WHERE id = $1 AND canceled_at IS NULL`, id, now)
}

// finish notes that a number is no longer needed.
func (b *books) finish(ctx context.Context, id int64, now time.Time) error {
	return b.write(ctx, `UPDATE sandbox_records SET finished_at = coalesce(finished_at, $2) WHERE id = $1`, id, now)
}

// resend notes that a further code is wanted.
func (b *books) resend(ctx context.Context, id int64, now time.Time) error {
	return b.write(ctx, `UPDATE sandbox_records SET resent_at = array_append(resent_at, $2::timestamptz) WHERE id = $1`, id, now)
}

func (b *books) write(ctx context.Context, sql string, args ...any) error {
	if _, err := b.pool.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("sandbox: write: %w", err)
	}
	return nil
}

// spent is what was taken since a moment and neither given back nor received by now,
// in rupiah; below zero where more came in than went out.
func (b *books) spent(ctx context.Context, since, now time.Time) (int64, error) {
	var sum int64
	err := b.pool.QueryRow(ctx, `SELECT coalesce(sum(debit), 0)::bigint
			- coalesce(sum(credit) FILTER (WHERE credit_at <= $3 AND (again_at IS NULL OR again_at > $3)), 0)::bigint
		FROM sandbox_records WHERE upstream = $1 AND at >= $2`, b.name, since, now).Scan(&sum)
	if err != nil {
		return 0, fmt.Errorf("sandbox: balance: %w", err)
	}
	return sum, nil
}
