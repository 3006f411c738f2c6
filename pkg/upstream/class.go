package upstream

import (
	"errors"
	"fmt"
	"time"
)

// Class says what is known about a call that did not end in a [Result].
type Class int

const (
	// Unknown is the default: a byte may have left us and nothing proves what
	// became of it. For a purchase only evidence may end it.
	Unknown Class = iota
	// NotSent is proved: not one byte of the request was written.
	NotSent
	// Rejected is definite: the provider refused and did nothing. Reason says why.
	Rejected
	// Throttled is definite as well: the provider's contract says that a request
	// refused for its rate was not carried out. Ask again after After; what else waits
	// for the provider waits too only where Pause says so.
	Throttled
)

// String is the label of the class in metrics and logs.
func (c Class) String() string {
	switch c {
	case NotSent:
		return "not_sent"
	case Rejected:
		return "rejected"
	case Throttled:
		return "throttled"
	default:
		return "unknown"
	}
}

// Reason says why a provider refused a purchase or let it fail. It is a closed
// set; the empty reason means that the provider did not say.
type Reason string

// The reasons. Customer ends the order (the customer's number or account is
// wrong), as does Busy (another order for the same target is under way there);
// Product, Gone (the provider no longer has the product), Price, OurBalance and
// OurAccount let another offer try; Duplicate means that the provider knows this
// reference already: ask it. Early is a request that may be made later (After).
const (
	ReasonCustomer   Reason = "customer"
	ReasonProduct    Reason = "product"
	ReasonPrice      Reason = "price"
	ReasonOurBalance Reason = "our_balance"
	ReasonOurAccount Reason = "our_account"
	ReasonDuplicate  Reason = "duplicate"
	ReasonBusy       Reason = "busy"
	ReasonGone       Reason = "gone"
	ReasonEarly      Reason = "early"
)

// Further reasons of purchases. Repeat: this provider does not sell the same thing to
// the same customer again so soon; another may. Twin: somebody else is buying just
// that for this customer, so that it is not tried elsewhere. Late: it failed for lack
// of an answer in time and may yet succeed, so neither. Request: our request was not
// understood, which is a fault of ours.
const (
	ReasonRepeat  Reason = "repeat"
	ReasonTwin    Reason = "twin"
	ReasonLate    Reason = "late"
	ReasonRequest Reason = "request"
)

// The reasons of calls that are no purchases: NoBill is a customer who owes nothing
// or is not known; Expired a bill that can no longer be paid as it was inquired, and
// has to be inquired again; Full a provider that takes no further invoice now;
// Signature a callback that did not come from the provider.
const (
	ReasonNoBill    Reason = "no_bill"
	ReasonExpired   Reason = "expired"
	ReasonFull      Reason = "full"
	ReasonSignature Reason = "signature"
)

// Error is what a driver returns instead of a [Result].
type Error struct {
	Class Class
	// Reason is why: set when Class is Rejected, a hint otherwise.
	Reason Reason
	// Pause closes the provider's budget for every pod: a block page, a 429.
	Pause bool
	// Halt: the provider will refuse every purchase until a person has put our account
	// right. No further order goes there until an operator says so.
	Halt bool
	// Answered: the provider refused in its own words, but not in words that prove
	// that nothing was done. Together with its word that it knows no such purchase
	// they do.
	Answered bool
	// Staged: the sandbox loses an answer because it was asked to, which says nothing
	// of its health.
	Staged bool
	// After is how long the provider asked us to wait; zero leaves it to a back-off.
	After time.Duration
	// Code is the provider's own code (rc, HTTP status), for operators.
	Code string
	// Detail is the provider's own text, redacted and bounded, for operators.
	Detail string
	Err    error
}

// Error gives the class, the code and the cause; it never holds a credential. The provider's own text, which may name a
// customer, is not in it, so that it can go to logs and queues; [Words] has it.
func (e *Error) Error() string {
	s := "upstream: " + e.Class.String()
	if e.Reason != "" {
		s += " (" + string(e.Reason) + ")"
	}
	if e.Code != "" {
		s += " code " + e.Code
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Words is an error with the provider's own text, for a row that operators read. It is not for logs.
func Words(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*Error](err); ok && e.Detail != "" {
		text += ": " + e.Detail
	}
	return Clip(text)
}

// AsError gives err as an [Error]; an error of any other kind is [Unknown].
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Class: Unknown, Err: err}
}

// Reject is short for a definite refusal.
func Reject(reason Reason, code, detail string) *Error {
	return &Error{Class: Rejected, Reason: reason, Code: code, Detail: Clip(detail)}
}

// Malformed is an answer that could not be understood.
func Malformed(code string, err error) *Error {
	return &Error{Class: Unknown, Code: code, Err: fmt.Errorf("answer not understood: %w", err)}
}

// Clip bounds a provider's text to what an operator's page can show.
func Clip(s string) string {
	const limit = 300
	r := []rune(s)
	if len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
