package catalog

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/muarahq/muara/pkg/order"
)

// PricePer is what a price on the public price list is for.
type PricePer string

// A price is for one piece, for 1000 of what a social media service delivers, or our
// fee on top of a bill.
const (
	PerPiece    PricePer = "piece"
	PerThousand PricePer = "1000"
	PerBill     PricePer = "bill"
)

// PriceRow is a product with the prices of all tiers, for whoever looks: it has
// nothing of a merchant's.
type PriceRow struct {
	SKU      string         `json:"sku"`
	Category order.Category `json:"category"`
	Name     string         `json:"name"`
	// Brand is the brand, the platform, the application or the premium product.
	Brand string `json:"brand"`
	// Group is the category inside ppob and smm, and the country of a rented number.
	Group     string   `json:"group"`
	Per       PricePer `json:"per"`
	Available bool     `json:"available"`
	// Prices are rupiah, in the order of the list's tiers.
	Prices []int64 `json:"prices"`

	brand, group, fold string // as filters compare them
}

// PriceFilter narrows the price list; an empty field narrows nothing. Brand and
// group are compared without case, spaces and punctuation; of Search every word must
// occur.
type PriceFilter struct {
	Category  order.Category
	Brand     string
	Group     string
	Search    string
	Available bool // only what can be ordered now
}

// PriceFacet is a value that a filter can take, and how many rows have it.
type PriceFacet struct {
	Name  string
	Count int
}

// PriceList is all that is for sale in live mode as of one edition. It never changes.
type PriceList struct {
	// Edition moves when a row does; it means something in this process only.
	Edition string
	// Tiers are those that have prices, lowest first.
	Tiers []int
	Rows  []PriceRow

	brands, groups map[order.Category][]PriceFacet
	counts         map[order.Category]int
}

// PriceCategories are the categories in the order of the list.
func PriceCategories() []order.Category {
	return []order.Category{order.PPOB, order.SMM, order.OTP, order.Product}
}

// PriceList gives the newest price list. It is put together once an edition, by
// whoever asks first.
func (c *Catalog) PriceList() *PriceList {
	s := c.Snapshot()
	left := c.live.stock.Load()
	name := s.priceEdition(left)
	c.pricesMu.Lock()
	defer c.pricesMu.Unlock()
	if c.prices == nil || c.prices.Edition != name {
		c.prices = s.priceList(name, left)
	}
	return c.prices
}

// PublicBody gives a body made from the price list, encoded once for each key while
// it is asked for. These are kept apart from merchants' lists, so that whoever leafs
// through the public pages pushes none of those out of memory.
func (c *Catalog) PublicBody(name string, build func() []byte) *Body {
	return c.public.get(name, func() *Body { return NewBody(build()) })
}

// priceEdition names everything the list is made from. Of the stock of premium
// products only whether there is any counts.
func (s *Snapshot) priceEdition(left *stock) string {
	parts := []string{edition(s.serviceEdition)}
	for _, category := range PriceCategories() {
		parts = append(parts, edition(s.segment(Live, category).edition))
	}
	var sold strings.Builder
	for _, p := range s.segment(Live, order.Product).products {
		sold.WriteString(strconv.FormatInt(min(left.items[p.ID], 1), 10))
	}
	return strings.Join(append(parts, sold.String()), "-")
}

func (s *Snapshot) priceList(name string, left *stock) *PriceList {
	l := &PriceList{Edition: name, Tiers: s.Tiers(), counts: map[order.Category]int{}, brands: map[order.Category][]PriceFacet{}, groups: map[order.Category][]PriceFacet{}}
	maker := priceMaker{snapshot: s, stock: left, services: map[string]string{}, folds: map[string]string{}}
	for _, sv := range s.services {
		if sv.mode == Live {
			maker.services[sv.code] = sv.name
		}
	}
	for _, category := range PriceCategories() {
		from := len(l.Rows)
		for _, p := range s.segment(Live, category).products {
			if p.closed || p.vanished {
				continue // not for sale; what comes back is
			}
			l.Rows = append(l.Rows, maker.row(p))
		}
		rows := l.Rows[from:]
		if category == order.OTP {
			slices.SortStableFunc(rows, func(a, b PriceRow) int {
				return cmp.Or(strings.Compare(a.Brand, b.Brand), strings.Compare(a.Group, b.Group))
			})
		}
		l.counts[category] = len(rows)
		l.brands[category] = facets(rows, func(r *PriceRow) (string, string) { return r.Brand, r.brand })
		l.groups[category] = facets(rows, func(r *PriceRow) (string, string) { return r.Group, r.group })
	}
	return l
}

// priceMaker makes rows of products. Brands and groups are few and rows are many, so
// each is folded once.
type priceMaker struct {
	snapshot *Snapshot
	stock    *stock
	services map[string]string // otp: names by code
	folds    map[string]string
}

func (m *priceMaker) fold(s string) string {
	folded, ok := m.folds[s]
	if !ok {
		folded = Fold(s)
		m.folds[s] = folded
	}
	return folded
}

func (m *priceMaker) row(p *Product) PriceRow {
	r := PriceRow{SKU: p.SKU, Category: p.Category, Name: p.Name, Brand: p.Brand, Group: p.Group, Per: PerPiece, Available: p.Available, Prices: p.prices}
	switch p.Category {
	case order.PPOB:
		if p.Type == Postpaid {
			r.Per = PerBill
		}
	case order.SMM:
		if !p.SMM.Kind.Single() {
			r.Per = PerThousand
		}
	case order.OTP:
		r.Brand, r.Group = m.services[p.Service], m.snapshot.countries[p.ISO].name
		r.Name = r.Brand + " " + r.Group + " · Server " + strconv.Itoa(p.Server)
	case order.Product:
		r.Brand, r.Group = p.VariantOf, ""
		r.Available = m.stock.items[p.ID] > 0
	}
	r.brand, r.group = m.fold(r.Brand), m.fold(r.Group)
	r.fold = p.fold
	if p.Category == order.OTP || p.Category == order.Product {
		r.fold = strings.ToLower(r.SKU + "\n" + r.Name + "\n" + r.Brand + "\n" + r.Group)
	}
	return r
}

// facets counts the values of a column, by name. Values that filters cannot tell
// apart are one, under the name that comes first.
func facets(rows []PriceRow, of func(*PriceRow) (name, key string)) []PriceFacet {
	at := map[string]int{}
	var out []PriceFacet
	for i := range rows {
		name, key := of(&rows[i])
		if key == "" {
			continue
		}
		n, ok := at[key]
		if !ok {
			n = len(out)
			at[key] = n
			out = append(out, PriceFacet{Name: name})
		}
		out[n].Count++
	}
	slices.SortFunc(out, func(a, b PriceFacet) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return out
}

// Brands are the brands of a category, and Groups what its rows are grouped by.
func (l *PriceList) Brands(c order.Category) []PriceFacet { return l.brands[c] }

// Groups are the categories inside ppob and smm, and the countries of otp.
func (l *PriceList) Groups(c order.Category) []PriceFacet { return l.groups[c] }

// Count is how many rows a category has; the empty one means all.
func (l *PriceList) Count(c order.Category) int {
	if c == "" {
		return len(l.Rows)
	}
	return l.counts[c]
}

// Filter gives the rows that a filter leaves, in the list's order.
func (l *PriceList) Filter(f PriceFilter) []*PriceRow {
	f.Brand, f.Group = Fold(f.Brand), Fold(f.Group)
	words := strings.Fields(strings.ToLower(f.Search))
	var out []*PriceRow
	for i := range l.Rows {
		if r := &l.Rows[i]; f.match(r, words) {
			out = append(out, r)
		}
	}
	return out
}

func (f *PriceFilter) match(r *PriceRow, words []string) bool {
	if f.Category != "" && r.Category != f.Category || f.Brand != "" && r.brand != f.Brand || f.Group != "" && r.group != f.Group || f.Available && !r.Available {
		return false
	}
	for _, word := range words {
		if !strings.Contains(r.fold, word) {
			return false
		}
	}
	return true
}
