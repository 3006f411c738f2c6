package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/pkg/order"
)

const (
	defaultPoll       = time.Second
	defaultCacheBytes = 64 << 20
	// publicCacheBytes bounds what is kept of the public price list.
	publicCacheBytes = 24 << 20
	// restFactor keeps refreshing to a tenth of the time, however big the catalogue
	// and however often it changes.
	restFactor = 9
	// demandFlush is how often what merchants asked for is written down.
	demandFlush = 5 * time.Second
)

// Options are a catalogue's. The zero value is what production uses, apart from
// Location, Step and Floor.
type Options struct {
	Rounding Rounding
	// Location is where cut-off times are; nil means UTC.
	Location *time.Location
	// Poll is how often a newer version is looked for: a second when zero.
	Poll time.Duration
	// CacheBytes bounds the encoded lists that are kept: 64 MiB when zero.
	CacheBytes int64
	Now        func() time.Time
	// Random gives a number in [0, n), for the policy "weight".
	Random     func(n int64) int64
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Catalog serves reads from memory and keeps the memory fresh while Run runs.
type Catalog struct {
	pool     *pgxpool.Pool
	opts     Options
	log      *slog.Logger
	metrics  *metrics
	snapshot atomic.Pointer[Snapshot]
	live     *live
	cache    *cache
	public   *cache

	pricesMu sync.Mutex
	prices   *PriceList

	mu       sync.Mutex // one refresh at a time; guards what follows
	products map[int64]*Product
	rest     time.Time // until when no refresh out of turn is begun
	next     time.Time // when time alone changes a product; zero is never
	version  int64
	edition  uint64

	demandMu sync.Mutex
	demand   map[demandKey]int64
}

// live is what has no version: read every second, looked at when needed.
type live struct {
	health atomic.Pointer[map[string]Upstream]
	stock  atomic.Pointer[stock]
	now    func() time.Time
	random func(n int64) int64
}

// stock is the number of free items by premium product. The edition moves with it.
type stock struct {
	edition uint64
	items   map[int64]int64
}

// Open loads the catalogue; it fails when the database does not answer.
func Open(ctx context.Context, pool *pgxpool.Pool, opts Options) (*Catalog, error) {
	opts = opts.withDefaults()
	kept, public := newCache(opts.CacheBytes), newCache(publicCacheBytes)
	c := &Catalog{
		pool: pool, opts: opts, log: opts.Log, metrics: newMetrics(opts.Registerer, func() int64 { return kept.bytes() + public.bytes() }),
		live:  &live{now: opts.Now, random: opts.Random},
		cache: kept, public: public, demand: map[demandKey]int64{},
		products: map[int64]*Product{},
	}
	c.live.stock.Store(&stock{items: map[int64]int64{}})
	c.live.health.Store(&map[string]Upstream{})
	if err := c.Refresh(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func (o Options) withDefaults() Options {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Int64N
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Snapshot is the newest catalogue. A request takes it once and stays with it.
func (c *Catalog) Snapshot() *Snapshot { return c.snapshot.Load() }

// Run keeps the catalogue fresh until ctx ends. While the database does not
// answer, reads go on with what was last loaded.
func (c *Catalog) Run(ctx context.Context) {
	flush := c.opts.Now()
	timer := time.NewTimer(c.opts.Poll)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		start := time.Now()
		if err := c.Refresh(ctx); err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "catalogue not refreshed", "error", err)
		}
		timer.Reset(max(c.opts.Poll, restFactor*time.Since(start)))
		if now := c.opts.Now(); now.Sub(flush) >= demandFlush {
			flush = now
			if err := c.FlushDemand(ctx); err != nil && ctx.Err() == nil {
				c.log.WarnContext(ctx, "demand not written", "error", err)
			}
		}
	}
}

// Refresh looks for a newer version and loads what changed. Run calls it; a test
// or a command that wants the newest now may too.
func (c *Catalog) Refresh(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refresh(ctx)
}

// Reach waits until the snapshot has a version, and refreshes out of turn for it. It
// keeps to the share of time that refreshing may take, so that it may wait for a while
// where the catalogue is big; the error is that of ctx then.
func (c *Catalog) Reach(ctx context.Context, version int64) error {
	if c.Snapshot().Version >= version {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- c.reach(ctx, version) }() // a refresh under way is not kept up by ctx
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Catalog) reach(ctx context.Context, version int64) error {
	for {
		c.mu.Lock()
		wait := time.Until(c.rest)
		if c.Snapshot().Version >= version { // while we waited for the lock
			c.mu.Unlock()
			return nil
		}
		if wait <= 0 {
			err := c.refresh(ctx)
			c.mu.Unlock()
			return err
		}
		c.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// refresh is Refresh under the lock.
func (c *Catalog) refresh(ctx context.Context) error {
	start := time.Now()
	defer func() { c.rest = time.Now().Add(restFactor * time.Since(start)) }()
	version, err := c.look(ctx)
	if err != nil {
		return err
	}
	before := c.snapshot.Load()
	now := c.opts.Now()
	if before != nil && version == c.version && (c.next.IsZero() || now.Before(c.next)) {
		return c.countStock(ctx)
	}
	next, err := c.renew(ctx, before, version, now)
	if err != nil {
		return err
	}
	if err := c.countStock(ctx); err != nil {
		return err
	}
	c.snapshot.Store(next)
	c.metrics.refreshed(next, time.Since(start))
	return nil
}

// look reads the version and the health of sources.
func (c *Catalog) look(ctx context.Context) (int64, error) {
	var version int64
	if err := c.pool.QueryRow(ctx, `SELECT version FROM catalog_version`).Scan(&version); err != nil {
		return 0, fmt.Errorf("catalog: version: %w", err)
	}
	all, err := loadUpstreams(ctx, c.pool)
	if err != nil {
		return 0, err
	}
	health := healths(all, c.opts.Now())
	c.live.health.Store(&health)
	return version, nil
}

// change is what a read transaction found.
type change struct {
	version   int64
	products  map[int64]*Product
	pricing   *pricing
	services  []service
	countries map[string]country
	paused    map[string]bool
}

// renew makes the next snapshot.
func (c *Catalog) renew(ctx context.Context, before *Snapshot, version int64, now time.Time) (*Snapshot, error) {
	since := c.version
	if version < since { // another database, or an older one brought back
		since, before = 0, nil
		c.products = map[int64]*Product{}
	}
	found, err := c.load(ctx, since)
	if err != nil {
		return nil, err
	}
	r := &rules{pricing: found.pricing, rounding: c.opts.Rounding, loc: c.opts.Location, paused: found.paused}
	everything := before == nil || !r.pricing.equal(before.rules.pricing) || !maps.Equal(r.paused, before.rules.paused)
	dirty := c.rederive(r, found.products, everything, now)
	c.edition++
	next := build(before, c.products, dirty, c.edition)
	next.Version, next.rules, next.live, next.countries = found.version, r, c.live, found.countries
	next.services, next.serviceEdition = found.services, c.edition
	if before != nil && slices.Equal(before.services, next.services) {
		next.serviceEdition = before.serviceEdition
	}
	c.version = found.version
	return next, nil
}

// rederive brings c.products up to date and names the shelves on which one changed.
func (c *Catalog) rederive(r *rules, loaded map[int64]*Product, everything bool, now time.Time) map[shelf]bool {
	dirty := map[shelf]bool{}
	for id, p := range loaded {
		if old := c.products[id]; old != nil {
			dirty[shelf{old.Mode, old.Category}] = true
		}
		c.products[id] = p
	}
	c.next = time.Time{}
	for id, p := range c.products {
		if everything || loaded[id] != nil || (!p.next.IsZero() && !now.Before(p.next)) {
			p = r.derive(p, now)
			c.products[id] = p
			dirty[shelf{p.Mode, p.Category}] = true
		}
		if !p.next.IsZero() {
			earliest(&c.next, p.next)
		}
	}
	return dirty
}

// load reads everything that changed since a version, as of one moment.
func (c *Catalog) load(ctx context.Context, since int64) (*change, error) {
	found := &change{paused: map[string]bool{}}
	err := pgx.BeginTxFunc(ctx, c.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT version FROM catalog_version`).Scan(&found.version)
		if err != nil {
			return fmt.Errorf("catalog: version: %w", err)
		}
		var errs [4]error
		found.products, errs[0] = loadProducts(ctx, tx, `p.version > $1`, since)
		if errs[0] != nil {
			return errs[0]
		}
		found.pricing, errs[1] = loadPricing(ctx, tx)
		found.services, errs[2] = loadServices(ctx, tx)
		found.countries, errs[3] = loadCountries(ctx, tx)
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
		all, err := loadUpstreams(ctx, tx)
		for _, u := range all {
			if u.Paused {
				found.paused[u.Name] = true
			}
		}
		return err
	})
	return found, err
}

// countStock counts the free items of premium products, if there are such.
func (c *Catalog) countStock(ctx context.Context) error {
	var ids []int64
	for id, p := range c.products {
		if p.Category == order.Product {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := c.pool.Query(ctx, `SELECT product_id, count(*) FROM stock_items
		WHERE product_id = ANY ($1) AND order_id IS NULL GROUP BY product_id`, ids)
	if err != nil {
		return fmt.Errorf("catalog: stock: %w", err)
	}
	was := c.live.stock.Load()
	is := &stock{edition: was.edition, items: map[int64]int64{}}
	var id, n int64
	same := true
	if _, err := pgx.ForEachRow(rows, []any{&id, &n}, func() error {
		is.items[id] = n
		same = same && was.items[id] == n
		return nil
	}); err != nil {
		return fmt.Errorf("catalog: stock: %w", err)
	}
	if same && len(is.items) == len(was.items) {
		return nil
	}
	is.edition++
	c.live.stock.Store(is)
	return nil
}
