package pages

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
)

const (
	// PricesPage is how many rows a page of the price list has.
	PricesPage = 100
	// PricesPrint is how many rows are on one page for printing, at most.
	PricesPrint = 2000
)

// PricesQuery is what is looked at of the price list.
type PricesQuery struct {
	Filter catalog.PriceFilter
	// Page counts from 1; what lies beyond the last is the last.
	Page  int
	Print bool
}

// values writes the query as a page's address has it.
func (q PricesQuery) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("category", string(q.Filter.Category))
	set("brand", q.Filter.Brand)
	set("group", q.Filter.Group)
	set("q", q.Filter.Search)
	if q.Filter.Available {
		v.Set("available", "1")
	}
	if q.Page > 1 {
		v.Set("page", strconv.Itoa(q.Page))
	}
	if q.Print {
		v.Set("print", "1")
	}
	return v
}

func (q PricesQuery) at(path string) string {
	if v := q.values(); len(v) > 0 {
		return path + "?" + v.Encode()
	}
	return path
}

type pricesView struct {
	frame
	Path, Category, Search, Found, Cut string
	Available, Print                   bool
	Tiers                              []tierView
	Tabs                               []tabView
	Facets                             []facetView
	Columns                            []string
	Rows                               []priceView
	Where, Before, After               string
	CSV, JSON, PrintURL, Back          string
}

type tierView struct {
	Tier       int
	Name, Rise string
}

type tabView struct {
	Name, URL, Count string
	Here             bool
}

type facetView struct {
	Label, Field string
	Options      []optionView
}

type optionView struct {
	Name, Count string
	Here        bool
}

type priceView struct {
	Name, Under, SKU string
	Available        bool
	Prices           []string
}

// Prices renders a page of the price list.
func Prices(s Site, l Lang, list *catalog.PriceList, tiers []merchant.Tier, q PricesQuery) ([]byte, error) {
	w := wordsIn(l)
	v := pricesView{
		frame: newFrame(s, l, PricesPath, w.Prices, true), Path: in(PricesPath, l), Category: string(q.Filter.Category), Search: q.Filter.Search,
		Available: q.Filter.Available, Print: q.Print,
	}
	for i := range v.Languages { // the same rows in the other language
		v.Languages[i].URL = q.at(v.Languages[i].URL)
	}
	for _, t := range TiersOf(list, tiers) {
		v.Tiers = append(v.Tiers, tierView{Tier: t.Tier, Name: t.Name, Rise: rise(t, l)})
		v.Columns = append(v.Columns, t.Name)
	}
	rows := list.Filter(q.Filter)
	v.Found = fmt.Sprintf(w.FoundSome, grouped(int64(len(rows)), l), grouped(int64(len(list.Rows)), l))
	if len(rows) == len(list.Rows) {
		v.Found = fmt.Sprintf(w.FoundAll, grouped(int64(len(rows)), l))
	}
	for _, r := range v.paged(rows, q) {
		v.Rows = append(v.Rows, priceRow(r, l))
	}
	v.narrowing(list, q)
	whole := PricesQuery{Filter: q.Filter}
	v.CSV, v.JSON, v.Back = whole.at(PricesPath+".csv"), whole.at(PricesPath+".json"), whole.at(v.Path)
	whole.Print = true
	v.PrintURL = whole.at(v.Path)
	return render("pricelist.html.tmpl", v)
}

// paged cuts the rows to those that are shown, and links to the others.
func (v *pricesView) paged(rows []*catalog.PriceRow, q PricesQuery) []*catalog.PriceRow {
	if q.Print {
		if len(rows) > PricesPrint {
			v.Cut = fmt.Sprintf(v.Words.Cut, grouped(PricesPrint, v.Lang))
			rows = rows[:PricesPrint]
		}
		return rows
	}
	pages := max((len(rows)+PricesPage-1)/PricesPage, 1)
	page := min(max(q.Page, 1), pages)
	v.Where = fmt.Sprintf(v.Words.Where, grouped(int64(page), v.Lang), grouped(int64(pages), v.Lang))
	if page > 1 {
		q.Page = page - 1
		v.Before = q.at(v.Path)
	}
	if page < pages {
		q.Page = page + 1
		v.After = q.at(v.Path)
	}
	return rows[(page-1)*PricesPage : min(page*PricesPage, len(rows))]
}

// narrowing offers the categories and, inside one, its brands and groups.
func (v *pricesView) narrowing(list *catalog.PriceList, q PricesQuery) {
	names := map[order.Category]string{"": v.Words.Everything, order.PPOB: "PPOB", order.SMM: "SMM", order.OTP: "OTP", order.Product: "Premium"}
	for _, c := range append([]order.Category{""}, catalog.PriceCategories()...) {
		if n := list.Count(c); n > 0 || c == "" {
			there := PricesQuery{Filter: catalog.PriceFilter{Category: c, Search: q.Filter.Search, Available: q.Filter.Available}}
			v.Tabs = append(v.Tabs, tabView{Name: names[c], URL: there.at(v.Path), Count: grouped(int64(n), v.Lang), Here: c == q.Filter.Category})
		}
	}
	brand, group := v.Words.Brand, v.Words.Category
	switch q.Filter.Category {
	case order.SMM:
		brand = v.Words.Platform
	case order.OTP:
		brand, group = v.Words.Service, v.Words.Country
	case order.Product:
		brand = v.Words.Title
	case order.PPOB:
	}
	add := func(label, field, chosen string, facets []catalog.PriceFacet) {
		if len(facets) == 0 {
			return
		}
		f := facetView{Label: label, Field: field}
		for _, o := range facets {
			f.Options = append(f.Options, optionView{Name: o.Name, Count: grouped(int64(o.Count), v.Lang), Here: catalog.Fold(chosen) == catalog.Fold(o.Name)})
		}
		v.Facets = append(v.Facets, f)
	}
	add(brand, "brand", q.Filter.Brand, list.Brands(q.Filter.Category))
	add(group, "group", q.Filter.Group, list.Groups(q.Filter.Category))
}

func priceRow(r *catalog.PriceRow, l Lang) priceView {
	w := wordsIn(l)
	out := priceView{Name: r.Name, SKU: r.SKU, Available: r.Available}
	var under []string
	for _, text := range []string{r.Brand, r.Group} {
		if text != "" && r.Category != order.OTP {
			under = append(under, text)
		}
	}
	switch r.Per {
	case catalog.PerThousand:
		under = append(under, w.PerThousand)
	case catalog.PerBill:
		under = append(under, w.PerBill)
	case catalog.PerPiece:
	}
	out.Under = strings.Join(under, " · ")
	for _, p := range r.Prices {
		out.Prices = append(out.Prices, grouped(p, l))
	}
	return out
}

// TiersOf gives the tiers of a list with their names and conditions.
func TiersOf(list *catalog.PriceList, tiers []merchant.Tier) []merchant.Tier {
	out := make([]merchant.Tier, len(list.Tiers))
	for i, n := range list.Tiers {
		out[i] = merchant.Tier{Tier: n, Name: strconv.Itoa(n)} // one so new that only its prices are known yet
		for _, t := range tiers {
			if t.Tier == n {
				out[i] = t
			}
		}
	}
	return out
}

// rise says what it takes to reach a tier.
func rise(t merchant.Tier, l Lang) string {
	w := wordsIn(l)
	orders, volume := fmt.Sprintf(w.RiseOrders, grouped(t.MinOrders, l)), fmt.Sprintf(w.RiseVolume, grouped(t.MinVolume, l))
	switch {
	case t.MinOrders == 0 && t.MinVolume == 0:
		return w.FromStart
	case t.MinVolume == 0:
		return orders
	case t.MinOrders == 0:
		return volume
	}
	return fmt.Sprintf(w.RiseBy, orders, volume)
}
