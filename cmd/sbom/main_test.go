package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABinaryIsListedWithEveryModuleInIt(t *testing.T) {
	t.Parallel()
	muara := filepath.Join(t.TempDir(), "muara")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", muara, "../muara")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	info, err := buildinfo.ReadFile(muara)
	require.NoError(t, err)
	require.Greater(t, len(info.Deps), 20)

	var first, second bytes.Buffer
	require.NoError(t, run(muara, &first))
	require.NoError(t, run(muara, &second))
	require.Equal(t, first.String(), second.String(), "the same binary, the same bytes")

	var doc document
	dec := json.NewDecoder(&first)
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&doc))
	require.Equal(t, "CycloneDX", doc.Format)
	require.Regexp(t, `^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, doc.Serial)
	require.Len(t, doc.Components, len(info.Deps)+1, "and the standard library")
	byName := map[string]component{}
	for _, c := range doc.Components {
		require.NotContains(t, byName, c.Name)
		byName[c.Name] = c
	}
	require.Equal(t, "pkg:golang/std@"+strings.TrimPrefix(info.GoVersion, "go"), byName["std"].PURL)
	for _, m := range info.Deps {
		require.Equal(t, m.Version, byName[m.Path].Version)
		require.Len(t, byName[m.Path].Hashes, 1, m.Path)
		require.Len(t, byName[m.Path].Hashes[0].Content, 64)
	}
	require.Len(t, doc.Dependencies, 1)
	require.Len(t, doc.Dependencies[0].DependsOn, len(doc.Components))
}

func TestWhatIsReplacedIsListedAsItIs(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8", Path: "example.com/x/cmd/x",
		Settings: []debug.BuildSetting{{Key: "-ldflags", Value: `-s -w -X main.version=v1.2.3`}, {Key: "GOARCH", Value: "arm64"}},
		Deps: []*debug.Module{{
			Path: "example.com/a", Version: "v1.0.0", Sum: "h1:AAAA",
			Replace: &debug.Module{Path: "example.com/b", Version: "v2.0.0+incompatible", Sum: "h1://8="},
		}},
	}
	doc, err := list(info, "x", [32]byte{1})
	require.NoError(t, err)
	require.Equal(t, "v1.2.3", doc.Metadata.Component.Version)
	require.Contains(t, doc.Metadata.Properties, property{"go:build:GOARCH", "arm64"})
	require.Equal(t, component{
		Type: "library", Ref: "pkg:golang/example.com/b@v2.0.0+incompatible", Name: "example.com/b", Version: "v2.0.0+incompatible", Scope: "required",
		PURL: "pkg:golang/example.com/b@v2.0.0+incompatible", Hashes: []hash{{"SHA-256", "ffff"}},
	}, doc.Components[0])
	info.Deps[0].Replace.Sum = "h1:?"
	_, err = list(info, "x", [32]byte{1})
	require.ErrorContains(t, err, "example.com/b")
}

func TestWhatIsNoBinaryIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(path, []byte("text"), 0o600))
	require.Error(t, run(path, io.Discard))
}
