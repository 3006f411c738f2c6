package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// alike is how far costs of the same thing may be apart, as a factor.
const alike = 2

// place finds or makes the product of each item, in their order.
func (b *batch) place(ctx context.Context, items []*item) ([]int64, error) {
	if len(items) == 0 {
		return nil, nil
	}
	if err := b.lockNames(ctx); err != nil {
		return nil, err
	}
	products := make([]int64, len(items))
	var fresh []*draft
	servers, err := b.servers(ctx, items)
	if err != nil {
		return nil, err
	}
	matches, err := b.matches(ctx, items)
	if err != nil {
		return nil, err
	}
	for i, it := range items {
		d := &draft{item: it, at: i}
		if it.category == "otp" {
			d.number(servers)
		} else if id := d.match(matches); id != 0 {
			products[i] = id
			continue
		}
		fresh = append(fresh, d)
	}
	if err := b.nameAll(ctx, fresh); err != nil {
		return nil, err
	}
	ids, err := b.insertProducts(ctx, fresh)
	if err != nil {
		return nil, err
	}
	for _, d := range fresh {
		products[d.at] = ids[d.sku]
	}
	for _, id := range products {
		b.touched[id] = true
	}
	return products, nil
}

// variant is the nth SKU that is tried for a draft, from 1.
func (d *draft) variant(mode string, n int) string {
	if d.item.numbered {
		return variant(mode, d.stem+strconv.Itoa(n), 1)
	}
	return variant(mode, d.stem, n)
}

// draft is a product to be made.
type draft struct {
	item   *item
	at     int
	stem   string
	sku    string
	name   string
	server int
	key    *string
}

// pair is where servers are counted.
type pair struct{ service, iso string }

// counted is what is known of a pair: its last server and its country's name.
type counted struct {
	last    int
	country string
}

func (b *batch) servers(ctx context.Context, items []*item) (map[pair]*counted, error) {
	all := map[pair]*counted{}
	var services, isos []string
	for _, it := range items {
		if k := (pair{it.service, it.iso}); it.category == "otp" && all[k] == nil {
			all[k] = &counted{}
			services, isos = append(services, k.service), append(isos, k.iso)
		}
	}
	if len(all) == 0 {
		return all, nil
	}
	rows, err := b.tx.Query(ctx, `SELECT u.service, u.iso, c.name, (SELECT coalesce(max(p.server), 0) FROM products p
			WHERE p.mode = $1 AND p.category = 'otp' AND p.service = u.service AND p.iso = u.iso)
		FROM unnest($2::text[], $3::text[]) AS u (service, iso) JOIN otp_countries c ON c.iso = u.iso`, b.mode, services, isos)
	if err != nil {
		return nil, err
	}
	var k pair
	var c counted
	_, err = pgx.ForEachRow(rows, []any{&k.service, &k.iso, &c.country, &c.last}, func() error {
		*all[k] = c
		return nil
	})
	return all, err
}

// number makes an otp offer the next server of its service and country.
func (d *draft) number(servers map[pair]*counted) {
	c := servers[pair{d.item.service, d.item.iso}]
	c.last++
	d.server = c.last
	d.stem = otpStem(d.item.service, d.item.iso, d.server)
	d.name = fmt.Sprintf("%s %s Server %d", d.item.serviceName, c.country, d.server)
}

// candidate is a product that an offer may belong to.
type candidate struct {
	id   int64
	cost *int64 // of its cheapest live offer
	ours bool   // this source has a live offer of it
}

func (b *batch) matches(ctx context.Context, items []*item) (map[string]*candidate, error) {
	var keys []string
	for _, it := range items {
		if it.matchKey != "" {
			keys = append(keys, it.matchKey)
		}
	}
	all := map[string]*candidate{}
	if len(keys) == 0 {
		return all, nil
	}
	rows, err := b.tx.Query(ctx, `SELECT p.match_key, p.id, min(o.cost) FILTER (WHERE o.vanished_at IS NULL),
			coalesce(bool_or(o.upstream = $2 AND o.vanished_at IS NULL), false)
		FROM products p LEFT JOIN offers o ON o.product_id = p.id
		WHERE p.mode = $1 AND p.match_key = ANY ($3) GROUP BY p.id`, b.mode, b.upstream, keys)
	if err != nil {
		return nil, err
	}
	var key string
	var c candidate
	_, err = pgx.ForEachRow(rows, []any{&key, &c.id, &c.cost, &c.ours}, func() error {
		found := c
		all[key] = &found
		return nil
	})
	return all, err
}

// match gives the product that an offer belongs to; zero when it gets its own. It
// takes the key for itself when nobody has it.
func (d *draft) match(all map[string]*candidate) int64 {
	it := d.item
	d.stem, d.name = it.stem, it.name
	if it.matchKey == "" {
		return 0
	}
	c := all[it.matchKey]
	if c == nil {
		d.key = &it.matchKey
		all[it.matchKey] = &candidate{ours: true}
		return 0
	}
	if c.ours || (c.cost != nil && (*c.cost > it.cost*alike || it.cost > *c.cost*alike)) {
		return 0
	}
	c.ours = true
	return c.id
}

// tries is how many suffixes are looked up at once at least.
const tries = 8

// nameAll gives every draft a SKU that nobody has and that is nobody's code.
func (b *batch) nameAll(ctx context.Context, drafts []*draft) error {
	gone := make(map[string]bool, len(b.items))
	for _, it := range b.items {
		gone[strings.ToUpper(it.code)] = true
	}
	next := map[string]int{} // by stem: the suffix to try
	waiting := drafts
	for first := true; len(waiting) > 0; first = false {
		limit := make(map[string]int, len(waiting)) // by stem: the last suffix of this round
		for _, d := range waiting {
			limit[d.stem]++
		}
		for stem, n := range limit {
			if first {
				limit[stem] = 1
			} else {
				limit[stem] = next[stem] + max(n, tries)
			}
		}
		if err := b.lookNames(ctx, waiting, next, limit, gone); err != nil {
			return err
		}
		var still []*draft
		for _, d := range waiting {
			for d.sku == "" && next[d.stem] < limit[d.stem] {
				next[d.stem]++
				sku := d.variant(b.mode, next[d.stem])
				if !gone[sku] {
					d.sku = sku
					gone[sku] = true
				}
			}
			if d.sku == "" {
				still = append(still, d)
			}
		}
		waiting = still
	}
	return nil
}

// lookNames adds to gone which of the next SKUs of each stem, up to its limit, are
// taken.
func (b *batch) lookNames(ctx context.Context, drafts []*draft, next, limit map[string]int, gone map[string]bool) error {
	var wanted []string
	asked := map[string]bool{}
	for _, d := range drafts {
		if asked[d.stem] {
			continue
		}
		asked[d.stem] = true
		for i := next[d.stem] + 1; i <= limit[d.stem]; i++ {
			wanted = append(wanted, d.variant(b.mode, i))
		}
	}
	rows, err := b.tx.Query(ctx, `SELECT sku FROM products WHERE sku = ANY ($1)
		UNION ALL SELECT upper(code) FROM offers WHERE upper(code) = ANY ($1)`, wanted)
	if err != nil {
		return err
	}
	var sku string
	_, err = pgx.ForEachRow(rows, []any{&sku}, func() error {
		gone[sku] = true
		return nil
	})
	return err
}

const insertProductsSQL = `INSERT INTO products (mode, sku, category, match_key, name, brand, grp, type, description, inputs, service, iso, server, variant_of,
		policy, closed, edited, version, created_at, updated_at, kind, min_quantity, max_quantity, refill, cancel, dripfeed, average_time)
	SELECT $1, u.sku, u.category, u.match_key, u.name, u.brand, u.grp, u.type, u.description, u.inputs::jsonb,
		CASE WHEN u.category = 'otp' THEN u.service END, CASE WHEN u.category = 'otp' THEN u.iso END, CASE WHEN u.category = 'otp' THEN u.server END, '',
		(SELECT policy FROM catalog_policy), false, '{}', 0, $2, $2, u.kind, u.least, u.most, u.refill, u.cancel, u.dripfeed, u.average
	FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::int[],
		$15::text[], $16::bigint[], $17::bigint[], $18::bool[], $19::bool[], $20::bool[], $21::text[])
		AS u (sku, category, match_key, name, brand, grp, type, description, inputs, service, iso, server, kind, least, most, refill, cancel, dripfeed, average)
	RETURNING id, sku`

// insertProducts writes drafts and gives their ids by SKU.
func (b *batch) insertProducts(ctx context.Context, drafts []*draft) (map[string]int64, error) {
	ids := make(map[string]int64, len(drafts))
	for _, part := range parts(drafts) {
		var sku, category, name, brand, group, kind, description, inputs, service, iso []string
		var key []*string
		var server []int32
		var services serviceColumns
		for _, d := range part {
			it := d.item
			raw, err := json.Marshal(it.inputs)
			if err != nil {
				return nil, err
			}
			sku, category, key, name = append(sku, d.sku), append(category, it.category), append(key, d.key), append(name, d.name)
			brand, group, kind = append(brand, it.brand), append(group, it.group), append(kind, it.kind)
			description, inputs = append(description, it.description), append(inputs, string(raw))
			service, iso, server = append(service, it.service), append(iso, it.iso), append(server, int32(d.server))
			services.add(it.smm)
		}
		rows, err := b.tx.Query(ctx, insertProductsSQL, append([]any{
			b.mode, b.now, sku, category, key, name, brand, group, kind, description, inputs, service, iso, server,
		}, services.args()...)...)
		if err != nil {
			return nil, err
		}
		var id int64
		var made string
		if _, err := pgx.ForEachRow(rows, []any{&id, &made}, func() error {
			ids[made] = id
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// partSize bounds the rows of one statement.
const partSize = 1000

// parts cuts rows into statements' worth.
func parts[T any](rows []T) [][]T {
	var out [][]T
	for len(rows) > partSize {
		out = append(out, rows[:partSize])
		rows = rows[partSize:]
	}
	if len(rows) > 0 {
		out = append(out, rows)
	}
	return out
}
