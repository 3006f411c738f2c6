package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/logging"
	"github.com/muarahq/muara/pkg/metrics"
	"github.com/muarahq/muara/pkg/pg"
)

// profiledRole is the hidden argument by which this program runs a role itself, with a CPU profile: the production
// program has no such door.
const profiledRole = "profiled-role"

// runProfiled takes a configuration, a directory, and a role's arguments as `muara` does.
func runProfiled(ctx context.Context, args []string, stderr io.Writer) (err error) {
	if len(args) < 3 {
		return errUsage
	}
	cfg, err := config.Load(args[0])
	if err != nil {
		return err
	}
	name := strings.Join(strings.FieldsFunc(args[2]+strings.Join(args[3:], ""), func(r rune) bool { return r == '-' }), "-")
	if err := os.MkdirAll(args[1], 0o755); err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(args[1], fmt.Sprintf("%s-%d.pprof", name, os.Getpid())))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer func() {
		pprof.StopCPUProfile()
		err = errors.Join(err, out.Close())
	}()
	db, err := pg.Open(ctx, cfg.Database.URL.Reveal(), pg.WithBunConns(cfg.Database.MaxConns/4), pg.WithPoolConns(cfg.Database.MaxConns*3/4))
	if err != nil {
		return err
	}
	opts, err := cfg.Redis.Options()
	if err != nil {
		return err
	}
	rdb := redis.NewUniversalClient(opts)
	log := logging.New(stderr, cfg.Log)
	reg := metrics.NewRegistry("profiled")
	d := role.Deps{
		Config: cfg, DB: db, Redis: rdb, Registerer: reg, Tracer: noop.NewTracerProvider().Tracer(""), Log: log, Now: time.Now,
	}
	health := metrics.NewHealth(log)
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	addr := map[string]string{"api": cfg.API.MetricsListen, "worker": cfg.Worker.MetricsListen, "scheduler": cfg.Scheduler.MetricsListen}[args[2]]
	running.Go(func() { _ = metrics.Serve(beside, addr, reg, health) }) // not ready is noticed
	err = profiled(ctx, d, health, args[2], args[3:])
	stop()
	running.Wait()
	return errors.Join(err, rdb.Close(), db.Close())
}

func profiled(ctx context.Context, d role.Deps, health *metrics.Health, name string, args []string) error {
	switch {
	case name == "api":
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.Config.API.Listen)
		if err != nil {
			return err
		}
		return role.API(ctx, d, role.APIOptions{Listener: ln, Health: health})
	case name == "scheduler":
		return role.Scheduler(ctx, d)
	case len(args) == 1: // --webhooks
		return role.Webhooks(ctx, d)
	}
	return role.Worker(ctx, d, d.NewUpstreamMetrics(), source)
}

// quietLog is for what must not be seen.
func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
