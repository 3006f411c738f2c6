package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/httpx"
	"github.com/muarahq/muara/pkg/logging"
	"github.com/muarahq/muara/pkg/merchant"
)

// call is one request on its way: what the gate found out about it.
type call struct {
	r     *http.Request
	w     *response
	who   *merchant.Identity
	route string
}

type callKey struct{}

// callOf gives the call that ctx belongs to.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// caller is who calls.
func caller(ctx context.Context) *merchant.Identity { return callOf(ctx).who }

// serve is the outermost handler: every request gets an id, a measurement and, whatever happens, an answer.
func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	id := httpx.RequestID(r)
	w.Header().Set(httpx.RequestIDHeader, id)
	c := &call{w: &response{ResponseWriter: w, head: r.Method == http.MethodHead}, route: routeUnknown}
	ctx, span := s.tracer.Start(logging.With(httpx.WithRequestID(r.Context(), id), slog.String("request_id", id)),
		"request", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	c.r = r.WithContext(context.WithValue(ctx, callKey{}, c))
	defer func() {
		s.recovered(c, recover())
		s.metrics.observe(c.route, r.Method, c.w.status, time.Since(start))
		span.SetName(r.Method + " " + c.route)
		span.SetAttributes(attribute.String("http.route", c.route), attribute.Int("http.response.status_code", c.w.status),
			attribute.String("muara.request_id", id))
		if c.w.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
		if s.deps.Log.Enabled(ctx, slog.LevelDebug) {
			s.deps.Log.DebugContext(ctx, "request", "method", r.Method, "route", c.route, "status", c.w.status, "seconds", time.Since(start).Seconds())
		}
		if c.w.broken {
			panic(http.ErrAbortHandler)
		}
	}()
	if token, ok := isCallback(c.r); ok {
		s.serveCallback(c, token)
		return
	}
	path, below := cutBase(c.r.URL.EscapedPath())
	if !below {
		s.servePage(c)
		return
	}
	s.serveRoute(c, path)
}

// recovered turns a panic into the envelope, or, when part of an answer is out
// already, into a connection that visibly breaks off.
func (s *server) recovered(c *call, p any) {
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler && c.r.Context().Err() == nil { //nolint:errorlint // a panic's value, compared as net/http does
		s.deps.Log.ErrorContext(c.r.Context(), "panic", "error", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
	if c.w.status != 0 {
		c.w.broken = true
		return
	}
	s.refuse(c, fault.New(fault.Internal, "internal error; asking again is safe"))
}

func (s *server) refuse(c *call, err error) {
	writeFailure(c.w, toFailure(c.r.Context(), err, s.deps.Log))
}

// cutBase gives the path below one of the two base paths.
func cutBase(path string) (string, bool) {
	for _, base := range [...]string{"/api/v1", "/v1"} {
		if below, ok := strings.CutPrefix(path, base); ok && (below == "" || below[0] == '/') {
			return below, true
		}
	}
	return "", false
}

// serveRoute makes the checks that come before any route's own, in the order of
// the contract: 401, 403, 429. What the router cannot find is refused after them,
// yet without a key too.
func (s *server) serveRoute(c *call, path string) {
	// A list of the catalogue says otherwise.
	c.w.Header().Set("Cache-Control", "no-store")
	route := s.router.find(c.r, path)
	missing := missingRoute(c, route)
	who, err := s.authenticate(c.r)
	switch {
	case err != nil && missing != nil:
		s.refuse(c, missing)
		return
	case err != nil:
		s.refuse(c, err)
		return
	}
	c.who = who
	span := oteltrace.SpanFromContext(c.r.Context())
	span.SetAttributes(attribute.String("muara.mode", string(who.Mode)))
	if err := s.admit(c, who); err != nil {
		s.refuse(c, err)
		return
	}
	if missing != nil {
		s.refuse(c, missing)
		return
	}
	route.handler(c.r.Method)(c.w, c.r)
}

// missingRoute says what is wrong with a route that cannot be served.
func missingRoute(c *call, route *node) error {
	if route == nil {
		return fault.New(fault.NotFound, "there is no such route")
	}
	c.route = route.pattern
	if route.handler(c.r.Method) == nil {
		c.w.Header().Set("Allow", route.allow())
		return fault.New(fault.MethodNotAllowed, "this route does not take this method")
	}
	return nil
}

func (s *server) authenticate(r *http.Request) (*merchant.Identity, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, fault.New(fault.Unauthorized, "send your API key as Authorization: Bearer <key>")
	}
	who, err := s.deps.Auth.Authenticate(r.Context(), strings.TrimSpace(secret))
	if err == merchant.ErrUnauthorized { //nolint:errorlint // returned as it is
		return nil, fault.New(fault.Unauthorized, "the API key is wrong or revoked")
	}
	return who, err
}

// admit makes 403 of a suspended merchant and of an address that is not listed,
// and 429 of one request too many. A request that is refused with 403 does not
// count: whoever stole a key must not use up its owner's limit.
func (s *server) admit(c *call, who *merchant.Identity) error {
	var forbidden error
	switch {
	case who.Status != merchant.Active:
		forbidden = fault.New(fault.Forbidden, "this merchant is suspended")
	case !who.Allows(httpx.ClientAddr(c.r, s.deps.Listen.TrustedProxies)):
		forbidden = fault.New(fault.IPNotAllowed, "your address is not on this merchant's list")
	}
	if forbidden != nil {
		tellLimit(c.w.Header(), s.deps.Limiter.Look(c.r.Context(), who.WalletID))
		return forbidden
	}
	v := s.deps.Limiter.Count(c.r.Context(), who.WalletID)
	tellLimit(c.w.Header(), v)
	if !v.Allowed {
		return fault.New(fault.RateLimited, "too many requests").After(max(v.Reset, time.Second))
	}
	return nil
}

func tellLimit(h http.Header, v merchant.Verdict) {
	if v.Limit == 0 {
		return
	}
	h.Set("RateLimit-Limit", strconv.Itoa(v.Limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(v.Remaining))
	h.Set("RateLimit-Reset", strconv.FormatInt(int64((v.Reset+time.Second-1)/time.Second), 10))
}

// response remembers what was answered, and sends no body to HEAD.
type response struct {
	http.ResponseWriter
	status int
	head   bool
	broken bool
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.head {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}
