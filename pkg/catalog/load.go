package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const productSQL = `SELECT p.id, p.mode, p.sku, p.category, p.name, p.brand, p.grp, p.type, p.description, p.inputs,
	coalesce(p.service, ''), coalesce(p.iso, ''), coalesce(p.server, 0), p.variant_of, coalesce(p.fixed_price, 0),
	p.policy, p.closed, p.cut_from, p.cut_to, p.kind, p.min_quantity, p.max_quantity, p.refill, p.cancel, p.dripfeed, p.average_time
	FROM products p WHERE `

const offerSQL = `SELECT o.product_id, o.id, o.upstream, o.code, o.extra, o.cost, o.pending_cost, o.available, o.reason, o.stock, o.unlimited,
	o.success_rate, o.vanished_at IS NOT NULL, o.closed, o.flagged_until, o.priority, o.weight, o.cut_from, o.cut_to
	FROM offers o JOIN products p ON p.id = o.product_id WHERE `

// loadProducts reads the products that a condition on p names, with their offers.
func loadProducts(ctx context.Context, db querier, where string, arg any) (map[int64]*Product, error) {
	rows, err := db.Query(ctx, productSQL+where, arg)
	if err != nil {
		return nil, fmt.Errorf("catalog: products: %w", err)
	}
	products := map[int64]*Product{}
	same := interner{}
	for rows.Next() {
		p := new(Product)
		var inputs json.RawMessage
		var from, to *int16
		if err := rows.Scan(&p.ID, &p.Mode, &p.SKU, &p.Category, &p.Name, &p.Brand, &p.Group, &p.Type, &p.Description, &inputs,
			&p.Service, &p.ISO, &p.Server, &p.VariantOf, &p.fixedPrice, &p.policy, &p.closed, &from, &to,
			&p.SMM.Kind, &p.SMM.Min, &p.SMM.Max, &p.Refill, &p.Cancel, &p.SMM.Dripfeed, &p.AverageTime); err != nil {
			rows.Close()
			return nil, fmt.Errorf("catalog: products: %w", err)
		}
		if p.Inputs, err = same.inputs(inputs); err != nil {
			rows.Close()
			return nil, fmt.Errorf("catalog: product %s: inputs: %w", p.SKU, err)
		}
		p.Brand, p.Group, p.Mode, p.Type = same.text(p.Brand), same.text(p.Group), same.text(p.Mode), same.text(p.Type)
		p.cut = newWindow(from, to)
		products[p.ID] = p
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("catalog: products: %w", err)
	}
	return products, loadOffers(ctx, db, where, arg, products, same)
}

func loadOffers(ctx context.Context, db querier, where string, arg any, products map[int64]*Product, same interner) error {
	rows, err := db.Query(ctx, offerSQL+where+` ORDER BY o.id`, arg)
	if err != nil {
		return fmt.Errorf("catalog: offers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var o offer
		var product int64
		var from, to *int16
		if err := rows.Scan(&product, &o.id, &o.upstream, &o.code, &o.extra, &o.cost, &o.pending, &o.available, &o.reason, &o.stock, &o.unlimited,
			&o.successRate, &o.vanished, &o.closed, &o.flaggedUntil, &o.priority, &o.weight, &from, &to); err != nil {
			return fmt.Errorf("catalog: offers: %w", err)
		}
		o.upstream, o.cut = same.text(o.upstream), newWindow(from, to)
		if p := products[product]; p != nil {
			p.offers = append(p.offers, o)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("catalog: offers: %w", err)
	}
	return nil
}

// interner keeps one copy of texts that thousands of rows share.
type interner map[string]any

func (in interner) text(s string) string {
	if t, ok := in[s].(string); ok {
		return t
	}
	in[s] = s
	return s
}

func (in interner) inputs(raw json.RawMessage) ([]Input, error) {
	key := "inputs:" + string(raw)
	if v, ok := in[key].([]Input); ok {
		return v, nil
	}
	v := []Input{}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	in[key] = v
	return v, nil
}

// loadPricing reads tiers and markups.
func loadPricing(ctx context.Context, db querier) (*pricing, error) {
	rows, err := db.Query(ctx, `SELECT t.tier, coalesce(m.scope, ''), coalesce(m.key, ''), coalesce(m.percent_bp, 0), coalesce(m.fixed, 0)
		FROM tiers t LEFT JOIN markups m USING (tier) ORDER BY t.tier`)
	if err != nil {
		return nil, fmt.Errorf("catalog: markups: %w", err)
	}
	p := &pricing{markups: map[int]map[markupKey]Markup{}}
	var tier int
	var k markupKey
	var m Markup
	_, err = pgx.ForEachRow(rows, []any{&tier, &k.scope, &k.key, &m.PercentBP, &m.Fixed}, func() error {
		if n := len(p.tiers); n == 0 || p.tiers[n-1] != tier {
			p.tiers = append(p.tiers, tier)
			p.markups[tier] = map[markupKey]Markup{}
		}
		if k.scope != "" {
			p.markups[tier][k] = m
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: markups: %w", err)
	}
	return p, nil
}

// service is an otp service as merchants see it.
type service struct{ code, name, mode string }

// country is where otp numbers are from.
type country struct{ iso, name, prefix string }

func loadServices(ctx context.Context, db querier) ([]service, error) {
	rows, err := db.Query(ctx, `SELECT s.code, s.name, u.mode FROM otp_services s JOIN otp_service_codes c ON c.service = s.code
		JOIN upstreams u ON u.name = c.upstream WHERE c.vanished_at IS NULL GROUP BY s.code, s.name, u.mode ORDER BY lower(s.name), s.code`)
	if err != nil {
		return nil, fmt.Errorf("catalog: services: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s service, err error) {
		err = row.Scan(&s.code, &s.name, &s.mode)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: services: %w", err)
	}
	return all, nil
}

func loadCountries(ctx context.Context, db querier) (map[string]country, error) {
	rows, err := db.Query(ctx, `SELECT iso, name, prefix FROM otp_countries`)
	if err != nil {
		return nil, fmt.Errorf("catalog: countries: %w", err)
	}
	all := map[string]country{}
	var c country
	if _, err := pgx.ForEachRow(rows, []any{&c.iso, &c.name, &c.prefix}, func() error {
		all[c.iso] = c
		return nil
	}); err != nil {
		return nil, fmt.Errorf("catalog: countries: %w", err)
	}
	return all, nil
}

const upstreamSQL = `SELECT u.name, u.driver, u.mode, u.paused, u.paused_why, u.breaker_until, u.balance, u.balance_at, u.seen_at, u.catalog_at, u.good, u.bad, u.calls, u.seconds, u.measured_at FROM upstreams u`

func scanUpstream(row pgx.CollectableRow) (u Upstream, err error) {
	var at *time.Time
	c := &u.Condition
	err = row.Scan(&u.Name, &u.Driver, &u.Mode, &u.Paused, &u.PausedWhy, &u.BreakerUntil, &u.Balance, &u.BalanceAt, &u.SeenAt, &u.CatalogAt,
		&c.Good, &c.Bad, &c.Calls, &c.Seconds, &at)
	if at != nil {
		c.At = *at
	}
	return u, err
}

// Upstreams lists all sources by name.
func Upstreams(ctx context.Context, pool *pgxpool.Pool) ([]Upstream, error) {
	return loadUpstreams(ctx, pool)
}

// healths gives sources by name, with how they do at a moment.
func healths(all []Upstream, now time.Time) map[string]Upstream {
	health := make(map[string]Upstream, len(all))
	for _, u := range all {
		u.ailing = u.Condition.Ailing(now) != ""
		health[u.Name] = u
	}
	return health
}

func loadUpstreams(ctx context.Context, db querier) ([]Upstream, error) {
	rows, err := db.Query(ctx, upstreamSQL+` ORDER BY u.name`)
	if err != nil {
		return nil, fmt.Errorf("catalog: upstreams: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanUpstream)
	if err != nil {
		return nil, fmt.Errorf("catalog: upstreams: %w", err)
	}
	return all, nil
}
