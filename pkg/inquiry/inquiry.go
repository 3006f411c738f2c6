package inquiry

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/muarahq/muara/pkg/order"
)

// State is where an inquiry stands.
type State string

// The states. Found ones have their answer; Open ones have been told to the merchant, who
// may pay them; Replaced ones were asked for anew since.
const (
	Asking   State = "asking"
	Found    State = "found"
	Open     State = "open"
	Replaced State = "replaced"
	Paid     State = "paid"
	Failed   State = "failed"
)

// Life is how long an inquiry may be paid at most.
const Life = 15 * time.Minute

// Kept is how long an inquiry is kept that nobody paid; until then its ref stands for it.
const Kept = 30 * 24 * time.Hour

// MaxAmount bounds every amount of a bill, in rupiah.
const MaxAmount int64 = 1_000_000_000_000

// What this package refuses with.
var (
	// ErrNotFound: the wallet has no such inquiry.
	ErrNotFound = errors.New("inquiry: not found")
	// ErrConflict: the ref was used with other content.
	ErrConflict = errors.New("inquiry: ref was used with other content")
	// ErrStale: the row has moved on since it was read.
	ErrStale = errors.New("inquiry: moved on meanwhile")
	// ErrUnsound: a bill whose amounts make no sense.
	ErrUnsound = errors.New("inquiry: unsound bill")
)

// Request is one question to one source. The caller has checked it against the catalogue.
type Request struct {
	WalletID   int64
	Mode       string
	Ref        string
	SKU        string
	Name       string
	ProductID  int64
	CustomerNo string
	ZoneID     *string
	// Inputs are further fields by name, as the product has them.
	Inputs map[string]string
	Route  order.Route
	// WaitUntil is until when somebody waits for the answer.
	WaitUntil time.Time
}

// Inquiry is a row. Money is whole rupiah.
type Inquiry struct {
	ID         int64
	WalletID   int64
	Mode       string
	Ref        string
	SKU        string
	Name       string
	ProductID  int64
	CustomerNo string
	ZoneID     *string
	Inputs     map[string]string
	Route      order.Route
	State      State
	WaitUntil  time.Time
	// Outcome is how the question ended; SaidCode and SaidDetail are the source's own, for
	// operators only.
	Outcome    string
	SaidCode   string
	SaidDetail string
	// Bill is what was found, Price what the merchant pays for it until ExpiresAt.
	Bill      *order.Bill
	Price     int64
	ExpiresAt time.Time
	OrderID   *int64
	CreatedAt time.Time
}

// Same tells whether a request asks for the same bill.
func (q *Inquiry) Same(r *Request) bool {
	return q.For(r.SKU, r.CustomerNo, r.ZoneID) && maps.Equal(q.Inputs, r.Inputs)
}

// For tells whether the inquiry is of this product and customer; a zone that is not given
// is the inquiry's.
func (q *Inquiry) For(sku, customerNo string, zoneID *string) bool {
	return q.SKU == sku && q.CustomerNo == customerNo && (zoneID == nil || q.ZoneID != nil && *q.ZoneID == *zoneID)
}

// Quote is an inquiry as its merchant sees it.
type Quote struct {
	Ref          string          `json:"ref" doc:"Your reference, which the order that pays bears too." example:"bill-0001"`
	SKU          string          `json:"sku" example:"PLNIDPASCA"`
	CustomerNo   string          `json:"customer_no" example:"546302215889"`
	CustomerName *string         `json:"customer_name" doc:"Whose bill it is." example:"ANTO"`
	Bill         *order.BillView `json:"bill"`
	Price        int64           `json:"price" doc:"Rupiah that paying it costs you: the bill's total and our fee." example:"302850"`
	ExpiresAt    time.Time       `json:"expires_at" doc:"Until when it can be paid."`
}

// View gives an inquiry that has been answered as its merchant sees it.
func (q *Inquiry) View() Quote {
	b := q.Bill.View()
	return Quote{Ref: q.Ref, SKU: q.SKU, CustomerNo: q.CustomerNo, CustomerName: b.CustomerName, Bill: b, Price: q.Price, ExpiresAt: q.ExpiresAt.UTC()}
}

// Price is what a merchant pays for a bill, in rupiah: its total and our fee, and never
// less than it costs us and the floor.
func Price(b *order.Bill, fee, floor int64) int64 {
	return max(b.Total+fee, b.Cost+floor)
}

// wib is the time zone whose days bills are paid in.
func wib() *time.Location { return time.FixedZone("WIB", 7*60*60) }

// midnight is the end of the day (WIB) that a time is in.
func midnight(at time.Time) time.Time {
	y, m, d := at.In(wib()).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, wib()).UTC()
}

// PayBy is until when a bill that was asked for at a time may be paid at its source: by
// the source's own rule (zero where it has none), and never past midnight WIB.
func PayBy(asked, theirs time.Time) time.Time {
	end := midnight(asked)
	if !theirs.IsZero() && theirs.Before(end) {
		end = theirs.UTC()
	}
	return end.Truncate(time.Microsecond)
}

// Ends is until when a merchant may pay what was asked for at a time.
func Ends(asked time.Time, b *order.Bill) time.Time {
	end := asked.Add(Life).UTC().Truncate(time.Microsecond)
	if b.PayBy.Before(end) {
		return b.PayBy
	}
	return end
}

const (
	maxText  = 200
	maxLines = 100
)

// sound refuses a bill of which nobody could say what it costs, and puts its texts into
// a form that can be shown: one line each, none too long.
func sound(b *order.Bill) error {
	for _, n := range []int64{b.Amount, b.Admin, b.Total, b.Cost} {
		if n < 0 || n > MaxAmount {
			return ErrUnsound
		}
	}
	if b.Total == 0 || b.Cost == 0 {
		return ErrUnsound
	}
	b.CustomerName, b.Period = tidy(b.CustomerName), tidy(b.Period)
	lines := map[string]string{}
	for name, value := range b.Lines {
		if value = tidy(value); value != "" && len(lines) < maxLines {
			lines[name] = value
		}
	}
	b.Lines = lines
	return nil
}

// tidy gives a text on one line.
func tidy(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	if utf8.RuneCountInString(s) > maxText {
		s = string([]rune(s)[:maxText])
	}
	return s
}

// document is a map as it is stored.
func document(m map[string]string) (string, error) {
	if len(m) == 0 {
		return "{}", nil
	}
	raw, err := json.Marshal(m)
	return string(raw), err
}

// What a worker answers whoever asked it. The row has the facts.
const (
	VerdictFound = "found"
	// VerdictNoBill: the customer owes nothing, or is not known. It is final.
	VerdictNoBill = "no_bill"
	// VerdictDisturbed: this source does not look such bills up now. VerdictRefused: it gave
	// no usable answer.
	VerdictDisturbed = "disturbed"
	VerdictRefused   = "refused"
	// VerdictStale: somebody else was faster, or nobody waits any more.
	VerdictStale = "stale"
)
