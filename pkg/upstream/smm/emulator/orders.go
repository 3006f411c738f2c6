package emulator

import (
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// The panel's words.
const (
	pending    = "Pending"
	inProgress = "In progress"
	completed  = "Completed"
	partial    = "Partial"
	canceled   = "Canceled"
)

// firstOrder is the number of the first order.
const firstOrder = 23501

// job is what the panel knows of an order besides the book.
type job struct {
	service service
	total   int64
	start   int64
	charge  *big.Rat
	// left is what remains once it has ended in part or canceled.
	left int64
	// said replaces what status says.
	said *Said
	// refilled is when a refill was last asked for.
	refilled time.Time
}

// Said is what status is made to say of an order; empty fields are as they are.
type Said struct {
	Status  string `json:"status"`
	Remains string `json:"remains"`
	Charge  string `json:"charge"`
}

func (d *door) add(b *emulate.Book, r *emulate.Request, form url.Values) emulate.Answer {
	s, ok := d.find(form.Get(wire.FieldService))
	if !ok {
		return d.refuse(badService)
	}
	for _, name := range s.kind.needs {
		if form.Get(name) == "" {
			if name == wire.FieldLink {
				return d.refuse(badLink)
			}
			return d.refuse(badRequest)
		}
	}
	if strings.Contains(target(form), " ") {
		return d.refuse(badLink)
	}
	total, bad := s.total(form)
	if bad != nil {
		return d.refuse(*bad)
	}
	if e := d.repeated(b, r, form, total); e != nil {
		return d.added(e, false)
	}
	if d.busy(b, form) {
		return d.refuse(activeOrder)
	}
	charge := new(big.Rat).Mul(s.Rate.Rat, big.NewRat(total, 1000))
	if s.kind.whole {
		charge = new(big.Rat).Set(s.Rate.Rat)
	}
	p := emulate.Purchase{
		ID: strconv.Itoa(firstOrder + b.Count()), Kind: emulate.KindSMM, Product: form.Get(wire.FieldService), Target: target(form),
		Price: d.rupiah(charge), At: r.Now, State: pending,
	}
	j := &job{service: s, total: total, start: int64(b.Rand.IntN(5000)), charge: charge}
	o := b.Decide(p)
	e := b.Buy(p, j, d.plan(o, j, p)...)
	if e == nil {
		return d.refuse(noFunds)
	}
	return d.added(e, o.Lost)
}

func (d *door) added(e *emulate.Entry, lost bool) emulate.Answer {
	n, err := strconv.ParseInt(e.ID, 10, 64)
	if err != nil {
		panic("smm emulator: order id " + e.ID)
	}
	out := wire.Added{Order: wire.NewID(n, true)}
	if d.cfg.Dialect.Success {
		out.Status = "success"
	}
	a := d.accept(out)
	a.Lost = lost
	return a
}

// plan is what becomes of an order.
func (d *door) plan(o emulate.Outcome, j *job, p emulate.Purchase) []emulate.Step {
	var steps []emulate.Step
	if o.After > 0 {
		steps = append(steps, emulate.Step{At: p.At.Add(o.After / 2), State: inProgress})
	}
	at := p.At.Add(o.After)
	if o.Word != "" {
		return append(steps, emulate.Step{At: at, State: o.Word})
	}
	done := emulate.Step{At: at, State: completed, Deliver: true}
	share := int64(o.Undelivered)
	switch o.Result {
	case emulate.Success:
		return append(steps, done)
	case emulate.Silent:
		return steps
	case emulate.Partial:
		if share == 0 {
			share = 50
		}
		j.left = j.total * share / 100
		return append(steps, d.ending(partial, j, p.Price, at))
	case emulate.Failure, emulate.Canceled:
		if share == 0 {
			share = 100
		}
	}
	j.left = j.total * share / 100
	steps = append(steps, d.ending(canceled, j, p.Price, at))
	if o.Late > 0 {
		done.At, done.Charge = at.Add(o.Late), true
		steps = append(steps, done)
	}
	return steps
}

// ending gives back what is not delivered.
func (d *door) ending(state string, j *job, price int64, at time.Time) emulate.Step {
	s := emulate.Step{At: at, State: state, Deliver: j.left < j.total}
	if j.left >= j.total {
		s.Refund = true
		return s
	}
	s.Back = price - d.rupiah(j.taken())
	return s
}

// taken is the charge for what was delivered.
func (j *job) taken() *big.Rat {
	return new(big.Rat).Mul(j.charge, big.NewRat(j.total-j.left, max(j.total, 1)))
}

// rupiah rounds up to whole ones.
func (d *door) rupiah(amount *big.Rat) int64 {
	r := new(big.Rat).Mul(amount, d.rate)
	n, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		n.Add(n, big.NewInt(1))
	}
	return n.Int64()
}

func open(e *emulate.Entry) bool {
	switch e.State {
	case completed, partial, canceled:
		return false
	}
	return true
}

// busy tells whether an open order is in the way.
func (d *door) busy(b *emulate.Book, form url.Values) bool {
	if d.cfg.Links == Parallel {
		return false
	}
	for _, e := range b.Entries() {
		if open(e) && e.Target == target(form) && (d.cfg.Links == PerLink || e.Product == form.Get(wire.FieldService)) {
			return true
		}
	}
	return false
}

// repeated finds the order that an add says again.
func (d *door) repeated(b *emulate.Book, r *emulate.Request, form url.Values, total int64) *emulate.Entry {
	for _, e := range b.Entries() {
		if e.Product == form.Get(wire.FieldService) && e.Target == target(form) && e.Facts.(*job).total == total && r.Now.Sub(e.At) < d.cfg.Repeat {
			return e
		}
	}
	return nil
}

func (d *door) status(b *emulate.Book, form url.Values) emulate.Answer {
	if ids := form.Get(wire.FieldOrders); ids != "" {
		list := strings.Split(ids, ",")
		if len(list) > wire.MaxBulk {
			return d.refuse(badRequest)
		}
		out := map[string]any{}
		for _, id := range list {
			id = strings.TrimSpace(id)
			if e := b.ByID(id); e != nil {
				out[id] = d.row(e)
			} else {
				out[id] = d.says(noOrder)
			}
		}
		return d.accept(out)
	}
	e := b.ByID(form.Get(wire.FieldOrder))
	if e == nil {
		return d.refuse(noOrder)
	}
	return d.accept(d.row(e))
}

// subscription is the other shape of a status.
type subscription struct {
	Status lenient.Text  `json:"status"`
	Expiry *lenient.Text `json:"expiry"`
	Posts  lenient.Text  `json:"posts"`
	Orders []wire.ID     `json:"orders"`
}

// row is what status says of an order.
func (d *door) row(e *emulate.Entry) any {
	j := e.Facts.(*job)
	if j.service.kind.subscribes && j.said == nil {
		state := e.State
		if open(e) {
			state = "Active"
		}
		return subscription{Status: lenient.Text(state), Posts: "0", Orders: []wire.ID{}}
	}
	s := wire.Status{
		Charge: wire.NewDecimal(j.charge, 10), StartCount: wire.NewCount(j.start), Status: lenient.Text(e.State), Remains: wire.NewCount(j.total),
		Currency: lenient.Text(d.cfg.Currency),
	}
	switch e.State {
	case inProgress:
		s.Remains = wire.NewCount(j.total / 2)
	case completed:
		s.Remains = wire.NewCount(0)
	case partial, canceled:
		s.Remains, s.Charge = wire.NewCount(j.left), wire.NewDecimal(j.taken(), 10)
	}
	if j.said != nil {
		if j.said.Status != "" {
			s.Status = lenient.Text(j.said.Status)
		}
		if j.said.Remains != "" {
			s.Remains = wire.Count{Said: strings.TrimPrefix(j.said.Remains, "=")}
		}
		if j.said.Charge != "" {
			s.Charge = wire.Decimal{Said: strings.TrimPrefix(j.said.Charge, "=")}
		}
	}
	return s
}

func (d *door) cancel(b *emulate.Book, r *emulate.Request, form url.Values) emulate.Answer {
	list := strings.Split(form.Get(wire.FieldOrders), ",")
	if form.Get(wire.FieldOrders) == "" || len(list) > wire.MaxBulk {
		return d.refuse(badRequest)
	}
	var out []wire.CanceledRow
	for _, id := range list {
		row := wire.CanceledRow{Order: d.id(id)}
		switch e := b.ByID(id); {
		case e == nil:
			row.Cancel.Error = d.says(noOrder)
		case !bool(e.Facts.(*job).service.Cancel) || !open(e):
			row.Cancel.Error = d.says(noCancel)
		default:
			row.Cancel.ID = wire.NewID(1, true)
			d.giveUp(b, e, r.Now)
		}
		out = append(out, row)
	}
	return d.accept(out)
}

// giveUp ends an order after the time that a cancel takes, unless it ends before.
func (d *door) giveUp(b *emulate.Book, e *emulate.Entry, now time.Time) {
	j := e.Facts.(*job)
	j.left = j.total
	if e.State == inProgress {
		j.left = j.total / 2
	}
	step := d.ending(canceled, j, e.Price, now.Add(d.cfg.CancelAfter))
	if d.cfg.CancelAfter == 0 {
		b.Apply(e, step)
		return
	}
	b.Plan(e, step)
}

func (d *door) id(text string) wire.ID {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return wire.ID{Text: text}
	}
	return wire.NewID(n, true)
}

// Say makes status say something else of an order; nil takes it back. False for an
// unknown order. Counts and amounts may be any text ("=" for an empty one).
func (e *Emulator) Say(id string, s *Said) bool {
	known := false
	e.Do(func(b *emulate.Book, _ time.Time) {
		if entry := b.ByID(id); entry != nil {
			known = true
			entry.Facts.(*job).said = s
		}
	})
	return known
}

// Turn ends an order anew with so much undelivered, whatever it was before: partial,
// or canceled when all. False for an unknown order.
func (e *Emulator) Turn(id string, left int64) bool {
	known := false
	e.Do(func(b *emulate.Book, now time.Time) {
		entry := b.ByID(id)
		if entry == nil {
			return
		}
		known = true
		j := entry.Facts.(*job)
		j.left = left
		state := partial
		if left >= j.total {
			state = canceled
		}
		b.Apply(entry, e.door.ending(state, j, entry.Price, now))
	})
	return known
}
