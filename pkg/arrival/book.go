package arrival

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// every is how often what was seen is written and read.
	every = time.Minute
	// most bounds how many seconds of watching a row keeps: beyond them what is old
	// counts half, so that a change shows within some hundred orders.
	most = 100_000
	// known bounds how many products' curves a process keeps.
	known = 4_096
)

// topic is what a curve is about: a product of a category, or all of it (zero).
type topic struct {
	category string
	product  int64
}

// Book is what one upstream's orders have taught, shared by all its workers through
// the table arrivals.
type Book struct {
	pool     *pgxpool.Pool
	upstream string

	mu     sync.Mutex
	synced time.Time
	fresh  map[topic]*Seen // seen here and not written yet
	stored map[topic]*Seen // as of the last time
	curves map[topic]*Curve
	wanted map[topic]struct{} // asked for since the last time
}

// New gives the book of an upstream. It is empty until the first Sync.
func New(pool *pgxpool.Pool, upstream string) *Book {
	return &Book{
		pool: pool, upstream: upstream, fresh: map[topic]*Seen{}, stored: map[topic]*Seen{}, curves: map[topic]*Curve{}, wanted: map[topic]struct{}{},
	}
}

// Curve gives what is known of a product.
func (b *Book) Curve(category string, product int64) *Curve {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.curve(topic{category, product})
}

func (b *Book) curve(t topic) *Curve {
	if c := b.curves[t]; c != nil {
		return c
	}
	believed := guess(t.category)
	if t.product != 0 {
		believed = b.curve(topic{category: t.category})
	}
	c := believed
	if s := b.stored[t]; s != nil {
		c = s.Over(believed)
	}
	if len(b.curves) < known {
		b.curves[t], b.wanted[t] = c, struct{}{}
	}
	return c
}

// Saw notes a look at an order of age to after one at age from that found nothing.
func (b *Book) Saw(category string, product int64, from, to time.Duration, came bool) {
	if to <= from || from < 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	by := b.curve(topic{category, product})
	for _, t := range []topic{{category: category}, {category, product}} {
		if b.fresh[t] == nil {
			b.fresh[t] = new(Seen)
		}
		b.fresh[t].Look(from, to, came, by)
	}
}

// Sync writes what was seen and reads what all have seen, once in a while. What cannot
// be written is tried again the next time.
func (b *Book) Sync(ctx context.Context, now time.Time) error {
	b.mu.Lock()
	if !b.synced.IsZero() && now.Sub(b.synced) < every {
		b.mu.Unlock()
		return nil
	}
	b.synced = now
	fresh := b.fresh
	b.fresh = map[topic]*Seen{}
	products := []int64{0}
	for t := range b.wanted {
		products = append(products, t.product)
	}
	b.mu.Unlock()
	if err := b.write(ctx, fresh, now); err != nil {
		b.putBack(fresh)
		return fmt.Errorf("arrival: write: %w", err)
	}
	stored, err := b.read(ctx, products)
	if err != nil {
		return fmt.Errorf("arrival: read: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stored = stored
	clear(b.curves)
	clear(b.wanted)
	return nil
}

func (b *Book) putBack(fresh map[topic]*Seen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for t, s := range b.fresh {
		if fresh[t] == nil {
			fresh[t] = new(Seen)
		}
		fresh[t].add(s)
	}
	b.fresh = fresh
}

// A row of another number of buckets is an older version's, and begins anew.
const writeSQL = `INSERT INTO arrivals AS a (upstream, category, product_id, news, seconds, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
	ON CONFLICT (upstream, category, product_id) DO UPDATE SET updated_at = $6, (news, seconds) = (
		SELECT coalesce(array_agg(k.keep * o.news + n.news ORDER BY n.i), excluded.news), coalesce(array_agg(k.keep * o.seconds + n.seconds ORDER BY n.i), excluded.seconds)
		FROM (SELECT CASE WHEN sum(s) > $7 THEN 0.5::float8 ELSE 1 END AS keep FROM unnest(a.seconds) AS s) k,
			unnest(excluded.news, excluded.seconds) WITH ORDINALITY AS n(news, seconds, i)
			JOIN unnest(a.news, a.seconds) WITH ORDINALITY AS o(news, seconds, i) USING (i)
		WHERE cardinality(a.news) = cardinality(excluded.news))`

func (b *Book) write(ctx context.Context, fresh map[topic]*Seen, now time.Time) error {
	if len(fresh) == 0 {
		return nil
	}
	topics := make([]topic, 0, len(fresh))
	for t := range fresh {
		topics = append(topics, t)
	}
	// In one order, so that two processes do not wait for each other.
	slices.SortFunc(topics, func(x, y topic) int {
		return cmp.Or(cmp.Compare(x.category, y.category), cmp.Compare(x.product, y.product))
	})
	var batch pgx.Batch
	for _, t := range topics {
		s := fresh[t]
		batch.Queue(writeSQL, b.upstream, t.category, t.product, s.News[:], s.Seconds[:], now, float64(most))
	}
	return b.pool.SendBatch(ctx, &batch).Close()
}

// read reads what is known of products.
func (b *Book) read(ctx context.Context, products []int64) (map[topic]*Seen, error) {
	rows, err := b.pool.Query(ctx, `SELECT category, product_id, news, seconds FROM arrivals WHERE upstream = $1 AND product_id = ANY($2)`, b.upstream, products)
	if err != nil {
		return nil, err
	}
	stored := map[topic]*Seen{}
	var t topic
	var news, seconds []float64
	_, err = pgx.ForEachRow(rows, []any{&t.category, &t.product, &news, &seconds}, func() error {
		if len(news) == buckets && len(seconds) == buckets {
			s := new(Seen)
			copy(s.News[:], news)
			copy(s.Seconds[:], seconds)
			stored[t] = s
		}
		return nil
	})
	return stored, err
}
