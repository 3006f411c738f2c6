package deposit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/metrics"
)

// Metrics count deposits. A nil *Metrics counts nothing. The label gateway is an
// upstream's name or that of our own code.
type Metrics struct {
	entered *prometheus.CounterVec
	asks    *prometheus.CounterVec
	confirm *prometheus.HistogramVec
	rupiah  *prometheus.CounterVec
}

// NewMetrics registers the metrics, once however many keepers a process has.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	confirm := metrics.Seconds("muara_deposit_confirm_seconds", "From a deposit's invoice to its credit.")
	confirm.Buckets = []float64{5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400}
	return &Metrics{
		entered: metrics.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_deposits_total", Help: "Deposits that entered a state.",
		}, []string{"gateway", "state"})),
		asks: metrics.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_deposit_invoices_total", Help: "Questions for an invoice by how they ended (opened, full, refused, not_sent, unknown, late).",
		}, []string{"gateway", "outcome"})),
		confirm: metrics.Register(reg, prometheus.NewHistogramVec(confirm, []string{"gateway"})),
		rupiah: metrics.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_deposit_rupiah_total", Help: "Rupiah booked for deposits, by kind of entry: deposit, deposit_fee, deposit_charge, suspense, suspense_return.",
		}, []string{"gateway", "kind"})),
	}
}

func (m *Metrics) asked(gateway, outcome string) {
	if m != nil {
		m.asks.WithLabelValues(gateway, outcome).Inc()
	}
}

// changed counts what a committed change did.
func (m *Metrics) changed(c *change) {
	if m == nil {
		return
	}
	for _, e := range c.entries {
		m.rupiah.WithLabelValues(c.d.Gateway, e.Kind).Add(float64(e.Amount))
	}
	if c.d.State == c.from {
		return
	}
	m.entered.WithLabelValues(c.d.Gateway, string(c.d.State)).Inc()
	if c.d.State == Paid {
		m.confirm.WithLabelValues(c.d.Gateway).Observe(c.now.Sub(c.d.CreatedAt).Seconds())
	}
}

// Standing is how the open deposits stand, for metrics.
type Standing struct {
	// Open counts those that are not final, by gateway and state.
	Open map[string]map[State]int64
	// Due is how many are due for a question, and since when the oldest is.
	Due       map[string]int64
	DueOldest map[string]time.Time
	// Suspense is what waits for a person: deposits and lines, and their rupiah; nothing of the test mode.
	Suspense, SuspenseRupiah int64
	Flagged                  int64
}

// Stand counts open deposits. It reads only partial indexes of what is open.
func (k *Keeper) Stand(ctx context.Context) (*Standing, error) {
	out := &Standing{Open: map[string]map[State]int64{}, Due: map[string]int64{}, DueOldest: map[string]time.Time{}}
	var b pgx.Batch
	b.Queue(`SELECT gateway, state, count(*) FROM deposits WHERE state IN ('creating', 'pending', 'suspense') GROUP BY gateway, state`).Query(func(rows pgx.Rows) error {
		var gateway string
		var state State
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&gateway, &state, &n}, func() error {
			if out.Open[gateway] == nil {
				out.Open[gateway] = map[State]int64{}
			}
			out.Open[gateway][state] = n
			return nil
		})
		return err
	})
	b.Queue(`SELECT gateway, count(*), min(next_run_at) FROM deposits WHERE next_run_at <= $1 GROUP BY gateway`, k.now()).Query(func(rows pgx.Rows) error {
		var gateway string
		var n int64
		var oldest time.Time
		_, err := pgx.ForEachRow(rows, []any{&gateway, &n, &oldest}, func() error {
			out.Due[gateway], out.DueOldest[gateway] = n, oldest
			return nil
		})
		return err
	})
	b.Queue(`SELECT (SELECT count(*) FROM deposits WHERE state = 'suspense' AND mode = 'live') + (SELECT count(*) FROM deposit_lines WHERE outcome = 'ambiguous'),
		coalesce((SELECT sum(suspense) FROM deposits WHERE state = 'suspense' AND mode = 'live'), 0)::bigint
			+ coalesce((SELECT sum(amount) FROM deposit_lines WHERE outcome = 'ambiguous'), 0)::bigint,
		(SELECT count(*) FROM deposits WHERE flag <> '' AND mode = 'live')`).QueryRow(func(row pgx.Row) error {
		return row.Scan(&out.Suspense, &out.SuspenseRupiah, &out.Flagged)
	})
	if err := k.Pool.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("deposit: standing: %w", err)
	}
	return out, nil
}
