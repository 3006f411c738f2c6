package api

import (
	"context"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
)

const (
	// operatorsFresh is how long the operators of an offer are taken for current.
	operatorsFresh = 12 * time.Hour
	// askTimeout bounds the wait for a worker's answer while a merchant waits for ours.
	askTimeout = 10 * time.Second
	// askOperators is the kind of question that workers know this one as.
	askOperators = "operators"
)

// otpOperators answers from what was last told, and asks when that is old. What
// is old is better than nothing when nobody answers.
func (s *server) otpOperators(ctx context.Context, in *operatorsInput) (func(huma.Context), error) {
	snapshot := s.deps.Catalog.Snapshot()
	product, ok := snapshot.ProductFor(string(caller(ctx).Mode), in.SKU)
	if !ok {
		return nil, noSKU()
	}
	if product.Category != order.OTP {
		return nil, fault.Field("sku", "is not of category otp")
	}
	offer, ok := offerOf(snapshot, product)
	if !ok {
		return nil, unavailable(catalog.Closed, nil)
	}
	list, at, known, err := catalog.Operators(ctx, s.deps.DB.Pool, offer.ID)
	if err != nil {
		return nil, err
	}
	if known && s.deps.Now().Sub(at) < operatorsFresh {
		return serveBody(&in.Cached, catalog.OperatorsBody(list)), nil
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := s.deps.Queue.Ask(asked, offer.Upstream, askOperators, offer.ID)
	switch {
	case err == nil && !answer.Refused:
		if list, _, known, err = catalog.Operators(ctx, s.deps.DB.Pool, offer.ID); err != nil {
			return nil, err
		}
	case err != nil:
		s.deps.Log.WarnContext(ctx, "operators not told", "error", err)
	}
	if !known {
		f := fault.Disturbed("no answer in time, try again later").Because(err)
		f.AtSource = err == nil || errors.Is(err, queue.ErrNoAnswer) // and not our Redis
		return nil, f
	}
	return serveBody(&in.Cached, catalog.OperatorsBody(list)), nil
}

// offerOf is the offer that an order would go to now, or else the first there is.
func offerOf(snapshot *catalog.Snapshot, product *catalog.Product) (catalog.OfferRef, bool) {
	if route, err := snapshot.Route(product, 0); err == nil {
		return catalog.OfferRef{ID: route.OfferID, Upstream: route.Upstream}, true
	}
	if all := product.Offers(); len(all) > 0 {
		return all[0], true
	}
	return catalog.OfferRef{}, false
}

// checkOperator refuses an operator that the chosen offer does not have.
func (s *server) checkOperator(ctx context.Context, p *placement) error {
	id := p.Inputs["operator_id"]
	if p.Category != order.OTP || id == "" {
		return nil
	}
	_, ok, err := catalog.OperatorCode(ctx, s.deps.DB.Pool, p.Route.OfferID, id)
	if err != nil {
		return err
	}
	if !ok {
		return wrongField("operator_id", "is not an operator of this sku; see GET /otp/operators")
	}
	return nil
}
