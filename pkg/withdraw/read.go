package withdraw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/operator"
)

// columns are a withdrawal's, in the order in which scan reads them. Named, so that a
// column added by a newer version disturbs no older one.
const columns = `w.id, w.wallet_id, w.mode, w.ref, w.content_hash, w.amount, w.fee, w.method, w.account_number, w.account_name, w.state, w.version,
	w.approvals, w.gateway, w.attempt, w.claim, w.upstream_ref, w.charge, w.refused, w.message, w.flag, w.trace_parent, w.checker, w.check_at, w.check_result, w.check_name,
	w.next_run_at, w.polls, w.watched_at, w.sent_at, w.created_at, w.updated_at, w.completed_at`

func scan(row pgx.Row) (*Withdrawal, error) {
	w := new(Withdrawal)
	err := row.Scan(&w.ID, &w.WalletID, &w.Mode, &w.Ref, &w.ContentHash, &w.Amount, &w.Fee, &w.Method, &w.AccountNumber, &w.AccountName, &w.State, &w.Version,
		&w.Approvals, &w.Gateway, &w.Attempt, &w.Token, &w.UpstreamRef, &w.Charge, &w.Refused, &w.Message, &w.Flag, &w.TraceParent, &w.Checker, &w.CheckAt, &w.CheckResult, &w.CheckName,
		&w.NextRunAt, &w.Polls, &w.WatchedAt, &w.SentAt, &w.CreatedAt, &w.UpdatedAt, &w.CompletedAt)
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (k *Keeper) one(ctx context.Context, where string, args ...any) (*Withdrawal, error) {
	w, err := scan(k.Pool.QueryRow(ctx, `SELECT `+columns+` FROM withdrawals w WHERE `+where, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("withdraw: read: %w", err)
	}
	return w, nil
}

// ByID gives a withdrawal to workers and operators, whoever's it is.
func (k *Keeper) ByID(ctx context.Context, n int64) (*Withdrawal, error) {
	return k.one(ctx, `w.id = $1`, n)
}

// Get gives a wallet's withdrawal by its withdraw_id, or else by the merchant's own
// ref.
func (k *Keeper) Get(ctx context.Context, walletID int64, idOrRef string) (*Withdrawal, error) {
	if n, ok := ParseID(idOrRef); ok {
		w, err := k.one(ctx, `w.wallet_id = $1 AND w.id = $2`, walletID, n)
		if !errors.Is(err, ErrNotFound) {
			return w, err
		}
	}
	return k.one(ctx, `w.wallet_id = $1 AND w.ref = $2`, walletID, idOrRef)
}

// Filter selects a wallet's withdrawals. Empty fields select all.
type Filter struct {
	// Status is the merchants' word.
	Status   string
	From, To *time.Time
	// Before is the id that the page ends before; zero starts at the newest.
	Before int64
	Limit  int
}

// List gives a page of a wallet's withdrawals, newest first.
func List(ctx context.Context, db bun.IDB, walletID int64, f Filter) ([]*Withdrawal, error) {
	var out []*Withdrawal
	q := db.NewSelect().Model(&out).Where("w.wallet_id = ?", walletID).Order("w.id DESC").Limit(int64(f.Limit))
	switch f.Status {
	case "":
	case "processing":
		q = q.Where("w.state IN ('approved', 'sending', 'sent', 'unknown')")
	default:
		q = q.Where("w.state = ?", f.Status)
	}
	if f.From != nil {
		q = q.Where("w.created_at >= ?", *f.From)
	}
	if f.To != nil {
		q = q.Where("w.created_at < ?", *f.To)
	}
	if f.Before != 0 {
		q = q.Where("w.id < ?", f.Before)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("withdraw: list: %w", err)
	}
	return out, nil
}

// querier reads.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// NamesOf gives the merchants' refs by withdrawal id.
func NamesOf(ctx context.Context, db querier, ids []int64) (map[int64]string, error) {
	out := make(map[int64]string, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	rows, err := db.Query(ctx, `SELECT id, ref FROM withdrawals WHERE id = ANY ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("withdraw: names: %w", err)
	}
	var n int64
	var ref string
	_, err = pgx.ForEachRow(rows, []any{&n, &ref}, func() error {
		out[n] = ref
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("withdraw: names: %w", err)
	}
	return out, nil
}

// Listed is a withdrawal with whose it is, for operators.
type Listed struct {
	Withdrawal `bun:",extend"`
	MerchantID string `bun:"merchant_id,scanonly"`
}

// OperatorFilter selects withdrawals of every merchant; the source is a gateway. Those
// that wait for approval are not flagged but pending.
type OperatorFilter = operator.Filter[State]

// ListAll gives withdrawals of every merchant, newest first.
func ListAll(ctx context.Context, db bun.IDB, f OperatorFilter) ([]Listed, error) {
	var out []Listed
	if err := f.Apply(db.NewSelect().Model(&out), "w", "gateway").Scan(ctx); err != nil {
		return nil, fmt.Errorf("withdraw: list all: %w", err)
	}
	return out, nil
}

// Approval is one person's yes.
type Approval struct {
	Actor     string    `db:"actor" json:"actor"`
	CreatedAt time.Time `db:"created_at" json:"at"`
}

// Event is one change of a withdrawal, and who or what caused it.
type Event = operator.Event[State]

// Evidence is all that is known of a withdrawal.
type Evidence struct {
	Withdrawal *Withdrawal
	MerchantID string
	Approvals  []Approval
	Events     []Event
	Entries    []ledger.Posted
}

// ReadEvidence gathers what an operator needs to decide.
func (k *Keeper) ReadEvidence(ctx context.Context, n int64) (*Evidence, error) {
	w, err := k.ByID(ctx, n)
	if err != nil {
		return nil, err
	}
	e := &Evidence{Withdrawal: w}
	fail := func(err error) (*Evidence, error) { return nil, fmt.Errorf("withdraw: evidence: %w", err) }
	if err := k.Pool.QueryRow(ctx, `SELECT merchant_id FROM wallets WHERE id = $1`, w.WalletID).Scan(&e.MerchantID); err != nil {
		return fail(err)
	}
	rows, _ := k.Pool.Query(ctx, `SELECT actor, created_at FROM withdrawal_approvals WHERE withdrawal_id = $1 ORDER BY created_at`, n)
	if e.Approvals, err = pgx.CollectRows(rows, pgx.RowToStructByName[Approval]); err != nil {
		return fail(err)
	}
	rows, _ = k.Pool.Query(ctx, `SELECT `+operator.EventColumns+` FROM withdrawal_events WHERE withdrawal_id = $1 ORDER BY version`, n)
	if e.Events, err = pgx.CollectRows(rows, pgx.RowToStructByName[Event]); err != nil {
		return fail(err)
	}
	e.Entries, err = ledger.Of(ctx, k.Pool, subject, n)
	return e, err
}
