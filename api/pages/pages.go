// Package pages makes the public pages of the API: the price list, the guide for
// merchants and the reference. They are HTML with a stylesheet and a little script of
// our own beside them; nothing is fetched from anywhere else, and every page says all
// it has to say without the script.
package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed *.tmpl
var templates embed.FS

//go:embed assets
var assets embed.FS

// Lang is a language of the pages.
type Lang string

// The languages; Indonesian is what a page is in unless another is asked for.
const (
	Indonesian Lang = "id"
	English    Lang = "en"
)

// Languages are all of them, the default first.
func Languages() []Lang { return []Lang{Indonesian, English} }

// AssetPath is below which the files that pages refer to are served.
const AssetPath = "/assets/"

// Asset is a file that pages refer to.
type Asset struct {
	ContentType string
	Body        []byte
	// Version is in the links to it, so that it may be kept for ever.
	Version string
}

// Assets are the files that pages refer to, by path.
//
//nolint:gochecknoglobals // made once of what is embedded; nobody changes it
var Assets = sync.OnceValue(func() map[string]Asset {
	out := map[string]Asset{}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	names, err := fs.Glob(assets, "assets/*")
	if err != nil {
		panic("pages: " + err.Error()) // the pattern is a constant
	}
	for _, name := range names {
		body, err := assets.ReadFile(name)
		kind := kinds[path.Ext(name)]
		if err != nil || kind == "" {
			panic(fmt.Sprintf("pages: %s: %v", name, err)) // embedded: every start would fail
		}
		sum := sha256.Sum256(body)
		out[AssetPath+path.Base(name)] = Asset{ContentType: kind, Body: body, Version: base64.RawURLEncoding.EncodeToString(sum[:9])}
	}
	return out
})

// assetURL is where a page finds an asset.
func assetURL(name string) (string, error) {
	a, ok := Assets()[AssetPath+name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return AssetPath + name + "?v=" + a.Version, nil
}

//nolint:gochecknoglobals // parsed once of what is embedded; nobody changes it
var parsed = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"asset": assetURL, "rows": newStatusTable}).ParseFS(templates, "*.tmpl"))
})

func render(name string, view any) ([]byte, error) {
	var out bytes.Buffer
	if err := parsed().ExecuteTemplate(&out, name, view); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	return out.Bytes(), nil
}

// frame is what all pages have.
type frame struct {
	Lang      Lang
	Title     string
	Brand     string
	Words     *words
	Links     []link
	Languages []link
}

type link struct {
	Name, URL string
	Lang      Lang
	Here      bool
}

// Site is what pages know of the gateway they belong to.
type Site struct {
	Brand     string
	KeyPrefix string
	IDPrefix  string
	Timezone  string
	// API is the base path's whole address; only the path where the public address is not configured. Empty for a page that stands alone.
	API string
	// Prices tells whether there is a price list.
	Prices bool
}

// The places of the pages.
const (
	PricesPath    = "/pricelist"
	GuidePath     = "/docs"
	ReferencePath = "/docs/reference"
	PostmanPath   = "/postman.json"
)

// in gives a page's path in a language: the default's has none in it.
func in(path string, l Lang) string {
	if l == Indonesian {
		return path
	}
	return path + "/" + string(l)
}

// newFrame frames a page; here is its path, and both tells whether it is there in all languages.
func newFrame(s Site, l Lang, here, title string, both bool) frame {
	w := wordsIn(l)
	f := frame{Lang: l, Title: title + " · " + s.Brand, Brand: s.Brand, Words: w}
	if s.API == "" {
		return f // one page, alone
	}
	f.Links = append(f.Links, link{Name: w.Guide, URL: in(GuidePath, l), Here: here == GuidePath}, link{Name: w.Reference, URL: ReferencePath, Here: here == ReferencePath})
	if s.Prices {
		f.Links = append(f.Links, link{Name: w.Prices, URL: in(PricesPath, l), Here: here == PricesPath})
	}
	if both {
		for _, other := range Languages() {
			f.Languages = append(f.Languages, link{Name: wordsIn(other).Language, URL: in(here, other), Lang: other, Here: other == l})
		}
	}
	return f
}

// grouped is a number as people of a language read it.
func grouped(n int64, l Lang) string {
	sep := "."
	if l == English {
		sep = ","
	}
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	var parts []string
	for len(text) > 3 {
		parts = append(parts, text[len(text)-3:])
		text = text[:len(text)-3]
	}
	slices.Reverse(parts)
	return sign + strings.Join(append([]string{text}, parts...), sep)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
