package edit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/catalog"
)

// Changed is what a table changed, or would.
type Changed struct {
	Lines    int `json:"lines" doc:"How many lines were read."`
	Products int `json:"products" doc:"Products that changed by themselves: name, price, open or closed, …"`
	Renamed  int `json:"renamed" doc:"Of these, products with another SKU."`
	Offers   int `json:"offers" doc:"Offers that changed by themselves: open or closed, priority, weight."`
	Moved    int `json:"moved" doc:"Offers that went to another product."`
	// DryRun: nothing was written.
	DryRun bool `json:"dry_run"`
}

// errDry ends the transaction of a dry run.
var errDry = errors.New("dry run")

// Apply reads a table and changes what it says, all of it or nothing; file is its name,
// for the audit log. A dry run only tells. What is wrong with it is a [*Problems].
func Apply(ctx context.Context, pool *pgxpool.Pool, table io.Reader, file string, dry bool, actor string, now time.Time) (*Changed, error) {
	problems := &Problems{}
	lines, err := read(table, problems)
	if err != nil {
		return nil, err
	}
	out := &Changed{Lines: len(lines), DryRun: dry}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		s := &session{tx: tx, now: now, problems: problems, out: out, products: map[string]*product{}, offers: map[int64]*offer{}}
		if err := s.load(ctx, lines); err != nil {
			return err
		}
		for i := range lines {
			s.take(&lines[i])
		}
		if err := s.names(ctx); err != nil {
			return err
		}
		if err := problems.or(); err != nil {
			return err
		}
		touched, err := s.write(ctx)
		if err != nil {
			return err
		}
		if dry {
			return errDry
		}
		if len(touched) == 0 {
			return nil
		}
		if err := audit.Write(ctx, tx, audit.Entry{Actor: actor, Action: "catalog.apply", Subject: "catalog", Detail: s.detail(file), At: now}); err != nil {
			return err
		}
		return catalog.Bump(ctx, tx, touched)
	})
	var wrong *Problems
	switch {
	case errors.Is(err, errDry):
		return out, nil
	case errors.As(err, &wrong):
		return nil, wrong
	case err != nil:
		return nil, fmt.Errorf("catalog: apply: %w", err)
	}
	return out, nil
}

// product is one as it stands and as it is to stand.
type product struct {
	id                  int64
	sku, mode, category string
	kind, service, iso  string
	was, texts          map[string]string
	wasPrice, price     *int64
	wasClosed, closed   bool
	newSKU              string
	said                map[string]int // the line that said so, by column
}

// offer is one as it stands and as it is to stand.
type offer struct {
	id                int64
	from, to          *product
	upstream, code    string
	wasClosed, closed bool
	wasRank, rank     [2]int64 // priority and weight
	line              int
}

// session is one table on its way into the database.
type session struct {
	tx       pgx.Tx
	now      time.Time
	problems *Problems
	out      *Changed
	products map[string]*product
	offers   map[int64]*offer
	// markups are those that went along with a renamed product.
	markups []string
}

// load locks and reads what the lines name: names first, offers, then products.
func (s *session) load(ctx context.Context, lines []line) error {
	var skus []string
	var offers []int64
	for i := range lines {
		skus = append(skus, lines[i].sku)
		if lines[i].offer != 0 {
			offers = append(offers, lines[i].offer)
		}
	}
	if err := catalog.LockNames(ctx, s.tx); err != nil {
		return err
	}
	type row struct {
		ID               int64
		Product          int64
		Upstream, Code   string
		Closed           bool
		Priority, Weight int64
	}
	rows, err := s.tx.Query(ctx, `SELECT id, product_id, upstream, code, closed, priority, weight FROM offers WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE`, offers)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return err
	}
	ids := make([]int64, len(found))
	for i := range found {
		ids[i] = found[i].Product
	}
	rows, err = s.tx.Query(ctx, `SELECT id, sku, mode, category, type, coalesce(service, ''), coalesce(iso, ''), name, brand, grp, description, fixed_price, closed
		FROM products WHERE sku = ANY ($1) OR id = ANY ($2) ORDER BY id FOR NO KEY UPDATE`, skus, ids)
	if err != nil {
		return err
	}
	byID := map[int64]*product{}
	var p product
	var name, brand, group, description string
	_, err = pgx.ForEachRow(rows, []any{&p.id, &p.sku, &p.mode, &p.category, &p.kind, &p.service, &p.iso, &name, &brand, &group, &description, &p.wasPrice, &p.wasClosed}, func() error {
		one := p
		one.was = map[string]string{colName: name, colBrand: brand, colGroup: group, colDescription: description}
		one.texts, one.said, one.closed, one.price = maps.Clone(one.was), map[string]int{}, one.wasClosed, one.wasPrice
		s.products[one.sku], byID[one.id] = &one, &one
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range found {
		rank := [2]int64{r.Priority, r.Weight}
		s.offers[r.ID] = &offer{
			id: r.ID, from: byID[r.Product], to: byID[r.Product], upstream: r.Upstream, code: r.Code, wasClosed: r.Closed, closed: r.Closed, wasRank: rank, rank: rank,
		}
	}
	return nil
}

// take notes what a line wants.
func (s *session) take(l *line) {
	p := s.products[l.sku]
	if p == nil {
		s.problems.add(l.at, "there is no product %s", l.sku)
		return
	}
	if l.offer != 0 && !s.takeOffer(l, p) {
		return
	}
	for column, text := range l.texts {
		if s.says(p, l, column, p.texts[column] != text) {
			p.texts[column] = text
		}
	}
	if l.price != nil {
		switch {
		case p.category != "product":
			s.problems.add(l.at, "price: %s has a price at every tier, made from its cost; only premium products have one of their own", p.sku)
		case s.says(p, l, colPrice, *l.price != *p.price):
			p.price = l.price
		}
	}
	if l.closed != nil && s.says(p, l, colClosed, *l.closed != p.closed) {
		p.closed = *l.closed
	}
	if l.newSKU != "" && l.newSKU != p.sku && s.says(p, l, colNewSKU, l.newSKU != p.newSKU) {
		p.newSKU = l.newSKU
	}
}

// says notes the line that says something of a product's column, and refuses a second
// one that contradicts it.
func (s *session) says(p *product, l *line, column string, differs bool) bool {
	before, said := p.said[column]
	if said && differs {
		s.problems.add(l.at, "%s of %s is another than line %d says", column, p.sku, before)
		return false
	}
	if !said {
		p.said[column] = l.at
	}
	return differs
}

// takeOffer notes what a line wants of its offer; false where the line says nothing of
// the product.
func (s *session) takeOffer(l *line, p *product) bool {
	o := s.offers[l.offer]
	switch {
	case o == nil:
		s.problems.add(l.at, "there is no offer %d", l.offer)
		return false
	case o.line != 0:
		s.problems.add(l.at, "offer %d is on line %d already", l.offer, o.line)
		return false
	case l.upstream != "" && l.upstream != o.upstream || l.code != "" && l.code != o.code:
		s.problems.add(l.at, "offer %d is %s of %s, not %s of %s", l.offer, o.code, o.upstream, l.code, l.upstream)
		return false
	}
	o.line = l.at
	if l.offerClosed != nil {
		o.closed = *l.offerClosed
	}
	for i, n := range []*int64{l.priority, l.weight} {
		if n != nil {
			o.rank[i] = *n
		}
	}
	if p == o.from {
		return true
	}
	f := o.from
	if f.mode != p.mode || f.category != p.category || f.kind != p.kind || f.service != p.service || f.iso != p.iso || p.category == "product" {
		s.problems.add(l.at, "offer %d of %s (%s) cannot go to %s (%s)", o.id, f.sku, thing(f), p.sku, thing(p))
		return false
	}
	o.to = p
	return false
}

func thing(p *product) string {
	return strings.Join(strings.Fields(strings.Join([]string{p.mode, p.category, p.kind, p.service, p.iso}, " ")), " ")
}

// names refuses new SKUs that somebody has, or that are a source's code.
func (s *session) names(ctx context.Context) error {
	wanted := map[string]*product{}
	for _, sku := range slices.Sorted(maps.Keys(s.products)) {
		p := s.products[sku]
		if p.newSKU == "" {
			continue
		}
		if other := wanted[p.newSKU]; other != nil {
			s.problems.add(p.said[colNewSKU], "%s is to become %s, and so is %s", p.sku, p.newSKU, other.sku)
			continue
		}
		wanted[p.newSKU] = p
	}
	if len(wanted) == 0 {
		return nil
	}
	rows, err := s.tx.Query(ctx, `SELECT sku, 'a product has it' FROM products WHERE sku = ANY ($1)
		UNION ALL SELECT upper(code), 'it is the code of an upstream' FROM offers WHERE upper(code) = ANY ($1)`, slices.Collect(maps.Keys(wanted)))
	if err != nil {
		return err
	}
	var sku, why string
	_, err = pgx.ForEachRow(rows, []any{&sku, &why}, func() error {
		s.problems.add(wanted[sku].said[colNewSKU], "the SKU %s is taken: %s", sku, why)
		return nil
	})
	return err
}
