package worker

import (
	"context"
	"time"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

// Words that merchants read of social media orders.
const (
	sayLink       = "The link or the quantity was not accepted. Check them and order again."
	sayBusy       = "Another order for this link is still running. Wait until it has ended and order again. You have been refunded."
	sayCanceledAt = "The order was canceled. What was not delivered has been refunded."
	sayTakenBack  = "Part of what was delivered was lost later; it has been refunded."
)

const (
	// grid is what the looks at older orders are rounded up to, so that many are due at
	// once and one request can ask about as many as it carries.
	grid = time.Minute
	// heldLook is when to ask again about an order whose end does not say what was
	// delivered.
	heldLook = time.Hour
)

// watched are the ages after completion at which a social media order is looked at
// once more: its source may take it back.
func watched() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{time.Hour, 6 * time.Hour, day, 3 * day, 7 * day, 14 * day, 30 * day}
}

// watch is when a completed social media order is looked at next; nil after the last
// time, and once something was taken back.
func watch(f facts) *time.Time {
	o := f.o
	if o.Refunded > 0 || o.Facts.TakenBack {
		return nil
	}
	var since time.Duration
	if o.State == order.Completed && o.CompletedAt != nil {
		since = f.now.Sub(*o.CompletedAt)
	}
	for _, look := range watched() {
		if look > since {
			return f.in(look - since)
		}
	}
	return nil
}

// again is when a completed order is looked at next: to watch it, or for its refill.
func again(f facts, r *order.Refill) *time.Time {
	next := watch(f)
	if r.Open() && (next == nil || r.NextAt.Before(*next)) {
		at := r.NextAt
		return &at
	}
	return next
}

// onGrid rounds a look at an order that is no longer young up to the grid.
func onGrid(at time.Time, delay time.Duration) time.Time {
	if delay < grid {
		return at
	}
	return at.Truncate(grid).Add(grid)
}

// smmDelay is when a social media order of an age is worth asking about again.
func smmDelay(age time.Duration) time.Duration { return min(max(age/4, 10*time.Second), 8*time.Minute) }

// alert shows an operator what the source's word makes a person look at, once for
// the same matter. A final state keeps its flag.
func alert(f facts, s *order.Step, r *upstream.Result) {
	if r.Alert == "" || s.Flag != "" {
		return
	}
	if r.Alert != f.o.Facts.Alert || s.To.Final() {
		s.Flag, s.Alert = r.Alert, r.Alert
	}
}

// endedInPart is a social media order that was delivered in part. Where a count says
// nothing, a person has to look.
func endedInPart(f facts, s *order.Step, r *upstream.Result) {
	s.Outcome = "partial"
	if r.Remains == nil || f.o.Total() == 0 {
		held(f, s, "delivered in part, and the source does not say how much")
		return
	}
	s.To, s.Message = order.Partial, sayPartial
}

// canceledSMM is a social media order that its source canceled: nothing was delivered
// where it charges nothing or all remains, else what does not remain.
func canceledSMM(f facts, s *order.Step, r *upstream.Result) {
	s.Outcome = "canceled"
	whole := r.Whole || r.Refunded != nil && *r.Refunded && r.Remains == nil
	if total := f.o.Total(); total > 0 && r.Remains != nil && *r.Remains >= total {
		whole = true
	}
	switch {
	case whole:
		s.To, s.Whole, s.Message = order.Canceled, true, sayCanceled
		if total := f.o.Total(); total > 0 {
			s.Remains = &total
		}
	case r.Remains == nil || f.o.Total() == 0:
		held(f, s, "canceled, and the source does not say how much was delivered")
	default:
		s.To, s.Message = order.Canceled, sayCanceledAt
	}
}

// held leaves an order open for a person to decide.
func held(f facts, s *order.Step, flag string) {
	s.Flag, s.NextRunAt = flag, f.in(heldLook)
	if f.o.State == order.Sending {
		s.To = order.Processing
	}
}

// afterCompletion is what a source says of a social media order that it had
// completed: nothing new, or that it took it back, all or in part.
func afterCompletion(f facts, s *order.Step, r *upstream.Result) {
	remains := s.Remains
	s.StartCount, s.Remains, s.Outcome = nil, nil, ""
	s.NextRunAt = again(f, f.o.Facts.Refill)
	total := f.o.Total()
	switch {
	case f.o.Refunded > 0 || f.o.Facts.TakenBack || (r.State != upstream.Partial && r.State != upstream.Canceled):
	case r.State == upstream.Canceled && (r.Whole || total > 0 && remains != nil && *remains >= total):
		s.TakenBack, s.Whole, s.Remains = true, true, remains
	case remains != nil && *remains > 0 && total > 0:
		s.TakenBack, s.Remains = true, remains
	case remains == nil || total == 0:
		s.Flag = "the source took back its success, and does not say how much"
	}
	if s.TakenBack {
		s.Told, s.NextRunAt = sayTakenBack, nil
	}
}

// tells is whether an answer about an open order says anything that its row does not.
func tells(o *order.Order, r *upstream.Result) bool {
	differs := func(said, known *int64) bool { return said != nil && (known == nil || *said != *known) }
	return differs(r.StartCount, o.Facts.StartCount) || differs(r.Remains, o.Facts.Remains) || r.Cost != nil && *r.Cost != o.Cost ||
		r.Alert != "" && r.Alert != o.Facts.Alert
}

// untold is whether the source has yet to hear that an open order is to be canceled,
// and nobody is telling it.
func (w *Worker) untold(o *order.Order) bool {
	return o.CancelRequested && !o.Facts.CancelTold && !w.justTold(o) && !o.Facts.Telling.Holds(w.Now())
}

// twin finds that a source answered a purchase with the id of another order of ours:
// it took it for the same one, and delivers it once. What became of the money is
// for a person to see.
func (w *Worker) twin(ctx context.Context, o *order.Order, res *upstream.Result) error {
	if res == nil || o.Link == nil || res.UpstreamRef == "" {
		return nil
	}
	borne, err := order.Borne(context.WithoutCancel(ctx), w.DB.Pool, o, res.UpstreamRef)
	if err != nil {
		// The row is written all the same; two orders under one id show in their evidence.
		w.Log.ErrorContext(ctx, "an id not compared with others", "order", o.ID, "upstream_ref", res.UpstreamRef, "error", err)
		return nil
	}
	if !borne {
		return nil
	}
	return &upstream.Error{
		Class: upstream.Unknown, Code: "id of another order", Detail: "the source answered with " + res.UpstreamRef + ", which another order of ours bears",
	}
}
