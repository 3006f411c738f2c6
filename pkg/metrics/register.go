package metrics

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register registers a collector, or gives the one that is registered under its
// name already: several users of one process share their metrics. It panics for two
// that differ under one name, a mistake that every start shows.
func Register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	err := reg.Register(c)
	if known, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if first, ok := known.ExistingCollector.(C); ok {
			return first
		}
	}
	if err != nil {
		panic(err)
	}
	return c
}
