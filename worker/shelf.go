package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// workedEvery bounds how often a success is told to the catalogue for one offer.
	workedEvery = 5 * time.Second
	// pausedFor is how long a worker believes that its upstream is not paused.
	pausedFor = time.Second
)

// Shelf is what a worker tells the catalogue and asks of it.
type Shelf struct {
	Pool     *pgxpool.Pool
	Router   *catalog.Router
	Importer *catalog.Importer
	Flagging catalog.Flagging
	Log      *slog.Logger
	Now      func() time.Time

	mu       sync.Mutex
	worked   map[int64]time.Time
	paused   bool
	lookedAt time.Time
}

// next gives another offer of the order's product, none of those tried; nil when
// there is none.
func (s *Shelf) next(ctx context.Context, o *order.Order, tried []int64) *order.Route {
	route, err := s.Router.Next(ctx, o.ProductID, o.MaxCost, tried)
	if err != nil {
		s.Log.InfoContext(ctx, "no other offer", "order", o.ID, "reason", err.Error())
		return nil
	}
	return &route
}

// heard tells the catalogue how an offer did and what our balance is.
func (s *Shelf) heard(ctx context.Context, name string, offerID int64, step *order.Step, reason upstream.Reason) {
	var err error
	switch {
	case step.Outcome == "succeeded" && s.due(offerID):
		err = catalog.ProductWorked(ctx, s.Pool, offerID, s.Now())
	case reason == upstream.ReasonProduct || reason == upstream.ReasonPrice:
		_, err = catalog.ProductFailed(ctx, s.Pool, s.Flagging, offerID, s.Now())
	case reason == upstream.ReasonOurBalance:
		err = catalog.SetBalance(ctx, s.Pool, name, 0, s.Now())
	}
	if step.BalanceAfter != nil {
		err = errors.Join(err, catalog.SetBalance(ctx, s.Pool, name, *step.BalanceAfter, s.Now()))
	}
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		s.Log.WarnContext(ctx, "catalogue note", "offer", offerID, "error", err)
	}
}

// due thins out successes: only the first after a while may end a row of failures.
func (s *Shelf) due(offerID int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if now.Sub(s.worked[offerID]) < workedEvery {
		return false
	}
	if s.worked == nil || len(s.worked) > 10_000 {
		s.worked = map[int64]time.Time{}
	}
	s.worked[offerID] = now
	return true
}

// isPaused tells whether an operator keeps purchases back. Not knowing counts as
// paused: the orders wait.
func (s *Shelf) isPaused(ctx context.Context, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Now().Sub(s.lookedAt) < pausedFor {
		return s.paused
	}
	err := s.Pool.QueryRow(ctx, `SELECT paused FROM upstreams WHERE name = $1`, name).Scan(&s.paused)
	if err != nil {
		s.Log.WarnContext(ctx, "paused?", "upstream", name, "error", err)
		return true
	}
	s.lookedAt = s.Now()
	return s.paused
}

// balance is our balance as last seen, for the evidence of an attempt at an
// upstream that cannot be asked by our reference.
func (s *Shelf) balance(ctx context.Context, c *upstream.Client) *int64 {
	if _, ok := c.Driver().(upstream.Lookup); ok {
		return nil
	}
	balance, err := catalog.KnownBalance(ctx, s.Pool, c.Name)
	if err != nil {
		s.Log.WarnContext(ctx, "known balance", "upstream", c.Name, "error", err)
		return nil
	}
	return balance
}
