package scheduler

import (
	"context"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/float"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/webhook"
)

// inspector reads the queues for their metrics.
type inspector struct{ *asynq.Inspector }

func newInspector(rdb redis.UniversalClient) *inspector {
	return &inspector{asynq.NewInspectorFromRedisClient(rdb)}
}

type jobMetrics struct {
	seconds      *prometheus.HistogramVec
	done, failed *prometheus.CounterVec
	last, period *prometheus.GaugeVec
}

// knows has a job's series there before it has run: what never went well is late too, and a first failure is an increase.
func (m *jobMetrics) knows(j job) {
	m.done.WithLabelValues(j.name)
	m.failed.WithLabelValues(j.name)
	m.period.WithLabelValues(j.name).Set(j.every.Seconds())
}

func newJobMetrics(reg prometheus.Registerer) *jobMetrics {
	job := []string{"name"} // "job" is Prometheus's own word for what it scrapes
	m := &jobMetrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "muara_scheduler_job_seconds", Help: "Duration of scheduler jobs.", Buckets: prometheus.ExponentialBuckets(.001, 4, 8),
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, job),
		done:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "muara_scheduler_items_total", Help: "Rows that scheduler jobs took or enqueued."}, job),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "muara_scheduler_failures_total", Help: "Runs of scheduler jobs that failed."}, job),
		last:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_scheduler_last_success_timestamp_seconds", Help: "When a job last ran without error; nothing until it has."}, job),
		period: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_scheduler_job_period_seconds", Help: "How often a job runs."}, job),
	}
	reg.MustRegister(m.seconds, m.done, m.failed, m.last, m.period)
	return m
}

// rowMetrics say how the rows stand. They are read by the scheduler's measure
// job, never on a scrape.
type rowMetrics struct {
	queueDepth, queueAge              *prometheus.GaugeVec
	due, dueAge                       *prometheus.GaugeVec
	unknown, unknownAge               *prometheus.GaugeVec
	queued, queuedAge                 *prometheus.GaugeVec
	flagged                           prometheus.Gauge
	backlog, backlogOldest, suspended prometheus.Gauge
	drift                             prometheus.Gauge
	float, runway, heard              *prometheus.GaugeVec
	catalogue                         *prometheus.GaugeVec
	paused, test                      *prometheus.GaugeVec
	callbacks, callbackAge            prometheus.Gauge
	held, orphans, strange            *prometheus.GaugeVec

	open, known named // the upstreams with series about orders, and about the upstream itself
}

// named are the upstreams that have series.
type named map[string]bool

// only forgets the series of all but some upstreams: what is no longer measured would keep its last value, and its alert, for ever.
func (n *named) only(names []string, all ...*prometheus.GaugeVec) {
	was := *n
	*n = make(named, len(names))
	for _, name := range names {
		(*n)[name] = true
	}
	for name := range was {
		if (*n)[name] {
			continue
		}
		for _, g := range all {
			g.DeletePartialMatch(prometheus.Labels{"upstream": name})
		}
	}
}

func newRowMetrics(reg prometheus.Registerer) *rowMetrics {
	vec := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		reg.MustRegister(g)
		return g
	}
	one := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	return &rowMetrics{
		queueDepth:    vec("muara_queue_depth", "Tasks waiting in a queue.", "queue"),
		queueAge:      vec("muara_queue_oldest_seconds", "Age of the oldest waiting task.", "queue"),
		due:           vec("muara_orders_due", "Orders due for a question.", "upstream"),
		dueAge:        vec("muara_orders_due_oldest_seconds", "How long the oldest due order has been due.", "upstream"),
		queued:        vec("muara_orders_queued", "Orders waiting to be sent.", "upstream"),
		queuedAge:     vec("muara_orders_queued_oldest_seconds", "Age of the oldest order waiting to be sent.", "upstream"),
		unknown:       vec("muara_orders_unknown", "Orders whose outcome is unknown.", "upstream"),
		unknownAge:    vec("muara_orders_unknown_oldest_seconds", "How long the oldest outcome has been unknown.", "upstream"),
		flagged:       one("muara_orders_flagged", "Orders that wait for an operator."),
		backlog:       one("muara_webhooks_pending", "Webhook events not delivered yet."),
		backlogOldest: one("muara_webhooks_oldest_seconds", "Age of the oldest event not delivered yet."),
		suspended:     one("muara_webhook_endpoints_suspended", "Endpoints of merchants that were switched off: they answered 410, or nothing but failures came of them."),
		float:         vec("muara_upstream_float_rupiah", "Our balance at an upstream, as it last said.", "upstream"),
		runway:        vec("muara_upstream_runway_seconds", "How long that balance lasts at the last hour's pace; a week at most, and 0 once it is used up.", "upstream"),
		heard:         vec("muara_upstream_balance_age_seconds", "How long ago an upstream said its balance.", "upstream"),
		catalogue:     vec("muara_catalog_late_seconds", "How late the scope is that should have been read first.", "upstream"),
		callbacks:     one("muara_callbacks_waiting", "Callbacks of sources that no worker has read yet."),
		callbackAge:   one("muara_callbacks_oldest_seconds", "Age of the oldest of them."),
		test:          vec("muara_upstream_test", "1 for a source of the test mode, which sells nothing: alerts leave it out.", "upstream"),
		paused:        vec("muara_upstream_paused", "1 while no order goes to an upstream until an operator resumes it.", "upstream"),
		held:          vec("muara_upstream_purchases_held_seconds", "How long purchases have been kept back for one whose outcome is open; 0 while they are not.", "upstream"),
		orphans:       vec("muara_upstream_orphans_rupiah", "Our money in purchases that were made, whose id nobody knows, and that have not been paid back.", "upstream"),
		strange:       vec("muara_upstream_unexplained_rupiah", "What moved our balance in the last day and was none of ours.", "upstream"),
		drift:         one("muara_ledger_drift", "Problems found by the last verification of the ledger."),
	}
}

// measureOnce reads how rows and queues stand.
func (s *Scheduler) measureOnce(ctx context.Context) (int, error) {
	now := s.Now()
	st, err := order.Standing(ctx, s.Pool, now)
	if err != nil {
		return 0, err
	}
	names := slices.Clone(s.Upstreams)
	for name := range st.Upstreams { // orders of one that is no longer configured are seen too, while there are any
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	s.rows.open.only(names, s.rows.due, s.rows.dueAge, s.rows.queued, s.rows.queuedAge, s.rows.unknown, s.rows.unknownAge)
	for _, name := range names {
		at := st.Upstreams[name]
		set := func(depth, age *prometheus.GaugeVec, b order.Backlog) {
			depth.WithLabelValues(name).Set(float64(b.Count))
			age.WithLabelValues(name).Set(since(now, b.Oldest))
		}
		set(s.rows.due, s.rows.dueAge, at.Due)
		set(s.rows.queued, s.rows.queuedAge, at.Queued)
		set(s.rows.unknown, s.rows.unknownAge, at.Unknown)
	}
	s.rows.flagged.Set(float64(st.Flagged))
	pending, oldest, err := webhook.Backlog(ctx, s.Pool)
	if err != nil {
		return 0, err
	}
	s.rows.backlog.Set(float64(pending))
	s.rows.backlogOldest.Set(since(now, oldest))
	suspended, err := webhook.Suspended(ctx, s.Pool)
	if err != nil {
		return 0, err
	}
	s.rows.suspended.Set(float64(suspended))
	if err := s.measureDeposits(ctx); err != nil {
		return 0, err
	}
	posted, first, err := callback.Waiting(ctx, s.Pool)
	if err != nil {
		return 0, err
	}
	s.rows.callbacks.Set(float64(posted))
	s.rows.callbackAge.Set(since(now, first))
	if err := s.measureUpstreams(ctx, now); err != nil {
		return 0, err
	}
	return 1, s.measureQueues()
}

// longest bounds a runway: an upstream that sells nothing lasts for ever.
const longest = 7 * 24 * time.Hour

// runwayOf is how long a balance lasts at the pace of what the last hour spent, both in rupiah. Where nothing is left nothing is spent
// either, which is no week to one that sells.
func runwayOf(balance, spent int64, sells bool) time.Duration {
	switch {
	case balance <= 0 && (sells || spent > 0):
		return 0
	case spent <= 0 || balance/spent >= int64(longest/time.Hour):
		return longest
	}
	return time.Duration(float64(balance) / float64(spent) * float64(time.Hour))
}

func (s *Scheduler) measureUpstreams(ctx context.Context, now time.Time) error {
	list, err := catalog.Upstreams(ctx, s.Pool)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(u catalog.Upstream) bool { return !s.isConfigured(u.Name) })
	late, err := intake.Age(ctx, s.Pool, now)
	if err != nil {
		return err
	}
	spent, err := order.Spent(ctx, s.Pool, now.Add(-time.Hour))
	if err != nil {
		return err
	}
	sells, err := catalog.Selling(ctx, s.Pool)
	if err != nil {
		return err
	}
	accounts, err := float.Standing(ctx, s.Pool, now)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(list))
	for _, u := range list {
		names = append(names, u.Name)
	}
	r := s.rows
	r.known.only(names, r.test, r.catalogue, r.paused, r.float, r.heard, r.runway, r.held, r.orphans, r.strange)
	for name, a := range accounts {
		if !s.isConfigured(name) {
			continue
		}
		s.rows.held.WithLabelValues(name).Set(since(now, a.Since))
		s.rows.orphans.WithLabelValues(name).Set(float64(a.Out))
		s.rows.strange.WithLabelValues(name).Set(float64(a.Strange))
	}
	for _, u := range list {
		s.rows.catalogue.WithLabelValues(u.Name).Set(late[u.Name].Seconds())
		paused := 0.0
		if u.Paused {
			paused = 1
		}
		s.rows.paused.WithLabelValues(u.Name).Set(paused)
		if u.Mode == catalog.Test {
			s.rows.test.WithLabelValues(u.Name).Set(1)
		}
		if u.Balance == nil || u.BalanceAt == nil {
			continue
		}
		s.rows.float.WithLabelValues(u.Name).Set(float64(*u.Balance))
		s.rows.heard.WithLabelValues(u.Name).Set(since(now, *u.BalanceAt))
		s.rows.runway.WithLabelValues(u.Name).Set(runwayOf(*u.Balance, spent[u.Name], sells[u.Name]).Seconds())
	}
	return nil
}

func (s *Scheduler) measureQueues() error {
	names := []string{queue.Webhook}
	for _, u := range s.Upstreams {
		names = append(names, queue.Names(u)...)
	}
	known, err := s.queues.Queues()
	if err != nil {
		return err
	}
	for _, name := range names {
		info := &asynq.QueueInfo{} // nothing was ever put in
		if slices.Contains(known, name) {
			if info, err = s.queues.GetQueueInfo(name); err != nil {
				return err
			}
		}
		s.rows.queueDepth.WithLabelValues(name).Set(float64(info.Pending + info.Scheduled + info.Retry))
		s.rows.queueAge.WithLabelValues(name).Set(info.Latency.Seconds())
	}
	return nil
}

// since is an age in seconds; nothing is as old as nothing.
func since(now, t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(now.Sub(t).Seconds(), 0)
}
