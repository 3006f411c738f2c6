package scheduler

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/withdraw"
)

// moneyMetrics say how the money on its way in stands.
type moneyMetrics struct {
	gateways, ways                    map[string]bool // as far as seen
	open, due, dueAge                 *prometheus.GaugeVec
	suspense, suspenseRupiah, flagged prometheus.Gauge

	outOpen, outOldest    *prometheus.GaugeVec
	outRupiah, outFlagged prometheus.Gauge
}

func newMoneyMetrics(reg prometheus.Registerer) *moneyMetrics {
	m := &moneyMetrics{
		gateways:       map[string]bool{},
		ways:           map[string]bool{},
		open:           prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_deposits_open", Help: "Deposits that are not final."}, []string{"gateway", "state"}),
		due:            prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_deposits_due", Help: "Deposits due for a question."}, []string{"gateway"}),
		dueAge:         prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_deposits_due_oldest_seconds", Help: "How long the oldest due deposit has been due."}, []string{"gateway"}),
		suspense:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "muara_deposits_suspense", Help: "Payments in suspense, which wait for an operator."}),
		suspenseRupiah: prometheus.NewGauge(prometheus.GaugeOpts{Name: "muara_deposits_suspense_rupiah", Help: "Rupiah in suspense."}),
		flagged:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "muara_deposits_flagged", Help: "Deposits that wait for an operator."}),
	}
	m.outOpen = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_withdrawals_open", Help: "Withdrawals that are not final; pending ones wait for approval."}, []string{"gateway", "state"})
	m.outOldest = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "muara_withdrawals_oldest_seconds", Help: "Since when the oldest withdrawal of a state has been there."}, []string{"state"})
	m.outRupiah = prometheus.NewGauge(prometheus.GaugeOpts{Name: "muara_withdrawals_open_rupiah", Help: "Rupiah on their way out."})
	m.outFlagged = prometheus.NewGauge(prometheus.GaugeOpts{Name: "muara_withdrawals_flagged", Help: "Withdrawals that wait for an operator's look."})
	reg.MustRegister(m.open, m.due, m.dueAge, m.suspense, m.suspenseRupiah, m.flagged, m.outOpen, m.outOldest, m.outRupiah, m.outFlagged)
	return m
}

// moneyOnce hands turns to the gateways that have something to be asked, and
// ends what nobody is to be asked about.
func (s *Scheduler) moneyOnce(ctx context.Context) (int, error) {
	due, err := s.Deposits.DueGateways(ctx)
	if err != nil {
		return 0, err
	}
	out, err := s.Payouts.DueGateways(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range out {
		if !slices.Contains(due, name) {
			due = append(due, name)
		}
	}
	due = slices.DeleteFunc(due, s.isRemoved)
	for i, name := range due {
		if err := s.Enqueuer.MoneyTurn(ctx, name, round(s.Now(), turnStuck)); err != nil {
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
	return s.measureWithdrawals(ctx)
}

// measureWithdrawals reads how the open withdrawals stand.
func (s *Scheduler) measureWithdrawals(ctx context.Context) error {
	st, err := s.Payouts.Stand(ctx)
	if err != nil {
		return err
	}
	m := s.money
	for gateway := range st.Open {
		m.ways[gateway] = true
	}
	for _, state := range []withdraw.State{withdraw.Pending, withdraw.Approved, withdraw.Sending, withdraw.Sent, withdraw.Unknown} {
		for gateway := range m.ways {
			m.outOpen.WithLabelValues(gateway, string(state)).Set(float64(st.Open[gateway][state]))
		}
		m.outOldest.WithLabelValues(string(state)).Set(since(s.Now(), st.Oldest[state]))
	}
	m.outRupiah.Set(float64(st.Rupiah))
	m.outFlagged.Set(float64(st.Flagged))
	return nil
}
