package scheduler

import (
	"context"
	"time"

	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/queue"
)

// callbackAgain is when a callback that was handed to its worker is handed out again.
const callbackAgain = 20 * time.Second

// callbacksOnce hands callbacks to their workers whose task was lost, or whose time has
// come again.
func (s *Scheduler) callbacksOnce(ctx context.Context) (int, error) {
	now := s.Now()
	due, err := callback.TakeDue(ctx, s.Pool, now, callbackAgain, batch)
	if err != nil {
		return 0, err
	}
	for i, d := range due {
		if err := s.Enqueuer.Callback(ctx, d.Upstream, d.ID, d.Attempts, queue.Generation(d.Received, now)); err != nil {
			return i, err
		}
	}
	return len(due), nil
}

// callbacksTrimOnce gives up on callbacks that nobody reads, and deletes old ones.
func (s *Scheduler) callbacksTrimOnce(ctx context.Context) (int, error) {
	const most = 10_000
	life := callback.Life
	if s.Retention.Payloads > 0 {
		life = min(life, s.Retention.Payloads)
	}
	return callback.Trim(ctx, s.Pool, s.Now(), life, most)
}
