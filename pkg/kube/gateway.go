package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/order"
)

// Gateway is what the books of the gateway say of its upstreams, and where a pause is written.
type Gateway struct {
	Pool  *pgxpool.Pool
	Redis redis.UniversalClient
	// Upstreams are those of the configuration.
	Upstreams []config.Upstream
	Now       func() time.Time

	mu   sync.Mutex
	open *order.Open // as of at
	at   time.Time
}

// fresh is how long a count of open orders is used: it is one for all upstreams.
const fresh = 10 * time.Second

// Sight is what is known of one upstream.
type Sight struct {
	// Configured: the configuration has it.
	Configured bool
	Driver     string
	Mode       string
	// Paused, and why, by whoever's word.
	Paused    bool
	PausedWhy string
	// BreakerUntil is until when its breaker is open; zero while it is not.
	BreakerUntil time.Time
	// Ailing is why other sources are preferred; empty while they are not.
	Ailing string
	// Rate is the share of purchases that it took well, of 1; nil while too few tell.
	Rate *float64
	// Float is our balance there in rupiah; nil before it said one.
	Float *int64
	// Seen is when it last answered; zero before.
	Seen time.Time
	// Queued waits to be sent.
	Queued order.Backlog
}

// Look reads how an upstream is. One that the database does not know yet is as the configuration says.
func (g *Gateway) Look(ctx context.Context, name string) (*Sight, error) {
	s := &Sight{}
	if u := g.configured(name); u != nil {
		s.Configured, s.Driver, s.Mode = true, u.Driver, mode(u)
	}
	all, err := catalog.Upstreams(ctx, g.Pool)
	if err != nil {
		return nil, fmt.Errorf("kube: %w", err)
	}
	now := g.Now()
	for i := range all {
		u := &all[i]
		if u.Name != name {
			continue
		}
		s.Driver, s.Mode, s.Paused, s.PausedWhy, s.Float, s.Ailing = u.Driver, u.Mode, u.Paused, u.PausedWhy, u.Balance, u.Condition.Ailing(now)
		if u.BreakerUntil != nil && u.BreakerUntil.After(now) {
			s.BreakerUntil = *u.BreakerUntil
		}
		if u.SeenAt != nil {
			s.Seen = *u.SeenAt
		}
		if rate, ok := u.Condition.Rate(now); ok {
			s.Rate = &rate
		}
	}
	open, err := g.standing(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("kube: %w", err)
	}
	s.Queued = open.Upstreams[name].Queued
	return s, nil
}

func (g *Gateway) standing(ctx context.Context, now time.Time) (*order.Open, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != nil && now.Sub(g.at) < fresh {
		return g.open, nil
	}
	open, err := order.Standing(ctx, g.Pool, now)
	if err != nil {
		return nil, err
	}
	g.open, g.at = open, now
	return open, nil
}

// Budget reads how an upstream's budget stands. limit is what counts where none is known: nil stands for the configuration's, and
// without either there is no budget.
func (g *Gateway) Budget(ctx context.Context, name string, limit *budget.Limit) (*budget.State, error) {
	if limit == nil {
		u := g.configured(name)
		if u == nil {
			return nil, nil //nolint:nilnil // an upstream that is not configured has none
		}
		limit = &budget.Limit{Requests: u.Budget.Requests, Per: u.Budget.Per}
	}
	s, err := budget.New(g.Redis, name, *limit, limit.Per).State(ctx)
	if err != nil {
		return nil, fmt.Errorf("kube: %w", err)
	}
	return &s, nil
}

// Declare makes an upstream's pause as d says; see [catalog.Declare]. One that no worker and no scheduler has told the database of
// yet is made known to it, so that it can be paused before its first order.
func (g *Gateway) Declare(ctx context.Context, d catalog.Declared) (did bool, err error) {
	did, err = catalog.Declare(ctx, g.Pool, d, g.Now())
	if !errors.Is(err, catalog.ErrNotFound) {
		return did, err
	}
	u := g.configured(d.Name)
	if u == nil || !d.Paused {
		return false, err
	}
	if err := catalog.KnowUpstream(ctx, g.Pool, catalog.Source{Name: u.Name, Driver: u.Driver, Mode: mode(u)}, g.Now()); err != nil {
		return false, err
	}
	return catalog.Declare(ctx, g.Pool, d, g.Now())
}

func (g *Gateway) configured(name string) *config.Upstream {
	for i := range g.Upstreams {
		if g.Upstreams[i].Name == name {
			return &g.Upstreams[i]
		}
	}
	return nil
}

func mode(u *config.Upstream) string {
	if u.Driver == config.DriverSandbox {
		return catalog.Test
	}
	return catalog.Live
}
