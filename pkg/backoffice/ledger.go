package backoffice

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/withdraw"
)

// What the ledger knows deposits and withdrawals as.
const (
	subjectDeposit  = "deposit"
	subjectWithdraw = "withdraw"
)

// MutationRow is a mutation as operators see it; money is whole rupiah.
type MutationRow struct {
	ID        int64     `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	Kind      string    `json:"kind"`
	Debit     int64     `json:"debit"`
	Credit    int64     `json:"credit"`
	Balance   int64     `json:"balance"`
	Ref       string    `json:"ref"`
	OrderID   string    `json:"order_id"`
	Notes     string    `json:"notes"`
}

// Statement is what moved a wallet in a time, oldest first; money is whole rupiah.
type Statement struct {
	MerchantID string        `json:"merchant_id"`
	Mode       string        `json:"mode"`
	Opening    int64         `json:"opening"`
	Debits     int64         `json:"debits"`
	Credits    int64         `json:"credits"`
	Closing    int64         `json:"closing"`
	Mutations  []MutationRow `json:"mutations"`
}

// Mask leaves out what operators wrote beside what they moved by hand.
func (s *Statement) Mask() {
	for i := range s.Mutations {
		if m := &s.Mutations[i]; m.Kind == ledger.KindAdjustment {
			m.Notes = ""
		}
	}
}

// Verified is whether the books explain themselves, and what does not.
type Verified struct {
	Clean    bool          `json:"clean"`
	Wallets  int64         `json:"wallets"`
	Entries  int64         `json:"entries"`
	Count    int64         `json:"problems_total"`
	Problems []BookProblem `json:"problems" doc:"The first of each check."`
}

// BookProblem is one thing that the books do not explain.
type BookProblem struct {
	Check   string `json:"check"`
	Subject string `json:"subject"`
	Detail  string `json:"detail"`
}

// VerifyBooks proves the books: every check, one consistent snapshot.
func (o *Office) VerifyBooks(ctx context.Context) (*Verified, error) {
	r, err := ledger.Verify(ctx, o.DB.Pool, slices.Concat(order.Checks(), deposit.Checks(), withdraw.Checks())...)
	if err != nil {
		return nil, err
	}
	out := &Verified{Clean: r.Clean(), Wallets: r.Wallets, Entries: r.Entries, Count: r.Count, Problems: make([]BookProblem, len(r.Problems))}
	for i, p := range r.Problems {
		out.Problems[i] = BookProblem{Check: p.Check, Subject: p.Subject, Detail: p.Detail}
	}
	return out, nil
}

// Statement gives a wallet's mutations from one time to before another; nil is no bound.
// One of more than most mutations is refused; zero is no bound. merchant.ErrNotFound when
// there is no such merchant.
func (o *Office) Statement(ctx context.Context, merchantID string, mode merchant.Mode, from, to *time.Time, most int64) (*Statement, error) {
	wallet, err := o.Merchants().Wallet(ctx, merchantID, mode)
	if err != nil {
		return nil, err
	}
	sum, err := ledger.StatementOf(ctx, o.DB.Pool, wallet, from, to)
	if err != nil {
		return nil, err
	}
	if n := sum.Through - sum.After; most > 0 && n > most {
		return nil, fault.Field("from", fmt.Sprintf("that are %d mutations; choose a span with at most %d", n, most))
	}
	ms, err := ledger.Mutations(ctx, o.DB.Pool, wallet, sum.Mutations())
	if err != nil {
		return nil, err
	}
	ids := map[string][]int64{}
	for i := range ms {
		ids[ms[i].Subject] = append(ids[ms[i].Subject], ms[i].SubjectID)
	}
	names, err := order.NamesOf(ctx, o.DB.Bun, ids[subjectOrder])
	if err != nil {
		return nil, err
	}
	deposits, err := deposit.NamesOf(ctx, o.DB.Pool, o.Config.Brand.IDPrefix, ids[subjectDeposit])
	if err != nil {
		return nil, err
	}
	withdrawals, err := withdraw.NamesOf(ctx, o.DB.Pool, ids[subjectWithdraw])
	if err != nil {
		return nil, err
	}
	s := &Statement{
		MerchantID: merchantID, Mode: string(mode), Opening: sum.Opening, Debits: sum.Debits, Credits: sum.Credits, Closing: sum.Closing,
		Mutations: make([]MutationRow, 0, len(ms)),
	}
	for i := range ms {
		m := &ms[i]
		row := MutationRow{
			ID: m.ID, CreatedAt: m.CreatedAt.UTC(), Kind: m.Kind, Debit: m.Debit, Credit: m.Credit, Balance: m.Balance, Notes: m.Notes,
		}
		switch m.Subject {
		case subjectDeposit:
			row.Ref = deposits[m.SubjectID]
		case subjectWithdraw:
			row.Ref = withdrawals[m.SubjectID]
		case subjectOrder:
			row.Ref, row.OrderID = names[m.SubjectID].Ref, names[m.SubjectID].OrderID
		}
		s.Mutations = append(s.Mutations, row)
	}
	return s, nil
}
