package queue

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/metrics"
)

// askMetrics count what merchants wait for, where they wait: only there is it seen that
// nobody answered. Nil counts nothing.
type askMetrics struct {
	asks    *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// Measured makes e count its questions and the waits for their answers in reg. The
// labels: kind, which the callers of Ask… name (invoice, inquiry, check and so on);
// upstream, of the configuration; outcome, a closed set.
func (e *Enqueuer) Measured(reg prometheus.Registerer) *Enqueuer {
	e.metrics = &askMetrics{
		asks: metrics.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_asks_total", Help: "Questions that a merchant waited for, by how they ended: the worker's verdict, no_answer (in time), left (the merchant did), error (Redis).",
		}, []string{"upstream", "kind", "outcome"})),
		seconds: metrics.Register(reg, prometheus.NewHistogramVec(
			metrics.Seconds("muara_ask_seconds", "How long a merchant waited for a worker's answer, or for none."), []string{"upstream", "kind"})),
	}
	return e
}

// asked counts a question that ended with a or err.
func (m *askMetrics) asked(ctx context.Context, upstream, kind string, took time.Duration, a *Answer, err error) {
	if m == nil {
		return
	}
	outcome := "error"
	switch {
	case err == nil:
		outcome = a.outcome()
	case errors.Is(ctx.Err(), context.Canceled):
		outcome = "left"
	case errors.Is(err, ErrNoAnswer):
		outcome = "no_answer"
	}
	m.asks.WithLabelValues(upstream, kind, outcome).Inc()
	m.seconds.WithLabelValues(upstream, kind).Observe(took.Seconds())
}

// outcome names what a worker answered: its verdict, or "done" where the answer is none.
// A verdict that is not known here, of another version's worker, is "other".
func (a *Answer) outcome() string {
	var verdict string
	switch {
	case a.Refused:
		return "refused"
	case json.Unmarshal(a.Data, &verdict) != nil:
		return "done"
	}
	switch verdict {
	case "done", "found", "no_bill", "disturbed", "refused", "stale":
		return verdict
	}
	return "other"
}
