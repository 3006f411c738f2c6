package upstream

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the counters of all upstreams of a process.
type Metrics struct {
	calls    *prometheus.CounterVec
	refusals *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	breaker  *prometheus.GaugeVec
}

// NewMetrics registers the metrics once.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_upstream_calls_total", Help: "Calls to upstreams by operation and outcome.",
		}, []string{"upstream", "operation", "outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_upstream_refusals_total", Help: "Refusals by reason, those that prove nothing included; our_account, our_balance and request are ours to put right.",
		}, []string{"upstream", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "muara_upstream_call_seconds", Help: "Duration of calls to upstreams.",
			Buckets:                         []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"upstream", "operation"}),
		breaker: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "muara_upstream_breaker_open", Help: "1 while the circuit breaker keeps purchases back.",
		}, []string{"upstream"}),
	}
	reg.MustRegister(m.calls, m.refusals, m.seconds, m.breaker)
	return m
}

// refused counts an answer that gave a reason. Where a provider's word is no proof
// that nothing was bought (class Unknown) its reason is still true: that our
// balance is used up, say.
func (m *Metrics) refused(upstream string, e *Error) {
	if e != nil && e.Reason != "" {
		m.refusals.WithLabelValues(upstream, string(e.Reason)).Inc()
	}
}
