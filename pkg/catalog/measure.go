package catalog

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// halfLife is how long after it was seen an observation counts for half.
	halfLife = 10 * time.Minute
	// enough observations, as they count now, tell something of a source.
	enough = 5
	// leastRate is the share of purchases that a healthy source takes well, and longest
	// how long it takes for an answer on average.
	leastRate, longest = 0.7, 15 * time.Second
)

// Observed is what a process saw of a source.
type Observed struct {
	// Good and Bad are purchases that it took or delivered, and that it lost or let fail.
	Good, Bad int
	// Calls are purchases that were sent, and Took how long their answers took together.
	Calls int
	Took  time.Duration
}

// Condition is how a source does, by what was observed of late. It is a hint: ailing
// sources are chosen last.
type Condition struct {
	Good, Bad, Calls, Seconds float64
	At                        time.Time
}

// now is what the observations count for at a moment.
func (c Condition) now(at time.Time) Condition {
	if c.At.IsZero() || !at.After(c.At) {
		return c
	}
	f := math.Exp2(-float64(at.Sub(c.At)) / float64(halfLife))
	return Condition{Good: c.Good * f, Bad: c.Bad * f, Calls: c.Calls * f, Seconds: c.Seconds * f, At: at}
}

// Rate is the share of purchases that it took well, of 1; ok is false while too few
// were observed of late to tell.
func (c Condition) Rate(at time.Time) (rate float64, ok bool) {
	c = c.now(at)
	if c.Good+c.Bad < enough {
		return 0, false
	}
	return c.Good / (c.Good + c.Bad), true
}

// Latency is how long its answers to purchases take on average; ok as with Rate.
func (c Condition) Latency(at time.Time) (mean time.Duration, ok bool) {
	c = c.now(at)
	if c.Calls < enough {
		return 0, false
	}
	return time.Duration(c.Seconds / c.Calls * float64(time.Second)), true
}

// Ailing tells whether other sources are to be preferred, and why. It passes by itself:
// one that gets no more orders is forgotten, and tried again.
func (c Condition) Ailing(at time.Time) (why string) {
	if rate, ok := c.Rate(at); ok && rate < leastRate {
		return "many purchases fail"
	}
	if mean, ok := c.Latency(at); ok && mean > longest {
		return "answers are slow"
	}
	return ""
}

// Observe adds to how a source does.
func Observe(ctx context.Context, pool *pgxpool.Pool, name string, o Observed, now time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE upstreams u SET good = u.good * d.f + $2, bad = u.bad * d.f + $3, calls = u.calls * d.f + $4, seconds = u.seconds * d.f + $5,
			measured_at = greatest(u.measured_at, $6)
		FROM (SELECT name, coalesce(exp(-ln(2) * greatest(extract(epoch FROM $6::timestamptz - measured_at), 0)::float8 / $7), 0) AS f
			FROM upstreams WHERE name = $1 FOR NO KEY UPDATE) d WHERE u.name = d.name`,
		name, float64(o.Good), float64(o.Bad), float64(o.Calls), o.Took.Seconds(), now, halfLife.Seconds())
	if err != nil {
		return fmt.Errorf("catalog: observe %s: %w", name, err)
	}
	return nil
}

// Policies are all there are.
func Policies() []Policy { return []Policy{ByPrice, ByPriority, ByWeight} }

// fieldPolicy marks a product whose policy an operator set for it alone.
const fieldPolicy = "policy"

// SetPolicy says how one of several offers is chosen: of the product with a SKU, or,
// where it is empty, of all for which nobody has said so alone, later ones among them.
// It gives how many products changed.
func SetPolicy(ctx context.Context, pool *pgxpool.Pool, sku string, p Policy, actor string, now time.Time) (int, error) {
	if !slices.Contains(Policies(), p) {
		return 0, fmt.Errorf("catalog: %q is no policy", p)
	}
	n := 0
	subject := sku
	if sku == "" {
		subject = "catalog"
	}
	e := entry(actor, "catalog.policy", subject, map[string]string{"policy": string(p)}, now)
	err := operated(ctx, pool, e, func(tx pgx.Tx) ([]int64, error) {
		sql := `UPDATE products SET policy = $1, updated_at = $2, edited = array_remove(edited, $3) || $3::text WHERE sku = $4 RETURNING id`
		if sku == "" {
			if _, err := tx.Exec(ctx, `UPDATE catalog_policy SET policy = $1`, p); err != nil {
				return nil, fmt.Errorf("catalog: policy: %w", err)
			}
			sql = `UPDATE products SET policy = $1, updated_at = $2 WHERE policy <> $1 AND $3 <> ALL (edited) AND $4 = '' RETURNING id`
		}
		rows, err := tx.Query(ctx, sql, p, now, fieldPolicy, sku)
		if err != nil {
			return nil, fmt.Errorf("catalog: policy: %w", err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return nil, fmt.Errorf("catalog: policy: %w", err)
		}
		if n = len(ids); n == 0 && sku != "" {
			return nil, ErrNotFound
		}
		return ids, nil
	})
	return n, err
}

// SetRank sets an offer's priority (of several the lowest is chosen first) and its
// weight (how often it is chosen beside others); nil keeps one.
func SetRank(ctx context.Context, pool *pgxpool.Pool, offerID int64, priority, weight *int, actor string, now time.Time) error {
	if weight != nil && *weight < 1 {
		return fmt.Errorf("catalog: a weight is 1 at least, and %d is less", *weight)
	}
	e := entry(actor, "catalog.rank", fmt.Sprint("offer ", offerID), map[string]*int{"priority": priority, "weight": weight}, now)
	return operated(ctx, pool, e, func(tx pgx.Tx) ([]int64, error) {
		rows, err := tx.Query(ctx, `UPDATE offers SET priority = coalesce($2, priority), weight = coalesce($3, weight), updated_at = $4 WHERE id = $1 RETURNING product_id`,
			offerID, priority, weight, now)
		if err != nil {
			return nil, fmt.Errorf("catalog: rank: %w", err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return nil, fmt.Errorf("catalog: rank: %w", err)
		}
		if len(ids) == 0 {
			return nil, ErrNotFound
		}
		return ids, nil
	})
}
