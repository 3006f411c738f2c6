package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/muarahq/muara/pkg/testproc"
)

// process is one process under test with what it wrote.
type process struct {
	*testproc.Process
	name string
	log  string // its standard output and error
}

// launch starts a command whose output goes to a file of its own. When the test
// fails the end of what mattered in it is shown.
func launch(t testing.TB, dir, name string, cmd *exec.Cmd) *process {
	t.Helper()
	path := filepath.Join(dir, name+".log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatalf("e2e: %v", err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of %s:\n%s", name, tail(path, 25))
		}
	})
	return &process{Process: testproc.Start(t, cmd), name: name, log: path}
}

// tail gives the last lines that are more than information.
func tail(path string, n int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n") {
		if !strings.Contains(line, `"level":"INFO"`) && !strings.Contains(line, `"level":"DEBUG"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// said gives the first line of the process's log that has msg, decoded.
func (p *process) said(msg string) (map[string]any, bool) {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return nil, false
	}
	for in := bufio.NewScanner(bytes.NewReader(b)); in.Scan(); {
		var line map[string]any
		if json.Unmarshal(in.Bytes(), &line) == nil && line["msg"] == msg {
			return line, true
		}
	}
	return nil, false
}

// await waits until the process said msg, and gives that line.
func (p *process) await(t testing.TB, msg string) map[string]any {
	t.Helper()
	var line map[string]any
	until(t, 30*time.Second, p.name+" says "+msg, func() (ok bool) {
		line, ok = p.said(msg)
		if !ok && !p.Running() {
			t.Fatalf("%s ended:\n%s", p.name, tail(p.log, 50))
		}
		return ok
	})
	return line
}

// drain stops the process as an orchestrator does and requires that it ends well.
func (p *process) drain(t testing.TB) {
	t.Helper()
	if err := p.Stop(syscall.SIGTERM); err != nil {
		t.Fatalf("%s did not drain: %v\n%s", p.name, err, tail(p.log, 50))
	}
}

// complaints counts the errors in the logs of a directory by what they say, and gives
// every line that no fault excuses.
func complaints(t testing.TB, dir string) (errors map[string]int, inexcusable []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	errors = map[string]int{}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			for _, word := range []string{"panic", "DATA RACE", "observation lost", "ledger drift"} {
				if strings.Contains(line, word) {
					inexcusable = append(inexcusable, filepath.Base(path)+": "+line)
				}
			}
			var said struct{ Level, Role, Msg string }
			if json.Unmarshal([]byte(line), &said) == nil && said.Level == "ERROR" {
				errors[said.Role+": "+said.Msg]++
			}
		}
	}
	return errors, inexcusable
}

// until waits for a condition; the deadline fails the test and says what was waited for.
func until(t testing.TB, limit time.Duration, what string, done func() bool) {
	t.Helper()
	untilOr(t, limit, func() string { return what }, done)
}

// untilOr is until with words that are found when the deadline has come.
func untilOr(t testing.TB, limit time.Duration, what func() string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s in vain until %s", limit, what())
		case <-t.Context().Done():
			t.Fatal(fmt.Sprint("the test ended while it waited until ", what()))
		}
	}
}
