package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// emulated is one emulator, steered by its control API.
type emulated struct {
	t       testing.TB
	name    string // as the configuration calls it
	brand   string // as the emulators' command does
	base    string // where drivers call it
	control string
}

// call asks the control API.
func (e *emulated) call(method, path string, in, out any) {
	e.t.Helper()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		require.NoError(e.t, err)
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(e.t.Context(), method, e.control+path, body)
	require.NoError(e.t, err)
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	require.NoError(e.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(e.t, err)
	require.Equal(e.t, http.StatusOK, resp.StatusCode, "%s %s: %s", method, path, raw)
	if out != nil {
		require.NoError(e.t, json.Unmarshal(raw, out))
	}
}

func (e *emulated) books() emulate.Books {
	e.t.Helper()
	var b emulate.Books
	e.call(http.MethodGet, "/books", nil, &b)
	return b
}

// requests are the books with the log of arrivals.
func (e *emulated) requests() []emulate.Arrival {
	e.t.Helper()
	var b emulate.Books
	e.call(http.MethodGet, "/books?requests=1", nil, &b)
	return b.Requests
}

// fault adds a rule and gives its id.
func (e *emulated) fault(r emulate.Rule) int {
	e.t.Helper()
	var out struct {
		ID int `json:"id"`
	}
	e.call(http.MethodPost, "/faults", r, &out)
	return out.ID
}

// hits is how many requests a rule has met.
func (e *emulated) hits(id int) int {
	e.t.Helper()
	var rules []emulate.Rule
	e.call(http.MethodGet, "/faults", nil, &rules)
	for _, r := range rules {
		if r.ID == id {
			return r.Hits
		}
	}
	return 0
}

func (e *emulated) clear() {
	e.t.Helper()
	e.call(http.MethodDelete, "/faults", nil, nil)
}

func (e *emulated) script(s emulate.Spec) {
	e.t.Helper()
	e.call(http.MethodPost, "/script", s, nil)
}

// addresses reads what the emulators' process printed once it listens everywhere.
func addresses(t testing.TB, p *process) map[string]string {
	t.Helper()
	out := map[string]string{}
	until(t, 30*time.Second, "the emulators listen", func() bool {
		b, err := os.ReadFile(p.log)
		if err != nil || !p.Running() {
			t.Fatalf("emulator: %v\n%s", err, b)
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			if name, url, ok := strings.Cut(line, " "); ok {
				out[name] = url
			}
			if line == "ready" {
				return true
			}
		}
		return false
	})
	return out
}
