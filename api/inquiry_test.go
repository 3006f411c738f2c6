package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
)

const billSQL = `SELECT count(*) FROM inquiries WHERE state = $1`

// biller is a worker whose customers owe 100,000 rupiah more with every question, with a
// fee of 2,500; those ending in 04 owe nothing.
func (w *world) biller(ctx context.Context, _ string, inquiryID int64) (string, error) {
	q, err := w.bills.ByID(ctx, inquiryID)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(q.CustomerNo, "04") {
		return inquiry.VerdictNoBill, w.bills.Fail(ctx, q.ID, "rejected no_bill", "rc 14", "HIDDEN TEXT")
	}
	n := int64(w.count(`SELECT count(*) FROM inquiries`))
	b := order.Bill{
		CustomerName: "ANTO", Period: "NOV26", Amount: n * 100_000, Admin: 2_500, Total: n*100_000 + 2_500, Cost: n*100_000 + 2_500,
		Lines: map[string]string{"tariff": "R1"}, UpstreamRef: "HIDDENREF",
	}
	return inquiry.VerdictFound, w.bills.Found(ctx, q, b, time.Time{}, "HIDDENCODE", "HIDDEN TEXT")
}

// fee puts our fee on a bill: 14,700 rupiah at the first tier.
func (w *world) fee() int64 {
	p, ok := w.catalog.Snapshot().ProductFor("live", "PLNPOST")
	require.True(w.t, ok)
	return w.catalog.Snapshot().Price(p, 1)
}

func inquiryJSON(ref, customer string) string {
	return `{"ref":"` + ref + `","sku":"PLNPOST","customer_no":"` + customer + `"}`
}

func billJSON(ref, customer, more string) string {
	return `{"category":"ppob","ref":"` + ref + `","sku":"PLNPOST","customer_no":"` + customer + `"` + more + `}`
}

func (c *client) inquired(body string) map[string]any {
	c.w.t.Helper()
	return c.post("/inquiry", body).data()["inquiry"].(map[string]any)
}

func TestABillIsInquiredAndPaidAsInquired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	q := c.inquired(inquiryJSON("b1", "546302215889"))
	fee := w.fee()
	require.Positive(t, fee)
	text, err := json.Marshal(q)
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"ref":"b1","sku":"PLNPOST","customer_no":"546302215889","customer_name":"ANTO","price":%d,"expires_at":%q,
		"bill":{"customer_name":"ANTO","period":"NOV26","amount":100000,"admin":2500,"total":102500,"lines":{"tariff":"R1"}}}`, 102_500+fee, q["expires_at"]), string(text))
	at, err := time.Parse(time.RFC3339, q["expires_at"].(string))
	require.NoError(t, err)
	require.False(t, at.After(w.clock.Now().Add(inquiry.Life)))
	require.EqualValues(t, 1_000_000, c.balance(), "asking costs nothing")

	placed := c.post("/order", billJSON("b1", "546302215889", "")).data()
	o := view(placed)
	require.Equal(t, q["price"], o["price"])
	require.Equal(t, "pending", o["status"])
	require.Equal(t, q["bill"], o["data"].(map[string]any)["bill"])
	require.Equal(t, 1_000_000-num(q["price"]), num(placed["balance"]))
	again := c.on(1).post("/order", billJSON("b1", "546302215889", `,"max_price":1`)).data()
	require.Equal(t, o, view(again), "the same order, charged once")
	require.Equal(t, placed["balance"], again["balance"])
	require.Equal(t, q, c.inquired(inquiryJSON("b1", "546302215889")), "once it is paid, the answer is what was paid")
	require.Equal(t, 1, w.count(billSQL, "paid"))
	w.queue.told(t, 1)

	var raw string
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT upstream || ' ' || code || ' ' || cost || ' ' || max_cost FROM orders`).Scan(&raw))
	require.Equal(t, "hiddenone HIDDENCODE5 102500 102500", raw, "through whom it was inquired, at its cost")
	for _, body := range []any{q, placed} {
		text, err := json.Marshal(body)
		require.NoError(t, err)
		require.NotContains(t, strings.ToUpper(string(text)), "HIDDEN")
	}
	// A product without a bill shows none.
	require.NotContains(t, view(c.order(`{"category":"ppob","ref":"p","sku":"TSEL5","customer_no":"0812"}`))["data"], "bill")
}

func TestAskingAnewReplacesTheBill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	first := c.inquired(inquiryJSON("b", "12"))
	second := c.on(1).inquired(inquiryJSON("b", "12"))
	require.Equal(t, num(first["price"])+100_000, num(second["price"]))
	require.Equal(t, second["price"], view(c.post("/order", billJSON("b", "12", "")).data())["price"], "the newest is the one that is paid")
	require.Equal(t, 1, w.count(billSQL, "replaced"))
}

func TestARefStandsForOneBill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	c.post("/order", billJSON("b", "12", "")).refused(http.StatusConflict, "inquiry_required")
	c.inquired(inquiryJSON("b", "12"))
	c.post("/inquiry", inquiryJSON("b", "13")).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", billJSON("b", "13", "")).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", `{"category":"ppob","ref":"b","sku":"TSEL5","customer_no":"12"}`).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", `{"category":"otp","ref":"b","sku":"OTPTGID"}`).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", `{"category":"ppob","ref":"b","sku":"NOSUCH","customer_no":"12"}`).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", `{"category":"ppob","ref":"b","sku":"TSEL10","customer_no":"12"}`).refused(http.StatusConflict, "ref_conflict")
	require.EqualValues(t, 1_000_000, c.balance())
	other := w.merchant(1_000_000)
	other.post("/order", billJSON("b", "12", "")).refused(http.StatusConflict, "inquiry_required")
	c.order(`{"category":"ppob","ref":"p","sku":"TSEL5","customer_no":"12"}`)
	c.post("/inquiry", inquiryJSON("p", "12")).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", billJSON("b", "12", "")).data()
	c.post("/inquiry", inquiryJSON("b", "13")).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", billJSON("b", "13", "")).refused(http.StatusConflict, "ref_conflict")
}

func TestWhatAnInquiryIsRefusedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	details := c.post("/inquiry", `{"ref":"no space","amount":"x"}`).refused(http.StatusBadRequest, "invalid_request")
	require.Len(t, details, 4)
	c.post("/inquiry", `{"ref":"a","sku":"NONE","customer_no":"1"}`).refused(http.StatusNotFound, "not_found")
	c.post("/inquiry", `{"ref":"a","sku":"TSEL5","customer_no":"1"}`).refused(http.StatusBadRequest, "invalid_request")
	c.post("/inquiry", inquiryJSON("a", "04")).refused(http.StatusUnprocessableEntity, "bill_not_found")
	c.inquired(inquiryJSON("a", "12")) // the ref of a refused one is free
	w.changed(`UPDATE products SET closed = true, updated_at = now() WHERE sku = 'PLNPOST'`)
	reason := c.post("/inquiry", inquiryJSON("z", "12")).refused(http.StatusUnprocessableEntity, "unavailable")[0].(map[string]any)["reason"]
	require.Equal(t, "closed", reason)
	c.post("/order", billJSON("a", "12", "")).refused(http.StatusUnprocessableEntity, "unavailable")
	w.changed(`UPDATE products SET closed = false, updated_at = now() WHERE sku = 'PLNPOST'`)
	c.post("/order", billJSON("a", "12", `,"max_price":100`)).refused(http.StatusUnprocessableEntity, "price_changed")
	w.merchant(0) // somebody else
	poor := w.merchant(1_000)
	poor.inquired(inquiryJSON("a", "12"))
	poor.post("/order", billJSON("a", "12", "")).refused(http.StatusPaymentRequired, "insufficient_balance")
	require.Equal(t, 2, w.count(billSQL, "open"), "what was refused stays payable")
	require.Zero(t, w.count(`SELECT count(*) FROM orders`))
}

func TestAnInquiryEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	first := c.inquired(inquiryJSON("b", "12"))
	w.clock.set(w.clock.Now().Add(inquiry.Life))
	c.post("/order", billJSON("b", "12", "")).refused(http.StatusGone, "inquiry_expired")
	require.EqualValues(t, 1_000_000, c.balance())
	second := c.inquired(inquiryJSON("b", "12"))
	require.NotEqual(t, first["expires_at"], second["expires_at"])
	w.exec(`UPDATE inquiries SET expires_at = now() - interval '1 second' WHERE state = 'open'`)
	w.clock.set(time.Now().Add(-time.Hour))
	c.post("/order", billJSON("b", "12", "")).refused(http.StatusGone, "inquiry_expired")
	require.Zero(t, w.count(`SELECT count(*) FROM orders`), "the commit has the last word")
}

func TestOtherSourcesAreAskedForABill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`INSERT INTO upstreams (name, driver, mode, paused, paused_why, created_at, updated_at) VALUES ('hiddentwo', 'rqid', 'live', false, '', now(), now())`)
	w.exec(`INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited,
			success_rate, closed, failures, priority, weight, created_at, updated_at)
		SELECT id, 'hiddentwo', 's', 'HIDDENCODE55', '{}', 'HIDDEN SAID NAME', '\x00', '\x00', 0, true, '', 0, true, 0, false, 0, 1, 1, now(), now()
		FROM products WHERE sku = 'PLNPOST'`)
	w.changed(`UPDATE products SET updated_at = now()`)
	c := w.merchant(10_000_000)
	var asked []string
	verdict, silent := map[string]string{"hiddenone": inquiry.VerdictRefused}, map[string]bool{}
	w.queue.inquire = func(ctx context.Context, upstream string, id int64) (string, error) {
		asked = append(asked, upstream)
		if silent[upstream] {
			return "", queue.ErrNoAnswer
		}
		if v := verdict[upstream]; v != "" {
			return v, nil
		}
		return w.biller(ctx, upstream, id)
	}
	c.inquired(inquiryJSON("1", "12"))
	require.Equal(t, []string{"hiddenone", "hiddentwo"}, asked)
	c.post("/order", billJSON("1", "12", "")).data()
	require.Equal(t, 1, w.count(`SELECT count(*) FROM orders WHERE upstream = 'hiddentwo' AND code = 'HIDDENCODE55'`), "paid through whichever inquired")

	silent["hiddenone"] = true
	c.inquired(inquiryJSON("2", "12"))
	silent["hiddentwo"] = true
	refused := c.post("/inquiry", inquiryJSON("3", "12"))
	refused.refused(http.StatusServiceUnavailable, "upstream_error")
	require.NotEmpty(t, refused.header.Get("Retry-After"))
	silent = map[string]bool{}
	verdict = map[string]string{"hiddenone": inquiry.VerdictDisturbed, "hiddentwo": inquiry.VerdictDisturbed}
	details := c.post("/inquiry", inquiryJSON("3", "12")).refused(http.StatusUnprocessableEntity, "unavailable")
	require.Equal(t, "trouble", details[0].(map[string]any)["reason"])
	asked = nil
	verdict["hiddenone"] = inquiry.VerdictNoBill
	c.post("/inquiry", inquiryJSON("3", "12")).refused(http.StatusUnprocessableEntity, "bill_not_found")
	require.Equal(t, []string{"hiddenone"}, asked, "that nothing is owed is one source's word for all")

	// What was inquired is paid through its source or not at all.
	w.queue.inquire = w.biller
	w.changed(`UPDATE upstreams SET paused = true, updated_at = now() WHERE name = 'hiddentwo'`)
	c.inquired(inquiryJSON("4", "12"))
	w.changed(`UPDATE upstreams SET paused = true, updated_at = now() WHERE name = 'hiddenone'`)
	require.NoError(t, w.catalog.Refresh(t.Context()))
	c.post("/order", billJSON("4", "12", "")).refused(http.StatusServiceUnavailable, "upstream_error")
}

func TestALateAnswerIsNeverPayable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	told := c.inquired(inquiryJSON("b", "12"))
	w.queue.inquire = func(ctx context.Context, upstream string, id int64) (string, error) {
		_, err := w.biller(ctx, upstream, id)
		require.NoError(t, err)
		return "", queue.ErrNoAnswer // it came when nobody waited any more
	}
	c.post("/inquiry", inquiryJSON("b", "12")).refused(http.StatusServiceUnavailable, "upstream_error")
	require.Equal(t, 1, w.count(billSQL, "found"))
	require.Equal(t, told["price"], view(c.post("/order", billJSON("b", "12", "")).data())["price"], "what was told is what is paid")
}

// TestManyPayAndAskForOneBill races payments of a few bills with questions that replace
// them: each is paid once, at a price that was told.
func TestManyPayAndAskForOneBill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(100_000_000)
	const refs, each = 4, 12
	var mu sync.Mutex
	told, paid := map[string]map[any]bool{}, map[string]map[any]bool{}
	note := func(m map[string]map[any]bool, ref string, price any) {
		mu.Lock()
		defer mu.Unlock()
		if m[ref] == nil {
			m[ref] = map[any]bool{}
		}
		m[ref][price] = true
	}
	for r := range refs {
		note(told, fmt.Sprint("b", r), c.inquired(inquiryJSON(fmt.Sprint("b", r), "12"))["price"])
	}
	var all sync.WaitGroup
	for n := range each {
		for r := range refs {
			ref := fmt.Sprint("b", r)
			all.Go(func() {
				answer := c.on(n%2).post("/inquiry", inquiryJSON(ref, "12"))
				if answer.status == http.StatusOK {
					note(told, ref, answer.data()["inquiry"].(map[string]any)["price"])
				}
			})
			all.Go(func() {
				answer := c.on((n+1)%2).post("/order", billJSON(ref, "12", ""))
				if answer.status == http.StatusOK {
					note(paid, ref, view(answer.data())["price"])
				}
			})
		}
	}
	all.Wait()
	for r := range refs { // each may have been asked for anew again and again under its payments
		ref := fmt.Sprint("b", r)
		note(paid, ref, view(c.post("/order", billJSON(ref, "12", "")).data())["price"])
	}
	require.Equal(t, refs, w.count(`SELECT count(*) FROM orders`))
	require.Equal(t, refs, w.count(billSQL, "paid"))
	require.Zero(t, w.count(billSQL, "open"))
	spent := int64(0)
	for ref, prices := range paid {
		require.Len(t, prices, 1, "every answer is the same order")
		for price := range prices {
			require.Contains(t, told[ref], price)
			spent += num(price)
		}
	}
	require.Equal(t, 100_000_000-spent, c.balance())
	require.Zero(t, w.count(`SELECT count(*) FROM orders o JOIN inquiries i ON i.order_id = o.id WHERE i.price <> o.price OR i.id <> (o.facts->'bill'->>'inquiry')::bigint`))
	report, err := ledger.Verify(t.Context(), w.db.Pool, order.Checks()...)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}
