package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// ErrMalformed is an answer in neither of the documented forms.
var ErrMalformed = lenient.ErrMalformed

// Answer is a success as the API writes it.
type Answer[T any] struct {
	Success bool `json:"success"`
	Data    T    `json:"data"`
}

// OperatorsAnswer is the success of /v2/operators, which names its flag otherwise.
type OperatorsAnswer struct {
	Status bool       `json:"status"`
	Data   []Operator `json:"data"`
}

// RefusalAnswer is a refusal as the API writes it.
type RefusalAnswer struct {
	Success bool         `json:"success"`
	Error   RefusalError `json:"error"`
}

// RefusalError carries the text of a refusal.
type RefusalError struct {
	Message string `json:"message"`
}

// Refuse is the body of a refusal with this message.
func Refuse(message string) RefusalAnswer {
	return RefusalAnswer{Error: RefusalError{Message: message}}
}

// Refusal is a failure that the provider told of.
type Refusal struct {
	Message string
	// Data is what came instead of a message, if anything did.
	Data json.RawMessage
	// Plain is whether it has the documented form and nothing else: a message in
	// the error's object, and no data.
	Plain bool
}

// Error gives the provider's message; it is for operators only.
func (r *Refusal) Error() string {
	if r.Message == "" {
		return "refused without a message"
	}
	return "refused: " + r.Message
}

// Definite is whether the refusal, under this HTTP status, says that the provider
// understood and did nothing. Any data may tell of a purchase after all.
func (r *Refusal) Definite(status int) bool {
	switch status {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity:
		return r.Plain
	}
	return false
}

// AsRefusal finds a refusal in err.
func AsRefusal(err error) (*Refusal, bool) { return errors.AsType[*Refusal](err) }

// envelope is what all answers have in common.
type envelope struct {
	Success *lenient.Flag   `json:"success"`
	Status  json.RawMessage `json:"status"`
	Data    json.RawMessage `json:"data"`
	Error   json.RawMessage `json:"error"`
	Message lenient.Text    `json:"message"`
}

// open gives the data of a success, a [Refusal], or ErrMalformed.
func open(body []byte) (json.RawMessage, error) {
	var e envelope
	if err := lenient.Decode(body, &e); err != nil {
		return nil, err
	}
	flag := e.Success
	if flag == nil {
		if e.Status == nil {
			return nil, lenient.Lacks("success")
		}
		flag = new(lenient.Flag)
		if err := lenient.Decode(e.Status, flag); err != nil {
			return nil, err
		}
	}
	switch {
	case bool(*flag):
		if lenient.Null(e.Data) && string(e.Data) != "[]" {
			return nil, lenient.Lacks("data")
		}
		return e.Data, nil
	}
	r := &Refusal{Message: string(e.Message), Data: e.Data}
	m, object, err := refusalMessage(e.Error)
	if err != nil {
		return nil, err
	}
	if m != "" {
		r.Message = m
	}
	r.Plain = object && strings.TrimSpace(m) != "" && (e.Data == nil || string(e.Data) == "null")
	if r.Message == "" && e.Data != nil {
		var d struct {
			Message lenient.Text `json:"message"`
		}
		if lenient.Decode(e.Data, &d) == nil {
			r.Message = string(d.Message)
		}
	}
	if r.Message == "" && e.Data == nil && e.Error == nil {
		return nil, lenient.Lacks("error")
	}
	return nil, r
}

// refusalMessage reads "error", which is an object with a message, or bare text.
func refusalMessage(raw json.RawMessage) (message string, object bool, err error) {
	if lenient.Null(raw) {
		return "", false, nil
	}
	var text lenient.Text
	if lenient.Decode(raw, &text) == nil {
		return string(text), false, nil
	}
	var o struct {
		Message lenient.Text `json:"message"`
	}
	if err := lenient.Decode(raw, &o); err != nil {
		return "", false, lenient.Odd("error")
	}
	return string(o.Message), true, nil
}

// one decodes a success that is one object.
func one[T any](body []byte, check func(*T) error) (*T, error) {
	data, err := open(body)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := lenient.Decode(data, v); err != nil {
		return nil, err
	}
	if err := check(v); err != nil {
		return nil, err
	}
	return v, nil
}

// List is a catalogue list. Odd counts the rows that were not understood and
// are left out.
type List[T any] struct {
	Rows []T
	Odd  int
}

// many decodes a success that is a list.
func many[T any](body []byte, check func(*T) error) (List[T], error) {
	data, err := open(body)
	if err != nil {
		return List[T]{}, err
	}
	rows, odd, err := lenient.Rows(data, "data", check)
	return List[T]{Rows: rows, Odd: odd}, err
}

// need is a check that the named texts are there.
func need(fields ...any) error {
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i+1] == lenient.Text("") {
			return lenient.Lacks(fields[i].(string))
		}
	}
	return nil
}
