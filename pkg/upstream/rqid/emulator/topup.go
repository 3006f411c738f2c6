package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

func (d *door) topup(b *emulate.Book, r *emulate.Request, in *asked) emulate.Answer {
	ref, code, customer := string(in.Ref1), string(in.ProductCode), string(in.CustomerID)
	if ref == "" || code == "" || customer == "" {
		return refuse(http.StatusUnprocessableEntity, wire.RCFormat, "product_code, customer_id dan ref_1 wajib diisi")
	}
	if _, known := d.inquiries[ref]; known || b.ByRef(ref) != nil {
		return duplicate()
	}
	product, ok := d.catalogue.find(code)
	switch {
	case !ok || product.kind != wire.TypePrepaid:
		return refuse(http.StatusUnprocessableEntity, wire.RCUnknownProduct, "produk tidak ditemukan")
	case bool(product.Gangguan):
		return refuse(http.StatusUnprocessableEntity, wire.RCTrouble, "produk sedang gangguan")
	case bool(product.Kosong):
		return refuse(http.StatusUnprocessableEntity, wire.RCTrouble, "stok produk kosong")
	}
	p := emulate.Purchase{
		ID: d.number(b, r.Now), Kind: "topup", Product: code, Target: customer, Ref: ref,
		Price: int64(*product.Harga), At: r.Now, State: pendingLabel(b),
	}
	o := b.Decide(p)
	if o.SN == "" {
		o.SN = serial(b, product)
	}
	e := b.Buy(p, sold{product: product}, plan(o, r.Now)...)
	if e == nil {
		return refuse(http.StatusUnprocessableEntity, wire.RCBalance, "saldo tidak mencukupi")
	}
	a := accept(rc(e), transaction(e, true))
	a.Lost = o.Lost
	return a
}

// number is the provider's own, which only the balance's movements show.
func (d *door) number(b *emulate.Book, now time.Time) string {
	return fmt.Sprintf("T-%s-%06X", now.In(lenient.WIB()).Format("20060102"), d.born.Unix()%86_400*100+int64(b.Count()))
}

// pendingLabel is one of the two words for "not decided yet".
func pendingLabel(b *emulate.Book) string {
	if b.Rand.IntN(2) == 0 {
		return wire.StateProcess.Label()
	}
	return wire.StatePending.Label()
}

func plan(o emulate.Outcome, now time.Time) []emulate.Step {
	at := now.Add(o.After)
	success := emulate.Step{At: at, State: wire.StateSuccess.Label(), Deliver: true, SN: o.SN}
	switch o.Result {
	case emulate.Success:
		return []emulate.Step{success}
	case emulate.Silent:
		return nil
	}
	steps := []emulate.Step{{At: at, State: wire.StateFailed.Label(), Refund: true, Reason: o.Reason}}
	if o.Late > 0 {
		success.At, success.Charge = at.Add(o.Late), true
		steps = append(steps, success)
	}
	return steps
}

// status tells of the payment of a bill once there is one, and of its inquiry before.
func (d *door) status(b *emulate.Book, ref string) emulate.Answer {
	if e := b.ByRef(ref); e != nil {
		return accept(rc(e), transaction(e, false))
	}
	if i, ok := d.inquiries[ref]; ok {
		return accept(wire.RCSuccess, i.transaction(ref, false))
	}
	return notFound()
}

// sold is what the book keeps with a purchase; inquiry is a bill's.
type sold struct {
	product product
	inquiry *inquired
}

// rc is the envelope's result code around a transaction.
func rc(e *emulate.Entry) string {
	switch state(e) {
	case wire.StateSuccess:
		return wire.RCSuccess
	case wire.StateFailed:
		if e.Reason == emulate.ReasonCustomer {
			return wire.RCUnknownCustomer
		}
		return wire.RCTrouble
	}
	return wire.RCPending
}

func state(e *emulate.Entry) wire.State { return wire.StateOf(nil, lenient.Text(e.State)) }

// transaction is the data of /topup and /payment (whole) and /status (as little as its
// example shows).
func transaction(e *emulate.Entry, whole bool) wire.Transaction {
	product, inquiry := e.Facts.(sold).product, e.Facts.(sold).inquiry
	status := lenient.Int(state(e))
	t := wire.Transaction{
		Ref1: lenient.Text(e.Ref), ProductCode: product.Kode, Status: &status, StatusLabel: lenient.Text(e.State), Msg: message(e),
	}
	if whole {
		t.ProductName, t.CustomerID = product.Nama, lenient.Text(e.Target)
		t.TotalPrice = wire.Rupiah(e.Price)
		if inquiry != nil {
			t.Ref2 = lenient.Text(inquiry.ref2)
		} else {
			t.Price = wire.Rupiah(e.Price)
		}
	}
	return t
}

func message(e *emulate.Entry) lenient.Text {
	head := "TRX " + e.Product + "." + e.Target
	if e.Facts.(sold).inquiry != nil {
		head = "BAYAR " + e.Product + "." + e.Target
	}
	switch state(e) {
	case wire.StateSuccess:
		return lenient.Text(head + " SUKSES, SN:" + e.SN)
	case wire.StateFailed:
		if e.Reason == emulate.ReasonCustomer {
			return lenient.Text(head + " GAGAL, nomor tujuan salah")
		}
		return lenient.Text(head + " GAGAL, produk gangguan")
	}
	return lenient.Text(head + " SEDANG DIPROSES")
}

// Plant is what the history tells of a purchase instead of what is so.
type Plant struct {
	// Price is in rupiah; nil leaves it.
	Price *int64 `json:"price,omitempty"`
	// State is a status label; empty leaves it.
	State string `json:"state,omitempty"`
	// Hide leaves the purchase out.
	Hide bool `json:"hide,omitempty"`
}

// Plant makes the history tell otherwise of the purchase with this ref_1. The book, the
// balance and /status stay true.
func (e *Emulator) Plant(ref string, p Plant) {
	e.Do(func(*emulate.Book, time.Time) { e.door.plants[ref] = p })
}

// row is a row of /history, with the fields of its example and no more; told is
// whether it is in there.
func (d *door) row(e *emulate.Entry) (row wire.HistoryRow, told bool) {
	row = wire.HistoryRow{
		Ref1: lenient.Text(e.Ref), ProductCode: lenient.Text(e.Product), CustomerID: lenient.Text(e.Target),
		StatusLabel: lenient.Text(e.State), TotalPrice: wire.Rupiah(e.Price), CreatedAt: lenient.LocalOf(e.At),
	}
	plant := d.plants[e.Ref]
	if plant.Price != nil {
		row.TotalPrice = wire.Rupiah(*plant.Price)
	}
	if plant.State != "" {
		row.StatusLabel = lenient.Text(plant.State)
	}
	return row, !plant.Hide
}

// history lists newest first: the day in WIB (today unless asked otherwise) or
// a range of days, with the filters of the document.
func (d *door) history(b *emulate.Book, r *emulate.Request, in *asked) emulate.Answer {
	from, to, err := days(r.Now, in)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, wire.RCFormat, "format tanggal tidak valid")
	}
	wanted := strings.Split(string(in.Status), ",")
	var rows []wire.HistoryRow
	for _, e := range slices.Backward(b.Entries()) {
		if e.At.Before(from) {
			break // entries stand in order of time
		}
		if !e.At.Before(to) ||
			(in.Status != "" && !slices.Contains(wanted, fmt.Sprint(int(state(e))))) ||
			(in.ProductCode != "" && string(in.ProductCode) != e.Product) ||
			(in.CustomerID != "" && string(in.CustomerID) != e.Target) ||
			(in.TrxNo != "" && string(in.TrxNo) != e.Ref) {
			continue
		}
		if row, told := d.row(e); told {
			rows = append(rows, row)
		}
	}
	return listing(rows, in)
}

func days(now time.Time, in *asked) (from, to time.Time, err error) {
	first, last := in.StartDate, in.EndDate
	if first == "" && last == "" {
		first, last = in.Date, in.Date
	}
	today := lenient.Text(now.In(lenient.WIB()).Format(wire.DateLayout))
	if first == "" {
		first = today
	}
	if last == "" {
		last = today
	}
	if from, err = time.ParseInLocation(wire.DateLayout, string(first), lenient.WIB()); err != nil {
		return from, to, err
	}
	if to, err = time.ParseInLocation(wire.DateLayout, string(last), lenient.WIB()); err != nil {
		return from, to, err
	}
	return from, to.AddDate(0, 0, 1), nil
}

const defaultPerPage = 50

// listing answers flat, or paged when a page was asked for.
func listing[T any](rows []T, in *asked) emulate.Answer {
	if in.Page == nil {
		return accept("", wire.Listing[T]{Rows: rows})
	}
	per := int(in.PerPage)
	if per <= 0 {
		per = defaultPerPage
	}
	per = min(per, wire.MaxPerPage)
	page := max(int(*in.Page), 1)
	last := max((len(rows)+per-1)/per, 1)
	start := min((page-1)*per, len(rows))
	return accept("", wire.Listing[T]{
		Rows:  rows[start:min(start+per, len(rows))],
		Links: &wire.Links{},
		Meta: &wire.Meta{
			CurrentPage: lenient.Int(page), LastPage: lenient.Int(last), PerPage: lenient.Int(per), Total: lenient.Int(len(rows)),
		},
	})
}

// serial makes a serial number of the kind that the product's customers get.
func serial(b *emulate.Book, p product) string {
	n := func(size int) string {
		out := make([]byte, size)
		for i := range out {
			out[i] = byte('0' + b.Rand.IntN(10))
		}
		return string(out)
	}
	switch p.Kategori {
	case "PLN":
		return fmt.Sprintf("%s-%s-%s-%s-%s/DEMO CUSTOMER/R1/1300VA/65.4", n(4), n(4), n(4), n(4), n(4))
	case "EMONEY":
		return "DEMO CUSTOMER/" + n(20)
	case "GAMES", "VOUCHER":
		return n(16)
	}
	return "0" + n(19)
}
