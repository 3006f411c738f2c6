package deposit

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestEveryInvoiceIsCountedByHowItWasAskedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.answer
	f.answer = func(gateway string, d *Deposit) (string, error) {
		if gateway == "gw-full" {
			return Refused, f.k.End(t.Context(), d, d.Attempt, Ended{Outcome: OutcomeFull})
		}
		return first(gateway, d)
	}
	_, err := f.opener(Gateway{Name: "gw-full"}, Gateway{Name: "gw-a"}).Open(t.Context(), &Request{WalletID: f.wallet, Mode: "live", Ref: "top-1", Amount: 50_000})
	require.NoError(t, err)
	asked := func(gateway, outcome string) float64 {
		return testutil.ToFloat64(f.k.Metrics.asks.WithLabelValues(gateway, outcome))
	}
	require.InDelta(t, 1, asked("gw-full", OutcomeFull), 0)
	require.InDelta(t, 1, asked("gw-a", "opened"), 0)
	require.Zero(t, asked("gw-full", "opened"))
}
