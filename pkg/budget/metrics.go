package budget

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the budget metrics of one process, for all its upstreams. They are set by the budgets as they go; a scrape
// never asks Redis.
type Metrics struct {
	inUse    *prometheus.GaugeVec
	slots    *prometheus.GaugeVec
	closed   *prometheus.GaugeVec
	waiting  *prometheus.GaugeVec
	wait     *prometheus.HistogramVec
	acquired *prometheus.CounterVec
	lost     *prometheus.CounterVec
	failures *prometheus.CounterVec
}

// NewMetrics makes and registers them; call it once a registry.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	upstream, byClass := []string{"upstream"}, []string{"upstream", "class"}
	gauge := func(name, help string, labels []string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "muara", Subsystem: "budget", Name: name, Help: help}, labels)
	}
	counter := func(name, help string, labels []string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "muara", Subsystem: "budget", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		inUse:   gauge("in_use", "Slots that count as used, over all processes, as of this process's last turn.", upstream),
		slots:   gauge("slots", "Slots there are: the strictest limit among running processes.", upstream),
		closed:  gauge("closed_until_seconds", "Unix time until which the upstream is paused for everyone; 0 when it is not.", upstream),
		waiting: gauge("waiting", "Calls of this process that wait for a slot.", byClass),
		wait: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "muara", Subsystem: "budget", Name: "wait_seconds", Help: "How long calls waited for their slot.",
			Buckets:                         []float64{.005, .025, .1, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  160,
			NativeHistogramMinResetDuration: time.Hour,
		}, byClass),
		acquired: counter("acquired_total", "Slots given to calls of this process.", byClass),
		lost:     counter("memory_lost_total", "Times this process saw that Redis no longer knew the slots (flush, restart, failover).", upstream),
		failures: counter("redis_failures_total", "Turns that Redis did not answer.", upstream),
	}
	reg.MustRegister(m.inUse, m.slots, m.closed, m.waiting, m.wait, m.acquired, m.lost, m.failures)
	return m
}

// meter is the metrics of one upstream with every label already there.
type meter struct {
	inUse, slots, closed prometheus.Gauge
	lost, failures       prometheus.Counter
	waiting              [classes]prometheus.Gauge
	wait                 [classes]prometheus.Observer
	acquired             [classes]prometheus.Counter
}

func (m *Metrics) of(upstream string) *meter {
	one := &meter{
		inUse: m.inUse.WithLabelValues(upstream), slots: m.slots.WithLabelValues(upstream), closed: m.closed.WithLabelValues(upstream),
		lost: m.lost.WithLabelValues(upstream), failures: m.failures.WithLabelValues(upstream),
	}
	for _, class := range Classes() {
		one.waiting[class] = m.waiting.WithLabelValues(upstream, class.String())
		one.wait[class] = m.wait.WithLabelValues(upstream, class.String())
		one.acquired[class] = m.acquired.WithLabelValues(upstream, class.String())
	}
	return one
}
