package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// rented is what the provider keeps of a rented number.
type rented struct {
	phone    string
	service  string
	country  string
	operator string
	expires  time.Time
	// future is what the script has decided. It begins when somebody asks about the
	// number: to one that nobody knows of, no code is ever sent.
	future []emulate.Step
}

func (d *door) rent(b *emulate.Book, r *emulate.Request) emulate.Answer {
	q := r.Query
	offer, ok := d.catalogue.offer(q.Get("number_id"), q.Get("provider_id"))
	if !ok {
		return refuse(http.StatusBadRequest, "Nomor atau provider tidak ditemukan")
	}
	operator := d.catalogue.operator(offer.country, q.Get("operator_id"))
	if operator == "" {
		return refuse(http.StatusBadRequest, "Operator tidak ditemukan")
	}
	if !bool(offer.price.Available) || offer.price.Stock == 0 {
		return refuse(http.StatusBadRequest, "Stok nomor tidak tersedia")
	}
	p := emulate.Purchase{
		ID: d.orderID(b), Kind: "otp", Product: q.Get("number_id") + ":" + q.Get("provider_id"),
		Price: int64(offer.price.Price), At: r.Now, State: string(wire.OrderWaiting),
	}
	o := b.Decide(p)
	n := &rented{
		phone:   offer.prefix + fmt.Sprintf(" 8%02d %04d %04d", b.Rand.IntN(100), b.Rand.IntN(10000), b.Rand.IntN(10000)),
		service: offer.service, country: offer.country, operator: operator, expires: r.Now.Add(d.cfg.Life),
	}
	n.future = planNumber(o, r.Now, n.expires, code(b, o))
	unknown := emulate.Step{At: n.expires, State: string(wire.OrderExpiring), Refund: true}
	if b.Buy(p, n, unknown) == nil {
		return refuse(http.StatusBadRequest, "Saldo tidak mencukupi")
	}
	price := num(p.Price)
	a := accept(wire.Order{
		OrderID: lenient.Text(p.ID), PhoneNumber: lenient.Text(n.phone), Service: lenient.Text(n.service),
		Country: lenient.Text(n.country), Operator: lenient.Text(n.operator),
		ExpiresInMinute: lenient.Int(d.cfg.Life / time.Minute), Price: &price, PriceFormated: rupiah(p.Price),
	})
	a.Lost = o.Lost
	return a
}

// orderID gives ids that grow, and that a later run does not give again.
func (d *door) orderID(b *emulate.Book) string {
	const epoch = 1_600_000_000
	return "RO" + strconv.FormatInt(d.born.Unix()-epoch+int64(b.Count()), 10)
}

func code(b *emulate.Book, o emulate.Outcome) string {
	if o.Code != "" {
		return o.Code
	}
	return fmt.Sprintf("%05d", b.Rand.IntN(100_000))
}

func planNumber(o emulate.Outcome, now, expires time.Time, code string) []emulate.Step {
	switch o.Result {
	case emulate.Success:
		return planCode(now.Add(o.After), expires, code)
	case emulate.Silent:
		return []emulate.Step{{At: expires, State: string(wire.OrderExpiring), Refund: true}}
	default:
		return []emulate.Step{{At: now.Add(o.After), State: string(wire.OrderCanceled), Refund: true}}
	}
}

func planCode(at, expires time.Time, code string) []emulate.Step {
	completed := emulate.Step{At: expires, State: string(wire.OrderCompleted)}
	if !at.Before(expires) {
		return []emulate.Step{completed}
	}
	return []emulate.Step{{At: at, State: string(wire.OrderReceived), Deliver: true, Code: code}, completed}
}

func (d *door) orderStatus(b *emulate.Book, r *emulate.Request) emulate.Answer {
	e, n := known(b, r)
	if e == nil {
		return refuse(http.StatusNotFound, "Order tidak ditemukan")
	}
	expires := n.expires
	if e.State == string(wire.OrderExpiring) {
		expires = e.Timeline[len(e.Timeline)-1].At
	}
	shown := "-"
	if len(e.Codes) > 0 && e.State != string(wire.OrderWaiting) {
		shown = e.Codes[len(e.Codes)-1]
	}
	return accept(wire.OrderStatus{
		OrderID: lenient.Text(e.ID), Status: lenient.Text(e.State), PhoneNumber: lenient.Text(n.phone),
		Service: lenient.Text(n.service), Country: lenient.Text(n.country),
		CreatedAt: lenient.MillisOf(e.At), ExpiresAt: lenient.MillisOf(expires), OTPCode: lenient.Text(shown),
	})
}

func (d *door) setStatus(b *emulate.Book, r *emulate.Request) emulate.Answer {
	e, n := known(b, r)
	if e == nil {
		return refuse(http.StatusNotFound, "Order tidak ditemukan")
	}
	state := wire.Status(e.State)
	switch r.Query.Get("status") {
	case wire.ActionCancel:
		if state != wire.OrderWaiting || len(e.Codes) > 0 {
			return refuse(http.StatusBadRequest, "Order tidak dapat dibatalkan")
		}
		b.Apply(e, emulate.Step{At: r.Now, State: string(wire.OrderCanceled), Refund: true})
	case wire.ActionDone:
		if state != wire.OrderReceived {
			return refuse(http.StatusBadRequest, "Order belum menerima kode OTP")
		}
		b.Apply(e, emulate.Step{At: r.Now, State: string(wire.OrderCompleted)})
	case wire.ActionResend:
		if state != wire.OrderReceived || !r.Now.Before(n.expires) {
			return refuse(http.StatusBadRequest, "Order tidak dapat meminta ulang kode")
		}
		b.Apply(e, emulate.Step{At: r.Now, State: string(wire.OrderWaiting)})
		o := b.Decide(e.Purchase)
		at := r.Now.Add(max(o.After, time.Millisecond))
		if o.Result != emulate.Success {
			at = n.expires
		}
		b.Plan(e, planCode(at, n.expires, code(b, o))...)
	default:
		return refuse(http.StatusBadRequest, "Parameter status tidak valid")
	}
	return accept(wire.SetStatus{OrderID: lenient.Text(e.ID), Status: lenient.Text(e.State)})
}

// known finds the rented number that a request names, and lets what the script decided
// of it begin.
func known(b *emulate.Book, r *emulate.Request) (*emulate.Entry, *rented) {
	e, n := number(b, r.Query.Get("order_id"))
	if e != nil && n.future != nil {
		future := n.future
		n.future = nil
		if wire.Status(e.State) == wire.OrderWaiting {
			b.Resume(e, r.Now, future...)
		}
	}
	return e, n
}

// number finds a rented number in the book.
func number(b *emulate.Book, id string) (*emulate.Entry, *rented) {
	e := b.ByID(id)
	if e == nil {
		return nil, nil
	}
	n, ok := e.Facts.(*rented)
	if !ok {
		return nil, nil
	}
	return e, n
}

// DeliverCode lets a code come to a rented number now; it says whether the
// order was open for one.
func (e *Emulator) DeliverCode(orderID, text string) bool {
	delivered := false
	e.Do(func(b *emulate.Book, now time.Time) {
		entry, n := number(b, orderID)
		if entry == nil || !now.Before(n.expires) {
			return
		}
		switch wire.Status(entry.State) {
		case wire.OrderWaiting, wire.OrderReceived:
		default:
			return
		}
		n.future = nil
		b.Apply(entry, emulate.Step{At: now, State: string(wire.OrderReceived), Deliver: true, Code: text})
		b.Plan(entry, emulate.Step{At: n.expires, State: string(wire.OrderCompleted)})
		delivered = true
	})
	return delivered
}

// rupiah writes an amount as the provider shows it ("Rp2.150").
func rupiah(n int64) lenient.Text {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, c := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte('.')
		}
		b.WriteRune(c)
	}
	return lenient.Text(sign + "Rp" + b.String())
}

func num(n int64) lenient.Int { return lenient.Int(n) }
