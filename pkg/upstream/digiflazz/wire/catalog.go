package wire

import (
	"encoding/json"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Product is an item of the prepaid price list, Price in rupiah. It is for sale where
// both flags are true, there is stock, and the time is not in its cut-off.
type Product struct {
	Name         lenient.Text `json:"product_name"`
	Category     lenient.Text `json:"category"`
	Brand        lenient.Text `json:"brand"`
	Type         lenient.Text `json:"type"`
	SellerName   lenient.Text `json:"seller_name"`
	Price        *Money       `json:"price"`
	SKU          lenient.Text `json:"buyer_sku_code"`
	BuyerStatus  lenient.Flag `json:"buyer_product_status"`
	SellerStatus lenient.Flag `json:"seller_product_status"`
	Unlimited    lenient.Flag `json:"unlimited_stock"`
	// Stock means nothing where it is unlimited.
	Stock Count `json:"stock"`
	// Multi is whether the same number may have it more than once a day; nil was not said.
	Multi *lenient.Flag `json:"multi"`
	// StartCutOff and EndCutOff are times of day, WIB, between which it is not sold,
	// across midnight where the first is later. Both midnight: no cut-off.
	StartCutOff Minute       `json:"start_cut_off"`
	EndCutOff   Minute       `json:"end_cut_off"`
	Desc        lenient.Text `json:"desc"`
}

// CutOff gives the time of day in which it is not sold; ok is false without one.
func (p *Product) CutOff() (from, to int, ok bool) {
	return int(p.StartCutOff), int(p.EndCutOff), p.StartCutOff != p.EndCutOff
}

// Bill is an item of the postpaid price list, in rupiah. A bill costs us what it is
// with Admin, less Commission.
type Bill struct {
	Name         lenient.Text `json:"product_name"`
	Category     lenient.Text `json:"category"`
	Brand        lenient.Text `json:"brand"`
	SellerName   lenient.Text `json:"seller_name"`
	Admin        *Money       `json:"admin"`
	Commission   *Float       `json:"commission"`
	SKU          lenient.Text `json:"buyer_sku_code"`
	BuyerStatus  lenient.Flag `json:"buyer_product_status"`
	SellerStatus lenient.Flag `json:"seller_product_status"`
	Desc         lenient.Text `json:"desc"`
}

// DecodeProducts reads the prepaid price list; odd counts the items that were not
// understood and are left out.
func DecodeProducts(body []byte) (items []Product, odd int, err error) {
	return list(body, func(p *Product) error {
		switch {
		case p.SKU == "":
			return lenient.Lacks("buyer_sku_code")
		case p.Price == nil || *p.Price < 0:
			return lenient.Lacks("price")
		}
		return nil
	})
}

// DecodeBills reads the postpaid price list; odd counts as with products.
func DecodeBills(body []byte) (items []Bill, odd int, err error) {
	return list(body, func(b *Bill) error {
		switch {
		case b.SKU == "":
			return lenient.Lacks("buyer_sku_code")
		case b.Admin == nil || *b.Admin < 0:
			return lenient.Lacks("admin")
		case b.Commission != nil && *b.Commission < 0:
			return lenient.Odd("commission")
		}
		return nil
	})
}

func list[T any](body []byte, check func(*T) error) ([]T, int, error) {
	data, err := open(body)
	if err != nil {
		return nil, 0, err
	}
	if data[0] != '[' {
		if r := refusal(data); r != nil {
			return nil, 0, r
		}
		return nil, 0, lenient.Odd("data")
	}
	if empty(data) {
		return []T{}, 0, nil
	}
	return lenient.Rows(data, "data", check)
}

func empty(data json.RawMessage) bool {
	var rows []json.RawMessage
	return lenient.Decode(data, &rows) == nil && len(rows) == 0
}
