package emulate

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// KindSMM is the kind of orders at panels: only these are delivered in part.
const KindSMM = "smm"

// Purchase is one thing that was bought: the provider's own record of it.
// Price is in rupiah. Delivered and Refunded are where the money and the goods
// are now; a purchase that is neither is still open.
type Purchase struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"` // otp, h2h, topup, smm
	Product string    `json:"product"`
	Target  string    `json:"target,omitempty"`
	Ref     string    `json:"ref,omitempty"`
	Price   int64     `json:"price"`
	At      time.Time `json:"at"`
	// State is the provider's word for where it stands.
	State     string `json:"state"`
	Delivered bool   `json:"delivered"`
	Refunded  bool   `json:"refunded"`
	// Back is what came back of the price of a purchase that was delivered in part.
	Back   int64    `json:"back,omitempty"`
	Reason Reason   `json:"reason,omitempty"`
	SN     string   `json:"sn,omitempty"`
	Codes  []string `json:"codes,omitempty"`
	// Timeline is every state it has been in.
	Timeline []Step `json:"timeline"`
}

// Step is one dated change of a purchase.
type Step struct {
	At      time.Time `json:"at"`
	State   string    `json:"state"`
	Deliver bool      `json:"deliver,omitempty"`
	// Refund gives the price back; Charge takes it again (a late success).
	Refund bool `json:"refund,omitempty"`
	Charge bool `json:"charge,omitempty"`
	// Back gives a part of the price back, in rupiah.
	Back   int64  `json:"back,omitempty"`
	Reason Reason `json:"reason,omitempty"`
	SN     string `json:"sn,omitempty"`
	Code   string `json:"code,omitempty"`
}

// Entry is a purchase in the book with its future and the provider's own facts.
type Entry struct {
	Purchase
	// Facts is what the emulator keeps with it (phone number, expiry, …).
	Facts any
	plan  []Step
}

// Book is what a provider knows: its balance and everything bought. Core's lock
// guards it; endpoints get it locked and advanced to the present.
type Book struct {
	// Rand is the seeded source of chance.
	Rand    *rand.Rand
	balance int64
	opening int64
	entries []*Entry
	byID    map[string]*Entry
	byRef   map[string]*Entry
	open    map[*Entry]struct{}
	script  Script
	moved   []Movement
	// What the provider billed for us, and when such bills are paid by themselves.
	invoices    []*Invoice
	pending     []*Invoice
	invoiceByID map[string]*Invoice
	payer       Payer
}

// Movement is one change of the balance: Amount is negative where money left.
type Movement struct {
	At     time.Time `json:"at"`
	Amount int64     `json:"amount"`
	// Balance is what was left after it.
	Balance int64 `json:"balance"`
	// ID and Product are the purchase's that it belongs to; empty for others.
	ID      string `json:"id,omitempty"`
	Product string `json:"product,omitempty"`
	Notes   string `json:"notes,omitempty"`
}

// Balance is what is left, in rupiah.
func (b *Book) Balance() int64 { return b.balance }

// Decide asks the script what becomes of a purchase.
func (b *Book) Decide(p Purchase) Outcome { return b.script(p, b.Rand) }

// Buy takes the price and enters the purchase with its future; nil when the
// balance does not reach.
func (b *Book) Buy(p Purchase, facts any, plan ...Step) *Entry {
	if p.Price > b.balance {
		return nil
	}
	e := &Entry{Purchase: p, Facts: facts}
	b.move(e, p.At, -p.Price)
	e.Timeline = []Step{{At: p.At, State: p.State}}
	b.entries = append(b.entries, e)
	b.byID[p.ID] = e
	if p.Ref != "" {
		b.byRef[p.Ref] = e
	}
	b.Plan(e, plan...)
	b.advance(e, p.At)
	return e
}

// Plan replaces the future of an entry.
func (b *Book) Plan(e *Entry, plan ...Step) {
	e.plan = plan
	if len(plan) == 0 {
		delete(b.open, e)
		return
	}
	b.open[e] = struct{}{}
}

// Resume replaces the future of an entry and carries out what of it is due by now.
func (b *Book) Resume(e *Entry, now time.Time, plan ...Step) {
	b.Plan(e, plan...)
	b.advance(e, now)
}

// Apply carries out one step now and forgets the planned future.
func (b *Book) Apply(e *Entry, s Step) {
	b.Plan(e)
	b.step(e, s)
}

// ByID finds a purchase by the provider's id; nil when there is none.
func (b *Book) ByID(id string) *Entry { return b.byID[id] }

// ByRef finds a purchase by the buyer's reference; nil when there is none.
func (b *Book) ByRef(ref string) *Entry { return b.byRef[ref] }

// Entries are all purchases, oldest first.
func (b *Book) Entries() []*Entry { return b.entries }

// Count is how many purchases there are.
func (b *Book) Count() int { return len(b.entries) }

// Movements are all changes of the balance, oldest first.
func (b *Book) Movements() []Movement { return b.moved }

// Move changes the balance by something that is no purchase (a top-up of ours, a fee).
func (b *Book) Move(at time.Time, amount int64, notes string) {
	b.balance += amount
	b.moved = append(b.moved, Movement{At: at, Amount: amount, Balance: b.balance, Notes: notes})
}

// move changes the balance for a purchase's sake.
func (b *Book) move(e *Entry, at time.Time, amount int64) {
	b.balance += amount
	b.moved = append(b.moved, Movement{At: at, Amount: amount, Balance: b.balance, ID: e.ID, Product: e.Product})
}

// advanceAll carries out every step that is due, in the order in which they were to
// happen: the balance has a history.
func (b *Book) advanceAll(now time.Time) {
	type turn struct {
		at, since time.Time
		id        string
		take      func()
	}
	var due []turn
	for e := range b.open {
		for _, s := range e.plan {
			if s.At.After(now) {
				break
			}
			due = append(due, turn{s.At, e.At, e.ID, func() {
				b.Plan(e, e.plan[1:]...)
				b.step(e, s)
			}})
		}
	}
	for _, i := range b.pending {
		if at := i.ends(); !at.After(now) {
			due = append(due, turn{at, i.At, i.ID, func() { b.endByItself(i) }})
		}
	}
	slices.SortStableFunc(due, func(a, b turn) int {
		return cmp.Or(a.at.Compare(b.at), a.since.Compare(b.since), cmp.Compare(a.id, b.id))
	})
	for _, t := range due {
		t.take()
	}
}

func (b *Book) advance(e *Entry, now time.Time) {
	for len(e.plan) > 0 && !e.plan[0].At.After(now) {
		s := e.plan[0]
		b.Plan(e, e.plan[1:]...)
		b.step(e, s)
	}
}

func (b *Book) step(e *Entry, s Step) {
	e.State = s.State
	if s.Deliver {
		e.Delivered = true
	}
	if s.Refund && !e.Refunded {
		e.Refunded = true
		b.move(e, s.At, e.Price-e.Back)
	}
	if s.Charge && e.Refunded {
		e.Refunded, e.Back = false, 0
		b.move(e, s.At, -e.Price)
	}
	if back := min(s.Back, e.Price-e.Back); back > 0 && !e.Refunded {
		e.Back += back
		b.move(e, s.At, back)
	}
	if s.Reason != "" {
		e.Reason = s.Reason
	}
	if s.SN != "" {
		e.SN = s.SN
	}
	if s.Code != "" {
		e.Codes = append(e.Codes, s.Code)
	}
	e.Timeline = append(e.Timeline, s)
}

// settle makes everything that is planned happen now.
func (b *Book) settle(now time.Time) {
	for e := range b.open {
		for i := range e.plan {
			e.plan[i].At = now
		}
	}
	for _, i := range b.pending {
		i.ExpiresAt = now
		if !i.paysAt.IsZero() {
			i.ExpiresAt, i.paysAt = now.Add(time.Nanosecond), now
		}
	}
	b.advanceAll(now)
}

// Books is a copy of everything that an audit needs.
type Books struct {
	Balance   int64      `json:"balance"`
	Opening   int64      `json:"opening"`
	Purchases []Purchase `json:"purchases"`
	Movements []Movement `json:"movements"`
	Invoices  []Invoice  `json:"invoices,omitempty"`
	// Requests is the arrivals' log, newest last, as far back as it is kept;
	// Arrivals counts all of them by path.
	Requests   []Arrival      `json:"requests,omitempty"`
	Arrivals   map[string]int `json:"arrivals"`
	Violations []Violation    `json:"violations"`
	Turned     int            `json:"turned"` // requests that met the closed door
}

// Duplicate is something that was bought more than once.
type Duplicate struct {
	Product string   `json:"product"`
	Target  string   `json:"target"`
	Ref     string   `json:"ref,omitempty"`
	IDs     []string `json:"ids"`
}

// Twice lists what was bought more than once for the same target (or, where the
// provider knows references, under the same one) without the money of the
// others having come back. Purchases without target and reference (rented
// numbers) cannot be compared here; an audit does it by their ids.
func (b Books) Twice() []Duplicate {
	type key struct{ product, target, ref string }
	groups := map[key]*Duplicate{}
	var order []key
	for _, p := range b.Purchases {
		if p.Refunded || (p.Target == "" && p.Ref == "") {
			continue
		}
		k := key{p.Product, p.Target, p.Ref}
		if groups[k] == nil {
			groups[k] = &Duplicate{Product: p.Product, Target: p.Target, Ref: p.Ref}
			order = append(order, k)
		}
		groups[k].IDs = append(groups[k].IDs, p.ID)
	}
	var out []Duplicate
	for _, k := range order {
		if len(groups[k].IDs) > 1 {
			out = append(out, *groups[k])
		}
	}
	return out
}

// TwiceByTarget is Twice without looking at references: it finds an order that
// was bought again under another one.
func (b Books) TwiceByTarget() []Duplicate {
	without := Books{Purchases: slices.Clone(b.Purchases)}
	for i := range without.Purchases {
		without.Purchases[i].Ref = ""
	}
	return without.Twice()
}

// Count is how many purchases there are of a product for a target under a
// reference; empty arguments match anything.
func (b Books) Count(product, target, ref string) int {
	n := 0
	for _, p := range b.Purchases {
		if (product == "" || p.Product == product) && (target == "" || p.Target == target) && (ref == "" || p.Ref == ref) {
			n++
		}
	}
	return n
}

// Find gives the purchase with this id.
func (b Books) Find(id string) (Purchase, bool) {
	for _, p := range b.Purchases {
		if p.ID == id {
			return p, true
		}
	}
	return Purchase{}, false
}

// Spent is what was taken and not given back, in rupiah.
func (b Books) Spent() int64 {
	var sum int64
	for _, p := range b.Purchases {
		if !p.Refunded {
			sum += p.Price - p.Back
		}
	}
	return sum
}
