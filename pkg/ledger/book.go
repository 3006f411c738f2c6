package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrNoWallet is returned when a wallet to be locked does not exist.
var ErrNoWallet = errors.New("ledger: no such wallet")

// Wallet is a wallet as a [Book] has it.
type Wallet struct {
	ID         int64
	MerchantID string
	Mode       string
	Balance    int64
	Seq        int64
	// Ruled: there is a row of wallet_rules for it. The ledger does not read it; who spends
	// from the wallet does, under its lock.
	Ruled bool
}

// Book is a set of locked wallets inside one transaction, and the entries that
// are to be written to them. Post decides in memory; Queue writes everything with
// one statement a table.
type Book struct {
	wallets map[int64]*Wallet
	before  map[int64]int64 // sequence number when locked
	rows    []row
}

type row struct {
	Entry
	wallet                   *int64
	walletSeq, walletBalance *int64
}

// NewBook gives a book for entries between system accounts only: it locks nothing.
func NewBook() *Book { return &Book{} }

const lockSQL = `SELECT id, merchant_id, mode, balance, seq, ruled FROM wallets WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`

// QueueLock queues the statement that locks the wallets, in the order of their
// ids. The book is ready when the batch's results have been read; [Book.Wallet]
// gives nil for a wallet that does not exist.
func QueueLock(b *pgx.Batch, ids []int64) *Book {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	k := &Book{wallets: make(map[int64]*Wallet, len(ids)), before: make(map[int64]int64, len(ids))}
	b.Queue(lockSQL, ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			w := new(Wallet)
			if err := rows.Scan(&w.ID, &w.MerchantID, &w.Mode, &w.Balance, &w.Seq, &w.Ruled); err != nil {
				return err
			}
			k.wallets[w.ID] = w
			k.before[w.ID] = w.Seq
		}
		return rows.Err()
	})
	return k
}

// Lock locks the wallets at once.
func Lock(ctx context.Context, tx pgx.Tx, ids ...int64) (*Book, error) {
	var b pgx.Batch
	k := QueueLock(&b, ids)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("ledger: lock wallets: %w", err)
	}
	for _, id := range ids {
		if k.wallets[id] == nil {
			return nil, ErrNoWallet
		}
	}
	return k, nil
}

// Wallet gives a locked wallet as it stands after what was posted so far; nil
// when it does not exist.
func (k *Book) Wallet(id int64) *Wallet { return k.wallets[id] }

// Post adds an entry. [ErrInsufficient] leaves the book as it was.
func (k *Book) Post(e Entry) error {
	if e.Amount <= 0 || e.Debit.id == e.Credit.id || (e.Debit.wallet && e.Credit.wallet) {
		return fmt.Errorf("ledger: entry %s/%d %s: %d rupiah from account %d to %d is no transfer",
			e.Subject, e.SubjectID, e.Kind, e.Amount, e.Debit.id, e.Credit.id)
	}
	r := row{Entry: e}
	if !e.Debit.wallet && !e.Credit.wallet {
		k.rows = append(k.rows, r)
		return nil
	}
	id, delta := e.Credit.id, e.Amount
	if e.Debit.wallet {
		id, delta = e.Debit.id, -e.Amount
	}
	w := k.wallets[id]
	switch {
	case w == nil:
		return fmt.Errorf("ledger: entry %s/%d %s: wallet %d is not locked", e.Subject, e.SubjectID, e.Kind, id)
	case w.Balance+delta < 0:
		return ErrInsufficient
	}
	w.Balance += delta
	w.Seq++
	seq, balance := w.Seq, w.Balance
	r.wallet, r.walletSeq, r.walletBalance = &id, &seq, &balance
	k.rows = append(k.rows, r)
	return nil
}

const insertSQL = `INSERT INTO ledger_entries
	(subject, subject_id, kind, n, debit, credit, amount, wallet_id, wallet_seq, wallet_balance, notes, created_at)
	SELECT u.subject, u.subject_id, u.kind, u.n, u.debit, u.credit, u.amount, u.wallet_id, u.wallet_seq, u.wallet_balance, u.notes, $12
	FROM unnest($1::text[], $2::bigint[], $3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[])
	AS u(subject, subject_id, kind, n, debit, credit, amount, wallet_id, wallet_seq, wallet_balance, notes)`

const updateSQL = `UPDATE wallets w SET balance = u.balance, seq = u.seq
	FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS u(id, was, balance, seq)
	WHERE w.id = u.id AND w.seq = u.was`

// Queue queues the entries and the new balances: one statement a table. The
// batch fails when a wallet was not as it was when locked.
func (k *Book) Queue(b *pgx.Batch, now time.Time) {
	if len(k.rows) == 0 {
		return
	}
	n := len(k.rows)
	var (
		subject, kind, notes   = make([]string, n), make([]string, n), make([]string, n)
		subjectID, amount      = make([]int64, n), make([]int64, n)
		debit, credit          = make([]int64, n), make([]int64, n)
		nth                    = make([]int32, n)
		wallet, seq, balance   = make([]*int64, n), make([]*int64, n), make([]*int64, n)
		ids, was, newBal, news []int64
	)
	for i, r := range k.rows {
		subject[i], subjectID[i], kind[i], nth[i] = r.Subject, r.SubjectID, r.Kind, int32(r.N)
		debit[i], credit[i], amount[i], notes[i] = r.Debit.id, r.Credit.id, r.Amount, r.Notes
		wallet[i], seq[i], balance[i] = r.wallet, r.walletSeq, r.walletBalance
	}
	for id, w := range k.wallets {
		if w.Seq != k.before[id] {
			ids, was, newBal, news = append(ids, id), append(was, k.before[id]), append(newBal, w.Balance), append(news, w.Seq)
		}
	}
	b.Queue(insertSQL, subject, subjectID, kind, nth, debit, credit, amount, wallet, seq, balance, notes, now)
	if len(ids) == 0 {
		return
	}
	b.Queue(updateSQL, ids, was, newBal, news).Exec(func(ct pgconn.CommandTag) error {
		if ct.RowsAffected() != int64(len(ids)) {
			return errors.New("ledger: a wallet moved under its lock")
		}
		return nil
	})
}

// Write writes the book at once.
func (k *Book) Write(ctx context.Context, tx pgx.Tx, now time.Time) error {
	var b pgx.Batch
	k.Queue(&b, now)
	if b.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("ledger: write: %w", err)
	}
	return nil
}
