package kube_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/kube"
	"github.com/muarahq/muara/pkg/kube/v1alpha1"
)

// columns are what `kubectl get upstreams` prints, by the definition.
func (c *cluster) columns() map[string]string {
	c.t.Helper()
	text, err := os.ReadFile("../../charts/muara-crds/templates/muara.io_upstreams.yaml")
	require.NoError(c.t, err)
	var crd struct {
		Spec struct {
			Versions []struct {
				Columns []struct {
					Name string `json:"name"`
					Path string `json:"jsonPath"`
				} `json:"additionalPrinterColumns"`
			} `json:"versions"`
		} `json:"spec"`
	}
	require.NoError(c.t, yaml.Unmarshal(text, &crd))
	u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c.upstream())
	require.NoError(c.t, err)
	found := map[string]string{}
	for _, column := range crd.Spec.Versions[0].Columns {
		p := jsonpath.New(column.Name).AllowMissingKeys(true)
		require.NoError(c.t, p.Parse("{"+column.Path+"}"))
		var out writer
		require.NoError(c.t, p.Execute(&out, u))
		found[column.Name] = string(out)
	}
	return found
}

type writer []byte

func (w *writer) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }

func TestTheListShowsHowAnUpstreamIs(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.known()
	now := c.clock()
	// An order that has waited since, of the upstream "rq" there.
	rows, err := os.ReadFile("../../migrations/testdata/rows.sql")
	require.NoError(t, err)
	_, err = c.pool.Exec(t.Context(), string(rows), pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	_, err = c.pool.Exec(t.Context(), `UPDATE orders SET upstream = $1, created_at = $2`, name, now.Add(-75*time.Second))
	require.NoError(t, err)
	require.NoError(t, catalog.SetBalance(t.Context(), c.pool, name, 1_250_000, now.Add(-90*time.Second)))
	require.NoError(t, catalog.Observe(t.Context(), c.pool, name, catalog.Observed{Good: 97, Bad: 3, Calls: 100, Took: time.Minute}, now))
	b := budget.New(c.rdb, name, budget.Limit{Requests: 5, Per: time.Millisecond}, time.Second, budget.Recovery(0))
	t.Cleanup(func() { require.NoError(t, b.Stop(context.WithoutCancel(t.Context()))) })
	for range 2 {
		_, err := b.Acquire(t.Context(), budget.Buy)
		require.NoError(t, err)
	}
	c.create()
	c.settle()
	c.rollOut(1)
	c.settle()
	got := c.columns()
	require.Equal(t, map[string]string{
		"Driver": "rumahotp", "Workers": "2", "Ready": "1", "Queue-Age": "1m15s", "Budget": "2 of 5 in 1ms", "Success": "97%", "Float": "1250000",
		"Paused": "false", "Why": "", "Seen": "2026-11-21T04:58:00Z", "Age": got["Age"],
	}, got)
	require.EqualValues(t, 1, *c.upstream().Status.Queued)
	require.NoError(t, b.Close(t.Context(), time.Hour, "429"))
	c.once()
	c.is(v1alpha1.ConditionBudgetClosed, metav1.ConditionTrue, "Closed")
	require.Contains(t, c.condition(v1alpha1.ConditionBudgetClosed).Message, ": 429")
	require.NotNil(t, c.upstream().Status.Budget.ClosedUntil)
	require.NoError(t, b.Reopen(t.Context()))
	c.once()
	c.is(v1alpha1.ConditionBudgetClosed, metav1.ConditionFalse, "Open")

	until := now.Add(time.Minute)
	require.NoError(t, catalog.SetBreaker(t.Context(), c.pool, name, &until))
	c.once()
	c.is(v1alpha1.ConditionDegraded, metav1.ConditionTrue, "BreakerOpen")
	require.NoError(t, catalog.SetBreaker(t.Context(), c.pool, name, nil))
	require.NoError(t, catalog.Observe(t.Context(), c.pool, name, catalog.Observed{Bad: 100}, now))
	c.once()
	c.is(v1alpha1.ConditionDegraded, metav1.ConditionTrue, "Ailing")
}

func TestNumbersThatDriftAreNotWrittenAllTheTime(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.known()
	c.create()
	c.settle()
	c.wrote()
	begin := c.clock()
	balance := int64(1_000_000)
	for c.clock().Sub(begin) < 5*time.Minute { // an event each second
		balance -= 5_500
		require.NoError(t, catalog.SetBalance(t.Context(), c.pool, name, balance, c.clock()))
		c.once()
		c.pass(time.Second)
	}
	n := len(c.wrote())
	require.LessOrEqual(t, n, int(5*time.Minute/kube.Every)+1)
	require.GreaterOrEqual(t, n, int(5*time.Minute/kube.Every)-1)
	// What a person waits for is written at once, with the numbers as they are.
	require.NoError(t, catalog.Pause(t.Context(), c.pool, name, "their news", "cli:siti", c.clock()))
	c.once()
	require.Equal(t, []string{"patch status"}, c.wrote())
	require.Equal(t, balance, *c.upstream().Status.Float)
}
