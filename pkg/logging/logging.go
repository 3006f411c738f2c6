// Package logging makes the one logger of a process: a line of JSON an event, in UTC, with the ids of what is being done.
//
// The ids (request id, order id) travel in the context, put there once by whoever knows them; each line written with that
// context has them, and the trace's id. Secrets are masked by their type (config.Secret), not by name. Of a customer nothing
// is logged: errors leave out what a source or a database quotes, and what still looks like a number in one is masked.
package logging

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/pkg/config"
)

// New writes to w as cfg says. An unknown level is info: config.Parse has refused it.
func New(w io.Writer, cfg config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: replace}
	if cfg.Format == "text" {
		return slog.New(&handler{slog.NewTextHandler(w, opts)})
	}
	return slog.New(&handler{slog.NewJSONHandler(w, opts)})
}

func replace(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindTime:
		a.Value = slog.TimeValue(a.Value.Time().UTC().Truncate(time.Microsecond))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(Text(err))
		}
	case slog.KindString:
		if texts[a.Key] {
			a.Value = slog.StringValue(numbers(a.Value.String()))
		}
	default:
	}
	return a
}

type attrsKey struct{}

// With gives a context whose log lines carry attrs, besides those that ctx had.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	had, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	return context.WithValue(ctx, attrsKey{}, append(slices.Clip(had), attrs...))
}

// handler adds to each record what its context carries.
type handler struct{ slog.Handler }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	attrs, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	span := trace.SpanContextFromContext(ctx)
	if len(attrs) > 0 || span.IsValid() {
		r = r.Clone()
		r.AddAttrs(attrs...)
		if span.IsValid() {
			r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs)}
}

func (h *handler) WithGroup(name string) slog.Handler { return &handler{h.Handler.WithGroup(name)} }
