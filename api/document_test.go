package api

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
)

func brand() config.Brand {
	return config.Brand{Name: "Muara", KeyPrefix: "mra", IDPrefix: "MRA", Timezone: "Asia/Jakarta"}
}

func document(t *testing.T, version string) map[string]any {
	t.Helper()
	body, err := Document(brand(), config.API{}, version)
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, json.Unmarshal(body, &doc))
	return doc
}

func TestBothVersionsOfTheDocumentAreThere(t *testing.T) {
	t.Parallel()
	require.Equal(t, "3.1.0", document(t, "3.1")["openapi"])
	require.Equal(t, "3.0.3", document(t, "3.0")["openapi"])
	_, err := Document(brand(), config.API{}, "2.0")
	require.Error(t, err)
}

// operationsOf visits every operation of a document.
func operationsOf(doc map[string]any, visit func(name string, op map[string]any)) {
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			visit(strings.ToUpper(method)+" "+path, op.(map[string]any))
		}
	}
}

func TestEveryOperationIsDocumentedInFull(t *testing.T) {
	t.Parallel()
	n := 0
	doc := document(t, "3.1")
	shared := doc["components"].(map[string]any)["responses"].(map[string]any)
	operationsOf(doc, func(name string, op map[string]any) {
		n++
		require.NotEmpty(t, op["summary"], name)
		require.NotEmpty(t, op["description"], name)
		require.NotEmpty(t, op["operationId"], name)
		require.NotEmpty(t, op["security"], name)
		responses := op["responses"].(map[string]any)
		for _, status := range []string{"200", "401", "403", "429", "500", "503"} {
			require.Contains(t, responses, status, name)
		}
		for status, r := range responses {
			response := r.(map[string]any)
			if ref, ok := response["$ref"].(string); ok {
				response = shared[strings.TrimPrefix(ref, "#/components/responses/")].(map[string]any)
			}
			require.NotEmpty(t, response["description"], name+" "+status)
			require.Contains(t, response["headers"], "X-Request-Id", name+" "+status)
			if status == "304" {
				continue
			}
			media := response["content"].(map[string]any)["application/json"].(map[string]any)
			require.NotEmpty(t, media["schema"], name+" "+status)
			if status == "200" {
				require.NotEmpty(t, media["example"], name)
			} else {
				require.NotEmpty(t, media["examples"], name+" "+status)
			}
			if status == "429" || status == "503" {
				require.Contains(t, response["headers"], "Retry-After", name)
			}
			if status != "401" {
				require.Contains(t, response["headers"], "RateLimit-Remaining", name+" "+status)
			}
		}
		if body, ok := op["requestBody"].(map[string]any); ok {
			media := body["content"].(map[string]any)["application/json"].(map[string]any)
			require.NotEmpty(t, media["schema"], name)
			require.True(t, media["example"] != nil || media["examples"] != nil, name)
		}
	})
	require.Greater(t, n, 20)
}

func TestEveryReferenceInTheDocumentLeadsSomewhere(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.1", "3.0"} {
		doc := document(t, version)
		eachRef(doc, func(ref string) {
			at := any(doc)
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				next, ok := at.(map[string]any)[part]
				require.True(t, ok, ref)
				at = next
			}
		})
	}
}

func eachRef(v any, visit func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, child := range v {
			if ref, ok := child.(string); ok && k == "$ref" {
				visit(ref)
			}
			eachRef(child, visit)
		}
	case []any:
		for _, child := range v {
			eachRef(child, visit)
		}
	}
}

func TestTheOlderDocumentHasNoNewerWords(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(document(t, "3.0"))
	require.NoError(t, err)
	require.NotContains(t, string(body), `"type":"null"`)
	require.NotContains(t, string(body), `"type":[`)
}

func TestTheDocumentNamesNobodyElse(t *testing.T) {
	t.Parallel()
	body, err := Document(brand(), config.API{}, "3.1")
	require.NoError(t, err)
	for _, name := range []string{"upstream_ref", "provider", "huma"} { // brands: pkg/upstream/drivers
		require.NotContains(t, strings.ToLower(string(body)), name)
	}
}

func TestTheKeptDocumentsAreThoseOfThisAPI(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse(nil, config.Source{Env: func(string) (string, bool) { return "", false }})
	require.NoError(t, err)
	for version, file := range map[string]string{"3.1": "openapi.json", "3.0": "openapi-3.0.json"} {
		kept, err := os.ReadFile("../docs/" + file)
		require.NoError(t, err)
		now, err := Document(cfg.Brand, cfg.API, version)
		require.NoError(t, err)
		require.True(t, bytes.Equal(kept, now), "docs/%s is old: run make generate", file)
	}
}
