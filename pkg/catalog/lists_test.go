package catalog_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

func TestTheListOfPPOBProducts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "p", games())
	body := string(s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{Brand: "mobile-legends"}).In(catalog.Identity).Bytes)
	require.JSONEq(t, `{"ok":true,"data":{"tier":1,"count":1,"products":[{"sku":"MLID10","name":"Mobile Legends 10 Diamond","price":2700,"brand":"MOBILE LEGENDS",
		"category":"games","type":"prepaid","description":null,"inputs":[{"name":"customer_no","label":"Nomor tujuan","required":true,"example":"081234567890"}],
		"stock":0,"unlimited_stock":true,"available":true,"reason":null,"image":null}]}}`, body)

	list := func(tier int, f catalog.PPOBFilter) []string {
		var skus []string
		got := data[catalog.PPOBProducts](t, s.c.PPOBProducts(catalog.Live, tier, f))
		require.Len(t, got.Products, got.Count)
		require.Equal(t, tier, got.Tier)
		for _, p := range got.Products {
			skus = append(skus, fmt.Sprintf("%s %d", p.SKU, p.Price))
		}
		return skus
	}
	yes, no := true, false
	require.Equal(t, []string{"FFID70 9400", "MLID10 2700", "PLNIDPASCA 2700", "ISATID5K 5800"}, list(1, catalog.PPOBFilter{}))
	require.Equal(t, []string{"FFID70 9150", "MLID10 2550", "PLNIDPASCA 2550", "ISATID5K 5600"}, list(4, catalog.PPOBFilter{}))
	require.Equal(t, []string{"FFID70 9150", "MLID10 2550", "PLNIDPASCA 2550", "ISATID5K 5600"}, list(9, catalog.PPOBFilter{}), "a tier that does not exist pays what the next lower one does")
	require.Equal(t, []string{"ISATID5K 5800"}, list(1, catalog.PPOBFilter{Category: "PULSA"}))
	require.Equal(t, []string{"PLNIDPASCA 2700"}, list(1, catalog.PPOBFilter{Type: "postpaid"}))
	require.Equal(t, []string{"FFID70 9400"}, list(1, catalog.PPOBFilter{Available: &no}))
	require.Equal(t, []string{"MLID10 2700"}, list(1, catalog.PPOBFilter{Available: &yes, Category: "games"}))
	require.Equal(t, []string{"FFID70 9400", "MLID10 2700"}, list(1, catalog.PPOBFilter{Search: " DIAMOND "}))
	require.Equal(t, []string{"ISATID5K 5800"}, list(1, catalog.PPOBFilter{Search: "isatid5"}))
	require.Empty(t, list(1, catalog.PPOBFilter{Brand: "nobody"}))
	require.Contains(t, string(s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{Brand: "nobody"}).In(catalog.Identity).Bytes), `"products":[]`)
	require.Empty(t, data[catalog.PPOBProducts](t, s.c.PPOBProducts(catalog.Test, 1, catalog.PPOBFilter{})).Products, "test keys see no live products")
	row := data[catalog.PPOBProducts](t, s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{Available: &no})).Products[0]
	require.Equal(t, catalog.OutOfStock, *row.Reason)
	require.Equal(t, "Bonus 7", *row.Description)

	require.Equal(t, catalog.PPOBCategories{Count: 3, Categories: []catalog.PPOBCategory{
		{Category: "games", Name: "Games", Type: "prepaid", Products: 2}, {Category: "pascabayar", Name: "Pascabayar", Type: "postpaid", Products: 1},
		{Category: "pulsa", Name: "Pulsa", Type: "prepaid", Products: 1},
	}}, data[catalog.PPOBCategories](t, s.c.PPOBCategories(catalog.Live)))
	require.Equal(t, catalog.PPOBBrands{Count: 2, Brands: []catalog.PPOBBrand{
		{Brand: "FREE FIRE", Category: "games", Products: 1}, {Brand: "MOBILE LEGENDS", Category: "games", Products: 1},
	}}, data[catalog.PPOBBrands](t, s.c.PPOBBrands(catalog.Live, "Games")))
	require.Equal(t, 4, data[catalog.PPOBBrands](t, s.c.PPOBBrands(catalog.Live, "")).Count)
	require.JSONEq(t, `{"ok":true,"data":{"count":0,"services":[]}}`, string(s.c.SMMServices(catalog.Live, 1, catalog.SMMFilter{}).In(catalog.Identity).Bytes))
}

func TestTheListsOfOTP(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("beta", "services", nil, upstream.Service{Code: "7", Name: "Telegram"}, upstream.Service{Code: "8", Name: "WhatsApp"})
	require.JSONEq(t, `{"ok":true,"data":{"count":2,"services":[{"service":"tg","name":"Telegram","image":null},{"service":"wa","name":"WhatsApp","image":null}]}}`,
		string(s.c.OTPServices(catalog.Live, "").In(catalog.Identity).Bytes))
	require.Equal(t, 1, data[catalog.OTPServices](t, s.c.OTPServices(catalog.Live, "tele")).Count)
	require.Zero(t, data[catalog.OTPServices](t, s.c.OTPServices(catalog.Test, "")).Count)
	name, ok := s.c.Snapshot().Service(catalog.Live, "wa")
	require.True(t, ok)
	require.Equal(t, "WhatsApp", name)

	_, ok = s.c.OTPCountries(catalog.Live, 1, "zz")
	require.False(t, ok)
	_, ok = s.c.OTPCountries(catalog.Test, 1, "tg")
	require.False(t, ok)
	body, ok := s.c.OTPCountries(catalog.Live, 1, "tg")
	require.True(t, ok)
	require.JSONEq(t, `{"ok":true,"data":{"count":0,"countries":[]}}`, string(body.In(catalog.Identity).Bytes))

	s.imported("beta", "countries:7", []upstream.Offer{
		number("7:1:1", "7", "id", "Indonesia", 1100, 103), number("7:1:2", "7", "id", "Indonesia", 1500, 0), number("7:2:1", "7", "us", "Amerika", 900, 7),
	})
	body, ok = s.c.OTPCountries(catalog.Live, 1, "TG")
	require.True(t, ok)
	require.JSONEq(t, `{"ok":true,"data":{"count":2,"countries":[
		{"country":"Amerika","iso":"US","prefix":"+62","image":null,"stock":7,"offers":[{"sku":"OTPTGUS","server":"Server 1","price":1150,"stock":7,"success_rate":81,"available":true}]},
		{"country":"Indonesia","iso":"ID","prefix":"+62","image":null,"stock":103,"offers":[
			{"sku":"OTPTGID","server":"Server 1","price":1400,"stock":103,"success_rate":81,"available":true},
			{"sku":"OTPTGID2","server":"Server 2","price":1900,"stock":0,"success_rate":0,"available":false}]}]}}`, string(body.In(catalog.Identity).Bytes))

	// What has vanished is not listed, and keeps its SKU.
	s.imported("beta", "countries:7", []upstream.Offer{number("7:1:2", "7", "id", "Indonesia", 1500, 3)})
	body, _ = s.c.OTPCountries(catalog.Live, 1, "tg")
	got := data[catalog.OTPCountries](t, body)
	require.Len(t, got.Countries, 1)
	require.Equal(t, []catalog.OTPOffer{{SKU: "OTPTGID2", Server: "Server 2", Price: 1900, Stock: 3, SuccessRate: 81, Available: true}}, got.Countries[0].Offers)
	require.Equal(t, catalog.Closed, s.product("OTPTGID").Reason)
	require.Equal(t, "Telegram Indonesia Server 2", s.product("OTPTGID2").Name)
	refs := s.product("OTPTGID2").Offers()
	require.Len(t, refs, 1)
	require.Equal(t, "beta", refs[0].Upstream)
}
