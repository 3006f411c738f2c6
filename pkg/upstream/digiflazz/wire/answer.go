package wire

import (
	"encoding/json"
	"errors"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// ErrMalformed is an answer that says nothing about what was done.
var ErrMalformed = lenient.ErrMalformed

// Reply is an answer as the API writes it.
type Reply[T any] struct {
	Data T `json:"data"`
}

// Refusal is the answer to a call that is no transaction and was not carried out.
type Refusal struct {
	RC      RC           `json:"rc"`
	Status  lenient.Text `json:"status,omitempty"`
	Message lenient.Text `json:"message"`
}

// Error gives code and message; it is for operators only.
func (r *Refusal) Error() string { return "refused rc " + string(r.RC) + ": " + string(r.Message) }

// AsRefusal finds a refusal in err.
func AsRefusal(err error) (*Refusal, bool) { return errors.AsType[*Refusal](err) }

// open gives what stands in "data".
func open(body []byte) (json.RawMessage, error) {
	var e Reply[json.RawMessage]
	if err := lenient.Decode(body, &e); err != nil {
		return nil, err
	}
	if lenient.Null(e.Data) && string(e.Data) != "[]" {
		return nil, lenient.Lacks("data")
	}
	return e.Data, nil
}

// refusal reads data as a refusal: it has a documented code of failure. Nil when it
// is none.
func refusal(data json.RawMessage) *Refusal {
	var r Refusal
	err := lenient.Decode(data, &r)
	code, ok := r.RC.Documented()
	if err == nil && ok && code.Status == StatusFailed && (r.Status == "" || string(r.Status) == StatusFailed) {
		return &r
	}
	return nil
}

// Balance is what we have, in rupiah.
type Balance struct {
	Deposit *Float `json:"deposit"`
}

// DecodeBalance reads /cek-saldo.
func DecodeBalance(body []byte) (*Balance, error) {
	data, err := open(body)
	if err != nil {
		return nil, err
	}
	var b Balance
	if err := lenient.Decode(data, &b); err != nil {
		return nil, err
	}
	if b.Deposit == nil {
		if r := refusal(data); r != nil {
			return nil, r
		}
		return nil, lenient.Lacks("deposit")
	}
	return &b, nil
}

// Ticket is how to top our balance up: exactly Amount, which ends in digits of its
// own, to this account.
type Ticket struct {
	RC            RC           `json:"rc"`
	Status        lenient.Text `json:"status,omitempty"`
	Message       lenient.Text `json:"message,omitempty"`
	Bank          lenient.Text `json:"bank"`
	PaymentMethod lenient.Text `json:"payment_method"`
	AccountNo     lenient.Text `json:"account_no"`
	Notes         lenient.Text `json:"notes"`
	Amount        Money        `json:"amount"`
}

// DecodeTicket reads /deposit.
func DecodeTicket(body []byte) (*Ticket, error) {
	data, err := open(body)
	if err != nil {
		return nil, err
	}
	var t Ticket
	if err := lenient.Decode(data, &t); err != nil {
		return nil, err
	}
	if t.RC != RCSuccess {
		if r := refusal(data); r != nil {
			return nil, r
		}
		return nil, lenient.Odd("rc")
	}
	if t.AccountNo == "" || t.Amount <= 0 {
		return nil, lenient.Lacks("account_no")
	}
	return &t, nil
}

// Meter is who a PLN meter belongs to.
type Meter struct {
	Message      lenient.Text `json:"message"`
	Status       lenient.Text `json:"status"`
	RC           RC           `json:"rc"`
	CustomerNo   lenient.Text `json:"customer_no"`
	MeterNo      lenient.Text `json:"meter_no"`
	SubscriberID lenient.Text `json:"subscriber_id"`
	Name         lenient.Text `json:"name"`
	SegmentPower lenient.Text `json:"segment_power"`
}

// DecodeMeter reads /inquiry-pln.
func DecodeMeter(body []byte) (*Meter, error) {
	data, err := open(body)
	if err != nil {
		return nil, err
	}
	var m Meter
	if err := lenient.Decode(data, &m); err != nil {
		return nil, err
	}
	if m.RC == RCSuccess && string(m.Status) == StatusSuccess {
		return &m, nil
	}
	if r := refusal(data); r != nil {
		return nil, r
	}
	return nil, lenient.Odd("rc")
}
