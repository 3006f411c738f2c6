package api

import (
	"context"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/muarahq/muara/pkg/fault"
)

const (
	// visitLimit is how many pages that are made on demand an address may ask a process for in visitWindow.
	visitLimit  = 120
	visitWindow = time.Minute
	// maxVisitors bounds the addresses that are counted apart. All beyond share strangersLimit.
	maxVisitors    = 20_000
	strangersLimit = 20 * visitLimit
	// makersOf is the part of the processors that make such pages, at least one, and makeWait how long
	// a visitor waits for a turn: merchants' orders need the processors more.
	makersOf = 4
	makeWait = 3 * time.Second
)

// visitors bounds what people without a key can make this process do. It counts in
// memory, each process for itself: it protects the process, no contract.
type visitors struct {
	turns chan struct{}

	mu    sync.Mutex
	since time.Time
	seen  map[netip.Addr]int
}

func newVisitors() *visitors {
	return &visitors{turns: make(chan struct{}, max(runtime.GOMAXPROCS(0)/makersOf, 1)), seen: map[netip.Addr]int{}}
}

// admit counts a visit. An IPv6 network of 64 bits is one visitor.
func (v *visitors) admit(addr netip.Addr, now time.Time) error {
	if addr.Is6() && !addr.Is4In6() {
		if network, err := addr.Prefix(64); err == nil {
			addr = network.Addr()
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Sub(v.since) >= visitWindow || now.Before(v.since) {
		v.since = now
		clear(v.seen)
	}
	limit := visitLimit
	if _, known := v.seen[addr]; !known && len(v.seen) >= maxVisitors {
		addr, limit = netip.Addr{}, strangersLimit
	}
	if v.seen[addr] >= limit {
		return fault.New(fault.RateLimited, "too many requests").After(max(visitWindow-now.Sub(v.since), time.Second))
	}
	v.seen[addr]++
	return nil
}

// turn waits for a turn to make a page; done gives it back.
func (v *visitors) turn(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, makeWait)
	defer cancel()
	select {
	case v.turns <- struct{}{}:
		return func() { <-v.turns }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Upstream, "too many are looking at this now; ask again in a moment").After(makeWait)
	}
}
