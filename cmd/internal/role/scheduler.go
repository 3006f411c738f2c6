package role

import (
	"context"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/retention"
	"github.com/muarahq/muara/scheduler"
)

// Scheduler registers the configured upstreams and runs the jobs until ctx ends.
func Scheduler(ctx context.Context, d Deps) error {
	if err := d.EnsureUpstreams(ctx); err != nil {
		return err
	}
	enqueuer := queue.New(d.Redis)
	writer := d.writer(enqueuer)
	defer writer.Close()
	var upstreams, configured []string
	for _, u := range d.Config.Upstreams {
		configured = append(configured, u.Name)
		if u.BuiltIn {
			continue // where nobody works for it, nothing may pile up that it is asked for; what is due there is seen all the same
		}
		upstreams = append(upstreams, u.Name)
	}
	s := scheduler.New(scheduler.Options{
		Pool: d.DB.Pool, Writer: writer, Deposits: d.deposits(d.hint(enqueuer)), Payouts: d.withdrawals(d.hint(enqueuer)), Enqueuer: enqueuer, Redis: d.Redis,
		Upstreams: upstreams, Configured: configured, Desk: d.desk(), HoldLongest: d.Config.Orders.HoldLongest, Retention: d.retention(),
		Location: d.Config.Brand.Location(), Registerer: d.Registerer, Log: d.Log, Now: d.Now,
	})
	d.started(ctx, "scheduler")
	s.Run(ctx)
	return nil
}

// retention is how long the configuration has what kept.
func (d Deps) retention() retention.Policy {
	r := d.Config.Retention
	return retention.Policy{
		Payloads: r.Payloads.Duration(), Deliveries: r.Deliveries.Duration(), Codes: r.Codes.Duration(), Customers: r.Customers.Duration(),
	}
}

// EnsureUpstreams makes the catalogue know the configured upstreams.
func (d Deps) EnsureUpstreams(ctx context.Context) error {
	var sources []catalog.Source
	for _, u := range d.Config.Upstreams {
		sources = append(sources, source(u))
	}
	return catalog.EnsureUpstreams(ctx, d.DB.Pool, sources, d.Now())
}

// source is an upstream as the catalogue knows it.
func source(u config.Upstream) catalog.Source {
	mode := catalog.Live
	if u.Driver == config.DriverSandbox {
		mode = catalog.Test
	}
	return catalog.Source{Name: u.Name, Driver: u.Driver, Mode: mode}
}
