package charts

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/muarahq/muara/pkg/config"
)

// pages are the runbooks, by their names.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../docs/runbooks/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	all := map[string]string{}
	for _, path := range append(paths, "../docs/operations.md") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all[filepath.Base(path)] = string(text)
	}
	return all
}

// TestWhatTheRunbooksSelectIsThere holds the labels and the dashboards that the pages name against what the chart makes.
func TestWhatTheRunbooksSelectIsThere(t *testing.T) {
	t.Parallel()
	r := render(t, two, `metrics: {dashboards: {enabled: true}}`)
	labels := map[string]bool{"muara.io/upstream=NAME": true}
	for _, d := range all[*appsv1.Deployment](r) {
		for name, value := range d.Spec.Template.Labels {
			labels[name+"="+value] = true
		}
	}
	boards := map[string]bool{}
	for _, q := range dashboards(t) {
		boards[q.board] = true
	}
	selected, looked := 0, 0
	for name, text := range pages(t) {
		for _, found := range regexp.MustCompile("-l ([a-z./]+=[A-Za-z-]+)").FindAllStringSubmatch(text, -1) {
			require.True(t, labels[found[1]], "%s: nothing is labeled %s", name, found[1])
			selected++
		}
		for _, found := range regexp.MustCompile(`(?i)dashboard\s+\*([^*]+)\*`).FindAllStringSubmatch(text, -1) {
			require.True(t, boards[strings.Join(strings.Fields(found[1]), " ")], "%s: no dashboard %s", name, found[1])
			looked++
		}
	}
	require.Greater(t, selected, 8)
	require.Greater(t, looked, 12)
}

// TestTheValuesThatPagesNameAreThere takes `a.b.c` in a page for a value of the chart, where the chart has an `a`.
func TestTheValuesThatPagesNameAreThere(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("muara/values.yaml")
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, yaml.Unmarshal(raw, &values))
	readme, err := os.ReadFile("muara/README.md")
	require.NoError(t, err)
	tried := 0
	for name, text := range pages(t) {
		for _, found := range regexp.MustCompile("`([a-z][A-Za-z]+)((?:\\.[a-zA-Z_]+)+)`").FindAllStringSubmatch(text, -1) {
			_, ours := values[found[1]]
			switch {
			case !ours || found[1] == "upstreams":
				continue
			case found[1] == "config":
				require.True(t, configured(reflect.TypeFor[config.Config](), found[2]), "%s: muara.yaml has no %s", name, found[2])
			default:
				require.Contains(t, string(readme), "`"+found[1]+found[2], name)
			}
			tried++
		}
	}
	require.Greater(t, tried, 3)
}

// configured tells whether a struct has a field of a path such as .database.max_conns.
func configured(of reflect.Type, path string) bool {
	name, rest, more := strings.Cut(strings.TrimPrefix(path, "."), ".")
	for i := range of.NumField() {
		if tag, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ","); tag == name {
			return !more || of.Field(i).Type.Kind() == reflect.Struct && configured(of.Field(i).Type, rest)
		}
	}
	return false
}
