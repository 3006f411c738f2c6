package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/withdraw"
)

type withdrawCmd struct {
	List    withdrawListCmd    `cmd:"" help:"List withdrawals of every merchant, newest first."`
	Show    withdrawShowCmd    `cmd:"" help:"Show a withdrawal with all that is known of it."`
	Approve withdrawApproveCmd `cmd:"" help:"Say yes to a withdrawal, or let one be sent again that its gateway refused."`
	Reject  withdrawRejectCmd  `cmd:"" help:"Give the money back of a withdrawal that has not been sent."`
	Resolve withdrawResolveCmd `cmd:"" help:"Settle a withdrawal on your own evidence."`
	Seen    withdrawSeenCmd    `cmd:"" help:"Take a withdrawal's flag away: a person has looked."`
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
	t, err := e.till()
	if err != nil {
		return err
	}
	f := backoffice.WithdrawalFilter{
		Flagged: c.Flagged, States: states[withdraw.State](c.State), Merchant: c.Merchant, Mode: c.Mode, Gateway: c.Gateway, Before: c.Before, Limit: c.Limit,
	}
	out, err := t.ListWithdrawals(e.ctx, &f)
	if err != nil {
		return asked(err)
	}
	now := e.now()
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "WITHDRAWAL\tAGE\tMERCHANT\tREF\tSTATE\tAMOUNT\tFEE\tTO\tNAME\tCHECK\tGATEWAY\tFLAG")
		for i := range out.Withdrawals {
			r := &out.Withdrawals[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s %s\t%s\t%s\t%s\t%s\n", r.WithdrawID, age(now, r.CreatedAt), r.MerchantID, r.Ref, r.State,
				r.Amount, r.Fee, r.Method, r.AccountNumber, r.AccountName, dash(strings.TrimSpace(r.Check+" "+r.CheckName)), dash(r.Gateway), dash(r.Flag))
		}
	})
}

type withdrawShowCmd struct {
	ID string `arg:"" help:"Its withdraw_id, or its number."`
}

func (c *withdrawShowCmd) Run(e *env) error {
	t, err := e.till()
	if err != nil {
		return err
	}
	p, err := t.ShowWithdrawal(e.ctx, c.ID)
	if err != nil {
		return asked(err)
	}
	return e.Print(p, func(w io.Writer) { printWithdrawal(w, p) })
}

func printWithdrawal(w io.Writer, p *backoffice.WithdrawalPage) {
	_, _ = fmt.Fprintf(w, "withdrawal\t%s (%d)\nmerchant\t%s %s\nref\t%s\nstate\t%s\nflag\t%s\namount\t%d\nfee\t%d\ncharge\t%d\nto\t%s %s %s\ncheck\t%s %s\ngateway\t%s\npayout\t%s\nsent\t%s (sending %d)\ncreated\t%s\nended\t%s\n",
		p.WithdrawID, p.ID, p.MerchantID, p.Mode, p.Ref, p.State, dash(p.Flag), p.Amount, p.Fee, p.Charge, p.Method, p.AccountNumber, p.AccountName,
		dash(p.Check), p.CheckName, dash(p.Gateway), dash(p.UpstreamRef), when(p.SentAt), p.Attempt, p.CreatedAt.Format(time.RFC3339), when(p.CompletedAt))
	for _, a := range p.Approvals {
		_, _ = fmt.Fprintf(w, "approved\t%s by %s\n", a.CreatedAt.UTC().Format(time.RFC3339), a.Actor)
	}
	printHistory(w, p.Events)
	printBooks(w, p.Entries, p.Audit)
}

type withdrawApproveCmd struct {
	ID      string `arg:"" help:"Its withdraw_id, or its number."`
	Despite bool   `help:"Also where the check found no such account, or has not looked yet."`
	Why     string `help:"For the audit log."`
}

func (c *withdrawApproveCmd) Run(e *env) error {
	return decideWithdrawal(e, c.ID, withdraw.Decision{Why: c.Why, Despite: c.Despite}, (*backoffice.Till).ApproveWithdrawal)
}

type withdrawRejectCmd struct {
	ID  string `arg:"" help:"Its withdraw_id, or its number."`
	Why string `required:"" help:"Why, for the audit log."`
}

func (c *withdrawRejectCmd) Run(e *env) error {
	return decideWithdrawal(e, c.ID, withdraw.Decision{Why: c.Why}, (*backoffice.Till).RejectWithdrawal)
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
	return decideWithdrawal(e, c.ID, withdraw.Decision{Why: c.Why, As: withdraw.State(c.As), Charge: c.Charge}, (*backoffice.Till).ResolveWithdrawal)
}

type withdrawSeenCmd struct {
	ID  string `arg:"" help:"Its withdraw_id, or its number."`
	Why string `required:"" help:"What you found, for the audit log."`
}

func (c *withdrawSeenCmd) Run(e *env) error {
	return decideWithdrawal(e, c.ID, withdraw.Decision{Why: c.Why}, (*backoffice.Till).SeenWithdrawal)
}

// decideWithdrawal changes a withdrawal by an operator's hand and prints how it stands
// then.
func decideWithdrawal(e *env, id string, r withdraw.Decision,
	decide func(*backoffice.Till, context.Context, string, withdraw.Decision) (*backoffice.WithdrawalDecided, error),
) error {
	t, err := e.till()
	if err != nil {
		return err
	}
	if r.Actor, err = e.Actor(); err != nil {
		return err
	}
	out, err := decide(t, e.ctx, id, r)
	if err != nil {
		return asked(err)
	}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "withdrawal\t%s\nstate\t%s\napproved by\t%d of %d\nflag\t%s\n", out.WithdrawID, out.State, len(out.Approvals), out.WithdrawRow.Approvals, dash(out.Flag))
	})
}
