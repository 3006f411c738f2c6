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
	Cost      int64
	Available bool
	// Reason is why not: closed, out_of_stock, trouble, cut_off.
	Reason string
}

// PriceCheck reads the price of one offer.
type PriceCheck interface {
	PriceOf(ctx context.Context, code string) (*Price, error)
}
