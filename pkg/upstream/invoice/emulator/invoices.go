package emulator

import (
	"net/http"
	"time"

	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/invoice/wire"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// life is how long an invoice can be paid: its document's example has half an hour.
const life = 30 * time.Minute

// The bounds of an invoice, in rupiah.
const leastInvoice, mostInvoice = 1_000, 10_000_000

func (d *door) create(b *emulate.Book, r *emulate.Request) emulate.Answer {
	amount, err := lenient.ParseInt(r.Query.Get("amount"))
	switch {
	case err != nil || amount < leastInvoice:
		return refuse(http.StatusBadRequest, "Minimal deposit Rp 1.000")
	case amount > mostInvoice:
		return refuse(http.StatusBadRequest, "Maksimal deposit Rp 10.000.000")
	case d.cfg.MaxPending > 0 && len(b.Pending()) >= d.cfg.MaxPending:
		return refuse(http.StatusBadRequest, "Terlalu banyak invoice yang belum dibayar")
	}
	i := b.Issue(emulate.Invoice{
		ID: newID(b, r.Now), Method: "qris", Amount: amount, Fee: amount*7/1000 + 1 + b.Rand.Int64N(500), At: r.Now,
		ExpiresAt: r.Now.Add(life).Truncate(time.Second),
	})
	return accept(wire.Created{
		Success: yes(), InvoiceID: lenient.Text(i.ID), Amount: number(i.Amount), Fee: number(i.Fee), Total: number(i.Total),
		QRISImage: lenient.Text(d.imageURL(r, i)), ExpiredAt: lenient.LocalOf(i.ExpiresAt),
	})
}

func (d *door) status(b *emulate.Book, r *emulate.Request) emulate.Answer {
	i := b.InvoiceByID(idIn(r))
	if i == nil {
		return unknownInvoice()
	}
	return accept(wire.Invoice{
		InvoiceID: lenient.Text(i.ID), Amount: number(i.Amount), Fee: number(i.Fee), Total: number(i.Total), Status: word(i.State),
		QRISImage: lenient.Text(d.imageURL(r, i)), ExpiredAt: lenient.LocalOf(i.ExpiresAt), CreatedAt: lenient.LocalOf(i.At),
	})
}

func unknownInvoice() emulate.Answer { return refuse(http.StatusNotFound, "Invoice tidak ditemukan") }

// word is the gateway's for a state: what was canceled is expired.
func word(s emulate.InvoiceState) lenient.Text {
	switch s {
	case emulate.InvoicePending:
		return wire.InvoicePending
	case emulate.InvoicePaid:
		return wire.InvoicePaid
	}
	return wire.InvoiceExpired
}

func (d *door) cancel(b *emulate.Book, r *emulate.Request) emulate.Answer {
	i := b.InvoiceByID(idIn(r))
	switch {
	case i == nil:
		return unknownInvoice()
	case !b.CancelInvoice(i, r.Now):
		return refuse(http.StatusBadRequest, "Invoice tidak bisa dibatalkan, status saat ini: "+string(word(i.State)))
	}
	return accept(wire.Canceled{Success: yes(), InvoiceID: lenient.Text(i.ID), Status: word(i.State), Message: "Invoice berhasil dibatalkan"})
}

// image draws an invoice's code.
func (d *door) image(b *emulate.Book, id string) emulate.Answer {
	i := b.InvoiceByID(id)
	if i == nil {
		return refuse(http.StatusNotFound, "gambar tidak ditemukan")
	}
	png, err := qris.PNG(QR(*i))
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	return emulate.Answer{Status: http.StatusOK, Raw: png, Type: "image/png"}
}

// QR is the text of the code that an invoice's image shows.
func QR(i emulate.Invoice) string { return emulate.QRIS("GERBANG CONTOH", i.Total) }
