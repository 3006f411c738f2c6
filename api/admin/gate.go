package admin

import (
	"context"
	"net/http"
	"strings"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
)

// caller is whose token was used.
func caller(ctx context.Context) *token.Token {
	who, _ := rest.CallOf(ctx).Who.(*token.Token)
	return who
}

// actor is what the audit log calls the caller.
func actor(ctx context.Context) string { return caller(ctx).Actor() }

// masked tells whether the caller reads what belongs to merchants' customers masked.
func masked(ctx context.Context) bool { return !caller(ctx).Role.May(token.Operator) }

// needFinance refuses what takes finance on an operator's route, as its body says.
func needFinance(ctx context.Context, what string) error {
	if caller(ctx).Role.May(token.Finance) {
		return nil
	}
	return fault.New(fault.Forbidden, what+" needs the role "+string(token.Finance))
}

// serve answers one request.
func (s *server) serve(c *rest.Call) {
	path, below := strings.CutPrefix(c.R.URL.EscapedPath(), Base)
	if !below || path != "" && path[0] != '/' {
		s.servePage(c)
		return
	}
	c.W.Header().Set("Cache-Control", "no-store")
	who, err := s.door.enter(c.R)
	if err != nil {
		_, _ = s.rest.Find(c, path) // for its metrics: nobody unknown learns which routes there are
		c.W.Header().Del("Allow")
		s.rest.Refuse(c, err)
		return
	}
	c.Who = who
	route, missing := s.rest.Find(c, path)
	wrong := rest.CheckQuery(c.R)
	switch {
	case missing != nil:
		s.rest.Refuse(c, missing)
	case !who.Role.May(s.needed(c, route)):
		s.rest.Refuse(c, fault.New(fault.Forbidden, "this needs the role "+string(s.needed(c, route))))
	case wrong != nil:
		s.rest.Refuse(c, wrong)
	default:
		route.Handler(c.R.Method)(c.W, c.R)
	}
	s.deps.Log.InfoContext(c.R.Context(), "admin request", "token", who.Name, "role", who.Role, "method", c.R.Method, "path", c.R.URL.Path, "status", c.W.Status())
}

// needed is the role that a route needs with the method of the call.
func (s *server) needed(c *rest.Call, route *rest.Node) token.Role {
	method := c.R.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return s.needs[method+" "+route.Pattern]
}

// servePage answers what is not below the base path: the document, which says nothing of
// anybody and needs no token, yet only to whom the address list lets.
func (s *server) servePage(c *rest.Call) {
	if err := s.door.look(c.R); err != nil {
		s.rest.Refuse(c, err)
		return
	}
	if c.R.URL.Path == "/" {
		http.Redirect(c.W, c.R, "/docs", http.StatusFound)
		return
	}
	s.rest.ServePage(c, s.pages())
}
