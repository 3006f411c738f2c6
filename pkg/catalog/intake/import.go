package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	defaultJump = 50
	// shrinkFrom: a reading is suspicious when it lacks more offers than this and more
	// than half of those that were there.
	shrinkFrom = 20
)

// Options are an importer's.
type Options struct {
	// JumpPercent is how far a cost may move in one import, either way: 50 when zero.
	JumpPercent int64
	// Forbidden are words that no merchant may read: names of upstreams, companies, hosts.
	Forbidden []string
	// Provides narrows an upstream to some of its categories; one that is not in it
	// provides everything.
	Provides map[string][]string
	// Location is where the brand's day is, in which cut-off times are kept; nil is WIB,
	// in which sources name them.
	Location *time.Location
	Now      func() time.Time
	Log      *slog.Logger
}

// Importer writes what upstreams list into the catalogue.
type Importer struct {
	pool      *pgxpool.Pool
	opts      Options
	convert   *converter
	forbidden *cleaner
	services  map[string]string
	roots     roots
}

// New gives an importer.
func New(pool *pgxpool.Pool, opts Options) *Importer {
	if opts.JumpPercent <= 0 {
		opts.JumpPercent = defaultJump
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	clean := newCleaner(opts.Forbidden)
	return &Importer{
		pool: pool, opts: opts, convert: &converter{clean: clean, brands: newBrands()}, forbidden: clean,
		services: knownServices(), roots: roots{done: map[string]bool{}},
	}
}

// Diff counts what an import found, in offers.
type Diff struct {
	Listed    int `json:"listed"`
	Unchanged int `json:"unchanged"`
	Added     int `json:"added"`
	Changed   int `json:"changed"`  // anything but the cost
	Repriced  int `json:"repriced"` // the cost, within the bound
	Pending   int `json:"pending"`  // a jump beyond it that was not known yet
	Moved     int `json:"moved"`    // the code means another thing now
	Closed    int `json:"closed"`
	Reopened  int `json:"reopened"`
	Skipped   int `json:"skipped"`  // cannot be sold: no name, no price, an unknown service, a code listed twice
	Services  int `json:"services"` // otp services added, changed or closed
	// Held: too much was missing at once, nothing was written; the next reading decides.
	Held bool `json:"held"`
}

// writes tells whether anything is to be written.
func (d *Diff) writes() bool {
	return d.Added+d.Changed+d.Repriced+d.Pending+d.Moved+d.Closed+d.Reopened+d.Services > 0
}

// batch is one import on its way.
type batch struct {
	im       *Importer
	tx       pgx.Tx
	upstream string
	scope    string
	mode     string
	shrunk   bool // the last reading was held
	now      time.Time
	diff     Diff

	items    []*item
	adds     []*item
	moves    []move
	updates  []update
	vanished []int64
	touched  map[int64]bool // products
}

// existing is a stored offer.
type existing struct {
	id, product int64
	scope       string
	code        string
	facts       []byte
	identity    []byte
	cost        int64
	pending     *int64
	available   bool
	reason      string
	stock       int64
	unlimited   bool
	successRate int
	cut         cutOff
	vanished    bool
}

// update is an offer to be written.
type update struct {
	was     *existing
	item    *item
	cost    int64
	pending *int64
	facts   bool // its description changed, too
}

// move is an offer that goes to another product.
type move struct {
	update
	product int64
}

// Import compares a scope with what an upstream lists in it and writes the
// difference, in one transaction. Importing the same again writes nothing.
func (im *Importer) Import(ctx context.Context, name, scope string, offers []upstream.Offer, services []upstream.Service) (Diff, error) {
	var diff Diff
	err := pgx.BeginFunc(ctx, im.pool, func(tx pgx.Tx) error {
		b := &batch{im: im, tx: tx, upstream: name, scope: scope, now: im.opts.Now().UTC(), touched: map[int64]bool{}}
		err := b.run(ctx, offers, services)
		diff = b.diff
		return err
	})
	if errors.Is(err, errHeld) { // and rolled back
		_, err = im.pool.Exec(ctx, `UPDATE catalog_scopes SET shrunk = true WHERE upstream = $1 AND key = $2`, name, scope)
		diff = Diff{Listed: diff.Listed, Held: true}
	}
	if err != nil {
		return Diff{}, fmt.Errorf("intake: import %s/%s: %w", name, scope, err)
	}
	return diff, nil
}

func (b *batch) run(ctx context.Context, offers []upstream.Offer, services []upstream.Service) error {
	if err := b.lock(ctx); err != nil {
		return err
	}
	b.diff.Listed = len(offers)
	if err := b.syncServices(ctx, services); err != nil {
		return err
	}
	if err := b.convert(ctx, offers); err != nil {
		return err
	}
	if err := b.compare(ctx); err != nil {
		return err
	}
	if b.shrunk {
		if _, err := b.tx.Exec(ctx, `UPDATE catalog_scopes SET shrunk = false WHERE upstream = $1 AND key = $2`, b.upstream, b.scope); err != nil {
			return err
		}
	}
	if !b.diff.writes() {
		return nil
	}
	if err := b.write(ctx); err != nil {
		return err
	}
	products := make([]int64, 0, len(b.touched))
	for id := range b.touched {
		products = append(products, id)
	}
	return catalog.Bump(ctx, b.tx, products)
}

// lock makes imports of one scope follow each other, and all imports that may give
// out SKUs, codes of services or numbers of servers.
func (b *batch) lock(ctx context.Context) error {
	err := b.tx.QueryRow(ctx, `SELECT mode FROM upstreams WHERE name = $1`, b.upstream).Scan(&b.mode)
	if errors.Is(err, pgx.ErrNoRows) {
		return catalog.ErrNotFound
	}
	if err != nil {
		return err
	}
	find := func() error {
		return b.tx.QueryRow(ctx, `SELECT shrunk FROM catalog_scopes WHERE upstream = $1 AND key = $2 FOR UPDATE`, b.upstream, b.scope).Scan(&b.shrunk)
	}
	err = find()
	if errors.Is(err, pgx.ErrNoRows) {
		if err = registerScopes(ctx, b.tx, b.upstream, []upstream.Scope{{Key: b.scope}}, b.now); err == nil {
			err = find()
		}
	}
	return err
}

func (b *batch) lockNames(ctx context.Context) error { return catalog.LockNames(ctx, b.tx) }

// convert makes items of what can be sold. Of a code that is listed twice the last counts.
func (b *batch) convert(ctx context.Context, offers []upstream.Offer) error {
	known, err := b.serviceCodes(ctx, offers)
	if err != nil {
		return err
	}
	countries, err := b.countries(ctx, offers)
	if err != nil {
		return err
	}
	provides := b.im.opts.Provides[b.upstream]
	at := make(map[string]int, len(offers))
	for i := range offers {
		o := &offers[i]
		var it *item
		if len(provides) == 0 || slices.Contains(provides, o.Category) {
			s := known[o.ServiceCode]
			it = b.im.convert.item(o, s.code, s.name, countries.of(o))
		}
		if it != nil {
			it.cut = cutOf(o, b.im.opts.Location, b.now)
		}
		if it == nil {
			b.diff.Skipped++
			continue
		}
		if n, twice := at[it.code]; twice {
			b.diff.Skipped++
			b.items[n] = it
			continue
		}
		at[it.code] = len(b.items)
		b.items = append(b.items, it)
	}
	// The same list in another order gives the same SKUs.
	slices.SortFunc(b.items, func(x, y *item) int {
		if x.server != y.server {
			return x.server - y.server
		}
		return strings.Compare(x.code, y.code)
	})
	return nil
}

// compare sorts items into what is new, changed and gone.
func (b *batch) compare(ctx context.Context) error {
	stored, err := b.stored(ctx)
	if err != nil {
		return err
	}
	open, missing := 0, 0
	listed := make(map[string]bool, len(b.items))
	for _, it := range b.items {
		listed[it.code] = true
		b.compareOne(stored[it.code], it)
	}
	for code, e := range stored {
		if e.scope != b.scope || e.vanished {
			continue
		}
		open++
		if !listed[code] {
			missing++
			b.vanished = append(b.vanished, e.id)
			b.touched[e.product] = true
		}
	}
	b.diff.Closed += missing
	slices.Sort(b.vanished)
	return b.believe(missing, open)
}

// errHeld ends an import that lacks most of what was there.
var errHeld = errors.New("intake: most of the list is missing")

// believe refuses a reading that lacks too much, unless the last one did as well.
func (b *batch) believe(missing, open int) error {
	if missing > shrinkFrom && missing*2 > open && !b.shrunk {
		return errHeld
	}
	return nil
}

func (b *batch) compareOne(was *existing, it *item) {
	if was == nil {
		b.diff.Added++
		b.adds = append(b.adds, it)
		return
	}
	u := update{was: was, item: it, facts: !bytes.Equal(was.facts, it.facts)}
	u.cost, u.pending = b.im.opts.reprice(was, it.cost)
	moved := !bytes.Equal(was.identity, it.identity)
	if moved { // another thing has no old price to compare with
		u.cost, u.pending = it.cost, nil
	}
	state := was.scope != b.scope || was.available != it.available || was.reason != it.reason || was.stock != it.stock ||
		was.unlimited != it.unlimited || was.successRate != it.successRate || !was.cut.equal(it.cut)
	repriced := u.cost != was.cost
	pending := (u.pending == nil) != (was.pending == nil) || (u.pending != nil && *u.pending != *was.pending)
	if !moved && !u.facts && !state && !repriced && !pending && !was.vanished {
		b.diff.Unchanged++
		return
	}
	switch {
	case moved:
		b.diff.Moved++
	case was.vanished:
		b.diff.Reopened++
	case u.facts || state || (pending && u.pending == nil):
		b.diff.Changed++
	}
	if repriced && !moved {
		b.diff.Repriced++
	}
	if pending && u.pending != nil {
		b.diff.Pending++
	}
	b.touched[was.product] = true
	if moved {
		b.moves = append(b.moves, move{update: u})
		return
	}
	b.updates = append(b.updates, u)
}

// reprice decides what a newly listed cost does to a stored one: within the bound
// it takes its place, beyond it waits.
func (o *Options) reprice(was *existing, cost int64) (int64, *int64) {
	if was.cost == 0 || cost == was.cost {
		return cost, nil
	}
	moved := cost - was.cost
	if moved < 0 {
		moved = -moved
	}
	if moved*100 > was.cost*o.JumpPercent {
		return was.cost, &cost
	}
	return cost, nil
}

// stored reads the scope's offers, and those of the listed codes that sat in
// another scope until now.
func (b *batch) stored(ctx context.Context) (map[string]*existing, error) {
	codes := make([]string, len(b.items))
	for i, it := range b.items {
		codes[i] = it.code
	}
	rows, err := b.tx.Query(ctx, `SELECT id, product_id, scope, code, facts, identity, cost, pending_cost, available, reason, stock, unlimited,
			success_rate, cut_from, cut_to, vanished_at IS NOT NULL
		FROM offers WHERE upstream = $1 AND (scope = $2 OR code = ANY ($3))`, b.upstream, b.scope, codes)
	if err != nil {
		return nil, err
	}
	all := map[string]*existing{}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		e := new(existing)
		err := row.Scan(&e.id, &e.product, &e.scope, &e.code, &e.facts, &e.identity, &e.cost, &e.pending, &e.available, &e.reason, &e.stock, &e.unlimited,
			&e.successRate, &e.cut.from, &e.cut.to, &e.vanished)
		all[e.code] = e
		return struct{}{}, err
	})
	return all, err
}
