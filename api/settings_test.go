package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/rule"
)

func TestAMerchantIsToldOnceThatItsBalanceIsLow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(60_000)
	put := func(body string) *reply { return c.send(http.MethodPut, "/api/v1/settings", body) }
	tell := func() {
		for range 2 {
			_, err := merchant.TellLow(t.Context(), w.db.Pool, w.clock.Now())
			require.NoError(t, err)
		}
	}
	events := func() []any { return c.get("/webhook/deliveries").data()["deliveries"].([]any) }
	move := func(amount int64) {
		_, err := w.store.Adjust(t.Context(), c.id, merchant.Live, amount, "by hand", "test")
		require.NoError(t, err)
	}
	require.Equal(t, http.StatusOK, c.send(http.MethodPut, "/api/v1/webhook", `{"url":"https://merchant.example/hook"}`).status)
	require.EqualValues(t, 0, num(c.get("/settings").data()["low_balance"]))
	tell()
	require.EqualValues(t, 50_000, num(put(`{"low_balance":50000,"extra":1}`).data()["low_balance"]))
	require.EqualValues(t, 50_000, num(put(`{}`).data()["low_balance"]), "what is left out stays")
	tell()
	require.Empty(t, events())
	move(-10_001)
	tell()
	require.Len(t, events(), 1)
	sent := events()[0].(map[string]any)
	require.Equal(t, "balance.low", sent["type"])
	require.Equal(t, "balance:live", sent["subject"])
	var body string
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT body FROM webhook_events`).Scan(&body))
	require.Contains(t, body, `"data":{"balance":{"balance":49999,"threshold":50000,`)
	move(-1)
	tell()
	require.Len(t, events(), 1, "once")
	put(`{"low_balance":40000}`)
	put(`{"low_balance":50000}`)
	tell()
	require.Len(t, events(), 2, "a new threshold is a new question")
	move(2)
	tell()
	move(-1)
	tell()
	require.Len(t, events(), 3, "it was back")
	require.EqualValues(t, 0, num(put(`{"low_balance":0}`).data()["low_balance"]))
	move(-1_000)
	tell()
	require.Len(t, events(), 3, "never again")
	for _, odd := range []string{`{"low_balance":-1}`, `{"low_balance":"50000"}`, `{"low_balance":0.5}`} {
		put(odd).invalid("low_balance")
	}
	test := w.merchant(0, func(n *merchant.New) { n.Mode = merchant.Test })
	require.EqualValues(t, 0, num(test.get("/settings").data()["low_balance"]))
}

func TestTheDuplicateGuardIsAMerchantsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	put := func(body string) *reply { return c.send(http.MethodPut, "/api/v1/settings", body) }
	body := func(ref, more string) string {
		return `{"category":"ppob","ref":"` + ref + `","sku":"TSEL5","customer_no":"081234567890"` + more + `}`
	}
	require.EqualValues(t, 0, num(c.get("/settings").data()["duplicate_guard_minutes"]), "off unless set")
	c.order(body("a", ""))
	c.order(body("b", ""))
	require.EqualValues(t, 10, num(put(`{"duplicate_guard_minutes":10}`).data()["duplicate_guard_minutes"]))
	require.EqualValues(t, 10, num(put(`{"low_balance":5}`).data()["duplicate_guard_minutes"]), "what is left out stays")
	c.order(body("c", ""))
	before := c.balance()
	refusal := c.on(1).post("/order", body("d", `,"allow_duplicate":false`)).refused(http.StatusConflict, "duplicate_order")
	require.Len(t, refusal, 1)
	detail := refusal[0].(map[string]any)
	require.Equal(t, "customer_no", detail["field"])
	require.Equal(t, "c", detail["ref"])
	require.Equal(t, before, c.balance())
	c.get("/order/d").refused(http.StatusNotFound, "not_found")
	c.order(body("c", ""))
	c.post("/order", body("d", `,"allow_duplicate":"yes"`)).invalid("allow_duplicate")
	c.order(body("d", `,"allow_duplicate":true`))
	c.order(body("d", ""))
	put(`{"duplicate_guard_minutes":0}`)
	c.order(body("e", ""))
	for _, odd := range []string{`{"duplicate_guard_minutes":-1}`, `{"duplicate_guard_minutes":1441}`, `{"duplicate_guard_minutes":"10"}`, `{"duplicate_guard_minutes":1.5}`} {
		put(odd).invalid("duplicate_guard_minutes")
	}
	// A mode's own, as the balance is.
	test := w.merchant(0, func(n *merchant.New) { n.Mode = merchant.Test })
	put(`{"duplicate_guard_minutes":10}`)
	require.EqualValues(t, 0, num(test.get("/settings").data()["duplicate_guard_minutes"]))
}

func TestLimitsAreReadByMerchantsAndHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	limits := func() map[string]any { return c.get("/settings").data()["limits"].(map[string]any) }
	require.Equal(t, map[string]any{"per_order": json.Number("0"), "per_day": json.Number("0"), "used_today": nil, "withdraw_per_day": json.Number("0"), "withdrawn_today": nil}, limits())
	price := num(c.get("/price?sku=TSEL5").data()["price"])
	perDay, perOrder, out := price*2+1, price-1, int64(15_000)
	_, err := w.store.SetLimits(t.Context(), c.id, merchant.Live, rule.Change{PerOrder: &perOrder, PerDay: &perDay, WithdrawPerDay: &out}, "test")
	require.NoError(t, err)
	body := func(ref, sku string) string {
		return `{"category":"ppob","ref":"` + ref + `","sku":"` + sku + `","customer_no":"081234567890"}`
	}
	refused := func(r *reply, limit string, allowed, left int64) {
		t.Helper()
		details := r.refused(http.StatusUnprocessableEntity, "limit_exceeded")
		require.Len(t, details, 1)
		d := details[0].(map[string]any)
		require.Equal(t, limit, d["limit"])
		require.Equal(t, allowed, num(d["allowed"]))
		require.Equal(t, left, num(d["left"]))
	}
	refused(c.post("/order", body("a", "TSEL5")), "per_order", perOrder, perOrder)
	_, err = w.store.SetLimits(t.Context(), c.id, merchant.Live, rule.Change{PerOrder: &price}, "test")
	require.NoError(t, err)
	c.order(body("a", "TSEL5"))
	c.on(1).order(body("b", "TSEL5"))
	refused(c.post("/order", body("c", "TSEL5")), "per_day", perDay, 1)
	c.on(1).order(body("b", "TSEL5"))
	require.Equal(t, price*2, num(limits()["used_today"]))
	withdraw := func(ref string) *reply {
		return c.post("/withdraw", `{"ref":"`+ref+`","amount":10000,"method":"dana","account_number":"081234567890","account_name":"John Doe"}`)
	}
	withdraw("w1").data()
	refused(withdraw("w2"), "withdraw_per_day", 15_000, 5_000)
	require.EqualValues(t, 10_000, num(limits()["withdrawn_today"]))
	require.Equal(t, price, num(c.send(http.MethodPut, "/api/v1/settings", `{"limits":{"per_order":0}}`).data()["limits"].(map[string]any)["per_order"]), "not the merchant's to change")
}
