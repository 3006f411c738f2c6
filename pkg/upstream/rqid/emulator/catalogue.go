package emulator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// product is a product with what its row does not show.
type product struct {
	wire.Product
	kind string
}

// catalogue is what is on sale. Its slices are replaced, never changed: answers
// are written after the lock is given back.
type catalogue struct {
	categories []wire.Category
	products   []product
	byCode     map[string]int
}

func newCatalogue(cfg Config) *catalogue {
	rng := rand.New(rand.NewPCG(cfg.Seed, 3))
	c := &catalogue{products: newProducts(rng, cfg.Products), byCode: map[string]int{}}
	for i, f := range families() {
		if !slices.ContainsFunc(c.categories, func(o wire.Category) bool { return string(o.Code) == f.category }) {
			c.categories = append(c.categories, wire.Category{
				ID: lenient.Int(22 + i), Code: lenient.Text(f.category), Name: lenient.Text(f.category), Type: lenient.Text(f.kind),
			})
		}
	}
	for i, p := range c.products {
		c.byCode[string(p.Kode)] = i
	}
	return c
}

func (c *catalogue) find(code string) (product, bool) {
	i, ok := c.byCode[code]
	if !ok {
		return product{}, false
	}
	return c.products[i], true
}

func (d *door) price(in *asked) emulate.Answer {
	p, ok := d.catalogue.find(string(in.ProductCode))
	if !ok || p.kind != wire.TypePrepaid {
		return refuse(http.StatusUnprocessableEntity, wire.RCUnknownProduct, "produk tidak ditemukan")
	}
	return accept(wire.RCSuccess, wire.Price{Gangguan: p.Gangguan, Kosong: p.Kosong, Harga: p.Harga, Kode: p.Kode, Nama: p.Nama})
}

func (d *door) products(in *asked) emulate.Answer {
	kinds := list(strings.ToUpper(string(in.Type)))
	ids := list(string(in.CategoryIDs))
	open := in.IsOpen == "1" || in.IsOpen == "true"
	var rows []wire.Product
	for _, p := range d.catalogue.products {
		if (len(kinds) > 0 && !slices.Contains(kinds, p.kind)) ||
			(in.Category != "" && in.Category != p.Kategori) ||
			(len(ids) > 0 && !slices.Contains(ids, d.catalogue.categoryID(p.Kategori))) ||
			(in.Operator != "" && !strings.EqualFold(string(in.Operator), string(p.Operator))) ||
			(open && (bool(p.Gangguan) || bool(p.Kosong))) ||
			(in.Q != "" && !strings.Contains(strings.ToLower(string(p.Kode+" "+p.Nama)), strings.ToLower(string(in.Q)))) {
			continue
		}
		rows = append(rows, p.Product)
	}
	order(rows, string(in.Sort))
	return listing(rows, in)
}

func (c *catalogue) categoryID(code lenient.Text) string {
	for _, o := range c.categories {
		if o.Code == code {
			return strconv.FormatInt(int64(o.ID), 10)
		}
	}
	return ""
}

// order sorts by "code|asc", "price|desc" and the like; nothing asked leaves
// the catalogue's own order.
func order(rows []wire.Product, by string) {
	field, direction, _ := strings.Cut(by, "|")
	slices.SortStableFunc(rows, func(a, b wire.Product) int {
		var n int
		switch field {
		case "code":
			n = cmp.Compare(a.Kode, b.Kode)
		case "name":
			n = cmp.Compare(a.Nama, b.Nama)
		case "price":
			n = cmp.Compare(*a.Harga, *b.Harga)
		}
		if direction == "desc" {
			return -n
		}
		return n
	})
}

func list(csv string) []string {
	if csv == "" {
		return nil
	}
	out := strings.Split(csv, ",")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

// Products are the products on sale.
func (e *Emulator) Products() []wire.Product {
	var out []wire.Product
	e.Do(func(*emulate.Book, time.Time) {
		for _, p := range e.door.catalogue.products {
			out = append(out, p.Product)
		}
	})
	return out
}

// SetPrice changes a product's price, in rupiah; false for an unknown product.
func (e *Emulator) SetPrice(code string, price int64) bool {
	return e.change(code, func(p *product) { p.Harga = wire.Rupiah(price) })
}

// SetFlags changes a product's flags: in trouble, out of stock.
func (e *Emulator) SetFlags(code string, gangguan, kosong bool) bool {
	return e.change(code, func(p *product) { p.Gangguan, p.Kosong = wire.YesNo(gangguan), wire.YesNo(kosong) })
}

// Remove takes a product out of the catalogue.
func (e *Emulator) Remove(code string) bool {
	known := false
	e.Do(func(*emulate.Book, time.Time) {
		c := e.door.catalogue
		if _, known = c.find(code); !known {
			return
		}
		c.products = slices.DeleteFunc(slices.Clone(c.products), func(p product) bool { return string(p.Kode) == code })
		clear(c.byCode)
		for i, p := range c.products {
			c.byCode[string(p.Kode)] = i
		}
	})
	return known
}

func (e *Emulator) change(code string, edit func(p *product)) bool {
	known := false
	e.Do(func(*emulate.Book, time.Time) {
		c := e.door.catalogue
		var i int
		if i, known = c.byCode[code]; known {
			c.products = slices.Clone(c.products)
			edit(&c.products[i])
		}
	})
	return known
}

// family is a set of products that differ by their size; unit is rupiah of one.
type family struct {
	prefix, name, operator, category, kind string
	unit                                   int64
	sizes                                  []int64
}

func families() []family {
	nominal := []int64{5, 10, 15, 20, 25, 30, 50, 100}
	pre, post := wire.TypePrepaid, wire.TypePostpaid
	return []family{
		{"IS", "INDOSAT SMS %d.000", "INDOSAT", "PULSA", pre, 1100, []int64{5, 10, 20, 25, 50, 100}},
		{"S", "TELKOMSEL %d.000", "TELKOMSEL", "PULSA", pre, 1030, nominal},
		{"X", "XL %d.000", "XL", "PULSA", pre, 1045, nominal},
		{"A", "AXIS %d.000", "AXIS", "PULSA", pre, 1050, nominal},
		{"T", "TRI %d.000", "TRI", "PULSA", pre, 1035, nominal},
		{"SM", "SMARTFREN %d.000", "SMARTFREN", "PULSA", pre, 1020, nominal},
		{"TD", "TELKOMSEL DATA %d GB", "TELKOMSEL", "DATA", pre, 11200, []int64{1, 2, 3, 5, 10, 20}},
		{"ID", "INDOSAT DATA %d GB", "INDOSAT", "DATA", pre, 9800, []int64{1, 3, 5, 10}},
		{"PLN", "TOKEN PLN %d.000", "PLN", "PLN", pre, 1005, []int64{20, 50, 100, 200, 500, 1000}},
		{"ML", "MOBILE LEGENDS %d DIAMOND", "MOBILE LEGENDS", "GAMES", pre, 260, []int64{5, 10, 19, 50, 86, 172, 257, 706, 2195}},
		{"FF", "FREE FIRE %d DIAMOND", "FREE FIRE", "GAMES", pre, 118, []int64{5, 12, 50, 70, 140, 355, 720}},
		{"DN", "DANA %d.000", "DANA", "EMONEY", pre, 1045, []int64{10, 20, 25, 50, 100, 200}},
		{"GO", "GOPAY CUSTOMER %d.000", "GOPAY", "EMONEY", pre, 1050, []int64{10, 20, 25, 50, 100}},
		{"SHP", "SHOPEEPAY %d.000", "SHOPEEPAY", "EMONEY", pre, 1048, []int64{10, 20, 50, 100}},
		{"GPL", "GOOGLE PLAY %d.000", "GOOGLE PLAY", "VOUCHER", pre, 1075, []int64{10, 20, 50, 100}},
		{"PLNPASCA", "PLN PASCABAYAR", "PLN", "PLN PASCA", post, 2750, []int64{1}},
		{"BPJSKS", "BPJS KESEHATAN", "BPJS", "BPJS", post, 2500, []int64{1}},
		{"PDAM", "PDAM", "PDAM", "PDAM", post, 2500, []int64{1}},
		{"TELKOM", "TELKOM SPEEDY", "TELKOM", "TELKOM", post, 3000, []int64{1}},
	}
}

// newProducts makes size products, the demo's first; zero makes the demo's
// only. A few of the demo are in trouble or out of stock.
func newProducts(rng *rand.Rand, size int) []product {
	var out []product
	all := families()
	for _, f := range all {
		for _, n := range f.sizes {
			code := f.prefix
			if f.kind == wire.TypePrepaid {
				code += strconv.FormatInt(n, 10)
			}
			out = append(out, newProduct(rng, f, n, code))
		}
	}
	if size == 0 {
		return out
	}
	prepaid := all[:len(all)-4]
	for i := len(out); i < size; i++ {
		f := prepaid[i%len(prepaid)]
		out = append(out, newProduct(rng, f, int64(i), fmt.Sprintf("%sG%05d", f.prefix, i)))
	}
	return out[:size]
}

func newProduct(rng *rand.Rand, f family, n int64, code string) product {
	name := f.name
	if strings.Contains(name, "%d") {
		name = fmt.Sprintf(name, n)
	}
	price := f.unit * n
	nominal := ""
	switch f.category {
	case "PULSA", "PLN", "EMONEY", "VOUCHER":
		nominal = strconv.FormatInt(n*1000, 10)
	}
	if code == "IS5" {
		nominal = "" // as the document's row has it
	}
	return product{
		kind: f.kind,
		Product: wire.Product{
			Kode: lenient.Text(code), Nama: lenient.Text(name), Operator: lenient.Text(f.operator), Kategori: lenient.Text(f.category),
			Gangguan: code != "IS5" && f.kind == wire.TypePrepaid && rng.IntN(40) == 0,
			Kosong:   code != "IS5" && f.kind == wire.TypePrepaid && rng.IntN(40) == 0,
			Harga:    wire.Rupiah(price), Nominal: lenient.Text(nominal),
		},
	}
}
