package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/upstream"
)

// listed is a shop with something of each kind, live and for tests.
func listed(t *testing.T) *shop {
	t.Helper()
	s := newShop(t)
	s.imported("alpha", "p", games())
	s.imported("alpha", "services", panelServices())
	s.imported("beta", "services", nil, upstream.Service{Code: "7", Name: "Telegram"}, upstream.Service{Code: "1", Name: "Airbnb"})
	s.imported("beta", "countries:7", []upstream.Offer{number("7:1:1", "7", "id", "Indonesia", 1100, 103), number("7:1:2", "7", "id", "Indonesia", 1300, 9)})
	s.imported("sandbox", "p", []upstream.Offer{ppob("T", "Test Pulsa", "TEST", "PULSA", 5000)})
	require.NoError(t, catalog.AddProduct(t.Context(), s.pool, catalog.Premium{SKU: "NF1", Name: "Netflix - 1 Bulan", Price: 35_000}, "test", s.clock()))
	s.refresh()
	return s
}

func skus(rows []*catalog.PriceRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.SKU
	}
	return out
}

func TestThePriceListHasEveryProductAtEveryTier(t *testing.T) {
	t.Parallel()
	s := listed(t)
	l := s.c.PriceList()
	snap := s.c.Snapshot()
	require.Equal(t, snap.Tiers(), l.Tiers)
	require.Greater(t, len(l.Tiers), 1)
	n := 0
	for _, p := range snap.All(catalog.Live) {
		n++
		rows := l.Filter(catalog.PriceFilter{Search: p.SKU, Category: p.Category})
		at := -1
		for i, r := range rows {
			if r.SKU == p.SKU {
				at = i
			}
		}
		require.GreaterOrEqual(t, at, 0, p.SKU)
		for i, tier := range l.Tiers {
			require.Equal(t, snap.Price(p, tier), rows[at].Prices[i], "%s at tier %d", p.SKU, tier)
		}
	}
	require.Len(t, l.Rows, n, "and nothing of the test mode")
	require.Equal(t, 11, l.Count(""))
	require.Equal(t, 4, l.Count(order.PPOB))
	require.Empty(t, l.Filter(catalog.PriceFilter{Search: "test pulsa"}))

	per := map[string]catalog.PricePer{}
	for _, r := range l.Rows {
		per[r.Name] = r.Per
	}
	require.Equal(t, catalog.PerBill, per["PLN Pascabayar"])
	require.Equal(t, catalog.PerThousand, per["Instagram Followers"])
	require.Equal(t, catalog.PerPiece, per["TikTok Starter"], "a package is bought whole")
	require.Equal(t, catalog.PerPiece, per["Telegram Indonesia · Server 1"])
}

func TestThePriceListIsNarrowed(t *testing.T) {
	t.Parallel()
	l := listed(t).c.PriceList()
	for name, c := range map[string]struct {
		f    catalog.PriceFilter
		want int
	}{
		"nothing":             {catalog.PriceFilter{}, 11},
		"a category":          {catalog.PriceFilter{Category: order.SMM}, 4},
		"a brand":             {catalog.PriceFilter{Brand: "mobile-legends"}, 1},
		"an application":      {catalog.PriceFilter{Category: order.OTP, Brand: "Telegram"}, 2},
		"a country":           {catalog.PriceFilter{Group: "indonesia"}, 2},
		"another's brand":     {catalog.PriceFilter{Category: order.OTP, Brand: "PLN"}, 0},
		"every word":          {catalog.PriceFilter{Search: "DIAMOND legends"}, 1},
		"a word that is none": {catalog.PriceFilter{Search: "diamond nowhere"}, 0},
		"what can be ordered": {catalog.PriceFilter{Category: order.PPOB, Available: true}, 3},
		"an empty shelf":      {catalog.PriceFilter{Category: order.Product, Available: true}, 0},
	} {
		require.Len(t, l.Filter(c.f), c.want, name)
	}
	require.Equal(t, []catalog.PriceFacet{{Name: "Telegram", Count: 2}}, l.Brands(order.OTP), "an application without numbers is none")
	require.Equal(t, []catalog.PriceFacet{{Name: "Indonesia", Count: 2}}, l.Groups(order.OTP))
	require.Len(t, l.Brands(order.PPOB), 4)
	require.Empty(t, l.Brands(""))
}

func TestThePriceListFollowsTheCatalogue(t *testing.T) {
	t.Parallel()
	s := listed(t)
	first := s.c.PriceList()
	s.refresh()
	require.Same(t, first, s.c.PriceList(), "nothing changed")

	sealer, err := seal.New(make([]byte, seal.KeySize))
	require.NoError(t, err)
	_, err = catalog.AddStock(t.Context(), s.pool, sealer, "NF1", []string{"a:b"}, "test", s.clock())
	require.NoError(t, err)
	s.refresh()
	second := s.c.PriceList()
	require.Equal(t, []string{"NF1"}, skus(second.Filter(catalog.PriceFilter{Category: order.Product, Available: true})))
	_, err = catalog.AddStock(t.Context(), s.pool, sealer, "NF1", []string{"c:d"}, "test", s.clock())
	require.NoError(t, err)
	s.refresh()
	require.Same(t, second, s.c.PriceList(), "how many are left is nobody's business here")

	list := games()
	list[0].Cost = 2600
	s.imported("alpha", "p", list[:3])
	third := s.c.PriceList()
	require.EqualValues(t, 2800, third.Filter(catalog.PriceFilter{Search: "MLID10"})[0].Prices[0])
	require.Empty(t, third.Filter(catalog.PriceFilter{Search: "indosat"}), "what no source lists is not for sale")
	require.EqualValues(t, 2700, first.Filter(catalog.PriceFilter{Search: "MLID10"})[0].Prices[0], "an older list stays what it was")

	s.exec(`WITH v AS (UPDATE catalog_version SET version = version + 1 RETURNING version)
		UPDATE products p SET closed = true, version = v.version FROM v WHERE p.sku = 'MLID10'`)
	s.refresh()
	require.Empty(t, s.c.PriceList().Filter(catalog.PriceFilter{Search: "MLID10"}), "nor is what an operator closed")
}

func TestAPublicBodyIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := listed(t)
	made := 0
	build := func() []byte {
		made++
		return []byte("prices")
	}
	one := s.c.PublicBody("a", build)
	require.Same(t, one, s.c.PublicBody("a", build))
	require.Equal(t, 1, made)
	require.Equal(t, "prices", string(one.In(catalog.Identity).Bytes))
	require.NotSame(t, one, s.c.PublicBody("b", build))
}

func BenchmarkPriceList20000(b *testing.B) {
	s := bigShop(b)
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			s.c.PriceList()
		}
	})
	b.Run("search", func(b *testing.B) {
		l := s.c.PriceList()
		for b.Loop() {
			l.Filter(catalog.PriceFilter{Search: "brand 19999"})
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			c := catalog.WithoutPriceList(s.c)
			b.StartTimer()
			if len(c.PriceList().Rows) != 20_000 {
				b.Fatal("rows are missing")
			}
		}
	})
}
