package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
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
	require.JSONEq(t, `{"ok":true,"data":{"sku":"MLID10","name":"Mobile Legends 10 Diamond","price":2700,"available":false,"reason":"cut_off","until":"2026-11-21T13:30:00+07:00"}}`, body)
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
	r, err = w.Next(ctx, s.product("MLID10").ID, 0, bound, []int64{first.OfferID})
	require.NoError(t, err)
	require.Equal(t, next, r)
	_, err = w.Next(ctx, s.product("MLID10").ID, 0, 2450, []int64{first.OfferID})
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	_, err = w.Next(ctx, 0, 0, 0, nil)
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
	for _, minutes := range []int{10, 20, 40, 80, 160, 320, 360, 360} {
		require.True(t, fail())
		require.True(t, s.clock().Add(time.Duration(minutes)*time.Minute).Equal(*s.product("MLID10").Until), minutes)
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
		require.NoError(t, catalog.SetMarkup(ctx, s.pool, 2, scope, key, both(m.PercentBP, m.Fixed), "test", s.clock()))
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
	require.Error(t, catalog.SetMarkup(ctx, s.pool, 99, catalog.MarkupSKU, "X", both(0, 0), "test", s.clock()))
	require.Error(t, catalog.SetMarkup(ctx, s.pool, 1, "colour", "X", both(0, 0), "test", s.clock()))
	require.Error(t, catalog.SetMarkup(ctx, s.pool, 1, catalog.MarkupBrand, "-", both(0, 0), "test", s.clock()))
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
	n, err := testutil.GatherAndCount(reg, "muara_catalog_version", "muara_catalog_products", "muara_catalog_refresh_seconds", "muara_catalog_cache_bytes")
	require.NoError(t, err)
	require.Equal(t, 4, n)
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
