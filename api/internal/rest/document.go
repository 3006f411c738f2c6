package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"go.yaml.in/yaml/v3"
)

// Config is Huma without what it does by itself: no routes, no $schema member, no Link
// header. The caller adds what its API is called and how one is let in.
func Config() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName), Responses: map[string]*huma.Response{},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// HeaderRef documents a header by its component.
func HeaderRef(name string) *huma.Param { return &huma.Param{Ref: "#/components/headers/" + name} }

// TextHeader documents a header with text in it.
func TextHeader(description, example string) *huma.Header {
	return &huma.Header{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
}

// NumberHeader documents a header with a whole number in it.
func NumberHeader(description string, example int) *huma.Header {
	return &huma.Header{Description: description, Schema: &huma.Schema{Type: huma.TypeInteger}, Example: example}
}

// schemaName calls the envelopes after what is in them.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if data, ok := strings.CutPrefix(name, "Success"); ok {
		return strings.TrimSuffix(strings.TrimSuffix(data, "Data"), "Answer") + "Answer"
	}
	return strings.TrimSuffix(name, "Answer")
}

// Document gives the OpenAPI document as indented JSON, in the OpenAPI version 3.1 or 3.0.
func (s *Service) Document(openapi string) ([]byte, error) {
	doc, err := documentJSON(s.Huma.OpenAPI(), openapi)
	if err != nil {
		return nil, err
	}
	var out any
	if err := json.Unmarshal(doc, &out); err != nil {
		return nil, fmt.Errorf("rest: document: %w", err)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("rest: document: %w", err)
	}
	return text.Bytes(), nil
}

func documentJSON(doc *huma.OpenAPI, openapi string) ([]byte, error) {
	switch openapi {
	case "3.1":
		return json.Marshal(doc)
	case "3.0":
		return downgrade(doc)
	}
	return nil, fmt.Errorf("rest: there is no OpenAPI version %q here (3.1 and 3.0)", openapi)
}

// downgrade writes the document as OpenAPI 3.0, which knows no type "null".
func downgrade(doc *huma.OpenAPI) ([]byte, error) {
	body, err := doc.Downgrade()
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, err
	}
	to30(v)
	return json.Marshal(v)
}

// to30 rewrites what 3.0 does not know: "this object or null", as a schema with anyOf says
// it, and words beside a reference.
func to30(v any) {
	switch v := v.(type) {
	case map[string]any:
		if either, ok := v["anyOf"].([]any); ok && len(either) == 2 {
			if null, ok := either[1].(map[string]any); ok && null["type"] == "null" {
				delete(v, "anyOf")
				v["allOf"], v["nullable"], v["type"] = either[:1], true, "object"
			}
		}
		if ref, ok := v["$ref"].(string); ok && len(v) > 1 {
			delete(v, "$ref")
			v["allOf"] = []any{map[string]any{"$ref": ref}}
		}
		for _, child := range v {
			to30(child)
		}
	case []any:
		for _, child := range v {
			to30(child)
		}
	}
}

// toYAML writes a JSON document as YAML.
func toYAML(doc []byte) ([]byte, error) {
	var v yaml.Node
	if err := yaml.Unmarshal(doc, &v); err != nil {
		return nil, fmt.Errorf("rest: yaml: %w", err)
	}
	blockStyle(&v)
	return yaml.Marshal(&v)
}

// blockStyle lays a document out as people write YAML.
func blockStyle(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		blockStyle(child)
	}
}
