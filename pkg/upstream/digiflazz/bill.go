package digiflazz

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// The inputs of an inquiry beside the customer's number: what to put on an e-money
// card, in rupiah, and the year of a tax.
const (
	inputAmount = "amount"
	inputYear   = "year"
)

// Inquire asks what a customer owes.
func (d *Driver) Inquire(ctx context.Context, p *upstream.Purchase) (*upstream.Bill, error) {
	body := d.request(p, wire.CommandInquiry)
	if amount := strings.TrimSpace(p.Inputs[inputAmount]); amount != "" {
		n, err := strconv.ParseInt(amount, 10, 64)
		if err != nil || n <= 0 {
			return nil, upstream.Reject(upstream.ReasonCustomer, "", "the amount is no whole number of rupiah")
		}
		body.Amount = n
	}
	body.Year = strings.TrimSpace(p.Inputs[inputYear])
	t, err := d.exchange(ctx, p, body)
	if err != nil {
		return nil, err
	}
	switch string(t.Status) {
	case wire.StatusSuccess:
		return d.bill(t)
	case wire.StatusPending:
		return nil, &upstream.Error{Code: label(t.RC), Detail: d.detail(t), Err: errors.New("the bill is not known yet")}
	}
	e := d.refused(t.RC, string(t.Message))
	if e.Reason == upstream.ReasonCustomer {
		e.Reason = upstream.ReasonNoBill
	}
	if e.Reason == upstream.ReasonLate {
		e.Reason = upstream.ReasonProduct // nothing was bought that could come about late
	}
	return nil, e
}

// bill says what was found.
func (d *Driver) bill(t *wire.Transaction) (*upstream.Bill, error) {
	if t.Price == nil || *t.Price <= 0 || t.SellingPrice == nil || *t.SellingPrice <= 0 {
		return nil, upstream.Malformed(label(t.RC), errors.New("a bill without its price"))
	}
	b := &upstream.Bill{
		UpstreamRef: string(t.RefID), CustomerName: string(t.CustomerName), Period: string(t.Periode), Total: int64(*t.SellingPrice), Cost: int64(*t.Price),
		ExpiresAt: d.midnight().Add(-beforeNight), Code: label(t.RC), Detail: d.detail(t),
	}
	if t.Admin != nil {
		b.Admin = int64(*t.Admin)
	}
	b.Amount = b.Total - b.Admin
	if b.Admin < 0 || b.Amount < 0 {
		return nil, upstream.Malformed(label(t.RC), errors.New("a bill whose sums contradict each other"))
	}
	facts := wire.Describe(t.Desc)
	if b.Period == "" && len(facts.Details) > 0 {
		b.Period = facts.Details[0]["periode"]
	}
	b.Lines = lines(facts)
	return b, nil
}

// midnight is the end of this day, WIB.
func (d *Driver) midnight() time.Time {
	y, m, day := d.cfg.Now().In(lenient.WIB()).Date()
	return time.Date(y, m, day+1, 0, 0, 0, 0, lenient.WIB()).UTC()
}

// shown are the facts of a bill that may be shown, by what Digiflazz calls them.
func shown() [][2]string {
	return [][2]string{
		{"tarif", "tariff"}, {"daya", "power"}, {"lembar_tagihan", "sheets"}, {"alamat", "address"}, {"jatuh_tempo", "due_date"}, {"jumlah_peserta", "members"},
		{"item_name", "item"}, {"no_rangka", "chassis_no"}, {"nomor_rangka", "chassis_no"}, {"nomor_mesin", "engine_no"}, {"no_pol", "plate_no"},
		{"nomor_polisi", "plate_no"}, {"merek_kb", "make"}, {"model_kb", "model"}, {"tenor", "tenor"}, {"tahun_pajak", "tax_year"}, {"kelurahan", "village"},
		{"kecamatan", "district"}, {"kab_kota", "city"}, {"provinsi", "province"}, {"luas_tanah", "land_area"}, {"luas_gedung", "building_area"},
	}
}

// shownOfEach are the facts of each sheet of a bill.
func shownOfEach() [][2]string {
	return [][2]string{
		{"periode", "period"}, {"nilai_tagihan", "amount"}, {"admin", "admin"}, {"denda", "penalty"}, {"biaya_lain", "other_fees"}, {"meter_awal", "meter_start"},
		{"meter_akhir", "meter_end"}, {"usage", "usage"}, {"no_ref", "reference"},
	}
}

// lines are the facts that may be shown; those of sheets after the first have its
// number.
func lines(f wire.Facts) map[string]string {
	out := map[string]string{}
	for _, s := range shown() {
		if v := f.Of[s[0]]; v != "" {
			out[s[1]] = v
		}
	}
	for i, sheet := range f.Details {
		for _, s := range shownOfEach() {
			name := s[1]
			if i > 0 {
				name += "_" + strconv.Itoa(i+1)
			}
			if v := sheet[s[0]]; v != "" {
				out[name] = v
			}
		}
	}
	return out
}

// Pay pays the bill that was inquired under the same Ref, on the same day, once.
func (d *Driver) Pay(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	switch {
	case p.Sends > 1:
		return nil, unsent("what became of the first payment is asked, not tried")
	case p.Bill == nil:
		return nil, upstream.Reject(upstream.ReasonExpired, "", "no bill was asked for")
	case !p.Bill.ExpiresAt.IsZero() && !d.cfg.Now().Before(p.Bill.ExpiresAt), p.Bill.ExpiresAt.After(d.midnight()):
		return nil, upstream.Reject(upstream.ReasonExpired, "", "the bill was asked for on another day")
	}
	return d.transaction(ctx, p, d.request(p, wire.CommandPay), false)
}
