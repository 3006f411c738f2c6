package upstream

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestARefusalInWordsIsNoIllHealth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		e     *Error
		stays bool
	}{
		"proved":       {Reject(ReasonProduct, "", ""), true},
		"not proved":   {&Error{Class: Unknown, Answered: true}, true},
		"no answer":    {&Error{Class: Unknown}, false},
		"never called": {&Error{Class: NotSent}, false},
	} {
		client := NewClient(nil, Options{Name: "u", Metrics: NewMetrics(prometheus.NewRegistry()), Now: time.Now})
		for range breakerAfter {
			client.note(c.e)
		}
		require.Equal(t, c.stays, client.breaker.closed(time.Now()), name)
	}
}
