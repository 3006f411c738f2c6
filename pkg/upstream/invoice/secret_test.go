package invoice_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/testredis"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/invoice"
)

// forms are the ways in which the key can be written.
func forms() []string {
	return []string{secret, url.QueryEscape(secret), url.PathEscape(secret), fmt.Sprintf("%q", secret)}
}

// keyless sees that nothing of the key is in a text.
func keyless(t *testing.T, name, text string) {
	t.Helper()
	for _, form := range append(forms(), "s3cr3t") {
		require.NotContains(t, text, form, name)
	}
}

// TestTheKeyIsSeenByNobody: whatever the gateway or the network does, no error, result,
// log line, metric or span has the key.
func TestTheKeyIsSeenByNobody(t *testing.T) {
	t.Parallel()
	rdb := testredis.New(t)
	jsonOf := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, strings.ReplaceAll(body, "URL", r.URL.String()))
		}
	}
	for name, behave := range map[string]http.HandlerFunc{
		"a refusal that quotes the URL":  jsonOf(`{"error":"tidak ditemukan: URL"}`),
		"a refusal that quotes the key":  jsonOf(`{"error":"API key ` + secret + ` tidak valid URL"}`),
		"a refusal in other words":       jsonOf(`{"success":false,"message":"` + url.QueryEscape(secret) + ` URL"}`),
		"garbage":                        jsonOf(`{"balance":"URL"`),
		"another type":                   jsonOf(`{"balance":"URL","invoice_id":"URL","status":"URL","amount":"URL","data":"URL","error":null}`),
		"an image that bears the key":    jsonOf(`{"invoice_id":"id-1","amount":10000,"fee":123,"total":10123,"status":"pending","qris_image":"http://x.testURL","expired_at":null}`),
		"a withdrawal that bears it":     jsonOf(`{"withdraw_id":"id-1","amount":10000,"fee":0,"total_deduct":10000,"status":"pending","message":"URL","admin_note":"URL","created_at":null}`),
		"a page that quotes the request": func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "<html>%s", r.URL) },
		"a page under an error": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.URL.String(), http.StatusBadGateway)
		},
		"too many requests": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.URL.String(), http.StatusTooManyRequests)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://other.test"+r.URL.String(), http.StatusFound)
		},
		"an odd redirect": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://[::1"+r.URL.String())
			w.WriteHeader(http.StatusFound)
		},
		"a closed connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"silence": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client has gone
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(behave)
			t.Cleanup(srv.Close)
			watched(t, rdb, srv.URL)
		})
	}
	t.Run("nothing listens", func(t *testing.T) {
		t.Parallel()
		srv := httptest.NewServer(http.NotFoundHandler())
		srv.Close()
		watched(t, rdb, srv.URL)
	})
	t.Run("no handshake", func(t *testing.T) {
		t.Parallel()
		srv := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(srv.Close)
		watched(t, rdb, strings.Replace(srv.URL, "http:", "https:", 1))
	})
}

// watched calls everything through the portable client and looks at all that it leaves.
func watched(t *testing.T, rdb redis.UniversalClient, base string) {
	t.Helper()
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	registry := prometheus.NewRegistry()
	spans := tracetest.NewSpanRecorder()
	d, err := invoice.New(upstream.Config{
		Name: "gateway", BaseURL: base, Credentials: map[string]string{"api_key": secret}, HTTP: upstream.NewHTTP(), Log: log,
	})
	require.NoError(t, err)
	const timeout = 300 * time.Millisecond
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	for i, call := range calls() {
		// A budget for each: a block page closes it.
		b := budget.New(rdb, fmt.Sprint(name, i), budget.Limit{Requests: 10, Per: 20 * time.Millisecond}, time.Minute, budget.WithLogger(log), budget.Recovery(0))
		c := upstream.NewClient(d, upstream.Options{
			Name: "gateway", Budget: b, Timeout: timeout, Metrics: upstream.NewMetrics(prometheus.NewRegistry()), Log: log, Now: time.Now,
			Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test"),
		})
		if i == 0 {
			c.Metrics = upstream.NewMetrics(registry)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		out, err := call(ctx, c)
		cancel()
		keyless(t, "result", fmt.Sprintf("%+v", out))
		for e := err; e != nil; e = errors.Unwrap(e) {
			keyless(t, "error", fmt.Sprintf("%v %+v %#v", e, e, e))
		}
		if e, ok := errors.AsType[*upstream.Error](err); ok {
			keyless(t, "what is kept", e.Code+e.Detail+string(e.Reason))
		}
		require.NoError(t, b.Stop(t.Context()))
	}
	require.NotEmpty(t, logged.String())
	keyless(t, "log", logged.String())
	families, err := registry.Gather()
	require.NoError(t, err)
	require.NotEmpty(t, families)
	for _, f := range families {
		keyless(t, "metrics", f.String())
	}
	require.NotEmpty(t, spans.Ended())
	for _, s := range spans.Ended() {
		keyless(t, "spans", fmt.Sprintf("%s %v %v %v", s.Name(), s.Attributes(), s.Events(), s.Status()))
	}
	keys, err := rdb.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	keyless(t, "redis", strings.Join(keys, "\n"))
}

// calls are all that the driver can be asked; pointers are looked into.
func calls() []func(context.Context, *upstream.Client) (any, error) {
	value := func(v any) any {
		switch v := v.(type) {
		case *upstream.Invoice:
			if v != nil {
				return *v
			}
		case *upstream.Payout:
			if v != nil {
				return *v
			}
		}
		return v
	}
	slot := func(ctx context.Context, c *upstream.Client) *budget.Slot {
		s, err := c.Reserve(ctx, budget.Ask)
		if err != nil {
			panic(err)
		}
		return s
	}
	return []func(context.Context, *upstream.Client) (any, error){
		func(ctx context.Context, c *upstream.Client) (any, error) { return c.Balance(ctx) },
		func(ctx context.Context, c *upstream.Client) (any, error) {
			v, err := c.CreateInvoice(ctx, slot(ctx, c), &upstream.InvoiceRequest{Ref: "R", Amount: 10_000})
			return value(v), err
		},
		func(ctx context.Context, c *upstream.Client) (any, error) {
			v, err := c.InvoiceStatus(ctx, slot(ctx, c), "id-1")
			return value(v), err
		},
		func(ctx context.Context, c *upstream.Client) (any, error) {
			v, err := c.CancelInvoice(ctx, slot(ctx, c), "id-1")
			return value(v), err
		},
		func(ctx context.Context, c *upstream.Client) (any, error) {
			return c.InvoiceImage(ctx, &upstream.Invoice{ImageURL: c.Driver().(interface{ Here() string }).Here() + "/qr.png?apikey={apikey}"})
		},
		func(ctx context.Context, c *upstream.Client) (any, error) {
			v, err := c.CreatePayout(ctx, slot(ctx, c), &upstream.PayoutRequest{Amount: 10_000, AccountNumber: "081234567890", AccountName: "A"})
			return value(v), err
		},
		func(ctx context.Context, c *upstream.Client) (any, error) {
			v, err := c.PayoutStatus(ctx, slot(ctx, c), "id-1")
			return value(v), err
		},
		func(ctx context.Context, c *upstream.Client) (any, error) {
			rows, _, err := c.PayoutHistory(ctx, slot(ctx, c), 1)
			return rows, err
		},
	}
}
