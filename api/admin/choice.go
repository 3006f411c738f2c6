package admin

import (
	"context"
	"net/http"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
)

// choiceRoutes say which of several offers an order goes to, and with it from whose cost
// a price is made.
func (s *server) choiceRoutes() {
	refusals := []fault.Kind{fault.Invalid, fault.TooLarge, fault.SlowBody, fault.NotFound}
	register(s, token.Finance, rest.Operation{
		ID: "setPolicy", Method: http.MethodPut, Path: "/policy", Tag: tagCatalog, Summary: "How one of several offers is chosen",
		Text: "`price`: the cheapest; `priority`: the lowest number first; `weight`: at random, by weights. Of one product; without a `sku`, of all for which it was not said alone, and of those to come. " +
			"A price is made from the cost of the offer that is chosen.",
		Refusals: refusals,
	}, func(ctx context.Context, in *policyInput) (*backoffice.PolicySet, error) {
		return backoffice.SetPolicy(ctx, s.office.DB.Pool, in.Body.SKU, in.Body.Policy, actor(ctx), s.deps.Now())
	})
	register(s, token.Finance, rest.Operation{
		ID: "rankOffer", Method: http.MethodPut, Path: "/offers/{id}/rank", Tag: tagCatalog, Summary: "An offer's priority and weight",
		Text: "For the policies of these names. What is left out stays.", Refusals: refusals,
	}, func(ctx context.Context, in *rankInput) (*backoffice.RankSet, error) {
		if in.Body.Priority == nil && in.Body.Weight == nil {
			return nil, fault.Field("priority", "priority or weight is required")
		}
		return backoffice.SetRank(ctx, s.office.DB.Pool, in.ID, in.Body.Priority, in.Body.Weight, actor(ctx), s.deps.Now())
	})
}

type policyInput struct {
	Body struct {
		Policy catalog.Policy `json:"policy" enum:"price,priority,weight" example:"price"`
		SKU    string         `json:"sku,omitempty" minLength:"1" maxLength:"64" doc:"Only this product." example:"TSEL10"`
	}
}

type rankInput struct {
	ID   int64 `path:"id" minimum:"1" doc:"The offer's id." example:"7"`
	Body struct {
		Priority *int `json:"priority,omitempty" minimum:"-1000000" maximum:"1000000" doc:"The lowest of several is chosen first." example:"1"`
		Weight   *int `json:"weight,omitempty" minimum:"1" maximum:"1000000" doc:"How often it is chosen beside others." example:"3"`
	}
}
