package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/upstream"
)

// shop is a catalogue over a database of its own.
type shop struct {
	t    testing.TB
	pool *pgxpool.Pool
	im   *intake.Importer
	c    *catalog.Catalog

	mu  sync.Mutex
	now time.Time
}

func (s *shop) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *shop) pass(d time.Duration) {
	s.mu.Lock()
	s.now = s.now.Add(d)
	s.mu.Unlock()
	s.refresh()
}

func newShop(t testing.TB) *shop {
	s := &shop{t: t, pool: testdb.New(t).Pool, now: time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)}
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), s.pool, sources(), s.now))
	s.im = intake.New(s.pool, intake.Options{Now: s.clock, Forbidden: []string{"alpha", "beta"}})
	s.c = s.open()
	return s
}

func sources() []catalog.Source {
	return []catalog.Source{
		{Name: "alpha", Driver: "rqid", Mode: catalog.Live}, {Name: "beta", Driver: "rumahotp", Mode: catalog.Live}, {Name: "sandbox", Driver: "sandbox", Mode: catalog.Test},
	}
}

func (s *shop) open() *catalog.Catalog {
	c, err := catalog.Open(context.Background(), s.pool, catalog.Options{Now: s.clock, Location: time.FixedZone("WIB", 7*3600), Rounding: catalog.Rounding{Step: 50, Floor: 10}})
	require.NoError(s.t, err)
	return c
}

func (s *shop) refresh() {
	s.t.Helper()
	require.NoError(s.t, s.c.Refresh(context.Background()))
}

func (s *shop) imported(name, scope string, offers []upstream.Offer, services ...upstream.Service) {
	s.t.Helper()
	_, err := s.im.Import(context.Background(), name, scope, offers, services)
	require.NoError(s.t, err)
	s.refresh()
}

func (s *shop) product(sku string) *catalog.Product {
	s.t.Helper()
	p, ok := s.c.Snapshot().Product(sku)
	require.True(s.t, ok, sku)
	return p
}

func (s *shop) exec(sql string, args ...any) {
	s.t.Helper()
	_, err := s.pool.Exec(context.Background(), sql, args...)
	require.NoError(s.t, err)
}

func data[T any](t testing.TB, b *catalog.Body) T {
	t.Helper()
	var answer struct {
		OK   bool `json:"ok"`
		Data T    `json:"data"`
	}
	require.NoError(t, json.Unmarshal(b.In(catalog.Identity).Bytes, &answer))
	require.True(t, answer.OK)
	return answer.Data
}

func ppob(code, name, brand, group string, cost int64) upstream.Offer {
	return upstream.Offer{Category: "ppob", Code: code, Name: name, Brand: brand, Group: group, Cost: cost, Available: true, Unlimited: true}
}

func games() []upstream.Offer {
	pasca := ppob("PLNPASCA", "PLN Pascabayar", "PLN", "Pascabayar", 2500)
	pasca.Type = "postpaid"
	out := ppob("FF70", "Free Fire 70 Diamond", "FREE FIRE", "Games", 9000)
	out.Available, out.Reason, out.Description = false, "out_of_stock", "Bonus 7"
	return []upstream.Offer{
		ppob("ML10", "Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games", 2500), out, pasca,
		ppob("IS5", "INDOSAT 5.000", "INDOSAT", "PULSA", 5500),
	}
}

func number(code, service, iso, name string, cost, stock int64) upstream.Offer {
	return upstream.Offer{Category: "otp", Code: code, ServiceCode: service, CountryISO: iso, CountryName: name, Prefix: "+62", Cost: cost, Available: true, Stock: stock, SuccessRate: 81}
}

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
		require.Equal(t, got.Count, len(got.Products))
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
	require.Equal(t, `{"ok":true,"data":{"count":0,"services":[]}}`, string(s.c.SMMServices(catalog.Live, 1, catalog.SMMFilter{}).In(catalog.Identity).Bytes))
}

func TestTheListsOfOTP(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("beta", "services", nil, upstream.Service{Code: "7", Name: "Telegram"}, upstream.Service{Code: "8", Name: "WhatsApp"})
	require.Equal(t, `{"ok":true,"data":{"count":2,"services":[{"service":"tg","name":"Telegram","image":null},{"service":"wa","name":"WhatsApp","image":null}]}}`,
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
	require.Equal(t, `{"ok":true,"data":{"count":0,"countries":[]}}`, string(body.In(catalog.Identity).Bytes))

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

func TestASnapshotFollowsTheVersion(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "p", games())
	first := s.c.Snapshot()
	all := s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{})
	s.refresh()
	require.Same(t, first, s.c.Snapshot(), "nothing changed")

	// Another category changes: these lists stay as they are, encoded and all.
	s.imported("beta", "services", nil, upstream.Service{Code: "7", Name: "Telegram"})
	s.imported("beta", "countries:7", []upstream.Offer{number("7:1:1", "7", "id", "Indonesia", 1100, 103)})
	require.NotSame(t, first, s.c.Snapshot())
	require.Same(t, all, s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{}))
	require.Equal(t, "MLID10", s.product("MLID10").SKU)

	// One of them changes: only its row was loaded, and the list is a new one.
	list := games()
	list[0].Cost = 2600
	tag := all.ETag("gzip")
	s.imported("alpha", "p", list)
	changed := s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{})
	require.NotEqual(t, tag, changed.ETag("gzip"))
	require.EqualValues(t, 2800, s.c.Snapshot().Price(s.product("MLID10"), 1))
	require.EqualValues(t, 2700, first.Price(must(first.Product("MLID10")), 1), "a request stays with its snapshot")
	require.Equal(t, s.open().PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{}).ETag("gzip"), changed.ETag("gzip"), "every process has the same tag")

	// It goes back, and so does the tag.
	list[0].Cost = 2500
	s.imported("alpha", "p", list)
	require.Equal(t, tag, s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{}).ETag("gzip"))

	// An older database brought back is loaded as a whole.
	s.exec(`UPDATE catalog_version SET version = 1`)
	s.exec(`UPDATE products SET version = 1, name = 'Older' WHERE sku = 'MLID10'`)
	s.refresh()
	require.Equal(t, "Older", s.product("MLID10").Name)
	require.EqualValues(t, 1, s.c.Snapshot().Version)
}

func must(p *catalog.Product, _ bool) *catalog.Product { return p }

func TestTimeAloneChangesALists(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "p", games())
	require.NoError(t, catalog.SetCutOff(t.Context(), s.pool, "MLID10", 13*60, 13*60+30, "test", s.clock())) // 06:00 to 06:30 UTC
	s.refresh()
	available := func() []bool {
		ok, _, _ := s.c.Snapshot().Availability(s.product("MLID10"))
		return []bool{s.product("MLID10").Available, ok}
	}
	require.Equal(t, []bool{true, true}, available())
	s.pass(time.Hour)
	require.Equal(t, []bool{false, false}, available())
	body := string(s.c.Price(s.product("MLID10"), 1).In(catalog.Identity).Bytes)
	require.Equal(t, `{"ok":true,"data":{"sku":"MLID10","name":"Mobile Legends 10 Diamond","price":2700,"available":false,"reason":"cut_off","until":"2026-11-21T13:30:00+07:00"}}`, body)
	_, err := s.c.Snapshot().Route(s.product("MLID10"), 0)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	// The clock moves between refreshes: an order is judged at its own moment.
	s.mu.Lock()
	s.now = s.now.Add(30 * time.Minute)
	s.mu.Unlock()
	require.Equal(t, []bool{false, true}, available())
	_, err = s.c.Snapshot().Route(s.product("MLID10"), 0)
	require.NoError(t, err)
	s.refresh()
	require.Equal(t, []bool{true, true}, available())
	require.NoError(t, catalog.SetCutOff(t.Context(), s.pool, "MLID10", -1, -1, "test", s.clock()))
	require.NoError(t, catalog.SetClosed(t.Context(), s.pool, "MLID10", true, "test", s.clock()))
	s.refresh()
	require.Equal(t, catalog.Closed, s.product("MLID10").Reason)
	require.NoError(t, catalog.SetClosed(t.Context(), s.pool, "MLID10", false, "test", s.clock()))
	s.refresh()
	require.True(t, s.product("MLID10").Available)
	require.ErrorIs(t, catalog.SetClosed(t.Context(), s.pool, "NOBODY", true, "test", s.clock()), catalog.ErrNotFound)
}

func TestAnOrderIsRoutedToTheCheapestHealthySource(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx := t.Context()
	s.imported("alpha", "p", games())
	s.imported("beta", "h2h", []upstream.Offer{ppob("B10", "Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games", 2400)})
	snap := func() *catalog.Snapshot { return s.c.Snapshot() }
	price := snap().Price(s.product("MLID10"), 1)
	require.EqualValues(t, 2600, price, "2400 + 3 % + 100, in steps of 50")
	bound := snap().MaxCost(s.product("MLID10"), price)
	require.EqualValues(t, 2590, bound)
	require.Zero(t, snap().MaxCost(s.product("PLNIDPASCA"), 2700), "a bill has no bound")
	route := func(exclude ...int64) (order.Route, error) {
		s.refresh()
		return snap().Route(s.product("MLID10"), bound, exclude...)
	}
	first, err := route()
	require.NoError(t, err)
	require.Equal(t, "beta", first.Upstream)
	require.Equal(t, "B10", first.Code)
	require.EqualValues(t, 2400, first.Cost)
	next, err := route(first.OfferID)
	require.NoError(t, err)
	require.Equal(t, "alpha", next.Upstream)

	// Paused by an operator: the price is that of the other source, now.
	require.NoError(t, catalog.Pause(ctx, s.pool, "beta", "maintenance", "test", s.clock()))
	s.refresh()
	require.EqualValues(t, 2700, snap().Price(s.product("MLID10"), 1))
	require.NoError(t, catalog.Pause(ctx, s.pool, "alpha", "maintenance", "test", s.clock()))
	_, err = route()
	require.Equal(t, fault.Upstream, fault.KindOf(err))
	require.Equal(t, catalog.Paused, s.product("MLID10").Reason)
	require.NoError(t, catalog.Resume(ctx, s.pool, "alpha", "test", s.clock()))
	require.NoError(t, catalog.Resume(ctx, s.pool, "beta", "test", s.clock()))
	require.ErrorIs(t, catalog.Pause(ctx, s.pool, "nobody", "", "test", s.clock()), catalog.ErrNotFound)

	// Breakers and floats show at once, without a new version.
	s.refresh()
	version := snap().Version
	until := s.clock().Add(time.Minute)
	require.NoError(t, catalog.SetBreaker(ctx, s.pool, "beta", &until))
	require.NoError(t, catalog.SetBalance(ctx, s.pool, "alpha", 2499, s.clock()))
	_, err = route()
	require.Equal(t, fault.Upstream, fault.KindOf(err))
	ok, why, when := snap().Availability(s.product("MLID10"))
	require.False(t, ok)
	require.Equal(t, catalog.Trouble, why)
	require.True(t, until.Equal(*when))
	require.True(t, s.product("MLID10").Available, "lists do not flicker with it")
	require.NoError(t, catalog.SetBalance(ctx, s.pool, "alpha", 1, s.clock().Add(-time.Second)), "older news")
	require.NoError(t, catalog.SetBalance(ctx, s.pool, "alpha", 2500, s.clock()))
	r, err := route()
	require.NoError(t, err)
	require.Equal(t, "alpha", r.Upstream)
	require.NoError(t, catalog.SetBreaker(ctx, s.pool, "beta", nil))
	r, err = route()
	require.NoError(t, err)
	require.Equal(t, "beta", r.Upstream)
	require.Equal(t, version, snap().Version)
	_, err = catalog.KnownBalance(ctx, s.pool, "nobody")
	require.ErrorIs(t, err, catalog.ErrNotFound)

	// A worker finds the next offer from the database, by the same rules.
	w := &catalog.Router{Pool: s.pool, Now: s.clock, Location: time.UTC}
	r, err = w.Next(ctx, s.product("MLID10").ID, bound, []int64{first.OfferID})
	require.NoError(t, err)
	require.Equal(t, next, r)
	_, err = w.Next(ctx, s.product("MLID10").ID, 2450, []int64{first.OfferID})
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	_, err = w.Next(ctx, 0, 0, nil)
	require.ErrorIs(t, err, catalog.ErrNotFound)
}

func TestRefusalsInARowCloseAnOfferForAWhile(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx := t.Context()
	s.imported("alpha", "p", games())
	r, err := s.c.Snapshot().Route(s.product("MLID10"), 0)
	require.NoError(t, err)
	fail := func() bool {
		flagged, err := catalog.ProductFailed(ctx, s.pool, catalog.Flagging{}, r.OfferID, s.clock())
		require.NoError(t, err)
		s.refresh()
		return flagged
	}
	require.False(t, fail())
	require.False(t, fail())
	require.NoError(t, catalog.ProductWorked(ctx, s.pool, r.OfferID, s.clock()), "which ends the row")
	require.False(t, fail())
	require.False(t, fail())
	require.True(t, s.product("MLID10").Available)
	require.True(t, fail())
	p := s.product("MLID10")
	require.Equal(t, catalog.Trouble, p.Reason)
	require.True(t, s.clock().Add(5*time.Minute).Equal(*p.Until))
	s.pass(5 * time.Minute)
	require.True(t, s.product("MLID10").Available, "the next order is the probe")
	for _, wait := range []time.Duration{10, 20, 40, 80, 160, 320, 360, 360} {
		require.True(t, fail())
		require.True(t, s.clock().Add(wait*time.Minute).Equal(*s.product("MLID10").Until), wait)
	}
	require.NoError(t, catalog.ProductWorked(ctx, s.pool, r.OfferID, s.clock()))
	require.NoError(t, catalog.ProductWorked(ctx, s.pool, r.OfferID, s.clock()))
	s.refresh()
	require.True(t, s.product("MLID10").Available)
	_, err = catalog.ProductFailed(ctx, s.pool, catalog.Flagging{}, 0, s.clock())
	require.Error(t, err)
	require.Error(t, catalog.ProductWorked(ctx, s.pool, 0, s.clock()))
}

func TestMarkupsArePerTierAndSpecific(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx := t.Context()
	s.imported("alpha", "p", games())
	set := func(scope catalog.MarkupScope, key string, m catalog.Markup) {
		require.NoError(t, catalog.SetMarkup(ctx, s.pool, 2, scope, key, m, "test", s.clock()))
		s.refresh()
	}
	set(catalog.MarkupGroup, "Games", catalog.Markup{Fixed: 1000})
	require.EqualValues(t, 3500, s.c.Snapshot().Price(s.product("MLID10"), 2))
	require.EqualValues(t, 10000, s.c.Snapshot().Price(s.product("FFID70"), 2))
	set(catalog.MarkupBrand, "mobile legends", catalog.Markup{Fixed: 2000})
	require.EqualValues(t, 4500, s.c.Snapshot().Price(s.product("MLID10"), 2))
	set(catalog.MarkupSKU, "MLID10", catalog.Markup{})
	require.EqualValues(t, 2550, s.c.Snapshot().Price(s.product("MLID10"), 2), "never under cost + floor")
	require.EqualValues(t, 2700, s.c.Snapshot().Price(s.product("MLID10"), 1))
	set(catalog.MarkupCategory, "ppob", catalog.Markup{PercentBP: 150, Fixed: 5})
	require.Equal(t, catalog.Markup{PercentBP: 150, Fixed: 5}, s.c.Snapshot().CategoryMarkup(2, order.PPOB))
	require.Error(t, catalog.SetMarkup(ctx, s.pool, 99, catalog.MarkupSKU, "X", catalog.Markup{}, "test", s.clock()))
	require.Error(t, catalog.SetMarkup(ctx, s.pool, 1, "colour", "X", catalog.Markup{}, "test", s.clock()))
	require.Error(t, catalog.SetMarkup(ctx, s.pool, 1, catalog.MarkupBrand, "-", catalog.Markup{}, "test", s.clock()))
}

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
		require.Error(t, add(bad))
	}
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

func TestSourcesFollowTheConfiguration(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx := t.Context()
	ensure := func(list ...catalog.Source) map[string]string {
		require.NoError(t, catalog.EnsureUpstreams(ctx, s.pool, list, s.clock()))
		all, err := catalog.Upstreams(ctx, s.pool)
		require.NoError(t, err)
		state := map[string]string{}
		for _, u := range all {
			state[u.Name] = fmt.Sprint(u.Driver, " ", u.Paused)
		}
		return state
	}
	version := s.c.Snapshot().Version
	ensure(sources()...)
	s.refresh()
	require.Equal(t, version, s.c.Snapshot().Version, "doing it again changes nothing")
	require.Equal(t, map[string]string{"alpha": "rqid false", "beta": "rumahotp true", "sandbox": "sandbox true"}, ensure(sources()[0]))
	gamma := catalog.Source{Name: "gamma", Driver: "smm", Mode: catalog.Live}
	require.NoError(t, catalog.KnowUpstream(ctx, s.pool, gamma, s.clock()))
	s.refresh()
	version = s.c.Snapshot().Version
	require.NoError(t, catalog.KnowUpstream(ctx, s.pool, gamma, s.clock()))
	s.refresh()
	require.Equal(t, version, s.c.Snapshot().Version)
	s.exec(`DELETE FROM upstreams WHERE name = 'gamma'`)
	require.NoError(t, catalog.Pause(ctx, s.pool, "alpha", "by hand", "test", s.clock()))
	require.Equal(t, map[string]string{"alpha": "digiflazz true", "beta": "rumahotp false", "sandbox": "sandbox true"},
		ensure(catalog.Source{Name: "alpha", Driver: "digiflazz", Mode: catalog.Live}, sources()[1]), "what an operator paused stays so")
}

func TestRunKeepsTheCatalogueFresh(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	reg := prometheus.NewPedanticRegistry()
	c, err := catalog.Open(t.Context(), s.pool, catalog.Options{Poll: time.Millisecond, Registerer: reg})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		c.Run(ctx)
		close(done)
	}()
	s.imported("alpha", "p", games())
	require.Eventually(t, func() bool {
		_, ok := c.Snapshot().Product("MLID10")
		return ok
	}, 10*time.Second, time.Millisecond)
	cancel()
	<-done
	n, err := testutil.GatherAndCount(reg, "muara_catalog_version", "muara_catalog_products", "muara_catalog_refresh_seconds")
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Error(t, c.Refresh(ctx))
	_, err = catalog.Open(ctx, s.pool, catalog.Options{})
	require.Error(t, err)
}

func TestReadsGoOnWhileTheCatalogueChanges(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "p", games())
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				snap := s.c.Snapshot()
				p, ok := snap.Product("MLID10")
				require.True(t, ok)
				require.Positive(t, snap.Price(p, 1))
				_, err := snap.Route(p, 0)
				require.NoError(t, err)
				require.NotEmpty(t, s.c.PPOBProducts(catalog.Live, 1, catalog.PPOBFilter{}).Negotiate("gzip").Bytes)
				require.NotEmpty(t, s.c.Products(catalog.Live).Negotiate("").Bytes)
			}
		})
	}
	list := games()
	for i := range 20 {
		list[0].Cost = 2500 + int64(i)
		s.imported("alpha", "p", list)
	}
	close(stop)
	wg.Wait()
	require.EqualValues(t, 2519, s.product("MLID10").Cost)
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
