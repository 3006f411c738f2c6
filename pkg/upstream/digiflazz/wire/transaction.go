package wire

import (
	"encoding/json"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Transaction is the answer to a purchase, an inquiry, a payment and a question, and
// what a webhook tells. Amounts are rupiah; nil was not said. Tele and WA are how the
// seller is reached: no merchant may see them.
type Transaction struct {
	RefID          lenient.Text    `json:"ref_id"`
	CustomerNo     lenient.Text    `json:"customer_no"`
	CustomerName   lenient.Text    `json:"customer_name,omitempty"`
	SKU            lenient.Text    `json:"buyer_sku_code"`
	Admin          *Money          `json:"admin,omitempty"`
	Message        lenient.Text    `json:"message"`
	Status         lenient.Text    `json:"status"`
	RC             RC              `json:"rc"`
	SN             lenient.Text    `json:"sn,omitempty"`
	Periode        lenient.Text    `json:"periode,omitempty"`
	BuyerLastSaldo *Float          `json:"buyer_last_saldo,omitempty"`
	Price          *Money          `json:"price,omitempty"`
	SellingPrice   *Money          `json:"selling_price,omitempty"`
	Tele           lenient.Text    `json:"tele,omitempty"`
	WA             lenient.Text    `json:"wa,omitempty"`
	Desc           json.RawMessage `json:"desc,omitempty"`
}

// Rupiah gives an amount a place.
func Rupiah(n int64) *Money {
	m := Money(n)
	return &m
}

// DecodeTransaction reads /transaction. What it gives has a documented code, and the
// status that the document puts beside it; only a transaction that was never made may
// lack status and reference.
func DecodeTransaction(body []byte) (*Transaction, error) {
	data, err := open(body)
	if err != nil {
		return nil, err
	}
	var t Transaction
	if err := lenient.Decode(data, &t); err != nil {
		return nil, err
	}
	code, ok := t.RC.Documented()
	switch {
	case t.RC == "":
		return nil, lenient.Lacks("rc")
	case !ok:
		return nil, lenient.Odd("rc")
	case t.Status == "" && !code.Made:
		return &t, nil
	case string(t.Status) != code.Status:
		return nil, lenient.Odd("status")
	case t.RefID == "" && code.Made:
		return nil, lenient.Lacks("ref_id")
	}
	return &t, nil
}

// Hook is a webhook's body.
type Hook = Reply[Transaction]

// Ping is what is posted when a webhook is set up, or on demand. It tells the secret.
type Ping struct {
	Sed    lenient.Text `json:"sed"`
	HookID lenient.Text `json:"hook_id"`
	Hook   struct {
		URL    lenient.Text `json:"url"`
		Secret lenient.Text `json:"secret"`
		Type   lenient.Text `json:"type"`
		Status lenient.Text `json:"status"`
	} `json:"hook"`
}

// DecodeHook reads a webhook. A ping is no transaction and no error: then both are nil.
func DecodeHook(body []byte) (*Transaction, error) {
	var p struct {
		Data   json.RawMessage `json:"data"`
		HookID lenient.Text    `json:"hook_id"`
		Hook   json.RawMessage `json:"hook"`
	}
	if err := lenient.Decode(body, &p); err != nil {
		return nil, err
	}
	if p.Data == nil && (p.Hook != nil || p.HookID != "") {
		return nil, nil //nolint:nilnil // there is nothing to look at
	}
	return DecodeTransaction(body)
}
