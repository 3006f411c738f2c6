package upstream

import (
	"sync"
	"time"
)

// pauses is the back-off of a provider that shows block pages without saying for how
// long. What was on its way when a pause began met the same block: it makes that
// pause no longer, and its luck does not end the back-off.
type pauses struct {
	mu  sync.Mutex
	row int
	at  time.Time // when the last of the row began
}

// blocked gives how long to pause after a call, begun at that time, met a block.
func (p *pauses) blocked(begun, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.row == 0 || begun.After(p.at) {
		p.row, p.at = p.row+1, now
	}
	const most = 8 // doublings; more than enough for the limit
	return min(pauseFirst<<min(p.row-1, most), pauseMost)
}

// passed ends the row.
func (p *pauses) passed(begun time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if begun.After(p.at) {
		p.row = 0
	}
}
