package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/deposit"
)

type depositCmd struct {
	List      depositListCmd      `cmd:"" help:"List deposits of every merchant, newest first, and payments that wait for a person."`
	Show      depositShowCmd      `cmd:"" help:"Show a deposit with all that is known of it."`
	Credit    depositCreditCmd    `cmd:"" help:"Pay a deposit on your own evidence."`
	Return    depositReturnCmd    `cmd:"" help:"Take a payment out of suspense that was given back to its payer."`
	Expire    depositExpireCmd    `cmd:"" help:"End a deposit whose gateway does not say that nothing was paid."`
	Statement depositStatementCmd `cmd:"" help:"Read the statement of your own static QRIS: what fits exactly one deposit pays it."`
}

type depositListCmd struct {
	Flagged    bool     `help:"Only those that wait for a person."`
	Unmatched  bool     `help:"Also lines of statements that fit no deposit."`
	State      []string `placeholder:"STATE,…" enum:"creating,pending,paid,expired,canceled,suspense,failed" help:"Only in these states."`
	Merchant   string   `placeholder:"ID" help:"Only this merchant's."`
	Mode       string   `enum:",live,test" default:"" help:"Only of this mode."`
	Gateway    string   `placeholder:"NAME" help:"Only those of this gateway."`
	Before     string   `placeholder:"ID" help:"Older than this deposit: the next page."`
	BeforeLine int64    `placeholder:"N" help:"Lines of statements older than this one: the next page of them."`
	Limit      int      `default:"50" help:"How many."`
}

func (c *depositListCmd) Run(e *env) error {
	t, err := e.till()
	if err != nil {
		return err
	}
	f := backoffice.DepositFilter{
		Flagged: c.Flagged, States: states[deposit.State](c.State), Merchant: c.Merchant, Mode: c.Mode, Gateway: c.Gateway,
		Before: c.Before, Limit: c.Limit,
	}
	list, err := t.ListDeposits(e.ctx, &f)
	if err != nil {
		return asked(err)
	}
	waiting, err := t.ListLines(e.ctx, c.Unmatched, c.BeforeLine, c.Limit)
	if err != nil {
		return asked(err)
	}
	out := struct {
		*backoffice.DepositList
		Lines []deposit.Line `json:"lines"`
	}{list, waiting.Lines}
	now := e.now()
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "DEPOSIT\tAGE\tMERCHANT\tREF\tSTATE\tAMOUNT\tTOTAL\tCREDITED\tSUSPENSE\tGATEWAY\tFLAG")
		for i := range out.Deposits {
			r := &out.Deposits[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", r.DepositID, age(now, r.CreatedAt), r.MerchantID, dash(r.Ref), r.State,
				r.Amount, r.Total, r.Credited, amount(r.Suspense), dash(r.Gateway), dash(r.Flag))
		}
		for i := range out.Lines {
			l := &out.Lines[i]
			_, _ = fmt.Fprintf(w, "line %d\t%s\t\t%s\t%s\t\t%d\t\t\t%s\t%s\n", l.ID, age(now, l.PaidAt), l.Key, l.Outcome, l.Amount, l.Gateway, dash(l.Note))
		}
	})
}

type depositShowCmd struct {
	ID string `arg:"" help:"Its deposit_id, or its number."`
}

func (c *depositShowCmd) Run(e *env) error {
	t, err := e.till()
	if err != nil {
		return err
	}
	p, err := t.ShowDeposit(e.ctx, c.ID)
	if err != nil {
		return asked(err)
	}
	return e.Print(p, func(w io.Writer) { printDeposit(w, p) })
}

func printDeposit(w io.Writer, p *backoffice.DepositPage) {
	_, _ = fmt.Fprintf(w, "deposit\t%s (%d)\nmerchant\t%s %s\nref\t%s\nstate\t%s\nflag\t%s\namount\t%d\nfee\t%d\ntotal\t%d\nreceived\t%d\ncredited\t%d\nsuspense\t%d\ngateway\t%s\ninvoice\t%s\ncreated\t%s\nexpires\t%s\npaid\t%s\ncode\t%s\n",
		p.DepositID, p.ID, p.MerchantID, p.Mode, dash(p.Ref), p.State, dash(p.Flag), p.Amount, p.Fee, p.Total, p.Received, p.Credited, p.Suspense,
		dash(p.Gateway), dash(p.UpstreamRef), p.CreatedAt.Format(time.RFC3339), when(p.ExpiresAt), when(p.PaidAt), dash(p.QR))
	for _, a := range p.Attempts {
		_, _ = fmt.Fprintf(w, "attempt %d\t%s asked for %d: %s %s %s %s\n", a.N, a.Gateway, a.Asked, a.Outcome, a.UpstreamRef, a.SaidCode, a.SaidDetail)
	}
	printHistory(w, p.Events)
	for _, l := range p.Lines {
		_, _ = fmt.Fprintf(w, "line %d\t%d at %s: %s %s\n", l.ID, l.Amount, l.PaidAt.UTC().Format(time.RFC3339), l.Outcome, l.Note)
	}
	printBooks(w, p.Entries, p.Audit)
}

// printHistory writes what changed a row, and who or what caused it.
func printHistory(w io.Writer, events []backoffice.ChangeRow) {
	for _, ev := range events {
		_, _ = fmt.Fprintf(w, "%s\t%s → %s by %s %s\n", ev.At.Format(time.RFC3339), dash(ev.From), ev.To, ev.Cause, ev.Detail)
	}
}

// printBooks writes entries and what operators did.
func printBooks(w io.Writer, entries []backoffice.EntryRow, log []backoffice.AuditRow) {
	for _, en := range entries {
		_, _ = fmt.Fprintf(w, "entry\t%s: %d from %s to %s\n", en.Kind, en.Amount, en.Debit, en.Credit)
	}
	for _, a := range log {
		_, _ = fmt.Fprintf(w, "audit\t%s %s %s %s\n", a.At.Format(time.RFC3339), a.Actor, a.Action, a.Detail)
	}
}

// when is a time for people.
func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

type depositCreditCmd struct {
	ID     string `arg:"" help:"Its deposit_id, or its number."`
	Amount int64  `placeholder:"RUPIAH" help:"What to credit of a payment in suspense; left out, all of it but the fee."`
	Line   int64  `placeholder:"N" help:"The line of a statement that is its payment."`
	Why    string `required:"" help:"Your evidence, for the audit log."`
}

func (c *depositCreditCmd) Run(e *env) error {
	return decideDeposit(e, c.ID, deposit.Decision{Amount: c.Amount, Line: c.Line, Why: c.Why}, (*backoffice.Till).CreditDeposit)
}

type depositReturnCmd struct {
	ID  string `arg:"" help:"Its deposit_id, or its number."`
	Why string `required:"" help:"How it was given back, for the audit log."`
}

func (c *depositReturnCmd) Run(e *env) error {
	return decideDeposit(e, c.ID, deposit.Decision{Why: c.Why}, (*backoffice.Till).ReturnDeposit)
}

type depositExpireCmd struct {
	ID  string `arg:"" help:"Its deposit_id, or its number."`
	Why string `required:"" help:"How you know that nothing was paid, for the audit log."`
}

func (c *depositExpireCmd) Run(e *env) error {
	return decideDeposit(e, c.ID, deposit.Decision{Why: c.Why}, (*backoffice.Till).ExpireDeposit)
}

// decideDeposit changes a deposit by an operator's hand and prints how it stands then.
func decideDeposit(e *env, id string, r deposit.Decision,
	decide func(*backoffice.Till, context.Context, string, deposit.Decision) (*backoffice.DepositRow, error),
) error {
	t, err := e.till()
	if err != nil {
		return err
	}
	if r.Actor, err = e.Actor(); err != nil {
		return err
	}
	row, err := decide(t, e.ctx, id, r)
	if err != nil {
		return asked(err)
	}
	return e.Print(row, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "deposit\t%s\nstate\t%s\ncredited\t%d\nsuspense\t%d\n", row.DepositID, row.State, row.Credited, row.Suspense)
	})
}

type depositStatementCmd struct {
	CSV     string `required:"" name:"csv" placeholder:"FILE" help:"The statement: CSV whose header names time and amount, and may name id and note."`
	Gateway string `placeholder:"NAME" help:"Whose statement it is, where the code was renamed; left out, deposits.static_qris.name."`
}

func (c *depositStatementCmd) Run(e *env) error {
	t, err := e.till()
	if err != nil {
		return err
	}
	gateway, err := t.OwnCode(e.ctx, c.Gateway, e.cfg.Deposits.StaticQRIS.Name)
	if err != nil {
		return asked(err)
	}
	file, err := os.Open(c.CSV)
	if err != nil {
		return err
	}
	defer file.Close()
	by, err := e.Actor()
	if err != nil {
		return err
	}
	out, err := t.ReadStatement(e.ctx, file, gateway, c.CSV, by)
	if err != nil {
		return err
	}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "LINE\tPAID\tAMOUNT\tOUTCOME\tDEPOSIT\tNOTE")
		for i := range out.Lines {
			l := &out.Lines[i]
			of := "-"
			if l.DepositID != nil {
				of = deposit.PublicID(t.Deposits.Links.IDPrefix, *l.DepositID)
			}
			_, _ = fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%s\t%s\n", l.ID, l.PaidAt.UTC().Format(time.RFC3339), l.Amount, l.Outcome, of, dash(l.Note))
		}
	})
}
