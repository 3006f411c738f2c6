package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/testdb"
)

func TestHowASourceDoes(t *testing.T) {
	t.Parallel()
	now := at("12:00:00")
	for name, c := range map[string]struct {
		seen Condition
		why  string
	}{
		"nothing is known":       {Condition{}, ""},
		"too little is known":    {Condition{Bad: 4, Calls: 4, Seconds: 400}, ""},
		"it does well":           {Condition{Good: 70, Bad: 30, Calls: 100, Seconds: 1500}, ""},
		"many purchases fail":    {Condition{Good: 69, Bad: 31}, "many purchases fail"},
		"it is slow":             {Condition{Good: 100, Calls: 100, Seconds: 1501}, "answers are slow"},
		"all of it long ago":     {Condition{Bad: 40, At: now.Add(-31 * time.Minute)}, ""},
		"not quite so long ago":  {Condition{Bad: 40, At: now.Add(-30 * time.Minute)}, "many purchases fail"},
		"seen by a faster clock": {Condition{Bad: 5, At: now.Add(time.Hour)}, "many purchases fail"},
	} {
		require.Equal(t, c.why, c.seen.Ailing(now), name)
	}
}

func TestObservationsAddUpAndFade(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t).Pool
	now := at("12:00:00")
	require.NoError(t, EnsureUpstreams(t.Context(), pool, []Source{{Name: "a", Driver: "rqid", Mode: Live}}, now))
	see := func(at time.Time, o Observed) Condition {
		require.NoError(t, Observe(t.Context(), pool, "a", o, at))
		all, err := Upstreams(t.Context(), pool)
		require.NoError(t, err)
		return all[0].Condition
	}
	c := see(now, Observed{Good: 6, Bad: 2, Calls: 8, Took: 4 * time.Second})
	require.Equal(t, Condition{Good: 6, Bad: 2, Calls: 8, Seconds: 4, At: now}, Condition{c.Good, c.Bad, c.Calls, c.Seconds, c.At.UTC()})
	rate, ok := c.Rate(now)
	require.True(t, ok)
	require.InDelta(t, 0.75, rate, 1e-9)
	mean, ok := c.Latency(now)
	require.True(t, ok)
	require.Equal(t, 500*time.Millisecond, mean)
	c = see(now.Add(halfLife), Observed{Bad: 4})
	require.InDelta(t, 3, c.Good, 1e-9)
	require.InDelta(t, 5, c.Bad, 1e-9)
	require.InDelta(t, 4, c.Calls, 1e-9)
	c = see(now, Observed{Good: 1}) // another process whose clock is behind
	require.InDelta(t, 4, c.Good, 1e-9)
	require.Equal(t, now.Add(halfLife), c.At.UTC())
	require.NoError(t, Observe(t.Context(), pool, "nobody", Observed{Good: 1}, now))
}

func TestAilingSourcesAreChosenLast(t *testing.T) {
	t.Parallel()
	health := map[string]Upstream{"a": {Name: "a"}, "b": {Name: "b"}, "ill": {Name: "ill", ailing: true}, "paused": {Name: "paused", Paused: true}}
	ill := from("ill", open(1, 10))
	for name, tc := range map[string]struct {
		policy  Policy
		offers  []offer
		maxCost int64
		want    int64
	}{
		"a dearer one does well":               {ByPrice, []offer{ill, open(2, 20)}, 0, 2},
		"whatever the priority":                {ByPriority, []offer{ill, open(2, 20)}, 0, 2},
		"whatever the weight":                  {ByWeight, []offer{ill, open(2, 20)}, 0, 2},
		"nothing else":                         {ByPrice, []offer{ill}, 0, 1},
		"nothing else is to be had":            {ByPrice, []offer{ill, from("paused", open(2, 20))}, 0, 1},
		"all others are above the bound":       {ByPrice, []offer{ill, open(2, 20)}, 19, 1},
		"of those that do, as the policy says": {ByPrice, []offer{from("ill", open(3, 12)), ill}, 0, 1},
	} {
		p := &Product{Category: order.PPOB, policy: tc.policy, offers: tc.offers}
		c := choice{rules: testRules(), health: health, now: at("12:00:00"), random: func(n int64) int64 { return n - 1 }, maxCost: tc.maxCost}
		r, err := c.route(p)
		require.NoError(t, err, name)
		require.Equal(t, tc.want, r.OfferID, name)
	}
}

func TestNoRouteIsAboveItsBoundOrBlockedOrWorseThanItMustBe(t *testing.T) {
	t.Parallel()
	now := at("12:00:00")
	health := map[string]Upstream{
		"a": {Name: "a"}, "b": {Name: "b"}, "ill": {Name: "ill", ailing: true}, "paused": {Name: "paused", Paused: true},
		"broken": {Name: "broken", BreakerUntil: pt(now.Add(time.Minute))}, "poor": {Name: "poor", Balance: p64(50)}, "illpoor": {Name: "illpoor", Balance: p64(50), ailing: true},
	}
	names := []string{"a", "b", "ill", "paused", "broken", "poor", "illpoor", "unknown"}
	rapid.Check(t, func(t *rapid.T) {
		p := &Product{Category: order.PPOB, policy: rapid.SampledFrom(Policies()).Draw(t, "policy")}
		for i := range rapid.IntRange(1, 8).Draw(t, "offers") {
			o := from(rapid.SampledFrom(names).Draw(t, "source"), open(int64(i+1), rapid.Int64Range(1, 100).Draw(t, "cost")))
			o.priority, o.weight = rapid.IntRange(0, 3).Draw(t, "priority"), rapid.IntRange(1, 3).Draw(t, "weight")
			if rapid.Bool().Draw(t, "jumps") {
				o.pending = p64(rapid.Int64Range(1, 150).Draw(t, "pending"))
			}
			p.offers = append(p.offers, o)
		}
		r := &rules{pricing: testRules().pricing, rounding: Rounding{Floor: rapid.Int64Range(0, 20).Draw(t, "floor")}, loc: wib()}
		p = r.derive(p, now)
		snapshot := &Snapshot{rules: r}
		price := p.prices[rapid.IntRange(0, 1).Draw(t, "tier")]
		bound := min(snapshot.MaxCost(p, price), max(rapid.Int64Range(1, 120).Draw(t, "max price")-r.rounding.Floor, 1))
		tried := int64(rapid.IntRange(0, 3).Draw(t, "tried"))
		c := choice{rules: r, health: health, now: now, maxCost: bound, exclude: []int64{tried}, random: func(n int64) int64 { return rapid.Int64Range(0, n-1).Draw(t, "random") }}
		route, err := c.route(p)
		usable := func(o *offer, ailing bool) bool {
			u, known := health[o.upstream]
			is, _ := u.blocked(o.spend(), now)
			return known && !is && u.ailing == ailing && o.id != tried && o.spend() <= bound && !r.tooDear(p, o)
		}
		best := func(ailing bool) (found []*offer) {
			for i := range p.offers {
				if o := &p.offers[i]; usable(o, ailing) {
					found = append(found, o)
				}
			}
			return found
		}
		may := best(false)
		if len(may) == 0 {
			may = best(true)
		}
		if len(may) == 0 {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.LessOrEqual(t, route.Cost, bound)
		if bound > 1 {
			require.GreaterOrEqual(t, price-route.Cost, r.rounding.Floor, "the margin's floor")
		}
		ok := false
		for _, o := range may {
			ok = ok || o.id == route.OfferID
			if p.policy == ByPrice {
				require.LessOrEqual(t, route.Cost, o.spend())
			}
		}
		require.True(t, ok, "%+v of %+v", route, p.offers)
	})
}
