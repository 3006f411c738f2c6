package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// ErrRefTaken: another adjustment of the wallet has the ref.
var ErrRefTaken = errors.New("ledger: the ref is another adjustment's")

// ByHand is what an operator does to a wallet by hand: it is credited, or debited where
// Amount, in rupiah, is below zero.
type ByHand struct {
	Amount int64
	// Ref is the operator's own name of it, once a wallet: with it, asking twice does it
	// once. Empty for none, and then each call is one of its own.
	Ref         string
	Note, Actor string
}

// Adjust credits (amount above zero) or debits a wallet by an operator's hand,
// inside the caller's transaction. It fails with [ErrInsufficient] when the
// wallet does not hold what is to be taken.
func Adjust(ctx context.Context, tx pgx.Tx, accounts *Accounts, walletID, amount int64, note, actor string, now time.Time) (balance int64, err error) {
	balance, _, err = AdjustOnce(ctx, tx, accounts, walletID, ByHand{Amount: amount, Note: note, Actor: actor}, now)
	return balance, err
}

// AdjustOnce is [Adjust] that a ref makes safe to ask for again: where the wallet has an adjustment
// of that ref, amount and note already, done is false, nothing moves and the balance is what
// it was after that. [ErrRefTaken] where amount or note are others.
func AdjustOnce(ctx context.Context, tx pgx.Tx, accounts *Accounts, walletID int64, a ByHand, now time.Time) (balance int64, done bool, err error) {
	book, err := Lock(ctx, tx, walletID)
	if err != nil {
		return 0, false, err
	}
	if a.Ref != "" { // the wallet is locked: nobody else adjusts it meanwhile
		if balance, found, err := adjusted(ctx, tx, walletID, &a); found || err != nil {
			return balance, false, err
		}
	}
	w := book.Wallet(walletID)
	other, err := accounts.System(ctx, w.Mode, Adjustment)
	if err != nil {
		return 0, false, err
	}
	var id int64
	err = tx.QueryRow(ctx, `INSERT INTO ledger_adjustments (wallet_id, amount, note, actor, ref, created_at) VALUES ($1, $2, $3, $4, nullif($5, ''), $6) RETURNING id`,
		walletID, a.Amount, a.Note, a.Actor, a.Ref, now).Scan(&id)
	if err != nil {
		return 0, false, fmt.Errorf("ledger: adjust: %w", err)
	}
	e := Entry{Subject: "adjustment", SubjectID: id, Kind: KindAdjustment, Debit: other, Credit: WalletAccount(walletID), Amount: a.Amount, Notes: a.Note}
	if a.Amount < 0 {
		e.Debit, e.Credit, e.Amount = WalletAccount(walletID), other, -a.Amount
	}
	if err := book.Post(e); err != nil {
		return 0, false, err
	}
	return w.Balance, true, book.Write(ctx, tx, now)
}

// adjusted finds the adjustment that has a's ref.
func adjusted(ctx context.Context, tx pgx.Tx, walletID int64, a *ByHand) (balance int64, found bool, err error) {
	var amount int64
	var note string
	err = tx.QueryRow(ctx, `SELECT a.amount, a.note, e.wallet_balance FROM ledger_adjustments a JOIN ledger_entries e ON e.subject = 'adjustment' AND e.subject_id = a.id
		WHERE a.wallet_id = $1 AND a.ref = $2`, walletID, a.Ref).Scan(&amount, &note, &balance)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("ledger: adjust: %w", err)
	case amount != a.Amount || note != a.Note:
		return 0, false, fmt.Errorf("%w: %q moved %d rupiah, with the note %q", ErrRefTaken, a.Ref, amount, note)
	}
	return balance, true, nil
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
