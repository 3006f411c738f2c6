package budget

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestMetricsTellOfEveryUpstream(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	New(s.rdb, "idle", Limit{1, time.Second}, time.Minute, WithMetrics(m))
	b := s.opened(Limit{2, time.Hour}, time.Minute, WithMetrics(m))
	acquire(t, b, Buy).Release(background)
	acquire(t, b, Poll).Release(background)
	refused(t, b, Ask, 50*time.Millisecond)
	l := &line{s: s}
	l.join(b, Catalog, "")

	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP muara_budget_acquired_total Slots given to calls of this process.
# TYPE muara_budget_acquired_total counter
muara_budget_acquired_total{class="ask",upstream="idle"} 0
muara_budget_acquired_total{class="ask",upstream="up"} 0
muara_budget_acquired_total{class="balance",upstream="idle"} 0
muara_budget_acquired_total{class="balance",upstream="up"} 0
muara_budget_acquired_total{class="buy",upstream="idle"} 0
muara_budget_acquired_total{class="buy",upstream="up"} 1
muara_budget_acquired_total{class="cancel",upstream="idle"} 0
muara_budget_acquired_total{class="cancel",upstream="up"} 0
muara_budget_acquired_total{class="catalog",upstream="idle"} 0
muara_budget_acquired_total{class="catalog",upstream="up"} 0
muara_budget_acquired_total{class="poll",upstream="idle"} 0
muara_budget_acquired_total{class="poll",upstream="up"} 1
# HELP muara_budget_closed_until_seconds Unix time until which the upstream is paused for everyone; 0 when it is not.
# TYPE muara_budget_closed_until_seconds gauge
muara_budget_closed_until_seconds{upstream="idle"} 0
muara_budget_closed_until_seconds{upstream="up"} 0
# HELP muara_budget_in_use Slots that count as used, over all processes, as of this process's last turn.
# TYPE muara_budget_in_use gauge
muara_budget_in_use{upstream="idle"} 0
muara_budget_in_use{upstream="up"} 2
# HELP muara_budget_slots Slots there are: the strictest limit among running processes.
# TYPE muara_budget_slots gauge
muara_budget_slots{upstream="idle"} 0
muara_budget_slots{upstream="up"} 2
`), "muara_budget_acquired_total", "muara_budget_closed_until_seconds", "muara_budget_in_use", "muara_budget_slots"))
	require.InDelta(t, 1, testutil.ToFloat64(b.meter.waiting[Catalog]), 0)
	require.Zero(t, testutil.ToFloat64(b.meter.waiting[Ask]))

	families, err := reg.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == "muara_budget_wait_seconds" {
			h := family.GetMetric()[0].GetHistogram()
			require.NotEmpty(t, h.GetBucket(), "classic buckets")
			require.NotZero(t, h.GetSchema(), "and native ones")
		}
	}

	require.NoError(t, b.Close(background, time.Hour, "429"))
	require.InDelta(t, time.Now().Add(time.Hour).Unix(), testutil.ToFloat64(b.meter.closed), 60)
	s.Flush()
	require.Eventually(t, func() bool { return testutil.ToFloat64(b.meter.lost) == 1 }, soon, 5*time.Millisecond)
	s.Stop()
	require.Eventually(t, func() bool { return testutil.ToFloat64(b.meter.failures) > 0 }, soon, 5*time.Millisecond)
	s.Start()
	require.NoError(t, b.Stop(background))
	l.wg.Wait()
	require.Zero(t, testutil.ToFloat64(b.meter.waiting[Catalog]))
}

func TestLimitThatSaysNothingIsAStrictOne(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := New(s.rdb, "up", Limit{}, 0, Recovery(-time.Second))
	require.Equal(t, Limit{1, time.Second}, b.limit)
	require.Equal(t, 30*time.Second, b.hold)
	require.Zero(t, b.recovery)
	require.Equal(t, 15*time.Second, b.step)
	require.Equal(t, 30*time.Second, New(s.rdb, "up", Limit{5, 10 * time.Second}, 0, Recovery(time.Hour)).recovery)
	require.Equal(t, 30*time.Second, New(s.rdb, "up", Limit{5, 10 * time.Second}, 0).step)
}
