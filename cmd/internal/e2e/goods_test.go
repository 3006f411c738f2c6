package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	var list struct {
		Products []struct {
			good
			Available bool `json:"available"`
		} `json:"products"`
	}
	w.cli(&list, "catalog", "list", "--category", category)
	slices.Sort(upstreams)
	var out []good
	for _, p := range list.Products {
		if p.Available && p.at() == strings.Join(upstreams, " ") && !w.wantsMore(p.SKU) {
			out = append(out, p.good)
		}
	}
	require.NotEmpty(w.t, out, "%s at %v", category, upstreams)
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
