package backoffice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/fault"
)

// ProductRow is a product as operators see it; money is whole rupiah.
type ProductRow struct {
	SKU       string               `json:"sku" example:"TSEL10"`
	Name      string               `json:"name"`
	Category  string               `json:"category" enum:"ppob,smm,otp,product"`
	Brand     string               `json:"brand"`
	Available bool                 `json:"available"`
	Reason    catalog.Reason       `json:"reason" doc:"Why it cannot be ordered now; empty where it can."`
	Until     *time.Time           `json:"until"`
	Cost      int64                `json:"cost"`
	Prices    []int64              `json:"prices" doc:"By tier, lowest tier first."`
	Stock     *int64               `json:"stock" doc:"Null for unlimited."`
	Policy    catalog.Policy       `json:"policy" enum:"price,priority,weight" doc:"How one of several offers is chosen."`
	Offers    []catalog.OfferState `json:"offers"`
}

// ProductList is products by SKU.
type ProductList struct {
	Count    int          `json:"count"`
	Tiers    []int        `json:"tiers" doc:"Those that prices are given for."`
	Products []ProductRow `json:"products"`
}

// ProductFilter selects products. Empty fields but the mode select all.
type ProductFilter struct {
	Mode     string
	Category string
	// Upstream: only what it offers. Search looks through SKU, name and brand.
	Upstream, Search string
	// Closed: only what cannot be ordered now.
	Closed bool
	// After is the SKU that the page begins after; Limit bounds it, 0 is no bound.
	After string
	Limit int
}

// ListProducts gives the products of a snapshot by SKU, with their offers.
func ListProducts(s *catalog.Snapshot, f *ProductFilter) *ProductList {
	out := &ProductList{Tiers: s.Tiers(), Products: []ProductRow{}}
	bySKU := func(a, b *catalog.Product) int { return strings.Compare(a.SKU, b.SKU) }
	for _, p := range slices.SortedFunc(slices.Values(s.All(f.Mode)), bySKU) {
		if f.Limit > 0 && len(out.Products) == f.Limit {
			break
		}
		if row := f.row(s, p); row != nil {
			out.Products = append(out.Products, *row)
		}
	}
	out.Count = len(out.Products)
	return out
}

// row is nil for a product that the filter leaves out.
func (f *ProductFilter) row(s *catalog.Snapshot, p *catalog.Product) *ProductRow {
	if f.After != "" && p.SKU <= f.After || f.Category != "" && string(p.Category) != f.Category {
		return nil
	}
	if f.Search != "" && !strings.Contains(strings.ToLower(p.SKU+"\n"+p.Name+"\n"+p.Brand), strings.ToLower(f.Search)) {
		return nil
	}
	r := &ProductRow{SKU: p.SKU, Name: p.Name, Category: string(p.Category), Brand: p.Brand, Cost: p.Cost, Policy: p.Policy(), Offers: s.OfferStates(p), Prices: []int64{}}
	r.Available, r.Reason, r.Until = s.Availability(p)
	if f.Closed && r.Available {
		return nil
	}
	from := f.Upstream == ""
	for i := range r.Offers {
		from = from || r.Offers[i].Upstream == f.Upstream
	}
	if !from {
		return nil
	}
	for _, tier := range s.Tiers() {
		r.Prices = append(r.Prices, s.Price(p, tier))
	}
	switch {
	case p.Category == "product":
		n := s.Stock(p)
		r.Stock = &n
	case !p.Unlimited:
		stock := p.Stock
		r.Stock = &stock
	}
	return r
}

// ImportList is how imports go.
type ImportList struct {
	Count int               `json:"count"`
	Runs  []intake.Progress `json:"runs"`
}

// RequestImports asks the workers of upstreams to read their lists, and gives the runs.
func RequestImports(ctx context.Context, pool *pgxpool.Pool, upstreams []string, actor string, now time.Time) ([]int64, error) {
	runs := make([]int64, 0, len(upstreams))
	for _, name := range upstreams {
		id, err := intake.RequestImport(ctx, pool, name, actor, now)
		if errors.Is(err, catalog.ErrNotFound) {
			return nil, fault.New(fault.NotFound, fmt.Sprintf("upstream %s is not known yet: start its worker or the scheduler first", name)).Because(err)
		}
		if err != nil {
			return nil, err
		}
		runs = append(runs, id)
	}
	return runs, nil
}

// Imports tells how runs go.
func Imports(ctx context.Context, pool *pgxpool.Pool, runs []int64, now time.Time) (*ImportList, error) {
	out := &ImportList{Count: len(runs), Runs: make([]intake.Progress, 0, len(runs))}
	for _, id := range runs {
		p, err := intake.RunProgress(ctx, pool, id, now)
		if err != nil {
			return nil, err
		}
		out.Runs = append(out.Runs, p)
	}
	return out, nil
}

// Finished tells whether all runs have ended.
func (l *ImportList) Finished() bool {
	for i := range l.Runs {
		if !l.Runs[i].Finished {
			return false
		}
	}
	return true
}

// PendingList is costs that jumped and wait for a decision, oldest first.
type PendingList struct {
	Count   int               `json:"count"`
	Pending []catalog.Pending `json:"pending"`
}

// ListPending gives the costs that wait.
func ListPending(ctx context.Context, pool *pgxpool.Pool) (*PendingList, error) {
	all, err := catalog.PendingCosts(ctx, pool)
	if err != nil {
		return nil, err
	}
	return &PendingList{Count: len(all), Pending: append([]catalog.Pending{}, all...)}, nil
}

// CostDecided is what became of a cost that waited.
type CostDecided struct {
	OfferID  int64 `json:"offer_id"`
	Accepted bool  `json:"accepted" doc:"True: the new cost holds. False: the offer is closed until it is opened again."`
}

// DecideCost accepts or rejects a cost that jumped; NotFound when none of the offer
// waits, since another operator was faster perhaps.
func DecideCost(ctx context.Context, pool *pgxpool.Pool, offerID int64, accept bool, actor string, now time.Time) (*CostDecided, error) {
	decide := catalog.RejectCost
	if accept {
		decide = catalog.AcceptCost
	}
	err := decide(ctx, pool, offerID, actor, now)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, fault.New(fault.NotFound, fmt.Sprintf("no cost of offer %d waits for a decision", offerID))
	}
	if err != nil {
		return nil, err
	}
	return &CostDecided{OfferID: offerID, Accepted: accept}, nil
}

// OfferChanged is an offer that was closed or opened.
type OfferChanged struct {
	OfferID int64 `json:"offer_id"`
	Closed  bool  `json:"closed"`
}

// SetOfferClosed closes one offer of a product, or opens it again.
func SetOfferClosed(ctx context.Context, pool *pgxpool.Pool, offerID int64, closed bool, actor string, now time.Time) (*OfferChanged, error) {
	err := catalog.SetOfferClosed(ctx, pool, offerID, closed, actor, now)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, fault.New(fault.NotFound, fmt.Sprintf("no offer has the id %d", offerID))
	}
	if err != nil {
		return nil, err
	}
	return &OfferChanged{offerID, closed}, nil
}

// PolicySet is how one of several offers is chosen from now on.
type PolicySet struct {
	Policy catalog.Policy `json:"policy"`
	SKU    string         `json:"sku" doc:"The product that it was said of; empty for all."`
	// Changed is how many products changed.
	Changed int `json:"changed" doc:"How many products changed."`
}

// SetPolicy says how one of several offers of a product is chosen; of all products for
// which it was not said alone where sku is empty.
func SetPolicy(ctx context.Context, pool *pgxpool.Pool, sku string, policy catalog.Policy, actor string, now time.Time) (*PolicySet, error) {
	n, err := catalog.SetPolicy(ctx, pool, sku, policy, actor, now)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "no product has the SKU "+sku)
	}
	if err != nil {
		return nil, err
	}
	return &PolicySet{policy, sku, n}, nil
}

// RankSet is what was said of an offer's rank; nil stayed as it was.
type RankSet struct {
	OfferID  int64 `json:"offer_id"`
	Priority *int  `json:"priority"`
	Weight   *int  `json:"weight"`
}

// SetRank sets an offer's priority and weight; nil keeps one.
func SetRank(ctx context.Context, pool *pgxpool.Pool, offerID int64, priority, weight *int, actor string, now time.Time) (*RankSet, error) {
	err := catalog.SetRank(ctx, pool, offerID, priority, weight, actor, now)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, fault.New(fault.NotFound, fmt.Sprintf("no offer has the id %d", offerID))
	}
	if err != nil {
		return nil, err
	}
	return &RankSet{offerID, priority, weight}, nil
}

// ProductChanged is a product that was closed or opened.
type ProductChanged struct {
	SKU    string `json:"sku"`
	Closed bool   `json:"closed"`
}

// SetProductClosed takes a product, of whatever kind, off sale, or puts it back.
func SetProductClosed(ctx context.Context, pool *pgxpool.Pool, sku string, closed bool, actor string, now time.Time) (*ProductChanged, error) {
	err := catalog.SetClosed(ctx, pool, sku, closed, actor, now)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "there is no product "+sku)
	}
	if err != nil {
		return nil, err
	}
	return &ProductChanged{sku, closed}, nil
}
