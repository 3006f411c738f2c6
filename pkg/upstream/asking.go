package upstream

import "time"

// AskRule says how a purchase may be asked about where not every question is free.
type AskRule struct {
	// Every is the least time between two requests about one purchase, the purchase
	// itself among them.
	Every time.Duration
	// Within is how long after the order was taken its purchase may be asked about;
	// zero: for ever.
	Within time.Duration
	// Buys: the question is the purchase, sent again under the same Ref. It tells how
	// the purchase stands, and buys where the provider does not know it. So it is asked
	// only while its merchant's money is not given back; and where nobody knows whether
	// the provider knows it, it is a sending like the first one.
	Buys bool
	// ByRef: Status needs no UpstreamRef, so that a purchase whose answer was lost is
	// asked about as well. That the provider does not know it is then no proof that
	// nothing was bought.
	ByRef bool
}

// Asking is implemented by a driver whose provider may not be asked about a
// purchase at any time or in any number, or whose question has consequences.
type Asking interface {
	// AskRule gives the rule of a purchase. It must depend on nothing but what the
	// purchase was bought by (its category, code and Extra).
	AskRule(p *Purchase) AskRule
}
