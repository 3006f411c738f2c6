package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testproc"
	"github.com/muarahq/muara/pkg/testredis"
)

// envMain makes the test binary be the command.
const envMain = "MUARA_DEV_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(envMain) == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// firstRun is a place in which the command is run again and again.
type firstRun struct {
	t        *testing.T
	dir      string
	database string
	redis    string
}

func newFirstRun(t *testing.T) *firstRun {
	t.Helper()
	server := os.Getenv(envDatabase)
	require.NotEmpty(t, server, "run by `make test`")
	r := &firstRun{t: t, dir: filepath.Join(t.TempDir(), "data"), database: "dev_" + strings.ToLower(rand.Text()), redis: testredis.URL(t)}
	t.Cleanup(func() {
		ctx := context.Background() // the test's own has ended
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			return
		}
		defer conn.Close(ctx)
		_, _ = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{r.database}.Sanitize()+" WITH (FORCE)")
	})
	return r
}

// process is the command while it runs.
type process struct {
	*testproc.Process
	t     *testing.T
	lines chan string
	said  []string
}

// start runs the command as `make run` would, in a hurry.
func (r *firstRun) start(env ...string) *process {
	r.t.Helper()
	cmd := exec.Command(os.Args[0], "-data", r.dir, "-database", r.database, "-port", "0", "-requests", "60", "-per", "1s", "-delay", "300ms", "-jitter", "0s")
	cmd.Env = append(os.Environ(), envMain+"=1", envRedis+"="+r.redis, envInProcess+"=", "MUARA_DATABASE_URL=postgres://nobody@127.0.0.1:1/elsewhere")
	cmd.Env = append(cmd.Env, env...)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	p := &process{Process: testproc.Start(r.t, cmd), t: r.t, lines: make(chan string, 10_000)}
	go func() {
		<-p.Done()
		_ = in.Close()
	}()
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	return p
}

const patience = 90 * time.Second

// await reads on until a line has the text, and gives that line.
func (p *process) await(text string) string {
	p.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case line, ok := <-p.lines:
			require.True(p.t, ok, "it ended before it said %q:\n%s", text, strings.Join(p.said, "\n"))
			p.said = append(p.said, line)
			if strings.Contains(line, text) {
				return line
			}
		case <-timeout.C:
			require.FailNow(p.t, "it never said it", "%q in:\n%s", text, strings.Join(p.said, "\n"))
		}
	}
}

// commands are the printed lines that a newcomer pastes.
func (p *process) commands() (all []string) {
	p.await("ready")
	p.await("Ctrl-C stops everything")
	for _, line := range p.said {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") || strings.HasPrefix(line, "go run ") {
			all = append(all, line)
		}
	}
	return all
}

// paste runs a printed line in a shell, from the repository.
func paste(t *testing.T, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-o", "pipefail", "-c", line)
	cmd.Dir = filepath.Join("..", "..")
	// Not the racing build of a racing test: that of scripts/build, so that nothing is compiled once more.
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false -trimpath -tags=timetzdata", "CGO_ENABLED=0")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s%s", line, out, problems.String())
	return string(out)
}

// answer pastes a line whose output is the API's, until it has the text.
func answer(t *testing.T, line, until string) (data map[string]any) {
	t.Helper()
	var out string
	require.Eventually(t, func() bool {
		out = paste(t, line)
		return strings.Contains(out, until)
	}, patience, 200*time.Millisecond, "%s never showed %s", line, until)
	var body struct {
		OK   bool           `json:"ok"`
		Data map[string]any `json:"data"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &body), out)
	require.True(t, body.OK, out)
	return body.Data
}

// wanted is what the output of a printed line shows sooner or later.
func wanted(line string) string {
	for _, w := range []struct{ line, shows string }{
		{"/ping", `"timezone"`},
		{"/profile", `"balance":10000000`},
		{"/ppob/products", `"available":true`},
		{"/otp/countries", `"offers"`},
		{"/smm/services", `"rate"`},
		{`"category":"smm"`, `"price"`},
		{"/order/smm-", `"status":"completed"`},
		{"/inquiry", `"expires_at"`},
		{`"ref":"bill-`, `"total"`},
		{"/order/bill-", `"status":"completed"`},
		{`"category":"ppob"`, `"price"`},
		{`"category":"otp"`, `"price"`},
		{`"category":"product"`, `"content":"demo001@example.com`},
		{"/order/ppob-", `"status":"completed"`},
		{"/order/otp-", `"status":"completed"`},
		{"/orders?", `"count":3`},
		{`"amount":50000`, `"qr_string":"000201`},
		{"/deposit/dep-", `"credited":true`},
		{"deposit list", "paid"},
		{"/check/bank", `"status":"valid"`},
		{"/withdraw'", `"status":"pending"`},
		{"withdraw approve", "approved"},
		{"withdraw list", "valid"}, // the look at whose account it is; until then nobody may say yes
		{"/withdraw/wd-", `"status":"success"`},
		{"/mutations?", `"kind":"order"`},
		{"/webhook/test", `"ok":true`},
		{"/metrics'", "muara_"},
		{"curl -s 'http", "webhook.test"}, // the receiver
		{"order list", "completed"},
		{"upstream list", ppobUpstream},
		{"upstream show", "60 requests in 1s"},
		{"catalog list", "OTP"},
		{"webhook list", "delivered"},
		{"ledger verify", "the books are clean"},
		{"/admin/v1/audit", `"actor"`},
	} {
		if strings.Contains(line, w.line) {
			return w.shows
		}
	}
	return ""
}

func TestEveryPrintedLineWorksAsPasted(t *testing.T) {
	t.Parallel()
	r := newFirstRun(t)
	p := r.start()
	lines := p.commands()
	require.GreaterOrEqual(t, len(lines), 37, "this many are printed")
	paste(t, "go run ./cmd/muara version") // what is built once is not waited for below
	for _, line := range lines {
		shows := wanted(line)
		require.NotEmpty(t, shows, "nobody checks %s", line)
		if strings.Contains(line, "/api/v1") {
			answer(t, line, shows)
			continue
		}
		require.Eventually(t, func() bool { return strings.Contains(paste(t, line), shows) }, patience, 200*time.Millisecond, "%s never showed %s", line, shows)
	}
	// What the receiver got was seen on the screen too, and it verified.
	require.Regexp(t, `webhook +order\.updated ppob-\S+ completed .*sn \S+.*\(signature verified\)`, p.await(" completed "))
	p.await("webhook.test")
	for _, line := range p.said {
		require.NotContains(t, line, "DOES NOT VERIFY")
		require.NotContains(t, line, "level=ERROR")
	}
	twice := first(t, lines, `"category":"ppob"`)
	before := answer(t, first(t, lines, "/profile"), "balance")["balance"]
	require.Contains(t, paste(t, twice), `"status":"completed"`, "the same line again is the same order")
	require.Equal(t, before, answer(t, first(t, lines, "/profile"), "balance")["balance"])

	for _, name := range []string{demoFile, encryptionKeyFile, configFile, logFile} {
		info, err := os.Stat(filepath.Join(r.dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	require.NoError(t, p.Stop(syscall.SIGINT))
	p.await("stopped")

	r.againWithoutRedis(p, lines)
}

// againWithoutRedis starts on the data of the first run, without a redis-server:
// the merchant, its orders and the catalogue are still there.
func (r *firstRun) againWithoutRedis(before *process, lines []string) {
	t := r.t
	again := r.start(envRedis+"=", envInProcess+"=1")
	again.await("an in-process Redis stands in for it")
	later := again.commands()
	key := regexp.MustCompile(`mra_live_\w+`)
	require.Equal(t, key.FindString(lines[0]), key.FindString(later[0]), "the merchant is kept")
	require.NotContains(t, strings.Join(again.said, "\n"), "applied")
	require.NotEqual(t, first(t, lines, "/order/ppob-"), first(t, later, "/order/ppob-"), "but its next orders are new ones")
	require.Contains(t, answer(t, first(t, later, "/profile"), "stats")["stats"], "completed")
	answer(t, first(t, later, `"category":"ppob"`), `"price"`)
	answer(t, first(t, later, "/order/ppob-"), `"status":"completed"`)
	again.await("(signature verified)")
	require.Contains(t, paste(t, first(t, later, "ledger verify")), "the books are clean")
	require.NoError(t, again.Stop(syscall.SIGTERM))
	again.await("stopped")
	require.NotEqual(t, before.PID(), again.PID())
}

func first(t *testing.T, lines []string, with string) string {
	t.Helper()
	for _, line := range lines {
		if strings.Contains(line, with) {
			return line
		}
	}
	require.FailNow(t, "no such line", with)
	return ""
}

func TestWithoutServersItSaysHowToStart(t *testing.T) {
	t.Parallel()
	r := &firstRun{t: t, dir: filepath.Join(t.TempDir(), "data"), database: "dev_none"}
	p := r.start(envDatabase + "=")
	p.await("make run")
	<-p.Done()
}
