// Package upstreamtest is the conformance suite of drivers: what every driver
// must do against its provider's emulator, faults included. It is the
// specification of [upstream.Driver]; a new driver passes it before it is used.
package upstreamtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// Backend is an emulator as the suite needs it.
type Backend interface {
	http.Handler
	Books() emulate.Books
	AddFault(r emulate.Rule) (int, error)
	ClearFaults(id int) int
	SetScript(s emulate.Script)
	SetBalance(rupiah int64)
}

// Product is something that can be bought.
type Product struct {
	Name string
	// Purchase makes the nth purchase of it; n also goes into target and reference.
	Purchase func(b Backend, n int) *upstream.Purchase
	// Rented is a number: it ends with codes, not with a serial number.
	Rented bool
	// Counted is an SMM order: it ends with counts, may end in part, and is canceled
	// where it would fail.
	Counted bool
	// Bought is what the emulator's book calls it.
	Bought func(p *upstream.Purchase) (product, target, ref string)
	// Bill is a bill: it is inquired first, and then paid instead of bought.
	Bill bool
}

// Customers are those whose bills are not simply there to be paid.
type Customers struct {
	// Product is the bill's, one of the harness's.
	Product string
	// Two owes for two periods, None owes nothing, Unknown is not known, and Over has
	// a bill whose inquiry the provider no longer knows when it is paid. Empty ones are
	// not tried.
	Two, None, Unknown, Over string
	// Life is how long a bill may be paid after its inquiry; zero where there is no
	// such rule.
	Life time.Duration
}

// Offers are the optional interfaces that a driver has.
type Offers struct {
	Lookup, IdempotentSubmit, BulkStatus, Balance, Cancel, Finish, Resend, Operators, Catalog                  bool
	Serial, Inquire, PriceCheck, Invoices, InvoiceImage, Payouts, CheckAccount, Statement, Movements, Callback bool
	Refiller, BulkRefillStatus, Asking                                                                         bool
}

// Harness describes a driver to the suite.
type Harness struct {
	// Start makes a fresh emulator.
	Start func(cfg emulate.Config, credentials map[string]string) Backend
	// BuiltIn makes a driver that makes no request, with its books; Start and New are
	// nil then, and what only a wire can do to a call is left out.
	BuiltIn func(t *testing.T, now func() time.Time) (upstream.Driver, Backend)
	// New makes the driver; BasePath is what its base URL ends in.
	New         func(cfg upstream.Config) (upstream.Driver, error)
	BasePath    string
	Credentials map[string]string
	Secret      string // the credential that must never be seen
	Offers      Offers
	Products    []Product
	// Refusal is the documented failure with this message, and Reasons is whether
	// the provider says why a purchase failed later on.
	Refusal func(message string) []byte
	Reasons bool
	// RefusalStatus is the HTTP status under which it stands; 200 when zero.
	RefusalStatus int
	// Fails is whether numbers and counted orders fail as such, and are not canceled.
	Fails bool
	// Unproven is whether the provider's refusals do not prove that nothing was
	// done: they are Unknown, answered, with the reason as a hint.
	Unproven bool
	// Customers are what Inquire is tried with.
	Customers Customers
	// Closed makes a product unavailable for a reason, as [upstream.Price] has it;
	// false where the provider knows no such reason.
	Closed func(b Backend, code, reason string) bool
	// Invoicing is what is to be known of the provider's invoices.
	Invoicing Invoicing
	// Payouts is what is to be known of the provider's payouts.
	Payouts Payouts
	// Checks are what CheckAccount is tried with.
	Checks []Check
	// Coded is whether its refusals are documented codes, which decide whatever words
	// stand beside them.
	Coded bool
	// KnownFirst is whether the contract says that a reference that is known is answered
	// with its purchase before anything is refused, so that a refusal proves as much on a
	// later sending as on the first.
	KnownFirst bool
	// Apart is the least time between two requests about one purchase, and between two
	// readings of a list. The suite's clock moves by it.
	Apart time.Duration
	// OneDoor is whether inquiries and questions go to the purchase's own endpoint, and
	// AskBuys whether asking about what is no bill is sending the purchase again, which
	// buys what the provider does not know.
	OneDoor, AskBuys bool
	// Listed is how many offers each scope of the catalogue has; scopes that are
	// not named here are not compared.
	Listed func(b Backend) map[string]int
	// Order makes the nth purchase of a listed offer such that it costs what is listed;
	// nil for offers that need nothing but a customer's number.
	Order func(o upstream.Offer, n int) *upstream.Purchase
}

// rig is one emulator with one driver in front of it.
type rig struct {
	h        Harness
	backend  Backend
	driver   upstream.Driver
	server   *httptest.Server
	clock    *clock
	requests atomic.Int64
	made     atomic.Int64 // invoices
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// setUp makes a rig. Everything succeeds at once until the script says otherwise.
func (h Harness) setUp(t *testing.T) *rig {
	t.Helper()
	r := &rig{h: h, clock: &clock{now: time.Date(2026, 4, 21, 4, 0, 0, 0, time.UTC)}}
	if h.BuiltIn != nil {
		r.driver, r.backend = h.BuiltIn(t, r.clock.Now)
		r.backend.SetScript(emulate.Always(0))
		return r
	}
	r.backend = h.Start(emulate.Config{Clock: r.clock.Now, Seed: 1, Script: emulate.Always(0)}, h.Credentials)
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		r.backend.ServeHTTP(w, req)
	}))
	t.Cleanup(r.server.Close)
	r.driver = h.drive(t, r.server.URL, h.Credentials, r.clock.Now)
	return r
}

func (h Harness) drive(t *testing.T, url string, credentials map[string]string, now func() time.Time) upstream.Driver {
	t.Helper()
	d, err := h.New(upstream.Config{
		Name: "under-test", BaseURL: url + h.BasePath, Credentials: credentials, HTTP: upstream.NewHTTP(), Now: now, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return d
}

// fault scripts one fault; endpoint is "purchase" or "read".
func (r *rig) fault(t *testing.T, rule emulate.Rule) {
	t.Helper()
	_, err := r.backend.AddFault(rule)
	require.NoError(t, err)
}

// once runs one call of the driver, under a deadline that only a hang reaches,
// and sees that it was one request and told no secret.
func once[T any](t *testing.T, r *rig, call func(ctx context.Context) (T, error)) (T, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	before := r.requests.Load()
	out, err := call(ctx)
	require.LessOrEqual(t, r.requests.Load()-before, int64(1), "one method call is at most one request")
	noSecret(t, r.h.Secret, out, err)
	return out, err
}

func noSecret(t *testing.T, secret string, out any, err error) {
	t.Helper()
	if secret == "" {
		return
	}
	require.NotContains(t, fmt.Sprintf("%+v", out), secret)
	for e := err; e != nil; e = errors.Unwrap(e) {
		require.NotContains(t, fmt.Sprintf("%+v %#v %s", e, e, e), secret)
	}
	if e, ok := errors.AsType[*upstream.Error](err); ok {
		require.NotContains(t, e.Detail+e.Code, secret)
	}
}

// send buys, or pays what was inquired.
func send(ctx context.Context, d upstream.Driver, p *upstream.Purchase) (*upstream.Result, error) {
	if p.Bill != nil {
		return d.(upstream.Inquire).Pay(ctx, p)
	}
	return d.Submit(ctx, p)
}

// make gives the nth purchase of a product; a bill has been inquired.
func (r *rig) make(t *testing.T, product Product, n int) *upstream.Purchase {
	t.Helper()
	p := product.Purchase(r.backend, n)
	if product.Bill {
		bill, err := r.inquire(t, p)
		require.NoError(t, err)
		p.Bill, p.MaxCost = bill, bill.Cost
	}
	return p
}

func (r *rig) inquire(t *testing.T, p *upstream.Purchase) (*upstream.Bill, error) {
	t.Helper()
	return once(t, r, func(ctx context.Context) (*upstream.Bill, error) { return r.driver.(upstream.Inquire).Inquire(ctx, p) })
}

func (r *rig) submit(t *testing.T, p *upstream.Purchase) (*upstream.Result, error) {
	t.Helper()
	p.SentAt = r.clock.Now()
	return once(t, r, func(ctx context.Context) (*upstream.Result, error) { return send(ctx, r.driver, p) })
}

func (r *rig) status(t *testing.T, p *upstream.Purchase) (*upstream.Result, error) {
	t.Helper()
	r.clock.Add(r.h.Apart)
	return once(t, r, func(ctx context.Context) (*upstream.Result, error) { return r.driver.Status(ctx, p) })
}

// bought submits and remembers the provider's id.
func (r *rig) bought(t *testing.T, p *upstream.Purchase) *upstream.Result {
	t.Helper()
	res, err := r.submit(t, p)
	require.NoError(t, err)
	require.NotEmpty(t, res.UpstreamRef, "an accepted purchase can be asked about")
	p.UpstreamRef = res.UpstreamRef
	return res
}

// asks is where questions about purchases go, for faults.
func (h Harness) asks() string {
	if h.OneDoor {
		return "purchase"
	}
	return "read"
}

// doubted is the class of a refusal in words of doubt.
func (h Harness) doubted() upstream.Class {
	if h.Coded {
		return upstream.Rejected
	}
	return upstream.Unknown
}

// takes is how long a purchase takes in the tests in which it takes its time.
func (h Harness) takes() time.Duration { return max(time.Minute, 5*h.Apart) }

// count is how often the book has this purchase.
func (r *rig) count(product Product, p *upstream.Purchase) int {
	code, target, ref := product.Bought(p)
	return r.backend.Books().Count(code, target, ref)
}

// requireClass sees that err is of a class.
func requireClass(t *testing.T, want upstream.Class, err error) {
	t.Helper()
	_ = classed(t, want, err)
}

// classed sees that err is of a class, and gives it.
func classed(t *testing.T, want upstream.Class, err error) *upstream.Error {
	t.Helper()
	e, ok := errors.AsType[*upstream.Error](err)
	require.True(t, ok, "a driver returns *upstream.Error, not %T: %v", err, err)
	require.Equal(t, want.String(), e.Class.String(), "%v", e)
	return e
}

// html is whether a fault answers with a page.
func html(k emulate.Kind) bool { return k == emulate.BlockPage }

// order makes the nth purchase of a listed offer.
func (h Harness) order(o upstream.Offer, n int) *upstream.Purchase {
	p := &upstream.Purchase{Target: "081234567844"}
	if h.Order != nil {
		p = h.Order(o, n)
	}
	p.Ref, p.OrderID, p.Category, p.Code, p.Extra = "catalogue-"+o.Code, int64(n), o.Category, o.Code, o.Extra
	return p
}

// failed is how a purchase of this kind fails.
func (h Harness) failed(p Product) upstream.State {
	if (p.Rented || p.Counted) && h.BuiltIn == nil && !h.Fails {
		return upstream.Canceled
	}
	return upstream.Failed
}

// wrongCredentials are the harness's with the secret replaced.
func (h Harness) wrongCredentials() map[string]string {
	out := map[string]string{}
	for name, value := range h.Credentials {
		out[name] = strings.ReplaceAll(value, h.Secret, "wrong-"+h.Secret)
	}
	return out
}
