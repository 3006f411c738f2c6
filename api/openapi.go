package api

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/api/internal/rest"
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
	return s.rest.Document(openapi)
}

// humaConfig says what the API is called, where it is and how one is let in.
func humaConfig(deps Deps) huma.Config {
	base := strings.TrimSuffix(deps.Listen.PublicURL, "/")
	out := rest.Config()
	out.Info = &huma.Info{Title: deps.Brand.Name + " API", Version: apiVersion, Description: textIntroduction(deps.Brand)}
	out.Servers = []*huma.Server{
		{URL: base + "/api/v1", Description: "The API."},
		{URL: base + "/v1", Description: "The same routes again."},
	}
	out.Tags = []*huma.Tag{
		{Name: tagOrders, Description: "Place orders and follow them."},
		{Name: tagCatalog, Description: "What can be ordered, at which price. Answers carry an `ETag`: ask with `If-None-Match` and get 304 while nothing changed."},
		{Name: tagMoney, Description: "Money in and out: top the balance up, have it paid out."},
		{Name: tagAccount, Description: "The merchant, its balance and what moved it."},
		{Name: tagChecks, Description: "Look accounts up before paying to them."},
		{Name: tagWebhooks, Description: "Where events go."},
	}
	out.Components.Headers = componentHeaders()
	out.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {
			Type: "http", Scheme: "bearer",
			Description: "`Authorization: Bearer " + deps.Brand.KeyPrefix + "_live_…`. A `" + deps.Brand.KeyPrefix + "_test_…` key works on its own balance and never touches live orders.",
		},
	}
	return out
}

// knownHeaders are on every answer to a known merchant.
func knownHeaders() map[string]string {
	return map[string]string{
		"X-Request-Id": "RequestId", "RateLimit-Limit": "RateLimitLimit", "RateLimit-Remaining": "RateLimitRemaining", "RateLimit-Reset": "RateLimitReset",
	}
}

func componentHeaders() map[string]*huma.Header {
	return map[string]*huma.Header{
		"RequestId":          rest.TextHeader("The caller's X-Request-Id if it is 1 to 128 of A-Z a-z 0-9 . _ -, else ours.", "req-81f3"),
		"RateLimitLimit":     rest.NumberHeader("Requests that are allowed in any 60 seconds.", 120),
		"RateLimitRemaining": rest.NumberHeader("How many are left now.", 117),
		"RateLimitReset":     rest.NumberHeader("Seconds until one more is allowed, when none is left; else until the full number is back.", 42),
		"RetryAfter":         rest.NumberHeader("Seconds to wait before asking again.", 5),
		"ETag":               rest.TextHeader("Names this answer in this encoding.", `"q1Vbx0jWm7Vx2c"`),
		"Vary":               rest.TextHeader("Always Accept-Encoding.", "Accept-Encoding"),
		"Authenticate":       rest.TextHeader("Always Bearer.", "Bearer"),
	}
}

// orderSchema is one of the four shapes of an order, told apart by the category.
func orderSchema(r registry) *schema {
	out := &schema{Description: "The shape follows the category.", Discriminator: &huma.Discriminator{PropertyName: "category", Mapping: map[string]string{}}}
	for _, shape := range []struct {
		category order.Category
		of       reflect.Type
	}{
		{order.PPOB, reflect.TypeFor[order.PPOBView]()}, {order.SMM, reflect.TypeFor[order.SMMView]()},
		{order.OTP, reflect.TypeFor[order.OTPView]()}, {order.Product, reflect.TypeFor[order.ProductView]()},
	} {
		ref := r.Schema(shape.of, true, "")
		properties := r.SchemaFromRef(ref.Ref).Properties
		category := *properties["category"]
		category.Enum, category.Examples = []any{shape.category}, []any{shape.category}
		properties["category"] = &category
		out.OneOf = append(out.OneOf, ref)
		out.Discriminator.Mapping[string(shape.category)] = ref.Ref
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

func itoa(n int) string { return strconv.Itoa(n) }

// The cursors of the lists.
const (
	cursorOrders      rest.CursorKind = 'o'
	cursorMutations   rest.CursorKind = 'm'
	cursorDeliveries  rest.CursorKind = 'd'
	cursorDeposits    rest.CursorKind = 'i'
	cursorWithdrawals rest.CursorKind = 'w'
	cursorStatement   rest.CursorKind = 's'
)
