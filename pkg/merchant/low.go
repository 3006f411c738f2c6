package merchant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/webhook"
)

// LowView is what a merchant is told of a balance that has become low, in rupiah.
type LowView struct {
	Balance   int64     `json:"balance"`
	Threshold int64     `json:"threshold"`
	At        time.Time `json:"at"`
}

// LowBalance gives the balance, in rupiah, below which a wallet's owner wants to be
// told; zero for never.
func LowBalance(ctx context.Context, db *pgxpool.Pool, walletID int64) (threshold int64, err error) {
	err = db.QueryRow(ctx, `SELECT threshold FROM low_balances WHERE wallet_id = $1`, walletID).Scan(&threshold)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("merchant: low balance: %w", err)
	}
	return threshold, nil
}

// SetLowBalance sets the balance below which a wallet's owner wants to be told; zero
// for never. A balance that is below a new threshold is told of, too.
func SetLowBalance(ctx context.Context, db *pgxpool.Pool, walletID, threshold int64, now time.Time) error {
	_, err := db.Exec(ctx, `INSERT INTO low_balances AS l (wallet_id, threshold, told, version, updated_at) VALUES ($1, $2, false, 0, $3)
		ON CONFLICT (wallet_id) DO UPDATE SET threshold = $2, told = l.told AND l.threshold >= $2, updated_at = $3 WHERE l.threshold <> $2`, walletID, threshold, now)
	if err != nil {
		return fmt.Errorf("merchant: low balance: %w", err)
	}
	return nil
}

// backSQL forgets that it was told where the balance is back.
const backSQL = `UPDATE low_balances l SET told = false FROM wallets w WHERE w.id = l.wallet_id AND l.told AND w.balance >= l.threshold`

const lowSQL = `UPDATE low_balances l SET told = true, version = l.version + 1, updated_at = $1
	FROM wallets w WHERE w.id = l.wallet_id AND NOT l.told AND w.balance < l.threshold
	RETURNING l.wallet_id, w.mode, w.balance, l.threshold, l.version`

// TellLow tells every merchant whose balance has fallen below its threshold, once
// until the balance is back, however many schedulers look. It gives the ids of the
// events to deliver. A balance that falls and rises between two looks is not seen.
func TellLow(ctx context.Context, db pg.Beginner, now time.Time) (events []int64, err error) {
	now = now.UTC().Truncate(time.Microsecond)
	err = pg.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, backSQL); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, lowSQL, now)
		if err != nil {
			return err
		}
		var told []webhook.Event
		e := webhook.Event{Type: webhook.BalanceLow, At: now}
		v := LowView{At: now}
		_, err = pgx.ForEachRow(rows, []any{&e.WalletID, &e.Mode, &v.Balance, &v.Threshold, &e.Version}, func() error {
			e.Subject, e.Data = "balance:"+e.Mode, map[string]any{"balance": v}
			told = append(told, e)
			return nil
		})
		if err != nil {
			return err
		}
		events, err = webhook.Insert(ctx, tx, told)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("merchant: low balance: %w", err)
	}
	return events, nil
}
