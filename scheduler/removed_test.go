package scheduler

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/upstream"
)

// remove takes up-a out of the configuration that both schedulers know.
func (d *desk) remove() {
	d.t.Helper()
	require.NoError(d.t, catalog.EnsureUpstreams(d.t.Context(), d.db.Pool, []catalog.Source{{Name: "up-b", Driver: "rumahotp", Mode: catalog.Live}}, d.now))
	for _, s := range d.both {
		s.Upstreams, s.Configured = []string{"up-b"}, []string{"up-b"}
		s.Desk = &intake.Desk{Pool: d.db.Pool, Router: &catalog.Router{Pool: d.db.Pool, Now: d.clock}, Now: d.clock, Log: slog.New(slog.DiscardHandler)}
	}
}

// sells puts product 1 on sale: at up-a, and at up-b for that much.
func (d *desk) sells(cost int64) {
	d.t.Helper()
	exec := func(sql string, args ...any) {
		_, err := d.db.Pool.Exec(d.t.Context(), sql, args...)
		require.NoError(d.t, err)
	}
	exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, policy, closed, edited, version, created_at, updated_at,
		kind, min_quantity, max_quantity, refill, cancel, dripfeed, average_time)
		VALUES ('live', 'X', 'ppob', 'X', '', '', 'prepaid', '', '[]', '', 'price', false, '{}', 1, now(), now(), '', 0, 0, false, false, false, '')`)
	offer := func(upstream, code string, cost int64) {
		exec(`INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited, success_rate, closed,
			failures, priority, weight, created_at, updated_at)
			SELECT id, $1, '', $2, '{}', 'X', '', '', $3, true, '', 0, true, 0, false, 0, 1, 1, now(), now() FROM products`, upstream, code, cost)
	}
	offer("up-a", "X", 900)
	if cost > 0 {
		offer("up-b", "B", cost)
	}
}

func (d *desk) order(id int64) *order.Order {
	d.t.Helper()
	o, err := order.ByID(d.t.Context(), d.db.Bun, id)
	require.NoError(d.t, err)
	return o
}

func (d *desk) funds() int64 {
	d.t.Helper()
	n, err := ledger.Balance(d.t.Context(), d.db.Bun, d.wallet)
	require.NoError(d.t, err)
	return n
}

func TestQueuedOrdersOfARemovedSourceGoElsewhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sells(950)
	ids := d.place(3)
	require.Zero(t, d.atOnce((*Scheduler).removedOnce), "nothing was removed")
	d.remove()
	require.Zero(t, d.atOnce((*Scheduler).removedOnce), "another process may still know the older configuration")
	d.now = d.now.Add(removedFor)
	before := d.funds()
	require.Equal(t, 3, d.atOnce((*Scheduler).removedOnce))
	for _, id := range ids {
		o := d.order(id)
		require.Equal(t, order.Queued, o.State)
		require.Equal(t, "up-b", o.Upstream)
		require.Equal(t, "B", o.Code)
		require.EqualValues(t, 950, o.Cost)
		require.Zero(t, o.Attempt)
	}
	require.Equal(t, before, d.funds())
	require.Zero(t, d.atOnce((*Scheduler).removedOnce))
}

func TestQueuedOrdersThatNobodyElseSellsArePaidBack(t *testing.T) {
	t.Parallel()
	for name, cost := range map[string]int64{"no other offer": 0, "only above what the order may cost": 1_001} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.sells(cost)
			before := d.funds()
			ids := d.place(2)
			_, err := d.db.Pool.Exec(t.Context(), `UPDATE orders SET max_cost = 1000`)
			require.NoError(t, err)
			d.remove()
			d.now = d.now.Add(removedFor)
			require.Equal(t, 2, d.atOnce((*Scheduler).removedOnce))
			for _, id := range ids {
				o := d.order(id)
				require.Equal(t, order.Failed, o.State)
				require.EqualValues(t, 1_000, o.Refunded)
			}
			require.Equal(t, before, d.funds())
		})
	}
}

func TestTheyWaitAWhileForASourceThatTakesNoOrdersNow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sells(950)
	id := d.place(1)[0]
	require.NoError(t, catalog.Pause(t.Context(), d.db.Pool, "up-b", "maintenance", "test", d.now))
	d.remove()
	d.now = d.now.Add(removedFor)
	require.Zero(t, d.atOnce((*Scheduler).removedOnce))
	require.Equal(t, order.Queued, d.order(id).State)
	for range 3 { // and nothing piles up for a worker that does not run
		d.now = d.now.Add(time.Minute)
		_ = d.atOnce((*Scheduler).queuedOnce)
	}
	require.Empty(t, d.rdb.Keys(context.Background(), "asynq:*u:up-a:buy*:pending").Val())
	d.now = d.now.Add(waitsFor)
	require.Equal(t, 1, d.atOnce((*Scheduler).removedOnce))
	require.Equal(t, order.Failed, d.order(id).State)
}

func TestWhatWasSentToARemovedSourceIsForAnOperatorAndNeverFailsByAge(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sells(950)
	ids := d.place(3)
	do := func(s order.Step) {
		_, err := d.writer.Do(t.Context(), s)
		require.NoError(t, err)
	}
	for _, id := range ids {
		do(order.Step{OrderID: id, From: order.Queued, To: order.Sending, Cause: "claim", NextRunAt: &d.now})
	}
	do(order.Step{OrderID: ids[0], Attempt: 1, From: order.Sending, To: order.Processing, Cause: "submit", UpstreamRef: "T1", NextRunAt: &d.now})
	do(order.Step{OrderID: ids[1], Attempt: 1, From: order.Sending, To: order.Unknown, Cause: "submit", NextRunAt: &d.now})
	d.remove()
	before := d.funds()
	d.now = d.now.Add(removedFor + unattended - time.Second)
	require.Equal(t, 1, d.atOnce((*Scheduler).stuckOnce))
	require.Zero(t, d.atOnce((*Scheduler).removedOnce))
	require.Zero(t, d.atOnce((*Scheduler).pollOnce), "nobody would take the turn")
	d.now = d.now.Add(time.Second)
	require.Equal(t, 3, d.atOnce((*Scheduler).removedOnce))
	require.Zero(t, d.atOnce((*Scheduler).removedOnce), "told once")
	d.now = d.now.Add(1000 * time.Hour)
	require.Zero(t, d.atOnce((*Scheduler).removedOnce))
	for i, id := range ids {
		o := d.order(id)
		require.Equal(t, map[int]order.State{0: order.Processing, 1: order.Unknown, 2: order.Unknown}[i], o.State)
		require.Equal(t, "its source left the configuration, so that nobody asks about it", o.Flag)
		require.NotNil(t, o.NextRunAt, "when it comes back, it is asked on")
	}
	require.Equal(t, before, d.funds())
}

// TestABillOfARemovedSourceIsPaidBack: it is paid through whom it was inquired, and
// nobody else.
func TestABillOfARemovedSourceIsPaidBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sells(950)
	before := d.funds()
	id := d.place(1)[0]
	_, err := d.db.Pool.Exec(t.Context(), `UPDATE orders SET facts = '{"bill":{"inquiry":7,"total":900,"cost":900,"pay_by":"2100-01-01T00:00:00Z"}}'`)
	require.NoError(t, err)
	d.remove()
	d.now = d.now.Add(removedFor)
	require.Equal(t, 1, d.atOnce((*Scheduler).removedOnce))
	o := d.order(id)
	require.Equal(t, order.Failed, o.State)
	require.Equal(t, "up-a", o.Upstream)
	require.Equal(t, before, d.funds())
}

// TestASourceThatWasTakenOutLeavesNoSeriesAndNoTasks follows the procedure: paused, nothing open, out of the configuration.
func TestASourceThatWasTakenOutLeavesNoSeriesAndNoTasks(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.place(1)
	exec := func(sql string, args ...any) {
		_, err := d.db.Pool.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}
	for _, name := range []string{"up-a", "up-b"} {
		require.NoError(t, catalog.SetBalance(t.Context(), d.db.Pool, name, 9_000, d.now))
		require.NoError(t, intake.RegisterScopes(t.Context(), d.db.Pool, name, []upstream.Scope{{Key: "services", Every: time.Hour}}, d.now))
		exec(`INSERT INTO floats (upstream, created_at) VALUES ($1, $2)`, name, d.now)
	}
	s := d.both[0]
	reg := prometheus.NewRegistry()
	s.rows, s.books = newRowMetrics(reg), newBookMetrics(reg)
	midnight := time.Date(d.now.Year(), d.now.Month(), d.now.Day()+1, 0, 30, 0, 0, time.UTC)
	d.now = midnight
	require.Equal(t, 2, d.atOnce((*Scheduler).reconcileOnce))
	r := reconcile.Reconciler{Pool: d.db.Pool, Now: d.clock, Log: slog.New(slog.DiscardHandler)}
	for _, name := range []string{"up-a", "up-b"} {
		for did := true; did; {
			var err error
			did, err = r.Step(t.Context(), emptyBooks{}, name)
			require.NoError(t, err)
		}
	}
	measure := func() (of map[string]int) {
		for _, job := range []func(*Scheduler, context.Context) (int, error){(*Scheduler).measureOnce, (*Scheduler).reconciledOnce} {
			_, err := job(s, t.Context())
			require.NoError(t, err)
		}
		families, err := reg.Gather()
		require.NoError(t, err)
		of = map[string]int{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() == "upstream" {
						of[l.GetValue()]++
					}
				}
			}
		}
		return of
	}
	before := measure()
	require.Equal(t, before["up-b"], before["up-a"])
	require.Greater(t, before["up-a"], 20)

	d.now = d.now.Add(24 * time.Hour)
	require.Equal(t, 2, d.atOnce((*Scheduler).reconcileOnce), "another day to compare, which will not be")

	d.remove()
	with := measure()
	require.Equal(t, 6, with["up-a"], "while an order is open there")
	require.Equal(t, before["up-b"], with["up-b"])
	d.now = d.now.Add(removedFor)
	_, err := d.writer.Do(t.Context(), order.Step{OrderID: ids[0], From: order.Queued, To: order.Failed, Message: "x", Cause: "operator"})
	require.NoError(t, err)
	require.Zero(t, measure()["up-a"])

	require.NoError(t, d.rdb.FlushAll(t.Context()).Err())
	for range 3 {
		d.now = d.now.Add(time.Minute)
		for _, job := range []func(*Scheduler, context.Context) (int, error){
			(*Scheduler).removedOnce, (*Scheduler).catalogueOnce, (*Scheduler).balanceOnce, (*Scheduler).reconcileOnce, (*Scheduler).pollOnce, (*Scheduler).moneyOnce,
		} {
			_ = d.atOnce(job)
		}
	}
	require.Empty(t, d.rdb.Keys(t.Context(), "asynq:*u:up-a:*").Val(), "nobody would read them")
	require.NotEmpty(t, d.rdb.Keys(t.Context(), "asynq:*u:up-b:*").Val())
}
