package worker

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// bill asks the source for a bill and places the order that pays it.
func (p *postal) bill(ref string) (*inquiry.Inquiry, *order.Order) {
	p.t.Helper()
	q, err := p.bills().Begin(p.t.Context(), &inquiry.Request{
		WalletID: p.wallet, Mode: "live", Ref: ref, SKU: "PLNIDPASCA", Name: "PLN", ProductID: 1, CustomerNo: "530000000001",
		Route: order.Route{Upstream: postName, OfferID: 1, Code: "pln", Extra: json.RawMessage(`{"postpaid":true}`)}, WaitUntil: p.now.Add(10 * time.Second),
	})
	require.NoError(p.t, err)
	verdict, err := p.w.inquire(p.t.Context(), q.ID)
	require.NoError(p.t, err)
	require.Equal(p.t, inquiry.VerdictFound, verdict)
	q, err = p.bills().ByID(p.t.Context(), q.ID)
	require.NoError(p.t, err)
	q, err = p.bills().Open(p.t.Context(), q, inquiry.Price(q.Bill, 100, 0))
	require.NoError(p.t, err)
	return q, p.pays(q)
}

// TestAWordAboutABillHasItAskedAbout: inquiry and payment bear one reference, so that a
// callback alone is no proof of the payment.
func TestAWordAboutABillHasItAskedAbout(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success, After: 2 * time.Minute}))
	q, o := p.bill("b1")
	require.Less(t, q.Bill.Cost, q.Bill.Total, "the source leaves us of its fee")
	require.Equal(t, q.Bill.Total+100, q.Price)
	o = p.buy(p.w, o)
	require.Equal(t, order.Processing, o.State)
	p.deliver()
	p.advance(2 * time.Minute)
	require.Equal(t, []callback.State{callback.Asked}, p.deliver())
	o = p.is(o, order.Processing)
	require.False(t, o.NextRunAt.After(p.now))
	o = p.poll(p.w, o, time.Second)
	require.Equal(t, order.Completed, o.State)
	require.NotEmpty(t, o.Facts.SN)
	require.Equal(t, 10_000_000-q.Price, p.balance())
	p.audited()
}

// TestABillIsNotPaidAcrossMidnight: Digiflazz takes payments on the day of the inquiry.
func TestABillIsNotPaidAcrossMidnight(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success}))
	day := 24 * time.Hour
	wib := p.now.Add(7 * time.Hour)
	p.advance(day - wib.Sub(wib.Truncate(day)) - 5*time.Minute)
	q, o := p.bill("b1")
	require.False(t, q.ExpiresAt.After(p.now.Add(5*time.Minute)), "before midnight WIB")
	p.advance(5 * time.Minute)
	o = p.buy(p.w, o)
	require.Equal(t, order.Failed, o.State)
	require.Equal(t, sayLate, o.Message)
	require.Empty(t, p.source.Books().Purchases)
	require.EqualValues(t, 10_000_000, p.balance())
	p.audited()
}
