package withdraw

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/metrics"
)

// Metrics count withdrawals. A nil *Metrics counts nothing.
type Metrics struct {
	entered *prometheus.CounterVec
	final   *prometheus.HistogramVec
	rupiah  *prometheus.CounterVec
}

// NewMetrics registers the metrics, once however many keepers a process has.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	final := metrics.Seconds("muara_withdrawal_final_seconds", "From asking for a withdrawal to its final state.")
	final.Buckets = []float64{10, 60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400, 259200}
	return &Metrics{
		entered: metrics.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_withdrawals_total", Help: "Withdrawals that entered a state.",
		}, []string{"gateway", "state"})),
		final: metrics.Register(reg, prometheus.NewHistogramVec(final, []string{"gateway", "state"})),
		rupiah: metrics.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_withdrawal_rupiah_total", Help: "Rupiah booked for withdrawals, by kind of entry.",
		}, []string{"gateway", "kind"})),
	}
}

// changed counts what a committed change did.
func (m *Metrics) changed(c *change) {
	if m == nil {
		return
	}
	for _, e := range c.entries {
		m.rupiah.WithLabelValues(c.w.Gateway, e.Kind).Add(float64(e.Amount))
	}
	if c.w.State == c.from {
		return
	}
	m.entered.WithLabelValues(c.w.Gateway, string(c.w.State)).Inc()
	if c.w.State.Final() {
		m.final.WithLabelValues(c.w.Gateway, string(c.w.State)).Observe(c.now.Sub(c.w.CreatedAt).Seconds())
	}
}

// Standing is how the open withdrawals stand, for metrics.
type Standing struct {
	// Open counts those that are not final, by gateway and state, and Oldest is since
	// when the oldest of a state has been there. Oldest, Rupiah and Flagged are of the live mode alone: what is tried out wakes nobody.
	Open    map[string]map[State]int64
	Oldest  map[State]time.Time
	Rupiah  int64
	Flagged int64
}

// Stand counts open withdrawals. It reads only partial indexes of what is open.
func (k *Keeper) Stand(ctx context.Context) (*Standing, error) {
	out := &Standing{Open: map[string]map[State]int64{}, Oldest: map[State]time.Time{}}
	var b pgx.Batch
	b.Queue(`SELECT gateway, state, mode, count(*), min(updated_at), sum(amount + fee)::bigint FROM withdrawals WHERE state NOT IN ('success', 'rejected') GROUP BY gateway, state, mode`).
		Query(func(rows pgx.Rows) error {
			var gateway string
			var state State
			var mode string
			var n, sum int64
			var oldest time.Time
			_, err := pgx.ForEachRow(rows, []any{&gateway, &state, &mode, &n, &oldest, &sum}, func() error {
				if out.Open[gateway] == nil {
					out.Open[gateway] = map[State]int64{}
				}
				out.Open[gateway][state] += n
				if mode != "live" {
					return nil
				}
				out.Rupiah += sum
				if at := out.Oldest[state]; at.IsZero() || oldest.Before(at) {
					out.Oldest[state] = oldest
				}
				return nil
			})
			return err
		})
	b.Queue(`SELECT count(*) FROM withdrawals WHERE flag <> '' AND mode = 'live'`).QueryRow(func(row pgx.Row) error { return row.Scan(&out.Flagged) })
	if err := k.Pool.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("withdraw: standing: %w", err)
	}
	return out, nil
}
