package emulator

import (
	"strings"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

// thing is one SKU.
type thing struct {
	sku, name, category string
	// rupiah; for smm of 1000, for bills the fee
	price    int64
	brand    string
	group    string
	postpaid bool
	zone     bool
	// why it cannot be ordered; empty when it can
	reason string
	// smm
	kind     string
	min, max int64
	// otp
	service, iso, country, server string
}

func (t *thing) available() *lenient.Flag {
	f := lenient.Flag(t.reason == "")
	return &f
}

func things() []*thing {
	return []*thing{
		{sku: "MLID10", name: "Mobile Legends 10 Diamond", category: wire.PPOB, price: 2_750, brand: "MOBILE LEGENDS", group: "games"},
		{sku: "MLID20Z", name: "Mobile Legends 20 Diamond", category: wire.PPOB, price: 5_400, brand: "MOBILE LEGENDS", group: "games", zone: true},
		{sku: "TSELID5K", name: "Telkomsel 5.000", category: wire.PPOB, price: 5_600, brand: "TELKOMSEL", group: "pulsa"},
		{sku: "PLNID20K", name: "PLN Token 20.000", category: wire.PPOB, price: 20_300, brand: "PLN", group: "token-listrik"},
		{sku: "PLNIDPASCA", name: "PLN Pascabayar", category: wire.PPOB, price: 1_750, brand: "PLN", group: "tagihan", postpaid: true},
		{sku: "IGF1", name: "Instagram Followers", category: wire.SMM, price: 15_000, brand: "Instagram", group: "Followers", kind: "default", min: 10, max: 100_000},
		{sku: "IGC1", name: "Instagram Custom Comments", category: wire.SMM, price: 60_000, brand: "Instagram", group: "Comments", kind: "custom_comments", min: 1, max: 1_000},
		{sku: "IGP1", name: "Instagram Package", category: wire.SMM, price: 25_000, brand: "Instagram", group: "Packages", kind: "package", min: 1, max: 1},
		{sku: "OTPTGID", name: "Telegram Indonesia Server 1", category: wire.OTP, price: 1_400, service: "tg", iso: "ID", country: "Indonesia", server: "Server 1"},
		{sku: "OTPTGID2", name: "Telegram Indonesia Server 2", category: wire.OTP, price: 1_900, service: "tg", iso: "ID", country: "Indonesia", server: "Server 2"},
		{sku: "OTPTGMY", name: "Telegram Malaysia Server 1", category: wire.OTP, price: 2_400, service: "tg", iso: "MY", country: "Malaysia", server: "Server 1"},
		{sku: "OTPWAID", name: "WhatsApp Indonesia Server 1", category: wire.OTP, price: 2_100, service: "wa", iso: "ID", country: "Indonesia", server: "Server 1"},
	}
}

func (d *door) find(sku string) *thing {
	for _, t := range d.things {
		if t.sku == sku {
			return t
		}
	}
	return nil
}

func (d *door) of(category string) []*thing {
	var out []*thing
	for _, t := range d.things {
		if t.category == category {
			out = append(out, t)
		}
	}
	return out
}

func inputs(names ...string) []wire.Input {
	out := []wire.Input{}
	for _, n := range names {
		out = append(out, wire.Input{Name: lenient.Text(n), Label: lenient.Text(strings.ToUpper(n)), Required: true, Example: "1"})
	}
	return out
}

func (d *door) ppob() emulate.Answer {
	out := wire.PPOBProducts{Tier: 1, Products: []wire.PPOBProduct{}}
	for _, t := range d.of(wire.PPOB) {
		row := wire.PPOBProduct{
			SKU: lenient.Text(t.sku), Name: lenient.Text(t.name), Price: wire.Int(t.price), Brand: lenient.Text(t.brand), Category: lenient.Text(t.group),
			Type: "prepaid", Inputs: inputs("customer_no"), UnlimitedStock: true, Available: t.available(), Reason: wire.Text(t.reason),
		}
		if t.postpaid {
			row.Type = "postpaid"
		}
		if t.zone {
			row.Inputs = inputs("customer_no", "zone_id")
		}
		out.Products = append(out.Products, row)
	}
	out.Count = lenient.Int(len(out.Products))
	return accept(out)
}

func (d *door) smm() emulate.Answer {
	out := wire.SMMServices{Services: []wire.SMMService{}}
	for _, t := range d.of(wire.SMM) {
		row := wire.SMMService{
			SKU: lenient.Text(t.sku), Name: lenient.Text(t.name), Platform: lenient.Text(t.brand), Category: lenient.Text(t.group), Type: lenient.Text(t.kind),
			Inputs: inputs("target"), Rate: wire.Int(t.price), Min: lenient.Int(t.min), Max: lenient.Int(t.max), Refill: true, Cancel: true,
			AverageTime: wire.Text("10 minutes"), Available: t.available(), Reason: wire.Text(t.reason),
		}
		switch t.kind {
		case "default":
			row.Inputs = append(inputs("target", "quantity"), wire.Input{Name: "runs", Label: "Runs", Example: "2"}, wire.Input{Name: "interval", Label: "Interval", Example: "60"})
		case "custom_comments":
			row.Inputs = inputs("target", "comments")
		}
		out.Services = append(out.Services, row)
	}
	out.Count = lenient.Int(len(out.Services))
	return accept(out)
}

func (d *door) otpServices() emulate.Answer {
	out := wire.OTPServices{Services: []wire.OTPService{{Service: "tg", Name: "Telegram"}, {Service: "wa", Name: "WhatsApp"}}}
	out.Count = lenient.Int(len(out.Services))
	return accept(out)
}

func (d *door) otpCountries(service string) emulate.Answer {
	out := wire.OTPCountries{Countries: []wire.OTPCountry{}}
	at := map[string]int{}
	for _, t := range d.of(wire.OTP) {
		if t.service != service {
			continue
		}
		i, ok := at[t.iso]
		if !ok {
			i = len(out.Countries)
			at[t.iso] = i
			out.Countries = append(out.Countries, wire.OTPCountry{Country: lenient.Text(t.country), ISO: lenient.Text(t.iso), Prefix: "+62"})
		}
		c := &out.Countries[i]
		c.Stock += 100
		c.Offers = append(c.Offers, wire.OTPOffer{
			SKU: lenient.Text(t.sku), Server: lenient.Text(t.server), Price: wire.Int(t.price), Stock: 100, SuccessRate: 81, Available: t.available(),
		})
	}
	if len(out.Countries) == 0 {
		return refuse(wire.CodeNotFound, "there is no such service")
	}
	out.Count = lenient.Int(len(out.Countries))
	return accept(out)
}

func (d *door) operators(sku string) emulate.Answer {
	if t := d.find(sku); t == nil || t.category != wire.OTP {
		return refuse(wire.CodeNotFound, "there is no such sku")
	}
	return accept(wire.OTPOperators{Count: 3, Operators: []wire.OTPOperator{
		{OperatorID: "any", Name: "Any"}, {OperatorID: "indosat", Name: "Indosat"}, {OperatorID: "telkomsel", Name: "Telkomsel"},
	}})
}

func (d *door) priceOf(sku string) emulate.Answer {
	t := d.find(sku)
	if t == nil {
		return refuse(wire.CodeNotFound, "there is no such sku")
	}
	return accept(wire.Price{SKU: lenient.Text(t.sku), Name: lenient.Text(t.name), Price: wire.Int(t.price), Available: t.available(), Reason: wire.Text(t.reason)})
}

// Close makes a SKU unavailable for a reason, or available again with none; it says
// whether there is such a SKU.
func (e *Emulator) Close(sku, reason string) bool {
	found := false
	e.lock(func() {
		if t := e.door.find(sku); t != nil {
			t.reason, found = reason, true
		}
	})
	return found
}

// Listed is how many SKUs each category has.
func (e *Emulator) Listed(category string) int {
	n := 0
	e.lock(func() { n = len(e.door.of(category)) })
	return n
}
