package emulator

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// inquiryLife is how long an inquiry may be paid (rqid document, Inquiry).
const inquiryLife = 15 * time.Minute

// inquired is an inquiry that may be paid. It takes no money and is in no history.
type inquired struct {
	product  product
	customer string
	ref2     string
	at       time.Time
	bill     bill
}

// bill is what a customer owes, in rupiah.
type bill struct {
	name                string
	periods             []string
	amount, fine, admin int64
	missing, paid       bool // there is none
	over                bool // its inquiry is, at once
}

func (b bill) total() int64 { return b.amount + b.fine + b.admin }

// billOf invents the bill of a customer number: always the same one within a month.
// The last two digits choose its kind:
//
//	21 two periods and a fine        23 the customer is not known
//	22 nothing is owed               24 the inquiry is over at once
//
// All others owe for one period; what becomes of its payment is the script's to say,
// which goes by the last two digits as well.
func billOf(p product, customer string, now time.Time) bill {
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, p.Kode, customer) // a hash takes everything
	n := h.Sum32()
	names := []string{"Anto", "Siti Rahma", "Budi Santoso", "Dewi Lestari", "M. Yusuf"}
	month := func(back int) string {
		local := now.In(lenient.WIB())
		first := time.Date(local.Year(), local.Month()-time.Month(back), 1, 0, 0, 0, 0, lenient.WIB())
		return strings.ToUpper(first.Format("Jan06"))
	}
	b := bill{
		name: names[n%uint32(len(names))], periods: []string{month(0)}, amount: 50_000 + int64(n%2_500)*100,
		admin: int64(*p.Harga),
	}
	switch {
	case strings.HasSuffix(customer, "21"):
		b.periods, b.amount, b.fine = []string{month(1), month(0)}, 2*b.amount, 5_000
	case strings.HasSuffix(customer, "22"):
		b.paid = true
	case strings.HasSuffix(customer, "23"):
		b.missing = true
	case strings.HasSuffix(customer, "24"):
		b.over = true
	}
	return b
}

// wanted reads what an inquiry or a payment is for, and refuses what is none.
func (d *door) wanted(in *asked) (product, *emulate.Answer) {
	refused := func(rc, message string) *emulate.Answer {
		a := refuse(http.StatusUnprocessableEntity, rc, message)
		return &a
	}
	if in.Ref1 == "" || in.ProductCode == "" || in.CustomerID == "" {
		return product{}, refused(wire.RCFormat, "product_code, customer_id dan ref_1 wajib diisi")
	}
	p, ok := d.catalogue.find(string(in.ProductCode))
	if !ok || p.kind != wire.TypePostpaid {
		return product{}, refused(wire.RCUnknownProduct, "produk tidak ditemukan")
	}
	if bool(p.Gangguan) || bool(p.Kosong) {
		return product{}, refused(wire.RCTrouble, "produk sedang gangguan")
	}
	return p, nil
}

func (d *door) inquiry(b *emulate.Book, r *emulate.Request, in *asked) emulate.Answer {
	p, refusal := d.wanted(in)
	if refusal != nil {
		return *refusal
	}
	ref, customer := string(in.Ref1), string(in.CustomerID)
	before, known := d.inquiries[ref]
	if b.ByRef(ref) != nil || known && (before.product.Kode != p.Kode || before.customer != customer) {
		return duplicate()
	}
	owed := billOf(p, customer, r.Now)
	switch {
	case owed.missing:
		return refuse(http.StatusUnprocessableEntity, wire.RCUnknownCustomer, "nomor pelanggan tidak terdaftar")
	case owed.paid:
		return refuse(http.StatusUnprocessableEntity, wire.RCUnknownCustomer, "tagihan sudah dibayar")
	}
	d.asked++
	i := &inquired{
		product: p, customer: customer, at: r.Now, bill: owed,
		ref2: fmt.Sprintf("I-%s-%06X", r.Now.In(lenient.WIB()).Format("20060102"), d.born.Unix()%86_400*100+int64(d.asked)),
	}
	d.inquiries[ref] = i
	return accept(wire.RCSuccess, i.transaction(ref, true))
}

// transaction is the data of /inquiry (whole), and of /status while nothing is paid.
func (i *inquired) transaction(ref string, whole bool) wire.Transaction {
	status := lenient.Int(wire.StateSuccess)
	t := wire.Transaction{
		Ref1: lenient.Text(ref), ProductCode: i.product.Kode, Status: &status, StatusLabel: lenient.Text(wire.StateSuccess.Label()),
		Msg: lenient.Text(fmt.Sprintf("INQ %s.%s SUKSES, DATA:%s", i.product.Kode, i.customer, i.bill.name)),
	}
	if whole {
		t.Ref2, t.ProductName, t.CustomerID = lenient.Text(i.ref2), i.product.Nama, lenient.Text(i.customer)
		t.Price, t.Admin, t.TotalPrice = wire.Rupiah(i.bill.amount+i.bill.fine), wire.Rupiah(i.bill.admin), wire.Rupiah(i.bill.total())
		t.Detail = i.bill.detail(i.customer)
	}
	return t
}

// detail is the bill's free form. A bill of one period has the fields of the
// document's example.
func (b bill) detail(customer string) []byte {
	out := fmt.Appendf(nil, `{"no_pelanggan":%q,"nama":%q,"bl_th":%q,"tagihan":"%d"`, customer, b.name, strings.Join(b.periods, ","), b.amount)
	if len(b.periods) > 1 {
		out = fmt.Appendf(out, `,"lembar":%d,"denda":"%d","rincian":[`, len(b.periods), b.fine)
		for n, period := range b.periods {
			if n > 0 {
				out = append(out, ',')
			}
			out = fmt.Appendf(out, `{"bl_th":%q,"tagihan":"%d"}`, period, b.amount/int64(len(b.periods)))
		}
		out = append(out, ']')
	}
	return append(out, '}')
}

// pay is /payment: of a prepaid product it is a topup (rqid document, Topup).
func (d *door) pay(b *emulate.Book, r *emulate.Request, in *asked) emulate.Answer {
	if p, ok := d.catalogue.find(string(in.ProductCode)); ok && p.kind == wire.TypePrepaid {
		return d.topup(b, r, in)
	}
	p, refusal := d.wanted(in)
	if refusal != nil {
		return *refusal
	}
	ref, customer := string(in.Ref1), string(in.CustomerID)
	if b.ByRef(ref) != nil {
		return duplicate()
	}
	i, ok := d.inquiries[ref]
	switch {
	case !ok || i.product.Kode != p.Kode || i.customer != customer:
		return refuse(http.StatusUnprocessableEntity, wire.RCNotFound, "inquiry tidak ditemukan, lakukan inquiry terlebih dahulu")
	case i.bill.over || r.Now.Sub(i.at) >= inquiryLife:
		return refuse(http.StatusUnprocessableEntity, wire.RCNotFound, "inquiry sudah kadaluarsa")
	}
	bought := emulate.Purchase{
		ID: d.number(b, r.Now), Kind: "bill", Product: string(p.Kode), Target: customer, Ref: ref, Price: i.bill.total(), At: r.Now, State: pendingLabel(b),
	}
	o := b.Decide(bought)
	if o.SN == "" {
		o.SN = receipt(b, i.bill)
	}
	e := b.Buy(bought, sold{product: p, inquiry: i}, plan(o, r.Now)...)
	if e == nil {
		return refuse(http.StatusUnprocessableEntity, wire.RCBalance, "saldo tidak mencukupi")
	}
	a := accept(rc(e), transaction(e, true))
	a.Lost = o.Lost
	return a
}

// receipt is a bill's serial number: 32 hexadecimal digits.
func receipt(b *emulate.Book, owed bill) string {
	return fmt.Sprintf("%016X%016X", b.Rand.Uint64(), uint64(owed.total()))
}

// mutations lists what moved the balance on these days, newest first. As in the
// document's example, what leaves is a credit.
func (d *door) mutations(b *emulate.Book, r *emulate.Request, in *asked) emulate.Answer {
	from, to, err := days(r.Now, in)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, wire.RCFormat, "format tanggal tidak valid")
	}
	var rows []wire.Mutation
	moved := b.Movements()
	for n := len(moved) - 1; n >= 0; n-- {
		m := moved[n]
		if m.At.Before(from) || !m.At.Before(to) {
			continue
		}
		left := lenient.Int(m.Balance)
		row := wire.Mutation{
			Debit: lenient.Int(max(m.Amount, 0)), Credit: lenient.Int(max(-m.Amount, 0)), Balance: &left,
			Notes: lenient.Text(m.Notes), TrxNo: lenient.Text(m.ID), CreatedAt: lenient.LocalOf(m.At),
		}
		if m.ID != "" {
			row.Notes = lenient.Text("Trx " + m.Product + " " + strconv.FormatInt(max(m.Amount, -m.Amount), 10))
		}
		rows = append(rows, row)
	}
	return listing(rows, in)
}
