package charts

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

// operated turns the operator on.
const operated = `
operator: {enabled: true}
networkPolicy: {apiServer: {peers: [{ipBlock: {cidr: 10.0.0.1/32}}]}}
`

// child is the Deployment in an Upstream, as its operator makes it; strictly decoded.
func (r *release) child(upstream string) (u *unstructured.Unstructured, d *appsv1.Deployment) {
	r.t.Helper()
	u = r.foreignOf("Upstream")[upstream]
	require.NotNil(r.t, u, upstream)
	raw, found, err := unstructured.NestedMap(u.Object, "spec", "deployment")
	require.NoError(r.t, err)
	require.True(r.t, found)
	whole := map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "spec": raw["spec"],
		"metadata": map[string]any{"name": raw["name"], "namespace": u.GetNamespace(), "labels": raw["labels"]},
	}
	text, err := json.Marshal(whole)
	require.NoError(r.t, err)
	obj, _, err := decoder().Decode(text, nil, nil)
	require.NoError(r.t, err)
	d, ok := obj.(*appsv1.Deployment)
	require.True(r.t, ok)
	return u, d
}

// children are the Deployments that the operator makes, as documents.
func (r *release) children() string {
	r.t.Helper()
	var all strings.Builder
	for name := range r.foreignOf("Upstream") {
		_, d := r.child(name)
		d.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
		d.Spec.Replicas = new(int32(2))
		text, err := yaml.Marshal(d)
		require.NoError(r.t, err)
		all.WriteString("---\n" + string(text))
	}
	return all.String()
}

func TestBothModesMakeTheSamePods(t *testing.T) {
	t.Parallel()
	docs := map[string][]string{"two": {two}}
	for _, file := range valuesFiles {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		docs[file] = []string{string(text)}
	}
	for at, values := range docs {
		plain, other := render(t, values...), render(t, append(values, operated)...)
		count := 0
		for name := range other.foreignOf("Upstream") {
			count++
			want := plain.deployment("worker-" + name)
			u, got := other.child(name)
			require.Equal(t, want.Spec.Template, got.Spec.Template, "%s: %s", at, name)
			require.Equal(t, want.Spec.Selector, got.Spec.Selector, "%s: %s", at, name)
			workers, said, err := unstructured.NestedFloat64(u.Object, "spec", "workers")
			require.NoError(t, err)
			require.Equal(t, want.Spec.Replicas != nil, said, "an autoscaler says how many")
			if said {
				require.EqualValues(t, *want.Spec.Replicas, workers)
			}
			require.Nil(t, got.Spec.Replicas)
			want.Spec.Replicas = nil
			require.Equal(t, want.Spec, got.Spec)
			// Names differ, so that a release may change from one mode to the other without either being in the other's way.
			require.NotEqual(t, want.Name, got.Name)
			require.Empty(t, validation.IsDNS1123Subdomain(got.Name))
			require.Equal(t, "muara-operator", got.Labels["app.kubernetes.io/managed-by"])
			require.Equal(t, name, got.Labels["muara.io/upstream"])
		}
		require.NotZero(t, count)
		for _, d := range all[*appsv1.Deployment](other) {
			require.False(t, strings.HasPrefix(d.Name, prefix+"worker-"), d.Name)
		}
		// All that is beside is the same, but for the operator's own.
		names := func(r *release) (all []string) {
			for _, o := range r.objects {
				m, ok := o.(meta)
				require.True(t, ok)
				kind := o.GetObjectKind().GroupVersionKind().Kind
				workers := kind == "Upstream" || kind == "Deployment" && m.GetLabels()["app.kubernetes.io/component"] == "worker"
				if !workers && m.GetName() != prefix+"operator" {
					all = append(all, kind+" "+m.GetName())
				}
			}
			slices.Sort(all)
			return all
		}
		require.Equal(t, names(plain), names(other), at)
	}
}

func TestAutoscalersSetTheUpstreamsWorkers(t *testing.T) {
	t.Parallel()
	r := render(t, two, scaled, operated)
	target := r.scaledObject("worker-hulu-1")["scaleTargetRef"]
	require.Equal(t, map[string]any{"apiVersion": "muara.io/v1alpha1", "kind": "Upstream", "name": "hulu-1"}, target)
	r = render(t, two, scaled, operated, `{autoscaling: {provider: external}, webhooks: {autoscaling: {enabled: true}}}`)
	hpa := one[*autoscalingv2.HorizontalPodAutoscaler](r, prefix+"worker-hulu-1")
	require.Equal(t, autoscalingv2.CrossVersionObjectReference{APIVersion: "muara.io/v1alpha1", Kind: "Upstream", Name: "hulu-1"}, hpa.Spec.ScaleTargetRef)
	require.Equal(t, "Deployment", one[*autoscalingv2.HorizontalPodAutoscaler](r, prefix+"webhooks").Spec.ScaleTargetRef.Kind)
}

func TestThePlainChartKnowsNothingOfTheOperator(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	require.NotContains(t, r.text, "muara.io/v1alpha1")
	require.Empty(t, all[*rbacv1.Role](r))
	require.NotContains(t, r.text, prefix+"operator")
	require.Len(t, all[*policyv1.PodDisruptionBudget](r), 6)
}

// TestTheOperatorMayDoWhatItDoesAndNoMore is the list; that it is enough is pkg/kube's test, whose API server refuses all else.
func TestTheOperatorMayDoWhatItDoesAndNoMore(t *testing.T) {
	t.Parallel()
	r := render(t, two, operated)
	role := one[*rbacv1.Role](r, prefix+"operator")
	may := map[string]string{}
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				at := strings.TrimPrefix(group+"/"+resource, "/")
				if len(rule.ResourceNames) > 0 {
					at += " " + strings.Join(rule.ResourceNames, ",")
				}
				may[at] += strings.Join(rule.Verbs, " ")
			}
		}
	}
	require.Equal(t, map[string]string{
		"muara.io/upstreams": "get list watch", "muara.io/upstreams/status": "patch", "muara.io/upstreams/finalizers": "update",
		"apps/deployments": "get list watch create patch", "events.k8s.io/events": "create patch", "events": "create patch",
		"coordination.k8s.io/leases": "create", "coordination.k8s.io/leases " + prefix + "operator": "get update",
	}, may)
	require.NotContains(t, slices.Collect(maps.Values(may)), "*")
	binding := one[*rbacv1.RoleBinding](r, prefix+"operator")
	require.Equal(t, rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: role.Name}, binding.RoleRef)
	require.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Name: prefix + "operator", Namespace: namespace}}, binding.Subjects)

	pod := r.deployment("operator").Spec.Template.Spec
	require.Equal(t, prefix+"operator", pod.ServiceAccountName)
	require.Equal(t, []string{"--config", "/etc/muara/muara.yaml", "operator", "--lease", prefix + "operator"}, pod.Containers[0].Args)
	for name, template := range r.pods() {
		for _, v := range template.Spec.Volumes {
			if v.Projected == nil {
				continue
			}
			for _, s := range v.Projected.Sources {
				require.Equal(t, name == prefix+"operator" && v.Name == "cluster", s.ServiceAccountToken != nil || s.ConfigMap != nil || s.DownwardAPI != nil, "%s: %s", name, v.Name)
			}
		}
	}
	for file := range mounted(t, pod) {
		require.NotContains(t, file, "upstreams/", "it holds no provider's secret")
		require.NotContains(t, file, "encryption")
	}
	cfg, err := read(t, r, pod)
	require.NoError(t, err)
	require.Equal(t, ":9093", cfg.Operator.MetricsListen)
	require.Equal(t, []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9093, Protocol: corev1.ProtocolTCP}}, pod.Containers[0].Ports)
	require.Equal(t, []string{"dns", "10.9.0.1/32:5432", "10.9.0.2/32:6379", "10.0.0.1/32:443,6443"}, reaches(r.policy("operator").Spec.Egress))
	require.Equal(t, []string{"dns", "10.9.0.1/32:5432", "10.9.0.2/32:6379"}, reaches(r.policy("scheduler").Spec.Egress))
}

func TestTheOperatorNeedsWhatItNeeds(t *testing.T) {
	t.Parallel()
	_, err := try(t, two, `operator: {enabled: true}`)
	require.ErrorContains(t, err, "networkPolicy.apiServer.peers")
	_, err = try(t, two, operated, `serviceAccounts: {create: false}`)
	require.ErrorContains(t, err, "operator.enabled: needs serviceAccounts.create")
	_, err = try(t, two, `operator: {enabled: true}`, `networkPolicy: {enabled: false}`)
	require.NoError(t, err)
}

func TestTheDefinitionIsKeptByItsChart(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("muara-crds/templates/muara.io_upstreams.yaml")
	require.NoError(t, err)
	require.NotContains(t, string(text), "{{", "Helm would render it")
	var crd struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	require.NoError(t, yaml.Unmarshal(text, &crd))
	require.Equal(t, "keep", crd.Metadata.Annotations["helm.sh/resource-policy"], "with it would go every Upstream, and all workers")
}

func TestTheDefinitionRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	validate := tool(t, "validate", "kubectl-validate")
	definitions := t.TempDir()
	crd, err := os.ReadFile("muara-crds/templates/muara.io_upstreams.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(definitions+"/crd.yaml", crd, 0o600))
	judge := func(metadata, spec string) (string, error) {
		doc := "apiVersion: muara.io/v1alpha1\nkind: Upstream\nmetadata: {namespace: payments, " + metadata + "}\nspec: {" + spec + "}\n"
		file := t.TempDir() + "/upstream.yaml"
		require.NoError(t, os.WriteFile(file, []byte(doc), 0o600))
		return output(t, ".", "", validate, "--version", "1.30", "--local-crds", definitions, file)
	}
	const deployment = `deployment: {name: a, spec: {paused: true, anything: {goes: 1}}}`
	for _, spec := range []string{
		deployment, deployment + `, workers: 0`, deployment + `, workers: 1000, paused: true, pausedWhy: night`, deployment + `, budget: {requests: 5, per: 10s}`,
		deployment + `, budget: {requests: 100000, per: 1h30m}`, deployment + `, budget: {requests: 1, per: 24h}`,
	} {
		out, err := judge("name: hulu-1", spec)
		require.NoError(t, err, "%s: %s", spec, out)
	}
	for spec, why := range map[string]string{
		`workers: 1`:                                            "spec.deployment",
		deployment + `, workers: -1`:                            "spec.workers",
		deployment + `, workers: 1001`:                          "spec.workers",
		deployment + `, workers: two`:                           "spec.workers",
		deployment + `, wrokers: 2`:                             "wrokers",
		deployment + `, paused: "yes"`:                          "spec.paused",
		deployment + `, pausedWhy: ` + strings.Repeat("x", 201): "spec.pausedWhy",
		deployment + `, budget: {requests: 5}`:                  "spec.budget.per",
		deployment + `, budget: {requests: 0, per: 10s}`:        "spec.budget.requests",
		deployment + `, budget: {requests: 5, per: ten}`:        "spec.budget.per",
		deployment + `, budget: {requests: 5, per: 10}`:         "spec.budget.per",
		deployment + `, budget: {requests: 5, per: 0s}`:         "from 1ms to 24h",
		deployment + `, budget: {requests: 5, per: 25h}`:        "from 1ms to 24h",
		deployment + `, budget: {requests: 5, per: 0.1ms}`:      "from 1ms to 24h",
	} {
		out, err := judge("name: hulu-1", spec)
		require.Error(t, err, spec)
		require.Contains(t, out, why, spec)
	}
	for _, name := range []string{"name: " + strings.Repeat("a", 32), "name: hulu.1", "name: hulu-"} {
		out, err := judge(name, deployment)
		require.Error(t, err, name)
		require.NotEmpty(t, out)
	}
}
