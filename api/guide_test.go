package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/api/pages"
)

func TestTheGuideCoversEveryOperationInBothLanguages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := &client{w: w}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Summary     string `json:"summary"`
		} `json:"paths"`
	}
	require.NoError(t, json.Unmarshal([]byte(nobody.send(http.MethodGet, "/openapi.json", "").raw), &doc))
	id, en := nobody.send(http.MethodGet, "/docs", ""), nobody.send(http.MethodGet, "/docs/en", "")
	require.Equal(t, id.raw, nobody.send(http.MethodGet, "/docs/id", "").raw)
	n := 0
	for path, methods := range doc.Paths {
		for _, op := range methods {
			n++
			for _, page := range []*reply{id, en, nobody.send(http.MethodGet, "/docs/reference", "")} {
				require.Contains(t, page.raw, ` id="`+op.OperationID+`"`, path)
				require.Contains(t, page.raw, `href="#`+op.OperationID+`"`, path)
			}
			_, section, _ := strings.Cut(id.raw, `<section class="op" id="`+op.OperationID+`"`)
			section, _, _ = strings.Cut(section, "</section>")
			require.NotContains(t, section, "<span>"+op.Summary+"</span>", "%s in Indonesian", op.OperationID)
			for _, language := range []string{"sh", "php", "mjs", "py", "go"} {
				require.Contains(t, section, `data-code="`+language+`"`, op.OperationID)
			}
		}
	}
	require.Greater(t, n, 35)
	for _, page := range []*reply{id, en} {
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page.raw, -1) {
			require.False(t, seen[m[1]], "two places called %s", m[1])
			seen[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page.raw, -1) {
			require.True(t, seen[m[1]], "a link to %s, which is nowhere", m[1])
		}
		for _, m := range regexp.MustCompile(`href="(/[^"#]*)`).FindAllStringSubmatch(page.raw, -1) {
			path := strings.ReplaceAll(m[1], "&amp;", "&")
			require.Less(t, nobody.send(http.MethodGet, path, "").status, http.StatusBadRequest, path)
		}
		require.NotContains(t, page.raw, "ZgotmplZ")
	}
}

func TestNothingOfTheAPIIsWithoutWordsInTheGuide(t *testing.T) {
	t.Parallel()
	s := api.New(api.Deps{})
	require.NoError(t, pages.Complete(api.OpenAPI(s), api.Facts(s)), "api/pages/guide_texts.go and testmode.go have the words")

	// It does find what is missing, and what is too much.
	doc, facts := api.OpenAPI(s), api.Facts(s)
	facts.Events = append(facts.Events[1:], "coffee.ready")
	doc.Paths["/coffee"] = &huma.PathItem{Get: &huma.Operation{OperationID: "brew", Responses: map[string]*huma.Response{}}}
	err := pages.Complete(doc, facts)
	for _, what := range []string{`event "coffee.ready" has no words`, `words for event "order.updated"`, `operation "brew" has no words`, `"brew" has no tag`} {
		require.ErrorContains(t, err, what)
	}
}

func TestTheGuideIsOfThisGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *api.Deps) {
		d.Brand.Name, d.Brand.KeyPrefix, d.Listen.PublicURL, d.Listen.RateLimit = "Toko <Besar>", "tko", "https://api.toko.example", 77
	})
	for _, path := range []string{"/docs", "/docs/en"} {
		page := (&client{w: w}).send(http.MethodGet, path, "").raw
		require.Contains(t, page, "Toko &lt;Besar&gt;")
		require.NotContains(t, page, "Toko <Besar>")
		require.Contains(t, page, "https://api.toko.example/api/v1")
		require.Contains(t, page, "tko_live_")
		require.NotContains(t, page, "mra_")
		require.Regexp(t, `\b77 (permintaan|requests)`, page)
		require.NotContains(t, strings.ToLower(page), "muara")
	}
}
