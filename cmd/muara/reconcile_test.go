package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/upstream"
)

// theirBooks are a source's of a day on which somebody else bought with our key.
type theirBooks struct {
	reconcile.Books
	lines []upstream.StatementLine
}

func (theirBooks) Offers() (statement, movements, status bool) { return true, false, false }
func (b theirBooks) StatementPage(context.Context, time.Time, time.Time, int) ([]upstream.StatementLine, int, error) {
	return b.lines, 0, nil
}
func (theirBooks) Raise(context.Context, int64, string) error { return nil }

func TestADayIsReconciledByCommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	o := d.order("r1", order.Step{From: order.Queued, To: order.Sending})
	// The claim was yesterday, in the brand's zone.
	yesterday := time.Now().In(time.FixedZone("WIB", 7*60*60)).AddDate(0, 0, -1)
	noon := time.Date(yesterday.Year(), yesterday.Month(), yesterday.Day(), 12, 0, 0, 0, yesterday.Location())
	_, err := d.db.Pool.Exec(t.Context(), `UPDATE order_attempts SET started_at = $1, outcome = 'succeeded'`, noon)
	require.NoError(t, err)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"nobody"}, `no upstream is called "nobody"`},
		{[]string{"src-1", "--date", "yesterday"}, "is not a day"},
		{[]string{"src-1", "--date", time.Now().Add(48 * time.Hour).Format(time.DateOnly)}, "the day is not over"},
		{[]string{"src-1", "--csv", "x.csv", "--no-wait"}, "no lines to write"},
		{[]string{"src-1", "--csv", "-", "--json"}, "not for both"},
	} {
		code, _, errs := d.run(append([]string{"upstream", "reconcile"}, c.args...)...)
		require.Equal(t, exitRefused, code, c.args)
		require.Contains(t, errs, c.says)
	}
	asked := d.json("upstream", "reconcile", "src-1", "--no-wait")
	require.Equal(t, "running", asked["state"])
	require.Equal(t, yesterday.Format(time.DateOnly), asked["day"])
	code, out, _ := d.run("upstream", "reconcile", "src-1", "--no-wait")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "waiting for its worker")

	path := filepath.Join(t.TempDir(), "lines.csv")
	var stdout bytes.Buffer
	waiting := newHeard("waiting for its worker")
	done := make(chan int)
	go func() {
		done <- run(t.Context(), []string{"--config", d.config, "upstream", "reconcile", "src-1", "--every", "1ms", "--csv", path, "--all"}, &stdout, waiting)
	}()
	<-waiting.seen
	b := theirBooks{lines: []upstream.StatementLine{
		{Ref: order.OurRef(o.ID, 1), State: upstream.Succeeded, Cost: 10_100, At: noon}, {Ref: "=cmd()", Target: "+6281", State: upstream.Succeeded, Cost: 7_000, At: noon},
	}}
	r := reconcile.Reconciler{Pool: d.db.Pool, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	for did := true; did; {
		did, err = r.Step(t.Context(), b, "src-1")
		require.NoError(t, err)
	}
	require.Equal(t, exitOK, <-done)
	require.Regexp(t, `only theirs\s+1`, stdout.String())
	require.Regexp(t, `compared by\s+its own books`, stdout.String())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, []string{"matched", "10100", "10100"}, []string{rows[1][0], rows[1][9], rows[1][10]})
	require.Equal(t, []string{"only_theirs", "", "'=cmd()", "'+6281", noon.UTC().Format(time.RFC3339)}, []string{rows[2][0], rows[2][1], rows[2][3], rows[2][6], rows[2][11]})

	stdout.Reset()
	waiting = newHeard("waiting for its worker")
	go func() {
		done <- run(t.Context(), []string{"--config", d.config, "upstream", "reconcile", "src-1", "--every", "1ms", "--csv", "-"}, &stdout, waiting)
	}()
	<-waiting.seen
	for did := true; did; {
		did, err = r.Step(t.Context(), b, "src-1")
		require.NoError(t, err)
	}
	require.Equal(t, exitOK, <-done)
	require.Equal(t, 2, strings.Count(stdout.String(), "\n"), "the head and the one finding: %s", stdout.String())

	ctx, cancel := context.WithCancel(t.Context())
	waiting = newHeard("waiting for its worker")
	go func() {
		done <- run(ctx, []string{"--config", d.config, "upstream", "reconcile", "src-1", "--every", "1ms"}, &stdout, waiting)
	}()
	<-waiting.seen
	cancel()
	require.Equal(t, exitRefused, <-done)
}
