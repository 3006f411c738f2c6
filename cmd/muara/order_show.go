package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/webhook"
)

// shown bounds each kind of evidence on the page.
const shown = 500

type orderShowCmd struct {
	ID string `arg:"" help:"Its order_id, or its number."`
}

// orderPage is everything that is known of an order, upstream and all: for
// operators only.
type orderPage struct {
	orderRow
	Name        string          `json:"name"`
	Quantity    int64           `json:"quantity"`
	Recipient   string          `json:"recipient"`
	ZoneID      *string         `json:"zone_id"`
	Inputs      json.RawMessage `json:"inputs"`
	CallbackURL string          `json:"callback_url"`
	OfferID     int64           `json:"offer_id"`
	Code        string          `json:"code"`
	// Extra is what the offer was bought and priced by: at a panel its rate and the
	// exchange rate that the order keeps.
	Extra       json.RawMessage `json:"extra"`
	MaxCost     int64           `json:"max_cost"`
	Message     string          `json:"message"`
	Facts       order.Facts     `json:"facts"`
	Wishes      []string        `json:"wishes"`
	Polls       int             `json:"polls"`
	SentAt      *time.Time      `json:"sent_at"`
	ExpiresAt   *time.Time      `json:"expires_at"`
	CompletedAt *time.Time      `json:"completed_at"`
	TraceParent string          `json:"trace_parent"`

	// Inquiries is what was asked under the order's ref, where it pays a bill.
	Inquiries []inquiryRow `json:"inquiries"`

	Attempts []attemptRow `json:"attempts"`
	// Evidence is what was concluded from our balances at the source.
	Evidence []evidenceRow           `json:"evidence"`
	Events   []eventRow              `json:"events"`
	Entries  []backoffice.EntryRow   `json:"entries"`
	Webhooks []backoffice.WebhookRow `json:"webhooks"`
	Audit    []backoffice.AuditRow   `json:"audit"`
}

type attemptRow struct {
	N             int        `json:"n"`
	Upstream      string     `json:"upstream"`
	OfferID       int64      `json:"offer_id"`
	Code          string     `json:"code"`
	Target        string     `json:"target"`
	Cost          int64      `json:"cost"`
	OurRef        string     `json:"our_ref"`
	UpstreamRef   string     `json:"upstream_ref"`
	Outcome       string     `json:"outcome"`
	Reason        string     `json:"reason"`
	SaidCode      string     `json:"said_code"`
	SaidDetail    string     `json:"said_detail"`
	BalanceBefore *int64     `json:"balance_before"`
	BalanceAfter  *int64     `json:"balance_after"`
	StartedAt     time.Time  `json:"started_at"`
	FinishedAt    *time.Time `json:"finished_at"`
}

type inquiryRow struct {
	ID         int64         `json:"id"`
	At         time.Time     `json:"at"`
	Upstream   string        `json:"upstream"`
	Code       string        `json:"code"`
	CustomerNo string        `json:"customer_no"`
	State      inquiry.State `json:"state"`
	Outcome    string        `json:"outcome"`
	SaidCode   string        `json:"said_code"`
	SaidDetail string        `json:"said_detail"`
	OurRef     string        `json:"our_ref"`
	Bill       *order.Bill   `json:"bill"`
	Price      int64         `json:"price"`
	ExpiresAt  *time.Time    `json:"expires_at"`
}

type eventRow struct {
	Version int64       `json:"version"`
	At      time.Time   `json:"at"`
	Attempt int         `json:"attempt"`
	From    order.State `json:"from"`
	To      order.State `json:"to"`
	Cause   string      `json:"cause"`
	Detail  string      `json:"detail"`
}

type evidenceRow struct {
	At      time.Time       `json:"at"`
	Attempt int             `json:"attempt"`
	Verdict string          `json:"verdict"`
	Detail  json.RawMessage `json:"detail"`
}

func (c *orderShowCmd) Run(e *env) error {
	id, err := orderID(c.ID)
	if err != nil {
		return err
	}
	page, err := readOrderPage(e, id)
	if err != nil {
		return err
	}
	return e.Print(page, func(w io.Writer) { page.print(w, e.now()) })
}

func readOrderPage(e *env, id int64) (*orderPage, error) {
	db, err := e.DB()
	if err != nil {
		return nil, err
	}
	ev, err := order.ReadEvidence(e.ctx, db.Bun, id)
	if err != nil {
		return nil, err
	}
	p := newOrderPage(ev, e.now())
	if ev.Order.Facts.Bill != nil {
		asked, err := (&inquiry.Keeper{Pool: db.Pool, Now: e.now}).Of(e.ctx, ev.Order.WalletID, ev.Order.Ref, shown)
		if err != nil {
			return nil, err
		}
		p.Inquiries = toInquiryRows(asked)
	}
	entries, err := ledger.Of(e.ctx, db.Pool, subjectOrder, id)
	if err != nil {
		return nil, err
	}
	p.Entries = backoffice.NewEntryRows(entries)
	events, err := webhook.List(e.ctx, db.Pool, webhook.Filter{
		MerchantID: ev.MerchantID, Subject: subjectOrder + ":" + strconv.FormatInt(id, 10), Limit: shown,
	})
	if err != nil {
		return nil, err
	}
	for i := len(events) - 1; i >= 0; i-- { // oldest first, as everything on the page
		p.Webhooks = append(p.Webhooks, backoffice.WebhookRow(events[i]))
	}
	log, err := audit.List(e.ctx, db.Pool, ev.Order.PublicID(), shown)
	if err != nil {
		return nil, err
	}
	p.Audit = backoffice.NewAuditRows(log)
	return p, nil
}

// toInquiryRows shows what was asked, oldest first.
func toInquiryRows(asked []*inquiry.Inquiry) []inquiryRow {
	out := make([]inquiryRow, 0, len(asked))
	for _, q := range asked {
		row := inquiryRow{
			ID: q.ID, At: q.CreatedAt.UTC(), Upstream: q.Route.Upstream, Code: q.Route.Code, CustomerNo: q.CustomerNo, State: q.State, Outcome: q.Outcome,
			SaidCode: q.SaidCode, SaidDetail: q.SaidDetail, OurRef: order.InquiryRef(q.ID), Bill: q.Bill, Price: q.Price,
		}
		if !q.ExpiresAt.IsZero() {
			row.ExpiresAt = &q.ExpiresAt
		}
		out = append(out, row)
	}
	return out
}

func newOrderPage(ev *order.Evidence, now time.Time) *orderPage {
	o := ev.Order
	p := &orderPage{
		orderRow: toOrderRow(o, ev.MerchantID, now), Name: o.Name, Quantity: o.Quantity, Recipient: o.Recipient(), ZoneID: o.ZoneID,
		Inputs: o.Inputs, CallbackURL: o.CallbackURL, OfferID: o.OfferID, Code: o.Code, Extra: o.Extra, MaxCost: o.MaxCost, Message: o.Message,
		Facts: o.Facts, Wishes: []string{}, Polls: o.Polls, SentAt: o.SentAt, ExpiresAt: o.ExpiresAt, CompletedAt: o.CompletedAt,
		TraceParent: o.TraceParent, Inquiries: []inquiryRow{}, Attempts: []attemptRow{}, Evidence: []evidenceRow{}, Events: []eventRow{}, Entries: []backoffice.EntryRow{}, Webhooks: []backoffice.WebhookRow{}, Audit: []backoffice.AuditRow{},
	}
	for _, w := range []struct {
		name string
		set  bool
	}{{"cancel", o.CancelRequested}, {"finish", o.FinishRequested}, {"resend", o.ResendRequested}} {
		if w.set {
			p.Wishes = append(p.Wishes, w.name)
		}
	}
	for i := range ev.Attempts {
		a := &ev.Attempts[i]
		p.Attempts = append(p.Attempts, attemptRow{
			N: a.N, Upstream: a.Upstream, OfferID: a.OfferID, Code: a.Code, Target: a.Target, Cost: a.Cost, OurRef: a.OurRef,
			UpstreamRef: a.UpstreamRef, Outcome: a.Outcome, Reason: a.Reason, SaidCode: a.SaidCode, SaidDetail: a.SaidDetail,
			BalanceBefore: a.BalanceBefore, BalanceAfter: a.BalanceAfter, StartedAt: a.StartedAt.UTC(), FinishedAt: a.FinishedAt,
		})
	}
	for i := range ev.Events {
		x := &ev.Events[i]
		p.Events = append(p.Events, eventRow{
			Version: x.Version, At: x.CreatedAt.UTC(), Attempt: x.Attempt, From: x.FromState, To: x.ToState, Cause: x.Cause, Detail: x.Detail,
		})
	}
	for i := range ev.Concluded {
		x := &ev.Concluded[i]
		p.Evidence = append(p.Evidence, evidenceRow{At: x.CreatedAt.UTC(), Attempt: x.N, Verdict: x.Verdict, Detail: x.Detail})
	}
	return p
}

// print writes the page for a person: what it is, how it stands, then everything
// that happened, oldest first.
func (p *orderPage) print(w io.Writer, now time.Time) {
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
