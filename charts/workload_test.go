package charts

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

func (r *release) jobs() []*batchv1.Job { return all[*batchv1.Job](r) }

func TestEveryRoleIsADeploymentOfItsOwn(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	args := map[string][]string{}
	for _, d := range all[*appsv1.Deployment](r) {
		args[strings.TrimPrefix(d.Name, prefix)] = r.container(strings.TrimPrefix(d.Name, prefix)).Args
	}
	file := []string{"--config", "/etc/muara/muara.yaml"}
	require.Equal(t, map[string][]string{
		"api":            append(file[:2:2], "api", "--drain-notice", "10s"),
		"scheduler":      append(file[:2:2], "scheduler"),
		"webhooks":       append(file[:2:2], "worker", "--webhooks"),
		"worker-hulu-1":  append(file[:2:2], "worker", "--upstream", "hulu-1"),
		"worker-hilir-2": append(file[:2:2], "worker", "--upstream", "hilir-2"),
		"worker-sandbox": append(file[:2:2], "worker", "--upstream", "sandbox"),
	}, args)
	require.EqualValues(t, 2, *r.deployment("scheduler").Spec.Replicas)
	require.EqualValues(t, 2, *r.deployment("webhooks").Spec.Replicas)
	require.Nil(t, r.deployment("api").Spec.Replicas, "its autoscaler says how many")
	for _, d := range all[*appsv1.Deployment](render(t, two, `upstreams: {sandbox: null}`)) {
		require.NotContains(t, d.Name, "sandbox", "who has no test mode needs no worker for it")
	}
}

func TestOneUpstreamIsScaledWithoutTouchingTheOthers(t *testing.T) {
	t.Parallel()
	before := render(t, two)
	after := render(t, two, `upstreams: {hulu-1: {replicas: 3, resources: {requests: {cpu: 1}}, pod: {nodeSelector: {pool: fast}}}}`)
	require.EqualValues(t, 3, *after.deployment("worker-hulu-1").Spec.Replicas)
	requests := after.container("worker-hulu-1").Resources.Requests
	require.Equal(t, "1", requests.Cpu().String())
	require.Equal(t, "96Mi", requests.Memory().String(), "what is not said stays")
	require.Equal(t, map[string]string{"pool": "fast"}, after.deployment("worker-hulu-1").Spec.Template.Spec.NodeSelector)
	for _, role := range []string{"api", "scheduler", "webhooks", "worker-hilir-2"} {
		require.Equal(t, before.deployment(role), after.deployment(role), role)
	}
}

func TestNoPodIsMoreThanRestricted(t *testing.T) {
	t.Parallel()
	for name, r := range scenes(t) {
		for pod, template := range r.pods() {
			at := name + ": " + pod
			spec := template.Spec
			require.False(t, *spec.AutomountServiceAccountToken, at)
			require.False(t, *spec.EnableServiceLinks, "%s: a Service's variables could override the configuration", at)
			require.False(t, spec.HostNetwork || spec.HostPID || spec.HostIPC, at)
			require.True(t, *spec.SecurityContext.RunAsNonRoot, at)
			require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, spec.SecurityContext.SeccompProfile.Type, at)
			require.Equal(t, *spec.SecurityContext.RunAsGroup, *spec.SecurityContext.FSGroup, "%s: or it could not read its secrets", at)
			for _, v := range spec.Volumes {
				require.True(t, v.ConfigMap != nil || v.Projected != nil, "%s: %s", at, v.Name)
			}
			for _, c := range spec.Containers {
				require.False(t, *c.SecurityContext.AllowPrivilegeEscalation, at)
				require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, at)
				require.True(t, *c.SecurityContext.RunAsNonRoot, at)
				require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, at)
				require.Empty(t, c.SecurityContext.Capabilities.Add, at)
				require.NotEmpty(t, c.Resources.Requests.Memory().Value(), at)
				require.NotEmpty(t, c.Resources.Limits.Memory().Value(), at)
				for _, m := range c.VolumeMounts {
					require.True(t, m.ReadOnly, at)
				}
				for _, e := range c.Env {
					require.Nil(t, e.ValueFrom, "%s: secrets are files", at)
				}
			}
		}
		for _, sa := range all[*corev1.ServiceAccount](r) {
			require.False(t, *sa.AutomountServiceAccountToken, sa.Name)
		}
	}
}

func TestPodsAreAskedWhereMuaraAnswers(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	for _, d := range all[*appsv1.Deployment](r) {
		c := d.Spec.Template.Spec.Containers[0]
		for probe, want := range map[*corev1.Probe]string{c.StartupProbe: "/livez", c.LivenessProbe: "/livez", c.ReadinessProbe: "/readyz"} {
			require.Equal(t, want, probe.HTTPGet.Path, "a restart mends no database: liveness asks about the process alone")
			require.Equal(t, "metrics", probe.HTTPGet.Port.String())
		}
		require.Greater(t, c.ReadinessProbe.TimeoutSeconds, int32(2), "a role's own checks take up to 2 seconds")
		require.GreaterOrEqual(t, c.StartupProbe.FailureThreshold*c.StartupProbe.PeriodSeconds, int32(60))
	}
}

func TestPodsMayTakeLongerToEndThanTheirWork(t *testing.T) {
	t.Parallel()
	r := render(t, two, `config: {worker: {shutdown_timeout: 1m15.5s}}`)
	cfg, err := read(t, r, r.deployment("scheduler").Spec.Template.Spec)
	require.NoError(t, err)
	for _, role := range []string{"worker-hulu-1", "worker-hilir-2", "webhooks"} {
		grace := time.Duration(*r.deployment(role).Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
		require.GreaterOrEqual(t, grace, cfg.Worker.ShutdownTimeout+10*time.Second, role)
		require.Equal(t, 96*time.Second, grace, role)
	}
	for _, u := range cfg.Upstreams {
		require.Less(t, u.Timeout, cfg.Worker.ShutdownTimeout)
	}
	require.EqualValues(t, 300, *render(t, two, `upstreams: {hulu-1: {terminationGracePeriodSeconds: 300}}`).
		deployment("worker-hulu-1").Spec.Template.Spec.TerminationGracePeriodSeconds)
}

func TestAChangedConfigurationRollsPodsOut(t *testing.T) {
	t.Parallel()
	sums := func(docs ...string) map[string][2]string {
		r := render(t, append([]string{two}, docs...)...)
		found := map[string][2]string{}
		for _, d := range all[*appsv1.Deployment](r) {
			a := d.Spec.Template.Annotations
			require.NotEmpty(t, a["checksum/config"])
			require.NotEmpty(t, a["checksum/secrets"])
			found[strings.TrimPrefix(d.Name, prefix)] = [2]string{a["checksum/config"], a["checksum/secrets"]}
		}
		return found
	}
	before := sums()
	for role, sum := range sums(`config: {log: {level: debug}}`) {
		require.NotEqual(t, before[role][0], sum[0], role)
	}
	for role, sum := range sums(`upstreams: {hulu-1: {credentials: {api_key: {value: new, existingSecret: null}}}}`) {
		require.Equal(t, before[role][0], sum[0], role)
		require.Equal(t, role == "worker-hulu-1", before[role][1] != sum[1], "%s: only who has the secret", role)
	}
	require.Equal(t, before, sums(`image: {tag: v9}`, `upstreams: {hulu-1: {replicas: 2}}`))
}

func TestPodLabelsDoNotChangeWithTheChart(t *testing.T) {
	t.Parallel()
	for _, d := range all[*appsv1.Deployment](render(t, two)) {
		require.NotContains(t, d.Spec.Template.Labels, "helm.sh/chart")
		for k, v := range d.Spec.Selector.MatchLabels {
			require.Equal(t, v, d.Spec.Template.Labels[k])
			require.NotEqual(t, "app.kubernetes.io/version", k, "a selector cannot be changed")
		}
	}
}

func TestSelectorsMeetTheirOwnPodsAndNoOthers(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	for _, b := range all[*policyv1.PodDisruptionBudget](r) {
		require.Equal(t, 1, b.Spec.MaxUnavailable.IntValue(), "it never holds up a drain for ever")
		require.Equal(t, []string{b.Name}, selected(t, r, b.Spec.Selector))
	}
	require.Len(t, all[*policyv1.PodDisruptionBudget](r), 6)
	for _, d := range all[*appsv1.Deployment](r) {
		require.Equal(t, []string{d.Name}, selected(t, r, d.Spec.Selector))
		for _, s := range d.Spec.Template.Spec.TopologySpreadConstraints {
			require.Equal(t, []string{d.Name}, selected(t, r, s.LabelSelector))
		}
	}
}

// selected gives the names of the release's pods that a selector meets.
func selected(t testing.TB, r *release, s *metav1.LabelSelector) []string {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	require.NoError(t, err)
	var found []string
	for name, pod := range r.pods() {
		if selector.Matches(labels.Set(pod.Labels)) {
			found = append(found, name)
		}
	}
	return found
}

func TestNamesAndLabelsAreValidHoweverLongTheyAre(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 31)
	for _, docs := range [][]string{
		{two},
		{two, "fullnameOverride: " + strings.Repeat("very-long-", 8) + "name"},
		{base, "nameOverride: " + strings.Repeat("n", 70), "upstreams: {" + long + ": {config: {driver: sandbox}}}"},
	} {
		r := render(t, docs...)
		for _, o := range r.objects {
			m := o.(meta)
			require.Empty(t, validation.IsDNS1123Subdomain(m.GetName()), m.GetName())
			require.Equal(t, namespace, m.GetNamespace(), m.GetName())
			for k, v := range m.GetLabels() {
				require.Empty(t, validation.IsValidLabelValue(v), "%s of %s", k, m.GetName())
			}
			require.Equal(t, releaseName, m.GetLabels()["app.kubernetes.io/instance"])
		}
		for _, s := range all[*corev1.Service](r) {
			require.Empty(t, validation.IsDNS1035Label(s.Name), s.Name)
		}
	}
}

func TestTheImageIsNamedByDigestWhereOneIsGiven(t *testing.T) {
	t.Parallel()
	c := load(t)
	require.Equal(t, "ghcr.io/muarahq/muara:"+c.Metadata.AppVersion, render(t, two).container("api").Image)
	require.Equal(t, "r.example/m:v2", render(t, two, `image: {repository: r.example/m, tag: v2}`).container("api").Image)
	digest := "sha256:" + strings.Repeat("0a", 32)
	r := render(t, two, `image: {tag: v2, digest: "`+digest+`"}`)
	for name, pod := range r.pods() {
		require.Equal(t, "ghcr.io/muarahq/muara@"+digest, pod.Spec.Containers[0].Image, name)
	}
}

func TestTheCollectorKnowsTheMemoryLimit(t *testing.T) {
	t.Parallel()
	limit := func(resources string) string {
		for _, e := range render(t, two, `scheduler: {resources: {limits: `+resources+`}}`).container("scheduler").Env {
			if e.Name == "GOMEMLIMIT" {
				return e.Value
			}
		}
		return ""
	}
	require.Equal(t, "230MiB", limit(`{memory: 256Mi}`))
	require.Equal(t, "1843MiB", limit(`{memory: 2Gi}`))
	require.Empty(t, limit(`{memory: 500M}`))
}

func TestTheAPIScalesOnItsProcessor(t *testing.T) {
	t.Parallel()
	hpa := one[*autoscalingv2.HorizontalPodAutoscaler](render(t, two), prefix+"api")
	require.Equal(t, autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: prefix + "api"}, hpa.Spec.ScaleTargetRef)
	require.EqualValues(t, 2, *hpa.Spec.MinReplicas)
	require.EqualValues(t, 70, *hpa.Spec.Metrics[0].Resource.Target.AverageUtilization)
	r := render(t, two, `api: {autoscaling: {enabled: false}, replicas: 4}`)
	require.EqualValues(t, 4, *r.deployment("api").Spec.Replicas)
	require.Empty(t, all[*autoscalingv2.HorizontalPodAutoscaler](r))
}
