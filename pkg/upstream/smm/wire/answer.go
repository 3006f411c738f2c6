package wire

import (
	"bytes"
	"encoding/json"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// refused finds the member "error" at the top of an answer. What it was asked for
// beside it makes the answer malformed.
func refused(body []byte, asked ...string) (map[string]json.RawMessage, error) {
	var top map[string]json.RawMessage
	if err := lenient.Decode(body, &top); err != nil {
		return nil, err
	}
	if top == nil {
		return nil, lenient.Odd("answer")
	}
	raw, there := top["error"]
	if !there || nothing(raw) {
		return top, nil
	}
	var text lenient.Text
	if err := lenient.Decode(raw, &text); err != nil || text == "" {
		return nil, lenient.Odd("error")
	}
	for _, name := range asked {
		if raw, there := top[name]; there && !nothing(raw) {
			return nil, lenient.Odd("error")
		}
	}
	return nil, &Refusal{Text: string(text)}
}

// nothing is a member that says nothing.
func nothing(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", "false", `""`, "0":
		return true
	}
	return false
}

// Added is the answer of add. Some panels say a status of "success" as well.
type Added struct {
	Status lenient.Text `json:"status,omitempty"`
	Order  ID           `json:"order"`
}

// DecodeAdded reads the answer of add.
func DecodeAdded(body []byte) (*Added, error) {
	if _, err := refused(body, "order"); err != nil {
		return nil, err
	}
	out := new(Added)
	if err := lenient.Decode(body, out); err != nil {
		return nil, err
	}
	if out.Order.Text == "" || out.Order.Text == "0" {
		return nil, lenient.Lacks("order")
	}
	return out, nil
}

// Status is where an order stands. The last three are a subscription's.
type Status struct {
	Charge     Decimal      `json:"charge"`
	StartCount Count        `json:"start_count"`
	Status     lenient.Text `json:"status"`
	Remains    Count        `json:"remains"`
	Currency   lenient.Text `json:"currency"`
	Expiry     lenient.Text `json:"expiry,omitempty"`
	Posts      *Count       `json:"posts,omitempty"`
	Orders     []ID         `json:"orders,omitempty"`
}

// DecodeStatus reads the answer of status for one order.
func DecodeStatus(body []byte) (*Status, error) {
	if _, err := refused(body, "status", "charge"); err != nil {
		return nil, err
	}
	out := new(Status)
	if err := lenient.Decode(body, out); err != nil {
		return nil, err
	}
	if out.Status == "" {
		return nil, lenient.Lacks("status")
	}
	return out, nil
}

// StatusRow is what a bulk answer says of one order: its status, or its error.
type StatusRow struct {
	*Status
	Error *Refusal
}

// MarshalJSON writes the status or the error.
func (r StatusRow) MarshalJSON() ([]byte, error) {
	if r.Error != nil {
		return json.Marshal(r.Error)
	}
	return json.Marshal(r.Status)
}

// DecodeStatuses reads the answer of status for many orders, by id. Rows that are
// not understood are left out: that one is missing says nothing. An answer without
// a single readable row is malformed.
func DecodeStatuses(body []byte) (map[string]StatusRow, error) {
	top, err := refused(body)
	if err != nil {
		return nil, err
	}
	out := make(map[string]StatusRow, len(top))
	for id, raw := range top {
		s, err := DecodeStatus(raw)
		if r, ok := AsRefusal(err); ok {
			out[id] = StatusRow{Error: r}
		} else if err == nil {
			out[id] = StatusRow{Status: s}
		}
	}
	if len(out) == 0 && len(top) > 0 {
		return nil, lenient.Odd("orders")
	}
	return out, nil
}

// Outcome is what a bulk answer says of one request to refill or to cancel: an id or
// a yes, or its error.
type Outcome struct {
	ID    ID
	Error *Refusal
}

// UnmarshalJSON reads 1, "1", true and {"error": …}.
func (o *Outcome) UnmarshalJSON(b []byte) error {
	*o = Outcome{}
	switch string(bytes.TrimSpace(b)) {
	case "true":
		o.ID = ID{Text: "1", Bare: true}
		return nil
	case "false", "null":
		return lenient.Lacks("outcome")
	}
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		_, err := refused(b)
		r, ok := AsRefusal(err)
		if !ok {
			return lenient.Lacks("error")
		}
		o.Error = r
		return nil
	}
	return o.ID.UnmarshalJSON(b)
}

// MarshalJSON writes the id or the error.
func (o Outcome) MarshalJSON() ([]byte, error) {
	if o.Error != nil {
		return json.Marshal(o.Error)
	}
	return json.Marshal(o.ID)
}

// Refilled is the answer of refill for one order.
type Refilled struct {
	Refill Outcome `json:"refill"`
}

// DecodeRefilled reads the answer of refill for one order. An error that stands in
// the row is a [Refusal], too.
func DecodeRefilled(body []byte) (*Refilled, error) {
	if _, err := refused(body, "refill"); err != nil {
		return nil, err
	}
	out := new(Refilled)
	if err := lenient.Decode(body, out); err != nil {
		return nil, err
	}
	switch {
	case out.Refill.Error != nil:
		return nil, out.Refill.Error
	case out.Refill.ID.Text == "" || out.Refill.ID.Text == "0":
		return nil, lenient.Lacks("refill")
	}
	return out, nil
}

// RefilledRow is a row of the answer of refill for many orders.
type RefilledRow struct {
	Order  ID      `json:"order"`
	Refill Outcome `json:"refill"`
}

// DecodeRefills reads the answer of refill for many orders.
func DecodeRefills(body []byte) ([]RefilledRow, error) {
	return rows(body, "order", func(r *RefilledRow) bool { return r.Order.Text != "" })
}

// CanceledRow is a row of the answer of cancel.
type CanceledRow struct {
	Order  ID      `json:"order"`
	Cancel Outcome `json:"cancel"`
}

// DecodeCanceled reads the answer of cancel.
func DecodeCanceled(body []byte) ([]CanceledRow, error) {
	return rows(body, "order", func(r *CanceledRow) bool { return r.Order.Text != "" })
}

// RefillState is where a refill stands, or its error.
type RefillState struct {
	Text  lenient.Text
	Error *Refusal
}

// UnmarshalJSON reads "Completed" and {"error": …}.
func (s *RefillState) UnmarshalJSON(b []byte) error {
	*s = RefillState{}
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		_, err := refused(b)
		r, ok := AsRefusal(err)
		if !ok {
			return lenient.Lacks("error")
		}
		s.Error = r
		return nil
	}
	return s.Text.UnmarshalJSON(b)
}

// MarshalJSON writes the state or the error.
func (s RefillState) MarshalJSON() ([]byte, error) {
	if s.Error != nil {
		return json.Marshal(s.Error)
	}
	return json.Marshal(s.Text)
}

// RefillStatus is the answer of refill_status for one refill.
type RefillStatus struct {
	Status RefillState `json:"status"`
}

// DecodeRefillStatus reads the answer of refill_status for one refill.
func DecodeRefillStatus(body []byte) (*RefillStatus, error) {
	if _, err := refused(body, "status"); err != nil {
		return nil, err
	}
	out := new(RefillStatus)
	if err := lenient.Decode(body, out); err != nil {
		return nil, err
	}
	switch {
	case out.Status.Error != nil:
		return nil, out.Status.Error
	case out.Status.Text == "":
		return nil, lenient.Lacks("status")
	}
	return out, nil
}

// RefillStatusRow is a row of the answer of refill_status for many refills.
type RefillStatusRow struct {
	Refill ID          `json:"refill"`
	Status RefillState `json:"status"`
}

// DecodeRefillStatuses reads the answer of refill_status for many refills.
func DecodeRefillStatuses(body []byte) ([]RefillStatusRow, error) {
	return rows(body, "refill", func(r *RefillStatusRow) bool {
		return r.Refill.Text != "" && (r.Status.Text != "" || r.Status.Error != nil)
	})
}

// rows reads a list whose rows say something each by itself. Those that are not
// understood are left out.
func rows[T any](body []byte, field string, whole func(*T) bool) ([]T, error) {
	if head := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))); len(head) > 0 && head[0] == '{' {
		if _, err := refused(body); err != nil {
			return nil, err
		}
		return nil, lenient.Odd(field)
	}
	out, _, err := lenient.Readable(body, field, func(row *T) error {
		if !whole(row) {
			return lenient.Lacks(field)
		}
		return nil
	})
	return out, err
}

// Balance is the answer of balance.
type Balance struct {
	Balance  Decimal      `json:"balance"`
	Currency lenient.Text `json:"currency"`
}

// DecodeBalance reads the answer of balance.
func DecodeBalance(body []byte) (*Balance, error) {
	if _, err := refused(body, "balance"); err != nil {
		return nil, err
	}
	out := new(Balance)
	if err := lenient.Decode(body, out); err != nil {
		return nil, err
	}
	if !out.Balance.Known {
		return nil, lenient.Lacks("balance")
	}
	return out, nil
}

// Service is a row of services. Rate is for 1000, in the account's currency.
type Service struct {
	Service     ID           `json:"service"`
	Name        lenient.Text `json:"name"`
	Type        lenient.Text `json:"type"`
	Category    lenient.Text `json:"category"`
	Rate        Decimal      `json:"rate"`
	Min         Count        `json:"min"`
	Max         Count        `json:"max"`
	Refill      Flag         `json:"refill"`
	Cancel      Flag         `json:"cancel"`
	Dripfeed    *Flag        `json:"dripfeed,omitempty"`
	Desc        lenient.Text `json:"desc,omitempty"`
	Description lenient.Text `json:"description,omitempty"`
	AverageTime lenient.Text `json:"average_time,omitempty"`
}

// Flag is a yes or no; null and the empty text are a no.
type Flag bool

// UnmarshalJSON reads true, 1, "1" and their opposites.
func (f *Flag) UnmarshalJSON(b []byte) error {
	if nothing(b) {
		*f = false
		return nil
	}
	var l lenient.Flag
	err := l.UnmarshalJSON(b)
	*f = Flag(l)
	return err
}

// DecodeServices reads the answer of services; odd counts the rows that were not
// understood and are left out.
func DecodeServices(body []byte) (list []Service, odd int, err error) {
	if head := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))); len(head) > 0 && head[0] == '{' {
		if _, err := refused(body); err != nil {
			return nil, 0, err
		}
		return nil, 0, lenient.Odd("services")
	}
	return lenient.Rows(body, "services", func(s *Service) error {
		switch {
		case s.Service.Text == "":
			return lenient.Lacks("service")
		case s.Name == "":
			return lenient.Lacks("name")
		case !s.Rate.Known || s.Rate.Rat.Sign() < 0:
			return lenient.Lacks("rate")
		}
		return nil
	})
}
