// Package fault is how a refusal travels from where it is decided to whoever
// asked: a kind from a closed set, words that the asker may read, and the cause
// for the log.
//
// Decisions that bind this package:
//
//   - Message and Details are public: they go out as they are. What an upstream,
//     the database or the network said belongs into the cause, which never does.
//   - An error that is not a [*Error] says nothing to the asker (kind Internal).
//   - What a kind means over HTTP is one table in api, not here.
package fault

import (
	"errors"
	"time"
)

// Kind is why something was refused.
type Kind int

// The kinds. Internal is the zero value: what nobody classified.
const (
	Internal Kind = iota
	Invalid
	TooLarge
	SlowBody
	Unauthorized
	Forbidden
	IPNotAllowed
	RateLimited
	NotFound
	MethodNotAllowed
	RefConflict
	DuplicateOrder
	NotCancelable
	NotAvailable
	InquiryRequired
	InquiryExpired
	BillNotFound
	Unavailable
	PriceChanged
	LimitExceeded
	InsufficientBalance
	Upstream
	// Conflict: what an operator would change stands otherwise by now, or always did.
	Conflict
)

// Detail is what is wrong with one field. Reason and Until are known only where
// a SKU is unavailable, Ref only where an order duplicates another,
// Limit where one is exceeded.
type Detail struct {
	Field   string
	Message string
	Reason  string
	Until   *time.Time
	Ref     string
	Limit   *Limit
}

// Limit is a limit that a request is beyond: its name, how much it is and how much of it
// is left, in rupiah.
type Limit struct {
	Name          string
	Allowed, Left int64
}

// Error is a refusal.
type Error struct {
	Kind    Kind
	Message string
	Details []Detail
	// RetryAfter is when asking again makes sense; zero when that is not known.
	RetryAfter time.Duration
	// AtSource tells that a source is at fault, and not us: nobody is woken for our own failures' sake.
	AtSource bool
	cause    error
}

// New refuses with a kind and words for the asker.
func New(kind Kind, message string) *Error { return &Error{Kind: kind, Message: message} }

// Disturbed refuses since what a source was needed for it did not do.
func Disturbed(message string) *Error {
	return &Error{Kind: Upstream, Message: message, AtSource: true}
}

// Field refuses a request for what is wrong with one of its fields.
func Field(field, message string) *Error {
	return &Error{Kind: Invalid, Message: field + ": " + message, Details: []Detail{{Field: field, Message: message}}}
}

// Because keeps the cause for the log.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// After says when asking again makes sense.
func (e *Error) After(d time.Duration) *Error {
	e.RetryAfter = d
	return e
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.cause }

// KindOf is the kind of the refusal in err's chain; Internal when there is none.
func KindOf(err error) Kind {
	var f *Error
	if errors.As(err, &f) {
		return f.Kind
	}
	return Internal
}
