package order

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Terms are what a social media order was taken by; they never change.
type Terms struct {
	// Units is what of its rate the order takes, in thousandths.
	Units int64 `json:"units"`
	// Total is what "remains" counts down from; zero where a count says nothing of what
	// was delivered.
	Total int64 `json:"total,omitempty"`
	// Cancel and Refill are whether the service allows them.
	Cancel bool `json:"cancel,omitempty"`
	Refill bool `json:"refill,omitempty"`
}

// RefillStatus is where a refill stands, as merchants read it.
type RefillStatus string

// The states of a refill. Pending: the source has not taken it yet, since it has not
// been asked or wants to be asked later.
const (
	RefillPending    RefillStatus = "pending"
	RefillProcessing RefillStatus = "processing"
	RefillCompleted  RefillStatus = "completed"
	RefillRejected   RefillStatus = "rejected"
)

// Refill is the last refill that was asked for on an order.
type Refill struct {
	// N numbers the order's refills from 1.
	N      int          `json:"n"`
	Status RefillStatus `json:"status"`
	// UpstreamRef is the source's id of it; Tries is how often the source was asked in
	// vain since it last answered.
	UpstreamRef string    `json:"upstream_ref,omitempty"`
	Tries       int       `json:"tries,omitempty"`
	AskedAt     time.Time `json:"asked_at"`
	// NextAt is when to ask or to look again; zero when it has ended.
	NextAt time.Time `json:"next_at,omitzero"`
}

// Open is whether the refill has not ended.
func (r *Refill) Open() bool {
	return r != nil && (r.Status == RefillPending || r.Status == RefillProcessing)
}

// Due is whether it is to be asked for or about now.
func (r *Refill) Due(now time.Time) bool { return r.Open() && !r.NextAt.After(now) }

// status is what a merchant reads of it; nil for no refill.
func (r *Refill) status() *string {
	if r == nil {
		return nil
	}
	s := string(r.Status)
	return &s
}

// Units is what of its rate an order takes, in thousandths; zero for orders whose
// costs are for one.
func (o *Order) Units() int64 {
	if t := o.Facts.SMM; t != nil {
		return t.Units
	}
	return 0
}

// Total is what remains of an order counts down from; zero where it counts nothing.
func (o *Order) Total() int64 {
	if t := o.Facts.SMM; t != nil {
		return t.Total
	}
	return o.Quantity
}

// remaining takes a count of what was not delivered into the order: within what was
// ordered, where that is known.
func (o *Order) remaining(n int64) {
	n = max(n, 0)
	if total := o.Total(); total > 0 {
		n = min(n, total)
	}
	o.Facts.Remains = &n
}

// undelivered is the share of the price that was not delivered, by what remains;
// all of it where whole.
func (o *Order) undelivered(whole bool) int64 {
	total := o.Total()
	switch {
	case whole:
		return o.Price
	case o.Facts.Remains == nil || total == 0:
		return 0
	}
	return mulDiv(o.Price, min(*o.Facts.Remains, total), total)
}

// linkKey names a link at a service of an upstream: one open order each.
type linkKey struct{ upstream, code, link string }

func (r *Request) link() (linkKey, bool) {
	return linkKey{r.Route.Upstream, r.Route.Code, r.Link}, r.Link != ""
}

const busySQL = `SELECT o.upstream, o.code, o.link FROM unnest($1::text[], $2::text[], $3::text[]) AS u(upstream, code, link)
	JOIN orders o ON o.upstream = u.upstream AND o.code = u.code AND o.link = u.link
	WHERE o.state IN ('queued', 'sending', 'processing', 'unknown')`

// queueBusy looks which of the links an open order runs on.
func (s *sitting) queueBusy(b *pgx.Batch, set []*placement) {
	var upstream, code, link []string
	for _, c := range set {
		if k, ok := c.in.link(); ok {
			upstream, code, link = append(upstream, k.upstream), append(code, k.code), append(link, k.link)
		}
	}
	s.busy = map[linkKey]bool{}
	if len(link) == 0 {
		return
	}
	b.Queue(busySQL, upstream, code, link).Query(func(rows pgx.Rows) error {
		var k linkKey
		_, err := pgx.ForEachRow(rows, []any{&k.upstream, &k.code, &k.link}, func() error {
			s.busy[k] = true
			return nil
		})
		return err
	})
}

// LinkBusy tells whether an open order runs on the order's link at a service of an
// upstream, other than the order itself.
func LinkBusy(ctx context.Context, pool *pgxpool.Pool, o *Order, upstream, code string) (bool, error) {
	if o.Link == nil {
		return false, nil
	}
	var busy bool
	err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM orders WHERE upstream = $1 AND code = $2 AND link = $3 AND id <> $4
		AND state IN ('queued', 'sending', 'processing', 'unknown'))`, upstream, code, *o.Link, o.ID).Scan(&busy)
	if err != nil {
		return false, fmt.Errorf("order: link: %w", err)
	}
	return busy, nil
}

// Borne tells whether another order with a link bears an upstream's id already.
func Borne(ctx context.Context, pool *pgxpool.Pool, o *Order, upstreamRef string) (bool, error) {
	var borne bool
	err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM orders WHERE upstream = $1 AND upstream_ref = $2 AND upstream_ref <> '' AND link IS NOT NULL AND id <> $3)`,
		o.Upstream, upstreamRef, o.ID).Scan(&borne)
	if err != nil {
		return false, fmt.Errorf("order: borne: %w", err)
	}
	return borne, nil
}

// takeBack gives back what a source took back of what it had completed, once: the
// status stays, the difference is an entry of its own.
func (c *change) takeBack() {
	o, s := c.o, c.step
	o.Facts.TakenBack = true
	back := min(o.undelivered(s.Whole), o.Price)
	if back > 0 {
		c.postings = append(c.postings, posting{"refund", 1, back})
		c.wallet, c.event = true, true
		o.Refunded = back
	}
	if s.Cost != nil && *s.Cost >= 0 && *s.Cost < o.Cost {
		c.postings = append(c.postings, posting{"cost_back", s.Attempt, o.Cost - *s.Cost})
		o.Cost = *s.Cost
	}
}

// refill takes a refill's progress into the order and tells whether a merchant waits
// for it: what a worker learned.
func (c *change) refill(now time.Time) bool {
	o, s := c.o, c.step
	if s.Wish == WishRefill {
		n := 1
		if o.Facts.Refill != nil {
			n = o.Facts.Refill.N + 1
		}
		o.Facts.Refill = &Refill{N: n, Status: RefillPending, AskedAt: now, NextAt: now}
	}
	if s.Refill == nil || o.Facts.Refill == nil {
		return false
	}
	moved := o.Facts.Refill.Status != s.Refill.Status
	r := *s.Refill
	o.Facts.Refill = &r
	return moved
}
