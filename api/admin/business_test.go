package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api/admin"
	"github.com/muarahq/muara/pkg/catalog"
)

// sendCSV sends a table.
func (c *client) sendCSV(path, body string) *reply {
	c.w.t.Helper()
	r := httptest.NewRequestWithContext(c.w.t.Context(), http.MethodPost, admin.Base+path, strings.NewReader(body))
	r.RemoteAddr = c.addr
	r.Header.Set("Content-Type", "text/csv")
	r.Header.Set("Authorization", "Bearer "+c.secret)
	return c.w.do(r)
}

func TestReportsAreReadAndDownloaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wallet := w.wallet("MRA-M-1", 100_000)
	w.finance.post("/deposits/"+w.suspended(wallet)+"/credit", `{"why":"x"}`).data()
	require.Equal(t, "49000", fmt.Sprint(w.viewer.get("/reports/summary").data()["deposits"].(map[string]any)["amount"]))
	require.Equal(t, "0", fmt.Sprint(w.viewer.get("/reports/orders?by=day,sku").data()["count"]))
	require.Equal(t, "0", fmt.Sprint(w.viewer.get("/reports/losses").data()["count"]))
	require.Equal(t, "100000", fmt.Sprint(w.viewer.get("/reports/money").data()["adjusted_credits"]))
	require.Contains(t, w.viewer.get("/reports/balances?mode=live").raw, `"balance":149000`)
	for path, head := range map[string]string{"orders.csv?by=sku": "day,merchant_id,", "losses.csv": "order_id,", "money.csv": "kind,day,gateway,"} {
		r := w.viewer.get("/reports/" + path)
		require.Equal(t, http.StatusOK, r.status, r.raw)
		require.Equal(t, "text/csv; charset=utf-8", r.header.Get("Content-Type"))
		require.True(t, strings.HasPrefix(r.raw, head), r.raw)
	}
	for _, path := range []string{"summary?from=today", "orders?by=weather", "orders.csv?from=2026-02-01&to=2026-01-01", "losses?cursor=x", "money?mode=both"} {
		w.viewer.get("/reports/"+path).refused(http.StatusBadRequest, "invalid_request")
	}
}

func TestEveryProductIsOnOnePageOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	w.exec(`UPDATE catalog_version SET version = version + 1`)
	for i := range 6 { // the catalogue's own order is by brand before it is by SKU
		sku := fmt.Sprintf("SKU%d", i)
		want = append(want, sku)
		w.exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, fixed_price, policy, closed, edited, version, created_at, updated_at)
			SELECT 'live', $1, 'product', $1, $2, '', '', '', '[]', '', 1000, 'price', false, '{}', version, now(), now() FROM catalog_version`, sku, string(rune('z'-i)))
	}
	require.NoError(t, w.catalog.Refresh(t.Context()))
	var got []string
	for after := ""; ; {
		page := w.viewer.get("/products?limit=2&after=" + after).data()
		for _, p := range page["products"].([]any) {
			got = append(got, p.(map[string]any)["sku"].(string))
		}
		next, more := page["next_after"].(string)
		if !more {
			break
		}
		after = next
	}
	require.Equal(t, want, got)
}

func TestTheCatalogueIsEditedAsATable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.finance.post("/products", `{"sku":"nflx1","name":"Netflix - 1 Bulan","price":35000}`).data()
	require.Equal(t, "NFLX1", made["sku"])
	w.finance.post("/products", `{"sku":"NFLX1","name":"again","price":1}`).refused(http.StatusConflict, "conflict")
	require.Contains(t, w.finance.post("/products", `{"sku":"a b","name":"x","price":1}`).refused(http.StatusBadRequest, "invalid_request").detail("sku"), "no SKU")
	const item = "siti@example.com:geheim"
	stocked := w.operator.post("/products/NFLX1/stock", `{"items":["`+item+`","b"]}`)
	require.Equal(t, "2", fmt.Sprint(stocked.data()["added"]))
	require.NotContains(t, stocked.raw, "geheim")
	require.NotContains(t, w.finance.get("/audit").raw, "geheim")
	require.NotContains(t, w.logs.String(), "geheim")
	w.operator.post("/products/NFLX1/stock", `{"items":["a\nb"]}`).refused(http.StatusBadRequest, "invalid_request").detail("items[0]")
	w.operator.post("/products/NOBODY/stock", `{"items":["a"]}`).refused(http.StatusNotFound, "not_found")

	csv := w.operator.get("/catalog.csv?category=product")
	require.Contains(t, csv.raw, "NFLX1,,live,product,,Netflix - 1 Bulan,,,,35000,no,")
	edited := strings.Replace(csv.raw, ",35000,no,", ",36000,yes,", 1)
	w.operator.sendCSV("/catalog", edited).refused(http.StatusForbidden, "forbidden")
	require.Equal(t, true, w.finance.sendCSV("/catalog?dry_run=true", edited).data()["dry_run"])
	require.Equal(t, "1", fmt.Sprint(w.finance.sendCSV("/catalog", edited).data()["products"]))
	wrong := w.finance.sendCSV("/catalog", "sku,price\nNOBODY,1\nNFLX1,free\n").refused(http.StatusBadRequest, "invalid_request")
	require.Contains(t, wrong.detail("line 2"), "NOBODY")
	require.Contains(t, wrong.detail("line 3"), "price")
	require.Equal(t, "token:f", w.audited("catalog").Actor)

	require.NoError(t, w.catalog.Refresh(t.Context()))
	list := w.viewer.get("/products?closed=true&limit=1").data()
	require.Equal(t, "NFLX1", list["products"].([]any)[0].(map[string]any)["sku"])
	require.Nil(t, list["next_after"])
	require.Equal(t, false, w.operator.post("/products/NFLX1/open", "").data()["closed"])
	w.operator.post("/products/NOBODY/close", "").refused(http.StatusNotFound, "not_found")
	w.operator.post("/offers/99/close", "").refused(http.StatusNotFound, "not_found")
	policy := w.finance.send(http.MethodPut, "/policy", `{"policy":"priority","sku":"NFLX1"}`).data()
	require.Equal(t, "1", fmt.Sprint(policy["changed"]))
	require.Equal(t, "catalog.policy", w.audited("NFLX1").Action)
	w.finance.send(http.MethodPut, "/policy", `{"policy":"priority","sku":"NOBODY"}`).refused(http.StatusNotFound, "not_found")
	w.finance.send(http.MethodPut, "/policy", `{"policy":"chance"}`).refused(http.StatusBadRequest, "invalid_request").detail("policy")
	w.finance.send(http.MethodPut, "/offers/99/rank", `{"weight":2}`).refused(http.StatusNotFound, "not_found")
	w.finance.send(http.MethodPut, "/offers/99/rank", `{"weight":0}`).refused(http.StatusBadRequest, "invalid_request").detail("weight")
	w.finance.send(http.MethodPut, "/offers/99/rank", `{}`).refused(http.StatusBadRequest, "invalid_request").detail("priority")
	require.Equal(t, "0", fmt.Sprint(w.viewer.get("/review").data()["count"]))
	w.finance.post("/review/99/accept", "").refused(http.StatusConflict, "conflict")
}

func TestImportsAndComparisonsAreAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.operator.post("/imports", `{}`).refused(http.StatusNotFound, "not_found") // no role has told of it yet
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), w.db.Pool, []catalog.Source{{Name: "hiddenone", Driver: "rumahotp", Mode: catalog.Live}}, w.clock.Now()))
	run := w.operator.post("/imports", `{"upstream":"hiddenone"}`).data()["runs"].([]any)[0].(map[string]any)
	require.Equal(t, false, w.viewer.get(fmt.Sprint("/imports?run=", run["run_id"])).data()["runs"].([]any)[0].(map[string]any)["finished"])
	w.viewer.get("/imports?run=99").refused(http.StatusNotFound, "not_found")
	w.operator.post("/imports", `{"upstream":"nobody"}`).refused(http.StatusNotFound, "not_found")

	made := w.operator.post("/reconciliations", `{"upstream":"hiddenone"}`).data()
	require.Equal(t, "running", made["state"])
	require.Equal(t, "token:o", made["actor"])
	id := fmt.Sprint(made["id"])
	require.Equal(t, id, fmt.Sprint(w.viewer.get("/reconciliations/" + id).data()["id"]))
	require.Equal(t, "1", fmt.Sprint(w.viewer.get("/reconciliations?upstream=hiddenone").data()["count"]))
	require.Equal(t, "0", fmt.Sprint(w.viewer.get("/reconciliations/" + id + "/findings").data()["count"]))
	require.True(t, strings.HasPrefix(w.operator.get("/reconciliations/"+id+"/findings.csv").raw, "kind,order,"))
	w.viewer.get("/reconciliations/99/findings").refused(http.StatusNotFound, "not_found")
	for _, body := range []string{`{"upstream":"hiddenone","date":"2126-01-01"}`, `{"upstream":"hiddenone","date":"soon"}`} {
		w.operator.post("/reconciliations", body).refused(http.StatusBadRequest, "invalid_request")
	}
	w.operator.post("/reconciliations", `{"upstream":"nobody"}`).refused(http.StatusNotFound, "not_found")
}

func TestWebhooksAreReadReplayedAndLifted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wallet("MRA-M-1", 100_000)
	require.Equal(t, "0", fmt.Sprint(w.viewer.get("/webhooks?status=parked").data()["count"]))
	w.operator.post("/webhooks/99/replay", "").refused(http.StatusNotFound, "not_found")
	w.operator.post("/merchants/MRA-M-1/webhook/lift", "").refused(http.StatusNotFound, "not_found")
	w.exec(`INSERT INTO webhook_endpoints (merchant_id, url, events, enabled, suspended_reason, secret, secret_hint, failures, created_at, updated_at)
		VALUES ('MRA-M-1', 'https://toko.example/hook', '{}', false, 'gone', '', '', 3, now(), now())`)
	lift := func() *reply { return w.operator.post("/merchants/MRA-M-1/webhook/lift", "") }
	require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusConflict: 2}, w.race(lift, lift, lift))
	require.Equal(t, "webhook.lift", w.audited("MRA-M-1").Action)
}

// slow is a reader that takes nothing until it is let.
type slow struct {
	http.ResponseWriter
	begun chan<- struct{}
	let   <-chan struct{}
}

func (s slow) Write(p []byte) (int, error) {
	s.begun <- struct{}{}
	<-s.let
	return s.ResponseWriter.Write(p)
}

func TestDownloadsLeaveConnectionsToOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun, let := make(chan struct{}, 100), make(chan struct{})
	var readers sync.WaitGroup
	const most = 3
	for range most {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, admin.Base+"/reports/orders.csv", nil)
		r.RemoteAddr = w.viewer.addr
		r.Header.Set("Authorization", "Bearer "+w.viewer.secret)
		readers.Go(func() { w.api.ServeHTTP(slow{httptest.NewRecorder(), begun, let}, r) })
		<-begun
	}
	refused := w.viewer.get("/reports/orders.csv").refused(http.StatusTooManyRequests, "rate_limited")
	require.Equal(t, "10", refused.header.Get("Retry-After"))
	w.viewer.get("/reports/orders").data()
	close(let)
	readers.Wait()
	require.Equal(t, http.StatusOK, w.viewer.get("/reports/orders.csv").status)
}
