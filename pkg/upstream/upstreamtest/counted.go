package upstreamtest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// counts is whether the provider takes orders with counts.
func (h Harness) counts() bool {
	for _, p := range h.Products {
		if p.Counted {
			return true
		}
	}
	return false
}

func (h Harness) counted(t *testing.T) Product {
	t.Helper()
	for _, p := range h.Products {
		if p.Counted {
			return p
		}
	}
	require.Fail(t, "no product with counts in the harness")
	return Product{}
}

// script gives every purchase from now on the same future.
func (r *rig) script(o emulate.Outcome) {
	r.backend.SetScript(func(emulate.Purchase, *rand.Rand) emulate.Outcome { return o })
}

// inPart: an order that is delivered in part says how much of it is not, whether
// asked alone or among others.
func inPart(t *testing.T, h Harness) {
	product := h.counted(t)
	r := h.setUp(t)
	r.script(emulate.Outcome{Result: emulate.Partial, After: time.Minute, Undelivered: 25})
	p := product.Purchase(r.backend, 44)
	p.OrderID = 44
	require.Equal(t, upstream.Pending, r.bought(t, p).State)
	r.clock.Add(time.Minute)
	res, err := r.status(t, p)
	require.NoError(t, err)
	require.Equal(t, upstream.Partial, res.State)
	require.NotNil(t, res.Remains)
	require.Equal(t, p.Quantity/4, *res.Remains)
	require.Empty(t, res.Alert, "what is charged is what was delivered")
	book := r.backend.Books().Purchases[0]
	require.NotNil(t, res.Cost)
	require.Equal(t, book.Price-book.Back, *res.Cost)

	r.script(emulate.Outcome{Result: emulate.Canceled, Undelivered: 50})
	half := product.Purchase(r.backend, 45)
	half.OrderID = 45
	r.bought(t, half)
	r.script(emulate.Outcome{Word: "Fail"})
	odd := product.Purchase(r.backend, 46)
	odd.OrderID = 46
	r.bought(t, odd)
	ask := func(p *upstream.Purchase) *upstream.Result {
		if d, ok := r.driver.(upstream.BulkStatus); ok {
			many, err := once(t, r, func(ctx context.Context) (map[int64]*upstream.Result, error) {
				return d.BulkStatus(ctx, []*upstream.Purchase{p})
			})
			require.NoError(t, err)
			return many[p.OrderID]
		}
		res, err := r.status(t, p)
		require.NoError(t, err)
		return res
	}
	res = ask(half)
	require.Equal(t, upstream.Canceled, res.State)
	require.False(t, res.Whole, "half of it was delivered")
	require.Equal(t, half.Quantity/2, *res.Remains)
	res = ask(odd)
	require.Equal(t, upstream.Pending, res.State, "a word that is not known proves nothing")
	require.NotEmpty(t, res.Alert)
	require.Equal(t, res.Alert, ask(odd).Alert, "the same matter in the same words")
}

// cancelCounted: a cancel is a request; what came of it is for status to say.
func cancelCounted(t *testing.T, h Harness) {
	product := h.counted(t)
	r := h.setUp(t)
	call := r.driver.(upstream.Cancel).Cancel
	r.backend.SetScript(emulate.Always(time.Hour))
	p := product.Purchase(r.backend, 44)
	r.bought(t, p)
	res, err := r.act(t, p, call)
	require.NoError(t, err)
	require.Equal(t, upstream.Pending, res.State, "that it was heard proves nothing")
	res, err = r.status(t, p)
	require.NoError(t, err)
	require.Equal(t, upstream.Canceled, res.State)
	require.True(t, res.Whole)
	require.True(t, r.backend.Books().Purchases[0].Refunded)

	late := product.Purchase(r.backend, 45)
	r.bought(t, late)
	r.clock.Add(time.Hour)
	_, err = r.act(t, late, call)
	requireClass(t, upstream.Rejected, err)
	res, err = r.status(t, late)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State, "what was delivered first wins")

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

// bulkFull: one request carries as many purchases as the driver says.
func bulkFull(t *testing.T, h Harness) {
	r := h.setUp(t)
	d := r.driver.(upstream.BulkStatus)
	var ps []*upstream.Purchase
	for i := range min(d.BulkLimit(), 250) {
		p := h.Products[0].Purchase(r.backend, i)
		p.OrderID = int64(1000 + i)
		r.bought(t, p)
		ps = append(ps, p)
	}
	got, err := once(t, r, func(ctx context.Context) (map[int64]*upstream.Result, error) { return d.BulkStatus(ctx, ps) })
	require.NoError(t, err)
	require.Len(t, got, len(ps))
	for _, p := range ps {
		require.Equal(t, upstream.Succeeded, got[p.OrderID].State)
	}
}

// refills: only what was delivered is filled up, not sooner than the provider
// likes, and each refill is followed by its own id.
func refills(t *testing.T, h Harness) {
	product := h.counted(t)
	r := h.setUp(t)
	d := r.driver.(upstream.Refiller)
	refill := func(p *upstream.Purchase) (*upstream.Refill, error) {
		return once(t, r, func(ctx context.Context) (*upstream.Refill, error) { return d.Refill(ctx, p) })
	}
	state := func(ref string) (*upstream.Refill, error) {
		return once(t, r, func(ctx context.Context) (*upstream.Refill, error) { return d.RefillStatus(ctx, ref) })
	}
	r.backend.SetScript(emulate.Always(time.Hour))
	p := product.Purchase(r.backend, 44)
	r.bought(t, p)
	_, err := refill(p)
	requireClass(t, upstream.Rejected, err)
	r.clock.Add(time.Hour)
	f, err := refill(p)
	require.NoError(t, err)
	require.NotEmpty(t, f.UpstreamRef)
	require.Equal(t, upstream.Pending, f.State)
	_, err = refill(p)
	e := classed(t, upstream.Rejected, err)
	require.Equal(t, upstream.ReasonEarly, e.Reason)
	require.Positive(t, e.After)
	r.clock.Add(30 * time.Minute)
	got, err := state(f.UpstreamRef)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, got.State)
	got, err = state("777")
	require.NoError(t, err)
	require.Equal(t, upstream.NotFound, got.State)
	if many, ok := r.driver.(upstream.BulkRefillStatus); ok {
		all, err := once(t, r, func(ctx context.Context) (map[string]*upstream.Refill, error) {
			return many.BulkRefillStatus(ctx, []string{f.UpstreamRef, "777"})
		})
		require.NoError(t, err)
		require.Equal(t, upstream.Succeeded, all[f.UpstreamRef].State)
		require.Equal(t, upstream.NotFound, all["777"].State)
	}
	for _, rule := range faults(upstream.MaxBody + 1) {
		if rule.Kind == emulate.Hang {
			continue
		}
		rule.Endpoint, rule.AfterEffect = "read", true
		r.fault(t, rule)
		got, err := state(f.UpstreamRef)
		require.Nil(t, got, "no answer is no state")
		requireClass(t, upstream.Unknown, err)
		r.backend.ClearFaults(0)
	}
}
