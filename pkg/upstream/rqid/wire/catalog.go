package wire

import (
	"encoding/json"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Types of products.
const (
	TypePrepaid  = "PRABAYAR"
	TypePostpaid = "PASCABAYAR"
	TypePhysical = "VOUCHER FISIK"
)

// YesNo is "Ya" or "Tidak".
type YesNo bool

// UnmarshalJSON reads the words in any case, and a flag.
func (y *YesNo) UnmarshalJSON(b []byte) error {
	var t lenient.Text
	if json.Unmarshal(b, &t) == nil {
		switch strings.ToLower(strings.TrimSpace(string(t))) {
		case "ya", "y":
			*y = true
			return nil
		case "tidak", "t", "tdk":
			*y = false
			return nil
		}
	}
	var f lenient.Flag
	if err := f.UnmarshalJSON(b); err != nil {
		return err
	}
	*y = YesNo(f)
	return nil
}

// MarshalJSON writes the word.
func (y YesNo) MarshalJSON() ([]byte, error) {
	if y {
		return []byte(`"Ya"`), nil
	}
	return []byte(`"Tidak"`), nil
}

// Category is a product category (/product-categories).
type Category struct {
	ID   lenient.Int  `json:"id"`
	Code lenient.Text `json:"code"`
	Name lenient.Text `json:"name"`
	Type lenient.Text `json:"type"`
}

// Product is a row of /products. Harga is in rupiah; Gangguan means trouble,
// Kosong out of stock. A row without either flag is not in trouble.
type Product struct {
	Kode     lenient.Text    `json:"kode"`
	Nama     lenient.Text    `json:"nama"`
	Operator lenient.Text    `json:"operator"`
	Kategori lenient.Text    `json:"kategori"`
	Gangguan YesNo           `json:"gangguan"`
	Kosong   YesNo           `json:"kosong"`
	Harga    *lenient.Rupiah `json:"harga"`
	Nominal  lenient.Text    `json:"nominal"`
}

// Price is the answer of /price, in rupiah.
type Price struct {
	Gangguan YesNo           `json:"gangguan"`
	Kosong   YesNo           `json:"kosong"`
	Harga    *lenient.Rupiah `json:"harga"`
	Kode     lenient.Text    `json:"kode"`
	Nama     lenient.Text    `json:"nama"`
}

// Rupiah gives an amount a place.
func Rupiah(n int64) *lenient.Rupiah {
	r := lenient.Rupiah(n)
	return &r
}

// DecodeCategories reads /product-categories.
func DecodeCategories(body []byte) (*Reply[Listing[Category]], error) {
	return listing(body, lenient.Rows, func(c *Category) error { return need("code", c.Code) })
}

// DecodeProducts reads /products, flat or paged.
func DecodeProducts(body []byte) (*Reply[Listing[Product]], error) {
	return listing(body, lenient.Rows, func(p *Product) error {
		if p.Harga == nil || *p.Harga < 0 {
			return lenient.Lacks("harga")
		}
		return need("kode", p.Kode)
	})
}

// DecodePrice reads /price.
func DecodePrice(body []byte) (*Reply[Price], error) {
	return reply(body, func(p *Price) error {
		if p.Harga == nil || *p.Harga < 0 {
			return lenient.Lacks("harga")
		}
		return need("kode", p.Kode)
	})
}
