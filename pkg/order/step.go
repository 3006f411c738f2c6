package order

import (
	"math/bits"
	"slices"
	"time"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/float"
)

// Step is one change of an order: what was observed, and what follows. The
// caller (the worker's policy, an operator, a merchant's action) has decided;
// [Writer.Do] checks that the order still stands where the caller believes, and
// writes state, money, evidence and webhook in one commit.
type Step struct {
	OrderID int64
	// Attempt is the attempt the step is about; it must be the order's current one.
	// Claim raises it by one.
	Attempt int
	// To is the state to reach; empty keeps the state (news, a later look).
	To State
	// From guards the state too where it is set, and Version the row's version: the
	// step was decided on them.
	From    State
	Version int64
	// Deadline guards the claim where it is set: the NextRunAt that it wrote. Who does
	// not know whether a claim of its own was kept takes back no other's with it.
	Deadline *time.Time
	// Sends is which sending of the attempt a purchase's answer belongs to. A word
	// that nothing was bought counts for the last sending only, and only while nobody
	// has learned more: an answer that was given up wins over not knowing.
	Sends int
	// Again: To is Sending once more, under the same reference.
	Again bool
	// Cause says who or what: submit, status, lookup, sweep, merchant, operator …
	Cause string

	// Evidence, for the attempt's row.
	Outcome       string
	Reason        string
	SaidCode      string
	SaidDetail    string
	BalanceBefore *int64
	BalanceAfter  *int64

	// Watch is set by the claim of a purchase on an account that is watched by its
	// balance: it is refused with [ErrHeld] while another's outcome is open there.
	Watch *float.Watch
	// Held is the tick after which a question found our money with the source; Owed:
	// it has not given the money back that it should. Stand says how the purchase
	// stands on its account where the states do not tell, and RipeAt from when on.
	Held   int64
	Owed   bool
	Stand  float.Stand
	RipeAt *time.Time
	// Proof is kept with the change: what it was concluded from.
	Proof *Proof

	// News, kept when set.
	UpstreamRef string
	Cost        *int64
	SN          string
	Phone       string
	Country     string
	Service     string
	Operator    string
	Messages    []Message
	StartCount  *int64
	Remains     *int64
	ExpiresAt   *time.Time
	// Whole: nothing was delivered, so that the whole price goes back, whatever remains
	// says. TakenBack: the source took back, all or in part, what it had completed; the
	// order stays completed.
	Whole     bool
	TakenBack bool
	// Refill is where the order's refill stands now.
	Refill *Refill
	// Told is what the merchant reads as the order's note.
	Told string
	// Alert is what the flag is raised for, as the source said it; it is kept, so that
	// the same matter is raised once.
	Alert string

	// Message is what the merchant reads of a final failure, in our own words.
	Message string
	// Flag tells operators why a person has to look; "-" takes the flag away.
	Flag string
	// Route is where a queued order goes next; nil keeps the route.
	Route *Route
	// NextRunAt is when to look again; nil when nothing more is to come.
	NextRunAt *time.Time
	// Polled counts one more question asked.
	Polled bool
	// Wish marks what a merchant asked for, and what became of it. [WishTelling] claims
	// it until Until; Telling names the claim whose answer the step is, and it is taken
	// only while no other has been made and the state is the claim's.
	Wish    Wish
	Until   time.Time
	Telling int64
	// Recharge takes the price again after a late success, if the balance allows.
	Recharge bool

	// found: an attempt that its order has left behind turned out to be accepted.
	found bool

	// Note is kept with the change, for operators.
	Note string
	// Audit is an operator's entry, written in the commit of the change.
	Audit *audit.Entry
}

// Wish is a merchant's wish about an order on its way.
type Wish string

// The wishes.
const (
	WishCancel Wish = "cancel"
	WishFinish Wish = "finish"
	WishResend Wish = "resend"
	// WishSent: the upstream has heard the wish to resend. WishRefused: it would not.
	// WishFinished: it has heard the wish to finish. WishTold: it was asked to cancel.
	WishSent     Wish = "sent"
	WishRefused  Wish = "refused"
	WishFinished Wish = "finished"
	WishTold     Wish = "told"
	// WishRefill: the merchant wants an order filled up again. WishHeard: the upstream
	// has heard that it is to cancel, and need not be told again.
	WishRefill Wish = "refill"
	WishHeard  Wish = "heard"
	// WishTelling: a worker is about to tell the source of the wish that is open.
	// WishLost: it did, and nobody knows whether the source has heard.
	WishTelling Wish = "telling"
	WishLost    Wish = "lost"
)

// allowed are the transitions; docs/order-states.md draws them.
var allowed = map[State][]State{ //nolint:gochecknoglobals // a table of constants
	// Completed, Processing: of an attempt that was given up too early.
	Queued:     {Sending, Queued, Processing, Canceled, Failed, Completed},
	Sending:    {Processing, Unknown, Queued, Completed, Failed, Partial, Canceled, Expired},
	Processing: {Queued, Completed, Failed, Partial, Canceled, Expired},
	Unknown:    {Sending, Unknown, Processing, Queued, Completed, Failed, Partial, Canceled, Expired},
	// Late success: the source took back its word.
	Failed: {Completed},
}

// can tells whether a step may be taken where the order stands.
func (o *Order) can(s *Step) bool {
	switch {
	case s.From != "" && s.From != o.State, s.Version != 0 && s.Version != o.Version:
		return false
	case s.Route != nil && o.Facts.Bill != nil && s.Route.OfferID != o.OfferID: // it is paid through whom it was inquired
		return false
	case s.Deadline != nil && (o.NextRunAt == nil || !o.NextRunAt.Equal(*s.Deadline)):
		return false
	case s.Telling != 0 && (o.Facts.Telling == nil || s.Telling != o.Facts.Telling.Version), s.Wish == WishRefused && o.Facts.WishSent:
		return false
	case s.TakenBack && (o.State != Completed || o.Category != SMM || o.Refunded != 0 || o.Facts.TakenBack):
		return false
	case s.Sends != 0 && (s.Sends != o.Sends || o.State != Sending && o.State != Unknown) && !s.positive():
		return false
	case s.To == "":
		return true
	case s.To == Sending && (o.CancelRequested || s.Again != (o.State == Unknown)):
		return false // what its merchant wants canceled is bought no more
	case s.To == Completed && o.State == Queued && o.Attempt == 0:
		return false
	case s.To == Processing && o.State == Queued && s.Sends == 0:
		return false // only the purchase's own answer says so after it was given up
	}
	return slices.Contains(allowed[o.State], s.To)
}

// positive tells whether a step says that something was bought.
func (s *Step) positive() bool {
	return s.To == Processing || s.To == Completed || s.To == Partial
}

// posting is a ledger entry before its accounts are looked up.
type posting struct {
	kind   string
	n      int
	amount int64
}

// change is what a step does to an order.
type change struct {
	o        *Order
	from     State
	step     *Step
	postings []posting
	// wallet: the postings touch the wallet, so it has to be locked.
	wallet bool
	// event: something that the merchant waits for happened.
	event bool
	// A commit may hold several changes of one order, so what later ones may
	// change is kept: where the attempt goes, and the claim's row.
	upstream string
	claim    *Attempt
	// version and view are the order's after this change.
	version int64
	view    View
	// attemptOnly: the step is about an earlier attempt; the order stays.
	attemptOnly bool
}

// apply changes o by s, in memory; balance is the wallet's where it is known to
// matter. It fails with [ErrStale] when the order has moved on.
func apply(o *Order, s *Step, now time.Time) (*change, error) {
	c := &change{o: o, from: o.State, step: s}
	if s.Attempt != o.Attempt || s.found {
		return c, c.earlier()
	}
	if !o.can(s) {
		return nil, ErrStale
	}
	withdrawn := s.To == Queued && o.CancelRequested
	if withdrawn {
		s = s.withdrawn()
		c.step = s
	}
	status := o.Status()
	o.Version++
	c.event = c.news(now)
	if withdrawn {
		o.startOver()
	}
	o.UpdatedAt = now
	switch {
	case s.Wish == WishTelling && !o.State.Final(): // it is asked about as before: a code may come first
	case s.To != "" || !o.State.Final() || o.NextRunAt != nil || s.Wish != "":
		o.NextRunAt = s.NextRunAt
	default: // a final order that nobody looks at any more stays so: a slow answer must not revive it
	}
	c.upstream = o.Upstream
	if s.To != "" {
		c.enter(now)
	}
	if s.TakenBack {
		c.takeBack()
	}
	if o.NextRunAt == nil && o.State == Completed && o.Wished() {
		o.NextRunAt = &now
	}
	c.event = c.event || o.Status() != status
	c.version, c.view = o.Version, o.View()
	return c, nil
}

// withdrawn is the step of an order that would go back to the queue and whose merchant
// wants it canceled, which may have been said after the step was decided: the way back
// to the queue is open only where nothing was bought, so the wish is carried out there.
func (s *Step) withdrawn() *Step {
	w := *s
	w.To, w.Route, w.NextRunAt, w.Whole, w.Message = Canceled, nil, nil, true, sayWithdrawn
	if w.Alert == "" { // what was said of the next try
		w.Flag = ""
	}
	return &w
}

// enter takes the order into the step's state, with its money.
func (c *change) enter(now time.Time) {
	o, s := c.o, c.step
	late := o.State == Failed
	o.State = s.To
	o.Facts.Telling = nil // what is being told was wished for the state that was
	switch s.To {
	case Sending:
		o.SentAt = &now
		if s.Again {
			o.Sends++
			return
		}
		o.Attempt++
		o.Sends = 1
		o.Serial = s.Watch != nil
		o.UpstreamRef = ""
		o.Polls = 0
		o.ExpiresAt = nil
		c.claim = &Attempt{
			OrderID: o.ID, N: o.Attempt, Upstream: o.Upstream, OfferID: o.OfferID, OurRef: o.OurRef(o.Attempt),
			Code: o.Code, Target: o.Recipient(), Cost: o.Cost, BalanceBefore: s.BalanceBefore, StartedAt: now,
		}
	case Queued:
		if s.Route != nil {
			o.Upstream, o.OfferID, o.Code, o.Cost = s.Route.Upstream, s.Route.OfferID, s.Route.Code, s.Route.Cost
			if len(s.Route.Extra) > 0 {
				o.Extra = s.Route.Extra
			}
		}
		o.UpstreamRef = ""
		o.startOver()
	case Completed, Failed, Partial, Canceled, Expired:
		o.Message = s.Message
		o.CompletedAt = &now
		if s.Flag == "" {
			o.Flag = "" // what a person was to look at has ended
		}
		if late {
			c.settleLate()
			return
		}
		c.settle()
	case Processing, Unknown:
	}
}

// startOver forgets what was said of an attempt that is over and brought nothing.
func (o *Order) startOver() {
	o.Facts.StartCount, o.Facts.Remains, o.Facts.CancelTold = nil, nil, false
}

// settle shares the held price between revenue and the wallet.
func (c *change) settle() {
	o := c.o
	back := o.Price
	switch {
	case o.State == Completed:
		back = 0
	case c.step.Whole:
	case o.Facts.Remains != nil && o.State != Expired && o.State != Failed:
		back = o.undelivered(false)
	case o.State == Partial:
		back = 0 // partial without a count: nothing to go by
	}
	if back > 0 {
		c.postings = append(c.postings, posting{"refund", 0, back})
		c.wallet = true
		o.Refunded = back
	}
	if back < o.Price {
		c.postings = append(c.postings, posting{"settle", 0, o.Price - back})
		c.cost("cost")
	}
}

// settleLate books a success after the refund: the price is taken again by the
// operator's policy, else what it cost is our loss and an operator's task.
func (c *change) settleLate() {
	if c.step.Flag != "-" { // an operator who says so has seen it
		c.o.Flag = "late success after refund"
	}
	if c.step.Recharge {
		c.wallet = true
		c.postings = append(c.postings, posting{"late_charge", 0, c.o.Price})
		return
	}
	c.cost("late_cost")
}

// cost books what the upstream took.
func (c *change) cost(kind string) {
	if c.o.Cost > 0 {
		c.postings = append(c.postings, posting{kind, c.step.Attempt, c.o.Cost})
	}
}

// recharged replaces the late charge by the loss when the wallet cannot bear it.
func (c *change) recharged(ok bool) {
	if ok {
		c.o.Refunded = 0
		c.o.Flag = ""
		c.cost("cost")
		c.view = c.o.View()
		return
	}
	c.postings = c.postings[:0]
	c.cost("late_cost")
}

// earlier handles word about an attempt that the order has left behind: a success
// there was bought twice, which is our loss and an operator's task; so is a purchase
// there that was given up as not bought and has an id after all.
func (c *change) earlier() error {
	s, o := c.step, c.o
	if s.Attempt < 1 || s.Attempt > o.Attempt || (s.To != Completed && !s.found) || (s.To == Completed && s.Cost == nil) { // admit has filled it in
		return ErrStale
	}
	c.attemptOnly = true
	o.Version++
	c.version = o.Version
	if s.found {
		o.Flag = "an attempt that was given up was accepted by its source: look it up there"
		return nil
	}
	o.Flag = "an earlier attempt succeeded as well"
	if *s.Cost > 0 {
		c.postings = append(c.postings, posting{"late_cost", s.Attempt, *s.Cost})
	}
	return nil
}

// mulDiv gives ⌊a × b / c⌋ of what is not negative, where b is at most c: it never
// overflows.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(q)
}

// earliest gives the earlier of an order's next look and now; while an attempt is
// being sent the look stays where it is, since nothing can be asked yet.
func earliest(next, now *time.Time, sending bool) *time.Time {
	if sending || (next != nil && next.Before(*now)) {
		return next
	}
	return now
}

// Wished tells whether a rented number's merchant has a wish that the source has
// not been told of.
func (o *Order) Wished() bool {
	return o.State == Completed && o.UpstreamRef != "" &&
		(o.FinishRequested && !o.Facts.FinishTold || o.ResendRequested && !o.Facts.WishSent)
}
