package edit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// write writes what differs and gives the products that readers must see anew.
func (s *session) write(ctx context.Context) ([]int64, error) {
	touched := map[int64]bool{}
	if err := s.writeOffers(ctx, touched); err != nil {
		return nil, err
	}
	if err := s.writeProducts(ctx, touched); err != nil {
		return nil, err
	}
	if err := s.moveMarkups(ctx); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(touched)), nil
}

func (s *session) writeOffers(ctx context.Context, touched map[int64]bool) error {
	var ids, products, priorities, weights []int64
	var closed []bool
	for _, id := range slices.Sorted(maps.Keys(s.offers)) {
		o := s.offers[id]
		moved, changed := o.to != o.from, o.closed != o.wasClosed || o.rank != o.wasRank
		if !moved && !changed {
			continue
		}
		if moved {
			s.out.Moved++
		}
		if changed {
			s.out.Offers++
		}
		touched[o.from.id], touched[o.to.id] = true, true
		ids, products, closed = append(ids, o.id), append(products, o.to.id), append(closed, o.closed)
		priorities, weights = append(priorities, o.rank[0]), append(weights, o.rank[1])
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := s.tx.Exec(ctx, `UPDATE offers o SET product_id = u.product, closed = u.closed, priority = u.priority, weight = u.weight, updated_at = $6
		FROM unnest($1::bigint[], $2::bigint[], $3::bool[], $4::int[], $5::int[]) AS u (id, product, closed, priority, weight) WHERE o.id = u.id`,
		ids, products, closed, priorities, weights, s.now)
	return err
}

func (s *session) writeProducts(ctx context.Context, touched map[int64]bool) error {
	var ids []int64
	var skus, names, brands, groups, descriptions, edited []string
	var prices []*int64
	var closed []bool
	for _, sku := range slices.Sorted(maps.Keys(s.products)) {
		p := s.products[sku]
		marks := p.marks()
		same := p.closed == p.wasClosed && (p.price == p.wasPrice || *p.price == *p.wasPrice)
		if same && marks == "" && p.newSKU == "" {
			continue
		}
		s.out.Products++
		if p.newSKU != "" {
			s.out.Renamed++
			sku = p.newSKU
		}
		touched[p.id] = true
		ids, skus, prices, closed, edited = append(ids, p.id), append(skus, sku), append(prices, p.price), append(closed, p.closed), append(edited, marks)
		names, brands = append(names, p.texts[colName]), append(brands, p.texts[colBrand])
		groups, descriptions = append(groups, p.texts[colGroup]), append(descriptions, p.texts[colDescription])
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := s.tx.Exec(ctx, `UPDATE products p SET sku = u.sku, name = u.name, brand = u.brand, grp = u.grp, description = u.description, fixed_price = u.price, closed = u.closed,
			edited = ARRAY(SELECT DISTINCT unnest(p.edited || string_to_array(u.edited, ',')) ORDER BY 1), updated_at = $10
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bool[], $9::text[])
			AS u (id, sku, name, brand, grp, description, price, closed, edited) WHERE p.id = u.id`,
		ids, skus, names, brands, groups, descriptions, prices, closed, edited, s.now)
	return err
}

// moveMarkups takes the markups of a SKU along when its product is renamed, so that no price
// moves by it: what somebody set for the new SKU when it was nobody's goes.
func (s *session) moveMarkups(ctx context.Context) error {
	var from, to []string
	for _, sku := range slices.Sorted(maps.Keys(s.products)) {
		if p := s.products[sku]; p.newSKU != "" {
			from, to = append(from, sku), append(to, p.newSKU)
		}
	}
	if len(from) == 0 {
		return nil
	}
	if _, err := s.tx.Exec(ctx, `DELETE FROM markups WHERE scope = 'sku' AND key = ANY ($1)`, to); err != nil {
		return err
	}
	rows, err := s.tx.Query(ctx, `UPDATE markups m SET key = u.new FROM unnest($1::text[], $2::text[]) AS u (old, new)
		WHERE m.scope = 'sku' AND m.key = u.old RETURNING m.tier, u.old, u.new`, from, to)
	if err != nil {
		return err
	}
	var tier int
	var was, is string
	_, err = pgx.ForEachRow(rows, []any{&tier, &was, &is}, func() error {
		s.markups = append(s.markups, fmt.Sprintf("tier %d: %s to %s", tier, was, is))
		return nil
	})
	slices.Sort(s.markups)
	return err
}

// marks are the fields of a product that no import may change any more, as text.
func (p *product) marks() string {
	out := ""
	for _, f := range []struct{ column, field string }{{colBrand, "brand"}, {colDescription, "description"}, {colGroup, "grp"}, {colName, "name"}} {
		if p.texts[f.column] == p.was[f.column] {
			continue
		}
		if out != "" {
			out += ","
		}
		out += f.field
	}
	return out
}

// named is how many products and offers an audit row names, and namedMoney how many prices and
// markups.
const (
	named      = 200
	namedMoney = 5_000
)

// detail is what the audit log keeps: what changed, by name, as far as it is not too much.
func (s *session) detail(file string) map[string]any {
	var renamed, closed, opened, prices []string
	for _, sku := range slices.Sorted(maps.Keys(s.products)) {
		p := s.products[sku]
		if p.newSKU != "" && len(renamed) < named {
			renamed = append(renamed, p.sku+" to "+p.newSKU)
		}
		if p.price != nil && *p.price != *p.wasPrice && len(prices) < namedMoney {
			prices = append(prices, fmt.Sprintf("%s: %d to %d", p.sku, *p.wasPrice, *p.price))
		}
		switch {
		case p.closed && !p.wasClosed && len(closed) < named:
			closed = append(closed, p.sku)
		case !p.closed && p.wasClosed && len(opened) < named:
			opened = append(opened, p.sku)
		}
	}
	out := map[string]any{
		"file": file, "lines": s.out.Lines, "products": s.out.Products, "offers": s.out.Offers,
		"renamed": renamed, "closed": closed, "opened": opened, "prices": prices, "markups": s.markups[:min(len(s.markups), namedMoney)],
	}
	maps.Copy(out, s.offerDetail())
	return out
}

// offerDetail is what became of offers: what an order costs us follows from it.
func (s *session) offerDetail() map[string]any {
	var moved, closed, opened, ranks []string
	for _, id := range slices.Sorted(maps.Keys(s.offers)) {
		o := s.offers[id]
		name := o.upstream + " " + o.code
		if o.to != o.from && len(moved) < named {
			moved = append(moved, name+": "+o.from.sku+" to "+o.to.sku)
		}
		switch {
		case o.closed && !o.wasClosed && len(closed) < named:
			closed = append(closed, name)
		case !o.closed && o.wasClosed && len(opened) < named:
			opened = append(opened, name)
		}
		if o.rank != o.wasRank && len(ranks) < named {
			ranks = append(ranks, fmt.Sprintf("%s: priority %d to %d, weight %d to %d", name, o.wasRank[0], o.rank[0], o.wasRank[1], o.rank[1]))
		}
	}
	return map[string]any{"moved": moved, "offers_closed": closed, "offers_opened": opened, "ranks": ranks}
}
