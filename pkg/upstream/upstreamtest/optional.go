package upstreamtest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// optional holds a driver to the optional interfaces that it has.
func optional(t *testing.T, h Harness) {
	o := h.Offers
	for _, part := range []struct {
		name string
		has  bool
		test func(*testing.T, Harness)
	}{
		{"lookup", o.Lookup, lookup},
		{"idempotent submit", o.IdempotentSubmit, idempotent},
		{"bulk status", o.BulkStatus, bulk},
		{"balance", o.Balance, balance},
		{"cancel", o.Cancel && !h.counts(), cancel},
		{"cancel an order with counts", o.Cancel && h.counts(), cancelCounted},
		{"orders in part", h.counts(), inPart},
		{"status of as many as one request carries", o.BulkStatus && h.BuiltIn == nil, bulkFull},
		{"refills", o.Refiller && h.counts(), refills},
		{"finish", o.Finish, finish},
		{"resend", o.Resend, resend},
		{"operators", o.Operators, operators},
		{"catalogue", o.Catalog, catalogue},
		{"bills", o.Inquire, bills},
		{"price", o.PriceCheck, prices},
		{"statement", o.Statement, statement},
		{"movements", o.Movements, movements},
		{"invoices", o.Invoices, invoices},
		{"pictures of invoices", o.InvoiceImage, images},
		{"payouts", o.Payouts && h.BuiltIn == nil, payouts},
		{"checks of accounts", o.CheckAccount, checks},
		{"purchases one at a time", o.Serial, serials},
	} {
		if part.has {
			t.Run(part.name, func(t *testing.T) {
				t.Parallel()
				part.test(t, h)
			})
		}
	}
}

func (h Harness) rented(t *testing.T) Product {
	t.Helper()
	for _, p := range h.Products {
		if p.Rented {
			return p
		}
	}
	require.Fail(t, "no rented product in the harness")
	return Product{}
}

func lookup(t *testing.T, h Harness) {
	r := h.setUp(t)
	ask := func(p *upstream.Purchase) (*upstream.Result, error) {
		return once(t, r, func(ctx context.Context) (*upstream.Result, error) { return r.driver.(upstream.Lookup).Lookup(ctx, p) })
	}
	if h.BuiltIn != nil {
		p := h.Products[0].Purchase(r.backend, 44)
		res, err := ask(p)
		require.NoError(t, err)
		require.Equal(t, upstream.NotFound, res.State)
		r.bought(t, p)
		p.UpstreamRef = ""
		res, err = ask(p)
		require.NoError(t, err)
		require.Equal(t, upstream.Succeeded, res.State)
		return
	}
	for _, rule := range []emulate.Rule{
		{Kind: emulate.Drop, AfterEffect: true}, {Kind: emulate.Garbled, AfterEffect: true},
		{Kind: emulate.BlockPage, Status: http.StatusBadGateway, AfterEffect: true}, {Kind: emulate.Drop},
	} {
		r.fault(t, rule)
		p := h.Products[0].Purchase(r.backend, int(r.requests.Load()))
		p.SentAt = r.clock.Now()
		_, err := r.submit(t, p)
		requireClass(t, upstream.Unknown, err)
		r.backend.ClearFaults(0)
		res, err := ask(p)
		require.NoError(t, err)
		if rule.AfterEffect {
			require.Equal(t, upstream.Succeeded, res.State)
			require.NotEmpty(t, res.UpstreamRef)
		} else {
			require.Equal(t, upstream.NotFound, res.State)
		}
	}
	for _, rule := range faults(upstream.MaxBody + 1) {
		if rule.Kind == emulate.Hang {
			continue
		}
		rule.Endpoint, rule.AfterEffect = "read", true
		r.fault(t, rule)
		res, err := ask(h.Products[0].Purchase(r.backend, 999))
		require.Nil(t, res, "no answer is no evidence of absence")
		requireClass(t, upstream.Unknown, err)
		r.backend.ClearFaults(0)
	}
}

func idempotent(t *testing.T, h Harness) {
	r := h.setUp(t)
	p := h.Products[0].Purchase(r.backend, 44)
	first := r.bought(t, p)
	again, err := r.submit(t, p)
	if err == nil { // the provider tells of the purchase that there is
		require.Equal(t, first.UpstreamRef, again.UpstreamRef)
	} else {
		require.Equal(t, upstream.ReasonDuplicate, classed(t, upstream.Rejected, err).Reason)
	}
	require.Equal(t, 1, r.count(h.Products[0], p))
}

func bulk(t *testing.T, h Harness) {
	r := h.setUp(t)
	d := r.driver.(upstream.BulkStatus)
	require.Positive(t, d.BulkLimit())
	outcomes := []emulate.Outcome{
		{Result: emulate.Success}, {Result: emulate.Failure, Reason: emulate.ReasonCustomer}, {Result: emulate.Silent},
	}
	want := []upstream.State{upstream.Succeeded, h.failed(h.Products[0]), upstream.Pending}
	var ps []*upstream.Purchase
	for i, o := range outcomes {
		r.backend.SetScript(func(emulate.Purchase, *rand.Rand) emulate.Outcome { return o })
		p := h.Products[0].Purchase(r.backend, i)
		p.OrderID = int64(100 + i)
		r.bought(t, p)
		ps = append(ps, p)
	}
	never := h.Products[0].Purchase(r.backend, 77)
	never.OrderID = 177
	ask := func() (map[int64]*upstream.Result, error) {
		return once(t, r, func(ctx context.Context) (map[int64]*upstream.Result, error) {
			return d.BulkStatus(ctx, append(ps, never))
		})
	}
	r.clock.Add(25 * time.Hour)
	got, err := ask()
	require.NoError(t, err)
	require.Len(t, got, len(ps), "what was not mentioned is left out")
	for i, p := range ps {
		require.Equal(t, want[i], got[p.OrderID].State)
		if got[p.OrderID].State == upstream.Succeeded && !h.Products[0].Counted {
			require.True(t, got[p.OrderID].SN != "" || got[p.OrderID].Incomplete, "a success without its facts says so")
		}
	}
	if h.BuiltIn != nil {
		return
	}
	for _, rule := range faults(upstream.MaxBody + 1) {
		if rule.Kind == emulate.Hang {
			continue
		}
		rule.Endpoint, rule.AfterEffect = "read", true
		r.fault(t, rule)
		got, err := ask()
		require.Empty(t, got)
		requireClass(t, upstream.Unknown, err)
		r.backend.ClearFaults(0)
	}
}

func balance(t *testing.T, h Harness) {
	r := h.setUp(t)
	ask := func() (int64, error) { return once(t, r, r.driver.(upstream.Balance).Balance) }
	if h.BuiltIn != nil {
		before, err := ask()
		require.NoError(t, err)
		r.bought(t, h.Products[0].Purchase(r.backend, 44))
		after, err := ask()
		require.NoError(t, err)
		require.Equal(t, before-r.backend.Books().Purchases[0].Price, after)
		return
	}
	r.backend.SetBalance(123_456_789)
	n, err := ask()
	require.NoError(t, err)
	require.EqualValues(t, 123_456_789, n)
	if len(h.Products) > 0 {
		r.bought(t, h.Products[0].Purchase(r.backend, 44))
		n, err = ask()
		require.NoError(t, err)
		require.Equal(t, r.backend.Books().Balance, n)
	}
	r.fault(t, emulate.Rule{Kind: emulate.Mistyped, Endpoint: "read", AfterEffect: true})
	_, err = ask()
	requireClass(t, upstream.Unknown, err)
}

func (r *rig) act(t *testing.T, p *upstream.Purchase, call func(context.Context, *upstream.Purchase) (*upstream.Result, error)) (*upstream.Result, error) {
	t.Helper()
	return once(t, r, func(ctx context.Context) (*upstream.Result, error) { return call(ctx, p) })
}

func cancel(t *testing.T, h Harness) {
	product := h.rented(t)
	r := h.setUp(t)
	call := r.driver.(upstream.Cancel).Cancel
	r.backend.SetScript(emulate.Always(time.Minute))
	p := product.Purchase(r.backend, 44)
	r.bought(t, p)
	_, err := r.act(t, p, call)
	require.NoError(t, err)
	res, err := r.status(t, p)
	require.NoError(t, err)
	require.Equal(t, upstream.Canceled, res.State)
	require.True(t, r.backend.Books().Purchases[0].Refunded)

	late := product.Purchase(r.backend, 45)
	r.bought(t, late)
	r.clock.Add(time.Minute)
	_, err = r.act(t, late, call)
	requireClass(t, upstream.Rejected, err)
	res, err = r.status(t, late)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State, "a code that came first wins")
	if h.BuiltIn != nil {
		return
	}

	lost := product.Purchase(r.backend, 46)
	r.bought(t, lost)
	r.fault(t, emulate.Rule{Kind: emulate.Drop, AfterEffect: true})
	_, err = r.act(t, lost, call)
	requireClass(t, upstream.Unknown, err)
	r.backend.ClearFaults(0)
	res, err = r.status(t, lost)
	require.NoError(t, err)
	require.Equal(t, upstream.Canceled, res.State)
}

func finish(t *testing.T, h Harness) {
	r := h.setUp(t)
	call := r.driver.(upstream.Finish).Finish
	p := h.rented(t).Purchase(r.backend, 44)
	r.bought(t, p)
	_, err := r.act(t, p, call)
	require.NoError(t, err)
	res, err := r.status(t, p)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State, "its code stays readable")
	require.Len(t, res.Messages, 1)
	r.backend.SetScript(emulate.Always(time.Minute))
	early := h.rented(t).Purchase(r.backend, 45)
	r.bought(t, early)
	_, err = r.act(t, early, call)
	requireClass(t, upstream.Rejected, err)
}

func resend(t *testing.T, h Harness) {
	r := h.setUp(t)
	call := r.driver.(upstream.Resend).Resend
	p := h.rented(t).Purchase(r.backend, 44)
	r.bought(t, p)
	res, err := r.status(t, p)
	require.NoError(t, err)
	first := res.Messages[0].Code
	r.backend.SetScript(func(emulate.Purchase, *rand.Rand) emulate.Outcome {
		return emulate.Outcome{Result: emulate.Success, After: time.Minute, Code: "second"}
	})
	_, err = r.act(t, p, call)
	require.NoError(t, err)
	res, err = r.status(t, p)
	require.NoError(t, err)
	if res.State != upstream.Pending { // some go on telling what has come
		require.Equal(t, upstream.Succeeded, res.State)
		require.Len(t, res.Messages, 1)
	}
	r.clock.Add(time.Minute)
	res, err = r.status(t, p)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State)
	newest := res.Messages[len(res.Messages)-1].Code
	if h.BuiltIn == nil {
		require.Equal(t, "second", newest)
	}
	require.NotEqual(t, first, newest)

	r.backend.SetScript(func(emulate.Purchase, *rand.Rand) emulate.Outcome { return emulate.Outcome{Result: emulate.Silent} })
	silent := h.rented(t).Purchase(r.backend, 45)
	r.bought(t, silent)
	_, err = r.act(t, silent, call)
	requireClass(t, upstream.Rejected, err)
	r.clock.Add(24 * time.Hour)
	res, err = r.status(t, silent)
	require.NoError(t, err)
	require.Equal(t, upstream.Expired, res.State)
	_, err = r.act(t, silent, call)
	requireClass(t, upstream.Rejected, err)
}

func operators(t *testing.T, h Harness) {
	r := h.setUp(t)
	p := h.rented(t).Purchase(r.backend, 44)
	list, err := once(t, r, func(ctx context.Context) ([]upstream.Operator, error) {
		return r.driver.(upstream.Operators).Operators(ctx, p.Code, p.Extra)
	})
	require.NoError(t, err)
	require.NotEmpty(t, list)
	for _, o := range list {
		require.NotEmpty(t, o.ID)
		require.NotEmpty(t, o.Name)
	}
	p.Inputs = map[string]string{"operator_id": list[len(list)-1].ID}
	require.Equal(t, list[len(list)-1].Name, r.bought(t, p).Operator)
	p.Inputs["operator_id"] = "none"
	_, err = r.submit(t, p)
	requireClass(t, upstream.Rejected, err)
}

func catalogue(t *testing.T, h Harness) {
	r := h.setUp(t)
	d := r.driver.(upstream.Catalog)
	read := func(scope string, n int) (*upstream.Page, error) {
		r.clock.Add(h.Apart)
		return once(t, r, func(ctx context.Context) (*upstream.Page, error) { return d.CatalogPage(ctx, scope, n) })
	}
	listed := h.Listed(r.backend)
	todo := d.RootScopes()
	var sample []upstream.Offer
	for len(todo) > 0 {
		scope := todo[0]
		todo = todo[1:]
		require.Positive(t, scope.Every)
		codes := map[string]bool{}
		for n := 1; n > 0; {
			page, err := read(scope.Key, n)
			require.NoError(t, err)
			todo = append(todo, page.Scopes...)
			for _, o := range page.Offers {
				require.False(t, codes[o.Code], "%s is listed twice", o.Code)
				codes[o.Code] = true
				sound(t, o)
			}
			if len(page.Offers) > 0 {
				sample = append(sample, page.Offers[0])
			}
			require.True(t, page.Next == 0 || page.Next == n+1)
			n = page.Next
		}
		if want, ok := listed[scope.Key]; ok {
			require.Len(t, codes, want, "scope %s", scope.Key)
			delete(listed, scope.Key)
		}
	}
	require.Empty(t, listed, "scopes that were not reached")
	bought := 0
	for i, o := range sample {
		if !o.Available || o.Type == "postpaid" {
			continue
		}
		r.bought(t, h.order(o, i))
		bought++
		last := r.backend.Books().Purchases[bought-1]
		require.Equal(t, o.Cost, last.Price, "what is listed is what it costs")
	}
	require.Positive(t, bought)
	throughFaults(t, r, func() error {
		page, err := read(d.RootScopes()[0].Key, 1)
		require.Nil(t, page)
		return err
	})
}

// sound is whether an offer can be sold.
func sound(t *testing.T, o upstream.Offer) {
	t.Helper()
	require.NotEmpty(t, o.Code)
	require.NotEmpty(t, o.Name)
	if o.Type == "postpaid" {
		require.GreaterOrEqual(t, o.Cost, int64(0), "on top of a bill's total")
	} else {
		require.Positive(t, o.Cost)
	}
	require.Contains(t, []string{"ppob", "smm", "otp"}, o.Category)
	require.Equal(t, o.Available, o.Reason == "")
	if o.Category == "otp" {
		require.NotEmpty(t, o.ServiceCode)
		require.NotEmpty(t, o.CountryISO)
		require.NotEmpty(t, o.Extra)
		return
	}
	if o.Category == "smm" {
		require.NotEmpty(t, o.Kind)
		require.Positive(t, o.Min)
		require.GreaterOrEqual(t, o.Max, o.Min)
		require.NotEmpty(t, o.Inputs)
		require.Equal(t, "target", o.Inputs[0].Name)
		return
	}
	require.Contains(t, []string{"prepaid", "postpaid"}, o.Type)
	require.NotEmpty(t, o.Brand)
	require.NotEmpty(t, o.Group)
	require.NotEmpty(t, o.Inputs)
}
