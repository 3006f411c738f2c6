package charts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/muarahq/muara/pkg/testproc"
)

// watch is a Prometheus that reads a cluster's pods as the PodMonitor would have it, and judges by the chart's rules.
type watch struct {
	t       *testing.T
	url     string
	targets string // the file of what is read
}

// promConfig reads every second, and knows pods by a file.
const promConfig = `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: muara
    file_sd_configs: [{files: [%q], refresh_interval: 1s}]
`

func (c *cluster) watch() *watch {
	c.t.Helper()
	dir := c.t.TempDir()
	bin, err := prometheusDir()
	require.NoError(c.t, err, bin)
	rules, err := filepath.Abs(alertsFile)
	require.NoError(c.t, err)
	w := &watch{t: c.t, url: "http://" + c.address() + ":9090", targets: filepath.Join(dir, "targets.json")}
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(c.t, os.WriteFile(file, fmt.Appendf(nil, promConfig, rules, w.targets), 0o600))
	cmd := exec.Command(filepath.Join(bin, "prometheus"), "--config.file", file, "--storage.tsdb.path", filepath.Join(dir, "data"),
		"--web.listen-address", strings.TrimPrefix(w.url, "http://"), "--log.level", "warn")
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(c.t, err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	testproc.Start(c.t, cmd)
	w.all(c)
	return w
}

// all tells which pods there are and waits until each has been read.
func (w *watch) all(c *cluster) {
	w.t.Helper()
	w.see(c)
	until(w.t, 60*time.Second, "Prometheus has read every pod", func() bool { return len(w.ask(`up == 1`)) == c.size() })
}

// size is how many pods run.
func (c *cluster) size() int {
	n := 0
	for _, pods := range c.pods {
		n += len(pods)
	}
	return n
}

// see tells which pods there are, with the labels that the operator gives them.
func (w *watch) see(c *cluster) {
	w.t.Helper()
	type target struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	var all []target
	for role, pods := range c.pods {
		component := c.release.deployment(role).Spec.Template.Labels["app.kubernetes.io/component"]
		for _, p := range pods {
			at, err := url.Parse(p.url("metrics", ""))
			require.NoError(w.t, err)
			all = append(all, target{[]string{at.Host}, map[string]string{"namespace": namespace, "pod": p.name, "container": "muara", "role": component}})
		}
	}
	raw, err := json.Marshal(all)
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(w.targets+".new", raw, 0o600))
	require.NoError(w.t, os.Rename(w.targets+".new", w.targets))
}

// sample is one line of an answer.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

// String is the line as a panel's legend shows it.
func (s sample) String() string {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(s.Metric)) {
		labels = append(labels, s.Metric[name])
	}
	return fmt.Sprintf("%s=%.4g", strings.Join(labels, "/"), s.number())
}

// number is the sample's value; what is none (a quantile of nothing) is less than any.
func (s sample) number() float64 {
	text, _ := s.Value[1].(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) {
		return math.Inf(-1)
	}
	return n
}

// ask evaluates an expression now. A Prometheus that does not answer yet has nothing to say.
func (w *watch) ask(expr string) []sample {
	w.t.Helper()
	var answer struct {
		Status, Error string
		Data          struct{ Result []sample }
	}
	if !w.get("/api/v1/query?query="+url.QueryEscape(expr), &answer) {
		return nil
	}
	require.Equal(w.t, "success", answer.Status, "%s: %s", expr, answer.Error)
	return answer.Data.Result
}

func (w *watch) get(path string, out any) bool {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	require.NoError(w.t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable {
		return false // it still reads its own log
	}
	require.NoError(w.t, json.NewDecoder(resp.Body).Decode(out))
	return true
}

// target is a query of a panel.
type target struct{ board, panel, expr string }

// dashboards gives every query of every dashboard that comes with the chart.
func dashboards(t *testing.T) []target {
	t.Helper()
	var all []target
	r := render(t, two, `metrics: {dashboards: {enabled: true}}`)
	found := 0
	for _, m := range allOf[*corev1.ConfigMap](r, prefix+"dashboard-") {
		require.Equal(t, "1", m.Labels["grafana_dashboard"])
		for name, text := range m.Data {
			var board struct {
				Title  string
				UID    string
				Panels []struct {
					Title, Type string
					Targets     []struct{ Expr string }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(text), &board), name)
			require.Equal(t, "muara-"+strings.TrimSuffix(name, ".json"), board.UID)
			board.Title = strings.TrimPrefix(board.Title, "Muara / ")
			for _, p := range board.Panels {
				require.True(t, p.Type == "row" || len(p.Targets) > 0, "%s: %s asks nothing", board.Title, p.Title)
				for _, q := range p.Targets {
					all = append(all, target{board.Title, p.Title, q.Expr})
				}
			}
			found++
		}
	}
	files, err := filepath.Glob("muara/files/dashboards/*.json")
	require.NoError(t, err)
	require.Len(t, files, found)
	require.GreaterOrEqual(t, found, 7)
	return all
}

// allOf gives the objects of a type whose names begin so.
func allOf[T meta](r *release, begin string) []T {
	return slices.DeleteFunc(all[T](r), func(x T) bool { return !strings.HasPrefix(x.GetName(), begin) })
}

// asked writes a panel's expression as Grafana would send it, with everything chosen.
func asked(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$namespace", ".*", "$upstream", ".*").Replace(expr)
}

func TestEveryDashboardAsksForMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	known := metricNames(t)
	var rules []map[string]string
	for i, q := range dashboards(t) {
		for _, name := range regexp.MustCompile(`muara_[a-z_]+`).FindAllString(q.expr, -1) {
			require.True(t, known[strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")], "%s: %s asks for %s", q.board, q.panel, name)
		}
		require.Contains(t, q.expr, `namespace=~"$namespace"`, "%s: %s mixes installations", q.board, q.panel)
		rules = append(rules, map[string]string{"record": fmt.Sprint("panel:", i), "expr": asked(q.expr)})
	}
	// promtool parses what rules say.
	doc, err := yaml.Marshal(map[string]any{"groups": []map[string]any{{"name": "panels", "rules": rules}}})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(path, doc, 0o600))
	out, err := output(t, ".", "", promtool(t), "check", "rules", path)
	require.NoError(t, err, out)
}

func TestTheDashboardsAreUpToDate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := output(t, ".", "", "go", "run", "./internal/dashboards", dir)
	require.NoError(t, err, out)
	files := func(dir string) map[string]string {
		found := map[string]string{}
		paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
		require.NoError(t, err)
		for _, path := range paths {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			found[filepath.Base(path)] = string(b)
		}
		return found
	}
	now, kept := files(dir), files("muara/files/dashboards")
	require.Equal(t, slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(kept)))
	for name := range now {
		require.Equal(t, now[name], kept[name], "run `make generate`")
	}
}

// calm are panels that show a zero in a run like this one: of what should not happen, or does not happen here.
var calm = []string{
	"Overview: Requests answered with 5xx", "Merchant API: Answered with 5xx", "Ledger and catalogue: Failures",
	"Ledger and catalogue: Balance not explained", // nothing is missing
	"Orders and money: Withdrawals that are not final",
	"Merchant API: Without an answer",
	"Upstream: At the door", "Upstream: Read", // this provider calls nobody back
	"Upstream: Purchases kept back for", "Upstream: In purchases that nobody can find", "Upstream: Moved by others", // and can be asked
}

// full requires that every panel has something to show, and tells what. A zero that is there for want of anything else counts only
// where that is expected, and a quantile of nothing never. What was counted a moment ago has a rate once it was read twice.
func (w *watch) full() {
	w.t.Helper()
	var empty, shown []string
	panels := dashboards(w.t)
	look := func() bool {
		empty, shown = nil, nil
		for _, q := range panels {
			expr, name := asked(q.expr), q.board+": "+q.panel
			if !slices.Contains(calm, name) {
				expr = strings.TrimSuffix(expr, " or vector(0)")
			}
			got := slices.DeleteFunc(w.ask(expr), func(s sample) bool { return math.IsInf(s.number(), -1) })
			if len(got) > 0 {
				slices.SortFunc(got, func(a, b sample) int { return cmp.Compare(b.number(), a.number()) })
				shown = append(shown, fmt.Sprintf("%-22s %-32s %3d lines: %s", q.board, q.panel, len(got), got[:min(len(got), 4)]))
			} else {
				empty = append(empty, name+": "+expr)
			}
		}
		return len(empty) == 0
	}
	for deadline := time.Now().Add(30 * time.Second); !look() && time.Now().Before(deadline); {
		w.again()
	}
	require.Empty(w.t, empty)
	w.t.Log("panels:\n" + strings.Join(shown, "\n"))
}

// again waits until Prometheus has read every pod once more.
func (w *watch) again() {
	w.t.Helper()
	read := func() any {
		if got := w.ask("min(timestamp(up))"); len(got) == 1 {
			return got[0].Value[1]
		}
		return nil
	}
	before := read()
	until(w.t, 30*time.Second, "every pod is read once more", func() bool { return read() != before })
}

// judged requires that every rule of the chart can be evaluated, and gives the alerts that sound or are about to.
func (w *watch) judged() map[string]string {
	w.t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError, State string }
			}
		}
	}
	require.True(w.t, w.get("/api/v1/rules", &answer))
	seen, active := 0, map[string]string{}
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			require.Empty(w.t, r.LastError, r.Name)
			seen++
			if r.State != "" && r.State != "inactive" {
				active[r.Name] = r.State
			}
		}
	}
	require.Greater(w.t, seen, 30)
	return active
}
