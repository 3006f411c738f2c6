package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
	"github.com/muarahq/muara/pkg/webhook"
)

const (
	tagWebhooks    = "Webhooks"
	cursorWebhooks = rest.CursorKind('H')
)

type deliveriesInput struct {
	rest.PageParams
	Merchant string `query:"merchant" doc:"Only this merchant's."`
	Mode     string `query:"mode" enum:"live,test" doc:"Only of this mode."`
	Status   string `query:"status" enum:"pending,failed,delivered,parked" doc:"failed will be tried again; parked was given up."`
	Type     string `query:"type" doc:"Only of this type." example:"order.updated"`
	Subject  string `query:"subject" doc:"Only about this."`
	EventID  string `query:"event_id" doc:"Only with this webhook-id."`
}

// deliveriesPage is a page of deliveries.
type deliveriesPage struct {
	backoffice.WebhookList
	NextCursor *string `json:"next_cursor" doc:"Null at the end."`
}

type merchantInput struct {
	ID string `path:"id" doc:"The merchant's id." example:"MRA-M-7K2Q9"`
}

// webhookRoutes are what merchants are told.
func (s *server) webhookRoutes() {
	read(s, rest.Operation{
		ID: "listDeliveries", Path: "/webhooks", Tag: tagWebhooks, Summary: "Deliveries of events", Refusals: []fault.Kind{fault.Invalid}, Text: "Newest first.",
	}, s.deliveries)
	register(s, token.Operator, rest.Operation{
		ID: "replayDelivery", Method: http.MethodPost, Path: "/webhooks/{id}/replay", Tag: tagWebhooks, Summary: "Send an event again",
		Text:     "The same bytes under the same webhook-id, with the whole schedule before it.",
		Refusals: []fault.Kind{fault.Invalid, fault.NotFound, fault.Conflict},
	}, func(ctx context.Context, in *idInput) (*backoffice.WebhookRow, error) {
		row, err := backoffice.ReplayDelivery(ctx, s.office.DB.Pool, in.ID, actor(ctx), s.deps.Now())
		var f *fault.Error
		if errors.As(err, &f) && f.Kind == fault.NotAvailable { // it has nowhere to go
			return nil, fault.New(fault.Conflict, f.Message)
		}
		return row, err
	})
	register(s, token.Operator, rest.Operation{
		ID: "liftSuspension", Method: http.MethodPost, Path: "/merchants/{id}/webhook/lift", Tag: tagWebhooks, Summary: "Let a suspended endpoint get events again",
		Text:     "From the next event on; what was parked meanwhile waits for a replay.",
		Refusals: []fault.Kind{fault.NotFound, fault.Conflict},
	}, func(ctx context.Context, in *merchantInput) (*backoffice.EndpointLifted, error) {
		return backoffice.LiftSuspension(ctx, s.office.DB.Pool, in.ID, actor(ctx), s.deps.Now())
	})
}

func (s *server) deliveries(ctx context.Context, in *deliveriesInput) (*deliveriesPage, error) {
	limit, before, err := in.Parse(cursorWebhooks)
	if err != nil {
		return nil, err
	}
	list, err := backoffice.ListDeliveries(ctx, s.office.DB.Pool, webhook.Filter{
		MerchantID: in.Merchant, Mode: in.Mode, Status: in.Status, Type: in.Type, Subject: in.Subject, EventID: in.EventID, Before: before, Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	out := &deliveriesPage{WebhookList: *list}
	out.Deliveries, out.NextCursor = page(cursorWebhooks, list.Deliveries, limit, func(r *backoffice.WebhookRow) int64 { return r.ID })
	out.Count = len(out.Deliveries)
	if masked(ctx) {
		out.Mask()
	}
	return out, nil
}
