package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/token"
)

const cursorOrders rest.CursorKind = 'o'

// changes are the refusals of what changes a thing.
func changes() []fault.Kind { return []fault.Kind{fault.Invalid, fault.NotFound, fault.Conflict} }

// lookup are those of what reads one.
func lookup() []fault.Kind { return []fault.Kind{fault.Invalid, fault.NotFound} }

func (s *server) orderRoutes() {
	read(s, rest.Operation{
		ID: "listOrders", Path: "/orders", Tag: tagOrders, Summary: "Orders", Text: "Every merchant's, newest first.", Refusals: []fault.Kind{fault.Invalid},
	}, s.listOrders)
	read(s, rest.Operation{
		ID: "showOrder", Path: "/orders/{id}", Tag: tagOrders, Summary: "An order with all evidence",
		Text: "What is known of it, where it went and what was said there, what was booked and told, and what operators did.", Refusals: lookup(),
	}, s.showOrder)
	register(s, token.Operator, rest.Operation{
		ID: "resolveOrder", Method: http.MethodPost, Path: "/orders/{id}/resolve", Tag: tagOrders, Summary: "Settle an order",
		Text: "On your own evidence, where the machine cannot: its outcome is unknown, it has been processing for ever, or it failed and was delivered after all. " +
			"`completed` pays for it, `failed` refunds it, `partial` refunds what `remains` of a social media order.",
		Refusals: changes(),
	}, s.resolveOrder)
	register(s, token.Operator, rest.Operation{
		ID: "seenOrder", Method: http.MethodPost, Path: "/orders/{id}/seen", Tag: tagOrders, Summary: "Take an order's flag away",
		Text: "A person has looked, and nobody else has to.", Refusals: changes(),
	}, s.seenOrder)
}

type orderListInput struct {
	rest.PageParams
	Flagged  bool          `query:"flagged" doc:"Only those that wait for a person."`
	State    []order.State `query:"state" doc:"Only in these states." example:"unknown,processing" enum:"queued,sending,processing,unknown,completed,failed,partial,canceled,expired"`
	Merchant string        `query:"merchant" doc:"Only this merchant's." example:"MRA-M-0G3ZK4T8M1"`
	Mode     string        `query:"mode" enum:"live,test" doc:"Only of this mode."`
	Upstream string        `query:"upstream" doc:"Only those at this upstream."`
	Ref      string        `query:"ref" doc:"Only what the merchant calls so; goes with merchant."`
}

// ordersPage is a page of orders.
type ordersPage struct {
	backoffice.OrderList
	NextCursor *string `json:"next_cursor" doc:"Null at the end."`
}

func (s *server) listOrders(ctx context.Context, in *orderListInput) (*ordersPage, error) {
	limit, before, err := in.Parse(cursorOrders)
	if err != nil {
		return nil, err
	}
	from := ""
	if before != 0 {
		from = strconv.FormatInt(before, 10)
	}
	list, err := s.office.ListOrders(ctx, order.OperatorFilter{
		Flagged: in.Flagged, States: in.State, MerchantID: in.Merchant, Mode: in.Mode, Source: in.Upstream, Ref: in.Ref, Limit: limit + 1,
	}, from)
	if err != nil {
		return nil, err
	}
	out := &ordersPage{OrderList: *list}
	out.Orders, out.NextCursor = page(cursorOrders, list.Orders, limit, func(r *backoffice.OrderRow) int64 { return r.ID })
	out.Count = len(out.Orders)
	if masked(ctx) {
		for i := range out.Orders {
			out.Orders[i].Mask()
		}
	}
	return out, nil
}

// OrderParams name an order. (Huma sees embedded structs only where they are exported.)
type OrderParams struct {
	ID string `path:"id" doc:"Its order_id, or its number." example:"MRA-PP-0G3ZK4T8M1Q2R"`
}

func (s *server) showOrder(ctx context.Context, in *OrderParams) (*backoffice.OrderPage, error) {
	p, err := s.office.ShowOrder(ctx, in.ID)
	if err == nil && masked(ctx) {
		p.Mask()
	}
	return p, err
}

type resolveInput struct {
	OrderParams
	Body resolveBody
}

type resolveBody struct {
	As      order.State `json:"as" enum:"completed,failed,partial" doc:"What became of it."`
	SN      string      `json:"sn,omitempty" maxLength:"4096" doc:"Only with completed: the serial number of what was delivered; for a rented number, the code that came."`
	Remains int64       `json:"remains,omitempty" minimum:"1" doc:"Only with partial: how many of what was ordered were not delivered."`
	Why     string      `json:"why" minLength:"1" maxLength:"2000" doc:"Your evidence, for the audit log."`
}

func (s *server) resolveOrder(ctx context.Context, in *resolveInput) (*backoffice.OrderRow, error) {
	row, err := s.office.ResolveOrder(ctx, in.ID, order.Resolution{
		As: in.Body.As, SN: in.Body.SN, Remains: &in.Body.Remains, Why: in.Body.Why, Actor: actor(ctx),
	})
	return row, s.orderStands(ctx, in.ID, err)
}

type seenInput struct {
	OrderParams
	Body whyBody
}

// whyBody is the body of what needs nothing but a reason.
type whyBody struct {
	Why string `json:"why" minLength:"1" maxLength:"2000" doc:"Why, for the audit log and for who comes after you."`
}

func (s *server) seenOrder(ctx context.Context, in *seenInput) (*backoffice.OrderRow, error) {
	row, err := s.office.SeenOrder(ctx, in.ID, in.Body.Why, actor(ctx))
	return row, s.orderStands(ctx, in.ID, err)
}

// orderStands adds to a conflict in which state the order is now.
func (s *server) orderStands(ctx context.Context, id string, err error) error {
	if err == nil {
		return nil
	}
	return standing(err, func() (string, error) { return s.office.OrderState(ctx, id) })
}
