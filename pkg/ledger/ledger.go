package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Account names an account, and knows whether it is a wallet: an entry on a wallet
// that its [Book] has not locked is refused.
type Account struct {
	id     int64
	wallet bool
}

// WalletAccount is the account of a wallet; a wallet's id is its account's.
func WalletAccount(walletID int64) Account { return Account{id: walletID, wallet: true} }

// System account codes. Those with an upstream behind them are made by [Float],
// [Cost] and [Loss].
const (
	// InFlight holds the price of every order that is not final.
	InFlight = "in_flight"
	// Revenue is what final orders brought in.
	Revenue = "revenue"
	// Adjustment is the other side of what operators credit and debit by hand.
	Adjustment = "adjustment"
)

// Float is our prepaid balance at an upstream, as our books see it.
func Float(upstream string) string { return "float:" + upstream }

// Cost is what purchases at an upstream cost us.
func Cost(upstream string) string { return "cost:" + upstream }

// Loss is what we paid an upstream without being paid ourselves.
func Loss(upstream string) string { return "loss:" + upstream }

// The kinds of entries on an order. A kind on a wallet is what its mutation shows.
const (
	KindOrder      = "order"       // wallet to in_flight: the price
	KindRefund     = "refund"      // in_flight to wallet; from n 1 on revenue to wallet: what was settled and taken back
	KindSettle     = "settle"      // in_flight to revenue
	KindCost       = "cost"        // cost to float; n is the attempt
	KindCostBack   = "cost_back"   // float to cost: what an upstream gave back of it; n is the attempt
	KindLateCost   = "late_cost"   // loss to float; n is the attempt
	KindLateCharge = "late_charge" // wallet to revenue
	KindAdjustment = "adjustment"
)

// ErrInsufficient is returned for an entry that would take a wallet below zero.
var ErrInsufficient = errors.New("ledger: balance is not sufficient")

// Entry moves Amount rupiah (above zero) from Debit to Credit on behalf of a
// subject. At most one side is a wallet.
type Entry struct {
	Subject   string
	SubjectID int64
	Kind      string
	N         int
	Debit     Account
	Credit    Account
	Amount    int64
	Notes     string
}

// Accounts finds system accounts by code and remembers them: they never change.
type Accounts struct {
	pool   *pgxpool.Pool
	making sync.Mutex // one account is made at a time
	mu     sync.RWMutex
	ids    map[accountKey]int64
}

type accountKey struct{ mode, code string }

// NewAccounts reads accounts through pool.
func NewAccounts(pool *pgxpool.Pool) *Accounts {
	return &Accounts{pool: pool, ids: map[accountKey]int64{}}
}

// System gives the id of a system account and makes the account when it is new.
// It runs outside any transaction: an account without entries harms nobody. The
// first use of an account takes a connection of its own and none of the pool's:
// who asks may hold one of those already, and it may be the last.
func (a *Accounts) System(ctx context.Context, mode, code string) (Account, error) {
	k := accountKey{mode, code}
	if known, ok := a.known(k); ok {
		return known, nil
	}
	a.making.Lock()
	defer a.making.Unlock()
	if known, ok := a.known(k); ok {
		return known, nil
	}
	id, err := a.open(ctx, k)
	if err != nil {
		return Account{}, fmt.Errorf("ledger: account %s/%s: %w", mode, code, err)
	}
	a.mu.Lock()
	a.ids[k] = id
	a.mu.Unlock()
	return Account{id: id}, nil
}

func (a *Accounts) known(k accountKey) (Account, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	id, ok := a.ids[k]
	return Account{id: id}, ok
}

func (a *Accounts) open(ctx context.Context, k accountKey) (id int64, err error) {
	conn, err := pgx.ConnectConfig(ctx, a.pool.Config().ConnConfig)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// DO UPDATE rather than DO NOTHING, so that the row comes back in either case.
	err = conn.QueryRow(ctx, `INSERT INTO ledger_accounts (mode, code) VALUES ($1, $2)
		ON CONFLICT (mode, code) DO UPDATE SET code = excluded.code RETURNING id`, k.mode, k.code).Scan(&id)
	return id, err
}

// CreateWallet opens the wallet of a merchant in a mode, empty.
func CreateWallet(ctx context.Context, tx pgx.Tx, merchantID, mode string, now time.Time) (int64, error) {
	var id int64
	err := tx.QueryRow(ctx, `INSERT INTO ledger_accounts (mode, code) VALUES ($1, 'wallet:' || $2) RETURNING id`, mode, merchantID).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("ledger: open wallet: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO wallets (id, merchant_id, mode, balance, seq, created_at) VALUES ($1, $2, $3, 0, 0, $4)`,
		id, merchantID, mode, now)
	if err != nil {
		return 0, fmt.Errorf("ledger: open wallet: %w", err)
	}
	return id, nil
}
