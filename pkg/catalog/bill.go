package catalog

// RouteBill tells whether a bill that was inquired through an offer can be paid through it
// now, at a cost in rupiah; the error is that of [Snapshot.Route].
func (s *Snapshot) RouteBill(p *Product, offerID, cost int64) error {
	one := *p
	one.offers = nil
	for i := range p.offers {
		if p.offers[i].id == offerID {
			o := p.offers[i]
			o.cost, o.pending = cost, nil // what an inquiry found is no guess
			one.offers = append(one.offers, o)
		}
	}
	c := choice{rules: s.rules, health: *s.live.health.Load(), now: s.live.now(), random: s.live.random}
	_, err := c.route(&one)
	return err
}

// Floor is what every price leaves us at least, in rupiah.
func (s *Snapshot) Floor() int64 { return s.rules.rounding.Floor }
