package rest

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/metrics"
)

// Labels of what is not one of a service's routes.
const (
	RouteUnknown = "unknown"
	RoutePage    = "page"
)

// Metrics count what a service answers.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	limited  prometheus.Counter
}

// NewMetrics registers a service's metrics, whose names start with prefix (muara_http); reg may be nil.
func NewMetrics(reg prometheus.Registerer, prefix string) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "_requests_total", Help: "Requests by route, method and class of status; source is 503 for the sake of a source, 5xx is ours.",
		}, []string{"route", "method", "class"}),
		seconds: prometheus.NewHistogramVec(metrics.Seconds(prefix+"_request_seconds", "Time to answer by route."), []string{"route"}),
		limited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "_rate_limited_total", Help: "Requests that were refused because their caller had sent too many.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.limited)
	}
	return m
}

func (m *Metrics) observe(c *Call, method string, took time.Duration) {
	status := c.W.status
	of := class(status)
	if c.atSource && status == http.StatusServiceUnavailable {
		of = "source"
	}
	m.requests.WithLabelValues(c.Route, knownMethod(method), of).Inc()
	m.seconds.WithLabelValues(c.Route).Observe(took.Seconds())
	if status == http.StatusTooManyRequests {
		m.limited.Inc()
	}
}

// knownMethod keeps the label's values a closed set, whatever callers invent.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

func class(status int) string {
	switch {
	case status == 0:
		return "none"
	case status < 300:
		return "2xx"
	case status < 400:
		return "3xx"
	case status < 500:
		return "4xx"
	}
	return "5xx"
}
