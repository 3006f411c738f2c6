package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/upstreamtest"
)

// desk stands where the suite has an emulator: it tells the sandbox's own books, and
// turns scripts into the digits that order them.
type desk struct {
	t      *testing.T
	d      *Driver
	script emulate.Script
}

func (k *desk) ServeHTTP(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) }
func (k *desk) AddFault(emulate.Rule) (int, error)               { return 0, errors.New("nothing comes over a wire") }
func (k *desk) ClearFaults(int) int                              { return 0 }
func (k *desk) SetScript(s emulate.Script)                       { k.script = s }
func (k *desk) SetBalance(int64)                                 { k.t.Fatal("the float is an option") }

// Books gives the purchases as they stand.
func (k *desk) Books() emulate.Books {
	all, err := k.d.books.read(k.t.Context(), `kind = 'purchase' ORDER BY id`)
	require.NoError(k.t, err)
	var out emulate.Books
	for i := range all {
		r := &all[i]
		res := result(r, k.d.now())
		p := emulate.Purchase{
			ID: refOf(r), Product: r.Code, Target: r.Target, Ref: r.Ref, Price: r.Debit, SN: res.SN, Delivered: res.State == upstream.Succeeded,
			Refunded: r.CreditAt != nil && !r.CreditAt.After(k.d.now()),
		}
		for _, m := range res.Messages {
			p.Codes = append(p.Codes, m.Code)
		}
		out.Purchases = append(out.Purchases, p)
	}
	return out
}

// digits are those that order what the script wants.
func (k *desk) digits() string {
	o := k.script(emulate.Purchase{}, rand.New(rand.NewPCG(1, 1)))
	switch {
	case o.Result == emulate.Silent:
		return "11"
	case o.Result == emulate.Success && o.After > 0:
		return "05"
	case o.Result == emulate.Failure && o.After > 0:
		return "06"
	case o.Result == emulate.Failure && o.Reason == emulate.ReasonCustomer:
		return "04"
	case o.Result == emulate.Failure:
		return "03"
	}
	return "01"
}

func open(t *testing.T, now func() time.Time, options map[string]string) *Driver {
	t.Helper()
	d, err := New(upstream.Config{Name: "sandbox", DB: testdb.New(t).Pool, Now: now, Options: options})
	require.NoError(t, err)
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	bought := func(p *upstream.Purchase) (string, string, string) { return p.Code, p.Target, p.Ref }
	upstreamtest.Run(t, upstreamtest.Harness{
		BuiltIn: func(t *testing.T, now func() time.Time) (upstream.Driver, upstreamtest.Backend) {
			d := open(t, now, nil)
			return d, &desk{t: t, d: d}
		},
		Offers: upstreamtest.Offers{
			Lookup: true, IdempotentSubmit: true, BulkStatus: true, Balance: true, Cancel: true, Finish: true, Resend: true, Operators: true, Catalog: true,
			Inquire: true, PriceCheck: true, Invoices: true, Payouts: true, CheckAccount: true, Statement: true, Refiller: true,
		},
		Products: []upstreamtest.Product{
			{
				Name: "topup", Bought: bought,
				Purchase: func(b upstreamtest.Backend, n int) *upstream.Purchase {
					digits := b.(*desk).digits()
					if digits == "11" { // only a number can do so
						return &upstream.Purchase{Ref: fmt.Sprint("T-", n), Category: "ppob", Code: planPending, Target: fmt.Sprintf("081234%04d", n)}
					}
					return &upstream.Purchase{Ref: fmt.Sprint("T-", n), Category: "ppob", Code: "pulsa5", Target: fmt.Sprintf("081234%04d-%s", n, digits)}
				},
			},
			{
				Name: "bill", Bought: bought, Bill: true,
				Purchase: func(b upstreamtest.Backend, n int) *upstream.Purchase {
					digits := b.(*desk).digits()
					if digits == "04" || digits == "03" { // no bill is found for these
						digits = "06"
					}
					return &upstream.Purchase{Ref: fmt.Sprint("B-", n), Category: "ppob", Code: "plnpasca", Target: fmt.Sprintf("5300%04d-%s", n, digits)}
				},
			},
			{
				Name: "number", Bought: bought, Rented: true,
				Purchase: func(b upstreamtest.Backend, n int) *upstream.Purchase {
					return &upstream.Purchase{Ref: fmt.Sprint("N-", n), MerchantRef: fmt.Sprintf("otp-%d-%s", n, b.(*desk).digits()), Category: "otp", Code: "tg-1"}
				},
			},
		},
		Customers: upstreamtest.Customers{None: "530000000004", Life: payable},
		Invoicing: upstreamtest.Invoicing{Paid: 25_000, Unpaid: 25_011, Soon: soon},
		Checks: []upstreamtest.Check{
			{Kind: upstream.CheckBank, Code: "dana", Valid: "081234567801", Invalid: "081234567804"},
			{Kind: upstream.CheckGame, Code: "freefire", Valid: "12345601", Invalid: "12345604"},
		},
		Listed: func(upstreamtest.Backend) map[string]int { return map[string]int{scopeAll: len(Offers())} },
	})
}

// clock is moved by hand.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{now: time.Date(2026, 4, 21, 4, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time      { return c.now }
func (c *clock) add(d time.Duration) { c.now = c.now.Add(d) }

// seen is where a purchase stood at some ages.
type seen []struct {
	after  time.Duration
	state  upstream.State
	reason upstream.Reason
}

// TestTheTable is docs/test-mode.md, line by line.
func TestTheTable(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	table := map[string]seen{
		"00": {{0, upstream.Succeeded, ""}},
		"01": {{0, upstream.Succeeded, ""}, {day, upstream.Succeeded, ""}},
		"02": {{0, upstream.Pending, ""}, {soon - 1, upstream.Pending, ""}, {soon, upstream.Succeeded, ""}},
		"03": {{0, upstream.Failed, upstream.ReasonProduct}, {day, upstream.Failed, upstream.ReasonProduct}},
		"04": {{0, upstream.Failed, upstream.ReasonCustomer}},
		"05": {{0, upstream.Pending, ""}, {time.Minute - time.Microsecond, upstream.Pending, ""}, {time.Minute, upstream.Succeeded, ""}},
		"06": {{0, upstream.Pending, ""}, {time.Minute, upstream.Failed, upstream.ReasonProduct}},
		"07": {{0, upstream.Succeeded, ""}},
		"08": {{0, upstream.Failed, upstream.ReasonProduct}},
		"09": {{0, upstream.Failed, upstream.ReasonProduct}, {turned, upstream.Succeeded, ""}},
		"12": {{0, upstream.Canceled, ""}},
		"13": {{0, upstream.Succeeded, ""}}, "99": {{0, upstream.Succeeded, ""}},
	}
	only := map[string]map[string]seen{
		"smm":  {"10": {{0, upstream.Partial, ""}}, "11": {{0, upstream.Succeeded, ""}}},
		"otp":  {"11": {{0, upstream.Pending, ""}, {life - time.Microsecond, upstream.Pending, ""}, {life, upstream.Expired, ""}}, "10": {{0, upstream.Succeeded, ""}}},
		"ppob": {"10": {{0, upstream.Succeeded, ""}}, "11": {{0, upstream.Succeeded, ""}}},
	}
	for category, code := range map[string]string{"ppob": "pulsa5", "smm": "smm-followers", "otp": "wa-1"} {
		c := newClock()
		d := open(t, c.Now, nil)
		start := c.now
		for _, part := range []map[string]seen{table, only[category]} {
			for digits, want := range part {
				c.now = start
				p := &upstream.Purchase{Ref: category + digits, Category: category, Code: code, Quantity: 101}
				switch category {
				case "ppob":
					p.Target = "0812-3456-78" + digits
				case "smm":
					p.Target = "https://example.com/1/" + digits[:1] + "x" + digits[1:]
				case "otp":
					p.MerchantRef = "order-" + digits
				}
				res, err := d.Submit(t.Context(), p)
				if digits == "07" || digits == "08" {
					e := upstream.AsError(err)
					require.Equal(t, upstream.Unknown, e.Class, "%s %s", category, digits)
					require.True(t, e.Staged)
					res, err = d.Lookup(t.Context(), p)
				}
				require.NoError(t, err)
				require.Equal(t, want[0].state, res.State, "%s %s at once", category, digits)
				for _, at := range want {
					c.now = start.Add(at.after)
					res, err := d.Status(t.Context(), p)
					require.NoError(t, err)
					require.Equal(t, at.state, res.State, "%s %s after %s", category, digits, at.after)
					require.Equal(t, at.reason, res.Reason, "%s %s after %s", category, digits, at.after)
					facts(t, category, res)
				}
			}
		}
	}
}

// facts checks what a result tells besides its state.
func facts(t *testing.T, category string, res *upstream.Result) {
	t.Helper()
	done := res.State == upstream.Succeeded
	require.Equal(t, done && category == "ppob", res.SN != "")
	require.Equal(t, done && category == "otp", len(res.Messages) > 0)
	if category == "otp" {
		require.Regexp(t, `^\+62812[0-9]{8}$`, res.Phone)
		require.False(t, res.ExpiresAt.IsZero())
	}
	if category == "smm" && res.State != upstream.Failed {
		want := map[upstream.State]int64{upstream.Succeeded: 0, upstream.Partial: 50, upstream.Pending: 101, upstream.Canceled: 101}[res.State]
		require.Equal(t, want, *res.Remains)
	}
}

func TestProductsDoWhatNoNumberCanAskFor(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := open(t, c.Now, nil)
	buy := func(code string) (*upstream.Purchase, *upstream.Result, error) {
		p := &upstream.Purchase{Ref: code, Category: "ppob", Code: code, Target: "081234567804"}
		res, err := d.Submit(t.Context(), p)
		return p, res, err
	}
	status := func(p *upstream.Purchase, later time.Duration) *upstream.Result {
		c.add(later)
		res, err := d.Status(t.Context(), p)
		require.NoError(t, err)
		return res
	}
	p, res, err := buy(planReverse)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State)
	require.Empty(t, res.SN)
	require.Equal(t, upstream.Failed, status(p, turned).State)

	p, res, err = buy(planLateSN)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State)
	require.Empty(t, res.SN)
	require.NotEmpty(t, status(p, turned).SN)

	p, res, err = buy(planPending)
	require.NoError(t, err)
	require.Equal(t, upstream.Pending, res.State)
	require.Equal(t, upstream.Pending, status(p, 1000*time.Hour).State)

	_, res, err = buy(planPrice)
	require.NoError(t, err)
	require.Equal(t, upstream.ReasonPrice, res.Reason)

	for code, reason := range map[string]string{"closed": "closed", "empty": "out_of_stock", "trouble": "trouble", "cut-off": "cut_off"} {
		_, _, err = buy(code)
		require.Equal(t, upstream.ReasonProduct, upstream.AsError(err).Reason)
		price, err := d.PriceOf(t.Context(), code)
		require.NoError(t, err)
		require.Equal(t, reason, price.Reason)
	}
	_, _, err = buy("none")
	require.Equal(t, upstream.Rejected, upstream.AsError(err).Class)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	hung := &upstream.Purchase{Ref: "hung", Category: "ppob", Code: planHang, Target: "1"}
	_, err = d.Submit(ctx, hung)
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
	require.Error(t, ctx.Err(), "it lasted until the deadline")
	require.Equal(t, upstream.Succeeded, status(hung, 0).State)
}

func TestAReferenceBuysOnceWhoeverSendsIt(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := open(t, c.Now, nil)
	p := upstream.Purchase{Ref: "one", Category: "ppob", Code: "pulsa10", Target: "081200000007"}
	type answer struct {
		res *upstream.Result
		err error
	}
	answers := make(chan answer, 20)
	for range cap(answers) {
		go func() {
			mine := p
			res, err := d.Submit(context.Background(), &mine)
			answers <- answer{res, err}
		}()
	}
	lost := 0
	for range cap(answers) {
		a := <-answers
		if a.err != nil {
			require.True(t, upstream.AsError(a.err).Staged)
			lost++
			continue
		}
		require.Equal(t, upstream.Succeeded, a.res.State)
	}
	require.Equal(t, 1, lost, "only the purchase itself loses its answer")
	left, err := d.Balance(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, defaultFloat-10_000, left)
	other := p
	other.Target = "081200000001"
	_, err = d.Submit(t.Context(), &other)
	require.Equal(t, upstream.ReasonDuplicate, upstream.AsError(err).Reason)
}
