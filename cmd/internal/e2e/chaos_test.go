package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// usual is how many orders the test with faults places unless it is told.
const usual = 1200

// TestNothingTwiceNothingLost places thousands of orders over all upstreams at once
// while everything that can go wrong does, in turn, and then audits the books.
func TestNothingTwiceNothingLost(t *testing.T) {
	sideBySide(t, 4*time.Minute)
	total := fromEnv("MUARA_E2E_ORDERS", usual)
	t.Logf("seed %d, %d orders", seed(), total)
	w := newWorld(t, settings{own: true, life: 20 * time.Second, also: []string{smmName, retailName, peerName, gateName}, mock: true, doubts: total > usual})
	w.everything()
	w.retail.call(http.MethodPost, "/hook", map[string]any{"url": w.callbacks(retailName), "secret": hookKey, "copies": 1, "reorder": true, "forge": true}, nil)
	c := newCrowd(w, 3, total)
	// Now and then a receiver stumbles: what follows about that order has to wait.
	w.receiver.refuseOnce(func(d *delivery) bool { return strings.HasSuffix(d.Order.Ref, "77") })

	for _, e := range w.emulated { // no way is as straight as loopback
		e.fault(emulate.Rule{Kind: emulate.Uplink, Jitter: emulate.Duration(150 * time.Millisecond)})
		e.fault(emulate.Rule{Kind: emulate.Latency, Jitter: emulate.Duration(150 * time.Millisecond)})
	}
	begun := time.Now()
	list := troubles()
	each := (total + len(list) - 1) / len(list)
	for _, trouble := range list {
		start := time.Now()
		c.during(t, each, func() { trouble.act(w, c) }, func() bool { return w.settled(each) }, func() string {
			return fmt.Sprintf("%q is over: %d faults under way, %d orders queued", trouble.name, len(w.struck), w.queued())
		})
		t.Logf("%6.1fs  %-55s %4d accepted, %3d open", time.Since(start).Seconds(), trouble.name, c.accepted.Load(), w.open())
	}
	w.calm(t)
	t.Logf("faults ended after %.1fs; %d orders accepted, %d of them had to be asked for again", time.Since(begun).Seconds(), c.accepted.Load(), c.retried.Load())

	start := time.Now()
	// A number that nobody knows of is waited for until its rent has ended and once more.
	untilOr(t, 7*time.Minute, w.standing, func() bool { return w.undecided() == 0 })
	t.Logf("final or flagged after another %.1fs", time.Since(start).Seconds())
	w.alive()
	require.GreaterOrEqual(t, int(c.accepted.Load()), total)
	a := newAudit(t, c)
	a.flagged()
	a.purchases()
	a.money()
	a.resolve()
	a.purchases()
	a.allFinal()
	a.money()
	a.stock()
	a.deposits()
	a.webhooks()
	a.callbacks()
	a.figures()
}

// queued counts what no worker has taken yet; much, while the database is away. What
// waits at an account until a doubt about it is over is not counted.
func (w *world) queued() int {
	if n := w.count(`SELECT count(*) FROM orders WHERE state IN ('queued', 'sending') AND upstream <> ALL($1)`, []string{otpName, smmName}); n >= 0 {
		return n
	}
	return 1 << 30
}

// crowded is whether so much waits anywhere that no more should come.
func (w *world) crowded() bool {
	return w.count(`SELECT count(*) FROM orders WHERE state IN ('queued', 'sending')`) > 300
}

func (w *world) open() int {
	return w.count(`SELECT count(*) FROM orders WHERE state IN ('queued', 'sending', 'processing', 'unknown')`)
}

// settled tells whether a trouble is over: its faults have hit, and the backlog is
// short enough for the next.
func (w *world) settled(each int) bool { return w.spent() && w.queued() < max(each/2, 20) }

// undecided counts the orders that are neither final nor in the operators' hands, and
// those that are completed and whose receipt is still to come.
func (w *world) undecided() int {
	n := w.count(`SELECT count(*) FROM orders WHERE state IN ('queued', 'sending', 'processing') OR (state = 'unknown' AND flag = '')
		OR (state = 'completed' AND category = 'ppob' AND coalesce(facts->>'sn', '') = '')`)
	m := w.count(`SELECT count(*) FROM deposits WHERE state IN ('creating', 'pending')`)
	if n < 0 || m < 0 {
		return 1
	}
	return n + m
}

// standing says which orders are open.
func (w *world) standing() string {
	rows, err := w.pool.Query(w.t.Context(), `SELECT state || ' at ' || upstream || ' ' || flag || ': ' || count(*) || ', next look ' || coalesce(min(next_run_at)::text, 'never') || ', such as ' || min(id)
		FROM orders WHERE state IN ('queued', 'sending', 'processing', 'unknown') OR (state = 'completed' AND category = 'ppob' AND coalesce(facts->>'sn', '') = '')
		GROUP BY state, upstream, flag`)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	text := "every order is decided"
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err.Error()
		}
		text += "\n" + line
	}
	return text
}
