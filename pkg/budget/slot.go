package budget

import (
	"context"
	"sync/atomic"
	"time"
)

// Slot is the right to one call. Release or Unused must follow; only the first counts.
type Slot struct {
	b     *Budget
	token string
	class Class
	until time.Time
	over  atomic.Bool
}

// endTimeout bounds how long Release and Unused hold up their caller.
const endTimeout = 2 * time.Second

// Class is the class the slot was acquired for.
func (s *Slot) Class() Class { return s.class }

// Deadline is when the call must be over, hold after the slot was given. Bound the call by it: a process that was frozen must
// not send late.
func (s *Slot) Deadline() time.Time { return s.until }

// Release says that the response has come, or that the call is known to be over; the slot is free again Per later. If Redis
// does not answer, it is told later: at worst the slot stays used for hold and Per. ctx only lends its values.
func (s *Slot) Release(ctx context.Context) { s.end(ctx, true) }

// Unused gives the slot back at once. Only for a call of which, provably, no byte was sent.
func (s *Slot) Unused(ctx context.Context) { s.end(ctx, false) }

func (s *Slot) end(ctx context.Context, used bool) {
	if !s.over.CompareAndSwap(false, true) {
		return
	}
	b, word := s.b, "used"
	if !used {
		word = "unused"
	}
	b.mu.Lock()
	delete(b.inFlight, s.token)
	crossed := b.asking && !used // that turn may say, after us, that this slot is still in flight
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	told := make(chan struct{})
	go func() { // the client's own timeouts may be longer than ours
		defer cancel()
		defer close(told)
		err := b.scripts.end.Run(ctx, b.rdb, b.keys, b.head(s.token, word)...).Err()
		if err != nil || crossed {
			b.tellLater(s.token, used)
		}
		if err != nil || !used {
			b.nudge()
		}
	}()
	select {
	case <-told:
	case <-ctx.Done():
	}
}

// tellLater leaves the end of a call to the dispatcher's next turn.
func (b *Budget) tellLater(token string, used bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if used {
		b.ends = append(b.ends, token)
	} else {
		b.returns = append(b.returns, token)
	}
}
