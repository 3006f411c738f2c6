package charts

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
)

// reaches writes egress rules so that they can be compared: "dns", "CIDR:port", "CIDR-…:port" where something is left out, "pods:port".
func reaches(rules []networkingv1.NetworkPolicyEgressRule) []string {
	var found []string
	for _, rule := range rules {
		var ports []string
		for _, p := range rule.Ports {
			ports = append(ports, p.Port.String())
		}
		if slices.Equal(ports, []string{"53", "53"}) {
			found = append(found, "dns")
			continue
		}
		for _, to := range rule.To {
			where := "pods"
			if to.IPBlock != nil {
				where = to.IPBlock.CIDR
				if len(to.IPBlock.Except) > 0 {
					where += "-private"
				}
			}
			found = append(found, where+":"+strings.Join(ports, ","))
		}
	}
	return found
}

func (r *release) policy(role string) *networkingv1.NetworkPolicy {
	r.t.Helper()
	return one[*networkingv1.NetworkPolicy](r, prefix+role)
}

func TestWhoMayTalkToWhom(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	servers := []string{"dns", "10.9.0.1/32:5432", "10.9.0.2/32:6379"}
	and := func(more ...string) []string { return append(slices.Clone(servers), more...) }
	for role, want := range map[string][]string{
		"api":            servers,
		"scheduler":      servers,
		"webhooks":       and("0.0.0.0/0-private:443", "::/0-private:443"),
		"worker-hulu-1":  and("0.0.0.0/0-private:443", "::/0-private:443"),
		"worker-hilir-2": and("0.0.0.0/0-private:8181", "::/0-private:8181"),
		"test":           {"dns", "pods:http"},
	} {
		require.Equal(t, want, reaches(r.policy(role).Spec.Egress), role)
	}
	// Every pod has its policy, and it says both directions.
	for name, pod := range r.pods() {
		policy := one[*networkingv1.NetworkPolicy](r, name)
		require.Equal(t, []networkingv1.PolicyType{"Ingress", "Egress"}, policy.Spec.PolicyTypes)
		require.Equal(t, []string{name}, selected(t, r, &policy.Spec.PodSelector))
		for _, rule := range policy.Spec.Egress {
			require.NotEmpty(t, rule.To, "%s: an empty list is everywhere", name)
		}
		require.NotEmpty(t, pod.Labels)
	}
}

func TestWorkersReachTheirUpstreamAlone(t *testing.T) {
	t.Parallel()
	r := render(t, two, `upstreams: {hulu-1: {egress: {cidrs: [203.0.113.7/32, "2001:db8::/64"]}}, hilir-2: {egress: {cidrs: [192.0.2.0/24], ports: [80, 8080]}}}`)
	require.Equal(t, []string{"203.0.113.7/32:443", "2001:db8::/64:443"}, reaches(r.policy("worker-hulu-1").Spec.Egress)[3:])
	require.Equal(t, []string{"192.0.2.0/24:80,8080"}, reaches(r.policy("worker-hilir-2").Spec.Egress)[3:])
	r = render(t, base, `upstreams: {kotak: {config: {driver: sandbox}}}`)
	require.Len(t, reaches(r.policy("worker-kotak").Spec.Egress), 3, "one without an address reaches none")
}

func TestOpenedWebhooksAreOpenedHere(t *testing.T) {
	t.Parallel()
	r := render(t, two, `config: {webhooks: {allow_http: true, allow_cidrs: [10.50.0.0/16]}}`)
	require.Equal(t, []string{"0.0.0.0/0-private:", "::/0-private:", "10.50.0.0/16:"}, reaches(r.policy("webhooks").Spec.Egress)[3:])
}

func TestWhatIsPrivateIsNotTheInternet(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	var blocks []networkingv1.IPBlock
	for _, rule := range r.policy("webhooks").Spec.Egress {
		for _, to := range rule.To {
			if to.IPBlock != nil && len(to.IPBlock.Except) > 0 {
				blocks = append(blocks, *to.IPBlock)
			}
		}
	}
	require.Len(t, blocks, 2)
	open := func(addr string) bool {
		ip := netip.MustParseAddr(addr)
		for _, b := range blocks {
			whole := netip.MustParsePrefix(b.CIDR)
			out := slices.ContainsFunc(b.Except, func(e string) bool {
				p := netip.MustParsePrefix(e)
				require.True(t, whole.Contains(p.Addr()) && p.Bits() > whole.Bits() && p.Addr() == p.Masked().Addr(), "%s is not within %s", e, b.CIDR)
				return p.Contains(ip)
			})
			if whole.Contains(ip) && !out {
				return true
			}
		}
		return false
	}
	for _, addr := range []string{"10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fd00::1", "fe80::1", "ff02::1"} {
		require.False(t, open(addr), addr)
	}
	for _, addr := range []string{"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1"} {
		require.True(t, open(addr), addr)
	}
}

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	callers := func(p *networkingv1.NetworkPolicy) map[string]string {
		found := map[string]string{}
		for _, rule := range p.Spec.Ingress {
			for _, port := range rule.Ports {
				found[port.Port.String()] = fmt.Sprint(len(rule.From), " peers")
			}
		}
		return found
	}
	r := render(t, two)
	require.Equal(t, map[string]string{"http": "0 peers", "metrics": "1 peers"}, callers(r.policy("api")), "merchants come from anywhere")
	for _, role := range []string{"scheduler", "webhooks", "worker-hulu-1"} {
		require.Equal(t, map[string]string{"metrics": "1 peers"}, callers(r.policy(role)), role)
	}
	r = render(t, two, `networkPolicy: {api: {peers: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}}]}, metrics: {peers: []}}`)
	require.Equal(t, map[string]string{"http": "2 peers"}, callers(r.policy("api")), "and the pod of `helm test`")
	require.Equal(t, []string{prefix + "test"}, selected(t, r, r.policy("api").Spec.Ingress[0].From[1].PodSelector))
	require.Empty(t, r.policy("scheduler").Spec.Ingress)
	require.Empty(t, all[*networkingv1.NetworkPolicy](render(t, two, `networkPolicy: {enabled: false}`)))
}

func TestTracesReachTheirCollector(t *testing.T) {
	t.Parallel()
	peers := `networkPolicy: {tracing: {peers: [{ipBlock: {cidr: 10.9.0.3/32}}]}}`
	require.Len(t, reaches(render(t, two, peers).policy("api").Spec.Egress), 3)
	r := render(t, two, peers, `config: {trace: {endpoint: "http://otel:4318"}}`)
	require.Contains(t, reaches(r.policy("api").Spec.Egress), "10.9.0.3/32:4318")
}
