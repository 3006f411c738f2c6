package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/webhook"
	"github.com/muarahq/muara/pkg/withdraw"
)

// desk is two schedulers over one database and one Redis.
type desk struct {
	t        *testing.T
	db       *testdb.DB
	rdb      redis.UniversalClient
	now      time.Time
	accounts *ledger.Accounts
	writer   *order.Writer
	both     [2]*Scheduler
	wallet   int64
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, db: testdb.New(t), rdb: testredis.New(t), now: time.Now().UTC().Truncate(time.Second)}
	log := slog.New(slog.DiscardHandler)
	d.accounts = ledger.NewAccounts(d.db.Pool)
	d.writer = order.NewWriter(d.db.Pool, d.accounts, d.clock, log, nil, nil)
	t.Cleanup(d.writer.Close)
	for i := range d.both {
		d.both[i] = New(Options{
			Pool: d.db.Pool, Writer: d.writer, Enqueuer: queue.New(d.rdb), Redis: d.rdb, Upstreams: []string{"up-a", "up-b"}, Configured: []string{"up-a", "up-b"},
			HoldLongest: 10 * time.Minute, Deposits: d.keeper(), Payouts: withdraw.New(withdraw.Options{Pool: d.db.Pool, Accounts: d.accounts, Now: d.clock, Log: log}),
			Registerer: prometheus.NewRegistry(), Log: log, Now: d.clock,
		})
	}
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), d.db.Pool, []catalog.Source{{Name: "up-a", Driver: "rqid", Mode: catalog.Live}, {Name: "up-b", Driver: "rumahotp", Mode: catalog.Live}}, d.now))
	require.NoError(t, pg.InTx(t.Context(), d.db.Pool, func(tx pgx.Tx) (err error) {
		_, err = tx.Exec(t.Context(), `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ('M1', 'M1', 'active', 1, '{}', $1, $1)`, d.now)
		require.NoError(t, err)
		if d.wallet, err = ledger.CreateWallet(t.Context(), tx, "M1", "live", d.now); err != nil {
			return err
		}
		_, err = ledger.Adjust(t.Context(), tx, d.accounts, d.wallet, 10_000_000, "opening", "test", d.now)
		return err
	}))
	return d
}

func (d *desk) clock() time.Time { return d.now }

func (d *desk) place(n int) (ids []int64) {
	d.t.Helper()
	p := order.NewPlacer(d.db.Pool, d.accounts, nil, d.clock, slog.New(slog.DiscardHandler), nil)
	defer p.Close()
	no := "081234567890"
	for i := range n {
		placed, err := p.Place(d.t.Context(), &order.Request{
			WalletID: d.wallet, Ref: fmt.Sprint("r", len(ids), i), Category: order.PPOB, SKU: "X", Name: "X", ProductID: 1, Quantity: 1, Price: 1_000,
			CustomerNo: &no, Route: order.Route{Upstream: "up-a", OfferID: 1, Code: "X", Cost: 900}, CallbackURL: "https://merchant.example/hook",
		})
		require.NoError(d.t, err)
		ids = append(ids, placed.Order.ID)
	}
	return ids
}

// atOnce runs a job in both schedulers at the same time and gives the sum.
func (d *desk) atOnce(job func(*Scheduler, context.Context) (int, error)) int {
	d.t.Helper()
	var wg sync.WaitGroup
	var did [2]int
	for i, s := range d.both {
		wg.Go(func() {
			n, err := job(s, d.t.Context())
			if err != nil {
				d.t.Error(err)
			}
			did[i] = n
		})
	}
	wg.Wait()
	return did[0] + did[1]
}

func (d *desk) depth(name string) int64 {
	d.t.Helper()
	n, err := d.rdb.LLen(d.t.Context(), "asynq:{"+name+"}:pending").Result()
	require.NoError(d.t, err)
	return n
}

func TestQueuedOrdersAreEnqueuedOnceByTwoSchedulers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.place(30)
	require.Zero(t, d.atOnce((*Scheduler).queuedOnce), "a fresh order has its own task")
	d.now = d.now.Add(30 * time.Second)
	require.Equal(t, 30, d.atOnce((*Scheduler).queuedOnce))
	require.EqualValues(t, 30, d.depth(queue.Buy("up-a")))
	d.now = d.now.Add(queuedAgain)
	d.atOnce((*Scheduler).queuedOnce)
	require.EqualValues(t, 30, d.depth(queue.Buy("up-a")), "a task that still waits is not doubled")
	require.NoError(t, d.rdb.FlushAll(t.Context()).Err())
	d.now = d.now.Add(queuedAgain)
	d.atOnce((*Scheduler).queuedOnce)
	require.EqualValues(t, 30, d.depth(queue.Buy("up-a")), "what Redis lost is put back")
	d.now = d.now.Add(6 * time.Minute)
	d.atOnce((*Scheduler).queuedOnce)
	require.EqualValues(t, 60, d.depth(queue.Buy("up-a")), "a task that is stuck for long does not block a new one")
}

func TestOrdersWhoseWorkerDiedBecomeUnknown(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.place(3)
	later := d.now.Add(time.Minute)
	for _, id := range ids[:2] {
		_, err := d.writer.Do(t.Context(), order.Step{OrderID: id, From: order.Queued, To: order.Sending, Cause: "claim", NextRunAt: &later})
		require.NoError(t, err)
	}
	require.Zero(t, d.atOnce((*Scheduler).stuckOnce))
	d.now = later
	require.Equal(t, 2, d.atOnce((*Scheduler).stuckOnce))
	o, err := order.ByID(t.Context(), d.db.Bun, ids[0])
	require.NoError(t, err)
	require.Equal(t, order.Unknown, o.State, "not failed: a byte may have left")
	require.NotNil(t, o.NextRunAt)
	require.Equal(t, 2, d.atOnce((*Scheduler).pollOnce), "each scheduler hands out the turn")
	require.EqualValues(t, 1, d.depth(queue.Poll("up-a")), "and it is one turn")
	require.Zero(t, d.depth(queue.Poll("up-b")))
}

func TestWebhooksCatalogueAndBalanceAreHandedOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.place(2)
	for _, id := range ids {
		_, err := d.writer.Do(t.Context(), order.Step{OrderID: id, From: order.Queued, To: order.Sending, Cause: "claim"})
		require.NoError(t, err)
	}
	d.now = d.now.Add(time.Minute)
	d.atOnce((*Scheduler).webhooksOnce)
	require.EqualValues(t, 2, d.depth(queue.Webhook))
	due, err := webhook.Due(t.Context(), d.db.Pool, d.now, 10)
	require.NoError(t, err)
	require.Len(t, due, 2)

	d.atOnce((*Scheduler).balanceOnce)
	require.EqualValues(t, 1, d.depth(queue.Low("up-a")))
	require.Zero(t, d.atOnce((*Scheduler).catalogueOnce))
	require.NoError(t, intake.RegisterScopes(t.Context(), d.db.Pool, "up-b", []upstream.Scope{{Key: "services", Every: time.Hour}}, d.now))
	d.now = d.now.Add(time.Second)
	require.Equal(t, 2, d.atOnce((*Scheduler).catalogueOnce))
	require.EqualValues(t, 2, d.depth(queue.Low("up-b")), "one balance, one bite of the catalogue")
}

func TestTurnsDoNotPileUpWhileNoWorkerTakesThem(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	later := d.now
	for _, id := range d.place(1) {
		_, err := d.writer.Do(t.Context(), order.Step{OrderID: id, From: order.Queued, To: order.Sending, Cause: "claim", NextRunAt: &later})
		require.NoError(t, err)
		_, err = d.writer.Do(t.Context(), order.Step{OrderID: id, Attempt: 1, From: order.Sending, To: order.Processing, Cause: "submit", UpstreamRef: "T1", NextRunAt: &later})
		require.NoError(t, err)
	}
	require.NoError(t, intake.RegisterScopes(t.Context(), d.db.Pool, "up-a", []upstream.Scope{{Key: "services", Every: time.Hour}}, d.now))
	for range 4 * rounds { // of half a minute
		d.now = d.now.Add(30 * time.Second)
		for _, job := range []func(*Scheduler, context.Context) (int, error){(*Scheduler).balanceOnce, (*Scheduler).catalogueOnce, (*Scheduler).pollOnce} {
			d.atOnce(job)
		}
	}
	require.EqualValues(t, 2*rounds, d.depth(queue.Low("up-a")), "balances and the catalogue")
	require.EqualValues(t, rounds, d.depth(queue.Low("up-b")), "balances")
	require.EqualValues(t, rounds, d.depth(queue.Poll("up-a")))
}

func TestDriftIsSeen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.place(1)
	s := d.both[0]
	_, err := s.verifyOnce(t.Context())
	require.NoError(t, err)
	require.Zero(t, testutil.ToFloat64(s.rows.drift))
	_, err = d.db.Pool.Exec(t.Context(), `UPDATE wallets SET balance = balance + 1`)
	require.NoError(t, err)
	_, err = s.verifyOnce(t.Context())
	require.ErrorIs(t, err, errDrift)
	require.InDelta(t, 1, testutil.ToFloat64(s.rows.drift), 0)
	_, err = s.rollupOnce(t.Context())
	require.NoError(t, err)
}

func TestClosedHoursAreAddedToTheDaysOfReports(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.place(2)
	d.now = d.now.Add(2 * time.Hour)
	require.Positive(t, d.atOnce((*Scheduler).reportOnce))
	var placed int
	require.NoError(t, d.db.Pool.QueryRow(t.Context(), `SELECT sum(placed) FROM report_orders`).Scan(&placed))
	require.Equal(t, 2, placed, "by both schedulers together")
	require.Zero(t, d.atOnce((*Scheduler).reportOnce))
}

func TestHowRowsAndQueuesStandIsMeasured(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.place(4)
	d.now = d.now.Add(30 * time.Second)
	s := d.both[0]
	_, err := s.queuedOnce(t.Context())
	require.NoError(t, err)
	_, err = s.measureOnce(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 4, testutil.ToFloat64(s.rows.queued.WithLabelValues("up-a")), 0)
	require.InDelta(t, 30, testutil.ToFloat64(s.rows.queuedAge.WithLabelValues("up-a")), 0)
	require.InDelta(t, 4, testutil.ToFloat64(s.rows.queueDepth.WithLabelValues(queue.Buy("up-a"))), 0)
	require.Zero(t, testutil.ToFloat64(s.rows.unknown.WithLabelValues("up-b")))

	ids := d.place(1)
	_, err = d.writer.Do(t.Context(), order.Step{OrderID: ids[0], From: order.Queued, To: order.Sending, Cause: "claim"})
	require.NoError(t, err)
	require.NoError(t, catalog.SetBalance(t.Context(), d.db.Pool, "up-a", 9_000, d.now))
	_, err = s.measureOnce(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 9_000, testutil.ToFloat64(s.rows.float.WithLabelValues("up-a")), 0)
	require.InDelta(t, (10 * time.Hour).Seconds(), testutil.ToFloat64(s.rows.runway.WithLabelValues("up-a")), 0, "900 rupiah in the last hour")
}

func TestABalanceThatIsUsedUpLastsNoWeek(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		balance, spent int64
		sells          bool
		want           time.Duration
	}{
		{0, 0, true, 0}, {-5_000, 0, true, 0}, {-5_000, 900, false, 0}, {0, 900, true, 0}, // nobody buys where nothing is left
		{9_000, 900, true, 10 * time.Hour}, {450, 900, true, 30 * time.Minute}, {1, 0, true, longest}, {1 << 60, 1, true, longest},
		{0, 0, false, longest}, // a gateway of deposits
	} {
		require.Equal(t, c.want, runwayOf(c.balance, c.spent, c.sells), "%+v", c)
	}
	d := newDesk(t)
	d.sells(0) // up-a does, and up-b does not
	s := d.both[0]
	for _, name := range []string{"up-a", "up-b"} {
		require.NoError(t, catalog.SetBalance(t.Context(), d.db.Pool, name, 0, d.now))
	}
	_, err := s.measureOnce(t.Context())
	require.NoError(t, err)
	require.Zero(t, testutil.ToFloat64(s.rows.runway.WithLabelValues("up-a")))
	require.InDelta(t, longest.Seconds(), testutil.ToFloat64(s.rows.runway.WithLabelValues("up-b")), 0)
}

func TestWhatIsTriedOutWaitsForNobody(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	require.NoError(t, catalog.KnowUpstream(t.Context(), d.db.Pool, catalog.Source{Name: "sandbox", Driver: "sandbox", Mode: catalog.Test}, d.now))
	d.place(2)
	_, err := d.db.Pool.Exec(t.Context(), `UPDATE orders SET flag = 'look', mode = CASE WHEN id = (SELECT min(id) FROM orders) THEN 'live' ELSE 'test' END`)
	require.NoError(t, err)
	s := d.both[0]
	s.Configured = append(s.Configured, "sandbox")
	_, err = s.measureOnce(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 1, testutil.ToFloat64(s.rows.flagged), 0, "an operator looks at what is live")
	require.Equal(t, 1, testutil.CollectAndCount(s.rows.test))
	require.InDelta(t, 1, testutil.ToFloat64(s.rows.test.WithLabelValues("sandbox")), 0)
}

func TestAJobIsKnownBeforeItHasRun(t *testing.T) {
	t.Parallel()
	s := newDesk(t).both[0]
	require.Equal(t, len(s.jobs()), testutil.CollectAndCount(s.metrics.failed), "a first failure is an increase")
	require.Equal(t, len(s.jobs()), testutil.CollectAndCount(s.metrics.period))
	require.InDelta(t, 3600, testutil.ToFloat64(s.metrics.period.WithLabelValues("verify")), 0)
	require.Zero(t, testutil.CollectAndCount(s.metrics.last), "nothing has gone well yet")
}

func TestRunStopsWithItsContext(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		d.both[0].Run(ctx)
		close(done)
	}()
	require.Eventually(t, func() bool { return testutil.CollectAndCount(d.both[0].metrics.last) == len(d.both[0].jobs()) }, 20*time.Second, 10*time.Millisecond)
	cancel()
	<-done
}

func TestAMerchantRisesByItselfOnceAndIsTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, err := d.db.Pool.Exec(t.Context(), `UPDATE tiers SET min_orders = 2, min_volume = 1500 WHERE tier = 2`)
	require.NoError(t, err)
	endpoints := `INSERT INTO webhook_endpoints (merchant_id, url, events, enabled, suspended_reason, secret, secret_hint, failures, created_at, updated_at)
		VALUES ('M1', 'https://m1.example/', '{}', true, '', '', '', 0, $1, $1)`
	_, err = d.db.Pool.Exec(t.Context(), endpoints, d.now)
	require.NoError(t, err)
	tier := func() (tier int) {
		require.NoError(t, d.db.Pool.QueryRow(t.Context(), `SELECT tier FROM merchants WHERE id = 'M1'`).Scan(&tier))
		return tier
	}
	tick := func() {
		for _, s := range d.both {
			_, err := s.tiersOnce(t.Context())
			require.NoError(t, err)
		}
	}
	ids := d.place(2)
	complete := func(id int64) {
		for _, step := range []order.Step{{To: order.Sending, NextRunAt: &d.now}, {Attempt: 1, To: order.Completed}} {
			step.OrderID = id
			_, err := d.writer.Do(t.Context(), step)
			require.NoError(t, err)
		}
	}
	complete(ids[0])
	tick()
	require.Equal(t, 1, tier(), "one order is not two")
	complete(ids[1])
	_, err = d.db.Pool.Exec(t.Context(), `UPDATE merchants SET tier_held = true`)
	require.NoError(t, err)
	tick()
	require.Equal(t, 1, tier(), "an operator holds it")
	_, err = d.db.Pool.Exec(t.Context(), `UPDATE merchants SET tier_held = false`)
	require.NoError(t, err)
	tick()
	tick()
	require.Equal(t, 2, tier())
	var events, audits int
	var body string
	require.NoError(t, d.db.Pool.QueryRow(t.Context(), `SELECT count(*), max(body) FROM webhook_events WHERE type = 'tier.changed'`).Scan(&events, &body))
	require.Equal(t, 1, events)
	require.Contains(t, body, `"data":{"tier":{"tier":2,"name":"Silver","previous_tier":1,"previous_name":"Bronze"`)
	require.NoError(t, d.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE subject = 'M1' AND action = 'merchant.tier'`).Scan(&audits))
	require.Equal(t, 1, audits)
}
