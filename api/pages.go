package api

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/api/pages"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/rule"
	"github.com/muarahq/muara/pkg/webhook"
)

// site is what pages tell of this gateway.
func (s *server) site() pages.Site {
	return pages.Site{
		Brand: s.deps.Brand.Name, KeyPrefix: s.deps.Brand.KeyPrefix, IDPrefix: s.deps.Brand.IDPrefix, Timezone: s.deps.Brand.Timezone,
		API: s.rest.Huma.OpenAPI().Servers[0].URL, Prices: s.deps.Listen.Pricelist != config.PricelistOff,
	}
}

// newPages makes the documents of the API and the pages that show them. All of it
// is in the binary; nothing is fetched from anywhere.
func (s *server) newPages() map[string]*rest.Page {
	doc := s.rest.Huma.OpenAPI()
	out := s.rest.Pages(pages.ReferenceOf(doc, s.site()))
	out[pages.ReferencePath] = out[pages.GuidePath]
	collection, err := pages.Postman(doc, s.site())
	if err != nil {
		panic("api: " + err.Error()) // as below
	}
	out[pages.PostmanPath] = rest.NewPage("application/json", collection)
	for _, l := range pages.Languages() {
		body, err := pages.Guide(doc, s.site(), l, s.facts())
		if err != nil {
			panic("api: " + err.Error()) // made of constants: every start would fail
		}
		out[pages.GuidePath+"/"+string(l)] = rest.NewPage(rest.HTML, body)
	}
	out[pages.GuidePath] = out[pages.GuidePath+"/"+string(pages.Indonesian)]
	return out
}

// Postman gives the merchant API as a collection that Postman imports, in its format 2.1.
func Postman(brand config.Brand, listen config.API) ([]byte, error) {
	s := New(Deps{Brand: brand, Listen: listen})
	return pages.Postman(s.rest.Huma.OpenAPI(), s.site())
}

// facts are what the guide tells besides the document.
func (s *server) facts() pages.Facts {
	f := pages.Facts{
		Events: webhook.Types(), RateLimit: cmp.Or(s.deps.Listen.RateLimit, merchant.DefaultLimit),
		MinDeposit: s.deps.Money.Min, MaxDeposit: s.deps.Money.Max, MinWithdraw: s.deps.MoneyOut.Min, MaxWithdraw: s.deps.MoneyOut.Max,
		MaxGuard: rule.MaxDuplicateMinutes,
	}
	for kind := fault.Internal; kind <= fault.Upstream; kind++ { // from the first to the last
		r := refusals(kind)
		f.Refusals = append(f.Refusals, pages.Refusal{Name: r.Name, Code: r.Code, Meaning: r.Meaning, Status: r.Status})
	}
	return f
}

// servePage answers what is not below the base paths.
func (s *server) servePage(c *rest.Call) {
	path := c.R.URL.Path
	if path == "/" {
		http.Redirect(c.W, c.R, pages.GuidePath, http.StatusFound)
		return
	}
	if token, ok := strings.CutPrefix(path, deposit.PicturePath); ok {
		s.servePicture(c, token)
		return
	}
	if s.prices.serves(path) {
		if s.rest.ReadsPage(c) {
			s.servePrices(c)
		}
		return
	}
	s.rest.ServePage(c, s.pages())
}
