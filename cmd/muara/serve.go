package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/logging"
	"github.com/muarahq/muara/pkg/metrics"
	"github.com/muarahq/muara/pkg/trace"
)

// served is a role that runs until it is told to stop.
type served struct {
	name    string
	needs   config.Need
	metrics func(*config.Config) string
	ready   func(role.Deps) []metrics.Check
	// run returns when ctx has ended and what was under way is done.
	run func(ctx context.Context, d role.Deps, health *metrics.Health) error
}

// stopTimeout bounds sending the last spans.
const stopTimeout = 5 * time.Second

// serve runs a role with its log, metrics, health and traces. A schema that is
// behind is waited for: the process lives meanwhile, and is not ready.
func (e *env) serve(s served) error {
	cfg, err := e.Config(s.needs)
	if err != nil {
		return err
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	rdb, err := e.Redis()
	if err != nil {
		return err
	}
	log := logging.New(e.stderr, cfg.Log).With("role", s.name)
	tracer, stopTracing, err := trace.Start(e.ctx, cfg.Trace, s.name, currentVersion(), log)
	if err != nil {
		return err
	}
	reg := metrics.NewRegistry(currentVersion())
	var started atomic.Bool
	d := role.Deps{
		Config: cfg, DB: db, Redis: rdb, Registerer: reg, Tracer: tracer.Tracer("github.com/muarahq/muara"), Log: log, Now: e.now,
		Started: func() { started.Store(true) },
	}
	health := metrics.NewHealth(log, append(s.ready(d), metrics.Check{Name: "start", Func: func(context.Context) error {
		if !started.Load() {
			return errors.New("the role has not begun yet")
		}
		return nil
	}})...)

	ctx, cancel := context.WithCancelCause(e.ctx)
	defer cancel(nil)
	// Metrics are served until the role has ended, so that its end can be seen.
	beside, stop := context.WithCancel(context.WithoutCancel(e.ctx))
	var running sync.WaitGroup
	running.Go(func() {
		if err := metrics.Serve(beside, s.metrics(cfg), reg, health); err != nil {
			cancel(err)
		}
	})
	if awaitSchema(ctx, d) {
		err = s.run(ctx, d, health)
	}
	switch {
	case e.ctx.Err() == nil && err == nil:
		err = context.Cause(ctx)
	case e.ctx.Err() != nil && !started.Load() && errors.Is(err, context.Canceled):
		err = nil // told to stop before it had begun: what was given up is the beginning
	}
	stop()
	running.Wait()
	last, done := context.WithTimeout(context.WithoutCancel(e.ctx), stopTimeout)
	defer done()
	return errors.Join(err, stopTracing(last))
}

// awaitSchema is true once the database has what this program needs, false when ctx ended first.
func awaitSchema(ctx context.Context, d role.Deps) bool {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	told := false
	for {
		err := migrations.Check(ctx, d.DB.Bun)
		if err == nil {
			return true
		}
		if !told {
			told = true
			d.Log.WarnContext(ctx, "waiting for the schema", "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
