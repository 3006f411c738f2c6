package config_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

var update = flag.Bool("update", false, "write the golden files anew")

// source is an environment and a file system of maps.
func source(env, files map[string]string) config.Source {
	return config.Source{
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		ReadFile: func(name string) ([]byte, error) {
			if v, ok := files[name]; ok {
				return []byte(v), nil
			}
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
	}
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return data
}

func TestNothingConfiguredIsASaneDefault(t *testing.T) {
	t.Parallel()
	c, err := config.Parse(nil, source(nil, nil))
	require.NoError(t, err)
	require.Equal(t, config.Brand{Name: "Muara", KeyPrefix: "mra", IDPrefix: "MRA", Timezone: "Asia/Jakarta"}, c.Brand)
	require.Equal(t, 120, c.API.RateLimit)
	require.Equal(t, ":8080", c.API.Listen)
	require.Equal(t, config.PricelistPublic, c.API.Pricelist)
	require.Equal(t, config.LateKeep, c.Orders.LateSuccess)
	require.Equal(t, 10*time.Minute, c.Orders.HoldLongest)
	require.Equal(t, 3*time.Minute, c.Orders.DebitLongest)
	require.False(t, c.Webhooks.AllowHTTP)
	require.Empty(t, c.API.TrustedProxies)
	require.Equal(t, "Asia/Jakarta", c.Brand.Location().String())

	err = c.Require(config.NeedDatabase | config.NeedRedis | config.NeedKey)
	require.ErrorContains(t, err, "database.url: required")
	require.ErrorContains(t, err, "redis.url: required")
	require.ErrorContains(t, err, "secrets.encryption_key: required")
	require.NoError(t, c.Require(0))
}

func TestTheWholeFileIsRead(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("ab", 32)
	c, err := config.Parse(file(t, "full.yaml"), source(
		map[string]string{"DB_PASSWORD": "s3cret", "RUMAHOTP_API_KEY": "k1"},
		map[string]string{"/run/secrets/redis": "redis://:pw@cache:6379/2\n", "/run/secrets/key": key + "\n", "/run/secrets/rq": "k2\r\n"},
	))
	require.NoError(t, err)
	require.Equal(t, "postgres://muara:s3cret@db/muara", c.Database.URL.Reveal())
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}, c.API.TrustedProxies)
	require.Equal(t, 25*time.Second, c.Worker.ShutdownTimeout)
	require.Equal(t, 4, c.Worker.PollConcurrency, "a key left out keeps its default")
	require.InDelta(t, 0.25, c.Trace.Ratio, 0)

	raw, err := c.Secrets.Key()
	require.NoError(t, err)
	require.Len(t, raw, 32)
	opts, err := c.Redis.Options()
	require.NoError(t, err)
	require.Equal(t, []string{"cache:6379"}, opts.Addrs)
	require.Equal(t, 2, opts.DB)
	require.Equal(t, "pw", opts.Password)

	one, err := c.Upstream("rumahotp-1")
	require.NoError(t, err)
	require.Equal(t, "k1", one.Credentials["api_key"].Reveal())
	require.Equal(t, config.Budget{Requests: 4, Per: 11 * time.Second}, one.Budget)
	two, err := c.Upstream("rq")
	require.NoError(t, err)
	require.Equal(t, map[string]config.Secret{"key": "k2", "mmid": "7"}, two.Credentials)
	require.Equal(t, config.Budget{Requests: 20, Per: time.Second}, two.Budget)
	require.Equal(t, 20*time.Second, two.Timeout)
	require.NoError(t, c.CheckUpstreams())
}

func TestTheTestModeHasASourceOfItsOwn(t *testing.T) {
	t.Parallel()
	parse := func(text string) (*config.Config, error) { return config.Parse([]byte(text), source(nil, nil)) }
	c, err := parse(`worker: {shutdown_timeout: 8s}`)
	require.NoError(t, err)
	built, err := c.Upstream(config.BuiltInSandbox)
	require.NoError(t, err)
	require.Equal(t, config.DriverSandbox, built.Driver)
	require.True(t, built.BuiltIn)
	require.Equal(t, 4*time.Second, built.Timeout, "a call can end before its worker does")
	require.Positive(t, built.Budget.Requests)

	c, err = parse(`upstreams: [{name: uji, driver: sandbox, options: {float: "100000"}}]`)
	require.NoError(t, err)
	require.Len(t, c.Upstreams, 1, "one of the operator's takes its place")
	require.False(t, c.Upstreams[0].BuiltIn)
	require.Equal(t, map[string]string{"float": "100000"}, c.Upstreams[0].Options)
	_, err = parse(`upstreams: [{name: uji, driver: sandbox, options: {a: 1, a: 2, b: [c]}}]`)
	require.ErrorContains(t, err, "upstreams[0].options.a: line 1: given twice")
	require.ErrorContains(t, err, "upstreams[0].options.b: line 1: must be a text")
	_, err = parse(`upstreams: [{name: uji, driver: sandbox, options: x}]`)
	require.ErrorContains(t, err, "upstreams[0].options: line 1: must be a section with keys")
	_, err = parse(`upstreams: [{name: sandbox, driver: rqid, base_url: "https://x.test"}]`)
	require.ErrorContains(t, err, `upstreams[0].name: "sandbox" is the test mode's own source`)
}

func TestEveryErrorIsToldAtOnceWithItsPath(t *testing.T) {
	t.Parallel()
	_, err := config.Parse(file(t, "wrong.yaml"), source(nil, nil))
	require.Error(t, err)
	// A new driver is no change of these errors.
	got := strings.ReplaceAll(err.Error()+"\n", strings.Join(drivers.Names(), ", "), "(the drivers)")
	if *update {
		require.NoError(t, os.WriteFile("testdata/wrong.golden", []byte(got), 0o600))
	}
	require.Equal(t, string(file(t, "wrong.golden")), got)
	require.NotContains(t, got, "hunter2", "no error shows a secret")
}

func TestASecretIsReadOnlyByWhomItConcerns(t *testing.T) {
	t.Parallel()
	// Neither variable nor file exists here, as in the API's pod.
	c, err := config.Parse([]byte(`
upstreams:
  - {name: a, driver: sandbox, credentials: {key: "${NOT_HERE}"}}
  - {name: b, driver: sandbox, credentials: {key_file: /not/here}}
`), source(nil, nil))
	require.NoError(t, err)
	_, err = c.Upstream("a")
	require.EqualError(t, err, `upstreams[0].credentials.key: environment variable "NOT_HERE" is not set`)
	_, err = c.Upstream("b")
	require.EqualError(t, err, "upstreams[1].credentials.key_file: cannot read /not/here: file does not exist")
	_, err = c.Upstream("c")
	require.EqualError(t, err, `upstreams: none is called "c" (there are a, b)`)
	require.ErrorContains(t, c.CheckUpstreams(), "upstreams[1]")
}

func TestTheEnvironmentOverridesTheFile(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(`
api: {listen: ":1", trusted_proxies: [10.0.0.0/8]}
database: {url_file: /file}
worker: {shutdown_timeout: 30s}
`), source(map[string]string{
		"MUARA_API_LISTEN":              ":2",
		"MUARA_API_TRUSTED_PROXIES":     "192.0.2.1, 2001:db8::/32",
		"MUARA_API_RATE_LIMIT":          "-1",
		"MUARA_DATABASE_URL":            "postgres://db/x",
		"MUARA_WORKER_SHUTDOWN_TIMEOUT": "45s",
		"MUARA_WEBHOOKS_ALLOW_HTTP":     "true",
		"MUARA_API_SERVICE_HOST":        "10.1.1.1", // Kubernetes writes such ones
	}, nil))
	require.NoError(t, err)
	require.Equal(t, ":2", c.API.Listen)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32")}, c.API.TrustedProxies)
	require.Equal(t, -1, c.API.RateLimit)
	require.Equal(t, "postgres://db/x", c.Database.URL.Reveal(), "the file's url_file gives way")
	require.Equal(t, 45*time.Second, c.Worker.ShutdownTimeout)
	require.True(t, c.Webhooks.AllowHTTP)

	_, err = config.Parse(nil, source(map[string]string{"MUARA_API_RATE_LIMIT": "x", "MUARA_DATABASE_MAX_CONNS": "1"}, nil))
	require.EqualError(t, err, "api.rate_limit: must be a whole number, not \"x\"\ndatabase.max_conns: must be from 2 to 10000, not 1")
}

func TestVariablesInValues(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte("brand: {name: \"a ${X} $${X} $X ${EMPTY}.\"}\napi: {rate_limit: \"${N}\"}"),
		source(map[string]string{"X": "${N}", "EMPTY": "", "N": "7"}, nil))
	require.NoError(t, err)
	require.Equal(t, "a ${N} ${X} $X .", c.Brand.Name, "what a variable holds is not expanded again")
	require.Equal(t, 7, c.API.RateLimit)
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ doc, want string }{
		"two documents": {"brand: {}\n---\nbrand: {}", "config: more than one YAML document"},
		"a list":        {"- a", "config: line 1: must be a section with keys"},
		"an alias":      {"brand: &b {name: x}\napi: *b", "api: line 2: aliases are not supported"},
		"both url and file": {"redis: {url: \"redis://h\", url_file: /f}",
			"redis.url: given twice, here and as redis.url_file"},
		"a missing file": {"secrets: {encryption_key_file: /f}", "secrets.encryption_key_file: cannot read /f: file does not exist"},
		"credentials twice": {"upstreams: [{name: a, driver: sandbox, credentials: {k: x, k_file: /f}}]",
			"upstreams[0].credentials.k_file: line 1: given twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse([]byte(tc.doc), source(nil, nil))
			require.EqualError(t, err, tc.want)
		})
	}
	_, err := config.Parse([]byte("brand: {name: [}"), source(nil, nil))
	require.ErrorContains(t, err, "config: yaml:")
	_, err = config.Load(t.TempDir() + "/none.yaml")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestRedisURLs(t *testing.T) {
	t.Parallel()
	get := func(url string) (string, error) {
		o, err := config.Redis{URL: config.Secret(url)}.Options()
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%v master=%q db=%d user=%q pw=%q tls=%t", o.Addrs, o.MasterName, o.DB, o.Username, o.Password, o.TLSConfig != nil), nil
	}
	for url, want := range map[string]string{
		"redis://h":                                    `[h:6379] master="" db=0 user="" pw="" tls=false`,
		"rediss://u:p@h:1/3":                           `[h:1] master="" db=3 user="u" pw="p" tls=true`,
		"unix:///run/redis.sock?db=4":                  `[/run/redis.sock] master="" db=4 user="" pw="" tls=false`,
		"redis+sentinel://u:p@a:1,b,[::1]:2/main/5":    `[a:1 b:26379 [::1]:2] master="main" db=5 user="u" pw="p" tls=false`,
		"rediss+sentinel://a/main?sentinel_password=x": `[a:26379] master="main" db=0 user="" pw="" tls=true`,
	} {
		got, err := get(url)
		require.NoError(t, err, url)
		require.Equal(t, want, got, url)
	}
	for _, url := range []string{"http://h", "redis://:hunter2@h:x", "redis+sentinel://a", "redis+sentinel:///main", "redis+sentinel://a/main/x", "h:6379"} {
		_, err := get(url)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestASecretNeverPrintsItself(t *testing.T) {
	t.Parallel()
	type holder struct {
		S config.Secret
		M map[string]config.Secret
	}
	h := holder{S: "hunter2", M: map[string]config.Secret{"k": "hunter2"}}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08b"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", h, &h, h.S)
	}
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("x", "s", h.S, "h", h, slog.Group("g", "s", h.S))
	}
	j, err := json.Marshal(h)
	require.NoError(t, err)
	y, err := yaml.Marshal(h)
	require.NoError(t, err)
	out.Write(j)
	out.Write(y)
	require.NotContains(t, out.String(), "hunter2")
	require.NotContains(t, out.String(), fmt.Sprintf("%x", "hunter2"))
	require.Equal(t, "hunter2", h.S.Reveal())
	require.Empty(t, config.Secret("").String(), "an unset secret can be told from a set one")
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"full.yaml", "wrong.yaml"} {
		data, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("upstreams: [{credentials: {a: 1, ? [b] : c}}]"))
	src := source(map[string]string{"X": "1"}, map[string]string{"/f": "x"})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse(data, src)
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v, error %v", c, err)
		}
		if err != nil {
			return
		}
		if c.API.RateLimit == 0 || c.Worker.BuyConcurrency < 1 || c.Catalog.Step < 1 {
			t.Fatalf("an accepted file left a value that nothing can run with: %+v", c)
		}
	})
}
