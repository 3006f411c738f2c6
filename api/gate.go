package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/httpx"
	"github.com/muarahq/muara/pkg/merchant"
)

// caller is who calls.
func caller(ctx context.Context) *merchant.Identity {
	who, _ := rest.CallOf(ctx).Who.(*merchant.Identity)
	return who
}

// serve answers one request.
func (s *server) serve(c *rest.Call) {
	if token, ok := isCallback(c.R); ok {
		s.serveCallback(c, token)
		return
	}
	path, below := cutBase(c.R.URL.EscapedPath())
	if !below {
		s.servePage(c)
		return
	}
	s.serveRoute(c, path)
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
func (s *server) serveRoute(c *rest.Call, path string) {
	// A list of the catalogue says otherwise.
	c.W.Header().Set("Cache-Control", "no-store")
	route, missing := s.rest.Find(c, path)
	who, err := s.authenticate(c.R)
	switch {
	case err != nil && missing != nil:
		s.rest.Refuse(c, missing)
		return
	case err != nil:
		if c.R.Method != http.MethodGet && c.R.Method != http.MethodHead {
			err = undecidedError{err} // sent before, it may have been done
		}
		s.rest.Refuse(c, err)
		return
	}
	c.Who = who
	span := oteltrace.SpanFromContext(c.R.Context())
	span.SetAttributes(attribute.String("muara.mode", string(who.Mode)))
	if err := s.admit(c, who); err != nil {
		s.rest.Refuse(c, err)
		return
	}
	if missing != nil {
		s.rest.Refuse(c, missing)
		return
	}
	if err := rest.CheckQuery(c.R); err != nil {
		s.rest.Refuse(c, err)
		return
	}
	route.Handler(c.R.Method)(c.W, c.R)
}

func (s *server) authenticate(r *http.Request) (*merchant.Identity, error) {
	secret, ok := rest.Bearer(r)
	if !ok {
		return nil, fault.New(fault.Unauthorized, "send your API key as Authorization: Bearer <key>")
	}
	who, err := s.deps.Auth.Authenticate(r.Context(), secret)
	if err == merchant.ErrUnauthorized { //nolint:errorlint // returned as it is
		return nil, fault.New(fault.Unauthorized, "the API key is wrong or revoked")
	}
	return who, err
}

// admit makes 403 of a suspended merchant and of an address that is not listed,
// and 429 of one request too many. A request that is refused with 403 does not
// count: whoever stole a key must not use up its owner's limit.
func (s *server) admit(c *rest.Call, who *merchant.Identity) error {
	var forbidden error
	switch {
	case who.Status != merchant.Active:
		forbidden = fault.New(fault.Forbidden, "this merchant is suspended")
	case !who.Allows(httpx.ClientAddr(c.R, s.deps.Listen.TrustedProxies)):
		forbidden = fault.New(fault.IPNotAllowed, "your address is not on this merchant's list")
	}
	if forbidden != nil {
		tellLimit(c.W.Header(), s.deps.Limiter.Look(c.R.Context(), who.WalletID))
		return forbidden
	}
	v := s.deps.Limiter.Count(c.R.Context(), who.WalletID)
	tellLimit(c.W.Header(), v)
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
