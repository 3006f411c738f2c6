package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/token"
)

func TestATokenReadsWhoItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.viewer.get("/me")
	me := r.data()
	require.Equal(t, "v", me["name"])
	require.Equal(t, "viewer", me["role"])
	require.NotContains(t, r.raw, w.viewer.secret)
	require.NotEmpty(t, r.header.Get("X-Request-Id"))
	require.Equal(t, "no-store", r.header.Get("Cache-Control"))
	require.Contains(t, w.logs.String(), `msg="admin request"`, "reading is logged")
	require.Contains(t, w.logs.String(), "token=v")
}

func TestARevokedTokenIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.viewer.get("/me").data()
	row := w.finance.post(fmt.Sprintf("/tokens/%d/revoke", w.viewer.id), "").data()
	require.NotNil(t, row["revoked_at"])
	w.viewer.get("/me").refused(http.StatusUnauthorized, "unauthorized")
	e := w.audited("v")
	require.Equal(t, "token.revoke", e.Action)
	require.Equal(t, "token:f", e.Actor)
	w.finance.post("/tokens/999/revoke", "").refused(http.StatusNotFound, "not_found")
	list := w.viewerless().get("/tokens")
	require.Equal(t, "4", fmt.Sprint(list.data()["count"]))
	for _, c := range []*client{w.viewer, w.operator, w.finance} {
		require.NotContains(t, list.raw, c.secret)
	}
}

// viewerless is a further viewer.
func (w *world) viewerless() *client { return w.token("v2", token.Viewer) }

func TestOfTwoAtOnceOneRevokes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.changes()
	won, lost := 0, 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r := w.finance.post(fmt.Sprintf("/tokens/%d/revoke", w.viewer.id), "")
			mu.Lock()
			defer mu.Unlock()
			switch r.status {
			case http.StatusOK:
				won++
			case http.StatusConflict:
				lost++
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, won)
	require.Equal(t, 7, lost)
	require.Equal(t, before+1, w.changes(), "what was refused left nothing")
	require.Equal(t, "revoked", w.finance.post(fmt.Sprintf("/tokens/%d/revoke", w.viewer.id), "").refused(http.StatusConflict, "conflict").detail("state"))
}

func TestTheAuditLogIsPagedAndSelected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 5 {
		w.token(fmt.Sprintf("t%d", i), token.Viewer)
	}
	var seen []string
	path := "/audit?action=token.create&limit=3"
	for path != "" {
		data := w.operator.get(path).data()
		for _, e := range data["entries"].([]any) {
			seen = append(seen, e.(map[string]any)["subject"].(string))
		}
		path = ""
		if next, ok := data["next_cursor"].(string); ok {
			path = "/audit?action=token.create&limit=3&cursor=" + next
		}
	}
	require.Equal(t, []string{"t4", "t3", "t2", "t1", "t0", "f", "o", "v"}, seen)
	require.Equal(t, "1", fmt.Sprint(w.operator.get("/audit?subject=t2").data()["count"]))
	require.Equal(t, "0", fmt.Sprint(w.operator.get("/audit?actor=token:nobody").data()["count"]))
	require.Equal(t, "0", fmt.Sprint(w.operator.get("/audit?to=2020-01-01").data()["count"]))
	require.Equal(t, "8", fmt.Sprint(w.operator.get("/audit?from=2020-01-01").data()["count"]))
	w.operator.get("/audit?cursor=x").refused(http.StatusBadRequest, "invalid_request").detail("cursor")
	require.Contains(t, w.operator.get("/audit").raw, `"role":"viewer"`)
	require.NotContains(t, w.viewer.get("/audit").raw, `"role":"viewer"`, "a viewer reads no details")
}

func TestAnAddressThatFailsTooOftenIsNotListenedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	guesser := &client{w: w, secret: "mra_admin_aaaaaaaaaaaaaaaaaaaaaaaaaa", addr: "203.0.113.7:1"}
	known := *w.operator
	known.addr = guesser.addr
	known.get("/me").data()
	for range 10 {
		guesser.get("/me").refused(http.StatusUnauthorized, "unauthorized")
	}
	require.NotEmpty(t, guesser.get("/me").refused(http.StatusTooManyRequests, "rate_limited").header.Get("Retry-After"))
	fresh := *w.finance
	fresh.addr = guesser.addr
	fresh.get("/me").refused(http.StatusTooManyRequests, "rate_limited")
	known.get("/me").data() // a token that was good before is heard all the same
	w.viewer.get("/me").data()
	w.clock.pass(time.Minute)
	fresh.get("/me").data()
	guesser.get("/me").refused(http.StatusUnauthorized, "unauthorized")
	require.NoError(t, testutil.GatherAndCompare(w.metrics, strings.NewReader(`
# HELP muara_admin_refused_total Calls of the admin API that were let in nowhere, by why: address, missing, unknown, revoked, expired, tries.
# TYPE muara_admin_refused_total counter
muara_admin_refused_total{why="address"} 0
muara_admin_refused_total{why="expired"} 0
muara_admin_refused_total{why="missing"} 0
muara_admin_refused_total{why="revoked"} 0
muara_admin_refused_total{why="tries"} 2
muara_admin_refused_total{why="unknown"} 11
`), "muara_admin_refused_total"))
}

func TestOnlyListedAddressesGetAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.API.AdminAllow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	w.viewer.get("/me").data()
	outside := *w.viewer
	outside.addr = "203.0.113.7:1"
	outside.get("/me").refused(http.StatusForbidden, "ip_not_allowed")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.json", nil)
	r.RemoteAddr = outside.addr
	w.do(r).refused(http.StatusForbidden, "ip_not_allowed")
}

func TestEveryAnswerIsTheEnvelope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.viewer.get("/nothing").refused(http.StatusNotFound, "not_found")
	r := w.viewer.send(http.MethodDelete, "/me", "").refused(http.StatusMethodNotAllowed, "method_not_allowed")
	require.Equal(t, "GET, HEAD", r.header.Get("Allow"))
	stranger := &client{w: w, addr: "192.0.2.9:1"}
	for _, path := range []string{"/nothing", "/me"} {
		r := stranger.send(http.MethodDelete, path, "").refused(http.StatusUnauthorized, "unauthorized")
		require.Empty(t, r.header.Get("Allow"), "a stranger does not learn which routes there are")
		require.Equal(t, "Bearer", r.header.Get("WWW-Authenticate"))
	}
	w.finance.post("/tokens/x/revoke", "").refused(http.StatusBadRequest, "invalid_request")
	w.exec(`ALTER TABLE admin_tokens RENAME TO elsewhere`)
	failed := w.viewer.get("/me").refused(http.StatusInternalServerError, "internal_error")
	require.NotContains(t, failed.raw, "admin_tokens", "our own faults say nothing")
}

func TestTheDocumentIsServedToWhomeverReachesThePort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, contentType := range map[string]string{"/openapi.json": "application/openapi+json", "/docs": "text/html; charset=utf-8"} {
		r := w.do(httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		require.Equal(t, http.StatusOK, r.status)
		require.Equal(t, contentType, r.header.Get("Content-Type"))
		require.Contains(t, r.raw, "/tokens/{id}/revoke")
	}
	require.Equal(t, http.StatusFound, w.do(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)).status)
}
