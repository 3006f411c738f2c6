package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/muarahq/muara/api"
)

// These tests go over a real connection, where headers, lengths and breaks are what they are.

func listen(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func (c *client) over(s *httptest.Server, method, path string, body io.Reader) *http.Request {
	c.w.t.Helper()
	r, err := http.NewRequestWithContext(c.w.t.Context(), method, s.URL+path, body)
	require.NoError(c.w.t, err)
	r.Header.Set("Authorization", "Bearer "+c.key)
	return r
}

func do(t *testing.T, s *httptest.Server, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := s.Client().Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

func TestATooLargeBodyIsAnsweredOverARealConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := listen(t, w.apis[0])
	c := w.merchant(0)
	for _, body := range []io.Reader{strings.NewReader(strings.Repeat(" ", 1<<20+1)), endless(3 << 20)} {
		resp, text := do(t, s, c.over(s, http.MethodPost, "/api/v1/order", body))
		require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
		require.Contains(t, text, `"code":"invalid_request"`)
	}
}

func TestABodyThatBreaksOffIsMalformedAndCostsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := listen(t, w.apis[0])
	c := w.merchant(10_000)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	half := pulsa[:len(pulsa)/2]
	_, err = fmt.Fprintf(conn, "POST /api/v1/order HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", c.key, len(pulsa), half)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	}
	require.EqualValues(t, 10_000, c.balance())
}

func TestPathsAreNeitherCleanedNorRedirected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := listen(t, w.apis[0])
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for _, path := range []string{"/api/v1//ping", "/api/v1/./ping", "/api/v1/x/../ping", "/api/v1/%2e%2e/ping", "/api/v1/ping%2F", "/api/v1/%zz"} {
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		require.NoError(t, err)
		resp, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		if path == "/api/v1/%zz" { // not a request at all: refused before there is a path
			require.Equal(t, http.StatusBadRequest, resp.StatusCode)
			return
		}
		require.Equal(t, http.StatusNotFound, resp.StatusCode, path)
		require.Contains(t, string(body), `"ok":false`, path)
	}
}

func TestAStatementThatFailsHalfwayBreaksOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := listen(t, w.apis[0])
	c := w.merchant(1)
	w.exec(`ALTER TABLE ledger_entries RENAME COLUMN notes TO hidden_column`)
	resp, err := s.Client().Do(c.over(s, http.MethodGet, "/api/v1/mutations?format=csv", nil))
	if err != nil {
		return // broken before the first byte
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode == http.StatusInternalServerError {
		require.Contains(t, string(body), "internal_error")
		return
	}
	require.Error(t, err, "nobody may take it for whole")
	require.NotContains(t, string(body), "hidden_column")
}

func TestHeadOverARealConnectionHasTheLengthAndNoBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := listen(t, w.apis[0])
	c := w.merchant(0)
	get, body := do(t, s, c.over(s, http.MethodGet, "/api/v1/tiers", nil))
	head, none := do(t, s, c.over(s, http.MethodHead, "/api/v1/tiers", nil))
	require.Equal(t, get.StatusCode, head.StatusCode)
	require.NotEmpty(t, body)
	require.Empty(t, none)
}

func TestRequestsAreMeasuredByRouteAndNeverByMerchant(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	first := true
	w := newWorld(t, func(d *api.Deps) {
		if first {
			d.Metrics, first = reg, false
		}
		d.CheckURL = func(context.Context, string) error { return context.DeadlineExceeded }
	})
	c := w.merchant(10_000)
	c.order(pulsa)
	// A source that takes no orders is no fault of ours; what takes us too long is.
	c.post("/order", `{"category":"ppob","ref":"again","sku":"TSEL20","customer_no":"0812"}`).refused(http.StatusServiceUnavailable, "upstream_error")
	slow := strings.Replace(pulsa, `"ppob"`, `"ppob","callback_url":"https://slow.example/"`, 1)
	c.post("/order", strings.Replace(slow, "trx-0001", "trx-0002", 1)).refused(http.StatusInternalServerError, "internal_error")
	c.get("/order/trx-0001").data()
	c.get("/order/trx-0001").data()
	c.get("/nothing/at/all")
	c.send("BREW", "/api/v1/ping", "")
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP muara_http_requests_total Requests by route, method and class of status; source is 503 for the sake of a source, 5xx is ours.
# TYPE muara_http_requests_total counter
muara_http_requests_total{class="2xx",method="GET",route="/order/{ref}"} 2
muara_http_requests_total{class="2xx",method="POST",route="/order"} 1
muara_http_requests_total{class="4xx",method="GET",route="unknown"} 1
muara_http_requests_total{class="4xx",method="other",route="/ping"} 1
muara_http_requests_total{class="5xx",method="POST",route="/order"} 1
muara_http_requests_total{class="source",method="POST",route="/order"} 1
`), "muara_http_requests_total"))
	n, err := testutil.GatherAndCount(reg, "muara_http_request_seconds")
	require.NoError(t, err)
	require.Equal(t, 4, n)
}

func TestAnOrderCarriesItsTrace(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	w := newWorld(t, func(d *api.Deps) { d.Tracer = provider.Tracer("t") })
	c := w.merchant(10_000)
	c.order(pulsa)
	require.Eventually(t, func() bool { return len(spans.Ended()) > 0 }, time.Second, time.Millisecond)
	span := spans.Ended()[0]
	require.Equal(t, "POST /order", span.Name())
	var parent string
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT trace_parent FROM orders`).Scan(&parent))
	require.Contains(t, parent, span.SpanContext().TraceID().String())
}

func TestWhatWasAcceptedIsToldBeforeTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(100_000)
	for i := range 10 {
		c.order(fmt.Sprintf(`{"category":"ppob","ref":"r%d","sku":"TSEL5","customer_no":"0812"}`, i))
	}
	w.apis[0].Close(context.Background())
	w.queue.told(t, 10)
	require.Equal(t, http.StatusOK, c.post("/order", pulsa).status, "accepted all the same: the scheduler finds it")
}

func TestTheWorkForAnAnswerIsBounded(t *testing.T) {
	t.Parallel()
	var deadline time.Time
	w := newWorld(t, func(d *api.Deps) {
		d.CheckURL = func(ctx context.Context, _ string) error {
			deadline, _ = ctx.Deadline()
			return nil
		}
	})
	c := w.merchant(10_000)
	c.order(strings.Replace(pulsa, `"ppob"`, `"ppob","callback_url":"https://slow.example/"`, 1))
	require.WithinDuration(t, time.Now().Add(20*time.Second), deadline, 5*time.Second)
}

// deadlines records the read deadlines of a connection.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

func TestABodysDeadlineGoesWithTheBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	r := httptest.NewRequest(http.MethodPost, "/api/v1/order", strings.NewReader(pulsa))
	r.Header.Set("Authorization", "Bearer "+c.key)
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	w.apis[0].ServeHTTP(d, r)
	require.Equal(t, http.StatusOK, d.Code)
	require.Equal(t, "no-store", d.Header().Get("Cache-Control"))
	require.Len(t, d.set, 2)
	require.WithinDuration(t, time.Now().Add(10*time.Second), d.set[0], 5*time.Second)
	require.Zero(t, d.set[1], "left behind, it would end the request's context while we work")
}
