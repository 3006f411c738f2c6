package wire

import (
	"encoding/json"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Product is an H2H product (/v1/h2h/product). Price is in rupiah.
type Product struct {
	Code      lenient.Text `json:"code"`
	Name      lenient.Text `json:"name"`
	Note      lenient.Text `json:"note"`
	Type      lenient.Text `json:"type"`
	Brand     lenient.Text `json:"brand"`
	Category  lenient.Text `json:"category"`
	ImgURL    lenient.Text `json:"img_url"`
	Price     lenient.Int  `json:"price"`
	PriceInfo *PriceInfo   `json:"price_info,omitempty"`
}

// PriceInfo tells how a price came about, in rupiah and percent.
type PriceInfo struct {
	Original        lenient.Int  `json:"price_original"`
	Discount        lenient.Int  `json:"price_discount"`
	DiscountPercent lenient.Rate `json:"price_discount_percent"`
}

// Transaction is the answer to an H2H purchase (/v1/h2h/transaksi/create).
// SisaBalance is the balance after it, in rupiah; nil when it was not said.
type Transaction struct {
	ID          lenient.Text   `json:"id"`
	Status      lenient.Text   `json:"status"`
	CreatedAt   lenient.Millis `json:"created_at"`
	Product     lenient.Text   `json:"product"`
	Tujuan      lenient.Text   `json:"tujuan"`
	SisaBalance *lenient.Int   `json:"sisa_balance"`
	Message     lenient.Text   `json:"message"`
}

// TransactionStatus is where an H2H purchase stands (/v1/h2h/transaksi/status).
// Price is in rupiah. Refund tells whether our money came back; nil when it was
// not said.
type TransactionStatus struct {
	ID         lenient.Text             `json:"id"`
	Status     lenient.Text             `json:"status"`
	CreatedAt  lenient.Millis           `json:"created_at"`
	FinishAt   *lenient.Millis          `json:"finish_at,omitempty"`
	Tujuan     lenient.Text             `json:"tujuan"`
	Refund     *lenient.Flag            `json:"refund,omitempty"`
	Price      *lenient.Int             `json:"price,omitempty"`
	Product    Optional[ProductInfo]    `json:"product,omitzero"`
	TujuanInfo Optional[TujuanInfo]     `json:"tujuan_info,omitzero"`
	Response   Optional[SupplierAnswer] `json:"response,omitzero"`
}

// ProductInfo is the product of a transaction.
type ProductInfo struct {
	Code     lenient.Text `json:"code"`
	Name     lenient.Text `json:"name"`
	Note     lenient.Text `json:"note"`
	Type     lenient.Text `json:"type"`
	Brand    lenient.Text `json:"brand"`
	Category lenient.Text `json:"category"`
}

// TujuanInfo is what is known of the receiver.
type TujuanInfo struct {
	Available *lenient.Flag `json:"available,omitempty"`
	Name      lenient.Text  `json:"name,omitempty"`
	Nominal   lenient.Text  `json:"nominal,omitempty"`
}

// SupplierAnswer is what the provider's own source said; SN is there on success only.
type SupplierAnswer struct {
	Available *lenient.Flag `json:"available,omitempty"`
	ID        lenient.Text  `json:"id,omitempty"`
	Product   lenient.Text  `json:"product,omitempty"`
	Code      lenient.Text  `json:"code,omitempty"`
	Tujuan    lenient.Text  `json:"tujuan,omitempty"`
	Time      lenient.Text  `json:"time,omitempty"`
	Status    lenient.Text  `json:"status,omitempty"`
	SN        lenient.Text  `json:"sn,omitempty"`
}

// Optional is an object that may be missing, null or, as PHP writes it, an
// empty array. An odd one counts as missing: it never decides an outcome.
type Optional[T any] struct{ V *T }

// IsZero is whether the object is missing.
func (o Optional[T]) IsZero() bool { return o.V == nil }

// UnmarshalJSON reads the object.
func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	o.V = nil
	if lenient.Null(b) {
		return nil
	}
	v := new(T)
	if lenient.Decode(b, v) == nil {
		o.V = v
	}
	return nil
}

// MarshalJSON writes the object.
func (o Optional[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.V) }

// State is the status in its documented spelling.
func (t *Transaction) State() Status { return StatusOf(t.Status) }

// State is the status in its documented spelling.
func (t *TransactionStatus) State() Status { return StatusOf(t.Status) }

// SN is the serial number, empty when none was given.
func (t *TransactionStatus) SN() string {
	if t.Response.V == nil {
		return ""
	}
	sn := strings.TrimSpace(string(t.Response.V.SN))
	if sn == "-" || strings.EqualFold(sn, "null") {
		return ""
	}
	return sn
}

// Receiver is what is told of whom the purchase went to ("NAME, 10000"); empty when
// nothing is.
func (t *TransactionStatus) Receiver() string {
	if t.TujuanInfo.V == nil {
		return ""
	}
	name, nominal := strings.TrimSpace(string(t.TujuanInfo.V.Name)), strings.TrimSpace(string(t.TujuanInfo.V.Nominal))
	if name == "" || nominal == "" {
		return name + nominal
	}
	return name + ", " + nominal
}

// DecodeProducts reads /v1/h2h/product.
func DecodeProducts(body []byte) (List[Product], error) {
	return many(body, func(p *Product) error {
		if p.Price <= 0 {
			return lenient.Lacks("price")
		}
		return need("code", p.Code, "name", p.Name)
	})
}

// DecodeTransaction reads the answer to a purchase. Only the id is essential.
func DecodeTransaction(body []byte) (*Transaction, error) {
	t, err := one(body, func(t *Transaction) error { return need("id", t.ID) })
	if err == nil {
		return t, nil
	}
	type named struct {
		ID lenient.Text `json:"id"`
	}
	id, idErr := one(body, func(n *named) error { return need("id", n.ID) })
	if idErr == nil {
		return &Transaction{ID: id.ID}, nil
	}
	return nil, err
}

// DecodeTransactionStatus reads /v1/h2h/transaksi/status.
func DecodeTransactionStatus(body []byte) (*TransactionStatus, error) {
	return one(body, func(t *TransactionStatus) error {
		return need("id", t.ID, "status", t.Status)
	})
}
