package merchant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/pg"
)

// MaxDuplicateMinutes bounds a wallet's duplicate guard: a day.
const MaxDuplicateMinutes = 24 * 60

// Rules are what is set for a wallet.
type Rules struct {
	// DuplicateMinutes is for how long a second order of a SKU for the same recipient is
	// refused; zero for never. Only orders that were placed since it was set count.
	DuplicateMinutes int
}

// ReadRules gives what is set for a wallet.
func ReadRules(ctx context.Context, db *pgxpool.Pool, walletID int64) (Rules, error) {
	var r Rules
	err := db.QueryRow(ctx, `SELECT duplicate_minutes FROM wallet_rules WHERE wallet_id = $1`, walletID).Scan(&r.DuplicateMinutes)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Rules{}, fmt.Errorf("merchant: rules: %w", err)
	}
	return r, nil
}

// SetDuplicateGuard sets for how many minutes, up to [MaxDuplicateMinutes], a second order
// of a SKU for the same recipient is refused; zero for never. It holds for every order
// that is placed from then on, in every process.
func SetDuplicateGuard(ctx context.Context, db pg.Beginner, walletID int64, minutes int, now time.Time) error {
	if minutes < 0 || minutes > MaxDuplicateMinutes {
		return fmt.Errorf("%w: duplicate guard: 0 to %d minutes", ErrInvalid, MaxDuplicateMinutes)
	}
	return rule(ctx, db, walletID, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO wallet_rules (wallet_id, duplicate_minutes, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (wallet_id) DO UPDATE SET duplicate_minutes = $2, updated_at = $3`, walletID, minutes, now)
		return err
	})
}

// rule changes what is set for a wallet, under the wallet's lock: whoever spends from it
// reads the rules under the same.
func rule(ctx context.Context, db pg.Beginner, walletID int64, change func(tx pgx.Tx) error) error {
	err := pg.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM wallets WHERE id = $1 FOR NO KEY UPDATE`, walletID); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE wallets w SET ruled = s.any FROM (
				SELECT EXISTS (SELECT FROM wallet_rules WHERE wallet_id = $1 AND duplicate_minutes > 0) AS any) s
			WHERE w.id = $1 AND w.ruled <> s.any`, walletID)
		return err
	})
	if err != nil {
		return fmt.Errorf("merchant: rules: %w", err)
	}
	return nil
}
