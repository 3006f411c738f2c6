package emulator

import (
	"fmt"
	"net/http"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

func (d *door) create(b *emulate.Book, r *emulate.Request) emulate.Answer {
	target := r.Query.Get("target")
	product, ok := d.catalogue.product(r.Query.Get("id"))
	switch {
	case !ok:
		return refuse(http.StatusBadRequest, "Produk tidak ditemukan")
	case target == "":
		return refuse(http.StatusBadRequest, "Parameter target diperlukan")
	case d.catalogue.closed[string(product.Code)]:
		return refuse(http.StatusBadRequest, "Produk sedang gangguan")
	}
	p := emulate.Purchase{
		ID: d.transactionID(b, r.Now), Kind: "h2h", Product: string(product.Code), Target: target,
		Price: int64(product.Price), At: r.Now, State: string(wire.TransactionProcessing),
	}
	o := b.Decide(p)
	if o.SN == "" {
		o.SN = serial(b, product)
	}
	if b.Buy(p, product, planTransaction(o, r.Now)...) == nil {
		return refuse(http.StatusBadRequest, "Saldo tidak mencukupi")
	}
	left := num(b.Balance())
	a := accept(wire.Transaction{
		ID: lenient.Text(p.ID), Status: lenient.Text(wire.TransactionProcessing), CreatedAt: lenient.MillisOf(r.Now),
		Product: product.Note, Tujuan: lenient.Text(target), SisaBalance: &left, Message: "Proses...",
	})
	a.Lost = o.Lost
	return a
}

func (d *door) transactionID(b *emulate.Book, now time.Time) string {
	const perDay = 100_000_000
	seq := d.born.Unix()%86_400*1000 + int64(b.Count())
	return fmt.Sprintf("H2H%s%08d", now.In(lenient.WIB()).Format("20060102"), seq%perDay)
}

func planTransaction(o emulate.Outcome, now time.Time) []emulate.Step {
	at := now.Add(o.After)
	success := emulate.Step{At: at, State: string(wire.TransactionSuccess), Deliver: true, SN: o.SN}
	switch o.Result {
	case emulate.Success:
		return []emulate.Step{success}
	case emulate.Silent:
		return nil
	case emulate.Canceled:
		return []emulate.Step{{At: at, State: string(wire.TransactionCanceled), Refund: true}}
	}
	plan := []emulate.Step{{At: at, State: string(wire.TransactionFailed), Refund: true, Reason: o.Reason}}
	if o.Late > 0 {
		success.At, success.Charge = at.Add(o.Late), true
		plan = append(plan, success)
	}
	return plan
}

func (d *door) transactionStatus(b *emulate.Book, r *emulate.Request) emulate.Answer {
	e := b.ByID(r.Query.Get("transaksi_id"))
	if e == nil {
		return refuse(http.StatusNotFound, "Transaksi tidak ditemukan")
	}
	product, ok := e.Facts.(wire.Product)
	if !ok {
		return refuse(http.StatusNotFound, "Transaksi tidak ditemukan")
	}
	price, refund := num(e.Price), lenient.Flag(e.Refunded)
	t := wire.TransactionStatus{
		ID: lenient.Text(e.ID), Status: lenient.Text(e.State), CreatedAt: lenient.MillisOf(e.At),
		Tujuan: lenient.Text(e.Target), Refund: &refund, Price: &price,
		Product: wire.Optional[wire.ProductInfo]{V: &wire.ProductInfo{
			Code: product.Code, Name: product.Name, Note: product.Note, Type: product.Type, Brand: product.Brand, Category: product.Category,
		}},
	}
	if wire.Status(e.State) == wire.TransactionProcessing {
		return accept(t)
	}
	last := e.Timeline[len(e.Timeline)-1].At
	finish := lenient.MillisOf(last)
	t.FinishAt = &finish
	yes := lenient.Flag(e.State == string(wire.TransactionSuccess))
	t.Response.V = &wire.SupplierAnswer{Available: &yes}
	t.TujuanInfo.V = &wire.TujuanInfo{Available: &yes}
	if yes {
		*t.TujuanInfo.V = wire.TujuanInfo{Name: "DNID JAXX HAXX", Nominal: product.Name}
		*t.Response.V = wire.SupplierAnswer{
			Available: &yes, ID: lenient.Text(e.ID), Product: product.Note, Code: product.Code, Tujuan: lenient.Text(e.Target),
			Time: lenient.Text(last.In(lenient.WIB()).Format("15:04")), Status: "sukses", SN: lenient.Text(e.SN),
		}
	}
	return accept(t)
}

// serial makes a serial number of the kind that the product's customers get.
func serial(b *emulate.Book, p wire.Product) string {
	n := func(size int) string {
		out := make([]byte, size)
		for i := range out {
			out[i] = byte('0' + b.Rand.IntN(10))
		}
		return string(out)
	}
	switch p.Category {
	case "pln":
		return fmt.Sprintf("%s-%s-%s-%s-%s/DEMO CUSTOMER/R1M/900VA/33.7", n(4), n(4), n(4), n(4), n(4))
	case "ewallet":
		return n(13) + "HSIWJ" + n(3)
	case "pulsa", "data":
		return "0" + n(19)
	}
	return n(16)
}
