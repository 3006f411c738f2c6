package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/order"
)

func TestAnOrderForABillShowsWhatWasAsked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k := &inquiry.Keeper{Pool: d.db.Pool, Now: time.Now}
	ask := func() *inquiry.Inquiry {
		q, err := k.Begin(t.Context(), &inquiry.Request{
			WalletID: d.wallet, Mode: "live", Ref: "b1", SKU: "PLNIDPASCA", Name: "PLN Pascabayar", ProductID: 1, CustomerNo: "546302215889",
			Route: order.Route{Upstream: "src-1", OfferID: 1, Code: "PLNPASCA"}, WaitUntil: time.Now().Add(time.Minute),
		})
		require.NoError(t, err)
		return q
	}
	require.NoError(t, k.Fail(t.Context(), ask().ID, "rejected product", "rc 05", "gangguan"))
	q := ask()
	require.NoError(t, k.Found(t.Context(), q, order.Bill{CustomerName: "ANTO", Amount: 50_000, Admin: 2_500, Total: 52_500, Cost: 52_500, Lines: map[string]string{"tariff": "R1"}}, time.Time{}, "rc 00", ""))
	q, err := k.ByID(t.Context(), q.ID)
	require.NoError(t, err)
	q, err = k.Open(t.Context(), q, 52_600)
	require.NoError(t, err)
	placed, err := d.placer.Place(t.Context(), &order.Request{
		WalletID: d.wallet, Ref: "b1", Category: order.PPOB, SKU: q.SKU, Name: q.Name, ProductID: 1, Quantity: 1, Price: q.Price, CustomerNo: &q.CustomerNo,
		Bill: q.Bill, Route: q.Route, MaxCost: q.Bill.Cost,
	})
	require.NoError(t, err)

	page := d.json("order", "show", placed.Order.PublicID())
	asked := page["inquiries"].([]any)
	require.Len(t, asked, 2)
	failed, paid := asked[0].(map[string]any), asked[1].(map[string]any)
	require.Equal(t, "failed", failed["state"])
	require.Equal(t, "gangguan", failed["said_detail"])
	require.Equal(t, "paid", paid["state"])
	require.EqualValues(t, 52_600, paid["price"])
	require.Equal(t, order.InquiryRef(q.ID), paid["our_ref"])
	require.Equal(t, "ANTO", page["facts"].(map[string]any)["bill"].(map[string]any)["customer_name"])
	_, text, _ := d.run("order", "show", "PPOB-"+placed.Order.PublicID()[5:])
	require.Contains(t, text, "50000 and 2500 make 52500, costs us 52500")
	require.Contains(t, text, order.InquiryRef(q.ID))
}
