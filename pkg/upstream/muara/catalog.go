package muara

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

// The scopes. Each otp service is one of its own, which the list of services tells of.
const (
	scopePPOB     = "ppob"
	scopeSMM      = "smm"
	scopeOTP      = "otp"
	scopeOTPOf    = "otp:"
	everyPPOB     = 5 * time.Minute
	everySMM      = 15 * time.Minute
	everyServices = time.Hour
	everyNumbers  = 10 * time.Minute
)

// RootScopes are the lists that are known without asking.
func (d *Driver) RootScopes() []upstream.Scope {
	return []upstream.Scope{{Key: scopePPOB, Every: everyPPOB}, {Key: scopeSMM, Every: everySMM}, {Key: scopeOTP, Every: everyServices}}
}

// CatalogPage reads a list: each is whole in one answer.
func (d *Driver) CatalogPage(ctx context.Context, scope string, _ int) (*upstream.Page, error) {
	switch scope {
	case scopePPOB:
		list, resp, err := ask(ctx, d, wire.PathPPOB, nil, wire.DecodePPOB)
		if err != nil {
			return nil, d.wrong(resp, err)
		}
		d.odd(ctx, scope, list.Odd)
		return ppobPage(list), nil
	case scopeSMM:
		list, resp, err := ask(ctx, d, wire.PathSMM, nil, wire.DecodeSMM)
		if err != nil {
			return nil, d.wrong(resp, err)
		}
		d.odd(ctx, scope, list.Odd)
		return smmPage(list), nil
	case scopeOTP:
		list, resp, err := ask(ctx, d, wire.PathOTPServices, nil, wire.DecodeOTPServices)
		if err != nil {
			return nil, d.wrong(resp, err)
		}
		d.odd(ctx, scope, list.Odd)
		return servicesPage(list), nil
	}
	service, ok := strings.CutPrefix(scope, scopeOTPOf)
	if !ok {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: fmt.Errorf("no such scope %q", scope)}
	}
	list, resp, err := ask(ctx, d, wire.PathOTPCountries, url.Values{"service": {service}}, wire.DecodeOTPCountries)
	if err != nil {
		return nil, d.wrong(resp, err)
	}
	d.odd(ctx, scope, list.Odd)
	return numbersPage(service, list), nil
}

func (d *Driver) odd(ctx context.Context, scope string, n int) {
	if n > 0 && d.cfg.Log != nil {
		d.cfg.Log.WarnContext(ctx, "catalogue rows not understood", "upstream", d.cfg.Name, "scope", scope, "rows", n)
	}
}

// open is whether something can be ordered, and why not. Rows that do not say can.
func open(available *lenient.Flag, reason *lenient.Text) (bool, string) {
	if available == nil || bool(*available) {
		return true, ""
	}
	switch why := wire.String(reason); why {
	case "closed", "out_of_stock", "trouble", "cut_off":
		return false, why
	case "paused":
		return false, "trouble"
	}
	return false, "closed"
}

func inputs(said []wire.Input) []upstream.Input {
	var out []upstream.Input
	for _, in := range said {
		out = append(out, upstream.Input{Name: string(in.Name), Label: string(in.Label), Required: bool(in.Required), Example: string(in.Example)})
	}
	return out
}

func ppobPage(list *wire.PPOBProducts) *upstream.Page {
	out := &upstream.Page{}
	for i := range list.Products {
		p := &list.Products[i]
		o := upstream.Offer{
			Code: string(p.SKU), Category: wire.PPOB, Name: string(p.Name), Brand: string(p.Brand), Group: string(p.Category), Type: string(p.Type),
			Description: wire.String(p.Description), Inputs: inputs(p.Inputs), Cost: int64(*p.Price), Stock: int64(p.Stock), Unlimited: bool(p.UnlimitedStock),
		}
		if o.Type == "" {
			o.Type = "prepaid"
		}
		o.Available, o.Reason = open(p.Available, p.Reason)
		out.Offers = append(out.Offers, o)
	}
	return out
}

func smmPage(list *wire.SMMServices) *upstream.Page {
	out := &upstream.Page{}
	for i := range list.Services {
		s := &list.Services[i]
		o := upstream.Offer{
			Code: string(s.SKU), Category: wire.SMM, Name: string(s.Name), Brand: string(s.Platform), Group: string(s.Category), Platform: string(s.Platform),
			Kind: string(s.Type), Description: wire.String(s.Description), Inputs: inputs(s.Inputs), Cost: int64(*s.Rate), Unlimited: true,
			Min: max(int64(s.Min), 1), Max: int64(s.Max), Refill: bool(s.Refill), Cancel: bool(s.Cancel), AverageTime: wire.String(s.AverageTime),
		}
		for _, in := range o.Inputs {
			o.Dripfeed = o.Dripfeed || in.Name == "runs"
		}
		o.Available, o.Reason = open(s.Available, s.Reason)
		out.Offers = append(out.Offers, o)
	}
	return out
}

func servicesPage(list *wire.OTPServices) *upstream.Page {
	out := &upstream.Page{}
	for _, s := range list.Services {
		out.Services = append(out.Services, upstream.Service{Code: string(s.Service), Name: string(s.Name)})
		out.Scopes = append(out.Scopes, upstream.Scope{Key: scopeOTPOf + string(s.Service), Every: everyNumbers, Service: string(s.Service)})
	}
	return out
}

func numbersPage(service string, list *wire.OTPCountries) *upstream.Page {
	out := &upstream.Page{}
	for _, c := range list.Countries {
		for _, said := range c.Offers {
			// A server's number is a name to us: two sources count their own.
			n, _ := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(said.Server), "Server")))
			extra, err := json.Marshal(map[string]any{"service": service, "country": string(c.ISO), "server": n})
			if err != nil {
				continue // texts and a number: it cannot be
			}
			o := upstream.Offer{
				Code: string(said.SKU), Extra: extra, Category: wire.OTP, Name: service + " " + string(c.Country), ServiceCode: service,
				CountryISO: string(c.ISO), CountryName: string(c.Country), Prefix: string(c.Prefix), Server: n, Cost: int64(*said.Price),
				Stock: int64(said.Stock), SuccessRate: int(min(max(said.SuccessRate, 0), 100)),
			}
			o.Available, o.Reason = open(said.Available, nil)
			if !o.Available && o.Stock == 0 {
				o.Reason = "out_of_stock"
			}
			out.Offers = append(out.Offers, o)
		}
	}
	return out
}

// anyOperator is the API's word for not choosing one.
const anyOperator = "any"

// Operators lists the operators that may be chosen for a number.
func (d *Driver) Operators(ctx context.Context, code string, _ json.RawMessage) ([]upstream.Operator, error) {
	list, resp, err := ask(ctx, d, wire.PathOTPOperators, url.Values{"sku": {code}}, wire.DecodeOperators)
	if err != nil {
		return nil, d.wrong(resp, err)
	}
	out := []upstream.Operator{}
	for _, o := range list.Operators {
		if o.OperatorID != anyOperator {
			out = append(out, upstream.Operator{ID: string(o.OperatorID), Name: string(o.Name)})
		}
	}
	return out, nil
}

// PriceOf reads the price of one SKU; for smm it is for 1000.
func (d *Driver) PriceOf(ctx context.Context, code string) (*upstream.Price, error) {
	p, resp, err := ask(ctx, d, wire.PathPrice, url.Values{"sku": {code}}, wire.DecodePrice)
	switch {
	case resp != nil && absent(err):
		return nil, upstream.Reject(upstream.ReasonProduct, wire.CodeNotFound, "no such sku")
	case err != nil:
		return nil, d.wrong(resp, err)
	case string(p.SKU) != code:
		return nil, upstream.Malformed(resp.Code(), lenient.Odd("sku"))
	}
	out := &upstream.Price{Cost: int64(*p.Price)}
	out.Available, out.Reason = open(p.Available, p.Reason)
	return out, nil
}

// BillPrices marks that the price of a bill's SKU, its fee, is told as any other.
func (*Driver) BillPrices() {}
