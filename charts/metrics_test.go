package charts

import (
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/scheduler"
)

// described is a registry that only notes what is registered.
type described struct{ names map[string]bool }

var fqName = regexp.MustCompile(`fqName: "([^"]+)"`)

func (d described) Register(c prometheus.Collector) error {
	all := make(chan *prometheus.Desc)
	go func() { c.Describe(all); close(all) }()
	for desc := range all {
		d.names[fqName.FindStringSubmatch(desc.String())[1]] = true
	}
	return nil
}

func (d described) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		_ = d.Register(c)
	}
}

func (d described) Unregister(prometheus.Collector) bool { return false }

// schedulerMetrics are the names of what the scheduler measures.
func schedulerMetrics(t *testing.T) map[string]bool {
	t.Helper()
	d := described{names: map[string]bool{}}
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // never asked
	t.Cleanup(func() { _ = rdb.Close() })
	scheduler.New(scheduler.Options{Redis: rdb, Registerer: d, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	require.Greater(t, len(d.names), 15)
	return d.names
}
