package charts

import (
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/budget"
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

var (
	metricName   = regexp.MustCompile(`"(muara_[a-z_]+)"`)
	metricPrefix = regexp.MustCompile(`rest\.NewMetrics\([^,]+, "(muara_[a-z_]+)"\)`)
	metricSuffix = regexp.MustCompile(`prefix *\+ *"(_[a-z_]+)"`)
)

// metricNames are all metrics of muara's: those that its sources name, and the budget's, whose names are put together.
func metricNames(t *testing.T) map[string]bool {
	t.Helper()
	d := described{names: map[string]bool{}}
	budget.NewMetrics(d)
	for _, dir := range []string{"../api", "../pkg", "../scheduler", "../worker"} {
		require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range metricName.FindAllSubmatch(text, -1) {
				d.names[string(found[1])] = true
			}
			return err
		}))
	}
	// Those that both APIs have, each under its own prefix.
	shared, err := os.ReadFile("../api/internal/rest/metrics.go")
	require.NoError(t, err)
	for _, path := range []string{"../api/api.go", "../api/admin/admin.go"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		prefix := metricPrefix.FindSubmatch(text)
		require.NotNil(t, prefix, path)
		for _, found := range metricSuffix.FindAllSubmatch(shared, -1) {
			d.names[string(prefix[1])+string(found[1])] = true
		}
	}
	require.Greater(t, len(d.names), 40)
	return d.names
}

// runScript gives the last line that a script wrote.
func runScript(path string) (string, error) {
	out, err := exec.Command(path).Output()
	return strings.TrimSpace(string(out)), err
}
