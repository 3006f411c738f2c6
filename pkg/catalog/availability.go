package catalog

import (
	"time"

	"github.com/muarahq/muara/pkg/order"
)

// verdict is whether something can be ordered, and if not why and until when (nil
// while nobody knows).
type verdict struct {
	reason Reason // empty: open
	until  *time.Time
}

func (v verdict) open() bool { return v.reason == "" }

// earliest keeps in *next the earlier of it and t; a zero time is never.
func earliest(next *time.Time, t time.Time) {
	if next.IsZero() || t.Before(*next) {
		*next = t
	}
}

// judge tells whether an offer can be ordered at now, as far as the offer itself
// goes. next, if not nil, gets the moment at which time alone changes that.
func (o *offer) judge(c order.Category, now time.Time, loc *time.Location, next *time.Time) verdict {
	var v verdict
	if o.cut.set {
		in, change := o.cut.closed(now, loc)
		if next != nil {
			earliest(next, change)
		}
		if in {
			v = verdict{CutOff, &change}
		}
	}
	if o.flaggedUntil != nil && o.flaggedUntil.After(now) {
		if next != nil {
			earliest(next, *o.flaggedUntil)
		}
		v = verdict{Trouble, o.flaggedUntil}
	}
	switch {
	case o.vanished || o.closed:
		return verdict{reason: Closed}
	case !o.available && o.reason == "":
		return verdict{reason: Closed}
	case !o.available:
		return verdict{reason: o.reason}
	case c == order.OTP && !o.unlimited && o.stock <= 0:
		return verdict{reason: OutOfStock}
	}
	return v
}

// judge tells whether the product as a whole is closed, whatever its offers say.
func (p *Product) judge(now time.Time, loc *time.Location, next *time.Time) verdict {
	if p.closed {
		return verdict{reason: Closed}
	}
	if p.cut.set {
		in, change := p.cut.closed(now, loc)
		if next != nil {
			earliest(next, change)
		}
		if in {
			return verdict{CutOff, &change}
		}
	}
	return verdict{}
}

// hope orders reasons by how soon they tend to end: of several offers' reasons
// the merchant is told the most hopeful.
func hope(r Reason) int {
	switch r {
	case CutOff:
		return 4
	case Trouble:
		return 3
	case Paused:
		return 2
	case OutOfStock:
		return 1
	case Closed:
	}
	return 0
}

// better is the more hopeful of two verdicts that are not open; of two alike, the
// one that ends first.
func better(a, b verdict) verdict {
	switch {
	case hope(b.reason) > hope(a.reason):
		return b
	case hope(b.reason) < hope(a.reason):
		return a
	case a.until == nil || (b.until != nil && b.until.Before(*a.until)):
		return b
	}
	return a
}
