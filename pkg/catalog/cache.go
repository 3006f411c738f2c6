package catalog

import (
	"container/list"
	"sync"
)

// slotBytes is what a slot takes besides its body, roughly.
const slotBytes = 512

// cache keeps encoded lists, the most recently used ones, up to a number of bytes.
type cache struct {
	mu    sync.Mutex
	limit int64
	size  int64
	byKey map[string]*list.Element
	order *list.List // of *slot, most recently used first
}

// slot is one list's place. Its body is made once, by whoever comes first.
type slot struct {
	key  string
	once sync.Once
	body *Body
	size int64
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, byKey: map[string]*list.Element{}, order: list.New()}
}

// get gives the body under a key, making it when it is not there. Concurrent
// callers of one key wait for one making.
func (c *cache) get(key string, build func() *Body) *Body {
	c.mu.Lock()
	at, ok := c.byKey[key]
	if ok {
		c.order.MoveToFront(at)
	} else {
		at = c.order.PushFront(&slot{key: key})
		c.byKey[key] = at
	}
	c.mu.Unlock()
	s := at.Value.(*slot)
	s.once.Do(func() {
		s.body = build()
		s.body.grew = func(n int) { c.grow(s, int64(n)) }
		c.grow(s, int64(len(s.body.plain)+len(key)+slotBytes))
	})
	return s.body
}

// grow accounts for what a body holds and lets go of what was used least recently.
// The newest body stays, however big it is.
func (c *cache) grow(s *slot, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.byKey[s.key]; at == nil || at.Value != s {
		return // let go meanwhile; whoever serves it holds it
	}
	s.size += n
	c.size += n
	for c.size > c.limit && c.order.Len() > 1 {
		last := c.order.Back()
		old := last.Value.(*slot)
		c.order.Remove(last)
		delete(c.byKey, old.key)
		c.size -= old.size
	}
}

// bytes is how much is kept.
func (c *cache) bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}
