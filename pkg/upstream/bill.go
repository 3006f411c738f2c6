package upstream

import (
	"context"
	"time"
)

// Bill is what a customer owes, as a provider found it. Money is whole rupiah.
type Bill struct {
	// UpstreamRef is the provider's own id of the inquiry; may be empty.
	UpstreamRef  string
	CustomerName string
	// Period is what the bill is for, in the provider's words ("APR26").
	Period string
	// Amount is the bill itself, Admin the fee on top of it, and Total what the
	// customer pays.
	Amount, Admin, Total int64
	// Cost is what paying takes from our balance.
	Cost int64
	// Lines are further facts of the bill by name (tariff, meter, penalty): a list of
	// what may be shown, made by the driver from names that it knows.
	Lines map[string]string
	// ExpiresAt is until when the provider lets this bill be paid; zero when it has no
	// rule of its own.
	ExpiresAt time.Time
	// Code and Detail are the provider's own, for operators only.
	Code   string
	Detail string
}

// Inquire asks for bills and pays them. Both bear the same Ref; Pay takes what
// was inquired and nothing else (Purchase.MaxCost is the bill's cost). A customer
// without a bill is [Rejected] with [ReasonNoBill]; a payment whose inquiry is missing
// or over is [Rejected] with [ReasonExpired] before anything is sent.
type Inquire interface {
	Inquire(ctx context.Context, p *Purchase) (*Bill, error)
	Pay(ctx context.Context, p *Purchase) (*Result, error)
}

// Price is what an offer costs at this moment.
type Price struct {
	// Cost is as in [Offer]: rupiah; of smm for 1000, of a bill what paying takes on top.
	Cost      int64
	Available bool
	// Reason is why not: closed, out_of_stock, trouble, cut_off.
	Reason string
	// Stock is how many there are; nil where the provider does not say.
	Stock *Stock
}

// Stock is how many of an offer there are.
type Stock struct {
	Count     int64
	Unlimited bool // Count means nothing
}

// PriceCheck reads the price of one offer, as the provider has it at this moment. An
// answer about another offer is Unknown; a code that the provider does not know is
// [Rejected] with [ReasonProduct].
type PriceCheck interface {
	PriceOf(ctx context.Context, code string) (*Price, error)
}

// BillPrices is implemented by a [PriceCheck] that knows postpaid offers, too.
type BillPrices interface{ BillPrices() }
