package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// system is every role, running.
type system []*process

func (s system) stop() error {
	var errs []error
	for _, p := range s {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}

// startAll starts one of each role, and lets the merchants' endpoints be this process's receiver.
func (l *lab) startAll(ctx context.Context) (system, error) {
	if _, err := l.db.Pool.Exec(ctx, `UPDATE webhook_endpoints SET url = $1`, l.hooks.url()); err != nil {
		return nil, err
	}
	if err := l.quiet(ctx); err != nil {
		return nil, err
	}
	var s system
	for _, r := range []struct {
		name, metrics string
		args          []string
	}{
		{"worker", l.addrs.WorkerMetrics, []string{"worker", "--upstream", source}},
		{"webhooks", l.addrs.WebhookMetrics, []string{"worker", "--webhooks"}},
		{"scheduler", l.addrs.SchedulerMetrics, []string{"scheduler"}},
	} {
		p, err := l.role(ctx, r.name, r.metrics, nil, r.args...)
		if err != nil {
			return s, err
		}
		s = append(s, p)
	}
	api, err := l.api(ctx)
	if api != nil {
		s = append(s, api)
	}
	return s, err
}

// measurePipeline sends orders the whole way, and compares with tasks that do nothing.
func measurePipeline(ctx context.Context, l *lab, r *report) error {
	bare, bareUse, err := l.bareTasks(ctx)
	if err != nil {
		return fmt.Errorf("bare tasks: %w", err)
	}
	s, err := l.startAll(ctx)
	if err != nil {
		return errors.Join(err, s.stop())
	}
	total := int64(l.o.pipeline)
	l.say("(c) %d orders the whole way", total)
	// The first call at a source waits until its budget knows that nothing was in flight.
	if _, err := l.wholeWay(ctx, "warm", int64(l.o.conns)); err != nil {
		return errors.Join(err, s.stop())
	}
	watch := l.meter.watch(s...)
	hooks := l.hooks.all.Load()
	t, err := l.wholeWay(ctx, "pipe", total)
	watch.stop()
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	if err := l.settled(ctx, total+int64(l.o.conns)); err != nil {
		return err
	}
	final, err := l.finalAfter(ctx, t.begun)
	if err != nil {
		return err
	}
	rate := float64(total) / t.all.Seconds()
	r.figures.PipelinePerS, r.figures.PipelineAsynqRatio = rate, rate/bare
	r.tell("(c) accept → source → final → webhook", perSecond(rate))
	r.tell("(c) a bare task through the same Redis", perSecond(bare))
	r.tell("(c) ratio", fmt.Sprintf("%.3f", rate/bare))
	r.note("(c) all accepted after %.1f s, all final after %.1f s, all delivered after %.1f s, %.1f webhooks an order; %s",
		t.accepted.Seconds(), final.Seconds(), t.all.Seconds(), float64(l.hooks.all.Load()-hooks)/float64(total), watch.each(rate))
	r.note("(c) bare tasks: %s", bareUse)
	return nil
}

// times are how long a number of orders took until the last was accepted, and until the last success was delivered.
type times struct {
	begun         time.Time
	accepted, all time.Duration
}

func (l *lab) wholeWay(ctx context.Context, tag string, total int64) (times, error) {
	begun, before := time.Now(), l.hooks.final.Load()
	v, err := barrage{addr: l.addrs.API, conns: l.o.conns, want: http.StatusOK, total: total, request: l.orders(tag, l.merchants)}.run(ctx)
	if err != nil {
		return times{}, err
	}
	wait, cancel := context.WithTimeoutCause(ctx, time.Minute+time.Duration(total)*5*time.Millisecond, errors.New("not all orders arrived"))
	defer cancel()
	err = until(wait, 2*time.Millisecond, func() (bool, error) { return l.hooks.final.Load()-before >= total, nil })
	if err != nil {
		return times{}, fmt.Errorf("%w: %d of %d", err, l.hooks.final.Load()-before, total)
	}
	return times{begun, v.took, time.Since(begun)}, nil
}

// finalAfter is how long it took until the last order was final.
func (l *lab) finalAfter(ctx context.Context, begun time.Time) (time.Duration, error) {
	var last time.Time
	err := l.db.Pool.QueryRow(ctx, `SELECT max(completed_at) FROM orders`).Scan(&last)
	return last.Sub(begun), err
}

// settled proves that what was timed was done: every order succeeded, and every event was delivered.
func (l *lab) settled(ctx context.Context, want int64) error {
	var completed, others, open int64
	err := l.db.Pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state <> 'completed'),
		(SELECT count(*) FROM webhook_events WHERE status <> 'delivered') FROM orders`).Scan(&completed, &others, &open)
	if err != nil {
		return err
	}
	if completed < want || others != 0 || open != 0 {
		return fmt.Errorf("%d orders completed of %d, %d not; %d events not delivered", completed, want, others, open)
	}
	return nil
}
