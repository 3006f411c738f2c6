package charts

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/muarahq/muara/pkg/config"
)

// Secrets as they might be in a cluster.
func secretOf(file string) string {
	switch path.Base(file) {
	case "database-url":
		return "postgres://muara:x@db.data/muara"
	case "redis-url":
		return "redis+sentinel://:x@redis-0.data:26379,redis-1.data:26379/master/0"
	case "encryption-key":
		return strings.Repeat("ab", 32)
	default:
		return "secret of " + file
	}
}

// mounted gives the files that a pod finds below where its secrets are.
func mounted(t testing.TB, pod corev1.PodSpec) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, c := range pod.Containers {
		for _, m := range c.VolumeMounts {
			i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
			require.GreaterOrEqual(t, i, 0, m.Name)
			if p := pod.Volumes[i].Projected; p != nil {
				for _, s := range p.Sources {
					if s.Secret == nil {
						continue // the operator's way into the cluster
					}
					for _, item := range s.Secret.Items {
						at := path.Join(m.MountPath, item.Path)
						require.NotContains(t, files, at)
						files[at] = secretOf(at)
					}
				}
			}
		}
	}
	return files
}

// read decodes the rendered muara.yaml as a pod would, with its environment and files.
func read(t testing.TB, r *release, pod corev1.PodSpec) (*config.Config, error) {
	t.Helper()
	files := mounted(t, pod)
	env := map[string]string{}
	for _, e := range pod.Containers[0].Env {
		env[e.Name] = e.Value
	}
	return config.Parse([]byte(r.config()), config.Source{
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		ReadFile: func(name string) ([]byte, error) {
			if v, ok := files[name]; ok {
				return []byte(v), nil
			}
			return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not mounted")}
		},
	})
}

func TestEveryRoleReadsWhatIsRenderedAndHasWhatItNeeds(t *testing.T) {
	t.Parallel()
	for _, file := range valuesFiles {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		r := render(t, string(text))
		needs := map[string]config.Need{"api": config.NeedKey, "webhooks": config.NeedKey, "scheduler": 0}
		for _, d := range all[*appsv1.Deployment](r) {
			if role := strings.TrimPrefix(d.Name, prefix); strings.HasPrefix(role, "worker-") {
				needs[role] = 0
			}
		}
		require.Greater(t, len(needs), 4)
		for role, need := range needs {
			pod := r.deployment(role).Spec.Template.Spec
			cfg, err := read(t, r, pod)
			require.NoError(t, err, "%s: %s", file, role)
			require.NoError(t, cfg.Require(config.NeedDatabase|config.NeedRedis|need), "%s: %s", file, role)
			for _, u := range cfg.Upstreams {
				// A pod holds the secrets of its own upstream and of no other.
				_, err := cfg.Upstream(u.Name)
				if "worker-"+u.Name == role {
					require.NoError(t, err, "%s: %s", file, role)
				} else if len(u.Credentials) > 0 {
					require.ErrorContains(t, err, "not mounted", "%s: %s has the credentials of %s", file, role, u.Name)
				}
			}
			if need == 0 {
				require.Error(t, cfg.Require(config.NeedKey), "%s: %s has no use for the encryption key", file, role)
			}
		}
	}
}

func TestTheConfigurationIsThatOfTheValues(t *testing.T) {
	t.Parallel()
	r := render(t, two, `
config:
  brand: {name: Toko, timezone: Asia/Makassar}
  api: {public_url: "https://api.example", trusted_proxies: [10.0.0.0/8], rate_limit: 1000000, pricelist: "off"}
  catalog: {step: 1000000, floor: 25}
  worker: {shutdown_timeout: 1m30s, buy_concurrency: 8}
  trace: {endpoint: "http://otel:4318", ratio: 0.25}
upstreams: {hulu-1: {config: {provides: [otp, ppob], options: {server: "1"}}}}
`)
	cfg, err := read(t, r, r.deployment("worker-hilir-2").Spec.Template.Spec)
	require.NoError(t, err)
	require.Equal(t, "Toko", cfg.Brand.Name)
	require.Equal(t, "https://api.example", cfg.API.PublicURL)
	require.Equal(t, 1_000_000, cfg.API.RateLimit, "a number stays a whole one")
	require.Equal(t, config.PricelistOff, cfg.API.Pricelist)
	require.EqualValues(t, 1_000_000, cfg.Catalog.Step)
	require.Equal(t, 90*time.Second, cfg.Worker.ShutdownTimeout)
	require.InDelta(t, 0.25, cfg.Trace.Ratio, 0)
	require.Len(t, cfg.Upstreams, 3)
	require.Equal(t, config.BuiltInSandbox, cfg.Upstreams[2].Name)
	require.False(t, cfg.Upstreams[2].BuiltIn, "it has a worker, so it is one like the others")
	hilir, err := cfg.Upstream("hilir-2")
	require.NoError(t, err)
	require.Equal(t, config.Budget{Requests: 100, Per: time.Second}, hilir.Budget)
	require.Equal(t, 10*time.Second, hilir.Timeout)
	require.Equal(t, "secret of /run/muara/upstreams/hilir-2/mmid", hilir.Credentials["mmid"].Reveal())
	require.Equal(t, []string{"otp", "ppob"}, cfg.Upstreams[1].Provides)
	require.Equal(t, map[string]string{"server": "1"}, cfg.Upstreams[1].Options)
	require.NotContains(t, r.config(), "postgres://")
}

func TestPortsAreWhatTheConfigurationSays(t *testing.T) {
	t.Parallel()
	r := render(t, two)
	ports := func(role string) map[string]int32 {
		found := map[string]int32{}
		for _, p := range r.container(role).Ports {
			found[p.Name] = p.ContainerPort
		}
		return found
	}
	cfg, err := read(t, r, r.deployment("api").Spec.Template.Spec)
	require.NoError(t, err)
	require.Equal(t, []string{":8080", "off", ":9090", ":9091", ":9092"},
		[]string{cfg.API.Listen, cfg.API.AdminListen, cfg.API.MetricsListen, cfg.Worker.MetricsListen, cfg.Scheduler.MetricsListen})
	require.Equal(t, map[string]int32{"http": 8080, "metrics": 9090}, ports("api"))
	require.Equal(t, map[string]int32{"metrics": 9091}, ports("worker-hulu-1"))
	require.Equal(t, map[string]int32{"metrics": 9091}, ports("webhooks"))
	require.Equal(t, map[string]int32{"metrics": 9092}, ports("scheduler"))
	service := one[*corev1.Service](r, prefix+"api")
	require.Len(t, service.Spec.Ports, 1, "neither metrics nor the operators' API are offered")
	require.Equal(t, "http", service.Spec.Ports[0].TargetPort.String())
	require.Equal(t, r.deployment("api").Spec.Selector.MatchLabels, service.Spec.Selector)
}
