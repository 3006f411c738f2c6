package wire

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Result codes. RCSuccess and RCDuplicate are documented. The others are
// customary in the trade; they tell a reason, never whether something was bought.
const (
	RCSuccess         = "00"
	RCUnknownProduct  = "13"
	RCUnknownCustomer = "14"
	RCNotFound        = "25"
	RCFormat          = "30"
	RCBalance         = "51"
	RCAccount         = "58"
	RCPending         = "68"
	RCTrouble         = "91"
	RCDuplicate       = "94"
)

// State is where a transaction stands. Zero is a state that we do not know.
type State int

// The documented states; 2 and 3 both mean that it is not decided yet.
const (
	StateSuccess State = 1
	StateProcess State = 2
	StatePending State = 3
	StateFailed  State = 11
)

// Pending is whether the state is not final.
func (s State) Pending() bool { return s == StateProcess || s == StatePending }

// Label is the state's status_label.
func (s State) Label() string {
	switch s {
	case StateSuccess:
		return "success"
	case StateFailed:
		return "failed"
	case StateProcess:
		return "process"
	case StatePending:
		return "pending"
	}
	return ""
}

// StateOf reads a status and its label. They must not contradict each other;
// where the number is missing the label decides.
func StateOf(status *lenient.Int, label lenient.Text) State {
	said := labelled(label)
	if status == nil {
		return said
	}
	s := State(*status)
	switch s {
	case StateSuccess, StateFailed, StateProcess, StatePending:
	default:
		return 0
	}
	if said != 0 && said != s && !(said.Pending() && s.Pending()) {
		return 0
	}
	return s
}

func labelled(label lenient.Text) State {
	switch strings.ToLower(strings.TrimSpace(string(label))) {
	case "success", "sukses", "succeed", "successful":
		return StateSuccess
	case "failed", "gagal", "fail", "failure":
		return StateFailed
	case "process", "processing", "proses", "diproses":
		return StateProcess
	case "pending", "waiting", "menunggu":
		return StatePending
	}
	return 0
}

// Transaction is the data of /topup, /status, /inquiry and /payment. Amounts
// are in rupiah; nil was not said. Detail is a bill's free form.
type Transaction struct {
	Ref1        lenient.Text    `json:"ref_1"`
	Ref2        lenient.Text    `json:"ref_2,omitempty"`
	ProductCode lenient.Text    `json:"product_code"`
	ProductName lenient.Text    `json:"product_name,omitempty"`
	CustomerID  lenient.Text    `json:"customer_id,omitempty"`
	Status      *lenient.Int    `json:"status"`
	StatusLabel lenient.Text    `json:"status_label"`
	Price       *lenient.Rupiah `json:"price,omitempty"`
	Admin       *lenient.Rupiah `json:"admin,omitempty"`
	TotalPrice  *lenient.Rupiah `json:"total_price,omitempty"`
	Msg         lenient.Text    `json:"msg"`
	Detail      json.RawMessage `json:"detail,omitempty"`
}

// State is where it stands.
func (t *Transaction) State() State { return StateOf(t.Status, t.StatusLabel) }

// SN is the serial number in the message, empty when there is none.
func (t *Transaction) SN() string { return SN(string(t.Msg)) }

// DecodeTransaction reads /topup, /status, /inquiry and /payment. An envelope
// that refuses, around a transaction that failed or is pending, is that
// transaction.
func DecodeTransaction(body []byte) (*Reply[Transaction], error) {
	e, err := open(body)
	var refused *Refusal
	if err != nil && (!errors.As(err, &refused) || refused.Duplicate() || lenient.Null(refused.Data)) {
		return nil, err
	}
	out, fillErr := fill(e, func(t *Transaction) error {
		if t.Status == nil && t.StatusLabel == "" {
			return lenient.Lacks("status")
		}
		return need("ref_1", t.Ref1)
	})
	switch {
	case refused == nil:
		return out, fillErr
	case fillErr != nil || out.Data.State() == 0:
		return nil, err
	case out.Data.State() == StateSuccess:
		return nil, lenient.Odd("status")
	}
	return out, nil
}

// HistoryRow is a row of /history. TotalPrice is in rupiah. Status and Msg are
// not in the documented row; they are read where they come.
type HistoryRow struct {
	Ref1        lenient.Text    `json:"ref_1"`
	ProductCode lenient.Text    `json:"product_code"`
	CustomerID  lenient.Text    `json:"customer_id"`
	Status      *lenient.Int    `json:"status,omitempty"`
	StatusLabel lenient.Text    `json:"status_label"`
	TotalPrice  *lenient.Rupiah `json:"total_price"`
	Msg         lenient.Text    `json:"msg,omitempty"`
	CreatedAt   lenient.Local   `json:"created_at"`
}

// State is where the transaction stands.
func (h *HistoryRow) State() State { return StateOf(h.Status, h.StatusLabel) }

// SN is the serial number in the message, empty when the row has none.
func (h *HistoryRow) SN() string { return SN(string(h.Msg)) }

func checkRow(h *HistoryRow) error {
	if h.Status == nil && h.StatusLabel == "" {
		return lenient.Lacks("status_label")
	}
	return need("ref_1", h.Ref1)
}

// DecodeHistory reads /history, flat or paged. Rows that are not understood are
// left out: that a row is missing there proves nothing.
func DecodeHistory(body []byte) (*Reply[Listing[HistoryRow]], error) {
	return listing(body, lenient.Readable, checkRow)
}

// DecodeStatement reads /history, flat or paged, where a missing row would be
// evidence: of a row that is not understood the reference is kept, as far as it can be
// read, without a state; Odd counts them.
func DecodeStatement(body []byte) (*Reply[Listing[HistoryRow]], error) {
	r, err := listing(body, every, func(*keptRow) error { return nil })
	if err != nil {
		return nil, err
	}
	out := &Reply[Listing[HistoryRow]]{Status: r.Status, Code: r.Code, Message: r.Message, RC: r.RC}
	out.Data.Links, out.Data.Meta = r.Data.Links, r.Data.Meta
	out.Data.Rows = make([]HistoryRow, len(r.Data.Rows))
	for i, row := range r.Data.Rows {
		out.Data.Rows[i] = row.HistoryRow
		if row.odd {
			out.Data.Odd++
		}
	}
	return out, nil
}

// keptRow is a row of /history that is kept even when it is not understood.
type keptRow struct {
	HistoryRow
	odd bool
}

// UnmarshalJSON reads a row, or else no more than its reference.
func (k *keptRow) UnmarshalJSON(b []byte) error {
	err := lenient.Decode(b, &k.HistoryRow)
	if err == nil {
		err = checkRow(&k.HistoryRow)
	}
	if err == nil {
		return nil
	}
	var ref struct {
		Ref1 lenient.Text `json:"ref_1"`
	}
	_ = lenient.Decode(b, &ref) // what cannot be read stays empty, and is counted
	*k = keptRow{HistoryRow: HistoryRow{Ref1: ref.Ref1}, odd: true}
	return nil
}

// DecodeHistoryOf reads /history/{ref_1}, for which the document has no
// example: one row, or a list of them. A success with null or an empty list is
// the API's word that it knows none, so one odd row makes it malformed.
func DecodeHistoryOf(body []byte) (*Reply[Listing[HistoryRow]], error) {
	e, err := open(body)
	if err != nil {
		return nil, err
	}
	out := &Reply[Listing[HistoryRow]]{Status: e.Status, Code: e.Code, Message: e.Message, RC: e.RC}
	if lenient.Null(e.Data) {
		return out, nil
	}
	if e.Data[0] == '[' {
		return listing(body, every, checkRow)
	}
	var p paged[json.RawMessage]
	if lenient.Decode(e.Data, &p) == nil && p.Meta != nil {
		return listing(body, every, checkRow)
	}
	row, err := fill(e, checkRow)
	if err != nil {
		return nil, err
	}
	out.Data.Rows = []HistoryRow{row.Data}
	return out, nil
}

// Saldo is the data of /balance, in rupiah.
type Saldo struct {
	Saldo *lenient.Int `json:"saldo"`
}

// DecodeBalance reads /balance.
func DecodeBalance(body []byte) (*Reply[Saldo], error) {
	return reply(body, func(s *Saldo) error {
		if s.Saldo == nil {
			return lenient.Lacks("saldo")
		}
		return nil
	})
}

// Mutation is a row of /mutations, in rupiah. In the document's example a purchase is a
// credit that leaves less; its prose does not say which side is ours.
type Mutation struct {
	Debit     lenient.Int   `json:"debit"`
	Credit    lenient.Int   `json:"credit"`
	Balance   *lenient.Int  `json:"balance"`
	Notes     lenient.Text  `json:"notes"`
	TrxNo     lenient.Text  `json:"trx_no"`
	CreatedAt lenient.Local `json:"created_at"`
}

// DecodeMutations reads /mutations, flat or paged.
func DecodeMutations(body []byte) (*Reply[Listing[Mutation]], error) {
	return listing(body, every, func(m *Mutation) error {
		switch {
		case m.Balance == nil:
			return lenient.Lacks("balance")
		case m.Debit < 0:
			return lenient.Odd("debit")
		case m.Credit < 0:
			return lenient.Odd("credit")
		}
		return nil
	})
}
