package wire

import (
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// KeyParam is the query parameter that carries the API key.
const KeyParam = "apikey"

// Paths below the base URL. The document shows PathCancel; the others are customary.
const (
	PathBalance  = "/api/v1/balance"
	PathCreate   = "/api/v1/invoice/create"
	PathStatus   = "/api/v1/invoice/status"
	PathCancel   = "/api/v1/invoice/cancel"
	PathWithdraw = "/api/v1/withdraw"
	PathWithdrew = "/api/v1/withdraw/status"
	PathHistory  = "/api/v1/withdraw/history"
)

// The states of an invoice. Canceling makes it expired.
const (
	InvoicePending = "pending"
	InvoicePaid    = "paid"
	InvoiceExpired = "expired"
)

// Balance is the answer of [PathBalance], in rupiah.
type Balance struct {
	Balance *lenient.Int `json:"balance"`
}

// DecodeBalance reads [PathBalance].
func DecodeBalance(body []byte) (*Balance, error) {
	return decode(body, func(b *Balance) error {
		if b.Balance == nil {
			return lenient.Lacks("balance")
		}
		return nil
	})
}

// Created is the answer of [PathCreate]. Amount is what is credited, Fee what the
// gateway adds, Total what is paid, in rupiah.
type Created struct {
	Success   *lenient.Flag `json:"success,omitempty"`
	InvoiceID lenient.Text  `json:"invoice_id"`
	Amount    *lenient.Int  `json:"amount"`
	Fee       *lenient.Int  `json:"fee"`
	Total     *lenient.Int  `json:"total"`
	QRISImage lenient.Text  `json:"qris_image"`
	ExpiredAt lenient.Local `json:"expired_at"`
}

// DecodeCreated reads [PathCreate].
func DecodeCreated(body []byte) (*Created, error) {
	return decode(body, func(c *Created) error {
		for _, err := range []error{
			need("invoice_id", c.InvoiceID), need("qris_image", c.QRISImage), sums(c.Amount, c.Fee, c.Total),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Invoice is the answer of [PathStatus].
type Invoice struct {
	Success   *lenient.Flag `json:"success,omitempty"`
	InvoiceID lenient.Text  `json:"invoice_id"`
	Amount    *lenient.Int  `json:"amount"`
	Fee       *lenient.Int  `json:"fee"`
	Total     *lenient.Int  `json:"total"`
	Status    lenient.Text  `json:"status"`
	QRISImage lenient.Text  `json:"qris_image"`
	ExpiredAt lenient.Local `json:"expired_at"`
	CreatedAt lenient.Local `json:"created_at"`
}

// sums is a check that the amounts of an invoice are there and add up.
func sums(amount, fee, total *lenient.Int) error {
	if err := amounts("amount", amount, "fee", fee, "total", total); err != nil {
		return err
	}
	if *total-*amount != *fee {
		return lenient.Odd("total")
	}
	return nil
}

// DecodeInvoice reads [PathStatus].
func DecodeInvoice(body []byte) (*Invoice, error) {
	return decode(body, func(i *Invoice) error {
		for _, err := range []error{
			need("invoice_id", i.InvoiceID), need("status", i.Status), sums(i.Amount, i.Fee, i.Total),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Canceled is the answer of [PathCancel].
type Canceled struct {
	Success   *lenient.Flag `json:"success,omitempty"`
	InvoiceID lenient.Text  `json:"invoice_id"`
	Status    lenient.Text  `json:"status"`
	Message   lenient.Text  `json:"message"`
}

// CancelRequest is the body of [PathCancel] where the id is not in the query.
type CancelRequest struct {
	InvoiceID string `json:"invoice_id"`
}

// DecodeCanceled reads [PathCancel].
func DecodeCanceled(body []byte) (*Canceled, error) {
	return decode(body, func(c *Canceled) error {
		if err := need("invoice_id", c.InvoiceID); err != nil {
			return err
		}
		return need("status", c.Status)
	})
}

// Lower is a state or another word in one writing.
func Lower(t lenient.Text) string { return strings.ToLower(strings.TrimSpace(string(t))) }
