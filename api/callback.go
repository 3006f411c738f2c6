package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/callback"
)

// routeCallback is the label of all of them, whosever they are.
const routeCallback = "callback"

// isCallback tells whether a request is a source's callback, and gives its token.
func isCallback(r *http.Request) (token string, ok bool) {
	token, ok = strings.CutPrefix(r.URL.Path, callback.Path)
	return token, ok && r.Method == http.MethodPost
}

// serveCallback takes a source's callback, outside the merchants' API. Whoever posts
// learns nothing by the answer: it is the same for every token, body and signature, and
// in whatever state we are.
func (s *server) serveCallback(c *rest.Call, token string) {
	c.Route = routeCallback
	if s.deps.Callbacks != nil {
		conn := http.NewResponseController(c.W)
		_ = conn.SetReadDeadline(time.Now().Add(bodyTimeout)) // a recorder has none
		id, upstream := s.deps.Callbacks.Take(c.R.Context(), token, c.R.Header, c.R.Body)
		_ = conn.SetReadDeadline(time.Time{})
		if id != 0 {
			s.tell.callback(upstream, id)
		}
	}
	h := c.W.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	_, _ = c.W.Write([]byte("{\"ok\":true}\n")) // whoever posted may have gone
}
