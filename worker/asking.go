package worker

import (
	"context"
	"errors"
	"time"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// slowest bounds how rarely a purchase under an [upstream.AskRule] is asked about
	// while nobody knows what became of it.
	slowest = 30 * time.Minute
	// heldBack is when an upstream that an operator paused is looked at again for what
	// may only be asked by buying.
	heldBack = time.Minute
)

// rule gives the upstream's rule for asking about a purchase; ok is false where every
// question is free.
func (w *Worker) rule(p *upstream.Purchase) (r upstream.AskRule, ok bool) {
	d, ok := w.Client.Driver().(upstream.Asking)
	if !ok {
		return r, false
	}
	return d.AskRule(p), true
}

// askRuled spends a slot on an order whose upstream has a rule for questions. That it
// may be asked now is noted in its row first, so that no second pod, no restart and
// no hint that brings the next look forward can ask too soon.
func (w *Worker) askRuled(ctx context.Context, o *order.Order, p *upstream.Purchase, r upstream.AskRule, slot *budget.Slot) error {
	now := w.Now().UTC()
	lost := o.State == order.Unknown
	switch {
	case r.Within > 0 && now.Sub(o.CreatedAt) >= r.Within:
		slot.Unused(ctx)
		s := order.Step{}
		if !o.State.Final() {
			s.Flag = "it is too old to be asked about: its source might buy it anew"
		}
		return w.quietly(ctx, o, s)
	case r.Buys && !paidFor(o):
		slot.Unused(ctx)
		return w.quietly(ctx, o, order.Step{})
	case lost && !r.Buys && !r.ByRef && o.UpstreamRef == "":
		slot.Unused(ctx)
		return w.toOperator(ctx, o)
	case lost && r.Buys && w.paused(ctx):
		slot.Unused(ctx)
		at := now.Add(heldBack)
		return w.quietly(ctx, o, order.Step{NextRunAt: &at, Flag: w.doubt(o)})
	}
	every := r.Every
	if lost { // until its deadline the last sending may have been on its way
		every += w.Client.Timeout
	}
	at, may, err := order.NoteAsk(ctx, w.DB.Pool, o, now, every)
	switch {
	case errors.Is(err, order.ErrStale):
		slot.Unused(ctx)
		return nil // it moved on; whoever moved it said when to look again
	case err != nil:
		slot.Unused(ctx)
		return err
	case !may:
		slot.Unused(ctx)
		return order.LookAt(context.WithoutCancel(ctx), w.DB.Pool, o, at)
	}
	if lost && r.Buys {
		return w.sendAgain(ctx, o, slot)
	}
	res, err := w.Client.Status(ctx, slot, p)
	switch {
	case err != nil:
		return w.askedInVain(ctx, o, err)
	case res.State == upstream.NotFound && lost:
		return w.notKnown(ctx, o, res)
	}
	return w.learn(ctx, o, answer{res: res}, "status")
}

// paidFor tells whether the merchant's money is with us, so that what a question
// buys is paid for.
func paidFor(o *order.Order) bool {
	return o.Refunded == 0 && (!o.State.Final() || o.State == order.Completed)
}

// sendAgain asks what became of a purchase by sending it again under its reference.
// The row says "sending" before the first byte, as with any purchase.
func (w *Worker) sendAgain(ctx context.Context, o *order.Order, slot *budget.Slot) error {
	again, err := w.claim(ctx, o, order.Step{
		Attempt: o.Attempt, From: order.Unknown, Version: o.Version, To: order.Sending, Again: true, SaidCode: "sent again",
	}, "resend")
	if err != nil || again == nil {
		slot.Unused(ctx)
		return err
	}
	p, err := w.prepared(ctx, again)
	if err != nil {
		slot.Unused(ctx)
		return w.stillUnknown(ctx, again, upstream.AsError(err))
	}
	res, err := w.send(ctx, slot, p)
	e := upstream.AsError(err)
	switch {
	case e != nil && (e.Class != upstream.Rejected || e.Reason == upstream.ReasonDuplicate):
		return w.stillUnknown(ctx, again, e)
	case e == nil && res.State == upstream.NotFound:
		return w.stillUnknown(ctx, again, &upstream.Error{Code: res.Code, Detail: res.Detail, Err: errors.New("the source does not know it")})
	}
	return w.settle(ctx, again, answer{res: res, err: err}, "resend")
}

// stillUnknown puts an order that was sent again, and of which nothing was learned,
// back among the unknown: an earlier sending may have bought.
func (w *Worker) stillUnknown(ctx context.Context, o *order.Order, e *upstream.Error) error {
	f := facts{o: o, now: w.Now().UTC()}
	return w.quietly(ctx, o, order.Step{
		From: order.Sending, Sends: o.Sends, To: order.Unknown, SaidCode: e.Code, SaidDetail: said(e),
		NextRunAt: f.in(max(pollDelay(f), e.After)), Polled: true, Flag: w.doubt(o),
	})
}

// notKnown shows an operator a purchase whose answer was lost and which its source,
// asked by our reference, says it does not know. Where asking buys nothing, nothing
// is bought on that word.
func (w *Worker) notKnown(ctx context.Context, o *order.Order, res *upstream.Result) error {
	f := facts{o: o, now: w.Now().UTC()}
	return w.quietly(ctx, o, order.Step{
		NextRunAt: f.in(10 * time.Minute), Polled: true, SaidCode: res.Code, SaidDetail: res.Detail,
		Flag: "the source knows nothing of an order whose answer was lost",
	})
}

// spaced keeps the next look of a step within the upstream's rule for questions.
func (w *Worker) spaced(o *order.Order, s *order.Step) {
	to := s.To
	if to == "" {
		to = o.State
	}
	if s.NextRunAt == nil || to == order.Queued || to == order.Sending || s.Attempt != o.Attempt {
		return
	}
	p, err := purchase(o, o.Attempt)
	if err != nil {
		return
	}
	r, ok := w.rule(p)
	if !ok {
		return
	}
	if r.Buys && to.Final() && to != order.Completed {
		s.NextRunAt = nil // a question after the refund would buy at our cost
		return
	}
	now := w.Now().UTC()
	wait := r.Every
	if to == order.Unknown {
		wait = max(wait, min(now.Sub(o.CreatedAt)/4, slowest))
	}
	if at := now.Add(wait); at.After(*s.NextRunAt) {
		s.NextRunAt = &at
	}
}
