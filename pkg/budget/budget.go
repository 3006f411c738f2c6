package budget

import (
	"container/list"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// ErrUnavailable says that Redis did not answer: whether a slot is free is not known, so none was given.
var ErrUnavailable = errors.New("budget: redis unavailable")

// ErrStopped says that this process's part of the budget was stopped.
var ErrStopped = errors.New("budget: stopped")

// Budget is one process's share in the request budget of one upstream. It is safe for concurrent use.
type Budget struct {
	rdb      redis.UniversalClient
	name     string
	keys     []string
	limit    Limit
	hold     time.Duration
	recovery time.Duration
	step     time.Duration
	pace     pace
	log      *slog.Logger
	now      func() time.Time // only ever for lengths of time: all moments are Redis's
	meter    *meter
	scripts  scripts
	process  string

	wake    chan struct{}
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	stopped chan struct{} // closed when the dispatcher has ended

	mu       sync.Mutex
	running  bool
	over     bool
	seq      uint64
	queues   [classes]*list.List // of *waiter, oldest first
	waiters  map[string]*waiter  // by token
	inFlight map[string]*Slot    // by token
	asking   bool                // a turn is on its way to Redis or back
	returns  []string            // tokens of slots that were never used, still to be told
	ends     []string            // tokens of calls that are over, still to be told
	turns    uint64              // turns that Redis answered
	failed   error               // why it did not answer the last one
	epoch    string
	closed   int64 // µs, Redis's clock
}

// pace is how often a budget speaks and how long it is believed.
type pace struct {
	waiting time.Duration // between turns while calls wait
	idle    time.Duration // between turns otherwise
	late    time.Duration // a process that waits may be this late for its turn before it is taken for dead
	rule    time.Duration // so is a configured limit
	linger  time.Duration // a call in flight counts at least this long after a turn
	call    time.Duration // the longest a turn may take
}

func paceOf(per time.Duration) pace {
	waiting := min(max(per/2, 20*time.Millisecond), 400*time.Millisecond)
	return pace{
		waiting: waiting, idle: time.Second,
		late: 300 * time.Millisecond,
		rule: 6 * time.Second, linger: 3 * time.Second, call: 3 * time.Second,
	}
}

// Option changes a Budget in the making.
type Option func(*Budget)

// WithMetrics has the budget tell m.
func WithMetrics(m *Metrics) Option { return func(b *Budget) { b.meter = m.of(b.name) } }

// WithLogger has the budget log to l.
func WithLogger(l *slog.Logger) Option { return func(b *Budget) { b.log = l } }

// Ageing sets how long a class goes unserved until it counts as one class more urgent. By default about fifteen slots' time,
// at least three Per: so all lower classes together take at most some 15 % from an endless row of purchases.
func Ageing(step time.Duration) Option {
	return func(b *Budget) { b.step = max(step, time.Millisecond) }
}

// Recovery sets how long after Redis lost its memory a call that nobody remembers may still arrive; the default, and the
// most, is hold. Less opens sooner after a flush, a restart and at the first start, and gives up the promise for calls in
// flight at that moment whose process died or cannot reach Redis. Fit for emulators.
func Recovery(d time.Duration) Option { return func(b *Budget) { b.recovery = d } }

// New makes this process's share in the budget of the upstream called name. hold is the longest a call may take from
// Acquire to Release: the upstream's deadline and a margin. Nothing runs until [Budget.Announce] or the first Acquire.
func New(rdb redis.UniversalClient, name string, limit Limit, hold time.Duration, opts ...Option) *Budget {
	if hold <= 0 {
		hold = 30 * time.Second
	}
	limit = limit.cautious()
	ctx, cancel := context.WithCancel(context.Background())
	b := &Budget{
		rdb: rdb, name: name, keys: keysOf(name), limit: limit, hold: hold, recovery: hold,
		step: limit.Per * time.Duration(max(3, (15+limit.Requests-1)/limit.Requests)),
		pace: paceOf(limit.Per), log: slog.New(slog.DiscardHandler), now: time.Now, scripts: newScripts(), process: rand.Text()[:12],
		wake: make(chan struct{}, 1), ctx: ctx, cancel: cancel, stopped: make(chan struct{}),
		waiters: map[string]*waiter{}, inFlight: map[string]*Slot{},
	}
	for i := range b.queues {
		b.queues[i] = list.New()
	}
	for _, opt := range opts {
		opt(b)
	}
	if b.meter == nil {
		b.meter = NewMetrics(prometheus.NewRegistry()).of(name)
	}
	b.recovery = min(max(b.recovery, 0), hold)
	return b
}

// Announce has the other processes reckon with this one's limit from now on, and not only from its first call on: while a
// changed limit is rolled out, the stricter counts as soon as the first process has it. It does not wait for Redis.
func (b *Budget) Announce() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.begin()
	}
}

// begin starts the dispatcher, which takes a turn at once. Under mu.
func (b *Budget) begin() {
	if !b.running {
		b.running = true
		go b.run()
	}
}

// waiter is a call of this process that waits for a slot.
type waiter struct {
	token     string
	class     Class
	since     time.Time
	age       int64 // µs, as of the last turn that asked for it
	known     int64 // since when it waits, µs by Redis's clock, as the first turn that asked for it told; else 0
	try       bool
	uncertain bool   // a turn that asked for it was not answered: it may hold a slot without knowing
	turns     uint64 // answered when it came
	place     *list.Element
	result    chan result // holds one
}

type result struct {
	slot *Slot
	err  error
}

// Acquire waits for a slot until ctx ends. The call must begin after it returns and be over by [Slot.Deadline]; then the
// slot goes back by [Slot.Release] or [Slot.Unused]. It fails closed: if ctx ends while Redis does not answer, the error is
// ErrUnavailable as well as the context's.
func (b *Budget) Acquire(ctx context.Context, class Class) (*Slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("budget %s: %w", b.name, err)
	}
	w, err := b.enqueue(class, false)
	if err != nil {
		return nil, err
	}
	return b.await(ctx, w)
}

// TryAcquire takes a slot only if one is free this moment and nobody more urgent, in any process, waits for it.
func (b *Budget) TryAcquire(ctx context.Context, class Class) (*Slot, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, fmt.Errorf("budget %s: %w", b.name, err)
	}
	w, err := b.enqueue(class, true)
	if err != nil {
		return nil, false, err
	}
	slot, err := b.await(ctx, w)
	return slot, slot != nil, err
}

func (b *Budget) await(ctx context.Context, w *waiter) (*Slot, error) {
	select {
	case r := <-w.result:
		return r.slot, r.err
	case <-ctx.Done():
		return nil, b.leave(w, ctx.Err())
	}
}

// enqueue puts a call into its queue, and starts the dispatcher with the first.
func (b *Budget) enqueue(class Class, try bool) (*waiter, error) {
	if !class.valid() {
		return nil, fmt.Errorf("budget %s: no class %d", b.name, int(class))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return nil, fmt.Errorf("budget %s: %w", b.name, ErrStopped)
	}
	b.seq++
	w := &waiter{
		token: b.process + "." + strconv.FormatUint(b.seq, 36), class: class, since: b.now(), try: try, turns: b.turns,
		result: make(chan result, 1),
	}
	w.place = b.queues[class].PushBack(w)
	b.waiters[w.token] = w
	b.meter.waiting[class].Inc()
	b.begin()
	if try || b.queues[class].Len() <= b.shown() {
		b.nudge()
	}
	return w, nil
}

// shown is how many waiters of a class Redis is told of: enough that after a turn that filled every slot it still knows
// whose the next ones are.
func (b *Budget) shown() int { return min(2*b.limit.Requests, 64) }

// leave takes a waiter whose context ended out of its queue, and gives back what it may have been given.
func (b *Budget) leave(w *waiter, cause error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, waits := b.waiters[w.token]; waits {
		b.remove(w)
		if w.uncertain {
			b.returns = append(b.returns, w.token)
		}
		b.nudge()
	} else if r := <-w.result; r.slot != nil {
		if r.slot.over.CompareAndSwap(false, true) {
			delete(b.inFlight, w.token)
			b.returns = append(b.returns, w.token)
		}
		b.nudge()
	}
	if b.failed != nil || b.turns == w.turns {
		return fmt.Errorf("budget %s: %w: %w", b.name, ErrUnavailable, errors.Join(cause, b.failed))
	}
	return fmt.Errorf("budget %s: waited %s for %s: %w", b.name, b.now().Sub(w.since).Round(time.Millisecond), w.class, cause)
}

// remove takes w out of its queue. Under mu.
func (b *Budget) remove(w *waiter) {
	delete(b.waiters, w.token)
	b.queues[w.class].Remove(w.place)
	b.meter.waiting[w.class].Dec()
}

// nudge has the dispatcher take a turn now.
func (b *Budget) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
