package budget

import (
	"context"
	"fmt"
	"time"
)

// State is what Redis knows of a budget, for operators.
type State struct {
	Known       bool  // false: there is no memory, so all slots will count as used from the first call on
	Limit       Limit // the strictest among running processes
	InUse       int   // may exceed Limit.Requests after a limit got stricter or memory was lost
	Free        int
	NextFree    time.Time     // when the next slot in use comes free at the latest; zero if none is in use
	Waiting     map[Class]int // over all processes, classes without waiters left out
	ClosedUntil time.Time     // zero when the upstream is not paused
	Why         string        // it is paused
}

// State asks Redis; it changes nothing, and no process needs to run.
func (b *Budget) State(ctx context.Context) (State, error) {
	reply, err := b.scripts.state.Run(ctx, b.rdb, b.keys).Slice()
	if err != nil {
		return State{}, fmt.Errorf("budget %s: %w: %w", b.name, ErrUnavailable, err)
	}
	if len(reply) != 9 {
		return State{}, fmt.Errorf("budget %s: script answered %d values", b.name, len(reply))
	}
	number := func(v any) int64 { n, _ := v.(int64); return n }
	now := number(reply[0])
	s := State{
		Known: number(reply[1]) == 1,
		Limit: Limit{Requests: int(number(reply[2])), Per: time.Duration(number(reply[3])) * time.Microsecond},
		InUse: int(number(reply[4])), Waiting: map[Class]int{},
	}
	if !s.Known {
		s.Limit, s.InUse = b.limit, b.limit.Requests
	}
	s.Free = max(0, s.Limit.Requests-s.InUse)
	if next := number(reply[5]); next > 0 {
		s.NextFree = time.UnixMicro(next).UTC()
	}
	if closed := number(reply[6]); closed > now {
		s.ClosedUntil, s.Why, s.Free = time.UnixMicro(closed).UTC(), fmt.Sprint(reply[7]), 0
	}
	counts, _ := reply[8].([]any)
	for i, count := range counts {
		if n := number(count); n > 0 && i < classes {
			s.Waiting[Class(i)] = int(n)
		}
	}
	return s, nil
}

// Close shuts the budget for every process, from now on for the time given: after a 429 or a block page, until what it names
// or a back-off. It never shortens a pause that lasts longer. why is for operators; no secrets.
func (b *Budget) Close(ctx context.Context, until time.Duration, why string) error {
	return b.pause(ctx, until, why, "close")
}

// Reopen ends a pause at once: an operator knows better.
func (b *Budget) Reopen(ctx context.Context) error {
	return b.pause(ctx, 0, "", "reopen")
}

func (b *Budget) pause(ctx context.Context, until time.Duration, why, what string) error {
	reply, err := b.scripts.pause.Run(ctx, b.rdb, b.keys, b.head(max(until, 0).Microseconds(), why, what)...).Int64Slice()
	if err != nil {
		return fmt.Errorf("budget %s: %s: %w: %w", b.name, what, ErrUnavailable, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = reply[0]
	b.observeClosed(reply[0], reply[1])
	b.nudge()
	return nil
}
