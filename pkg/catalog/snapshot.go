package catalog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/smm"
)

// shelf is one category in one mode.
type shelf struct {
	mode     string
	category order.Category
}

// segment is a shelf's products as of an edition: it is made anew when anything
// on it changed, and taken over as it is when nothing did.
type segment struct {
	edition   uint64
	products  []*Product            // as lists show them
	byService map[string][]*Product // otp: those that a source lists now, by country and server
}

// Snapshot is the catalogue at one version. It never changes, apart from what has
// no version: the health of sources and the stock of premium products.
type Snapshot struct {
	Version   int64
	rules     *rules
	bySKU     map[string]*Product
	segments  map[shelf]*segment
	services  []service
	countries map[string]country
	live      *live

	serviceEdition uint64
}

// Product finds a product of any mode by its SKU.
func (s *Snapshot) Product(sku string) (*Product, bool) {
	p, ok := s.bySKU[sku]
	return p, ok
}

// ProductFor finds a product of a mode by its SKU: test keys see no live products,
// and live keys no test ones.
func (s *Snapshot) ProductFor(mode, sku string) (*Product, bool) {
	p, ok := s.bySKU[sku]
	if !ok || p.Mode != mode {
		return nil, false
	}
	return p, true
}

// All gives the products of a mode as lists show them: by category, group, brand and
// cost. It is for operators.
func (s *Snapshot) All(mode string) []*Product {
	var all []*Product
	for _, category := range []order.Category{order.PPOB, order.SMM, order.OTP, order.Product} {
		all = append(all, s.segment(mode, category).products...)
	}
	return all
}

// Tiers are the tiers that have prices, lowest first.
func (s *Snapshot) Tiers() []int { return slices.Clone(s.rules.pricing.tiers) }

// Policy is how one of the product's offers is chosen.
func (p *Product) Policy() Policy { return p.policy }

// OfferState is an offer as operators see it. Money is whole rupiah.
type OfferState struct {
	ID       int64      `json:"offer_id"`
	Upstream string     `json:"upstream"`
	Code     string     `json:"code"`
	Cost     int64      `json:"cost"`
	Pending  *int64     `json:"pending_cost"`
	Open     bool       `json:"open"`
	Reason   Reason     `json:"reason"` // empty while open
	Until    *time.Time `json:"until"`
	Stock    *int64     `json:"stock"` // null for unlimited
	Priority int        `json:"priority"`
	Weight   int        `json:"weight"`
}

// OfferStates tells how the offers of a product are at this moment, as far as the
// offers themselves go.
func (s *Snapshot) OfferStates(p *Product) []OfferState {
	states := make([]OfferState, 0, len(p.offers))
	for i := range p.offers {
		o := &p.offers[i]
		v := o.judge(p.Category, s.live.now(), s.rules.loc, nil)
		if v.open() && s.rules.tooDear(p, o) {
			v = verdict{reason: Closed}
		}
		row := OfferState{ID: o.id, Upstream: o.upstream, Code: o.code, Cost: o.cost, Pending: o.pending, Priority: o.priority, Weight: o.weight, Open: v.open(), Reason: v.reason, Until: v.until}
		if !o.unlimited {
			row.Stock = &o.stock
		}
		states = append(states, row)
	}
	return states
}

// Price is what a tier pays, in rupiah; for smm per 1000, for postpaid our fee. A
// tier that does not exist pays what the next lower one does.
func (s *Snapshot) Price(p *Product, tier int) int64 {
	if len(p.prices) == 0 {
		return PriceOf(p.Cost, Markup{}, s.rules.rounding)
	}
	return p.prices[tierIndex(s.rules.pricing.tiers, tier)]
}

// MaxCost is the most that an order at a price may cost us, in rupiah: the price
// less the floor. Zero, which is no bound, for what has no price of its own: a bill.
func (s *Snapshot) MaxCost(p *Product, price int64) int64 {
	if p.Type == Postpaid || p.Category == order.Product {
		return 0
	}
	return max(price-s.rules.rounding.Floor, 1)
}

// MaxCostUnits is MaxCost of an order that takes so many thousandths of a rate: the
// floor is for 1000, as the rate is.
func (s *Snapshot) MaxCostUnits(rate, units int64) int64 {
	most, ok := smm.Price(max(rate-s.rules.rounding.Floor, 1), units)
	if !ok {
		return 0
	}
	return max(most, 1)
}

// CategoryMarkup is a tier's markup for a whole category, as a merchant's profile
// shows it.
func (s *Snapshot) CategoryMarkup(tier int, category order.Category) Markup {
	return s.rules.pricing.categoryMarkup(tier, string(category))
}

// Stock is how many items of a premium product are left, as of the last second.
func (s *Snapshot) Stock(p *Product) int64 {
	return s.live.stock.Load().items[p.ID]
}

// Rents gives what an otp product rents a number for, in our words: the names of
// its service and country. Both are empty for other products.
func (s *Snapshot) Rents(p *Product) (service, country string) {
	if p.Category != order.OTP {
		return "", ""
	}
	service, _ = s.Service(p.Mode, p.Service)
	return service, s.countries[p.ISO].name
}

// Service finds an otp service of a mode by its code and gives its name.
func (s *Snapshot) Service(mode, code string) (name string, ok bool) {
	for _, sv := range s.services {
		if sv.mode == mode && sv.code == code {
			return sv.name, true
		}
	}
	return "", false
}

// Availability tells whether a product can be ordered at this moment, and if not
// why and until when. Unlike the product's own fields it knows of breakers and
// floats: they show as trouble.
func (s *Snapshot) Availability(p *Product) (bool, Reason, *time.Time) {
	now := s.live.now()
	if p.Category == order.Product {
		switch v := p.judge(now, s.rules.loc, nil); {
		case !v.open():
			return false, v.reason, v.until
		case s.Stock(p) <= 0:
			return false, OutOfStock, nil
		}
		return true, "", nil
	}
	d := p
	if !p.next.IsZero() && !now.Before(p.next) {
		d = s.rules.derive(p, now)
	}
	if !d.Available {
		return false, d.Reason, d.Until
	}
	c := choice{rules: s.rules, health: *s.live.health.Load(), now: now}
	if d.Category == order.SMM { // as much as the smallest order takes
		c.units = smm.Units(d.SMM.Kind, max(d.SMM.Min, 1), nil)
	}
	if f := c.search(d); len(f.open)+len(f.ailing) == 0 {
		return false, Trouble, f.until
	}
	return true, "", nil
}

// Route chooses the offer that an order goes to: an open one of a healthy source
// that costs at most maxCost rupiah (zero: no bound) and is not excluded. The error
// is a *fault.Error of kind Unavailable, with reason and until, or Upstream when
// every open offer's source is paused, behind an open breaker or without float.
func (s *Snapshot) Route(p *Product, maxCost int64, exclude ...int64) (order.Route, error) {
	return s.RouteUnits(p, 0, maxCost, exclude...)
}

// RouteUnits is Route for a product whose costs are for 1000, of which the order
// takes so many thousandths. The route's cost and maxCost are the whole order's.
func (s *Snapshot) RouteUnits(p *Product, units, maxCost int64, exclude ...int64) (order.Route, error) {
	c := choice{
		rules: s.rules, health: *s.live.health.Load(), now: s.live.now(), random: s.live.random,
		maxCost: maxCost, exclude: exclude, units: units,
	}
	return c.route(p)
}

// build makes the next snapshot from derived products. Shelves that are not in
// dirty are taken over from before.
func build(before *Snapshot, all map[int64]*Product, dirty map[shelf]bool, edition uint64) *Snapshot {
	s := &Snapshot{bySKU: make(map[string]*Product, len(all)), segments: map[shelf]*segment{}}
	fresh := map[shelf]*segment{}
	for _, p := range all {
		s.bySKU[p.SKU] = p
		at := shelf{p.Mode, p.Category}
		if before != nil && !dirty[at] && before.segments[at] != nil {
			s.segments[at] = before.segments[at]
			continue
		}
		seg := fresh[at]
		if seg == nil {
			seg = &segment{edition: edition}
			fresh[at], s.segments[at] = seg, seg
		}
		seg.products = append(seg.products, p)
	}
	for at, seg := range fresh {
		slices.SortFunc(seg.products, inList)
		if at.category == order.OTP {
			seg.byService = map[string][]*Product{}
			for _, p := range seg.products {
				if !p.vanished {
					seg.byService[p.Service] = append(seg.byService[p.Service], p)
				}
			}
		}
	}
	return s
}

// inList orders products as lists show them.
func inList(a, b *Product) int {
	switch a.Category {
	case order.OTP:
		return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.ISO, b.ISO), cmp.Compare(a.Server, b.Server))
	case order.Product:
		return cmp.Or(strings.Compare(a.VariantOf, b.VariantOf), cmp.Compare(a.fixedPrice, b.fixedPrice), strings.Compare(a.SKU, b.SKU))
	case order.PPOB, order.SMM:
	}
	return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Brand, b.Brand), cmp.Compare(a.Cost, b.Cost), strings.Compare(a.SKU, b.SKU))
}
