package emulator

import (
	"fmt"
	"net/http"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

const (
	// mostPending is how many deposits of the account may wait for payment at once.
	mostPending = 3
	// depositLife is how long a deposit may be paid: its document's examples end 20
	// minutes after they begin.
	depositLife = 20 * time.Minute
	// leastDeposit and mostDeposit bound the amount, in rupiah.
	leastDeposit, mostDeposit = 1_000, 10_000_000
	// dollar is what a US dollar costs, in rupiah: about what the document's example says.
	dollar = 16_736
)

// deposit makes a QRIS or USDT deposit. USDT is in v2 only, where amounts in the
// method's currency are decimal text.
func (d *door) deposit(b *emulate.Book, r *emulate.Request, v2 bool) emulate.Answer {
	amount, err := lenient.ParseInt(r.Query.Get("amount"))
	method := r.Query.Get("payment_id")
	switch {
	case method != wire.MethodQRIS && (method != wire.MethodUSDT || !v2):
		return refuse(http.StatusBadRequest, "Parameter payment_id tidak valid")
	case err != nil || amount < leastDeposit || amount > mostDeposit:
		return refuse(http.StatusBadRequest, "Parameter amount tidak valid")
	case len(b.Pending()) >= mostPending:
		return refuse(http.StatusBadRequest, "Maksimal 3 pembayaran tertunda, selesaikan atau batalkan deposit lainnya")
	}
	i := b.Issue(emulate.Invoice{
		ID: d.depositID(b, r.Now), Method: method, Amount: amount, Fee: amount*7/1000 + 1 + b.Rand.Int64N(100), At: r.Now, ExpiresAt: r.Now.Add(depositLife),
	})
	text := qr(i)
	if !v2 {
		return accept(wire.DepositV1{
			ID: lenient.Text(i.ID), Method: lenient.Text(method), Amount: num(i.Total), QR: lenient.Text(text),
			Currency: wire.CurrencyV1{Type: "IDR", Total: num(i.Total), Fee: num(i.Fee), Diterima: num(i.Amount)},
			Expired:  lenient.MillisOf(i.ExpiresAt), CreatedAt: lenient.MillisOf(i.At), Merchant: "RumahOTP Payment",
		})
	}
	return accept(wire.Deposit{
		ID: lenient.Text(i.ID), Status: lenient.Text(wire.DepositPending), Method: lenient.Text(method), Currency: wire.Optional[wire.Currency]{V: currency(i)},
		Total: num(i.Total), Fee: num(i.Fee), Diterima: num(i.Amount), QRString: lenient.Text(text),
		QRImage: lenient.Text("https://www.rumahotp.com/image/qr/" + i.ID + ".png"),
		Created: lenient.LocalOf(i.At), CreatedTS: lenient.MillisOf(i.At), Expired: lenient.LocalOf(i.ExpiresAt), ExpiredTS: lenient.MillisOf(i.ExpiresAt),
	})
}

// depositID looks like the document's: a day and a number of its own.
func (d *door) depositID(b *emulate.Book, now time.Time) string {
	const perDay = 10_000_000_000
	seq := d.born.Unix()%86_400*100_000 + int64(b.Issued()) + 1
	return fmt.Sprintf("RO%s%010d", now.In(lenient.WIB()).Format("20060102"), seq%perDay)
}

// qr is what the payer scans: an address for USDT, else a QRIS of the demo merchant.
func qr(i *emulate.Invoice) string {
	if i.Method == wire.MethodUSDT {
		return "0x657DfFE6Cd343dC21645b221f8cC2AAc6A8fc20A"
	}
	return emulate.QRIS("DEMO MERCHANT", i.Total)
}

// currency is a deposit in its method's own currency. What is received is the rest of
// what is paid, to the cent.
func currency(i *emulate.Invoice) *wire.Currency {
	if i.Method != wire.MethodUSDT {
		return &wire.Currency{Type: "IDR", Total: whole(i.Total), Fee: whole(i.Fee), Diterima: whole(i.Amount)}
	}
	total, fee := (i.Total*100+dollar-1)/dollar, i.Fee*100/dollar
	return &wire.Currency{Type: "USD", Total: cents(total), Fee: cents(fee), Diterima: cents(total - fee)}
}

func whole(n int64) wire.Decimal { return wire.Decimal(fmt.Sprintf("%d.00000000", n)) }
func cents(n int64) wire.Decimal { return wire.Decimal(fmt.Sprintf("%d.%02d000000", n/100, n%100)) }

func (d *door) depositStatus(b *emulate.Book, r *emulate.Request, v2 bool) emulate.Answer {
	i := b.InvoiceByID(r.Query.Get("deposit_id"))
	if i == nil {
		return refuse(http.StatusNotFound, "Deposit tidak ditemukan")
	}
	if !v2 {
		return accept(depositV1(i, i.Total))
	}
	s := wire.DepositStatus{
		ID: lenient.Text(i.ID), Status: lenient.Text(word(i.State)), Total: num(i.Total), Fee: num(i.Fee), Diterima: num(i.Amount),
		Created: lenient.LocalOf(i.At), CreatedTS: lenient.MillisOf(i.At), Expired: lenient.LocalOf(i.ExpiresAt), ExpiredTS: lenient.MillisOf(i.ExpiresAt),
	}
	if i.State == emulate.InvoicePaid {
		s.BrandName, s.BuyerReff = "DANA", "NOBU / MU************"
	}
	return accept(s)
}

// depositCancel ends a deposit that nobody has paid. Its answer tells what would have
// been received.
func (d *door) depositCancel(b *emulate.Book, r *emulate.Request) emulate.Answer {
	i := b.InvoiceByID(r.Query.Get("deposit_id"))
	switch {
	case i == nil:
		return refuse(http.StatusNotFound, "Deposit tidak ditemukan")
	case !b.CancelInvoice(i, r.Now):
		return refuse(http.StatusBadRequest, "Deposit tidak dapat dibatalkan")
	}
	a := depositV1(i, i.Amount)
	a.Message = "Success canceled!"
	return accept(a)
}

func depositV1(i *emulate.Invoice, amount int64) wire.DepositStatusV1 {
	return wire.DepositStatusV1{
		ID: lenient.Text(i.ID), Status: lenient.Text(word(i.State)), Created: lenient.MillisOf(i.At), Expired: lenient.MillisOf(i.ExpiresAt), Amount: num(amount),
	}
}

// word is the provider's for a state. It has none for a deposit that ran out.
func word(s emulate.InvoiceState) wire.Status {
	switch s {
	case emulate.InvoicePaid:
		return wire.DepositSuccess
	case emulate.InvoicePending:
		return wire.DepositPending
	case emulate.InvoiceCanceled, emulate.InvoiceExpired:
	}
	return wire.DepositCancel
}
