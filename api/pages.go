package api

import (
	"net/http"
	"strings"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/api/pages"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/deposit"
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
	out := s.rest.Pages(pages.ReferenceOf(s.rest.Huma.OpenAPI(), s.site()))
	out[pages.ReferencePath] = out[pages.GuidePath]
	return out
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
