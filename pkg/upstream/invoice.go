package upstream

import (
	"context"
	"time"
)

// InvoiceRequest asks for a QRIS invoice.
type InvoiceRequest struct {
	// Ref is our reference, for providers that take one.
	Ref string
	// Amount is what is to be credited, in rupiah, before the provider's fee.
	Amount int64
}

// InvoiceState is where an invoice stands at its provider.
type InvoiceState string

// The states of an invoice.
const (
	InvoicePending  InvoiceState = "pending"
	InvoicePaid     InvoiceState = "paid"
	InvoiceExpired  InvoiceState = "expired"
	InvoiceCanceled InvoiceState = "canceled"
	InvoiceNotFound InvoiceState = "not_found"
)

// Invoice is a provider's word about one invoice. Money is whole rupiah; empty
// fields were not said.
type Invoice struct {
	UpstreamRef string
	State       InvoiceState
	// Amount is what we receive, Fee what the provider adds, Total what is paid.
	Amount, Fee, Total int64
	// QR is the text of the QR code. Where the provider gives an image only, ImageURL
	// is where it lies (see [InvoiceImage]); it is never shown to anybody.
	QR       string
	ImageURL string
	// Paid is what was received where the provider says so.
	Paid      *int64
	PaidAt    time.Time
	ExpiresAt time.Time
	// Code and Detail are the provider's own, for operators only.
	Code   string
	Detail string
}

// Invoices creates QRIS invoices and follows them. A provider that allows no
// further one at present is [Throttled] without Pause, or [Rejected] with
// [ReasonFull]: the next gateway is tried.
type Invoices interface {
	CreateInvoice(ctx context.Context, r *InvoiceRequest) (*Invoice, error)
	InvoiceStatus(ctx context.Context, upstreamRef string) (*Invoice, error)
	CancelInvoice(ctx context.Context, upstreamRef string) (*Invoice, error)
}

// InvoiceImage fetches the image of an invoice's QR code (PNG, JPEG or GIF), for
// providers that give nothing else. It is one request to the provider's host.
type InvoiceImage interface {
	InvoiceImage(ctx context.Context, inv *Invoice) ([]byte, error)
}

// PayoutRequest asks for money to be sent to an account.
type PayoutRequest struct {
	// Ref is our reference, for providers that take one.
	Ref string
	// Amount is what the receiver gets, in rupiah.
	Amount int64
	// Method is how: dana.
	Method        string
	AccountNumber string
	AccountName   string
	// SentAt is when the attempt was claimed, which is not after its first byte.
	SentAt time.Time
}

// Payout is a provider's word about one payout. Money is whole rupiah.
type Payout struct {
	UpstreamRef string
	// State is Pending, Succeeded, Failed or NotFound.
	State         State
	Amount, Fee   int64
	Method        string
	AccountNumber string
	AccountName   string
	CreatedAt     time.Time
	ProcessedAt   time.Time
	// Balance is what the provider says we have left.
	Balance *int64
	// Code and Detail are the provider's own, for operators only.
	Code   string
	Detail string
}

// Payouts sends money out. CreatePayout is never sent twice: after any doubt the
// history is searched for it.
type Payouts interface {
	CreatePayout(ctx context.Context, r *PayoutRequest) (*Payout, error)
	PayoutStatus(ctx context.Context, upstreamRef string) (*Payout, error)
	// PayoutHistory gives a page, newest first, numbered from 1; next is zero after
	// the last.
	PayoutHistory(ctx context.Context, page int) (rows []Payout, next int, err error)
}

// The kinds of accounts that can be checked. CheckGame is for games and for whatever
// else is told by a code and a number, such as an electricity meter.
const (
	CheckBank = "bank"
	CheckGame = "game"
)

// CheckTarget is a bank, e-wallet or game whose accounts can be checked.
type CheckTarget struct {
	Code string
	Name string
	Type string // bank, ewallet, game, meter
}

// Account is what a check found.
type Account struct {
	Valid  bool
	Number string
	Name   string
}

// CheckAccount looks accounts up before money goes to them; kind is [CheckBank]
// or [CheckGame].
type CheckAccount interface {
	CheckTargets(ctx context.Context, kind string) ([]CheckTarget, error)
	CheckAccount(ctx context.Context, kind, code, number string) (*Account, error)
}
