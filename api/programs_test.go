package api_test

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/api/pages"
	"github.com/muarahq/muara/pkg/webhook"
)

// The programs of the guide are run as a merchant would run them. What a language needs
// may be missing on a developer's machine; where MUARA_TEST_LANGUAGES is set, as in CI,
// it must be there.

// runner is how the programs of a language are run and looked through.
type runner struct {
	tool string
	run  []string
	// check finds what is wrong with programs without running them; empty for what has no such thing.
	check []string
}

func runners() map[string]runner {
	return map[string]runner{
		"sh":  {"curl", []string{"bash", "-eu"}, []string{"bash", "-n"}},
		"php": {"php", []string{"php"}, []string{"php", "-l"}},
		"mjs": {"node", []string{"node"}, []string{"node", "--check"}},
		"py":  {"python3", []string{"python3"}, []string{"python3", "-m", "py_compile"}},
		"go":  {"go", []string{"go", "run"}, []string{"go", "vet"}},
	}
}

// has tells whether a language can be tried here.
func has(t *testing.T, tool string) bool {
	t.Helper()
	_, err := exec.LookPath(tool)
	if err != nil && os.Getenv("MUARA_TEST_LANGUAGES") != "" {
		t.Fatalf("%s is missing: scripts/servers languages installs it", tool)
	}
	if err != nil {
		t.Logf("%s is not tried: it is not installed here", tool)
	}
	return err == nil
}

// written puts a program into a file of its own directory.
func written(t *testing.T, code pages.Code) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program."+code.ID)
	require.NoError(t, os.WriteFile(file, []byte(code.Text), 0o600))
	return file
}

// ran runs a command in the file's directory and gives what it said.
func ran(t *testing.T, args []string, file string, env []string, stdin string) (out string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], append(args[1:], file)...)
	cmd.Dir, cmd.Stdin = filepath.Dir(file), strings.NewReader(stdin)
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off"), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	t.Logf("%s: %v\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	return stdout.String(), err
}

func codeOf(t *testing.T, operation, language string) pages.Code {
	t.Helper()
	examples, err := pages.Examples(api.OpenAPI(api.New(api.Deps{})))
	require.NoError(t, err)
	codes, err := examples[operation].Codes()
	require.NoError(t, err)
	for _, c := range codes {
		if c.ID == language {
			return c
		}
	}
	t.Fatalf("%s has no program in %s", operation, language)
	return pages.Code{}
}

func TestTheGuidesProgramsPlaceAndReadOrders(t *testing.T) {
	t.Parallel()
	for language, r := range runners() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			if !has(t, r.tool) {
				return
			}
			w := newWorld(t)
			s := listen(t, w.apis[0])
			c := w.merchant(100_000)
			env := []string{"API_URL=" + s.URL + "/api/v1", "API_KEY=" + c.key}
			place := written(t, codeOf(t, "place-order", language))
			for range 2 { // as after a broken connection
				out, err := ran(t, r.run, place, env, "")
				require.NoError(t, err)
				require.Regexp(t, `"ref": ?"trx-0001"`, out)
			}
			require.Equal(t, 1, w.count(`SELECT count(*) FROM orders`))
			require.Equal(t, 100_000-num(c.get("/price?sku=MLID10").data()["price"]), c.balance())
			out, err := ran(t, r.run, written(t, codeOf(t, "get-order", language)), env, "")
			require.NoError(t, err)
			require.Regexp(t, `"status": ?"pending"`, out)
			require.Regexp(t, `"sku": ?"MLID10"`, out)

			// A refusal is told, and the program fails; curl shows what came.
			out, err = ran(t, r.run, place, []string{env[0], "API_KEY=mra_live_none"}, "")
			if language == "sh" {
				require.Contains(t, out, "unauthorized")
				return
			}
			require.Error(t, err)
			require.Empty(t, strings.TrimSpace(out))
		})
	}
}

func TestEveryProgramOfTheGuideIsWellFormed(t *testing.T) {
	t.Parallel()
	examples, err := pages.Examples(api.OpenAPI(api.New(api.Deps{})))
	require.NoError(t, err)
	files := map[string][]string{}
	for id, e := range examples {
		codes, err := e.Codes()
		require.NoError(t, err)
		for _, c := range codes {
			dir := filepath.Join(t.TempDir(), id)
			require.NoError(t, os.MkdirAll(dir, 0o750))
			file := filepath.Join(dir, "program."+c.ID)
			require.NoError(t, os.WriteFile(file, []byte(c.Text), 0o600))
			files[c.ID] = append(files[c.ID], file)
		}
	}
	for language, r := range runners() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			require.Len(t, files[language], len(examples))
			if !has(t, r.tool) {
				return
			}
			if language == "go" { // formatting parsed them all; one of each method is enough to compile
				for _, id := range []string{"ping", "create-withdrawal", "set-settings"} {
					_, err := ran(t, r.check, written(t, codeOf(t, id, language)), nil, "")
					require.NoError(t, err)
				}
				return
			}
			if language == "py" { // takes many at once
				out, err := exec.CommandContext(t.Context(), "python3", append([]string{"-m", "py_compile"}, files[language]...)...).CombinedOutput()
				require.NoError(t, err, string(out))
				return
			}
			for _, file := range files[language] {
				out, err := exec.CommandContext(t.Context(), r.check[0], append(r.check[1:], file)...).CombinedOutput()
				require.NoError(t, err, string(out))
			}
		})
	}
}

// arrival is a delivery as it reaches a merchant.
type arrival struct {
	name                string
	id, timestamp, sign string
	body                string
	genuine             bool
}

// arrivals are deliveries that webhook signed, and some that somebody meddled with.
func arrivals(t *testing.T, secret string) []arrival {
	t.Helper()
	const id, body = "evt_3C1K8N0F2TQ6V5M4R7S9A0B1D2", `{"type":"order.updated","timestamp":"2026-11-21T03:04:05Z","mode":"live","data":{"order":{"ref":"trx-0001","name":"Péngisian Rp 5.000 ✓"}}}`
	const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	signed := func(at time.Time, secrets ...string) string {
		text, err := webhook.Sign(id, at, []byte(body), secrets...)
		require.NoError(t, err)
		return text
	}
	now := time.Now()
	at := strconv.FormatInt(now.Unix(), 10)
	old := now.Add(-6 * time.Minute)
	soon := now.Add(time.Hour) // however long a slow machine takes to send it
	return []arrival{
		{"genuine", id, at, signed(now, secret), body, true},
		{"two secrets", id, at, signed(now, other, secret), body, true},
		{"another body", id, at, signed(now, secret), strings.Replace(body, "5.000", "9.000", 1), false},
		{"one byte more", id, at, signed(now, secret), body + "\n", false},
		{"another id", "evt_other", at, signed(now, secret), body, false},
		{"another secret", id, at, signed(now, other), body, false},
		{"no signature", id, at, "", body, false},
		{"another version", id, at, strings.Replace(signed(now, secret), "v1,", "v2,", 1), body, false},
		{"an old one", id, strconv.FormatInt(old.Unix(), 10), signed(old, secret), body, false},
		{"an early one", id, strconv.FormatInt(soon.Unix(), 10), signed(soon, secret), body, false},
		{"no time", id, "", signed(now, secret), body, false},
	}
}

func TestTheGuidesReceiversTakeWhatIsGenuineAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(0)
	secret := c.post("/webhook/secret", "").data()["secret"].(string)
	codes, err := pages.VerifyCodes()
	require.NoError(t, err)
	require.Len(t, codes, len(runners()))
	for _, code := range codes {
		t.Run(code.ID, func(t *testing.T) {
			t.Parallel()
			r := runners()[code.ID]
			if code.ID == "sh" {
				r.tool = "openssl"
			}
			if !has(t, r.tool) {
				return
			}
			file := written(t, code)
			receive := served
			if code.ID == "sh" || code.ID == "php" {
				receive = called
			}
			take := receive(t, r, file, secret)
			for i := range arrivals(t, secret) {
				a := arrivals(t, secret)[i] // signed now: a delivery grows old
				require.Equal(t, a.genuine, take(t, a), a.name)
			}
		})
	}
}

// called runs a program for each delivery.
func called(_ *testing.T, r runner, file, secret string) func(*testing.T, arrival) bool {
	return func(t *testing.T, a arrival) bool {
		env := []string{"WEBHOOK_SECRET=" + secret, "WEBHOOK_ID=" + a.id, "WEBHOOK_TIMESTAMP=" + a.timestamp, "WEBHOOK_SIGNATURE=" + a.sign}
		args, last := r.run, file
		if strings.HasSuffix(file, ".sh") {
			last = filepath.Join(t.TempDir(), "body")
			require.NoError(t, os.WriteFile(last, []byte(a.body), 0o600))
			args = append(args, file)
		}
		out, err := ran(t, args, last, env, a.body)
		if err != nil {
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, 1, failed.ExitCode(), "refused, and not broken down")
		}
		return err == nil && strings.TrimSpace(out) != ""
	}
}

// served starts a program that listens.
func served(t *testing.T, r runner, file, secret string) func(*testing.T, arrival) bool {
	t.Helper()
	args := r.run
	if strings.HasSuffix(file, ".go") { // go run would leave its child behind
		binary := strings.TrimSuffix(file, ".go")
		_, err := ran(t, []string{"go", "build", "-o", binary}, file, nil, "")
		require.NoError(t, err)
		args, file = nil, binary
	}
	args = append(args, file)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret, "PORT=0")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url := "http://127.0.0.1:" + strings.TrimSpace(port)
	client := &http.Client{Timeout: time.Minute}
	return func(t *testing.T, a arrival) bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(a.body))
		require.NoError(t, err)
		for name, value := range map[string]string{"webhook-id": a.id, "webhook-timestamp": a.timestamp, "webhook-signature": a.sign, "content-type": "application/json"} {
			req.Header.Set(name, value)
		}
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Contains(t, []int{http.StatusOK, http.StatusUnauthorized}, resp.StatusCode, a.name)
		return resp.StatusCode == http.StatusOK
	}
}
