package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/rule"
)

func wib() *time.Location { return time.FixedZone("WIB", 7*60*60) }

// limited is a placer whose days are WIB's.
func (f *fixture) limited(t *testing.T) *Placer {
	t.Helper()
	p := NewPlacer(f.db.Pool, f.accounts, plain{}, f.clock, slog.New(slog.DiscardHandler), nil, In(wib()))
	t.Cleanup(p.Close)
	return p
}

func (f *fixture) limit(t *testing.T, wallet int64, c rule.Change) {
	t.Helper()
	_, err := rule.SetLimits(t.Context(), f.db.Pool, wallet, c, audit.Entry{Actor: "test", Action: "merchant.limit", Subject: "M", At: f.now})
	require.NoError(t, err)
}

func (f *fixture) used(t require.TestingT, wallet int64) int64 {
	used, err := UsedToday(context.Background(), f.db.Pool, wallet, f.now, wib())
	require.NoError(t, err)
	require.NotNil(t, used)
	return *used
}

// spent is what the day's orders came to, by the orders themselves.
func (f *fixture) spent(t require.TestingT, wallet int64) (n int64) {
	day, _ := rule.Day(f.now, wib())
	require.NoError(t, f.db.Pool.QueryRow(context.Background(), `SELECT coalesce(sum(price - refunded), 0)::bigint FROM orders WHERE wallet_id = $1 AND created_at >= $2`, wallet, day).Scan(&n))
	return n
}

// end takes an order to its end.
func (f *fixture) end(t require.TestingT, w *Writer, n int64, to State) {
	_, err := w.Do(context.Background(), Step{OrderID: n, From: Queued, To: Sending})
	require.NoError(t, err)
	_, err = w.Do(context.Background(), Step{OrderID: n, From: Sending, To: to, Attempt: 1, Outcome: "x"})
	require.NoError(t, err)
}

func limitOf(t require.TestingT, err error) rule.LimitError {
	var l *rule.LimitError
	require.ErrorAs(t, err, &l)
	return *l
}

func TestLimitsBoundAnOrderAndADay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.now = time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC) // 23:00 in WIB
	w, p, wr := f.open(t, "M1", 1_000_000), f.limited(t), f.writer(t, nil)
	place := func(ref string, price int64) (*Placed, error) { return p.Place(t.Context(), pulsa(w, ref, price)) }
	midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, wib())

	first, err := place("before", 30_000)
	require.NoError(t, err)
	f.limit(t, w, rule.Change{PerOrder: ptr[int64](50_000), PerDay: ptr[int64](100_000)})
	require.EqualValues(t, 30_000, f.used(t, w), "what was ordered before it was set counts")

	_, err = place("big", 50_001)
	require.Equal(t, rule.LimitError{Limit: rule.PerOrder, Allowed: 50_000, Left: 50_000}, limitOf(t, err))
	second, err := place("a", 50_000)
	require.NoError(t, err)
	_, err = place("b", 20_001)
	got := limitOf(t, err)
	require.True(t, got.Resets.Equal(midnight))
	got.Resets = time.Time{}
	require.Equal(t, rule.LimitError{Limit: rule.PerDay, Allowed: 100_000, Left: 20_000}, got)
	require.EqualValues(t, 920_000, f.balance(t, w), "what was refused cost nothing")
	_, err = place("b", 20_000)
	require.NoError(t, err, "to the rupiah")
	replayed, err := place("a", 50_000)
	require.NoError(t, err)
	require.True(t, replayed.Replayed, "a known ref is beyond no limit")

	f.end(t, wr, second.Order.ID, Failed)
	require.EqualValues(t, 50_000, f.used(t, w), "what went back gives room")
	_, err = place("c", 50_000)
	require.NoError(t, err)
	require.Equal(t, f.spent(t, w), f.used(t, w))

	f.now = midnight.UTC()
	require.EqualValues(t, 0, f.used(t, w), "a new day in WIB")
	f.end(t, wr, first.Order.ID, Failed)
	require.EqualValues(t, 0, f.used(t, w), "yesterday's order gives no room today")
	for i := range 2 {
		_, err = place(fmt.Sprint("d", i), 50_000)
		require.NoError(t, err)
	}
	_, err = place("e", 1)
	require.EqualValues(t, 0, limitOf(t, err).Left)

	f.limit(t, w, rule.Change{PerDay: ptr[int64](0)})
	_, err = place("e", 40_000)
	require.NoError(t, err, "no limit of the day any more")
	_, err = place("f", 50_001)
	require.Equal(t, rule.PerOrder, limitOf(t, err).Limit, "the other one stayed")
	f.limit(t, w, rule.Change{PerDay: ptr[int64](150_000)})
	require.EqualValues(t, 140_000, f.used(t, w), "counted anew")
	_, err = rule.SetLimits(t.Context(), f.db.Pool, w, rule.Change{PerDay: ptr[int64](-1)}, audit.Entry{})
	require.ErrorIs(t, err, rule.ErrInvalid)
	f.verify(t)
}

func TestAnOrderThatIsDeliveredInPartGivesTheRestBackToTheDay(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	p, wr := s.limited(t), s.writer(t, nil)
	w := s.open(t, "M9", 1_000_000)
	s.limit(t, w, rule.Change{PerDay: ptr[int64](20_000)})
	r := pulsa(w, "smm", 10_000)
	r.Category, r.CustomerNo, r.Target, r.Link, r.Quantity = SMM, nil, ptr("x"), "x", 1_000
	r.Terms = &Terms{Units: 1_000_000, Total: 1_000}
	placed, err := p.Place(t.Context(), r)
	require.NoError(t, err)
	n := placed.Order.ID
	_, err = wr.Do(t.Context(), Step{OrderID: n, From: Queued, To: Sending})
	require.NoError(t, err)
	_, err = wr.Do(t.Context(), Step{OrderID: n, From: Sending, To: Partial, Attempt: 1, Outcome: "partial", Remains: ptr[int64](250)})
	require.NoError(t, err)
	require.EqualValues(t, 7_500, s.used(t, w))
	require.Equal(t, s.spent(t, w), s.used(t, w))
}

// TestNoLimitIsExceededAtOnce spends from two processes at once, while orders fail.
func TestNoLimitIsExceededAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	placers := []*Placer{f.limited(t), f.limited(t)}
	wr := f.writer(t, nil)
	for round := range 4 {
		w := f.open(t, fmt.Sprint("M", round), 1_000_000)
		f.limit(t, w, rule.Change{PerDay: ptr[int64](10_500)})
		var accepted, refused, failed atomic.Int64
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range 80 {
			wg.Go(func() {
				<-start
				placed, err := placers[i%2].Place(context.Background(), pulsa(w, fmt.Sprint("r", i), 1_000))
				var l *rule.LimitError
				switch {
				case errors.As(err, &l):
					refused.Add(1)
				case err != nil:
					t.Error(err)
				default:
					accepted.Add(1)
					if round%2 == 1 && i%3 == 0 {
						f.end(t, wr, placed.Order.ID, Failed)
						failed.Add(1)
					}
				}
			})
		}
		close(start)
		wg.Wait()
		require.EqualValues(t, 80, accepted.Load()+refused.Load())
		if round%2 == 0 {
			require.EqualValues(t, 10, accepted.Load())
		}
		require.LessOrEqual(t, accepted.Load()-failed.Load(), int64(10))
		require.Equal(t, f.spent(t, w), f.used(t, w))
		require.LessOrEqual(t, f.used(t, w), int64(10_500))
		require.Equal(t, 1_000_000-f.spent(t, w), f.balance(t, w))
	}
	f.verify(t)
}

// TestNoHistoryExceedsALimit compares what is kept with what the orders say, and each
// verdict with what it should be, over random histories of days.
func TestNoHistoryExceedsALimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p, wr := f.limited(t), f.writer(t, nil)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		w := f.open(t, fmt.Sprint("M", n), 10_000_000)
		var perOrder, perDay int64
		var open []int64
		for step := range rapid.IntRange(5, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0:
				perDay = rapid.SampledFrom([]int64{0, 1_000, 3_000, 100_000}).Draw(rt, "day")
				perOrder = rapid.SampledFrom([]int64{0, 900}).Draw(rt, "order")
				f.limit(t, w, rule.Change{PerOrder: &perOrder, PerDay: &perDay})
			case 1:
				f.now = f.now.Add(rapid.SampledFrom([]time.Duration{time.Minute, 7 * time.Hour, 24 * time.Hour}).Draw(rt, "later"))
			case 2, 3:
				if len(open) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(open)-1).Draw(rt, "order")
				f.end(rt, wr, open[i], rapid.SampledFrom([]State{Failed, Canceled, Completed}).Draw(rt, "end"))
				open = append(open[:i], open[i+1:]...)
			default:
				price := rapid.Int64Range(1, 1_200).Draw(rt, "price")
				before := f.spent(rt, w)
				placed, err := p.Place(t.Context(), pulsa(w, fmt.Sprint(n, "-", step), price))
				switch {
				case perOrder > 0 && price > perOrder:
					require.Equal(rt, rule.PerOrder, limitOf(rt, err).Limit)
				case perDay > 0 && before+price > perDay:
					require.Equal(rt, max(perDay-before, 0), limitOf(rt, err).Left)
				default:
					require.NoError(rt, err)
					open = append(open, placed.Order.ID)
				}
			}
			if perDay > 0 {
				require.Equal(rt, f.spent(rt, w), f.used(rt, w))
			}
		}
	})
	f.verify(t)
}

func TestADayBeginsAtMidnightWhereTheBrandIs(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	from, to := rule.Day(time.Date(2026, 10, 25, 12, 0, 0, 0, time.UTC), berlin)
	require.Equal(t, 25*time.Hour, to.Sub(from), "the clocks are set back")
	require.LessOrEqual(t, id.First(from), id.New(from))
}
