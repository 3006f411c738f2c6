package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// Adjust credits (amount above zero) or debits a wallet by an operator's hand,
// inside the caller's transaction. It fails with [ErrInsufficient] when the
// wallet does not hold what is to be taken.
func Adjust(ctx context.Context, tx pgx.Tx, accounts *Accounts, walletID, amount int64, note, actor string, now time.Time) (balance int64, err error) {
	book, err := Lock(ctx, tx, walletID)
	if err != nil {
		return 0, err
	}
	w := book.Wallet(walletID)
	other, err := accounts.System(ctx, w.Mode, Adjustment)
	if err != nil {
		return 0, err
	}
	var id int64
	err = tx.QueryRow(ctx, `INSERT INTO ledger_adjustments (wallet_id, amount, note, actor, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		walletID, amount, note, actor, now).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("ledger: adjust: %w", err)
	}
	e := Entry{Subject: "adjustment", SubjectID: id, Kind: KindAdjustment, Debit: other, Credit: WalletAccount(walletID), Amount: amount, Notes: note}
	if amount < 0 {
		e.Debit, e.Credit, e.Amount = WalletAccount(walletID), other, -amount
	}
	if err := book.Post(e); err != nil {
		return 0, err
	}
	return w.Balance, book.Write(ctx, tx, now)
}

// Balance gives what a wallet holds, in rupiah.
func Balance(ctx context.Context, db bun.IDB, walletID int64) (int64, error) {
	var balance int64
	err := db.NewSelect().Table("wallets").Column("balance").Where("id = ?", walletID).Scan(ctx, &balance)
	if err != nil {
		return 0, fmt.Errorf("ledger: balance: %w", err)
	}
	return balance, nil
}
