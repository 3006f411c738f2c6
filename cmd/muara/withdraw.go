package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/withdraw"
)

// subjectWithdraw is what the ledger knows withdrawals as.
const subjectWithdraw = "withdraw"

type withdrawCmd struct {
	List    withdrawListCmd    `cmd:"" help:"List withdrawals of every merchant, newest first."`
	Show    withdrawShowCmd    `cmd:"" help:"Show a withdrawal with all that is known of it."`
	Approve withdrawApproveCmd `cmd:"" help:"Say yes to a withdrawal, or let one be sent again that its gateway refused."`
	Reject  withdrawRejectCmd  `cmd:"" help:"Give the money back of a withdrawal that has not been sent."`
	Resolve withdrawResolveCmd `cmd:"" help:"Settle a withdrawal on your own evidence."`
	Seen    withdrawSeenCmd    `cmd:"" help:"Take a withdrawal's flag away: a person has looked."`
}

// withdrawals opens the keeper that operator commands change withdrawals through.
// Their webhooks are found by the scheduler.
func (e *env) withdrawals() (*withdraw.Keeper, error) {
	db, err := e.DB()
	if err != nil {
		return nil, err
	}
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return nil, err
	}
	return withdraw.New(withdraw.Options{
		Pool: db.Pool, Accounts: ledger.NewAccounts(db.Pool), Now: e.now, Log: slog.New(slog.DiscardHandler), IDPrefix: cfg.Brand.IDPrefix,
		Policy: role.WithdrawPolicy(cfg),
	}), nil
}

// withdrawRow is a withdrawal as operators see it; money is whole rupiah.
type withdrawRow struct {
	WithdrawID    string         `json:"withdraw_id"`
	ID            int64          `json:"id,string"`
	MerchantID    string         `json:"merchant_id"`
	Mode          string         `json:"mode"`
	Ref           string         `json:"ref"`
	State         withdraw.State `json:"state"`
	Status        string         `json:"status"`
	Flag          string         `json:"flag"`
	Amount        int64          `json:"amount"`
	Fee           int64          `json:"fee"`
	Charge        int64          `json:"charge"`
	Method        string         `json:"method"`
	AccountNumber string         `json:"account_number"`
	AccountName   string         `json:"account_name"`
	Check         string         `json:"check"`
	CheckName     string         `json:"check_name"`
	Gateway       string         `json:"gateway"`
	UpstreamRef   string         `json:"upstream_ref"`
	Attempt       int            `json:"attempt"`
	Approvals     int            `json:"approvals_needed"`
	CreatedAt     time.Time      `json:"created_at"`
	SentAt        *time.Time     `json:"sent_at"`
	CompletedAt   *time.Time     `json:"completed_at"`
	NextRunAt     *time.Time     `json:"next_run_at"`
}

func toWithdrawRow(prefix string, w *withdraw.Withdrawal, merchantID string) withdrawRow {
	return withdrawRow{
		WithdrawID: withdraw.PublicID(prefix, w.ID), ID: w.ID, MerchantID: merchantID, Mode: w.Mode, Ref: w.Ref, State: w.State, Status: w.Status(), Flag: w.Flag,
		Amount: w.Amount, Fee: w.Fee, Charge: w.Charge, Method: w.Method, AccountNumber: w.AccountNumber, AccountName: w.AccountName,
		Check: w.CheckResult, CheckName: w.CheckName, Gateway: w.Gateway, UpstreamRef: w.UpstreamRef, Attempt: w.Attempt, Approvals: w.Approvals,
		CreatedAt: w.CreatedAt.UTC(), SentAt: w.SentAt, CompletedAt: w.CompletedAt, NextRunAt: w.NextRunAt,
	}
}

type withdrawListCmd struct {
	Flagged  bool     `help:"Only those that wait for a person's look; those that wait for approval are --state pending."`
	State    []string `placeholder:"STATE,…" enum:"pending,approved,sending,sent,unknown,success,rejected" help:"Only in these states."`
	Merchant string   `placeholder:"ID" help:"Only this merchant's."`
	Mode     string   `enum:",live,test" default:"" help:"Only of this mode."`
	Gateway  string   `placeholder:"NAME" help:"Only those of this gateway."`
	Before   string   `placeholder:"ID" help:"Older than this withdrawal: the next page."`
	Limit    int      `default:"50" help:"How many."`
}

func (c *withdrawListCmd) Run(e *env) error {
	if c.Limit <= 0 || c.Limit > 10_000 {
		return wrongUsage("--limit: 1 to 10000")
	}
	f := withdraw.OperatorFilter{Flagged: c.Flagged, MerchantID: c.Merchant, Mode: c.Mode, Gateway: c.Gateway, Limit: c.Limit}
	for _, s := range c.State {
		f.States = append(f.States, withdraw.State(s))
	}
	if c.Before != "" {
		n, err := withdrawID(c.Before)
		if err != nil {
			return err
		}
		f.Before = n
	}
	k, err := e.withdrawals()
	if err != nil {
		return err
	}
	list, err := withdraw.ListAll(e.ctx, e.db.Bun, f)
	if err != nil {
		return err
	}
	rows := make([]withdrawRow, len(list))
	for i := range list {
		rows[i] = toWithdrawRow(k.IDPrefix, &list[i].Withdrawal, list[i].MerchantID)
	}
	now := e.now()
	return e.Print(map[string]any{"count": len(rows), "withdrawals": rows}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "WITHDRAWAL\tAGE\tMERCHANT\tREF\tSTATE\tAMOUNT\tFEE\tTO\tNAME\tCHECK\tGATEWAY\tFLAG")
		for i := range rows {
			r := &rows[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s %s\t%s\t%s\t%s\t%s\n", r.WithdrawID, age(now, r.CreatedAt), r.MerchantID, r.Ref, r.State,
				r.Amount, r.Fee, r.Method, r.AccountNumber, r.AccountName, dash(strings.TrimSpace(r.Check+" "+r.CheckName)), dash(r.Gateway), dash(r.Flag))
		}
	})
}

// withdrawID reads the argument that names a withdrawal.
func withdrawID(text string) (int64, error) {
	n, ok := withdraw.ParseOperatorID(text)
	if !ok {
		return 0, wrongUsage("%q is no withdrawal's id: give its withdraw_id or its number", text)
	}
	return n, nil
}

type withdrawShowCmd struct {
	ID string `arg:"" help:"Its withdraw_id, or its number."`
}

// withdrawPage is everything that is known of a withdrawal, gateway and all: for
// operators only.
type withdrawPage struct {
	withdrawRow
	Message   string              `json:"message"`
	Approvals []withdraw.Approval `json:"approvals"`
	Events    []withdraw.Event    `json:"events"`
	Entries   []entryRow          `json:"entries"`
	Audit     []auditRow          `json:"audit"`
}

func (c *withdrawShowCmd) Run(e *env) error {
	n, err := withdrawID(c.ID)
	if err != nil {
		return err
	}
	k, err := e.withdrawals()
	if err != nil {
		return err
	}
	ev, err := k.ReadEvidence(e.ctx, n)
	if err != nil {
		return err
	}
	p := withdrawPage{
		withdrawRow: toWithdrawRow(k.IDPrefix, ev.Withdrawal, ev.MerchantID), Message: ev.Withdrawal.Message,
		Approvals: ev.Approvals, Events: ev.Events, Entries: toEntryRows(ev.Entries),
	}
	trail, err := audit.List(e.ctx, e.db.Pool, p.WithdrawID, shown)
	if err != nil {
		return err
	}
	p.Audit = toAuditRows(trail)
	return e.Print(p, p.print)
}

func (p *withdrawPage) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "withdrawal\t%s (%d)\nmerchant\t%s %s\nref\t%s\nstate\t%s\nflag\t%s\namount\t%d\nfee\t%d\ncharge\t%d\nto\t%s %s %s\ncheck\t%s %s\ngateway\t%s\npayout\t%s\nsent\t%s (sending %d)\ncreated\t%s\nended\t%s\n",
		p.WithdrawID, p.ID, p.MerchantID, p.Mode, p.Ref, p.State, dash(p.Flag), p.Amount, p.Fee, p.Charge, p.Method, p.AccountNumber, p.AccountName,
		dash(p.Check), p.CheckName, dash(p.Gateway), dash(p.UpstreamRef), when(p.SentAt), p.Attempt, p.CreatedAt.Format(time.RFC3339), when(p.CompletedAt))
	for _, a := range p.Approvals {
		_, _ = fmt.Fprintf(w, "approved\t%s by %s\n", a.CreatedAt.UTC().Format(time.RFC3339), a.Actor)
	}
	for _, ev := range p.Events {
		_, _ = fmt.Fprintf(w, "%s\t%s → %s by %s %s\n", ev.CreatedAt.UTC().Format(time.RFC3339), dash(string(ev.FromState)), ev.ToState, ev.Cause, ev.Detail)
	}
	for _, en := range p.Entries {
		_, _ = fmt.Fprintf(w, "entry\t%s: %d from %s to %s\n", en.Kind, en.Amount, en.Debit, en.Credit)
	}
	for _, a := range p.Audit {
		_, _ = fmt.Fprintf(w, "audit\t%s %s %s %s\n", a.At.Format(time.RFC3339), a.Actor, a.Action, a.Detail)
	}
}

type withdrawApproveCmd struct {
	ID      string `arg:"" help:"Its withdraw_id, or its number."`
	Despite bool   `help:"Also where the check found no such account, or has not looked yet."`
	Why     string `help:"For the audit log."`
}

func (c *withdrawApproveCmd) Run(e *env) error {
	return decideWithdrawal(e, c.ID, withdraw.Decision{Why: c.Why, Despite: c.Despite}, (*withdraw.Keeper).Approve)
}

type withdrawRejectCmd struct {
	ID  string `arg:"" help:"Its withdraw_id, or its number."`
	Why string `required:"" help:"Why, for the audit log."`
}

func (c *withdrawRejectCmd) Run(e *env) error {
	if strings.TrimSpace(c.Why) == "" {
		return wrongUsage("--why says something")
	}
	return decideWithdrawal(e, c.ID, withdraw.Decision{Why: c.Why}, (*withdraw.Keeper).Reject)
}

type withdrawResolveCmd struct {
	ID     string `arg:"" help:"Its withdraw_id, or its number."`
	As     string `required:"" enum:"success,rejected" help:"success: it was paid out. rejected: it was not, and is given back."`
	Charge int64  `placeholder:"RUPIAH" help:"What paying it out took beside the amount."`
	Why    string `required:"" help:"Your evidence, for the audit log."`
}

// Run settles a withdrawal that the machine cannot: nobody knows whether it was sent,
// its gateway does not decide, or a person has paid it by hand.
func (c *withdrawResolveCmd) Run(e *env) error {
	switch {
	case strings.TrimSpace(c.Why) == "":
		return wrongUsage("--why says something")
	case c.Charge < 0:
		return wrongUsage("--charge: not below zero")
	}
	return decideWithdrawal(e, c.ID, withdraw.Decision{Why: c.Why, As: withdraw.State(c.As), Charge: c.Charge}, (*withdraw.Keeper).Resolve)
}

type withdrawSeenCmd struct {
	ID  string `arg:"" help:"Its withdraw_id, or its number."`
	Why string `required:"" help:"What you found, for the audit log."`
}

func (c *withdrawSeenCmd) Run(e *env) error {
	if strings.TrimSpace(c.Why) == "" {
		return wrongUsage("--why says something")
	}
	return decideWithdrawal(e, c.ID, withdraw.Decision{Why: c.Why}, (*withdraw.Keeper).Seen)
}

// decideWithdrawal changes a withdrawal by an operator's hand and prints how it stands
// then.
func decideWithdrawal(e *env, idText string, r withdraw.Decision,
	decide func(*withdraw.Keeper, context.Context, int64, withdraw.Decision) (*withdraw.Withdrawal, error),
) error {
	n, err := withdrawID(idText)
	if err != nil {
		return err
	}
	k, err := e.withdrawals()
	if err != nil {
		return err
	}
	r.Actor = e.Actor()
	wd, err := decide(k, e.ctx, n, r)
	if err != nil {
		return err
	}
	ev, err := k.ReadEvidence(e.ctx, wd.ID)
	if err != nil {
		return err
	}
	out := struct {
		withdrawRow
		Approvals []withdraw.Approval `json:"approvals"`
	}{toWithdrawRow(k.IDPrefix, wd, ev.MerchantID), ev.Approvals}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "withdrawal\t%s\nstate\t%s\napproved by\t%d of %d\nflag\t%s\n", out.WithdrawID, out.State, len(out.Approvals), wd.Approvals, dash(out.Flag))
	})
}
