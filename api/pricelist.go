package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/api/pages"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/httpx"
	"github.com/muarahq/muara/pkg/merchant"
)

const (
	// maxSearch bounds a search on the price list, in bytes.
	maxSearch = 100
	// tiersFor is how long the tiers' names and conditions are taken for the newest.
	tiersFor = 15 * time.Second
	// cachePrices lets anyone keep a price list, who asks each time whether it still holds.
	cachePrices = "public, no-cache"
)

// priceBoard is the public price list.
type priceBoard struct {
	off      bool
	visitors *visitors

	mu    sync.Mutex
	tiers []merchant.Tier
	at    time.Time
}

func newPriceBoard(listen config.API) *priceBoard {
	return &priceBoard{off: listen.Pricelist == config.PricelistOff, visitors: newVisitors()}
}

// serves tells whether a path is one of the price list's.
func (b *priceBoard) serves(path string) bool {
	if b.off {
		return false
	}
	_, ok := priceForms()[path]
	return ok
}

// priceForm is one form of the price list.
type priceForm struct {
	contentType string
	lang        pages.Lang // of HTML
	encode      func(list *catalog.PriceList, tiers []merchant.Tier, f catalog.PriceFilter) ([]byte, error)
}

func priceForms() map[string]priceForm {
	return map[string]priceForm{
		pages.PricesPath:           {contentType: rest.HTML, lang: pages.Indonesian},
		pages.PricesPath + "/id":   {contentType: rest.HTML, lang: pages.Indonesian},
		pages.PricesPath + "/en":   {contentType: rest.HTML, lang: pages.English},
		pages.PricesPath + ".csv":  {contentType: "text/csv; charset=utf-8", encode: pricesCSV},
		pages.PricesPath + ".json": {contentType: "application/json", encode: pricesJSON},
	}
}

// servePrices answers with the price list in one of its forms. Whole lists and those
// narrowed by what the catalogue knows are kept encoded; searches are not, since there
// is no end of them.
func (s *server) servePrices(c *rest.Call) {
	if err := s.prices.visitors.admit(httpx.ClientAddr(c.R, s.deps.Listen.TrustedProxies), s.deps.Now()); err != nil {
		s.rest.Refuse(c, err)
		return
	}
	form := priceForms()[c.R.URL.Path]
	q, err := pricesQuery(c.R.URL.Query(), form.encode == nil)
	if err != nil {
		s.rest.Refuse(c, err)
		return
	}
	tiers, err := s.prices.tiersAt(c.R.Context(), s.deps.Now(), func(ctx context.Context) ([]merchant.Tier, error) { return merchant.Tiers(ctx, s.deps.DB.Pool) })
	if err != nil {
		s.rest.Refuse(c, err)
		return
	}
	done, err := s.prices.visitors.turn(c.R.Context())
	if err != nil {
		s.rest.Refuse(c, err)
		return
	}
	body := s.pricesBody(form, tiers, q)
	body.Negotiate(c.R.Header.Get("Accept-Encoding")) // compressing is work, too
	done()
	if form.encode != nil {
		c.W.Header().Set("Content-Disposition", `inline; filename="`+strings.TrimPrefix(c.R.URL.Path, "/")+`"`)
	}
	(&rest.Page{ContentType: form.contentType, Cache: cachePrices, Body: body}).Serve(c.W, c.R)
}

func (s *server) pricesBody(form priceForm, tiers []merchant.Tier, q pages.PricesQuery) *catalog.Body {
	list := s.deps.Catalog.PriceList()
	build := func() []byte {
		var body []byte
		var err error
		if form.encode != nil {
			body, err = form.encode(list, pages.TiersOf(list, tiers), q.Filter)
		} else {
			body, err = pages.Prices(s.site(), form.lang, list, tiers, q)
		}
		if err != nil {
			panic(fmt.Errorf("api: price list: %w", err)) // numbers and texts written to memory
		}
		return body
	}
	if q.Filter.Search != "" || !known(list.Brands(q.Filter.Category), q.Filter.Brand) || !known(list.Groups(q.Filter.Category), q.Filter.Group) {
		return catalog.NewBody(build())
	}
	q.Page = min(q.Page, len(list.Rows)/pages.PricesPage+1)
	return s.deps.Catalog.PublicBody(fmt.Sprintf("%s\x00%s\x00%q\x00%+v\x00%+v", form.contentType, form.lang, list.Edition, tiers, q), build)
}

// known tells whether a filter's value is one of the catalogue's, or none.
func known(facets []catalog.PriceFacet, value string) bool {
	for _, f := range facets {
		if f.Name == value {
			return true
		}
	}
	return value == ""
}

// pricesQuery reads what is asked for. A page takes what it understands; a file for
// programs refuses the rest, since a list that was not narrowed looks like one that was.
func pricesQuery(v url.Values, lenient bool) (pages.PricesQuery, error) {
	q := pages.PricesQuery{Page: 1, Filter: catalog.PriceFilter{
		Brand: short(v.Get("brand")), Group: short(v.Get("group")), Search: strings.Join(strings.Fields(short(v.Get("q"))), " "),
	}}
	for _, c := range catalog.PriceCategories() {
		if v.Get("category") == string(c) {
			q.Filter.Category = c
		}
	}
	switch v.Get("available") {
	case "1", "true":
		q.Filter.Available = true
	}
	if lenient {
		q.Print = v.Get("print") == "1"
		if n, err := strconv.Atoi(v.Get("page")); err == nil && n > 0 {
			q.Page = n
		}
		return q, nil
	}
	var wrong []fault.Detail
	if got := v.Get("category"); got != "" && q.Filter.Category == "" {
		wrong = append(wrong, fault.Detail{Field: "category", Message: "must be one of ppob, smm, otp and product"})
	}
	if got := v.Get("available"); got != "" && !q.Filter.Available {
		wrong = append(wrong, fault.Detail{Field: "available", Message: "must be 1 or left out"})
	}
	if len(wrong) > 0 {
		f := fault.New(fault.Invalid, wrong[0].Field+": "+wrong[0].Message)
		f.Details = wrong
		return q, f
	}
	return q, nil
}

// short cuts what is longer than any name in the catalogue.
func short(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxSearch)], "") }

// tiersAt gives the tiers, read anew after a while. While the database does not
// answer, the old ones do.
func (b *priceBoard) tiersAt(ctx context.Context, now time.Time, read func(context.Context) ([]merchant.Tier, error)) ([]merchant.Tier, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tiers != nil && now.Sub(b.at) < tiersFor {
		return b.tiers, nil
	}
	ctx, cancel := context.WithTimeout(ctx, makeWait)
	defer cancel()
	tiers, err := read(ctx)
	if err != nil {
		if b.tiers == nil {
			return nil, err
		}
		tiers = b.tiers
	}
	b.tiers, b.at = tiers, now
	return tiers, nil
}

type pricesData struct {
	Tiers    []tierRow           `json:"tiers"`
	Count    int                 `json:"count"`
	Products []*catalog.PriceRow `json:"products"`
}

// pricesJSON is the list for programs; a row's prices are in the order of the tiers.
func pricesJSON(list *catalog.PriceList, tiers []merchant.Tier, f catalog.PriceFilter) ([]byte, error) {
	out := pricesData{Tiers: []tierRow{}, Products: list.Filter(f)}
	for _, t := range tiers {
		out.Tiers = append(out.Tiers, tierRow(t))
	}
	out.Count = len(out.Products)
	if out.Products == nil {
		out.Products = []*catalog.PriceRow{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(rest.Success[pricesData]{OK: true, Data: out})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// pricesCSV is the list for spreadsheets: a column of rupiah for each tier.
func pricesCSV(list *catalog.PriceList, tiers []merchant.Tier, f catalog.PriceFilter) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	row := []string{"category", "sku", "name", "brand", "group", "per", "available"}
	for _, t := range tiers {
		row = append(row, "price_"+strconv.Itoa(t.Tier))
	}
	err := w.Write(row)
	for _, r := range list.Filter(f) {
		row = append(row[:0], string(r.Category), plain(r.SKU), plain(r.Name), plain(r.Brand), plain(r.Group), string(r.Per), strconv.FormatBool(r.Available))
		for _, p := range r.Prices {
			row = append(row, strconv.FormatInt(p, 10))
		}
		if err == nil {
			err = w.Write(row)
		}
	}
	w.Flush()
	if err == nil {
		err = w.Error()
	}
	return b.Bytes(), err
}

// plain keeps a spreadsheet from taking a name for a formula.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
