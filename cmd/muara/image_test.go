package main

import (
	goversion "go/version"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// source reads a file of the repository.
func source(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", name))
	require.NoError(t, err)
	return string(b)
}

// match gives what the one group of pattern found in text.
func match(t *testing.T, text, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	require.NotNil(t, found, pattern)
	return found[1]
}

// instruction is a line of a Dockerfile, its continuations joined.
type instruction struct{ name, text string }

func dockerfile(t *testing.T) []instruction {
	t.Helper()
	var kept []string
	for line := range strings.Lines(source(t, "Dockerfile")) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			kept = append(kept, line)
		}
	}
	var all []instruction
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.Join(kept, ""), "\\\n", " "), "\n") {
		if name, text, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all = append(all, instruction{name, strings.Join(strings.Fields(text), " ")})
		}
	}
	return all
}

func TestTheImageIsMinimalAndNobodys(t *testing.T) {
	t.Parallel()
	var stages [][]instruction
	for _, in := range dockerfile(t) {
		if in.name == "FROM" {
			stages = append(stages, nil)
		}
		require.NotEmpty(t, stages, "%v before the first stage", in)
		last := len(stages) - 1
		stages[last] = append(stages[last], in)
		require.NotEqual(t, "ADD", in.name, "ADD fetches and unpacks; COPY does what it says")
		require.NotContains(t, in.text, ":latest")
		require.NotRegexp(t, `\b(apt-get|apk|curl|wget)\b`, in.text, "what is fetched at build time is not pinned")
	}
	require.Len(t, stages, 2)
	final := stages[1]
	require.Equal(t, instruction{"FROM", "scratch"}, final[0])
	one := func(name string) string {
		i := slices.IndexFunc(final, func(in instruction) bool { return in.name == name })
		require.GreaterOrEqual(t, i, 0, name)
		return final[i].text
	}
	require.Equal(t, "65532:65532", one("USER"), "a number, which runAsNonRoot can judge")
	require.Equal(t, `["/muara"]`, one("ENTRYPOINT"), "no shell between the signal and the process")
	require.Equal(t, "8080 8081 9090 9091 9092", one("EXPOSE"))
	var files []string
	for _, in := range final {
		require.NotEqual(t, "RUN", in.name, "there is nothing to run it")
		if in.name == "COPY" {
			require.True(t, strings.HasPrefix(in.text, "--from=build "), in.text)
			files = append(files, path.Base(in.text))
		}
	}
	require.ElementsMatch(t, []string{"ca-certificates.crt", "sbom.cdx.json", "muara"}, files)
}

func TestTheImageIsBuiltWithThisGo(t *testing.T) {
	t.Parallel()
	from := dockerfile(t)[0].text
	pinned := match(t, from, `^--platform=\$BUILDPLATFORM golang:([0-9]+\.[0-9]+\.[0-9]+)-bookworm AS build$`)
	needed := match(t, source(t, "go.mod"), `(?m)^go (\S+)$`)
	require.GreaterOrEqual(t, goversion.Compare("go"+pinned, "go"+needed), 0, "go.mod wants %s", needed)
	require.Equal(t, goversion.Lang(runtime.Version()), goversion.Lang("go"+pinned), "what is released is what was tested")
}

func TestEveryWayToBuildHasTheSameFlags(t *testing.T) {
	t.Parallel()
	script := source(t, "scripts/build")
	flags := strings.Fields(match(t, script, `readonly FLAGS=\(([^)]*)\)`))
	for _, must := range []string{"-trimpath", "-buildvcs=false", "timetzdata"} {
		require.Contains(t, flags, must)
	}
	ldflags := match(t, script, `-ldflags "([^"]*)"`)
	env := strings.Fields(match(t, script, `(CGO_ENABLED=0 .*?) \\`))
	env = slices.DeleteFunc(env, func(s string) bool { return strings.HasPrefix(s, "GOOS=") || strings.HasPrefix(s, "GOARCH=") })
	require.Contains(t, env, "CGO_ENABLED=0")

	var ko struct {
		Base      string   `yaml:"defaultBaseImage"`
		Platforms []string `yaml:"defaultPlatforms"`
		Builds    []struct {
			ID, Main string
			Env      []string
			Flags    []string
			LDFlags  []string `yaml:"ldflags"`
		}
	}
	dec := yaml.NewDecoder(strings.NewReader(source(t, ".ko.yaml")))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(&ko))
	require.Equal(t, strings.Fields(match(t, script, `readonly PLATFORMS=\(([^)]*)\)`)), ko.Platforms)
	require.Regexp(t, `^gcr\.io/distroless/static-debian[0-9]+:nonroot$`, ko.Base, "CA certificates, no shell, no root")
	require.Len(t, ko.Builds, 1)
	require.Equal(t, "./cmd/muara", ko.Builds[0].Main)
	require.Equal(t, flags, ko.Builds[0].Flags)
	require.Equal(t, []string{strings.ReplaceAll(ldflags, "$4", "{{.Env.VERSION}}")}, ko.Builds[0].LDFlags)
	require.Equal(t, env, ko.Builds[0].Env)
	require.Contains(t, source(t, "Dockerfile"), `scripts/build --version "${VERSION}"`)
}
