package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// ErrMalformed is an answer in neither form.
var ErrMalformed = lenient.ErrMalformed

// Refusal is a failure in the gateway's own form: it understood and did not do it.
type Refusal struct {
	Message string
}

// Error gives the gateway's message; it is for operators only.
func (r *Refusal) Error() string {
	if r.Message == "" {
		return "refused"
	}
	return "refused: " + r.Message
}

// AsRefusal finds a refusal in err.
func AsRefusal(err error) (*Refusal, bool) { return errors.AsType[*Refusal](err) }

// Refused is a refusal as the gateway writes it.
type Refused struct {
	Error string `json:"error"`
}

// Stands is whether an HTTP status can stand over a refusal: the gateway may refuse
// under 200, and three of the 4xx mean that something is or was under way.
func Stands(status int) bool {
	switch status {
	case http.StatusOK:
		return true
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError
}

// NoInvoice is whether a refusal, under this HTTP status, says that there is no such
// invoice, and NoWithdrawal that there is no such withdrawal. A key, an account or a
// path that was not found is another matter.
func (r *Refusal) NoInvoice(status int) bool { return r.absent(status, noInvoice) }

// NoWithdrawal is NoInvoice for withdrawals.
func (r *Refusal) NoWithdrawal(status int) bool { return r.absent(status, noWithdrawal) }

func (r *Refusal) absent(status int, words *regexp.Regexp) bool {
	if status != http.StatusOK && status != http.StatusNotFound && status != http.StatusBadRequest {
		return false
	}
	return words.MatchString(r.Message) && !otherThing.MatchString(r.Message)
}

// otherThing finds words for what else may not be found.
var otherThing = regexp.MustCompile(`(?i)key|token|route|endpoint|url|path|halaman|page|method|akun|account|user|member|rekening|nomor|saldo|balance`)

// absence matches a message that says of one of the things, first of all, that there is none.
func absence(things string) *regexp.Regexp {
	thing := `(?:` + things + `)`
	return regexp.MustCompile(`(?i)^\W*(?:(?:maaf|sorry|data|the|permintaan|riwayat)[\s,]+)*` +
		`(?:` + thing + `(?:[\s:"'#]+(?:id|ini|tersebut|this|with|dengan|` + thing + `|\S*\d\S*)["']?)*[\s:]+(?:(?:was|is)\s+)?(?:tidak ditemukan|not found|tidak ada)` +
		`|(?:tidak ditemukan|tidak ada|no such)\s+(?:data\s+)?` + thing + `)\W*$`)
}

var (
	noInvoice    = absence(`invoice|invoice_id|tagihan`)
	noWithdrawal = absence(`withdraw|withdrawal|withdraw_id|penarikan|penarikan dana|transaksi`)
)

// envelope is what a refusal may be told by.
type envelope struct {
	Success *lenient.Flag   `json:"success"`
	Error   json.RawMessage `json:"error"`
	Message lenient.Text    `json:"message"`
}

// open sees that an answer is no refusal.
func open(body []byte) error {
	var e envelope
	if err := lenient.Decode(body, &e); err != nil {
		return err
	}
	failed := e.Success != nil && !bool(*e.Success)
	said := !lenient.Null(e.Error) && string(e.Error) != "false"
	if !failed && !said {
		return nil
	}
	if said && e.Success != nil && bool(*e.Success) {
		return lenient.Odd("error")
	}
	r := &Refusal{Message: string(e.Message)}
	if text, err := reason(e.Error); err != nil {
		return err
	} else if text != "" {
		r.Message = text
	}
	return r
}

// reason reads "error", which is text; an object with a message is accepted.
func reason(raw json.RawMessage) (string, error) {
	if lenient.Null(raw) || string(raw) == "false" || string(raw) == "true" {
		return "", nil
	}
	var text lenient.Text
	if lenient.Decode(raw, &text) == nil {
		return strings.TrimSpace(string(text)), nil
	}
	var o struct {
		Message lenient.Text `json:"message"`
	}
	if lenient.Decode(raw, &o) != nil {
		return "", lenient.Odd("error")
	}
	return strings.TrimSpace(string(o.Message)), nil
}

// decode reads an endpoint's object. One that is there beside a refusal contradicts it.
func decode[T any](body []byte, check func(*T) error) (*T, error) {
	refused := open(body)
	if _, ok := AsRefusal(refused); refused != nil && !ok {
		return nil, refused
	}
	v := new(T)
	err := lenient.Decode(body, v)
	if err == nil {
		err = check(v)
	}
	switch {
	case refused == nil && err == nil:
		return v, nil
	case refused == nil:
		return nil, err
	case err == nil:
		return nil, lenient.Odd("success")
	}
	return nil, refused
}

// need is a check that a text is there.
func need(field string, t lenient.Text) error {
	if strings.TrimSpace(string(t)) == "" {
		return lenient.Lacks(field)
	}
	return nil
}

// amounts is a check that amounts are there and not negative.
func amounts(fields ...any) error {
	for i := 0; i+1 < len(fields); i += 2 {
		n, _ := fields[i+1].(*lenient.Int)
		switch {
		case n == nil:
			return lenient.Lacks(fields[i].(string))
		case *n < 0:
			return lenient.Odd(fields[i].(string))
		}
	}
	return nil
}
