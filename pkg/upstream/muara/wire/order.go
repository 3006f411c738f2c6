package wire

import (
	"encoding/json"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// The categories of orders.
const (
	PPOB    = "ppob"
	SMM     = "smm"
	OTP     = "otp"
	Product = "product"
)

// The statuses of orders.
const (
	Pending    = "pending"
	Processing = "processing"
	Completed  = "completed"
	Partial    = "partial"
	Failed     = "failed"
	Canceled   = "canceled"
	Expired    = "expired"
)

// OrderRequest is the body of POST /order. Inputs are the further fields of an smm
// order by name, as texts.
type OrderRequest struct {
	Category    string            `json:"category"`
	Ref         string            `json:"ref"`
	SKU         string            `json:"sku"`
	CustomerNo  string            `json:"customer_no,omitempty"`
	ZoneID      string            `json:"zone_id,omitempty"`
	Target      string            `json:"target,omitempty"`
	Quantity    int64             `json:"quantity,omitempty"`
	OperatorID  string            `json:"operator_id,omitempty"`
	MaxPrice    int64             `json:"max_price,omitempty"`
	CallbackURL string            `json:"callback_url,omitempty"`
	Inputs      map[string]string `json:"-"`
}

// MarshalJSON writes the inputs beside the other fields; a field of the request's own
// is never replaced by one.
func (r OrderRequest) MarshalJSON() ([]byte, error) {
	type plain OrderRequest
	raw, err := json.Marshal(plain(r))
	if err != nil || len(r.Inputs) == 0 {
		return raw, err
	}
	all := map[string]any{}
	for name, value := range r.Inputs {
		all[name] = value
	}
	own := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &own); err != nil {
		return nil, err
	}
	for name, value := range own {
		all[name] = value
	}
	return json.Marshal(all)
}

// Order is an order of any category; what its category does not have stays nil.
type Order struct {
	Ref         lenient.Text
	OrderID     lenient.Text
	Category    lenient.Text
	SKU         lenient.Text
	Name        lenient.Text
	Status      lenient.Text
	Price       *lenient.Int
	Refunded    *lenient.Int
	Quantity    *lenient.Int
	CustomerNo  *lenient.Text
	ZoneID      *lenient.Text
	Target      *lenient.Text
	Message     *lenient.Text
	CreatedAt   *Time
	UpdatedAt   *Time
	CompletedAt *Time
	Data        OrderData
}

// OrderData is what an order of any category delivers.
type OrderData struct {
	SN   *lenient.Text
	Note *lenient.Text
	Bill *Bill

	StartCount      *lenient.Int
	Remains         *lenient.Int
	CancelRequested lenient.Flag
	RefillStatus    *lenient.Text

	PhoneNumber *lenient.Text
	OTPCode     *lenient.Text
	Messages    []Message
	Country     *lenient.Text
	Service     *lenient.Text
	Operator    *lenient.Text
	ExpiresAt   *Time

	Content lenient.Text
	Items   []lenient.Text
}

// Message is one text that came to a rented number.
type Message struct {
	Code       lenient.Text `json:"code"`
	Text       lenient.Text `json:"text"`
	ReceivedAt *Time        `json:"received_at"`
}

// The statuses of refills.
const (
	RefillPending    = "pending"
	RefillProcessing = "processing"
	RefillCompleted  = "completed"
	RefillRejected   = "rejected"
)

// common is what orders of every category show.
type common struct {
	Ref         lenient.Text  `json:"ref"`
	OrderID     lenient.Text  `json:"order_id"`
	Category    lenient.Text  `json:"category"`
	SKU         lenient.Text  `json:"sku"`
	Name        lenient.Text  `json:"name"`
	Status      lenient.Text  `json:"status"`
	Price       *lenient.Int  `json:"price"`
	Refunded    *lenient.Int  `json:"refunded"`
	Quantity    *lenient.Int  `json:"quantity"`
	Message     *lenient.Text `json:"message"`
	CreatedAt   *Time         `json:"created_at"`
	UpdatedAt   *Time         `json:"updated_at"`
	CompletedAt *Time         `json:"completed_at"`
}

type ppobData struct {
	SN   *lenient.Text `json:"sn"`
	Note *lenient.Text `json:"note"`
	Bill *Bill         `json:"bill,omitempty"`
}

type smmData struct {
	StartCount      *lenient.Int  `json:"start_count"`
	Remains         *lenient.Int  `json:"remains"`
	Note            *lenient.Text `json:"note"`
	CancelRequested lenient.Flag  `json:"cancel_requested"`
	RefillStatus    *lenient.Text `json:"refill_status"`
}

type otpData struct {
	PhoneNumber *lenient.Text `json:"phone_number"`
	OTPCode     *lenient.Text `json:"otp_code"`
	Messages    []Message     `json:"messages"`
	Country     *lenient.Text `json:"country"`
	Service     *lenient.Text `json:"service"`
	Operator    *lenient.Text `json:"operator"`
	ExpiresAt   *Time         `json:"expires_at"`
}

type productData struct {
	Content lenient.Text   `json:"content"`
	Items   []lenient.Text `json:"items"`
}

// UnmarshalJSON reads an order of any category.
func (o *Order) UnmarshalJSON(b []byte) error {
	var in struct {
		common
		CustomerNo *lenient.Text   `json:"customer_no"`
		ZoneID     *lenient.Text   `json:"zone_id"`
		Target     *lenient.Text   `json:"target"`
		Data       json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*o = Order{
		Ref: in.Ref, OrderID: in.OrderID, Category: in.Category, SKU: in.SKU, Name: in.Name, Status: in.Status, Price: in.Price, Refunded: in.Refunded,
		Quantity: in.Quantity, CustomerNo: in.CustomerNo, ZoneID: in.ZoneID, Target: in.Target, Message: in.Message,
		CreatedAt: in.CreatedAt, UpdatedAt: in.UpdatedAt, CompletedAt: in.CompletedAt,
	}
	if lenient.Null(in.Data) {
		return nil
	}
	switch o.Category {
	case SMM:
		var d smmData
		if err := json.Unmarshal(in.Data, &d); err != nil {
			return err
		}
		o.Data = OrderData{StartCount: d.StartCount, Remains: d.Remains, Note: d.Note, CancelRequested: d.CancelRequested, RefillStatus: d.RefillStatus}
	case OTP:
		var d otpData
		if err := json.Unmarshal(in.Data, &d); err != nil {
			return err
		}
		o.Data = OrderData{
			PhoneNumber: d.PhoneNumber, OTPCode: d.OTPCode, Messages: d.Messages, Country: d.Country, Service: d.Service, Operator: d.Operator, ExpiresAt: d.ExpiresAt,
		}
	case Product:
		var d productData
		if err := json.Unmarshal(in.Data, &d); err != nil {
			return err
		}
		o.Data = OrderData{Content: d.Content, Items: d.Items}
	default:
		var d ppobData
		if err := json.Unmarshal(in.Data, &d); err != nil {
			return err
		}
		o.Data = OrderData{SN: d.SN, Note: d.Note, Bill: d.Bill}
	}
	return nil
}

// MarshalJSON writes an order as its category has it.
func (o Order) MarshalJSON() ([]byte, error) {
	c := common{
		Ref: o.Ref, OrderID: o.OrderID, Category: o.Category, SKU: o.SKU, Name: o.Name, Status: o.Status, Price: o.Price, Refunded: o.Refunded,
		Quantity: o.Quantity, Message: o.Message, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, CompletedAt: o.CompletedAt,
	}
	d := o.Data
	switch o.Category {
	case SMM:
		return json.Marshal(struct {
			common
			Target *lenient.Text `json:"target"`
			Data   smmData       `json:"data"`
		}{c, o.Target, smmData{d.StartCount, d.Remains, d.Note, d.CancelRequested, d.RefillStatus}})
	case OTP:
		messages := d.Messages
		if messages == nil {
			messages = []Message{}
		}
		return json.Marshal(struct {
			common
			Data otpData `json:"data"`
		}{c, otpData{d.PhoneNumber, d.OTPCode, messages, d.Country, d.Service, d.Operator, d.ExpiresAt}})
	case Product:
		items := d.Items
		if items == nil {
			items = []lenient.Text{}
		}
		return json.Marshal(struct {
			common
			Data productData `json:"data"`
		}{c, productData{d.Content, items}})
	}
	return json.Marshal(struct {
		common
		CustomerNo *lenient.Text `json:"customer_no"`
		ZoneID     *lenient.Text `json:"zone_id"`
		Data       ppobData      `json:"data"`
	}{c, o.CustomerNo, o.ZoneID, ppobData{d.SN, d.Note, d.Bill}})
}

func (o *Order) check() error {
	return first(need("order.ref", o.Ref), need("order.order_id", o.OrderID), need("order.category", o.Category), need("order.status", o.Status),
		amount("order.price", o.Price))
}

// OneOrder is the data of answers about one order. Balance is what is left, where an
// order was placed.
type OneOrder struct {
	Order   *Order       `json:"order"`
	Balance *lenient.Int `json:"balance,omitempty"`
}

// DecodeOrder reads an answer about one order.
func DecodeOrder(status int, body []byte) (*OneOrder, error) {
	return Decode(status, body, func(d *OneOrder) error {
		if d.Order == nil {
			return lenient.Lacks("order")
		}
		return d.Order.check()
	})
}

// Orders is the data of GET /orders.
type Orders struct {
	Count      lenient.Int   `json:"count"`
	Orders     []Order       `json:"orders"`
	NextCursor *lenient.Text `json:"next_cursor"`
}

// DecodeOrders reads a page of orders. None of its rows may be odd: that an order is
// not in it may be evidence.
func DecodeOrders(status int, body []byte) (*Orders, error) {
	return Decode(status, body, func(d *Orders) error {
		if d.Orders == nil {
			return lenient.Lacks("orders")
		}
		for i := range d.Orders {
			if err := d.Orders[i].check(); err != nil {
				return err
			}
		}
		return nil
	})
}
