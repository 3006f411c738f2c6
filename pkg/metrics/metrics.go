// Package metrics serves a process's metrics and health on a port of their own, which merchants never reach.
//
// A package that measures takes a prometheus.Registerer; nothing registers itself globally. Labels are closed sets and never
// a merchant's or a customer's data. A collector that asks Postgres or Redis belongs to the scheduler only, since it runs at
// every scrape in every pod.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/muarahq/muara/pkg/config"
)

const (
	// checkTimeout bounds all readiness checks of one request together.
	checkTimeout = 2 * time.Second
	headTimeout  = 5 * time.Second
	// closeTimeout bounds how long a scrape under way may hold up the end of the process.
	closeTimeout = 2 * time.Second
)

// NewRegistry is a registry with the Go runtime, the process and the program's version in it.
func NewRegistry(version string) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "muara_build_info",
		Help:        "1, with the version in the labels.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	info.Set(1)
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), info)
	return reg
}

// Seconds are the options of a duration's histogram: classic buckets from 1 ms to 2 minutes, and native ones beside them
// (a native factor alone would drop the classic).
func Seconds(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name:                            name,
		Help:                            help,
		Buckets:                         []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}
}

// Check is one thing a process needs in order to serve. Its error is logged, and never shown to who asks.
type Check struct {
	Name string
	Func func(ctx context.Context) error
}

// Health answers whether a process lives and whether it should get work.
type Health struct {
	log      *slog.Logger
	checks   []Check
	draining atomic.Bool
}

// NewHealth is ready when every check is.
func NewHealth(log *slog.Logger, checks ...Check) *Health {
	return &Health{log: log, checks: checks}
}

// Drain makes the process not ready from now on, while it finishes what it has.
func (h *Health) Drain() { h.draining.Store(true) }

// Ready gives the first check that fails, or an error while draining.
func (h *Health) Ready(ctx context.Context) error {
	if h.draining.Load() {
		return errors.New("draining")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	for _, c := range h.checks {
		if err := c.Func(ctx); err != nil {
			return &notReadyError{check: c.Name, err: err}
		}
	}
	return nil
}

type notReadyError struct {
	check string
	err   error
}

func (e *notReadyError) Error() string { return e.check + ": " + e.err.Error() }
func (e *notReadyError) Unwrap() error { return e.err }

// Handler serves /metrics, /livez (the process runs) and /readyz (it should get work: 200, else 503).
func Handler(reg prometheus.Gatherer, health *Health) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		err := health.Ready(r.Context())
		if err == nil {
			answer(w, http.StatusOK, "ok")
			return
		}
		why := "draining"
		var failed *notReadyError
		if errors.As(err, &failed) {
			why = failed.check
			health.log.WarnContext(r.Context(), "not ready", "check", failed.check, "error", failed.err.Error())
		}
		answer(w, http.StatusServiceUnavailable, "not ready: "+why)
	})
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // the prober may have hung up
}

// Serve listens on addr until ctx ends; "off" listens nowhere. The error is that addr cannot be had, or nil.
func Serve(ctx context.Context, addr string, reg prometheus.Gatherer, health *Health) error {
	if addr == config.Off {
		<-ctx.Done()
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return ServeOn(ctx, listener, reg, health)
}

// ServeOn is Serve on a listener that is there already, which it closes.
func ServeOn(ctx context.Context, listener net.Listener, reg prometheus.Gatherer, health *Health) error {
	health.log.InfoContext(ctx, "metrics ready", "listen", listener.Addr().String())
	server := &http.Server{
		Handler:           Handler(reg, health),
		ReadHeaderTimeout: headTimeout,
		ErrorLog:          slog.NewLogLogger(health.log.Handler(), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("metrics: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		return errors.Join(fmt.Errorf("metrics: shutdown: %w", err), server.Close())
	}
	return nil
}
