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
	o, err = order.ByID(ctx, w.DB.Bun, t.OrderID)
	if err != nil {
		slot.Unused(ctx)
		return err
	}
	return w.act(ctx, o, slot)
}

// act uses the slot for the wish that is open, if any.
func (w *Worker) act(ctx context.Context, o *order.Order, slot *budget.Slot) error {
	p, err := purchase(o, o.Attempt)
	if err != nil {
		slot.Unused(ctx)
		return err
	}
	now := w.Now().UTC()
	s := order.Step{NextRunAt: o.NextRunAt}
	switch {
	case (o.State == order.Processing || o.State == order.Unknown) && w.untold(o):
		s.Wish, s.NextRunAt = order.WishTold, &now
		_, err = w.Client.Cancel(ctx, slot, p)
		if e := upstream.AsError(err); o.Category == order.SMM {
			soon := now.Add(smmDelay(0))
			s.NextRunAt = &soon
			if e == nil || e.Class == upstream.Rejected { // heard: it ends or goes on as the source likes
				s.Wish = order.WishHeard
			}
		}
	case o.State == order.Completed && o.Facts.Refill.Due(now) && o.Facts.Refill.Status == order.RefillPending:
		return w.refill(ctx, o, slot)
	case o.ResendRequested && !o.Facts.WishSent && o.State == order.Completed:
		soon := now.Add(time.Second)
		s.Wish, s.NextRunAt = order.WishSent, &soon
		_, err = w.Client.Resend(ctx, slot, p)
	case o.FinishRequested && !o.Facts.FinishTold && o.State == order.Completed:
		s.Wish, s.NextRunAt = order.WishFinished, nil
		_, err = w.Client.Finish(ctx, slot, p)
	default:
		slot.Unused(ctx)
		return nil
	}
	if e := upstream.AsError(err); e != nil {
		s.SaidCode, s.SaidDetail = e.Code, said(e)
		w.unheard(o, &s, e, now)
	}
	err = w.record(ctx, o, s, "act")
	if errors.Is(err, order.ErrStale) {
		return nil
	}
	return err
}

// unheard is a wish that did not get through. A refusal ends a resend and a
// finish; nothing is tried after the number's end. A cancel is told again, slowly,
// for as long as the source says that nothing has changed.
func (w *Worker) unheard(o *order.Order, s *order.Step, e *upstream.Error, now time.Time) {
	if s.Wish == order.WishTold || s.Wish == order.WishHeard {
		return // asking tells what became of the order, a code that came first for one
	}
	later := now.Add(tellAgain)
	refused := e.Class == upstream.Rejected
	switch {
	case refused && s.Wish == order.WishSent:
		s.Wish, s.NextRunAt = order.WishRefused, nil
	case refused, o.ExpiresAt == nil, now.After(*o.ExpiresAt):
		s.NextRunAt = nil
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
