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
	ask  func(s *simulation) bool
}

// ours is what PollTurn does with a slot.
func ours() asking {
	return asking{"Muara", func(s *simulation) bool {
		more, err := s.w.pollOnce(s.t.Context(), s.slot())
		require.NoError(s.t, err)
		return more
	}}
}

// ring asks about one open order after the other, in a circle.
func ring() asking {
	at := int64(0)
	return asking{"round robin", func(s *simulation) bool {
		ids := s.openIDs()
		i, _ := slices.BinarySearch(ids, at+1)
		at = ids[i%len(ids)]
		s.askAbout(at)
		return true
	}}
}

// longest asks about the order that has not been asked about for longest; buying it
// counts as asking.
func longest() asking {
	last := map[int64]time.Time{}
	return asking{"longest unasked", func(s *simulation) bool {
		ids := s.openIDs()
		for _, id := range ids {
			if last[id].IsZero() {
				last[id] = s.open[id]
			}
		}
		id := slices.MinFunc(ids, func(a, b int64) int { return last[a].Compare(last[b]) })
		last[id] = s.clock()
		s.askAbout(id)
		return true
	}}
}

// byDue asks about the order that is due for longest, as upstreams with bulk answers do.
func byDue() asking {
	return asking{"longest due", func(s *simulation) bool {
		due, err := order.TakeDue(s.t.Context(), s.db.Pool, s.w.Client.Name, s.clock(), time.Minute, 1)
		require.NoError(s.t, err)
		if len(due) == 0 {
			return false
		}
		require.NoError(s.t, s.w.ask(s.t.Context(), due[0], s.slot()))
		return true
	}}
}

// clairvoyant knows whose code is there, and asks about the one that lies longest: no
// order of asking can be better.
func clairvoyant() asking {
	return asking{"clairvoyant", func(s *simulation) bool {
		ids := slices.DeleteFunc(s.openIDs(), func(id int64) bool { return s.there[id].After(s.clock()) })
		if len(ids) == 0 {
			return false
		}
		s.askAbout(slices.MinFunc(ids, func(a, b int64) int { return s.there[a].Compare(s.there[b]) }))
		return true
	}}
}

// simulation is one run.
type simulation struct {
	*stage
	w      *Worker
	open   map[int64]time.Time  // order → when it was bought
	comes  map[string]time.Time // upstream's id → when its code is there
	there  map[int64]time.Time  // order → when there is something to be heard of it
	placed int
	rng    *rand.Rand
}

// world is what a run is about: so many numbers open, whose codes come at such ages.
// Each that ends is replaced at once by one that is bought from the same budget; or,
// all at once, they are rented at one moment and replaced when the last has ended.
type world struct {
	open int
	dist ages
	once bool
}

func (w world) String() string {
	if w.once {
		return fmt.Sprintf("%s/%d at once", w.dist.name, w.open)
	}
	return fmt.Sprintf("%s/%d always open", w.dist.name, w.open)
}

// outcome is what a run came to: how long codes lay at the upstream, by order of length.
type outcome struct {
	lay      []time.Duration
	requests int
}

func (o outcome) mean() time.Duration {
	sum := time.Duration(0)
	for _, d := range o.lay {
		sum += d
	}
	return sum / time.Duration(len(o.lay))
}

func (o outcome) p95() time.Duration { return o.lay[len(o.lay)*95/100] }

// simulate runs a world, and measures what comes after the warm-up.
func simulate(t testing.TB, in world, how asking, warm, measured time.Duration) outcome {
	t.Helper()
	chance := rand.New(rand.NewPCG(simSeed, 1)) // the nth number's code comes after the same time in every run
	s := &simulation{open: map[int64]time.Time{}, comes: map[string]time.Time{}, there: map[int64]time.Time{}, rng: rand.New(rand.NewPCG(simSeed, 2))}
	s.stage = newStage(t, func(p emulate.Purchase, _ *rand.Rand) emulate.Outcome {
		age, comes := in.dist.draw(chance)
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
		if in.once && len(s.open) == 0 {
			for range in.open {
				s.rentOne()
			}
		}
		if !in.once && len(s.open) < in.open {
			s.rentOne()
		} else {
			if !how.ask(s) {
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
	s.open[o.ID], s.there[o.ID] = s.clock(), *o.ExpiresAt
	if at, comes := s.comes[o.UpstreamRef]; comes {
		s.there[o.ID] = at
	}
}

func (s *simulation) openIDs() []int64 {
	ids := make([]int64, 0, len(s.open))
	for id := range s.open {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// slot is one of the real budget, which is wide: the simulation keeps the narrow one.
func (s *simulation) slot() *budget.Slot {
	slot, err := s.w.Client.Reserve(s.t.Context(), budget.Poll)
	require.NoError(s.t, err)
	return slot
}

func (s *simulation) askAbout(id int64) {
	s.t.Helper()
	o, err := order.ByID(s.t.Context(), s.db.Bun, id)
	require.NoError(s.t, err)
	require.NoError(s.t, s.w.ask(s.t.Context(), o, s.slot()))
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
		in := world{open: open, dist: uniform(simNever)}
		t.Run(in.String(), func(t *testing.T) {
			t.Parallel()
			mine, theirs := simulate(t, in, ours(), simWarm, simMeasured), simulate(t, in, ring(), simWarm, simMeasured)
			t.Logf("Muara: mean %s, p95 %s, %d codes, %d requests; round robin: mean %s, p95 %s, %d codes, %d requests",
				mine.mean(), mine.p95(), len(mine.lay), mine.requests, theirs.mean(), theirs.p95(), len(theirs.lay), theirs.requests)
			require.InEpsilon(t, theirs.requests, mine.requests, 0.02, "as many requests")
			require.Greater(t, float64(len(mine.lay)), 0.9*float64(len(theirs.lay)), "not by leaving some behind")
			require.Less(t, mine.mean().Seconds(), 0.7*theirs.mean().Seconds(), "codes lie at the upstream for 30 %% less time at least")
			require.Less(t, mine.p95(), theirs.p95())
		})
	}
}

// BenchmarkWhomToAskFirst gives the table of docs/benchmarks.md:
//
//	scripts/servers run -- go test ./worker -run '^$' -bench WhomToAskFirst -benchtime 1x -timeout 30m
func BenchmarkWhomToAskFirst(b *testing.B) {
	var worlds []world
	for _, dist := range []ages{uniform(simNever), realistic(simNever), uniform(0)} {
		worlds = append(worlds, world{open: 20, dist: dist}, world{open: 50, dist: dist})
	}
	worlds = append(worlds, world{open: 20, dist: uniform(0), once: true}, world{open: 50, dist: uniform(0), once: true})
	for _, in := range worlds {
		for _, how := range []func() asking{ring, longest, byDue, ours, clairvoyant} {
			b.Run(in.String()+"/"+how().name, func(b *testing.B) {
				for b.Loop() {
					out := simulate(b, in, how(), simWarm, simLonger)
					b.ReportMetric(out.mean().Seconds(), "mean_s")
					b.ReportMetric(out.p95().Seconds(), "p95_s")
					b.ReportMetric(float64(out.requests), "requests")
					b.ReportMetric(float64(len(out.lay)), "codes")
				}
			})
		}
	}
}
