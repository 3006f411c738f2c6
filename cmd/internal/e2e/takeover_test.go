package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lost places orders while the source has no worker, and then takes every message about
// them away: only the scheduler's look at the rows finds them again.
func (w *world) lost(t *testing.T, m *merchant, g *good, round, n int) {
	t.Helper()
	answers := together(t, n, func(i int) (*reply, error) {
		return m.send(t.Context(), w.url(), http.MethodPost, "/api/v1/order", ppob(fmt.Sprintf("ganti-%d-%d", round, i), g, fmt.Sprintf("0812%02d%04d50", round, i)))
	})
	for _, a := range answers {
		require.Equal(t, http.StatusOK, a.Status, "%s", a.Raw)
	}
	w.redis.Flush()
}

// TestASchedulerTakesOverFromAnother runs two, which both look at everything all the
// time, and kills one: the other goes on, and what both found was done once.
func TestASchedulerTakesOverFromAnother(t *testing.T) {
	sideBySide(t, 50*time.Second)
	w := newWorld(t, settings{})
	w.scheduler(0)
	w.scheduler(1)
	w.webhooks(0)
	w.webhooks(1)
	w.worker(ppobName, 0)
	w.catalogueOf(ppobName)
	w.api(0)
	w.api(1)
	m := w.merchant("Toko Ganti", 1_000_000_000)
	r, _, err := m.insist(t.Context(), http.MethodPut, "/api/v1/webhook", map[string]any{"url": w.receiver.URL + "/endpoint"})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.Status, "%s", r.Raw)
	good := w.goods("ppob", ppobName)[0]
	w.proc("worker-" + ppobName + "-0").drain(t)

	const each = 60
	done := func() int { return w.count(`SELECT count(*) FROM orders WHERE state = 'completed'`) }
	w.lost(t, m, &good, 1, each)
	w.worker(ppobName, 0)
	began := time.Now()
	until(t, 60*time.Second, "two schedulers have found every order", func() bool { return done() == each })
	t.Logf("two schedulers: all %d orders found and completed within %s", each, time.Since(began).Round(10*time.Millisecond))

	w.proc("worker-" + ppobName + "-0").drain(t)
	w.lost(t, m, &good, 2, each)
	w.worker(ppobName, 0)
	w.proc("scheduler-0").Kill()
	killed := time.Now()
	until(t, 30*time.Second, "the other scheduler has found the first order", func() bool {
		return w.count(`SELECT count(*) FROM orders WHERE state <> 'queued' AND ref LIKE 'ganti-2-%'`) > 0
	})
	took := time.Since(killed)
	t.Logf("one killed: the other's first order is on its way %s later", took.Round(10*time.Millisecond))
	require.Less(t, took, 15*time.Second, "it looks every second; an order is looked for again some seconds after it was")
	until(t, 60*time.Second, "every order is found", func() bool { return done() == 2*each })

	// The last one ends as an orchestrator ends it, and another begins.
	w.proc("scheduler-1").drain(t)
	w.proc("worker-" + ppobName + "-0").drain(t)
	w.lost(t, m, &good, 3, each)
	w.worker(ppobName, 0)
	w.scheduler(1)
	until(t, 60*time.Second, "a new scheduler finds what was lost while none was there", func() bool { return done() == 3*each })
	until(t, 60*time.Second, "the merchant has heard of everything", func() bool {
		return w.count(`SELECT count(*) FROM webhook_events WHERE status <> 'delivered'`) == 0
	})

	books := w.ppob.books()
	require.Len(t, books.Purchases, 3*each)
	require.Empty(t, books.Twice())
	require.Empty(t, books.TwiceByTarget())
	require.Empty(t, books.Violations, "turns that two schedulers hand out use one budget")
	require.Zero(t, w.count(`SELECT count(*) FROM orders WHERE attempt <> 1`), "no purchase was tried twice")
	require.Zero(t, w.count(`SELECT count(*) FROM order_events WHERE to_state = 'unknown'`))
	heard := map[string]bool{}
	for _, d := range w.receiver.everything() {
		require.False(t, heard[d.ID], "%s came twice", d.ID)
		heard[d.ID] = true
	}
	require.Len(t, heard, w.count(`SELECT count(*) FROM webhook_events`))
	require.Empty(t, w.receiver.wrong())
	w.verified()
}

// catalogueOf has the worker of one upstream read what it sells.
func (w *world) catalogueOf(name string) {
	w.t.Helper()
	w.cli(nil, "catalog", "import", "--upstream", name)
}
