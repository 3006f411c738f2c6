package charts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const (
	releaseName = "toko"
	namespace   = "payments"
	// prefix is what the names of the release's objects begin with.
	prefix = releaseName + "-muara-"
)

// The values files that the chart brings.
var valuesFiles = []string{"muara/values-small.yaml", "muara/values-production.yaml", "muara/values-ha.yaml"}

// base is the least that renders.
const base = `
database: {url: {existingSecret: {name: servers, key: db}}}
redis: {url: {existingSecret: {name: servers, key: redis}}}
encryptionKey: {existingSecret: {name: crypt, key: k}}
networkPolicy:
  database: {peers: [{ipBlock: {cidr: 10.9.0.1/32}}]}
  redis: {peers: [{ipBlock: {cidr: 10.9.0.2/32}}]}
`

// two has two upstreams beside that.
const two = base + `
upstreams:
  hulu-1:
    config: {driver: rumahotp, base_url: "https://hulu.example/api"}
    credentials: {api_key: {existingSecret: {name: hulu-1, key: token}}}
  hilir-2:
    config: {driver: rqid, base_url: "http://hilir.example:8181", budget: {requests: 100, per: 1s}, timeout: 10s}
    credentials: {api_key: {existingSecret: {name: hilir-2, key: k}}, mmid: {existingSecret: {name: hilir-2, key: m}}}
`

var decoder = sync.OnceValue(func() runtime.Decoder {
	s := runtime.NewScheme()
	utilruntime.Must(scheme.AddToScheme(s))
	utilruntime.Must(monitoringv1.AddToScheme(s))
	return serializer.NewCodecFactory(s, serializer.EnableStrict).UniversalDeserializer()
})

// foreign are the groups whose types are no Go code here: kubectl-validate knows their definitions.
var foreign = []string{"keda.sh", "gateway.networking.k8s.io", "external-secrets.io", "muara.io"}

// release is what a rendering of the chart came to.
type release struct {
	t       testing.TB
	text    string // every document
	objects []runtime.Object
}

// load reads the chart; every rendering has one of its own, since Helm changes what it renders.
func load(t testing.TB) *chart.Chart {
	t.Helper()
	c, err := loader.Load("muara")
	require.NoError(t, err)
	return c
}

// values lays YAML documents over one another; the later win.
func values(t testing.TB, docs ...string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, doc := range docs {
		v, err := chartutil.ReadValues([]byte(doc))
		require.NoError(t, err)
		all = chartutil.MergeTables(v, all)
	}
	return all
}

// try renders the chart as `helm install` would.
func try(t testing.TB, docs ...string) (map[string]string, error) {
	t.Helper()
	c := load(t)
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}
	options := chartutil.ReleaseOptions{Name: releaseName, Namespace: namespace, Revision: 1, IsInstall: true}
	v, err := chartutil.ToRenderValues(c, values(t, docs...), options, caps)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, v)
}

// render gives the objects of a rendering, strictly decoded.
func render(t testing.TB, docs ...string) *release {
	t.Helper()
	files, err := try(t, docs...)
	require.NoError(t, err)
	r := &release{t: t}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for doc := range strings.SplitSeq("\n"+files[name], "\n---") {
			var raw map[string]any
			require.NoError(t, yaml.UnmarshalStrict([]byte(doc), &raw), "%s:\n%s", name, doc)
			if len(raw) == 0 {
				continue
			}
			fmt.Fprintf(&text, "---\n# %s\n%s\n", name, strings.TrimSpace(doc))
			r.objects = append(r.objects, r.decode(name, doc, raw))
		}
	}
	r.text = text.String()
	return r
}

func (r *release) decode(name, doc string, raw map[string]any) runtime.Object {
	r.t.Helper()
	u := &unstructured.Unstructured{Object: raw}
	if slices.Contains(foreign, u.GroupVersionKind().Group) {
		return u
	}
	obj, _, err := decoder().Decode([]byte(doc), nil, nil)
	require.NoError(r.t, err, "%s:\n%s", name, doc)
	return obj
}

// meta is what every object has.
type meta interface {
	GetName() string
	GetNamespace() string
	GetLabels() map[string]string
	GetAnnotations() map[string]string
}

// all gives the objects of a type.
func all[T any](r *release) []T {
	var found []T
	for _, o := range r.objects {
		if x, ok := o.(T); ok {
			found = append(found, x)
		}
	}
	return found
}

// one gives the object of a type with that name.
func one[T meta](r *release, name string) T {
	r.t.Helper()
	for _, x := range all[T](r) {
		if x.GetName() == name {
			return x
		}
	}
	var none T
	require.Fail(r.t, "no such object", "%T %s", none, name)
	return none
}

// foreignOf gives the objects of a kind that is not Kubernetes' own.
func (r *release) foreignOf(kind string) map[string]*unstructured.Unstructured {
	found := map[string]*unstructured.Unstructured{}
	for _, u := range all[*unstructured.Unstructured](r) {
		if u.GetKind() == kind {
			found[u.GetName()] = u
		}
	}
	return found
}

// deployment gives a role's.
func (r *release) deployment(role string) *appsv1.Deployment {
	r.t.Helper()
	return one[*appsv1.Deployment](r, prefix+role)
}

// container gives a role's only one.
func (r *release) container(role string) corev1.Container {
	r.t.Helper()
	all := r.deployment(role).Spec.Template.Spec.Containers
	require.Len(r.t, all, 1)
	return all[0]
}

// config gives the rendered muara.yaml.
func (r *release) config() string {
	r.t.Helper()
	return one[*corev1.ConfigMap](r, prefix+"config").Data["muara.yaml"]
}

// pods gives every pod template of the release, by its object's name.
func (r *release) pods() map[string]corev1.PodTemplateSpec {
	found := map[string]corev1.PodTemplateSpec{}
	for _, d := range all[*appsv1.Deployment](r) {
		found[d.Name] = d.Spec.Template
	}
	for _, j := range r.jobs() {
		found[j.Name] = j.Spec.Template
	}
	for _, p := range all[*corev1.Pod](r) {
		found[p.Name] = corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}
	}
	return found
}
