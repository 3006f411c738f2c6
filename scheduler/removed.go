package scheduler

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
)

const (
	// removedFor is how long after a source left the configuration its orders go
	// elsewhere: by then no process knows the older configuration.
	removedFor = 5 * time.Minute
	// unattended is how long after that an operator is told of those that only it could
	// tell about.
	unattended = 15 * time.Minute
	// waitsFor bounds how long an order that was never sent waits for other sources that
	// take none now.
	waitsFor = 30 * time.Minute
)

// sayRemoved is what merchants read. Nothing was sent.
const sayRemoved = "The product could not be delivered at the moment. You have been refunded."

// removedOnce looks after the orders of sources that left the configuration, for which
// no worker runs: what was never sent goes elsewhere or is paid back, and an operator
// is told of what was. Time decides about none of those.
func (s *Scheduler) removedOnce(ctx context.Context) (int, error) {
	now := s.Now()
	gone, err := catalog.Removed(ctx, s.Pool, s.Configured, now.Add(-removedFor))
	if err != nil {
		return 0, err
	}
	names := make(map[string]bool, len(gone))
	for _, name := range gone {
		names[name] = true
	}
	s.removed.Store(&names)
	if len(gone) == 0 {
		return 0, nil
	}
	n, err := s.sendElsewhere(ctx, gone)
	if err != nil {
		return n, err
	}
	long, err := catalog.Removed(ctx, s.Pool, s.Configured, now.Add(-removedFor-unattended))
	if err != nil || len(long) == 0 {
		return n, err
	}
	told, err := s.tellOf(ctx, long)
	return n + told, err
}

// sendElsewhere finds other offers for queued orders: nothing of them was bought.
func (s *Scheduler) sendElsewhere(ctx context.Context, gone []string) (int, error) {
	queued, err := order.QueuedAt(ctx, s.Pool, gone, batch)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, o := range queued {
		step, err := s.away(ctx, o)
		if err != nil {
			return n, err
		}
		if step == nil {
			continue
		}
		did, err := s.step(ctx, o, step)
		if err != nil {
			return n, err
		}
		if did {
			n++
		}
	}
	return n, nil
}

// away is what becomes of a queued order whose source is gone; nil while it waits.
func (s *Scheduler) away(ctx context.Context, o *order.Order) (*order.Step, error) {
	now := s.Now()
	tried, err := order.Tried(ctx, s.Pool, o.ID)
	if err != nil {
		return nil, err
	}
	route, err := s.Desk.Route(ctx, o, append(tried, o.OfferID))
	none := fault.KindOf(err) == fault.Unavailable || errors.Is(err, catalog.ErrNotFound)
	waits := fault.KindOf(err) == fault.Upstream || errors.Is(err, order.ErrLinkBusy)
	switch {
	case err == nil:
		return &order.Step{To: order.Queued, Route: route, NextRunAt: &now}, nil
	case none, waits && now.Sub(o.UpdatedAt) > waitsFor:
		return &order.Step{To: order.Failed, Message: sayRemoved}, nil
	case !waits:
		return nil, err
	}
	return nil, nil //nolint:nilnil // it waits
}

// tellOf flags orders that nobody asks about any more.
func (s *Scheduler) tellOf(ctx context.Context, gone []string) (int, error) {
	open, err := order.Unattended(ctx, s.Pool, gone, batch)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, o := range open {
		did, err := s.step(ctx, o, &order.Step{NextRunAt: o.NextRunAt, Flag: "its source left the configuration, so that nobody asks about it"})
		if err != nil {
			return n, err
		}
		if did {
			n++
		}
	}
	return n, nil
}

// step records what follows for an order as it was read; did is false where it has
// moved on.
func (s *Scheduler) step(ctx context.Context, o *order.Order, step *order.Step) (did bool, err error) {
	step.OrderID, step.Attempt, step.From, step.Version, step.Cause = o.ID, o.Attempt, o.State, o.Version, "removed"
	_, err = s.Writer.Do(ctx, *step)
	if errors.Is(err, order.ErrStale) || errors.Is(err, order.ErrLinkBusy) {
		return false, nil
	}
	return err == nil, err
}

// isRemoved tells whether nobody works for a source any more, so that nothing piles up
// in its queues.
func (s *Scheduler) isRemoved(upstream string) bool {
	gone := s.removed.Load()
	return gone != nil && (*gone)[upstream]
}

// isConfigured tells whether a source is in the configuration, with or without a worker of its own. Of one that has left it nothing is
// measured but its open orders, and nothing is read any more.
func (s *Scheduler) isConfigured(upstream string) bool {
	return slices.Contains(s.Configured, upstream)
}
