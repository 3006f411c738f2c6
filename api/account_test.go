package api_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/pg"
)

func TestPingTellsWhoCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0, func(n *merchant.New) { n.Tier = 2 })
	d := c.get("/ping").data()
	require.Equal(t, map[string]any{"id": c.id, "name": "Toko Pulsa", "status": "active", "mode": "live"}, d["merchant"])
	require.EqualValues(t, 2, num(d["tier"]))
	require.Equal(t, "Silver", d["tier_name"])
	require.Equal(t, "Asia/Jakarta", d["timezone"])
	at, err := time.Parse(time.RFC3339, d["time"].(string))
	require.NoError(t, err)
	_, offset := at.Zone()
	require.Equal(t, 7*60*60, offset)
}

func TestTheProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(100_000, func(n *merchant.New) {
		n.IPs = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.0/24")}
	})
	for i := range 3 {
		c.order(fmt.Sprintf(`{"category":"ppob","ref":"r%d","sku":"TSEL5","customer_no":"0812"}`, i))
	}
	w.exec(`UPDATE orders SET state = 'completed', completed_at = now() WHERE ref = 'r0'`)
	w.exec(`UPDATE tiers SET min_orders = 4, min_volume = 10500 WHERE tier = 2`)
	d := c.get("/profile").data()
	require.EqualValues(t, 100_000-3*5250, num(d["balance"]))
	require.EqualValues(t, 2*5250, num(d["held"]))
	require.Equal(t, "Bronze", d["tier_name"])
	require.Equal(t, []any{"192.0.2.1", "192.0.2.0/24"}, d["ip_whitelist"])
	require.Contains(t, d, "webhook_url")
	require.Nil(t, d["webhook_url"])
	markup := d["markup"].(map[string]any)
	require.Equal(t, "3", fmt.Sprint(markup["ppob"].(map[string]any)["percent"]))
	require.EqualValues(t, 100, num(markup["ppob"].(map[string]any)["fixed"]))
	require.ElementsMatch(t, []string{"ppob", "smm", "otp"}, keysOf(markup))
	stats := d["stats"].(map[string]any)
	require.EqualValues(t, 3, num(stats["orders"]))
	require.EqualValues(t, 1, num(stats["completed"]))
	require.EqualValues(t, 5250, num(stats["volume"]))
	require.EqualValues(t, 3, num(stats["month_orders"]))
	require.EqualValues(t, 5250, num(stats["month_volume"]))
	next := d["next_tier"].(map[string]any)
	require.EqualValues(t, 2, num(next["tier"]))
	require.Equal(t, "Silver", next["name"])
	require.EqualValues(t, 3, num(next["orders_needed"]))
	require.EqualValues(t, 5250, num(next["volume_needed"]))
	require.EqualValues(t, 25, num(next["progress"]), "the condition that is further away")
}

func TestAtTheTopThereIsNoNextTier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.merchant(0, func(n *merchant.New) { n.Tier = 4 }).get("/profile").data()
	require.Contains(t, d, "next_tier")
	require.Nil(t, d["next_tier"])
	require.Equal(t, []any{}, d["ip_whitelist"])
}

func TestTiersAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.merchant(0).get("/tiers").data()
	require.EqualValues(t, 4, num(d["count"]))
	require.ElementsMatch(t, []string{"tier", "name", "min_orders", "min_volume"}, keysOf(d["tiers"].([]any)[0].(map[string]any)))
}

func TestMutationsAreExactAndWithoutAGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(100_000)
	for i := range 4 {
		c.order(fmt.Sprintf(`{"category":"ppob","ref":"r%d","sku":"TSEL5","customer_no":"0812"}`, i))
	}
	c.order(`{"category":"otp","ref":"o","sku":"OTPTGID"}`)
	id := c.post("/order/o/cancel", "").data()["order"].(map[string]any)["order_id"]
	rows := c.get("/mutations").data()["mutations"].([]any)
	require.Len(t, rows, 7)
	balance := c.balance()
	for i, row := range rows {
		m := row.(map[string]any)
		require.EqualValues(t, 7-i, num(m["id"]))
		require.Equal(t, balance, num(m["balance"]))
		balance += num(m["debit"]) - num(m["credit"])
		require.ElementsMatch(t, []string{"id", "debit", "credit", "balance", "kind", "ref", "order_id", "notes", "created_at"}, keysOf(m))
	}
	require.EqualValues(t, 0, balance)
	refund := rows[0].(map[string]any)
	require.Equal(t, "refund", refund["kind"])
	require.Equal(t, "o", refund["ref"])
	require.Equal(t, id, refund["order_id"])
	opening := rows[6].(map[string]any)
	require.Equal(t, "adjustment", opening["kind"])
	require.Nil(t, opening["ref"])
	require.Nil(t, opening["order_id"])
	require.Equal(t, "opening", opening["notes"])

	var seen []int64
	cursor := ""
	for {
		d := c.get("/mutations?limit=3&cursor=" + cursor).data()
		for _, row := range d["mutations"].([]any) {
			seen = append(seen, num(row.(map[string]any)["id"]))
		}
		next, more := d["next_cursor"].(string)
		if !more {
			break
		}
		cursor = next
	}
	require.Equal(t, []int64{7, 6, 5, 4, 3, 2, 1}, seen)
	today := time.Now().In(wib()).Format(time.DateOnly)
	require.EqualValues(t, 7, num(c.get("/mutations?from=" + today + "&to=" + today).data()["count"]))
	require.EqualValues(t, 0, num(c.get("/mutations?to=2020-01-01").data()["count"]))
	c.get("/mutations?from=soon").invalid("from")
	c.get("/mutations?format=xml").invalid("format")
}

func TestAStatementIsStreamedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1)
	for i := range 600 {
		_, err := w.store.Adjust(t.Context(), c.id, merchant.Live, 1, fmt.Sprintf("note, %d \"quoted\"", i), "test")
		require.NoError(t, err)
	}
	r := c.get("/mutations?format=csv&limit=5")
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, "text/csv; charset=utf-8", r.header.Get("Content-Type"))
	rows, err := csv.NewReader(strings.NewReader(r.raw)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"id", "debit", "credit", "balance", "kind", "ref", "order_id", "notes", "created_at"}, rows[0])
	require.Len(t, rows, 602)
	require.Equal(t, "601", rows[1][0])
	require.Equal(t, "note, 599 \"quoted\"", rows[1][7])
	require.Len(t, (&client{w: w, key: c.key}).get("/mutations?format=csv&from=2099-01-01").raw, len(strings.Join(rows[0], ","))+1)
}

func TestAMonthsStatementOpensWithWhatTheLastOneClosedWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1)
	move := func(at time.Time, amount int64) {
		w.clock.set(at)
		require.NoError(t, pg.InTx(t.Context(), w.db.Pool, func(tx pgx.Tx) error {
			wallet, err := w.store.Wallet(t.Context(), c.id, merchant.Live)
			require.NoError(t, err)
			_, err = ledger.Adjust(t.Context(), tx, ledger.NewAccounts(w.db.Pool), wallet, amount, "by hand", "test", at)
			return err
		}))
	}
	now := time.Now().In(wib())
	next := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, wib())
	move(next.Add(-time.Microsecond), 100) // still of this month where the brand is
	move(next, 1_000)
	move(next.Add(time.Second), -300)
	move(next.AddDate(0, 1, 0), 5)
	month := func(first time.Time, query string) map[string]any {
		return c.get("/statement?month=" + first.Format("2006-01") + query).data()
	}
	s := month(next, "")
	require.EqualValues(t, 101, num(s["opening"]))
	require.EqualValues(t, 300, num(s["debit"]))
	require.EqualValues(t, 1_000, num(s["credit"]))
	require.EqualValues(t, 801, num(s["closing"]))
	require.EqualValues(t, 2, num(s["count"]))
	require.Nil(t, s["next_cursor"])
	rows := s["mutations"].([]any)
	require.EqualValues(t, 1_000, num(rows[0].(map[string]any)["credit"]), "oldest first")
	require.EqualValues(t, 801, num(rows[1].(map[string]any)["balance"]))
	require.EqualValues(t, 101, num(month(next.AddDate(0, -1, 0), "")["closing"]))
	require.EqualValues(t, 801, num(month(next.AddDate(0, 1, 0), "")["opening"]))
	last := c.get("/statement").data()
	require.Equal(t, next.AddDate(0, 1, 0).Format("2006-01"), last["month"], "this month, when none is named")
	require.EqualValues(t, 806, num(last["closing"]))
	empty := month(next.AddDate(-1, 0, 0), "")
	require.Empty(t, empty["mutations"])
	require.Zero(t, num(empty["opening"])+num(empty["closing"]))

	page := month(next, "&limit=1")
	require.Len(t, page["mutations"], 1)
	page = month(next, "&limit=1&cursor="+page["next_cursor"].(string))
	require.EqualValues(t, 300, num(page["mutations"].([]any)[0].(map[string]any)["debit"]))
	require.Nil(t, page["next_cursor"])

	r := c.get("/statement?format=csv&month=" + next.Format("2006-01"))
	require.Equal(t, "text/csv; charset=utf-8", r.header.Get("Content-Type"))
	table, err := csv.NewReader(strings.NewReader(r.raw)).ReadAll()
	require.NoError(t, err)
	require.Len(t, table, 5)
	require.Equal(t, []string{"opening", "101"}, []string{table[1][4], table[1][3]})
	require.Equal(t, []string{"closing", "300", "1000", "801"}, []string{table[4][4], table[4][1], table[4][2], table[4][3]})
	for _, odd := range []string{"2026", "2026-13", "now", next.AddDate(0, 3, 0).Format("2006-01")} {
		c.get("/statement?month=" + odd).invalid("month")
	}
	c.get("/statement?cursor=odd").invalid("cursor")
}

func TestTheWebhookEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	d := c.get("/webhook").data()
	require.ElementsMatch(t, []string{"url", "events", "enabled", "secret_hint", "suspended_reason"}, keysOf(d))
	require.Nil(t, d["url"])
	c.post("/webhook/test", "").refused(http.StatusConflict, "not_available")

	put := func(body string) *reply { return c.send(http.MethodPut, "/api/v1/webhook", body) }
	d = put(`{"url":"https://merchant.example/hooks","events":["order.updated"]}`).data()
	require.Equal(t, "https://merchant.example/hooks", d["url"])
	require.Equal(t, []any{"order.updated"}, d["events"])
	require.Equal(t, "https://merchant.example/hooks", c.get("/profile").data()["webhook_url"])
	require.Equal(t, false, put(`{"enabled":false,"url":null}`).data()["enabled"])
	require.Equal(t, "https://merchant.example/hooks", put(`{"enabled":true}`).data()["url"], "what is left out stays")
	put(`{"url":"http://merchant.example/"}`).invalid("url")
	put(`{"url":"https://db.internal/"}`).invalid("url")
	put(`{"url":5}`).invalid("url")
	put(`{"events":["nonsense"]}`).invalid("events")
	put(`{"events":"order.updated"}`).invalid("events")
	put(`{"enabled":"yes"}`).invalid("enabled")
	put(`{`).invalid("body")

	secret := c.post("/webhook/secret", "").data()["secret"].(string)
	require.Regexp(t, `^whsec_`, secret)
	require.NotEqual(t, secret, c.post("/webhook/secret", "").data()["secret"])

	put(`{"events":[]}`).data()
	sent := c.post("/webhook/test", "").data()
	require.Equal(t, "webhook.test", sent["type"])
	require.Equal(t, "pending", sent["status"])
	rows := c.get("/webhook/deliveries").data()["deliveries"].([]any)
	require.Len(t, rows, 1)
	require.Equal(t, sent["event_id"], rows[0].(map[string]any)["event_id"])
	require.ElementsMatch(t, []string{
		"id", "event_id", "type", "subject", "url", "status", "attempts", "response_code", "response_body", "created_at", "last_attempt_at", "next_attempt_at",
	}, keysOf(rows[0].(map[string]any)))
	again := c.post("/webhook/deliveries/"+sent["id"].(string)+"/replay", "").data()
	require.Equal(t, sent["event_id"], again["event_id"])
	for _, id := range []string{"0", "x", "999999"} {
		c.post("/webhook/deliveries/"+id+"/replay", "").refused(http.StatusNotFound, "not_found")
	}
	w.merchant(0).post("/webhook/deliveries/"+sent["id"].(string)+"/replay", "").refused(http.StatusNotFound, "not_found")
	c.get("/webhook/deliveries?status=lost").invalid("status")
	require.EqualValues(t, 0, num(c.get("/webhook/deliveries?status=delivered").data()["count"]))
	require.Eventually(t, func() bool {
		w.queue.mu.Lock()
		defer w.queue.mu.Unlock()
		return len(w.queue.hooks) == 2
	}, 5*time.Second, time.Millisecond)
}

func TestADeliveryIsAboutAnOrderID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	c.send(http.MethodPut, "/api/v1/webhook", `{"url":"https://merchant.example/hooks"}`).data()
	c.order(`{"category":"otp","ref":"o","sku":"OTPTGID"}`)
	id := c.post("/order/o/cancel", "").data()["order"].(map[string]any)["order_id"]
	rows := c.get("/webhook/deliveries").data()["deliveries"].([]any)
	require.Equal(t, id, rows[0].(map[string]any)["subject"])
}

func TestPublicPagesNeedNoKeyAndNoInternet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := &client{w: w}
	docs := nobody.send(http.MethodGet, "/docs/reference", "")
	require.Equal(t, http.StatusOK, docs.status)
	require.Contains(t, docs.header.Get("Content-Type"), "text/html")
	for _, foreign := range []string{"<script", "src=", "@import", "//cdn", "unpkg"} {
		require.NotContains(t, docs.raw, foreign)
	}
	for _, path := range []string{"/order", "/otp/countries", "/mutations", "/webhook"} {
		require.Contains(t, docs.raw, path)
	}
	for path, kind := range map[string]string{
		"/openapi.json": "json", "/openapi-3.0.json": "json", "/openapi.yaml": "yaml", "/openapi-3.0.yaml": "yaml",
	} {
		r := nobody.send(http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, r.status, path)
		require.Contains(t, r.header.Get("Content-Type"), kind)
		require.Equal(t, http.StatusNotModified, nobody.send(http.MethodGet, path, "", "If-None-Match: "+r.header.Get("ETag")).status)
		require.Equal(t, "gzip", nobody.send(http.MethodGet, path, "", "Accept-Encoding: gzip").header.Get("Content-Encoding"))
	}
	require.Equal(t, "/docs", nobody.send(http.MethodGet, "/", "").header.Get("Location"))
	nobody.send(http.MethodPost, "/docs/reference", "").refused(http.StatusMethodNotAllowed, "method_not_allowed")
}
