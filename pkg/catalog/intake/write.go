package intake

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/catalog"
)

// write brings the difference into the tables. What closes goes first, so that a
// thing that is listed under a new code finds its product free.
func (b *batch) write(ctx context.Context) error {
	if len(b.adds)+len(b.moves) > 0 { // names come before offers, for everybody
		if err := b.lockNames(ctx); err != nil {
			return err
		}
	}
	if err := b.lockOffers(ctx); err != nil {
		return err
	}
	if len(b.vanished) > 0 {
		if _, err := b.tx.Exec(ctx, `UPDATE offers SET vanished_at = $2, updated_at = $2 WHERE id = ANY ($1)`, b.vanished, b.now); err != nil {
			return err
		}
	}
	items := make([]*item, 0, len(b.adds)+len(b.moves))
	items = append(items, b.adds...)
	for i := range b.moves {
		items = append(items, b.moves[i].item)
	}
	products, err := b.place(ctx, items)
	if err != nil {
		return err
	}
	if err := b.insertOffers(ctx, products[:len(b.adds)]); err != nil {
		return err
	}
	all := make([]move, 0, len(b.updates)+len(b.moves))
	for _, u := range b.updates {
		all = append(all, move{update: u, product: u.was.product})
	}
	for i, m := range b.moves {
		m.product = products[len(b.adds)+i]
		all = append(all, m)
	}
	if err := b.updateOffers(ctx, all, byImport); err != nil {
		return err
	}
	return b.describe(ctx)
}

// lockOffers locks the offers that are written, in the order of their ids, and reads whose they
// are by now: an operator who moved one meanwhile is not overruled by what was read before.
func (b *batch) lockOffers(ctx context.Context) error {
	was := map[int64]*existing{}
	ids := slices.Clone(b.vanished)
	for i := range b.updates {
		was[b.updates[i].was.id] = b.updates[i].was
	}
	for i := range b.moves {
		was[b.moves[i].was.id] = b.moves[i].was
	}
	ids = slices.AppendSeq(ids, maps.Keys(was))
	if len(ids) == 0 {
		return nil
	}
	rows, err := b.tx.Query(ctx, `SELECT id, product_id FROM offers WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE`, ids)
	if err != nil {
		return err
	}
	var id, product int64
	_, err = pgx.ForEachRow(rows, []any{&id, &product}, func() error {
		b.touched[product] = true
		if e := was[id]; e != nil {
			e.product = product
		}
		return nil
	})
	return err
}

const insertOffersSQL = `WITH added AS (
		INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited, success_rate,
			cut_from, cut_to, closed, failures, priority, weight, created_at, updated_at)
		SELECT u.product_id, $1, $2, u.code, u.extra::jsonb, u.said_name, u.facts, u.identity, u.cost, u.available, u.reason, u.stock, u.unlimited, u.success_rate,
			u.cut_from, u.cut_to, false, 0, 0, 1, $3, $3
		FROM unnest($4::bigint[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::bytea[], $10::bigint[], $11::bool[], $12::text[], $13::bigint[],
			$14::bool[], $15::int[], $16::smallint[], $17::smallint[])
			AS u (product_id, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited, success_rate, cut_from, cut_to)
		RETURNING id, cost)
	INSERT INTO price_history (offer_id, cost, cause, created_at) SELECT id, cost, 'listed', $3 FROM added`

// columns are what items write, one array a column.
type columns struct {
	product, cost, stock          []int64
	code, extra, saidName, reason []string
	facts, identity               [][]byte
	available, unlimited          []bool
	successRate                   []int32
	cutFrom, cutTo                []*int16
}

func (c *columns) add(it *item, product, cost int64) {
	c.product, c.cost, c.stock = append(c.product, product), append(c.cost, cost), append(c.stock, it.stock)
	c.code, c.extra = append(c.code, it.code), append(c.extra, string(it.extra))
	c.saidName, c.reason = append(c.saidName, it.saidName), append(c.reason, it.reason)
	c.facts, c.identity = append(c.facts, it.facts), append(c.identity, it.identity)
	c.available, c.unlimited = append(c.available, it.available), append(c.unlimited, it.unlimited)
	c.successRate = append(c.successRate, int32(it.successRate))
	c.cutFrom, c.cutTo = append(c.cutFrom, it.cut.from), append(c.cutTo, it.cut.to)
}

// serviceColumns are what social media services write to their products; of other
// categories they are empty.
type serviceColumns struct {
	kind, average            []string
	least, most              []int64
	refill, cancel, dripfeed []bool
}

func (c *serviceColumns) add(s *service) {
	if s == nil {
		s = &service{}
	}
	c.kind, c.average = append(c.kind, string(s.Kind)), append(c.average, s.average)
	c.least, c.most = append(c.least, s.Min), append(c.most, s.Max)
	c.refill, c.cancel, c.dripfeed = append(c.refill, s.refill), append(c.cancel, s.cancel), append(c.dripfeed, s.Dripfeed)
}

func (c *serviceColumns) args() []any {
	return []any{c.kind, c.least, c.most, c.refill, c.cancel, c.dripfeed, c.average}
}

func (b *batch) insertOffers(ctx context.Context, products []int64) error {
	done := 0
	for _, part := range parts(b.adds) {
		var c columns
		for i, it := range part {
			c.add(it, products[done+i], it.cost)
		}
		done += len(part)
		if _, err := b.tx.Exec(ctx, insertOffersSQL, b.upstream, b.scope, b.now, c.product, c.code, c.extra, c.saidName, c.facts, c.identity, c.cost,
			c.available, c.reason, c.stock, c.unlimited, c.successRate, c.cutFrom, c.cutTo); err != nil {
			return err
		}
	}
	return nil
}

// A cost that an operator changed meanwhile stays: the next import compares anew.
const updateOffersSQL = `WITH done AS (
		UPDATE offers o SET product_id = u.product_id, scope = $1, extra = u.extra::jsonb, said_name = u.said_name, facts = u.facts, identity = u.identity,
			cost = u.cost, pending_cost = u.pending,
			pending_at = CASE WHEN u.pending IS NULL THEN NULL WHEN o.pending_cost = u.pending THEN o.pending_at ELSE $2 END,
			available = u.available, reason = u.reason, stock = u.stock, unlimited = u.unlimited, success_rate = u.success_rate,
			cut_from = u.cut_from, cut_to = u.cut_to, vanished_at = NULL, updated_at = $2
		FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::bytea[], $11::bytea[], $12::bool[], $13::text[],
			$14::bigint[], $15::bool[], $16::int[], $17::smallint[], $18::smallint[])
			AS u (id, was_cost, pending, product_id, cost, extra, said_name, facts, identity, available, reason, stock, unlimited, success_rate, cut_from, cut_to)
		WHERE o.id = u.id AND o.cost = u.was_cost
		RETURNING o.id, u.was_cost, o.cost)
	INSERT INTO price_history (offer_id, old_cost, cost, cause, created_at)
	SELECT id, was_cost, cost, $19, $2 FROM done WHERE was_cost <> cost`

// Causes of a cost that moved, as price_history has them.
const (
	byImport = "import"
	byCheck  = "check"
)

func (b *batch) updateOffers(ctx context.Context, updates []move, cause string) error {
	for _, part := range parts(updates) {
		var c columns
		var ids, was []int64
		var pending []*int64
		for _, u := range part {
			c.add(u.item, u.product, u.cost)
			ids, was, pending = append(ids, u.was.id), append(was, u.was.cost), append(pending, u.pending)
		}
		if _, err := b.tx.Exec(ctx, updateOffersSQL, b.scope, b.now, ids, was, pending, c.product, c.cost, c.extra, c.saidName, c.facts, c.identity,
			c.available, c.reason, c.stock, c.unlimited, c.successRate, c.cutFrom, c.cutTo, cause); err != nil {
			return err
		}
	}
	return nil
}

// A product is described by its oldest live offer, except for what an operator edited.
const describeSQL = `UPDATE products p SET
		name = CASE WHEN 'name' = ANY (p.edited) THEN p.name ELSE u.name END,
		brand = CASE WHEN 'brand' = ANY (p.edited) THEN p.brand ELSE u.brand END,
		grp = CASE WHEN 'grp' = ANY (p.edited) THEN p.grp ELSE u.grp END,
		description = CASE WHEN 'description' = ANY (p.edited) THEN p.description ELSE u.description END,
		inputs = CASE WHEN 'inputs' = ANY (p.edited) THEN p.inputs ELSE u.inputs::jsonb END,
		kind = u.kind, min_quantity = u.least, max_quantity = u.most, refill = u.refill, cancel = u.cancel, dripfeed = u.dripfeed, average_time = u.average,
		updated_at = $1
	FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
		$9::text[], $10::bigint[], $11::bigint[], $12::bool[], $13::bool[], $14::bool[], $15::text[])
		AS u (product_id, offer_id, name, brand, grp, description, inputs, kind, least, most, refill, cancel, dripfeed, average)
	WHERE p.id = u.product_id AND NOT EXISTS (SELECT FROM offers x WHERE x.product_id = p.id AND x.id < u.offer_id AND x.vanished_at IS NULL)`

// describe brings the changed descriptions of offers to their products. An otp
// product's name is of our own making.
func (b *batch) describe(ctx context.Context) error {
	var changed []update
	for _, u := range b.updates {
		if u.facts && u.item.category != "otp" {
			changed = append(changed, u)
		}
	}
	ids := make([]int64, len(changed))
	for i, u := range changed {
		ids[i] = u.was.product
	}
	if err := catalog.LockProducts(ctx, b.tx, ids); err != nil {
		return err
	}
	for _, part := range parts(changed) {
		var product, offer []int64
		var name, brand, group, description, inputs []string
		var services serviceColumns
		for _, u := range part {
			raw, err := json.Marshal(u.item.inputs)
			if err != nil {
				return err
			}
			product, offer = append(product, u.was.product), append(offer, u.was.id)
			name, brand, group = append(name, u.item.name), append(brand, u.item.brand), append(group, u.item.group)
			description, inputs = append(description, u.item.description), append(inputs, string(raw))
			services.add(u.item.smm)
		}
		if _, err := b.tx.Exec(ctx, describeSQL, append([]any{b.now, product, offer, name, brand, group, description, inputs}, services.args()...)...); err != nil {
			return err
		}
	}
	return nil
}
