package charts

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

const administered = `
api: {admin: {enabled: true}}
networkPolicy: {admin: {peers: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: office}}}]}}
`

func TestTheAdminAPIHasAWayInOfItsOwn(t *testing.T) {
	t.Parallel()
	edge := `api: {ingress: {enabled: true, hosts: [api.toko.example]}}`
	r := render(t, two, administered, edge)
	cfg, err := read(t, r, r.deployment("api").Spec.Template.Spec)
	require.NoError(t, err)
	require.Equal(t, ":8081", cfg.API.AdminListen)
	ports := map[string]int32{}
	for _, p := range r.container("api").Ports {
		ports[p.Name] = p.ContainerPort
	}
	require.Equal(t, map[string]int32{"http": 8080, "admin": 8081, "metrics": 9090}, ports)
	s := one[*corev1.Service](r, prefix+"admin")
	require.Equal(t, corev1.ServiceTypeClusterIP, s.Spec.Type)
	require.Equal(t, "admin", s.Spec.Ports[0].TargetPort.String())
	require.Equal(t, one[*corev1.Service](r, prefix+"api").Spec.Selector, s.Spec.Selector)
	require.Equal(t, prefix+"api", one[*networkingv1.Ingress](r, prefix+"api").Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name, "merchants' alone")

	callers := map[string]int{}
	for _, rule := range r.policy("api").Spec.Ingress {
		for _, port := range rule.Ports {
			callers[port.Port.String()] = len(rule.From)
		}
	}
	require.Equal(t, map[string]int{"http": 0, "admin": 1, "metrics": 1}, callers)
	_, err = try(t, two, `api: {admin: {enabled: true}}`)
	require.ErrorContains(t, err, "networkPolicy.admin.peers")
}

func TestWithoutTheAdminAPIThereIsNoneOfIt(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	cfg, err := read(t, r, r.deployment("api").Spec.Template.Spec)
	require.NoError(t, err)
	require.Equal(t, "off", cfg.API.AdminListen)
	require.NotContains(t, r.text, prefix+"admin")
	require.NotContains(t, r.text, "8081")
}
