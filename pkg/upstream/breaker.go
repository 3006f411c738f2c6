package upstream

import (
	"sync"
	"time"
)

const (
	// breakerAfter calls in a row without a usable answer open the breaker.
	breakerAfter = 5
	breakerFirst = 5 * time.Second
	breakerMost  = 2 * time.Minute
)

// breaker keeps purchases back while an upstream gives no usable answers. It
// looks at every call, so that polls probe what purchases may not.
type breaker struct {
	mu    sync.Mutex
	fails int
	open  time.Time // until when; zero when closed
	pause time.Duration
}

// record notes a call's end and gives until when the breaker is open, and whether
// that has just changed.
func (b *breaker) record(ok bool, now time.Time) (until time.Time, changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		changed = !b.open.IsZero()
		b.fails, b.open, b.pause = 0, time.Time{}, 0
		return b.open, changed
	}
	b.fails++
	if b.fails < breakerAfter || now.Before(b.open) {
		return b.open, false
	}
	b.pause = min(max(b.pause*2, breakerFirst), breakerMost)
	b.open = now.Add(b.pause)
	return b.open, true
}

// until gives when purchases may go again; the zero time means now. After that
// time one call decides.
func (b *breaker) until(now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.open) {
		return b.open
	}
	return time.Time{}
}
