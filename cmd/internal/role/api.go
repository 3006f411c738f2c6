package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/api/admin"
	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/metrics"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/webhook"
)

const (
	// drainTimeout bounds how long requests under way are waited for.
	drainTimeout = 20 * time.Second

	headerTimeout = 5 * time.Second
	writeTimeout  = time.Minute
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
)

// APIOptions are what the API needs besides the parts of every role.
type APIOptions struct {
	// Listener is where merchants call; it is closed with the role.
	Listener net.Listener
	// Admin is where operators' programs call; nil for none. It is closed with the role, too.
	Admin net.Listener
	// Health says not ready as soon as the role drains.
	Health *metrics.Health
	// Notice is how long requests are still taken after that, so that whoever
	// balances the load has seen it.
	Notice time.Duration
}

// APIReady are the checks of the API. Redis is none of them: without it orders are
// still accepted, and wait.
func (d Deps) APIReady() []metrics.Check {
	return []metrics.Check{
		{Name: "database", Func: d.DB.Ping},
		{Name: "schema", Func: func(ctx context.Context) error { return migrations.Check(ctx, d.DB.Bun) }},
	}
}

// Sealer seals and opens what is encrypted at rest.
func (d Deps) Sealer() (*seal.Sealer, error) {
	key, err := d.Config.Secrets.Key()
	if err != nil {
		return nil, fmt.Errorf("secrets.encryption_key: %w", err)
	}
	return seal.New(key)
}

// Guard keeps webhooks on the public internet, as far as the configuration does not open it.
func (d Deps) Guard() *webhook.Guard {
	return webhook.NewGuard(webhook.GuardOptions{AllowHTTP: d.Config.Webhooks.AllowHTTP, AllowCIDRs: d.Config.Webhooks.AllowCIDRs})
}

// API serves the merchant API until ctx ends, and answers the requests under way.
func API(ctx context.Context, d Deps, opts APIOptions) (err error) {
	defer func() {
		for _, l := range opts.listeners() {
			if closed := l.Close(); err == nil && !errors.Is(closed, net.ErrClosed) {
				err = closed
			}
		}
	}()
	sealer, err := d.Sealer()
	if err != nil {
		return err
	}
	cat, err := catalog.Open(ctx, d.DB.Pool, catalog.Options{
		Rounding: catalog.Rounding{Step: d.Config.Catalog.Step, Floor: d.Config.Catalog.Floor},
		Location: d.Config.Brand.Location(), Now: d.Now, Log: d.Log, Registerer: d.Registerer,
	})
	if err != nil {
		return err
	}
	// What runs beside the requests outlives ctx, until they are answered.
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { cat.Run(beside) })
	auth := merchant.NewAuthenticator(d.DB.Pool, d.Config.Brand.KeyPrefix, d.Now)
	running.Go(func() { auth.Run(beside, d.Log) })
	shelf := &catalog.Shelf{Pool: d.DB.Pool, Sealer: sealer, Now: d.Now, Log: d.Log}
	running.Go(func() { shelf.Run(beside) })

	enqueuer := queue.New(d.Redis).Measured(d.Registerer)
	placer := order.NewPlacer(d.DB.Pool, ledger.NewAccounts(d.DB.Pool), sealer, d.Now, d.Log, order.NewMetrics(d.Registerer), order.In(d.Config.Brand.Location()))
	defer placer.Close()
	writer := d.writer(enqueuer)
	defer writer.Close()
	deposits := d.deposits(d.hint(enqueuer))
	opener, err := d.opener(deposits, enqueuer)
	if err != nil {
		return err
	}
	guard := d.Guard()
	server := api.New(api.Deps{
		Brand: d.Config.Brand, Listen: d.Config.API, DB: d.DB, Auth: auth, Catalog: cat, Placer: placer, Writer: writer, Opener: sealer,
		Deposits: deposits, Invoices: opener, Money: d.Config.Deposits, Withdrawals: d.withdrawals(d.hint(enqueuer)), MoneyOut: d.Config.Withdrawals,
		Inquiries: d.inquiries(), Checks: d.checks(), Checkers: checkers(d.Config), Pricers: pricers(d.Config),
		Limiter: merchant.NewLimiter(d.Redis, d.Config.API.RateLimit, d.Now, d.Log), Queue: enqueuer,
		Endpoints: webhook.NewEndpoints(d.DB.Pool, sealer, guard, d.Now), CheckURL: guard.CheckURL, Callbacks: d.callbacks(),
		Now: d.Now, Log: d.Log, Metrics: d.Registerer, Tracer: d.Tracer,
	})
	err = d.serveHTTP(ctx, server, d.admin(sealer, cat, enqueuer), opts)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	server.Close(last)
	return err
}

// listeners are all that the role takes requests on.
func (o APIOptions) listeners() []net.Listener {
	if o.Admin == nil {
		return []net.Listener{o.Listener}
	}
	return []net.Listener{o.Listener, o.Admin}
}

// admin builds the admin API.
func (d Deps) admin(sealer *seal.Sealer, cat *catalog.Catalog, e *queue.Enqueuer) *admin.Server {
	office := &backoffice.Office{
		Config: d.Config, DB: d.DB, Sealer: sealer, Now: d.Now, Redis: func() (redis.UniversalClient, error) { return d.Redis, nil },
	}
	return admin.New(admin.Deps{
		Brand: d.Config.Brand, Listen: d.Config.API, Office: office, Till: d.Till(d.hint(e)), Catalog: cat, Sources: CatalogSources(d.Config),
		Now: d.Now, Log: d.Log, Metrics: d.Registerer, Tracer: d.Tracer,
	})
}

// serveHTTP takes requests on both ports until ctx ends, and for a notice more.
func (d Deps) serveHTTP(ctx context.Context, merchants, operators http.Handler, opts APIOptions) error {
	var servers []*http.Server
	failed := make(chan error, len(opts.listeners()))
	for i, listener := range opts.listeners() {
		server := &http.Server{
			Handler: merchants, ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
			ErrorLog: slog.NewLogLogger(d.Log.Handler(), slog.LevelDebug),
		}
		if i > 0 {
			server.Handler = operators
			d.Log.InfoContext(ctx, "admin api ready", "listen", listener.Addr().String())
		}
		servers = append(servers, server)
		go func() { failed <- server.Serve(listener) }()
	}
	d.started(ctx, "api", "listen", opts.Listener.Addr().String())
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("api: %w", err), closeAll(servers))
	case <-ctx.Done():
	}
	opts.Health.Drain()
	d.Log.InfoContext(ctx, "api draining")
	notice := time.NewTimer(opts.Notice)
	defer notice.Stop()
	select {
	case <-notice.C:
	case err := <-failed:
		return errors.Join(fmt.Errorf("api: %w", err), closeAll(servers))
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	for _, server := range servers {
		if err := server.Shutdown(last); err != nil {
			return errors.Join(fmt.Errorf("api: shutdown: %w", err), closeAll(servers))
		}
	}
	return nil
}

// closeAll ends servers without waiting for anybody.
func closeAll(servers []*http.Server) error {
	var errs []error
	for _, server := range servers {
		errs = append(errs, server.Close())
	}
	return errors.Join(errs...)
}
