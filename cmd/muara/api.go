package main

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
	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/logging"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/metrics"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/trace"
	"github.com/muarahq/muara/pkg/webhook"
)

const (
	// drainTimeout bounds how long requests under way are waited for.
	drainTimeout  = 20 * time.Second
	headerTimeout = 5 * time.Second
	writeTimeout  = time.Minute
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
)

type apiCmd struct {
	DrainNotice time.Duration `default:"2s" help:"How long to go on taking requests after saying not ready."`
}

// Run serves the merchant API until it is told to stop.
func (c *apiCmd) Run(e *env) error {
	cfg, err := e.Config(config.NeedDatabase | config.NeedRedis | config.NeedKey)
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
	log := logging.New(e.stderr, cfg.Log).With("role", "api")
	listener, err := (&net.ListenConfig{}).Listen(e.ctx, "tcp", cfg.API.Listen)
	if err != nil {
		return fmt.Errorf("api.listen: %w", err)
	}
	role := &apiRole{cfg: cfg, db: db, rdb: rdb, log: log, listener: listener, now: e.now, notice: c.DrainNotice}
	return role.run(e.ctx)
}

// apiRole is one process of the merchant API.
type apiRole struct {
	cfg      *config.Config
	db       *pg.DB
	rdb      redis.UniversalClient
	log      *slog.Logger
	listener net.Listener
	now      func() time.Time
	notice   time.Duration
}

func (a *apiRole) run(ctx context.Context) error {
	reg := metrics.NewRegistry(currentVersion())
	health := metrics.NewHealth(a.log,
		metrics.Check{Name: "database", Func: a.db.Ping},
		metrics.Check{Name: "schema", Func: func(ctx context.Context) error { return migrations.Check(ctx, a.db.Bun) }},
	)
	tracer, stopTracing, err := trace.Start(ctx, a.cfg.Trace, "api", currentVersion(), a.log)
	if err != nil {
		return errors.Join(err, a.listener.Close())
	}
	// What runs beside the requests outlives the signal, until they are answered.
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	failed := make(chan error, 2)
	running.Go(func() { failed <- metrics.Serve(beside, a.cfg.API.MetricsListen, reg, health) })

	// A schema that is behind is waited for: the role is alive, but not ready.
	if !a.awaitSchema(ctx) {
		return a.listener.Close()
	}
	cat, err := catalog.Open(ctx, a.db.Pool, catalog.Options{
		Rounding: catalog.Rounding{Step: a.cfg.Catalog.Step, Floor: a.cfg.Catalog.Floor},
		Location: a.cfg.Brand.Location(), Now: a.now, Log: a.log, Registerer: reg,
	})
	if err != nil {
		return errors.Join(err, a.listener.Close())
	}
	running.Go(func() { cat.Run(beside) })
	auth := merchant.NewAuthenticator(a.db.Pool, a.cfg.Brand.KeyPrefix, a.now)
	running.Go(func() { auth.Run(beside, a.log) })

	sealer, err := newSealer(a.cfg)
	if err != nil {
		return errors.Join(err, a.listener.Close())
	}
	accounts := ledger.NewAccounts(a.db.Pool)
	placer := order.NewPlacer(a.db.Pool, accounts, sealer, a.now, a.log)
	defer placer.Close()
	writer := order.NewWriter(a.db.Pool, accounts, a.now, a.log, nil)
	defer writer.Close()
	guard := newGuard(a.cfg)
	server := api.New(api.Deps{
		Brand: a.cfg.Brand, Listen: a.cfg.API, DB: a.db, Auth: auth, Catalog: cat, Placer: placer, Writer: writer, Opener: sealer,
		Limiter: merchant.NewLimiter(a.rdb, a.cfg.API.RateLimit, a.now, a.log), Queue: queue.New(a.rdb),
		Endpoints: webhook.NewEndpoints(a.db.Pool, sealer, guard, a.now), CheckURL: guard.CheckURL,
		Now: a.now, Log: a.log, Metrics: reg, Tracer: tracer, Version: currentVersion(),
	})
	err = a.serve(ctx, server, health, failed)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	server.Close(last)
	return errors.Join(err, stopTracing(last))
}

// awaitSchema returns when the database has what this program needs; false when ctx ended first.
func (a *apiRole) awaitSchema(ctx context.Context) bool {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	told := false
	for {
		err := migrations.Check(ctx, a.db.Bun)
		if err == nil {
			return true
		}
		if !told {
			told = true
			a.log.WarnContext(ctx, "waiting for the schema", "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// serve takes requests until ctx ends, and answers those under way.
func (a *apiRole) serve(ctx context.Context, handler http.Handler, health *metrics.Health, failed chan error) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	go func() { failed <- server.Serve(a.listener) }()
	a.log.InfoContext(ctx, "serving", "listen", a.listener.Addr().String())
	select {
	case err := <-failed:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	health.Drain()
	a.log.InfoContext(ctx, "draining")
	notice := time.NewTimer(a.notice)
	defer notice.Stop()
	select {
	case <-notice.C:
	case err := <-failed:
		return errors.Join(err, server.Close())
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("api: shutdown: %w", err), server.Close())
	}
	return nil
}
