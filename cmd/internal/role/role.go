// Package role builds Muara's long-running roles from their configuration: what
// `muara worker` and `muara scheduler` run each alone, and a first run all in one
// process.
package role

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/metrics"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/queue"
)

// Deps are what every role is made from.
type Deps struct {
	Config     *config.Config
	DB         *pg.DB
	Redis      redis.UniversalClient
	Registerer prometheus.Registerer
	Tracer     trace.Tracer
	Log        *slog.Logger
	Now        func() time.Time
	// Started, if there is one, is called when the role does its work: until then it has no use for any.
	Started func()
}

// started says that a role does its work from now on.
func (d Deps) started(ctx context.Context, role string, args ...any) {
	d.Log.InfoContext(ctx, role+" ready", args...)
	if d.Started != nil {
		d.Started()
	}
}

// Ready are the checks of a role: its schema, and Redis.
func (d Deps) Ready() []metrics.Check {
	return []metrics.Check{
		{Name: "schema", Func: func(ctx context.Context) error { return migrations.Check(ctx, d.DB.Bun) }},
		{Name: "redis", Func: func(ctx context.Context) error { return d.Redis.Ping(ctx).Err() }},
	}
}

// writer builds the writer of orders, and hints at the webhooks of each commit.
func (d Deps) writer(e *queue.Enqueuer) *order.Writer {
	return order.NewWriter(d.DB.Pool, ledger.NewAccounts(d.DB.Pool), d.Now, d.Log, d.hint(e), order.NewMetrics(d.Registerer))
}

// hint enqueues deliveries after a commit without holding it up. Best effort: a
// hint that is dropped is found by the scheduler.
func (d Deps) hint(e *queue.Enqueuer) func(events []int64) {
	const most = 4096
	ids := make(chan int64, most)
	for range 4 {
		go func() {
			for id := range ids {
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				if err := e.Webhook(ctx, id, 0, 0); err != nil {
					d.Log.Warn("webhook hint", "event", id, "error", err)
				}
				cancel()
			}
		}()
	}
	return func(events []int64) {
		for _, id := range events {
			select {
			case ids <- id:
			default:
			}
		}
	}
}
