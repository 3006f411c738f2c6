package api_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/config"
)

// pricesOf reads the price list as a program does.
func pricesOf(t *testing.T, c *client, query string) (tiers []any, rows map[string]map[string]any) {
	t.Helper()
	d := c.send(http.MethodGet, "/pricelist.json"+query, "").data()
	rows = map[string]map[string]any{}
	for _, r := range d["products"].([]any) {
		row := r.(map[string]any)
		rows[row["sku"].(string)] = row
	}
	require.EqualValues(t, len(rows), num(d["count"]))
	return d["tiers"].([]any), rows
}

func TestThePriceListHasTheRupiahOfEveryTier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stock("a:b")
	nobody := &client{w: w}
	tiers, rows := pricesOf(t, nobody, "")
	require.ElementsMatch(t, []string{"TSEL5", "MLID10", "TSEL10", "TSEL20", "PLNPOST", "OTPTGID", "NETFLIX1B"}, keysOfRows(rows))
	require.Greater(t, len(tiers), 1)
	for _, key := range []string{"tier", "name", "min_orders", "min_volume"} {
		require.Contains(t, tiers[0], key)
	}
	// What the list says of a tier is what a merchant of that tier is asked for.
	for i, tier := range tiers {
		c := w.merchant(0)
		w.exec(`UPDATE merchants SET tier = $2 WHERE id = $1`, c.id, num(tier.(map[string]any)["tier"]))
		for sku, row := range rows {
			mine := c.get("/price?sku=" + sku).data()
			require.Equal(t, mine["price"], row["prices"].([]any)[i], "%s at tier %d", sku, i)
			if sku != "TSEL20" {
				require.Equal(t, mine["available"], row["available"], sku)
			}
		}
	}
	require.Equal(t, "Telegram Indonesia · Server 1", rows["OTPTGID"]["name"])
	require.ElementsMatch(t, []string{"sku", "category", "name", "brand", "group", "per", "available", "prices"}, keysOf(rows["TSEL5"]))
	require.Equal(t, "bill", rows["PLNPOST"]["per"])
}

func keysOfRows(rows map[string]map[string]any) []string {
	var out []string
	for k := range rows {
		out = append(out, k)
	}
	return out
}

func TestThePriceListIsFilteredBySearchesAndParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := &client{w: w}
	for query, want := range map[string][]string{
		"?category=otp":                  {"OTPTGID"},
		"?category=ppob&available=1":     {"TSEL5", "MLID10", "PLNPOST"},
		"?q=legends":                     {"MLID10"},
		"?q=10+telkomsel":                {"TSEL10", "MLID10"}, // the brand of all seeds is TELKOMSEL
		"?category=otp&brand=telegram":   {"OTPTGID"},
		"?category=otp&group=Antarctica": nil,
	} {
		_, rows := pricesOf(t, nobody, query)
		require.ElementsMatch(t, want, keysOfRows(rows), query)
		page := nobody.send(http.MethodGet, "/pricelist"+query, "")
		require.Equal(t, http.StatusOK, page.status)
		require.ElementsMatch(t, want, shown(page.raw), query)
	}
	nobody.send(http.MethodGet, "/pricelist.json?category=gold", "").invalid("category")
	nobody.send(http.MethodGet, "/pricelist.csv?available=perhaps", "").invalid("available")
	require.Len(t, shown(nobody.send(http.MethodGet, "/pricelist?category=gold&page=x&available=perhaps", "").raw), 7, "a page shows what it understood")
	require.Len(t, shown(nobody.send(http.MethodGet, "/pricelist?page=99", "").raw), 7, "beyond the last page is the last")
	require.Equal(t, http.StatusOK, nobody.send(http.MethodGet, "/pricelist?q="+strings.Repeat("%F0%9F%98%80", 2000), "").status)
}

var skuCell = regexp.MustCompile(`<td class="sku"><code>([^<]+)</code>`)

// shown are the SKUs on a page.
func shown(page string) []string {
	var out []string
	for _, m := range skuCell.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

func TestThePriceListIsAPageInTwoLanguages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *api.Deps) { d.Brand.Name = "Toko & Rekan" })
	w.changed(`UPDATE products SET name = '<b>"Pulsa"</b>' WHERE sku = 'TSEL5'`)
	nobody := &client{w: w}
	id, en := nobody.send(http.MethodGet, "/pricelist", ""), nobody.send(http.MethodGet, "/pricelist/en", "")
	for _, page := range []*reply{id, en} {
		require.Contains(t, page.header.Get("Content-Type"), "text/html")
		require.Contains(t, page.raw, "Toko &amp; Rekan")
		require.NotContains(t, page.raw, "<b>&#34;Pulsa", "a name is text")
		require.NotContains(t, page.raw, `<b>"Pulsa`)
	}
	require.Contains(t, id.raw, `lang="id"`)
	require.Contains(t, id.raw, "Syarat naik")
	require.Contains(t, id.raw, ">5.250<")
	require.Contains(t, en.raw, "What it takes")
	require.Contains(t, en.raw, ">5,250<")
	require.Equal(t, id.raw, nobody.send(http.MethodGet, "/pricelist/id", "").raw)
	paper := nobody.send(http.MethodGet, "/pricelist?print=1", "")
	require.Len(t, shown(paper.raw), 7)
	require.NotContains(t, paper.raw, "<form")
}

func TestPricesForSpreadsheets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.changed(`UPDATE products SET name = '=HYPERLINK("x")' WHERE sku = 'TSEL5'`)
	r := (&client{w: w}).send(http.MethodGet, "/pricelist.csv", "")
	require.Contains(t, r.header.Get("Content-Type"), "text/csv")
	rows, err := csv.NewReader(strings.NewReader(r.raw)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"category", "sku", "name", "brand", "group", "per", "available", "price_1"}, rows[0][:8])
	require.Len(t, rows, 8)
	for _, row := range rows {
		if row[1] == "TSEL5" {
			require.Equal(t, `'=HYPERLINK("x")`, row[2], "a name is no formula")
			require.Equal(t, "5250", row[7])
		}
	}
}

func TestThePriceListIsEncodedOnceAndKnownByItsTag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := &client{w: w}
	other := nobody.on(1)
	for _, path := range []string{"/pricelist", "/pricelist/en?category=ppob", "/pricelist.json", "/pricelist.csv?category=otp", "/pricelist?q=telkomsel"} {
		r := nobody.send(http.MethodGet, path, "", "Accept-Encoding: gzip")
		require.Equal(t, http.StatusOK, r.status)
		tag := r.header.Get("ETag")
		require.NotContains(t, tag, "W/")
		plain := nobody.send(http.MethodGet, path, "")
		if r.header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader([]byte(r.raw)))
			require.NoError(t, err)
			text, err := io.ReadAll(z)
			require.NoError(t, err)
			require.Equal(t, plain.raw, string(text))
			require.NotEqual(t, tag, plain.header.Get("ETag"))
		}
		again := other.send(http.MethodGet, path, "", "Accept-Encoding: gzip", "If-None-Match: "+tag)
		require.Equal(t, http.StatusNotModified, again.status, "another process has the same: %s", path)
		require.Empty(t, again.raw)
		require.Empty(t, nobody.send(http.MethodHead, path, "").raw)
	}
	before := nobody.send(http.MethodGet, "/pricelist.json", "").header.Get("ETag")
	w.changed(`UPDATE offers SET cost = 6000 WHERE code = 'HIDDENCODE1'`)
	require.NotEqual(t, before, nobody.send(http.MethodGet, "/pricelist.json", "").header.Get("ETag"))
}

func TestAPageOfThePriceListIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 250 {
		w.exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, fixed_price, policy, closed, edited, version, created_at, updated_at)
			VALUES ('live', $1, 'product', 'Akun', '', '', '', '', '[]', 'Akun', 1000, 'price', false, '{}', 1, now(), now())`, fmt.Sprintf("AKUN%03d", i))
	}
	w.changed(`SELECT 1`)
	nobody := &client{w: w}
	seen := map[string]bool{}
	next := "/pricelist?category=product"
	pages := 0
	for next != "" {
		page := nobody.send(http.MethodGet, next, "")
		require.LessOrEqual(t, len(shown(page.raw)), 100)
		for _, sku := range shown(page.raw) {
			require.False(t, seen[sku], "twice: %s", sku)
			seen[sku] = true
		}
		pages++
		next = ""
		if m := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page.raw); m != nil {
			next = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	require.Len(t, seen, 251)
	require.Equal(t, 3, pages)
}

func TestThePriceListCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *api.Deps) { d.Listen.Pricelist = config.PricelistOff })
	nobody := &client{w: w}
	for _, path := range []string{"/pricelist", "/pricelist/id", "/pricelist/en", "/pricelist.csv", "/pricelist.json"} {
		nobody.send(http.MethodGet, path, "").refused(http.StatusNotFound, "not_found")
	}
	require.NotContains(t, nobody.send(http.MethodGet, "/docs/reference", "").raw, `"/pricelist"`)
}

func TestWhoLooksTooOftenWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting("192.0.2.0/24"))
	nobody := &client{w: w}
	from := func(addr string) *reply {
		return nobody.send(http.MethodGet, "/pricelist.json", "", "X-Forwarded-For: "+addr)
	}
	for range 120 {
		require.Equal(t, http.StatusOK, from("203.0.113.9").status)
	}
	r := from("203.0.113.9")
	r.refused(http.StatusTooManyRequests, "rate_limited")
	require.NotEmpty(t, r.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, from("203.0.113.10").status, "others do not")
	for i := range 120 {
		require.Equal(t, http.StatusOK, from(fmt.Sprintf("2001:db8::%x", i+1)).status)
	}
	require.Equal(t, http.StatusTooManyRequests, from("2001:db8::ffff").status, "a network is one visitor")
	w.clock.set(w.clock.Now().Add(time.Minute))
	require.Equal(t, http.StatusOK, from("203.0.113.9").status)
}

func TestThePriceListOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := &client{w: w}
	before := nobody.send(http.MethodGet, "/pricelist", "")
	require.Equal(t, http.StatusOK, before.status)
	w.exec(`ALTER TABLE tiers RENAME TO tiers_elsewhere`)
	w.clock.set(w.clock.Now().Add(time.Hour))
	require.Equal(t, before.raw, nobody.send(http.MethodGet, "/pricelist", "").raw)
	nobody.on(1).send(http.MethodGet, "/pricelist", "").refused(http.StatusInternalServerError, "internal_error")
}

func TestThePriceListsScriptsAndStylesAreOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := &client{w: w}
	for _, path := range []string{"/pricelist", "/pricelist/en", "/docs/reference"} {
		page := nobody.send(http.MethodGet, path, "")
		require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'")
		require.NotContains(t, page.header.Get("Content-Security-Policy"), "unsafe")
		require.NotContains(t, page.raw, "<style")
		require.NotContains(t, page.raw, "style=")
		require.NotRegexp(t, `<script(>| [^>]*>[^<])`, page.raw, "no script in a page itself")
		require.NotRegexp(t, `(?:src|href)="(?:https?:)?//`, page.raw)
		for _, m := range regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`).FindAllStringSubmatch(page.raw, -1) {
			r := nobody.send(http.MethodGet, m[1], "")
			require.Equal(t, http.StatusOK, r.status, m[1])
			require.Contains(t, r.header.Get("Cache-Control"), "immutable")
			require.NotRegexp(t, `https?://`, r.raw)
			bare, _, _ := strings.Cut(m[1], "?")
			require.NotContains(t, nobody.send(http.MethodGet, bare+"?v=old", "").header.Get("Cache-Control"), "immutable")
		}
	}
	nobody.send(http.MethodGet, "/assets/nothing.js", "").refused(http.StatusNotFound, "not_found")
}

func BenchmarkPriceListPages(b *testing.B) {
	w := newWorld(b)
	w.exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, policy, closed, edited, version, created_at, updated_at)
		SELECT 'live', 'BIG' || i, 'ppob', 'Brand ' || i % 200 || ' ' || i || ' Diamond', 'BRAND ' || i % 200, 'Group ' || i % 20, 'prepaid', '', '[]', '', 'price', false, '{}', 1, now(), now()
		FROM generate_series(1, 20000) i`)
	w.exec(`INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited, success_rate, closed, failures, priority, weight, created_at, updated_at)
		SELECT id, 'hiddenone', 's', 'C' || sku, '{}', '', '\x00', '\x00', 1000 + id, true, '', 0, true, 0, false, 0, 0, 1, now(), now() FROM products WHERE sku LIKE 'BIG%'`)
	w.exec(`UPDATE catalog_version SET version = version + 1`)
	w.exec(`UPDATE products SET version = (SELECT version FROM catalog_version)`)
	if err := w.catalog.Refresh(context.Background()); err != nil {
		b.Fatal(err)
	}
	nobody := &client{w: w}
	ask := func(b *testing.B, path, encoding string) {
		size := 0
		for i := 0; b.Loop(); i++ {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16&255, i>>8&255, i&255)
			r.Header.Set("Accept-Encoding", encoding)
			rec := httptest.NewRecorder()
			nobody.w.apis[0].ServeHTTP(rec, r)
			if rec.Code != http.StatusOK {
				b.Fatal(rec.Code)
			}
			size = rec.Body.Len()
		}
		b.ReportMetric(float64(size), "bytes")
	}
	for _, path := range []string{"/pricelist", "/pricelist?q=brand+19", "/pricelist?q=diamond&print=1", "/pricelist.json", "/pricelist.json?q=diamond", "/pricelist.csv"} {
		for _, encoding := range []string{"", "gzip", "zstd"} {
			b.Run(strings.TrimPrefix(path, "/")+"/"+encoding, func(b *testing.B) { ask(b, path, encoding) })
		}
	}
}
