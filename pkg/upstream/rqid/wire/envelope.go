package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// ErrMalformed is an answer in neither of the two forms.
var ErrMalformed = lenient.ErrMalformed

// Reply is an answer as the API writes it. RC is missing where no transaction
// is meant.
type Reply[T any] struct {
	Status  lenient.Text `json:"status"`
	Code    lenient.Int  `json:"code"`
	Message lenient.Text `json:"message"`
	RC      lenient.Text `json:"rc,omitempty"`
	Data    T            `json:"data"`
}

// statusSuccess is the envelope's status of everything that was understood.
const statusSuccess = "success"

// Accept is a success around data; rc is empty where the document shows none.
func Accept[T any](rc string, data T) Reply[T] {
	return Reply[T]{Status: statusSuccess, Code: 200, Message: "success", RC: lenient.Text(rc), Data: data}
}

// Refuse is a refusal.
func Refuse(code int, rc, message string) Reply[any] {
	return Reply[any]{Status: "error", Code: lenient.Int(code), Message: lenient.Text(message), RC: lenient.Text(rc)}
}

// Refusal is a failure in the API's own form: it understood and did not do it.
// Code is the envelope's, which follows HTTP.
type Refusal struct {
	Code    int
	RC      string
	Message string
	Data    json.RawMessage
}

// Error gives code, rc and the provider's message; it is for operators only.
func (r *Refusal) Error() string {
	s := "refused"
	if r.RC != "" {
		s += " rc " + r.RC
	}
	if r.Message != "" {
		s += ": " + r.Message
	}
	return s
}

// Duplicate is whether our ref_1 was known already.
func (r *Refusal) Duplicate() bool { return r.RC == RCDuplicate }

// NotFound is whether the API says that it knows no such transaction, given the
// HTTP status of the answer: by rc 25, or in a message that says so of the
// transaction or reference and of nothing else. A "not found" that may be about
// a key, a route or a product is none, nor is one with anything in its data.
func (r *Refusal) NotFound(status int) bool {
	if status != http.StatusOK && status != http.StatusNotFound {
		return false
	}
	switch r.Code {
	case http.StatusOK, http.StatusBadRequest, http.StatusNotFound:
	default:
		return false
	}
	if !lenient.Null(r.Data) {
		return false
	}
	switch r.RC {
	case RCNotFound:
		return !otherThing.MatchString(r.Message)
	case RCSuccess, RCUnknownProduct, RCUnknownCustomer, RCFormat, RCBalance, RCAccount, RCPending, RCTrouble, RCDuplicate:
		return false // its code says something else
	}
	return noTransaction.MatchString(r.Message)
}

// otherThing finds words for what else may not be found.
var otherThing = regexp.MustCompile(`(?i)key|token|route|endpoint|url|path|halaman|page|method|mitra|mmid|rqid|akun|account|user|member|` +
	`produk|product|pelanggan|customer|nomor tujuan|saldo|balance`)

// noTransaction is a whole message that says of a transaction, and of nothing
// else, that there is none: "Transaksi tidak ditemukan", "ref_1 A-77 not found".
// A word with a digit in it is a reference.
var noTransaction = func() *regexp.Regexp {
	const (
		thing = `(?:transaksi|transaction|trx|ref|reff|ref_?1|ref_?id|referensi|reference)`
		more  = `(?:[\s:"'#]+(?:` + thing + `|\S*\d\S*|dengan|untuk|with|for|of|no|nomor|number|id|ini|itu|tersebut|this|that|anda|your)["']?)*`
		head  = `(?:maaf|sorry|data|the|nomor|riwayat|history)[\s,]+`
	)
	return regexp.MustCompile(`(?i)^\W*(?:` +
		`(?:` + head + `)*` + thing + more + `[\s:]+(?:(?:was|is)\s+)?(?:tidak ditemukan|not found|tidak ada)|` +
		`(?:tidak ditemukan|tidak ada|no such)\s+(?:data\s+)?` + thing + more + `)\W*$`)
}()

// AsRefusal finds a refusal in err.
func AsRefusal(err error) (*Refusal, bool) { return errors.AsType[*Refusal](err) }

// raw is a whole answer with its data unread.
type raw = Reply[json.RawMessage]

// open gives the answer when it is a success, else a [Refusal] or ErrMalformed.
func open(body []byte) (*raw, error) {
	var e raw
	if err := lenient.Decode(body, &e); err != nil {
		return nil, err
	}
	if e.Status == "" {
		return nil, lenient.Lacks("status")
	}
	ok := strings.EqualFold(string(e.Status), statusSuccess) || e.Status == "1" || e.Status == "true"
	if ok && string(e.RC) != RCDuplicate {
		if e.Data == nil {
			return nil, lenient.Lacks("data")
		}
		return &e, nil
	}
	if e.Message == "" && e.RC == "" && e.Code == 0 {
		return nil, lenient.Lacks("message")
	}
	return &e, &Refusal{Code: int(e.Code), RC: string(e.RC), Message: string(e.Message), Data: e.Data}
}

// reply decodes a success whose data is one object.
func reply[T any](body []byte, check func(*T) error) (*Reply[T], error) {
	e, err := open(body)
	if err != nil {
		return nil, err
	}
	return fill(e, check)
}

func fill[T any](e *raw, check func(*T) error) (*Reply[T], error) {
	if lenient.Null(e.Data) {
		return nil, lenient.Lacks("data")
	}
	out := &Reply[T]{Status: e.Status, Code: e.Code, Message: e.Message, RC: e.RC}
	if err := lenient.Decode(e.Data, &out.Data); err != nil {
		return nil, err
	}
	if err := check(&out.Data); err != nil {
		return nil, err
	}
	return out, nil
}

// Listing is a list, flat or paged. Odd counts rows that were not understood
// and are left out.
type Listing[T any] struct {
	Rows  []T
	Links *Links // nil when the list came flat
	Meta  *Meta
	Odd   int
}

// Links are the addresses of neighbouring pages.
type Links struct {
	First *lenient.Text `json:"first"`
	Last  *lenient.Text `json:"last"`
	Prev  *lenient.Text `json:"prev"`
	Next  *lenient.Text `json:"next"`
}

// Meta is where a page stands among all.
type Meta struct {
	CurrentPage lenient.Int `json:"current_page"`
	LastPage    lenient.Int `json:"last_page"`
	PerPage     lenient.Int `json:"per_page"`
	Total       lenient.Int `json:"total"`
}

// Last is whether no page follows.
func (l *Listing[T]) Last() bool {
	return l.Meta == nil || l.Meta.CurrentPage >= l.Meta.LastPage
}

type paged[T any] struct {
	Data  T      `json:"data"`
	Links *Links `json:"links"`
	Meta  *Meta  `json:"meta"`
}

// MarshalJSON writes the list as it came: flat or paged.
func (l Listing[T]) MarshalJSON() ([]byte, error) {
	rows := l.Rows
	if rows == nil {
		rows = []T{}
	}
	if l.Meta == nil {
		return json.Marshal(rows)
	}
	return json.Marshal(paged[[]T]{Data: rows, Links: l.Links, Meta: l.Meta})
}

// reader reads the rows of a list: [lenient.Rows], [lenient.Readable] or every.
type reader[T any] func(rows json.RawMessage, field string, check func(*T) error) ([]T, int, error)

// every reads a list that is malformed with any of its rows.
func every[T any](rows json.RawMessage, field string, check func(*T) error) ([]T, int, error) {
	out, odd, err := lenient.Rows(rows, field, check)
	if err == nil && odd > 0 {
		err = lenient.Odd(field)
	}
	return out, 0, err
}

// listing decodes a success whose data is a list of either form.
func listing[T any](body []byte, read reader[T], check func(*T) error) (*Reply[Listing[T]], error) {
	e, err := open(body)
	if err != nil {
		return nil, err
	}
	out := &Reply[Listing[T]]{Status: e.Status, Code: e.Code, Message: e.Message, RC: e.RC}
	rows := e.Data
	if rows[0] == '{' {
		var p paged[json.RawMessage]
		if err := lenient.Decode(rows, &p); err != nil {
			return nil, err
		}
		if p.Meta == nil || p.Meta.CurrentPage < 1 || p.Data == nil {
			return nil, lenient.Lacks("meta")
		}
		rows, out.Data.Links, out.Data.Meta = p.Data, p.Links, p.Meta
	}
	out.Data.Rows, out.Data.Odd, err = read(rows, "data", check)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// need is a check that a text is there.
func need(field string, t lenient.Text) error {
	if t == "" {
		return lenient.Lacks(field)
	}
	return nil
}
