package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// ErrMalformed is an answer in neither of the two forms.
var ErrMalformed = lenient.ErrMalformed

// Time is a moment in RFC 3339. Null and the empty text are the zero time, which is
// written as null.
type Time struct{ time.Time }

// At gives t to be written.
func At(t time.Time) *Time { return &Time{t.UTC()} }

// UnmarshalJSON reads "2026-04-21T11:00:00+07:00" of the years 2000 to 2100.
func (t *Time) UnmarshalJSON(b []byte) error {
	t.Time = time.Time{}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || at.UTC().Year() < 2000 || at.UTC().Year() > 2100 {
		return lenient.Odd("time")
	}
	t.Time = at.UTC()
	return nil
}

// MarshalJSON writes the moment in UTC.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendQuote(nil, t.UTC().Format(time.RFC3339Nano)), nil
}

// Or gives the moment, or the zero time where there is none.
func (t *Time) Or() time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// The codes of failures.
const (
	CodeInvalid         = "invalid_request"
	CodeUnauthorized    = "unauthorized"
	CodeForbidden       = "forbidden"
	CodeIP              = "ip_not_allowed"
	CodeRateLimited     = "rate_limited"
	CodeNotFound        = "not_found"
	CodeMethod          = "method_not_allowed"
	CodeRefConflict     = "ref_conflict"
	CodeDuplicate       = "duplicate_order"
	CodeNotCancelable   = "not_cancelable"
	CodeNotAvailable    = "not_available"
	CodeInquiryRequired = "inquiry_required"
	CodeInquiryExpired  = "inquiry_expired"
	CodeUnavailable     = "unavailable"
	CodePriceChanged    = "price_changed"
	CodeLimit           = "limit_exceeded"
	CodeBillNotFound    = "bill_not_found"
	CodeInsufficient    = "insufficient_balance"
	CodeUpstream        = "upstream_error"
	CodeInternal        = "internal_error"
)

// StatusOf is the status that a code stands under; zero for a code that is not
// documented. What is too large is invalid under 413 as well.
func StatusOf(code string) int {
	switch code {
	case CodeInvalid:
		return http.StatusBadRequest
	case CodeUnauthorized:
		return http.StatusUnauthorized
	case CodeInsufficient:
		return http.StatusPaymentRequired
	case CodeForbidden, CodeIP:
		return http.StatusForbidden
	case CodeNotFound:
		return http.StatusNotFound
	case CodeMethod:
		return http.StatusMethodNotAllowed
	case CodeRefConflict, CodeDuplicate, CodeNotCancelable, CodeNotAvailable, CodeInquiryRequired:
		return http.StatusConflict
	case CodeInquiryExpired:
		return http.StatusGone
	case CodeUnavailable, CodePriceChanged, CodeBillNotFound, CodeLimit:
		return http.StatusUnprocessableEntity
	case CodeRateLimited:
		return http.StatusTooManyRequests
	case CodeInternal:
		return http.StatusInternalServerError
	case CodeUpstream:
		return http.StatusServiceUnavailable
	}
	return 0
}

// Reply is an answer as the API writes it.
type Reply struct {
	OK      bool     `json:"ok"`
	Data    any      `json:"data,omitempty"`
	Message string   `json:"error,omitempty"`
	Code    string   `json:"code,omitempty"`
	Details []Detail `json:"details,omitempty"`
}

// Detail is what is wrong with one field.
type Detail struct {
	Field   lenient.Text `json:"field"`
	Message lenient.Text `json:"message"`
	Reason  lenient.Text `json:"reason,omitempty"`
	Until   *Time        `json:"until,omitempty"`
}

// Accept is a success.
func Accept(data any) Reply { return Reply{OK: true, Data: data} }

// Refuse is a failure.
func Refuse(code, message string, details ...Detail) Reply {
	return Reply{Message: message, Code: code, Details: details}
}

// Refusal is a failure in the API's own words, under the status that belongs to its
// code: it was understood, and nothing was done.
type Refusal struct {
	Code    string
	Message string
	Details []Detail
}

// Error gives the code and the message; it is for operators only.
func (r *Refusal) Error() string {
	if r.Message == "" {
		return "refused: " + r.Code
	}
	return "refused: " + r.Code + ": " + r.Message
}

// AsRefusal finds a refusal in err.
func AsRefusal(err error) (*Refusal, bool) { return errors.AsType[*Refusal](err) }

// Decode reads an answer's data into T. Its error is a [Refusal] or malformed.
func Decode[T any](status int, body []byte, check func(*T) error) (*T, error) {
	var e struct {
		OK      *bool           `json:"ok"`
		Data    json.RawMessage `json:"data"`
		Message lenient.Text    `json:"error"`
		Code    lenient.Text    `json:"code"`
		Details json.RawMessage `json:"details"`
	}
	if err := lenient.Decode(body, &e); err != nil {
		return nil, err
	}
	switch {
	case e.OK == nil:
		return nil, lenient.Lacks("ok")
	case !*e.OK:
		return nil, refused(status, string(e.Code), string(e.Message), e.Data, e.Details)
	case status != http.StatusOK:
		return nil, lenient.Odd("ok")
	case lenient.Null(e.Data):
		return nil, lenient.Lacks("data")
	}
	var out T
	if err := lenient.Decode(e.Data, &out); err != nil {
		return nil, err
	}
	if err := check(&out); err != nil {
		return nil, err
	}
	return &out, nil
}

func refused(status int, code, message string, data, details json.RawMessage) error {
	tooLarge := code == CodeInvalid && status == http.StatusRequestEntityTooLarge
	switch {
	case code == "":
		return lenient.Lacks("code")
	case StatusOf(code) != status && !tooLarge:
		return lenient.Odd("code")
	case !lenient.Null(data):
		return lenient.Odd("data")
	}
	r := &Refusal{Code: code, Message: message}
	if !lenient.Null(details) {
		// They say more about a refusal that is one without them.
		_ = lenient.Decode(details, &r.Details)
	}
	return r
}

// need is a check that a text is there.
func need(field string, t lenient.Text) error {
	if t == "" {
		return lenient.Lacks(field)
	}
	return nil
}

// first is the first of some checks that failed.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// amount is a check that a sum is there and not below zero.
func amount(field string, n *lenient.Int) error {
	switch {
	case n == nil:
		return lenient.Lacks(field)
	case *n < 0:
		return lenient.Odd(field)
	}
	return nil
}

// Int gives a number to be written where null is possible.
func Int(n int64) *lenient.Int {
	i := lenient.Int(n)
	return &i
}

// Text gives a text to be written; the empty one is null.
func Text(s string) *lenient.Text {
	if s == "" {
		return nil
	}
	t := lenient.Text(s)
	return &t
}

// String is the text that is there, or the empty one.
func String(t *lenient.Text) string {
	if t == nil {
		return ""
	}
	return string(*t)
}
