package emulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// catalogue is what is on sale. Its slices are replaced, never changed: answers are
// written after the lock is given back.
type catalogue struct {
	products []wire.Product
	bills    []wire.Bill
	bySKU    map[string]int
}

func newCatalogue(cfg Config) *catalogue {
	c := &catalogue{products: newProducts(rand.New(rand.NewPCG(cfg.Seed, 3)), cfg.Products), bills: newBills(), bySKU: map[string]int{}}
	c.index()
	return c
}

func (c *catalogue) index() {
	clear(c.bySKU)
	for i, p := range c.products {
		c.bySKU[string(p.SKU)] = i
	}
}

func (c *catalogue) product(sku string) (wire.Product, bool) {
	i, ok := c.bySKU[sku]
	if !ok {
		return wire.Product{}, false
	}
	return c.products[i], true
}

func (c *catalogue) bill(sku string) (wire.Bill, bool) {
	i := slices.IndexFunc(c.bills, func(b wire.Bill) bool { return string(b.SKU) == sku })
	if i < 0 {
		return wire.Bill{}, false
	}
	return c.bills[i], true
}

// prices answers a price list, whole or narrowed.
func (d *door) prices(now time.Time, in *asked) emulate.Answer {
	kind, apart := "list", d.cfg.Limits.List
	if in.Code != "" {
		kind, apart = "product", d.cfg.Limits.Product
	}
	if d.tooSoon(kind, "", apart, now) {
		return refuse(wire.RCPriceLimit, nil)
	}
	fits := func(wanted, is lenient.Text) bool {
		return wanted == "" || strings.EqualFold(string(wanted), string(is))
	}
	switch in.Cmd {
	case wire.ListPrepaid:
		rows := []wire.Product{}
		for _, p := range d.catalogue.products {
			if fits(in.Code, p.SKU) && fits(in.Category, p.Category) && fits(in.Brand, p.Brand) && fits(in.Type, p.Type) {
				rows = append(rows, p)
			}
		}
		return answer(rows)
	case wire.ListPostpaid:
		rows := []wire.Bill{}
		for _, p := range d.catalogue.bills {
			if fits(in.Code, p.SKU) && fits(in.Category, p.Category) && fits(in.Brand, p.Brand) {
				rows = append(rows, p)
			}
		}
		return answer(rows)
	}
	return refuse(wire.RCPayload, nil)
}

// Products are the prepaid products on sale.
func (e *Emulator) Products() []wire.Product {
	var out []wire.Product
	e.Do(func(*emulate.Book, time.Time) { out = slices.Clone(e.door.catalogue.products) })
	return out
}

// Bills are the postpaid products.
func (e *Emulator) Bills() []wire.Bill { return slices.Clone(e.door.catalogue.bills) }

// Change is a change of a prepaid product; nil leaves what it is.
type Change struct {
	Price  *int64 `json:"price"`
	Buyer  *bool  `json:"buyer"`
	Seller *bool  `json:"seller"`
	// Stock ends being unlimited.
	Stock *int64 `json:"stock"`
	Multi *bool  `json:"multi"`
	// CutOff is from and to, in minutes of the day.
	CutOff *[2]int `json:"cut_off"`
}

// Change changes a prepaid product; false for an unknown one.
func (e *Emulator) Change(sku string, c Change) bool {
	known := false
	e.Do(func(*emulate.Book, time.Time) {
		var i int
		if i, known = e.door.catalogue.bySKU[sku]; !known {
			return
		}
		all := slices.Clone(e.door.catalogue.products)
		p := &all[i]
		if c.Price != nil {
			p.Price = wire.Rupiah(*c.Price)
		}
		if c.Buyer != nil {
			p.BuyerStatus = lenient.Flag(*c.Buyer)
		}
		if c.Seller != nil {
			p.SellerStatus = lenient.Flag(*c.Seller)
		}
		if c.Stock != nil {
			p.Unlimited, p.Stock = false, wire.Count(*c.Stock)
		}
		if c.Multi != nil {
			multi := lenient.Flag(*c.Multi)
			p.Multi = &multi
		}
		if c.CutOff != nil {
			p.StartCutOff, p.EndCutOff = wire.Minute(c.CutOff[0]), wire.Minute(c.CutOff[1])
		}
		e.door.catalogue.products = all
	})
	return known
}

// Remove takes a prepaid product out of the catalogue.
func (e *Emulator) Remove(sku string) bool {
	known := false
	e.Do(func(*emulate.Book, time.Time) {
		c := e.door.catalogue
		if _, known = c.bySKU[sku]; known {
			c.products = slices.DeleteFunc(slices.Clone(c.products), func(p wire.Product) bool { return string(p.SKU) == sku })
			c.index()
		}
	})
	return known
}

// line is a set of products that differ by their size; unit is rupiah of one.
type line struct {
	prefix, name, brand, category string
	unit                          int64
	sizes                         []int64
}

func productLines() []line {
	nominal := []int64{5, 10, 15, 20, 25, 30, 50, 100}
	return []line{
		{"tsel", "Telkomsel %d.000", "TELKOMSEL", "Pulsa", 1025, nominal},
		{"xld", "XL %d.000", "XL", "Pulsa", 1050, nominal},
		{"ax", "AXIS %d.000", "AXIS", "Pulsa", 1042, nominal},
		{"three", "Tri %d.000", "TRI", "Pulsa", 1040, nominal},
		{"isat", "Indosat %d.000", "INDOSAT", "Pulsa", 1060, nominal},
		{"plnt", "Token PLN %d.000", "PLN", "PLN", 1004, []int64{20, 50, 100, 200, 500, 1000}},
		{"ml", "Mobile Legends %d Diamond", "MOBILE LEGENDS", "Games", 255, []int64{5, 10, 19, 50, 86, 172, 257, 706, 2195}},
		{"ff", "Free Fire %d Diamond", "FREE FIRE", "Games", 121, []int64{5, 12, 50, 70, 140, 355, 720}},
		{"dana", "DANA %d.000", "DANA", "E-Money", 1048, []int64{10, 20, 25, 50, 100, 200}},
		{"gp", "Google Play %d.000", "GOOGLE PLAY", "Voucher", 1070, []int64{10, 20, 50, 100}},
	}
}

// newProducts makes size products, the demo's first; zero makes the demo's only.
func newProducts(rng *rand.Rand, size int) []wire.Product {
	var out []wire.Product
	all := productLines()
	for _, l := range all {
		for _, n := range l.sizes {
			out = append(out, newProduct(rng, l, n, l.prefix+strconv.FormatInt(n, 10)))
		}
	}
	for i := len(out); i < size; i++ {
		l := all[i%len(all)]
		out = append(out, newProduct(rng, l, int64(i), fmt.Sprintf("%sg%05d", l.prefix, i)))
	}
	if size > 0 {
		out = out[:size]
	}
	return out
}

func newProduct(rng *rand.Rand, l line, n int64, sku string) wire.Product {
	multi := lenient.Flag(true)
	p := wire.Product{
		Name: lenient.Text(fmt.Sprintf(l.name, n)), Category: lenient.Text(l.category), Brand: lenient.Text(l.brand), Type: "Umum",
		SellerName: "PT Seller Rahasia", Price: wire.Rupiah(l.unit * n), SKU: lenient.Text(sku), BuyerStatus: true, SellerStatus: true, Unlimited: true,
		Multi: &multi, Desc: "-",
	}
	if n != 10 && rng.IntN(40) == 0 { // some are in trouble, but none that tests and demos buy
		p.SellerStatus = false
	}
	return p
}

func newBills() []wire.Bill {
	var out []wire.Bill
	for _, b := range []struct {
		sku, name, brand  string
		admin, commission int64
	}{
		{"pln", "PLN Pascabayar", "PLN PASCABAYAR", 2750, 1800}, {"pdam", "PDAM Kota", "PDAM", 2500, 900}, {"internet", "Speedy & Indihome", "INTERNET PASCABAYAR", 2500, 1200},
		{"bpjs", "BPJS Kesehatan", "BPJS KESEHATAN", 2500, 1500}, {"multifinance", "Multifinance", "MULTIFINANCE", 5000, 2000}, {"cimahi", "PBB Kota Cimahi", "PBB", 2500, 0},
		{"pgas", "PGN", "GAS NEGARA", 2500, 1000}, {"tv", "TV Kabel", "TV PASCABAYAR", 2500, 1000}, {"emoney", "Mandiri E-Money", "E-MONEY", 1500, 500},
		{"samsat", "Samsat Jawa Barat", "SAMSAT", 10000, 0}, {"hp", "Telkomsel Halo", "HP PASCABAYAR", 2500, 1500},
	} {
		commission := wire.Float(b.commission)
		out = append(out, wire.Bill{
			Name: lenient.Text(b.name), Category: "Pascabayar", Brand: lenient.Text(b.brand), SellerName: "PT Seller Rahasia", Admin: wire.Rupiah(b.admin),
			Commission: &commission, SKU: lenient.Text(b.sku), BuyerStatus: true, SellerStatus: true, Desc: "-",
		})
	}
	return out
}
