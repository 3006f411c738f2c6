package rest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/muarahq/muara/pkg/fault"
)

// Refusal is what a kind means over HTTP.
type Refusal struct {
	// Name is that of the response in the document.
	Name   string
	Status int
	Code   string
	// Meaning is for the document.
	Meaning string
}

const (
	codeInvalid  = "invalid_request"
	codeInternal = "internal_error"

	// SayInternal is all that a caller reads of what nobody classified.
	SayInternal = "internal error; asking again is safe"
)

// Common is what the kinds mean that every service refuses with in the same words; false for any other.
func Common(kind fault.Kind) (Refusal, bool) {
	switch kind {
	case fault.Invalid:
		return Refusal{"InvalidRequest", http.StatusBadRequest, codeInvalid, "The body or a parameter is wrong; `details` names the fields."}, true
	case fault.SlowBody:
		return Refusal{"SlowBody", http.StatusRequestTimeout, codeInvalid, "The body did not arrive in time."}, true
	case fault.TooLarge:
		return Refusal{"TooLarge", http.StatusRequestEntityTooLarge, codeInvalid, "The body is larger than 1 MiB, or than its route says."}, true
	case fault.RateLimited:
		return Refusal{"RateLimited", http.StatusTooManyRequests, "rate_limited", "Too many requests; `Retry-After` says when to go on."}, true
	case fault.MethodNotAllowed:
		return Refusal{"MethodNotAllowed", http.StatusMethodNotAllowed, "method_not_allowed", "The route exists, but not with this method; see `Allow`."}, true
	default:
		return Refusal{}, false
	}
}

// Failure is the body of every refusal.
type Failure struct {
	OK      bool      `json:"ok" enum:"false" doc:"Always false."`
	Message string    `json:"error" doc:"What is wrong, in words." example:"sku: is required"`
	Code    string    `json:"code" doc:"What is wrong, for programs."`
	Details []Problem `json:"details,omitempty" nullable:"false" doc:"What is wrong with single fields."`

	status int
	header http.Header
}

// Problem is what is wrong with one field.
type Problem struct {
	Field   string    `json:"field" example:"sku"`
	Message string    `json:"message" example:"is required"`
	Reason  string    `json:"reason,omitempty" enum:"closed,trouble,out_of_stock,cut_off,paused" doc:"Only with the code unavailable: why."`
	Until   *NullTime `json:"until,omitempty" doc:"Only with the code unavailable: until when, null while that is not known."`
	Ref     string    `json:"ref,omitempty" doc:"Only with the code duplicate_order: the earlier order's ref." example:"trx-0001"`
	Limit   string    `json:"limit,omitempty" enum:"per_order,per_day,withdraw_per_day" doc:"Only with the code limit_exceeded: which." example:"per_day"`
	Allowed *int64    `json:"allowed,omitempty" doc:"Only with the code limit_exceeded: rupiah of the limit." example:"5000000"`
	Left    *int64    `json:"left,omitempty" doc:"Only with the code limit_exceeded: rupiah that are left of it." example:"12500"`
}

// TransformSchema lets until be null, which a pointer that may be left out does not say by itself.
func (Problem) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["until"].Nullable = true
	return s
}

// NullTime is a time that is shown as null when it is zero.
type NullTime struct{ time.Time }

// MarshalJSON shows the time with its offset, or null.
func (t NullTime) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC())
}

// Schema says so to readers of the document.
func (NullTime) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}

// Error, GetStatus and GetHeaders let Huma answer with a failure.
func (f *Failure) Error() string { return f.Message }

// GetStatus is the HTTP status.
func (f *Failure) GetStatus() int { return f.status }

// GetHeaders are the headers besides those of every answer.
func (f *Failure) GetHeaders() http.Header { return f.header }

// failure puts an error into the words of the service. What nobody classified
// says nothing; its cause goes to the log.
func (s *Service) failure(ctx context.Context, err error) *Failure {
	f := s.Classify(err)
	r := s.Refusals(f.Kind)
	switch f.Kind {
	case fault.Internal:
		s.Log.ErrorContext(ctx, "request failed", "error", err)
	case fault.Upstream:
		if c := CallOf(ctx); c != nil {
			c.atSource = f.AtSource
		}
		s.Log.WarnContext(ctx, "request refused", slog.String("code", r.Code), "error", err)
	default:
	}
	out := &Failure{Message: f.Message, Code: r.Code, status: r.Status, header: http.Header{}}
	for _, d := range f.Details {
		p := Problem{Field: d.Field, Message: d.Message, Reason: d.Reason, Ref: d.Ref}
		if f.Kind == fault.Unavailable {
			p.Until = &NullTime{}
			if d.Until != nil {
				p.Until.Time = *d.Until
			}
		}
		if d.Limit != nil {
			p.Limit, p.Allowed, p.Left = d.Limit.Name, &d.Limit.Allowed, &d.Limit.Left
		}
		out.Details = append(out.Details, p)
	}
	if f.RetryAfter > 0 {
		out.header.Set("Retry-After", seconds(f.RetryAfter))
	}
	return out
}

// seconds rounds up to whole seconds, at least one.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(int64((d+time.Second-1)/time.Second), 1), 10)
}

// Refuse answers outside of Huma.
func (s *Service) Refuse(c *Call, err error) {
	f := s.failure(c.R.Context(), err)
	for k, v := range f.header {
		c.W.Header()[k] = v
	}
	c.W.Header().Set("Content-Type", "application/json")
	c.W.Header().Del("Content-Encoding")
	c.W.WriteHeader(f.status)
	enc := json.NewEncoder(c.W)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(f) //nolint:errchkjson // its one marshaler writes a time or null; the caller may have hung up
}

// sayRequired is what Huma says of a field that is not there, before the field's name. It
// puts that problem at the object which should have the field.
const sayRequired = "is required: "

var humaErrors sync.Once //nolint:gochecknoglobals // guards what is set here, which is global itself

// useFailures makes Huma refuse in our words. Huma keeps this in globals, so it is
// set once for the process, before anything is registered.
func useFailures() {
	humaErrors.Do(func() {
		validation.MsgExpectedRequiredProperty = sayRequired + "%s"
		huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
			return fromHuma(status, message, errs)
		}
	})
}

func fromHuma(status int, message string, errs []error) *Failure {
	f := &Failure{Message: message, Code: codeInvalid, status: status}
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		f.status = http.StatusBadRequest
	case http.StatusRequestTimeout, http.StatusRequestEntityTooLarge:
	default:
		f.Message, f.Code, f.status = SayInternal, codeInternal, http.StatusInternalServerError
	}
	for _, err := range errs {
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			continue
		}
		f.Details = append(f.Details, problemOf(d))
	}
	if len(f.Details) > 0 {
		f.Message = f.Details[0].Field + ": " + f.Details[0].Message
	}
	return f
}

// problemOf names the field as a caller knows it: Huma's locations are "query.limit", and
// "body" for what the body as a whole lacks or is.
func problemOf(d *huma.ErrorDetail) Problem {
	_, field, inside := strings.Cut(d.Location, ".")
	name, missing := strings.CutPrefix(d.Message, sayRequired)
	switch {
	case missing && inside:
		return Problem{Field: field + "." + name, Message: "is required"}
	case missing:
		return Problem{Field: name, Message: "is required"}
	case !inside:
		field = d.Location
	}
	return Problem{Field: field, Message: d.Message}
}
