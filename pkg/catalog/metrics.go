package catalog

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are of one process's memory; nil measures nothing.
type metrics struct {
	version  prometheus.Gauge
	products prometheus.Gauge
	refresh  prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, kept func() int64) *metrics {
	if reg == nil {
		return nil
	}
	m := &metrics{
		version: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "muara_catalog_version", Help: "Version of the catalogue that this process serves.",
		}),
		products: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "muara_catalog_products", Help: "Products that this process holds in memory.",
		}),
		refresh: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "muara_catalog_refresh_seconds", Help: "Time to load a newer version of the catalogue.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 10),
		}),
	}
	bytes := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "muara_catalog_cache_bytes", Help: "Size of the encoded lists that this process keeps.",
	}, func() float64 { return float64(kept()) })
	reg.MustRegister(m.version, m.products, m.refresh, bytes)
	return m
}

func (m *metrics) refreshed(s *Snapshot, took time.Duration) {
	if m == nil {
		return
	}
	m.version.Set(float64(s.Version))
	m.products.Set(float64(len(s.bySKU)))
	m.refresh.Observe(took.Seconds())
}
