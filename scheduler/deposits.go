package scheduler

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/deposit"
)

// moneyMetrics say how the money on its way in stands.
type moneyMetrics struct {
	gateways                          map[string]bool // as far as seen
	open, due, dueAge                 *prometheus.GaugeVec
	suspense, suspenseRupiah, flagged prometheus.Gauge
}

func newMoneyMetrics(reg prometheus.Registerer) *moneyMetrics {
	m := &moneyMetrics{
		gateways:       map[string]bool{},
		open:           prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_deposits_open", Help: "Deposits that are not final."}, []string{"gateway", "state"}),
		due:            prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_deposits_due", Help: "Deposits due for a question."}, []string{"gateway"}),
		dueAge:         prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_deposits_due_oldest_seconds", Help: "How long the oldest due deposit has been due."}, []string{"gateway"}),
		suspense:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "muara_deposits_suspense", Help: "Payments in suspense, which wait for an operator."}),
		suspenseRupiah: prometheus.NewGauge(prometheus.GaugeOpts{Name: "muara_deposits_suspense_rupiah", Help: "Rupiah in suspense."}),
		flagged:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "muara_deposits_flagged", Help: "Deposits that wait for an operator."}),
	}
	reg.MustRegister(m.open, m.due, m.dueAge, m.suspense, m.suspenseRupiah, m.flagged)
	return m
}

// depositsOnce hands turns to the gateways that have something to be asked, and
// ends what nobody is to be asked about.
func (s *Scheduler) depositsOnce(ctx context.Context) (int, error) {
	due, err := s.Deposits.DueGateways(ctx)
	if err != nil {
		return 0, err
	}
	for i, name := range due {
		if err := s.Enqueuer.DepositTurn(ctx, name, s.Now().Unix()/turnStuck); err != nil {
			return i, err
		}
	}
	n, err := s.Deposits.Sweep(ctx, batch)
	return len(due) + n, err
}

// measureDeposits reads how the open deposits stand.
func (s *Scheduler) measureDeposits(ctx context.Context) error {
	st, err := s.Deposits.Stand(ctx)
	if err != nil {
		return err
	}
	now := s.Now()
	m := s.money
	for gateway := range st.Open { // a gateway is seen from its first deposit on
		m.gateways[gateway] = true
	}
	for gateway := range m.gateways {
		for _, state := range []deposit.State{deposit.Creating, deposit.Pending, deposit.Suspended} {
			m.open.WithLabelValues(gateway, string(state)).Set(float64(st.Open[gateway][state]))
		}
		m.due.WithLabelValues(gateway).Set(float64(st.Due[gateway]))
		m.dueAge.WithLabelValues(gateway).Set(since(now, st.DueOldest[gateway]))
	}
	m.suspense.Set(float64(st.Suspense))
	m.suspenseRupiah.Set(float64(st.SuspenseRupiah))
	m.flagged.Set(float64(st.Flagged))
	return nil
}
