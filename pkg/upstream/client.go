package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/pkg/budget"
)

// ErrUnsupported is returned for what the driver's provider does not offer.
var ErrUnsupported = errors.New("upstream: not offered by this provider")

// ErrBreakerOpen is returned for a purchase while the provider gives no usable
// answers. Nothing was sent.
var ErrBreakerOpen = errors.New("upstream: circuit breaker is open")

const (
	pauseFirst = 10 * time.Second
	pauseMost  = 5 * time.Minute
)

// Options are what a [Client] needs besides its driver.
type Options struct {
	Name    string
	Budget  *budget.Budget
	Timeout time.Duration
	Metrics *Metrics
	Log     *slog.Logger
	Tracer  trace.Tracer
	Now     func() time.Time
	// OnBreaker is told when the breaker opens (until) or closes (zero).
	OnBreaker func(until time.Time)
	// OnHalt is told, with the provider's code, when the provider says that it will take
	// nothing more from us until a person has put our account right.
	OnHalt func(code string)
}

// Client is the portable type over a driver: every call waits for the budget, has
// a deadline, is measured, logged once, and may open the breaker or pause the
// provider for every pod.
type Client struct {
	Options
	driver  Driver
	breaker breaker
	pauses  pauses
}

// NewClient wraps a driver.
func NewClient(d Driver, o Options) *Client { return &Client{Options: o, driver: d} }

// Driver gives the driver, to discover what it can do.
func (c *Client) Driver() Driver { return c.driver }

// Reserve waits for the budget. A purchase fails at once with [ErrBreakerOpen]
// while the breaker is open.
func (c *Client) Reserve(ctx context.Context, class budget.Class) (*budget.Slot, error) {
	if class != budget.Buy {
		return c.Budget.Acquire(ctx, class)
	}
	if !c.breaker.closed(c.Now()) {
		return nil, ErrBreakerOpen
	}
	slot, err := c.Budget.Acquire(ctx, class)
	if err != nil {
		return nil, err
	}
	// The wait may have been long, and it opened meanwhile.
	if !c.breaker.admit(c.Now()) {
		slot.Unused(ctx)
		return nil, ErrBreakerOpen
	}
	return slot, nil
}

// Submit buys, with a slot reserved before the attempt was claimed. It is not
// given up when ctx ends: its outcome matters.
func (c *Client) Submit(ctx context.Context, slot *budget.Slot, p *Purchase) (*Result, error) {
	return call(context.WithoutCancel(ctx), c, slot, "submit", p, func(ctx context.Context) (*Result, error) { return c.driver.Submit(ctx, p) })
}

// Status asks about one purchase.
func (c *Client) Status(ctx context.Context, slot *budget.Slot, p *Purchase) (*Result, error) {
	return call(ctx, c, slot, "status", p, func(ctx context.Context) (*Result, error) { return c.driver.Status(ctx, p) })
}

// Lookup finds a purchase by our reference.
func (c *Client) Lookup(ctx context.Context, slot *budget.Slot, p *Purchase) (*Result, error) {
	d, ok := c.driver.(Lookup)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(ctx, c, slot, "lookup", p, func(ctx context.Context) (*Result, error) { return d.Lookup(ctx, p) })
}

// Cancel asks for a purchase to be undone.
func (c *Client) Cancel(ctx context.Context, slot *budget.Slot, p *Purchase) (*Result, error) {
	d, ok := c.driver.(Cancel)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(context.WithoutCancel(ctx), c, slot, "cancel", p, func(ctx context.Context) (*Result, error) { return d.Cancel(ctx, p) })
}

// Finish gives a rented number back.
func (c *Client) Finish(ctx context.Context, slot *budget.Slot, p *Purchase) (*Result, error) {
	d, ok := c.driver.(Finish)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(context.WithoutCancel(ctx), c, slot, "finish", p, func(ctx context.Context) (*Result, error) { return d.Finish(ctx, p) })
}

// Resend asks for a further code.
func (c *Client) Resend(ctx context.Context, slot *budget.Slot, p *Purchase) (*Result, error) {
	d, ok := c.driver.(Resend)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(context.WithoutCancel(ctx), c, slot, "resend", p, func(ctx context.Context) (*Result, error) { return d.Resend(ctx, p) })
}

// BulkLimit is how many purchases one BulkStatus may ask about; zero without bulk.
func (c *Client) BulkLimit() int {
	if d, ok := c.driver.(BulkStatus); ok {
		return d.BulkLimit()
	}
	return 0
}

// BulkStatus asks about many purchases in one request.
func (c *Client) BulkStatus(ctx context.Context, slot *budget.Slot, ps []*Purchase) (map[int64]*Result, error) {
	d, ok := c.driver.(BulkStatus)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(ctx, c, slot, "bulk_status", nil, func(ctx context.Context) (map[int64]*Result, error) { return d.BulkStatus(ctx, ps) })
}

// Balance reads our balance, in rupiah; it waits for its own slot.
func (c *Client) Balance(ctx context.Context) (int64, error) {
	d, ok := c.driver.(Balance)
	if !ok {
		return 0, ErrUnsupported
	}
	return waited(ctx, c, budget.Balance, "balance", d.Balance)
}

// BalanceWith is Balance with a slot reserved before.
func (c *Client) BalanceWith(ctx context.Context, slot *budget.Slot) (int64, error) {
	d, ok := c.driver.(Balance)
	if !ok {
		return 0, c.unsupported(ctx, slot)
	}
	return call(ctx, c, slot, "balance", nil, d.Balance)
}

// Inquire asks for a bill, for a merchant who waits.
func (c *Client) Inquire(ctx context.Context, p *Purchase) (*Bill, error) {
	d, ok := c.driver.(Inquire)
	if !ok {
		return nil, ErrUnsupported
	}
	return waited(ctx, c, budget.Ask, "inquire", func(ctx context.Context) (*Bill, error) { return d.Inquire(ctx, p) })
}

// Pay pays an inquired bill, with a slot reserved before the attempt was claimed.
// It is not given up when ctx ends: its outcome matters.
func (c *Client) Pay(ctx context.Context, slot *budget.Slot, p *Purchase) (*Result, error) {
	d, ok := c.driver.(Inquire)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(context.WithoutCancel(ctx), c, slot, "pay", p, func(ctx context.Context) (*Result, error) { return d.Pay(ctx, p) })
}

// PriceOf reads the price of one offer, for a merchant who waits: for the budget until
// ctx ends. Once asked, the answer is waited for as long as any: who asks next has use
// for it.
func (c *Client) PriceOf(ctx context.Context, code string) (*Price, error) {
	d, ok := c.driver.(PriceCheck)
	if !ok {
		return nil, ErrUnsupported
	}
	slot, err := c.Reserve(ctx, budget.Ask)
	if err != nil {
		return nil, fmt.Errorf("upstream: budget: %w", err)
	}
	return call(context.WithoutCancel(ctx), c, slot, "price", nil, func(ctx context.Context) (*Price, error) { return d.PriceOf(ctx, code) })
}

// CreateInvoice asks for a QRIS invoice, for a merchant who waits. It is not given
// up when ctx ends: an invoice that nobody knows of would stay open.
func (c *Client) CreateInvoice(ctx context.Context, slot *budget.Slot, r *InvoiceRequest) (*Invoice, error) {
	d, ok := c.driver.(Invoices)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(context.WithoutCancel(ctx), c, slot, "create_invoice", nil, func(ctx context.Context) (*Invoice, error) { return d.CreateInvoice(ctx, r) })
}

// InvoiceStatus asks about one invoice.
func (c *Client) InvoiceStatus(ctx context.Context, slot *budget.Slot, upstreamRef string) (*Invoice, error) {
	d, ok := c.driver.(Invoices)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(ctx, c, slot, "invoice_status", nil, func(ctx context.Context) (*Invoice, error) { return d.InvoiceStatus(ctx, upstreamRef) })
}

// CancelInvoice asks for an invoice to be closed.
func (c *Client) CancelInvoice(ctx context.Context, slot *budget.Slot, upstreamRef string) (*Invoice, error) {
	d, ok := c.driver.(Invoices)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(context.WithoutCancel(ctx), c, slot, "cancel_invoice", nil, func(ctx context.Context) (*Invoice, error) { return d.CancelInvoice(ctx, upstreamRef) })
}

// InvoiceImage fetches the image of an invoice's QR code, for a merchant who waits.
func (c *Client) InvoiceImage(ctx context.Context, inv *Invoice) ([]byte, error) {
	d, ok := c.driver.(InvoiceImage)
	if !ok {
		return nil, ErrUnsupported
	}
	return waited(ctx, c, budget.Ask, "invoice_image", func(ctx context.Context) ([]byte, error) { return d.InvoiceImage(ctx, inv) })
}

// CreatePayout sends money out, with a slot reserved before the attempt was
// claimed. It is not given up when ctx ends: its outcome matters.
func (c *Client) CreatePayout(ctx context.Context, slot *budget.Slot, r *PayoutRequest) (*Payout, error) {
	d, ok := c.driver.(Payouts)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(context.WithoutCancel(ctx), c, slot, "create_payout", nil, func(ctx context.Context) (*Payout, error) { return d.CreatePayout(ctx, r) })
}

// PayoutStatus asks about one payout.
func (c *Client) PayoutStatus(ctx context.Context, slot *budget.Slot, upstreamRef string) (*Payout, error) {
	d, ok := c.driver.(Payouts)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(ctx, c, slot, "payout_status", nil, func(ctx context.Context) (*Payout, error) { return d.PayoutStatus(ctx, upstreamRef) })
}

// PayoutHistory reads a page of the provider's payouts, newest first.
func (c *Client) PayoutHistory(ctx context.Context, slot *budget.Slot, page int) (rows []Payout, next int, err error) {
	d, ok := c.driver.(Payouts)
	if !ok {
		return nil, 0, c.unsupported(ctx, slot)
	}
	rows, err = call(ctx, c, slot, "payout_history", nil, func(ctx context.Context) (out []Payout, err error) {
		out, next, err = d.PayoutHistory(ctx, page)
		return out, err
	})
	return rows, next, err
}

// CheckTargets lists whose accounts can be checked.
func (c *Client) CheckTargets(ctx context.Context, kind string) ([]CheckTarget, error) {
	d, ok := c.driver.(CheckAccount)
	if !ok {
		return nil, ErrUnsupported
	}
	return waited(ctx, c, budget.Ask, "check_targets", func(ctx context.Context) ([]CheckTarget, error) { return d.CheckTargets(ctx, kind) })
}

// CheckAccount looks an account up, for a merchant who waits.
func (c *Client) CheckAccount(ctx context.Context, kind, code, number string) (*Account, error) {
	d, ok := c.driver.(CheckAccount)
	if !ok {
		return nil, ErrUnsupported
	}
	return waited(ctx, c, budget.Ask, "check_account", func(ctx context.Context) (*Account, error) { return d.CheckAccount(ctx, kind, code, number) })
}

// StatementPage reads a page of the provider's own books; it waits for its own
// slot, behind everything else.
func (c *Client) StatementPage(ctx context.Context, from, to time.Time, page int) (lines []StatementLine, next int, err error) {
	d, ok := c.driver.(Statement)
	if !ok {
		return nil, 0, ErrUnsupported
	}
	lines, err = waited(ctx, c, budget.Catalog, "statement", func(ctx context.Context) (out []StatementLine, err error) {
		out, next, err = d.StatementPage(ctx, from, to, page)
		return out, err
	})
	return lines, next, err
}

// Movements reads the changes of our balance; it waits for its own slot, behind
// everything else.
func (c *Client) Movements(ctx context.Context, from, to time.Time) ([]Movement, error) {
	d, ok := c.driver.(Movements)
	if !ok {
		return nil, ErrUnsupported
	}
	return waited(ctx, c, budget.Catalog, "movements", func(ctx context.Context) ([]Movement, error) { return d.Movements(ctx, from, to) })
}

// Refill asks for what an SMM order lost. It is not given up when ctx ends.
func (c *Client) Refill(ctx context.Context, slot *budget.Slot, p *Purchase) (*Refill, error) {
	d, ok := c.driver.(Refiller)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(context.WithoutCancel(ctx), c, slot, "refill", p, func(ctx context.Context) (*Refill, error) { return d.Refill(ctx, p) })
}

// RefillStatus asks about one refill.
func (c *Client) RefillStatus(ctx context.Context, slot *budget.Slot, upstreamRef string) (*Refill, error) {
	d, ok := c.driver.(Refiller)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(ctx, c, slot, "refill_status", nil, func(ctx context.Context) (*Refill, error) { return d.RefillStatus(ctx, upstreamRef) })
}

// RefillBulkLimit is how many refills one BulkRefillStatus may ask about; zero
// without bulk.
func (c *Client) RefillBulkLimit() int {
	if d, ok := c.driver.(BulkRefillStatus); ok {
		return d.RefillBulkLimit()
	}
	return 0
}

// BulkRefillStatus asks about many refills in one request.
func (c *Client) BulkRefillStatus(ctx context.Context, slot *budget.Slot, upstreamRefs []string) (map[string]*Refill, error) {
	d, ok := c.driver.(BulkRefillStatus)
	if !ok {
		return nil, c.unsupported(ctx, slot)
	}
	return call(ctx, c, slot, "bulk_refill_status", nil, func(ctx context.Context) (map[string]*Refill, error) {
		return d.BulkRefillStatus(ctx, upstreamRefs)
	})
}

// Operators lists the operators of an offer for a merchant who waits.
func (c *Client) Operators(ctx context.Context, code string, extra json.RawMessage) ([]Operator, error) {
	d, ok := c.driver.(Operators)
	if !ok {
		return nil, ErrUnsupported
	}
	return waited(ctx, c, budget.Ask, "operators", func(ctx context.Context) ([]Operator, error) { return d.Operators(ctx, code, extra) })
}

// RootScopes gives the parts of the provider's catalogue known without asking;
// none where the driver has no catalogue.
func (c *Client) RootScopes() []Scope {
	if d, ok := c.driver.(Catalog); ok {
		return d.RootScopes()
	}
	return nil
}

// CatalogPage reads one page; it waits for its own slot, behind everything else.
func (c *Client) CatalogPage(ctx context.Context, scope string, page int) (*Page, error) {
	d, ok := c.driver.(Catalog)
	if !ok {
		return nil, ErrUnsupported
	}
	return waited(ctx, c, budget.Catalog, "catalog", func(ctx context.Context) (*Page, error) { return d.CatalogPage(ctx, scope, page) })
}

func (c *Client) unsupported(ctx context.Context, slot *budget.Slot) error {
	slot.Unused(ctx)
	return ErrUnsupported
}

// waited is a call that reserves for itself.
func waited[T any](ctx context.Context, c *Client, class budget.Class, op string, fn func(context.Context) (T, error)) (T, error) {
	slot, err := c.Reserve(ctx, class)
	if err != nil {
		var none T
		return none, fmt.Errorf("upstream: budget: %w", err)
	}
	return call(ctx, c, slot, op, nil, fn)
}

// call makes one request under the client's deadline and ends its slot: given
// back at once when nothing was sent, else used.
func call[T any](ctx context.Context, c *Client, slot *budget.Slot, op string, p *Purchase, fn func(context.Context) (T, error)) (T, error) {
	ctx, span := c.Tracer.Start(ctx, "upstream."+op, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("muara.upstream", c.Name)))
	defer span.End()
	begun := time.Now()
	// The slot counts as free again after its deadline, so the call must be over.
	deadline := begun.Add(c.Timeout)
	if d := slot.Deadline(); d.Before(deadline) {
		deadline = d
	}
	inner, cancel := context.WithDeadline(ctx, deadline)
	out, err := fn(inner)
	cancel()
	e := AsError(err)
	given := ctx.Err() != nil // whoever asked has gone: that says nothing of the upstream
	outcome := "ok"
	if e != nil {
		outcome = e.Class.String()
		span.SetStatus(codes.Error, outcome)
	}
	if e != nil && e.Class == NotSent {
		slot.Unused(ctx)
	} else {
		slot.Release(ctx)
	}
	c.Metrics.calls.WithLabelValues(c.Name, op, outcome).Inc()
	c.Metrics.seconds.WithLabelValues(c.Name, op).Observe(time.Since(begun).Seconds())
	c.Metrics.refused(c.Name, e)
	c.pause(ctx, begun, e)
	if e != nil && e.Halt && c.OnHalt != nil {
		c.OnHalt(e.Code)
	}
	if !given {
		c.note(e)
	}
	c.line(ctx, op, outcome, p, e, time.Since(begun))
	if e != nil {
		return out, e
	}
	return out, nil
}

// pause closes the provider's budget for every pod when it asked for that.
func (c *Client) pause(ctx context.Context, begun time.Time, e *Error) {
	if e == nil {
		c.pauses.passed(begun)
		return
	}
	if !e.Pause { // a limit of one purchase or one list keeps nothing else waiting
		return
	}
	after := e.After
	if after <= 0 {
		after = c.pauses.blocked(begun, time.Now())
	}
	if err := c.Budget.Close(context.WithoutCancel(ctx), after, e.Code); err != nil {
		c.Log.ErrorContext(ctx, "pausing upstream", "upstream", c.Name, "error", err)
	}
}

// note feeds the breaker: an answer that could be used, even a refusal, is health.
func (c *Client) note(e *Error) {
	ok := e == nil || e.Class == Rejected || e.Class == Throttled || e.Answered || e.Staged
	until, changed := c.breaker.record(ok, c.Now())
	open := 0.0
	if !until.IsZero() {
		open = 1
	}
	c.Metrics.breaker.WithLabelValues(c.Name).Set(open)
	if changed && c.OnBreaker != nil {
		c.OnBreaker(until)
	}
}

// line is the one log line of an attempt. The provider's own text stays out of
// it: it may hold a customer's number, and is kept with the attempt instead.
func (c *Client) line(ctx context.Context, op, outcome string, p *Purchase, e *Error, took time.Duration) {
	attrs := []any{"upstream", c.Name, "operation", op, "outcome", outcome, "took_ms", took.Milliseconds()}
	if p != nil {
		attrs = append(attrs, "order", p.OrderID, "attempt", p.Attempt, "our_ref", p.Ref, "upstream_ref", p.UpstreamRef)
	}
	level := slog.LevelInfo
	if e != nil {
		attrs = append(attrs, "reason", string(e.Reason), "code", e.Code)
		if e.Err != nil {
			attrs = append(attrs, "error", e.Err.Error())
		}
		if e.Class == Unknown {
			level = slog.LevelWarn
		}
	}
	c.Log.Log(ctx, level, "upstream call", attrs...)
}
