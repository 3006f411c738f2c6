package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

// door stands before the emulated source and notes when purchases arrive.
type door struct {
	next     http.Handler
	path     string
	watched  atomic.Bool
	arrivals chan time.Time
}

func newDoor(next http.Handler, path string) *door {
	return &door{next: next, path: path, arrivals: make(chan time.Time, 16)}
}

// ServeHTTP notes the arrival and passes it on.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.watched.Load() && r.URL.Path == d.path {
		d.arrivals <- time.Now()
	}
	d.next.ServeHTTP(w, r)
}

// measureDoor sends orders one by one to an idle system and times each from its request to the source's door.
func measureDoor(ctx context.Context, l *lab, r *report) error {
	l.say("(d) %d orders one by one", l.o.doors)
	s, err := l.startAll(ctx)
	if err != nil {
		return errors.Join(err, s.stop())
	}
	// The first call at a source waits until its budget knows that nothing is in flight.
	if _, err := l.wholeWay(ctx, "warmdoor", 1); err != nil {
		return errors.Join(err, s.stop())
	}
	l.door.watched.Store(true)
	defer l.door.watched.Store(false)
	whole, after, err := l.knock(ctx)
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	p50, p99 := quantile(whole, .5), quantile(whole, .99)
	r.figures.DoorP50Ms, r.figures.DoorP99Ms = p50.Seconds()*1000, p99.Seconds()*1000
	r.add("(d) request to the source's door, p50", ms(p50), "≤ 50 ms", p50 <= 50*time.Millisecond)
	r.add("(d) request to the source's door, p99", ms(p99), "≤ 150 ms", p99 <= 150*time.Millisecond)
	r.note("(d) of which after the answer to the merchant: p50 %s, p99 %s", ms(quantile(after, .5)), ms(quantile(after, .99)))
	return nil
}

// knock gives, for each order, the time from its request and from its answer to its arrival.
func (l *lab) knock(ctx context.Context) (whole, after []time.Duration, err error) {
	const patience = 10 * time.Second
	one := l.orders("door", l.merchants[:1])
	for n := range l.o.doors {
		delivered := l.hooks.final.Load()
		sent := time.Now()
		shot := barrage{addr: l.addrs.API, conns: 1, want: http.StatusOK, total: 1, request: func(buf []byte, _ int64) []byte { return one(buf, int64(n)) }}
		v, err := shot.run(ctx)
		if err != nil {
			return nil, nil, err
		}
		// Dialling is the load's, not the order's.
		sent, answered := sent.Add(v.took-v.waits[0]), sent.Add(v.took)
		wait, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("order %d did not come", n))
		select {
		case at := <-l.door.arrivals:
			whole, after = append(whole, at.Sub(sent)), append(after, at.Sub(answered))
		case <-wait.Done():
			cancel()
			return nil, nil, context.Cause(wait)
		}
		err = until(wait, 2*time.Millisecond, func() (bool, error) { return l.hooks.final.Load() > delivered, nil })
		cancel()
		if err != nil {
			return nil, nil, err
		}
		// Idle again, and out of step with whoever looks at intervals.
		pause(ctx, 20*time.Millisecond+rand.N(130*time.Millisecond))
	}
	return whole, after, nil
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
