package worker

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/callback"
)

// CallbackMetrics count what became of callbacks. Nil counts nothing.
type CallbackMetrics struct{ read *prometheus.CounterVec }

// NewCallbackMetrics registers the metrics once.
func NewCallbackMetrics(reg prometheus.Registerer) *CallbackMetrics {
	m := &CallbackMetrics{read: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "muara_callbacks_read_total", Help: "Callbacks that a worker has read, by what became of them; forged ones are not their source's.",
	}, []string{"upstream", "state"})}
	reg.MustRegister(m.read)
	return m
}

func (m *CallbackMetrics) done(upstream string, s callback.State) {
	if m != nil {
		m.read.WithLabelValues(upstream, string(s)).Inc()
	}
}
