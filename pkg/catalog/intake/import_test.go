package intake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/upstream"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// desk is a database with two sources and an importer.
type desk struct {
	t     testing.TB
	pool  *pgxpool.Pool
	clock *clock
	im    *intake.Importer
}

func newDesk(t testing.TB) *desk {
	d := &desk{t: t, pool: testdb.New(t).Pool, clock: newClock()}
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), d.pool, []catalog.Source{
		{Name: "alpha", Driver: "rqid", Mode: catalog.Live},
		{Name: "beta", Driver: "rumahotp", Mode: catalog.Live},
		{Name: "sandbox", Driver: "sandbox", Mode: catalog.Test},
	}, d.clock.now()))
	d.im = intake.New(d.pool, intake.Options{
		JumpPercent: 50, Forbidden: []string{"rumahotp", "rqid"}, Now: d.clock.now, Provides: map[string][]string{"alpha": {"ppob"}},
	})
	return d
}

func (d *desk) imported(name, scope string, offers []upstream.Offer, services ...upstream.Service) intake.Diff {
	d.t.Helper()
	diff, err := d.im.Import(context.Background(), name, scope, offers, services)
	require.NoError(d.t, err)
	return diff
}

// row is a product with one of its offers.
type row struct {
	SKU, Name, Brand, Upstream, Code string
	ProductID                        int64
	Cost                             int64
	Pending                          *int64
	Vanished                         bool
}

func (d *desk) rows() []row {
	d.t.Helper()
	rows, err := d.pool.Query(context.Background(), `SELECT p.sku, p.name, p.brand, o.upstream, o.code, p.id, o.cost, o.pending_cost, o.vanished_at IS NOT NULL
		FROM products p JOIN offers o ON o.product_id = p.id ORDER BY o.upstream, o.code`)
	require.NoError(d.t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	require.NoError(d.t, err)
	return all
}

func (d *desk) skus() map[string]string {
	d.t.Helper()
	all := map[string]string{}
	for _, r := range d.rows() {
		all[r.Upstream+"/"+r.Code] = r.SKU
	}
	return all
}

func (d *desk) one(query string, args ...any) (n int64) {
	d.t.Helper()
	require.NoError(d.t, d.pool.QueryRow(context.Background(), query, args...).Scan(&n))
	return n
}

func game(code, name string, cost int64) upstream.Offer {
	return upstream.Offer{Category: "ppob", Code: code, Name: name, Brand: "MOBILE LEGENDS", Group: "Games", Type: "prepaid", Cost: cost, Available: true, Unlimited: true}
}

func number(code, service, iso, country string, server int, cost int64) upstream.Offer {
	return upstream.Offer{
		Category: "otp", Code: code, Extra: json.RawMessage(`{"number_id":1}`), ServiceCode: service, CountryISO: iso, CountryName: country, Prefix: "62",
		Server: server, Cost: cost, Available: true, Stock: 5, SuccessRate: 80,
	}
}

func TestAnImportIsADiff(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := []upstream.Offer{game("ML10", "Mobile Legends 10 Diamond", 2500), game("ML50", "Mobile Legends 50 Diamond", 12000), game("ML86", "Mobile Legends 86 Diamond", 20000)}
	require.Equal(t, intake.Diff{Listed: 3, Added: 3}, d.imported("alpha", "products", list))
	require.Equal(t, map[string]string{"alpha/ML10": "MLID10", "alpha/ML50": "MLID50", "alpha/ML86": "MLID86"}, d.skus())

	// Nothing changed: not one row is written, and there is no new version.
	written := `SELECT (SELECT sum(xmin::text::bigint) FROM offers) + (SELECT sum(xmin::text::bigint) FROM products) + (SELECT sum(xmin::text::bigint) FROM price_history)
		+ (SELECT xmin::text::bigint FROM catalog_version) + (SELECT sum(xmin::text::bigint) FROM catalog_scopes)`
	before := d.one(written)
	d.clock.pass(time.Hour)
	require.Equal(t, intake.Diff{Listed: 3, Unchanged: 3}, d.imported("alpha", "products", list))
	require.Equal(t, before, d.one(written))

	// One changes its price, one its state, one goes.
	list[0].Cost = 2600
	list[1].Available, list[1].Reason = false, "out_of_stock"
	version := d.one(`SELECT version FROM catalog_version`)
	require.Equal(t, intake.Diff{Listed: 2, Repriced: 1, Changed: 1, Closed: 1}, d.imported("alpha", "products", list[:2]))
	require.Equal(t, version+1, d.one(`SELECT version FROM catalog_version`))
	require.EqualValues(t, 3, d.one(`SELECT count(*) FROM products WHERE version = $1`, version+1))
	require.EqualValues(t, 1, d.one(`SELECT count(*) FROM price_history WHERE cause = 'import' AND old_cost = 2500 AND cost = 2600`))

	// It comes back with its SKU.
	require.Equal(t, intake.Diff{Listed: 3, Unchanged: 2, Reopened: 1}, d.imported("alpha", "products", list))
	require.Equal(t, "MLID86", d.skus()["alpha/ML86"])
	require.EqualValues(t, 3, d.one(`SELECT count(*) FROM products`))
}

func TestAChangedDescriptionReachesTheProductUnlessAnOperatorEditedIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.imported("alpha", "p", []upstream.Offer{game("a", "Mobile Legends 10 Diamond", 2500), game("b", "Mobile Legends 20 Diamond", 5000)})
	_, err := d.pool.Exec(t.Context(), `UPDATE products SET name = 'Ours', edited = '{name}' WHERE sku = 'MLID20'`)
	require.NoError(t, err)
	a, b := game("a", "Mobile Legends: 10 Diamonds", 2500), game("b", "Mobile Legends: 20 Diamonds", 5000)
	a.Description, b.Description = "Cepat", "Lambat"
	require.Equal(t, intake.Diff{Listed: 2, Changed: 2}, d.imported("alpha", "p", []upstream.Offer{a, b}))
	rows := d.rows()
	require.Equal(t, "Mobile Legends: 10 Diamonds", rows[0].Name)
	require.Equal(t, "Ours", rows[1].Name)
	require.EqualValues(t, 2, d.one(`SELECT count(*) FROM products WHERE description IN ('Cepat', 'Lambat')`))
}

func TestASKUIsNobodysCode(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.imported("beta", "h2h", []upstream.Offer{game("mlid10", "Mobile Legends 5 Diamond", 1300)})
	d.imported("alpha", "p", []upstream.Offer{
		game("MLID20", "Mobile Legends 10 Diamond", 2500), game("x", "Mobile Legends 20 Diamond", 5000), game("MLID20v2", "Mobile Legends 30 Diamond", 7500),
		game("y", "Mobile Legends 30 Diamond", 7600), game("z", "Mobile Legends 30 Diamonds", 7700),
	})
	require.Equal(t, map[string]string{
		"beta/mlid10": "MLID5", "alpha/MLID20": "MLID10V2", "alpha/x": "MLID20V3", "alpha/MLID20v2": "MLID30", "alpha/y": "MLID30V2", "alpha/z": "MLID30V3",
	}, d.skus())
}

func TestSKUsDoNotDependOnTheOrderOfTheList(t *testing.T) {
	t.Parallel()
	var list []upstream.Offer
	for i := range 60 {
		list = append(list, game("C"+strconv.Itoa(i), fmt.Sprintf("Mobile Legends %d Diamond", i%7), int64(1000+i)))
	}
	first := newDesk(t)
	first.imported("alpha", "p", list)
	want := first.skus()
	seen := map[string]bool{}
	for _, sku := range want {
		require.False(t, seen[sku])
		seen[sku] = true
	}
	shuffled := newDesk(t)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	shuffled.imported("alpha", "p", list)
	require.Equal(t, want, shuffled.skus())
}

func TestSourcesShareAProductOnlyWhenEverythingAgrees(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.imported("alpha", "p", []upstream.Offer{game("a10", "Mobile Legends 10 Diamond", 2500), game("a20", "Mobile Legends 20 Diamond", 5000), game("a30", "Mobile Legends 30 Diamond", 7000)})
	b10 := game("b10", "10 Diamonds", 2400)
	b10.Brand, b10.Group = "mobilelegend", "game"
	same20 := game("b20", "Mobile Legends 20 Diamond Promo", 4900)
	far30 := game("b30", "Mobile Legends 30 Diamond", 20000) // nobody sells the same for three times the price
	twice := game("b10-again", "Mobile Legends 10 Diamond", 2450)
	d.imported("beta", "h2h", []upstream.Offer{b10, same20, far30, twice})
	require.Equal(t, map[string]string{
		"alpha/a10": "MLID10", "alpha/a20": "MLID20", "alpha/a30": "MLID30",
		"beta/b10": "MLID10", "beta/b20": "MLIDPROM20", "beta/b30": "MLID30V2", "beta/b10-again": "MLID10V2",
	}, d.skus())
	// A code that is replaced by another for the same thing keeps the product.
	d.imported("beta", "h2h", []upstream.Offer{game("b10-new", "Mobile Legends 10 Diamond", 2400), same20, far30, twice})
	require.Equal(t, "MLID10", d.skus()["beta/b10-new"])
	// The product is described by its oldest live offer.
	d.imported("alpha", "p", []upstream.Offer{game("a20", "Mobile Legends 20 Diamond", 5000), game("a30", "Mobile Legends 30 Diamond", 7000)})
	renamed := game("b10-new", "Mobile Legends 10 Diamond!", 2400)
	d.imported("beta", "h2h", []upstream.Offer{renamed, same20, far30, twice})
	require.EqualValues(t, 1, d.one(`SELECT count(*) FROM products WHERE sku = 'MLID10' AND name = 'Mobile Legends 10 Diamond!'`))
}

func TestTestModeHasSKUsOfItsOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.imported("alpha", "p", []upstream.Offer{game("a10", "Mobile Legends 10 Diamond", 2500)})
	d.imported("sandbox", "p", []upstream.Offer{game("s10", "Mobile Legends 10 Diamond", 2500)})
	require.Equal(t, map[string]string{"alpha/a10": "MLID10", "sandbox/s10": "TESTMLID10"}, d.skus())
}

func TestACodeThatMeansAnotherThingMovesToAnotherProduct(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.imported("alpha", "p", []upstream.Offer{game("a", "Mobile Legends 10 Diamond", 2500)})
	require.Equal(t, intake.Diff{Listed: 1, Moved: 1}, d.imported("alpha", "p", []upstream.Offer{game("a", "Mobile Legends 100 Diamond", 25000)}))
	rows := d.rows()
	require.Len(t, rows, 1)
	require.Equal(t, "MLID100", rows[0].SKU)
	require.EqualValues(t, 25000, rows[0].Cost)
	require.Nil(t, rows[0].Pending, "another thing has no old price")
	require.EqualValues(t, 1, d.one(`SELECT count(*) FROM products WHERE sku = 'MLID10'`), "the old SKU keeps its meaning, without an offer")
	// And back again: it finds its product.
	d.imported("alpha", "p", []upstream.Offer{game("a", "Mobile Legends 10 Diamond", 2500)})
	require.Equal(t, "MLID10", d.rows()[0].SKU)
	require.EqualValues(t, 2, d.one(`SELECT count(*) FROM products`))
}

// waiting is until so many transactions of the test's database wait for a lock.
func (d *desk) waiting(n int64) {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		return d.one(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == n
	}, 30*time.Second, 5*time.Millisecond)
}

func TestAnImportDoesNotUndoAMoveThatItDidNotSee(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.imported("alpha", "p", []upstream.Offer{game("A1", "Mobile Legends 10 Diamond", 1_000), game("A2", "Mobile Legends 20 Diamond", 2_000)})
	target := d.one(`SELECT product_id FROM offers WHERE code = 'A2'`)
	mover, err := d.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = mover.Rollback(context.Background()) }()
	_, err = mover.Exec(t.Context(), `UPDATE offers SET product_id = $1 WHERE code = 'A1'`, target)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := d.im.Import(context.Background(), "alpha", "p", []upstream.Offer{game("A1", "Mobile Legends 10 Diamond", 1_050), game("A2", "Mobile Legends 20 Diamond", 2_000)}, nil)
		done <- err
	}()
	d.waiting(1)
	version := d.one(`SELECT version FROM products WHERE id = $1`, target)
	require.NoError(t, mover.Commit(t.Context()))
	require.NoError(t, <-done)
	require.Equal(t, target, d.one(`SELECT product_id FROM offers WHERE code = 'A1'`))
	require.EqualValues(t, 1_050, d.one(`SELECT cost FROM offers WHERE code = 'A1'`), "what it read counts all the same")
	require.Greater(t, d.one(`SELECT version FROM products WHERE id = $1`, target), version, "readers see it where it is now")
}

func TestAnImportTakesNamesBeforeOffers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a1, a2 := game("A1", "Mobile Legends 10 Diamond", 1_000), game("A2", "Mobile Legends 20 Diamond", 2_000)
	d.imported("alpha", "p", []upstream.Offer{a1, a2, game("A3", "Mobile Legends 30 Diamond", 3_000)})
	editor, err := d.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = editor.Rollback(context.Background()) }()
	require.NoError(t, catalog.LockNames(t.Context(), editor))
	done := make(chan error, 1)
	go func() { // A3 vanishes, A4 is new
		_, err := d.im.Import(context.Background(), "alpha", "p", []upstream.Offer{a1, a2, game("A4", "Mobile Legends 40 Diamond", 4_000)}, nil)
		done <- err
	}()
	d.waiting(1)
	_, err = editor.Exec(t.Context(), `SELECT FROM offers WHERE code = 'A3' FOR NO KEY UPDATE NOWAIT`)
	require.NoError(t, err, "who waits for names holds no offer")
	require.NoError(t, editor.Commit(t.Context()))
	require.NoError(t, <-done)
}

func TestAJumpWaitsForAnOperator(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	price := func(cost int64) intake.Diff {
		return d.imported("alpha", "p", []upstream.Offer{game("a", "Mobile Legends 10 Diamond", cost)})
	}
	price(1000)
	require.Equal(t, intake.Diff{Listed: 1, Repriced: 1}, price(1500), "50 % is within the bound")
	require.Equal(t, intake.Diff{Listed: 1, Pending: 1}, price(2251))
	require.Equal(t, intake.Diff{Listed: 1, Unchanged: 1}, price(2251))
	rows := d.rows()
	require.EqualValues(t, 1500, rows[0].Cost)
	require.EqualValues(t, 2251, *rows[0].Pending)
	require.Equal(t, intake.Diff{Listed: 1, Pending: 1}, price(100), "downwards, too")
	require.Equal(t, intake.Diff{Listed: 1, Changed: 1}, price(1500), "the jump took itself back")
	require.Nil(t, d.rows()[0].Pending)
	price(9000)
	waiting, err := catalog.PendingCosts(t.Context(), d.pool)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	require.EqualValues(t, 9000, waiting[0].Pending)
	require.NoError(t, catalog.AcceptCost(t.Context(), d.pool, waiting[0].OfferID, "test", d.clock.now()))
	require.ErrorIs(t, catalog.AcceptCost(t.Context(), d.pool, waiting[0].OfferID, "test", d.clock.now()), catalog.ErrNotFound)
	require.Equal(t, intake.Diff{Listed: 1, Unchanged: 1}, price(9000))
	require.EqualValues(t, 3, d.one(`SELECT count(*) FROM price_history`), "listed, import, operator")
}

func TestOneOfTwoOperatorsDecidesAboutAJump(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := int64(0)
	for i := range 8 {
		code := fmt.Sprint("a", i)
		d.imported("alpha", "p", []upstream.Offer{game(code, fmt.Sprint("Mobile Legends ", 10+i, " Diamond"), 1000)})
		d.imported("alpha", "p", []upstream.Offer{game(code, fmt.Sprint("Mobile Legends ", 10+i, " Diamond"), 9000)})
		waiting, err := catalog.PendingCosts(t.Context(), d.pool)
		require.NoError(t, err)
		require.Len(t, waiting, 1)
		id = waiting[0].OfferID
		errs := make(chan error, 2)
		for _, decide := range []func(context.Context, *pgxpool.Pool, int64, string, time.Time) error{catalog.AcceptCost, catalog.RejectCost} {
			go func() { errs <- decide(t.Context(), d.pool, id, "test", d.clock.now()) }()
		}
		first, second := <-errs, <-errs
		if first == nil {
			first, second = second, first
		}
		require.ErrorIs(t, first, catalog.ErrNotFound)
		require.NoError(t, second)
		waiting, err = catalog.PendingCosts(t.Context(), d.pool)
		require.NoError(t, err)
		require.Empty(t, waiting)
		require.EqualValues(t, 1, d.one(fmt.Sprintf(`SELECT count(*) FROM offers WHERE id = %d AND closed = (cost = 1000)`, id)), "rejected ones are closed, accepted ones sold")
	}
	require.NoError(t, catalog.SetOfferClosed(t.Context(), d.pool, id, true, "test", d.clock.now()))
	require.NoError(t, catalog.SetOfferClosed(t.Context(), d.pool, id, false, "test", d.clock.now()))
	require.EqualValues(t, 1, d.one(fmt.Sprintf(`SELECT count(*) FROM offers WHERE id = %d AND NOT closed`, id)))
	require.ErrorIs(t, catalog.SetOfferClosed(t.Context(), d.pool, 99_999, true, "test", d.clock.now()), catalog.ErrNotFound)
}

func TestWhatCannotBeSoldIsSkipped(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	postpaid := game("pasca", "PLN Pascabayar", 0)
	postpaid.Type, postpaid.Brand = "postpaid", "PLN"
	noName, noCode, smm, odd := game("n", "RumahOTP", 10), game("", "X 10", 10), game("s", "Followers 10", 10), game("o\x00", "X 10", 10)
	smm.Category = "smm"
	bad := game("bad", "Mobile Legends 9 Diamond", 10)
	bad.Extra = json.RawMessage(`{`)
	last := game("twice", "Mobile Legends 10 Diamond", 2600)
	diff := d.imported("alpha", "p", []upstream.Offer{
		game("free", "Mobile Legends 1 Diamond", 0), game("minus", "Mobile Legends 2 Diamond", -5), game("dear", "Mobile Legends 3 Diamond", catalog.MaxCost+1),
		postpaid, noName, noCode, smm, odd, bad, game("twice", "Mobile Legends 10 Diamond", 2500), last, number("otp", "1", "id", "Indonesia", 1, 1000),
	})
	require.Equal(t, intake.Diff{Listed: 12, Added: 2, Skipped: 10}, diff)
	rows := d.rows()
	require.Equal(t, "pasca", rows[0].Code)
	require.EqualValues(t, 2600, rows[1].Cost, "of a code that is listed twice the last counts")
	diff = d.imported("beta", "countries:9", []upstream.Offer{number("otp", "9", "id", "Indonesia", 1, 1000)})
	require.Equal(t, intake.Diff{Listed: 1, Skipped: 1}, diff, "a service that nobody named")
	_, err := d.im.Import(t.Context(), "nobody", "p", nil, nil)
	require.ErrorIs(t, err, catalog.ErrNotFound)
}

func TestServersAreNumberedForLife(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	diff := d.imported("beta", "services", nil, upstream.Service{Code: "7", Name: "Telegram"}, upstream.Service{Code: "8", Name: "WhatsApp"}, upstream.Service{Code: "8", Name: "twice"},
		upstream.Service{Code: "9", Name: "RumahOTP"}, upstream.Service{Code: "", Name: "none"})
	require.Equal(t, 2, diff.Services)
	require.Zero(t, d.imported("beta", "services", nil, upstream.Service{Code: "7", Name: "Telegram"}, upstream.Service{Code: "8", Name: "WhatsApp"}).Services)
	id := func(code string, server int) upstream.Offer {
		return number(code, "7", "id", "Indonesia", server, 1000)
	}
	d.imported("beta", "countries:7", []upstream.Offer{id("7:1:30", 3), id("7:1:10", 1), id("7:1:20", 2), number("7:2:10", "7", "", "Atlantis", 1, 900)})
	require.Equal(t, map[string]string{"beta/7:1:10": "OTPTGID", "beta/7:1:20": "OTPTGID2", "beta/7:1:30": "OTPTGID3", "beta/7:2:10": "OTPTGXA"}, d.skus())
	// The first goes, another comes: its number is not given again.
	d.imported("beta", "countries:7", []upstream.Offer{id("7:1:30", 3), id("7:1:20", 2), id("7:1:05", 1), number("7:2:10", "7", "", "Atlantis", 1, 900)})
	require.Equal(t, "OTPTGID4", d.skus()["beta/7:1:05"])
	d.imported("beta", "countries:7", []upstream.Offer{id("7:1:30", 3), id("7:1:10", 1), id("7:1:20", 2), number("7:2:10", "7", "", "Atlantis", 1, 900)})
	require.Equal(t, "OTPTGID", d.skus()["beta/7:1:10"], "back under its own number")
	require.EqualValues(t, 1, d.one(`SELECT count(*) FROM products WHERE name = 'Telegram Indonesia Server 3' AND iso = 'ID' AND server = 3`))
	require.EqualValues(t, 1, d.one(`SELECT count(*) FROM otp_countries WHERE iso = 'XA' AND name = 'Atlantis' AND prefix = '+62'`))
}

func TestAServiceThatIsNoLongerListedClosesWithItsOffers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	both := []upstream.Service{{Code: "7", Name: "Telegram"}, {Code: "8", Name: "WhatsApp"}}
	d.imported("beta", "services", nil, both...)
	require.NoError(t, intake.RegisterScopes(t.Context(), d.pool, "beta", []upstream.Scope{{Key: "countries:8", Service: "8", Every: time.Hour}}, d.clock.now()))
	d.imported("beta", "countries:8", []upstream.Offer{number("8:1:1", "8", "id", "Indonesia", 1, 1000)})
	diff := d.imported("beta", "services", nil, both[0])
	require.Equal(t, intake.Diff{Services: 1, Closed: 1}, diff)
	require.True(t, d.rows()[0].Vanished)
	require.Zero(t, d.one(`SELECT count(*) FROM catalog_scopes WHERE key = 'countries:8'`))
	require.Equal(t, 1, d.imported("beta", "services", nil, both...).Services)
	require.Equal(t, 1, d.imported("beta", "countries:8", []upstream.Offer{number("8:1:1", "8", "id", "Indonesia", 1, 1000)}).Reopened)
	// A code that means another service now: its offers become that service's.
	d.imported("beta", "services", nil, upstream.Service{Code: "7", Name: "Telegram"}, upstream.Service{Code: "8", Name: "Signal"})
	require.Equal(t, 1, d.imported("beta", "countries:8", []upstream.Offer{number("8:1:1", "8", "id", "Indonesia", 1, 1000)}).Moved)
	require.Equal(t, "OTPSGID", d.rows()[0].SKU)
}

func TestAnOfferMayNameItsService(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	o := number("9:1:1", "9", "id", "Indonesia", 1, 1000)
	o.ServiceName = "Signal"
	require.Equal(t, intake.Diff{Listed: 1, Added: 1, Services: 1}, d.imported("beta", "countries:9", []upstream.Offer{o}))
	require.Equal(t, intake.Diff{Listed: 1, Unchanged: 1}, d.imported("beta", "countries:9", []upstream.Offer{o}))
	require.Equal(t, "OTPSGID", d.rows()[0].SKU)
}

func TestAReadingThatLacksMostIsBelievedTheSecondTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var list []upstream.Offer
	for i := range 50 {
		list = append(list, game("C"+strconv.Itoa(i), fmt.Sprintf("Mobile Legends %d Diamond", i+1), int64(1000+i)))
	}
	d.imported("alpha", "p", list)
	require.Equal(t, intake.Diff{Listed: 5, Held: true}, d.imported("alpha", "p", list[:5]))
	require.Zero(t, d.one(`SELECT count(*) FROM offers WHERE vanished_at IS NOT NULL`))
	require.Equal(t, intake.Diff{Listed: 50, Unchanged: 50}, d.imported("alpha", "p", list), "a good reading ends the suspicion")
	require.True(t, d.imported("alpha", "p", list[:5]).Held)
	require.Equal(t, intake.Diff{Listed: 5, Unchanged: 5, Closed: 45}, d.imported("alpha", "p", list[:5]))

	var services []upstream.Service
	for i := range 50 {
		services = append(services, upstream.Service{Code: strconv.Itoa(i), Name: "Service " + strings.Repeat("x", i+1)})
	}
	d.imported("beta", "services", nil, services...)
	require.True(t, d.imported("beta", "services", nil).Held)
	require.Equal(t, 50, d.imported("beta", "services", nil).Services)
}

func TestConcurrentImportsGiveEachNameOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := func(prefix string) (all []upstream.Offer) {
		for i := range 30 {
			o := game(prefix+strconv.Itoa(i), fmt.Sprintf("Free Fire %d Diamond", i), int64(1000+i))
			o.Brand = "FREE FIRE"
			all = append(all, o)
		}
		return all
	}
	var wg sync.WaitGroup
	for i, name := range []string{"alpha", "beta", "alpha", "beta"} {
		wg.Go(func() {
			_, err := d.im.Import(context.Background(), name, "p"+strconv.Itoa(i), list(fmt.Sprintf("%s%d-", name, i)), nil)
			require.NoError(t, err)
		})
	}
	wg.Wait()
	require.EqualValues(t, 120, d.one(`SELECT count(*) FROM offers`))
	require.Equal(t, d.one(`SELECT count(*) FROM products`), d.one(`SELECT count(DISTINCT sku) FROM products`))
	require.EqualValues(t, 30, d.one(`SELECT count(*) FROM products WHERE match_key IS NOT NULL`))
}

// Whatever lists come after each other: a code keeps its SKU while it means the same, no SKU
// is given twice or is a code that was known when it was given, and importing the
// last list again writes nothing.
func TestImportsKeepTheirPromisesOverAnyHistory(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	rapid.Check(t, func(rt *rapid.T) {
		_, err := d.pool.Exec(context.Background(), `TRUNCATE products, offers, price_history, catalog_scopes CASCADE`)
		require.NoError(rt, err)
		meaning := map[string]string{} // code + nominal to SKU
		offer := rapid.Custom(func(rt *rapid.T) upstream.Offer {
			n := rapid.IntRange(1, 4).Draw(rt, "nominal")
			o := game(rapid.SampledFrom([]string{"a", "b", "MLID1", "mlid2", "MLID3V2"}).Draw(rt, "code"), fmt.Sprintf("Mobile Legends %d Diamond", n), int64(rapid.IntRange(1, 3).Draw(rt, "cost"))*1000)
			o.Available = rapid.Bool().Draw(rt, "available")
			return o
		})
		for range rapid.IntRange(1, 5).Draw(rt, "imports") {
			name := rapid.SampledFrom([]string{"alpha", "beta"}).Draw(rt, "upstream")
			list := rapid.SliceOfN(offer, 0, 6).Draw(rt, "list")
			_, err := d.im.Import(context.Background(), name, "p", list, nil)
			require.NoError(rt, err)
			final := map[string]string{}
			for _, o := range list {
				final[name+"/"+o.Code] = o.Name
			}
			for _, r := range d.rows() {
				key := r.Upstream + "/" + r.Code
				if said, listed := final[key]; listed {
					k := key + " " + said
					if was, ok := meaning[k]; ok && !strings.HasPrefix(r.SKU, strings.TrimRight(was, "V23456789")) {
						rt.Fatalf("%s was %s and is %s", k, was, r.SKU)
					}
					meaning[k] = r.SKU
				}
				require.Equal(rt, r.Vanished, r.Upstream == name && final[key] == "" || r.Vanished)
			}
			require.Zero(rt, d.one(`SELECT count(*) FROM products p WHERE p.sku IN (SELECT upper(code) FROM offers o WHERE o.created_at <= p.created_at)`))
			diff, err := d.im.Import(context.Background(), name, "p", list, nil)
			require.NoError(rt, err)
			require.Zero(rt, diff.Added+diff.Changed+diff.Repriced+diff.Pending+diff.Moved+diff.Closed+diff.Reopened, "%+v", diff)
			d.clock.pass(time.Second)
		}
	})
}

func BenchmarkImportUnchanged20000(b *testing.B) {
	d := newDesk(b)
	var list []upstream.Offer
	for i := range 20_000 {
		list = append(list, game("C"+strconv.Itoa(i), fmt.Sprintf("Mobile Legends %d Diamond", i+1), int64(1000+i)))
	}
	d.imported("alpha", "p", list)
	for b.Loop() {
		require.Equal(b, 20_000, d.imported("alpha", "p", slices.Clone(list)).Unchanged)
	}
}
