package catalog

import (
	"time"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/smm"
)

// blockedRetry is when to ask again while every source is blocked and nobody
// knows for how long.
const blockedRetry = 30 * time.Second

// choice is one search for an offer.
type choice struct {
	rules   *rules
	health  map[string]Upstream
	now     time.Time
	random  func(n int64) int64
	maxCost int64 // rupiah; zero is no bound
	exclude []int64
	// units is how many thousandths of an offer's cost the order takes, where costs are
	// for 1000; zero where they are for one.
	units int64
}

// cost is what an order comes to at an offer, in rupiah.
func (c *choice) cost(o *offer) int64 {
	if c.units == 0 {
		return o.spend()
	}
	cost, ok := smm.Price(o.spend(), c.units)
	if !ok {
		return MaxCost
	}
	return cost
}

// found is how far a search came.
type found struct {
	open    []*offer
	ailing  []*offer // open, at sources that do badly: for want of better
	blocked bool
	until   *time.Time // when the first block ends
	worst   verdict
}

// route chooses an offer of d. The error is a [fault.Error]: Unavailable (with
// reason and until) or Upstream (every open offer is blocked; with RetryAfter).
func (c *choice) route(d *Product) (order.Route, error) {
	if v := d.judge(c.now, c.rules.loc, nil); !v.open() {
		return order.Route{}, unavailable(v)
	}
	f := c.search(d)
	if len(f.open) == 0 {
		f.open = f.ailing
	}
	if len(f.open) > 0 {
		o := c.pick(d.policy, f.open)
		return order.Route{Upstream: o.upstream, OfferID: o.id, Code: o.code, Extra: o.extra, Cost: c.cost(o)}, nil
	}
	if f.blocked {
		return order.Route{}, blocked(f.until, c.now)
	}
	return order.Route{}, unavailable(f.worst)
}

func (c *choice) search(d *Product) found {
	f := found{worst: verdict{reason: Closed}}
	for i := range d.offers {
		o := &d.offers[i]
		if contains(c.exclude, o.id) {
			continue
		}
		v := o.judge(d.Category, c.now, c.rules.loc, nil)
		if !v.open() {
			f.worst = better(f.worst, v)
			continue
		}
		if (c.maxCost > 0 && c.cost(o) > c.maxCost) || c.rules.tooDear(d, o) {
			continue
		}
		source, known := c.health[o.upstream]
		if !known {
			f.blocked = true
			continue
		}
		if is, until := source.blocked(c.cost(o), c.now); is {
			f.blocked = true
			if until != nil && (f.until == nil || until.Before(*f.until)) {
				f.until = until
			}
			continue
		}
		if source.ailing {
			f.ailing = append(f.ailing, o)
			continue
		}
		f.open = append(f.open, o)
	}
	return f
}

// pick chooses among open offers, of which there is at least one.
func (c *choice) pick(policy Policy, open []*offer) *offer {
	if policy == ByWeight && c.random != nil {
		total := int64(0)
		for _, o := range open {
			total += int64(o.weight)
		}
		at := c.random(total)
		for _, o := range open {
			if at -= int64(o.weight); at < 0 {
				return o
			}
		}
	}
	best := open[0]
	for _, o := range open[1:] {
		if policy.before(o, best) {
			best = o
		}
	}
	return best
}

func contains(ids []int64, id int64) bool {
	for _, x := range ids {
		if x == id {
			return true
		}
	}
	return false
}

// unavailable refuses for a reason that lies with the product.
func unavailable(v verdict) error {
	e := fault.New(fault.Unavailable, "the product is not available now")
	e.Details = []fault.Detail{{Field: "sku", Message: message(v.reason), Reason: string(v.reason), Until: v.until}}
	return e
}

// blocked refuses since every source that could deliver takes no orders now.
func blocked(until *time.Time, now time.Time) error {
	after := blockedRetry
	if until != nil {
		after = max(until.Sub(now), time.Second)
	}
	return fault.Disturbed("the product's source is disturbed, try again later").After(after)
}

// message explains a reason in words of ours.
func message(r Reason) string {
	switch r {
	case OutOfStock:
		return "out of stock"
	case Trouble:
		return "temporarily disturbed"
	case CutOff:
		return "not sold at this time of day"
	case Paused:
		return "temporarily paused"
	case Closed:
	}
	return "not sold at present"
}
