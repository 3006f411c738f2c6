package emulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// catalogue is what is on sale. Its slices are replaced, never changed: answers
// are written after the lock is given back.
type catalogue struct {
	services  []wire.Service
	countries map[string][]wire.Country // by service_id
	operators map[string][]wire.Operator
	products  []wire.Product
	byCode    map[string]int
	names     map[string]string // service names by service_id
	closed    map[string]bool   // products that are refused
}

// offered is an offer of a number, found by its address.
type offered struct {
	service string
	country string
	prefix  string
	price   wire.Price
}

// base of number ids; a service has room for 100 countries.
const firstNumberID = 340_000

func newCatalogue(cfg Config) *catalogue {
	rng := rand.New(rand.NewPCG(cfg.Seed, 3))
	c := &catalogue{
		countries: map[string][]wire.Country{}, operators: map[string][]wire.Operator{},
		byCode: map[string]int{}, names: map[string]string{}, closed: map[string]bool{},
	}
	names := demoServices()
	for i := len(names); i < cfg.Services; i++ {
		names = append(names, fmt.Sprintf("Service %d", i+1))
	}
	if cfg.Services > 0 {
		names = names[:cfg.Services]
	}
	lands := demoLands()
	for i, name := range names {
		id := strconv.Itoa(i + 1)
		c.names[id] = name
		c.services = append(c.services, wire.Service{
			Code: lenient.Int(i + 1), Name: lenient.Text(name), Img: lenient.Text("https://assets.rumahotp.com/apps/" + slug(name) + ".png"),
		})
		for j, land := range lands {
			c.countries[id] = append(c.countries[id], newCountry(rng, i, j, land))
		}
	}
	for _, land := range lands {
		for i, op := range append([]string{"any"}, land.operators...) {
			c.operators[land.name] = append(c.operators[land.name], wire.Operator{
				ID: lenient.Int(i + 1), Name: lenient.Text(op), Image: "https://assets.rumahotp.com/operators/" + lenient.Text(slug(op)) + ".png",
			})
		}
	}
	c.products = newProducts(rng, cfg.Products)
	for i, p := range c.products {
		c.byCode[string(p.Code)] = i
	}
	return c
}

func newCountry(rng *rand.Rand, service, index int, land land) wire.Country {
	out := wire.Country{
		NumberID: lenient.Int(firstNumberID + service*100 + index), Name: lenient.Text(land.name),
		Img:    lenient.Text("https://assets.rumahotp.com/flags/" + land.iso + ".png"),
		Prefix: lenient.Text(land.prefix), ISO: lenient.Text(land.iso),
	}
	base := int64(900+rng.IntN(40)*50) * land.percent / 100
	for server := range 1 + rng.IntN(4) {
		price := (base + int64(server*350) + 49) / 50 * 50
		stock := 20 + rng.IntN(900)
		if server > 0 && rng.IntN(8) == 0 {
			stock = 0
		}
		out.Pricelist = append(out.Pricelist, wire.Price{
			ProviderID: lenient.Text(strconv.Itoa(2000 + (service*7+index*13+server*101)%7000)), ServerID: lenient.Int(server + 1),
			Stock: lenient.Int(stock), Rate: lenient.Rate(40 + rng.IntN(56)), Price: lenient.Int(price),
			PriceFormat: rupiah(price), Available: stock > 0,
		})
		out.StockTotal += lenient.Int(stock)
		out.Rate = max(out.Rate, out.Pricelist[server].Rate)
	}
	return out
}

// offer finds an offer by the ids that a purchase names.
func (c *catalogue) offer(numberID, providerID string) (offered, bool) {
	n, err := strconv.Atoi(numberID)
	if err != nil || n < firstNumberID {
		return offered{}, false
	}
	service := strconv.Itoa((n-firstNumberID)/100 + 1)
	for _, country := range c.countries[service] {
		if int(country.NumberID) != n {
			continue
		}
		for _, p := range country.Pricelist {
			if string(p.ProviderID) == providerID {
				return offered{service: c.names[service], country: string(country.Name), prefix: string(country.Prefix), price: p}, true
			}
		}
	}
	return offered{}, false
}

// operator is the name of a country's operator; empty for an unknown one.
func (c *catalogue) operator(country, id string) string {
	for _, op := range c.operators[country] {
		if strconv.FormatInt(int64(op.ID), 10) == id {
			return string(op.Name)
		}
	}
	return ""
}

func (c *catalogue) product(code string) (wire.Product, bool) {
	i, ok := c.byCode[code]
	if !ok {
		return wire.Product{}, false
	}
	return c.products[i], true
}

// Products are the H2H products on sale.
func (e *Emulator) Products() []wire.Product {
	var out []wire.Product
	e.Do(func(*emulate.Book, time.Time) { out = slices.Clone(e.door.catalogue.products) })
	return out
}

// Countries are the offers of a service; nil for an unknown one.
func (e *Emulator) Countries(serviceID string) []wire.Country {
	var out []wire.Country
	e.Do(func(*emulate.Book, time.Time) { out = slices.Clone(e.door.catalogue.countries[serviceID]) })
	return out
}

// SetPrice changes a product's price, in rupiah; false for an unknown product.
func (e *Emulator) SetPrice(code string, price int64) bool {
	return e.change(code, func(p *wire.Product) {
		p.Price = num(price)
		p.PriceInfo = &wire.PriceInfo{Original: num(price), Discount: num(price)}
	})
}

// SetClosed lets purchases of a product be refused, or no longer. The document
// has no flag for it, so the product list does not show it.
func (e *Emulator) SetClosed(code string, closed bool) bool {
	known := false
	e.Do(func(*emulate.Book, time.Time) {
		if _, known = e.door.catalogue.product(code); known {
			e.door.catalogue.closed[code] = closed
		}
	})
	return known
}

// Remove takes a product out of the catalogue.
func (e *Emulator) Remove(code string) bool {
	known := false
	e.Do(func(*emulate.Book, time.Time) {
		c := e.door.catalogue
		if _, known = c.product(code); !known {
			return
		}
		c.products = slices.DeleteFunc(slices.Clone(c.products), func(p wire.Product) bool { return string(p.Code) == code })
		clear(c.byCode)
		for i, p := range c.products {
			c.byCode[string(p.Code)] = i
		}
	})
	return known
}

// SetOffer changes the price in rupiah and the stock of a number's offer; false
// for an unknown one.
func (e *Emulator) SetOffer(numberID, providerID string, price, stock int64) bool {
	found := false
	e.Do(func(*emulate.Book, time.Time) {
		for service, countries := range e.door.catalogue.countries {
			for i := range countries {
				if strconv.FormatInt(int64(countries[i].NumberID), 10) != numberID {
					continue
				}
				rows := slices.Clone(countries)
				rows[i].Pricelist = slices.Clone(rows[i].Pricelist)
				for j := range rows[i].Pricelist {
					if p := &rows[i].Pricelist[j]; string(p.ProviderID) == providerID {
						p.Price, p.PriceFormat, p.Stock, p.Available = num(price), rupiah(price), num(stock), stock > 0
						found = true
					}
				}
				e.door.catalogue.countries[service] = rows
				return
			}
		}
	})
	return found
}

func (e *Emulator) change(code string, edit func(p *wire.Product)) bool {
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

func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			return r
		}
		return -1
	}, strings.ToLower(name))
}
