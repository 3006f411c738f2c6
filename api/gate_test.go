package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/merchant"
)

func TestBothBasePathsServeTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	for _, base := range []string{"/api/v1", "/v1"} {
		d := c.send(http.MethodGet, base+"/ping", "").data()
		require.Equal(t, c.id, d["merchant"].(map[string]any)["id"])
	}
}

func TestAKeyIsNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.merchant(0)
	nobody := &client{w: w}
	for name, headers := range map[string][]string{
		"none":          nil,
		"another form":  {"Authorization: Basic " + good.key},
		"only the word": {"Authorization: Bearer"},
		"garbage":       {"Authorization: Bearer garbage"},
		"unknown":       {"Authorization: Bearer mra_live_" + strings.Repeat("a", 32)},
		"another brand": {"Authorization: Bearer " + strings.Replace(good.key, "mra_", "vel_", 1)},
	} {
		r := nobody.get("/ping", headers...)
		r.refused(http.StatusUnauthorized, "unauthorized")
		require.Equal(t, "Bearer", r.header.Get("WWW-Authenticate"), name)
		require.Empty(t, r.header.Get("RateLimit-Limit"), name)
	}
	require.Equal(t, http.StatusOK, nobody.get("/ping", "Authorization: bearer "+good.key).status)
}

func TestARevokedKeyIsUnauthorized(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	keys, err := w.store.Keys(t.Context(), c.id)
	require.NoError(t, err)
	require.NoError(t, w.store.RevokeKey(t.Context(), keys[0].ID, "test"))
	c.get("/ping").refused(http.StatusUnauthorized, "unauthorized")
}

func TestASuspendedMerchantIsForbiddenEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(t, 120))
	c := w.merchant(0)
	require.NoError(t, w.store.SetStatus(t.Context(), c.id, merchant.Suspended, "test"))
	for _, path := range []string{"/ping", "/profile", "/ppob/products", "/order/x", "/nothing/here"} {
		r := c.get(path)
		r.refused(http.StatusForbidden, "forbidden")
		require.Equal(t, "120", r.header.Get("RateLimit-Remaining"), "a request that is refused here does not count")
	}
	c.post("/order", `{`).refused(http.StatusForbidden, "forbidden")
}

func TestOnlyListedAddressesMayCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting("10.0.0.0/8"))
	c := w.merchant(0, func(n *merchant.New) {
		n.IPs = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	})
	from := func(peer, forwarded string) *reply {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/ping", nil)
		r.RemoteAddr = peer
		r.Header.Set("Authorization", "Bearer "+c.key)
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		return c.do(r)
	}
	require.Equal(t, http.StatusOK, from("203.0.113.7:999", "").status)
	require.Equal(t, http.StatusOK, from("[2001:db8::9]:999", "").status)
	require.Equal(t, http.StatusOK, from("10.1.1.1:999", "203.0.113.7").status)
	from("198.51.100.1:999", "").refused(http.StatusForbidden, "ip_not_allowed")
	from("198.51.100.1:999", "203.0.113.7").refused(http.StatusForbidden, "ip_not_allowed")
	from("10.1.1.1:999", "203.0.113.7, 198.51.100.1").refused(http.StatusForbidden, "ip_not_allowed")
}

func TestTheRateLimitIsSharedAndTold(t *testing.T) {
	t.Parallel()
	regs := make([]*prometheus.Registry, 0, 2)
	w := newWorld(t, limited(t, 4), func(d *api.Deps) {
		regs = append(regs, prometheus.NewRegistry())
		d.Metrics = regs[len(regs)-1]
	})
	c := w.merchant(0)
	for i := range 4 {
		r := c.on(i % 2).get("/ping")
		require.Equal(t, http.StatusOK, r.status)
		require.Equal(t, "4", r.header.Get("RateLimit-Limit"))
		require.Equal(t, strconv.Itoa(3-i), r.header.Get("RateLimit-Remaining"))
		reset, err := strconv.Atoi(r.header.Get("RateLimit-Reset"))
		require.NoError(t, err)
		require.True(t, reset > 0 && reset <= 60)
	}
	for i := range 2 {
		r := c.on(i).get("/ping")
		r.refused(http.StatusTooManyRequests, "rate_limited")
		require.Equal(t, "0", r.header.Get("RateLimit-Remaining"))
		after, err := strconv.Atoi(r.header.Get("Retry-After"))
		require.NoError(t, err)
		require.True(t, after > 0 && after <= 60)
	}
	c.post("/order", `{`).refused(http.StatusTooManyRequests, "rate_limited")
	for i, refused := range []int{2, 1} {
		require.NoError(t, testutil.GatherAndCompare(regs[i], strings.NewReader(fmt.Sprintf(`
# HELP muara_http_rate_limited_total Requests that were refused because their caller had sent too many.
# TYPE muara_http_rate_limited_total counter
muara_http_rate_limited_total %d
`, refused)), "muara_http_rate_limited_total"))
	}
	require.Equal(t, http.StatusOK, w.merchant(0).get("/ping").status, "another merchant has a limit of its own")

	key, err := w.store.CreateKey(t.Context(), c.id, merchant.Test, "test", "test")
	require.NoError(t, err)
	other := *c
	other.key = key.Secret
	require.Equal(t, http.StatusOK, other.get("/ping").status, "and so has its other mode")
}

func TestEveryAnswerToAKnownMerchantTellsTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(t, 120))
	c := w.merchant(0)
	for _, r := range []*reply{
		c.get("/ping"), c.get("/nothing"), c.post("/ping", ""), c.post("/order", `{`), c.get("/order/nobody"),
		c.get("/ppob/products"), c.get("/mutations?format=csv"), c.send(http.MethodHead, "/api/v1/ping", ""),
	} {
		require.Equal(t, "120", r.header.Get("RateLimit-Limit"), r.raw)
		require.NotEmpty(t, r.header.Get("RateLimit-Remaining"))
		require.NotEmpty(t, r.header.Get("RateLimit-Reset"))
	}
}

func TestAnUnknownRouteIs404EvenWithoutAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	for _, who := range []*client{c, {w: w}, {w: w, key: "garbage"}} {
		for _, path := range []string{"/api/v1", "/api/v1/", "/api/v1/nothing", "/v1/order/x/y/z", "/api/v1/ping/", "/api/v1//ping", "/api/v1/../v1/ping", "/api/v1/order/", "/nothing", "/api/v2/ping", "/api/v1x"} {
			who.send(http.MethodGet, path, "").refused(http.StatusNotFound, "not_found")
		}
	}
}

func TestAWrongMethodIs405AndSaysWhichAreRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	for _, tc := range []struct{ method, path, allow string }{
		{http.MethodPost, "/ping", "GET, HEAD"},
		{http.MethodDelete, "/ping", "GET, HEAD"},
		{http.MethodOptions, "/ping", "GET, HEAD"},
		{http.MethodGet, "/order", "POST"},
		{http.MethodPut, "/order/x", "GET, HEAD"},
		{http.MethodGet, "/order/x/cancel", "POST"},
		{http.MethodDelete, "/webhook", "GET, HEAD, PUT"},
		{"BREW", "/ping", "GET, HEAD"},
	} {
		r := c.send(tc.method, "/api/v1"+tc.path, "")
		r.refused(http.StatusMethodNotAllowed, "method_not_allowed")
		require.Equal(t, tc.allow, r.header.Get("Allow"))
		require.Empty(t, r.header.Get("Access-Control-Allow-Origin"))
	}
}

func TestHeadWorksAsGet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	for _, path := range []string{"/ping", "/ppob/products", "/orders", "/mutations", "/order/nobody"} {
		get, head := c.get(path), c.send(http.MethodHead, "/api/v1"+path, "")
		require.Equal(t, get.status, head.status, path)
		require.Empty(t, head.raw, path)
		require.Equal(t, get.header.Get("Content-Type"), head.header.Get("Content-Type"), path)
		require.Equal(t, get.header.Get("ETag"), head.header.Get("ETag"), path)
	}
}

func TestEveryAnswerCarriesARequestID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	require.Equal(t, "mine-1.2_3", c.get("/ping", "X-Request-Id: mine-1.2_3").header.Get("X-Request-Id"))
	for _, r := range []*reply{c.get("/ping"), c.get("/nothing"), (&client{w: w}).get("/ping"), c.get("/ping", "X-Request-Id: no spaces"), c.send(http.MethodGet, "/docs", "")} {
		require.Regexp(t, `^[A-Za-z0-9._-]{1,128}$`, r.header.Get("X-Request-Id"))
		require.NotEqual(t, "no spaces", r.header.Get("X-Request-Id"))
	}
}

func TestAPanicIsAnAnswerThatSaysNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *api.Deps) {
		d.CheckURL = func(context.Context, string) error { panic("secret of the house") }
	})
	c := w.merchant(10_000)
	r := c.post("/order", `{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"0812","callback_url":"https://x.example"}`, "X-Request-Id: find-me")
	r.refused(http.StatusInternalServerError, "internal_error")
	require.NotContains(t, r.raw, "secret of the house")
	require.Contains(t, w.logs.String(), "secret of the house")
	require.EqualValues(t, 10_000, c.balance())
}

func TestAnUnclassifiedErrorSaysNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	require.Equal(t, http.StatusOK, c.get("/tiers").status)
	w.exec(`ALTER TABLE tiers RENAME COLUMN min_orders TO hidden_column`)
	r := c.get("/tiers")
	r.refused(http.StatusInternalServerError, "internal_error")
	require.NotContains(t, r.raw, "min_orders")
	require.Contains(t, w.logs.String(), "min_orders")
}

func TestWhatTheGuardRefusesIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	for _, url := range []string{"http://merchant.example/hook", "https://printer.internal/hook", "not a url", "https://127.0.0.1/"} {
		c.post("/order", `{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"0812","callback_url":"`+url+`"}`).invalid("callback_url")
	}
	require.Zero(t, w.count(`SELECT count(*) FROM orders`))
}

func TestTheChecksComeInTheOrderOfTheContract(t *testing.T) {
	t.Parallel()
	// Each request breaks its own rule and every later one.
	w := newWorld(t, limited(t, 30))
	nobody := &client{w: w}
	nobody.post("/order", `{`).refused(http.StatusUnauthorized, "unauthorized")

	suspended := w.merchant(0)
	for range 31 {
		suspended.get("/ping")
	}
	suspended.get("/ping").refused(http.StatusTooManyRequests, "rate_limited")
	listed := w.merchant(0, func(n *merchant.New) { n.IPs = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")} })
	listed.post("/order", `{`).refused(http.StatusForbidden, "ip_not_allowed")

	limitedOne := w.merchant(0)
	for range 30 {
		limitedOne.get("/ping")
	}
	limitedOne.post("/order", `{`).refused(http.StatusTooManyRequests, "rate_limited")

	c := w.merchant(5250)
	c.order(`{"category":"ppob","ref":"used","sku":"TSEL5","customer_no":"0812"}`)
	require.EqualValues(t, 0, c.balance())
	// 400 before the repeated ref
	c.post("/order", `{"category":"ppob","ref":"used","sku":"TSEL5"}`).invalid("customer_no")
	c.post("/order", `{"category":"otp","ref":"used","sku":"TSEL5"}`).invalid("sku")
	// the repeated ref before 404, 422, 503 and 402
	c.post("/order", `{"category":"ppob","ref":"used","sku":"NOSUCH","customer_no":"0812"}`).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", `{"category":"ppob","ref":"used","sku":"TSEL10","customer_no":"0812"}`).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", `{"category":"ppob","ref":"used","sku":"TSEL20","customer_no":"0812"}`).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", `{"category":"ppob","ref":"used","sku":"TSEL5","customer_no":"0813"}`).refused(http.StatusConflict, "ref_conflict")
	// 404, 422, 503 and 402 each
	c.post("/order", `{"category":"ppob","ref":"n","sku":"NOSUCH","customer_no":"0812","max_price":1}`).refused(http.StatusNotFound, "not_found")
	c.post("/order", `{"category":"ppob","ref":"n","sku":"TSEL10","customer_no":"0812"}`).refused(http.StatusUnprocessableEntity, "unavailable")
	c.post("/order", `{"category":"ppob","ref":"n","sku":"TSEL5","customer_no":"0812","max_price":1}`).refused(http.StatusUnprocessableEntity, "price_changed")
	c.post("/order", `{"category":"ppob","ref":"n","sku":"TSEL5","customer_no":"0812"}`).refused(http.StatusPaymentRequired, "insufficient_balance")
}
