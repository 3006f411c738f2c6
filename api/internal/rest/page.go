package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
)

// Page is a public page, made once: it needs no key and knows no caller.
type Page struct {
	contentType string
	plain, gzip []byte
	tag         string
}

// Pages makes the documents of the service and the page (html) that shows them. All of
// it is in the binary; nothing is fetched from anywhere.
func (s *Service) Pages(html []byte, err error) map[string]*Page {
	doc := s.Huma.OpenAPI()
	out := map[string]*Page{}
	add := func(path, contentType string, body []byte, err error) {
		if err != nil {
			panic("rest: " + path + ": " + err.Error()) // made of constants: every start would fail
		}
		out[path] = newPage(contentType, body)
	}
	add("/docs", "text/html; charset=utf-8", html, err)
	for version, suffix := range map[string]string{"3.1": "", "3.0": "-3.0"} {
		body, err := documentJSON(doc, version)
		add("/openapi"+suffix+".json", "application/openapi+json", body, err)
		text, err := toYAML(body)
		add("/openapi"+suffix+".yaml", "application/openapi+yaml", text, err)
	}
	return out
}

func newPage(contentType string, body []byte) *Page {
	sum := sha256.Sum256(body)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(body) // memory
	_ = w.Close()        // likewise
	return &Page{contentType: contentType, plain: body, gzip: packed.Bytes(), tag: base64.RawURLEncoding.EncodeToString(sum[:15])}
}

// ServePage answers with the page of the request's path.
func (s *Service) ServePage(c *Call, pages map[string]*Page) {
	p := pages[c.R.URL.Path]
	if p == nil {
		s.Refuse(c, fault.New(fault.NotFound, "there is no such page"))
		return
	}
	c.Route = RoutePage
	if c.R.Method != http.MethodGet && c.R.Method != http.MethodHead {
		c.W.Header().Set("Allow", "GET, HEAD")
		s.Refuse(c, fault.New(fault.MethodNotAllowed, "pages are read"))
		return
	}
	p.serve(c.W, c.R)
}

func (p *Page) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	body, tag := p.plain, `"`+p.tag+`"`
	packed := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	if packed {
		body, tag = p.gzip, `"`+p.tag+`-gzip"`
	}
	h.Set("ETag", tag)
	if catalog.Matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if packed {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", p.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the caller may have hung up
}
