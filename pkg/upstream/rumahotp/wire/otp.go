package wire

import (
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Service is an application that sends codes (/v2/services).
type Service struct {
	Code lenient.Int  `json:"service_code"`
	Name lenient.Text `json:"service_name"`
	Img  lenient.Text `json:"service_img"`
}

// Country is a country in which a service's numbers are offered (/v2/countries).
// NumberID names the pair of service and country.
type Country struct {
	NumberID   lenient.Int  `json:"number_id"`
	Name       lenient.Text `json:"name"`
	Img        lenient.Text `json:"img"`
	Prefix     lenient.Text `json:"prefix"`
	ISO        lenient.Text `json:"iso_code"`
	Rate       lenient.Rate `json:"rate"`
	StockTotal lenient.Int  `json:"stock_total"`
	Pricelist  []Price      `json:"pricelist"`
}

// Price is one offer inside a country. ProviderID is text here and a number in
// the query. Price is in rupiah.
type Price struct {
	ProviderID  lenient.Text `json:"provider_id"`
	ServerID    lenient.Int  `json:"server_id"`
	Stock       lenient.Int  `json:"stock"`
	Rate        lenient.Rate `json:"rate"`
	Price       lenient.Int  `json:"price"`
	PriceFormat lenient.Text `json:"price_format"`
	Available   lenient.Flag `json:"available"`
}

// Operator is a mobile operator (/v2/operators); 1 is "any".
type Operator struct {
	ID    lenient.Int  `json:"id"`
	Name  lenient.Text `json:"name"`
	Image lenient.Text `json:"image"`
}

// Order is the answer to the purchase of a number (/v2/orders). Price is in rupiah.
type Order struct {
	OrderID         lenient.Text `json:"order_id"`
	PhoneNumber     lenient.Text `json:"phone_number"`
	Service         lenient.Text `json:"service"`
	Country         lenient.Text `json:"country"`
	Operator        lenient.Text `json:"operator"`
	ExpiresInMinute lenient.Int  `json:"expires_in_minute"`
	Price           *lenient.Int `json:"price"`
	PriceFormated   lenient.Text `json:"price_formated"`
}

// OrderStatus is where a rented number stands (/v1/orders/get_status).
type OrderStatus struct {
	OrderID     lenient.Text   `json:"order_id"`
	Status      lenient.Text   `json:"status"`
	PhoneNumber lenient.Text   `json:"phone_number"`
	Service     lenient.Text   `json:"service"`
	Country     lenient.Text   `json:"country"`
	CreatedAt   lenient.Millis `json:"created_at"`
	ExpiresAt   lenient.Millis `json:"expires_at"`
	OTPCode     lenient.Text   `json:"otp_code"`
}

// SetStatus is the answer to an action (/v1/orders/set_status).
type SetStatus struct {
	OrderID lenient.Text `json:"order_id"`
	Status  lenient.Text `json:"status"`
}

// Status is a documented word for where something stands. A word that is not
// documented is kept as it came, in lower case.
type Status string

// Statuses of a rented number.
const (
	OrderWaiting   Status = "waiting"
	OrderReceived  Status = "received"
	OrderCompleted Status = "completed"
	OrderCanceled  Status = "canceled"
	OrderExpiring  Status = "expiring"
)

// Statuses of an H2H transaction.
const (
	TransactionProcessing Status = "processing"
	TransactionSuccess    Status = "success"
	TransactionFailed     Status = "failed"
	TransactionCanceled   Status = "canceled"
)

// noCode stands in otp_code until a code came.
const noCode = "-"

// StatusOf brings the spellings of a status to the documented one.
func StatusOf(t lenient.Text) Status {
	s := strings.ToLower(strings.TrimSpace(string(t)))
	switch s {
	case "cancelled", "cancel":
		return OrderCanceled
	case "expired", "expire":
		return OrderExpiring
	case "done", "complete":
		return OrderCompleted
	case "sukses":
		return TransactionSuccess
	case "gagal":
		return TransactionFailed
	case "process", "proses", "pending":
		return TransactionProcessing
	}
	return Status(s)
}

// State is the status in its documented spelling.
func (o *OrderStatus) State() Status { return StatusOf(o.Status) }

// Code is the code that came, empty while none did.
func (o *OrderStatus) Code() string {
	c := strings.TrimSpace(string(o.OTPCode))
	if c == noCode || strings.EqualFold(c, "null") {
		return ""
	}
	return c
}

// DecodeServices reads /v2/services.
func DecodeServices(body []byte) (List[Service], error) {
	return many(body, func(s *Service) error {
		if s.Code <= 0 {
			return lenient.Lacks("service_code")
		}
		return need("service_name", s.Name)
	})
}

// DecodeCountries reads /v2/countries. A country with an odd price is left out
// whole and counted.
func DecodeCountries(body []byte) (List[Country], error) {
	return many(body, func(c *Country) error {
		if c.NumberID <= 0 {
			return lenient.Lacks("number_id")
		}
		for i := range c.Pricelist {
			p := &c.Pricelist[i]
			if p.Price <= 0 {
				return lenient.Lacks("price")
			}
			if err := need("provider_id", p.ProviderID); err != nil {
				return err
			}
		}
		return need("name", c.Name)
	})
}

// DecodeOperators reads /v2/operators.
func DecodeOperators(body []byte) (List[Operator], error) {
	return many(body, func(o *Operator) error {
		if o.ID <= 0 {
			return lenient.Lacks("id")
		}
		return need("name", o.Name)
	})
}

// DecodeOrder reads the answer to a purchase. Only the id is essential.
func DecodeOrder(body []byte) (*Order, error) {
	o, err := one(body, func(o *Order) error { return need("order_id", o.OrderID) })
	if err == nil {
		return o, nil
	}
	id, idErr := one(body, func(o *SetStatus) error { return need("order_id", o.OrderID) })
	if idErr == nil {
		return &Order{OrderID: id.OrderID}, nil
	}
	return nil, err
}

// DecodeOrderStatus reads /v1/orders/get_status.
func DecodeOrderStatus(body []byte) (*OrderStatus, error) {
	return one(body, func(o *OrderStatus) error {
		return need("order_id", o.OrderID, "status", o.Status)
	})
}

// DecodeSetStatus reads /v1/orders/set_status.
func DecodeSetStatus(body []byte) (*SetStatus, error) {
	return one(body, func(o *SetStatus) error {
		return need("order_id", o.OrderID, "status", o.Status)
	})
}
