package deposit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// columns are a deposit's, in the order in which scan reads them. Named, so that a
// column added by a newer version disturbs no older one.
const columns = `d.id, d.wallet_id, d.mode, d.ref, d.amount, d.fee, d.total, d.received, d.asked, d.gateway, d.upstream_ref, d.qr, d.token,
	d.state, d.version, d.attempt, d.sent, d.cancel_requested, d.credited, d.suspense, d.flag, d.trace_parent, d.lease_until,
	d.next_run_at, d.polls, d.looked_at, d.watched_at, d.expires_at, d.paid_at, d.ended_at, d.created_at, d.updated_at`

func scan(row pgx.Row) (*Deposit, error) {
	d := new(Deposit)
	err := row.Scan(&d.ID, &d.WalletID, &d.Mode, &d.Ref, &d.Amount, &d.Fee, &d.Total, &d.Received, &d.Asked, &d.Gateway, &d.UpstreamRef, &d.QR, &d.Token,
		&d.State, &d.Version, &d.Attempt, &d.Sent, &d.CancelRequested, &d.Credited, &d.Suspense, &d.Flag, &d.TraceParent, &d.LeaseUntil,
		&d.NextRunAt, &d.Polls, &d.LookedAt, &d.WatchedAt, &d.ExpiresAt, &d.PaidAt, &d.EndedAt, &d.CreatedAt, &d.UpdatedAt)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// one reads the deposit that a condition finds.
func (k *Keeper) one(ctx context.Context, where string, args ...any) (*Deposit, error) {
	d, err := scan(k.Pool.QueryRow(ctx, `SELECT `+columns+` FROM deposits d WHERE `+where, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("deposit: read: %w", err)
	}
	return d, nil
}

// ByID gives a deposit to workers and operators, whoever's it is.
func (k *Keeper) ByID(ctx context.Context, id int64) (*Deposit, error) {
	return k.one(ctx, `d.id = $1`, id)
}

// Get gives a wallet's deposit by its deposit_id, or else by the merchant's own
// ref. One without an invoice is not there yet.
func (k *Keeper) Get(ctx context.Context, walletID int64, idOrRef string) (*Deposit, error) {
	if n, ok := ParseID(idOrRef); ok {
		d, err := k.one(ctx, `d.wallet_id = $1 AND d.id = $2 AND d.state NOT IN ('creating', 'failed')`, walletID, n)
		if !errors.Is(err, ErrNotFound) {
			return d, err
		}
	}
	return k.one(ctx, `d.wallet_id = $1 AND d.ref = $2 AND d.ref <> '' AND d.state NOT IN ('creating', 'failed')`, walletID, idOrRef)
}

// QR gives the code that a picture's token stands for, and until when it may be
// paid; [ErrNotFound] for one that is paid.
func (k *Keeper) QR(ctx context.Context, token string) (text string, until time.Time, err error) {
	d, err := k.one(ctx, `d.token = $1 AND d.state IN ('pending', 'expired', 'canceled')`, token)
	if err != nil {
		return "", until, err
	}
	return d.QR, *d.ExpiresAt, nil
}

// Filter selects a wallet's deposits. Empty fields select all.
type Filter struct {
	// Status is the merchants' word.
	Status   string
	From, To *time.Time
	// Before is the id that the page ends before; zero starts at the newest.
	Before int64
	Limit  int
}

// List gives a page of a wallet's deposits, newest first.
func List(ctx context.Context, db bun.IDB, walletID int64, f Filter) ([]*Deposit, error) {
	var out []*Deposit
	q := db.NewSelect().Model(&out).Where("d.wallet_id = ? AND d.state NOT IN ('creating', 'failed')", walletID).Order("d.id DESC").Limit(int64(f.Limit))
	switch f.Status {
	case "":
	case string(Pending):
		q = q.Where("d.state IN ('pending', 'suspense')")
	default:
		q = q.Where("d.state = ?", f.Status)
	}
	if f.From != nil {
		q = q.Where("d.created_at >= ?", *f.From)
	}
	if f.To != nil {
		q = q.Where("d.created_at < ?", *f.To)
	}
	if f.Before != 0 {
		q = q.Where("d.id < ?", f.Before)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("deposit: list: %w", err)
	}
	return out, nil
}

// NamesOf gives what a mutation shows of the deposit behind it, by deposit id: the
// merchant's ref, or else the deposit_id.
func (k *Keeper) NamesOf(ctx context.Context, ids []int64) (map[int64]string, error) {
	return NamesOf(ctx, k.Pool, k.Links.IDPrefix, ids)
}

// querier reads.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// NamesOf is [Keeper.NamesOf] for who has no keeper; prefix is the brand's.
func NamesOf(ctx context.Context, db querier, prefix string, ids []int64) (map[int64]string, error) {
	out := make(map[int64]string, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	rows, err := db.Query(ctx, `SELECT id, ref FROM deposits WHERE id = ANY ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("deposit: names: %w", err)
	}
	var n int64
	var ref string
	_, err = pgx.ForEachRow(rows, []any{&n, &ref}, func() error {
		if ref == "" {
			ref = PublicID(prefix, n)
		}
		out[n] = ref
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("deposit: names: %w", err)
	}
	return out, nil
}
