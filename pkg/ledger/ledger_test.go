package ledger_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/testdb"
)

var noon = time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)

type books struct {
	*testdb.DB
	accounts *ledger.Accounts
	inFlight ledger.Account
	revenue  ledger.Account
}

func newBooks(t *testing.T) *books {
	t.Helper()
	b := &books{DB: testdb.New(t)}
	b.accounts = ledger.NewAccounts(b.Pool)
	var err error
	b.inFlight, err = b.accounts.System(t.Context(), "live", ledger.InFlight)
	require.NoError(t, err)
	b.revenue, err = b.accounts.System(t.Context(), "live", ledger.Revenue)
	require.NoError(t, err)
	return b
}

// open gives a merchant a live wallet that holds balance.
func (b *books) open(t *testing.T, merchant string, balance int64) int64 {
	t.Helper()
	var id int64
	require.NoError(t, pg.InTx(t.Context(), b.Pool, func(tx pgx.Tx) (err error) {
		_, err = tx.Exec(t.Context(), `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ($1, $1, 'active', 1, '{}', $2, $2)`, merchant, noon)
		require.NoError(t, err)
		id, err = ledger.CreateWallet(t.Context(), tx, merchant, "live", noon)
		return err
	}))
	if balance > 0 {
		_, err := b.adjust(t.Context(), id, balance)
		require.NoError(t, err)
	}
	return id
}

func (b *books) adjust(ctx context.Context, wallet, amount int64) (balance int64, err error) {
	err = pg.InTx(ctx, b.Pool, func(tx pgx.Tx) error {
		balance, err = ledger.Adjust(ctx, tx, b.accounts, wallet, amount, "by hand", "tester", noon)
		return err
	})
	return balance, err
}

// post writes entries in one transaction over the locked wallets.
func (b *books) post(ctx context.Context, at time.Time, wallets []int64, entries ...ledger.Entry) error {
	return pg.InTx(ctx, b.Pool, func(tx pgx.Tx) error {
		book, err := ledger.Lock(ctx, tx, wallets...)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := book.Post(e); err != nil {
				return err
			}
		}
		return book.Write(ctx, tx, at)
	})
}

func TestAnAccountIsFoundInATransactionThatHoldsTheLastConnection(t *testing.T) {
	t.Parallel()
	db, err := pg.Open(t.Context(), testdb.New(t).URL, pg.WithPoolConns(1))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	accounts := ledger.NewAccounts(db.Pool)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var ids [8]ledger.Account
	require.NoError(t, pg.InTx(ctx, db.Pool, func(pgx.Tx) error {
		var all errgroup.Group
		for i := range ids {
			all.Go(func() (err error) {
				ids[i], err = accounts.System(ctx, "live", ledger.Float("up-a"))
				return err
			})
		}
		return all.Wait()
	}))
	for _, id := range ids {
		require.Equal(t, ids[0], id, "one account, whoever made it")
	}
	again, err := ledger.NewAccounts(db.Pool).System(ctx, "live", ledger.Float("up-a"))
	require.NoError(t, err)
	require.Equal(t, ids[0], again, "another process finds it")
}

func (b *books) verify(t *testing.T) {
	t.Helper()
	r, err := ledger.Verify(t.Context(), b.Pool)
	require.NoError(t, err)
	require.Empty(t, r.Problems)
}

func (b *books) balance(t *testing.T, wallet int64) int64 {
	t.Helper()
	n, err := ledger.Balance(t.Context(), b.Bun, wallet)
	require.NoError(t, err)
	return n
}

func TestAnAdjustmentMovesTheBalanceAndLeavesAnEntry(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 10_000)
	left, err := b.adjust(t.Context(), w, -3_000)
	require.NoError(t, err)
	require.EqualValues(t, 7_000, left)
	require.EqualValues(t, 7_000, b.balance(t, w))

	_, err = b.adjust(t.Context(), w, -7_001)
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	require.EqualValues(t, 7_000, b.balance(t, w))

	ms, err := ledger.Mutations(t.Context(), b.Pool, w, ledger.Range{Limit: 10})
	require.NoError(t, err)
	require.Len(t, ms, 2)
	require.Equal(t, ledger.Mutation{ID: 2, Debit: 3_000, Balance: 7_000, Kind: "adjustment", Subject: "adjustment", SubjectID: ms[0].SubjectID, Notes: "by hand", CreatedAt: noon}, ms[0])
	require.Equal(t, int64(10_000), ms[1].Credit)
	b.verify(t)
}

func TestAnAdjustmentWithARefIsDoneOnce(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w, other := b.open(t, "M1", 10_000), b.open(t, "M2", 10_000)
	once := func(wallet int64, a ledger.ByHand) (balance int64, done bool, err error) {
		err = pg.InTx(t.Context(), b.Pool, func(tx pgx.Tx) error {
			balance, done, err = ledger.AdjustOnce(t.Context(), tx, b.accounts, wallet, a, noon)
			return err
		})
		return balance, done, err
	}
	fee := ledger.ByHand{Amount: -3_000, Ref: "fee", Note: "a fee", Actor: "tester"}
	for i := range 3 {
		balance, done, err := once(w, fee)
		require.NoError(t, err)
		require.Equal(t, i == 0, done)
		require.EqualValues(t, 7_000, balance)
		_, err = b.adjust(t.Context(), w, 1)
		require.NoError(t, err)
	}
	require.EqualValues(t, 7_003, b.balance(t, w))
	for _, a := range []ledger.ByHand{{Amount: 3_000, Ref: "fee", Note: "a fee"}, {Amount: -3_001, Ref: "fee", Note: "a fee"}, {Amount: -3_000, Ref: "fee", Note: "x"}} {
		_, done, err := once(w, a)
		require.ErrorIs(t, err, ledger.ErrRefTaken)
		require.False(t, done)
	}
	balance, done, err := once(other, fee)
	require.NoError(t, err)
	require.True(t, done, "another wallet's")
	require.EqualValues(t, 7_000, balance)
	b.verify(t)
}

func TestARefusedEntryLeavesTheBookAsItWas(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 500)
	require.NoError(t, pg.InTx(t.Context(), b.Pool, func(tx pgx.Tx) error {
		book, err := ledger.Lock(t.Context(), tx, w)
		require.NoError(t, err)
		buy := ledger.Entry{Subject: "thing", SubjectID: 1, Kind: "order", Debit: ledger.WalletAccount(w), Credit: b.inFlight, Amount: 501}
		require.ErrorIs(t, book.Post(buy), ledger.ErrInsufficient)
		buy.Amount = 500
		require.NoError(t, book.Post(buy))
		require.Zero(t, book.Wallet(w).Balance)
		return book.Write(t.Context(), tx, noon)
	}))
	require.Zero(t, b.balance(t, w))
	b.verify(t)
}

func TestWhatIsNoTransferIsRefused(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w, other := b.open(t, "M1", 500), b.open(t, "M2", 500)
	for name, e := range map[string]ledger.Entry{
		"nothing":             {Debit: ledger.WalletAccount(w), Credit: b.inFlight, Amount: 0},
		"backwards":           {Debit: ledger.WalletAccount(w), Credit: b.inFlight, Amount: -1},
		"to itself":           {Debit: b.inFlight, Credit: b.inFlight, Amount: 1},
		"wallet to wallet":    {Debit: ledger.WalletAccount(w), Credit: ledger.WalletAccount(other), Amount: 1},
		"a wallet not locked": {Debit: ledger.WalletAccount(other), Credit: b.inFlight, Amount: 1},
	} {
		e.Subject, e.SubjectID, e.Kind = "thing", 1, "order"
		require.Error(t, b.post(t.Context(), noon, []int64{w}, e), name)
	}
	require.ErrorIs(t, b.post(t.Context(), noon, []int64{w, 999_999}), ledger.ErrNoWallet)
	b.verify(t)
}

func TestASecondDeliveryCannotPostTwice(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 1_000)
	e := ledger.Entry{Subject: "thing", SubjectID: 7, Kind: "order", Debit: ledger.WalletAccount(w), Credit: b.inFlight, Amount: 100}
	require.NoError(t, b.post(t.Context(), noon, []int64{w}, e))
	require.True(t, pg.IsUnique(b.post(t.Context(), noon, []int64{w}, e), "ledger_entries_subject"))
	require.EqualValues(t, 900, b.balance(t, w))
	b.verify(t)
}

func TestEntriesCannotBeChanged(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	b.open(t, "M1", 1_000)
	for _, statement := range []string{"UPDATE ledger_entries SET amount = 2", "DELETE FROM ledger_entries", "TRUNCATE ledger_entries"} {
		_, err := b.Pool.Exec(t.Context(), statement)
		require.ErrorContains(t, err, "immutable", statement)
	}
}

func TestManyAtOnceSpendExactlyWhatIsThere(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 1_000)
	var wg sync.WaitGroup
	var bought, refused atomic.Int64
	for i := range 100 {
		wg.Go(func() {
			err := b.post(context.Background(), noon, []int64{w}, ledger.Entry{
				Subject: "thing", SubjectID: int64(i), Kind: "order", Debit: ledger.WalletAccount(w), Credit: b.inFlight, Amount: 100,
			})
			if err == nil {
				bought.Add(1)
			} else {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 10, bought.Load())
	require.EqualValues(t, 90, refused.Load())
	require.Zero(t, b.balance(t, w))
	b.verify(t)
}

func TestVerifyFindsWhatTheBooksDoNotExplain(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]string{
		"wallet equals its entries": `UPDATE wallets SET balance = balance + 1`,
		"sequence has no gap and the running balance is exact": `ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_immutable;
			UPDATE ledger_entries SET wallet_balance = wallet_balance + 1 WHERE wallet_seq = 1`,
		"entry on a wallet names it": `ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_immutable;
			UPDATE ledger_entries SET wallet_id = NULL, wallet_seq = NULL, wallet_balance = NULL`,
		"entry stays within its mode":      `UPDATE ledger_accounts SET mode = 'test' WHERE code = 'adjustment'`,
		"closed hours equal their entries": `INSERT INTO ledger_rollup (through) VALUES ('2026-11-21 06:00Z')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBooks(t)
			b.open(t, "M1", 1_000)
			_, err := b.Pool.Exec(t.Context(), harm, pgx.QueryExecModeSimpleProtocol)
			require.NoError(t, err)
			r, err := ledger.Verify(t.Context(), b.Pool)
			require.NoError(t, err)
			require.False(t, r.Clean())
			found := map[string]bool{}
			for _, p := range r.Problems {
				found[p.Check] = true
			}
			require.Contains(t, found, name)
		})
	}
}

func TestClosedHoursAreSummedOnceAndSumsStayTheSame(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 1_000)
	buy := func(id int64, at time.Time) {
		require.NoError(t, b.post(t.Context(), at, []int64{w}, ledger.Entry{
			Subject: "thing", SubjectID: id, Kind: "order", Debit: ledger.WalletAccount(w), Credit: b.inFlight, Amount: 10 * id,
		}))
	}
	buy(1, noon.Add(5*time.Minute))
	buy(2, noon.Add(70*time.Minute))
	before, err := ledger.SystemSums(t.Context(), b.Pool)
	require.NoError(t, err)

	n, err := ledger.Rollup(t.Context(), b.Pool, noon.Add(80*time.Minute))
	require.NoError(t, err)
	require.Equal(t, 1, n, "the first hour has closed, the second is going on")
	n, err = ledger.Rollup(t.Context(), b.Pool, noon.Add(80*time.Minute))
	require.NoError(t, err)
	require.Zero(t, n)

	after, err := ledger.SystemSums(t.Context(), b.Pool)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Contains(t, after, ledger.Sum{Mode: "live", Code: ledger.InFlight, Balance: 30})
	require.Contains(t, after, ledger.Sum{Mode: "live", Code: ledger.Adjustment, Balance: -1_000})
	b.verify(t)

	buy(3, noon.Add(100*time.Minute))
	n, err = ledger.Rollup(t.Context(), b.Pool, noon.Add(3*time.Hour))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	b.verify(t)
}

func TestMutationsPageByNumberAndByTime(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 1_000)
	for i := range 5 {
		require.NoError(t, b.post(t.Context(), noon.Add(time.Duration(i+1)*time.Hour), []int64{w}, ledger.Entry{
			Subject: "thing", SubjectID: int64(i), Kind: "order", Debit: ledger.WalletAccount(w), Credit: b.revenue, Amount: 100,
		}))
	}
	ids := func(r ledger.Range) (out []int64) {
		ms, err := ledger.Mutations(t.Context(), b.Pool, w, r)
		require.NoError(t, err)
		for _, m := range ms {
			out = append(out, m.ID)
		}
		return out
	}
	require.Equal(t, []int64{6, 5, 4}, ids(ledger.Range{Limit: 3}))
	require.Equal(t, []int64{3, 2, 1}, ids(ledger.Range{Limit: 3, Before: 4}))
	from, to := noon.Add(2*time.Hour), noon.Add(4*time.Hour)
	require.Equal(t, []int64{4, 3}, ids(ledger.Range{From: &from, To: &to}))
}

func TestSystemAccountsNeedNoWallet(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	for _, code := range []string{ledger.Float("up"), ledger.Cost("up"), ledger.Loss("up")} {
		account, err := b.accounts.System(t.Context(), "live", code)
		require.NoError(t, err)
		again, err := b.accounts.System(t.Context(), "live", code)
		require.NoError(t, err)
		require.Equal(t, account, again)
		require.NoError(t, pg.InTx(t.Context(), b.Pool, func(tx pgx.Tx) error {
			book := ledger.NewBook()
			require.NoError(t, book.Write(t.Context(), tx, noon), "an empty book writes nothing")
			require.NoError(t, book.Post(ledger.Entry{Subject: "thing", SubjectID: 1, Kind: code, Debit: account, Credit: b.revenue, Amount: 7}))
			return book.Write(t.Context(), tx, noon)
		}))
	}
	sums, err := ledger.SystemSums(t.Context(), b.Pool)
	require.NoError(t, err)
	require.Contains(t, sums, ledger.Sum{Mode: "live", Code: ledger.Revenue, Balance: 21})
	b.verify(t)
}

func TestAWalletThatMovedUnderItsLockFailsTheBook(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 1_000)
	err := pg.InTx(t.Context(), b.Pool, func(tx pgx.Tx) error {
		book, err := ledger.Lock(t.Context(), tx, w)
		require.NoError(t, err)
		require.NoError(t, book.Post(ledger.Entry{Subject: "thing", SubjectID: 1, Kind: "order", Debit: ledger.WalletAccount(w), Credit: b.inFlight, Amount: 10}))
		_, err = tx.Exec(t.Context(), `UPDATE wallets SET seq = seq + 1 WHERE id = $1`, w)
		require.NoError(t, err)
		return book.Write(t.Context(), tx, noon)
	})
	require.ErrorContains(t, err, "moved under its lock")
	require.EqualValues(t, 1_000, b.balance(t, w))
	b.verify(t)
}

func TestNothingIsSaidOfBooksThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 1_000)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.adjust(gone, w, 5)
	require.Error(t, err)
	_, err = ledger.Balance(gone, b.Bun, w)
	require.Error(t, err)
	_, err = b.accounts.System(gone, "live", "another")
	require.Error(t, err)
	_, err = ledger.Mutations(gone, b.Pool, w, ledger.Range{})
	require.Error(t, err)
	_, err = ledger.Rollup(gone, b.Pool, noon)
	require.Error(t, err)
	_, err = ledger.SystemSums(gone, b.Pool)
	require.Error(t, err)
	_, err = ledger.Verify(gone, b.Pool)
	require.Error(t, err)
	_, err = ledger.Verify(t.Context(), b.Pool, ledger.Check{Name: "broken", SQL: "SELECT nothing FROM nowhere"})
	require.ErrorContains(t, err, "broken")
	err = ledger.EachMutation(t.Context(), b.Pool, w, ledger.Range{}, func(ledger.Mutation) error { return context.Canceled })
	require.ErrorIs(t, err, context.Canceled)
	require.Error(t, pg.InTx(t.Context(), b.Pool, func(tx pgx.Tx) error {
		_, err := ledger.CreateWallet(t.Context(), tx, "nobody", "live", noon)
		return err
	}), "a wallet has a merchant")
	require.Error(t, pg.InTx(t.Context(), b.Pool, func(tx pgx.Tx) error {
		_, err := ledger.CreateWallet(t.Context(), tx, "M1", "live", noon)
		return err
	}), "one wallet a merchant and mode")
}

func TestAnAdjustmentNeedsAWalletAndItsBooks(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	_, err := b.adjust(t.Context(), 424242, 10)
	require.ErrorIs(t, err, ledger.ErrNoWallet)
	w := b.open(t, "M1", 1_000)
	_, err = b.adjust(t.Context(), w, 0)
	require.Error(t, err, "an adjustment of nothing is none")
	require.EqualValues(t, 1_000, b.balance(t, w))
	b.verify(t)
}
