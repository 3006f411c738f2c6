package e2e

import (
	"flag"
	"strconv"
	"sync"
	"testing"
	"time"
)

// atOnce is how many tests run at once unless -parallel says otherwise: they wait for
// timeouts, budgets and the ends of numbers more than they compute.
const atOnce = 4

// turns lets some tests run at once and begins with those that take longest, so that none
// of them is alone at the end.
type turns struct {
	mu      sync.Mutex
	moved   sync.Cond
	free    int
	waiting map[*testing.T]time.Duration
}

// line is where the tests of a run wait. TestMain says how many may run.
var line = newTurns() //nolint:gochecknoglobals // the testing package has no other place for what tests share

func newTurns() *turns {
	l := &turns{waiting: map[*testing.T]time.Duration{}}
	l.moved.L = &l.mu
	return l
}

// open says how many run at once, and lets the testing package keep none of them back.
func (l *turns) open() error {
	l.free = atOnce
	flag.Visit(func(f *flag.Flag) {
		if n, err := strconv.Atoi(f.Value.String()); err == nil && n > 0 && f.Name == "test.parallel" {
			l.free = n
		}
	})
	return flag.Set("test.parallel", "1000")
}

// sideBySide is t.Parallel for a test that takes so long when nothing disturbs it.
func sideBySide(t *testing.T, takes time.Duration) {
	t.Helper()
	line.mu.Lock()
	line.waiting[t] = takes // before any of them goes on
	line.mu.Unlock()
	t.Parallel()
	line.mu.Lock()
	defer line.mu.Unlock()
	for line.free == 0 || !line.first(takes) {
		line.moved.Wait()
	}
	line.free--
	delete(line.waiting, t)
	line.moved.Broadcast()
	t.Cleanup(func() {
		line.mu.Lock()
		defer line.mu.Unlock()
		line.free++
		line.moved.Broadcast()
	})
}

// first tells whether nobody waits who takes longer.
func (l *turns) first(takes time.Duration) bool {
	for _, other := range l.waiting {
		if other > takes {
			return false
		}
	}
	return true
}
