package charts

import (
	"fmt"
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/muarahq/muara/pkg/upstream/drivers"
)

const scaled = `
workers: {autoscaling: {enabled: true}}
autoscaling: {keda: {serverAddress: "http://prometheus:9090"}}
`

func (r *release) scaledObject(role string) map[string]any {
	r.t.Helper()
	all := r.foreignOf("ScaledObject")
	require.Contains(r.t, all, prefix+role)
	return all[prefix+role].Object["spec"].(map[string]any)
}

// most gives how many workers an upstream may get.
func most(t *testing.T, doc string) int {
	t.Helper()
	r := render(t, base, scaled, "upstreams: {a: "+doc+"}")
	n, ok := r.scaledObject("worker-a")["maxReplicaCount"].(float64)
	require.True(t, ok)
	return int(n)
}

func TestWorkersAreCappedByWhatTheBudgetCanUse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		requests      int
		per, latency  string
		buying, spare int
	}{
		{5, "10s", "20s", 32, 1}, {5, "10s", "2s", 32, 0}, {20, "1s", "20s", 32, 1}, {200, "1s", "15s", 32, 1}, {1000, "1s", "500ms", 32, 0},
		{1000, "1s", "20s", 8, 2}, {64, "1ms", "19s", 32, 0}, {65, "1ms", "19s", 32, 0}, {100000, "24h", "1m30s", 1, 0}, {7, "1m30.5s", "250ms", 3, 0}, {1, "1s", "1ms", 1, 0},
	} {
		per, err := time.ParseDuration(c.per)
		require.NoError(t, err)
		latency, err := time.ParseDuration(c.latency)
		require.NoError(t, err)
		// requests/(per+latency) calls a second, each on its way for latency, buy_concurrency of them in a worker.
		inFlight := float64(c.requests) / (per + latency).Seconds() * latency.Seconds()
		want := int(math.Ceil(inFlight/float64(c.buying))) + c.spare
		got := most(t, fmt.Sprintf(`{config: {driver: rqid, base_url: "https://a.example", budget: {requests: %d, per: %s}}, buyConcurrency: %d,
			autoscaling: {minReplicas: 1, spare: %d, latency: %s}}`, c.requests, c.per, c.buying, c.spare, c.latency))
		require.Equal(t, want, got, "%+v", c)
		require.GreaterOrEqual(t, got, 1)
	}
}

func TestTheFormulaKnowsMuarasDefaults(t *testing.T) {
	t.Parallel()
	for _, driver := range drivers.Names() {
		u := defaults(t, driver)
		inFlight := float64(u.Budget.Requests) / (u.Budget.Per + u.Timeout).Seconds() * u.Timeout.Seconds()
		got := most(t, `{config: {driver: `+driver+`, base_url: "https://a.example"}, buyConcurrency: 1, autoscaling: {spare: 0}}`)
		require.Equal(t, int(math.Ceil(inFlight)), got, driver)
	}
	r := render(t, two)
	cfg, err := read(t, r, r.deployment("scheduler").Spec.Template.Spec)
	require.NoError(t, err)
	require.Equal(t, 32, cfg.Worker.BuyConcurrency, "what the chart takes where the configuration says nothing")
	require.Equal(t, 64, cfg.Worker.WebhookConcurrency)
	require.Equal(t, 30*time.Second, cfg.Worker.ShutdownTimeout)
	for _, u := range cfg.Upstreams {
		if u.Name == "hulu-1" {
			require.Equal(t, 20*time.Second, u.Timeout)
		}
	}
}

func TestFewerWorkersMayBeAskedForButNotMore(t *testing.T) {
	t.Parallel()
	big := `{config: {driver: rqid, base_url: "https://a.example", budget: {requests: 1000, per: 1s}}, autoscaling: {maxReplicas: %d}}`
	require.Equal(t, 31, most(t, fmt.Sprintf(big, 0)))
	require.Equal(t, 12, most(t, fmt.Sprintf(big, 12)))
	require.Equal(t, 31, most(t, fmt.Sprintf(big, 500)))
}

func TestWorkersScaleOnWhatWaits(t *testing.T) {
	t.Parallel()
	r := render(t, two, scaled, `workers: {autoscaling: {maxAge: 1m}}`, `upstreams: {hilir-2: {buyConcurrency: 8, autoscaling: {minReplicas: 0}}}`)
	spec := r.scaledObject("worker-hilir-2")
	require.Equal(t, map[string]any{"name": prefix + "worker-hilir-2"}, spec["scaleTargetRef"])
	require.InDelta(t, 0, spec["minReplicaCount"], 0, "an idle one may go without")
	require.Equal(t, map[string]any{"failureThreshold": 4.0, "replicas": 1.0, "behavior": "currentReplicasIfHigher"}, spec["fallback"])
	type trigger struct{ kind, threshold, query string }
	found := map[string]trigger{}
	for _, x := range spec["triggers"].([]any) {
		m := x.(map[string]any)
		require.Equal(t, "prometheus", m["type"])
		md := m["metadata"].(map[string]any)
		require.Equal(t, "http://prometheus:9090", md["serverAddress"])
		found[m["name"].(string)] = trigger{m["metricType"].(string), md["threshold"].(string), md["query"].(string)}
	}
	of := `{namespace="payments",upstream="hilir-2"}`
	require.Equal(t, map[string]trigger{
		"backlog": {"AverageValue", "8", "max(muara_orders_due" + of + ") + max(muara_orders_queued" + of + ")"},
		"age-0":   {"Value", "60", "max(muara_orders_due_oldest_seconds" + of + ")"},
		"age-1":   {"Value", "60", "max(muara_orders_queued_oldest_seconds" + of + ")"},
		"wake":    {"AverageValue", "1", "max(muara_catalog_late_seconds" + of + ") > bool 300"},
	}, found)
	require.Nil(t, r.deployment("worker-hilir-2").Spec.Replicas, "two would write them")
	require.EqualValues(t, 2, *r.deployment("webhooks").Spec.Replicas)
}

func TestKEDASaysWhoAsksWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	triggers := func(docs ...string) (refs, modes []any) {
		spec := render(t, append([]string{two, scaled}, docs...)...).scaledObject("worker-hulu-1")
		for _, x := range spec["triggers"].([]any) {
			m := x.(map[string]any)
			refs, modes = append(refs, m["authenticationRef"]), append(modes, m["metadata"].(map[string]any)["authModes"])
		}
		config := spec["advanced"].(map[string]any)["horizontalPodAutoscalerConfig"].(map[string]any)
		require.NotContains(t, config, "name", "the chart's own autoscaler has the role's, and one of them may go while the other comes")
		return refs, modes
	}
	refs, modes := triggers()
	for i := range refs {
		require.Nil(t, refs[i])
		require.Nil(t, modes[i])
	}
	refs, modes = triggers(`autoscaling: {keda: {authenticationRef: {name: prom}, authModes: "tls,bearer"}}`)
	require.NotEmpty(t, refs)
	for i := range refs {
		require.Equal(t, map[string]any{"name": "prom"}, refs[i])
		require.Equal(t, "tls,bearer", modes[i], "KEDA sends nothing of it otherwise")
	}
}

func TestWithoutKEDAExternalMetricsDo(t *testing.T) {
	t.Parallel()
	r := render(t, two, scaled, `
autoscaling: {provider: external}
webhooks: {autoscaling: {enabled: true, maxAge: 1500ms}}
`)
	require.Empty(t, r.foreignOf("ScaledObject"))
	type target struct{ metric, label, value, average string }
	targets := func(role string) []target {
		hpa := one[*autoscalingv2.HorizontalPodAutoscaler](r, prefix+role)
		require.Equal(t, prefix+role, hpa.Spec.ScaleTargetRef.Name)
		var found []target
		for _, m := range hpa.Spec.Metrics {
			x := target{metric: m.External.Metric.Name}
			if s := m.External.Metric.Selector; s != nil {
				for k, v := range s.MatchLabels {
					x.label = k + "=" + v
				}
			}
			if v := m.External.Target.Value; v != nil {
				x.value = v.String()
			}
			if v := m.External.Target.AverageValue; v != nil {
				x.average = v.String()
			}
			found = append(found, x)
		}
		return found
	}
	require.ElementsMatch(t, []target{
		{"muara_orders_due", "upstream=hulu-1", "", "32"}, {"muara_orders_queued", "upstream=hulu-1", "", "32"},
		{"muara_orders_due_oldest_seconds", "upstream=hulu-1", "30", ""}, {"muara_orders_queued_oldest_seconds", "upstream=hulu-1", "30", ""},
	}, targets("worker-hulu-1"))
	require.ElementsMatch(t, []target{{"muara_queue_depth", "queue=webhook", "", "128"}, {"muara_webhooks_oldest_seconds", "", "2", ""}}, targets("webhooks"))
	hpa := one[*autoscalingv2.HorizontalPodAutoscaler](r, prefix+"worker-hulu-1")
	require.EqualValues(t, 2, hpa.Spec.MaxReplicas)
	require.Nil(t, r.deployment("webhooks").Spec.Replicas)
}

func TestEveryMetricThatScalesIsOneOfTheSchedulers(t *testing.T) {
	t.Parallel()
	known := schedulerMetrics(t)
	r := render(t, two, scaled, `webhooks: {autoscaling: {enabled: true}}`)
	count := 0
	for _, u := range r.foreignOf("ScaledObject") {
		triggers, _, err := unstructured.NestedSlice(u.Object, "spec", "triggers")
		require.NoError(t, err)
		for _, x := range triggers {
			for _, name := range regexp.MustCompile(`muara_[a-z_]+`).FindAllString(fmt.Sprint(x), -1) {
				require.Contains(t, known, name)
				count++
			}
		}
	}
	require.GreaterOrEqual(t, count, 12)
}
