package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/upstream"
)

func service(code, name, kind string, cost int64) upstream.Offer {
	return upstream.Offer{
		Category: "smm", Code: code, Name: name, Group: name, Kind: kind, Cost: cost, Available: true, Unlimited: true, Min: 10, Max: 1000, Refill: true,
		AverageTime: "5 minutes", Dripfeed: true,
	}
}

func panelServices() []upstream.Offer {
	closed := service("3", "YouTube Views", "Default", 20_000)
	closed.Available, closed.Reason = false, "trouble"
	return []upstream.Offer{
		service("1", "Instagram Followers", "Default", 10_000), service("2", "TikTok Starter", "Package", 50_000), closed,
		service("4", "Instagram Comments", "Custom Comments", 100_000),
	}
}

func TestServicesAreListedWithTheirRates(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "services", panelServices())
	all := data[catalog.SMMServices](t, s.c.SMMServices(catalog.Live, 1, catalog.SMMFilter{}))
	require.Equal(t, 4, all.Count)
	require.Len(t, all.Services, 4)
	one := data[catalog.SMMServices](t, s.c.SMMServices(catalog.Live, 2, catalog.SMMFilter{Search: "igf1"}))
	require.Len(t, one.Services, 1)
	row := one.Services[0]
	require.EqualValues(t, 13_000, row.Rate, "the second tier's, for 1000")
	require.Equal(t, "default", row.Type)
	require.Equal(t, "Followers", row.Category)
	require.EqualValues(t, 10, row.Min)
	require.EqualValues(t, 1000, row.Max)
	require.True(t, row.Refill)
	require.False(t, row.Cancel)
	require.Equal(t, "5 minutes", *row.AverageTime)
	require.Nil(t, row.Description)
	require.Len(t, row.Inputs, 4)
	for filter, want := range map[catalog.SMMFilter]int{
		{Platform: "instagram"}: 2, {Platform: "Tik Tok"}: 1, {Platform: "x"}: 0, {Search: "views"}: 1, {Platform: "instagram", Search: "comments"}: 1,
	} {
		require.Equal(t, want, data[catalog.SMMServices](t, s.c.SMMServices(catalog.Live, 1, filter)).Count, "%+v", filter)
	}
	require.Zero(t, data[catalog.SMMServices](t, s.c.SMMServices(catalog.Test, 1, catalog.SMMFilter{})).Count)
	for _, r := range all.Services {
		if r.Platform == "YouTube" {
			require.False(t, r.Available)
			require.Equal(t, catalog.Trouble, *r.Reason)
		}
	}
	first := s.c.SMMServices(catalog.Live, 1, catalog.SMMFilter{})
	require.Same(t, first, s.c.SMMServices(catalog.Live, 1, catalog.SMMFilter{}), "encoded once")
	require.Equal(t, smm.Service{Kind: smm.Default, Min: 10, Max: 1000, Dripfeed: true}, s.product("IGF1").SMM)
}

func TestARouteCostsWhatTheWholeOrderDoes(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "services", panelServices())
	p := s.product("IGF1")
	snapshot := s.c.Snapshot()
	rate := snapshot.Price(p, 1)
	require.EqualValues(t, 14_000, rate)
	require.EqualValues(t, 14_000-10, snapshot.MaxCostUnits(rate, 1000), "the floor is for 1000")
	require.EqualValues(t, 140, snapshot.MaxCostUnits(rate, 10))
	require.Zero(t, snapshot.MaxCostUnits(1<<62, 1<<62))

	r, err := snapshot.RouteUnits(p, 15, snapshot.MaxCostUnits(rate, 15))
	require.NoError(t, err)
	require.EqualValues(t, 150, r.Cost)
	_, err = snapshot.RouteUnits(p, 15, 149)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))

	// A float that reaches for a small order and not for a large one.
	s.exec(`UPDATE upstreams SET balance = 500, balance_at = now() WHERE name = 'alpha'`)
	s.refresh()
	_, err = s.c.Snapshot().RouteUnits(p, 50, 0)
	require.NoError(t, err)
	_, err = s.c.Snapshot().RouteUnits(p, 51, 0)
	require.Equal(t, fault.Upstream, fault.KindOf(err))
	open, _, _ := s.c.Snapshot().Availability(p)
	require.True(t, open, "the smallest order is 100")
	s.exec(`UPDATE upstreams SET balance = 99 WHERE name = 'alpha'`)
	s.refresh()
	open, reason, _ := s.c.Snapshot().Availability(p)
	require.False(t, open)
	require.Equal(t, catalog.Trouble, reason)

	w := catalog.Router{Pool: s.pool, Now: s.clock}
	s.exec(`UPDATE upstreams SET balance = NULL`)
	r, err = w.Next(t.Context(), p.ID, 15, 150, nil)
	require.NoError(t, err)
	require.EqualValues(t, 150, r.Cost)
}

func TestAnOfferThatItsSourceNoLongerHasIsClosedUntilItIsListed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "services", panelServices())
	r, err := s.c.Snapshot().Route(s.product("IGF1"), 0)
	require.NoError(t, err)
	did, err := catalog.ProductGone(t.Context(), s.pool, r.OfferID, s.clock())
	require.NoError(t, err)
	require.True(t, did)
	did, err = catalog.ProductGone(t.Context(), s.pool, r.OfferID, s.clock())
	require.NoError(t, err)
	require.False(t, did)
	s.pass(time.Second)
	require.False(t, s.product("IGF1").Available)
	require.Equal(t, catalog.Closed, s.product("IGF1").Reason)
	s.imported("alpha", "services", panelServices())
	require.True(t, s.product("IGF1").Available)
}
