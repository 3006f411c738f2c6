package order

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// owes puts an inquiry that may be paid, and gives the order that pays it.
func (s *scene) owes(ref string, id, price int64, ends time.Time) *Request {
	s.t.Helper()
	b := &Bill{InquiryID: id, CustomerName: "ANTO", Amount: price - 100, Total: price - 100, Cost: price - 200, PayBy: ends, Inputs: map[string]string{"year": "2026"}}
	raw, err := json.Marshal(b)
	require.NoError(s.t, err)
	_, err = s.db.Pool.Exec(s.t.Context(), `INSERT INTO inquiries (id, wallet_id, mode, ref, sku, name, product_id, customer_no, inputs, upstream, offer_id, code, extra,
			state, wait_until, outcome, said_code, said_detail, bill, price, expires_at, created_at, updated_at)
		VALUES ($1, $2, 'live', $3, 'PLNIDPASCA', 'PLN', 1, '5463', '{}', 'up-a', 5, 'PLN', '{}', 'open', now(), 'found', '', '', $4::jsonb, $5, $6, now(), now())`,
		id, s.wallet, ref, string(raw), price, ends)
	require.NoError(s.t, err)
	return &Request{
		WalletID: s.wallet, Ref: ref, Category: PPOB, SKU: "PLNIDPASCA", Name: "PLN", ProductID: 1, Quantity: 1, Price: price, CustomerNo: ptr("5463"), Bill: b,
		Route: Route{Upstream: "up-a", OfferID: 5, Code: "PLN", Cost: b.Cost}, MaxCost: b.Cost,
	}
}

func TestAnInquiryIsPaidOnceAndExactly(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := s.owes("b", 77, 20_000, s.now.Add(time.Minute))
	wrong := *r
	wrong.Price = 19_000
	_, err := s.p.Place(t.Context(), &wrong)
	require.ErrorIs(t, err, ErrInquiredAnew, "nothing but what was told is paid")
	older := *r
	older.Bill = &Bill{InquiryID: 76}
	_, err = s.p.Place(t.Context(), &older)
	require.ErrorIs(t, err, ErrInquiredAnew)
	plain := *r
	plain.Bill = nil
	_, err = s.p.Place(t.Context(), &plain)
	require.ErrorIs(t, err, ErrConflict, "the ref stands for a bill")
	_, err = s.p.Place(t.Context(), s.owes("late", 78, 20_000, s.now))
	require.ErrorIs(t, err, ErrInquiryExpired)
	none := *r
	none.Ref = "none"
	_, err = s.p.Place(t.Context(), &none)
	require.ErrorIs(t, err, ErrInquiredAnew)

	var all sync.WaitGroup
	ids := make([]int64, 40)
	for i := range ids {
		all.Go(func() {
			placed, err := s.p.Place(t.Context(), r)
			if err == nil {
				ids[i] = placed.Order.ID
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	o, err := ByID(t.Context(), s.db.Bun, ids[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"year":"2026"}`, string(o.Inputs), "as it was inquired")
	require.Equal(t, InquiryRef(77), o.OurRef(1))
	require.Equal(t, InquiryRef(77), o.OurRef(3), "whatever the attempt")
	require.False(t, o.Overdue(s.now))
	require.True(t, o.Overdue(s.now.Add(time.Minute)))
	_, err = s.w.Do(t.Context(), Step{OrderID: o.ID, From: Queued, Version: o.Version, To: Queued, Route: &Route{Upstream: "up-b", OfferID: 6, Code: "PLN", Cost: 1}, Cause: "reroute"})
	require.ErrorIs(t, err, ErrStale, "it is paid through whom it was inquired, and nobody else")
	var paid int64
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT order_id FROM inquiries WHERE id = 77 AND state = 'paid'`).Scan(&paid))
	require.Equal(t, o.ID, paid)
	require.Equal(t, map[string]string{}, o.View().(PPOBView).Data.Bill.Lines)
	s.clean()
}

// TestAPoorWalletLeavesItsBillPayable: a refused payment marks nothing, in a commit that
// takes others'.
func TestAPoorWalletLeavesItsBillPayable(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	dear := s.owes("dear", 90, 1_000_000_000_000, s.now.Add(time.Minute))
	cheap := s.owes("cheap", 91, 1_000, s.now.Add(time.Minute))
	var all sync.WaitGroup
	var refused, paid error
	all.Go(func() { _, refused = s.p.Place(t.Context(), dear) })
	all.Go(func() { _, paid = s.p.Place(t.Context(), cheap) })
	all.Wait()
	require.ErrorIs(t, refused, ErrInsufficient)
	require.NoError(t, paid)
	var open int64
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT id FROM inquiries WHERE state = 'open'`).Scan(&open))
	require.EqualValues(t, 90, open)
	s.clean()
}
