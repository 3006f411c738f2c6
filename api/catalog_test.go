package api_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/queue"
)

func TestTheListsHoldWhatIsForSale(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stock("a:b", "c:d")
	c := w.merchant(0)

	d := c.get("/ppob/products").data()
	require.EqualValues(t, 1, num(d["tier"]))
	rows := d["products"].([]any)
	require.EqualValues(t, len(rows), num(d["count"]))
	require.Len(t, rows, 5)
	var pulsa map[string]any
	for _, r := range rows {
		if row := r.(map[string]any); row["sku"] == "TSEL5" {
			pulsa = row
		}
	}
	require.EqualValues(t, 5250, num(pulsa["price"]))
	for _, key := range []string{
		"sku", "name", "price", "brand", "category", "type", "description", "inputs", "stock", "unlimited_stock", "available", "reason", "image",
	} {
		require.Contains(t, pulsa, key)
	}
	require.Len(t, pulsa, 13)

	category := c.get("/ppob/categories").data()["categories"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"category", "name", "type", "products"}, keysOf(category))
	brand := c.get("/ppob/brands").data()["brands"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"brand", "category", "products"}, keysOf(brand))
	require.Equal(t, []any{}, c.get("/smm/services").data()["services"])
	require.EqualValues(t, 0, num(c.get("/smm/services").data()["count"]))
	service := c.get("/otp/services").data()["services"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{"service": "tg", "name": "Telegram", "image": nil}, service)
	country := c.get("/otp/countries?service=tg").data()["countries"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"country", "iso", "prefix", "image", "stock", "offers"}, keysOf(country))
	offer := country["offers"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"sku", "server", "price", "stock", "success_rate", "available"}, keysOf(offer))
	require.Equal(t, "Server 1", offer["server"])
	require.EqualValues(t, 1250, num(offer["price"]))
	product := c.get("/products").data()["products"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"product", "name", "description", "image", "variants"}, keysOf(product))
	variant := product["variants"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"sku", "name", "price", "stock"}, keysOf(variant))
	require.EqualValues(t, 35_000, num(variant["price"]))
	require.EqualValues(t, 2, num(variant["stock"]))
}

func keysOf(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

func TestPricesFollowTheTier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	low, high := w.merchant(0), w.merchant(0, func(n *merchant.New) { n.Tier = 4 })
	require.EqualValues(t, 5250, num(low.get("/price?sku=TSEL5").data()["price"]))
	require.EqualValues(t, 5075, num(high.get("/price?sku=TSEL5").data()["price"]))
	require.EqualValues(t, 4, num(high.get("/ppob/products").data()["tier"]))
	require.EqualValues(t, 35_000, num(high.get("/price?sku=NETFLIX1B").data()["price"]), "one price for all tiers")
}

func TestListsAreFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	count := func(path string) int64 { return num(c.get(path).data()["count"]) }
	require.EqualValues(t, 5, count("/ppob/products?brand=telkomsel"))
	require.EqualValues(t, 0, count("/ppob/products?brand=xl"))
	require.EqualValues(t, 1, count("/ppob/products?type=postpaid"))
	require.EqualValues(t, 1, count("/ppob/products?search=legends"))
	require.EqualValues(t, 3, count("/ppob/products?available=true"))
	require.EqualValues(t, 2, count("/ppob/products?available=false"))
	require.EqualValues(t, 1, count("/otp/services?search=tele"))
	require.EqualValues(t, 0, count("/otp/services?search=nothing"))
	c.get("/ppob/products?type=free").invalid("type")
	c.get("/ppob/products?available=maybe").invalid("available")
	c.get("/otp/countries").invalid("service")
	c.get("/otp/countries?service=zz").refused(http.StatusNotFound, "not_found")
	c.get("/price").invalid("sku")
	c.get("/price?sku=NOSUCH").refused(http.StatusNotFound, "not_found")
	c.get("/price?sku=TESTPULSA").refused(http.StatusNotFound, "not_found")
}

func TestThePriceOfOneSKUSaysWhyAndUntilWhen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	open := c.get("/price?sku=TSEL5").data()
	require.Equal(t, true, open["available"])
	require.Contains(t, open, "reason")
	require.Nil(t, open["reason"])
	require.Contains(t, open, "until")
	shut := c.get("/price?sku=TSEL10").data()
	require.Equal(t, false, shut["available"])
	require.Equal(t, "trouble", shut["reason"])
	require.Equal(t, "paused", c.get("/price?sku=TSEL20").data()["reason"])
	require.Equal(t, "out_of_stock", c.get("/price?sku=NETFLIX1B").data()["reason"])
}

func TestAListThatIsKnownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	for _, path := range []string{
		"/ppob/products", "/ppob/categories", "/ppob/brands", "/smm/services", "/otp/services", "/otp/countries?service=tg", "/products", "/price?sku=TSEL5",
	} {
		first := c.get(path)
		tag := first.header.Get("ETag")
		require.Regexp(t, `^"[^"]+"$`, tag, "a strong one")
		require.Equal(t, "Accept-Encoding", first.header.Get("Vary"))
		again := c.on(1).get(path, "If-None-Match: "+tag)
		require.Equal(t, http.StatusNotModified, again.status, path)
		require.Empty(t, again.raw)
		require.Equal(t, tag, again.header.Get("ETag"))
		require.Equal(t, http.StatusOK, c.get(path, `If-None-Match: "another"`).status)
		require.Equal(t, http.StatusNotModified, c.get(path, `If-None-Match: "another", `+tag).status)
		require.Equal(t, http.StatusNotModified, c.send(http.MethodHead, "/api/v1"+path, "", "If-None-Match: "+tag).status)
	}
	tag := c.get("/ppob/products").header.Get("ETag")
	w.changed(`UPDATE offers SET cost = cost + 100 WHERE code = 'HIDDENCODE1'`)
	changed := c.get("/ppob/products", "If-None-Match: "+tag)
	require.Equal(t, http.StatusOK, changed.status)
	require.NotEqual(t, tag, changed.header.Get("ETag"))
}

func TestListsAreCompressedAsTheCallerLikes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	plain := c.get("/ppob/products")
	require.Empty(t, plain.header.Get("Content-Encoding"))
	packed := c.get("/ppob/products", "Accept-Encoding: gzip")
	require.Equal(t, "gzip", packed.header.Get("Content-Encoding"))
	r, err := gzip.NewReader(strings.NewReader(packed.raw))
	require.NoError(t, err)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, plain.raw, string(body))
	fast := c.get("/ppob/products", "Accept-Encoding: gzip, zstd")
	require.Equal(t, "zstd", fast.header.Get("Content-Encoding"))
	z, err := zstd.NewReader(bytes.NewReader([]byte(fast.raw)))
	require.NoError(t, err)
	defer z.Close()
	body, err = io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, plain.raw, string(body))

	tags := map[string]bool{plain.header.Get("ETag"): true, packed.header.Get("ETag"): true, fast.header.Get("ETag"): true}
	require.Len(t, tags, 3, "one ETag per encoding")
	require.Equal(t, http.StatusOK, c.get("/ppob/products", "If-None-Match: "+packed.header.Get("ETag")).status)
	require.Equal(t, http.StatusNotModified, c.get("/ppob/products", "Accept-Encoding: gzip", "If-None-Match: "+packed.header.Get("ETag")).status)
	require.Equal(t, http.StatusOK, c.get("/ppob/products", "Accept-Encoding: gzip;q=0").status)
	require.Empty(t, c.get("/ppob/products", "Accept-Encoding: gzip;q=0").header.Get("Content-Encoding"))
}

func TestOperatorsAreAskedForOnceAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	w.queue.ask = func(ctx context.Context, offerID int64) (*queue.Answer, error) {
		err := catalog.SaveOperators(ctx, w.db.Pool, offerID, []catalog.Operator{{Name: "Any", Code: "1"}, {Name: "Telkomsel", Code: "77"}}, w.clock.Now())
		return &queue.Answer{}, err
	}
	d := c.get("/otp/operators?sku=OTPTGID").data()
	require.EqualValues(t, 2, num(d["count"]))
	require.Equal(t, map[string]any{"operator_id": "telkomsel", "name": "Telkomsel", "image": nil}, d["operators"].([]any)[1])
	c.get("/otp/operators?sku=OTPTGID").data()
	require.Equal(t, 1, w.queue.asked)
	c.order(`{"category":"otp","ref":"a","sku":"OTPTGID","operator_id":"telkomsel"}`)
	c.post("/order", `{"category":"otp","ref":"a","sku":"OTPTGID"}`).refused(http.StatusConflict, "ref_conflict")
	c.post("/order", `{"category":"otp","ref":"b","sku":"OTPTGID","operator_id":"77"}`).invalid("operator_id")

	w.clock.set(w.clock.Now().Add(24 * time.Hour))
	w.queue.ask = nil
	require.EqualValues(t, 2, num(c.get("/otp/operators?sku=OTPTGID").data()["count"]), "old is better than nothing")
	require.Equal(t, 2, w.queue.asked)
}

func TestOperatorsThatNobodyTellsAreAnUpstreamError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	r := c.get("/otp/operators?sku=OTPTGID")
	r.refused(http.StatusServiceUnavailable, "upstream_error")
	require.NotEmpty(t, r.header.Get("Retry-After"))
	w.queue.ask = func(context.Context, int64) (*queue.Answer, error) { return &queue.Answer{Refused: true}, nil }
	c.get("/otp/operators?sku=OTPTGID").refused(http.StatusServiceUnavailable, "upstream_error")
	c.get("/otp/operators?sku=TSEL5").invalid("sku")
	c.get("/otp/operators?sku=NOSUCH").refused(http.StatusNotFound, "not_found")
	c.get("/otp/operators").invalid("sku")
}
