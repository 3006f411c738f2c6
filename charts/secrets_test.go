package charts

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// sources tells for each file of a pod which Secret and key it is from.
func sources(t testing.TB, pod corev1.PodSpec) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, v := range pod.Volumes {
		if v.Projected == nil {
			continue
		}
		require.EqualValues(t, 0o440, *v.Projected.DefaultMode)
		for _, s := range v.Projected.Sources {
			for _, item := range s.Secret.Items {
				found[path.Join("/run/muara", item.Path)] = s.Secret.Name + "/" + item.Key
			}
		}
	}
	return found
}

const mixed = base + `
database: {url: {value: "postgres://inline", existingSecret: null}, directURL: {remoteRef: {key: pg, property: direct}}}
redis: {url: {remoteRef: {key: redis, property: url}, existingSecret: null}}
externalSecrets: {secretStoreRef: {name: vault}}
upstreams:
  a:
    config: {driver: rqid, base_url: "https://a.example"}
    credentials:
      api_key: {value: kunci}
      mmid: {remoteRef: {key: a, property: mmid}}
      user: {existingSecret: {name: theirs, key: u}}
`

func TestASecretMayBeInThreePlaces(t *testing.T) {
	t.Parallel()
	r := render(t, mixed)
	require.Equal(t, map[string]string{
		"/run/muara/database-url":        prefix + "servers/database-url",
		"/run/muara/redis-url":           prefix + "servers-external/redis-url",
		"/run/muara/upstreams/a/api_key": prefix + "upstream-a/api_key",
		"/run/muara/upstreams/a/mmid":    prefix + "upstream-a-external/mmid",
		"/run/muara/upstreams/a/user":    "theirs/u",
	}, sources(t, r.deployment("worker-a").Spec.Template.Spec))
	require.Equal(t, map[string]string{
		"/run/muara/database-url":   prefix + "servers/database-url",
		"/run/muara/redis-url":      prefix + "servers-external/redis-url",
		"/run/muara/encryption-key": "crypt/k",
	}, sources(t, r.deployment("api").Spec.Template.Spec))

	inline := map[string]map[string]string{}
	for _, s := range all[*corev1.Secret](r) {
		require.Empty(t, s.Data)
		inline[strings.TrimPrefix(s.Name, prefix)] = s.StringData
	}
	require.Equal(t, map[string]map[string]string{"servers": {"database-url": "postgres://inline"}, "upstream-a": {"api_key": "kunci"}}, inline)

	external := r.foreignOf("ExternalSecret")
	require.ElementsMatch(t, []string{prefix + "servers-external", prefix + "upstream-a-external", prefix + "migrate-external"}, slices.Collect(maps.Keys(external)))
	spec := external[prefix+"upstream-a-external"].Object["spec"].(map[string]any)
	require.Equal(t, map[string]any{"name": "vault", "kind": "ClusterSecretStore"}, spec["secretStoreRef"])
	target, _, err := unstructured.NestedString(spec, "target", "name")
	require.NoError(t, err)
	require.Equal(t, prefix+"upstream-a-external", target)
	require.Equal(t, []any{map[string]any{"secretKey": "mmid", "remoteRef": map[string]any{"key": "a", "property": "mmid"}}}, spec["data"])
}

func TestWhatIsThereAlreadyIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	require.Empty(t, all[*corev1.Secret](r))
	require.Empty(t, r.foreignOf("ExternalSecret"))
}

func TestNoSecretIsInTheConfigurationOrTheEnvironment(t *testing.T) {
	t.Parallel()
	r := render(t, base, `
database: {url: {value: "postgres://rahasia-1", existingSecret: null}}
redis: {url: {value: "redis://rahasia-2", existingSecret: null}}
encryptionKey: {value: rahasia-3, existingSecret: null}
upstreams: {a: {config: {driver: rqid, base_url: "https://a.example"}, credentials: {api_key: {value: rahasia-4}}}}
`)
	require.Len(t, all[*corev1.Secret](r), 4, "the servers', the key, the upstream's, and the migrations' own")
	for doc := range strings.SplitSeq(r.text, "---\n") {
		if !strings.Contains(doc, "kind: Secret\n") {
			require.NotContains(t, doc, "rahasia")
		}
	}
}
