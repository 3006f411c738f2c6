package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
)

const tagCatalog = "Catalogue"

// Cached are the headers that every list of the catalogue looks at.
type Cached struct {
	AcceptEncoding string `header:"Accept-Encoding" hidden:"true"`
	IfNoneMatch    string `header:"If-None-Match" doc:"The ETag of the answer you have."`
}

type ppobProductsInput struct {
	Cached
	Brand     string `query:"brand" doc:"Only this brand." example:"TELKOMSEL"`
	Category  string `query:"category" doc:"Only this category, as GET /ppob/categories names it." example:"pulsa"`
	Type      string `query:"type" enum:"prepaid,postpaid" doc:"Only this type."`
	Search    string `query:"search" maxLength:"100" doc:"Only what has this text in its SKU, name or brand."`
	Available string `query:"available" enum:"true,false" doc:"Only what can be ordered now, or only what cannot."`
}

type ppobBrandsInput struct {
	Cached
	Category string `query:"category" doc:"Only this category."`
}

type smmServicesInput struct {
	Cached
	Platform string `query:"platform" doc:"Only this platform." example:"Instagram"`
	Search   string `query:"search" maxLength:"100" doc:"Only what has this text in its name."`
}

type otpServicesInput struct {
	Cached
	Search string `query:"search" maxLength:"100" doc:"Only what has this text in its name."`
}

type otpCountriesInput struct {
	Cached
	Service string `query:"service" doc:"A service's key, as GET /otp/services names it." required:"true" example:"tg"`
}

type skuInput struct {
	Cached
	SKU string `query:"sku" doc:"The SKU." required:"true" example:"MLID10"`
}

type operatorsInput struct {
	Cached
	SKU string `query:"sku" doc:"An offer of GET /otp/countries." required:"true" example:"OTPTGID"`
}

func (s *server) catalogRoutes() {
	invalid := []fault.Kind{fault.Invalid}
	lookup := []fault.Kind{fault.Invalid, fault.NotFound}
	rest.RegisterStream[ppobProductsInput, catalog.PPOBProducts](s.rest, list("ppob-products", "/ppob/products", "List PPOB products",
		"Phone credit, data, electricity, games, e-wallets and bills, with the prices of the merchant's tier.", invalid, examplePPOBProducts), s.documentList, s.ppobProducts)
	rest.RegisterStream[Cached, catalog.PPOBCategories](s.rest, list("ppob-categories", "/ppob/categories", "List PPOB categories",
		"What the category filter of the products takes.", nil, examplePPOBCategories), s.documentList, s.ppobCategories)
	rest.RegisterStream[ppobBrandsInput, catalog.PPOBBrands](s.rest, list("ppob-brands", "/ppob/brands", "List PPOB brands",
		"What the brand filter of the products takes.", invalid, examplePPOBBrands), s.documentList, s.ppobBrands)
	rest.RegisterStream[smmServicesInput, catalog.SMMServices](s.rest, list("smm-services", "/smm/services", "List social media services",
		"Rates are rupiah per 1000 at the merchant's tier.", invalid, exampleSMMServices), s.documentList, s.smmServices)
	rest.RegisterStream[otpServicesInput, catalog.OTPServices](s.rest, list("otp-services", "/otp/services", "List OTP services",
		"The applications that send codes to rented numbers.", invalid, exampleOTPServices), s.documentList, s.otpServices)
	rest.RegisterStream[otpCountriesInput, catalog.OTPCountries](s.rest, list("otp-countries", "/otp/countries", "List countries and offers of an OTP service",
		"Each offer is one SKU. A server's number stays the same for as long as the offer lives.", lookup, exampleOTPCountries), s.documentList, s.otpCountries)
	rest.RegisterStream[operatorsInput, catalog.OTPOperators](s.rest, list("otp-operators", "/otp/operators", "List the operators of an OTP offer",
		"An order may name one as `operator_id`.", lookup, exampleOTPOperators), s.documentList, s.otpOperators)
	rest.RegisterStream[Cached, catalog.PremiumProducts](s.rest, list("products", "/products", "List premium products",
		"Delivered in the answer of the order; one price for all tiers.", nil, exampleProducts), s.documentList, s.products)
	rest.RegisterStream[skuInput, catalog.PriceAnswer](s.rest, list("price", "/price", "Price and availability of one SKU",
		"As of this moment. Where the price can be read where the product comes from, it is at most half a minute old; else it is that of the lists. "+
			"The answer may take two seconds then.", lookup, examplePrice), s.documentList, s.price)
}

func list(id, path, summary, text string, refusals []fault.Kind, gives any) rest.Operation {
	return rest.Operation{ID: id, Method: http.MethodGet, Path: path, Tag: tagCatalog, Summary: summary, Text: text, Refusals: refusals, Gives: gives}
}

// documentList adds what all lists of the catalogue have in common.
func (s *server) documentList(h *huma.Operation) {
	ok := h.Responses["200"]
	ok.Headers["ETag"], ok.Headers["Vary"] = rest.HeaderRef("ETag"), rest.HeaderRef("Vary")
	headers := s.rest.KnownHeaders()
	headers["ETag"], headers["Vary"] = rest.HeaderRef("ETag"), rest.HeaderRef("Vary")
	h.Responses["304"] = &huma.Response{Description: "What If-None-Match names is still the answer.", Headers: headers}
}

// serveBody answers with a list that is encoded already: compressed as the caller
// likes it, or with 304 when the caller has it.
func serveBody(in *Cached, body *catalog.Body) func(huma.Context) {
	return func(hc huma.Context) {
		hc.SetHeader("Vary", "Accept-Encoding")
		hc.SetHeader("Cache-Control", "private, no-cache")
		tag := body.ETag(in.AcceptEncoding)
		hc.SetHeader("ETag", tag)
		if in.IfNoneMatch != "" && catalog.Matches(in.IfNoneMatch, tag) {
			hc.SetStatus(http.StatusNotModified)
			return
		}
		v := body.Negotiate(in.AcceptEncoding)
		hc.SetHeader("Content-Type", "application/json")
		if v.Encoding != catalog.Identity {
			hc.SetHeader("Content-Encoding", string(v.Encoding))
		}
		hc.SetHeader("Content-Length", itoa(len(v.Bytes)))
		_, _ = hc.BodyWriter().Write(v.Bytes) // the caller may have hung up
	}
}

func (s *server) ppobProducts(ctx context.Context, in *ppobProductsInput) (func(huma.Context), error) {
	who := caller(ctx)
	f := catalog.PPOBFilter{Brand: in.Brand, Category: in.Category, Type: in.Type, Search: in.Search}
	if in.Available != "" {
		available := in.Available == "true"
		f.Available = &available
	}
	return serveBody(&in.Cached, s.deps.Catalog.PPOBProducts(string(who.Mode), who.Tier, f)), nil
}

func (s *server) ppobCategories(ctx context.Context, in *Cached) (func(huma.Context), error) {
	return serveBody(in, s.deps.Catalog.PPOBCategories(string(caller(ctx).Mode))), nil
}

func (s *server) ppobBrands(ctx context.Context, in *ppobBrandsInput) (func(huma.Context), error) {
	return serveBody(&in.Cached, s.deps.Catalog.PPOBBrands(string(caller(ctx).Mode), in.Category)), nil
}

func (s *server) smmServices(ctx context.Context, in *smmServicesInput) (func(huma.Context), error) {
	who := caller(ctx)
	return serveBody(&in.Cached, s.deps.Catalog.SMMServices(string(who.Mode), who.Tier, catalog.SMMFilter{Platform: in.Platform, Search: in.Search})), nil
}

func (s *server) otpServices(ctx context.Context, in *otpServicesInput) (func(huma.Context), error) {
	return serveBody(&in.Cached, s.deps.Catalog.OTPServices(string(caller(ctx).Mode), in.Search)), nil
}

func (s *server) otpCountries(ctx context.Context, in *otpCountriesInput) (func(huma.Context), error) {
	who := caller(ctx)
	body, ok := s.deps.Catalog.OTPCountries(string(who.Mode), who.Tier, in.Service)
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no such service")
	}
	return serveBody(&in.Cached, body), nil
}

func (s *server) products(ctx context.Context, in *Cached) (func(huma.Context), error) {
	return serveBody(in, s.deps.Catalog.Products(string(caller(ctx).Mode))), nil
}

func (s *server) price(ctx context.Context, in *skuInput) (func(huma.Context), error) {
	who := caller(ctx)
	snapshot := s.deps.Catalog.Snapshot()
	p, ok := snapshot.ProductFor(string(who.Mode), in.SKU)
	if !ok {
		return nil, noSKU()
	}
	if s.quote(ctx, snapshot, p, who.Tier) {
		if p, ok = s.deps.Catalog.Snapshot().ProductFor(string(who.Mode), in.SKU); !ok {
			return nil, noSKU()
		}
	}
	return serveBody(&in.Cached, s.deps.Catalog.Price(p, who.Tier)), nil
}

func noSKU() error { return fault.New(fault.NotFound, "there is no such sku") }
