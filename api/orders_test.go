package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
)

const pulsa = `{"category":"ppob","ref":"trx-0001","sku":"TSEL5","customer_no":"081234567890"}`

func TestAnOrderIsPlacedPaidAndTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	d := c.order(pulsa)
	require.EqualValues(t, 4750, num(d["balance"]))
	o := d["order"].(map[string]any)
	require.Regexp(t, `^PPOB-[0-9A-HJKMNP-TV-Z]{13}$`, o["order_id"])
	require.Equal(t, "trx-0001", o["ref"])
	require.Equal(t, "ppob", o["category"])
	require.Equal(t, "TSEL5", o["sku"])
	require.Equal(t, "Telkomsel 5.000", o["name"])
	require.Equal(t, "pending", o["status"])
	require.EqualValues(t, 5250, num(o["price"]))
	require.EqualValues(t, 0, num(o["refunded"]))
	require.EqualValues(t, 1, num(o["quantity"]))
	require.Equal(t, "081234567890", o["customer_no"])
	require.Contains(t, o, "zone_id")
	require.Nil(t, o["zone_id"])
	require.NotContains(t, o, "target", "a field of another kind is absent")
	require.Contains(t, o, "completed_at")
	require.Nil(t, o["completed_at"])
	require.Equal(t, map[string]any{"sn": nil, "note": nil}, o["data"])
	_, err := time.Parse(time.RFC3339, o["created_at"].(string))
	require.NoError(t, err)
	require.EqualValues(t, 4750, c.balance())
	w.queue.told(t, 1)

	byRef := c.get("/order/trx-0001").data()["order"]
	require.Equal(t, o, byRef)
	byID := c.get("/order/" + o["order_id"].(string)).data()["order"]
	require.Equal(t, o, byID)
}

func TestTheSameRefAndContentIsTheSameOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	first := c.order(pulsa)
	for name, body := range map[string]string{
		"again":           pulsa,
		"with extras":     `{"category":"ppob","ref":"trx-0001","sku":"TSEL5","customer_no":"081234567890","buyer_sku_code":"x","quantity":7,"nested":{"a":[1]}}`,
		"with nulls":      `{"category":"ppob","ref":"trx-0001","sku":"TSEL5","customer_no":"081234567890","zone_id":null,"max_price":null}`,
		"another bound":   `{"category":"ppob","ref":"trx-0001","sku":"TSEL5","customer_no":"081234567890","max_price":9000}`,
		"a lower bound":   `{"category":"ppob","ref":"trx-0001","sku":"TSEL5","customer_no":"081234567890","max_price":1}`,
		"another address": `{"category":"ppob","ref":"trx-0001","sku":"TSEL5","customer_no":"081234567890","callback_url":"https://other.example/x"}`,
		"a bad address":   `{"category":"ppob","ref":"trx-0001","sku":"TSEL5","customer_no":"081234567890","callback_url":"http://10.0.0.1/"}`,
		"another layout":  "\n{ \"customer_no\" : \"081234567890\" ,\"sku\":\"TSEL5\",\"ref\":\"trx-0001\", \"category\":\"ppob\"}\n",
	} {
		again := c.on(1).order(body)
		require.Equal(t, first["order"], again["order"], name)
		require.EqualValues(t, 4750, num(again["balance"]), name)
	}
	require.Equal(t, 1, w.count(`SELECT count(*) FROM orders`))
	for name, body := range map[string]string{
		"number":   `{"category":"ppob","ref":"trx-0001","sku":"TSEL5","customer_no":"0899"}`,
		"zone":     `{"category":"ppob","ref":"trx-0001","sku":"TSEL5","customer_no":"081234567890","zone_id":"1"}`,
		"sku":      `{"category":"ppob","ref":"trx-0001","sku":"MLID10","customer_no":"081234567890","zone_id":"1"}`,
		"category": `{"category":"otp","ref":"trx-0001","sku":"OTPTGID"}`,
	} {
		c.post("/order", body).refused(http.StatusConflict, "ref_conflict")
		_ = name
	}
	require.EqualValues(t, 4750, c.balance())
}

func TestARepeatedRefAnswersWhateverBecameOfTheSKU(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(5250)
	first := c.order(pulsa)
	require.EqualValues(t, 0, num(first["balance"]))
	for name, change := range map[string]string{
		"closed":         `UPDATE products SET closed = true WHERE sku = 'TSEL5'`,
		"in trouble":     `UPDATE offers SET available = false, reason = 'trouble' WHERE code = 'HIDDENCODE1'`,
		"its source":     `UPDATE upstreams SET paused = true WHERE name = 'hiddenone'`,
		"needs more now": `UPDATE products SET inputs = '[{"name":"zone_id","required":true}]' WHERE sku = 'TSEL5'`,
		"gone":           `UPDATE products SET sku = 'RENAMED' WHERE sku = 'TSEL5'`,
	} {
		w.changed(change)
		d := c.order(pulsa)
		require.Equal(t, first["order"], d["order"], name)
	}
}

func TestFiftyPostsOfOneRefAreOneOrderAndOneCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	ids := make([]string, 50)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			r := c.on(i%2).post("/order", pulsa)
			if r.status == http.StatusOK {
				ids[i] = r.body["data"].(map[string]any)["order"].(map[string]any)["order_id"].(string)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
		require.NotEmpty(t, id)
	}
	require.Equal(t, 1, w.count(`SELECT count(*) FROM orders`))
	require.EqualValues(t, 1_000_000-5250, c.balance())
	require.Equal(t, 1, w.count(`SELECT count(*) FROM ledger_entries WHERE kind = 'order'`))
}

func TestABalanceForTenAcceptsExactlyTen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(52_500)
	var accepted, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			r := c.on(i%2).post("/order", fmt.Sprintf(`{"category":"ppob","ref":"trx-%d","sku":"TSEL5","customer_no":"0812"}`, i))
			switch {
			case r.status == http.StatusOK:
				accepted.Add(1)
			case r.status == http.StatusPaymentRequired && r.body["code"] == "insufficient_balance":
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 10, accepted.Load())
	require.EqualValues(t, 90, refused.Load())
	require.EqualValues(t, 0, c.balance())
	require.Equal(t, 10, w.count(`SELECT count(*) FROM orders`), "no trace of the others")
	require.Equal(t, 10, w.count(`SELECT count(*) FROM ledger_entries WHERE kind = 'order'`))
}

func TestARefusedOrderLeavesItsRefFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	body := func(sku string) string {
		return `{"category":"ppob","ref":"again","sku":"` + sku + `","customer_no":"0812"}`
	}
	c.post("/order", body("TSEL5")).refused(http.StatusPaymentRequired, "insufficient_balance")
	c.post("/order", body("NOSUCH")).refused(http.StatusNotFound, "not_found")
	c.post("/order", body("TSEL10")).refused(http.StatusUnprocessableEntity, "unavailable")
	r := c.post("/order", body("TSEL20"))
	r.refused(http.StatusServiceUnavailable, "upstream_error")
	require.NotEmpty(t, r.header.Get("Retry-After"))
	require.Zero(t, w.count(`SELECT count(*) FROM orders`))
	_, err := w.store.Adjust(t.Context(), c.id, "live", 5250, "later", "test")
	require.NoError(t, err)
	c.order(body("TSEL5"))
}

func TestUnavailableSaysWhyAndUntilWhen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(100_000)
	detail := c.post("/order", `{"category":"ppob","ref":"a","sku":"TSEL10","customer_no":"0812"}`).
		refused(http.StatusUnprocessableEntity, "unavailable")[0].(map[string]any)
	require.Equal(t, "sku", detail["field"])
	require.NotEmpty(t, detail["message"])
	require.Equal(t, "trouble", detail["reason"])
	require.Contains(t, detail, "until")
	require.Nil(t, detail["until"])

	now := w.clock.Now().In(wib())
	w.clock.set(time.Date(now.Year(), now.Month(), now.Day(), 23, 30, 0, 0, wib()))
	w.changed(`UPDATE products SET cut_from = 1380, cut_to = 60 WHERE sku = 'TSEL5'`)
	detail = c.post("/order", `{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"0812"}`).
		refused(http.StatusUnprocessableEntity, "unavailable")[0].(map[string]any)
	require.Equal(t, "cut_off", detail["reason"])
	until, err := time.Parse(time.RFC3339, detail["until"].(string))
	require.NoError(t, err)
	require.True(t, until.Equal(time.Date(now.Year(), now.Month(), now.Day()+1, 1, 0, 0, 0, wib())))
}

func TestMaxPriceBoundsOurPrice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(100_000)
	at := func(bound string) *reply {
		return c.post("/order", `{"category":"ppob","ref":"p`+bound+`","sku":"TSEL5","customer_no":"0812","max_price":`+bound+`}`)
	}
	at("5249").refused(http.StatusUnprocessableEntity, "price_changed")
	at("5250").data()
	at("0").invalid("max_price")
	at("5250.5").invalid("max_price")
}

func TestWhatIsWrongWithABody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(100_000)
	for body, field := range map[string]string{
		``:                      "body",
		`{`:                     "body",
		`[]`:                    "body",
		`null`:                  "body",
		`"text"`:                "body",
		`{} {}`:                 "body",
		"{\"ref\":\"\xff\"}":    "body",
		`{}`:                    "category",
		`{"category":"ppob"}`:   "ref",
		`{"category":"ticket"}`: "category",
		`{"category":5}`:        "category",
		`{"category":"ppob","ref":5,"sku":"TSEL5","customer_no":"0812"}`:                               "ref",
		`{"category":"ppob","ref":"","sku":"TSEL5","customer_no":"0812"}`:                              "ref",
		`{"category":"ppob","ref":"a b","sku":"TSEL5","customer_no":"0812"}`:                           "ref",
		`{"category":"ppob","ref":"a/b","sku":"TSEL5","customer_no":"0812"}`:                           "ref",
		`{"category":"ppob","ref":"é","sku":"TSEL5","customer_no":"0812"}`:                             "ref",
		`{"category":"ppob","ref":"` + strings.Repeat("r", 65) + `","sku":"TSEL5"}`:                    "ref",
		`{"category":"ppob","ref":"a","sku":null,"customer_no":"0812"}`:                                "sku",
		`{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":null}`:                               "customer_no",
		`{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":812}`:                                "customer_no",
		`{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"08\u000012"}`:                       "customer_no",
		`{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"` + strings.Repeat("1", 100) + `"}`: "customer_no",
		`{"category":"ppob","ref":"a","sku":"MLID10","customer_no":"0812"}`:                            "zone_id",
		`{"category":"ppob","ref":"a","sku":"MLID10","customer_no":"0812","zone_id":5}`:                "zone_id",
		`{"category":"ppob","ref":"a","sku":"OTPTGID","customer_no":"0812"}`:                           "sku",
		`{"category":"otp","ref":"a","sku":"TSEL5"}`:                                                   "sku",
		`{"category":"otp","ref":"a","sku":"OTPTGID","operator_id":7}`:                                 "operator_id",
		`{"category":"otp","ref":"a","sku":"OTPTGID","operator_id":"nobody"}`:                          "operator_id",
		`{"category":"product","ref":"a","sku":"NETFLIX1B","quantity":0}`:                              "quantity",
		`{"category":"product","ref":"a","sku":"NETFLIX1B","quantity":-1}`:                             "quantity",
		`{"category":"product","ref":"a","sku":"NETFLIX1B","quantity":"2"}`:                            "quantity",
		`{"category":"product","ref":"a","sku":"NETFLIX1B","quantity":1.5}`:                            "quantity",
		`{"category":"product","ref":"a","sku":"NETFLIX1B","quantity":99999999999999999999}`:           "quantity",
		`{"category":"smm","ref":"a","sku":"IGF1","quantity":100}`:                                     "target",
		`{"category":"smm","ref":"a","sku":"IGF1","target":"x","quantity":0}`:                          "quantity",
		`{"category":"smm","ref":"a","sku":"IGF1","target":"x","comments":[1,{}]}`:                     "comments",
		`{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"0812","max_price":"1"}`:             "max_price",
		`{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"0812","callback_url":5}`:            "callback_url",
	} {
		c.post("/order", body).invalid(field)
	}
	require.Zero(t, w.count(`SELECT count(*) FROM orders`))
	require.EqualValues(t, 100_000, c.balance())
}

func TestEverythingThatIsWrongIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	details := w.merchant(0).post("/order", `{"category":"ppob","ref":"a b","customer_no":5}`).refused(http.StatusBadRequest, "invalid_request")
	require.Len(t, details, 3)
}

func TestABodyOverOneMebibyteIsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	for _, told := range []bool{true, false} {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/order", endless(1<<20+1))
		r.Header.Set("Authorization", "Bearer "+c.key)
		r.ContentLength = -1
		if told {
			r.ContentLength = 1<<20 + 1
		}
		c.do(r).refused(http.StatusRequestEntityTooLarge, "invalid_request")
	}
	exact := strings.Repeat(" ", 1<<20-len(pulsa)) + pulsa
	require.Len(t, exact, 1<<20)
	c.post("/order", exact).data()
}

func TestAPremiumProductIsInTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stock("user1:pw", "user2:pw", "user3:pw")
	c := w.merchant(200_000)
	d := c.order(`{"category":"product","ref":"p1","sku":"NETFLIX1B","quantity":2}`)
	o := d["order"].(map[string]any)
	require.Regexp(t, `^PRD-`, o["order_id"])
	require.Equal(t, "completed", o["status"])
	require.EqualValues(t, 70_000, num(o["price"]))
	require.EqualValues(t, 2, num(o["quantity"]))
	require.Equal(t, map[string]any{"content": "user1:pw\nuser2:pw", "items": []any{"user1:pw", "user2:pw"}}, o["data"])
	require.EqualValues(t, 130_000, num(d["balance"]))
	require.Equal(t, o, c.order(`{"category":"product","ref":"p1","sku":"NETFLIX1B","quantity":2}`)["order"], "again, with its content")
	require.Equal(t, o, c.get("/order/p1").data()["order"])
	require.Equal(t, o, c.get("/orders").data()["orders"].([]any)[0])

	detail := c.post("/order", `{"category":"product","ref":"p2","sku":"NETFLIX1B","quantity":2}`).
		refused(http.StatusUnprocessableEntity, "unavailable")[0].(map[string]any)
	require.Equal(t, "out_of_stock", detail["reason"])

	one := c.order(`{"category":"product","ref":"p3","sku":"NETFLIX1B"}`)["order"]
	require.Equal(t, one, c.order(`{"category":"product","ref":"p3","sku":"NETFLIX1B","quantity":1}`)["order"], "a default given or left out is the same content")
	require.Empty(t, w.queue.buys, "nobody has to buy it")
}

func TestAnOTPOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	o := c.order(`{"category":"otp","ref":"otp-0001","sku":"OTPTGID"}`)["order"].(map[string]any)
	require.Regexp(t, `^OTP-`, o["order_id"])
	require.NotContains(t, o, "customer_no")
	require.Equal(t, []any{}, o["data"].(map[string]any)["messages"])
	require.Equal(t, o, c.order(`{"category":"otp","ref":"otp-0001","sku":"OTPTGID","operator_id":"any"}`)["order"])

	c.post("/order/otp-0001/finish", "").refused(http.StatusConflict, "not_available")
	c.post("/order/otp-0001/resend", "").refused(http.StatusConflict, "not_available")
	canceled := c.post("/order/otp-0001/cancel", "").data()["order"].(map[string]any)
	require.Equal(t, "canceled", canceled["status"], "it had not been sent yet")
	require.EqualValues(t, 1250, num(canceled["refunded"]))
	require.EqualValues(t, 10_000, c.balance())
	require.Equal(t, canceled, c.post("/order/otp-0001/cancel", "").data()["order"], "asking twice is asking once")
	for _, action := range []string{"cancel", "finish", "resend"} {
		c.post("/order/nobody/"+action, "").refused(http.StatusNotFound, "not_found")
	}
	c.order(pulsa)
	c.post("/order/trx-0001/cancel", "").refused(http.StatusConflict, "not_cancelable")
	c.post("/order/trx-0001/finish", "").refused(http.StatusConflict, "not_available")
}

func TestAnOTPOrderOnItsWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	c.order(`{"category":"otp","ref":"otp-0001","sku":"OTPTGID"}`)
	w.exec(`UPDATE orders SET state = 'processing', attempt = 1, facts = '{"phone":"+62811"}', expires_at = now() + interval '10 minutes'`)
	o := c.post("/order/otp-0001/cancel", "").data()["order"].(map[string]any)
	require.Equal(t, "processing", o["status"], "until the source confirms")
	require.Equal(t, "+62811", o["data"].(map[string]any)["phone_number"])
	c.post("/order/otp-0001/cancel", "").data()
	require.Equal(t, 1, w.count(`SELECT count(*) FROM orders WHERE cancel_requested`))

	c.order(`{"category":"otp","ref":"otp-0002","sku":"OTPTGID"}`)
	w.exec(`UPDATE orders SET state = 'completed', attempt = 1, completed_at = now(), expires_at = now() + interval '10 minutes',
		facts = '{"phone":"+62811","messages":[{"code":"1","text":"a","received_at":"2026-11-21T00:00:00Z"},{"code":"2","text":"b","received_at":"2026-11-21T00:00:01Z"}]}'
		WHERE ref = 'otp-0002'`)
	require.Equal(t, "2", c.get("/order/otp-0002").data()["order"].(map[string]any)["data"].(map[string]any)["otp_code"])
	require.Equal(t, "completed", c.post("/order/otp-0002/resend", "").data()["order"].(map[string]any)["status"])
	require.Equal(t, "completed", c.post("/order/otp-0002/finish", "").data()["order"].(map[string]any)["status"])
	c.post("/order/otp-0002/resend", "").refused(http.StatusConflict, "not_available")
	c.post("/order/otp-0002/cancel", "").refused(http.StatusConflict, "not_cancelable")
	require.Eventually(t, func() bool {
		w.queue.mu.Lock()
		defer w.queue.mu.Unlock()
		return len(w.queue.acts) >= 3
	}, 5*time.Second, time.Millisecond)
}

func TestABillNeedsAnInquiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.merchant(10_000).post("/order", `{"category":"ppob","ref":"b","sku":"PLNPOST","customer_no":"0812"}`).refused(http.StatusConflict, "inquiry_required")
}

func TestLiveAndTestNeverMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	live := w.merchant(10_000)
	key, err := w.store.CreateKey(t.Context(), live.id, "test", "t", "test")
	require.NoError(t, err)
	test := *live
	test.key = key.Secret
	body := func(sku string) string { return strings.Replace(pulsa, "TSEL5", sku, 1) }
	live.post("/order", body("TESTPULSA")).refused(http.StatusNotFound, "not_found")
	test.post("/order", body("TSEL5")).refused(http.StatusNotFound, "not_found")
	live.order(body("TSEL5"))
	require.EqualValues(t, 10_000_000-5250, num(test.order(body("TESTPULSA"))["balance"]), "its own balance, its own refs")
	require.Equal(t, "test", test.get("/ping").data()["merchant"].(map[string]any)["mode"])
	require.Equal(t, "TSEL5", live.get("/order/trx-0001").data()["order"].(map[string]any)["sku"])
	require.Equal(t, "TESTPULSA", test.get("/order/trx-0001").data()["order"].(map[string]any)["sku"])
	require.EqualValues(t, 1, num(live.get("/orders").data()["count"]))
	liveID := live.get("/order/trx-0001").data()["order"].(map[string]any)["order_id"].(string)
	test.get("/order/"+liveID).refused(http.StatusNotFound, "not_found")
	other := w.merchant(0)
	other.get("/order/"+liveID).refused(http.StatusNotFound, "not_found")
	other.get("/order/trx-0001").refused(http.StatusNotFound, "not_found")
}

func TestARefMayBeAnythingItsPatternAllows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	refs := []string{".", "..", ":", "-", "a:b", "A.b_c-9", strings.Repeat("z", 64)}
	for _, ref := range refs {
		c.order(`{"category":"ppob","ref":"` + ref + `","sku":"TSEL5","customer_no":"0812"}`)
		require.Equal(t, ref, c.get("/order/" + url.PathEscape(ref)).data()["order"].(map[string]any)["ref"])
	}
	// The merchant's own ref comes first, even when it looks like an order_id.
	id := c.get("/order/a:b").data()["order"].(map[string]any)["order_id"].(string)
	c.order(`{"category":"ppob","ref":"` + id + `","sku":"TSEL5","customer_no":"0899"}`)
	require.Equal(t, id, c.get("/order/" + id).data()["order"].(map[string]any)["ref"])
}

func TestOrdersArePagedNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000_000)
	for i := range 7 {
		c.order(fmt.Sprintf(`{"category":"ppob","ref":"r%d","sku":"TSEL5","customer_no":"081%d"}`, i, i))
	}
	w.spread()
	var seen []string
	cursor, pages := "", 0
	for {
		d := c.get("/orders?limit=3&cursor=" + cursor).data()
		rows := d["orders"].([]any)
		require.EqualValues(t, len(rows), num(d["count"]))
		for _, o := range rows {
			seen = append(seen, o.(map[string]any)["ref"].(string))
		}
		pages++
		next, more := d["next_cursor"].(string)
		if !more {
			require.Contains(t, d, "next_cursor")
			break
		}
		cursor = next
	}
	require.Equal(t, 3, pages)
	require.Equal(t, []string{"r6", "r5", "r4", "r3", "r2", "r1", "r0"}, seen)
	require.EqualValues(t, 7, num(c.get("/orders").data()["count"]))
	require.EqualValues(t, 7, num(c.get("/orders?limit=100000000000000000000").data()["count"]))
	for _, bad := range []string{"limit=0", "limit=-1", "limit=ten", "limit=1.5"} {
		c.get("/orders?" + bad).invalid("limit")
	}
	good := c.get("/orders?limit=3").data()["next_cursor"].(string)
	mutations := c.get("/mutations?limit=3").data()["next_cursor"].(string)
	for _, bad := range []string{"x", good + "A", good[:len(good)-1], "A" + good[1:], mutations} {
		c.get("/orders?cursor=" + bad).invalid("cursor")
	}
}

// spread gives orders that were placed in one moment ids in the order of their refs.
func (w *world) spread() {
	w.t.Helper()
	w.exec(`UPDATE orders SET created_at = created_at + (substr(ref, 2)::int * interval '1 second')`)
	w.exec(`SET CONSTRAINTS ALL DEFERRED`)
	w.exec(`UPDATE orders o SET id = n.id FROM (SELECT ref, (1::bigint << 40) + row_number() OVER (ORDER BY ref) AS id FROM orders) n WHERE n.ref = o.ref`)
}

func TestOrdersAreFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000_000)
	c.order(`{"category":"ppob","ref":"r1","sku":"TSEL5","customer_no":"0811"}`)
	c.order(`{"category":"ppob","ref":"r2","sku":"MLID10","customer_no":"0822","zone_id":"1"}`)
	c.order(`{"category":"otp","ref":"r3","sku":"OTPTGID"}`)
	w.exec(`UPDATE orders SET state = 'completed', attempt = 1, facts = '{"sn":"SN-77"}', created_at = '2026-11-20 18:30:00Z' WHERE ref = 'r2'`)
	w.exec(`UPDATE orders SET created_at = '2026-11-21 18:30:00Z' WHERE ref <> 'r2'`)
	w.exec(`UPDATE orders SET id = ((extract(epoch FROM created_at - '2026-01-01 00:00:00Z'::timestamptz) * 1000)::bigint << 22) | (id & 4194303)`) // of their time, as ids are
	id := c.get("/order/r2").data()["order"].(map[string]any)["order_id"].(string)
	refs := func(query string) string {
		var out []string
		for _, o := range c.get("/orders?" + query).data()["orders"].([]any) {
			out = append(out, o.(map[string]any)["ref"].(string))
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"status=completed":                     "r2",
		"category=otp":                         "r3",
		"sku=TSEL5":                            "r1",
		"search=r1":                            "r1",
		"search=0822":                          "r2",
		"search=SN-77":                         "r2",
		"search=" + id:                         "r2",
		"search=nothing":                       "",
		"from=2026-11-21&to=2026-11-21":        "r2",
		"to=2026-11-21":                        "r2",
		"to=2026-11-20":                        "",
		"status=completed&category=otp":        "",
		"from=2026-11-20T18:30:00Z&sku=MLID10": "r2",
		"from=2026-11-21T01:30:00%2B07:00&to=2026-11-21T01:30:01%2B07:00": "r2",
		"from=2026-11-21T01:30:00+07:00&to=2026-11-21T01:30:01+07:00":     "r2",
		"to=2026-11-20T18:30:00Z": "",
	} {
		require.Equal(t, want, refs(query), query)
	}
	for query, field := range map[string]string{
		"status=done": "status", "category=pulsa": "category", "from=yesterday": "from", "to=2026-13-01": "to", "from=2026-11-21T10:00:00": "from",
	} {
		c.get("/orders?" + query).invalid(field)
	}
}

func TestAWatchedOrderIsLookedAtSooner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	c.order(pulsa)
	c.get("/order/trx-0001").data()
	require.Equal(t, 1, w.count(`SELECT count(*) FROM orders WHERE watched_at IS NOT NULL`))
}

func TestNothingOfASourceIsEverSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	w.stock("a:b")
	var all strings.Builder
	for _, r := range []*reply{
		c.post("/order", pulsa), c.post("/order", `{"category":"otp","ref":"o","sku":"OTPTGID"}`), c.post("/order", `{"category":"product","ref":"p","sku":"NETFLIX1B"}`),
		c.post("/order", `{"category":"ppob","ref":"t","sku":"TSEL10","customer_no":"0812"}`), c.post("/order", `{"category":"ppob","ref":"u","sku":"TSEL20","customer_no":"0812"}`),
		c.post("/order", `{"category":"ppob","ref":"v","sku":"HIDDENCODE1","customer_no":"0812"}`), c.get("/order/trx-0001"), c.get("/orders"), c.get("/mutations"),
		c.get("/mutations?format=csv"), c.get("/profile"), c.get("/ppob/products"), c.get("/ppob/categories"), c.get("/ppob/brands"), c.get("/smm/services"),
		c.get("/otp/services"), c.get("/otp/countries?service=tg"), c.get("/otp/operators?sku=OTPTGID"), c.get("/products"), c.get("/price?sku=TSEL20"),
		c.send(http.MethodGet, "/docs/reference", ""), c.send(http.MethodGet, "/pricelist", ""), c.send(http.MethodGet, "/pricelist/en", ""), c.send(http.MethodGet, "/pricelist.csv", ""),
		c.send(http.MethodGet, "/pricelist.json", ""), c.send(http.MethodGet, "/openapi.json", ""), c.get("/webhook"), c.get("/webhook/deliveries"),
	} {
		all.WriteString(r.raw)
		for k, v := range r.header {
			all.WriteString(k + ": " + strings.Join(v, ",") + "\n")
		}
	}
	text := strings.ToLower(strings.ReplaceAll(all.String(), "there is no such sku", ""))
	for _, name := range []string{"hidden", "pausedone", "rumahotp", "rqid", "sandbox", "svc-9", "said name"} {
		require.NotContains(t, text, name)
	}
}

func TestOrdersOfEveryKindShowTheirOwnFieldsOnly(t *testing.T) {
	t.Parallel()
	require.NotNil(t, order.PPOBView{})
	w := newWorld(t)
	c := w.merchant(10_000_000)
	w.stock("a:b")
	c.order(pulsa)
	c.order(`{"category":"otp","ref":"o","sku":"OTPTGID"}`)
	c.order(`{"category":"product","ref":"p","sku":"NETFLIX1B"}`)
	data := func(ref string) map[string]any {
		return c.get("/order/" + ref).data()["order"].(map[string]any)["data"].(map[string]any)
	}
	keys := func(m map[string]any) []string {
		var out []string
		for k := range m {
			out = append(out, k)
		}
		return out
	}
	require.ElementsMatch(t, []string{"sn", "note"}, keys(data("trx-0001")))
	require.ElementsMatch(t, []string{"phone_number", "otp_code", "messages", "country", "service", "operator", "expires_at"}, keys(data("o")))
	require.ElementsMatch(t, []string{"content", "items"}, keys(data("p")))
}
