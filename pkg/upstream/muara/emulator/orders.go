package emulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

// job is what is known of an order besides the book.
type job struct {
	thing    *thing
	in       body
	phone    string
	operator string
	expires  time.Time
	canceled bool // asked for
	finished bool
	// smm: what counts down, and what is left of it when it ends in part
	total, left int64
	refilled    time.Time
	bill        *wire.Bill
}

// The messages of failures.
const (
	sayCustomer    = "The destination number or account was not accepted."
	sayUnavailable = "The product could not be delivered at the moment."
)

func (d *door) place(b *emulate.Book, r *emulate.Request, in *body) emulate.Answer {
	if bad := shape(in); bad != "" {
		return refuse(wire.CodeInvalid, bad+": is required", wire.Detail{Field: lenient.Text(bad), Message: "is required"})
	}
	if e := b.ByRef(string(in.Ref)); e != nil {
		if e.Facts.(*job).in.content() != in.content() {
			return refuse(wire.CodeRefConflict, "the ref was used with other content")
		}
		return accept(wire.OneOrder{Order: view(e, r.Now), Balance: wire.Int(b.Balance())})
	}
	t := d.find(string(in.SKU))
	if t == nil {
		return refuse(wire.CodeNotFound, "there is no such sku")
	}
	j, price, refusal := d.prepare(t, in, r.Now)
	if refusal != nil {
		return *refusal
	}
	p := emulate.Purchase{
		ID: fmt.Sprintf("%s-%013d", strings.ToUpper(t.category), b.Count()+1), Kind: t.category, Product: t.sku, Target: in.target(), Ref: string(in.Ref),
		Price: price, At: r.Now, State: wire.Processing,
	}
	o := b.Decide(p)
	if t.category == wire.OTP {
		j.phone, j.expires = fmt.Sprintf("+62812%08d", b.Rand.IntN(100_000_000)), r.Now.Add(d.cfg.Life)
	}
	e := b.Buy(p, j, plan(b, o, j, p)...)
	if e == nil {
		return refuse(wire.CodeInsufficient, "the balance does not hold the price")
	}
	a := accept(wire.OneOrder{Order: view(e, r.Now), Balance: wire.Int(b.Balance())})
	a.Lost = o.Lost
	return a
}

// shape names a field that is missing.
func shape(in *body) string {
	switch {
	case in.Ref == "":
		return "ref"
	case in.SKU == "":
		return "sku"
	case in.Category == wire.PPOB && in.CustomerNo == "":
		return "customer_no"
	case in.Category == wire.SMM && in.Target == "":
		return "target"
	case !slices.Contains([]lenient.Text{wire.PPOB, wire.SMM, wire.OTP}, in.Category):
		return "category"
	}
	return ""
}

// prepare decides what an order comes to, or why not.
func (d *door) prepare(t *thing, in *body, now time.Time) (*job, int64, *emulate.Answer) {
	refused := func(a emulate.Answer) (*job, int64, *emulate.Answer) { return nil, 0, &a }
	j := &job{thing: t, in: *in}
	price := t.price
	switch {
	case lenient.Text(t.category) != in.Category:
		return refused(refuse(wire.CodeInvalid, "sku: is not of this category", wire.Detail{Field: "sku", Message: "is not of this category"}))
	case t.zone && in.ZoneID == "":
		return refused(refuse(wire.CodeInvalid, "zone_id: is required", wire.Detail{Field: "zone_id", Message: "is required for this sku"}))
	case t.category == wire.OTP:
		switch in.OperatorID {
		case "", "any":
		case "indosat", "telkomsel":
			j.operator = strings.ToUpper(string(in.OperatorID[:1])) + string(in.OperatorID[1:])
		default:
			return refused(refuse(wire.CodeInvalid, "operator_id: is not one of this sku", wire.Detail{Field: "operator_id", Message: "is not one of this sku"}))
		}
	case t.category == wire.SMM:
		j.total = int64(in.Quantity) * max(int64(in.Runs), 1)
		switch {
		case t.kind == "custom_comments":
			j.total = int64(len(strings.Split(strings.TrimSpace(string(in.Comments)), "\n")))
		case t.kind == "package":
			j.total = 0
		case int64(in.Quantity) < t.min || int64(in.Quantity) > t.max:
			return refused(refuse(wire.CodeInvalid, "quantity: is outside of min and max", wire.Detail{Field: "quantity", Message: "is outside of min and max"}))
		}
		if t.kind != "package" {
			price = (t.price*j.total + 999) / 1000
		}
	case t.postpaid:
		q := d.inquiries[string(in.Ref)]
		switch {
		case q == nil:
			return refused(refuse(wire.CodeInquiryRequired, "a bill needs an inquiry first"))
		case q.customer != string(in.CustomerNo) || q.sku != t.sku:
			return refused(refuse(wire.CodeRefConflict, "the ref was used with other content"))
		case q.over || !now.Before(q.expires):
			return refused(refuse(wire.CodeInquiryExpired, "the inquiry has expired"))
		}
		j.bill, price = q.bill, q.price
	}
	if t.reason != "" {
		return refused(refuse(wire.CodeUnavailable, "the product is not available now", wire.Detail{Field: "sku", Message: "not available now", Reason: lenient.Text(t.reason)}))
	}
	if in.MaxPrice > 0 && price > int64(in.MaxPrice) {
		return refused(refuse(wire.CodePriceChanged, "our price is above max_price"))
	}
	return j, price, nil
}

// plan is what becomes of an order.
func plan(b *emulate.Book, o emulate.Outcome, j *job, p emulate.Purchase) []emulate.Step {
	at := p.At.Add(o.After)
	if o.Word != "" {
		return []emulate.Step{{At: at, State: o.Word}}
	}
	done := emulate.Step{At: at, State: wire.Completed, Deliver: true}
	switch p.Kind {
	case wire.PPOB:
		if done.SN = o.SN; done.SN == "" {
			done.SN = fmt.Sprintf("%010d%010d", b.Rand.IntN(1_000_000_000), b.Rand.IntN(1_000_000_000))
		}
	case wire.OTP:
		done.Code = code(b, o)
	}
	ended := func(state string, share int) emulate.Step {
		if share == 0 || j.total == 0 {
			j.left = j.total
			return emulate.Step{At: at, State: state, Refund: true, Reason: o.Reason}
		}
		j.left = j.total * int64(share) / 100
		return emulate.Step{At: at, State: state, Deliver: true, Back: p.Price * j.left / j.total}
	}
	switch o.Result {
	case emulate.Silent:
		if p.Kind == wire.OTP {
			return []emulate.Step{{At: j.expires, State: wire.Expired, Refund: true}}
		}
		return nil
	case emulate.Partial:
		share := o.Undelivered
		if share == 0 {
			share = 50
		}
		return []emulate.Step{ended(wire.Partial, share)}
	case emulate.Canceled:
		return []emulate.Step{ended(wire.Canceled, o.Undelivered)}
	case emulate.Failure:
		steps := []emulate.Step{ended(wire.Failed, 0)}
		if o.Late > 0 {
			done.At, done.Charge = at.Add(o.Late), true
			steps = append(steps, done)
		}
		return steps
	}
	if p.Kind == wire.OTP && !at.Before(j.expires) {
		return []emulate.Step{{At: j.expires, State: wire.Expired, Refund: true}}
	}
	return []emulate.Step{done}
}

func code(b *emulate.Book, o emulate.Outcome) string {
	if o.Code != "" {
		return o.Code
	}
	return fmt.Sprintf("%06d", b.Rand.IntN(1_000_000))
}

// final is whether a status never changes, but for a late success.
func final(status string) bool { return status != wire.Pending && status != wire.Processing }

// view is an order as its merchant reads it.
func view(e *emulate.Entry, now time.Time) *wire.Order {
	j := e.Facts.(*job)
	o := &wire.Order{
		Ref: lenient.Text(e.Ref), OrderID: lenient.Text(e.ID), Category: lenient.Text(e.Kind), SKU: lenient.Text(e.Product), Name: lenient.Text(j.thing.name),
		Status: lenient.Text(e.State), Price: wire.Int(e.Price), Refunded: wire.Int(e.Back), Quantity: wire.Int(max(int64(j.in.Quantity), 1)),
		CreatedAt: wire.At(e.At), UpdatedAt: wire.At(e.Timeline[len(e.Timeline)-1].At),
	}
	if e.Refunded {
		o.Refunded = wire.Int(e.Price)
	}
	if final(e.State) {
		o.CompletedAt = o.UpdatedAt
	}
	if e.State == wire.Failed {
		o.Message = wire.Text(sayUnavailable)
		if e.Reason == emulate.ReasonCustomer {
			o.Message = wire.Text(sayCustomer)
		}
	}
	switch e.Kind {
	case wire.SMM:
		o.Target = wire.Text(string(j.in.Target))
		o.Data = counts(e, j, now)
	case wire.OTP:
		o.Data = number(e, j)
	default:
		o.CustomerNo, o.ZoneID = wire.Text(string(j.in.CustomerNo)), wire.Text(string(j.in.ZoneID))
		o.Data = wire.OrderData{SN: wire.Text(e.SN), Bill: j.bill}
	}
	return o
}

func counts(e *emulate.Entry, j *job, now time.Time) wire.OrderData {
	d := wire.OrderData{CancelRequested: lenient.Flag(j.canceled)}
	if j.total > 0 {
		left := j.left
		switch e.State {
		case wire.Completed:
			left = 0
		case wire.Processing:
			left = j.total
		}
		d.StartCount, d.Remains = wire.Int(100), wire.Int(left)
	}
	if !j.refilled.IsZero() {
		status := wire.RefillPending
		if now.Sub(j.refilled) >= refillTakes {
			status = wire.RefillCompleted
		}
		d.RefillStatus = wire.Text(status)
	}
	return d
}

func number(e *emulate.Entry, j *job) wire.OrderData {
	d := wire.OrderData{
		PhoneNumber: wire.Text(j.phone), Operator: wire.Text(j.operator), Country: wire.Text(j.thing.country), Service: wire.Text("Telegram"), ExpiresAt: wire.At(j.expires),
	}
	for _, s := range e.Timeline {
		if s.Code != "" {
			d.Messages = append(d.Messages, wire.Message{Code: lenient.Text(s.Code), Text: lenient.Text("Your code is " + s.Code), ReceivedAt: wire.At(s.At)})
			d.OTPCode = wire.Text(s.Code)
		}
	}
	return d
}

// named finds an order by the merchant's ref or by its id.
func named(b *emulate.Book, refOrID string) *emulate.Entry {
	if e := b.ByRef(refOrID); e != nil {
		return e
	}
	if e := b.ByID(refOrID); e != nil && e.Kind != kindWithdraw {
		return e
	}
	return nil
}

func (d *door) order(b *emulate.Book, refOrID string) emulate.Answer {
	e := named(b, refOrID)
	if e == nil {
		return refuse(wire.CodeNotFound, "there is no such order")
	}
	return accept(wire.OneOrder{Order: view(e, d.now())})
}

// now is the clock, for answers that only read.
func (d *door) now() time.Time {
	if d.cfg.Clock == nil {
		return time.Now()
	}
	return d.cfg.Clock()
}

const (
	refillTakes = 10 * time.Minute
	refillEvery = 24 * time.Hour
)

// act carries a merchant's wish out.
func (d *door) act(b *emulate.Book, r *emulate.Request, refOrID, action string) emulate.Answer {
	e := named(b, refOrID)
	if e == nil {
		return refuse(wire.CodeNotFound, "there is no such order")
	}
	j := e.Facts.(*job)
	switch action {
	case wire.ActionCancel:
		if e.Kind == wire.PPOB || final(e.State) && e.State != wire.Canceled {
			return refuse(wire.CodeNotCancelable, "the order can no longer be canceled")
		}
		if !j.canceled && !final(e.State) {
			j.canceled, j.left = true, j.total
			b.Plan(e, emulate.Step{At: r.Now, State: wire.Canceled, Refund: true}) // the next answer says so
		}
	case wire.ActionFinish:
		if e.Kind != wire.OTP || e.State != wire.Completed {
			return refuse(wire.CodeNotAvailable, "no code has come")
		}
		j.finished = true
	case wire.ActionResend:
		if e.Kind != wire.OTP || e.State != wire.Completed || j.finished || !r.Now.Before(j.expires) {
			return refuse(wire.CodeNotAvailable, "no further code can come")
		}
		o := b.Decide(e.Purchase)
		if at := r.Now.Add(max(o.After, time.Millisecond)); o.Result == emulate.Success && at.Before(j.expires) {
			b.Plan(e, emulate.Step{At: at, State: wire.Completed, Code: code(b, o)})
		}
	case wire.ActionRefill:
		if e.Kind != wire.SMM || e.State != wire.Completed {
			return refuse(wire.CodeNotAvailable, "only what was delivered is filled up again")
		}
		if wait := refillEvery - r.Now.Sub(j.refilled); !j.refilled.IsZero() && wait > 0 {
			return later(refuse(wire.CodeNotAvailable, "a refill was asked for not long ago"), wait)
		}
		j.refilled = r.Now
	default:
		return refuse(wire.CodeNotFound, "there is no such route")
	}
	return accept(wire.OneOrder{Order: view(e, r.Now)})
}

// orders lists newest first, with the filters of the contract.
func (d *door) orders(b *emulate.Book, r *emulate.Request) emulate.Answer {
	from, to, ok := span(r)
	limit, good := limitOf(r.Query.Get("limit"))
	after, err := strconv.Atoi(or(r.Query.Get("cursor"), "0"))
	if !ok || !good || err != nil {
		return refuse(wire.CodeInvalid, "a parameter is wrong")
	}
	out := wire.Orders{Orders: []wire.Order{}}
	entries := b.Entries()
	for i := len(entries) - 1 - after; i >= 0; i-- {
		e := entries[i]
		if e.Kind == kindWithdraw || e.At.Before(from) || !to.IsZero() && !e.At.Before(to) || r.Query.Get("status") != "" && r.Query.Get("status") != e.State {
			continue
		}
		if len(out.Orders) == limit {
			out.NextCursor = wire.Text(strconv.Itoa(len(entries) - 1 - i))
			break
		}
		out.Orders = append(out.Orders, *view(e, r.Now))
	}
	out.Count = lenient.Int(len(out.Orders))
	return accept(out)
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// limitOf reads how many rows are wanted.
func limitOf(s string) (int, bool) {
	n, err := strconv.Atoi(or(s, "50"))
	return min(n, wire.MaxLimit), err == nil && n > 0
}

// span reads from, inclusive, and to, exclusive.
func span(r *emulate.Request) (from, to time.Time, ok bool) {
	for _, f := range []struct {
		name string
		into *time.Time
	}{{"from", &from}, {"to", &to}} {
		s := r.Query.Get(f.name)
		if s == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return from, to, false
		}
		*f.into = at
	}
	return from, to, true
}

// held is what open orders cost.
func held(b *emulate.Book) int64 {
	var sum int64
	for _, e := range b.Entries() {
		if e.Kind != kindWithdraw && !final(e.State) {
			sum += e.Price
		}
	}
	return sum
}
