package edit

import (
	"context"
	"maps"
	"slices"
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

// named is how many products and offers an audit row names.
const named = 200

// detail is what the audit log keeps: what changed, by name, as far as it is not too much.
func (s *session) detail(file string) map[string]any {
	var renamed, closed, opened, moved []string
	for _, sku := range slices.Sorted(maps.Keys(s.products)) {
		p := s.products[sku]
		if p.newSKU != "" && len(renamed) < named {
			renamed = append(renamed, p.sku+" to "+p.newSKU)
		}
		switch {
		case p.closed && !p.wasClosed && len(closed) < named:
			closed = append(closed, p.sku)
		case !p.closed && p.wasClosed && len(opened) < named:
			opened = append(opened, p.sku)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.offers)) {
		if o := s.offers[id]; o.to != o.from && len(moved) < named {
			moved = append(moved, o.upstream+" "+o.code+": "+o.from.sku+" to "+o.to.sku)
		}
	}
	return map[string]any{
		"file": file, "lines": s.out.Lines, "products": s.out.Products, "offers": s.out.Offers,
		"renamed": renamed, "closed": closed, "opened": opened, "moved": moved,
	}
}
