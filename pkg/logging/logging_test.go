package logging_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/logging"
)

func TestALineHasTheIdsOfItsContextAndNoSecret(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := logging.New(&out, config.Log{Level: "info"}).With("role", "api")
	ctx := logging.With(t.Context(), slog.String("request_id", "r1"))
	inner := logging.With(ctx, slog.String("order_id", "PPOB-1"))
	sibling := logging.With(ctx, slog.String("order_id", "PPOB-2"))
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})

	log.InfoContext(trace.ContextWithSpanContext(inner, span), "placed",
		"key", config.Secret("hunter2"), "at", time.Date(2026, 1, 1, 7, 0, 0, 0, time.FixedZone("WIB", 7*3600)))
	log.DebugContext(inner, "not written at this level")
	log.InfoContext(sibling, "other")

	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	require.Len(t, lines, 2)
	var line map[string]any
	require.NoError(t, json.Unmarshal(lines[0], &line))
	require.Equal(t, "api", line["role"])
	require.Equal(t, "r1", line["request_id"])
	require.Equal(t, "PPOB-1", line["order_id"])
	require.Equal(t, "01000000000000000000000000000000", line["trace_id"])
	require.Equal(t, "0200000000000000", line["span_id"])
	require.Equal(t, "2026-01-01T00:00:00Z", line["at"])
	require.Equal(t, "***", line["key"])
	require.NoError(t, json.Unmarshal(lines[1], &line))
	require.Equal(t, "PPOB-2", line["order_id"], "contexts do not share what was added later")
}

func TestTextFormat(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logging.New(&out, config.Log{Level: "debug", Format: "text"}).Debug("hello")
	require.Contains(t, out.String(), "level=DEBUG msg=hello")
}
