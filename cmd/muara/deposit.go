package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
)

// subjectDeposit is what the ledger knows deposits as.
const subjectDeposit = "deposit"

type depositCmd struct {
	List      depositListCmd      `cmd:"" help:"List deposits of every merchant, newest first, and payments that wait for a person."`
	Show      depositShowCmd      `cmd:"" help:"Show a deposit with all that is known of it."`
	Credit    depositCreditCmd    `cmd:"" help:"Pay a deposit on your own evidence."`
	Return    depositReturnCmd    `cmd:"" help:"Take a payment out of suspense that was given back to its payer."`
	Expire    depositExpireCmd    `cmd:"" help:"End a deposit whose gateway does not say that nothing was paid."`
	Statement depositStatementCmd `cmd:"" help:"Read the statement of your own static QRIS: what fits exactly one deposit pays it."`
}

// deposits opens the keeper that operator commands change deposits through. Their
// webhooks are found by the scheduler.
func (e *env) deposits() (*deposit.Keeper, error) {
	db, err := e.DB()
	if err != nil {
		return nil, err
	}
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return nil, err
	}
	return deposit.New(deposit.Options{
		Pool: db.Pool, Accounts: ledger.NewAccounts(db.Pool), Now: e.now, Log: slog.New(slog.DiscardHandler), Links: role.DepositLinks(cfg),
	}), nil
}

// depositRow is a deposit as operators see it; money is whole rupiah.
type depositRow struct {
	DepositID   string        `json:"deposit_id"`
	ID          int64         `json:"id,string"`
	MerchantID  string        `json:"merchant_id"`
	Mode        string        `json:"mode"`
	Ref         string        `json:"ref"`
	State       deposit.State `json:"state"`
	Status      string        `json:"status"`
	Flag        string        `json:"flag"`
	Amount      int64         `json:"amount"`
	Fee         int64         `json:"fee"`
	Total       int64         `json:"total"`
	Received    int64         `json:"received"`
	Credited    int64         `json:"credited"`
	Suspense    int64         `json:"suspense"`
	Gateway     string        `json:"gateway"`
	UpstreamRef string        `json:"upstream_ref"`
	CreatedAt   time.Time     `json:"created_at"`
	ExpiresAt   *time.Time    `json:"expires_at"`
	PaidAt      *time.Time    `json:"paid_at"`
	NextRunAt   *time.Time    `json:"next_run_at"`
}

func toDepositRow(prefix string, d *deposit.Deposit, merchantID string) depositRow {
	return depositRow{
		DepositID: deposit.PublicID(prefix, d.ID), ID: d.ID, MerchantID: merchantID, Mode: d.Mode, Ref: d.Ref, State: d.State, Status: d.Status(),
		Flag: d.Flag, Amount: d.Amount, Fee: d.Fee, Total: d.Total, Received: d.Received, Credited: d.Credited, Suspense: d.Suspense,
		Gateway: d.Gateway, UpstreamRef: d.UpstreamRef, CreatedAt: d.CreatedAt.UTC(), ExpiresAt: d.ExpiresAt, PaidAt: d.PaidAt, NextRunAt: d.NextRunAt,
	}
}

type depositListCmd struct {
	Flagged   bool     `help:"Only those that wait for a person."`
	Unmatched bool     `help:"Also lines of statements that fit no deposit."`
	State     []string `placeholder:"STATE,…" enum:"creating,pending,paid,expired,canceled,suspense,failed" help:"Only in these states."`
	Merchant  string   `placeholder:"ID" help:"Only this merchant's."`
	Mode      string   `enum:",live,test" default:"" help:"Only of this mode."`
	Gateway   string   `placeholder:"NAME" help:"Only those of this gateway."`
	Before    string   `placeholder:"ID" help:"Older than this deposit: the next page."`
	Limit     int      `default:"50" help:"How many."`
}

func (c *depositListCmd) Run(e *env) error {
	if c.Limit <= 0 || c.Limit > 10_000 {
		return wrongUsage("--limit: 1 to 10000")
	}
	f := deposit.OperatorFilter{Flagged: c.Flagged, MerchantID: c.Merchant, Mode: c.Mode, Gateway: c.Gateway, Limit: c.Limit}
	for _, s := range c.State {
		f.States = append(f.States, deposit.State(s))
	}
	if c.Before != "" {
		n, err := depositID(c.Before)
		if err != nil {
			return err
		}
		f.Before = n
	}
	k, err := e.deposits()
	if err != nil {
		return err
	}
	list, err := deposit.ListAll(e.ctx, e.db.Bun, f)
	if err != nil {
		return err
	}
	lines, err := k.OpenLines(e.ctx, c.Unmatched, c.Limit)
	if err != nil {
		return err
	}
	rows := make([]depositRow, len(list))
	for i := range list {
		rows[i] = toDepositRow(k.Links.IDPrefix, &list[i].Deposit, list[i].MerchantID)
	}
	if lines == nil {
		lines = []deposit.Line{}
	}
	now := e.now()
	return e.Print(map[string]any{"count": len(rows), "deposits": rows, "lines": lines}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "DEPOSIT\tAGE\tMERCHANT\tREF\tSTATE\tAMOUNT\tTOTAL\tCREDITED\tSUSPENSE\tGATEWAY\tFLAG")
		for i := range rows {
			r := &rows[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", r.DepositID, age(now, r.CreatedAt), r.MerchantID, dash(r.Ref), r.State,
				r.Amount, r.Total, r.Credited, amount(r.Suspense), dash(r.Gateway), dash(r.Flag))
		}
		for i := range lines {
			l := &lines[i]
			_, _ = fmt.Fprintf(w, "line %d\t%s\t\t%s\t%s\t\t%d\t\t\t%s\t%s\n", l.ID, age(now, l.PaidAt), l.Key, l.Outcome, l.Amount, l.Gateway, dash(l.Note))
		}
	})
}

// depositID reads the argument that names a deposit.
func depositID(text string) (int64, error) {
	n, ok := deposit.ParseOperatorID(text)
	if !ok {
		return 0, wrongUsage("%q is no deposit's id: give its deposit_id or its number", text)
	}
	return n, nil
}

type depositShowCmd struct {
	ID string `arg:"" help:"Its deposit_id, or its number."`
}

// depositPage is everything that is known of a deposit, gateway and all: for
// operators only.
type depositPage struct {
	depositRow
	QR       string            `json:"qr"`
	Attempts []deposit.Attempt `json:"attempts"`
	Events   []deposit.Event   `json:"events"`
	Lines    []deposit.Line    `json:"lines"`
	Entries  []entryRow        `json:"entries"`
	Audit    []auditRow        `json:"audit"`
}

func (c *depositShowCmd) Run(e *env) error {
	n, err := depositID(c.ID)
	if err != nil {
		return err
	}
	k, err := e.deposits()
	if err != nil {
		return err
	}
	ev, err := k.ReadEvidence(e.ctx, n)
	if err != nil {
		return err
	}
	p := depositPage{
		depositRow: toDepositRow(k.Links.IDPrefix, ev.Deposit, ev.MerchantID), QR: ev.Deposit.QR,
		Attempts: ev.Attempts, Events: ev.Events, Lines: ev.Lines, Entries: toEntryRows(ev.Entries),
	}
	trail, err := audit.List(e.ctx, e.db.Pool, p.DepositID, shown)
	if err != nil {
		return err
	}
	p.Audit = toAuditRows(trail)
	return e.Print(p, p.print)
}

func (p *depositPage) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "deposit\t%s (%d)\nmerchant\t%s %s\nref\t%s\nstate\t%s\nflag\t%s\namount\t%d\nfee\t%d\ntotal\t%d\nreceived\t%d\ncredited\t%d\nsuspense\t%d\ngateway\t%s\ninvoice\t%s\ncreated\t%s\nexpires\t%s\npaid\t%s\ncode\t%s\n",
		p.DepositID, p.ID, p.MerchantID, p.Mode, dash(p.Ref), p.State, dash(p.Flag), p.Amount, p.Fee, p.Total, p.Received, p.Credited, p.Suspense,
		dash(p.Gateway), dash(p.UpstreamRef), p.CreatedAt.Format(time.RFC3339), when(p.ExpiresAt), when(p.PaidAt), dash(p.QR))
	for _, a := range p.Attempts {
		_, _ = fmt.Fprintf(w, "attempt %d\t%s asked for %d: %s %s %s %s\n", a.N, a.Gateway, a.Asked, a.Outcome, a.UpstreamRef, a.SaidCode, a.SaidDetail)
	}
	for _, ev := range p.Events {
		_, _ = fmt.Fprintf(w, "%s\t%s → %s by %s %s\n", ev.CreatedAt.UTC().Format(time.RFC3339), dash(string(ev.FromState)), ev.ToState, ev.Cause, ev.Detail)
	}
	for _, l := range p.Lines {
		_, _ = fmt.Fprintf(w, "line %d\t%d at %s: %s %s\n", l.ID, l.Amount, l.PaidAt.UTC().Format(time.RFC3339), l.Outcome, l.Note)
	}
	for _, en := range p.Entries {
		_, _ = fmt.Fprintf(w, "entry\t%s: %d from %s to %s\n", en.Kind, en.Amount, en.Debit, en.Credit)
	}
	for _, a := range p.Audit {
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
	if c.Amount < 0 || c.Line < 0 {
		return wrongUsage("--amount and --line: above zero")
	}
	return decideDeposit(e, c.ID, deposit.Decision{Amount: c.Amount, Line: c.Line, Why: c.Why}, (*deposit.Keeper).Credit)
}

type depositReturnCmd struct {
	ID  string `arg:"" help:"Its deposit_id, or its number."`
	Why string `required:"" help:"How it was given back, for the audit log."`
}

func (c *depositReturnCmd) Run(e *env) error {
	return decideDeposit(e, c.ID, deposit.Decision{Why: c.Why}, (*deposit.Keeper).Return)
}

type depositExpireCmd struct {
	ID  string `arg:"" help:"Its deposit_id, or its number."`
	Why string `required:"" help:"How you know that nothing was paid, for the audit log."`
}

func (c *depositExpireCmd) Run(e *env) error {
	return decideDeposit(e, c.ID, deposit.Decision{Why: c.Why}, (*deposit.Keeper).Expire)
}

// decideDeposit changes a deposit by an operator's hand and prints how it stands then.
func decideDeposit(e *env, idText string, r deposit.Decision, decide func(*deposit.Keeper, context.Context, int64, deposit.Decision) (*deposit.Deposit, error)) error {
	if strings.TrimSpace(r.Why) == "" {
		return wrongUsage("--why says something")
	}
	n, err := depositID(idText)
	if err != nil {
		return err
	}
	k, err := e.deposits()
	if err != nil {
		return err
	}
	r.Actor = e.Actor()
	d, err := decide(k, e.ctx, n, r)
	if err != nil {
		return err
	}
	ev, err := k.ReadEvidence(e.ctx, d.ID)
	if err != nil {
		return err
	}
	row := toDepositRow(k.Links.IDPrefix, d, ev.MerchantID)
	return e.Print(row, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "deposit\t%s\nstate\t%s\ncredited\t%d\nsuspense\t%d\n", row.DepositID, row.State, row.Credited, row.Suspense)
	})
}

type depositStatementCmd struct {
	CSV     string `required:"" name:"csv" placeholder:"FILE" help:"The statement: CSV whose header names time and amount, and may name id and note."`
	Gateway string `placeholder:"NAME" help:"Whose statement it is; left out, deposits.static_qris.name."`
}

func (c *depositStatementCmd) Run(e *env) error {
	k, err := e.deposits()
	if err != nil {
		return err
	}
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return err
	}
	gateway := c.Gateway
	if gateway == "" {
		gateway = cfg.Deposits.StaticQRIS.Name
	}
	file, err := os.Open(c.CSV)
	if err != nil {
		return err
	}
	defer file.Close()
	// The whole file is read before the first line counts.
	lines, err := deposit.ReadStatement(file, cfg.Brand.Location())
	if err != nil {
		return err
	}
	counts := map[deposit.Outcome]int{}
	out := make([]deposit.Line, 0, len(lines))
	for _, l := range lines {
		l.Gateway = gateway
		got, err := k.Match(e.ctx, l, e.Actor())
		if err != nil {
			return fmt.Errorf("line of %s over %d: %w (what was read before it counts; the file may be read again)", l.PaidAt.Format(time.RFC3339), l.Amount, err)
		}
		counts[got.Outcome]++
		out = append(out, *got)
	}
	if err := e.Audit(e.db.Pool, "deposit.statement", gateway, map[string]any{"file": c.CSV, "lines": len(out), "outcomes": counts}); err != nil {
		return err
	}
	return e.Print(map[string]any{"count": len(out), "outcomes": counts, "lines": out}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "LINE\tPAID\tAMOUNT\tOUTCOME\tDEPOSIT\tNOTE")
		for i := range out {
			l := &out[i]
			of := "-"
			if l.DepositID != nil {
				of = deposit.PublicID(k.Links.IDPrefix, *l.DepositID)
			}
			_, _ = fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%s\t%s\n", l.ID, l.PaidAt.UTC().Format(time.RFC3339), l.Amount, l.Outcome, of, dash(l.Note))
		}
	})
}
