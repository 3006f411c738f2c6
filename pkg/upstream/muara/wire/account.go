package wire

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Profile is what of GET /profile tells about money.
type Profile struct {
	Balance *lenient.Int `json:"balance"`
	Held    *lenient.Int `json:"held"`
}

// DecodeProfile reads the balance.
func DecodeProfile(status int, body []byte) (*Profile, error) {
	return Decode(status, body, func(p *Profile) error { return amount("balance", p.Balance) })
}

// Bill is what a customer owes.
type Bill struct {
	CustomerName lenient.Text               `json:"customer_name"`
	Period       lenient.Text               `json:"period"`
	Amount       *lenient.Int               `json:"amount"`
	Admin        *lenient.Int               `json:"admin"`
	Total        *lenient.Int               `json:"total"`
	Lines        map[string]json.RawMessage `json:"lines"`
}

// Inquiry is an inquired bill. Price is what paying it takes from our balance.
type Inquiry struct {
	Ref          lenient.Text `json:"ref"`
	SKU          lenient.Text `json:"sku"`
	CustomerNo   lenient.Text `json:"customer_no"`
	CustomerName lenient.Text `json:"customer_name"`
	Bill         *Bill        `json:"bill"`
	Price        *lenient.Int `json:"price"`
	ExpiresAt    *Time        `json:"expires_at"`
}

// InquiryRequest is the body of POST /inquiry.
type InquiryRequest struct {
	Ref        string `json:"ref"`
	SKU        string `json:"sku"`
	CustomerNo string `json:"customer_no"`
}

// OneInquiry is the data of POST /inquiry.
type OneInquiry struct {
	Inquiry *Inquiry `json:"inquiry"`
}

// DecodeInquiry reads an inquired bill.
func DecodeInquiry(status int, body []byte) (*Inquiry, error) {
	d, err := Decode(status, body, func(d *OneInquiry) error {
		i := d.Inquiry
		if i == nil || i.Bill == nil {
			return lenient.Lacks("inquiry.bill")
		}
		if i.ExpiresAt.Or().IsZero() {
			return lenient.Lacks("inquiry.expires_at")
		}
		return first(need("inquiry.ref", i.Ref), need("inquiry.sku", i.SKU), amount("inquiry.price", i.Price),
			amount("bill.amount", i.Bill.Amount), amount("bill.total", i.Bill.Total))
	})
	if err != nil {
		return nil, err
	}
	return d.Inquiry, nil
}

// DepositRequest is the body of POST /deposit.
type DepositRequest struct {
	Amount int64  `json:"amount"`
	Ref    string `json:"ref,omitempty"`
}

// The statuses of deposits, besides pending, expired and canceled.
const Paid = "paid"

// Deposit is a deposit in any answer about one. Amount is credited, TotalPayment paid.
type Deposit struct {
	DepositID    lenient.Text  `json:"deposit_id"`
	Ref          *lenient.Text `json:"ref,omitempty"`
	Amount       *lenient.Int  `json:"amount"`
	Fee          *lenient.Int  `json:"fee"`
	TotalPayment *lenient.Int  `json:"total_payment"`
	Status       lenient.Text  `json:"status"`
	Credited     *lenient.Flag `json:"credited,omitempty"`
	QRString     *lenient.Text `json:"qr_string"`
	QRImage      *lenient.Text `json:"qr_image"`
	StatusURL    *lenient.Text `json:"status_url"`
	PaidAt       *Time         `json:"paid_at"`
	ExpiresAt    *Time         `json:"expires_at"`
	Balance      *lenient.Int  `json:"balance,omitempty"`
}

// DecodeDeposit reads an answer about one deposit.
func DecodeDeposit(status int, body []byte) (*Deposit, error) {
	return Decode(status, body, func(d *Deposit) error {
		return first(need("deposit_id", d.DepositID), need("status", d.Status), amount("amount", d.Amount))
	})
}

// WithdrawRequest is the body of POST /withdraw.
type WithdrawRequest struct {
	Ref           string `json:"ref"`
	Amount        int64  `json:"amount"`
	Method        string `json:"method"`
	AccountNumber string `json:"account_number"`
	AccountName   string `json:"account_name"`
}

// The statuses of withdrawals, besides pending and processing.
const (
	WithdrawSuccess  = "success"
	WithdrawRejected = "rejected"
)

// Withdraw is a withdrawal, flat, in any answer about one.
type Withdraw struct {
	WithdrawID    lenient.Text `json:"withdraw_id"`
	Ref           lenient.Text `json:"ref"`
	Amount        *lenient.Int `json:"amount"`
	Fee           *lenient.Int `json:"fee"`
	TotalDeduct   *lenient.Int `json:"total_deduct"`
	Method        lenient.Text `json:"method"`
	AccountNumber lenient.Text `json:"account_number"`
	AccountName   lenient.Text `json:"account_name"`
	Balance       *lenient.Int `json:"balance,omitempty"`
	Status        lenient.Text `json:"status"`
	CreatedAt     *Time        `json:"created_at"`
	ProcessedAt   *Time        `json:"processed_at,omitempty"`
}

func (w *Withdraw) check() error {
	return first(need("withdraw_id", w.WithdrawID), need("status", w.Status), amount("amount", w.Amount))
}

// DecodeWithdraw reads an answer about one withdrawal.
func DecodeWithdraw(status int, body []byte) (*Withdraw, error) {
	return Decode(status, body, (*Withdraw).check)
}

// Withdrawals is the data of GET /withdrawals.
type Withdrawals struct {
	Count       lenient.Int   `json:"count"`
	Withdrawals []Withdraw    `json:"withdrawals"`
	NextCursor  *lenient.Text `json:"next_cursor"`
}

// DecodeWithdrawals reads a page of withdrawals, none of them odd: one that is missing
// may be evidence.
func DecodeWithdrawals(status int, body []byte) (*Withdrawals, error) {
	return Decode(status, body, func(d *Withdrawals) error {
		if d.Withdrawals == nil {
			return lenient.Lacks("withdrawals")
		}
		for i := range d.Withdrawals {
			if err := d.Withdrawals[i].check(); err != nil {
				return err
			}
		}
		return nil
	})
}

// Bank is a row of GET /check/banks, Game one of GET /check/games.
type Bank struct {
	BankCode lenient.Text `json:"bank_code"`
	BankName lenient.Text `json:"bank_name"`
	Type     lenient.Text `json:"type"`
}

// Game is a row of GET /check/games.
type Game struct {
	AccountCode lenient.Text `json:"account_code"`
	AccountName lenient.Text `json:"account_name"`
	Type        lenient.Text `json:"type"`
}

// Targets is the data of either list; the other one's rows stay nil.
type Targets struct {
	Count lenient.Int `json:"count"`
	Banks []Bank      `json:"banks,omitempty"`
	Games []Game      `json:"games,omitempty"`
}

// DecodeTargets reads either list.
func DecodeTargets(status int, body []byte) (*Targets, error) {
	return Decode(status, body, func(d *Targets) error {
		if d.Banks == nil && d.Games == nil {
			return lenient.Lacks("banks")
		}
		for _, b := range d.Banks {
			if err := first(need("bank_code", b.BankCode), need("bank_name", b.BankName)); err != nil {
				return err
			}
		}
		for _, g := range d.Games {
			if err := first(need("account_code", g.AccountCode), need("account_name", g.AccountName)); err != nil {
				return err
			}
		}
		return nil
	})
}

// The statuses of checked accounts.
const (
	Valid   = "valid"
	Invalid = "invalid"
)

// Account is a checked account.
type Account struct {
	Status        lenient.Text  `json:"status"`
	AccountNumber lenient.Text  `json:"account_number"`
	AccountName   *lenient.Text `json:"account_name"`
}

// DecodeAccount reads a checked account.
func DecodeAccount(status int, body []byte) (*Account, error) {
	return Decode(status, body, func(a *Account) error {
		if a.Status != Valid && a.Status != Invalid {
			return lenient.Odd("status")
		}
		return need("account_number", a.AccountNumber)
	})
}

// Mutation is a line of the statement of our balance there.
type Mutation struct {
	ID                     int64
	Debit, Credit, Balance int64
	Kind                   string
	Ref                    string
	OrderID                string
	Notes                  string
	CreatedAt              time.Time
}

// MutationColumns are the columns of the statement as CSV.
func MutationColumns() []string {
	return []string{"id", "debit", "credit", "balance", "kind", "ref", "order_id", "notes", "created_at"}
}

// DecodeMutations reads the statement as CSV: any order of columns, and none of its
// lines odd, since each leads to the next.
func DecodeMutations(body []byte) ([]Mutation, error) {
	in := csv.NewReader(strings.NewReader(string(body)))
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, lenient.Lacks("columns")
	}
	at := map[string]int{}
	for i, name := range head {
		at[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for _, name := range MutationColumns() {
		if _, ok := at[name]; !ok {
			return nil, lenient.Lacks(name)
		}
	}
	out := []Mutation{}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, lenient.Odd("line")
		}
		m := Mutation{
			Kind: strings.Clone(row[at["kind"]]), Ref: strings.Clone(row[at["ref"]]), OrderID: strings.Clone(row[at["order_id"]]), Notes: strings.Clone(row[at["notes"]]),
		}
		for _, f := range []struct {
			name string
			into *int64
		}{{"id", &m.ID}, {"debit", &m.Debit}, {"credit", &m.Credit}, {"balance", &m.Balance}} {
			if *f.into, err = lenient.ParseInt(row[at[f.name]]); err != nil {
				return nil, lenient.Odd(f.name)
			}
		}
		if m.CreatedAt, err = time.Parse(time.RFC3339Nano, row[at["created_at"]]); err != nil {
			return nil, lenient.Odd("created_at")
		}
		out = append(out, m)
	}
}

// Event is a webhook's body. Order is nil for what is about something else.
type Event struct {
	Type      lenient.Text `json:"type"`
	Timestamp *Time        `json:"timestamp"`
	Mode      lenient.Text `json:"mode"`
	Data      struct {
		Order *Order `json:"order,omitempty"`
	} `json:"data"`
}

// DecodeEvent reads a webhook's body.
func DecodeEvent(body []byte) (*Event, error) {
	var e Event
	if err := lenient.Decode(body, &e); err != nil {
		return nil, err
	}
	if e.Type == "" {
		return nil, lenient.Lacks("type")
	}
	if e.Type != EventOrder {
		return &e, nil
	}
	if e.Data.Order == nil {
		return nil, lenient.Lacks("data.order")
	}
	return &e, e.Data.Order.check()
}
