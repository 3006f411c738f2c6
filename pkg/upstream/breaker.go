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
	breakerProbe = 30 * time.Second
)

// breaker keeps purchases back while an upstream gives no usable answers. It
// looks at every call, so that polls probe what purchases may not.
type breaker struct {
	mu    sync.Mutex
	fails int
	open  time.Time // until when; zero when closed
	probe time.Time // until when the one purchase that decides is waited for
	pause time.Duration
}

// record notes a call's end and gives until when the breaker is open, and whether
// that has just changed.
func (b *breaker) record(ok bool, now time.Time) (until time.Time, changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		changed = !b.open.IsZero()
		b.fails, b.open, b.probe, b.pause = 0, time.Time{}, time.Time{}, 0
		return b.open, changed
	}
	b.fails++
	if b.fails < breakerAfter || now.Before(b.open) {
		return b.open, false
	}
	b.pause = min(max(b.pause*2, breakerFirst), breakerMost)
	b.open, b.probe = now.Add(b.pause), time.Time{}
	return b.open, true
}

// admit tells whether a purchase may go. After the breaker's time one may, and
// decides for the others; should nothing be heard of it, another may.
func (b *breaker) admit(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open.IsZero() {
		return true
	}
	if now.Before(b.open) || now.Before(b.probe) {
		return false
	}
	b.probe = now.Add(breakerProbe)
	return true
}

// closed tells whether purchases go freely.
func (b *breaker) closed(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open.IsZero() || !now.Before(b.open)
}
