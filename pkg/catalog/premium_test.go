package catalog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/upstream"
)

func TestPremiumProducts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx := t.Context()
	sealer, err := seal.New(make([]byte, seal.KeySize))
	require.NoError(t, err)
	add := func(p catalog.Premium) error { return catalog.AddProduct(ctx, s.pool, p, "test", s.clock()) }
	require.NoError(t, add(catalog.Premium{SKU: "nflx1", Name: "Netflix  Premium - 1 Bulan", Price: 35000, Description: "Resmi"}))
	require.NoError(t, add(catalog.Premium{SKU: "NFLX3", Name: "Netflix Premium - 3 Bulan", Price: 99000}))
	require.NoError(t, add(catalog.Premium{SKU: "SPOT", Name: "Spotify", Product: "Spotify Family", Price: 20000}))
	require.NoError(t, add(catalog.Premium{Mode: catalog.Test, SKU: "TESTPRD", Name: "Test", Price: 1}))
	require.ErrorIs(t, add(catalog.Premium{SKU: "NFLX1", Name: "x", Price: 1}), catalog.ErrExists)
	for _, bad := range []catalog.Premium{{SKU: "a b", Name: "x", Price: 1}, {SKU: "AB", Name: " ", Price: 1}, {SKU: "AB", Name: "x"}, {SKU: strings.Repeat("A", 41), Name: "x", Price: 1}} {
		require.ErrorIs(t, add(bad), catalog.ErrInvalid)
	}
	s.imported("alpha", "p", []upstream.Offer{ppob("xyz9", "Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games", 1000)})
	require.ErrorIs(t, add(catalog.Premium{SKU: "XYZ9", Name: "x", Price: 1}), catalog.ErrInvalid, "an upstream's code")
	stocked, err := catalog.AddStock(ctx, s.pool, sealer, "NFLX1", []string{"a:1", "b:2", "a:1"}, "test", s.clock())
	require.NoError(t, err)
	require.Equal(t, catalog.Stocked{Added: 2, Known: 1}, stocked)
	stocked, err = catalog.AddStock(ctx, s.pool, sealer, "NFLX1", []string{"a:1", "b:2"}, "test", s.clock())
	require.NoError(t, err)
	require.Equal(t, catalog.Stocked{Known: 2}, stocked, "a file read again adds nothing")
	_, err = catalog.AddStock(ctx, s.pool, sealer, "NOBODY", nil, "test", s.clock())
	require.ErrorIs(t, err, catalog.ErrNotFound)
	other, err := seal.New([]byte(strings.Repeat("k", seal.KeySize)))
	require.NoError(t, err)
	_, err = catalog.AddStock(ctx, s.pool, other, "NFLX1", []string{"c"}, "test", s.clock())
	require.Error(t, err, "another key")
	s.refresh()
	require.JSONEq(t, `{"ok":true,"data":{"count":2,"products":[
		{"product":"netflix-premium","name":"Netflix Premium","description":"Resmi","image":null,"variants":[
			{"sku":"NFLX1","name":"Netflix Premium - 1 Bulan","price":35000,"stock":2},{"sku":"NFLX3","name":"Netflix Premium - 3 Bulan","price":99000,"stock":0}]},
		{"product":"spotify-family","name":"Spotify Family","description":null,"image":null,"variants":[{"sku":"SPOT","name":"Spotify","price":20000,"stock":0}]}]}}`,
		string(s.c.Products(catalog.Live).In(catalog.Identity).Bytes))
	p := s.product("NFLX1")
	require.Equal(t, order.Product, p.Category)
	for _, tier := range []int{1, 2, 3, 4, 9} {
		require.EqualValues(t, 35000, s.c.Snapshot().Price(p, tier), "one price for all")
	}
	require.Zero(t, s.c.Snapshot().MaxCost(p, 35000))

	// What orders take shows without a new version.
	snap := s.c.Snapshot()
	s.exec(`UPDATE stock_items SET order_id = 1, allotted_at = now() WHERE product_id = $1 AND id = (SELECT min(id) FROM stock_items)`, p.ID)
	s.refresh()
	require.Same(t, snap, s.c.Snapshot())
	require.EqualValues(t, 1, snap.Stock(p))
	require.EqualValues(t, 1, data[catalog.PremiumProducts](t, s.c.Products(catalog.Live)).Products[0].Variants[0].Stock)
	ok, _, _ := snap.Availability(p)
	require.True(t, ok)
	s.exec(`UPDATE stock_items SET order_id = 2, allotted_at = now() WHERE order_id IS NULL`)
	s.refresh()
	ok, why, _ := snap.Availability(p)
	require.False(t, ok)
	require.Equal(t, catalog.OutOfStock, why)
	require.NoError(t, catalog.SetClosed(ctx, s.pool, "NFLX1", true, "test", s.clock()))
	s.refresh()
	_, why, _ = s.c.Snapshot().Availability(s.product("NFLX1"))
	require.Equal(t, catalog.Closed, why)
	require.Len(t, data[catalog.PremiumProducts](t, s.c.Products(catalog.Live)).Products[0].Variants, 1, "what is closed is not on the list")
	_, ok = s.c.Snapshot().ProductFor(catalog.Live, "TESTPRD")
	require.False(t, ok)
	_, ok = s.c.Snapshot().ProductFor(catalog.Test, "TESTPRD")
	require.True(t, ok)
	_, ok = s.c.Snapshot().ProductFor(catalog.Test, "NOBODY")
	require.False(t, ok)
	var audited int
	require.NoError(t, s.pool.QueryRow(ctx, `SELECT count(*) FROM audit_log WHERE action IN ('product.add', 'product.stock', 'product.close')`).Scan(&audited))
	require.Equal(t, 6, audited)
	var leaked int
	require.NoError(t, s.pool.QueryRow(ctx, `SELECT count(*) FROM stock_items WHERE position('a:1'::bytea in content) > 0`).Scan(&leaked))
	require.Zero(t, leaked)
}

func FuzzParseStock(f *testing.F) {
	for _, seed := range []string{"", "a:1\nb:2\r\n\n  c  ", "\xef\xbb\xbfx", "\n\xef\xbb\xbfx", "a\x00b", "\xff", strings.Repeat("x", 9000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		items, err := catalog.ParseStock(strings.NewReader(file))
		if err != nil {
			return
		}
		for _, item := range items {
			require.NotEmpty(t, item)
			require.Equal(t, strings.TrimSpace(item), item)
			require.NotContains(t, item, "\n")
			require.LessOrEqual(t, len(item), 8<<10)
		}
		again, err := catalog.ParseStock(strings.NewReader(strings.Join(items, "\n")))
		require.NoError(t, err)
		require.Equal(t, items, again)
	})
}

func TestAStockFileHasOneItemALine(t *testing.T) {
	t.Parallel()
	items, err := catalog.ParseStock(strings.NewReader("\xef\xbb\xbfa:1\r\n\n  b 2 \nc"))
	require.NoError(t, err)
	require.Equal(t, []string{"a:1", "b 2", "c"}, items)
	for _, bad := range []string{"ok\na\x00b", "\xff\xfe", strings.Repeat("x", 9000), strings.Repeat("x\n", 100_001)} {
		_, err := catalog.ParseStock(strings.NewReader(bad))
		require.Error(t, err)
	}
}
