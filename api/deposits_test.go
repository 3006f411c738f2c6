package api_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/qris"
)

// till is the gateways and their workers: what they answer is the test's.
type till struct {
	w      *world
	keeper *deposit.Keeper
	mu     sync.Mutex
	n      int
	mood   string // "", full, mute, cancel refused, cancel late, paid first
}

func newTill(w *world, accounts *ledger.Accounts) *till {
	return &till{w: w, keeper: deposit.New(deposit.Options{
		Pool: w.db.Pool, Accounts: accounts, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler), Links: deposit.Links{IDPrefix: "MRA"},
	})}
}

func (g *till) opener(log *slog.Logger) *deposit.Opener {
	return &deposit.Opener{Keeper: g.keeper, Ask: g, Log: log, Policy: deposit.Policy{
		Live: []deposit.Gateway{{Name: "hiddengate"}}, Test: []deposit.Gateway{{Name: "hiddenbox"}}, Patience: 2 * time.Second, Share: time.Second,
	}}
}

func (g *till) feel(mood string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mood = mood
}

func (g *till) AskDeposit(ctx context.Context, gateway, kind string, id int64, attempt int) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if kind == deposit.AskCancel {
		return g.cancel(ctx, id)
	}
	d, err := g.keeper.Claim(ctx, id, attempt, gateway)
	if err != nil {
		return deposit.Stale, nil
	}
	switch g.mood {
	case "mute":
		return "", errors.New("hiddengate said nothing")
	case "full":
		return deposit.Refused, g.keeper.End(ctx, d, attempt, deposit.Ended{Outcome: deposit.OutcomeFull, Detail: "hiddengate is full"})
	}
	g.n++
	total := d.Asked + 123
	text, err := qris.Payload{{Tag: "00", Value: "01"}, {Tag: "01", Value: "12"}, {Tag: "54", Value: fmt.Sprint(total)}, {Tag: "59", Value: "PAYEE"}}.Text()
	if err != nil {
		return "", err
	}
	_, err = g.keeper.Opened(ctx, id, attempt, &deposit.Invoice{
		UpstreamRef: fmt.Sprint("HIDDENINV", g.n), QR: text, Total: total, Received: d.Asked, ExpiresAt: g.w.clock.Now().Add(20 * time.Minute),
	})
	return deposit.Done, err
}

func (g *till) cancel(ctx context.Context, id int64) (string, error) {
	s := deposit.Sighting{Seen: deposit.SeenCanceled, Cause: "cancel", Detail: "hiddengate"}
	switch g.mood {
	case "mute":
		return "", errors.New("hiddengate said nothing")
	case "cancel refused":
		s.Seen, s.CancelRefused = deposit.SeenPending, true
	case "paid first":
		s.Seen = deposit.SeenPaid
	}
	_, err := g.keeper.See(ctx, id, s)
	return deposit.Done, err
}

// pay lets the payment of a deposit be seen.
func (g *till) pay(id string) {
	g.w.t.Helper()
	n, ok := deposit.ParseID(id)
	require.True(g.w.t, ok)
	_, err := g.keeper.See(g.w.t.Context(), n, deposit.Sighting{Seen: deposit.SeenPaid, Cause: "poll"})
	require.NoError(g.w.t, err)
}

func (c *client) deposit(body string) map[string]any {
	c.w.t.Helper()
	return c.post("/deposit", body).data()
}

func TestAClientOfThePublicDocumentTopsItsBalanceUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	d := c.send(http.MethodPost, "/v1/deposit", `{ "amount": 100000 }`).data()
	id := d["deposit_id"].(string)
	require.Regexp(t, `^MRA-DP-[0-9A-HJKMNP-TV-Z]{13}$`, id)
	require.EqualValues(t, 100_123, num(d["total_payment"]))
	require.EqualValues(t, 123, num(d["fee"]))
	require.EqualValues(t, 100_000, num(d["amount"]))
	require.Equal(t, "pending", d["status"])
	require.Equal(t, "/api/v1/deposit/"+id, d["status_url"])
	require.Nil(t, d["ref"])
	require.Contains(t, d, "paid_at")
	require.Nil(t, d["paid_at"])
	require.Equal(t, false, d["credited"])
	_, err := time.Parse(time.RFC3339, d["expires_at"].(string))
	require.NoError(t, err)
	code, err := qris.Read(d["qr_string"].(string))
	require.NoError(t, err)
	require.EqualValues(t, 100_123, code.Amount)

	w.till.pay(id)
	got := c.send(http.MethodGet, d["status_url"].(string), "").data()
	require.Equal(t, "paid", got["status"])
	require.Equal(t, true, got["credited"])
	require.EqualValues(t, 100_000, num(got["amount"]))
	require.EqualValues(t, 100_000, num(got["balance"]))
	require.NotNil(t, got["paid_at"])

	m := c.get("/mutations").data()["mutations"].([]any)[0].(map[string]any)
	require.Equal(t, "deposit", m["kind"])
	require.Equal(t, id, m["ref"])
	require.EqualValues(t, 100_000, num(m["credit"]))
	require.Nil(t, m["order_id"])
}

func TestADepositsRefIsItsIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	var wg sync.WaitGroup
	ids := make([]any, 20)
	for i := range ids {
		wg.Go(func() {
			ids[i] = c.on(i%2).post("/deposit", `{"amount":50000,"ref":"top-1","method":"QRIS","extra":1}`).body["data"].(map[string]any)["deposit_id"]
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.Equal(t, 1, w.till.n)
	c.post("/deposit", `{"amount":50001,"ref":"top-1"}`).refused(http.StatusConflict, "ref_conflict")
	require.Equal(t, ids[0], c.get("/deposit/top-1").data()["deposit_id"], "by its ref, too")
	w.till.pay(ids[0].(string))
	again := c.deposit(`{"amount":50000,"ref":"top-1"}`)
	require.Equal(t, "paid", again["status"])
	m := c.get("/mutations").data()["mutations"].([]any)[0].(map[string]any)
	require.Equal(t, "top-1", m["ref"])

	test := w.merchant(0, func(n *merchant.New) { n.Mode = merchant.Test })
	other := test.deposit(`{"amount":50000,"ref":"top-1"}`)
	require.NotEqual(t, ids[0], other["deposit_id"])
	test.get("/deposit/"+ids[0].(string)).refused(http.StatusNotFound, "not_found")
	c.get("/deposit/"+other["deposit_id"].(string)).refused(http.StatusNotFound, "not_found")
	c.post("/deposit/"+other["deposit_id"].(string)+"/cancel", "").refused(http.StatusNotFound, "not_found")
}

func TestADepositThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	c := newWorld(t).merchant(0)
	for body, field := range map[string]string{
		`{}`:                               "amount",
		`{"amount":null}`:                  "amount",
		`{"amount":"50000"}`:               "amount",
		`{"amount":50000.5}`:               "amount",
		`{"amount":9999}`:                  "amount",
		`{"amount":10000001}`:              "amount",
		`{"amount":-50000}`:                "amount",
		`{"amount":50000,"ref":"a b"}`:     "ref",
		`{"amount":50000,"ref":7}`:         "ref",
		`{"amount":50000,"method":"usdt"}`: "method",
		`{"amount":50000,"ref":"` + strings.Repeat("x", 65) + `"}`: "ref",
		`[]`: "body",
	} {
		c.post("/deposit", body).invalid(field)
	}
	c.get("/deposit/MRA-DP-0000000000000").refused(http.StatusNotFound, "not_found")
	c.get("/deposit/takada").refused(http.StatusNotFound, "not_found")
	c.post("/deposit/takada/cancel", "").refused(http.StatusNotFound, "not_found")
	c.get("/deposits?status=odd").invalid("status")
	c.get("/deposits?cursor=odd").invalid("cursor")
	require.Empty(t, c.get("/deposits").data()["deposits"])
}

func TestWithoutAGatewayADepositMayBeAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	for _, mood := range []string{"full", "mute"} {
		w.till.feel(mood)
		for _, body := range []string{`{"amount":50000}`, `{"amount":50000,"ref":"` + mood + `"}`} {
			r := c.post("/deposit", body)
			r.refused(http.StatusServiceUnavailable, "upstream_error")
			require.NotEmpty(t, r.header.Get("Retry-After"))
			require.NotContains(t, r.raw, "hidden")
		}
		c.get("/deposit/"+mood).refused(http.StatusNotFound, "not_found")
	}
	w.till.feel("")
	require.Equal(t, "pending", c.deposit(`{"amount":60000,"ref":"full"}`)["status"])
	w.clock.set(w.clock.Now().Add(time.Minute))
	require.Equal(t, "pending", c.deposit(`{"amount":50000,"ref":"mute"}`)["status"], "whoever asked first has gone")
	require.Len(t, c.get("/deposits").data()["deposits"], 2, "what came to nothing is not listed")
}

func TestTheCodeOfADepositIsAPictureOfOurOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *api.Deps) { d.Deposits.Links.PublicURL = "https://api.example" })
	c := w.merchant(0)
	d := c.deposit(`{"amount":50000}`)
	address := d["qr_image"].(string)
	require.Regexp(t, `^https://api\.example/qr/[A-Z2-7]{26}\.png$`, address)
	require.True(t, strings.HasPrefix(d["status_url"].(string), "https://api.example/api/v1/deposit/MRA-DP-"))
	path := strings.TrimPrefix(address, "https://api.example")
	nobody := &client{w: w}
	r := nobody.send(http.MethodGet, path, "")
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, "image/png", r.header.Get("Content-Type"))
	require.Equal(t, "public, max-age=1200", r.header.Get("Cache-Control"))
	text, err := qris.FromPicture([]byte(r.raw))
	require.NoError(t, err)
	require.Equal(t, d["qr_string"], text)
	head := nobody.send(http.MethodHead, path, "")
	require.Equal(t, http.StatusOK, head.status)
	require.Empty(t, head.raw)
	require.Equal(t, r.header.Get("Content-Length"), head.header.Get("Content-Length"))
	nobody.send(http.MethodPost, path, "").refused(http.StatusMethodNotAllowed, "method_not_allowed")
	for _, odd := range []string{"/qr/", "/qr/x.png", "/qr/" + strings.Repeat("A", 26) + ".png", strings.TrimSuffix(path, ".png"), "/qr/" + strings.Repeat("A", 100) + ".png"} {
		nobody.send(http.MethodGet, odd, "").refused(http.StatusNotFound, "not_found")
	}
	w.till.pay(d["deposit_id"].(string))
	nobody.send(http.MethodGet, path, "").refused(http.StatusNotFound, "not_found")
}

func TestADepositIsCanceledWhileNobodyHasPaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	open := func() string { return c.deposit(`{"amount":50000}`)["deposit_id"].(string) }
	id := open()
	require.Equal(t, "canceled", c.post("/deposit/"+id+"/cancel", "").data()["status"])
	c.post("/deposit/"+id+"/cancel", "").refused(http.StatusConflict, "not_cancelable")
	w.till.pay(id)
	require.Equal(t, "paid", c.get("/deposit/" + id).data()["status"], "paid after all")

	w.till.feel("paid first")
	id = open()
	c.post("/deposit/"+id+"/cancel", "").refused(http.StatusConflict, "not_cancelable")
	require.Equal(t, "paid", c.get("/deposit/" + id).data()["status"])

	w.till.feel("")
	id = open()
	w.till.feel("cancel refused")
	c.post("/deposit/"+id+"/cancel", "").refused(http.StatusConflict, "not_cancelable")

	w.till.feel("")
	id = open()
	w.till.feel("mute")
	require.Equal(t, "pending", c.post("/deposit/"+id+"/cancel", "").data()["status"], "until the gateway says so")
	w.till.feel("")
	require.Equal(t, "canceled", c.post("/deposit/"+id+"/cancel", "").data()["status"])
}

func TestDepositsAreListedInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	var ids []string
	for range 5 {
		ids = append(ids, c.deposit(`{"amount":50000}`)["deposit_id"].(string))
		w.clock.set(w.clock.Now().Add(time.Second))
	}
	w.till.pay(ids[1])
	var seen []string
	path := "/deposits?limit=2"
	for {
		page := c.get(path).data()
		for _, d := range page["deposits"].([]any) {
			seen = append(seen, d.(map[string]any)["deposit_id"].(string))
			require.NotContains(t, d, "balance")
		}
		if page["next_cursor"] == nil {
			break
		}
		path = "/deposits?limit=2&cursor=" + page["next_cursor"].(string)
	}
	require.Equal(t, []string{ids[4], ids[3], ids[2], ids[1], ids[0]}, seen)
	require.Len(t, c.get("/deposits?status=paid").data()["deposits"], 1)
	require.Len(t, c.get("/deposits?status=pending").data()["deposits"], 4)
	require.Empty(t, c.get("/deposits?from=2099-01-01").data()["deposits"])
}

func TestADepositsEventsNameIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	require.Equal(t, http.StatusOK, c.send(http.MethodPut, "/api/v1/webhook", `{"url":"https://merchant.example/hook"}`).status)
	id := c.deposit(`{"amount":50000}`)["deposit_id"].(string)
	w.till.pay(id)
	d := c.get("/webhook/deliveries").data()["deliveries"].([]any)
	require.Len(t, d, 1)
	require.Equal(t, "deposit.updated", d[0].(map[string]any)["type"])
	require.Equal(t, id, d[0].(map[string]any)["subject"])
	var body string
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT body FROM webhook_events`).Scan(&body))
	require.Contains(t, body, `"data":{"deposit":{"deposit_id":"`+id+`"`)
	require.NotContains(t, strings.ToLower(body), "hidden")
}

func TestNoGatewayIsNamedToAMerchant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	id := c.deposit(`{"amount":50000}`)["deposit_id"].(string)
	w.till.pay(id)
	for _, path := range []string{"/deposit/" + id, "/deposits", "/mutations", "/mutations?format=csv"} {
		r := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1"+path, nil)
		req.Header.Set("Authorization", "Bearer "+c.key)
		w.apis[0].ServeHTTP(r, req)
		require.NotContains(t, strings.ToLower(r.Body.String()+fmt.Sprint(r.Header())), "hidden", path)
	}
}
