package scheduler

import (
	"context"

	"github.com/muarahq/muara/pkg/merchant"
)

// lowOnce tells merchants whose balance has become low.
func (s *Scheduler) lowOnce(ctx context.Context) (int, error) {
	events, err := merchant.TellLow(ctx, s.Pool, s.Now())
	if err != nil {
		return 0, err
	}
	for i, id := range events { // a hint: the scheduler finds the row as well
		if err := s.Enqueuer.Webhook(ctx, id, 0, 0); err != nil {
			return i, err
		}
	}
	return len(events), nil
}
