package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/smm"
)

const (
	// PriceFresh is how long what a source said of an offer's price is taken for current,
	// and how long it is left alone after it said nothing. It is harmless: what an order may
	// cost is bounded by the price that its merchant pays, whatever was read before.
	PriceFresh = 30 * time.Second
	// PriceKept is how long the last question about an offer is kept.
	PriceKept = 24 * time.Hour
)

// ErrMovedOn: a question about a price is over, is another worker's, or is about an offer
// that is no longer as it was.
var ErrMovedOn = errors.New("catalog: the question is over")

// PricedBy gives the offer whose cost decides what an order of a tier would cost now: the
// one that it would go to; where none takes orders, the one that it would go to if its
// source said that it may. ok is false where no source could change anything: a premium
// product, one that is closed by an operator or by the time of day.
func (s *Snapshot) PricedBy(p *Product, tier int) (o OfferRef, ok bool) {
	now := s.live.now()
	if p.Category == order.Product || !p.judge(now, s.rules.loc, nil).open() {
		return OfferRef{}, false
	}
	price, units := s.Price(p, tier), int64(0)
	most := s.MaxCost(p, price)
	if p.Category == order.SMM { // as much as the smallest order takes
		units = smm.Units(p.SMM.Kind, max(p.SMM.Min, 1), nil)
		most = s.MaxCostUnits(price, units)
	}
	if r, err := s.RouteUnits(p, units, most); err == nil {
		return OfferRef{ID: r.OfferID, Upstream: r.Upstream}, true
	}
	var best *offer
	health := *s.live.health.Load()
	for i := range p.offers {
		o := &p.offers[i]
		source, known := health[o.upstream]
		if blocked, _ := source.blocked(0, now); !known || blocked || !o.hoped(p.Category, now, s.rules.loc) {
			continue
		}
		if best == nil || p.policy.before(o, best) {
			best = o
		}
	}
	if best == nil {
		return OfferRef{}, false
	}
	return OfferRef{ID: best.id, Upstream: best.upstream}, true
}

// hoped tells whether an offer would take orders if its source said so.
func (o *offer) hoped(c order.Category, now time.Time, loc *time.Location) bool {
	open := *o
	open.available, open.reason, open.unlimited = true, "", true
	return open.judge(c, now, loc, nil).open()
}

// PriceState is what is known of when an offer's price was read.
type PriceState struct {
	// Version is that of the offer's product: a snapshot that has it shows what was read.
	Version int64
	// At is when its source last said the price, alone or in a list; zero before that.
	At time.Time
	// AskedAt is when it was last asked for it alone, answered or not; zero before that.
	AskedAt time.Time
}

// Fresh is until when no question is wanted.
func (s *PriceState) Fresh() time.Time {
	if s.AskedAt.After(s.At) {
		return s.AskedAt.Add(PriceFresh)
	}
	return s.At.Add(PriceFresh)
}

// ReadPriceState reads it. [ErrNotFound] where there is no such offer.
func ReadPriceState(ctx context.Context, pool *pgxpool.Pool, offerID int64) (PriceState, error) {
	var s PriceState
	var said, asked *time.Time
	err := pool.QueryRow(ctx, `SELECT p.version, greatest(c.said_at, s.last_done_at), c.asked_at
		FROM offers o JOIN products p ON p.id = o.product_id LEFT JOIN price_checks c ON c.offer_id = o.id
		LEFT JOIN catalog_scopes s ON s.upstream = o.upstream AND s.key = o.scope AND NOT s.shrunk
		WHERE o.id = $1`, offerID).Scan(&s.Version, &said, &asked)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, ErrNotFound
	}
	if err != nil {
		return s, fmt.Errorf("catalog: price of offer %d: %w", offerID, err)
	}
	if said != nil {
		s.At = *said
	}
	if asked != nil {
		s.AskedAt = *asked
	}
	return s, nil
}

// PriceRate bounds how often one source is asked for prices, over all processes: so many
// questions in any window of Per, or about so many where two ask at the same instant.
type PriceRate struct {
	Questions int
	Per       time.Duration
}

// PriceQuestion is one question to a source about the price of one offer.
type PriceQuestion struct {
	OfferID int64
	// N is which question about the offer it is.
	N int
	// Code is the source's; it never leaves us for a merchant.
	Code      string
	AskedAt   time.Time
	WaitUntil time.Time
	// ListedAt is when the list that the offer is in was last read; zero before that.
	ListedAt time.Time
}

// AskPrice puts down that an offer's source is to be asked, and gives the number of the
// question. ok is false where it was asked too lately, by whichever process, or where the
// source has been asked enough.
func AskPrice(ctx context.Context, pool *pgxpool.Pool, offer OfferRef, r PriceRate, wait time.Duration, now time.Time) (n int, ok bool, err error) {
	err = pool.QueryRow(ctx, `INSERT INTO price_checks AS c (offer_id, upstream, n, asked_at, wait_until, taken)
		SELECT $1, $2, 1, $3, $4, false
		WHERE (SELECT count(*) FROM (SELECT FROM price_checks WHERE upstream = $2 AND asked_at > $5 LIMIT $6) AS lately) < $6
		ON CONFLICT (offer_id) DO UPDATE SET n = c.n + 1, upstream = excluded.upstream, asked_at = excluded.asked_at, wait_until = excluded.wait_until, taken = false
		WHERE c.asked_at <= $7
		RETURNING n`, offer.ID, offer.Upstream, now, now.Add(wait), now.Add(-r.Per), r.Questions, now.Add(-PriceFresh)).Scan(&n)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("catalog: ask the price of offer %d: %w", offer.ID, err)
	}
	return n, true, nil
}

// TakePrice takes a question for a worker of a source in a mode: nobody else has it then.
// [ErrMovedOn] where it is not to be asked any more.
func TakePrice(ctx context.Context, pool *pgxpool.Pool, offerID int64, n int, upstream, mode string, now time.Time) (*PriceQuestion, error) {
	q := &PriceQuestion{OfferID: offerID, N: n}
	var listed *time.Time
	err := pool.QueryRow(ctx, `UPDATE price_checks c SET taken = true FROM offers o JOIN upstreams u ON u.name = o.upstream
			LEFT JOIN catalog_scopes s ON s.upstream = o.upstream AND s.key = o.scope AND NOT s.shrunk
		WHERE c.offer_id = $1 AND c.n = $2 AND NOT c.taken AND c.wait_until > $3 AND o.id = c.offer_id AND o.upstream = $4 AND u.mode = $5 AND o.vanished_at IS NULL
		RETURNING o.code, c.asked_at, c.wait_until, s.last_done_at`, offerID, n, now, upstream, mode).Scan(&q.Code, &q.AskedAt, &q.WaitUntil, &listed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrMovedOn
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: take the price of offer %d: %w", offerID, err)
	}
	if listed != nil {
		q.ListedAt = *listed
	}
	return q, nil
}

// PriceSaid writes that a question was answered. [ErrMovedOn] where a later one was asked.
func PriceSaid(ctx context.Context, tx pgx.Tx, q *PriceQuestion, at time.Time) error {
	tag, err := tx.Exec(ctx, `UPDATE price_checks SET said_at = $3 WHERE offer_id = $1 AND n = $2`, q.OfferID, q.N, at)
	switch {
	case err != nil:
		return fmt.Errorf("catalog: price of offer %d: %w", q.OfferID, err)
	case tag.RowsAffected() == 0:
		return ErrMovedOn
	}
	return nil
}
