package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/order"
)

// Router finds the next offer for an order that its first one refused, straight
// from the database: workers fail over seldom and need no catalogue in memory.
type Router struct {
	Pool     *pgxpool.Pool
	Rounding Rounding
	Location *time.Location
	Now      func() time.Time
	Random   func(n int64) int64
}

// Next is [Snapshot.RouteUnits] for a product by its id, without the offers tried.
// maxCost is the order's, in rupiah; zero is no bound.
func (r *Router) Next(ctx context.Context, productID, units, maxCost int64, tried []int64) (order.Route, error) {
	products, err := loadProducts(ctx, r.Pool, `p.id = $1`, productID)
	if err != nil {
		return order.Route{}, err
	}
	p := products[productID]
	if p == nil {
		return order.Route{}, ErrNotFound
	}
	all, err := loadUpstreams(ctx, r.Pool)
	if err != nil {
		return order.Route{}, err
	}
	loc := r.Location
	if loc == nil {
		loc = time.UTC
	}
	// The order's own bound stands for the price: nothing is derived here.
	c := choice{
		rules: &rules{rounding: r.Rounding, loc: loc}, health: healths(all, r.Now()), now: r.Now(), random: r.Random,
		maxCost: maxCost, exclude: tried, units: units,
	}
	return c.route(p)
}
