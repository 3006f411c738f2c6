package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/retention"
	"github.com/muarahq/muara/pkg/withdraw"
)

// Options are what the scheduler is made from.
type Options struct {
	Pool     *pgxpool.Pool
	Writer   *order.Writer
	Deposits *deposit.Keeper
	Payouts  *withdraw.Keeper
	Enqueuer *queue.Enqueuer
	Redis    redis.UniversalClient
	// Upstreams are the names of those configured for which workers run, Configured those
	// of all.
	Upstreams  []string
	Configured []string
	// Desk finds other offers for orders that were never sent.
	Desk *intake.Desk
	// HoldLongest bounds how long purchases are kept back for one whose outcome is open.
	HoldLongest time.Duration
	// Retention is how long what is kept.
	Retention retention.Policy
	// Location is the brand's time zone, in which a day is reconciled; nil is UTC.
	Location   *time.Location
	Registerer prometheus.Registerer
	Log        *slog.Logger
	Now        func() time.Time
}

// Scheduler runs the jobs.
type Scheduler struct {
	Options
	queues  *inspector
	metrics *jobMetrics
	rows    *rowMetrics
	money   *moneyMetrics
	books   *bookMetrics
	// removed are the sources that left the configuration, as last looked at.
	removed atomic.Pointer[map[string]bool]
}

// New gives a scheduler and registers its metrics.
func New(o Options) *Scheduler {
	s := &Scheduler{
		Options: o, queues: newInspector(o.Redis), metrics: newJobMetrics(o.Registerer), rows: newRowMetrics(o.Registerer),
		money: newMoneyMetrics(o.Registerer), books: newBookMetrics(o.Registerer),
	}
	for _, j := range s.jobs() {
		s.metrics.knows(j)
	}
	return s
}

// job is one dull loop: runOnce says how much it did.
type job struct {
	name    string
	every   time.Duration
	runOnce func(context.Context) (int, error)
}

func (s *Scheduler) jobs() []job {
	return []job{
		{"queued", time.Second, s.queuedOnce},
		{"stuck", 2 * time.Second, s.stuckOnce},
		{"poll", time.Second, s.pollOnce},
		{"money", time.Second, s.moneyOnce},
		{"removed", 10 * time.Second, s.removedOnce},
		{"doubts", 5 * time.Second, s.doubtsOnce},
		{"webhooks", time.Second, s.webhooksOnce},
		{"callbacks", 2 * time.Second, s.callbacksOnce},
		{"callbacks_trim", 10 * time.Minute, s.callbacksTrimOnce},
		{"catalogue", 2 * time.Second, s.catalogueOnce},
		{"balance", 30 * time.Second, s.balanceOnce},
		{"rollup", 10 * time.Minute, s.rollupOnce},
		{"report", 10 * time.Minute, s.reportOnce},
		{"tiers", 30 * time.Second, s.tiersOnce},
		{"low_balances", 15 * time.Second, s.lowOnce},
		{"verify", time.Hour, s.verifyOnce},
		{"prune", time.Hour, s.pruneOnce},
		{"retention", time.Minute, s.retentionOnce},
		{"measure", 10 * time.Second, s.measureOnce},
		{"reconcile", 15 * time.Second, s.reconcileOnce},
		{"reconciled", time.Minute, s.reconciledOnce},
	}
}

// Run runs every job until ctx ends.
func (s *Scheduler) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, j := range s.jobs() {
		wg.Go(func() { s.loop(ctx, j) })
	}
	wg.Wait()
}

// tickEvery tells the jobs of a tick from those that look at everything.
const tickEvery = 10 * time.Second

// Tick runs once, one after the other, the jobs that run at least every ten
// seconds. What it costs is measured: it must depend on what is due alone.
func (s *Scheduler) Tick(ctx context.Context) error {
	for _, j := range s.jobs() {
		if j.every > tickEvery {
			continue
		}
		if _, err := j.runOnce(ctx); err != nil {
			return fmt.Errorf("scheduler: %s: %w", j.name, err)
		}
	}
	return nil
}

// loop runs a job at once and then at every tick; a tick that comes while the
// job runs is dropped.
func (s *Scheduler) loop(ctx context.Context, j job) {
	tick := time.NewTicker(j.every)
	defer tick.Stop()
	for {
		s.run(ctx, j)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Scheduler) run(ctx context.Context, j job) {
	begun := time.Now()
	n, err := j.runOnce(ctx)
	s.metrics.seconds.WithLabelValues(j.name).Observe(time.Since(begun).Seconds())
	s.metrics.done.WithLabelValues(j.name).Add(float64(n))
	switch {
	case err != nil && ctx.Err() == nil:
		s.metrics.failed.WithLabelValues(j.name).Inc()
		s.Log.ErrorContext(ctx, "job", "job", j.name, "error", err)
	case err == nil:
		s.metrics.last.WithLabelValues(j.name).Set(float64(s.Now().Unix()))
	}
}
