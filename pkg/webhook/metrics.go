package webhook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	appmetrics "github.com/muarahq/muara/pkg/metrics"
)

// metrics of the deliveries of one process; nil-safe labels are all made at once.
type metrics struct {
	attempts map[string]prometheus.Counter
	seconds  prometheus.Observer
	latency  prometheus.Observer
	parked   prometheus.Counter
	stale    prometheus.Counter
	// suspended counts endpoints that were switched off since they only failed.
	suspended prometheus.Counter
}

// newMetrics makes them; reg may be nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "muara_webhook_attempts_total", Help: "Deliveries tried, by what came of them.",
	}, []string{"outcome"})
	seconds := prometheus.NewHistogram(appmetrics.Seconds("muara_webhook_attempt_seconds", "How long receivers took to answer."))
	latency := prometheus.NewHistogram(appmetrics.Seconds("muara_webhook_delivery_seconds", "From an event's creation to its delivery at the first attempt."))
	parked := prometheus.NewCounter(prometheus.CounterOpts{Name: "muara_webhook_parked_total", Help: "Events that were given up."})
	stale := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "muara_webhook_stale_results_total", Help: "Results that came after their lease had ended and were not written.",
	})
	suspended := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "muara_webhook_suspensions_total", Help: "Endpoints that were switched off since nothing but failures came of them.",
	})
	if reg != nil {
		reg.MustRegister(attempts, seconds, latency, parked, stale, suspended)
	}
	m := &metrics{attempts: map[string]prometheus.Counter{}, seconds: seconds, latency: latency, parked: parked, stale: stale, suspended: suspended}
	for _, o := range outcomes() {
		m.attempts[o] = attempts.WithLabelValues(o)
	}
	return m
}

func (m *metrics) attempt(c *claim, r *result, v verdict, stale bool, now time.Time) {
	m.attempts[r.outcome()].Inc()
	if r.took > 0 {
		m.seconds.Observe(r.took.Seconds())
	}
	if stale {
		m.stale.Inc()
		return
	}
	if r.delivered() && c.attempts == 1 {
		m.latency.Observe(max(now.Sub(c.createdAt), 0).Seconds())
	}
	if v.status == Parked {
		m.parked.Inc()
	}
}
