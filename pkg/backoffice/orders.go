package backoffice

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/mask"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/webhook"
)

// subjectOrder is what the ledger and webhooks know orders as.
const subjectOrder = "order"

// OrderRow is an order as operators see it; money is whole rupiah.
type OrderRow struct {
	OrderID     string         `json:"order_id"`
	ID          int64          `json:"id,string"`
	MerchantID  string         `json:"merchant_id"`
	Mode        string         `json:"mode"`
	Ref         string         `json:"ref"`
	Category    order.Category `json:"category"`
	SKU         string         `json:"sku"`
	State       order.State    `json:"state"`
	Status      string         `json:"status"`
	Flag        string         `json:"flag"`
	Attempt     int            `json:"attempt"`
	Upstream    string         `json:"upstream"`
	UpstreamRef string         `json:"upstream_ref"`
	Price       int64          `json:"price"`
	Cost        int64          `json:"cost"`
	Refunded    int64          `json:"refunded"`
	AgeSeconds  int64          `json:"age_seconds"`
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
	NextRunAt   *time.Time     `json:"next_run_at"`

	quoted bool // the flag is what the source said
}

// saysSource stands for a flag that is the source's own words.
const saysSource = "its source says something of it"

// Mask leaves out what the source said.
func (r *OrderRow) Mask() {
	if r.quoted {
		r.Flag = saysSource
	}
}

// NewOrderRow shows an order as it stands at a moment.
func NewOrderRow(o *order.Order, merchantID string, now time.Time) OrderRow {
	return OrderRow{
		OrderID: o.PublicID(), ID: o.ID, MerchantID: merchantID, Mode: o.Mode, Ref: o.Ref, Category: o.Category, SKU: o.SKU,
		State: o.State, Status: o.Status(), Flag: o.Flag, Attempt: o.Attempt, Upstream: o.Upstream, UpstreamRef: o.UpstreamRef,
		Price: o.Price, Cost: o.Cost, Refunded: o.Refunded, AgeSeconds: int64(now.Sub(o.CreatedAt) / time.Second),
		CreatedAt: o.CreatedAt.UTC(), UpdatedAt: o.UpdatedAt.UTC(), NextRunAt: o.NextRunAt, quoted: o.Flag != "" && o.Flag == o.Facts.Alert,
	}
}

// OrderPage is everything that is known of an order, upstream and all: for
// operators only.
type OrderPage struct {
	OrderRow
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
	Inquiries []InquiryRow `json:"inquiries"`

	Attempts []AttemptRow `json:"attempts"`
	// Evidence is what was concluded from our balances at the source.
	Evidence []EvidenceRow `json:"evidence"`
	Events   []EventRow    `json:"events"`
	Entries  []EntryRow    `json:"entries"`
	Webhooks []WebhookRow  `json:"webhooks"`
	Audit    []AuditRow    `json:"audit"`
}

// AttemptRow is one try of an order at an upstream; money is whole rupiah.
type AttemptRow struct {
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

// InquiryRow is a bill that was asked for under an order's ref.
type InquiryRow struct {
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

// EventRow is one change of an order.
type EventRow struct {
	Version int64       `json:"version"`
	At      time.Time   `json:"at"`
	Attempt int         `json:"attempt"`
	From    order.State `json:"from"`
	To      order.State `json:"to"`
	Cause   string      `json:"cause"`
	Detail  string      `json:"detail"`
}

// EvidenceRow is what was concluded from our balances at a source.
type EvidenceRow struct {
	At      time.Time       `json:"at"`
	Attempt int             `json:"attempt"`
	Verdict string          `json:"verdict"`
	Detail  json.RawMessage `json:"detail"`
}

// newInquiryRows shows what was asked, oldest first.
func newInquiryRows(asked []*inquiry.Inquiry) []InquiryRow {
	out := make([]InquiryRow, 0, len(asked))
	for _, q := range asked {
		row := InquiryRow{
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

func newOrderPage(ev *order.Evidence, now time.Time) *OrderPage {
	o := ev.Order
	p := &OrderPage{
		OrderRow: NewOrderRow(o, ev.MerchantID, now), Name: o.Name, Quantity: o.Quantity, Recipient: o.Recipient(), ZoneID: o.ZoneID,
		Inputs: o.Inputs, CallbackURL: o.CallbackURL, OfferID: o.OfferID, Code: o.Code, Extra: o.Extra, MaxCost: o.MaxCost, Message: o.Message,
		Facts: o.Facts, Wishes: []string{}, Polls: o.Polls, SentAt: o.SentAt, ExpiresAt: o.ExpiresAt, CompletedAt: o.CompletedAt,
		TraceParent: o.TraceParent, Inquiries: []InquiryRow{}, Attempts: []AttemptRow{}, Evidence: []EvidenceRow{}, Events: []EventRow{}, Entries: []EntryRow{}, Webhooks: []WebhookRow{}, Audit: []AuditRow{},
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
		p.Attempts = append(p.Attempts, AttemptRow{
			N: a.N, Upstream: a.Upstream, OfferID: a.OfferID, Code: a.Code, Target: a.Target, Cost: a.Cost, OurRef: a.OurRef,
			UpstreamRef: a.UpstreamRef, Outcome: a.Outcome, Reason: a.Reason, SaidCode: a.SaidCode, SaidDetail: a.SaidDetail,
			BalanceBefore: a.BalanceBefore, BalanceAfter: a.BalanceAfter, StartedAt: a.StartedAt.UTC(), FinishedAt: a.FinishedAt,
		})
	}
	for i := range ev.Events {
		x := &ev.Events[i]
		p.Events = append(p.Events, EventRow{
			Version: x.Version, At: x.CreatedAt.UTC(), Attempt: x.Attempt, From: x.FromState, To: x.ToState, Cause: x.Cause, Detail: x.Detail,
		})
	}
	for i := range ev.Concluded {
		x := &ev.Concluded[i]
		p.Evidence = append(p.Evidence, EvidenceRow{At: x.CreatedAt.UTC(), Attempt: x.N, Verdict: x.Verdict, Detail: x.Detail})
	}
	return p
}

// OrderID reads what operators call an order: its order_id, or its number.
func OrderID(text string) (int64, error) {
	id, ok := order.ParseID(text)
	if !ok {
		return 0, fault.Field("id", fmt.Sprintf("%q is no order's id: give its order_id or its number", text))
	}
	return id, nil
}

// OrderList is a page of orders, newest first.
type OrderList struct {
	Count  int        `json:"count"`
	Orders []OrderRow `json:"orders" nullable:"false"`
}

// ListOrders gives a page of every merchant's orders; before is what operators call the
// order that it ends before, empty for the first.
func (o *Office) ListOrders(ctx context.Context, f order.OperatorFilter, before string) (*OrderList, error) {
	err := limited(f.Limit)
	if err == nil && f.Ref != "" && f.MerchantID == "" {
		err = fault.Field("ref", "goes with a merchant: others may call an order the same")
	}
	if err == nil {
		f.Before, err = pageEnd(before, OrderID)
	}
	if err != nil {
		return nil, err
	}
	list, err := order.ListAll(ctx, o.DB.Bun, f)
	if err != nil {
		return nil, err
	}
	out, now := &OrderList{Count: len(list), Orders: make([]OrderRow, len(list))}, o.Now()
	for i := range list {
		out.Orders[i] = NewOrderRow(&list[i].Order, list[i].MerchantID, now)
	}
	return out, nil
}

// ShowOrder gives all that is known of an order. order.ErrNotFound when there is none.
func (o *Office) ShowOrder(ctx context.Context, name string) (*OrderPage, error) {
	id, err := OrderID(name)
	if err != nil {
		return nil, err
	}
	ev, err := order.ReadEvidence(ctx, o.DB.Bun, id)
	if err != nil {
		return nil, err
	}
	p := newOrderPage(ev, o.Now())
	if ev.Order.Facts.Bill != nil {
		asked, err := (&inquiry.Keeper{Pool: o.DB.Pool, Now: o.Now}).Of(ctx, ev.Order.WalletID, ev.Order.Ref, shown)
		if err != nil {
			return nil, err
		}
		p.Inquiries = newInquiryRows(asked)
	}
	entries, err := ledger.Of(ctx, o.DB.Pool, subjectOrder, id)
	if err != nil {
		return nil, err
	}
	p.Entries = NewEntryRows(entries)
	events, err := webhook.List(ctx, o.DB.Pool, webhook.Filter{
		MerchantID: ev.MerchantID, Subject: subjectOrder + ":" + strconv.FormatInt(id, 10), Limit: shown,
	})
	if err != nil {
		return nil, err
	}
	for i := len(events) - 1; i >= 0; i-- { // oldest first, as everything on the page
		p.Webhooks = append(p.Webhooks, WebhookRow(events[i]))
	}
	log, err := audit.List(ctx, o.DB.Pool, ev.Order.PublicID(), shown)
	if err != nil {
		return nil, err
	}
	p.Audit = NewAuditRows(log)
	return p, nil
}

// ResolveOrder settles an order that the machine cannot, on an operator's evidence, and
// gives how it stands then. Its webhook is found by the scheduler.
func (o *Office) ResolveOrder(ctx context.Context, name string, r order.Resolution) (*OrderRow, error) {
	if r.SN != "" && r.As != order.Completed {
		return nil, fault.Field("sn", "goes with completed")
	}
	if (r.Remains != nil && *r.Remains != 0) != (r.As == order.Partial) {
		return nil, fault.Field("remains", "goes with partial")
	}
	r.Recharge = o.Config.Orders.LateSuccess == config.LateRecharge
	return o.changeOrder(ctx, name, r.Why, func(w *order.Writer, id int64) (*order.Order, error) { return w.Resolve(ctx, o.DB.Bun, id, r) })
}

// SeenOrder takes an order's flag away: a person has looked.
func (o *Office) SeenOrder(ctx context.Context, name, why, actor string) (*OrderRow, error) {
	return o.changeOrder(ctx, name, why, func(w *order.Writer, id int64) (*order.Order, error) { return w.Seen(ctx, o.DB.Bun, id, why, actor) })
}

func (o *Office) changeOrder(ctx context.Context, name, why string, change func(w *order.Writer, id int64) (*order.Order, error)) (*OrderRow, error) {
	id, err := OrderID(name)
	if err == nil {
		err = because(why)
	}
	if err != nil {
		return nil, err
	}
	writer := order.NewWriter(o.DB.Pool, ledger.NewAccounts(o.DB.Pool), o.Now, slog.New(slog.DiscardHandler), nil, nil)
	defer writer.Close()
	if _, err := change(writer, id); err != nil {
		return nil, err
	}
	ev, err := order.ReadEvidence(ctx, o.DB.Bun, id)
	if err != nil {
		return nil, err
	}
	row := NewOrderRow(ev.Order, ev.MerchantID, o.Now())
	return &row, nil
}

// OrderState is how an order stands now.
func (o *Office) OrderState(ctx context.Context, name string) (string, error) {
	id, err := OrderID(name)
	if err != nil {
		return "", err
	}
	got, err := order.ByID(ctx, o.DB.Bun, id)
	if err != nil {
		return "", err
	}
	return string(got.State), nil
}

// Mask hides what belongs to the merchant's customer, and leaves out what was delivered
// and what was said about it.
func (p *OrderPage) Mask() {
	p.OrderRow.Mask()
	p.Recipient, p.Inputs, p.ZoneID = mask.Number(p.Recipient), nil, nil
	f := &p.Facts
	f.SN, f.Phone, f.Messages, f.Note, f.Alert = "", mask.Number(f.Phone), nil, "", ""
	f.Bill = maskBill(f.Bill)
	for i := range p.Attempts {
		p.Attempts[i].Target, p.Attempts[i].SaidDetail = mask.Number(p.Attempts[i].Target), ""
	}
	for i := range p.Inquiries {
		q := &p.Inquiries[i]
		q.CustomerNo, q.SaidDetail, q.Bill = mask.Number(q.CustomerNo), "", maskBill(q.Bill)
	}
	for i := range p.Events {
		p.Events[i].Detail = ""
	}
	for i := range p.Webhooks {
		p.Webhooks[i].ResponseBody = nil
	}
	for i := range p.Audit {
		p.Audit[i].Mask()
	}
}

func maskBill(b *order.Bill) *order.Bill {
	if b == nil {
		return nil
	}
	out := *b
	out.CustomerName, out.Lines, out.ZoneID, out.Inputs = mask.Name(b.CustomerName), nil, nil, nil
	return &out
}
