package wire

import (
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Statuses of a deposit. The document knows no word for one that ran out; DepositExpired
// is what such words are read as.
const (
	DepositPending Status = "pending"
	DepositSuccess Status = "success"
	DepositCancel  Status = "cancel"
	DepositExpired Status = "expired"
)

// DepositStatusOf brings the spellings of a deposit's status to the documented one.
func DepositStatusOf(t lenient.Text) Status {
	s := strings.ToLower(strings.TrimSpace(string(t)))
	switch s {
	case "sukses", "paid":
		return DepositSuccess
	case "canceled", "cancelled", "batal":
		return DepositCancel
	case "expire", "expiring":
		return DepositExpired
	}
	return Status(s)
}

// DepositV1 is a new deposit (v1). Amount is what is to be paid, in rupiah.
type DepositV1 struct {
	ID        lenient.Text   `json:"id"`
	Method    lenient.Text   `json:"method"`
	Amount    lenient.Int    `json:"amount"`
	Currency  CurrencyV1     `json:"currency"`
	QR        lenient.Text   `json:"qr"`
	Expired   lenient.Millis `json:"expired"`
	CreatedAt lenient.Millis `json:"createdAt"`
	Merchant  lenient.Text   `json:"merchant"`
}

// CurrencyV1 tells what is paid, kept and received, in rupiah.
type CurrencyV1 struct {
	Type     lenient.Text `json:"type"`
	Total    lenient.Int  `json:"total"`
	Fee      lenient.Int  `json:"fee"`
	Diterima lenient.Int  `json:"diterima"`
}

// Deposit is a new deposit (v2). Total, Fee and Diterima are in rupiah.
type Deposit struct {
	ID     lenient.Text `json:"id"`
	Status lenient.Text `json:"status"`
	Method lenient.Text `json:"method"`
	// Currency is the same in the method's own currency. It decides nothing, so an odd
	// one counts as missing.
	Currency  Optional[Currency] `json:"currency,omitzero"`
	Total     lenient.Int        `json:"total"`
	Fee       lenient.Int        `json:"fee"`
	Diterima  lenient.Int        `json:"diterima"`
	QRString  lenient.Text       `json:"qr_string"`
	QRImage   lenient.Text       `json:"qr_image"`
	Created   lenient.Local      `json:"created_at"`
	CreatedTS lenient.Millis     `json:"created_at_ts"`
	Expired   lenient.Local      `json:"expired_at"`
	ExpiredTS lenient.Millis     `json:"expired_at_ts"`
}

// Currency tells what is paid, kept and received in the method's own currency.
type Currency struct {
	Type     lenient.Text `json:"type"`
	Total    Decimal      `json:"total"`
	Fee      Decimal      `json:"fee"`
	Diterima Decimal      `json:"diterima"`
}

// DepositStatusV1 is where a deposit stands (v1), and the answer to a cancel.
type DepositStatusV1 struct {
	ID      lenient.Text   `json:"id"`
	Status  lenient.Text   `json:"status"`
	Created lenient.Millis `json:"created"`
	Expired lenient.Millis `json:"expired"`
	Amount  lenient.Int    `json:"amount"`
	Message lenient.Text   `json:"message,omitempty"`
}

// DepositStatus is where a deposit stands (v2), in rupiah.
type DepositStatus struct {
	ID        lenient.Text   `json:"id"`
	Status    lenient.Text   `json:"status"`
	Created   lenient.Local  `json:"created_at"`
	CreatedTS lenient.Millis `json:"created_at_ts"`
	Expired   lenient.Local  `json:"expired_at"`
	ExpiredTS lenient.Millis `json:"expired_at_ts"`
	Total     lenient.Int    `json:"total"`
	Fee       lenient.Int    `json:"fee"`
	Diterima  lenient.Int    `json:"diterima"`
	BrandName lenient.Text   `json:"brand_name,omitempty"`
	BuyerReff lenient.Text   `json:"buyer_reff,omitempty"`
}

// DecodeDepositV1 reads v1 deposit/create.
func DecodeDepositV1(body []byte) (*DepositV1, error) {
	return one(body, func(d *DepositV1) error { return need("id", d.ID, "qr", d.QR) })
}

// DecodeDeposit reads v2 deposit/create.
func DecodeDeposit(body []byte) (*Deposit, error) {
	return one(body, func(d *Deposit) error { return need("id", d.ID, "qr_string", d.QRString) })
}

// DecodeDepositStatusV1 reads v1 deposit/get_status and deposit/cancel.
func DecodeDepositStatusV1(body []byte) (*DepositStatusV1, error) {
	return one(body, func(d *DepositStatusV1) error { return need("id", d.ID, "status", d.Status) })
}

// DecodeDepositStatus reads v2 deposit/get_status.
func DecodeDepositStatus(body []byte) (*DepositStatus, error) {
	return one(body, func(d *DepositStatus) error { return need("id", d.ID, "status", d.Status) })
}

// Payment is what either version says of a deposit. Money is in rupiah; empty fields
// were not said.
type Payment struct {
	ID     string
	Status Status
	Method string
	// Diterima is what we receive, Fee what is kept and Total what is to be paid.
	Diterima, Fee, Total int64
	QR                   string
	Expires              time.Time
	// Payer is what is told of who paid, for operators.
	Payer string
}

// ReadDeposit reads deposit/create of either version. A deposit whose amounts do not
// add up, or that asks for nothing, is malformed: it cannot be shown to anybody.
func ReadDeposit(body []byte) (*Payment, error) {
	v2, err := DecodeDeposit(body)
	if err == nil {
		return sound(&Payment{
			ID: string(v2.ID), Status: DepositStatusOf(orElse(v2.Status, lenient.Text(DepositPending))), Method: strings.ToLower(string(v2.Method)),
			Diterima: int64(v2.Diterima), Fee: int64(v2.Fee), Total: int64(v2.Total), QR: string(v2.QRString), Expires: moment(v2.ExpiredTS, v2.Expired),
		})
	}
	v1, errV1 := DecodeDepositV1(body)
	if errV1 != nil {
		return nil, err
	}
	return sound(&Payment{
		ID: string(v1.ID), Status: DepositPending, Method: strings.ToLower(string(v1.Method)),
		Diterima: int64(v1.Currency.Diterima), Fee: int64(v1.Currency.Fee), Total: int64(v1.Currency.Total), QR: string(v1.QR), Expires: v1.Expired.Time(),
	})
}

// ReadDepositStatus reads deposit/get_status of either version. What a v1 answer's
// amount is (what is paid, and after a cancel what would have been received) is not
// concluded from.
func ReadDepositStatus(body []byte) (*Payment, error) {
	v2, err := DecodeDepositStatus(body)
	if err != nil {
		return nil, err
	}
	p := &Payment{
		ID: string(v2.ID), Status: DepositStatusOf(v2.Status), Diterima: int64(v2.Diterima), Fee: int64(v2.Fee), Total: int64(v2.Total),
		Expires: moment(v2.ExpiredTS, v2.Expired), Payer: strings.TrimSpace(string(v2.BrandName) + " " + string(v2.BuyerReff)),
	}
	if p.Expires.IsZero() {
		if v1, err := DecodeDepositStatusV1(body); err == nil {
			p.Expires = v1.Expired.Time()
		}
	}
	if p.Total == 0 && p.Fee == 0 && p.Diterima == 0 {
		return p, nil // v1: nothing is said of money
	}
	return sound(p)
}

// sound is a check of the amounts.
func sound(p *Payment) (*Payment, error) {
	if p.Diterima <= 0 || p.Fee < 0 || p.Total <= 0 || p.Total-p.Fee != p.Diterima {
		return nil, lenient.Odd("total")
	}
	return p, nil
}

// moment is a time that is written twice.
func moment(ms lenient.Millis, local lenient.Local) time.Time {
	if t := ms.Time(); !t.IsZero() {
		return t
	}
	return local.UTC()
}

func orElse(t, other lenient.Text) lenient.Text {
	if t == "" {
		return other
	}
	return t
}
