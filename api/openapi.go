package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"go.yaml.in/yaml/v3"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/order"
)

type (
	registry = huma.Registry
	schema   = huma.Schema
)

// apiVersion is the contract's, not the program's: it moves when the contract does.
const apiVersion = "1.0.0"

// Document gives the OpenAPI document of the merchant API as JSON, in the OpenAPI version 3.1 or 3.0.
func Document(brand config.Brand, listen config.API, openapi string) ([]byte, error) {
	s := New(Deps{Brand: brand, Listen: listen})
	doc, err := documentJSON(s.huma.OpenAPI(), openapi)
	if err != nil {
		return nil, err
	}
	var out any
	if err := json.Unmarshal(doc, &out); err != nil {
		return nil, fmt.Errorf("api: document: %w", err)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("api: document: %w", err)
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
	return nil, fmt.Errorf("api: there is no OpenAPI version %q here (3.1 and 3.0)", openapi)
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
	nullTo30(v)
	return json.Marshal(v)
}

// nullTo30 rewrites "this object or null", as [nullable] makes it.
func nullTo30(v any) {
	switch v := v.(type) {
	case map[string]any:
		if either, ok := v["anyOf"].([]any); ok && len(either) == 2 {
			if null, ok := either[1].(map[string]any); ok && null["type"] == "null" {
				delete(v, "anyOf")
				v["allOf"], v["nullable"] = either[:1], true
			}
		}
		for _, child := range v {
			nullTo30(child)
		}
	case []any:
		for _, child := range v {
			nullTo30(child)
		}
	}
}

// loosen makes the schemas say what the contract does: a body may have fields that
// nobody knows, an answer may get more, and an enumeration that may be null has null in it.
func loosen(doc *huma.OpenAPI) {
	for _, s := range doc.Components.Schemas.Map() {
		s.AdditionalProperties = nil
		for _, p := range s.Properties {
			if p.Nullable && len(p.Enum) > 0 {
				p.Enum = append(p.Enum, nil)
			}
		}
	}
}

// humaConfig is Huma without what it does by itself: no routes, no $schema
// member, no Link header; unknown fields are nobody's business.
func humaConfig(deps Deps) huma.Config {
	name := deps.Brand.Name
	base := strings.TrimSuffix(deps.Listen.PublicURL, "/")
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: name + " API", Version: apiVersion,
				Description: textIntroduction(deps.Brand),
			},
			Servers: []*huma.Server{
				{URL: base + "/api/v1", Description: "The API."},
				{URL: base + "/v1", Description: "The same routes again."},
			},
			Tags: []*huma.Tag{
				{Name: tagOrders, Description: "Place orders and follow them."},
				{Name: tagCatalog, Description: "What can be ordered, at which price. Answers carry an `ETag`: ask with `If-None-Match` and get 304 while nothing changed."},
				{Name: tagMoney, Description: "Money in and out: top the balance up, have it paid out."},
				{Name: tagAccount, Description: "The merchant, its balance and what moved it."},
				{Name: tagWebhooks, Description: "Where events go."},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				Headers: componentHeaders(), Responses: map[string]*huma.Response{},
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key": {
						Type: "http", Scheme: "bearer",
						Description: "`Authorization: Bearer " + deps.Brand.KeyPrefix + "_live_…`. A `" + deps.Brand.KeyPrefix + "_test_…` key works on its own balance and never touches live orders.",
					},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// schemaName calls the envelopes after what is in them.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if data, ok := strings.CutPrefix(name, "Success"); ok {
		return strings.TrimSuffix(strings.TrimSuffix(data, "Data"), "Answer") + "Answer"
	}
	return strings.TrimSuffix(name, "Answer")
}

func headerRef(name string) *huma.Param { return &huma.Param{Ref: "#/components/headers/" + name} }

// knownHeaders are on every answer to a known merchant.
func knownHeaders() map[string]*huma.Param {
	return map[string]*huma.Param{
		"X-Request-Id":        headerRef("RequestId"),
		"RateLimit-Limit":     headerRef("RateLimitLimit"),
		"RateLimit-Remaining": headerRef("RateLimitRemaining"),
		"RateLimit-Reset":     headerRef("RateLimitReset"),
	}
}

func componentHeaders() map[string]*huma.Header {
	text := func(description, example string) *huma.Header {
		return &huma.Header{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
	}
	number := func(description string, example int) *huma.Header {
		return &huma.Header{Description: description, Schema: &huma.Schema{Type: huma.TypeInteger}, Example: example}
	}
	return map[string]*huma.Header{
		"RequestId":          text("The caller's X-Request-Id if it is 1 to 128 of A-Z a-z 0-9 . _ -, else ours.", "req-81f3"),
		"RateLimitLimit":     number("Requests that are allowed in any 60 seconds.", 120),
		"RateLimitRemaining": number("How many are left now.", 117),
		"RateLimitReset":     number("Seconds until one more is allowed, when none is left; else until the full number is back.", 42),
		"RetryAfter":         number("Seconds to wait before asking again.", 5),
		"ETag":               text("Names this answer in this encoding.", `"q1Vbx0jWm7Vx2c"`),
		"Vary":               text("Always Accept-Encoding.", "Accept-Encoding"),
		"Allow":              text("The methods that the route takes.", "GET, HEAD"),
		"Authenticate":       text("Always Bearer.", "Bearer"),
	}
}

// orderSchema is one of the four shapes of an order.
func orderSchema(r registry) *schema {
	shapes := []reflect.Type{
		reflect.TypeFor[order.PPOBView](), reflect.TypeFor[order.SMMView](), reflect.TypeFor[order.OTPView](), reflect.TypeFor[order.ProductView](),
	}
	out := &schema{Description: "The shape follows the category."}
	for _, t := range shapes {
		out.OneOf = append(out.OneOf, r.Schema(t, true, ""))
	}
	return out
}

func withOrder(r registry, s *schema) *schema {
	s.Properties["order"] = orderSchema(r)
	return s
}

// nullable lets a property that is an object be null, too.
func nullable(s *schema, property string) *schema {
	was := s.Properties[property]
	s.Properties[property] = &schema{Description: was.Description, AnyOf: []*schema{{Ref: was.Ref}, {Type: "null"}}}
	return s
}

// itemOf finds the operation of a method in a path's item.
func itemOf(item *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodPost:
		return item.Post
	case http.MethodPut:
		return item.Put
	}
	return item.Get
}

func itoa(n int) string { return strconv.Itoa(n) }

// toYAML writes a JSON document as YAML.
func toYAML(doc []byte) ([]byte, error) {
	var v yaml.Node
	if err := yaml.Unmarshal(doc, &v); err != nil {
		return nil, fmt.Errorf("api: yaml: %w", err)
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
