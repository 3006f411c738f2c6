// Package trace sets up OpenTelemetry. Without an endpoint nothing is recorded and nothing is sent.
//
// Providers are passed in, not global. A trace crosses the places where no header travels (a row, a task) as a W3C
// traceparent text: Inject writes it, Extract reads it.
package trace

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/muarahq/muara/pkg/config"
)

const traceparent = "traceparent"

// Start gives the provider that cfg asks for and the function that sends what is left and ends it. role names the service:
// "muara-api". An endpoint that is away costs spans, never requests; its errors go to log.
//
// A main calls it once: OpenTelemetry's handler of its own errors is the process's.
func Start(ctx context.Context, cfg config.Trace, role, version string, log *slog.Logger) (trace.TracerProvider, func(context.Context) error, error) {
	if cfg.Endpoint == "" {
		return noop.NewTracerProvider(), func(context.Context) error { return nil }, nil
	}
	endpoint, err := tracesURL(cfg.Endpoint)
	if err != nil {
		return nil, nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
	if err != nil {
		return nil, nil, fmt.Errorf("trace: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("trace", "error", err.Error()) }))
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.Ratio))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "muara-"+role),
			attribute.String("service.version", version),
		)),
	)
	return provider, provider.Shutdown, nil
}

// tracesURL adds OTLP's own path where the endpoint has none.
func tracesURL(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", fmt.Errorf("trace: endpoint: %w", err)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}

// Propagator is how a trace crosses HTTP.
func Propagator() propagation.TextMapPropagator { return propagation.TraceContext{} }

// Inject is the traceparent of ctx; empty when there is no trace.
func Inject(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	Propagator().Inject(ctx, carrier)
	return carrier[traceparent]
}

// Extract continues the trace of a traceparent; an empty or spoilt one leaves ctx as it is.
func Extract(ctx context.Context, parent string) context.Context {
	return Propagator().Extract(ctx, propagation.MapCarrier{traceparent: parent})
}
