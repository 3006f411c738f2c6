package emulate

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTheJudgeSeesEveryWindow(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 4, 21, 11, 0, 0, 0, time.UTC)
	at := func(j *judge, ms ...int) (blocked []bool) {
		for _, m := range ms {
			blocked = append(blocked, j.arrive(start.Add(time.Duration(m)*time.Millisecond), "/p"))
		}
		return blocked
	}
	j := &judge{limit: Limit{Requests: 5, Per: 10 * time.Second}}
	at(j, 0, 1, 2, 3, 4, 10_000, 10_001)
	require.Empty(t, j.violations, "arrivals exactly one window apart do not share one")
	at(j, 10_002, 10_003, 10_004)
	require.Empty(t, j.violations)
	at(j, 10_004)
	require.Len(t, j.violations, 1)
	require.Equal(t, 6, j.violations[0].Count)

	j = &judge{limit: Limit{Requests: 2, Per: time.Second, Block: 3 * time.Second}}
	require.Equal(t, []bool{false, false, true, true, false}, at(j, 0, 1, 2, 3001, 5000))
	require.Len(t, j.violations, 1, "one breach shuts the door for its time and no longer")
	require.Equal(t, 2, j.turned)

	j = &judge{}
	require.Equal(t, []bool{false, false}, at(j, 0, 0))
}

func TestTheJudgeAgreesWithCounting(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 4, 21, 11, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		per := 100 * time.Millisecond
		stamps := rapid.SliceOfN(rapid.IntRange(0, 1000), 1, 60).Draw(t, "stamps")
		j := &judge{limit: Limit{Requests: limit, Per: per}}
		for _, ms := range stamps {
			j.arrive(start.Add(time.Duration(ms)*time.Millisecond), "/p")
		}
		slices.Sort(stamps)
		breached := false
		for i := range stamps {
			n := 0
			for _, other := range stamps[i:] {
				if other-stamps[i] < 100 {
					n++
				}
			}
			breached = breached || n > limit
		}
		if breached != (len(j.violations) > 0) {
			t.Fatalf("counting says %v, the judge %v", breached, j.violations)
		}
	})
}
