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
	// refillTries bounds how often in a row a source is asked in vain to take a refill.
	refillTries = 12
	// refillLater is when to ask again a source that says "later" and not when.
	refillLater = 6 * time.Hour
	// cooledDown is added to the wait that a source names, which is in whole minutes.
	cooledDown = time.Minute
)

// followRefills asks about refills that the source has, many at a time.
func (w *Worker) followRefills(ctx context.Context, under []*order.Order) error {
	limit := max(w.Client.RefillBulkLimit(), 1)
	for len(under) > 0 {
		n := min(limit, len(under))
		if err := w.askRefills(ctx, under[:n]); err != nil {
			return err
		}
		under = under[n:]
	}
	return nil
}

// askRefills spends one slot on the refills of these orders.
func (w *Worker) askRefills(ctx context.Context, os []*order.Order) error {
	slot, err := w.Client.Reserve(ctx, budget.Poll)
	if err != nil {
		return w.putBack(context.WithoutCancel(ctx), os)
	}
	said := map[string]*upstream.Refill{}
	if w.Client.RefillBulkLimit() == 0 {
		ref := os[0].Facts.Refill.UpstreamRef
		said[ref], err = w.Client.RefillStatus(ctx, slot, ref)
	} else {
		refs := make([]string, len(os))
		for i, o := range os {
			refs[i] = o.Facts.Refill.UpstreamRef
		}
		said, err = w.Client.BulkRefillStatus(ctx, slot, refs)
	}
	for _, o := range os {
		s := afterRefillAsked(o.Facts.Refill, said[o.Facts.Refill.UpstreamRef], upstream.AsError(err), w.Now().UTC())
		s.Version = o.Version // what was asked about is what is there
		if e := w.refilled(ctx, o, s); e != nil {
			return e
		}
	}
	return nil
}

// refill spends a slot on asking the source to take the refill of an order whose wish
// was claimed.
func (w *Worker) refill(ctx context.Context, o *order.Order, p *upstream.Purchase, slot *budget.Slot) error {
	f, err := w.Client.Refill(ctx, slot, p)
	if errors.Is(err, upstream.ErrUnsupported) {
		err = upstream.Reject(upstream.ReasonProduct, "", "the source has no refills")
	}
	s := afterRefill(o.Facts.Refill, f, upstream.AsError(err), w.Now().UTC())
	s.Telling = o.Facts.Telling.Version
	return w.refilled(ctx, o, s)
}

// refilled records how a refill goes.
func (w *Worker) refilled(ctx context.Context, o *order.Order, s order.Step) error {
	s.NextRunAt = again(facts{o: o, now: w.Now().UTC()}, s.Refill)
	err := w.record(ctx, o, s, "refill")
	if errors.Is(err, order.ErrStale) {
		return nil
	}
	return err
}

// afterRefill is the table of what a source said to the wish for a refill.
func afterRefill(was *order.Refill, f *upstream.Refill, e *upstream.Error, now time.Time) order.Step {
	r := *was
	s := order.Step{From: order.Completed, Refill: &r}
	if e == nil {
		s.SaidCode, s.SaidDetail = f.Code, f.Detail
		r.Status, r.UpstreamRef, r.Tries, r.NextAt = order.RefillProcessing, f.UpstreamRef, 0, now.Add(refillDelay(0))
		return s
	}
	s.SaidCode, s.SaidDetail = e.Code, said(e)
	r.Tries++
	wait := backoff(r.Tries) * 10
	if e.Class == upstream.Rejected {
		switch e.Reason {
		case upstream.ReasonEarly:
			r.Tries-- // it is heard, and waits its time
			wait = refillLater
			if e.After > 0 {
				wait = e.After + cooledDown
			}
		case upstream.ReasonOurAccount, upstream.ReasonOurBalance:
		default:
			r.Tries = refillTries
		}
	}
	r.NextAt = now.Add(max(wait, e.After))
	if r.Tries >= refillTries {
		r.Status, r.NextAt = order.RefillRejected, time.Time{}
	}
	return s
}

// afterRefillAsked is the table of what a source says of a refill that it took.
func afterRefillAsked(was *order.Refill, f *upstream.Refill, e *upstream.Error, now time.Time) order.Step {
	r := *was
	s := order.Step{From: order.Completed, Refill: &r}
	r.NextAt = now.Add(refillDelay(now.Sub(r.AskedAt)))
	if e != nil || f == nil { // no answer is no state
		return s
	}
	s.SaidCode, s.SaidDetail = f.Code, f.Detail
	switch f.State { //nolint:exhaustive // everything else is not decided yet
	case upstream.Succeeded:
		r.Status, r.NextAt = order.RefillCompleted, time.Time{}
	case upstream.Failed, upstream.NotFound:
		r.Status, r.NextAt = order.RefillRejected, time.Time{}
	}
	return s
}

// refillDelay is when a refill of an age is worth asking about again.
func refillDelay(age time.Duration) time.Duration { return min(max(age/4, time.Minute), 6*time.Hour) }
