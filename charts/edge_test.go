package charts

import (
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

func TestMerchantsComeThroughAnIngressOrAGateway(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	require.Empty(t, all[*networkingv1.Ingress](r))
	require.Empty(t, r.foreignOf("HTTPRoute"))
	r = render(t, two, `
api:
  service: {port: 8000}
  ingress: {enabled: true, className: nginx, hosts: [a.example, b.example], tls: [{secretName: s, hosts: [a.example]}], annotations: {x: "y"}}
  httpRoute: {enabled: true, parentRefs: [{name: public, namespace: edge}], hostnames: [a.example]}
`)
	in := one[*networkingv1.Ingress](r, prefix+"api")
	require.Equal(t, "nginx", *in.Spec.IngressClassName)
	require.Equal(t, []networkingv1.IngressTLS{{SecretName: "s", Hosts: []string{"a.example"}}}, in.Spec.TLS)
	require.Equal(t, "y", in.Annotations["x"])
	require.Len(t, in.Spec.Rules, 2)
	for _, rule := range in.Spec.Rules {
		backend := rule.HTTP.Paths[0].Backend.Service
		require.Equal(t, prefix+"api", backend.Name)
		require.Equal(t, "http", backend.Port.Name)
	}
	route := r.foreignOf("HTTPRoute")[prefix+"api"].Object["spec"].(map[string]any)
	require.Equal(t, []any{map[string]any{"name": "public", "namespace": "edge"}}, route["parentRefs"])
	require.Equal(t, []any{map[string]any{"backendRefs": []any{map[string]any{"name": prefix + "api", "port": 8000.0}}}}, route["rules"])
	require.EqualValues(t, 8000, one[*corev1.Service](r, prefix+"api").Spec.Ports[0].Port)
}

func TestEveryRoleIsRead(t *testing.T) {
	t.Parallel()
	require.Empty(t, all[*monitoringv1.PodMonitor](render(t, two)))
	r := render(t, two, `metrics: {podMonitor: {enabled: true, labels: {release: prom}, interval: 30s}}`)
	m := one[*monitoringv1.PodMonitor](r, strings.TrimSuffix(prefix, "-"))
	require.Equal(t, "prom", m.Labels["release"])
	require.Len(t, m.Spec.PodMetricsEndpoints, 1)
	require.Equal(t, "metrics", *m.Spec.PodMetricsEndpoints[0].Port)
	require.Len(t, selected(t, r, &m.Spec.Selector), 8, "those of the roles; a Job's and a test's have no such port")
	for role := range map[string]bool{"api": true, "scheduler": true, "webhooks": true, "worker-hulu-1": true, "worker-hilir-2": true} {
		require.Contains(t, selected(t, r, &m.Spec.Selector), prefix+role)
	}
}

func TestHelmTestAsksTheService(t *testing.T) {
	t.Parallel()
	r := render(t, two, `api: {service: {port: 8000}}`)
	pod := one[*corev1.Pod](r, prefix+"test")
	require.Equal(t, "test", pod.Annotations["helm.sh/hook"])
	require.Equal(t, []string{"probe", "--timeout", "30s", "http://" + prefix + "api:8000/openapi.json"}, pod.Spec.Containers[0].Args)
	require.Empty(t, all[*corev1.Pod](render(t, two, `tests: {enabled: false}`)))
}

func TestCallersAddressesArriveThroughALoadBalancer(t *testing.T) {
	t.Parallel()
	spec := func(doc string) corev1.ServiceSpec {
		return one[*corev1.Service](render(t, two, doc), prefix+"api").Spec
	}
	plain := spec("")
	require.Empty(t, plain.ExternalTrafficPolicy)
	outside := spec(`api: {service: {type: LoadBalancer, loadBalancerClass: example.com/nlb, loadBalancerSourceRanges: [192.0.2.0/24]}}`)
	require.Equal(t, corev1.ServiceExternalTrafficPolicyLocal, outside.ExternalTrafficPolicy)
	require.Equal(t, "example.com/nlb", *outside.LoadBalancerClass)
	require.Equal(t, []string{"192.0.2.0/24"}, outside.LoadBalancerSourceRanges)
	require.Equal(t, corev1.ServiceExternalTrafficPolicyCluster, spec(`api: {service: {type: NodePort, externalTrafficPolicy: Cluster}}`).ExternalTrafficPolicy)
	render(t, two, `workers: {resources: {limits: {memory: 512Ki, cpu: 500m}, requests: {memory: 1.5Gi, cpu: 1, ephemeral-storage: 2k}}}`)
}
