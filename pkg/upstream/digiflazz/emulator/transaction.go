package emulator

import (
	"fmt"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// forgotten is after how long a ref_id is not known any more, and buys anew.
const forgotten = 90 * 24 * time.Hour

// facts are what the emulator keeps with a purchase.
type facts struct {
	price    int64 // as answered; a testing purchase costs the book nothing
	category string
	callback string
	bill     *bill
	told     int // how many steps webhooks have told of
}

func (d *door) transaction(b *emulate.Book, now time.Time, in *asked) emulate.Answer {
	if in.SKU == "" || in.CustomerNo == "" || in.RefID == "" {
		return refuse(wire.RCPayload, in)
	}
	switch in.Commands {
	case "":
		return d.topup(b, now, in)
	case wire.CommandInquiry:
		return d.inquiry(b, now, in)
	case wire.CommandPay:
		return d.pay(b, now, in)
	case wire.CommandStatus:
		return d.billStatus(b, now, in)
	}
	return refuse(wire.RCPayload, in)
}

// known is the entry of a ref_id, unless it has been forgotten.
func known(b *emulate.Book, in *asked, now time.Time) *emulate.Entry {
	e := b.ByRef(string(in.RefID))
	if e == nil || now.Sub(e.At) > forgotten {
		return nil
	}
	return e
}

// other is whether an entry is of another product or number than asked about.
func other(e *emulate.Entry, in *asked) bool {
	return e.Product != string(in.SKU) || e.Target != string(in.CustomerNo)
}

// topup buys, or tells of what was bought under the ref_id.
func (d *door) topup(b *emulate.Book, now time.Time, in *asked) emulate.Answer {
	soon := d.tooSoon("transaction", string(in.RefID), d.cfg.Limits.Transaction, now)
	e := known(b, in, now)
	switch {
	case e != nil && other(e, in):
		return refuse(wire.RCReference, in)
	case soon:
		return answer(d.limited(in))
	case e != nil:
		return answer(d.tell(b, e, len(e.Timeline)))
	}
	if rc := d.force(); rc != "" {
		return d.as(b, now, in, rc)
	}
	p, ok := d.catalogue.product(string(in.SKU))
	if !ok {
		return refuse(wire.RCProductOff, in)
	}
	if rc := d.sells(b, p, now, in); rc != "" {
		return d.as(b, now, in, rc)
	}
	purchase := d.purchase(b, "topup", now, in, int64(*p.Price))
	o := d.decide(b, purchase, in)
	if o.SN == "" {
		o.SN = serial(b, string(p.Category))
	}
	return d.enter(b, in, purchase, &facts{price: int64(*p.Price), category: string(p.Category), callback: string(in.Callback)}, o)
}

// sells gives the code for which a product is not sold now; empty when it is.
func (d *door) sells(b *emulate.Book, p wire.Product, now time.Time, in *asked) wire.RC {
	switch {
	case !bool(p.BuyerStatus):
		return wire.RCProductOff
	case !bool(p.SellerStatus):
		return wire.RCSellerTrouble
	case !bool(p.Unlimited) && p.Stock <= 0:
		return wire.RCStock
	case cutOff(p, now):
		return wire.RCCutOff
	case in.MaxPrice > 0 && int64(*p.Price) > int64(in.MaxPrice):
		return wire.RCPrice
	case p.Multi != nil && !bool(*p.Multi) && bought(b, in, now):
		return wire.RCRepeated
	}
	return ""
}

// bought is whether the number got the product on the same day, WIB.
func bought(b *emulate.Book, in *asked, now time.Time) bool {
	y, m, day := now.In(lenient.WIB()).Date()
	for _, e := range b.Entries() {
		ey, em, eday := e.At.In(lenient.WIB()).Date()
		if !other(e, in) && !e.Refunded && ey == y && em == m && eday == day {
			return true
		}
	}
	return false
}

func cutOff(p wire.Product, now time.Time) bool {
	from, to, ok := p.CutOff()
	at := now.In(lenient.WIB())
	minute := at.Hour()*60 + at.Minute()
	if !ok {
		return false
	}
	if from < to {
		return minute >= from && minute < to
	}
	return minute >= from || minute < to
}

// force gives the code that the next purchase is to get; empty for none.
func (d *door) force() wire.RC {
	if len(d.forced) == 0 {
		return ""
	}
	f := &d.forced[0]
	f.left--
	rc := f.rc
	if f.left <= 0 {
		d.forced = d.forced[1:]
	}
	return rc
}

// as answers a purchase with a code: a refusal, or a transaction that ended so.
func (d *door) as(b *emulate.Book, now time.Time, in *asked, rc wire.RC) emulate.Answer {
	code, _ := rc.Documented()
	if !code.Made {
		return refuse(rc, in)
	}
	price := int64(0)
	if p, ok := d.catalogue.product(string(in.SKU)); ok {
		price = int64(*p.Price)
	}
	purchase := d.purchase(b, "topup", now, in, price)
	step := emulate.Step{At: now, State: string(rc), Refund: code.Status == wire.StatusFailed, Deliver: code.Status == wire.StatusSuccess}
	e := b.Buy(purchase, &facts{price: price, callback: string(in.Callback)}, step)
	if e == nil {
		return refuse(wire.RCBalance, in)
	}
	return answer(d.tell(b, e, len(e.Timeline)))
}

func (d *door) purchase(b *emulate.Book, kind string, now time.Time, in *asked, price int64) emulate.Purchase {
	p := emulate.Purchase{
		ID: fmt.Sprintf("D%07d", b.Count()+1), Kind: kind, Product: string(in.SKU), Target: string(in.CustomerNo), Ref: string(in.RefID), Price: price, At: now, State: string(wire.RCPending),
	}
	if in.Testing {
		p.Kind, p.Price = "testing", 0
	}
	return p
}

// decide says what becomes of a purchase: by its test number, or by the script.
func (d *door) decide(b *emulate.Book, p emulate.Purchase, in *asked) emulate.Outcome {
	if in.Testing {
		if o, ok := tested(string(in.CustomerNo)); ok {
			return o
		}
	}
	return b.Decide(p)
}

// enter books a purchase with its future and tells how it stands.
func (d *door) enter(b *emulate.Book, in *asked, p emulate.Purchase, f *facts, o emulate.Outcome) emulate.Answer {
	e := b.Buy(p, f, plan(o, p.At)...)
	if e == nil {
		return refuse(wire.RCBalance, in)
	}
	a := answer(d.tell(b, e, len(e.Timeline)))
	a.Lost = o.Lost
	return a
}

func plan(o emulate.Outcome, now time.Time) []emulate.Step {
	at := now.Add(o.After)
	success := emulate.Step{At: at, State: string(wire.RCSuccess), Deliver: true, SN: o.SN}
	rc := wire.RCTrouble
	switch {
	case o.Result == emulate.Success:
		return []emulate.Step{success}
	case o.Result == emulate.Silent:
		return nil
	case o.Result == emulate.Canceled:
		rc = wire.RCFailed
	case o.Late > 0:
		rc = wire.RCBillerTimeout
	case o.Reason == emulate.ReasonCustomer:
		rc = wire.RCNumber
	}
	steps := []emulate.Step{{At: at, State: string(rc), Refund: true, Reason: o.Reason}}
	if o.Late > 0 {
		success.At, success.Charge = at.Add(o.Late), true
		steps = append(steps, success)
	}
	return steps
}

// limited answers a question that came too soon.
func (d *door) limited(in *asked) wire.Transaction {
	code, _ := wire.RCLimit.Documented()
	return wire.Transaction{
		RefID: in.RefID, CustomerNo: in.CustomerNo, SKU: in.SKU, RC: wire.RCLimit, Status: wire.StatusFailed, Message: lenient.Text(code.Text),
	}
}

// tell says how a purchase stood after so many of its steps.
func (d *door) tell(b *emulate.Book, e *emulate.Entry, steps int) wire.Transaction {
	f := e.Facts.(*facts)
	step := e.Timeline[steps-1]
	rc := wire.RC(step.State)
	code, _ := rc.Documented()
	left := wire.Float(b.Balance())
	t := wire.Transaction{
		RefID: lenient.Text(e.Ref), CustomerNo: lenient.Text(e.Target), SKU: lenient.Text(e.Product), RC: rc, Status: lenient.Text(code.Status),
		Message: lenient.Text(spoken(rc, code.Text)), BuyerLastSaldo: &left, Price: wire.Rupiah(f.price), Tele: "@SellerTele", WA: "081200000000",
	}
	for _, s := range e.Timeline[:steps] {
		if s.SN != "" && code.Status == wire.StatusSuccess {
			t.SN = lenient.Text(s.SN)
		}
	}
	if code.Status == wire.StatusFailed {
		t.Price = wire.Rupiah(0)
	}
	if f.bill != nil {
		f.bill.describe(&t)
	}
	return t
}

// serial makes a serial number of the kind that the product's customers get.
func serial(b *emulate.Book, category string) string {
	n := func(size int) string {
		var out strings.Builder
		for range size {
			out.WriteByte(byte('0' + b.Rand.IntN(10)))
		}
		return out.String()
	}
	switch category {
	case "PLN":
		return n(4) + "-" + n(4) + "-" + n(4) + "-" + n(4) + "-" + n(4) + "/SITI AMINAH/R1M/900VA/33.7"
	case "E-Money":
		return "SITI AMINAH/" + n(20)
	case "Games", "Voucher":
		return n(16)
	case "Pascabayar":
		return fmt.Sprintf("%032X", b.Rand.Uint64())
	}
	return "0" + n(19)
}
