package rest

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/pkg/fault"
)

// Options are what makes an API of a [Service].
type Options struct {
	// Config is Huma's, as [Config] makes it.
	Config huma.Config
	// Refusals says what a kind means here, and Classify gives an error its kind. Everywhere
	// are the kinds that any route may refuse with.
	Refusals   func(fault.Kind) Refusal
	Classify   func(error) *fault.Error
	Everywhere []fault.Kind
	// Headers are those of every answer to a known caller, by name and the component that
	// documents them; Example shows a refusal.
	Headers map[string]string
	Example func(Refusal) Failure
	// Security is the scheme that every route asks for.
	Security string
	// Strict refuses fields that a body does not have.
	Strict  bool
	Log     *slog.Logger
	Metrics *Metrics
	Tracer  oteltrace.Tracer
}

// Service is one API over HTTP.
type Service struct {
	Options
	Huma   huma.API
	router *Router
}

// New makes a service without routes.
func New(o Options) *Service {
	useFailures()
	router := &Router{}
	return &Service{Options: o, router: router, Huma: huma.NewAPI(o.Config, humago.NewAdapter(router, ""))}
}

// Success is the envelope of every answer that is not a refusal.
type Success[T any] struct {
	OK   bool `json:"ok" enum:"true" doc:"Always true."`
	Data T    `json:"data"`
}

// Answer is what a handler's result is wrapped in.
type Answer[T any] struct{ Body Success[T] }

// Operation describes one route to whoever calls it.
type Operation struct {
	ID, Method, Path string
	Tag              string
	Summary, Text    string
	// Refusals besides those that every route has.
	Refusals []fault.Kind
	// Body is a value of the type that documents the request's JSON where Huma does not
	// decode it; nil for none.
	Body any
	// MaxBody bounds the request's body in bytes; zero is Huma's own bound, 1 MiB within 5 s.
	MaxBody int64
	// Sends and Gives are the examples of request and answer.
	Sends, Gives any
}

// slowest is how many bytes a second of a large body have to come: its time is by its bound.
const slowest = 256 << 10

// AnswerTimeout bounds the work for one answer. What was committed by then stays.
const AnswerTimeout = 20 * time.Second

// Register adds a route whose answer is O inside the envelope.
func Register[I, O any](s *Service, op Operation, handle func(context.Context, *I) (*O, error)) {
	huma.Register(s.Huma, s.describe(op, responseOf[O](s, op)), func(ctx context.Context, in *I) (*Answer[O], error) {
		ctx, cancel := context.WithTimeout(ctx, AnswerTimeout)
		defer cancel()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.failure(ctx, err)
		}
		return &Answer[O]{Body: Success[O]{OK: true, Data: *out}}, nil
	})
	s.finish(op)
}

// stream is an answer that the handler writes itself.
type stream struct{ Body func(huma.Context) }

// RegisterStream adds a route whose answer is encoded already, or too long to be
// kept in memory; O documents it, and more adds what else it may answer.
func RegisterStream[I, O any](s *Service, op Operation, more func(*huma.Operation), handle func(context.Context, *I) (func(huma.Context), error)) {
	h := s.describe(op, responseOf[O](s, op))
	if more != nil {
		more(&h)
	}
	huma.Register(s.Huma, h, func(ctx context.Context, in *I) (*stream, error) {
		write, err := handle(ctx, in)
		if err != nil {
			return nil, s.failure(ctx, err)
		}
		return &stream{Body: write}, nil
	})
	s.finish(op)
}

// responseOf documents success.
func responseOf[O any](s *Service, op Operation) *huma.Response {
	schema := s.Huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Success[O]](), true, "")
	media := &huma.MediaType{Schema: schema}
	if op.Gives != nil {
		media.Example = map[string]any{"ok": true, "data": op.Gives}
	}
	return &huma.Response{
		Description: "Done.", Headers: s.KnownHeaders(),
		Content: map[string]*huma.MediaType{"application/json": media},
	}
}

// KnownHeaders documents the headers of every answer to a known caller.
func (s *Service) KnownHeaders() map[string]*huma.Param {
	out := map[string]*huma.Param{}
	for name, component := range s.Headers {
		out[name] = HeaderRef(component)
	}
	return out
}

// describe makes Huma's operation of ours: all responses, each with its headers and an example.
func (s *Service) describe(op Operation, ok *huma.Response) huma.Operation {
	h := huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Text,
		Tags: []string{op.Tag}, MaxBodyBytes: op.MaxBody, BodyReadTimeout: time.Duration(op.MaxBody/slowest) * time.Second, Security: []map[string][]string{{s.Security: {}}},
		Responses: map[string]*huma.Response{"200": ok},
	}
	byStatus := map[int][]Refusal{}
	for _, kind := range append(s.Everywhere[:len(s.Everywhere):len(s.Everywhere)], op.Refusals...) {
		r := s.Refusals(kind)
		byStatus[r.Status] = append(byStatus[r.Status], r)
	}
	for status, rs := range byStatus {
		h.Responses[strconv.Itoa(status)] = s.refusalRef(rs)
	}
	return h
}

// refusalRef gives the response that documents refusals of one status. Operations
// that may refuse in the same ways share it.
func (s *Service) refusalRef(rs []Refusal) *huma.Response {
	components := s.Huma.OpenAPI().Components
	name := ""
	for _, r := range rs {
		name += r.Name
	}
	if components.Responses[name] == nil {
		components.Responses[name] = s.refusalResponse(rs)
	}
	return &huma.Response{Ref: "#/components/responses/" + name}
}

func (s *Service) refusalResponse(rs []Refusal) *huma.Response {
	media := &huma.MediaType{
		Schema:   s.Huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Failure](), true, ""),
		Examples: map[string]*huma.Example{},
	}
	out := &huma.Response{Headers: s.KnownHeaders(), Content: map[string]*huma.MediaType{"application/json": media}}
	var meanings []string
	for _, r := range rs {
		meanings = append(meanings, "`"+r.Code+"`: "+r.Meaning)
		media.Examples[r.Code] = &huma.Example{Summary: r.Meaning, Value: s.Example(r)}
		switch r.Status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			out.Headers["Retry-After"] = HeaderRef("RetryAfter")
		case http.StatusMethodNotAllowed:
			out.Headers["Allow"] = HeaderRef("Allow")
		case http.StatusUnauthorized:
			// Nobody is known, so nobody's limit is told.
			out.Headers = map[string]*huma.Param{"X-Request-Id": HeaderRef("RequestId"), "WWW-Authenticate": HeaderRef("Authenticate")}
		}
	}
	out.Description = strings.Join(meanings, "\n\n")
	return out
}

// finish adds the body's schema to the document. Huma never sees it before, since
// it would decode and validate the body by it.
func (s *Service) finish(op Operation) {
	if op.Body == nil {
		return
	}
	oapi := s.Huma.OpenAPI()
	target := Operations(oapi.Paths[op.Path])[op.Method]
	media := &huma.MediaType{Schema: oapi.Components.Schemas.Schema(reflect.TypeOf(op.Body), true, "")}
	switch sends := op.Sends.(type) {
	case map[string]*huma.Example:
		media.Examples = sends
	default:
		media.Example = sends
	}
	target.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": media}}
}

// Close ends registration: the schemas say from now on what the contract does. A body may
// have fields that nobody knows unless the service is strict, an answer may get more, and
// an enumeration that may be null has null in it. codes are all that a refusal may carry.
func (s *Service) Close(codes ...string) {
	schemas := s.Huma.OpenAPI().Components.Schemas.Map()
	bodies := s.bodies()
	for name, schema := range schemas {
		if !s.Strict || !bodies[name] {
			schema.AdditionalProperties = nil
		}
		s.quoted(name, schema)
		for _, p := range schema.Properties {
			if p.Nullable && len(p.Enum) > 0 {
				p.Enum = append(p.Enum, nil)
			}
		}
	}
	if failure := schemas["Failure"]; failure != nil {
		for _, code := range codes {
			failure.Properties["code"].Enum = append(failure.Properties["code"].Enum, code)
		}
	}
}

// quoted documents numbers that are written as text, which Huma does not see.
func (s *Service) quoted(name string, schema *huma.Schema) {
	t := s.Huma.OpenAPI().Components.Schemas.TypeFromRef("#/components/schemas/" + name)
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	for _, field := range reflect.VisibleFields(t) {
		if property, ok := strings.CutSuffix(field.Tag.Get("json"), ",string"); ok && schema.Properties[property] != nil {
			p := schema.Properties[property]
			p.Type, p.Format = huma.TypeString, ""
		}
	}
}

// bodies are the schemas that requests are sent in.
func (s *Service) bodies() map[string]bool {
	out := map[string]bool{}
	for _, item := range s.Huma.OpenAPI().Paths {
		for _, op := range Operations(item) {
			if op.RequestBody != nil {
				for _, media := range op.RequestBody.Content {
					out[path.Base(media.Schema.Ref)] = true
				}
			}
		}
	}
	return out
}

// Operations are the operations of a path's item by their method.
func Operations(item *huma.PathItem) map[string]*huma.Operation {
	out := map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}
	maps.DeleteFunc(out, func(_ string, op *huma.Operation) bool { return op == nil })
	return out
}
