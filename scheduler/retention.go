package scheduler

import (
	"context"

	"github.com/muarahq/muara/pkg/retention"
)

// retentionOnce lets go of what is personal or bulky and old enough.
func (s *Scheduler) retentionOnce(ctx context.Context) (int, error) {
	return retention.Turn(ctx, s.Pool, s.Retention, s.Now())
}
