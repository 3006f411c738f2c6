package intake

import (
	"time"

	"github.com/muarahq/muara/pkg/upstream"
)

// cutOff is the part of each day in which a source does not sell an offer, in minutes of
// the brand's day; nil without one. It is the source's alone: an operator cuts off
// products, and both hold.
type cutOff struct{ from, to *int16 }

func (c cutOff) equal(o cutOff) bool { return sameMinute(c.from, o.from) && sameMinute(c.to, o.to) }

func sameMinute(a, b *int16) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

const (
	dayMinutes = 24 * 60
	wib        = 7 * 60 * 60 // seconds east of Greenwich, all year
)

// cutOf brings a source's window, which is WIB, to the brand's clock as it runs at now.
// A window that is no part of a day is none.
func cutOf(o *upstream.Offer, loc *time.Location, now time.Time) cutOff {
	if o.CutFrom == nil || o.CutTo == nil || *o.CutFrom == *o.CutTo {
		return cutOff{}
	}
	for _, m := range []int{*o.CutFrom, *o.CutTo} {
		if m < 0 || m >= dayMinutes {
			return cutOff{}
		}
	}
	shift := 0
	if loc != nil {
		_, ours := now.In(loc).Zone()
		shift = (ours - wib) / 60
	}
	at := func(m int) *int16 {
		v := int16(((m+shift)%dayMinutes + dayMinutes) % dayMinutes)
		return &v
	}
	return cutOff{at(*o.CutFrom), at(*o.CutTo)}
}
