package upstream

import (
	"context"
	"net/http"
	"time"
)

// StatementLine is one line of a provider's own books. Money is whole rupiah.
type StatementLine struct {
	// Ref is our reference and UpstreamRef the provider's id, as far as it shows them.
	Ref         string
	UpstreamRef string
	Code        string
	Target      string
	// State is empty where the provider's own was not understood.
	State State
	// Cost is what the purchase took, or would have taken had it not failed.
	Cost int64
	At   time.Time
}

// Movement is one change of our balance in a provider's books.
type Movement struct {
	UpstreamRef string
	// Debit is what left our balance and Credit what came.
	Debit, Credit int64
	// Balance is what was left after it.
	Balance int64
	Notes   string
	At      time.Time
}

// Statement reads a provider's own books of one day, for reconciliation. from is
// inclusive and to exclusive; pages are numbered from 1 and next is zero after
// the last.
type Statement interface {
	StatementPage(ctx context.Context, from, to time.Time, page int) (lines []StatementLine, next int, err error)
}

// Movements reads the changes of our balance, oldest first, where the provider shows
// them; from is inclusive and to exclusive.
type Movements interface {
	Movements(ctx context.Context, from, to time.Time) ([]Movement, error)
}

// Hint is what a provider's callback tells: which purchase to look at, and what
// it says of it. It is applied as if it had been asked for.
type Hint struct {
	// Ref is our reference of the attempt; UpstreamRef the provider's id.
	Ref         string
	UpstreamRef string
	// Result is nil when the callback only says that something happened (a ping, or a
	// kind that proves nothing): then the purchase is asked about.
	Result *Result
}

// Callback verifies and reads what a provider posts to us. It makes no request.
// A signature that is wrong or missing is [Rejected] with [ReasonSignature]; a
// callback about nothing gives no hint and no error.
type Callback interface {
	Callback(header http.Header, body []byte) (*Hint, error)
}

// Refill is a provider's word about a refill of an SMM order.
type Refill struct {
	// UpstreamRef is the provider's id of the refill.
	UpstreamRef string
	// State is Pending, Succeeded, Failed or NotFound.
	State State
	// Code and Detail are the provider's own, for operators only.
	Code   string
	Detail string
}

// Refiller asks for what an SMM order lost to be filled up again.
type Refiller interface {
	Refill(ctx context.Context, p *Purchase) (*Refill, error)
	RefillStatus(ctx context.Context, upstreamRef string) (*Refill, error)
}

// BulkRefillStatus asks about many refills in one request. The answer holds what the
// provider said, by its id of the refill; those it did not mention are left out.
type BulkRefillStatus interface {
	RefillBulkLimit() int
	BulkRefillStatus(ctx context.Context, upstreamRefs []string) (map[string]*Refill, error)
}
