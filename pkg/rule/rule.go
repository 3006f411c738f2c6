package rule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/pg"
)

const (
	// MaxDuplicateMinutes bounds a wallet's duplicate guard: a day.
	MaxDuplicateMinutes = 24 * 60
	// MaxLimit bounds limits, in rupiah.
	MaxLimit int64 = 1_000_000_000_000
)

// ErrInvalid is what every complaint about a rule wraps.
var ErrInvalid = errors.New("invalid")

// Limits are the most that a wallet may spend, in rupiah; zero is no limit.
type Limits struct {
	PerOrder       int64 `json:"per_order"`
	PerDay         int64 `json:"per_day"`
	WithdrawPerDay int64 `json:"withdraw_per_day"`
}

// Rules are what is set for a wallet.
type Rules struct {
	// DuplicateMinutes is for how long a second order of a SKU for the same recipient is
	// refused; zero for never. Only orders that were placed since it was set count.
	DuplicateMinutes int
	Limits
}

// Read gives what is set for a wallet.
func Read(ctx context.Context, db *pgxpool.Pool, walletID int64) (Rules, error) {
	var r Rules
	err := db.QueryRow(ctx, `SELECT duplicate_minutes, per_order, per_day, withdraw_per_day FROM wallet_rules WHERE wallet_id = $1`, walletID).
		Scan(&r.DuplicateMinutes, &r.PerOrder, &r.PerDay, &r.WithdrawPerDay)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Rules{}, fmt.Errorf("rule: read: %w", err)
	}
	return r, nil
}

// SetDuplicateGuard sets for how many minutes, up to [MaxDuplicateMinutes], a second order
// of a SKU for the same recipient is refused; zero for never.
func SetDuplicateGuard(ctx context.Context, db pg.Beginner, walletID int64, minutes int, now time.Time) error {
	if minutes < 0 || minutes > MaxDuplicateMinutes {
		return fmt.Errorf("%w: duplicate guard: 0 to %d minutes", ErrInvalid, MaxDuplicateMinutes)
	}
	return set(ctx, db, walletID, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO wallet_rules (wallet_id, duplicate_minutes, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (wallet_id) DO UPDATE SET duplicate_minutes = $2, updated_at = $3`, walletID, minutes, now)
		return err
	})
}

// Change is a change of limits; what is nil stays.
type Change struct{ PerOrder, PerDay, WithdrawPerDay *int64 }

// SetLimits changes a wallet's limits and gives those that hold from then on; e is the
// row of the audit log, whose detail it completes.
func SetLimits(ctx context.Context, db pg.Beginner, walletID int64, c Change, e audit.Entry) (l Limits, err error) {
	for name, n := range map[string]*int64{PerOrder: c.PerOrder, PerDay: c.PerDay, WithdrawPerDay: c.WithdrawPerDay} {
		if n != nil && (*n < 0 || *n > MaxLimit) {
			return l, fmt.Errorf("%w: %s: 0 to %d rupiah", ErrInvalid, name, MaxLimit)
		}
	}
	err = set(ctx, db, walletID, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO wallet_rules AS r (wallet_id, per_order, per_day, withdraw_per_day, updated_at)
				VALUES ($1, coalesce($2, 0::bigint), coalesce($3, 0::bigint), coalesce($4, 0::bigint), $5)
			ON CONFLICT (wallet_id) DO UPDATE SET per_order = coalesce($2, r.per_order), per_day = coalesce($3, r.per_day),
				withdraw_per_day = coalesce($4, r.withdraw_per_day), updated_at = $5
			RETURNING per_order, per_day, withdraw_per_day`, walletID, c.PerOrder, c.PerDay, c.WithdrawPerDay, e.At).Scan(&l.PerOrder, &l.PerDay, &l.WithdrawPerDay)
		if err != nil {
			return err
		}
		if l.PerDay == 0 { // nobody keeps it any more; it would be taken for right when a limit is set again
			if _, err := tx.Exec(ctx, `DELETE FROM wallet_days WHERE wallet_id = $1`, walletID); err != nil {
				return err
			}
		}
		e.Detail = map[string]any{"wallet_id": walletID, PerOrder: l.PerOrder, PerDay: l.PerDay, WithdrawPerDay: l.WithdrawPerDay}
		return audit.Write(ctx, tx, e)
	})
	return l, err
}

// set changes what is set for a wallet, under the wallet's lock.
func set(ctx context.Context, db pg.Beginner, walletID int64, change func(tx pgx.Tx) error) error {
	err := pg.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM wallets WHERE id = $1 FOR NO KEY UPDATE`, walletID); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE wallets w SET ruled = s.any FROM (SELECT EXISTS (SELECT FROM wallet_rules
				WHERE wallet_id = $1 AND (duplicate_minutes > 0 OR per_order > 0 OR per_day > 0 OR withdraw_per_day > 0)) AS any) s
			WHERE w.id = $1 AND w.ruled <> s.any`, walletID)
		return err
	})
	if err != nil {
		return fmt.Errorf("rule: %w", err)
	}
	return nil
}

// The limits.
const (
	PerOrder       = "per_order"
	PerDay         = "per_day"
	WithdrawPerDay = "withdraw_per_day"
)

// LimitError refuses what is beyond a limit of the wallet. Money is whole rupiah.
type LimitError struct {
	// Limit is which, Allowed how much it is, and Left how much of it is left.
	Limit         string
	Allowed, Left int64
	// Resets is when a limit of the day begins anew; zero for that of an order.
	Resets time.Time
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("rule: beyond the limit %s of %d rupiah, of which %d are left", e.Limit, e.Allowed, e.Left)
}

// Day gives the first moment of a time's day in a time zone, and that of the next day.
func Day(t time.Time, loc *time.Location) (from, to time.Time) {
	y, m, d := t.In(loc).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, loc), time.Date(y, m, d+1, 0, 0, 0, 0, loc)
}
