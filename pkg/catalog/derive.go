package catalog

import (
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/order"
)

// rules are what the derived parts of a product are made from, besides its row.
type rules struct {
	pricing  *pricing
	rounding Rounding
	loc      *time.Location
	paused   map[string]bool // by upstream
}

// derive gives a copy of p with prices and availability as of now. p is as loaded.
func (r *rules) derive(p *Product, now time.Time) *Product {
	d := *p
	d.Available, d.Reason, d.Until, d.next = false, "", nil, time.Time{}
	d.fold = strings.ToLower(d.SKU + "\n" + d.Name + "\n" + d.Brand + "\n" + d.Group)
	if d.Category == order.Product {
		r.derivePremium(&d)
		return &d
	}
	r.derivePrice(&d, now)
	r.deriveState(&d, now)
	return &d
}

// derivePremium: one price for all; whether there is stock is known elsewhere.
func (r *rules) derivePremium(d *Product) {
	d.prices = make([]int64, len(r.pricing.tiers))
	for i := range d.prices {
		d.prices[i] = d.fixedPrice
	}
	d.Available = !d.closed
	if d.closed {
		d.Reason = Closed
	}
}

// derivePrice finds the cost that the price is made from, and the prices.
func (r *rules) derivePrice(d *Product, now time.Time) {
	d.vanished = true
	var basis *offer
	rank := 0
	for i := range d.offers {
		o := &d.offers[i]
		d.vanished = d.vanished && o.vanished
		mine := r.rank(d.Category, o, now)
		if basis == nil || mine > rank || (mine == rank && d.policy.basedOn(o, basis)) {
			basis, rank = o, mine
		}
	}
	d.Cost = 0
	if basis != nil {
		d.Cost = basis.cost
	}
	d.prices = make([]int64, len(r.pricing.tiers))
	for i, tier := range r.pricing.tiers {
		d.prices[i] = PriceOf(d.Cost, r.pricing.markup(tier, d), r.rounding)
	}
}

// rank orders offers by how likely an order would go to them: a price is made from
// the best of the highest rank.
func (r *rules) rank(c order.Category, o *offer, now time.Time) int {
	open := o.judge(c, now, r.loc, nil).open()
	switch {
	case open && !r.paused[o.upstream] && !o.doubtful():
		return 5
	case open && !r.paused[o.upstream]:
		return 4
	case open:
		return 3
	case !o.vanished && !o.closed:
		return 2
	case !o.vanished:
		return 1
	}
	return 0
}

// before tells whether an order goes to a before b: a jump that waits for an operator
// is what would be paid.
func (p Policy) before(a, b *offer) bool {
	if p == ByPriority && a.priority != b.priority {
		return a.priority < b.priority
	}
	if x, y := a.spend(), b.spend(); x != y {
		return x < y
	}
	return a.id < b.id
}

// basedOn tells whether a price is made from a's cost rather than from b's. The policy
// "weight" counts with the dearest, since chance may choose it.
func (p Policy) basedOn(a, b *offer) bool {
	switch {
	case p == ByPriority && a.priority != b.priority:
		return a.priority < b.priority
	case a.cost != b.cost && p == ByWeight:
		return a.cost > b.cost
	case a.cost != b.cost:
		return a.cost < b.cost
	}
	return a.id < b.id
}

// deriveState sets what lists show: availability, its reason, stock and the moment
// at which time alone changes any of it.
func (r *rules) deriveState(d *Product, now time.Time) {
	worst := verdict{reason: Closed}
	open, paused := 0, 0
	d.Stock, d.Unlimited, d.SuccessRate = 0, false, 0
	for i := range d.offers {
		o := &d.offers[i]
		v := o.judge(d.Category, now, r.loc, &d.next)
		if v.open() && r.tooDear(d, o) {
			v = verdict{reason: Closed}
		}
		if !v.open() {
			worst = better(worst, v)
			continue
		}
		if r.paused[o.upstream] {
			paused++
			continue
		}
		open++
		d.Unlimited = d.Unlimited || o.unlimited
		d.Stock += o.stock
		d.SuccessRate = max(d.SuccessRate, o.successRate)
	}
	if d.Unlimited {
		d.Stock = 0
	}
	v := d.judge(now, r.loc, &d.next)
	switch {
	case !v.open():
	case open > 0:
	case paused > 0:
		v = verdict{reason: Paused}
	default:
		v = worst
	}
	d.Available, d.Reason, d.Until = v.open(), v.reason, v.until
}

// tooDear tells whether an offer's waiting jump is above what the lowest price
// leaves room for: each order through it would lose money.
func (r *rules) tooDear(d *Product, o *offer) bool {
	if !o.doubtful() || len(d.prices) == 0 || d.Type == Postpaid {
		return false
	}
	lowest := d.prices[0]
	for _, price := range d.prices {
		lowest = min(lowest, price)
	}
	return *o.pending > lowest-r.rounding.Floor
}
