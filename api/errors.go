package api

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

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/withdraw"
)

// refusal is what a kind means over HTTP.
type refusal struct {
	// name is that of the response in the document.
	name   string
	status int
	code   string
	// meaning is for the document.
	meaning string
}

// refusals is the one table of refusals.
func refusals(kind fault.Kind) refusal {
	switch kind {
	case fault.Invalid:
		return refusal{"InvalidRequest", http.StatusBadRequest, "invalid_request", "The body or a parameter is wrong; `details` names the fields."}
	case fault.SlowBody:
		return refusal{"SlowBody", http.StatusRequestTimeout, "invalid_request", "The body did not arrive in time."}
	case fault.TooLarge:
		return refusal{"TooLarge", http.StatusRequestEntityTooLarge, "invalid_request", "The body is larger than 1 MiB."}
	case fault.Unauthorized:
		return refusal{"Unauthorized", http.StatusUnauthorized, "unauthorized", "The API key is missing, wrong or revoked."}
	case fault.Forbidden:
		return refusal{"Forbidden", http.StatusForbidden, "forbidden", "The merchant is suspended."}
	case fault.IPNotAllowed:
		return refusal{"IPNotAllowed", http.StatusForbidden, "ip_not_allowed", "The caller's address is not on the merchant's list."}
	case fault.RateLimited:
		return refusal{"RateLimited", http.StatusTooManyRequests, "rate_limited", "Too many requests; `Retry-After` says when to go on."}
	case fault.NotFound:
		return refusal{"NotFound", http.StatusNotFound, "not_found", "There is no such product, order, deposit, withdrawal or route."}
	case fault.MethodNotAllowed:
		return refusal{"MethodNotAllowed", http.StatusMethodNotAllowed, "method_not_allowed", "The route exists, but not with this method; see `Allow`."}
	case fault.RefConflict:
		return refusal{"RefConflict", http.StatusConflict, "ref_conflict", "The `ref` was used with other content."}
	case fault.NotCancelable:
		return refusal{"NotCancelable", http.StatusConflict, "not_cancelable", "The order or deposit can no longer be canceled, or never could."}
	case fault.NotAvailable:
		return refusal{"NotAvailable", http.StatusConflict, "not_available", "The action does not apply to this order now."}
	case fault.InquiryRequired:
		return refusal{"InquiryRequired", http.StatusConflict, "inquiry_required", "The product is a bill: it is paid after an inquiry."}
	case fault.InquiryExpired:
		return refusal{"InquiryExpired", http.StatusGone, "inquiry_expired", "What was inquired can no longer be paid: ask for the bill anew."}
	case fault.BillNotFound:
		return refusal{"BillNotFound", http.StatusUnprocessableEntity, "bill_not_found", "The customer owes nothing, or is not known."}
	case fault.Unavailable:
		return refusal{"Unavailable", http.StatusUnprocessableEntity, "unavailable", "The SKU is known but cannot be bought now; `details` says why and until when."}
	case fault.PriceChanged:
		return refusal{"PriceChanged", http.StatusUnprocessableEntity, "price_changed", "Our price is above the request's `max_price`."}
	case fault.InsufficientBalance:
		return refusal{"InsufficientBalance", http.StatusPaymentRequired, "insufficient_balance", "The balance does not hold the price. Nothing was kept: the same `ref` may be sent again."}
	case fault.Upstream:
		return refusal{"UpstreamError", http.StatusServiceUnavailable, "upstream_error", "The service cannot answer now. Nothing was kept unless the same `ref` answers otherwise; `Retry-After` says when to ask again."}
	case fault.Internal:
	}
	return refusal{"InternalError", http.StatusInternalServerError, "internal_error", "Our own fault. Asking again with the same `ref` is safe."}
}

// failure is the body of every refusal.
type failure struct {
	OK      bool      `json:"ok" enum:"false" doc:"Always false."`
	Message string    `json:"error" doc:"What is wrong, in words." example:"sku: is required"`
	Code    string    `json:"code" doc:"What is wrong, for programs." enum:"invalid_request,unauthorized,forbidden,ip_not_allowed,rate_limited,not_found,method_not_allowed,ref_conflict,not_cancelable,not_available,inquiry_required,inquiry_expired,bill_not_found,unavailable,price_changed,insufficient_balance,upstream_error,internal_error"`
	Details []problem `json:"details,omitempty" nullable:"false" doc:"What is wrong with single fields."`

	status int
	header http.Header
}

// problem is what is wrong with one field.
type problem struct {
	Field   string    `json:"field" example:"sku"`
	Message string    `json:"message" example:"is required"`
	Reason  string    `json:"reason,omitempty" enum:"closed,trouble,out_of_stock,cut_off,paused" doc:"Only with the code unavailable: why."`
	Until   *nullTime `json:"until,omitempty" doc:"Only with the code unavailable: until when, null while that is not known."`
}

// TransformSchema lets until be null, which a pointer that may be left out does not say by itself.
func (problem) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["until"].Nullable = true
	return s
}

// nullTime is a time that is shown as null when it is zero.
type nullTime struct{ time.Time }

// MarshalJSON shows the time with its offset, or null.
func (t nullTime) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC())
}

// Schema says so to readers of the document.
func (nullTime) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}

// Error, GetStatus and GetHeaders let Huma answer with a failure.
func (f *failure) Error() string           { return f.Message }
func (f *failure) GetStatus() int          { return f.status }
func (f *failure) GetHeaders() http.Header { return f.header }

// toFailure puts an error into the words of the contract. What nobody classified
// says nothing; its cause goes to the log.
func toFailure(ctx context.Context, err error, log *slog.Logger) *failure {
	f := classify(err)
	r := refusals(f.Kind)
	switch f.Kind {
	case fault.Internal:
		log.ErrorContext(ctx, "request failed", "error", err)
	case fault.Upstream:
		log.WarnContext(ctx, "request refused", "code", r.code, "error", err)
	default:
	}
	out := &failure{Message: f.Message, Code: r.code, status: r.status, header: http.Header{}}
	for _, d := range f.Details {
		p := problem{Field: d.Field, Message: d.Message, Reason: d.Reason}
		if f.Kind == fault.Unavailable {
			p.Until = &nullTime{}
			if d.Until != nil {
				p.Until.Time = *d.Until
			}
		}
		out.Details = append(out.Details, p)
	}
	if f.RetryAfter > 0 {
		out.header.Set("Retry-After", seconds(f.RetryAfter))
	}
	return out
}

// retryDeposit is what a merchant is asked to wait when no gateway gave an invoice.
const retryDeposit = 15 * time.Second

// retryUpstream is what a 503 without a better idea asks a merchant to wait.
const retryUpstream = 5 * time.Second

func classify(err error) *fault.Error {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
	case errors.Is(err, order.ErrConflict):
		f = fault.New(fault.RefConflict, "this ref was used with other content")
	case errors.Is(err, order.ErrInsufficient):
		f = fault.New(fault.InsufficientBalance, "the balance is not sufficient")
	case errors.Is(err, order.ErrLinkBusy):
		f = fault.New(fault.NotAvailable, "an order for this target is still open at this service; wait until it has ended")
		f.Details = []fault.Detail{{Field: "target", Message: "an order for it is still open at this service"}}
	case errors.Is(err, inquiry.ErrConflict):
		f = fault.New(fault.RefConflict, "this ref was used with other content")
	case errors.Is(err, order.ErrInquiryExpired):
		f = fault.New(fault.InquiryExpired, "the inquiry has expired; ask for the bill anew")
	case errors.Is(err, order.ErrNotFound):
		f = fault.New(fault.NotFound, "there is no such order")
	case errors.Is(err, order.ErrNotCancelable):
		f = fault.New(fault.NotCancelable, "this order cannot be canceled")
	case errors.Is(err, withdraw.ErrConflict):
		f = fault.New(fault.RefConflict, "this ref was used with other content")
	case errors.Is(err, withdraw.ErrInsufficient):
		f = fault.New(fault.InsufficientBalance, "the balance does not hold amount and fee")
	case errors.Is(err, withdraw.ErrNotFound):
		f = fault.New(fault.NotFound, "there is no such withdrawal")
	case errors.Is(err, deposit.ErrConflict):
		f = fault.New(fault.RefConflict, "this ref was used with another amount")
	case errors.Is(err, deposit.ErrNotFound):
		f = fault.New(fault.NotFound, "there is no such deposit")
	case errors.Is(err, deposit.ErrNotCancelable):
		f = fault.New(fault.NotCancelable, "this deposit is no longer pending")
	case errors.Is(err, deposit.ErrNoGateway):
		f = fault.New(fault.Upstream, "no payment code can be made at the moment; asking again is safe").After(retryDeposit).Because(err)
	case errors.Is(err, order.ErrNotAvailable):
		f = fault.New(fault.NotAvailable, "this action does not apply to the order now")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, order.ErrStale), errors.Is(err, inquiry.ErrStale),
		errors.Is(err, order.ErrInquiredAnew):
		f = fault.New(fault.Upstream, "no answer in time; asking again is safe").After(time.Second)
	default:
		f = fault.New(fault.Internal, "internal error; asking again is safe")
	}
	if f.Kind == fault.Upstream && f.RetryAfter == 0 {
		f.RetryAfter = retryUpstream
	}
	return f
}

// seconds rounds up to whole seconds, at least one.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(int64((d+time.Second-1)/time.Second), 1), 10)
}

// writeFailure answers outside of Huma.
func writeFailure(w http.ResponseWriter, f *failure) {
	for k, v := range f.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Del("Content-Encoding")
	w.WriteHeader(f.status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(f) //nolint:errchkjson // its one marshaler writes a time or null; the caller may have hung up
}

var humaErrors sync.Once //nolint:gochecknoglobals // guards huma.NewError, which is global itself

// useFailures makes Huma refuse in the words of the contract. Huma keeps this in
// a global, so it is set once for the process, before anything is registered.
func useFailures() {
	humaErrors.Do(func() {
		huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
			return fromHuma(status, message, errs)
		}
	})
}

func fromHuma(status int, message string, errs []error) *failure {
	r := refusals(fault.Internal)
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		r = refusals(fault.Invalid)
	default:
		message = "internal error; asking again is safe"
	}
	f := &failure{Message: message, Code: r.code, status: r.status}
	for _, err := range errs {
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			continue
		}
		// Locations are "query.limit"; a merchant knows the field as "limit".
		_, field, found := strings.Cut(d.Location, ".")
		if !found {
			field = d.Location
		}
		f.Details = append(f.Details, problem{Field: field, Message: d.Message})
	}
	if len(f.Details) > 0 {
		f.Message = f.Details[0].Field + ": " + f.Details[0].Message
	}
	return f
}
