package order

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/metrics"
)

// Metrics count orders. A nil *Metrics counts nothing.
type Metrics struct {
	placed  *prometheus.CounterVec
	entered *prometheus.CounterVec
	final   *prometheus.HistogramVec
	rupiah  *prometheus.CounterVec
	sets    *prometheus.HistogramVec
}

// NewMetrics registers the metrics, once however many writers a process has.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	return &Metrics{
		placed: metrics.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_orders_placed_total", Help: "Placements by category, mode (live, test; none where it was refused) and verdict (accepted, replayed, refused, failed).",
		}, []string{"category", "mode", "verdict"})),
		entered: metrics.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_orders_total", Help: "Orders that entered a state.",
		}, []string{"upstream", "category", "mode", "state"})),
		final: metrics.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "muara_order_final_seconds", Help: "From accepting an order to its final state.",
			Buckets:                     []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 14400},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, []string{"category", "mode", "state"})),
		rupiah: metrics.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_order_rupiah_total", Help: "Rupiah booked for orders, by what for: settle, refund, cost, late_cost, late_charge. Margin is settle and late_charge less cost and late_cost.",
		}, []string{"upstream", "category", "mode", "kind"})),
		sets: metrics.Register(reg, prometheus.NewHistogramVec(metrics.Seconds("muara_order_commit_seconds", "Duration of common commits."), []string{"what"})),
	}
}

// placement counts a verdict.
func (m *Metrics) placement(c *placement) {
	if m == nil {
		return
	}
	verdict, mode := "accepted", ""
	if c.out != nil && c.err == nil {
		mode = c.out.Order.Mode
	}
	switch {
	case c.err == nil && c.out.Replayed:
		verdict = "replayed"
	case errors.Is(c.err, ErrConflict), errors.Is(c.err, ErrInsufficient), errors.Is(c.err, ErrOutOfStock), errors.Is(c.err, ErrLinkBusy),
		errors.Is(c.err, ErrInquiredAnew), errors.Is(c.err, ErrInquiryExpired), errors.Is(c.err, ledger.ErrNoWallet), ruledOut(c.err):
		verdict = "refused"
	case c.err != nil:
		verdict = "failed"
	}
	m.placed.WithLabelValues(string(c.in.Category), mode, verdict).Inc()
}

// changed counts what a committed change did.
func (m *Metrics) changed(c *change, now time.Time) {
	if m == nil {
		return
	}
	for _, p := range c.postings {
		m.rupiah.WithLabelValues(c.upstream, string(c.o.Category), c.o.Mode, p.kind).Add(float64(p.amount))
	}
	to := c.step.To
	if to == "" || c.attemptOnly {
		return
	}
	m.entered.WithLabelValues(c.upstream, string(c.o.Category), c.o.Mode, string(to)).Inc()
	if to.Final() && !c.from.Final() {
		m.final.WithLabelValues(string(c.o.Category), c.o.Mode, string(to)).Observe(now.Sub(c.o.CreatedAt).Seconds())
	}
}

// took measures a common commit.
func (m *Metrics) took(what string, begun time.Time) {
	if m != nil {
		m.sets.WithLabelValues(what).Observe(time.Since(begun).Seconds())
	}
}
