package scheduler

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/reconcile"
)

// reconcileOnce keeps what the upstreams told of our balances, makes the comparisons of
// the days that are over, and hands a turn to each upstream that has one to go on with.
func (s *Scheduler) reconcileOnce(ctx context.Context) (int, error) {
	now := s.Now()
	if _, err := reconcile.Snapshot(ctx, s.Pool, now); err != nil {
		return 0, err
	}
	loc := s.Location
	if loc == nil {
		loc = time.UTC
	}
	made, err := reconcile.Ensure(ctx, s.Pool, s.Upstreams, loc, now)
	if err != nil {
		return made, err
	}
	due, err := reconcile.Due(ctx, s.Pool, now)
	if err != nil {
		return made, err
	}
	for _, name := range due {
		if !s.isConfigured(name) {
			continue
		}
		if err := s.Enqueuer.ReconcileTurn(ctx, name, round(now, turnStuck)); err != nil {
			return made, err
		}
	}
	return made, nil
}

// bookMetrics are the last comparisons of books with the upstreams.
type bookMetrics struct {
	lines            *prometheus.GaugeVec
	age, unexplained *prometheus.GaugeVec
	known            named
}

func newBookMetrics(reg prometheus.Registerer) *bookMetrics {
	m := &bookMetrics{
		lines: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "muara_reconciliation_lines", Help: "Purchases of the last day compared with an upstream's books, by what that came to.",
		}, []string{"upstream", "kind"}),
		age: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "muara_reconciliation_age_seconds", Help: "How long ago the last day ended that was compared with an upstream's books.",
		}, []string{"upstream"}),
		unexplained: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "muara_reconciliation_unexplained_rupiah", Help: "By how much more our balance at an upstream fell on that day than our books explain; less than zero after a top-up.",
		}, []string{"upstream"}),
	}
	reg.MustRegister(m.lines, m.age, m.unexplained)
	return m
}

// reconciledOnce shows the last comparisons.
func (s *Scheduler) reconciledOnce(ctx context.Context) (int, error) {
	now := s.Now()
	last, err := reconcile.Last(ctx, s.Pool)
	if err != nil {
		return 0, err
	}
	last = slices.DeleteFunc(last, func(r *reconcile.Run) bool { return !s.isConfigured(r.Upstream) })
	var names []string
	for _, r := range last {
		names = append(names, r.Upstream)
	}
	s.books.known.only(names, s.books.lines, s.books.age, s.books.unexplained)
	for _, r := range last {
		for _, kind := range reconcile.Kinds() {
			s.books.lines.WithLabelValues(r.Upstream, string(kind)).Set(float64(r.Of(kind)))
		}
		s.books.lines.WithLabelValues(r.Upstream, "unchecked").Set(float64(r.Unchecked))
		s.books.age.WithLabelValues(r.Upstream).Set(since(now, r.To))
		s.books.unexplained.DeleteLabelValues(r.Upstream)
		if r.Chain.Unexplained != nil {
			s.books.unexplained.WithLabelValues(r.Upstream).Set(float64(*r.Chain.Unexplained))
		}
	}
	return len(last), nil
}
