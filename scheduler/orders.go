package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
)

const (
	// batch bounds what one run of a job takes.
	batch = 500
	// queuedAgain is when a queued order that was enqueued is enqueued again.
	queuedAgain = 20 * time.Second
	// perLane due orders more, an upstream gets another turn beside the first, up to
	// lanes: as many as a worker runs.
	perLane, lanes = 50, 4
	// turnStuck seconds after it was handed out, a turn is no longer waited for.
	turnStuck = 60
)

// queuedOnce enqueues queued orders that no worker has taken in time: their task
// was lost, or their back-off is over.
func (s *Scheduler) queuedOnce(ctx context.Context) (int, error) {
	total := 0
	for {
		now := s.Now()
		due, err := order.TakeOverdue(ctx, s.Pool, now, queuedAgain, batch)
		if err != nil {
			return total, err
		}
		for _, d := range due {
			if s.isRemoved(d.Upstream) {
				continue
			}
			if err := s.Enqueuer.Buy(ctx, d.Upstream, d.ID, d.Attempt, queue.Generation(d.Since, now)); err != nil {
				return total, err
			}
			total++
		}
		if len(due) < batch {
			return total, nil
		}
	}
}

// stuckOnce calls orders unknown whose worker died between its claim and its
// answer: a byte may have left.
func (s *Scheduler) stuckOnce(ctx context.Context) (int, error) {
	stuck, err := order.Stuck(ctx, s.Pool, s.Now(), batch)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, o := range stuck {
		now := s.Now()
		_, err := s.Writer.Do(ctx, order.Step{
			OrderID: o.ID, Attempt: o.Attempt, From: order.Sending, To: order.Unknown, Cause: "sweep",
			Outcome: "unknown", SaidDetail: "the worker did not come back", NextRunAt: &now,
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

// pollOnce hands poll turns to the upstreams that have something due.
func (s *Scheduler) pollOnce(ctx context.Context) (int, error) {
	now := s.Now()
	due, err := order.DueUpstreams(ctx, s.Pool, now)
	if err != nil {
		return 0, err
	}
	n := 0
	for name, backlog := range due {
		if s.isRemoved(name) {
			continue
		}
		for lane := range min(1+backlog.Count/perLane, lanes) {
			if err := s.Enqueuer.PollTurn(ctx, name, int(lane), round(now, turnStuck)); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}
