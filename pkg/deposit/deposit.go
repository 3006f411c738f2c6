package deposit

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/id"
)

// State is where a deposit stands inside; [Deposit.Status] is what a merchant sees.
type State string

// The states. Creating ones have no invoice yet; Suspense ones were paid in a way
// that only an operator may credit; Failed ones never got an invoice, and no
// merchant sees them.
const (
	Creating  State = "creating"
	Pending   State = "pending"
	Paid      State = "paid"
	Expired   State = "expired"
	Canceled  State = "canceled"
	Suspended State = "suspense"
	Failed    State = "failed"
)

// What deposits are refused with.
var (
	// ErrConflict: the ref was used with another amount.
	ErrConflict = errors.New("deposit: ref was used with another amount")
	// ErrNotFound: there is no such deposit.
	ErrNotFound = errors.New("deposit: not found")
	// ErrNotCancelable: the deposit is no longer pending.
	ErrNotCancelable = errors.New("deposit: not cancelable")
	// ErrNoGateway: no gateway gave an invoice in time. With a ref, asking again is
	// safe; without one nothing is left of the deposit.
	ErrNoGateway = errors.New("deposit: no gateway gave an invoice")
	// ErrStale: the row has moved on since the caller read it.
	ErrStale = errors.New("deposit: moved on meanwhile")
	// ErrNotResolvable: the deposit stands where an operator's word changes nothing.
	ErrNotResolvable = errors.New("deposit: not to be resolved")
)

const (
	// Grace is how long after expiry or cancel a payment is still credited.
	Grace = 24 * time.Hour

	// subject is what the ledger knows deposits as, and lineSubject lines of statements.
	subject     = "deposit"
	lineSubject = "deposit_line"

	// notes is what a merchant reads beside the entry.
	notes = "QRIS deposit"
)

// Deposit is one deposit. Money is whole rupiah.
type Deposit struct {
	bun.BaseModel `bun:"table:deposits,alias:d"`

	ID       int64  `bun:"id,pk"`
	WalletID int64  `bun:"wallet_id"`
	Mode     string `bun:"mode"`
	Ref      string `bun:"ref"`
	// Amount was asked for; Total is paid and is Amount + Fee; Received is what the
	// gateway owes us of it, and Asked what it was asked for.
	Amount          int64      `bun:"amount"`
	Fee             int64      `bun:"fee"`
	Total           int64      `bun:"total"`
	Received        int64      `bun:"received"`
	Asked           int64      `bun:"asked"`
	Gateway         string     `bun:"gateway"`
	UpstreamRef     string     `bun:"upstream_ref"`
	QR              string     `bun:"qr"`
	Token           string     `bun:"token"`
	State           State      `bun:"state"`
	Version         int64      `bun:"version"`
	Attempt         int        `bun:"attempt"`
	Sent            bool       `bun:"sent"`
	CancelRequested bool       `bun:"cancel_requested"`
	Credited        int64      `bun:"credited"`
	Suspense        int64      `bun:"suspense"`
	Flag            string     `bun:"flag"`
	TraceParent     string     `bun:"trace_parent"`
	LeaseUntil      time.Time  `bun:"lease_until"`
	NextRunAt       *time.Time `bun:"next_run_at"`
	Polls           int        `bun:"polls"`
	LookedAt        *time.Time `bun:"looked_at"`
	WatchedAt       *time.Time `bun:"watched_at"`
	ExpiresAt       *time.Time `bun:"expires_at"`
	PaidAt          *time.Time `bun:"paid_at"`
	EndedAt         *time.Time `bun:"ended_at"`
	CreatedAt       time.Time  `bun:"created_at"`
	UpdatedAt       time.Time  `bun:"updated_at"`
}

// Status is the state as merchants see it.
func (d *Deposit) Status() string {
	switch d.State {
	case Paid, Expired, Canceled:
		return string(d.State)
	case Creating, Pending, Suspended, Failed:
	}
	return string(Pending)
}

// OurRef is our reference for an attempt, for gateways that take one.
func (d *Deposit) OurRef() string { return "D" + id.Text(d.ID) + strconv.Itoa(d.Attempt) }

// infix tells a deposit's public id from a merchant's.
const infix = "-DP-"

// PublicID is the deposit_id that merchants see; prefix is the brand's.
func PublicID(prefix string, n int64) string { return prefix + infix + id.Text(n) }

// ParseID reads a deposit_id back, whatever its prefix and case; ok is false for
// anything else.
func ParseID(s string) (n int64, ok bool) {
	_, tail, found := strings.Cut(strings.ToUpper(s), infix)
	if !found {
		return 0, false
	}
	return id.Parse(tail)
}

// View is a deposit as its merchant sees it, in status calls and in webhooks
// alike: an allow-list, so that nothing of a gateway can pass.
type View struct {
	DepositID    string     `json:"deposit_id" doc:"Our id of the deposit." example:"MRA-DP-0G3ZK4T8M1Q2R"`
	Ref          *string    `json:"ref" doc:"Your reference, null when you gave none." example:"topup-0001"`
	Method       string     `json:"method" enum:"qris" doc:"How it is paid."`
	Amount       int64      `json:"amount" doc:"Rupiah that are credited." example:"100000"`
	Fee          int64      `json:"fee" doc:"Rupiah on top of the amount." example:"347"`
	TotalPayment int64      `json:"total_payment" doc:"Rupiah that are paid: amount + fee. Exactly this; anything else waits for a person." example:"100347"`
	Status       string     `json:"status" enum:"pending,paid,expired,canceled"`
	Credited     bool       `json:"credited" doc:"True once the balance has it."`
	QRString     string     `json:"qr_string" doc:"The text of the QR code." example:"00020101021226…6304ABCD"`
	QRImage      string     `json:"qr_image" doc:"The QR code as a PNG, for whoever has this address; there until the deposit is paid." example:"/qr/5V7Q2H3J4K5M6N7P8R9S0T1V2W.png"`
	StatusURL    string     `json:"status_url" doc:"Where the deposit is read." example:"/api/v1/deposit/MRA-DP-0G3ZK4T8M1Q2R"`
	ExpiresAt    time.Time  `json:"expires_at" doc:"Until when it may be paid."`
	PaidAt       *time.Time `json:"paid_at"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
}

// Links are what a view needs besides the row: the brand's prefix of ids, and
// where merchants reach the API (empty leaves links relative).
type Links struct{ IDPrefix, PublicURL string }

// PicturePath is where the pictures of codes lie: a token and .png follow.
const PicturePath = "/qr/"

// View gives the deposit as its merchant sees it.
func (l Links) View(d *Deposit) View {
	base := strings.TrimSuffix(l.PublicURL, "/")
	v := View{
		DepositID: PublicID(l.IDPrefix, d.ID), Method: "qris", Amount: d.Amount, Fee: d.Fee, TotalPayment: d.Total, Status: d.Status(),
		Credited: d.State == Paid, QRString: d.QR, QRImage: base + PicturePath + d.Token + ".png",
		PaidAt: utc(d.PaidAt), CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(),
	}
	v.StatusURL = base + "/api/v1/deposit/" + v.DepositID
	if d.State == Paid { // by an operator's word perhaps not what was asked for
		v.Amount = d.Credited
		if d.Suspense > 0 {
			v.TotalPayment = d.Suspense
		}
		v.Fee = v.TotalPayment - v.Amount
	}
	if d.Ref != "" {
		v.Ref = &d.Ref
	}
	if d.ExpiresAt != nil {
		v.ExpiresAt = d.ExpiresAt.UTC()
	}
	return v
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
