package worker

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// The world in which orders of asking are compared: RumahOTP's limit, a provider that
// takes its time to answer, numbers always replaced by new ones, bought from the same
// budget. Time is virtual; the emulator, the driver, the selection and the commits are
// real.
const (
	simSlots       = 5
	simPer         = 10*time.Second + 50*time.Millisecond // with the budget's gap
	simLatency     = 200 * time.Millisecond
	simLatencyMore = 400 * time.Millisecond
	simIdle        = 250 * time.Millisecond
	simSeed        = 20
	simWarm        = 15 * time.Minute // until the numbers that get no code are as many as they will be
	simMeasured    = 20 * time.Minute
	simLonger      = 2 * time.Hour
	simNever       = 30 // per cent that get no code
	simMoney       = 1_000_000_000
)

// ages is a distribution of how old a number is when its code comes.
type ages struct {
	name string
	draw func(rng *rand.Rand) (age time.Duration, comes bool)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// uniform lets codes come after 5 to 120 s, but for some in a hundred.
func uniform(never int) ages {
	return ages{fmt.Sprintf("5–120 s, %d %% never", never), func(rng *rand.Rand) (time.Duration, bool) {
		age, chance := 5+115*rng.Float64(), rng.IntN(100)
		return seconds(age), chance >= never
	}}
}

// realistic lets most codes come early, some late, and some not at all.
func realistic(never int) ages {
	return ages{fmt.Sprintf("log-normal, median 20 s, %d %% never", never), func(rng *rand.Rand) (time.Duration, bool) {
		age, chance := 3+17*math.Exp(.9*rng.NormFloat64()), rng.IntN(100)
		return seconds(age), chance >= never
	}}
}

// order of asking: asks about one order with the slot, and says whether it did.
type asking struct {
	name string
	ask  func(s *simulation, slot *budget.Slot) bool
}

// ours is what PollTurn does with a slot.
func ours() asking {
	return asking{"Muara", func(s *simulation, slot *budget.Slot) bool {
		more, err := s.w.pollOnce(s.t.Context(), slot)
		require.NoError(s.t, err)
		return more
	}}
}

// ring asks about one open order after the other, in a circle.
func ring() asking {
	at := int64(0)
	return asking{"round robin", func(s *simulation, slot *budget.Slot) bool {
		ids := s.openIDs()
		i, _ := slices.BinarySearch(ids, at+1)
		at = ids[i%len(ids)]
		s.askAbout(at, slot)
		return true
	}}
}

// longest asks about the order that has not been asked about for longest; buying it
// counts as asking.
func longest() asking {
	last := map[int64]time.Time{}
	return asking{"longest unasked", func(s *simulation, slot *budget.Slot) bool {
		ids := s.openIDs()
		for _, id := range ids {
			if last[id].IsZero() {
				last[id] = s.open[id]
			}
		}
		id := slices.MinFunc(ids, func(a, b int64) int { return last[a].Compare(last[b]) })
		last[id] = s.clock()
		s.askAbout(id, slot)
		return true
	}}
}

// byDue asks about the order that is due for longest, as upstreams with bulk answers do.
func byDue() asking {
	return asking{"longest due", func(s *simulation, slot *budget.Slot) bool {
		due, err := order.TakeDue(s.t.Context(), s.db.Pool, s.w.Client.Name, s.clock(), time.Minute, 1)
		require.NoError(s.t, err)
		if len(due) == 0 {
			slot.Unused(s.t.Context())
			return false
		}
		require.NoError(s.t, s.w.ask(s.t.Context(), due[0], slot))
		return true
	}}
}

// simulation is one run.
type simulation struct {
	*stage
	w      *Worker
	open   map[int64]time.Time  // order → when it was bought
	comes  map[string]time.Time // upstream's id → when its code is there
	placed int
	rng    *rand.Rand
}

// outcome is what a run came to: how long codes lay at the upstream, by order of length.
type outcome struct {
	lay      []time.Duration
	requests int
	bought   int
}

func (o outcome) mean() time.Duration {
	sum := time.Duration(0)
	for _, d := range o.lay {
		sum += d
	}
	return sum / time.Duration(len(o.lay))
}

func (o outcome) p95() time.Duration { return o.lay[len(o.lay)*95/100] }

// simulate keeps so many numbers open until the end, and measures what comes after the
// warm-up.
func simulate(t testing.TB, open int, dist ages, how asking, warm, measured time.Duration) outcome {
	t.Helper()
	chance := rand.New(rand.NewPCG(simSeed, 1)) // the nth number's code comes after the same time in every run
	s := &simulation{open: map[int64]time.Time{}, comes: map[string]time.Time{}, rng: rand.New(rand.NewPCG(simSeed, 2))}
	s.stage = newStage(t, func(p emulate.Purchase, _ *rand.Rand) emulate.Outcome {
		age, comes := dist.draw(chance)
		if !comes {
			return emulate.Outcome{Result: emulate.Silent}
		}
		s.comes[p.ID] = p.At.Add(age)
		return emulate.Outcome{Result: emulate.Success, After: age}
	})
	s.w = s.b
	s.credit(simMoney)
	var out outcome
	begun := s.clock()
	free := make([]time.Time, simSlots)
	for i := range free {
		free[i] = begun.Add(time.Duration(i) * simPer / simSlots)
	}
	for {
		i := slices.Index(free, slices.MinFunc(free, time.Time.Compare))
		s.advance(max(free[i].Sub(s.clock()), 0))
		since := s.clock().Sub(begun)
		if since > warm+measured {
			break
		}
		if len(s.open) < open {
			s.rentOne()
			out.bought++
		} else {
			slot, err := s.w.Client.Reserve(t.Context(), budget.Poll)
			require.NoError(t, err)
			if !how.ask(s, slot) {
				free[i] = s.clock().Add(simIdle)
				continue
			}
			s.settle(&out, since > warm)
		}
		out.requests++
		free[i] = s.clock().Add(simLatency + time.Duration(s.rng.Int64N(int64(simLatencyMore))) + simPer)
	}
	slices.Sort(out.lay)
	return out
}

// credit gives the merchant money.
func (s *simulation) credit(rupiah int64) {
	s.t.Helper()
	require.NoError(s.t, pg.InTx(s.t.Context(), s.db.Pool, func(tx pgx.Tx) error {
		_, err := ledger.Adjust(s.t.Context(), tx, ledger.NewAccounts(s.db.Pool), s.wallet, rupiah, "more", "test", s.now)
		return err
	}))
}

// rentOne buys a number with the slot at hand.
func (s *simulation) rentOne() {
	s.t.Helper()
	s.placed++
	o := s.buy(s.w, s.rent(fmt.Sprint("n", s.placed)))
	require.Equal(s.t, order.Processing, o.State)
	s.open[o.ID] = s.clock()
}

func (s *simulation) openIDs() []int64 {
	ids := make([]int64, 0, len(s.open))
	for id := range s.open {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (s *simulation) askAbout(id int64, slot *budget.Slot) {
	o, err := order.ByID(s.t.Context(), s.db.Bun, id)
	require.NoError(s.t, err)
	require.NoError(s.t, s.w.ask(s.t.Context(), o, slot))
}

// settle takes orders that have ended out of the open ones, and notes how long their
// codes lay.
func (s *simulation) settle(out *outcome, counts bool) {
	s.t.Helper()
	rows, err := s.db.Pool.Query(s.t.Context(), `SELECT id, state, upstream_ref FROM orders WHERE completed_at = $1`, s.clock())
	require.NoError(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		var state order.State
		var ref string
		require.NoError(s.t, rows.Scan(&id, &state, &ref))
		if _, open := s.open[id]; !open {
			continue
		}
		delete(s.open, id)
		if state == order.Completed && counts {
			out.lay = append(out.lay, s.clock().Sub(s.comes[ref]))
		}
	}
	require.NoError(s.t, rows.Err())
}

func TestWhomToAskFirst(t *testing.T) {
	t.Parallel()
	for _, open := range []int{20, 50} {
		t.Run(fmt.Sprint(open), func(t *testing.T) {
			t.Parallel()
			dist := uniform(simNever)
			mine, theirs := simulate(t, open, dist, ours(), simWarm, simMeasured), simulate(t, open, dist, ring(), simWarm, simMeasured)
			t.Logf("%d open, %s: Muara mean %s p95 %s (%d codes), round robin mean %s p95 %s (%d codes), requests %d and %d",
				open, dist.name, mine.mean(), mine.p95(), len(mine.lay), theirs.mean(), theirs.p95(), len(theirs.lay), mine.requests, theirs.requests)
			require.InEpsilon(t, theirs.requests, mine.requests, 0.02, "as many requests")
			require.Greater(t, float64(len(mine.lay)), 0.9*float64(len(theirs.lay)), "not by leaving some behind")
			require.Less(t, mine.mean().Seconds(), 0.7*theirs.mean().Seconds(), "codes lie at the upstream for 30 %% less time at least")
			require.Less(t, mine.p95(), theirs.p95())
		})
	}
}

// BenchmarkWhomToAskFirst prints the table of docs/benchmarks.md:
//
//	scripts/servers run -- go test ./worker -run '^$' -bench WhomToAskFirst -benchtime 1x
func BenchmarkWhomToAskFirst(b *testing.B) {
	for _, dist := range []ages{uniform(0), uniform(simNever), realistic(simNever)} {
		for _, open := range []int{20, 50} {
			for _, how := range []func() asking{ring, longest, byDue, ours} {
				b.Run(fmt.Sprintf("%s/%d open/%s", dist.name, open, how().name), func(b *testing.B) {
					for b.Loop() {
						out := simulate(b, open, dist, how(), simWarm, simLonger)
						b.ReportMetric(out.mean().Seconds(), "mean_s")
						b.ReportMetric(out.p95().Seconds(), "p95_s")
						b.ReportMetric(float64(out.requests), "requests")
						b.ReportMetric(float64(len(out.lay)), "codes")
					}
				})
			}
		}
	}
}
