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
	soon := now.Add(time.Second)
	s := order.Step{NextRunAt: &now}
	switch {
	case o.CancelRequested && (o.State == order.Processing || o.State == order.Unknown):
		_, err = w.Client.Cancel(ctx, slot, p)
	case o.ResendRequested && !o.Facts.WishSent && o.State == order.Completed:
		_, err = w.Client.Resend(ctx, slot, p)
		s.NextRunAt, s.Wish = &soon, order.WishSent
	case o.FinishRequested && o.State == order.Completed && o.NextRunAt != nil:
		_, err = w.Client.Finish(ctx, slot, p)
		s.NextRunAt = nil
	default:
		slot.Unused(ctx)
		return nil
	}
	if e := upstream.AsError(err); e != nil {
		s.SaidCode, s.SaidDetail = e.Code, said(e)
		later := now.Add(10 * time.Second)
		switch {
		case e.Class == upstream.Rejected && s.Wish == order.WishSent:
			s.NextRunAt, s.Wish = nil, order.WishRefused
		case e.Class != upstream.Rejected && s.Wish == order.WishSent, e.Class != upstream.Rejected && s.NextRunAt == nil:
			s.NextRunAt, s.Wish = &later, ""
		}
	}
	_, err = w.record(ctx, o, s, "act")
	if errors.Is(err, order.ErrStale) {
		return nil
	}
	return err
}
