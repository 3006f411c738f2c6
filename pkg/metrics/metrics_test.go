package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/metrics"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadinessFollowsItsChecksAndEndsWithDraining(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var broken error
	health := metrics.NewHealth(slog.New(slog.NewTextHandler(&log, nil)),
		metrics.Check{Name: "database", Func: func(context.Context) error { return broken }})
	h := metrics.Handler(metrics.NewRegistry("v1"), health)

	code, body := get(t, h, "/readyz")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "ok\n", body)

	broken = errors.New("dial 10.0.0.7: refused")
	code, body = get(t, h, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, "not ready: database\n", body, "the detail is for the log")
	require.Contains(t, log.String(), "10.0.0.7")

	broken = nil
	health.Drain()
	code, body = get(t, h, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, "not ready: draining\n", body)
	code, _ = get(t, h, "/livez")
	require.Equal(t, http.StatusOK, code, "a draining process is alive")
}

func TestMetricsAreServedUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	reg := metrics.NewRegistry("v1.2.3")
	seconds := prometheus.NewHistogram(metrics.Seconds("muara_test_seconds", "A test's."))
	reg.MustRegister(seconds)
	seconds.Observe(0.02)
	health := metrics.NewHealth(slog.New(slog.DiscardHandler))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- metrics.ServeOn(ctx, listener, reg, health) }()

	resp, err := http.Get("http://" + listener.Addr().String() + "/metrics")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, string(body), `muara_build_info{go="`)
	require.Contains(t, string(body), `version="v1.2.3"} 1`)
	require.Contains(t, string(body), `muara_test_seconds_bucket{le="0.025"} 1`)
	problems, err := testutil.GatherAndLint(reg, "muara_build_info", "muara_test_seconds")
	require.NoError(t, err)
	require.Empty(t, problems)

	cancel()
	require.NoError(t, <-done)
	require.Error(t, metrics.Serve(t.Context(), "256.0.0.1:1", reg, health))
	require.NoError(t, metrics.Serve(ctx, "off", reg, health))
}
