package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/config"
)

// The parts of a collection that the schema of version 2.1 asks for, and no others.
type (
	pmVariable struct {
		Key, Value, Type, Description string
		Disabled                      bool
	}
	pmAddress struct {
		Raw             string
		Host, Path      []string
		Query, Variable []pmVariable
	}
	pmRequest struct {
		Method, Description string
		Header              []pmVariable
		URL                 pmAddress
		Body                *struct {
			Mode, Raw string
			Options   struct{ Raw struct{ Language string } }
		}
	}
	pmResponse struct {
		Name, Status, Body string
		OriginalRequest    pmRequest
		Code               int
		Language           string `json:"_postman_previewlanguage"`
		Header, Cookie     []pmVariable
	}
	pmItem struct {
		Name  string
		Event []struct {
			Listen string
			Script struct {
				Type string
				Exec []string
			}
		}
		Request  pmRequest
		Response []pmResponse
	}
	pmCollection struct {
		Info struct {
			ID                                 string `json:"_postman_id"`
			Name, Description, Version, Schema string
		}
		Auth struct {
			Type   string
			Bearer []pmVariable
		}
		Variable []pmVariable
		Item     []struct {
			Name, Description string
			Item              []pmItem
		}
	}
)

func postman(t *testing.T, raw []byte) pmCollection {
	t.Helper()
	var c pmCollection
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&c))
	return c
}

func TestThePostmanCollectionHasEveryOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := (&client{w: w}).send(http.MethodGet, "/postman.json", "")
	c := postman(t, []byte(r.raw))
	require.Equal(t, "https://schema.getpostman.com/json/collection/v2.1.0/collection.json", c.Info.Schema)
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`, c.Info.ID)
	require.Equal(t, "bearer", c.Auth.Type)
	require.Equal(t, pmVariable{Key: "token", Value: "{{api_key}}", Type: "string"}, c.Auth.Bearer[0])
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
		Tags  []struct {
			Name string `json:"name"`
		} `json:"tags"`
	}
	require.NoError(t, json.Unmarshal([]byte((&client{w: w}).send(http.MethodGet, "/openapi.json", "").raw), &doc))
	missing := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			missing[strings.ToUpper(method)+" "+path] = true
		}
	}
	require.Len(t, c.Item, len(doc.Tags), "a folder for each tag")
	for i, f := range c.Item {
		require.Equal(t, doc.Tags[i].Name, f.Name)
		require.NotEmpty(t, f.Item, f.Name)
		for _, it := range f.Item {
			path := "/" + regexp.MustCompile(`:(\w+)`).ReplaceAllString(strings.Join(it.Request.URL.Path, "/"), "{$1}")
			require.Contains(t, doc.Paths, path, it.Name)
			delete(missing, it.Request.Method+" "+path)
		}
	}
	require.Empty(t, missing)
}

// used finds the variables that a text asks for.
var used = regexp.MustCompile(`\{\{(\w+)\}\}`)

func TestEveryRequestOfTheCollectionCanBeSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	merchant := w.merchant(1_000_000)
	raw, err := api.Postman(config.Brand{Name: "Muara", KeyPrefix: "mra", IDPrefix: "MRA", Timezone: "Asia/Jakarta"}, config.API{})
	require.NoError(t, err)
	c := postman(t, raw)
	values := map[string]string{}
	for _, v := range c.Variable {
		values[v.Key] = v.Value
	}
	for _, f := range c.Item {
		for _, it := range f.Item {
			require.NotEmpty(t, it.Name)
			require.NotEmpty(t, it.Request.Description, it.Name)
			requestHolds(t, it.Request, values)
			require.NotEmpty(t, it.Response, it.Name)
			for _, r := range it.Response {
				require.Equal(t, it.Request.URL, r.OriginalRequest.URL)
				require.Equal(t, http.StatusText(r.Code), r.Status)
				require.True(t, json.Valid([]byte(r.Body)), r.Body)
			}
			takesRef := it.Request.Body != nil && strings.Contains(it.Request.Body.Raw, "{{ref}}")
			made := false
			for _, e := range it.Event {
				require.Contains(t, []string{"prerequest", "test"}, e.Listen)
				require.Equal(t, "text/javascript", e.Script.Type)
				made = made || e.Listen == "prerequest" && strings.Contains(strings.Join(e.Script.Exec, "\n"), `collectionVariables.set("ref"`)
			}
			require.Equal(t, takesRef, made, "%s: a ref is made where one is sent", it.Name)

			// No request is malformed: what it names may not exist here, or may not be due.
			path := strings.TrimPrefix(it.Request.URL.Raw, "{{base_url}}")
			for _, v := range it.Request.URL.Variable {
				path = strings.ReplaceAll(path, ":"+v.Key, "trx-0001")
			}
			body := ""
			if it.Request.Body != nil {
				body = strings.ReplaceAll(it.Request.Body.Raw, "{{ref}}", "trx-0001")
			}
			if f.Name == "Checks" {
				continue // nobody looks accounts up here
			}
			r := merchant.send(it.Request.Method, "/api/v1"+path, body)
			require.NotEqual(t, http.StatusMethodNotAllowed, r.status, it.Name)
			if r.status == http.StatusBadRequest {
				require.Contains(t, r.raw, "test", "%s: %s", it.Name, r.raw)
			}
		}
	}
}

func requestHolds(t *testing.T, r pmRequest, values map[string]string) {
	t.Helper()
	text := r.URL.Raw
	for _, v := range append(r.URL.Variable, r.URL.Query...) {
		text += v.Value
	}
	if r.Body != nil {
		text += r.Body.Raw
		require.Equal(t, "raw", r.Body.Mode)
		require.Equal(t, "json", r.Body.Options.Raw.Language)
		require.True(t, json.Valid([]byte(r.Body.Raw)), r.Body.Raw)
		require.Contains(t, r.Header, pmVariable{Key: "Content-Type", Value: "application/json"})
	}
	for _, m := range used.FindAllStringSubmatch(text, -1) {
		require.Contains(t, values, m[1], "a variable that is nowhere")
	}
	// The address is told twice, and must be the same.
	want := strings.Join(r.URL.Host, ".") + "/" + strings.Join(r.URL.Path, "/")
	have, _, _ := strings.Cut(r.URL.Raw, "?")
	require.Equal(t, want, have)
	for _, segment := range r.URL.Path {
		if name, ok := strings.CutPrefix(segment, ":"); ok {
			found := false
			for _, v := range r.URL.Variable {
				found = found || v.Key == name
			}
			require.True(t, found, "%s has no value", segment)
		}
	}
}

func TestTheKeptPostmanCollectionIsThatOfThisAPI(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse(nil, config.Source{Env: func(string) (string, bool) { return "", false }})
	require.NoError(t, err)
	kept, err := os.ReadFile("../docs/postman.json")
	require.NoError(t, err)
	now, err := api.Postman(cfg.Brand, cfg.API)
	require.NoError(t, err)
	require.True(t, bytes.Equal(kept, now), "docs/postman.json is old: run make generate")
}
