package report

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/ledger"
)

// Summary is a range in one page. Money is whole rupiah.
type Summary struct {
	Orders      Figures     `json:"orders"`
	BelowCost   BelowTotal  `json:"below_cost" doc:"Orders that cost more than they brought in."`
	Deposits    Deposits    `json:"deposits"`
	Withdrawals Withdrawals `json:"withdrawals"`
	Credited    int64       `json:"adjusted_credits" doc:"Rupiah that operators credited by hand."`
	Debited     int64       `json:"adjusted_debits" doc:"Rupiah that operators debited by hand."`
	// Result is what is left: it leaves adjustments out, which may be money for either side.
	Result int64 `json:"result" doc:"Margin and fees, less charges of gateways and withdrawals paid out after they had been given back. Adjustments are not part of it."`
}

// Summarize gives a range in one page.
func Summarize(ctx context.Context, pool *pgxpool.Pool, r Range, mode string) (*Summary, error) {
	s := new(Summary)
	err := Orders(ctx, pool, &Query{Range: r, Mode: mode}, func(f Figures) error { s.Orders = f; return nil }, nil)
	if err != nil {
		return nil, err
	}
	if s.BelowCost, _, err = BelowCost(ctx, pool, r, mode, 0, 1); err != nil {
		return nil, err
	}
	f, err := ReadFlows(ctx, pool, r, mode)
	if err != nil {
		return nil, err
	}
	s.Deposits, s.Withdrawals, s.Credited, s.Debited = f.DepositsTotal, f.WithdrawalsTotal, f.Credited, f.Debited
	s.Result = s.Orders.Margin + s.Deposits.Fees - s.Deposits.Charges + s.Withdrawals.Fees - s.Withdrawals.Charges - s.Withdrawals.Losses
	return s, nil
}

// Wallets are all merchants' wallets in a mode.
type Wallets struct {
	Mode    string `db:"mode" json:"mode"`
	Count   int64  `db:"count" json:"count"`
	Balance int64  `db:"balance" json:"balance" doc:"Rupiah that we owe merchants."`
}

// Account is a system account; credits less debits.
type Account struct {
	Mode    string `json:"mode"`
	Code    string `json:"account" example:"float:rumahotp-1"`
	Balance int64  `json:"balance" doc:"Credits less debits: what we own stands below zero."`
}

// Balances is where all money lies now.
type Balances struct {
	Wallets  []Wallets `json:"wallets"`
	Accounts []Account `json:"accounts"`
}

// ReadBalances gives the wallets and system accounts of a mode; empty is both.
func ReadBalances(ctx context.Context, pool *pgxpool.Pool, mode string) (*Balances, error) {
	b := &Balances{Accounts: []Account{}}
	rows, err := pool.Query(ctx, `SELECT mode, count(*) AS count, sum(balance)::bigint AS balance FROM wallets WHERE $1 IN ('', mode) GROUP BY mode ORDER BY mode`, mode)
	if err == nil {
		b.Wallets, err = pgx.CollectRows(rows, pgx.RowToStructByName[Wallets])
	}
	if err != nil {
		return nil, fmt.Errorf("report: wallets: %w", err)
	}
	sums, err := ledger.SystemSums(ctx, pool)
	if err != nil {
		return nil, err
	}
	for _, s := range sums {
		if mode == "" || s.Mode == mode {
			b.Accounts = append(b.Accounts, Account(s))
		}
	}
	return b, nil
}
