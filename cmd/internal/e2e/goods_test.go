package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// good is a product that can be ordered now.
type good struct {
	SKU      string  `json:"sku"`
	Category string  `json:"category"`
	Prices   []int64 `json:"prices"`
	Offers   []struct {
		Upstream string `json:"upstream"`
		Code     string `json:"code"`
		Open     bool   `json:"open"`
	} `json:"offers"`

	min int64 // of a service
}

// at names the upstreams that offer it, in order.
func (g *good) at() string {
	var names []string
	for _, o := range g.Offers {
		if o.Open && !slices.Contains(names, o.Upstream) {
			names = append(names, o.Upstream)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// goods are what can be ordered of a category at exactly these upstreams, with a
// customer's number and nothing more.
func (w *world) goods(category string, upstreams ...string) []good {
	w.t.Helper()
	slices.Sort(upstreams)
	out := w.sold("live", category, func(g *good) bool { return g.at() == strings.Join(upstreams, " ") })
	require.NotEmpty(w.t, out, "%s at %v", category, upstreams)
	return out
}

// shared are what can be ordered of a category at several upstreams, so that each
// group of them comes in turn.
func (w *world) shared(category string) (out []good) {
	w.t.Helper()
	groups := map[string][]good{}
	for _, g := range w.sold("live", category, func(g *good) bool { return strings.Contains(g.at(), " ") }) {
		groups[g.at()] = append(groups[g.at()], g)
	}
	for n := 0; ; n++ {
		before := len(out)
		for _, at := range slices.Sorted(maps.Keys(groups)) {
			if n < len(groups[at]) {
				out = append(out, groups[at][n])
			}
		}
		if len(out) == before {
			w.t.Logf("sold by several: %v", slices.Sorted(maps.Keys(groups)))
			return out
		}
	}
}

// services are the social media services of an upstream that take a link and a
// quantity and nothing more.
func (w *world) services(upstream string) []good {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT sku, min_quantity FROM products WHERE kind = 'default'`)
	require.NoError(w.t, err)
	least := map[string]int64{}
	var sku string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&sku, &n}, func() error {
		least[sku] = n
		return nil
	})
	require.NoError(w.t, err)
	out := w.sold("live", "smm", func(g *good) bool { return g.at() == upstream && least[g.SKU] > 0 })
	for i := range out {
		out[i].min = least[out[i].SKU]
	}
	require.NotEmpty(w.t, out, "services at %s", upstream)
	return out
}

// trials are what can be ordered by who tests, with every outcome by the customer's
// number.
func (w *world) trials() []good {
	w.t.Helper()
	out := w.sold("test", "ppob", func(g *good) bool { return slices.Contains([]string{"TESTPULSA5", "TESTPULSA10", "TESTDANA10"}, g.SKU) })
	require.Len(w.t, out, 3)
	return out
}

// sold are what can be ordered of a category in a mode.
func (w *world) sold(mode, category string, fits func(g *good) bool) []good {
	w.t.Helper()
	var list struct {
		Products []struct {
			good
			Available bool `json:"available"`
		} `json:"products"`
	}
	w.cli(&list, "catalog", "list", "--category", category, "--mode", mode)
	var out []good
	for _, p := range list.Products {
		if p.Available && fits(&p.good) && !w.wantsMore(p.SKU) {
			out = append(out, p.good)
		}
	}
	return out
}

// wantsMore tells whether a product needs a zone beside the customer's number.
func (w *world) wantsMore(sku string) bool {
	return w.count(`SELECT count(*) FROM products WHERE sku = $1 AND (inputs::text LIKE '%"zone_id"%' OR type = 'postpaid')`, sku) != 0
}

// premium puts a product with n items on sale.
func (w *world) premium(sku string, price int64, n int) {
	w.t.Helper()
	w.cli(nil, "product", "add", "--sku", sku, "--name", "Akun "+sku, "--price", fmt.Sprint(price))
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("%s-user-%05d@example.test:pass-%d", strings.ToLower(sku), i, i)
	}
	file := filepath.Join(w.dir, sku+".txt")
	require.NoError(w.t, os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600))
	w.cli(nil, "product", "stock", "--sku", sku, "--file", file)
}

// body is the request of one order.
type body map[string]any

func ppob(ref string, g *good, customer string) body {
	return body{"category": "ppob", "ref": ref, "sku": g.SKU, "customer_no": customer}
}

func rented(ref string, g *good) body { return body{"category": "otp", "ref": ref, "sku": g.SKU} }
