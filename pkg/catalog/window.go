package catalog

import "time"

// window is a part of each day, in minutes since midnight, in which nothing is
// sold. From is inside, to is not. It may cross midnight; from = to is the whole day.
type window struct {
	set      bool
	from, to int
}

const day = 24 * 60

// newWindow reads the two columns; a window without them is never closed.
func newWindow(from, to *int16) window {
	if from == nil || to == nil {
		return window{}
	}
	return window{set: true, from: int(*from), to: int(*to)}
}

// closed tells whether t falls into the window, and when that state changes next.
// The moment is found on the clock of loc, so that a change of its offset shifts it too.
func (w window) closed(t time.Time, loc *time.Location) (bool, time.Time) {
	local := t.In(loc)
	minute := local.Hour()*60 + local.Minute()
	length := (w.to - w.from + day) % day
	if length == 0 {
		length = day
	}
	into := (minute - w.from + day) % day
	in := into < length
	left := day - into
	if in {
		left = length - into
	}
	y, m, d := local.Date()
	return in, time.Date(y, m, d, 0, minute+left, 0, 0, loc)
}
