package budget

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// run takes turns until Stop.
func (b *Budget) run() {
	defer close(b.stopped)
	timer := time.NewTimer(0)
	defer timer.Stop()
	failures := 0
	for {
		wake := b.wake
		if failures > 0 {
			wake = nil // no hurry can bring Redis back
		}
		select {
		case <-b.ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		}
		next, err := b.turn(b.ctx)
		if err != nil {
			failures++
			next = min(25*time.Millisecond<<min(failures, 6), time.Second)
		} else {
			failures = 0
		}
		timer.Reset(next)
	}
}

// turn tells Redis what this process waits for and has in flight, hands out the slots it is given, and says when the next
// turn is due.
func (b *Budget) turn(ctx context.Context) (time.Duration, error) {
	ask := b.prepare()
	ctx, cancel := context.WithTimeout(ctx, b.pace.call)
	defer cancel()
	sent := b.now()
	reply, err := b.scripts.turn.Run(ctx, b.rdb, b.keys, b.head(ask.args...)...).Slice()
	var a answer
	if err == nil {
		a, err = parseAnswer(reply)
	}
	if err != nil {
		b.unanswered(ask, err)
		return 0, err
	}
	return b.answered(ask, a, sent), nil
}

// request is one turn's question.
type request struct {
	args    []any
	asked   []*waiter
	tries   []*waiter // all that were waiting, asked for or not
	returns int       // how many of b.returns are told
	ends    int       // how many of b.ends
}

func (b *Budget) prepare() request {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.asking = true
	var r request
	var first, counts, flying strings.Builder
	for class, queue := range b.queues {
		waiting, shown := 0, 0
		for e := queue.Front(); e != nil; e = e.Next() {
			w, _ := e.Value.(*waiter)
			try := byte('0')
			if w.try {
				try = '1'
				r.tries = append(r.tries, w)
			} else {
				waiting++
			}
			if shown >= b.shown() {
				continue
			}
			shown++
			r.asked = append(r.asked, w)
			w.age = now.Sub(w.since).Microseconds()
			fmt.Fprintf(&first, "%d:%s:%d:%d:%c;", class, w.token, w.known, w.age, try)
		}
		if class > 0 {
			counts.WriteByte(',')
		}
		counts.WriteString(strconv.Itoa(waiting))
	}
	for token, slot := range b.inFlight {
		left := max(slot.until.Sub(now), b.pace.linger)
		flying.WriteString(token + ":" + strconv.FormatInt(left.Microseconds(), 10) + ";")
	}
	r.returns, r.ends = len(b.returns), len(b.ends)
	r.args = []any{
		b.process, b.pace.late.Microseconds(), b.step.Microseconds(), b.epoch, b.closed, counts.String(), first.String(),
		flying.String(), strings.Join(b.returns, ";"), strings.Join(b.ends, ";"),
		b.pace.waiting.Microseconds(),
	}
	return r
}

// unanswered keeps everything for the next turn. The script may have run all the same.
func (b *Budget) unanswered(ask request, err error) {
	b.meter.failures.Inc()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asking = false
	if b.failed == nil && !errors.Is(err, context.Canceled) {
		b.log.Warn("budget: redis does not answer, calls wait", "upstream", b.name, "error", err)
	}
	b.failed = err
	for _, w := range ask.asked {
		w.uncertain = true
		if _, waits := b.waiters[w.token]; !waits {
			b.returns = append(b.returns, w.token)
		}
	}
	for _, w := range ask.tries {
		if _, waits := b.waiters[w.token]; waits {
			b.remove(w)
			b.returns = append(b.returns, w.token)
			w.result <- result{err: fmt.Errorf("budget %s: %w: %w", b.name, ErrUnavailable, err)}
		}
	}
}

// answered hands out what was given and says when the next turn is due.
func (b *Budget) answered(ask request, a answer, sent time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asking = false
	if b.failed != nil {
		b.log.Info("budget: redis answers again", "upstream", b.name)
	}
	if b.epoch != "" && b.epoch != a.epoch {
		b.meter.lost.Inc()
		b.log.Warn("budget: redis lost the slots, all count as used", "upstream", b.name, "opens_in", (b.recovery + b.limit.Per).String())
	}
	b.turns++
	b.failed, b.epoch = nil, a.epoch
	b.returns = b.returns[ask.returns:]
	b.ends = b.ends[ask.ends:]
	b.observe(a)
	for _, w := range ask.asked {
		if w.known == 0 {
			w.known = a.now - w.age
		}
	}
	for _, token := range a.tokens {
		b.give(token, sent)
	}
	for _, w := range ask.tries {
		if _, waits := b.waiters[w.token]; waits {
			b.remove(w)
			w.result <- result{}
		}
	}
	switch {
	case len(b.returns) > 0:
		return 0
	case len(b.waiters) == 0:
		return b.pace.idle
	case a.again < 0:
		return 0 // those who wait have come, or come up, since
	default:
		return min(max(a.again, 200*time.Microsecond), b.pace.waiting)
	}
}

// give hands a slot to its waiter, or back if it has left. Under mu.
func (b *Budget) give(token string, sent time.Time) {
	w, waits := b.waiters[token]
	if !waits {
		b.returns = append(b.returns, token)
		return
	}
	b.remove(w)
	slot := &Slot{b: b, token: token, class: w.class, until: sent.Add(b.hold)}
	b.inFlight[token] = slot
	b.meter.acquired[w.class].Inc()
	b.meter.wait[w.class].Observe(b.now().Sub(w.since).Seconds())
	w.result <- result{slot: slot}
}

// observe sets the gauges. Under mu.
func (b *Budget) observe(a answer) {
	b.closed = a.closed
	b.meter.inUse.Set(float64(a.inUse))
	b.meter.slots.Set(float64(a.slots))
	b.observeClosed(a.closed, a.now)
}

func (b *Budget) observeClosed(closed, now int64) {
	if closed <= now {
		closed = 0
	}
	b.meter.closed.Set(float64(closed) / 1e6)
}

// Stop ends this process's part: waiting calls fail with ErrStopped, what is still to be told is told, and other processes
// no longer reckon with it. Slots that are out can still be released. ctx bounds it.
func (b *Budget) Stop(ctx context.Context) error {
	b.mu.Lock()
	first, running := !b.over, b.running
	b.over = true
	for _, w := range b.waiters {
		b.remove(w)
		if w.uncertain {
			b.returns = append(b.returns, w.token)
		}
		w.result <- result{err: fmt.Errorf("budget %s: %w", b.name, ErrStopped)}
	}
	b.mu.Unlock()
	b.cancel()
	if !first || !running {
		return nil
	}
	select {
	case <-b.stopped:
	case <-ctx.Done():
		return fmt.Errorf("budget %s: stop: %w", b.name, ctx.Err())
	}
	for {
		if _, err := b.turn(ctx); err != nil {
			return fmt.Errorf("budget %s: stop: %w", b.name, err)
		}
		b.mu.Lock()
		told := len(b.returns)+len(b.ends) == 0
		b.mu.Unlock()
		if told {
			return nil
		}
	}
}
