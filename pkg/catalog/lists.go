package catalog

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/order"
)

// PPOBFilter narrows GET /ppob/products; an empty field narrows nothing. Brand and
// category are compared without case, spaces and punctuation.
type PPOBFilter struct {
	Brand     string
	Category  string
	Type      string
	Search    string
	Available *bool
}

// SMMFilter narrows GET /smm/services.
type SMMFilter struct {
	Platform string
	Search   string
}

// key names a list. Its parts are joined by a byte that no text holds unescaped.
func key(parts ...string) string {
	for i, p := range parts {
		parts[i] = strconv.Quote(p)
	}
	return strings.Join(parts, "\x00")
}

func (s *Snapshot) segment(mode string, category order.Category) *segment {
	if seg := s.segments[shelf{mode, category}]; seg != nil {
		return seg
	}
	return &segment{}
}

func edition(n uint64) string { return strconv.FormatUint(n, 36) }

// PPOBProducts is the body of GET /ppob/products. Searches are answered but not
// kept: there is no end of them.
func (c *Catalog) PPOBProducts(mode string, tier int, f PPOBFilter) *Body {
	s := c.Snapshot()
	seg := s.segment(mode, order.PPOB)
	f.Brand, f.Category, f.Search = Fold(f.Brand), Fold(f.Category), strings.ToLower(strings.TrimSpace(f.Search))
	build := func() *Body { return newBody(s.ppobProducts(seg, tier, f)) }
	if f.Search != "" {
		return build()
	}
	available := ""
	if f.Available != nil {
		available = strconv.FormatBool(*f.Available)
	}
	return c.cache.get(key("ppob", mode, edition(seg.edition), strconv.Itoa(tier), f.Brand, f.Category, f.Type, available), build)
}

func (s *Snapshot) ppobProducts(seg *segment, tier int, f PPOBFilter) PPOBProducts {
	out := PPOBProducts{Tier: tier, Products: []PPOBProduct{}}
	for _, p := range seg.products {
		if !f.match(p) {
			continue
		}
		row := PPOBProduct{
			SKU: p.SKU, Name: p.Name, Price: s.Price(p, tier), Brand: p.Brand, Category: Slug(p.Group), Type: p.Type,
			Description: text(p.Description), Inputs: p.Inputs, Stock: p.Stock, UnlimitedStock: p.Unlimited, Available: p.Available, Reason: reason(p.Reason),
		}
		out.Products = append(out.Products, row)
	}
	out.Count = len(out.Products)
	return out
}

func (f *PPOBFilter) match(p *Product) bool {
	return (f.Brand == "" || Fold(p.Brand) == f.Brand) &&
		(f.Category == "" || Fold(p.Group) == f.Category) &&
		(f.Type == "" || p.Type == f.Type) &&
		(f.Available == nil || p.Available == *f.Available) &&
		(f.Search == "" || strings.Contains(p.fold, f.Search))
}

// PPOBCategories is the body of GET /ppob/categories.
func (c *Catalog) PPOBCategories(mode string) *Body {
	seg := c.Snapshot().segment(mode, order.PPOB)
	return c.cache.get(key("categories", mode, edition(seg.edition)), func() *Body {
		type group struct{ category, kind string }
		rows := map[group]*PPOBCategory{}
		for _, p := range seg.products {
			k := group{Slug(p.Group), p.Type}
			if rows[k] == nil {
				rows[k] = &PPOBCategory{Category: k.category, Name: p.Group, Type: p.Type}
			}
			rows[k].Products++
		}
		out := PPOBCategories{Categories: sorted(rows, func(a, b PPOBCategory) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(b.Type, a.Type))
		})}
		out.Count = len(out.Categories)
		return newBody(out)
	})
}

// PPOBBrands is the body of GET /ppob/brands.
func (c *Catalog) PPOBBrands(mode, category string) *Body {
	seg := c.Snapshot().segment(mode, order.PPOB)
	category = Fold(category)
	return c.cache.get(key("brands", mode, edition(seg.edition), category), func() *Body {
		type group struct{ brand, category string }
		rows := map[group]*PPOBBrand{}
		for _, p := range seg.products {
			if category != "" && Fold(p.Group) != category {
				continue
			}
			k := group{p.Brand, Slug(p.Group)}
			if rows[k] == nil {
				rows[k] = &PPOBBrand{Brand: p.Brand, Category: k.category}
			}
			rows[k].Products++
		}
		out := PPOBBrands{Brands: sorted(rows, func(a, b PPOBBrand) int {
			return cmp.Or(strings.Compare(a.Brand, b.Brand), strings.Compare(a.Category, b.Category))
		})}
		out.Count = len(out.Brands)
		return newBody(out)
	})
}

func sorted[K comparable, V any](rows map[K]*V, compare func(a, b V) int) []V {
	out := make([]V, 0, len(rows))
	for _, row := range rows {
		out = append(out, *row)
	}
	slices.SortFunc(out, compare)
	return out
}

// SMMServices is the body of GET /smm/services. Searches are answered but not kept.
func (c *Catalog) SMMServices(mode string, tier int, f SMMFilter) *Body {
	s := c.Snapshot()
	seg := s.segment(mode, order.SMM)
	f.Platform, f.Search = Fold(f.Platform), strings.ToLower(strings.TrimSpace(f.Search))
	build := func() *Body { return newBody(s.smmServices(seg, tier, f)) }
	if f.Search != "" {
		return build()
	}
	return c.cache.get(key("smm", mode, edition(seg.edition), strconv.Itoa(tier), f.Platform), build)
}

func (s *Snapshot) smmServices(seg *segment, tier int, f SMMFilter) SMMServices {
	out := SMMServices{Services: []SMMService{}}
	for _, p := range seg.products {
		if f.Platform != "" && Fold(p.Brand) != f.Platform || f.Search != "" && !strings.Contains(p.fold, f.Search) {
			continue
		}
		out.Services = append(out.Services, SMMService{
			SKU: p.SKU, Name: p.Name, Platform: p.Brand, Category: p.Group, Type: string(p.SMM.Kind), Inputs: p.Inputs, Rate: s.Price(p, tier),
			Min: p.SMM.Min, Max: p.SMM.Max, Refill: p.Refill, Cancel: p.Cancel, AverageTime: text(p.AverageTime),
			Description: text(p.Description), Available: p.Available, Reason: reason(p.Reason),
		})
	}
	out.Count = len(out.Services)
	return out
}

// OTPServices is the body of GET /otp/services.
func (c *Catalog) OTPServices(mode, search string) *Body {
	s := c.Snapshot()
	search = strings.ToLower(strings.TrimSpace(search))
	build := func() *Body {
		out := OTPServices{Services: []OTPService{}}
		for _, sv := range s.services {
			if sv.mode == mode && (strings.Contains(strings.ToLower(sv.name), search) || strings.Contains(sv.code, search)) {
				out.Services = append(out.Services, OTPService{Service: sv.code, Name: sv.name})
			}
		}
		out.Count = len(out.Services)
		return newBody(out)
	}
	if search != "" {
		return build()
	}
	return c.cache.get(key("services", mode, edition(s.serviceEdition)), build)
}

// OTPCountries is the body of GET /otp/countries; ok is false for a service that
// does not exist. Asking counts as demand: what merchants ask for is read first.
func (c *Catalog) OTPCountries(mode string, tier int, service string) (body *Body, ok bool) {
	s := c.Snapshot()
	service = strings.ToLower(strings.TrimSpace(service))
	if _, ok := s.Service(mode, service); !ok {
		return nil, false
	}
	c.Demand(mode, service)
	seg := s.segment(mode, order.OTP)
	return c.cache.get(key("countries", mode, edition(seg.edition), strconv.Itoa(tier), service), func() *Body {
		return newBody(s.otpCountries(seg.byService[service], tier))
	}), true
}

// otpCountries groups a service's products, which are ordered by country and server.
func (s *Snapshot) otpCountries(products []*Product, tier int) OTPCountries {
	out := OTPCountries{Countries: []OTPCountry{}}
	for _, p := range products {
		n := len(out.Countries)
		if n == 0 || out.Countries[n-1].ISO != p.ISO {
			at := s.countries[p.ISO]
			out.Countries = append(out.Countries, OTPCountry{Country: at.name, ISO: p.ISO, Prefix: at.prefix, Offers: []OTPOffer{}})
			n++
		}
		row := &out.Countries[n-1]
		row.Stock += p.Stock
		row.Offers = append(row.Offers, OTPOffer{
			SKU: p.SKU, Server: "Server " + strconv.Itoa(p.Server), Price: s.Price(p, tier), Stock: p.Stock,
			SuccessRate: min(max(p.SuccessRate, 0), 100), Available: p.Available,
		})
	}
	slices.SortStableFunc(out.Countries, func(a, b OTPCountry) int { return strings.Compare(a.Country, b.Country) })
	out.Count = len(out.Countries)
	return out
}

// Products is the body of GET /products, with the stock of the last second.
func (c *Catalog) Products(mode string) *Body {
	s := c.Snapshot()
	seg := s.segment(mode, order.Product)
	left := c.live.stock.Load()
	return c.cache.get(key("products", mode, edition(seg.edition), edition(left.edition)), func() *Body {
		out := PremiumProducts{Products: []PremiumProduct{}}
		at := map[string]int{}
		for _, p := range seg.products {
			if p.closed {
				continue
			}
			i, ok := at[p.VariantOf]
			if !ok {
				i = len(out.Products)
				at[p.VariantOf] = i
				out.Products = append(out.Products, PremiumProduct{Product: Slug(p.VariantOf), Name: p.VariantOf, Variants: []PremiumVariant{}})
			}
			row := &out.Products[i]
			if row.Description == nil {
				row.Description = text(p.Description)
			}
			row.Variants = append(row.Variants, PremiumVariant{SKU: p.SKU, Name: p.Name, Price: p.fixedPrice, Stock: left.items[p.ID]})
		}
		out.Count = len(out.Products)
		return newBody(out)
	})
}

// Price is the body of GET /price, as of this moment.
func (c *Catalog) Price(p *Product, tier int) *Body {
	s := c.Snapshot()
	out := PriceAnswer{SKU: p.SKU, Name: p.Name, Price: s.Price(p, tier)}
	var why Reason
	var until *time.Time
	out.Available, why, until = s.Availability(p)
	out.Reason = reason(why)
	if until != nil {
		at := until.In(c.opts.Location).Format(time.RFC3339)
		out.Until = &at
	}
	return newBody(out)
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func reason(r Reason) *Reason {
	if r == "" {
		return nil
	}
	return &r
}
