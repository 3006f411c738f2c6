package scheduler

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/upstream"
)

// emptyBooks are those of a source that sold nothing.
type emptyBooks struct{ reconcile.Books }

func (emptyBooks) Offers() (statement, movements, status bool) { return true, true, true }
func (emptyBooks) StatementPage(context.Context, time.Time, time.Time, int) ([]upstream.StatementLine, int, error) {
	return []upstream.StatementLine{{Ref: "stranger", State: upstream.Succeeded}}, 0, nil
}
func (emptyBooks) Movements(_ context.Context, from, _ time.Time) ([]upstream.Movement, error) {
	return []upstream.Movement{{Debit: 700, Balance: 300, At: from}}, nil
}
func (emptyBooks) Raise(context.Context, int64, string) error { return io.ErrUnexpectedEOF }
func (emptyBooks) Ask(context.Context, []*order.Order) (map[int64]*upstream.Result, error) {
	return nil, io.ErrUnexpectedEOF
}

func TestEachDayIsReconciledOnceHoweverManySchedulers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	wib := time.FixedZone("WIB", 7*60*60)
	for _, s := range d.both {
		s.Location = wib
	}
	_, err := d.db.Pool.Exec(t.Context(), `UPDATE upstreams SET balance = 5, balance_at = $1`, d.now)
	require.NoError(t, err)
	require.Zero(t, d.atOnce((*Scheduler).reconcileOnce), "no day has ended since we know the sources")
	require.Zero(t, d.depth(queue.Low("up-a")))
	local := d.now.In(wib)
	midnight := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, wib)
	d.now = midnight.Add(29 * time.Minute)
	require.Zero(t, d.atOnce((*Scheduler).reconcileOnce), "not at midnight itself")
	d.now = midnight.Add(30 * time.Minute)
	require.Equal(t, 2, d.atOnce((*Scheduler).reconcileOnce), "one a source")
	require.Zero(t, d.atOnce((*Scheduler).reconcileOnce))
	for _, name := range []string{"up-a", "up-b"} {
		require.EqualValues(t, 1, d.depth(queue.Low(name)), "one turn waits")
	}
	var balances int
	require.NoError(t, d.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM upstream_balances`).Scan(&balances))
	require.Equal(t, 2, balances)

	s := d.both[0]
	n, err := s.reconciledOnce(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "nothing was compared yet")
	r := reconcile.Reconciler{Pool: d.db.Pool, Now: d.clock, Log: slog.New(slog.DiscardHandler)}
	for did := true; did; {
		did, err = r.Step(t.Context(), emptyBooks{}, "up-a")
		require.NoError(t, err)
	}
	n, err = s.reconciledOnce(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.InDelta(t, 1, testutil.ToFloat64(s.books.lines.WithLabelValues("up-a", "only_theirs")), 0)
	require.InDelta(t, 0, testutil.ToFloat64(s.books.lines.WithLabelValues("up-a", "matched")), 0)
	require.InDelta(t, 700, testutil.ToFloat64(s.books.unexplained.WithLabelValues("up-a")), 0)
	require.InDelta(t, 1800, testutil.ToFloat64(s.books.age.WithLabelValues("up-a")), 0)
	require.Equal(t, 6, testutil.CollectAndCount(s.books.lines), "a closed set, of one source")
	due, err := reconcile.Due(t.Context(), d.db.Pool, d.now)
	require.NoError(t, err)
	require.Equal(t, []string{"up-b"}, due)
}
