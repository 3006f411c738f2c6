package digiflazz

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// The scopes: the two price lists. What is due at once is read in the order of its
// name, and the second has to wait.
const (
	scopePrepaid  = "1 prepaid"
	scopePostpaid = "2 postpaid"
)

// How often a list is worth reading; neither is less than the limit.
const (
	everyPrepaid  = 15 * time.Minute
	everyPostpaid = 6 * time.Hour
)

// RootScopes are the two price lists.
func (d *Driver) RootScopes() []upstream.Scope {
	return []upstream.Scope{{Key: scopePrepaid, Every: everyPrepaid}, {Key: scopePostpaid, Every: everyPostpaid}}
}

// CatalogPage reads a whole price list, unless one was read less than five minutes
// ago: then it is Throttled and nothing leaves us.
func (d *Driver) CatalogPage(ctx context.Context, scope string, _ int) (*upstream.Page, error) {
	if scope != scopePrepaid && scope != scopePostpaid {
		return nil, unsent(fmt.Sprintf("no such scope %q", scope))
	}
	if wait := d.tooSoon(); wait > 0 {
		return nil, &upstream.Error{Class: upstream.Throttled, After: wait, Detail: "a price list was read a moment ago"}
	}
	cmd := wire.ListPrepaid
	if scope == scopePostpaid {
		cmd = wire.ListPostpaid
	}
	resp, err := d.prices(ctx, cmd, "")
	if err != nil {
		return nil, err
	}
	out := &upstream.Page{}
	var odd int
	if scope == scopePrepaid {
		var items []wire.Product
		if items, odd, err = wire.DecodeProducts(resp.Body); err == nil {
			for i := range items {
				if *items[i].Price > 0 { // a price that is not known must not become a cost of nothing
					out.Offers = append(out.Offers, d.product(&items[i]))
				}
			}
		}
	} else {
		var items []wire.Bill
		if items, odd, err = wire.DecodeBills(resp.Body); err == nil {
			for i := range items {
				out.Offers = append(out.Offers, billed(&items[i]))
			}
		}
	}
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if odd > 0 && d.cfg.Log != nil {
		d.cfg.Log.WarnContext(ctx, "catalogue rows not understood", "upstream", d.cfg.Name, "rows", odd)
	}
	return out, nil
}

// tooSoon gives how long to wait for the next price list; zero notes that one is read
// now.
func (d *Driver) tooSoon() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.cfg.Now()
	if next := d.lists.Add(listsApart); !d.lists.IsZero() && now.Before(next) {
		return next.Sub(now)
	}
	d.lists = now
	return 0
}

func (d *Driver) prices(ctx context.Context, cmd, code string) (*upstream.Response, error) {
	return d.ask(ctx, d.cfg.HTTP.Read, wire.PathPrices, wire.PricesRequest{Cmd: cmd, Username: d.user(), Code: code, Sign: d.sign(wire.SignPrices)})
}

// PriceOf reads the price of one prepaid product.
func (d *Driver) PriceOf(ctx context.Context, code string) (*upstream.Price, error) {
	resp, err := d.prices(ctx, wire.ListPrepaid, code)
	if err != nil {
		return nil, err
	}
	items, _, err := wire.DecodeProducts(resp.Body)
	if err != nil {
		e := d.explain(resp, err)
		if e.Class == upstream.Throttled {
			e.After = time.Second // the limit of one product is another one than a list's
		}
		return nil, e
	}
	for i := range items {
		if string(items[i].SKU) == code {
			o := d.product(&items[i])
			if o.Reason == "" && d.cutOff(&items[i]) {
				o.Reason = "cut_off"
			}
			if o.Reason == "" && o.Cost <= 0 {
				o.Reason = "closed"
			}
			return &upstream.Price{
				Cost: o.Cost, Available: o.Reason == "", Reason: o.Reason, Stock: &upstream.Stock{Count: o.Stock, Unlimited: o.Unlimited},
			}, nil
		}
	}
	return nil, upstream.Reject(upstream.ReasonProduct, "", "not on the price list")
}

// product is an offer of the prepaid list. The cut-off is not weighed here: it goes
// with the offer, since the list is older than the minute in which somebody orders.
func (d *Driver) product(p *wire.Product) upstream.Offer {
	o := upstream.Offer{
		Code: string(p.SKU), Category: "ppob", Name: string(p.Name), Brand: orElse(string(p.Brand), "Other"), Group: orElse(string(p.Category), "Other"), Type: "prepaid",
		Description: described(p.Desc), Inputs: inputs(string(p.Category), string(p.Brand)), Cost: int64(*p.Price), Stock: int64(p.Stock), Unlimited: bool(p.Unlimited),
	}
	if p.Multi != nil && !bool(*p.Multi) {
		o.Extra = packed(extra{Once: true})
	}
	if from, to, ok := p.CutOff(); ok {
		o.CutFrom, o.CutTo = &from, &to
	}
	o.Reason = flagged(bool(p.BuyerStatus), bool(p.SellerStatus))
	if o.Reason == "" && !o.Unlimited && o.Stock <= 0 {
		o.Reason = "out_of_stock"
	}
	o.Available = o.Reason == ""
	return o
}

// cutOff is whether a product is in its cut-off at this moment.
func (d *Driver) cutOff(p *wire.Product) bool {
	from, to, ok := p.CutOff()
	now := d.cfg.Now().In(lenient.WIB())
	at := now.Hour()*60 + now.Minute()
	if from < to {
		return ok && at >= from && at < to
	}
	return ok && (at >= from || at < to)
}

// billed is an offer of the postpaid list. It costs nothing on top of a bill's total,
// which has the fee within; what we get of the fee makes it cheaper.
func billed(b *wire.Bill) upstream.Offer {
	o := upstream.Offer{
		Code: string(b.SKU), Extra: packed(extra{Postpaid: true}), Category: "ppob", Name: string(b.Name), Brand: orElse(string(b.Brand), "Other"),
		Group: orElse(string(b.Category), "Pascabayar"), Type: "postpaid", Description: described(b.Desc), Inputs: billInputs(string(b.Brand) + " " + string(b.Name)),
		Unlimited: true,
	}
	o.Reason = flagged(bool(b.BuyerStatus), bool(b.SellerStatus))
	o.Available = o.Reason == ""
	return o
}

// flagged is why something is not sold by its flags: ours (closed) or the seller's
// (in trouble); empty when it is.
func flagged(ours, sellers bool) string {
	switch {
	case !ours:
		return "closed"
	case !sellers:
		return "trouble"
	}
	return ""
}

func packed(e extra) json.RawMessage {
	raw, err := json.Marshal(e)
	if err != nil {
		panic("digiflazz: " + err.Error()) // two flags
	}
	return raw
}

func described(t lenient.Text) string {
	if s := strings.TrimSpace(string(t)); strings.Trim(s, "-") != "" {
		return s
	}
	return ""
}

func orElse(s, other string) string {
	if s = strings.TrimSpace(s); s == "" {
		return other
	}
	return s
}

// inputs are what an order of a prepaid product needs from the customer.
func inputs(category, brand string) []upstream.Input {
	in := upstream.Input{Name: "customer_no", Label: "Nomor tujuan", Required: true, Example: "081234567890"}
	switch strings.ToUpper(strings.TrimSpace(category)) {
	case "GAMES":
		in.Label, in.Example = "User ID", "12345678"
		if strings.EqualFold(strings.TrimSpace(brand), "MOBILE LEGENDS") {
			return []upstream.Input{in, {Name: "zone_id", Label: "Zone ID", Example: "2685"}}
		}
	case "PLN":
		in.Label, in.Example = "Nomor meter", "12345678901"
	}
	return []upstream.Input{in}
}

// billInputs are what an inquiry needs from the customer, by what the bill is called.
func billInputs(name string) []upstream.Input {
	in := upstream.Input{Name: "customer_no", Label: "Nomor pelanggan", Required: true, Example: "530000000001"}
	name = strings.ToUpper(name)
	switch {
	case strings.Contains(name, "E-MONEY"), strings.Contains(name, "EMONEY"):
		in.Label = "Nomor kartu"
		return []upstream.Input{in, {Name: inputAmount, Label: "Nominal", Required: true, Example: "50000"}}
	case strings.Contains(name, "PBB"):
		in.Label = "Nomor objek pajak"
		return []upstream.Input{in, {Name: inputYear, Label: "Tahun pajak", Example: "2026"}}
	case strings.Contains(name, "SAMSAT"):
		in.Label, in.Example = "Kode bayar dan NIK, dengan koma", "9658548523568701,0212502110170100"
	}
	return []upstream.Input{in}
}
