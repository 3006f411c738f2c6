package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/rule"
	"github.com/muarahq/muara/pkg/token"
	"github.com/muarahq/muara/pkg/withdraw"
)

// refusals is the one table of refusals.
func refusals(kind fault.Kind) rest.Refusal {
	if r, ok := rest.Common(kind); ok {
		return r
	}
	switch kind {
	case fault.Unauthorized:
		return rest.Refusal{Name: "Unauthorized", Status: http.StatusUnauthorized, Code: "unauthorized", Meaning: "The token is missing, wrong, revoked or expired."}
	case fault.Forbidden:
		return rest.Refusal{Name: "Forbidden", Status: http.StatusForbidden, Code: "forbidden", Meaning: "The token's role may not do this."}
	case fault.IPNotAllowed:
		return rest.Refusal{Name: "IPNotAllowed", Status: http.StatusForbidden, Code: "ip_not_allowed", Meaning: "The caller's address is not on the list of `api.admin_allow`."}
	case fault.NotFound:
		return rest.Refusal{Name: "NotFound", Status: http.StatusNotFound, Code: "not_found", Meaning: "There is no such thing, or no such route."}
	case fault.Conflict:
		return rest.Refusal{Name: "Conflict", Status: http.StatusConflict, Code: "conflict", Meaning: "It stands where this cannot be done; `details` says how it stands now."}
	case fault.InsufficientBalance:
		return rest.Refusal{
			Name: "InsufficientBalance", Status: http.StatusConflict, Code: "insufficient_balance", Meaning: "The balance does not hold what is to be taken.",
		}
	case fault.Upstream:
		return rest.Refusal{
			Name: "Unavailable", Status: http.StatusServiceUnavailable, Code: "unavailable", Meaning: "There is no answer in time; what became of a change is read from the thing itself.",
		}
	default:
	}
	return rest.Refusal{Name: "InternalError", Status: http.StatusInternalServerError, Code: "internal_error", Meaning: "Our own fault; the log has the cause. What became of a change is read from the thing itself."}
}

// codes are all that a refusal may carry.
func codes() []string {
	return []string{
		"invalid_request", "unauthorized", "forbidden", "ip_not_allowed", "rate_limited", "not_found", "method_not_allowed", "conflict", "insufficient_balance",
		"unavailable", "internal_error",
	}
}

// kinds is what the domain's refusals are; the first that fits counts. What an operator is
// told is the domain's own sentence.
func kinds() []struct {
	kind fault.Kind
	errs []error
} {
	return []struct {
		kind fault.Kind
		errs []error
	}{
		{fault.NotFound, []error{order.ErrNotFound, merchant.ErrNotFound, merchant.ErrKeyNotFound, token.ErrUnknown, catalog.ErrNotFound, deposit.ErrNotFound, withdraw.ErrNotFound, reconcile.ErrNotFound}},
		{fault.Conflict, []error{
			order.ErrNotResolvable, order.ErrStale, merchant.ErrKeyRevoked, token.ErrRevoked, token.ErrTaken, deposit.ErrNotResolvable, deposit.ErrStale,
			withdraw.ErrNotResolvable, withdraw.ErrStale, ledger.ErrRefTaken,
		}},
		{fault.Invalid, []error{merchant.ErrInvalid, merchant.ErrNoTier, token.ErrInvalid, catalog.ErrInvalid, rule.ErrInvalid, reconcile.ErrNotOver, reconcile.ErrDay}},
		{fault.InsufficientBalance, []error{ledger.ErrInsufficient, withdraw.ErrInsufficient}},
		{fault.Upstream, []error{context.DeadlineExceeded, context.Canceled}},
	}
}

// sayInternal is all that an operator's program reads of what nobody classified. What was
// asked for may have been done, and not everything may be asked for twice.
const sayInternal = "internal error; read what became of it before asking again"

func classify(err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	for _, k := range kinds() {
		for _, known := range k.errs {
			if !errors.Is(err, known) {
				continue
			}
			f = fault.New(k.kind, err.Error()).Because(err)
			if k.kind == fault.Upstream {
				f = fault.New(k.kind, "no answer in time; read what became of it").Because(err) // and no word on when to ask again: whether to is not known
			}
			return f
		}
	}
	return fault.New(fault.Internal, sayInternal)
}

// standing adds to a conflict how the thing stands now, as the detail "state"; any other error
// stays as it is. read is asked only then, and what it cannot tell is left out.
func standing(err error, read func() (string, error)) error {
	f := classify(err)
	if f.Kind != fault.Conflict {
		return err
	}
	if now, err := read(); err == nil {
		f.Details = append(f.Details, fault.Detail{Field: "state", Message: now})
	}
	return f
}

// exampleOf shows a refusal.
func exampleOf(r rest.Refusal) rest.Failure {
	f := rest.Failure{Message: r.Meaning, Code: r.Code}
	switch r.Name {
	case refusals(fault.Invalid).Name:
		f.Message = "why: is required"
		f.Details = []rest.Problem{{Field: "why", Message: "is required"}}
	case refusals(fault.Conflict).Name:
		f.Message = "order: not to be resolved: it is completed, which is final"
		f.Details = []rest.Problem{{Field: "state", Message: "completed"}}
	}
	return f
}
