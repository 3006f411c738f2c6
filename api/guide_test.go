package api_test

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/api/pages"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/rule"
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

// TestTheGuideTellsOfGuardsAsTheyAre tries what the guide says of the duplicate guard and of limits, and compares.
func TestTheGuideTellsOfGuardsAsTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	body := func(ref, more string) string {
		return `{"category":"ppob","ref":"` + ref + `","sku":"TSEL5","customer_no":"081234567890"` + more + `}`
	}
	settings := c.send(http.MethodPut, "/api/v1/settings", fmt.Sprintf(`{"duplicate_guard_minutes":%d}`, rule.MaxDuplicateMinutes)).data()
	c.send(http.MethodPut, "/api/v1/settings", fmt.Sprintf(`{"duplicate_guard_minutes":%d}`, rule.MaxDuplicateMinutes+1)).invalid("duplicate_guard_minutes")
	c.order(body("first", ""))
	given := map[string]*reply{"duplicate_order": c.post("/order", body("second", ""))}
	require.Equal(t, http.StatusConflict, given["duplicate_order"].status)
	c.order(body("second", `,"allow_duplicate":true`)) // under the same ref
	one := int64(1)
	_, err := w.store.SetLimits(t.Context(), c.id, merchant.Live, rule.Change{PerDay: &one}, "test")
	require.NoError(t, err)
	given["limit_exceeded"] = c.post("/order", body("third", `,"allow_duplicate":true`))
	require.Equal(t, http.StatusUnprocessableEntity, given["limit_exceeded"].status)

	for path, most := range map[string]string{"/docs": "1.440", "/docs/en": "1,440"} {
		_, section, ok := strings.Cut((&client{w: w}).send(http.MethodGet, path, "").raw, `<section id="guards"`)
		require.True(t, ok)
		section, _, _ = strings.Cut(section, "</section>")
		section = html.UnescapeString(section)
		require.Contains(t, section, most)
		for code, actual := range given {
			require.Contains(t, section, fmt.Sprintf("<code>%d %s</code>", actual.status, code))
			// The example has the members of a real refusal.
			_, example, ok := strings.Cut(section, "<pre><code>{\n  \"ok\": false,\n  \"error\": \""+map[string]string{"duplicate_order": "this was", "limit_exceeded": "the limit"}[code])
			require.True(t, ok, code)
			example, _, _ = strings.Cut(example, "</code></pre>")
			var told, said struct {
				Code    string           `json:"code"`
				Details []map[string]any `json:"details"`
			}
			require.NoError(t, json.Unmarshal([]byte(`{"error":"`+example), &told))
			require.NoError(t, json.Unmarshal([]byte(actual.raw), &said))
			require.Equal(t, code, told.Code)
			require.Equal(t, said.Code, told.Code)
			require.Equal(t, slices.Sorted(maps.Keys(said.Details[0])), slices.Sorted(maps.Keys(told.Details[0])))
		}
		for name := range settings["limits"].(map[string]any) {
			if name != "used_today" && name != "withdrawn_today" {
				require.Contains(t, section, "<code>"+name+"</code>")
			}
		}
		for _, name := range []string{"duplicate_guard_minutes", `"allow_duplicate": true`, "limits"} {
			require.Contains(t, section, "<code>"+name+"</code>")
		}
	}
}
