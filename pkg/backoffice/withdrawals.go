package backoffice

import (
	"context"
	"fmt"
	"time"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/withdraw"
)

// WithdrawRow is a withdrawal as operators see it; money is whole rupiah.
type WithdrawRow struct {
	WithdrawID    string         `json:"withdraw_id" example:"MRA-WD-0G3ZK4T8M1Q2R"`
	ID            int64          `json:"id,string" doc:"The number that logs and rows know it by."`
	MerchantID    string         `json:"merchant_id"`
	Mode          string         `json:"mode" enum:"live,test"`
	Ref           string         `json:"ref"`
	State         withdraw.State `json:"state" enum:"pending,approved,sending,sent,unknown,success,rejected"`
	Status        string         `json:"status" doc:"What the merchant sees."`
	Flag          string         `json:"flag" doc:"Why a person has to look; empty when nobody has to."`
	Amount        int64          `json:"amount" doc:"Rupiah that the receiver gets."`
	Fee           int64          `json:"fee" doc:"Ours, on top."`
	Charge        int64          `json:"charge" doc:"What the gateway took beside the amount."`
	Method        string         `json:"method" example:"dana"`
	AccountNumber string         `json:"account_number"`
	AccountName   string         `json:"account_name"`
	Check         string         `json:"check" doc:"What looking the account up found: valid, invalid, unknown, or nothing yet."`
	CheckName     string         `json:"check_name" doc:"Whose account it is, by that look."`
	Gateway       string         `json:"gateway" doc:"Where it is paid out; empty for by hand."`
	UpstreamRef   string         `json:"upstream_ref"`
	Attempt       int            `json:"attempt"`
	Approvals     int            `json:"approvals_needed" doc:"How many different people must approve it."`
	CreatedAt     time.Time      `json:"created_at"`
	SentAt        *time.Time     `json:"sent_at"`
	CompletedAt   *time.Time     `json:"completed_at"`
	NextRunAt     *time.Time     `json:"next_run_at"`
}

func (t *Till) withdrawal(w *withdraw.Withdrawal, merchantID string) WithdrawRow {
	return WithdrawRow{
		WithdrawID: withdraw.PublicID(t.Payouts.IDPrefix, w.ID), ID: w.ID, MerchantID: merchantID, Mode: w.Mode, Ref: w.Ref, State: w.State, Status: w.Status(), Flag: w.Flag,
		Amount: w.Amount, Fee: w.Fee, Charge: w.Charge, Method: w.Method, AccountNumber: w.AccountNumber, AccountName: w.AccountName,
		Check: w.CheckResult, CheckName: w.CheckName, Gateway: w.Gateway, UpstreamRef: w.UpstreamRef, Attempt: w.Attempt, Approvals: w.Approvals,
		CreatedAt: w.CreatedAt.UTC(), SentAt: w.SentAt, CompletedAt: w.CompletedAt, NextRunAt: w.NextRunAt,
	}
}

// WithdrawalFilter selects withdrawals. Empty fields select all.
type WithdrawalFilter struct {
	// Flagged: only those that wait for a person's look; those that wait for approval are
	// pending.
	Flagged  bool
	States   []withdraw.State
	Merchant string
	Mode     string
	Gateway  string
	// Before is what operators call the withdrawal that the page ends before.
	Before string
	Limit  int
}

// WithdrawalList is a page of withdrawals, newest first.
type WithdrawalList struct {
	Count       int           `json:"count"`
	Withdrawals []WithdrawRow `json:"withdrawals"`
}

// WithdrawalID reads what operators call a withdrawal.
func WithdrawalID(text string) (int64, error) {
	n, ok := withdraw.ParseOperatorID(text)
	if !ok {
		return 0, fault.Field("id", fmt.Sprintf("%q is no withdrawal's id: give its withdraw_id or its number", text))
	}
	return n, nil
}

// ListWithdrawals gives a page of withdrawals of every merchant.
func (t *Till) ListWithdrawals(ctx context.Context, f *WithdrawalFilter) (*WithdrawalList, error) {
	if err := limited(f.Limit); err != nil {
		return nil, err
	}
	end, err := pageEnd(f.Before, WithdrawalID)
	if err != nil {
		return nil, err
	}
	list, err := withdraw.ListAll(ctx, t.Bun, withdraw.OperatorFilter{
		Flagged: f.Flagged, States: f.States, MerchantID: f.Merchant, Mode: f.Mode, Source: f.Gateway, Before: end, Limit: f.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := &WithdrawalList{Count: len(list), Withdrawals: make([]WithdrawRow, len(list))}
	for i := range list {
		out.Withdrawals[i] = t.withdrawal(&list[i].Withdrawal, list[i].MerchantID)
	}
	return out, nil
}

// WithdrawalPage is everything that is known of a withdrawal, gateway and all: for
// operators only.
type WithdrawalPage struct {
	WithdrawRow
	Message   string              `json:"message" doc:"What the merchant reads of a rejection."`
	Approvals []withdraw.Approval `json:"approvals"`
	Events    []ChangeRow         `json:"events"`
	Entries   []EntryRow          `json:"entries"`
	Audit     []AuditRow          `json:"audit"`
}

// ShowWithdrawal gives all that is known of a withdrawal; [withdraw.ErrNotFound].
func (t *Till) ShowWithdrawal(ctx context.Context, id string) (*WithdrawalPage, error) {
	n, err := WithdrawalID(id)
	if err != nil {
		return nil, err
	}
	ev, err := t.Payouts.ReadEvidence(ctx, n)
	if err != nil {
		return nil, err
	}
	p := &WithdrawalPage{
		WithdrawRow: t.withdrawal(ev.Withdrawal, ev.MerchantID), Message: ev.Withdrawal.Message,
		Approvals: append([]withdraw.Approval{}, ev.Approvals...), Events: newChangeRows(ev.Events), Entries: NewEntryRows(ev.Entries),
	}
	p.Audit, err = t.trail(ctx, p.WithdrawID)
	return p, err
}

// WithdrawalDecided is how a withdrawal stands after an operator's word.
type WithdrawalDecided struct {
	WithdrawRow
	Approvals []withdraw.Approval `json:"approvals"`
}

// ApproveWithdrawal counts one person's yes, or has one sent again that its gateway
// refused; [withdraw.ErrNotResolvable] says why not. It takes no reason.
func (t *Till) ApproveWithdrawal(ctx context.Context, id string, d withdraw.Decision) (*WithdrawalDecided, error) {
	return t.decideWithdrawal(ctx, id, d, t.Payouts.Approve)
}

// RejectWithdrawal gives the money back of a withdrawal that has not been sent.
func (t *Till) RejectWithdrawal(ctx context.Context, id string, d withdraw.Decision) (*WithdrawalDecided, error) {
	if err := because(d.Why); err != nil {
		return nil, err
	}
	return t.decideWithdrawal(ctx, id, d, t.Payouts.Reject)
}

// ResolveWithdrawal settles a withdrawal that the machine cannot: nobody knows whether
// it was sent, its gateway does not decide, or a person has paid it by hand.
func (t *Till) ResolveWithdrawal(ctx context.Context, id string, d withdraw.Decision) (*WithdrawalDecided, error) {
	if err := because(d.Why); err != nil {
		return nil, err
	}
	if d.Charge < 0 {
		return nil, fault.Field("charge", "not below zero")
	}
	return t.decideWithdrawal(ctx, id, d, t.Payouts.Resolve)
}

// SeenWithdrawal takes a withdrawal's flag away: a person has looked.
func (t *Till) SeenWithdrawal(ctx context.Context, id string, d withdraw.Decision) (*WithdrawalDecided, error) {
	if err := because(d.Why); err != nil {
		return nil, err
	}
	return t.decideWithdrawal(ctx, id, d, t.Payouts.Seen)
}

func (t *Till) decideWithdrawal(ctx context.Context, id string, d withdraw.Decision,
	decide func(context.Context, int64, withdraw.Decision) (*withdraw.Withdrawal, error),
) (*WithdrawalDecided, error) {
	n, err := WithdrawalID(id)
	if err != nil {
		return nil, err
	}
	w, err := decide(ctx, n, d)
	if err != nil {
		return nil, err
	}
	ev, err := t.Payouts.ReadEvidence(ctx, w.ID)
	if err != nil {
		return nil, err
	}
	return &WithdrawalDecided{t.withdrawal(w, ev.MerchantID), append([]withdraw.Approval{}, ev.Approvals...)}, nil
}
