package worker

import (
	"context"
	"errors"
	"time"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
)

// causeAct marks what a worker did for a merchant's wish.
const causeAct = "act"

// sendingMargin is how much longer than a call an order may be sending: time to
// claim before it and to record after it.
const sendingMargin = 15 * time.Second

// Act carries a merchant's wish to the upstream. What comes of it is learned by
// asking afterwards: a code that came first wins over a cancel.
func (w *Worker) Act(ctx context.Context, t queue.Task) error {
	o, err := order.ByID(ctx, w.DB.Bun, t.OrderID)
	if errors.Is(err, order.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.Upstream != w.Client.Name || o.UpstreamRef == "" {
		return nil
	}
	slot, err := w.Client.Reserve(ctx, budget.Cancel)
	if err != nil {
		return errLater
	}
	return w.tell(ctx, o.ID, slot)
}

// tell uses the slot for the wish that is open on an order by now, if any.
func (w *Worker) tell(ctx context.Context, id int64, slot *budget.Slot) error {
	o, err := order.ByID(ctx, w.DB.Bun, id)
	if err != nil {
		slot.Unused(ctx)
		return err
	}
	return w.act(ctx, o, slot)
}

// tellEach tells of the wishes of orders while slots come; what is left over stays due.
func (w *Worker) tellEach(ctx context.Context, wished []*order.Order) error {
	for i, o := range wished {
		slot, err := w.Client.Reserve(ctx, budget.Cancel)
		if err != nil {
			return w.putBack(context.WithoutCancel(ctx), wished[i:])
		}
		if err := w.tell(ctx, o.ID, slot); err != nil {
			return err
		}
	}
	return nil
}

// open is the wish of which an order's source is to be told now; empty where there is
// none, and while somebody is telling it.
func (w *Worker) open(o *order.Order, now time.Time) order.Wish {
	switch {
	case o.Upstream != w.Client.Name || o.UpstreamRef == "" || o.Facts.Telling.Holds(now):
		return ""
	case (o.State == order.Processing || o.State == order.Unknown) && w.untold(o):
		return order.WishCancel
	case o.State != order.Completed:
		return ""
	case o.Facts.Refill.Due(now) && o.Facts.Refill.Status == order.RefillPending:
		return order.WishRefill
	case o.ResendRequested && !o.Facts.WishSent:
		return order.WishResend
	case o.FinishRequested && !o.Facts.FinishTold:
		return order.WishFinish
	}
	return ""
}

// telling claims an order's wish for as long as a call may take, so that it is told
// once however many come upon it: the task of the merchant's request and every poll
// turn do. It gives nil when the order is no longer where the caller saw it. Whoever
// does not come back leaves a claim that ends by itself, and the order due then.
func (w *Worker) telling(ctx context.Context, o *order.Order, wish order.Wish) (*order.Order, error) {
	until := w.Now().UTC().Add(w.Client.Timeout + sendingMargin).Truncate(time.Microsecond)
	s := order.Step{
		OrderID: o.ID, Attempt: o.Attempt, From: o.State, Version: o.Version, Cause: causeAct, Wish: order.WishTelling, Until: until, NextRunAt: &until,
	}
	if wish == order.WishRefill {
		r := *o.Facts.Refill
		r.NextAt = until
		s.Refill = &r
	}
	claimed, err := w.Writer.Do(context.WithoutCancel(ctx), s)
	switch {
	case errors.Is(err, order.ErrStale), errors.Is(err, order.ErrNotFound):
		return nil, nil //nolint:nilnil // somebody else has it, or it has moved on: nothing to do
	case err != nil:
		return nil, err
	case claimed.Facts.Telling == nil: // it moved on in the very commit
		return nil, nil //nolint:nilnil // as above
	}
	return claimed, nil
}

// act uses the slot for the wish that is open on an order as it was read, if any. The
// answer belongs to the claim: one that comes after another's changes nothing.
func (w *Worker) act(ctx context.Context, o *order.Order, slot *budget.Slot) error {
	wish := w.open(o, w.Now().UTC())
	if wish == "" {
		slot.Unused(ctx)
		return nil
	}
	p, err := purchase(o, o.Attempt)
	if err == nil {
		o, err = w.telling(ctx, o, wish)
	}
	if err != nil || o == nil {
		slot.Unused(ctx)
		return err
	}
	if wish == order.WishRefill {
		return w.refill(ctx, o, p, slot)
	}
	now := w.Now().UTC()
	s := order.Step{Telling: o.Facts.Telling.Version}
	switch wish { //nolint:exhaustive // the others are no merchant's
	case order.WishCancel:
		s.Wish, s.NextRunAt = order.WishTold, &now
		_, err = w.Client.Cancel(ctx, slot, p)
		if e := upstream.AsError(err); o.Category == order.SMM {
			soon := now.Add(smmDelay(0))
			s.NextRunAt = &soon
			if e == nil || e.Class == upstream.Rejected { // heard: it ends or goes on as the source likes
				s.Wish = order.WishHeard
			}
		}
	case order.WishResend:
		soon := now.Add(time.Second)
		s.Wish, s.NextRunAt = order.WishSent, &soon
		_, err = w.Client.Resend(ctx, slot, p)
	case order.WishFinish:
		s.Wish, s.NextRunAt = order.WishFinished, nil
		_, err = w.Client.Finish(ctx, slot, p)
	}
	if errors.Is(err, upstream.ErrUnsupported) {
		err = upstream.Reject(upstream.ReasonProduct, "", "the source has no such wish")
	}
	if e := upstream.AsError(err); e != nil {
		s.SaidCode, s.SaidDetail = e.Code, said(e)
		w.unheard(o, &s, e, now)
	}
	err = w.record(ctx, o, s, causeAct)
	if errors.Is(err, order.ErrStale) {
		return nil
	}
	return err
}

// unheard is a wish that did not get through. A refusal ends a resend and a
// finish; nothing is tried after the number's end. A cancel is told again, slowly,
// for as long as the source says that nothing has changed. Where an earlier answer to
// a resend was lost a refusal ends nothing: it may say that the code is on its way.
func (w *Worker) unheard(o *order.Order, s *order.Step, e *upstream.Error, now time.Time) {
	if s.Wish == order.WishTold || s.Wish == order.WishHeard {
		return // asking tells what became of the order, a code that came first for one
	}
	later := now.Add(tellAgain)
	refused := e.Class == upstream.Rejected
	switch {
	case refused && s.Wish == order.WishSent && o.Facts.WishLost:
		// It is looked for as if it had been heard, until the number's end.
	case refused && s.Wish == order.WishSent:
		s.Wish, s.NextRunAt = order.WishRefused, nil
	case refused, o.ExpiresAt == nil, now.After(*o.ExpiresAt):
		s.NextRunAt = nil
	case e.Class == upstream.Unknown && s.Wish == order.WishSent:
		s.Wish, s.NextRunAt = order.WishLost, &later
	default:
		s.Wish, s.NextRunAt = "", &later
	}
}

// justTold tells whether the source heard of a wish so recently that telling it
// again would only use the budget.
func (w *Worker) justTold(o *order.Order) bool {
	return o.Facts.ToldAt != nil && w.Now().Sub(*o.Facts.ToldAt) < tellAgain
}

// tellAgain is how long after a wish was told it may be told again.
const tellAgain = 20 * time.Second
