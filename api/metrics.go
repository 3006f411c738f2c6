package api

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/metrics"
)

// Labels of what is not one of our routes.
const (
	routeUnknown = "unknown"
	routePage    = "page"
	// All of them, whosever they are.
	routeCallback = "callback"
)

type requestMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	limited  prometheus.Counter
}

func newRequestMetrics(reg prometheus.Registerer) *requestMetrics {
	m := &requestMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_http_requests_total", Help: "Requests by route, method and class of status.",
		}, []string{"route", "method", "class"}),
		seconds: prometheus.NewHistogramVec(metrics.Seconds("muara_http_request_seconds", "Time to answer by route."), []string{"route"}),
		limited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "muara_http_rate_limited_total", Help: "Requests that were refused because their merchant had sent too many.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.limited)
	}
	return m
}

func (m *requestMetrics) observe(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, knownMethod(method), class(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
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
