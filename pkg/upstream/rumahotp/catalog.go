package rumahotp

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// The scopes. One request prices one service, so the OTP catalogue is as many
// scopes as there are services.
const (
	scopeServices  = "services"
	scopeProducts  = "h2h"
	scopeCountries = "countries:"
)

// How often a scope is worth a request of the budget.
const (
	everyServices  = 24 * time.Hour
	everyProducts  = 15 * time.Minute
	everyCountries = 6 * time.Hour
)

// RootScopes are the two lists that are known without asking.
func (d *Driver) RootScopes() []upstream.Scope {
	return []upstream.Scope{{Key: scopeServices, Every: everyServices}, {Key: scopeProducts, Every: everyProducts}}
}

// CatalogPage reads one scope, each of which is one page. The service's name is
// not in a price list: the page of scope "services" tells it.
func (d *Driver) CatalogPage(ctx context.Context, scope string, _ int) (*upstream.Page, error) {
	switch service, ok := strings.CutPrefix(scope, scopeCountries); {
	case ok:
		return page(ctx, d, wire.Countries(service), wire.DecodeCountries, func(out *upstream.Page, c *wire.Country) {
			countryOffers(out, service, c)
		})
	case scope == scopeServices:
		return page(ctx, d, wire.PathServices, wire.DecodeServices, addService)
	case scope == scopeProducts:
		return page(ctx, d, wire.PathProducts, wire.DecodeProducts, productOffer)
	}
	return nil, &upstream.Error{Class: upstream.NotSent, Err: fmt.Errorf("no such scope %q", scope)}
}

// page reads a list and adds each row to a page.
func page[T any](
	ctx context.Context, d *Driver, target string, decode func([]byte) (wire.List[T], error), add func(*upstream.Page, *T),
) (*upstream.Page, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, target)
	if err != nil {
		return nil, err
	}
	list, err := decode(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if list.Odd > 0 && d.cfg.Log != nil {
		d.cfg.Log.WarnContext(ctx, "catalogue rows not understood", "upstream", d.cfg.Name, "rows", list.Odd)
	}
	out := &upstream.Page{}
	for i := range list.Rows {
		add(out, &list.Rows[i])
	}
	return out, nil
}

func addService(out *upstream.Page, s *wire.Service) {
	code := strconv.FormatInt(int64(s.Code), 10)
	out.Services = append(out.Services, upstream.Service{Code: code, Name: string(s.Name)})
	out.Scopes = append(out.Scopes, upstream.Scope{Key: scopeCountries + code, Every: everyCountries, Service: code})
}

func countryOffers(out *upstream.Page, service string, c *wire.Country) {
	number := strconv.FormatInt(int64(c.NumberID), 10)
	for i := range c.Pricelist {
		p := &c.Pricelist[i]
		extra, err := json.Marshal(address{NumberID: number, ProviderID: string(p.ProviderID), Country: string(c.Name)})
		if err != nil {
			continue // texts always encode
		}
		o := upstream.Offer{
			Code: service + ":" + number + ":" + string(p.ProviderID), Extra: extra, Category: categoryOTP,
			Name: string(c.Name), Cost: int64(p.Price), Available: bool(p.Available) && p.Stock > 0, Stock: max(int64(p.Stock), 0),
			ServiceCode: service, CountryISO: strings.ToLower(string(c.ISO)), CountryName: string(c.Name), Prefix: string(c.Prefix),
			Server: int(p.ServerID), SuccessRate: min(max(int(p.Rate), 0), 100),
		}
		if !o.Available {
			o.Reason = "out_of_stock"
		}
		out.Offers = append(out.Offers, o)
	}
}

func productOffer(out *upstream.Page, p *wire.Product) {
	o := upstream.Offer{
		Code: string(p.Code), Category: "ppob", Name: string(p.Note), Brand: brand(string(p.Brand)), Group: group(string(p.Category)),
		Type: "prepaid", Cost: int64(p.Price), Available: true, Unlimited: true, Inputs: inputs(string(p.Category), string(p.Brand)),
	}
	if o.Name == "" {
		o.Name = string(p.Name)
	}
	out.Offers = append(out.Offers, o)
}

// brand spells a brand as customers know it. The provider writes it in one word.
func brand(word string) string {
	switch strings.ToLower(word) {
	case "freefire":
		return "FREE FIRE"
	case "mobilelegends", "mobilelegend":
		return "MOBILE LEGENDS"
	case "pubgm", "pubgmobile":
		return "PUBG MOBILE"
	case "genshin", "genshinimpact":
		return "GENSHIN IMPACT"
	case "googleplay":
		return "GOOGLE PLAY"
	case "three", "tri":
		return "TRI"
	case "shopeepay":
		return "SHOPEEPAY"
	}
	return strings.ToUpper(word)
}

// group is our name for the provider's category.
func group(category string) string {
	switch strings.ToLower(category) {
	case "game", "games":
		return "Games"
	case "pulsa":
		return "Pulsa"
	case "data":
		return "Data"
	case "ewallet":
		return "E-Money"
	case "pln":
		return "PLN"
	case "voucher":
		return "Voucher"
	}
	if category == "" {
		return "Other"
	}
	first, size := utf8.DecodeRuneInString(category)
	return string(unicode.ToUpper(first)) + category[size:]
}

// inputs are what an order of a product needs from the customer.
func inputs(category, brand string) []upstream.Input {
	in := upstream.Input{Name: "customer_no", Label: "Nomor tujuan", Required: true, Example: "081234567890"}
	switch strings.ToLower(category) {
	case "game", "games":
		in.Label, in.Example = "User ID", "12345678"
		if strings.HasPrefix(strings.ToLower(brand), "mobilelegend") {
			return []upstream.Input{in, {Name: "zone_id", Label: "Zone ID", Example: "2685"}}
		}
	case "pln":
		in.Label, in.Example = "Nomor meter", "12345678901"
	}
	return []upstream.Input{in}
}

// Operators lists the operators of a number's offer.
func (d *Driver) Operators(ctx context.Context, _ string, extra json.RawMessage) ([]upstream.Operator, error) {
	var at address
	if err := json.Unmarshal(extra, &at); err != nil || at.ProviderID == "" || at.Country == "" {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: fmt.Errorf("the offer has no address")}
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.Operators(at.Country, at.ProviderID))
	if err != nil {
		return nil, err
	}
	list, err := wire.DecodeOperators(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	out := make([]upstream.Operator, 0, len(list.Rows))
	for _, o := range list.Rows {
		out = append(out, upstream.Operator{ID: strconv.FormatInt(int64(o.ID), 10), Name: string(o.Name)})
	}
	return out, nil
}
