package upstreamtest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// bill is the harness's product that is one.
func (h Harness) bill(t *testing.T) Product {
	t.Helper()
	for _, p := range h.Products {
		if p.Bill && (h.Customers.Product == "" || p.Name == h.Customers.Product) {
			return p
		}
	}
	require.Fail(t, "no bill in the harness")
	return Product{}
}

// bills holds a driver to what inquiries are; that their payments are purchases like
// any other is seen by the suite of the product itself.
func bills(t *testing.T, h Harness) {
	product := h.bill(t)
	run := func(name string, test func(t *testing.T, r *rig)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h.setUp(t))
		})
	}
	run("what is inquired is what is paid", func(t *testing.T, r *rig) {
		p := r.make(t, product, 44)
		owed(t, h, r, p.Bill)
		require.Empty(t, r.backend.Books().Purchases, "an inquiry takes nothing")
		r.bought(t, p)
		require.Equal(t, p.Bill.Cost, r.backend.Books().Purchases[0].Price)
	})
	run("an inquiry is no payment", func(t *testing.T, r *rig) { unpaid(t, r, r.make(t, product, 44)) })
	run("the same inquiry finds the bill anew", func(t *testing.T, r *rig) {
		p := r.make(t, product, 44)
		r.clock.Add(time.Minute)
		again, err := r.inquire(t, p)
		require.NoError(t, err)
		require.Equal(t, p.Bill.Total, again.Total)
		if h.Customers.Life > 0 {
			require.True(t, again.ExpiresAt.After(p.Bill.ExpiresAt))
		}
	})
	run("nothing is paid without an inquiry", func(t *testing.T, r *rig) {
		p := product.Purchase(r.backend, 44)
		_, err := once(t, r, func(ctx context.Context) (*upstream.Result, error) { return r.driver.(upstream.Inquire).Pay(ctx, p) })
		require.Equal(t, upstream.ReasonExpired, classed(t, upstream.Rejected, err).Reason)
		require.Zero(t, r.requests.Load())
	})
	if h.Customers.Life > 0 {
		run("nothing is paid once the inquiry is over", func(t *testing.T, r *rig) {
			p := r.make(t, product, 44)
			r.clock.Add(h.Customers.Life)
			before := r.requests.Load()
			_, err := r.submit(t, p)
			require.Equal(t, upstream.ReasonExpired, classed(t, upstream.Rejected, err).Reason)
			require.Equal(t, before, r.requests.Load())
		})
	}
	customers(t, h, product)
	if h.BuiltIn == nil {
		inquiring(t, h, product)
	}
}

// unpaid sees that nothing takes an inquiry that succeeded for a payment that did.
func unpaid(t *testing.T, r *rig, p *upstream.Purchase) {
	res, err := r.status(t, p)
	require.NoError(t, err)
	require.Equal(t, upstream.NotFound, res.State)
	if d, ok := r.driver.(upstream.Lookup); ok {
		res, err = once(t, r, func(ctx context.Context) (*upstream.Result, error) { return d.Lookup(ctx, p) })
		require.NoError(t, err)
		require.Equal(t, upstream.NotFound, res.State)
	}
	if d, ok := r.driver.(upstream.BulkStatus); ok {
		all, err := once(t, r, func(ctx context.Context) (map[int64]*upstream.Result, error) {
			return d.BulkStatus(ctx, []*upstream.Purchase{p})
		})
		require.NoError(t, err)
		require.Empty(t, all)
	}
}

// inquiring: an inquiry whose answer is lost found nothing.
func inquiring(t *testing.T, h Harness, product Product) {
	for _, rule := range faults(upstream.MaxBody + 1) {
		t.Run(fmt.Sprintf("inquiring through %s %d", rule.Kind, rule.Status), func(t *testing.T) {
			t.Parallel()
			r := h.setUp(t)
			rule := rule
			rule.Endpoint, rule.AfterEffect = h.asks(), true
			if rule.Kind == emulate.Hang {
				rule.Delay = emulate.Duration(50 * time.Millisecond)
			}
			r.fault(t, rule)
			bill, err := r.inquire(t, product.Purchase(r.backend, 44))
			require.Nil(t, bill)
			requireClass(t, upstream.Unknown, err)
		})
	}
}

// owed is whether a bill can be shown and paid.
func owed(t *testing.T, h Harness, r *rig, b *upstream.Bill) {
	t.Helper()
	require.NotEmpty(t, b.CustomerName)
	require.NotEmpty(t, b.Period)
	require.Positive(t, b.Amount)
	require.GreaterOrEqual(t, b.Admin, int64(0))
	require.GreaterOrEqual(t, b.Total, b.Amount+b.Admin)
	require.Positive(t, b.Cost)
	if h.Customers.Life > 0 {
		require.Equal(t, r.clock.Now().Add(h.Customers.Life), b.ExpiresAt)
	}
}

func customers(t *testing.T, h Harness, product Product) {
	for _, c := range []struct {
		name, customer string
		see            func(t *testing.T, r *rig, p *upstream.Purchase)
	}{
		{"two periods", h.Customers.Two, func(t *testing.T, r *rig, p *upstream.Purchase) {
			bill, err := r.inquire(t, p)
			require.NoError(t, err)
			owed(t, h, r, bill)
			p.Bill = bill
			r.bought(t, p)
			require.Equal(t, bill.Cost, r.backend.Books().Purchases[0].Price)
		}},
		{"nothing owed", h.Customers.None, func(t *testing.T, r *rig, p *upstream.Purchase) {
			_, err := r.inquire(t, p)
			require.Equal(t, upstream.ReasonNoBill, classed(t, upstream.Rejected, err).Reason)
		}},
		{"a customer who is not known", h.Customers.Unknown, func(t *testing.T, r *rig, p *upstream.Purchase) {
			_, err := r.inquire(t, p)
			require.Equal(t, upstream.ReasonNoBill, classed(t, upstream.Rejected, err).Reason)
		}},
		{"an inquiry that the provider has forgotten", h.Customers.Over, func(t *testing.T, r *rig, p *upstream.Purchase) {
			bill, err := r.inquire(t, p)
			require.NoError(t, err)
			p.Bill = bill
			_, err = r.submit(t, p)
			require.Equal(t, upstream.ReasonExpired, h.refused(t, err).Reason)
			require.Empty(t, r.backend.Books().Purchases)
		}},
	} {
		if c.customer == "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := h.setUp(t)
			p := product.Purchase(r.backend, 44)
			p.Target = c.customer
			c.see(t, r, p)
		})
	}
}

// prices holds a driver to PriceOf: what it says is what a purchase costs then.
func prices(t *testing.T, h Harness) {
	r := h.setUp(t)
	ask := func(code string) (*upstream.Price, error) {
		r.clock.Add(h.Apart)
		return once(t, r, func(ctx context.Context) (*upstream.Price, error) {
			return r.driver.(upstream.PriceCheck).PriceOf(ctx, code)
		})
	}
	p := h.Products[0].Purchase(r.backend, 44)
	price, err := ask(p.Code)
	require.NoError(t, err)
	require.True(t, price.Available)
	require.Empty(t, price.Reason)
	r.bought(t, p)
	require.Equal(t, r.backend.Books().Purchases[0].Price, price.Cost)
	if _, bills := r.driver.(upstream.BillPrices); bills {
		at := slices.IndexFunc(h.Products, func(p Product) bool { return p.Bill })
		require.GreaterOrEqual(t, at, 0, "a driver that knows the fees of bills is shown one")
		fee, err := ask(h.Products[at].Purchase(r.backend, 45).Code)
		require.NoError(t, err)
		require.True(t, fee.Available)
		require.GreaterOrEqual(t, fee.Cost, int64(0))
	}
	_, err = ask("no-such-code")
	require.Equal(t, upstream.ReasonProduct, classed(t, upstream.Rejected, err).Reason)
	for _, reason := range []string{"closed", "out_of_stock", "trouble", "cut_off"} {
		if h.Closed == nil || !h.Closed(r.backend, p.Code, reason) {
			continue
		}
		price, err = ask(p.Code)
		require.NoError(t, err)
		require.False(t, price.Available)
		require.Equal(t, reason, price.Reason)
	}
	throughFaults(t, r, func() error {
		price, err := ask(p.Code)
		require.Nil(t, price)
		return err
	})
}

// throughFaults asks through every fault that spoils an answer: each is Unknown.
// Nothing spoils the answers of what is built in.
func throughFaults(t *testing.T, r *rig, ask func() error) {
	t.Helper()
	if r.h.BuiltIn != nil {
		return
	}
	for _, rule := range faults(upstream.MaxBody + 1) {
		if rule.Kind == emulate.Hang {
			continue
		}
		rule.Endpoint, rule.AfterEffect = "read", true
		r.fault(t, rule)
		requireClass(t, upstream.Unknown, ask())
		r.backend.ClearFaults(0)
	}
}
