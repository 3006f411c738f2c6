package rqid

import (
	"context"
	"errors"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// inquiryLife is how long an inquiry may be paid (rqid document, Inquiry). It is
// counted from before our request, so it never ends later here than there.
const inquiryLife = 15 * time.Minute

// most bounds every amount of a bill, in rupiah, so that sums stay far from overflowing.
const most = 1_000_000_000_000

// Inquire asks for a bill by /inquiry, under the reference by which it is paid.
func (d *Driver) Inquire(ctx context.Context, p *upstream.Purchase) (*upstream.Bill, error) {
	begun := d.cfg.Now()
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathInquiry, d.order(p))
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeTransaction(resp.Body)
	if err != nil {
		return nil, d.unbilled(resp, err)
	}
	t := &r.Data
	switch {
	case broken(resp, int(r.Code)):
		return nil, brokenAnswer(resp)
	case string(t.Ref1) != p.Ref, !wire.SameCustomer(string(t.CustomerID), d.order(p).CustomerID):
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another inquiry"))
	}
	switch state := t.State(); {
	case state == wire.StateSuccess:
		bill, err := bill(t)
		if err != nil {
			return nil, upstream.Malformed(resp.Code(), err)
		}
		if bill.Total == 0 {
			return nil, upstream.Reject(upstream.ReasonNoBill, "rc "+string(r.RC), d.cfg.Redact(string(t.Msg)))
		}
		bill.ExpiresAt = begun.Add(inquiryLife)
		bill.Code, bill.Detail = state.Label(), d.cfg.Redact(string(t.Msg))
		return bill, nil
	case state == wire.StateFailed && !upstream.Doubtful(string(t.Msg)):
		return nil, upstream.Reject(noBill(billHint(string(r.RC), string(t.Msg))), "rc "+string(r.RC), d.cfg.Redact(string(t.Msg)))
	case state == wire.StateFailed, state.Pending():
		return nil, &upstream.Error{Class: upstream.Unknown, Code: "rc " + string(r.RC), Detail: d.cfg.Redact(string(t.Msg)), Err: errors.New("not decided yet")}
	}
	return nil, upstream.Malformed(resp.Code(), errors.New("status is not a documented one"))
}

// definite is the class of a question that was refused in the API's own words: it
// changes nothing there, so that nothing can have been done.
func definite(e *upstream.Error) *upstream.Error {
	if e.Answered {
		return upstream.Reject(e.Reason, e.Code, e.Detail)
	}
	return e
}

// order is the body of every request that names a product, a customer and a
// reference: the payment's is its inquiry's.
func (d *Driver) order(p *upstream.Purchase) wire.BuyRequest {
	return wire.BuyRequest{MMID: d.mmid(), ProductCode: p.Code, CustomerID: wire.CustomerID(p.Target) + p.Zone, Ref1: p.Ref}
}

// unbilled is the class of an inquiry that was refused.
func (d *Driver) unbilled(resp *upstream.Response, err error) *upstream.Error {
	e := d.explain(resp, err)
	if r, ok := wire.AsRefusal(err); ok && e.Answered {
		e.Reason = noBill(billHint(r.RC, r.Message))
		if r.RC == wire.RCNotFound {
			e.Reason = upstream.ReasonNoBill
		}
	}
	return definite(e)
}

// noBill is why an inquiry found nothing: a customer who is not known owes nothing.
func noBill(reason upstream.Reason) upstream.Reason {
	if reason == upstream.ReasonCustomer {
		return upstream.ReasonNoBill
	}
	return reason
}

// billHint is why an inquiry or a payment was refused or failed.
func billHint(rc, message string) upstream.Reason {
	reason := upstream.BillReasonIn(message)
	if reason == upstream.ReasonNoBill || reason == upstream.ReasonExpired {
		return reason
	}
	if coded := reasonOf(rc); coded != "" {
		return coded
	}
	return reason
}

// bill reads what is owed. Of the three amounts two are enough. What the customer
// pays is the bill and the fee, or the total where that is more (penalties); what paying
// takes from us is the total.
func bill(t *wire.Transaction) (*upstream.Bill, error) {
	for _, said := range []*lenient.Rupiah{t.Price, t.Admin, t.TotalPrice} {
		if said != nil && (*said < 0 || *said > most) {
			return nil, errors.New("an amount of the bill makes no sense")
		}
	}
	var amount, admin, total int64
	switch {
	case t.Price != nil && t.Admin != nil && t.TotalPrice != nil:
		amount, admin, total = int64(*t.Price), int64(*t.Admin), int64(*t.TotalPrice)
	case t.Price != nil && t.Admin != nil:
		amount, admin = int64(*t.Price), int64(*t.Admin)
		total = amount + admin
	case t.Price != nil && t.TotalPrice != nil:
		amount, total = int64(*t.Price), int64(*t.TotalPrice)
		admin = max(total-amount, 0)
	case t.Admin != nil && t.TotalPrice != nil && *t.TotalPrice >= *t.Admin:
		admin, total = int64(*t.Admin), int64(*t.TotalPrice)
		amount = total - admin
	default:
		return nil, errors.New("amounts of the bill are missing")
	}
	facts := t.Facts()
	b := &upstream.Bill{
		UpstreamRef: string(t.Ref2), Amount: amount, Admin: admin, Total: max(total, amount+admin), Cost: total,
		CustomerName: first(facts, "nama", "nama_pelanggan", "customer_name", "name"),
		Period:       first(facts, "bl_th", "blth", "periode", "period", "bulan"),
		Lines:        map[string]string{},
	}
	for _, l := range lines() {
		if v := first(facts, l.theirs...); v != "" {
			b.Lines[l.ours] = upstream.Clip(v)
		}
	}
	return b, nil
}

// first is the first of these facts that is there.
func first(facts map[string]string, names ...string) string {
	for _, name := range names {
		if v := facts[name]; v != "" {
			return upstream.Clip(v)
		}
	}
	return ""
}

// line is a fact of a bill that may be shown, by our name and those that APIs use.
type line struct {
	ours   string
	theirs []string
}

// lines are all of them. What is not here is not shown: a bill's detail is free-form.
func lines() []line {
	return []line{
		{"tariff", []string{"tarif", "tariff", "golongan"}},
		{"power", []string{"daya", "power"}},
		{"sheets", []string{"lembar_tagihan", "jumlah_lembar", "lembar", "jml_lembar"}},
		{"penalty", []string{"denda", "penalty"}},
		{"meter_start", []string{"meter_awal", "stand_awal"}},
		{"meter_end", []string{"meter_akhir", "stand_akhir"}},
		{"meter", []string{"stand_meter", "meter"}},
		{"usage", []string{"pemakaian", "usage"}},
		{"address", []string{"alamat", "address"}},
		{"due_date", []string{"jatuh_tempo", "due_date"}},
		{"participants", []string{"jumlah_peserta", "peserta", "jml_peserta"}},
		{"installment", []string{"angsuran", "angsuran_ke", "tenor"}},
		{"tax_year", []string{"tahun_pajak"}},
		{"vehicle", []string{"no_pol", "nopol"}},
	}
}

// Pay pays what was inquired, by /payment with the inquiry's own body. The API takes
// what it found then, and refuses once the inquiry is over.
func (d *Driver) Pay(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	if p.Bill == nil {
		return nil, upstream.Reject(upstream.ReasonExpired, "", "no bill was inquired under this reference")
	}
	if end := p.Bill.ExpiresAt; !end.IsZero() && !d.cfg.Now().Before(end) {
		return nil, upstream.Reject(upstream.ReasonExpired, "", "the inquiry is over")
	}
	return d.transaction(ctx, d.cfg.HTTP.Money, wire.PathPayment, p, d.order(p))
}

// PriceOf reads the price of one prepaid product by /price.
func (d *Driver) PriceOf(ctx context.Context, code string) (*upstream.Price, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathPrice, wire.PriceRequest{MMID: d.mmid(), ProductCode: code})
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodePrice(resp.Body)
	switch {
	case err != nil:
		return nil, definite(d.explain(resp, err))
	case broken(resp, int(r.Code)):
		return nil, brokenAnswer(resp)
	case string(r.Data.Kode) != code:
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another product"))
	case *r.Data.Harga == 0:
		return nil, upstream.Malformed(resp.Code(), errors.New("a price of nothing"))
	}
	reason := closed(r.Data.Gangguan, r.Data.Kosong)
	return &upstream.Price{Cost: int64(*r.Data.Harga), Available: reason == "", Reason: reason}, nil
}
