package arrival

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const forever = 1000 * time.Hour

// anyCurve draws rates that may occur.
func anyCurve(t *rapid.T) *Curve {
	c := new(Curve)
	for i := range c {
		c[i] = max(rapid.Float64Range(0, .5).Draw(t, "rate"), least)
	}
	return c
}

func anyAges(t *rapid.T) (from, to time.Duration) {
	from = time.Duration(rapid.Int64Range(0, int64(30*time.Minute)).Draw(t, "from"))
	return from, from + time.Duration(rapid.Int64Range(0, int64(30*time.Minute)).Draw(t, "more"))
}

func TestWaitingGrowsWhileNobodyLooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurve(t)
		from, to := anyAges(t)
		later := to + time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "later"))
		end := time.Duration(rapid.Int64Range(int64(from), int64(2*time.Hour)).Draw(t, "end"))
		a, b := c.Waiting(from, to, end), c.Waiting(from, later, end)
		require.GreaterOrEqual(t, a, time.Duration(0))
		require.LessOrEqual(t, a, to-from, "nothing waits for longer than nobody has looked")
		require.GreaterOrEqual(t, b, a)
		require.LessOrEqual(t, c.Waiting(from, to, end), c.Waiting(from, to, forever)+time.Microsecond, "what ends brings less")
		if end > from {
			require.Greater(t, c.Waiting(from, from+24*time.Hour, end), c.Waiting(from, from+time.Hour, end), "without bound, so that none starves")
		}
	})
}

func TestWaitingIsTheIntegralOfTheChance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurve(t)
		from, to := anyAges(t)
		end := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "end"))
		const steps = 20_000
		sum, d := 0.0, (to-from).Seconds()/steps
		for i := range steps {
			u := from.Seconds() + (float64(i)+.5)*d
			sum += d * -math.Expm1(-c.due(from.Seconds(), min(u, max(end.Seconds(), from.Seconds()))))
		}
		require.InDelta(t, sum, c.Waiting(from, to, end).Seconds(), .01+.001*sum)
	})
}

func TestALookIsCountedWhole(t *testing.T) {
	t.Parallel()
	sum := func(of [buckets]float64) (total float64) {
		for _, v := range of {
			total += v
		}
		return total
	}
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurve(t)
		from, to := anyAges(t)
		to += time.Second
		var vain, found Seen
		vain.Look(from, to, false, c)
		require.Zero(t, sum(vain.News))
		require.InDelta(t, (to - from).Seconds(), sum(vain.Seconds), 1e-6)
		found.Look(from, to, true, c)
		require.InDelta(t, 1, sum(found.News), 1e-6)
		require.LessOrEqual(t, sum(found.Seconds), sum(vain.Seconds)+1e-6, "it was watched until the news came, and no longer")
		for i := range buckets {
			require.GreaterOrEqual(t, found.Seconds[i], 0.0)
			require.LessOrEqual(t, found.Seconds[i], vain.Seconds[i]+1e-6)
		}
	})
}

// TestWhatIsSeenIsLearned looks at numbers of a known distribution, rarely and at any
// age, and finds it again: also that three in ten never get a code.
func TestWhatIsSeenIsLearned(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 4))
	curve, seen := guess("otp"), new(Seen)
	for n := range 4000 {
		comes := math.Inf(1)
		if rng.Float64() > .3 {
			comes = 5 + 115*rng.Float64()
		}
		last := 0.0
		for last < 900 {
			age := min(last+5+60*rng.Float64(), 900)
			came := comes <= age
			seen.Look(seconds(last), seconds(age), came, curve)
			if came {
				break
			}
			last = age
		}
		if n%50 == 0 {
			curve = seen.Over(guess("otp"))
		}
	}
	come := func(age float64) float64 { return -math.Expm1(-curve.due(0, age)) }
	for _, age := range []float64{30, 60, 90, 120} {
		require.InDelta(t, .7*(age-5)/115, come(age), .05, "by %g s", age)
	}
	require.InDelta(t, .7, come(900), .05)
	require.Less(t, curve.Waiting(seconds(200), seconds(300), seconds(900)), curve.Waiting(seconds(60), seconds(70), seconds(900)),
		"ten seconds at an age at which codes come are worth more than a hundred at one at which none do")
}

func TestLittleIsBelievedOfLittle(t *testing.T) {
	t.Parallel()
	believed := guess("otp")
	one := new(Seen)
	one.Look(0, seconds(40), true, believed)
	for i, rate := range one.Over(believed) {
		require.InDelta(t, believed[i], rate, .35*believed[i], "bucket %d", i)
	}
	require.Equal(t, *believed, *new(Seen).Over(believed))
	quiet := new(Seen)
	for range 100_000 {
		quiet.Look(seconds(300), seconds(900), false, believed)
	}
	require.InDelta(t, least, quiet.Over(believed)[buckets-2], 1e-9, "and never nothing at all")
}

func TestGuesses(t *testing.T) {
	t.Parallel()
	come := func(category string, age float64) float64 { return -math.Expm1(-guess(category).due(0, age)) }
	require.Less(t, come("otp", 3), .01)
	require.InDelta(t, .68, come("otp", 60), .05)
	require.InDelta(t, .9, come("otp", 900), .05)
	require.Greater(t, come("ppob", 60), .9)
	require.Less(t, come("smm", 600), .3)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
