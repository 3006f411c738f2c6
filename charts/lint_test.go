package charts

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"sigs.k8s.io/yaml"
)

// scenes are renderings that together hold everything the chart can make.
func scenes(t *testing.T) map[string]*release {
	t.Helper()
	found := map[string]*release{"two": render(t, two), "bare": render(t, two, `
networkPolicy: {enabled: false}
serviceAccounts: {create: false}
tests: {enabled: false}
migrate: {enabled: false}
api: {podDisruptionBudget: {enabled: false}}
`)}
	production, err := os.ReadFile("muara/values-production.yaml")
	require.NoError(t, err)
	found["external"] = render(t, string(production), `autoscaling: {provider: external}`)
	found["operator"] = render(t, string(production), operated, administered)
	for _, file := range valuesFiles {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		found[strings.TrimSuffix(filepath.Base(file), ".yaml")] = render(t, string(text))
	}
	return found
}

func TestLint(t *testing.T) {
	t.Parallel()
	for _, file := range valuesFiles {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		wellMade(t, "muara", values(t, string(text)))
		wellMade(t, "muara", values(t, string(text), operated))
	}
	wellMade(t, "muara-crds", nil)
}

func wellMade(t *testing.T, chart string, values map[string]any) {
	t.Helper()
	result := lint.AllWithKubeVersion(chart, values, namespace, nil)
	for _, m := range result.Messages {
		require.Less(t, m.Severity, support.WarningSev, "%s: %s", chart, m)
	}
	require.Less(t, result.HighestSeverity, support.WarningSev)
}

// output runs a command with what it reads, and gives what it wrote.
func output(t *testing.T, dir, in string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(in)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String() + errs.String(), err
}

// tool builds a tool of a module under tools once, and gives its path.
func tool(t *testing.T, dir, name string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-n", name)
	cmd.Dir = filepath.Join("tools", dir)
	var errs bytes.Buffer
	cmd.Stderr = &errs // where it says what it downloads the first time
	out, err := cmd.Output()
	require.NoError(t, err, errs.String())
	return strings.TrimSpace(string(out))
}

func TestEveryObjectIsOneOfTheLastKubernetesVersions(t *testing.T) {
	t.Parallel()
	// The newest is what render decodes with.
	for _, modfile := range []string{"k8s-1.35.mod", "k8s-1.36.mod"} {
		bin := filepath.Join(t.TempDir(), "strict")
		out, err := output(t, ".", "", "go", "build", "-modfile="+modfile, "-o", bin, "./internal/strict")
		require.NoError(t, err, out)
		for name, r := range scenes(t) {
			out, err := output(t, ".", r.text, bin)
			require.NoError(t, err, "%s under %s: %s", name, modfile, out)
			n, err := strconv.Atoi(strings.TrimSpace(out))
			require.NoError(t, err)
			require.Greater(t, n, 10, "%s under %s", name, modfile)
		}
		out, err = output(t, ".", strings.Replace(scenes(t)["two"].text, "maxUnavailable:", "maxUnavialable:", 1), bin)
		require.Error(t, err, "it finds a typo")
		require.Contains(t, out, "maxUnavialable")
	}
}

func TestEveryObjectFitsItsSchema(t *testing.T) {
	t.Parallel()
	validate := tool(t, "validate", "kubectl-validate")
	definitions := t.TempDir()
	out, err := output(t, "tools/crds", "", "go", "mod", "download", "-json")
	require.NoError(t, err, out)
	found := 0
	for dec := json.NewDecoder(strings.NewReader(out)); dec.More(); {
		var m struct{ Path, Dir string }
		require.NoError(t, dec.Decode(&m))
		for _, file := range []string{
			"config/crd/bases/keda.sh_scaledobjects.yaml", "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
			"config/crds/bases/external-secrets.io_externalsecrets.yaml",
		} {
			b, err := os.ReadFile(filepath.Join(m.Dir, file))
			if os.IsNotExist(err) {
				continue
			}
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(definitions, filepath.Base(file)), b, 0o600))
			found++
		}
	}
	ours, err := os.ReadFile("muara-crds/templates/muara.io_upstreams.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(definitions, "muara.io_upstreams.yaml"), ours, 0o600))
	require.Equal(t, len(foreign)-1, found)
	for name, r := range scenes(t) {
		var kept []string
		for doc := range strings.SplitSeq(r.text, "---\n") {
			// Its definition is in no module that can be had; render decodes it as the operator's own Go type.
			if !strings.Contains(doc, "monitoring.coreos.com/v1") {
				kept = append(kept, doc)
			}
		}
		manifests := filepath.Join(t.TempDir(), name+".yaml")
		require.NoError(t, os.WriteFile(manifests, []byte(strings.Join(kept, "---\n")), 0o600))
		for _, version := range []string{"1.29", "1.30"} {
			out, err := output(t, ".", "", validate, "--version", version, "--local-crds", definitions, manifests)
			require.NoError(t, err, "%s under %s: %s", name, version, out)
		}
	}
}

func TestNoRuleOfGoodPracticeIsBroken(t *testing.T) {
	t.Parallel()
	score := tool(t, "score", "kube-score")
	type judged struct {
		Object string `json:"object_name"`
		Checks []struct {
			Check struct {
				ID string `json:"id"`
			} `json:"check"`
			Grade    int  `json:"grade"`
			Skipped  bool `json:"skipped"`
			Comments []struct {
				Summary string `json:"summary"`
			} `json:"comments"`
		} `json:"checks"`
	}
	const warning = 5
	for name, r := range scenes(t) {
		if slices.Contains([]string{"values-small", "bare"}, name) {
			continue // trials, which leave things out on purpose
		}
		out, err := output(t, ".", r.text+r.children(), score, "score", "--output-format", "json", "--kubernetes-version", "v1.34",
			"--min-replicas-hpa", "1", // an upstream whose budget needs no more than one worker may have one
			"--ignore-container-cpu-limit",                 // throttling would be latency; requests share the processor
			"--ignore-test", "container-image-pull-policy", // images are named by version or digest
			"--ignore-test", "deployment-has-host-podantiaffinity", // spread constraints do it
			"-")
		var all []judged
		require.NoError(t, json.Unmarshal([]byte(out), &all), "%v: %s", err, out)
		require.Greater(t, len(all), 5)
		for _, o := range all {
			for _, c := range o.Checks {
				require.True(t, c.Skipped || c.Grade > warning, "%s: %s: %s: %v", name, o.Object, c.Check.ID, c.Comments)
			}
		}
	}
}

func TestTheChartKnowsTheDriversThatThereAre(t *testing.T) {
	t.Parallel()
	out, err := output(t, ".", "", "go", "run", "./internal/drivers", "-check", "muara")
	require.NoError(t, err, out)
}

func TestTheReadmeIsUpToDate(t *testing.T) {
	t.Parallel()
	before, err := os.ReadFile("muara/README.md")
	require.NoError(t, err)
	out, err := output(t, ".", "", "go", "run", "./internal/readme", "-stdout", "muara")
	require.NoError(t, err, out)
	require.Equal(t, string(before), out, "run `make generate`")
	text, err := os.ReadFile("muara/values.yaml")
	require.NoError(t, err)
	var v map[string]any
	require.NoError(t, yaml.Unmarshal(text, &v))
	for key := range v {
		require.Contains(t, out, "`"+key, "every value is in it")
	}
}
