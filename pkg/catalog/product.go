package catalog

import (
	"encoding/json"
	"time"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/smm"
)

// The modes: what test keys see and what live keys see never mix.
const (
	Live = "live"
	Test = "test"
)

// The types of ppob products. A postpaid product's price is our fee on a bill.
const (
	Prepaid  = "prepaid"
	Postpaid = "postpaid"
)

// Reason says why something cannot be ordered now; empty when it can.
type Reason string

// The reasons, as merchants read them.
const (
	Closed     Reason = "closed"
	OutOfStock Reason = "out_of_stock"
	Trouble    Reason = "trouble"
	CutOff     Reason = "cut_off"
	Paused     Reason = "paused"
)

// Policy is how one of several open offers is chosen.
type Policy string

// The policies: the cheapest, the first by priority, or at random by weight.
const (
	ByPrice    Policy = "price"
	ByPriority Policy = "priority"
	ByWeight   Policy = "weight"
)

// Input is a field that an order of a product has.
type Input struct {
	Name     string `json:"name" doc:"The field of the order." example:"customer_no"`
	Label    string `json:"label" doc:"What to ask a customer for." example:"Nomor tujuan"`
	Required bool   `json:"required"`
	Example  string `json:"example" example:"081234567890"`
}

// Product is one SKU as it stands in a [Snapshot]. It must not be changed.
type Product struct {
	ID          int64
	Mode        string
	SKU         string
	Category    order.Category
	Name        string
	Brand       string
	Group       string // the category inside ppob, for display; Slug(Group) is its key
	Type        string
	Description string
	Inputs      []Input
	// OTP: the service (our code), the country and the number of the "Server".
	Service string
	ISO     string
	Server  int
	// VariantOf is the group of a premium product.
	VariantOf string
	// SMM: Brand is the platform and Group the thing. Cost and prices are for 1000.
	SMM         smm.Service
	Refill      bool
	Cancel      bool
	AverageTime string

	// Available, Reason and Until are as of the snapshot; [Snapshot.Route] decides
	// about an order at its own moment.
	Available bool
	Reason    Reason
	Until     *time.Time
	// Stock is that of all open offers; it means nothing when Unlimited. A premium
	// product's is [Snapshot.Stock].
	Stock       int64
	Unlimited   bool
	SuccessRate int
	// Cost is what the price is made from, in rupiah.
	Cost int64

	fixedPrice int64
	policy     Policy
	closed     bool
	cut        window
	offers     []offer
	prices     []int64 // by index of the snapshot's tiers
	vanished   bool    // no source lists it any more
	next       time.Time
	fold       string // what a search looks through
}

// offer is what one upstream sells, as loaded.
type offer struct {
	id           int64
	upstream     string
	code         string
	extra        json.RawMessage
	cost         int64
	pending      *int64
	available    bool
	reason       Reason
	stock        int64
	unlimited    bool
	successRate  int
	vanished     bool
	closed       bool
	flaggedUntil *time.Time
	priority     int
	weight       int
	cut          window
}

// spend is the most that a purchase through the offer is known to cost, in rupiah.
func (o *offer) spend() int64 {
	if o.pending != nil {
		return max(o.cost, *o.pending)
	}
	return o.cost
}

// doubtful tells whether a jump upwards waits for an operator.
func (o *offer) doubtful() bool { return o.pending != nil && *o.pending > o.cost }

// Upstream is a source and how it is.
type Upstream struct {
	Name         string
	Driver       string
	Mode         string
	Paused       bool
	PausedWhy    string
	BreakerUntil *time.Time
	Balance      *int64 // rupiah; nil while unknown
	BalanceAt    *time.Time
	SeenAt       *time.Time
	CatalogAt    *time.Time
	// Condition is how it did of late.
	Condition Condition

	ailing bool // as of when it was loaded
}

// blocked tells whether the source takes no order of this cost now, and until
// when if that is known. An unknown balance is taken for enough.
func (u *Upstream) blocked(cost int64, now time.Time) (bool, *time.Time) {
	switch {
	case u.Paused:
		return true, nil
	case u.BreakerUntil != nil && u.BreakerUntil.After(now):
		return true, u.BreakerUntil
	case u.Balance != nil && *u.Balance < cost:
		return true, nil
	}
	return false, nil
}
