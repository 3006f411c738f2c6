package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/rule"
	"github.com/muarahq/muara/pkg/withdraw"
)

// everywhere are the refusals that any route may give.
func everywhere() []fault.Kind {
	return []fault.Kind{fault.Unauthorized, fault.Forbidden, fault.IPNotAllowed, fault.RateLimited, fault.Upstream, fault.Internal}
}

// codes are all that a refusal may carry.
func codes() []string {
	return []string{
		"invalid_request", "unauthorized", "forbidden", "ip_not_allowed", "rate_limited", "not_found", "method_not_allowed", "ref_conflict", "duplicate_order", "not_cancelable",
		"not_available", "inquiry_required", "inquiry_expired", "bill_not_found", "unavailable", "price_changed", "limit_exceeded", "insufficient_balance", "upstream_error",
		"internal_error",
	}
}

// refusals is the one table of refusals.
func refusals(kind fault.Kind) rest.Refusal {
	if r, ok := rest.Common(kind); ok {
		return r
	}
	switch kind {
	case fault.Unauthorized:
		return rest.Refusal{Name: "Unauthorized", Status: http.StatusUnauthorized, Code: "unauthorized", Meaning: "The API key is missing, wrong or revoked."}
	case fault.Forbidden:
		return rest.Refusal{Name: "Forbidden", Status: http.StatusForbidden, Code: "forbidden", Meaning: "The merchant is suspended."}
	case fault.IPNotAllowed:
		return rest.Refusal{Name: "IPNotAllowed", Status: http.StatusForbidden, Code: "ip_not_allowed", Meaning: "The caller's address is not on the merchant's list."}
	case fault.NotFound:
		return rest.Refusal{Name: "NotFound", Status: http.StatusNotFound, Code: "not_found", Meaning: "There is no such product, order, deposit, withdrawal or route."}
	case fault.RefConflict:
		return rest.Refusal{Name: "RefConflict", Status: http.StatusConflict, Code: "ref_conflict", Meaning: "The `ref` was used with other content."}
	case fault.DuplicateOrder:
		return rest.Refusal{Name: "DuplicateOrder", Status: http.StatusConflict, Code: "duplicate_order", Meaning: "The same SKU was ordered for the same customer or target within " +
			"`duplicate_guard_minutes` of your settings; `details` names that order's `ref`. Nothing was kept: the same `ref` may be sent again, with `allow_duplicate` if it is meant."}
	case fault.NotCancelable:
		return rest.Refusal{Name: "NotCancelable", Status: http.StatusConflict, Code: "not_cancelable", Meaning: "The order or deposit can no longer be canceled, or never could."}
	case fault.NotAvailable:
		return rest.Refusal{Name: "NotAvailable", Status: http.StatusConflict, Code: "not_available", Meaning: "The action does not apply to this order now."}
	case fault.InquiryRequired:
		return rest.Refusal{Name: "InquiryRequired", Status: http.StatusConflict, Code: "inquiry_required", Meaning: "The product is a bill: it is paid after an inquiry."}
	case fault.InquiryExpired:
		return rest.Refusal{Name: "InquiryExpired", Status: http.StatusGone, Code: "inquiry_expired", Meaning: "What was inquired can no longer be paid: ask for the bill anew."}
	case fault.BillNotFound:
		return rest.Refusal{Name: "BillNotFound", Status: http.StatusUnprocessableEntity, Code: "bill_not_found", Meaning: "The customer owes nothing, or is not known."}
	case fault.Unavailable:
		return rest.Refusal{Name: "Unavailable", Status: http.StatusUnprocessableEntity, Code: "unavailable", Meaning: "The SKU is known but cannot be bought now; `details` says why and until when."}
	case fault.PriceChanged:
		return rest.Refusal{Name: "PriceChanged", Status: http.StatusUnprocessableEntity, Code: "price_changed", Meaning: "Our price is above the request's `max_price`."}
	case fault.LimitExceeded:
		return rest.Refusal{Name: "LimitExceeded", Status: http.StatusUnprocessableEntity, Code: "limit_exceeded", Meaning: "It is beyond a limit of yours; `details` says which and what is left of it. " +
			"Nothing was kept: the same `ref` may be sent again."}
	case fault.InsufficientBalance:
		return rest.Refusal{Name: "InsufficientBalance", Status: http.StatusPaymentRequired, Code: "insufficient_balance", Meaning: "The balance does not hold the price. Nothing was kept: the same `ref` may be sent again."}
	case fault.Upstream:
		return rest.Refusal{Name: "UpstreamError", Status: http.StatusServiceUnavailable, Code: "upstream_error", Meaning: "The service cannot answer now. No order or withdrawal was kept, and nothing was taken: the same `ref` may be sent again; `Retry-After` says when."}
	default:
	}
	return rest.Refusal{Name: "InternalError", Status: http.StatusInternalServerError, Code: "internal_error", Meaning: "Our own fault. It may have been done or not: send it again with the same `ref`, which is done once, or read it by its `ref`. Take it for failed on no account."}
}

// retryDeposit is what a merchant is asked to wait when no gateway gave an invoice.
const retryDeposit = 15 * time.Second

// retryUpstream is what a 503 without a better idea asks a merchant to wait.
const retryUpstream = 5 * time.Second

func classify(err error) *fault.Error {
	var f *fault.Error
	var duplicate *order.DuplicateError
	var limit *rule.LimitError
	switch {
	case errors.As(err, &f):
	case errors.As(err, &duplicate):
		f = fault.New(fault.DuplicateOrder, "this was ordered for the same "+duplicate.Field+" at "+duplicate.At.UTC().Format(time.RFC3339)+"; allow_duplicate orders it again")
		f.Details = []fault.Detail{{Field: duplicate.Field, Message: "was ordered for with ref " + duplicate.Ref, Ref: duplicate.Ref}}
	case errors.As(err, &limit):
		f = beyond(limit)
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
		f = fault.Disturbed("no payment code can be made at the moment; asking again is safe").After(retryDeposit).Because(err)
	case errors.Is(err, order.ErrNotAvailable):
		f = fault.New(fault.NotAvailable, "this action does not apply to the order now")
	case late(err) && !errors.As(err, new(undecidedError)), errors.Is(err, order.ErrStale), errors.Is(err, inquiry.ErrStale), errors.Is(err, order.ErrInquiredAnew):
		f = fault.New(fault.Upstream, "no answer in time; asking again is safe").After(time.Second)
	default:
		f = fault.New(fault.Internal, rest.SayInternal)
	}
	if f.Kind == fault.Upstream && f.RetryAfter == 0 {
		f.RetryAfter = retryUpstream
	}
	return f
}

// late tells whether the time for an answer ended before there was one.
func late(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// undecidedError is what ended a request that moves money. A 503 says that nothing was kept,
// and whoever reads it may buy elsewhere; but when the time ends, a commit may be on its way,
// or what an earlier request with the same ref did not looked for yet. So that lateness
// is an internal error here, after which the ref answers what became of it.
type undecidedError struct{ error }

func (e undecidedError) Unwrap() error { return e.error }

// moving is the handler of a route that moves money.
func moving[I, O any](handle func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, undecidedError{err}
		}
		return out, nil
	}
}

// beyond refuses what is beyond a limit.
func beyond(e *rule.LimitError) *fault.Error {
	field, what := "sku", "orders of a day"
	switch e.Limit {
	case rule.PerOrder:
		what = "an order"
	case rule.WithdrawPerDay:
		field, what = "amount", "withdrawals of a day"
	}
	message := fmt.Sprintf("the limit for %s is %d rupiah", what, e.Allowed)
	if !e.Resets.IsZero() {
		message += fmt.Sprintf(", of which %d are left until %s", e.Left, e.Resets.Format(time.RFC3339))
	}
	f := fault.New(fault.LimitExceeded, message)
	f.Details = []fault.Detail{{Field: field, Message: message, Limit: &fault.Limit{Name: e.Limit, Allowed: e.Allowed, Left: e.Left}}}
	return f
}
