package charts

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
)

// TestThePackageHasWhatItsPagesName packages the chart as `helm package` does, and looks for every file of the chart that its own README
// links to. Values files beside values.yaml are examples, each in the README's table and tried by the other tests.
func TestThePackageHasWhatItsPagesName(t *testing.T) {
	t.Parallel()
	from, err := loader.LoadDir("muara")
	require.NoError(t, err)
	archive, err := chartutil.Save(from, t.TempDir())
	require.NoError(t, err)
	packed, err := loader.LoadFile(archive)
	require.NoError(t, err)
	files := map[string]string{}
	for _, f := range packed.Raw {
		files[f.Name] = string(f.Data)
	}
	linked := 0
	for _, found := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(files["README.md"], -1) {
		if strings.Contains(found[1], "://") || strings.HasPrefix(found[1], "../") {
			continue // of the repository
		}
		require.Contains(t, files, found[1])
		linked++
	}
	require.Equal(t, len(valuesFiles), linked)
	for _, path := range valuesFiles {
		require.NotEmpty(t, files[filepath.Base(path)], path)
	}
	examples, err := filepath.Glob("muara/values-*.yaml")
	require.NoError(t, err)
	require.ElementsMatch(t, valuesFiles, examples)
	for name := range files {
		require.NotRegexp(t, `\.(tgz|tmp|swp|head)$`, name)
	}
}
