package scheduler

import (
	"context"

	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
)

// tiersOnce counts what orders came to since the last time, and moves merchants up
// that have reached the next tier. What it leaves undone by an error the next runs bring
// back, since a tally looks at the last minutes again.
func (s *Scheduler) tiersOnce(ctx context.Context) (int, error) {
	now := s.Now()
	touched, err := order.Tally(ctx, s.Pool, now)
	if err != nil {
		return 0, err
	}
	risen := 0
	for _, t := range touched {
		events, err := merchant.Rise(ctx, s.Pool, t.WalletID, t.Completed, t.Volume, now)
		if err != nil {
			return risen, err
		}
		for _, id := range events { // a hint: the scheduler finds the row as well
			if err := s.Enqueuer.Webhook(ctx, id, 0, 0); err != nil {
				return risen, err
			}
			risen++
		}
	}
	return risen, nil
}
