package order

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/rule"
)

const (
	// placeSet bounds how many placements share a commit.
	placeSet = 64
	// commitTimeout bounds one common commit; it runs on after its callers left.
	commitTimeout = 10 * time.Second
	// queueGrace is how long a fresh order may wait for its first worker before the
	// scheduler enqueues it again.
	queueGrace = 10 * time.Second
)

// Opener opens sealed content; *seal.Sealer is one.
type Opener interface {
	Open(sealed []byte, context string) ([]byte, error)
}

// StockContext is the context that stock items are sealed with.
const StockContext = "stock"

// Placed is an accepted order and the wallet's balance at that moment.
type Placed struct {
	Order   *Order
	Balance int64
	// Replayed: the ref was known with the same content, and nothing was taken.
	Replayed bool
}

// Placer accepts orders: one commit holds the order, its debit and its entry.
// Concurrent placements share commits.
type Placer struct {
	db       pg.Beginner
	accounts *ledger.Accounts
	opener   Opener
	now      func() time.Time
	log      *slog.Logger
	metrics  *Metrics
	loc      *time.Location
	group    *group[*Request, *Placed]
}

// PlacerOption changes what a placer does.
type PlacerOption func(*Placer)

// In sets the time zone whose days limits of a day count by; UTC without it.
func In(loc *time.Location) PlacerOption { return func(p *Placer) { p.loc = loc } }

// NewPlacer starts a placer; opener may be nil where no premium product is sold,
// and m where nothing is measured.
func NewPlacer(db pg.Beginner, accounts *ledger.Accounts, opener Opener, now func() time.Time, log *slog.Logger, m *Metrics, opts ...PlacerOption) *Placer {
	p := &Placer{loc: time.UTC, metrics: m, db: db, accounts: accounts, opener: opener, now: now, log: log}
	for _, o := range opts {
		o(p)
	}
	p.group = newGroup(placeSet, p.commit)
	return p
}

// Close finishes what is on its way and refuses the rest.
func (p *Placer) Close() { p.group.close() }

// Place takes the price and keeps the order, or does neither. A ref that is known
// with the same content gives the stored order as it stands; errors are
// [ErrConflict], [*DuplicateError], [*rule.LimitError], [ErrInsufficient], [ErrOutOfStock], [ErrLinkBusy], [ErrInquiredAnew], [ErrInquiryExpired] and the
// database's own, after which the order may or may not have been placed: the same ref answers that.
func (p *Placer) Place(ctx context.Context, r *Request) (*Placed, error) {
	return p.group.do(ctx, r)
}

type placement = call[*Request, *Placed]

func (p *Placer) commit(set []*placement) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(set[0].ctx), commitTimeout)
	defer cancel()
	begun := time.Now()
	const tries = 3 // an id drawn twice meets the primary key
	var err error
	for range tries {
		// So does a link that another API took between look and write: it is seen now.
		if err = p.try(ctx, set); !pg.IsUnique(err, "orders_pkey") && !pg.IsUnique(err, "orders_link") {
			break
		}
	}
	if len(set) > 1 && isolable(err) {
		// One that cannot be written must not keep the others from it.
		for i := range set {
			p.commit(set[i : i+1])
		}
		return
	}
	if err != nil {
		if pg.IsUnique(err, "orders_link") { // taken again and again just before us
			err = ErrLinkBusy
		}
		for _, c := range set {
			c.out, c.err = nil, fmt.Errorf("order: place: %w", err)
		}
	}
	p.metrics.took("place", begun)
	for _, c := range set {
		p.metrics.placement(c)
	}
}

// refKey names an order by its wallet and ref.
type refKey struct {
	wallet int64
	ref    string
}

func (r *Request) key() refKey { return refKey{r.WalletID, r.Ref} }

func (p *Placer) try(ctx context.Context, set []*placement) error {
	inFlight := map[string]ledger.Account{}
	revenue := map[string]ledger.Account{}
	for _, mode := range []string{"live", "test"} {
		var err error
		if inFlight[mode], err = p.accounts.System(ctx, mode, ledger.InFlight); err != nil {
			return err
		}
		if revenue[mode], err = p.accounts.System(ctx, mode, ledger.Revenue); err != nil {
			return err
		}
	}
	return pg.InTx(ctx, p.db, func(tx pgx.Tx) error {
		s := &sitting{now: p.now().UTC().Truncate(time.Microsecond), placed: map[refKey]*Order{}, inFlight: inFlight, revenue: revenue}
		s.day, s.next = rule.Day(s.now, p.loc)
		if err := s.read(ctx, tx, set); err != nil {
			return err
		}
		for _, c := range set {
			if err := s.decide(c, p.opener); err != nil {
				return err
			}
		}
		return s.write(ctx, tx)
	})
}

// sitting is one common commit of placements.
type sitting struct {
	now      time.Time
	book     *ledger.Book
	placed   map[refKey]*Order
	fresh    []*Order
	stock    map[int64][]item
	busy     map[linkKey]bool
	inquired map[refKey]inquired
	allotted []item
	// day is the first moment of today, next that of tomorrow.
	day, next time.Time
	rules     map[int64]*rules
	twins     map[twin]earlier
	inFlight  map[string]ledger.Account
	revenue   map[string]ledger.Account
}

// lookupSQL finds the orders that bear a ref already. It runs after the wallets
// are locked, so that every earlier placement of the same wallet is visible.
const lookupSQL = `SELECT ` + columns + ` FROM unnest($1::bigint[], $2::text[]) AS u(wallet, ref)
	CROSS JOIN LATERAL (SELECT * FROM orders WHERE wallet_id = u.wallet AND ref = u.ref LIMIT 1) o`

func (s *sitting) read(ctx context.Context, tx pgx.Tx, set []*placement) error {
	wallets, refs := make([]int64, len(set)), make([]string, len(set))
	wanted := map[int64]int64{}
	for i, c := range set {
		wallets[i], refs[i] = c.in.WalletID, c.in.Ref
		if c.in.Category == Product {
			wanted[c.in.ProductID] += c.in.Quantity
		}
	}
	var b pgx.Batch
	s.book = ledger.QueueLock(&b, wallets)
	b.Queue(lookupSQL, wallets, refs).Query(func(rows pgx.Rows) error {
		found, err := collect(rows)
		for _, o := range found {
			s.placed[refKey{o.WalletID, o.Ref}] = o
		}
		return err
	})
	if len(wanted) > 0 {
		s.queueStock(&b, wanted)
	}
	s.queueBusy(&b, set)
	s.queueInquired(&b, wallets, refs)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	return s.readRules(ctx, tx, set)
}

// decide gives one placement its verdict; a refusal leaves no trace.
func (s *sitting) decide(c *placement, opener Opener) error {
	r := c.in
	c.out, c.err = nil, nil
	w := s.book.Wallet(r.WalletID)
	if w == nil {
		c.err = ledger.ErrNoWallet
		return nil
	}
	hash := r.Hash()
	if o, ok := s.placed[r.key()]; ok {
		if !bytes.Equal(o.ContentHash, hash) {
			c.err = ErrConflict
			return nil
		}
		known := *o // each caller gets its own: it may open the order's items
		c.out = &Placed{Order: &known, Balance: w.Balance, Replayed: true}
		return nil
	}
	if c.err = s.allowed(r); c.err != nil {
		return nil //nolint:nilerr // a refusal is its caller's, and fails nobody else
	}
	if c.err = s.payable(r); c.err != nil {
		return nil //nolint:nilerr // a refusal is its caller's, and fails nobody else
	}
	if r.Category == Product && int64(len(s.stock[r.ProductID])) < r.Quantity {
		c.err = ErrOutOfStock
		return nil
	}
	link, linked := r.link()
	if linked && s.busy[link] {
		c.err = ErrLinkBusy
		return nil
	}
	if c.err = s.within(r); c.err != nil {
		return nil //nolint:nilerr // a refusal is its caller's, and fails nobody else
	}
	o, err := r.order(w.Mode, hash, s.now)
	if err != nil {
		return err
	}
	err = s.book.Post(ledger.Entry{
		Subject: subject, SubjectID: o.ID, Kind: ledger.KindOrder,
		Debit: ledger.WalletAccount(r.WalletID), Credit: s.inFlight[w.Mode], Amount: r.Price, Notes: r.Name,
	})
	switch {
	case errors.Is(err, ledger.ErrInsufficient):
		c.err = ErrInsufficient
		return nil
	case err != nil:
		return err
	}
	if r.Category == Product {
		if err := s.deliver(o, opener); err != nil {
			return err
		}
	}
	s.busy[link] = linked
	s.obeyed(r, o)
	s.placed[r.key()] = o
	s.fresh = append(s.fresh, o)
	c.out = &Placed{Order: o, Balance: w.Balance}
	return nil
}

// order gives the row of a fresh order.
func (r *Request) order(mode string, hash []byte, now time.Time) (*Order, error) {
	inputs, extra := json.RawMessage("{}"), r.Route.Extra
	zone, fields := r.ZoneID, r.Inputs
	if r.Bill != nil { // as it was inquired
		zone, fields = r.Bill.ZoneID, r.Bill.Inputs
	}
	if len(fields) > 0 {
		var err error
		if inputs, err = json.Marshal(fields); err != nil {
			return nil, fmt.Errorf("order: inputs: %w", err)
		}
	}
	if len(extra) == 0 {
		extra = json.RawMessage("{}")
	}
	var link *string
	if r.Link != "" {
		link = &r.Link
	}
	due := now.Add(queueGrace)
	return &Order{
		ID: id.New(now), WalletID: r.WalletID, Mode: mode, Ref: r.Ref, ContentHash: hash, Category: r.Category,
		SKU: r.SKU, Name: r.Name, ProductID: r.ProductID, Quantity: r.Quantity, Price: r.Price,
		CustomerNo: r.CustomerNo, ZoneID: zone, Target: r.Target, Link: link, Inputs: inputs, CallbackURL: r.CallbackURL,
		MaxCost: r.MaxCost, State: Queued, Version: 1, Upstream: r.Route.Upstream, OfferID: r.Route.OfferID, Code: r.Route.Code,
		Extra: extra, Cost: r.Route.Cost, Facts: Facts{Country: r.Country, Service: r.Service, SMM: r.Terms, Bill: r.Bill}, TraceParent: r.TraceParent, NextRunAt: &due, CreatedAt: now, UpdatedAt: now,
	}, nil
}

const insertSQL = `INSERT INTO orders (id, wallet_id, mode, ref, content_hash, category, sku, name, product_id, quantity, price, refunded,
	customer_no, zone_id, target, inputs, callback_url, max_cost, state, version, attempt, sends, upstream, offer_id, code, extra, cost, upstream_ref,
	message, facts, cancel_requested, finish_requested, resend_requested, flag, trace_parent, next_run_at, polls, created_at, updated_at, completed_at, link, twin)
	SELECT u.id, u.wallet, u.mode, u.ref, u.hash, u.category, u.sku, u.name, u.product, u.quantity, u.price, 0,
	u.customer, u.zone, u.target, u.inputs::jsonb, u.callback, u.max_cost, u.state, 1, 0, 0, u.upstream, u.offer, u.code, u.extra::jsonb, u.cost, '',
	'', u.facts::jsonb, false, false, false, '', u.trace, u.next_run, 0, $24, $24, u.completed, u.link, u.twin
	FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[],
	$11::bigint[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bigint[], $18::text[], $19::text[], $20::bigint[],
	$21::text[], $22::text[], $23::bigint[], $25::text[], $26::timestamptz[], $27::timestamptz[], $28::text[], $29::text[], $30::bigint[])
	AS u(id, wallet, mode, ref, hash, category, sku, name, product, quantity, price, customer, zone, target, inputs, callback, max_cost, state,
	upstream, offer, code, extra, cost, trace, next_run, completed, facts, link, twin)`

func (s *sitting) write(ctx context.Context, tx pgx.Tx) error {
	var b pgx.Batch
	s.queueDays(&b)
	if len(s.fresh) == 0 {
		if b.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, &b).Close()
	}
	// Links in one order everywhere: no two commits wait for each other's.
	slices.SortFunc(s.fresh, func(a, b *Order) int {
		return cmp.Or(strings.Compare(a.Upstream, b.Upstream), strings.Compare(a.Code, b.Code), strings.Compare(deref(a.Link), deref(b.Link)))
	})
	n := len(s.fresh)
	id, wallet, mode, ref, hash := make([]int64, n), make([]int64, n), make([]string, n), make([]string, n), make([][]byte, n)
	category, sku, name, product, quantity, price := make([]string, n), make([]string, n), make([]string, n), make([]int64, n), make([]int64, n), make([]int64, n)
	customer, zone, target, inputs, callback, maxCost := make([]*string, n), make([]*string, n), make([]*string, n), make([]string, n), make([]string, n), make([]int64, n)
	state, upstream, offer, code, extra, cost := make([]string, n), make([]string, n), make([]int64, n), make([]string, n), make([]string, n), make([]int64, n)
	trace, next, completed, facts, link := make([]string, n), make([]*time.Time, n), make([]*time.Time, n), make([]string, n), make([]*string, n)
	twin := make([]*int64, n)
	for i, o := range s.fresh {
		id[i], wallet[i], mode[i], ref[i], hash[i] = o.ID, o.WalletID, o.Mode, o.Ref, o.ContentHash
		category[i], sku[i], name[i], product[i], quantity[i], price[i] = string(o.Category), o.SKU, o.Name, o.ProductID, o.Quantity, o.Price
		customer[i], zone[i], target[i], inputs[i], callback[i], maxCost[i] = o.CustomerNo, o.ZoneID, o.Target, string(o.Inputs), o.CallbackURL, o.MaxCost
		state[i], upstream[i], offer[i], code[i], extra[i], cost[i] = string(o.State), o.Upstream, o.OfferID, o.Code, string(o.Extra), o.Cost
		trace[i], next[i], completed[i], link[i], twin[i] = o.TraceParent, o.NextRunAt, o.CompletedAt, o.Link, o.twin
		known, err := json.Marshal(o.Facts)
		if err != nil {
			return fmt.Errorf("order: facts: %w", err)
		}
		facts[i] = string(known)
	}
	b.Queue(insertSQL, id, wallet, mode, ref, hash, category, sku, name, product, quantity, price, customer, zone, target, inputs, callback, maxCost,
		state, upstream, offer, code, extra, cost, s.now, trace, next, completed, facts, link, twin)
	s.book.Queue(&b, s.now)
	s.queueAllot(&b)
	s.queuePaid(&b)
	return tx.SendBatch(ctx, &b).Close()
}

// Replay gives the order that bears the request's ref already, nil when there is
// none, or [ErrConflict] when its content is another. readings are other forms of the same
// content, by one of which it may have been accepted.
func Replay(ctx context.Context, db bun.IDB, r *Request, readings ...*Request) (*Order, error) {
	o, err := byRef(ctx, db, r.WalletID, r.Ref)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // no order is the usual answer here, not an error
	}
	if err != nil {
		return nil, err
	}
	for _, r := range append([]*Request{r}, readings...) {
		if bytes.Equal(o.ContentHash, r.Hash()) {
			return o, nil
		}
	}
	return nil, ErrConflict
}
