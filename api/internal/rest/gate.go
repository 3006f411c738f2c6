package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/httpx"
	"github.com/muarahq/muara/pkg/logging"
)

// Call is one request on its way: what was found out about it.
type Call struct {
	R *http.Request
	W *Response
	// Who calls, as the service knows its callers; nil until that is known.
	Who any
	// Route is the pattern of what was asked for, for metrics.
	Route string
	// atSource tells that it was refused for a source's fault.
	atSource bool
}

type callKey struct{}

// CallOf gives the call that ctx belongs to.
func CallOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Serve is the outermost handler: every request gets an id, a measurement and, whatever
// happens in next, an answer.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, next func(*Call)) {
	start := time.Now()
	id := httpx.RequestID(r)
	w.Header().Set(httpx.RequestIDHeader, id)
	c := &Call{W: &Response{ResponseWriter: w, head: r.Method == http.MethodHead}, Route: RouteUnknown}
	ctx, span := s.Tracer.Start(logging.With(httpx.WithRequestID(r.Context(), id), slog.String("request_id", id)),
		"request", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	c.R = r.WithContext(context.WithValue(ctx, callKey{}, c))
	defer func() {
		s.recovered(c, recover())
		s.Metrics.observe(c, r.Method, time.Since(start))
		span.SetName(r.Method + " " + c.Route)
		span.SetAttributes(attribute.String("http.route", c.Route), attribute.Int("http.response.status_code", c.W.status),
			attribute.String("muara.request_id", id))
		if c.W.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
		if s.Log.Enabled(ctx, slog.LevelDebug) {
			s.Log.DebugContext(ctx, "request", "method", r.Method, "route", c.Route, "status", c.W.status, "seconds", time.Since(start).Seconds())
		}
		if c.W.broken {
			panic(http.ErrAbortHandler)
		}
	}()
	next(c)
}

// errPanic is all that a panic comes to; the log has the rest.
var errPanic = errors.New("panic")

// recovered turns a panic into the envelope, or, when part of an answer is out
// already, into a connection that visibly breaks off.
func (s *Service) recovered(c *Call, p any) {
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler && c.R.Context().Err() == nil { //nolint:errorlint // a panic's value, compared as net/http does
		s.Log.ErrorContext(c.R.Context(), "panic", "error", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
	if c.W.status != 0 {
		c.W.broken = true
		return
	}
	s.Refuse(c, errPanic) // each service has its own words for what nobody classified
}

// Find looks a path below the service's base up, and says what is wrong with a route
// that cannot be served.
func (s *Service) Find(c *Call, path string) (*Node, error) {
	route := s.router.Find(c.R, path)
	if route == nil {
		return nil, fault.New(fault.NotFound, "there is no such route")
	}
	c.Route = route.Pattern
	if route.Handler(c.R.Method) == nil {
		c.W.Header().Set("Allow", route.Allow())
		return route, fault.New(fault.MethodNotAllowed, "this route does not take this method")
	}
	return route, nil
}

// Bearer is the secret in the Authorization header; false where there is none.
func Bearer(r *http.Request) (secret string, ok bool) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), strings.EqualFold(scheme, "Bearer")
}

// Response remembers what was answered, and sends no body to HEAD.
type Response struct {
	http.ResponseWriter
	status int
	head   bool
	broken bool
}

// Unwrap lets http.ResponseController reach the connection.
func (w *Response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Status is what was answered; zero before that.
func (w *Response) Status() int { return w.status }

// WriteHeader answers with a status; the first one counts.
func (w *Response) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *Response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.head {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}
