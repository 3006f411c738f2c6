package api

import (
	"context"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/check"
)

const (
	// quotePatience bounds the wait for a source's price, with all that belongs to it.
	quotePatience = 2500 * time.Millisecond
	// quotesAtOnce bounds how many prices one process waits for: each wait holds a
	// connection to Redis, which orders want as well.
	quotesAtOnce = 4
	// quoteSilence is how long a source whose workers gave no answer is left alone.
	quoteSilence = 10 * time.Second
	// quoteAgain is when a question that could not be put is thought of again.
	quoteAgain = time.Second
)

// Pricers are the upstreams that tell the price of one product, by name.
type Pricers map[string]Pricer

// Pricer is how an upstream may be asked for prices.
type Pricer struct {
	// Bills: of bills, too.
	Bills bool
	// Rate bounds the questions of all merchants together, over all processes.
	Rate catalog.PriceRate
}

// quotes remembers which offers need no question for a while, so that reading a price that
// is current costs nothing but memory. What was said is not remembered here: the catalogue
// has it.
type quotes struct {
	flight   singleflight.Group
	waiting  chan struct{}
	patience time.Duration

	mu     sync.Mutex
	rest   map[int64]time.Time  // by offer
	silent map[string]time.Time // by upstream
	swept  time.Time
}

func newQuotes() *quotes {
	return &quotes{waiting: make(chan struct{}, quotesAtOnce), patience: quotePatience, rest: map[int64]time.Time{}, silent: map[string]time.Time{}}
}

// wanted tells whether an offer's price may be asked for now, as far as is remembered.
func (q *quotes) wanted(o catalog.OfferRef, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !now.Before(q.rest[o.ID]) && !now.Before(q.silent[o.Upstream])
}

// leave remembers that an offer needs no question until a moment, and forgets those that
// may be asked again.
func (q *quotes) leave(o catalog.OfferRef, until, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rest[o.ID] = until
	if now.Sub(q.swept) < catalog.PriceFresh {
		return
	}
	q.swept = now
	for id, at := range q.rest {
		if !now.Before(at) {
			delete(q.rest, id)
		}
	}
}

// hush remembers that nobody answers for a source.
func (q *quotes) hush(upstream string, until time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.silent[upstream] = until
}

// quote sees to it that the price of what a merchant asks for is current, as far as the
// source of the offer that an order would go to tells it in time. It tells whether the
// snapshot may have moved. Whatever goes wrong, what is known is the answer: a question
// about a price is never an error of its own.
func (s *server) quote(ctx context.Context, snapshot *catalog.Snapshot, p *catalog.Product, tier int) bool {
	if len(s.deps.Pricers) == 0 {
		return false
	}
	offer, ok := snapshot.PricedBy(p, tier)
	if !ok {
		return false
	}
	pricer, tells := s.deps.Pricers[offer.Upstream]
	if !tells || (p.Type == catalog.Postpaid && !pricer.Bills) || !s.quotes.wanted(offer, s.deps.Now()) {
		return false
	}
	// One question for all who ask; it goes on when the asker that started it leaves.
	done := s.quotes.flight.DoChan(strconv.FormatInt(offer.ID, 10), func() (any, error) {
		select {
		case s.quotes.waiting <- struct{}{}:
			defer func() { <-s.quotes.waiting }()
		default:
			return nil, nil
		}
		now := s.deps.Now()
		if !s.quotes.wanted(offer, now) { // since we looked
			return nil, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.quotes.patience)
		defer cancel()
		until, err := s.askPrice(ctx, offer, pricer, now)
		if err != nil {
			until = now.Add(quoteAgain)
			s.deps.Log.WarnContext(ctx, "a price was not asked for", "offer", offer.ID, "upstream", offer.Upstream, "error", err)
		}
		s.quotes.leave(offer, until, now) // last: until then whoever comes waits with us
		return nil, nil
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
	return true
}

// askPrice asks for an offer's price unless it is current, and waits until the snapshot
// has what is known of it. It tells until when no question is wanted.
func (s *server) askPrice(ctx context.Context, offer catalog.OfferRef, pricer Pricer, now time.Time) (until time.Time, err error) {
	pool := s.deps.DB.Pool
	state, err := catalog.ReadPriceState(ctx, pool, offer.ID)
	if err != nil {
		return until, err
	}
	if until = state.Fresh(); now.Before(until) {
		return until, s.deps.Catalog.Reach(ctx, state.Version)
	}
	n, may, err := catalog.AskPrice(ctx, pool, offer, pricer.Rate, s.quotes.patience, now)
	if err != nil || !may { // another process was faster, or its source has been asked enough
		return now.Add(quoteAgain), err
	}
	until = now.Add(catalog.PriceFresh)
	verdict, err := s.deps.Queue.AskPrice(ctx, offer.Upstream, offer.ID, n)
	if err != nil {
		s.quotes.hush(offer.Upstream, s.deps.Now().Add(quoteSilence))
	}
	if err != nil || verdict != check.VerdictDone {
		s.deps.Log.InfoContext(ctx, "a price was not told", "offer", offer.ID, "upstream", offer.Upstream, "verdict", verdict, "error", err)
		return until, nil
	}
	if state, err = catalog.ReadPriceState(ctx, pool, offer.ID); err != nil {
		return until, err
	}
	return until, s.deps.Catalog.Reach(ctx, state.Version)
}
