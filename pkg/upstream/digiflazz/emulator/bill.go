package emulator

import (
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// bill is what was found by an inquiry.
type bill struct {
	sku, number   string
	at            time.Time
	sheets        int64
	owed          int64 // of all sheets
	admin, commis int64
	name, periode string
	desc          map[string]any
}

func (x *bill) price() int64 { return x.owed + x.admin - x.commis }

// describe brings the bill into an answer.
func (x *bill) describe(t *wire.Transaction) {
	t.CustomerName, t.Periode, t.Desc = lenient.Text(x.name), lenient.Text(x.periode), raw(x.desc)
	t.Admin, t.SellingPrice = wire.Rupiah(x.admin), wire.Rupiah(x.owed+x.admin)
	t.Tele, t.WA = "", ""
}

// inquiry finds a bill; under the same ref_id it is found anew until it is paid.
func (d *door) inquiry(b *emulate.Book, now time.Time, in *asked) emulate.Answer {
	if e := b.ByRef(string(in.RefID)); e != nil {
		return refuse(wire.RCReference, in)
	}
	p, ok := d.catalogue.bill(string(in.SKU))
	number := string(in.CustomerNo)
	switch {
	case !ok || !bool(p.BuyerStatus):
		return refuse(wire.RCProductOff, in)
	case !bool(p.SellerStatus):
		return refuse(wire.RCSellerTrouble, in)
	case in.Amount%1000 != 0:
		return refuse(wire.RCEMoney, in)
	case in.Testing && noBill(number), strings.HasSuffix(number, "60"):
		return answer(failed(in, wire.RCNoBill))
	}
	if rc := d.force(); rc != "" {
		if code, _ := rc.Documented(); !code.Made {
			return refuse(rc, in)
		}
		return answer(failed(in, rc))
	}
	x := newBill(p, in, now)
	d.bills[string(in.RefID)] = x
	left := wire.Float(b.Balance())
	t := wire.Transaction{
		RefID: in.RefID, CustomerNo: in.CustomerNo, SKU: in.SKU, RC: wire.RCSuccess, Status: wire.StatusSuccess, Message: lenient.Text(spoken(wire.RCSuccess, "")),
		BuyerLastSaldo: &left, Price: wire.Rupiah(x.price()),
	}
	x.describe(&t)
	return answer(t)
}

// failed is an answer about a bill of which there is no purchase.
func failed(in *asked, rc wire.RC) wire.Transaction {
	code, _ := rc.Documented()
	return wire.Transaction{
		RefID: in.RefID, CustomerNo: in.CustomerNo, SKU: in.SKU, RC: rc, Status: lenient.Text(code.Status), Message: lenient.Text(spoken(rc, code.Text)),
		Price: wire.Rupiah(0), Admin: wire.Rupiah(0), SellingPrice: wire.Rupiah(0),
	}
}

// pay pays what was found on the same day under the same ref_id.
func (d *door) pay(b *emulate.Book, now time.Time, in *asked) emulate.Answer {
	soon := d.tooSoon("transaction", "pay "+string(in.RefID), d.cfg.Limits.Transaction, now)
	e := known(b, in, now)
	switch {
	case e != nil && other(e, in):
		return refuse(wire.RCReference, in)
	case soon:
		return answer(d.limited(in))
	case e != nil:
		return answer(d.tell(b, e, len(e.Timeline)))
	}
	x := d.bills[string(in.RefID)]
	if x == nil || x.sku != string(in.SKU) || x.number != string(in.CustomerNo) || !sameDay(x.at, now) {
		return answer(failed(in, wire.RCNotFound))
	}
	if rc := d.force(); rc != "" {
		return d.as(b, now, in, rc)
	}
	purchase := d.purchase(b, "bill", now, in, x.price())
	o := d.decide(b, purchase, in)
	if o.SN == "" {
		o.SN = serial(b, "Pascabayar")
	}
	return d.enter(b, in, purchase, &facts{price: x.price(), category: "Pascabayar", bill: x}, o)
}

// billStatus tells how a payment stands.
func (d *door) billStatus(b *emulate.Book, now time.Time, in *asked) emulate.Answer {
	if d.tooSoon("transaction", "status "+string(in.RefID), d.cfg.Limits.Transaction, now) {
		return answer(d.limited(in))
	}
	e := known(b, in, now)
	if e == nil || other(e, in) {
		t := failed(in, wire.RCNotFound)
		t.Message = "Data belum ada"
		return answer(t)
	}
	return answer(d.tell(b, e, len(e.Timeline)))
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.In(lenient.WIB()).Date()
	by, bm, bd := b.In(lenient.WIB()).Date()
	return ay == by && am == bm && ad == bd
}

// newBill makes up what a customer owes, the same each time: by the digits of the
// number. Numbers that end in 2 owe two sheets.
func newBill(p wire.Bill, in *asked, now time.Time) *bill {
	number := string(in.CustomerNo)
	x := &bill{
		sku: string(in.SKU), number: number, at: now, sheets: 1, admin: int64(*p.Admin), name: "SITI AMINAH",
		periode: now.In(lenient.WIB()).Format("200601"),
	}
	if p.Commission != nil {
		x.commis = int64(*p.Commission)
	}
	if strings.HasSuffix(number, "2") {
		x.sheets = 2
	}
	each := int64(8_000)
	for _, c := range number {
		if c >= '0' && c <= '9' {
			each += int64(c-'0') * 500
		}
	}
	if in.Amount > 0 {
		each = int64(in.Amount)
	}
	x.owed = each * x.sheets
	details := make([]map[string]any, x.sheets)
	for i := range details {
		details[i] = map[string]any{"periode": x.periode, "nilai_tagihan": strconv.FormatInt(each, 10), "admin": strconv.FormatInt(x.admin, 10), "denda": "0"}
	}
	x.desc = map[string]any{"lembar_tagihan": x.sheets, "detail": details}
	for name, value := range family(string(p.Brand), string(in.Year)) {
		x.desc[name] = value
	}
	return x
}

// family is what only the bills of one kind tell.
func family(brand, year string) map[string]any {
	switch brand {
	case "PLN PASCABAYAR":
		return map[string]any{"tarif": "R1", "daya": 1300}
	case "PDAM":
		return map[string]any{"tarif": "3A", "alamat": "JL. WONOKROMO 1", "jatuh_tempo": "20"}
	case "BPJS KESEHATAN":
		return map[string]any{"jumlah_peserta": "2", "alamat": "JAKARTA PUSAT"}
	case "MULTIFINANCE":
		return map[string]any{"item_name": "HONDA VARIO", "no_rangka": "MH1JFB111CK196426", "no_pol": "B 1234 XX", "tenor": "030"}
	case "PBB":
		if year == "" {
			year = "2026"
		}
		return map[string]any{"alamat": "KO. GRIYA ASRI", "tahun_pajak": year, "kelurahan": "CIPAGERAN", "kecamatan": "CIMAHI UTARA", "kab_kota": "CIMAHI",
			"luas_tanah": "113 M2", "luas_gedung": "47 M2"}
	}
	return nil
}
