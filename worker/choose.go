package worker

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// looked bounds how many due orders are compared, and offered how many of the best
	// are tried to be had before they are compared anew.
	looked, offered = 1_000, 32
	// rounds bounds how often that happens in one go.
	rounds = 3
	// pressing is how many times as much the news of an order is worth whose merchant is
	// watching, or of which nobody knows whether it was bought.
	pressing = 4
	// afterEnd is what a second is worth that a number's end has passed unheard, against
	// one that a code waits: the money of its merchant is still held.
	afterEnd = 0.5
)

// take leases what is to be asked about with one slot: as many as one request can
// carry, or the order most worth a question of its own.
func (w *Worker) take(ctx context.Context, lease time.Duration, limit int) ([]*order.Order, error) {
	if limit > 1 {
		return order.TakeDue(ctx, w.DB.Pool, w.Client.Name, w.Now(), lease, limit)
	}
	now := w.Now()
	if err := w.arrivals.Sync(ctx, now); err != nil { // a hint: old ones do
		w.Log.WarnContext(ctx, "what is known of arrivals was not shared", "upstream", w.Client.Name, "error", err)
	}
	for range rounds {
		due, err := order.Candidates(ctx, w.DB.Pool, w.Client.Name, now, looked)
		if err != nil || len(due) == 0 {
			return nil, err
		}
		o, err := order.TakeFirst(ctx, w.DB.Pool, w.Client.Name, now, lease, w.rank(due, now))
		if err != nil {
			return nil, err
		}
		if o != nil {
			return []*order.Order{o}, nil
		}
		// Others took all of these meanwhile: what is left is due still.
	}
	return nil, nil
}

// rank gives the orders most worth a question, best first: those with an open wish,
// then by how long news of them is expected to have been waiting.
func (w *Worker) rank(due []order.Candidate, now time.Time) []int64 {
	type ranked struct {
		id    int64
		worth float64
	}
	all := make([]ranked, len(due))
	for i := range due {
		all[i] = ranked{due[i].ID, w.worth(&due[i], now)}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.worth, a.worth) })
	ids := make([]int64, min(len(all), offered))
	for i := range ids {
		ids[i] = all[i].id
	}
	return ids
}

// worth is how many seconds the news of an order is expected to have been waiting for
// somebody to ask. It grows for as long as nobody does, so that no order starves.
func (w *Worker) worth(c *order.Candidate, now time.Time) float64 {
	if c.Wished {
		return math.Inf(1)
	}
	age := now.Sub(c.Since)
	last := max(c.LookedAt.Sub(c.Since), 0)
	end, over := age, 0.0
	if c.Category == order.OTP && c.ExpiresAt != nil {
		end = c.ExpiresAt.Sub(c.Since)
		over = afterEnd * max((age-max(end, last)).Seconds(), 0)
	}
	s := w.arrivals.Curve(string(c.Category), c.ProductID).Waiting(last, age, end).Seconds() + over
	if c.Watched {
		s *= pressing
	}
	if c.State == order.Unknown {
		s *= pressing
	}
	return s
}

// lesson notes what a question has taught: how old the order was when news came, or
// that none had come. That a number reached its end is no news; what its merchant's
// wish brought about teaches nothing.
func (w *Worker) lesson(o *order.Order, res *upstream.Result) {
	if o.State != order.Processing || o.SentAt == nil || res.State == upstream.NotFound || o.CancelRequested {
		return
	}
	came := res.State != upstream.Pending && res.State != upstream.Expired
	from, to := o.UpdatedAt.Sub(*o.SentAt), w.Now().Sub(*o.SentAt)
	if o.ExpiresAt != nil {
		to = min(to, o.ExpiresAt.Sub(*o.SentAt))
	}
	w.arrivals.Saw(string(o.Category), o.ProductID, from, to, came)
}
