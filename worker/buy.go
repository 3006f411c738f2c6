package worker

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/float"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	muaratrace "github.com/muarahq/muara/pkg/trace"
	"github.com/muarahq/muara/pkg/upstream"
)

// Buy sends one queued order: budget, claim, submit, record. Of several tasks for
// one order one claims it; the others find it gone.
func (w *Worker) Buy(ctx context.Context, t queue.Task) error {
	o, err := order.ByID(ctx, w.DB.Bun, t.OrderID)
	if errors.Is(err, order.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.State != order.Queued || o.Attempt != t.Attempt || o.Upstream != w.Client.Name {
		return nil
	}
	if o.CancelRequested { // queued again by a version that did not know better
		return w.requeue(ctx, o, nil, "withdraw")
	}
	if o.Overdue(w.Now()) {
		return w.tooLate(ctx, o)
	}
	ctx, span := w.Tracer.Start(muaratrace.Extract(ctx, o.TraceParent), "worker.buy", trace.WithSpanKind(trace.SpanKindConsumer))
	defer span.End()
	if w.paused(ctx) || w.heldBack(ctx) {
		return w.elsewhere(ctx, o)
	}
	slot, err := w.Client.Reserve(ctx, budget.Buy)
	if errors.Is(err, upstream.ErrBreakerOpen) {
		return w.elsewhere(ctx, o)
	}
	if err != nil {
		return errLater
	}
	switch { // meanwhile: the wait may have been long
	case w.paused(ctx):
		slot.Unused(ctx)
		return w.elsewhere(ctx, o)
	case o.Overdue(w.Now()):
		slot.Unused(ctx)
		return w.tooLate(ctx, o)
	}
	return w.submit(ctx, o, slot)
}

// elsewhere moves a queued order from an upstream that is paused, gives no usable
// answers or keeps purchases back to another offer, if there is one; else the order waits, and the
// scheduler brings it back.
func (w *Worker) elsewhere(ctx context.Context, o *order.Order) error {
	if o.Facts.Bill != nil {
		return nil // it is paid through whom it was inquired
	}
	tried, err := order.Tried(ctx, w.DB.Pool, o.ID)
	if err != nil {
		return err
	}
	route := w.Desk.NextRoute(o, append(tried, o.OfferID))
	if route == nil || route.Upstream == w.Client.Name {
		return nil
	}
	return w.requeue(ctx, o, route, "reroute")
}

// requeue puts a queued order into the queue again, elsewhere where there is a route; one that
// is to be canceled ends there. Claiming and giving back would look like an attempt; this is none.
func (w *Worker) requeue(ctx context.Context, o *order.Order, route *order.Route, cause string) error {
	now := w.Now()
	err := w.record(ctx, o, order.Step{From: order.Queued, Version: o.Version, To: order.Queued, Route: route, NextRunAt: &now}, cause)
	if errors.Is(err, order.ErrStale) || errors.Is(err, order.ErrLinkBusy) {
		return nil
	}
	return err
}

func (w *Worker) submit(ctx context.Context, o *order.Order, slot *budget.Slot) error {
	watch, err := w.watch(o)
	if err != nil {
		slot.Unused(ctx)
		return err
	}
	claimed, err := w.claim(ctx, o, order.Step{
		Attempt: o.Attempt, From: order.Queued, Version: o.Version, To: order.Sending, BalanceBefore: w.balanceSeen(), Watch: watch,
	}, "claim")
	if err != nil || claimed == nil {
		slot.Unused(ctx)
		if errors.Is(err, order.ErrHeld) {
			return w.elsewhere(ctx, o)
		}
		return err
	}
	p, err := w.prepared(ctx, claimed)
	if err != nil {
		slot.Unused(ctx)
		return w.settle(ctx, claimed, answer{err: err}, "submit")
	}
	res, err := w.send(ctx, slot, p)
	if err == nil {
		err = w.twin(ctx, claimed, res)
	}
	return w.settle(ctx, claimed, answer{res: res, err: err}, "submit")
}

// claim marks an order as being sent, and gives nil when it is no longer where
// the caller saw it. Draining does not cut the commit. When its outcome is not
// known, the claim is taken back, should it have happened: nothing was sent. Should
// it not, another worker may have made it since, and may be sending: its deadline
// tells the two apart.
func (w *Worker) claim(ctx context.Context, o *order.Order, s order.Step, cause string) (*order.Order, error) {
	ctx = context.WithoutCancel(ctx)
	deadline := w.Now().Add(w.Client.Timeout + sendingMargin).Truncate(time.Microsecond) // as the row has it
	s.OrderID, s.Cause, s.NextRunAt = o.ID, cause, &deadline
	claimed, err := w.Writer.Do(ctx, s)
	switch {
	case err == nil:
		return claimed, nil
	case errors.Is(err, order.ErrStale), errors.Is(err, order.ErrNotFound):
		return nil, nil //nolint:nilnil // somebody else has it: nothing to do
	case errors.Is(err, order.ErrHeld):
		return nil, err
	}
	return nil, errors.Join(err, w.unclaim(ctx, o, s.Again, &deadline, cause))
}

// unclaim takes back a claim of an order that was seen as o, if it was kept and still
// stands: the one that has this deadline.
func (w *Worker) unclaim(ctx context.Context, o *order.Order, again bool, deadline *time.Time, cause string) error {
	back := order.Step{Attempt: o.Attempt, From: order.Sending, Sends: o.Sends + 1, To: order.Unknown, Deadline: deadline, NextRunAt: o.NextRunAt}
	if !again {
		now := w.Now()
		back = order.Step{Attempt: o.Attempt + 1, From: order.Sending, Sends: 1, To: order.Queued, Deadline: deadline, Outcome: "not_sent", NextRunAt: &now}
	}
	if err := w.record(ctx, o, back, cause); err != nil && !errors.Is(err, order.ErrStale) {
		return err
	}
	return nil
}

// prepared gives the purchase as the upstream wants it: a mobile operator that
// the merchant chose goes by the upstream's own id, never by ours. Nothing has
// left us when this fails.
func (w *Worker) prepared(ctx context.Context, o *order.Order) (*upstream.Purchase, error) {
	if o.Mode != w.Mode {
		// The catalogue keeps the modes apart and so does the database. Should both fail,
		// no test order buys for real money, and none of a customer's for pretended money.
		w.Log.ErrorContext(ctx, "an order of another mode", "order", o.ID, "mode", o.Mode, "upstream", w.Client.Name)
		return nil, upstream.Reject(upstream.ReasonProduct, "mode", "an order of mode "+o.Mode+" cannot be bought here")
	}
	p, err := purchase(o, o.Attempt)
	if err != nil {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: err}
	}
	id, chosen := p.Inputs[inputOperator]
	if !chosen || o.Category != order.OTP {
		return p, nil
	}
	code, ok, err := catalog.OperatorCode(ctx, w.DB.Pool, o.OfferID, id)
	switch {
	case err != nil:
		return nil, &upstream.Error{Class: upstream.NotSent, Err: err}
	case !ok:
		return nil, upstream.Reject(upstream.ReasonProduct, "", "the offer has no operator "+id)
	}
	p.Inputs[inputOperator] = code
	return p, nil
}

// linkTries bounds how often another way is looked for that is free.
const linkTries = 3

// answer is what an upstream said. Tick was drawn before a question about a purchase
// left, where its account is watched.
type answer struct {
	res  *upstream.Result
	err  error
	tick int64
}

// decided asks the policy.
func (w *Worker) decided(ctx context.Context, o *order.Order, a answer) (s order.Step, reason upstream.Reason) {
	f := w.facts(ctx, o)
	switch res := a.res; {
	case a.err != nil:
		e := upstream.AsError(a.err)
		if e.Class == upstream.Rejected {
			reason = e.Reason
		}
		s = afterError(f, e)
	case o.State.Final():
		s = afterFinal(f, res)
	default:
		reason = res.Reason
		s = afterResult(f, res)
	}
	a.weighs(&s)
	if o.State == order.Sending {
		// A purchase's own answer: what it denies counts for this sending only.
		s.Sends = o.Sends
	}
	return s, reason
}

// inputOperator names the operator among an order's inputs.
const inputOperator = "operator_id"

// settle turns an upstream's answer into the order's next step.
func (w *Worker) settle(ctx context.Context, o *order.Order, a answer, cause string) error {
	s, reason := w.decided(ctx, o, a)
	rerr := w.record(ctx, o, s, cause)
	for range linkTries {
		if !errors.Is(rerr, order.ErrLinkBusy) {
			break
		}
		// Another order took the link where this one was to go: elsewhere, or nowhere.
		s, reason = w.decided(ctx, o, a)
		rerr = w.record(ctx, o, s, cause)
	}
	w.notes.saw(o, &s, reason)
	w.heard(context.WithoutCancel(ctx), o.OfferID, &s, reason)
	if errors.Is(rerr, order.ErrStale) {
		return nil
	}
	return rerr
}

// weighs tells the account what the answer means for our money: it is still there as
// of the tick, or it should have come back and has not.
func (a answer) weighs(s *order.Step) {
	r := a.res
	switch {
	case a.err != nil || r == nil:
	case r.State == upstream.Succeeded && r.Refunded != nil && *r.Refunded:
		s.Stand = float.Back // delivered, and paid back all the same
	case r.State == upstream.Succeeded, r.State == upstream.Pending && !r.Ending:
		s.Held = a.tick
	case r.Refunded != nil && !*r.Refunded:
		s.Owed = true
	}
}
