package scheduler

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/report"
	"github.com/muarahq/muara/pkg/webhook"
	"github.com/muarahq/muara/pkg/withdraw"
)

// webhooksOnce enqueues deliveries that are due.
func (s *Scheduler) webhooksOnce(ctx context.Context) (int, error) {
	now := s.Now()
	due, err := webhook.Due(ctx, s.Pool, now, batch)
	if err != nil {
		return 0, err
	}
	for i, d := range due {
		if err := s.Enqueuer.Webhook(ctx, d.ID, d.Attempts, queue.Generation(d.DueAt, now)); err != nil {
			return i, err
		}
	}
	return len(due), nil
}

// catalogueOnce hands a turn to each upstream that has a scope to read.
func (s *Scheduler) catalogueOnce(ctx context.Context) (int, error) {
	now := s.Now()
	due, err := intake.DueUpstreams(ctx, s.Pool, now)
	if err != nil {
		return 0, err
	}
	due = slices.DeleteFunc(due, func(name string) bool { return !s.isConfigured(name) })
	for i, name := range due {
		if err := s.Enqueuer.CatalogTurn(ctx, name, round(now, turnStuck)); err != nil {
			return i, err
		}
	}
	return len(due), nil
}

// Of turns that nobody takes no more wait than rounds, however long that lasts; so many are enough that one which is stuck blocks few
// of those that follow.
const rounds = 12

// round numbers the periods of some seconds, and begins again after rounds of them.
func round(now time.Time, seconds int64) int64 { return now.Unix() / seconds % rounds }

// balanceOnce asks for our balances.
func (s *Scheduler) balanceOnce(ctx context.Context) (int, error) {
	now := s.Now()
	n := 0
	for _, u := range s.Upstreams {
		if err := s.Enqueuer.BalanceTurn(ctx, u, round(now, 30)); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// rollupOnce sums closed hours.
func (s *Scheduler) rollupOnce(ctx context.Context) (int, error) {
	return ledger.Rollup(ctx, s.Pool, s.Now())
}

// reportOnce adds closed hours to the days of reports.
func (s *Scheduler) reportOnce(ctx context.Context) (int, error) {
	zone := s.Location
	if zone == nil {
		zone = time.UTC
	}
	return report.Close(ctx, s.Pool, zone, s.Now())
}

// errDrift says that the books do not explain themselves.
var errDrift = errors.New("scheduler: ledger drift")

// verifyOnce proves the books and shows drift as a metric.
func (s *Scheduler) verifyOnce(ctx context.Context) (int, error) {
	r, err := ledger.Verify(ctx, s.Pool, slices.Concat(order.Checks(), deposit.Checks(), withdraw.Checks())...)
	if err != nil {
		return 0, err
	}
	s.rows.drift.Set(float64(r.Count))
	for _, p := range r.Problems {
		s.Log.ErrorContext(ctx, "ledger drift", "check", p.Check, "subject", p.Subject, "detail", p.Detail)
	}
	if !r.Clean() {
		return 0, errDrift
	}
	return 1, nil
}
