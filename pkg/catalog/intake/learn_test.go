package intake_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

var unbounded = catalog.PriceRate{Questions: 1000, Per: time.Second} //nolint:gochecknoglobals // a constant that Go cannot write as one

// asked puts a question about an offer of alpha's or beta's down, later than any before it, and takes it.
func (d *desk) asked(name, code string) *catalog.PriceQuestion {
	d.t.Helper()
	d.clock.pass(catalog.PriceFresh)
	offer := d.one(`SELECT id FROM offers WHERE upstream = $1 AND code = $2`, name, code)
	n, ok, err := catalog.AskPrice(context.Background(), d.pool, catalog.OfferRef{ID: offer, Upstream: name}, unbounded, time.Second, d.clock.now())
	require.NoError(d.t, err)
	require.True(d.t, ok)
	q, err := catalog.TakePrice(context.Background(), d.pool, offer, n, name, catalog.Live, d.clock.now())
	require.NoError(d.t, err)
	return q
}

// learnt is what an offer is like after its source was asked and said a price.
func (d *desk) learnt(name, code string, said upstream.Price) string {
	d.t.Helper()
	require.NoError(d.t, d.im.Learn(context.Background(), name, d.asked(name, code), &said))
	return d.offer(name, code)
}

func (d *desk) offer(name, code string) (s string) {
	d.t.Helper()
	require.NoError(d.t, d.pool.QueryRow(context.Background(), `SELECT concat_ws(' ', cost, 'pending ' || pending_cost, CASE WHEN available THEN 'open' END, nullif(reason, ''),
		CASE WHEN unlimited THEN 'endless' ELSE stock::text END, CASE WHEN vanished_at IS NOT NULL THEN 'vanished' END)
		FROM offers WHERE upstream = $1 AND code = $2`, name, code).Scan(&s))
	return s
}

func TestOnePriceIsLearntByTheRulesOfAList(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.imported("alpha", "p", []upstream.Offer{game("ML10", "Mobile Legends 10 Diamond", 2000), game("ML50", "Mobile Legends 50 Diamond", 9000)})
	version := func() int64 { return d.one(`SELECT version FROM catalog_version`) }
	history := func() int64 {
		return d.one(`SELECT coalesce(sum(cost - old_cost), 0)::bigint FROM price_history WHERE cause = 'check'`)
	}
	other := d.offer("alpha", "ML50")
	before := version()
	require.Equal(t, "2000 open endless", d.learnt("alpha", "ML10", upstream.Price{Cost: 2000, Available: true}))
	require.Equal(t, before, version(), "what is as it was makes no new version")
	require.Equal(t, "2100 open endless", d.learnt("alpha", "ML10", upstream.Price{Cost: 2100, Available: true}))
	require.Equal(t, before+1, version())
	require.EqualValues(t, 100, history())
	require.EqualValues(t, 1, d.one(`SELECT count(*) FROM products WHERE version = $1`, before+1), "of one product")

	require.Equal(t, "2100 pending 3200 open endless", d.learnt("alpha", "ML10", upstream.Price{Cost: 3200, Available: true}), "a jump waits for an operator")
	since := d.one(`SELECT extract(epoch FROM pending_at)::bigint FROM offers WHERE code = 'ML10'`)
	require.Equal(t, "2100 pending 3200 open endless", d.learnt("alpha", "ML10", upstream.Price{Cost: 3200, Available: true}))
	require.Equal(t, since, d.one(`SELECT extract(epoch FROM pending_at)::bigint FROM offers WHERE code = 'ML10'`))
	require.Equal(t, before+2, version())
	require.Equal(t, "2100 pending 3200 trouble endless", d.learnt("alpha", "ML10", upstream.Price{Reason: "trouble"}), "it named no price")
	require.Equal(t, "2050 open endless", d.learnt("alpha", "ML10", upstream.Price{Cost: 2050, Available: true}), "it fell back")
	require.Equal(t, "2050 closed endless", d.learnt("alpha", "ML10", upstream.Price{Cost: 2050, Reason: "odd words"}))
	require.Equal(t, "2050 out_of_stock 0", d.learnt("alpha", "ML10", upstream.Price{Cost: 2050, Reason: "out_of_stock", Stock: &upstream.Stock{Count: -1}}))
	require.Equal(t, "1500 open endless", d.learnt("alpha", "ML10", upstream.Price{Cost: 1500, Available: true, Stock: &upstream.Stock{Unlimited: true}}))
	require.EqualValues(t, -500, history())
	require.Equal(t, other, d.offer("alpha", "ML50"))

	// The list agrees: nothing that it compares was touched but what was learnt.
	d.clock.pass(time.Minute)
	diff := d.imported("alpha", "p", []upstream.Offer{game("ML10", "Mobile Legends 10 Diamond", 1500), game("ML50", "Mobile Legends 50 Diamond", 9000)})
	require.Equal(t, 2, diff.Unchanged)
}

// What is learnt of one offer is what a list would have brought: beside an offer whose source is asked, its twin of another
// source is listed with the same words.
func TestLearningIsLikeReadingAList(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	twin := game("B", "Mobile Legends 10 Diamond", 10_000)
	d.imported("alpha", "p", []upstream.Offer{game("A", "Mobile Legends 10 Diamond", 10_000)})
	d.imported("beta", "p", []upstream.Offer{twin})
	rapid.Check(t, func(rt *rapid.T) {
		near := d.one(`SELECT coalesce(pending_cost, cost) FROM offers WHERE code = 'A'`)
		said := upstream.Price{
			Cost:      rapid.OneOf(rapid.Just(near), rapid.Int64Range(max(near/2, 1), near*2+1), rapid.Int64Range(1, 1_000_000)).Draw(rt, "cost"),
			Available: rapid.Bool().Draw(rt, "available"),
			Stock:     &upstream.Stock{Count: rapid.Int64Range(-5, 5).Draw(rt, "stock"), Unlimited: rapid.Bool().Draw(rt, "unlimited")},
		}
		if !said.Available {
			said.Reason = rapid.SampledFrom([]string{"closed", "out_of_stock", "trouble", "cut_off", "odd", ""}).Draw(rt, "reason")
		}
		twin.Cost, twin.Available, twin.Reason, twin.Stock, twin.Unlimited = said.Cost, said.Available, said.Reason, said.Stock.Count, said.Stock.Unlimited
		d.imported("beta", "p", []upstream.Offer{twin})
		require.Equal(rt, d.offer("beta", "B"), d.learnt("alpha", "A", said))
		const history = `SELECT count(*) + coalesce(sum(h.cost - coalesce(h.old_cost, 0)), 0)::bigint FROM price_history h JOIN offers o ON o.id = h.offer_id WHERE o.code = $1`
		require.Equal(rt, d.one(history, "B"), d.one(history, "A"))
	})
}

func TestWhatIsNoPriceIsNotLearnt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.imported("alpha", "p", []upstream.Offer{game("ML10", "Mobile Legends 10 Diamond", 2000)})
	version := d.one(`SELECT version FROM catalog_version`)
	for _, cost := range []int64{-1, 0, catalog.MaxCost + 1, math.MaxInt64, math.MinInt64} {
		require.Error(t, d.im.Learn(t.Context(), "alpha", d.asked("alpha", "ML10"), &upstream.Price{Cost: cost, Available: true}))
	}
	require.Equal(t, "2000 open endless", d.offer("alpha", "ML10"))
	require.Equal(t, version, d.one(`SELECT version FROM catalog_version`))
	require.Zero(t, d.one(`SELECT count(*) FROM price_checks WHERE said_at IS NOT NULL`), "nothing was learnt by it")
	require.Equal(t, "2000 pending 1000000000000 open endless", d.learnt("alpha", "ML10", upstream.Price{Cost: catalog.MaxCost, Available: true}))

	bill := game("PLN", "PLN Pascabayar 1", 0)
	bill.Type = "postpaid"
	d.imported("alpha", "bills", []upstream.Offer{bill})
	require.Equal(t, "500 open endless", d.learnt("alpha", "PLN", upstream.Price{Cost: 500, Available: true}))
	require.Equal(t, "500 pending 0 open endless", d.learnt("alpha", "PLN", upstream.Price{Available: true}), "paying a bill may cost nothing on top")
}

func TestWhatIsNewerThanAPriceStays(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := []upstream.Offer{game("ML10", "Mobile Legends 10 Diamond", 2000)}
	d.imported("alpha", "p", list)
	said := &upstream.Price{Cost: 2500, Available: true}

	old := d.asked("alpha", "ML10")
	later := d.asked("alpha", "ML10")
	require.ErrorIs(t, d.im.Learn(t.Context(), "alpha", old, said), catalog.ErrMovedOn, "another was asked since")
	require.Equal(t, "2000 open endless", d.offer("alpha", "ML10"), "and nothing half of it is written")
	require.NoError(t, d.im.Learn(t.Context(), "alpha", later, said))
	require.Equal(t, "2500 open endless", d.offer("alpha", "ML10"))

	q := d.asked("alpha", "ML10")
	_, err := d.pool.Exec(t.Context(), `UPDATE catalog_scopes SET last_done_at = $1`, q.AskedAt.Add(time.Millisecond))
	require.NoError(t, err)
	require.ErrorIs(t, d.im.Learn(t.Context(), "alpha", q, &upstream.Price{Cost: 2600, Available: true}), catalog.ErrMovedOn, "the list was read since")

	q = d.asked("alpha", "ML10")
	d.imported("alpha", "p", nil)
	require.ErrorIs(t, d.im.Learn(t.Context(), "alpha", q, &upstream.Price{Cost: 2600, Available: true}), catalog.ErrMovedOn, "only a list brings back what a list closed")
	require.Equal(t, "2500 open endless vanished", d.offer("alpha", "ML10"))
	require.ErrorIs(t, d.im.Learn(t.Context(), "beta", q, said), catalog.ErrMovedOn, "it is another's")
}

func TestNumbersThatASourceHasAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.imported("beta", "services", nil, upstream.Service{Code: "7", Name: "Telegram"})
	none := number("7:1:1", "7", "id", "Indonesia", 1, 1000)
	none.Stock, none.Available, none.Reason = 0, false, "out_of_stock"
	d.imported("beta", "countries:7", []upstream.Offer{none})
	require.Equal(t, "1000 open 1", d.learnt("beta", "7:1:1", upstream.Price{Cost: 1000, Available: true}), "there is one at least")
	require.Equal(t, "1000 open 7", d.learnt("beta", "7:1:1", upstream.Price{Cost: 1000, Available: true, Stock: &upstream.Stock{Count: 7}}))
	require.Equal(t, "1000 open 7", d.learnt("beta", "7:1:1", upstream.Price{Cost: 1000, Available: true}))
}

func TestCutOffTimesThatAreListedEndByThemselves(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	with := game("ML10", "Mobile Legends 10 Diamond", 2000)
	from, to := 23*60, 60
	with.CutFrom, with.CutTo = &from, &to
	d.imported("alpha", "p", []upstream.Offer{with, game("ML50", "Mobile Legends 50 Diamond", 9000)})
	require.Equal(t, "2000 open endless", d.learnt("alpha", "ML10", upstream.Price{Cost: 2000, Reason: "cut_off"}))
	require.Equal(t, "9000 cut_off endless", d.learnt("alpha", "ML50", upstream.Price{Cost: 9000, Reason: "cut_off"}))
}
