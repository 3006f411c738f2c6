package wire

import (
	"encoding/json"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Input is a field that an order needs.
type Input struct {
	Name     lenient.Text `json:"name"`
	Label    lenient.Text `json:"label"`
	Required lenient.Flag `json:"required"`
	Example  lenient.Text `json:"example"`
}

// PPOBProduct is a row of GET /ppob/products.
type PPOBProduct struct {
	SKU            lenient.Text  `json:"sku"`
	Name           lenient.Text  `json:"name"`
	Price          *lenient.Int  `json:"price"`
	Brand          lenient.Text  `json:"brand"`
	Category       lenient.Text  `json:"category"`
	Type           lenient.Text  `json:"type"`
	Description    *lenient.Text `json:"description"`
	Inputs         []Input       `json:"inputs"`
	Stock          lenient.Int   `json:"stock"`
	UnlimitedStock lenient.Flag  `json:"unlimited_stock"`
	// Available is not shown by the oldest form of the list, where it means yes.
	Available *lenient.Flag `json:"available"`
	Reason    *lenient.Text `json:"reason"`
	Image     *lenient.Text `json:"image"`
}

// PPOBProducts is the data of GET /ppob/products. Odd counts rows that were not
// understood and are left out.
type PPOBProducts struct {
	Tier     lenient.Int   `json:"tier"`
	Count    lenient.Int   `json:"count"`
	Products []PPOBProduct `json:"products"`
	Odd      int           `json:"-"`
}

// listed is a list whose rows are read one by one.
type listed struct {
	Tier      lenient.Int     `json:"tier"`
	Products  json.RawMessage `json:"products"`
	Services  json.RawMessage `json:"services"`
	Countries json.RawMessage `json:"countries"`
}

// rows reads a list's rows; the name is that of the array.
func rows[T any](status int, body []byte, name string, pick func(*listed) json.RawMessage, check func(*T) error) ([]T, *listed, int, error) {
	d, err := Decode(status, body, func(d *listed) error {
		if lenient.Null(pick(d)) && string(pick(d)) != "[]" {
			return lenient.Lacks(name)
		}
		return nil
	})
	if err != nil {
		return nil, nil, 0, err
	}
	out, odd, err := lenient.Rows(pick(d), name, check)
	if err == nil && out == nil && odd > 0 {
		err = lenient.Odd(name)
	}
	return out, d, odd, err
}

// DecodePPOB reads the list of ppob products.
func DecodePPOB(status int, body []byte) (*PPOBProducts, error) {
	out, d, odd, err := rows(status, body, "products", func(d *listed) json.RawMessage { return d.Products }, func(p *PPOBProduct) error {
		return first(need("sku", p.SKU), need("name", p.Name), amount("price", p.Price))
	})
	if err != nil {
		return nil, err
	}
	return &PPOBProducts{Tier: d.Tier, Count: lenient.Int(len(out)), Products: out, Odd: odd}, nil
}

// SMMService is a row of GET /smm/services. Rate is rupiah for 1000.
type SMMService struct {
	SKU         lenient.Text  `json:"sku"`
	Name        lenient.Text  `json:"name"`
	Platform    lenient.Text  `json:"platform"`
	Category    lenient.Text  `json:"category"`
	Type        lenient.Text  `json:"type"`
	Inputs      []Input       `json:"inputs"`
	Rate        *lenient.Int  `json:"rate"`
	Min         lenient.Int   `json:"min"`
	Max         lenient.Int   `json:"max"`
	Refill      lenient.Flag  `json:"refill"`
	Cancel      lenient.Flag  `json:"cancel"`
	AverageTime *lenient.Text `json:"average_time"`
	Description *lenient.Text `json:"description"`
	Available   *lenient.Flag `json:"available"`
	Reason      *lenient.Text `json:"reason"`
}

// SMMServices is the data of GET /smm/services.
type SMMServices struct {
	Count    lenient.Int  `json:"count"`
	Services []SMMService `json:"services"`
	Odd      int          `json:"-"`
}

// DecodeSMM reads the list of smm services.
func DecodeSMM(status int, body []byte) (*SMMServices, error) {
	out, _, odd, err := rows(status, body, "services", func(d *listed) json.RawMessage { return d.Services }, func(s *SMMService) error {
		return first(need("sku", s.SKU), need("name", s.Name), need("type", s.Type), amount("rate", s.Rate))
	})
	if err != nil {
		return nil, err
	}
	return &SMMServices{Count: lenient.Int(len(out)), Services: out, Odd: odd}, nil
}

// OTPService is a row of GET /otp/services.
type OTPService struct {
	Service lenient.Text  `json:"service"`
	Name    lenient.Text  `json:"name"`
	Image   *lenient.Text `json:"image"`
}

// OTPServices is the data of GET /otp/services.
type OTPServices struct {
	Count    lenient.Int  `json:"count"`
	Services []OTPService `json:"services"`
	Odd      int          `json:"-"`
}

// DecodeOTPServices reads the list of otp services.
func DecodeOTPServices(status int, body []byte) (*OTPServices, error) {
	out, _, odd, err := rows(status, body, "services", func(d *listed) json.RawMessage { return d.Services }, func(s *OTPService) error {
		return first(need("service", s.Service), need("name", s.Name))
	})
	if err != nil {
		return nil, err
	}
	return &OTPServices{Count: lenient.Int(len(out)), Services: out, Odd: odd}, nil
}

// OTPCountry is a row of GET /otp/countries.
type OTPCountry struct {
	Country lenient.Text  `json:"country"`
	ISO     lenient.Text  `json:"iso"`
	Prefix  lenient.Text  `json:"prefix"`
	Image   *lenient.Text `json:"image"`
	Stock   lenient.Int   `json:"stock"`
	Offers  []OTPOffer    `json:"offers"`
}

// OTPOffer is one server's numbers of a country.
type OTPOffer struct {
	SKU         lenient.Text  `json:"sku"`
	Server      lenient.Text  `json:"server"`
	Price       *lenient.Int  `json:"price"`
	Stock       lenient.Int   `json:"stock"`
	SuccessRate lenient.Rate  `json:"success_rate"`
	Available   *lenient.Flag `json:"available"`
}

// OTPCountries is the data of GET /otp/countries.
type OTPCountries struct {
	Count     lenient.Int  `json:"count"`
	Countries []OTPCountry `json:"countries"`
	Odd       int          `json:"-"`
}

// DecodeOTPCountries reads the countries and offers of one service.
func DecodeOTPCountries(status int, body []byte) (*OTPCountries, error) {
	out, _, odd, err := rows(status, body, "countries", func(d *listed) json.RawMessage { return d.Countries }, func(c *OTPCountry) error {
		if err := need("country", c.Country); err != nil {
			return err
		}
		for i := range c.Offers {
			if err := first(need("offers.sku", c.Offers[i].SKU), amount("offers.price", c.Offers[i].Price)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &OTPCountries{Count: lenient.Int(len(out)), Countries: out, Odd: odd}, nil
}

// OTPOperator is a row of GET /otp/operators.
type OTPOperator struct {
	OperatorID lenient.Text  `json:"operator_id"`
	Name       lenient.Text  `json:"name"`
	Image      *lenient.Text `json:"image"`
}

// OTPOperators is the data of GET /otp/operators.
type OTPOperators struct {
	Count     lenient.Int   `json:"count"`
	Operators []OTPOperator `json:"operators"`
}

// DecodeOperators reads the operators of an offer.
func DecodeOperators(status int, body []byte) (*OTPOperators, error) {
	return Decode(status, body, func(d *OTPOperators) error {
		if d.Operators == nil {
			return lenient.Lacks("operators")
		}
		for _, o := range d.Operators {
			if err := first(need("operator_id", o.OperatorID), need("name", o.Name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Price is the data of GET /price; for smm it is for 1000.
type Price struct {
	SKU       lenient.Text  `json:"sku"`
	Name      lenient.Text  `json:"name"`
	Price     *lenient.Int  `json:"price"`
	Available *lenient.Flag `json:"available"`
	Reason    *lenient.Text `json:"reason"`
	Until     *Time         `json:"until"`
}

// DecodePrice reads the price of one SKU.
func DecodePrice(status int, body []byte) (*Price, error) {
	return Decode(status, body, func(p *Price) error {
		if p.Available == nil {
			return lenient.Lacks("available")
		}
		return first(need("sku", p.SKU), amount("price", p.Price))
	})
}
