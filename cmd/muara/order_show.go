package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/backoffice"
)

type orderShowCmd struct {
	ID string `arg:"" help:"Its order_id, or its number."`
}

func (c *orderShowCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	page, err := o.ShowOrder(e.ctx, c.ID)
	if err != nil {
		return asked(err)
	}
	return e.Print(page, func(w io.Writer) { printOrderPage(w, page, e.now()) })
}

// printOrderPage writes the page for a person: what it is, how it stands, then everything
// that happened, oldest first.
func printOrderPage(w io.Writer, p *backoffice.OrderPage, now time.Time) {
	line := func(name string, value any) { _, _ = fmt.Fprintf(w, "%s\t%v\n", name, value) }
	line("order", fmt.Sprintf("%s (%d)", p.OrderID, p.ID))
	line("merchant", p.MerchantID+" "+p.Mode+", ref "+p.Ref)
	line("product", fmt.Sprintf("%s %s × %d", p.SKU, p.Name, p.Quantity))
	line("for", dash(p.Recipient))
	line("state", fmt.Sprintf("%s (merchant reads %s) for %s, placed %s ago", p.State, p.Status, age(now, p.UpdatedAt), age(now, p.CreatedAt)))
	if p.Flag != "" {
		line("FLAG", p.Flag)
	}
	line("money", fmt.Sprintf("price %d, refunded %d, cost %d (at most %d)", p.Price, p.Refunded, p.Cost, p.MaxCost))
	line("source", fmt.Sprintf("%s offer %d code %s, their ref %s", dash(p.Upstream), p.OfferID, dash(p.Code), dash(p.UpstreamRef)))
	if extra := string(p.Extra); extra != "" && extra != "{}" {
		line("offer", extra)
	}
	if b := p.Facts.Bill; b != nil {
		line("bill", fmt.Sprintf("%s %s, %d and %d make %d, costs us %d, to be paid by %s", dash(b.CustomerName), b.Period, b.Amount, b.Admin, b.Total, b.Cost, b.PayBy.Format(time.RFC3339)))
	}
	line("next look", timeOrDash(p.NextRunAt))
	if f, err := json.Marshal(p.Facts); err == nil {
		line("facts", string(f))
	}
	if len(p.Inquiries) > 0 {
		section(w, "inquiries", len(p.Inquiries), "ASKED\tUPSTREAM\tCODE\tCUSTOMER\tSTATE\tOUTCOME\tSAID\tOUR REF\tPRICE\tUNTIL")
	}
	for i := range p.Inquiries {
		q := &p.Inquiries[i]
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", q.At.Format(time.RFC3339Nano), q.Upstream, q.Code, q.CustomerNo, q.State, dash(q.Outcome),
			dash(strings.TrimSpace(q.SaidCode+" "+q.SaidDetail)), q.OurRef, q.Price, timeOrDash(q.ExpiresAt))
	}
	section(w, "attempts", len(p.Attempts), "N\tSTARTED\tUPSTREAM\tCODE\tTARGET\tCOST\tOUTCOME\tREASON\tSAID\tOUR REF\tTHEIR REF\tBALANCE")
	for i := range p.Attempts {
		a := &p.Attempts[i]
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s → %s\n", a.N, a.StartedAt.Format(time.RFC3339Nano), a.Upstream, a.Code, a.Target, a.Cost,
			a.Outcome, dash(a.Reason), dash(a.SaidCode+" "+a.SaidDetail), a.OurRef, dash(a.UpstreamRef), sum(a.BalanceBefore), sum(a.BalanceAfter))
	}
	section(w, "balances", len(p.Evidence), "AT\tTRY\tVERDICT\tFROM")
	for _, x := range p.Evidence {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", x.At.Format(time.RFC3339Nano), x.Attempt, x.Verdict, x.Detail)
	}
	section(w, "events", len(p.Events), "VERSION\tAT\tTRY\tFROM\tTO\tCAUSE\tDETAIL")
	for _, x := range p.Events {
		_, _ = fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%s\t%s\t%s\n", x.Version, x.At.Format(time.RFC3339Nano), x.Attempt, dash(string(x.From)), x.To, x.Cause, x.Detail)
	}
	section(w, "ledger", len(p.Entries), "ENTRY\tAT\tKIND\tN\tFROM\tTO\tAMOUNT\tBALANCE")
	for _, x := range p.Entries {
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%s\t%d\t%s\n", x.ID, x.At.Format(time.RFC3339Nano), x.Kind, x.N, x.Debit, x.Credit, x.Amount, sum(x.Balance))
	}
	section(w, "webhooks", len(p.Webhooks), "ID\tCREATED\tSTATUS\tATTEMPTS\tCODE\tFAILURE\tNEXT\tURL")
	for i := range p.Webhooks {
		x := &p.Webhooks[i]
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", x.ID, x.CreatedAt.UTC().Format(time.RFC3339Nano), x.Status, x.Attempts, orDash(x.ResponseCode), dash(x.Failure), timeOrDash(x.NextAttemptAt), x.URL)
	}
	section(w, "audit", len(p.Audit), "AT\tACTOR\tACTION\tDETAIL")
	for _, x := range p.Audit {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", x.At.Format(time.RFC3339), x.Actor, x.Action, x.Detail)
	}
}

// section heads a part of the page; what is empty says so.
func section(w io.Writer, name string, n int, head string) {
	if n == 0 {
		_, _ = fmt.Fprintf(w, "\n%s: none\n", name)
		return
	}
	_, _ = fmt.Fprintf(w, "\n%s\n%s\n", name, head)
}

func sum(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}
