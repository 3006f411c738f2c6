package withdraw

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/operator"
)

// State is where a withdrawal stands inside; [Withdrawal.Status] is what a merchant
// sees.
type State string

// The states. Pending ones wait for approval, Approved ones for a worker; Sending
// ones have been claimed by one, and a byte may have left; Sent ones are the
// gateway's to decide; Unknown ones left and nothing is known since.
const (
	Pending  State = "pending"
	Approved State = "approved"
	Sending  State = "sending"
	Sent     State = "sent"
	Unknown  State = "unknown"
	Success  State = "success"
	Rejected State = "rejected"
)

// Final tells whether the withdrawal's money has been settled.
func (s State) Final() bool { return s == Success || s == Rejected }

// What withdrawals are refused with.
var (
	// ErrConflict: the ref was used with other content.
	ErrConflict = errors.New("withdraw: ref was used with other content")
	// ErrInsufficient: the wallet does not hold amount and fee. Nothing is kept.
	ErrInsufficient = errors.New("withdraw: balance is not sufficient")
	// ErrNotFound: there is no such withdrawal.
	ErrNotFound = errors.New("withdraw: not found")
	// ErrStale: the row has moved on since the caller read it.
	ErrStale = errors.New("withdraw: moved on meanwhile")
	// ErrNotResolvable: the withdrawal stands where an operator's word changes nothing.
	ErrNotResolvable = errors.New("withdraw: not to be resolved")
	// ErrTaken: the payout is another withdrawal's.
	ErrTaken = errors.New("withdraw: the payout is another withdrawal's")
)

// subject is what the ledger knows withdrawals as.
const subject = "withdraw"

// MethodDANA pays out to a DANA e-wallet, by its phone number.
const MethodDANA = "dana"

// Withdrawal is one withdrawal. Money is whole rupiah.
type Withdrawal struct {
	bun.BaseModel `bun:"table:withdrawals,alias:w"`

	ID            int64      `bun:"id,pk"`
	WalletID      int64      `bun:"wallet_id"`
	Mode          string     `bun:"mode"`
	Ref           string     `bun:"ref"`
	ContentHash   []byte     `bun:"content_hash"`
	Amount        int64      `bun:"amount"`
	Fee           int64      `bun:"fee"`
	Method        string     `bun:"method"`
	AccountNumber string     `bun:"account_number"`
	AccountName   string     `bun:"account_name"`
	State         State      `bun:"state"`
	Version       int64      `bun:"version"`
	Approvals     int        `bun:"approvals"`
	Gateway       string     `bun:"gateway"`
	Attempt       int        `bun:"attempt"`
	Token         string     `bun:"claim"`
	UpstreamRef   string     `bun:"upstream_ref"`
	Charge        int64      `bun:"charge"`
	Refused       string     `bun:"refused"`
	Message       string     `bun:"message"`
	Flag          string     `bun:"flag"`
	TraceParent   string     `bun:"trace_parent"`
	Checker       string     `bun:"checker"`
	CheckAt       *time.Time `bun:"check_at"`
	CheckResult   string     `bun:"check_result"`
	CheckName     string     `bun:"check_name"`
	NextRunAt     *time.Time `bun:"next_run_at"`
	Polls         int        `bun:"polls"`
	WatchedAt     *time.Time `bun:"watched_at"`
	SentAt        *time.Time `bun:"sent_at"`
	CreatedAt     time.Time  `bun:"created_at"`
	UpdatedAt     time.Time  `bun:"updated_at"`
	CompletedAt   *time.Time `bun:"completed_at"`
}

// Total is what is taken: amount and fee.
func (w *Withdrawal) Total() int64 { return w.Amount + w.Fee }

// Status is the state as merchants see it. One that a gateway gave back to the
// queue stays "processing": a status never goes backwards.
func (w *Withdrawal) Status() string {
	switch w.State {
	case Pending:
		return "pending"
	case Success, Rejected:
		return string(w.State)
	case Approved, Sending, Sent, Unknown:
	}
	return "processing"
}

// OurRef is our reference of the current sending, for gateways that take one.
func (w *Withdrawal) OurRef() string { return "W" + id.Text(w.ID) + strconv.Itoa(w.Attempt) }

// infix tells a withdrawal's public id from others.
const infix = "-WD-"

// PublicID is the withdraw_id that merchants see; prefix is the brand's.
func PublicID(prefix string, n int64) string { return prefix + infix + id.Text(n) }

// ParseID reads a withdraw_id back, whatever its prefix and case; ok is false for
// anything else.
func ParseID(s string) (n int64, ok bool) {
	_, tail, found := strings.Cut(strings.ToUpper(s), infix)
	if !found {
		return 0, false
	}
	return id.Parse(tail)
}

// ParseOperatorID reads what an operator calls a withdrawal: its withdraw_id, or the
// number that logs, tasks and rows know it by.
func ParseOperatorID(s string) (int64, bool) { return operator.ParseID(s, ParseID) }

// Request asks for a withdrawal. The caller has checked shape and bounds.
type Request struct {
	WalletID      int64
	Mode          string
	Ref           string
	Amount        int64
	Method        string
	AccountNumber string
	AccountName   string
	// TraceParent joins the withdrawal's spans (W3C trace context); may be empty.
	TraceParent string
}

// PlainNumber is an account's digits, and those of an Indonesian phone number with its
// leading zero: the same account is the same text, however it was written.
func PlainNumber(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
	if rest, ok := strings.CutPrefix(s, "62"); ok {
		return "0" + rest
	}
	return s
}

// Hash is the content that must match when a ref is used again.
func (r *Request) Hash() []byte {
	// Strings and integers cannot fail.
	text, err := json.Marshal([]any{r.Amount, r.Method, r.AccountNumber, r.AccountName})
	if err != nil {
		panic(fmt.Sprintf("withdraw: hash: %v", err))
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// View is a withdrawal as its merchant sees it: an allow-list, so that nothing of a
// gateway can pass.
type View struct {
	WithdrawID    string     `json:"withdraw_id" doc:"Our id of the withdrawal." example:"MRA-WD-0G3ZK4T8M1Q2R"`
	Ref           string     `json:"ref" doc:"Your reference, the idempotency key." example:"wd-0001"`
	Amount        int64      `json:"amount" doc:"Rupiah that the receiver gets." example:"100000"`
	Fee           int64      `json:"fee" doc:"Rupiah on top of it." example:"1000"`
	TotalDeduct   int64      `json:"total_deduct" doc:"Rupiah that are taken: amount + fee." example:"101000"`
	Method        string     `json:"method" enum:"dana"`
	AccountNumber string     `json:"account_number" example:"081234567890"`
	AccountName   string     `json:"account_name" example:"John Doe"`
	Status        string     `json:"status" enum:"pending,processing,success,rejected"`
	Message       *string    `json:"message" doc:"Why it was rejected, in words."`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
	ProcessedAt   *time.Time `json:"processed_at" doc:"When the status became final."`
}

// View gives the withdrawal as its merchant sees it; prefix is the brand's.
func (w *Withdrawal) View(prefix string) View {
	v := View{
		WithdrawID: PublicID(prefix, w.ID), Ref: w.Ref, Amount: w.Amount, Fee: w.Fee, TotalDeduct: w.Total(), Method: w.Method,
		AccountNumber: w.AccountNumber, AccountName: w.AccountName, Status: w.Status(), CreatedAt: w.CreatedAt.UTC(), UpdatedAt: w.UpdatedAt.UTC(),
	}
	if w.Message != "" {
		v.Message = &w.Message
	}
	if w.CompletedAt != nil {
		at := w.CompletedAt.UTC()
		v.ProcessedAt = &at
	}
	return v
}
