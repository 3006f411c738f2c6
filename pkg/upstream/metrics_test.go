package upstream

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestARefusalIsCountedByItsReasonWhateverItProves(t *testing.T) {
	t.Parallel()
	m := NewMetrics(prometheus.NewRegistry())
	m.refused("hulu", nil)
	m.refused("hulu", &Error{Class: Unknown})
	m.refused("hulu", &Error{Class: Throttled})
	require.Zero(t, testutil.CollectAndCount(m.refusals), "no reason was given")
	m.refused("hulu", &Error{Class: Unknown, Reason: ReasonOurBalance})
	m.refused("hulu", &Error{Class: Rejected, Reason: ReasonOurBalance})
	m.refused("hulu", &Error{Class: Rejected, Reason: ReasonCustomer})
	require.InDelta(t, 2, testutil.ToFloat64(m.refusals.WithLabelValues("hulu", string(ReasonOurBalance))), 0)
	require.InDelta(t, 1, testutil.ToFloat64(m.refusals.WithLabelValues("hulu", string(ReasonCustomer))), 0)
}
