package role

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/drivers"
	"github.com/muarahq/muara/worker"
)

// slotMargin is how much longer than a call a budget slot is held for it: the
// claim before it, and slow clocks.
const slotMargin = 10 * time.Second

// transit bounds how long a request may be on its way to an upstream before it
// arrives there: what a budget without memory allows for.
const transit = time.Second

// UpstreamMetrics are the metrics that the workers of all upstreams of a process
// share.
type UpstreamMetrics struct {
	Calls     *upstream.Metrics
	Budget    *budget.Metrics
	Callbacks *worker.CallbackMetrics
}

// NewUpstreamMetrics registers them once.
func (d Deps) NewUpstreamMetrics() UpstreamMetrics {
	return UpstreamMetrics{
		Calls: upstream.NewMetrics(d.Registerer), Budget: budget.NewMetrics(d.Registerer), Callbacks: worker.NewCallbackMetrics(d.Registerer),
	}
}

// Worker works for one upstream until ctx ends and its calls on their way are over.
func Worker(ctx context.Context, d Deps, m UpstreamMetrics, name string) error {
	cfg, err := d.Config.Upstream(name)
	if err != nil {
		return err
	}
	client, err := d.client(cfg, m)
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := client.Budget.Stop(stop); err != nil {
			d.Log.Warn("budget", "upstream", name, "error", err)
		}
	}()
	client.Budget.Announce()
	enqueuer := queue.New(d.Redis)
	writer := d.writer(enqueuer)
	defer writer.Close()
	w := worker.New(worker.Options{
		Client: client, DB: d.DB, Writer: writer, Enqueuer: enqueuer, Log: d.Log, Tracer: d.Tracer, Now: d.Now,
		Mode:         source(cfg).Mode,
		DebitLongest: d.Config.Orders.DebitLongest,
		Recharge:     d.Config.Orders.LateSuccess == config.LateRecharge,
		Desk:         d.desk(), Callbacks: m.Callbacks,
		Deposits: d.deposits(d.hint(enqueuer)), Payouts: d.withdrawals(d.hint(enqueuer)),
		Inquiries: d.inquiries(), Checks: d.checks(),
	})
	if err := catalog.KnowUpstream(ctx, d.DB.Pool, source(cfg), d.Now()); err != nil {
		return err
	}
	if err := w.Desk.Importer.RegisterRoots(ctx, client, name); err != nil {
		return err
	}
	d.started(ctx, "worker", "upstream", name)
	return w.Serve(ctx, d.Redis, worker.Capacity{
		Urgent: d.Config.Worker.BuyConcurrency, Patient: d.Config.Worker.PollConcurrency, Shutdown: d.Config.Worker.ShutdownTimeout,
	})
}

// inquiries keeps bills that merchants ask for.
func (d Deps) inquiries() *inquiry.Keeper { return &inquiry.Keeper{Pool: d.DB.Pool, Now: d.Now} }

// desk is what workers need of the catalogue.
func (d Deps) desk() *intake.Desk {
	return &intake.Desk{
		Pool: d.DB.Pool, Now: d.Now, Log: d.Log, Importer: d.importer(),
		Router: &catalog.Router{
			Pool: d.DB.Pool, Location: d.Config.Brand.Location(), Now: d.Now, Random: rand.Int64N,
			Rounding: catalog.Rounding{Step: d.Config.Catalog.Step, Floor: d.Config.Catalog.Floor},
		},
	}
}

// client builds the portable client over the upstream's driver.
func (d Deps) client(cfg config.Upstream, m UpstreamMetrics) (*upstream.Client, error) {
	credentials := map[string]string{}
	for k, v := range cfg.Credentials {
		credentials[k] = v.Reveal()
	}
	driver, err := drivers.New(cfg.Driver, upstream.Config{
		Name: cfg.Name, BaseURL: cfg.BaseURL, Credentials: credentials, Options: cfg.Options, HTTP: upstream.NewHTTP(), DB: d.DB.Pool, Now: d.Now, Log: d.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("upstream %s: %w", cfg.Name, err)
	}
	limit := budget.Limit{Requests: cfg.Budget.Requests, Per: cfg.Budget.Per}
	b := budget.New(d.Redis, cfg.Name, limit, cfg.Timeout+slotMargin,
		budget.WithMetrics(m.Budget), budget.WithLogger(d.Log), budget.Recovery(transit))
	return upstream.NewClient(driver, upstream.Options{
		Name: cfg.Name, Budget: b, Timeout: cfg.Timeout, Metrics: m.Calls, Log: d.Log, Tracer: d.Tracer, Now: d.Now,
		OnBreaker: func(until time.Time) { d.breaker(cfg.Name, until) },
		OnHalt:    func(code string) { d.halt(cfg.Name, code) },
	}), nil
}

// breaker tells the catalogue, so that no order is routed there meanwhile.
func (d Deps) breaker(name string, until time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var at *time.Time
	if !until.IsZero() {
		at = &until
	}
	if err := catalog.SetBreaker(ctx, d.DB.Pool, name, at); err != nil {
		d.Log.Warn("breaker", "upstream", name, "error", err)
	}
}

// halt pauses an upstream that takes nothing more from us until a person has put our
// account there right: other offers are bought meanwhile.
func (d Deps) halt(name, code string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	did, err := catalog.Halt(ctx, d.DB.Pool, name, "its account was refused: "+code, d.Now())
	if err != nil {
		d.Log.Error("pausing a source that refuses our account", "upstream", name, "code", code, "error", err)
		return
	}
	if did {
		d.Log.Error("paused: the source refuses our account", "upstream", name, "code", code)
	}
}
