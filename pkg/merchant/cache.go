package merchant

import (
	"crypto/sha256"
	"sync"
	"time"
)

// identityCache remembers who keys belong to, and which keys nobody has. Both
// memories are bounded: at the bound, whatever has ended goes, or else anything.
type identityCache struct {
	mu      sync.RWMutex
	known   map[[sha256.Size]byte]cached
	unknown map[[sha256.Size]byte]time.Time
	keep    time.Duration
	// gen counts what was forgotten: an answer that was asked for before a change
	// must not be remembered after it.
	gen uint64
}

type cached struct {
	id    *Identity
	until time.Time
}

func newIdentityCache() *identityCache {
	return &identityCache{known: map[[sha256.Size]byte]cached{}, unknown: map[[sha256.Size]byte]time.Time{}, keep: keepDeaf}
}

// get gives the owner, nil for a key that is known to be nobody's.
func (c *identityCache) get(sum [sha256.Size]byte, now time.Time) (id *Identity, known bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e, ok := c.known[sum]; ok && now.Before(e.until) {
		return e.id, true
	}
	if until, ok := c.unknown[sum]; ok && now.Before(until) {
		return nil, true
	}
	return nil, false
}

func (c *identityCache) generation() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.gen
}

// put remembers an answer, unless something was forgotten since it was asked for.
func (c *identityCache) put(sum [sha256.Size]byte, id *Identity, asked uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != asked {
		return
	}
	if id == nil {
		delete(c.known, sum)
		shrink(c.unknown, func(until time.Time) bool { return now.Before(until) })
		c.unknown[sum] = now.Add(keepUnknown)
		return
	}
	delete(c.unknown, sum)
	shrink(c.known, func(e cached) bool { return now.Before(e.until) })
	c.known[sum] = cached{id: id, until: now.Add(c.keep)}
}

// forget drops one merchant's entries, and every unknown key: one of them may be its new one.
func (c *identityCache) forget(merchantID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	clear(c.unknown)
	for sum, e := range c.known {
		if e.id.MerchantID == merchantID {
			delete(c.known, sum)
		}
	}
}

// reset drops everything, and says how long answers are kept from now on.
func (c *identityCache) reset(keep time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	c.keep = keep
	clear(c.unknown)
	clear(c.known)
}

// shrink makes room for one more when the bound is reached.
func shrink[V any](m map[[sha256.Size]byte]V, live func(V) bool) {
	if len(m) < maxRemembered {
		return
	}
	for sum, v := range m {
		if !live(v) {
			delete(m, sum)
		}
	}
	for sum := range m {
		if len(m) < maxRemembered*9/10 {
			return
		}
		delete(m, sum)
	}
}
