package order

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counted is the statistics by the plain way: all orders, each time.
func (s *scene) counted(month time.Time) (st Stats) {
	s.t.Helper()
	err := s.db.Pool.QueryRow(s.t.Context(), `SELECT count(*), count(*) FILTER (WHERE state = 'completed'),
			coalesce(sum(price - refunded) FILTER (WHERE state IN ('completed', 'partial')), 0)::bigint, count(*) FILTER (WHERE created_at >= $2),
			coalesce(sum(price - refunded) FILTER (WHERE state IN ('completed', 'partial') AND created_at >= $2), 0)::bigint
		FROM orders WHERE wallet_id = $1`, s.wallet, month).Scan(&st.Orders, &st.Completed, &st.Volume, &st.MonthOrders, &st.MonthVolume)
	require.NoError(s.t, err)
	return st
}

// Whatever was taken and changed before and after which tally, and wherever a month
// begins, the statistics are those of counting everything.
func TestStatisticsAreThoseOfCountingEverything(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	rng := rand.New(rand.NewPCG(7, 7))
	begun := s.now
	var open []*Order
	for i := range 120 {
		s.now = s.now.Add(time.Duration(rng.IntN(4*3600)) * time.Second)
		r := pulsa(s.wallet, fmt.Sprint("r", i), int64(100+rng.IntN(200)))
		open = append(open, s.place(r))
		for rng.IntN(3) == 0 && len(open) > 0 {
			at := rng.IntN(len(open))
			o := open[at]
			open = append(open[:at], open[at+1:]...)
			s.do(o, Step{To: Sending, NextRunAt: &s.now})
			switch rng.IntN(4) {
			case 0:
				s.do(o, Step{To: Failed})
				if rng.IntN(2) == 0 {
					s.do(o, Step{To: Completed}) // late
				}
			case 1:
				s.do(o, Step{To: Partial, Remains: ptr[int64](1)})
			default:
				s.do(o, Step{To: Completed})
			}
		}
		if rng.IntN(6) == 0 {
			_, err := Tally(t.Context(), s.db.Pool, s.now)
			require.NoError(t, err)
		}
	}
	_, err := Tally(t.Context(), s.db.Pool, s.now)
	require.NoError(t, err)
	for _, month := range []time.Time{begun.Add(-time.Hour), begun, begun.Add(40 * time.Hour).Truncate(time.Hour), begun.Add(77*time.Hour + 1234*time.Second), s.now.Add(-time.Minute), s.now.Add(time.Hour)} {
		got, err := CountStats(t.Context(), s.db.Bun, s.wallet, month)
		require.NoError(t, err)
		require.Equal(t, s.counted(month), got, "%s", month)
	}
	require.Positive(t, s.counted(begun).Volume)
}

func TestATallyTellsTotalsAndCountsOnceHoweverManyRun(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i := range 10 {
		o := s.place(pulsa(s.wallet, fmt.Sprint("r", i), 1_000))
		s.do(o, Step{To: Sending, NextRunAt: &s.now})
		s.do(o, Step{To: Completed})
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			got, err := Tally(t.Context(), s.db.Pool, s.now)
			if err != nil || len(got) != 1 || got[0] != (Tallied{WalletID: s.wallet, Completed: 10, Volume: 10_000}) {
				t.Error(got, err)
			}
		})
	}
	all.Wait()
	quiet, err := Tally(t.Context(), s.db.Pool, s.now.Add(2*tallySlack))
	require.NoError(t, err)
	require.Len(t, quiet, 1, "the last minutes are looked at again")
	quiet, err = Tally(t.Context(), s.db.Pool, s.now.Add(4*tallySlack))
	require.NoError(t, err)
	require.Empty(t, quiet, "what has not changed is not")
}
