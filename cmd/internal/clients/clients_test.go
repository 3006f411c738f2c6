package clients

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tools is a directory with node_modules; scripts/node makes it.
func tools(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MUARA_NODE")
	if dir == "" {
		t.Skip("run by make clients") //nolint:forbidigo // which CI does, in a step of its own
	}
	return dir
}

// documents are all that are kept, as absolute paths.
func documents(t *testing.T) []string {
	t.Helper()
	root, err := filepath.Abs("../../../docs")
	require.NoError(t, err)
	found, err := filepath.Glob(filepath.Join(root, "openapi*.json"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(found), 2)
	return found
}

// workplace is a directory of the test's own with a part of this package in it.
func workplace(t *testing.T, part string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(part)))
	return dir
}

// run runs a program to its end and gives what it printed.
func run(t *testing.T, dir string, env []string, stdin []byte, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, append(os.Environ(), env...), bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s %s\n%s%s", name, strings.Join(args, " "), &stdout, &stderr)
	return stdout.String()
}

// nodePlace is a workplace where Node.js finds its packages.
func nodePlace(t *testing.T) (dir string, node func(stdin []byte, env []string, args ...string) string) {
	t.Helper()
	at := filepath.Join(tools(t), "node_modules")
	dir = t.TempDir()
	for _, name := range []string{"package.json", "tsconfig.json", "client.ts", "webhooks.mjs", "redocly.yaml", ".spectral.yaml"} {
		text, err := os.ReadFile(filepath.Join("node", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	require.NoError(t, os.Symlink(at, filepath.Join(dir, "node_modules")))
	return dir, func(stdin []byte, env []string, args ...string) string {
		t.Helper()
		return run(t, dir, append(env, "REDOCLY_TELEMETRY=off", "NO_COLOR=1"), stdin, filepath.Join(tools(t), "bin", "node"), args...)
	}
}

func TestTwoLintersFindNothingWrong(t *testing.T) {
	t.Parallel()
	_, node := nodePlace(t)
	for _, document := range documents(t) {
		said := node(nil, nil, "node_modules/@redocly/cli/bin/cli.js", "lint", "--format=json", document)
		var found struct {
			Totals struct{ Errors, Warnings, Ignored int }
		}
		require.NoError(t, json.Unmarshal([]byte(said), &found), said)
		require.Zero(t, found.Totals, said)
		said = node(nil, nil, "node_modules/@stoplight/spectral-cli/dist/index.js", "lint", "--fail-severity=hint", "--format=json", document)
		require.Regexp(t, `^\[\]`, said, document)
	}
}

// steps are what each client prints of its way.
func steps(t *testing.T, said string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(said), "\n")
	require.Len(t, lines, 4, said)
	require.Regexp(t, `^placed PPOB-[0-9A-Z]{13} [1-9][0-9]* [1-9][0-9]*$`, lines[0])
	require.Regexp(t, `^read completed \S+`, lines[1])
	require.Equal(t, "refused 400 invalid_request customer_no", lines[2])
	require.Equal(t, "unknown 404 not_found", lines[3])
}

func TestAGoClientOfTheDocumentWorks(t *testing.T) {
	t.Parallel()
	tools(t)
	g := newGateway(t)
	document, err := filepath.Abs("../../../docs/openapi-3.0.json")
	require.NoError(t, err)
	dir := workplace(t, "golang")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "gateway"), 0o700))
	run(t, dir, nil, nil, "go", "tool", "oapi-codegen", "-config", "oapi-codegen.yaml", document)
	run(t, dir, nil, nil, "go", "vet", "./...")
	m := g.merchant()
	steps(t, run(t, dir, []string{"GATEWAY_URL=" + g.url, "GATEWAY_KEY=" + m.key}, nil, "go", "run", "."))
}

func TestATypeScriptClientOfTheDocumentWorks(t *testing.T) {
	t.Parallel()
	dir, node := nodePlace(t)
	g := newGateway(t)
	document, err := filepath.Abs("../../../docs/openapi.json")
	require.NoError(t, err)
	node(nil, nil, "node_modules/openapi-typescript/bin/cli.js", document, "--output", filepath.Join(dir, "gateway.d.ts"))
	node(nil, nil, "node_modules/typescript/bin/tsc", "--project", ".")
	m := g.merchant()
	steps(t, node(nil, []string{"GATEWAY_URL=" + g.url, "GATEWAY_KEY=" + m.key}, "client.ts"))
}

// check is a delivery and a secret that it is verified with.
type check struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	want    string
}

func TestWebhooksVerifyWithTheStandardsLibrary(t *testing.T) {
	t.Parallel()
	_, node := nodePlace(t)
	g := newGateway(t)
	m := g.merchant()
	old := m.rotate() // the first secret is shown to operators only
	before := m.ping()
	fresh := m.rotate()
	overlap := m.ping()

	const good, bad = "verified webhook.test", "refused"
	checks := []check{
		{old, before.headers(), before.body, good},
		{fresh, before.headers(), before.body, bad},
		{old, overlap.headers(), overlap.body, good}, // both sign for a while
		{fresh, overlap.headers(), overlap.body, good},
		{fresh, overlap.headers(), strings.Replace(overlap.body, `"test"`, `"live"`, 1), bad},
		{fresh, overlap.headers(), overlap.body + " ", bad},
		{fresh, before.headers(), overlap.body, bad},
	}
	for name, value := range map[string]string{"webhook-id": "evt_another", "webhook-timestamp": "1700000000", "webhook-signature": "v1,AAAA"} {
		changed := overlap.headers()
		changed[name] = value
		checks = append(checks, check{fresh, changed, overlap.body, bad})
	}
	require.NotEqual(t, overlap.body, checks[4].Body)
	in, err := json.Marshal(checks)
	require.NoError(t, err)
	words := strings.Split(strings.TrimSpace(node(in, nil, "webhooks.mjs")), "\n")
	require.Len(t, words, len(checks))
	for i, c := range checks {
		require.Equal(t, c.want, words[i], "check %d", i)
	}
}

// call makes a request that must succeed, and decodes its data.
func (m *merchant) call(method, path, body string, data any) {
	m.g.t.Helper()
	status, raw := m.send(m.g.t.Context(), method, path, body)
	require.Equal(m.g.t, http.StatusOK, status, raw)
	if data != nil {
		require.NoError(m.g.t, json.Unmarshal([]byte(raw), &struct{ Data any }{data}))
	}
}

// rotate gives the merchant's new webhook secret.
func (m *merchant) rotate() string {
	var out struct{ Secret string }
	m.call(http.MethodPost, "/webhook/secret", "", &out)
	require.NotEmpty(m.g.t, out.Secret)
	return out.Secret
}

// ping has a test event sent, and waits for it.
func (m *merchant) ping() delivery {
	m.call(http.MethodPost, "/webhook/test", "", nil)
	select {
	case d := <-m.came:
		return d
	case <-m.g.t.Context().Done():
		return delivery{}
	}
}

// delivery is a webhook as it came, byte for byte.
type delivery struct {
	header http.Header
	body   string
}

func (d delivery) headers() map[string]string {
	out := map[string]string{}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		out[name] = d.header.Get(name)
	}
	return out
}
