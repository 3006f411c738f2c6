package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/logging"
	"github.com/muarahq/muara/pkg/metrics"
	"github.com/muarahq/muara/pkg/pg"
	digiflazz "github.com/muarahq/muara/pkg/upstream/digiflazz/emulator"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	invoice "github.com/muarahq/muara/pkg/upstream/invoice/emulator"
	rqid "github.com/muarahq/muara/pkg/upstream/rqid/emulator"
	rumahotp "github.com/muarahq/muara/pkg/upstream/rumahotp/emulator"
	smm "github.com/muarahq/muara/pkg/upstream/smm/emulator"
)

const logFile = "dev.log"

// gateway is everything that runs.
type gateway struct {
	*place
	// ctx ends with the signal, or when something fails.
	ctx       context.Context
	deps      role.Deps
	receiver  *receiver
	roles     *errgroup.Group
	stopRoles context.CancelFunc
	// beside is what the roles need until their end: providers, receiver, metrics.
	beside     *errgroup.Group
	besideCtx  context.Context
	stopBeside context.CancelFunc
}

// start brings up what the roles need, and the roles.
func start(ctx context.Context, p *place, out *screen, stderr io.Writer) (*gateway, error) {
	applied, err := migrations.Up(ctx, p.cfg.Database.URL.Reveal())
	if err != nil {
		return nil, err
	}
	if len(applied) > 0 {
		out.say("applied %d migrations", len(applied))
	}
	g := &gateway{place: p, receiver: newReceiver(out)}
	if err := g.open(ctx, stderr); err != nil {
		return nil, err
	}
	health := metrics.NewHealth(g.deps.Log, g.deps.Ready()...)
	g.startBeside(ctx, health)
	g.startRoles(ctx, health)
	return g, nil
}

// open opens log, database and Redis.
func (g *gateway) open(ctx context.Context, stderr io.Writer) error {
	file, err := os.OpenFile(filepath.Join(g.dir, logFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	g.closers = append(g.closers, file.Close)
	loud := config.Log{Level: "error", Format: "text"}
	if g.verbose {
		loud.Level = g.cfg.Log.Level
	}
	log := slog.New(slog.NewMultiHandler(logging.New(file, g.cfg.Log).Handler(), logging.New(stderr, loud).Handler()))
	db, err := pg.Open(ctx, g.cfg.Database.URL.Reveal(), pg.WithName("muara dev"))
	if err != nil {
		return err
	}
	g.closers = append(g.closers, db.Close)
	opts, err := g.cfg.Redis.Options()
	if err != nil {
		return err
	}
	rdb := redis.NewUniversalClient(opts)
	g.closers = append(g.closers, rdb.Close)
	g.deps = role.Deps{
		Config: g.cfg, DB: db, Redis: rdb, Registerer: nil, Tracer: noop.NewTracerProvider().Tracer(""), Log: log, Now: time.Now,
	}
	return nil
}

// startBeside starts the providers, the receiver and the metrics.
func (g *gateway) startBeside(ctx context.Context, health *metrics.Health) {
	reg := metrics.NewRegistry("dev")
	g.deps.Registerer = reg
	ctx, g.stopBeside = context.WithCancel(context.WithoutCancel(ctx))
	g.beside, g.besideCtx = errgroup.WithContext(ctx)
	ctx = g.besideCtx
	script := emulate.Digits(g.delay, g.jitter)
	limit := emulate.Limit{Requests: g.requests, Per: g.per, Block: 3 * g.per}
	otp := rumahotp.New(rumahotp.Config{Config: emulate.Config{Seed: 1, Script: script, Limit: limit, Payer: emulate.PaidAfter(g.paidAfter())}, APIKey: emulatorKey})
	ppob := rqid.New(rqid.Config{Config: emulate.Config{Seed: 2, Script: script}, APIKey: emulatorKey, MMID: emulatorKey})
	panel := smm.New(smm.Config{
		Config: emulate.Config{Seed: 3, Script: script}, APIKey: emulatorKey, Currency: smmCurrency, Rate: smmRate, CancelAfter: g.delay, RefillAfter: g.delay,
	})
	topups := digiflazz.New(digiflazz.Config{
		Config: emulate.Config{Seed: 4, Script: script}, Username: emulatorKey, APIKey: emulatorKey,
		Hook: digiflazz.Hook{URL: role.CallbackURL(g.cfg, postUpstream), Secret: emulatorKey},
	})
	gate := invoice.New(invoice.Config{Config: emulate.Config{Seed: 5, Script: script}, APIKey: emulatorKey})
	control := http.NewServeMux()
	control.Handle("/invoice/control/", http.StripPrefix("/invoice", gate.Control()))
	control.Handle("/digiflazz/control/", http.StripPrefix("/digiflazz", topups.Control()))
	control.Handle("/rumahotp/control/", http.StripPrefix("/rumahotp", otp.Control()))
	control.Handle("/rqid/control/", http.StripPrefix("/rqid", ppob.Control()))
	control.Handle("/smm/control/", http.StripPrefix("/smm", panel.Control()))
	for name, handler := range map[string]http.Handler{
		otpUpstream: otp, ppobUpstream: ppob, smmUpstream: panel, postUpstream: topups, gateUpstream: gate, "control": control, "receiver": g.receiver,
	} {
		g.beside.Go(func() error { return serve(ctx, g.listeners[name], handler) })
	}
	g.beside.Go(func() error {
		topups.Run(ctx)
		return nil
	})
	g.beside.Go(func() error { return metrics.ServeOn(ctx, g.listeners["metrics"], reg, health) })
}

// paidAfter is how long it takes the payer of a deposit.
func (g *gateway) paidAfter() time.Duration { return 4 * g.delay }

// startRoles starts every role of the gateway.
func (g *gateway) startRoles(ctx context.Context, health *metrics.Health) {
	ctx, g.stopRoles = context.WithCancel(ctx)
	context.AfterFunc(g.besideCtx, g.stopRoles) // without providers there is nothing to see
	g.roles, g.ctx = errgroup.WithContext(ctx)
	ctx = g.ctx
	shared := g.deps.NewUpstreamMetrics()
	g.roles.Go(func() error {
		return role.API(ctx, g.named("api"), role.APIOptions{Listener: g.listeners["api"], Admin: g.listeners["admin"], Health: health})
	})
	for _, u := range g.cfg.Upstreams {
		g.roles.Go(func() error { return role.Worker(ctx, g.named("worker"), shared, u.Name) })
	}
	g.roles.Go(func() error { return role.Webhooks(ctx, g.named("webhooks")) })
	g.roles.Go(func() error { return role.Scheduler(ctx, g.named("scheduler")) })
}

// named is the deps with a role's name in its log.
func (g *gateway) named(name string) role.Deps {
	d := g.deps
	d.Log = d.Log.With("role", name)
	return d
}

// stop drains the roles, and then ends what they needed.
func (g *gateway) stop() error {
	g.stopRoles()
	err := g.roles.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil // stopped before it had started
	}
	g.stopBeside()
	return errors.Join(err, g.beside.Wait())
}

// serve answers until ctx ends; then it gives the requests under way a moment.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("%s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		return srv.Close()
	}
	return nil
}
