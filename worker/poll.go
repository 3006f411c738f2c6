package worker

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/float"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// turn is how long a poll turn goes on while there is something due.
	turn = 20 * time.Second
	// settleTime is how much older than a call's deadline a lookup must be for "not
	// found" to be evidence: the request may still have been on its way.
	settleTime = 30 * time.Second
)

// PollTurn asks about what is due. It waits for a slot first and chooses then, so
// that each slot goes to the orders most worth it at that moment.
func (w *Worker) PollTurn(ctx context.Context, _ queue.Task) error {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	for ctx.Err() == nil {
		slot, err := w.Client.Reserve(ctx, budget.Poll)
		if err != nil {
			return nil // no slot in this turn; the next one tries again
		}
		more, err := w.pollOnce(ctx, slot)
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
	return nil
}

// pollOnce spends one slot; more tells whether there may be further work.
func (w *Worker) pollOnce(ctx context.Context, slot *budget.Slot) (more bool, err error) {
	limit := max(w.Client.BulkLimit(), 1)
	lease := w.Client.Timeout + settleTime
	due, err := w.take(ctx, lease, limit)
	if err != nil || len(due) == 0 {
		slot.Unused(ctx)
		return false, err
	}
	now := w.Now()
	var under, wished, rest []*order.Order
	for _, o := range due {
		refill := o.State == order.Completed && o.Facts.Refill.Due(now)
		switch {
		case refill && o.Facts.Refill.Status == order.RefillProcessing:
			under = append(under, o)
		case refill, limit > 1 && o.Wished():
			wished = append(wished, o)
		default:
			rest = append(rest, o)
		}
	}
	switch {
	case len(rest) == 0:
		slot.Unused(ctx)
	case limit == 1 || len(rest) == 1:
		err = w.ask(ctx, rest[0], slot)
	default:
		err = w.askAll(ctx, rest, slot)
	}
	return true, errors.Join(err, w.followRefills(ctx, under), w.tellEach(ctx, wished))
}

// askAll asks about many in one request, then one by one about those of which the
// answer did not tell enough.
func (w *Worker) askAll(ctx context.Context, due []*order.Order, slot *budget.Slot) error {
	ps := make([]*upstream.Purchase, 0, len(due))
	for _, o := range due {
		p, err := purchase(o, o.Attempt)
		if err != nil {
			slot.Unused(ctx)
			return err
		}
		ps = append(ps, p)
	}
	tick, err := w.tick(ctx)
	if err != nil {
		slot.Unused(ctx)
		return err
	}
	results, err := w.Client.BulkStatus(ctx, slot, ps)
	if err != nil && !understandable(err) {
		return w.putBack(context.WithoutCancel(ctx), due)
	}
	var single []*order.Order
	var quiet order.Looks
	var there []float.Key
	var news errgroup.Group
	news.SetLimit(64) // they share commits
	for _, o := range due {
		r := results[o.ID]
		switch {
		case r == nil || r.Incomplete:
			single = append(single, o)
		case r.State == upstream.Pending && o.State == order.Processing && !tells(o, r):
			quiet.Add(o.ID, *w.facts(ctx, o).look())
			if o.Serial && !r.Ending {
				there = append(there, order.Move(o.ID, o.Attempt))
			}
		case r.State == upstream.Succeeded && o.State == order.Completed && o.Category == order.SMM && !tells(o, &upstream.Result{Alert: r.Alert}):
			if next := again(w.facts(ctx, o), o.Facts.Refill); next != nil {
				quiet.Add(o.ID, *next)
				continue
			}
			news.Go(func() error { return w.learn(ctx, o, answer{res: r, tick: tick}, "bulk") })
		default:
			news.Go(func() error { return w.learn(ctx, o, answer{res: r, tick: tick}, "bulk") })
		}
	}
	err = errors.Join(order.LookAgain(context.WithoutCancel(ctx), w.DB.Pool, quiet), float.Held(context.WithoutCancel(ctx), w.DB.Pool, there, tick))
	if err := errors.Join(err, news.Wait()); err != nil {
		return err
	}
	for _, o := range due {
		if r := results[o.ID]; r != nil && !r.Incomplete && r.State == upstream.Pending && o.State == order.Processing && w.untold(o) {
			if err := w.Enqueuer.Act(ctx, w.Client.Name, o.ID, o.Version); err != nil {
				return err
			}
		}
	}
	return w.askEach(ctx, single)
}

// askEach asks one by one while slots come; what is left over stays due.
func (w *Worker) askEach(ctx context.Context, due []*order.Order) error {
	for i, o := range due {
		slot, err := w.Client.Reserve(ctx, budget.Poll)
		if err != nil {
			return w.putBack(context.WithoutCancel(ctx), due[i:])
		}
		if err := w.ask(ctx, o, slot); err != nil {
			return err
		}
	}
	return nil
}

// putBack makes leased orders due again soon.
func (w *Worker) putBack(ctx context.Context, due []*order.Order) error {
	ids := make([]int64, len(due))
	for i, o := range due {
		ids[i] = o.ID
	}
	return order.PutBack(ctx, w.DB.Pool, ids, w.Now().Add(2*time.Second))
}

// ask spends a slot on one order, by the strongest means its state allows.
func (w *Worker) ask(ctx context.Context, o *order.Order, slot *budget.Slot) error {
	if o.Wished() {
		return w.act(ctx, o, slot)
	}
	p, err := purchase(o, o.Attempt)
	if err != nil {
		slot.Unused(ctx)
		return err
	}
	if r, ruled := w.rule(p); ruled {
		return w.askRuled(ctx, o, p, r, slot)
	}
	_, lookup := w.Client.Driver().(upstream.Lookup)
	if o.State == order.Unknown && o.UpstreamRef == "" && w.serial() != nil {
		return w.weigh(ctx, o, slot)
	}
	tick, err := w.tick(ctx)
	if err != nil {
		slot.Unused(ctx)
		return err
	}
	var res *upstream.Result
	switch {
	case o.UpstreamRef != "" && o.State != order.Unknown, o.UpstreamRef != "" && !lookup:
		res, err = w.Client.Status(ctx, slot, p)
	case lookup:
		res, err = w.Client.Lookup(ctx, slot, p)
		res = w.completed(ctx, p, res)
	default:
		slot.Unused(ctx)
		return w.toOperator(ctx, o)
	}
	if err != nil {
		return w.askedInVain(ctx, o, err)
	}
	if res.State == upstream.NotFound && o.State == order.Unknown {
		return w.notFound(ctx, o, p)
	}
	if err := w.learn(ctx, o, answer{res: res, tick: tick}, "status"); err != nil {
		return err
	}
	if res.State == upstream.Pending && !o.State.Final() && w.untold(o) {
		return w.Enqueuer.Act(ctx, w.Client.Name, o.ID, o.Version)
	}
	return nil
}

// completed asks at once for the facts that a history left out of what it found (the
// serial number of a success), so that a merchant does not wait for the next look.
// Without a slot or an answer what was found stands.
func (w *Worker) completed(ctx context.Context, p *upstream.Purchase, found *upstream.Result) *upstream.Result {
	if found == nil || !found.Incomplete && (found.State != upstream.Succeeded || found.SN != "" || p.Category != string(order.PPOB)) {
		return found
	}
	slot, err := w.Client.Reserve(ctx, budget.Poll)
	if err != nil {
		return found
	}
	p.UpstreamRef = found.UpstreamRef
	told, err := w.Client.Status(ctx, slot, p)
	if err != nil || told.State != found.State {
		return found
	}
	return told
}

// understandable tells a bulk answer that came but could not be read, which must
// not keep the single questions from being asked, from an upstream in trouble.
func understandable(err error) bool {
	e := upstream.AsError(err)
	return e.Class == upstream.Unknown && !e.Pause && strings.HasPrefix(e.Code, "http 2")
}

// learn records what an upstream said about an order.
func (w *Worker) learn(ctx context.Context, o *order.Order, a answer, cause string) error {
	if cause == "status" {
		w.lesson(o, a.res)
	}
	return w.settle(ctx, o, a, cause)
}

// askedInVain moves the next look: a question that failed says nothing about the
// order.
func (w *Worker) askedInVain(ctx context.Context, o *order.Order, err error) error {
	e := upstream.AsError(err)
	f := facts{o: o, now: w.Now().UTC()}
	s := order.Step{NextRunAt: f.in(max(pollDelay(f), e.After)), Polled: true}
	if o.State == order.Unknown {
		s.SaidCode, s.SaidDetail = e.Code, said(e)
		s.Flag = w.doubt(o)
	}
	err = w.record(ctx, o, s, "status")
	if errors.Is(err, order.ErrStale) {
		return nil
	}
	return err
}

// notFound is the upstream's word that it knows no such reference. While the
// last sending may still be on its way (nobody answered it) that proves nothing.
// After that the purchase is sent again under the same reference where the
// upstream never buys twice under one, and goes back to the queue where it may. One
// that is to be canceled is not sent again: the queue ends it. As nothing tests the
// word then, it counts once no sending can arrive any more, answered or not.
func (w *Worker) notFound(ctx context.Context, o *order.Order, p *upstream.Purchase) error {
	now := w.Now().UTC()
	answered, hint, err := order.Refused(ctx, w.DB.Pool, o.ID, o.Attempt)
	if err != nil {
		return err
	}
	quiet := now.Sub(p.SentAt)
	switch {
	case answered && o.Sends > 1 && quiet >= firstAsk:
		// Refused, sent again, refused again, and never known: nothing was bought.
		reason := upstream.Reason(hint)
		if reason == "" || reason == upstream.ReasonDuplicate {
			reason = upstream.ReasonProduct
		}
		return w.settle(ctx, o, answer{err: upstream.Reject(reason, "not found", "refused without proof, and not known by its reference")}, "lookup")
	case (!answered || o.CancelRequested) && quiet < w.Client.Timeout+settleTime, answered && quiet < firstAsk:
		at := minTime(p.SentAt.Add(w.Client.Timeout+settleTime), now.Add(pollDelay(facts{o: o, now: now})))
		return w.quietly(ctx, o, order.Step{NextRunAt: &at, Polled: true, SaidCode: "not found", Flag: w.doubt(o)})
	}
	if _, safe := w.Client.Driver().(upstream.IdempotentSubmit); !safe || o.CancelRequested {
		return w.quietly(ctx, o, order.Step{From: order.Unknown, Version: o.Version, To: order.Queued, Outcome: "not_sent", SaidCode: "not found", NextRunAt: &now})
	}
	slot, err := w.Client.Reserve(ctx, budget.Buy)
	if err != nil {
		return w.putBack(context.WithoutCancel(ctx), []*order.Order{o})
	}
	// The row says "sending" before the first byte, as with any purchase.
	again, err := w.claim(ctx, o, order.Step{
		Attempt: o.Attempt, From: order.Unknown, Version: o.Version, To: order.Sending, Again: true, SaidCode: "sent again",
	}, "resend")
	if err != nil || again == nil {
		slot.Unused(ctx)
		return err
	}
	p, err = w.prepared(ctx, again)
	if err != nil {
		slot.Unused(ctx)
		return w.unsent(ctx, again, err)
	}
	res, err := w.send(ctx, slot, p)
	if e := upstream.AsError(err); e != nil && (e.Class == upstream.NotSent || e.Class == upstream.Throttled) {
		return w.unsent(ctx, again, err)
	}
	return w.settle(ctx, again, answer{res: res, err: err}, "resend")
}

// unsent puts an order whose resend did not leave us back among the unknown: an
// earlier sending may have arrived.
func (w *Worker) unsent(ctx context.Context, o *order.Order, err error) error {
	e := upstream.AsError(err)
	f := facts{o: o, now: w.Now().UTC()}
	return w.quietly(ctx, o, order.Step{
		From: order.Sending, Sends: o.Sends, To: order.Unknown, SaidCode: e.Code, SaidDetail: said(e), NextRunAt: f.in(max(pollDelay(f), e.After)),
	})
}

// quietly records a step; one that comes too late is no error.
func (w *Worker) quietly(ctx context.Context, o *order.Order, s order.Step) error {
	err := w.record(ctx, o, s, "lookup")
	if errors.Is(err, order.ErrStale) {
		return nil
	}
	return err
}

// doubt shows an outcome that has been unknown for long to an operator.
func (w *Worker) doubt(o *order.Order) string {
	if o.Flag == "" && w.Now().Sub(o.CreatedAt) > doubtful {
		return "the outcome has been unknown for long"
	}
	return ""
}

// toOperator takes an unknown order that its upstream has no means to explain off
// the polls: only evidence decides, and a person has to weigh it. Our balance now
// is the last piece of it.
func (w *Worker) toOperator(ctx context.Context, o *order.Order) error {
	s := order.Step{Flag: "outcome unknown: the source can neither be asked by our reference nor by its own"}
	if balance, err := w.Client.Balance(ctx); err == nil {
		s.BalanceAfter = &balance
	}
	err := w.record(ctx, o, s, "lookup")
	if errors.Is(err, order.ErrStale) {
		return nil
	}
	return err
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
