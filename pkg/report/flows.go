package report

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/ledger"
)

// Deposits are what came in by a gateway on a day. Money is whole rupiah.
type Deposits struct {
	Day     string `json:"day,omitempty" doc:"In the brand's time zone." example:"2026-11-21"`
	Gateway string `json:"gateway,omitempty"`
	Count   int64  `json:"count" doc:"Deposits that were credited."`
	Amount  int64  `json:"amount" doc:"Rupiah that were credited."`
	// Fees are what payers paid beyond it and we kept.
	Fees int64 `json:"fees" doc:"Ours: rupiah received beyond what was credited."`
	// Charges are what the gateway kept at our expense.
	Charges   int64 `json:"charges" doc:"Theirs: rupiah credited that the gateway did not pass on."`
	Suspended int64 `json:"suspended" doc:"Rupiah that came and waited for a person."`
	Returned  int64 `json:"returned" doc:"Rupiah that left suspense other than by a credit: given back, or found to be another deposit's."`
}

// Withdrawals are what was paid out by a gateway on a day; no gateway is by hand.
// Money is whole rupiah.
type Withdrawals struct {
	Day     string `json:"day,omitempty" doc:"In the brand's time zone." example:"2026-11-21"`
	Gateway string `json:"gateway" doc:"Empty for those paid out by hand."`
	Count   int64  `json:"count" doc:"Withdrawals that were paid out."`
	Amount  int64  `json:"amount" doc:"Rupiah that were paid out."`
	Asked   int64  `json:"asked" doc:"Withdrawals that were asked for."`
	Taken   int64  `json:"taken" doc:"Rupiah that were taken for them, fees included."`
	Refunds int64  `json:"refunds" doc:"Rupiah of rejected ones that were given back, fees included."`
	Fees    int64  `json:"fees" doc:"Ours."`
	Charges int64  `json:"charges" doc:"Theirs: what gateways took beside the amount."`
	Losses  int64  `json:"losses" doc:"Rupiah paid out after they had been given back."`
}

// Flows is money that came in and went out, by day and gateway, and in total.
type Flows struct {
	Deposits         []Deposits    `json:"deposits"`
	DepositsTotal    Deposits      `json:"deposits_total"`
	Withdrawals      []Withdrawals `json:"withdrawals"`
	WithdrawalsTotal Withdrawals   `json:"withdrawals_total"`
	// Credited and Debited are adjustments by hand.
	Credited int64 `json:"adjusted_credits" doc:"Rupiah that operators credited by hand."`
	Debited  int64 `json:"adjusted_debits" doc:"Rupiah that operators debited by hand."`
}

// ReadFlows gives deposits, withdrawals and adjustments of a range in a mode. There is
// a row for each day and gateway on which something was booked.
func ReadFlows(ctx context.Context, pool *pgxpool.Pool, r Range, mode string) (*Flows, error) {
	f := &Flows{Deposits: []Deposits{}, Withdrawals: []Withdrawals{}}
	err := look(ctx, pool, r, func(v *view) error {
		rows, err := v.tx.Query(ctx, `SELECT day::text, gateway, kind, sum(n)::bigint, sum(amount)::bigint FROM (
				SELECT day, mode, kind, gateway, n, amount FROM report_flows WHERE $7 AND day >= $4::date AND day < $5::date
				UNION ALL SELECT day, mode, kind, gateway, n, amount FROM (`+flowsSQL+`) live) s
			WHERE mode = $6 GROUP BY day, gateway, kind ORDER BY day, gateway, kind`, v.live, r.To, r.zone(), r.first(), r.end(), mode, v.closed)
		if err != nil {
			return err
		}
		var day, gateway, kind string
		var n, amount int64
		_, err = pgx.ForEachRow(rows, []any{&day, &gateway, &kind, &n, &amount}, func() error {
			f.add(day, gateway, kind, n, amount)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("report: flows: %w", err)
	}
	return f, nil
}

// add books one sum; those of a day and gateway come one after the other.
func (f *Flows) add(day, gateway, kind string, n, amount int64) {
	switch kind {
	case "adjustment_credit":
		f.Credited += amount
		return
	case "adjustment_debit":
		f.Debited += amount
		return
	case ledger.KindDeposit, ledger.KindDepositFee, ledger.KindDepositCharge, ledger.KindSuspense, ledger.KindSuspenseReturn:
		if k := len(f.Deposits); k == 0 || f.Deposits[k-1].Day != day || f.Deposits[k-1].Gateway != gateway {
			f.Deposits = append(f.Deposits, Deposits{Day: day, Gateway: gateway})
		}
		for _, d := range []*Deposits{&f.Deposits[len(f.Deposits)-1], &f.DepositsTotal} {
			d.add(kind, n, amount)
		}
		return
	}
	if k := len(f.Withdrawals); k == 0 || f.Withdrawals[k-1].Day != day || f.Withdrawals[k-1].Gateway != gateway {
		f.Withdrawals = append(f.Withdrawals, Withdrawals{Day: day, Gateway: gateway})
	}
	for _, w := range []*Withdrawals{&f.Withdrawals[len(f.Withdrawals)-1], &f.WithdrawalsTotal} {
		w.add(kind, n, amount)
	}
}

func (d *Deposits) add(kind string, n, amount int64) {
	switch kind {
	case ledger.KindDeposit:
		d.Count += n
		d.Amount += amount
	case ledger.KindDepositFee:
		d.Fees += amount
	case ledger.KindDepositCharge:
		d.Charges += amount
	case ledger.KindSuspense:
		d.Suspended += amount
	case ledger.KindSuspenseReturn:
		d.Returned += amount
	}
}

func (w *Withdrawals) add(kind string, n, amount int64) {
	switch kind {
	case ledger.KindWithdraw:
		w.Asked += n
		w.Taken += amount
	case ledger.KindWithdrawRefund:
		w.Refunds += amount
	case ledger.KindPayout:
		w.Count += n
		w.Amount += amount
	case ledger.KindWithdrawFee:
		w.Fees += amount
	case ledger.KindPayoutCharge:
		w.Charges += amount
	case ledger.KindLatePayout:
		w.Losses += amount
	}
}
