package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
)

const tagPrices = "Prices"

// priceRoutes are what tiers take and what they pay on top of the cost.
func (s *server) priceRoutes() {
	asked := []fault.Kind{fault.Invalid}
	changed := []fault.Kind{fault.Invalid, fault.TooLarge, fault.SlowBody}
	register(s, token.Finance, rest.Operation{
		ID: "changeTier", Method: http.MethodPut, Path: "/tiers/{tier}", Tag: tagPrices, Summary: "Change a tier, or make it",
		Text:     "What is left out stays; a new one takes a name. A higher tier takes at least what a lower one takes.",
		Refusals: changed,
	}, s.changeTier)
	read(s, rest.Operation{
		ID: "listMarkups", Path: "/markups", Tag: tagPrices, Summary: "Markups", Text: "What tiers pay on top of the cost. The most specific one holds; a tier without any pays what the tier below pays.",
		Refusals: asked,
	}, s.listMarkups)
	register(s, token.Finance, rest.Operation{
		ID: "setMarkup", Method: http.MethodPut, Path: "/markups", Tag: tagPrices, Summary: "Set a markup",
		Text:     "`percent`, `fixed` or both; what is left out stays as it was. Prices move at once, and are never under cost and floor, whatever a markup says.",
		Refusals: changed,
	}, s.setMarkup)
	register(s, token.Finance, rest.Operation{
		ID: "removeMarkup", Method: http.MethodPost, Path: "/markups/remove", Tag: tagPrices, Summary: "Take a markup away",
		Text:     "What is less specific holds again, or what the tier below pays. The answer is what is left of the tier's.",
		Refusals: append(changed, fault.NotFound),
	}, s.removeMarkup)
	read(s, rest.Operation{
		ID: "listEndpoints", Path: "/endpoints", Tag: tagPrices, Summary: "Where merchants' events go",
		Text:     "Since when nothing but failures has come of an endpoint, and which we have suspended for it.",
		Refusals: asked,
	}, s.listEndpoints)
}

type tierChangeInput struct {
	Tier int `path:"tier" minimum:"1" maximum:"99" doc:"Its number." example:"2"`
	Body struct {
		Name      *string `json:"name,omitempty" minLength:"1" maxLength:"50" example:"Silver"`
		MinOrders *int64  `json:"min_orders,omitempty" minimum:"0" doc:"Completed orders that it takes to rise to it." example:"500"`
		MinVolume *int64  `json:"min_volume,omitempty" minimum:"0" doc:"Rupiah of them that it takes." example:"10000000"`
	}
}

func (s *server) changeTier(ctx context.Context, in *tierChangeInput) (*backoffice.TierList, error) {
	b := &in.Body
	c := catalog.TierChange{Name: b.Name, MinOrders: b.MinOrders, MinVolume: b.MinVolume}
	if c == (catalog.TierChange{}) {
		return nil, fault.Field("name", "name, min_orders or min_volume is required")
	}
	if err := catalog.SetTier(ctx, s.office.DB.Pool, in.Tier, c, actor(ctx), s.deps.Now()); err != nil {
		return nil, err
	}
	return backoffice.ListTiers(ctx, s.office.DB.Pool)
}

type markupsInput struct {
	Tier int `query:"tier" minimum:"1" doc:"Of this tier only." example:"2"`
}

func (s *server) listMarkups(ctx context.Context, in *markupsInput) (*backoffice.MarkupList, error) {
	return backoffice.ListMarkups(ctx, s.office.DB.Pool, in.Tier)
}

type markupInput struct {
	Body struct {
		Tier    int      `json:"tier" minimum:"1" example:"2"`
		Scope   string   `json:"scope" enum:"category,group,brand,sku" example:"brand"`
		Key     string   `json:"key" minLength:"1" maxLength:"100" doc:"A category (ppob, otp, smm), a category inside ppob, a brand or a SKU." example:"telkomsel"`
		Percent *float64 `json:"percent,omitempty" minimum:"0" maximum:"10000" doc:"On top of the cost, with two decimals at most." example:"2.5"`
		Fixed   *int64   `json:"fixed,omitempty" minimum:"0" maximum:"1000000000" doc:"Rupiah on top of that." example:"50"`
	}
}

func (s *server) setMarkup(ctx context.Context, in *markupInput) (*backoffice.MarkupRow, error) {
	b := &in.Body
	if b.Percent == nil && b.Fixed == nil {
		return nil, fault.Field("percent", "percent or fixed is required")
	}
	row := backoffice.MarkupChange{Tier: b.Tier, Scope: b.Scope, Key: b.Key, Fixed: b.Fixed}
	if b.Percent != nil {
		percent, err := backoffice.ParsePercent(strconv.FormatFloat(*b.Percent, 'f', -1, 64))
		if err != nil {
			return nil, err
		}
		row.Percent = &percent
	}
	return backoffice.SetMarkup(ctx, s.office.DB.Pool, row, actor(ctx), s.deps.Now())
}

type markupRemovalInput struct {
	Body struct {
		Tier  int    `json:"tier" minimum:"1" example:"2"`
		Scope string `json:"scope" enum:"category,group,brand,sku" example:"brand"`
		Key   string `json:"key" minLength:"1" maxLength:"100" example:"telkomsel"`
	}
}

func (s *server) removeMarkup(ctx context.Context, in *markupRemovalInput) (*backoffice.MarkupList, error) {
	b := &in.Body
	if err := backoffice.RemoveMarkup(ctx, s.office.DB.Pool, b.Tier, b.Scope, b.Key, actor(ctx), s.deps.Now()); err != nil {
		return nil, err
	}
	return backoffice.ListMarkups(ctx, s.office.DB.Pool, b.Tier)
}

type endpointsInput struct {
	Suspended bool `query:"suspended" doc:"Only those that we have switched off."`
}

func (s *server) listEndpoints(ctx context.Context, in *endpointsInput) (*backoffice.EndpointList, error) {
	return backoffice.ListEndpoints(ctx, s.office.DB.Pool, in.Suspended)
}
