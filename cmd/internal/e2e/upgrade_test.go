package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// earlier builds muara as it was at a revision, and skips the test where the
// repository's history is not at hand: in an archive, or in a clone of one commit.
func earlier(t *testing.T) string {
	t.Helper()
	revision := os.Getenv("MUARA_E2E_FROM")
	if revision == "" {
		revision = "HEAD^"
	}
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	run := func(dir, name string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := run(root, "git", "rev-parse", "--verify", revision+"^{commit}")
	if err != nil {
		//nolint:forbidigo // there is nothing to upgrade from
		t.Skipf("no earlier version to upgrade from: git rev-parse %s: %s (a whole clone has it, and MUARA_E2E_FROM names another)", revision, commit)
	}
	dir := t.TempDir()
	archive := filepath.Join(dir, "tree.tar")
	out, err := run(root, "git", "archive", "--format", "tar", "--output", archive, commit)
	require.NoError(t, err, out)
	out, err = run(dir, "tar", "-xf", archive)
	require.NoError(t, err, out)
	out, err = run(dir, "go", "build", "-buildvcs=false", "-o", "muara.earlier", "./cmd/muara")
	require.NoError(t, err, out)
	t.Logf("upgrading from %s", commit)
	return filepath.Join(dir, "muara.earlier")
}

// shopper places an order now and then, for as long as it is told to.
type shopper struct {
	m        *merchant
	goods    []good
	accepted atomic.Int64
	failed   atomic.Pointer[error]
}

// shop places orders until stop is closed: five whenever few are waiting to be sent.
func (s *shopper) shop(ctx context.Context, stop <-chan struct{}) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if s.m.w.queued() > 40 {
			continue
		}
		for range 5 {
			g := &s.goods[i%len(s.goods)]
			r, _, err := s.m.insist(ctx, http.MethodPost, "/api/v1/order", ppob(fmt.Sprint("naik-", i), g, fmt.Sprintf("0813%06d01", i)))
			if err == nil && r.Status != http.StatusOK {
				err = fmt.Errorf("%d: %s", r.Status, r.Raw)
			}
			if err != nil {
				s.failed.Store(&err)
				return
			}
			i++
			s.accepted.Add(1)
		}
	}
}

// TestARollingUpgradeLosesNothing begins with the version before this one and replaces
// it, as `helm upgrade` does, under orders that never cease: the schema first, then
// every process, one by one, the new one before the old one goes.
func TestARollingUpgradeLosesNothing(t *testing.T) {
	sideBySide(t, time.Minute)
	before := earlier(t)
	w := newWorld(t, settings{muara: before, configured: func(w *world) {
		if err := w.try(nil, "config", "check"); err != nil {
			//nolint:forbidigo // the two cannot run side by side, whatever they are
			t.Skipf("the earlier version does not know this configuration: %v", err)
		}
	}})
	w.everything()
	m := w.merchant("Toko Naik", 2_000_000_000)
	r, _, err := m.insist(t.Context(), http.MethodPut, "/api/v1/webhook", map[string]any{"url": w.receiver.URL + "/endpoint"})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.Status, "%s", r.Raw)
	for _, e := range []*emulated{w.otp, w.ppob} { // so that each step meets calls on their way
		e.fault(emulate.Rule{Kind: emulate.Latency, Endpoint: "purchase", Delay: emulate.Duration(700 * time.Millisecond), Jitter: emulate.Duration(200 * time.Millisecond)})
	}
	s := &shopper{m: m, goods: append(some(w.goods("ppob", ppobName), 3), some(w.goods("ppob", otpName), 2)...)}
	stop := make(chan struct{})
	var shopping sync.WaitGroup
	shopping.Go(func() { s.shop(t.Context(), stop) })
	busy := func(what string) {
		t.Helper()
		at := s.accepted.Load()
		untilOr(t, 60*time.Second, func() string { return fmt.Sprint("orders are on their way: ", what, "; ", s.failed.Load()) }, func() bool {
			return s.accepted.Load() >= at+5 && w.count(`SELECT count(*) FROM orders WHERE state = 'sending'`) >= 3
		})
	}

	busy("migrating")
	w.settings.muara = ""
	began := time.Now()
	w.cli(nil, "migrate", "up")
	for _, x := range []struct {
		name  string
		start func(int) *process
	}{
		{"scheduler", w.scheduler},
		{"worker-" + otpName, func(n int) *process { return w.worker(otpName, n) }},
		{"worker-" + ppobName, func(n int) *process { return w.worker(ppobName, n) }},
		{"webhooks", w.webhooks},
		{"api", w.api},
	} {
		for n := range 2 {
			name := fmt.Sprint(x.name, "-", n)
			busy(name)
			old := w.proc(name)
			x.start(n)
			old.drain(t)
		}
	}
	busy("upgraded")
	close(stop)
	shopping.Wait()
	require.Nil(t, s.failed.Load(), "every order was accepted")
	accepted := int(s.accepted.Load())
	t.Logf("%d orders, %s from the first step to the last", accepted, time.Since(began).Round(100*time.Millisecond))
	until(t, 90*time.Second, "everything is final", func() bool { return w.count(`SELECT count(*) FROM orders WHERE state <> 'completed'`) == 0 })
	until(t, 60*time.Second, "the merchant has heard of everything", func() bool {
		return w.count(`SELECT count(*) FROM webhook_events WHERE status <> 'delivered'`) == 0
	})

	require.Len(t, m.orders(t), accepted, "none lost")
	require.Equal(t, accepted, len(w.ppob.books().Purchases)+len(w.otp.books().Purchases), "each bought")
	for _, e := range []*emulated{w.otp, w.ppob} {
		books := e.books()
		require.Empty(t, books.Twice())
		require.Empty(t, books.TwiceByTarget())
		require.Empty(t, books.Violations, "two versions keep one promise")
	}
	require.Zero(t, w.count(`SELECT count(*) FROM order_events WHERE to_state = 'unknown'`), "no call was given up")
	require.Zero(t, w.count(`SELECT count(*) FROM orders WHERE attempt <> 1`), "no purchase was tried twice")
	told := map[string]bool{}
	for _, d := range w.receiver.everything() {
		if d.Order.Status == "completed" {
			told[d.Order.Ref] = true
		}
	}
	require.Len(t, told, accepted, "the merchant was told of each")
	require.Empty(t, w.receiver.wrong())
	w.alive()
	w.verified()
}
