package trace_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/trace"
)

var discard = slog.New(slog.DiscardHandler)

func TestWithoutAnEndpointNothingIsRecorded(t *testing.T) {
	t.Parallel()
	provider, stop, err := trace.Start(t.Context(), config.Trace{}, "api", "v1", discard)
	require.NoError(t, err)
	ctx, span := provider.Tracer("x").Start(t.Context(), "y")
	require.False(t, span.IsRecording())
	require.Empty(t, trace.Inject(ctx))
	require.NoError(t, stop(t.Context()))
}

func TestATraceIsSentAndContinuesThroughText(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.URL.Path }))
	t.Cleanup(collector.Close)
	provider, stop, err := trace.Start(t.Context(), config.Trace{Endpoint: collector.URL, Ratio: 1}, "api", "v1", discard)
	require.NoError(t, err)

	ctx, span := provider.Tracer("api").Start(t.Context(), "place")
	parent := trace.Inject(ctx)
	require.NotEmpty(t, parent)
	later := trace.Extract(context.Background(), parent)
	_, child := provider.Tracer("worker").Start(later, "submit")
	require.Equal(t, span.SpanContext().TraceID(), child.SpanContext().TraceID())
	child.End()
	span.End()
	require.NoError(t, stop(t.Context()))
	require.Equal(t, "/v1/traces", <-got)

	require.False(t, oteltrace.SpanContextFromContext(trace.Extract(context.Background(), "spoilt")).IsValid())
	require.False(t, oteltrace.SpanContextFromContext(trace.Extract(context.Background(), "")).IsValid())
}
