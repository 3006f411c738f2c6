package scheduler

import (
	"context"
	"errors"

	"github.com/muarahq/muara/pkg/float"
	"github.com/muarahq/muara/pkg/order"
)

// doubtsOnce lets purchases go on where they were kept back for too long: the outcome
// that is open is shown to an operator, and is looked at on.
func (s *Scheduler) doubtsOnce(ctx context.Context) (int, error) {
	before := s.Now().Add(-s.HoldLongest)
	n, err := order.Forsaken(ctx, s.Pool, before)
	if err != nil {
		return 0, err
	}
	again, err := order.Reweigh(ctx, s.Pool, s.Now())
	if n += again; err != nil {
		return n, err
	}
	doubts, err := order.Doubts(ctx, s.Pool, before, batch)
	if err != nil {
		return n, err
	}
	for _, o := range doubts {
		at := s.Now()
		if o.NextRunAt != nil {
			at = *o.NextRunAt
		}
		_, err := s.Writer.Do(ctx, order.Step{
			OrderID: o.ID, Attempt: o.Attempt, From: order.Unknown, Version: o.Version, Cause: "sweep", Stand: float.Spoilt, NextRunAt: &at,
			Flag: "outcome unknown: the balance did not tell in time, and purchases go on",
		})
		if errors.Is(err, order.ErrStale) {
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// pruneOnce forgets what accounts did long ago.
func (s *Scheduler) pruneOnce(ctx context.Context) (int, error) {
	return float.Prune(ctx, s.Pool, s.Now())
}
