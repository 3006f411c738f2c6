package rqid

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// The scopes. A product's row does not show its type, so each type is read by
// itself. The categories hold no offers: they tell of types that nothing reads.
const (
	scopePrepaid    = "prepaid"
	scopePostpaid   = "postpaid"
	scopeCategories = "categories"
)

// How often a scope is worth reading.
const (
	everyPrepaid    = 15 * time.Minute
	everyPostpaid   = 6 * time.Hour
	everyCategories = 24 * time.Hour
)

// RootScopes are the two types of products, and the categories.
func (d *Driver) RootScopes() []upstream.Scope {
	return []upstream.Scope{{Key: scopePrepaid, Every: everyPrepaid}, {Key: scopePostpaid, Every: everyPostpaid}, {Key: scopeCategories, Every: everyCategories}}
}

// categories reads /product-categories and names the categories whose type is none
// of those that are read: what they sell is not offered. Physical vouchers come with
// the prepaid ones (rqid document, Products).
func (d *Driver) categories(ctx context.Context) (*upstream.Page, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathCategories, wire.Account{MMID: d.mmid()})
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeCategories(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if broken(resp, int(r.Code)) {
		return nil, brokenAnswer(resp)
	}
	var other []string
	for _, c := range r.Data.Rows {
		switch strings.ToUpper(string(c.Type)) {
		case wire.TypePrepaid, wire.TypePostpaid, wire.TypePhysical:
		default:
			other = append(other, string(c.Code))
		}
	}
	if len(other) > 0 && d.cfg.Log != nil {
		d.cfg.Log.WarnContext(ctx, "categories of other types are not read", "upstream", d.cfg.Name, "categories", other)
	}
	return &upstream.Page{}, nil
}

// CatalogPage reads one page of a type, in the order of codes so that pages do
// not shift while prices move.
func (d *Driver) CatalogPage(ctx context.Context, scope string, page int) (*upstream.Page, error) {
	kind := wire.TypePrepaid
	switch scope {
	case scopePrepaid:
	case scopePostpaid:
		kind = wire.TypePostpaid
	case scopeCategories:
		return d.categories(ctx)
	default:
		return nil, &upstream.Error{Class: upstream.NotSent, Err: fmt.Errorf("no such scope %q", scope)}
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathProducts, wire.ProductsRequest{
		MMID: d.mmid(), Type: kind, Sort: "code|asc", Page: max(page, 1), PerPage: wire.MaxPerPage,
	})
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeProducts(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if r.Data.Odd > 0 && d.cfg.Log != nil {
		d.cfg.Log.WarnContext(ctx, "catalogue rows not understood", "upstream", d.cfg.Name, "rows", r.Data.Odd)
	}
	out := &upstream.Page{}
	for i := range r.Data.Rows {
		row := &r.Data.Rows[i]
		if scope == scopePrepaid && *row.Harga == 0 {
			continue // a price that is not known yet must not become a cost of nothing
		}
		out.Offers = append(out.Offers, offer(row, scope))
	}
	if !r.Data.Last() {
		out.Next = int(r.Data.Meta.CurrentPage) + 1
	}
	return out, nil
}

func offer(row *wire.Product, kind string) upstream.Offer {
	o := upstream.Offer{
		Code: string(row.Kode), Category: "ppob", Name: string(row.Nama), Brand: string(row.Operator), Group: group(string(row.Kategori)),
		Type: kind, Inputs: inputs(string(row.Kategori), string(row.Operator)), Cost: int64(*row.Harga), Unlimited: true,
	}
	if kind == scopePostpaid {
		o.Cost = 0 // its fee is within the bill's total, which is all that paying takes from us
	}
	o.Reason = closed(row.Gangguan, row.Kosong)
	o.Available = o.Reason == ""
	return o
}

// closed is why a product is not sold at present; empty when it is.
func closed(gangguan, kosong wire.YesNo) string {
	switch {
	case bool(gangguan):
		return "trouble"
	case bool(kosong):
		return "out_of_stock"
	}
	return ""
}

// group is our name for the provider's category.
func group(category string) string {
	switch strings.ToUpper(category) {
	case "PULSA":
		return "Pulsa"
	case "DATA", "PAKET DATA":
		return "Data"
	case "GAMES", "GAME", "VOUCHER GAME":
		return "Games"
	case "EMONEY", "E-MONEY", "EWALLET":
		return "E-Money"
	case "VOUCHER":
		return "Voucher"
	case "":
		return "Other"
	}
	return category
}

// inputs are what an order of a product needs from the customer.
func inputs(category, brand string) []upstream.Input {
	in := upstream.Input{Name: "customer_no", Label: "Nomor tujuan", Required: true, Example: "081234567890"}
	switch group(category) {
	case "Games":
		in.Label, in.Example = "User ID", "12345678"
		if strings.EqualFold(brand, "MOBILE LEGENDS") {
			return []upstream.Input{in, {Name: "zone_id", Label: "Zone ID", Example: "2685"}}
		}
	case "PLN", "PLN PASCA":
		in.Label, in.Example = "Nomor meter", "12345678901"
	}
	return []upstream.Input{in}
}
