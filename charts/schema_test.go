package charts

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/muarahq/muara/pkg/config"
)

// schema is a JSON schema, as far as it is looked at here.
type schema struct {
	Ref         string             `json:"$ref"`
	Type        any                `json:"type"`
	Properties  map[string]*schema `json:"properties"`
	Additional  any                `json:"additionalProperties"`
	Items       *schema            `json:"items"`
	Enum        []string           `json:"enum"`
	Definitions map[string]*schema `json:"definitions"`
	Names       any                `json:"propertyNames"`
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	b, err := os.ReadFile("muara/values.schema.json")
	require.NoError(t, err)
	var s schema
	require.NoError(t, json.Unmarshal(b, &s))
	return &s
}

// at follows properties, references and "*" (any name) by a path.
func (s *schema) at(t *testing.T, root *schema, path ...string) *schema {
	t.Helper()
	for _, name := range path {
		s = s.resolve(root)
		if name == "*" {
			b, err := json.Marshal(s.Additional)
			require.NoError(t, err)
			s = &schema{}
			require.NoError(t, json.Unmarshal(b, s))
			continue
		}
		require.Contains(t, s.Properties, name, "%v", path)
		s = s.Properties[name]
	}
	return s.resolve(root)
}

func (s *schema) resolve(root *schema) *schema {
	for s.Ref != "" {
		s = root.Definitions[strings.TrimPrefix(s.Ref, "#/definitions/")]
	}
	return s
}

// free are the places where names are the user's: Kubernetes' own maps and what the chart hands on.
var free = regexp.MustCompile(`(^|\.)(annotations|labels|matchLabels|nodeSelector|options|nodeAffinity|podAffinity|podAntiAffinity|global)$`)

// objects calls fn for each object of the schema, with its path.
func (s *schema) objects(path string, fn func(path string, s *schema)) {
	if types, ok := s.Type.([]any); s.Type == "object" || ok && slices.Contains(types, "object") {
		fn(path, s)
	}
	for name, p := range s.Properties {
		p.objects(strings.TrimPrefix(path+"."+name, "."), fn)
	}
	if s.Items != nil {
		s.Items.objects(path+"[]", fn)
	}
}

func TestNoObjectOfTheSchemaTakesAnyKey(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	seen := 0
	check := func(path string, s *schema) {
		seen++
		switch extra := s.Additional.(type) {
		case bool:
			require.False(t, extra, path)
		case map[string]any:
			require.True(t, free.MatchString(path) || s.Names != nil, "%s takes any key", path)
		default:
			require.True(t, free.MatchString(path), "%s takes any key", path)
		}
	}
	root.objects("", check)
	for name, d := range root.Definitions {
		d.objects("definitions."+name, check)
	}
	upstream := root.at(t, root, "upstreams", "*")
	upstream.objects("upstreams.*", check)
	require.Greater(t, seen, 60)
}

// walk gives every path to a scalar or an empty collection of values.
func walk(path []string, v any, fn func(path []string)) {
	if m, ok := v.(map[string]any); ok {
		for k, x := range m {
			walk(append(slices.Clone(path), k), x, fn)
		}
		fn(path)
	}
}

func TestATypoAnywhereIsRefused(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("muara/values.yaml")
	require.NoError(t, err)
	var whole map[string]any
	require.NoError(t, yaml.Unmarshal(text, &whole))
	var places [][]string
	walk(nil, whole, func(path []string) {
		if !free.MatchString(strings.Join(path, ".")) && !slices.Equal(path, []string{"upstreams"}) {
			places = append(places, path)
		}
	})
	require.Greater(t, len(places), 40)
	places = append(places, [][]string{
		{"upstreams", "hulu-1"}, {"upstreams", "hulu-1", "config"}, {"upstreams", "hulu-1", "config", "budget"}, {"upstreams", "hulu-1", "egress"},
		{"upstreams", "hulu-1", "credentials", "api_key"}, {"upstreams", "hulu-1", "autoscaling"}, {"config", "worker"}, {"config", "brand"}, {"config", "api"},
		{"config", "database"}, {"config", "webhooks"}, {"config", "orders"}, {"config", "catalog"}, {"config", "log"}, {"config", "trace"},
	}...)
	for _, place := range places {
		var typo any = map[string]any{"tpyo": 1}
		for _, key := range slices.Backward(place) {
			typo = map[string]any{key: typo}
		}
		doc, err := yaml.Marshal(typo)
		require.NoError(t, err)
		_, err = try(t, two, string(doc))
		require.ErrorContains(t, err, "tpyo", "%v", place)
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{
		`replicas: 3`,
		`api: {replicas: "3"}`,
		`api: {replicas: -1}`,
		`api: {drainNotice: 10}`,
		`api: {drainNotice: ten}`,
		`api: {service: {type: Loadbalancer}}`,
		`image: {digest: "sha256:abc"}`,
		`image: {pullPolicy: always}`,
		`config: {worker: {shutdown_timeout: 30}}`,
		`config: {api: {listen: ":80"}}`,
		`config: {database: {url: "postgres://x"}}`,
		`config: {upstreams: []}`,
		`config: {secrets: {encryption_key: x}}`,
		`upstreams: {Hulu: {config: {driver: rqid}}}`,
		`upstreams: {hulu-: {config: {driver: rqid}}}`,
		`upstreams: {a: {}}`,
		`upstreams: {a: {config: {driver: rqidd}}}`,
		`upstreams: {a: {config: {driver: rqid, base_url: rqid.example}}}`,
		`upstreams: {a: {config: {driver: rqid, budget: {requests: 5}}}}`,
		`upstreams: {a: {config: {driver: rqid, provides: [opt]}}}`,
		`upstreams: {a: {config: {driver: rqid}, credentials: {api_key: secret}}}`,
		`upstreams: {a: {config: {driver: rqid}, credentials: {API: {value: x}}}}`,
		`upstreams: {a: {config: {driver: rqid}, egress: {cidrs: [10.0.0.1]}}}`,
		`pod: {tolerations: [{key: a, operator: Exist}]}`,
		`pod: {env: [{name: 1A, value: x}]}`,
		`networkPolicy: {database: {peers: [{}]}}`,
		`autoscaling: {provider: hpa}`,
		`workers: {resources: {limit: {cpu: 1}}}`,
		`workers: {resources: {limits: {memory: 1ki}}}`,
		`workers: {resources: {limits: {memory: 1mi}}}`,
		`api: {service: {externalTrafficPolicy: local}}`,
		`workers: {resources: {limits: {memory: 1 GiB}}}`,
	} {
		_, err := try(t, two, wrong)
		require.Error(t, err, wrong)
	}
}

// chartsOwn are the keys of muara.yaml that the chart writes itself, or that name files, of which its pods have no others.
var chartsOwn = []string{
	"api.listen", "api.admin_listen", "api.metrics_listen", "worker.metrics_listen", "scheduler", "operator",
	"database.url", "database.url_file", "redis", "redis.url", "redis.url_file", "secrets", "secrets.encryption_key", "secrets.encryption_key_file",
	"upstreams", "upstreams.name", "upstreams.credentials", "deposits.static_qris.payload_file",
}

func TestTheSchemaHasEveryKeyOfTheConfiguration(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	var compare func(path string, typ reflect.Type, s *schema)
	compare = func(path string, typ reflect.Type, s *schema) {
		known := slices.Collect(maps.Keys(s.resolve(root).Properties))
		for i := range typ.NumField() {
			key := typ.Field(i).Tag.Get("yaml")
			if key == "" || key == "-" {
				continue
			}
			at := strings.TrimPrefix(path+"."+key, ".")
			if slices.Contains(chartsOwn, at) {
				require.NotContains(t, known, key, "%s is the chart's to say", at)
				continue
			}
			require.Contains(t, known, key, "values.schema.json does not know %s of muara.yaml", at)
			known = slices.DeleteFunc(known, func(k string) bool { return k == key })
			field := typ.Field(i).Type
			if field.Kind() == reflect.Pointer {
				field = field.Elem()
			}
			if field.Kind() == reflect.Struct && field.PkgPath() == typ.PkgPath() {
				compare(at, field, s.resolve(root).Properties[key])
			}
		}
		require.Empty(t, known, "values.schema.json knows more of %s than muara.yaml has", path)
	}
	compare("", reflect.TypeFor[config.Config](), root.at(t, root, "config"))
	compare("upstreams", reflect.TypeFor[config.Upstream](), root.at(t, root, "upstreams", "*", "config"))
}

func TestTheSchemaHasEveryWordOfTheConfiguration(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	// muara names the words it knows when it is told another.
	_, err := config.Parse([]byte(`
upstreams: [{name: a, driver: "?", base_url: "https://x.example", provides: ["?"]}]
orders: {late_success: "?"}
log: {level: "?", format: "?"}
`), config.System())
	words := func(path string) []string {
		found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(path) + `: must be one of (.*), not`).FindStringSubmatch(err.Error())
		require.NotNil(t, found, "%s in %v", path, err)
		return strings.Split(found[1], ", ")
	}
	upstream := root.at(t, root, "upstreams", "*", "config")
	require.ElementsMatch(t, words("upstreams[0].driver"), upstream.Properties["driver"].Enum, "run `make generate`")
	require.ElementsMatch(t, words("upstreams[0].provides[0]"), upstream.Properties["provides"].Items.Enum)
	require.ElementsMatch(t, words("orders.late_success"), root.at(t, root, "config", "orders", "late_success").Enum)
	require.ElementsMatch(t, words("log.level"), root.at(t, root, "config", "log", "level").Enum)
	require.ElementsMatch(t, words("log.format"), root.at(t, root, "config", "log", "format").Enum)
}

// defaults is what muara itself takes for an upstream of a driver.
func defaults(t *testing.T, driver string) config.Upstream {
	t.Helper()
	cfg, err := config.Parse([]byte("upstreams: [{name: a, driver: "+driver+", base_url: \"https://a.example\"}]"), config.System())
	require.NoError(t, err)
	return cfg.Upstreams[0]
}
