package wire

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// The states of a withdrawal; the gateway's staff decides.
const (
	WithdrawPending  = "pending"
	WithdrawSuccess  = "success"
	WithdrawRejected = "rejected"
)

// Stamp is a moment in UTC with milliseconds ("2025-01-15T10:30:00.000Z"); null is the
// zero time. A local time without a zone, which is WIB, is accepted.
type Stamp struct{ time.Time }

// stampLayout is how a stamp is written.
const stampLayout = "2006-01-02T15:04:05.000Z"

// UnmarshalJSON reads a stamp.
func (s *Stamp) UnmarshalJSON(b []byte) error {
	var l lenient.Local
	if err := l.UnmarshalJSON(b); err != nil {
		return err
	}
	s.Time = time.Time{}
	if !l.IsZero() {
		s.Time = l.UTC()
	}
	return nil
}

// MarshalJSON writes a stamp; the zero time is null.
func (s Stamp) MarshalJSON() ([]byte, error) {
	if s.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendQuote(nil, s.UTC().Format(stampLayout)), nil
}

// WithdrawRequest is the body of [PathWithdraw]. Amount is what the receiver gets, in
// rupiah.
type WithdrawRequest struct {
	Amount        int64  `json:"amount"`
	AccountNumber string `json:"accountNumber"`
	AccountName   string `json:"accountName"`
}

// Requested is the answer of [PathWithdraw], in rupiah.
type Requested struct {
	Success     *lenient.Flag `json:"success,omitempty"`
	Message     lenient.Text  `json:"message"`
	WithdrawID  lenient.Text  `json:"withdraw_id"`
	Amount      *lenient.Int  `json:"amount"`
	Fee         *lenient.Int  `json:"fee"`
	TotalDeduct *lenient.Int  `json:"total_deduct"`
	NewBalance  *lenient.Int  `json:"new_balance"`
	Status      lenient.Text  `json:"status"`
	CreatedAt   Stamp         `json:"created_at"`
}

// DecodeRequested reads [PathWithdraw].
func DecodeRequested(body []byte) (*Requested, error) {
	return decode(body, func(r *Requested) error {
		for _, err := range []error{need("withdraw_id", r.WithdrawID), need("status", r.Status), amounts("amount", r.Amount)} {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Withdrawal is a row of [PathHistory], and with Success the answer of [PathWithdrew],
// in rupiah.
type Withdrawal struct {
	Success       *lenient.Flag `json:"success,omitempty"`
	WithdrawID    lenient.Text  `json:"withdraw_id"`
	Amount        *lenient.Int  `json:"amount"`
	Fee           *lenient.Int  `json:"fee"`
	TotalDeduct   *lenient.Int  `json:"total_deduct"`
	Status        lenient.Text  `json:"status"`
	Method        lenient.Text  `json:"method"`
	AccountNumber lenient.Text  `json:"account_number"`
	AccountName   lenient.Text  `json:"account_name"`
	AdminNote     *lenient.Text `json:"admin_note"`
	CreatedAt     Stamp         `json:"created_at"`
	ProcessedAt   Stamp         `json:"processed_at"`
}

func checkWithdrawal(w *Withdrawal) error {
	for _, err := range []error{need("withdraw_id", w.WithdrawID), need("status", w.Status), amounts("amount", w.Amount)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// DecodeWithdrawal reads [PathWithdrew].
func DecodeWithdrawal(body []byte) (*Withdrawal, error) { return decode(body, checkWithdrawal) }

// Pagination is where a page stands among all.
type Pagination struct {
	Page       lenient.Int `json:"page"`
	Limit      lenient.Int `json:"limit"`
	Total      lenient.Int `json:"total"`
	TotalPages lenient.Int `json:"total_pages"`
}

// History is the answer of [PathHistory].
type History struct {
	Success    *lenient.Flag `json:"success,omitempty"`
	Data       []Withdrawal  `json:"data"`
	Pagination *Pagination   `json:"pagination"`
}

// DecodeHistory reads [PathHistory]. That a withdrawal is not in there is evidence, so
// one row that is not understood makes it malformed.
func DecodeHistory(body []byte) (*History, error) {
	type answer struct {
		Success    *lenient.Flag   `json:"success"`
		Data       json.RawMessage `json:"data"`
		Pagination *Pagination     `json:"pagination"`
	}
	a, err := decode(body, func(a *answer) error {
		switch {
		case a.Data == nil:
			return lenient.Lacks("data")
		case a.Pagination == nil || a.Pagination.Page < 1:
			return lenient.Lacks("pagination")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, odd, err := lenient.Rows(a.Data, "data", checkWithdrawal)
	if err == nil && odd > 0 {
		err = lenient.Odd("data")
	}
	if err != nil {
		return nil, err
	}
	return &History{Success: a.Success, Data: rows, Pagination: a.Pagination}, nil
}
