package sandbox

import (
	"context"
	"strconv"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

const (
	postpaid = "postpaid"
	// admin is the fee on top of a bill, in rupiah.
	admin = 2_500
	// payable is how long a bill may be paid.
	payable = 15 * time.Minute
)

// billOf is what a customer owes: the same for the same number on the same day.
// Customers ending in 04 owe nothing.
func (d *Driver) billOf(p *upstream.Purchase, o *upstream.Offer) *upstream.Bill {
	now := d.now()
	amount := int64(50_000 + 1_000*digits(p.Target, "bill", 200))
	return &upstream.Bill{
		UpstreamRef: p.Ref, CustomerName: "TEST CUSTOMER", Period: now.In(lenient.WIB()).Format("200601"),
		Amount: amount, Admin: admin, Total: amount + admin, Cost: amount + o.Cost,
		Lines: map[string]string{"tariff": "R1", "power": "900", "meter": strconv.FormatUint(10_000+digits(p.Target, "meter", 10_000), 10)}, ExpiresAt: now.Add(payable), Code: "ok",
	}
}

// Inquire asks for a bill. The digits choose as they do for a purchase: 03 finds the
// product disturbed and 04 no bill; what else they say, paying does.
func (d *Driver) Inquire(ctx context.Context, p *upstream.Purchase) (*upstream.Bill, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	o := d.sells[p.Code]
	switch {
	case o == nil || o.Type != postpaid:
		return nil, upstream.Reject(upstream.ReasonProduct, "unknown", "no such bill")
	case lastDigits(p.Target) == "03":
		return nil, upstream.Reject(upstream.ReasonProduct, "03", "disturbed")
	case lastDigits(p.Target) == "04":
		return nil, upstream.Reject(upstream.ReasonNoBill, "04", "nothing is owed")
	}
	return d.billOf(p, o), nil
}

// Pay pays what was inquired. The same Ref again gives the payment as it stands.
func (d *Driver) Pay(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	o := d.sells[p.Code]
	switch {
	case o == nil || o.Type != postpaid:
		return nil, upstream.Reject(upstream.ReasonProduct, "unknown", "no such bill")
	case p.Bill == nil || p.Bill.Cost <= 0:
		return nil, upstream.Reject(upstream.ReasonExpired, "unknown", "not inquired")
	case !p.Bill.ExpiresAt.IsZero() && !d.now().Before(p.Bill.ExpiresAt):
		return nil, upstream.Reject(upstream.ReasonExpired, "expired", "the inquiry is over")
	}
	return d.buy(ctx, p, o, p.Bill.Cost)
}

// PriceOf reads the price of one offer.
func (d *Driver) PriceOf(_ context.Context, code string) (*upstream.Price, error) {
	o := d.sells[code]
	if o == nil {
		return nil, upstream.Reject(upstream.ReasonProduct, "unknown", "no such offer")
	}
	return &upstream.Price{Cost: o.Cost, Available: o.Available, Reason: o.Reason, Stock: &upstream.Stock{Count: o.Stock, Unlimited: o.Unlimited}}, nil
}

// BillPrices marks that bills have prices here, too.
func (*Driver) BillPrices() {}
