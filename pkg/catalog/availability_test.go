package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
)

// wib is western Indonesian time without the zone database.
func wib() *time.Location { return time.FixedZone("WIB", 7*3600) }

func at(clock string) time.Time {
	c, err := time.ParseInLocation("2006-01-02 15:04:05", "2026-11-21 "+clock, wib())
	if err != nil {
		panic(err)
	}
	return c.UTC()
}

func minutes(from, to int16) window { return newWindow(&from, &to) }

func TestACutOffMayCrossMidnight(t *testing.T) {
	t.Parallel()
	night, noon, always := minutes(23*60, 60), minutes(11*60+30, 12*60), minutes(0, 0)
	for _, tc := range []struct {
		w      window
		clock  string
		closed bool
		change time.Time
	}{
		{night, "22:59:59", false, at("23:00:00")},
		{night, "23:00:00", true, at("01:00:00").AddDate(0, 0, 1)},
		{night, "23:59:59", true, at("01:00:00").AddDate(0, 0, 1)},
		{night, "00:00:00", true, at("01:00:00")},
		{night, "00:59:59", true, at("01:00:00")},
		{night, "01:00:00", false, at("23:00:00")},
		{noon, "11:29:59", false, at("11:30:00")},
		{noon, "11:30:00", true, at("12:00:00")},
		{noon, "12:00:00", false, at("11:30:00").AddDate(0, 0, 1)},
		{always, "13:00:00", true, at("00:00:00").AddDate(0, 0, 1)},
	} {
		closed, change := tc.w.closed(at(tc.clock), wib())
		require.Equal(t, tc.closed, closed, tc.clock)
		require.Equal(t, tc.change, change.UTC(), tc.clock)
	}
	require.False(t, newWindow(nil, nil).set)
}

func TestACutOffChangesExactlyWhenItSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := minutes(int16(rapid.IntRange(0, 1439).Draw(t, "from")), int16(rapid.IntRange(0, 1439).Draw(t, "to")))
		now := at("00:00:00").Add(time.Duration(rapid.Int64Range(0, 86_399_999).Draw(t, "ms")) * time.Millisecond)
		in, change := w.closed(now, wib())
		require.True(t, change.After(now))
		require.LessOrEqual(t, change.Sub(now), 24*time.Hour)
		before, _ := w.closed(change.Add(-time.Millisecond), wib())
		after, _ := w.closed(change, wib())
		require.Equal(t, in, before)
		if w.from != w.to {
			require.Equal(t, !in, after)
		}
	})
}

func p64(n int64) *int64        { return &n }
func pt(t time.Time) *time.Time { return &t }
func open(id, cost int64) offer {
	return offer{id: id, upstream: "a", cost: cost, available: true, unlimited: true, weight: 1}
}
func from(up string, o offer) offer { o.upstream = up; return o }

func testRules() *rules {
	return &rules{
		pricing: &pricing{tiers: []int{1, 2}, markups: map[int]map[markupKey]Markup{1: {{"category", "ppob"}: {1000, 0}}, 2: {{"category", "ppob"}: {500, 0}}}},
		loc:     wib(), paused: map[string]bool{"paused": true},
	}
}

func TestAProductTellsWhyItCannotBeOrdered(t *testing.T) {
	t.Parallel()
	now := at("12:00:00")
	with := func(change func(*offer)) offer {
		o := open(1, 1000)
		change(&o)
		return o
	}
	closed := with(func(o *offer) { o.closed = true })
	empty := with(func(o *offer) { o.available, o.reason = false, OutOfStock })
	flagged := with(func(o *offer) { o.flaggedUntil = pt(now.Add(time.Minute)) })
	cut := with(func(o *offer) { o.cut = minutes(11*60, 13*60) })
	for name, tc := range map[string]struct {
		product Product
		offers  []offer
		reason  Reason
		until   *time.Time
	}{
		"open":                            {offers: []offer{open(1, 1000)}},
		"without offers":                  {reason: Closed},
		"vanished":                        {offers: []offer{with(func(o *offer) { o.vanished = true })}, reason: Closed},
		"closed by an operator":           {offers: []offer{closed}, reason: Closed},
		"not available, no word why":      {offers: []offer{with(func(o *offer) { o.available = false })}, reason: Closed},
		"empty":                           {offers: []offer{empty}, reason: OutOfStock},
		"disturbed":                       {offers: []offer{with(func(o *offer) { o.available, o.reason = false, Trouble })}, reason: Trouble},
		"flagged":                         {offers: []offer{flagged}, reason: Trouble, until: pt(now.Add(time.Minute))},
		"flag has ended":                  {offers: []offer{with(func(o *offer) { o.flaggedUntil = pt(now) })}},
		"cut off":                         {offers: []offer{cut}, reason: CutOff, until: pt(at("13:00:00"))},
		"cut off and closed":              {offers: []offer{with(func(o *offer) { o.cut, o.closed = minutes(11*60, 13*60), true })}, reason: Closed},
		"one of two is open":              {offers: []offer{empty, from("b", open(2, 1))}},
		"the most hopeful reason":         {offers: []offer{closed, empty, flagged}, reason: Trouble, until: pt(now.Add(time.Minute))},
		"cut off is the most hopeful":     {offers: []offer{cut, flagged}, reason: CutOff, until: pt(at("13:00:00"))},
		"the earliest of the same reason": {offers: []offer{with(func(o *offer) { o.flaggedUntil = pt(now.Add(time.Hour)) }), flagged}, reason: Trouble, until: pt(now.Add(time.Minute))},
		"its source paused":               {offers: []offer{from("paused", open(1, 1000))}, reason: Paused},
		"paused or empty":                 {offers: []offer{from("paused", open(1, 1000)), empty}, reason: Paused},
		"the product closed":              {product: Product{closed: true}, offers: []offer{open(1, 1000)}, reason: Closed},
		"the product cut off":             {product: Product{cut: minutes(23*60, 13*60)}, offers: []offer{open(1, 1000)}, reason: CutOff, until: pt(at("13:00:00"))},
		"the product not cut off":         {product: Product{cut: minutes(13*60, 11*60)}, offers: []offer{open(1, 1000)}},
		"otp without numbers":             {product: Product{Category: order.OTP}, offers: []offer{with(func(o *offer) { o.unlimited = false })}, reason: OutOfStock},
		"a jump above the lowest price":   {offers: []offer{with(func(o *offer) { o.pending = p64(1051) })}, reason: Closed},
		"a jump below the lowest price":   {offers: []offer{with(func(o *offer) { o.pending = p64(1050) })}},
		"a fall":                          {offers: []offer{with(func(o *offer) { o.pending = p64(10) })}},
		"a jump of a postpaid fee":        {product: Product{Type: Postpaid}, offers: []offer{with(func(o *offer) { o.pending = p64(9000) })}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tc.product
			p.offers = tc.offers
			if p.Category == "" {
				p.Category = order.PPOB
			}
			d := testRules().derive(&p, now)
			require.Equal(t, tc.reason, d.Reason)
			require.Equal(t, tc.reason == "", d.Available)
			if tc.until == nil {
				require.Nil(t, d.Until)
			} else {
				require.True(t, tc.until.Equal(*d.Until), d.Until)
			}
			if !d.next.IsZero() {
				require.True(t, d.next.After(now))
			}
		})
	}
}

func TestAPriceIsThatOfTheOfferAnOrderWouldGoTo(t *testing.T) {
	t.Parallel()
	now := at("12:00:00")
	flagged := open(1, 500)
	flagged.flaggedUntil = pt(now.Add(time.Hour))
	gone, doubtful := open(4, 10), open(5, 900)
	gone.vanished = true
	doubtful.pending = p64(5000)
	first, second := open(6, 2000), open(7, 1000)
	first.priority, second.priority = 1, 2
	for name, tc := range map[string]struct {
		policy Policy
		offers []offer
		cost   int64
	}{
		"the cheapest":                     {ByPrice, []offer{open(1, 1000), open(2, 990)}, 990},
		"a cheaper one is flagged":         {ByPrice, []offer{flagged, open(2, 990)}, 990},
		"all are flagged":                  {ByPrice, []offer{flagged, gone}, 500},
		"all have vanished":                {ByPrice, []offer{gone}, 10},
		"a cheaper one is doubtful":        {ByPrice, []offer{doubtful, open(2, 990)}, 990},
		"only a doubtful one":              {ByPrice, []offer{doubtful, flagged}, 900},
		"a cheaper one's source is paused": {ByPrice, []offer{from("paused", open(1, 5)), open(2, 990)}, 990},
		"all sources are paused":           {ByPrice, []offer{from("paused", open(1, 5)), flagged}, 5},
		"by priority":                      {ByPriority, []offer{second, first}, 2000},
		"by weight with the dearest":       {ByWeight, []offer{open(1, 1000), open(2, 990)}, 1000},
		"no offer":                         {ByPrice, nil, 0},
	} {
		p := Product{Category: order.PPOB, policy: tc.policy, offers: tc.offers}
		d := testRules().derive(&p, now)
		require.Equal(t, tc.cost, d.Cost, name)
		require.Equal(t, []int64{PriceOf(tc.cost, Markup{1000, 0}, Rounding{}), PriceOf(tc.cost, Markup{500, 0}, Rounding{})}, d.prices, name)
	}
}

func TestRouting(t *testing.T) {
	t.Parallel()
	now := at("12:00:00")
	health := map[string]Upstream{
		"a": {Name: "a"}, "b": {Name: "b"}, "paused": {Name: "paused", Paused: true},
		"broken": {Name: "broken", BreakerUntil: pt(now.Add(time.Minute))}, "mended": {Name: "mended", BreakerUntil: pt(now)},
		"poor": {Name: "poor", Balance: p64(999)}, "rich": {Name: "rich", Balance: p64(1000)},
	}
	empty := open(9, 1)
	empty.available, empty.reason = false, OutOfStock
	jumped := open(8, 900)
	jumped.pending = p64(1400)
	urgent := open(2, 3000)
	urgent.priority = -1
	for name, tc := range map[string]struct {
		policy  Policy
		offers  []offer
		maxCost int64
		exclude []int64
		closed  bool
		offer   int64
		kind    fault.Kind
		reason  Reason
		after   time.Duration
	}{
		"the cheapest":                     {offers: []offer{open(1, 1000), open(2, 900), open(3, 900)}, offer: 2},
		"not the excluded":                 {offers: []offer{open(1, 1000), open(2, 900)}, exclude: []int64{2}, offer: 1},
		"all excluded":                     {offers: []offer{open(1, 1000)}, exclude: []int64{1}, kind: fault.Unavailable, reason: Closed},
		"within the bound":                 {offers: []offer{open(1, 1000)}, maxCost: 1000, offer: 1},
		"above the bound":                  {offers: []offer{open(1, 1001)}, maxCost: 1000, kind: fault.Unavailable, reason: Closed},
		"a jump counts for the bound":      {offers: []offer{jumped, open(1, 1000)}, maxCost: 1200, offer: 1},
		"a jump counts for the choice":     {offers: []offer{jumped, open(1, 1000)}, offer: 1},
		"a jump within the bound":          {offers: []offer{jumped}, maxCost: 1400, offer: 8},
		"by priority":                      {policy: ByPriority, offers: []offer{open(1, 10), urgent}, offer: 2},
		"by weight":                        {policy: ByWeight, offers: []offer{open(1, 10), open(2, 20)}, offer: 2},
		"empty":                            {offers: []offer{empty}, kind: fault.Unavailable, reason: OutOfStock},
		"the product closed":               {offers: []offer{open(1, 1)}, closed: true, kind: fault.Unavailable, reason: Closed},
		"a healthy one beside blocked":     {offers: []offer{from("paused", open(1, 1)), from("broken", open(2, 2)), from("poor", open(3, 1000)), from("b", open(4, 2000))}, offer: 4},
		"paused":                           {offers: []offer{from("paused", open(1, 1)), empty}, kind: fault.Upstream, after: blockedRetry},
		"behind a breaker":                 {offers: []offer{from("broken", open(1, 1)), from("paused", open(2, 1))}, kind: fault.Upstream, after: time.Minute},
		"a breaker that has closed":        {offers: []offer{from("mended", open(1, 1))}, offer: 1},
		"without float":                    {offers: []offer{from("poor", open(1, 1000))}, kind: fault.Upstream, after: blockedRetry},
		"with just enough float":           {offers: []offer{from("rich", open(1, 1000))}, offer: 1},
		"a source nobody knows":            {offers: []offer{from("unknown", open(1, 1000))}, kind: fault.Upstream, after: blockedRetry},
		"a blocked one is too dear anyway": {offers: []offer{from("paused", open(1, 1000))}, maxCost: 10, kind: fault.Unavailable, reason: Closed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := tc.policy
			if policy == "" {
				policy = ByPrice
			}
			p := &Product{Category: order.PPOB, policy: policy, offers: tc.offers, closed: tc.closed}
			c := choice{rules: testRules(), health: health, now: now, random: func(n int64) int64 { return n - 1 }, maxCost: tc.maxCost, exclude: tc.exclude}
			r, err := c.route(p)
			if tc.offer != 0 {
				require.NoError(t, err)
				require.Equal(t, tc.offer, r.OfferID)
				return
			}
			require.Equal(t, order.Route{}, r)
			require.Equal(t, tc.kind, fault.KindOf(err))
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.Equal(t, tc.after, f.RetryAfter)
			if tc.kind == fault.Unavailable {
				require.Equal(t, string(tc.reason), f.Details[0].Reason)
				require.NotEmpty(t, f.Details[0].Message)
			}
		})
	}
}

func TestWeightsShareOrders(t *testing.T) {
	t.Parallel()
	a, b := open(1, 10), open(2, 20)
	a.weight, b.weight = 3, 1
	p := &Product{Category: order.PPOB, policy: ByWeight, offers: []offer{a, b}}
	got := map[int64]int{}
	for i := range int64(8) {
		c := choice{rules: testRules(), health: map[string]Upstream{"a": {}}, now: at("12:00:00"), random: func(n int64) int64 { return i % n }}
		r, err := c.route(p)
		require.NoError(t, err)
		got[r.OfferID]++
	}
	require.Equal(t, map[int64]int{1: 6, 2: 2}, got)
}

func TestEveryReasonHasWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range []Reason{Closed, OutOfStock, Trouble, CutOff, Paused} {
		require.False(t, seen[message(r)])
		seen[message(r)] = true
	}
}
