package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/pkg/fault"
)

// success is the envelope of every answer that is not a refusal.
type success[T any] struct {
	OK   bool `json:"ok" enum:"true" doc:"Always true."`
	Data T    `json:"data"`
}

type answer[T any] struct{ Body success[T] }

// operation describes one route to merchants.
type operation struct {
	id, method, path string
	tag              string
	summary, text    string
	// refusals besides those that every route has.
	refusals []fault.Kind
	// body is a value of the type that documents the request's JSON; nil for none.
	body any
	// sends and gives are the examples of request and answer.
	sends, gives any
}

// everywhere are the refusals that any route may give.
func everywhere() []fault.Kind {
	return []fault.Kind{fault.Unauthorized, fault.Forbidden, fault.IPNotAllowed, fault.RateLimited, fault.Upstream, fault.Internal}
}

// answerTimeout bounds the work for one answer. What was committed by then stays;
// the same ref tells.
const answerTimeout = 20 * time.Second

// register adds a route whose answer is O inside the envelope.
func register[I, O any](s *server, op operation, handle func(context.Context, *I) (*O, error)) {
	h := s.describe(op, responseOf[O](s, op))
	huma.Register(s.huma, h, func(ctx context.Context, in *I) (*answer[O], error) {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, toFailure(ctx, err, s.deps.Log)
		}
		return &answer[O]{Body: success[O]{OK: true, Data: *out}}, nil
	})
	s.finish(op)
}

// stream is an answer that the handler writes itself.
type stream struct{ Body func(huma.Context) }

// registerStream adds a route whose answer is encoded already, or too long to be
// kept in memory; O documents it, and more adds what else it may answer.
func registerStream[I, O any](s *server, op operation, more func(*huma.Operation), handle func(context.Context, *I) (func(huma.Context), error)) {
	h := s.describe(op, responseOf[O](s, op))
	if more != nil {
		more(&h)
	}
	huma.Register(s.huma, h, func(ctx context.Context, in *I) (*stream, error) {
		write, err := handle(ctx, in)
		if err != nil {
			return nil, toFailure(ctx, err, s.deps.Log)
		}
		return &stream{Body: write}, nil
	})
	s.finish(op)
}

// responseOf documents success.
func responseOf[O any](s *server, op operation) *huma.Response {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[success[O]](), true, "")
	media := &huma.MediaType{Schema: schema}
	if op.gives != nil {
		media.Example = map[string]any{"ok": true, "data": op.gives}
	}
	return &huma.Response{
		Description: "Done.", Headers: knownHeaders(),
		Content: map[string]*huma.MediaType{"application/json": media},
	}
}

// describe makes Huma's operation of ours: all responses, each with its headers and an example.
func (s *server) describe(op operation, ok *huma.Response) huma.Operation {
	h := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: op.text,
		Tags: []string{op.tag}, Security: []map[string][]string{{"key": {}}},
		Responses: map[string]*huma.Response{"200": ok},
	}
	byStatus := map[int][]refusal{}
	for _, kind := range append(everywhere(), op.refusals...) {
		r := refusals(kind)
		byStatus[r.status] = append(byStatus[r.status], r)
	}
	for status, rs := range byStatus {
		h.Responses[strconv.Itoa(status)] = s.refusalRef(rs)
	}
	return h
}

// refusalRef gives the response that documents refusals of one status. Operations
// that may refuse in the same ways share it.
func (s *server) refusalRef(rs []refusal) *huma.Response {
	components := s.huma.OpenAPI().Components
	name := ""
	for _, r := range rs {
		name += r.name
	}
	if components.Responses[name] == nil {
		components.Responses[name] = s.refusalResponse(rs)
	}
	return &huma.Response{Ref: "#/components/responses/" + name}
}

func (s *server) refusalResponse(rs []refusal) *huma.Response {
	media := &huma.MediaType{
		Schema:   s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[failure](), true, ""),
		Examples: map[string]*huma.Example{},
	}
	out := &huma.Response{Headers: knownHeaders(), Content: map[string]*huma.MediaType{"application/json": media}}
	var meanings []string
	for _, r := range rs {
		meanings = append(meanings, "`"+r.code+"`: "+r.meaning)
		media.Examples[r.code] = &huma.Example{Summary: r.meaning, Value: exampleOf(r)}
		switch r.status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			out.Headers["Retry-After"] = headerRef("RetryAfter")
		case http.StatusMethodNotAllowed:
			out.Headers["Allow"] = headerRef("Allow")
		case http.StatusUnauthorized:
			// Nobody is known, so nobody's limit is told.
			out.Headers = map[string]*huma.Param{"X-Request-Id": headerRef("RequestId"), "WWW-Authenticate": headerRef("Authenticate")}
		}
	}
	out.Description = strings.Join(meanings, "\n\n")
	return out
}

// finish adds the body's schema to the document. Huma never sees it before, since
// it would decode and validate the body by it.
func (s *server) finish(op operation) {
	if op.body == nil {
		return
	}
	oapi := s.huma.OpenAPI()
	target := itemOf(oapi.Paths[op.path], op.method)
	media := &huma.MediaType{Schema: oapi.Components.Schemas.Schema(reflect.TypeOf(op.body), true, "")}
	switch sends := op.sends.(type) {
	case map[string]*huma.Example:
		media.Examples = sends
	default:
		media.Example = sends
	}
	target.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": media}}
}
