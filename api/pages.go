package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/klauspost/compress/gzip"

	"github.com/muarahq/muara/api/pages"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
)

// page is a public page, made once: it needs no key and knows no merchant.
type page struct {
	contentType string
	plain, gzip []byte
	tag         string
}

// newPages makes the documents of the API and the page that shows them. All of it
// is in the binary; nothing is fetched from anywhere.
func newPages(doc *huma.OpenAPI, brand string) map[string]*page {
	out := map[string]*page{}
	add := func(path, contentType string, body []byte, err error) {
		if err != nil {
			panic("api: " + path + ": " + err.Error()) // made of constants: every start would fail
		}
		out[path] = newPage(contentType, body)
	}
	for version, suffix := range map[string]string{"3.1": "", "3.0": "-3.0"} {
		body, err := documentJSON(doc, version)
		add("/openapi"+suffix+".json", "application/openapi+json", body, err)
		text, err := toYAML(body)
		add("/openapi"+suffix+".yaml", "application/openapi+yaml", text, err)
	}
	html, err := pages.Reference(doc, brand)
	add("/docs", "text/html; charset=utf-8", html, err)
	return out
}

func newPage(contentType string, body []byte) *page {
	sum := sha256.Sum256(body)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(body) // memory
	_ = w.Close()        // likewise
	return &page{contentType: contentType, plain: body, gzip: packed.Bytes(), tag: base64.RawURLEncoding.EncodeToString(sum[:15])}
}

// servePage answers what is not below the base paths.
func (s *server) servePage(c *call) {
	path := c.r.URL.Path
	if path == "/" {
		http.Redirect(c.w, c.r, "/docs", http.StatusFound)
		return
	}
	if token, ok := strings.CutPrefix(path, deposit.PicturePath); ok {
		s.servePicture(c, token)
		return
	}
	p := s.pages()[path]
	if p == nil {
		s.refuse(c, fault.New(fault.NotFound, "there is no such page"))
		return
	}
	c.route = routePage
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		c.w.Header().Set("Allow", "GET, HEAD")
		s.refuse(c, fault.New(fault.MethodNotAllowed, "pages are read"))
		return
	}
	p.serve(c.w, c.r)
}

func (p *page) serve(w http.ResponseWriter, r *http.Request) {
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
	h.Set("Content-Length", itoa(len(body)))
	_, _ = w.Write(body) // the caller may have hung up
}
