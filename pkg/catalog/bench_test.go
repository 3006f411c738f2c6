package catalog_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

func bigShop(b *testing.B) *shop {
	s := newShop(b)
	var list []upstream.Offer
	for i := range 20_000 {
		brand := "BRAND " + strconv.Itoa(i%200)
		list = append(list, ppob("C"+strconv.Itoa(i), fmt.Sprintf("%s %d Diamond", brand, i), brand, "Group "+strconv.Itoa(i%20), int64(1000+i)))
	}
	s.imported("alpha", "p", list)
	return s
}

// BenchmarkOpen20000 is what a starting process pays, and every one after a change of markups.
func BenchmarkOpen20000(b *testing.B) {
	s := bigShop(b)
	for b.Loop() {
		s.open()
	}
}

// BenchmarkRefreshOneOf20000 is what a changed row costs.
func BenchmarkRefreshOneOf20000(b *testing.B) {
	s := bigShop(b)
	for b.Loop() {
		s.exec(`WITH v AS (UPDATE catalog_version SET version = version + 1 RETURNING version)
			UPDATE products p SET version = v.version FROM v WHERE p.sku = (SELECT min(sku) FROM products)`)
		s.refresh()
	}
}

func BenchmarkList20000(b *testing.B) {
	s := bigShop(b)
	for _, accept := range []string{"", "gzip", "zstd"} {
		b.Run("first/"+accept, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				c := s.open()
				b.StartTimer()
				require.NotEmpty(b, c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{}).Negotiate(accept).Bytes)
			}
		})
		b.Run("again/"+accept, func(b *testing.B) {
			n := 0
			for b.Loop() {
				n = len(s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{}).Negotiate(accept).Bytes)
			}
			b.ReportMetric(float64(n), "bytes")
		})
	}
	b.Run("search", func(b *testing.B) {
		for b.Loop() {
			s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{Search: "19999"})
		}
	})
}

func BenchmarkRoute(b *testing.B) {
	s := bigShop(b)
	var p *catalog.Product
	for _, row := range data[catalog.PPOBProducts](b, s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{Search: "19999"})).Products {
		p = s.product(row.SKU)
	}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			snap := s.c.Snapshot()
			if _, err := snap.Route(p, snap.MaxCost(p, snap.Price(p, 1))); err != nil {
				b.Error(err)
			}
		}
	})
}
