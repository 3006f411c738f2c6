package drivers_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/drivers"
)

// root is the repository.
const root = "../../.."

// upstreams is where drivers are.
const upstreams = "github.com/muarahq/muara/pkg/upstream/"

// imports calls fn for each import of each Go file of the module.
func imports(t *testing.T, fn func(file, imported string)) {
	t.Helper()
	files := 0
	require.NoError(t, filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && at != root && (name[0] == '.' || name == "testdata" || name == "charts"): // charts is a module of its own
			return filepath.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), at, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		rel, err := filepath.Rel(root, at)
		for _, i := range file.Imports {
			fn(filepath.ToSlash(rel), strings.Trim(i.Path.Value, `"`))
		}
		return err
	}))
	require.Greater(t, files, 100)
}

// TestEmulatorsKnowNoDriver: an emulator that shares its driver's code shares its mistakes.
func TestEmulatorsKnowNoDriver(t *testing.T) {
	t.Parallel()
	emulator := regexp.MustCompile(`^pkg/upstream/[^/]+/emulator/`)
	imports(t, func(file, imported string) {
		name, below := strings.CutPrefix(imported, upstreams)
		if below && emulator.MatchString(file) {
			require.NotContains(t, append(drivers.Names(), "drivers"), name, "%s: an emulator knows the wire, never the driver", file)
		}
	})
}

// TestProductionKnowsNoEmulator: a pretended purchase must be out of reach of a real one.
func TestProductionKnowsNoEmulator(t *testing.T) {
	t.Parallel()
	may := regexp.MustCompile(`_test\.go$|^cmd/(dev|emulator|bench)/|^pkg/upstream/[^/]+/emulator/`)
	emulator := regexp.MustCompile(`^` + regexp.QuoteMeta(upstreams) + `[^/]+/emulator(/|$)`)
	found := 0
	imports(t, func(file, imported string) {
		if emulator.MatchString(imported) {
			found++
			require.Regexp(t, may, file, "production never imports an emulator (%s)", imported)
		}
	})
	require.NotZero(t, found, "they are found where they may be")
}

// TestEveryFolderIsInTheTable: a driver that nobody can configure is a line that was
// forgotten.
func TestEveryFolderIsInTheTable(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("../*/wire")
	require.NoError(t, err)
	for _, at := range found {
		require.Contains(t, drivers.Names(), filepath.Base(filepath.Dir(at)), "the table in pkg/upstream/drivers has no line for this folder")
	}
	require.NotEmpty(t, found)
}

// TestTheDocumentForMerchantsNamesNoBrand reads the documents as they are kept: that they
// are what is served is api's test.
func TestTheDocumentForMerchantsNamesNoBrand(t *testing.T) {
	t.Parallel()
	require.True(t, slices.Contains(drivers.Brands(), "rqid"))
	for _, name := range []string{"openapi.json", "openapi-3.0.json"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", name))
		require.NoError(t, err)
		for _, brand := range drivers.Brands() {
			require.NotContains(t, strings.ToLower(string(text)), brand, name)
		}
	}
}
