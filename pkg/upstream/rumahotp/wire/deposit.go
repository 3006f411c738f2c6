package wire

import "github.com/muarahq/muara/pkg/upstream/lenient"

// Statuses of a deposit.
const (
	DepositPending Status = "pending"
	DepositSuccess Status = "success"
	DepositCancel  Status = "cancel"
)

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
	ID        lenient.Text   `json:"id"`
	Status    lenient.Text   `json:"status"`
	Method    lenient.Text   `json:"method"`
	Currency  Currency       `json:"currency"`
	Total     lenient.Int    `json:"total"`
	Fee       lenient.Int    `json:"fee"`
	Diterima  lenient.Int    `json:"diterima"`
	QRString  lenient.Text   `json:"qr_string"`
	QRImage   lenient.Text   `json:"qr_image"`
	Created   lenient.Local  `json:"created_at"`
	CreatedTS lenient.Millis `json:"created_at_ts"`
	Expired   lenient.Local  `json:"expired_at"`
	ExpiredTS lenient.Millis `json:"expired_at_ts"`
}

// Currency tells what is paid in the method's own currency, as decimal text.
type Currency struct {
	Type     lenient.Text `json:"type"`
	Total    lenient.Text `json:"total"`
	Fee      lenient.Text `json:"fee"`
	Diterima lenient.Text `json:"diterima"`
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
