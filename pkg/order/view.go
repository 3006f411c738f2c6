package order

import (
	"strings"
	"time"
)

// View is an order as its merchant sees it, in status calls and in webhooks
// alike: an allow-list, so that nothing of an upstream can pass. Exactly one of
// the four kinds. A field of the kind is always there, null while unknown; a
// field of another kind is absent.
type View interface{ isView() }

// Common is what orders of every kind show.
type Common struct {
	Ref         string     `json:"ref" doc:"Your reference, the idempotency key." example:"trx-0001"`
	OrderID     string     `json:"order_id" doc:"Our id of the order." example:"PPOB-0G3ZK4T8M1Q2R"`
	Category    Category   `json:"category" enum:"ppob,smm,otp,product" doc:"Kind of the order."`
	SKU         string     `json:"sku" example:"MLID10"`
	Name        string     `json:"name" doc:"Name of the product when it was ordered." example:"Mobile Legends 10 Diamond"`
	Status      string     `json:"status" enum:"pending,processing,completed,partial,failed,canceled,expired"`
	Price       int64      `json:"price" doc:"What the order cost, in rupiah." example:"2750"`
	Refunded    int64      `json:"refunded" doc:"Sum given back and not taken again, in rupiah." example:"0"`
	Quantity    int64      `json:"quantity" example:"1"`
	Message     *string    `json:"message" doc:"What to know about the status, in words."`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	CompletedAt *time.Time `json:"completed_at" doc:"When the status became final."`
}

// PPOBView is an order of phone credit, electricity, games, e-wallets or a bill.
type PPOBView struct {
	Common
	CustomerNo string   `json:"customer_no" example:"081234567890"`
	ZoneID     *string  `json:"zone_id"`
	Data       PPOBData `json:"data"`
}

// PPOBData is what a ppob order delivers.
type PPOBData struct {
	SN   *string   `json:"sn" doc:"Serial number: the customer's receipt." example:"1234-5678"`
	Note *string   `json:"note"`
	Bill *BillView `json:"bill,omitempty" doc:"Only of a postpaid product: what was paid."`
}

// SMMView is an order of a social media service.
type SMMView struct {
	Common
	Target string  `json:"target" example:"https://example.com/p/1"`
	Data   SMMData `json:"data"`
}

// SMMData is how far an smm order has come.
type SMMData struct {
	StartCount      *int64  `json:"start_count" doc:"What there was before." example:"3572"`
	Remains         *int64  `json:"remains" doc:"What is not delivered." example:"0"`
	Note            *string `json:"note"`
	CancelRequested bool    `json:"cancel_requested"`
	RefillStatus    *string `json:"refill_status" enum:"pending,processing,completed,rejected" doc:"Of the last refill that was asked for."`
}

// OTPView is a rented number.
type OTPView struct {
	Common
	Data OTPData `json:"data"`
}

// OTPData is the number and what came to it.
type OTPData struct {
	PhoneNumber *string    `json:"phone_number" example:"+6285644414442"`
	OTPCode     *string    `json:"otp_code" doc:"The newest code." example:"482913"`
	Messages    []Message  `json:"messages" doc:"Everything that came, oldest first." nullable:"false"`
	Country     *string    `json:"country" example:"Indonesia"`
	Service     *string    `json:"service" example:"Telegram"`
	Operator    *string    `json:"operator" example:"any"`
	ExpiresAt   *time.Time `json:"expires_at"`
}

// ProductView is an order of a premium product.
type ProductView struct {
	Common
	Data ProductData `json:"data"`
}

// ProductData is what was bought.
type ProductData struct {
	Content string   `json:"content" doc:"The items, separated by newlines." example:"user@example.com:secret"`
	Items   []string `json:"items" nullable:"false"`
}

func (PPOBView) isView()    {}
func (SMMView) isView()     {}
func (OTPView) isView()     {}
func (ProductView) isView() {}

// View gives the order as its merchant sees it.
func (o *Order) View() View {
	c := Common{
		Ref: o.Ref, OrderID: o.PublicID(), Category: o.Category, SKU: o.SKU, Name: o.Name,
		Status: o.Status(), Price: o.Price, Refunded: o.Refunded, Quantity: o.Quantity,
		Message: text(o.Message), CreatedAt: o.CreatedAt.UTC(), UpdatedAt: o.UpdatedAt.UTC(), CompletedAt: utc(o.CompletedAt),
	}
	switch o.Category {
	case SMM:
		return SMMView{Common: c, Target: deref(o.Target), Data: SMMData{
			StartCount: o.Facts.StartCount, Remains: o.Facts.Remains, Note: text(o.Facts.Note), CancelRequested: o.CancelRequested,
			RefillStatus: o.Facts.Refill.status(),
		}}
	case OTP:
		d := OTPData{
			PhoneNumber: text(o.Facts.Phone), Messages: []Message{}, Country: text(o.Facts.Country),
			Service: text(o.Facts.Service), Operator: text(o.Facts.Operator), ExpiresAt: utc(o.ExpiresAt),
		}
		for _, m := range o.Facts.Messages {
			m.ReceivedAt = m.ReceivedAt.UTC()
			d.Messages = append(d.Messages, m)
		}
		if n := len(d.Messages); n > 0 {
			d.OTPCode = text(d.Messages[n-1].Code)
		}
		return OTPView{Common: c, Data: d}
	case Product:
		items := o.Facts.Items
		if items == nil {
			items = []string{}
		}
		return ProductView{Common: c, Data: ProductData{Content: strings.Join(items, "\n"), Items: items}}
	case PPOB:
	}
	return PPOBView{Common: c, CustomerNo: deref(o.CustomerNo), ZoneID: o.ZoneID, Data: PPOBData{SN: text(o.Facts.SN), Note: text(o.Facts.Note), Bill: o.Facts.Bill.View()}}
}

// text is null while unknown.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
