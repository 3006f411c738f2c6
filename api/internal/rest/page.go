package rest

import (
	"net/http"
	"strconv"

	"github.com/muarahq/muara/api/pages"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
)

const (
	// HTML is what a page for people is.
	HTML = "text/html; charset=utf-8"

	// cachePage lets a page be kept for a while, and cacheAsset for ever what is asked for by its version.
	cachePage  = "public, max-age=300"
	cacheAsset = "public, max-age=31536000, immutable"

	// pagePolicy is what a page may do: be styled and quickened by what lies beside it, and ask this server.
	pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// Page is a public page, made once: it needs no key and knows no caller.
type Page struct {
	ContentType string
	// Cache is its Cache-Control.
	Cache string
	Body  *catalog.Body
}

// NewPage makes a page that may be kept for a while.
func NewPage(contentType string, body []byte) *Page {
	return &Page{ContentType: contentType, Cache: cachePage, Body: catalog.NewBody(body)}
}

// Pages makes the documents of the service, the page (html) that shows them and what it
// refers to. All of it is in the binary; nothing is fetched from anywhere.
func (s *Service) Pages(html []byte, err error) map[string]*Page {
	doc := s.Huma.OpenAPI()
	out := map[string]*Page{}
	add := func(path, contentType string, body []byte, err error) {
		if err != nil {
			panic("rest: " + path + ": " + err.Error()) // made of constants: every start would fail
		}
		out[path] = NewPage(contentType, body)
	}
	add("/docs", HTML, html, err)
	for version, suffix := range map[string]string{"3.1": "", "3.0": "-3.0"} {
		body, err := documentJSON(doc, version)
		add("/openapi"+suffix+".json", "application/openapi+json", body, err)
		text, err := toYAML(body)
		add("/openapi"+suffix+".yaml", "application/openapi+yaml", text, err)
	}
	for path, a := range pages.Assets() {
		add(path, a.ContentType, a.Body, nil)
	}
	return out
}

// ServePage answers with the page of the request's path.
func (s *Service) ServePage(c *Call, all map[string]*Page) {
	p := all[c.R.URL.Path]
	if p == nil {
		s.Refuse(c, fault.New(fault.NotFound, "there is no such page"))
		return
	}
	if !s.ReadsPage(c) {
		return
	}
	if a, ok := pages.Assets()[c.R.URL.Path]; ok && c.R.URL.RawQuery == "v="+a.Version {
		kept := *p
		kept.Cache = cacheAsset
		p = &kept
	}
	p.Serve(c.W, c.R)
}

// ReadsPage refuses what is no reading of a page.
func (s *Service) ReadsPage(c *Call) bool {
	c.Route = RoutePage
	if c.R.Method != http.MethodGet && c.R.Method != http.MethodHead {
		c.W.Header().Set("Allow", "GET, HEAD")
		s.Refuse(c, fault.New(fault.MethodNotAllowed, "pages are read"))
		return false
	}
	return true
}

// Serve answers with the page, as the caller likes it encoded, or with 304 when the caller has it.
func (p *Page) Serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", p.Cache)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", pagePolicy)
	accept := r.Header.Get("Accept-Encoding")
	tag := p.Body.ETag(accept)
	h.Set("ETag", tag)
	if catalog.Matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	v := p.Body.Negotiate(accept)
	if v.Encoding != catalog.Identity {
		h.Set("Content-Encoding", string(v.Encoding))
	}
	h.Set("Content-Type", p.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(v.Bytes)))
	_, _ = w.Write(v.Bytes) // the caller may have hung up
}
