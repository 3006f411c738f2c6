package upstream

import (
	"context"
	"encoding/json"
	"time"
)

// Purchase is one attempt to buy, as a driver sees it.
type Purchase struct {
	OrderID int64
	Attempt int
	// Ref is our reference for this attempt: unique for ever, the same on every
	// question about it. Providers that know references get it as theirs.
	Ref string
	// MerchantRef is the merchant's own reference. The sandbox reads the wanted outcome
	// from it; no provider is ever told it.
	MerchantRef string
	// UpstreamRef is the provider's id of the purchase; empty until it named one.
	UpstreamRef string
	// Category is the order's: ppob, smm or otp.
	Category string
	// Code is the provider's product code; Extra is the rest of the offer's
	// address (as the driver put it into [Offer.Extra] at import).
	Code  string
	Extra json.RawMessage
	// Target is the customer's number, user id or link; Zone its second part.
	Target   string
	Zone     string
	Quantity int64
	// Inputs are further fields of the order by name (operator_id, comments, …).
	Inputs map[string]string
	// Cost is what the offer should cost and MaxCost the most it may, in rupiah;
	// zero means no bound.
	Cost    int64
	MaxCost int64
	// SentAt is when the attempt was claimed, which is not after its first byte.
	SentAt time.Time
	// Sends is which sending of the attempt this is, or how many there were: above one,
	// an earlier one may have bought, whatever this one is refused for.
	Sends int
	// ExpiresAt is the end of a rented number, as the provider told it earlier;
	// zero when it did not.
	ExpiresAt time.Time
	// Bill is what was inquired before, for a payment and every question about it; nil
	// otherwise. An inquiry and its payment share their Ref at some providers, so that
	// without it an inquiry that succeeded could be taken for a payment that did.
	Bill *Bill
}

// State is where a purchase stands at the provider.
type State string

// The states of a purchase at a provider. NotFound is the provider's word that
// it knows no such purchase.
const (
	Pending   State = "pending"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Partial   State = "partial"
	Canceled  State = "canceled"
	Expired   State = "expired"
	NotFound  State = "not_found"
)

// Message is one text that came to a rented number.
type Message struct {
	Code       string
	Text       string
	ReceivedAt time.Time
}

// Result is the provider's word about one purchase. Empty fields were not said.
type Result struct {
	State       State
	UpstreamRef string
	// Reason is why, when State is Failed.
	Reason Reason
	// Code and Detail are the provider's own, for operators only.
	Code   string
	Detail string
	// Cost is what the provider took, in rupiah; Balance what it says we have left.
	Cost    *int64
	Balance *int64
	// Refunded is whether the provider says that our money is back.
	Refunded *bool
	// Ending marks a pending purchase whose money may be back already, or soon.
	Ending bool
	// SN is the serial number: the customer's receipt, passed through.
	SN string
	// Incomplete marks a bulk answer that tells the state but not all its facts
	// (the serial number, say): ask Status before finishing.
	Incomplete bool
	// A rented number: phone in international form, what came to it, its end. They
	// go to the merchant. A driver leaves country and service empty where it knows
	// only the provider's raw names: the order's product names them.
	Phone     string
	Country   string
	Service   string
	Operator  string
	Messages  []Message
	ExpiresAt time.Time
	// An SMM order. Remains is what was not delivered, where the provider says a number.
	StartCount *int64
	Remains    *int64
	// Whole: the purchase ended with nothing delivered and nothing charged, whatever
	// Remains says.
	Whole bool
	// Alert is what a person has to look at: a state that proves nothing, a charge that
	// is not what was expected. It is for operators only and says the same as long as
	// the matter is the same.
	Alert string
}

// Driver is what every provider can do. Submit buys; it must be sent at most
// once by the transport. Status asks about a purchase that Submit answered.
type Driver interface {
	Submit(ctx context.Context, p *Purchase) (*Result, error)
	Status(ctx context.Context, p *Purchase) (*Result, error)
}

// Lookup finds a purchase by our reference. State NotFound is evidence that
// nothing was bought, if the question came after the request's deadline.
type Lookup interface {
	Lookup(ctx context.Context, p *Purchase) (*Result, error)
}

// IdempotentSubmit is implemented by a driver whose provider never buys twice
// under one Ref, so that sending the same Submit again is safe.
type IdempotentSubmit interface{ IdempotentSubmit() }

// BulkStatus asks about many purchases in one request. The answer holds what
// the provider said, by order id; purchases it did not mention are left out.
type BulkStatus interface {
	BulkLimit() int
	BulkStatus(ctx context.Context, ps []*Purchase) (map[int64]*Result, error)
}

// Balance reads our balance at the provider, in rupiah.
type Balance interface {
	Balance(ctx context.Context) (int64, error)
}

// Cancel asks for a purchase to be undone. The money moves when a later answer
// says so.
type Cancel interface {
	Cancel(ctx context.Context, p *Purchase) (*Result, error)
}

// Finish tells the provider that a rented number is no longer needed.
type Finish interface {
	Finish(ctx context.Context, p *Purchase) (*Result, error)
}

// Resend asks for a further code on a rented number.
type Resend interface {
	Resend(ctx context.Context, p *Purchase) (*Result, error)
}

// Operator is a mobile operator that may be chosen for a rented number.
type Operator struct {
	ID   string
	Name string
}

// Operators lists the operators of an offer.
type Operators interface {
	Operators(ctx context.Context, code string, extra json.RawMessage) ([]Operator, error)
}

// Scope is a part of a provider's catalogue that is read and compared as one:
// an offer of the scope that is no longer listed has vanished.
type Scope struct {
	Key string
	// Every is how often it is worth reading.
	Every time.Duration
	// Service names the OTP service that the scope prices, so that what merchants
	// ask for is read first; empty for others.
	Service string
}

// Page is one request's worth of a scope.
type Page struct {
	Offers   []Offer
	Services []Service
	// Scopes are further parts of the catalogue that this page told of.
	Scopes []Scope
	// Next is the number of the page after this one; zero when this was the last.
	Next int
}

// Catalog reads what the provider sells. Root scopes are known without asking;
// pages are numbered from 1.
type Catalog interface {
	RootScopes() []Scope
	CatalogPage(ctx context.Context, scope string, page int) (*Page, error)
}

// Service is an OTP service (an application that sends codes).
type Service struct {
	Code string
	Name string
}

// Input describes a field that an order of an offer needs.
type Input struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Required bool   `json:"required"`
	Example  string `json:"example"`
}

// Serial is implemented by a driver whose provider can neither be asked by our
// reference nor be sent a purchase twice safely. While the outcome of one
// purchase is not known no other is sent on that account, so that its balance
// before and after is evidence.
type Serial interface {
	// Orphaned is until when the provider keeps a purchase that nobody knows the id
	// of before it gives the money back by itself; zero where it never does.
	Orphaned(p *Purchase) time.Duration
	// Grain is how finely the provider tells its balance, in rupiah rounded up; zero
	// where it and its prices are whole rupiah.
	Grain() int64
}

// Offer is one thing that a provider sells, at its price. It is imported into
// the catalogue, where it gets a SKU of ours.
type Offer struct {
	// Code names the offer among those of this provider; Extra is what else the
	// driver needs to buy it.
	Code  string
	Extra json.RawMessage
	// Stem is what the offer's SKU is made of, where the catalogue is not to find one:
	// the sandbox's are part of its contract. Other drivers leave it empty.
	Stem     string
	Category string // ppob, smm or otp
	Name     string
	Brand    string
	// Group is the category inside ppob (Pulsa, Games, …).
	Group       string
	Type        string // prepaid or postpaid
	Description string
	Inputs      []Input
	// Cost is the provider's price in rupiah (otp, ppob); for postpaid what paying takes on
	// top of a bill's total.
	Cost      int64
	Available bool
	// Reason is why it is not available: closed, out_of_stock, trouble, cut_off.
	Reason    string
	Stock     int64
	Unlimited bool
	// OTP: service, country and the provider's server.
	ServiceCode string
	ServiceName string
	CountryISO  string
	CountryName string
	Prefix      string
	Server      int
	SuccessRate int // whole percent
	// PPOB: minutes of the day (Asia/Jakarta) between which the provider does not
	// sell it, across midnight where CutFrom > CutTo; nil without a window.
	CutFrom, CutTo *int
	// SMM: Cost is for 1000; Platform is the network, Kind the service type that
	// decides the fields of an order (see Inputs).
	Platform    string
	Kind        string
	Min, Max    int64
	Refill      bool
	Cancel      bool
	AverageTime string
	// Dripfeed: an order may be cut into runs.
	Dripfeed bool
}
