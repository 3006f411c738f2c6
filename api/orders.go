package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/trace"
	"github.com/muarahq/muara/pkg/webhook"
)

const tagOrders = "Orders"

type placedData struct {
	Order   order.View `json:"order"`
	Balance int64      `json:"balance" doc:"Rupiah left." example:"247250"`
}

// TransformSchema documents what an order is: one of four shapes.
func (placedData) TransformSchema(r registry, s *schema) *schema { return withOrder(r, s) }

type orderData struct {
	Order order.View `json:"order"`
}

// TransformSchema documents what an order is: one of four shapes.
func (orderData) TransformSchema(r registry, s *schema) *schema { return withOrder(r, s) }

type ordersData struct {
	Count      int          `json:"count" example:"1"`
	Orders     []order.View `json:"orders" nullable:"false"`
	NextCursor *string      `json:"next_cursor" doc:"Null at the end."`
}

// TransformSchema documents what an order is: one of four shapes.
func (ordersData) TransformSchema(r registry, s *schema) *schema {
	s.Properties["orders"].Items = orderSchema(r)
	return s
}

type orderInput struct {
	Ref string `path:"ref" doc:"Your ref, or our order_id." example:"trx-0001"`
}

type ordersInput struct {
	rest.PageParams
	rest.RangeParams
	Status   string `query:"status" enum:"pending,processing,completed,partial,failed,canceled,expired"`
	Category string `query:"category" enum:"ppob,smm,otp,product"`
	SKU      string `query:"sku" maxLength:"64"`
	Search   string `query:"search" maxLength:"1000" doc:"A ref, order_id, customer_no, target or serial number, whole."`
}

func (s *server) orderRoutes() {
	rest.Register(s.rest, rest.Operation{
		ID: "place-order", Method: http.MethodPost, Path: "/order", Tag: tagOrders,
		Summary: "Place an order", Text: textPlaceOrder, Body: orderBody{}, Sends: examplesOrderBody(), Gives: examplePlaced,
		Refusals: []fault.Kind{
			fault.Invalid, fault.TooLarge, fault.SlowBody, fault.RefConflict, fault.DuplicateOrder, fault.InquiryRequired, fault.InquiryExpired, fault.NotFound,
			fault.NotAvailable, fault.Unavailable, fault.PriceChanged, fault.LimitExceeded, fault.InsufficientBalance,
		},
	}, moving(s.placeOrder))
	rest.Register(s.rest, rest.Operation{
		ID: "get-order", Method: http.MethodGet, Path: "/order/{ref}", Tag: tagOrders,
		Summary: "Read an order", Text: "By your own ref, or else by our order_id.", Refusals: []fault.Kind{fault.NotFound}, Gives: exampleOrder,
	}, s.getOrder)
	rest.Register(s.rest, rest.Operation{
		ID: "list-orders", Method: http.MethodGet, Path: "/orders", Tag: tagOrders,
		Summary: "List orders", Text: "Newest first.", Refusals: []fault.Kind{fault.Invalid}, Gives: exampleOrders,
	}, s.listOrders)
	rest.Register(s.rest, rest.Operation{
		ID: "cancel-order", Method: http.MethodPost, Path: "/order/{ref}/cancel", Tag: tagOrders,
		Summary: "Cancel an order", Text: textCancelOrder,
		Refusals: []fault.Kind{fault.NotFound, fault.NotCancelable}, Gives: exampleOTPOrder,
	}, moving(s.actOn((*order.Writer).Cancel)))
	rest.Register(s.rest, rest.Operation{
		ID: "finish-order", Method: http.MethodPost, Path: "/order/{ref}/finish", Tag: tagOrders,
		Summary: "Finish with a number", Text: "otp with a code: no further code is wanted. The status does not change.",
		Refusals: []fault.Kind{fault.NotFound, fault.NotAvailable}, Gives: exampleOTPOrder,
	}, moving(s.actOn((*order.Writer).Finish)))
	rest.Register(s.rest, rest.Operation{
		ID: "resend-order", Method: http.MethodPost, Path: "/order/{ref}/resend", Tag: tagOrders,
		Summary: "Ask for a further code", Text: "otp with a code, before `expires_at`. Further codes join `messages`; `otp_code` is the newest.",
		Refusals: []fault.Kind{fault.NotFound, fault.NotAvailable}, Gives: exampleOTPOrder,
	}, moving(s.actOn((*order.Writer).Resend)))
	rest.Register(s.rest, rest.Operation{
		ID: "refill-order", Method: http.MethodPost, Path: "/order/{ref}/refill", Tag: tagOrders,
		Summary: "Ask for a refill", Text: textRefillOrder,
		Refusals: []fault.Kind{fault.NotFound, fault.NotAvailable}, Gives: exampleSMMOrder,
	}, moving(s.actOn((*order.Writer).Refill)))
}

// anewTries bounds how often a payment follows a bill that is asked for anew under it.
const anewTries = 3

// placeOrder decodes, decides against the catalogue in memory, and has it placed.
func (s *server) placeOrder(ctx context.Context, _ *noInput) (*placedData, error) {
	body, err := readBody(ctx)
	if err != nil {
		return nil, err
	}
	p, err := parseOrder(body)
	if err != nil {
		return nil, err
	}
	who := caller(ctx)
	p.WalletID = who.WalletID
	p.TraceParent = trace.Inject(ctx)
	if err := s.decide(ctx, p); err != nil {
		return s.replayOr(ctx, p, err)
	}
	placed, err := s.deps.Placer.Place(ctx, &p.Request)
	for tries := 0; errors.Is(err, order.ErrInquiredAnew) && tries < anewTries; tries++ { // since it was read: what it stands for now is what is paid
		if err := s.decide(ctx, p); err != nil {
			return s.replayOr(ctx, p, err)
		}
		placed, err = s.deps.Placer.Place(ctx, &p.Request)
	}
	switch {
	case errors.Is(err, order.ErrOutOfStock):
		return nil, outOfStock()
	case errors.Is(err, order.ErrConflict):
		return s.replayOr(ctx, p, err) // it may have been read otherwise when it was accepted
	}
	if err != nil {
		return nil, err
	}
	o := placed.Order
	if placed.Replayed {
		if err := s.load(ctx, o); err != nil {
			return nil, err
		}
	} else if !o.State.Final() {
		s.tell.buy(o.Upstream, o.ID, o.Attempt)
	}
	return &placedData{Order: o.View(), Balance: placed.Balance}, nil
}

// replayOr answers a request that the catalogue refuses now: with the stored order
// if its ref was accepted before, since a repeated ref comes before what happened to
// the SKU meanwhile.
func (s *server) replayOr(ctx context.Context, p *placement, refusal error) (*placedData, error) {
	o, err := order.Replay(ctx, s.deps.DB.Bun, &p.Request, p.readings()...)
	switch {
	case errors.Is(err, order.ErrConflict) && fault.KindOf(refusal) == fault.Invalid:
		return nil, refusal
	case err != nil:
		return nil, err
	case o == nil:
		return nil, s.inquiredOr(ctx, p, refusal)
	}
	if err := s.load(ctx, o); err != nil {
		return nil, err
	}
	balance, err := ledger.Balance(ctx, s.deps.DB.Bun, p.WalletID)
	if err != nil {
		return nil, err
	}
	return &placedData{Order: o.View(), Balance: balance}, nil
}

// decide completes a request from the catalogue: product, price and route, or why not.
func (s *server) decide(ctx context.Context, p *placement) error {
	who := caller(ctx)
	snapshot := s.deps.Catalog.Snapshot()
	product, ok := snapshot.ProductFor(string(who.Mode), p.SKU)
	if !ok {
		return noSKU()
	}
	if product.Category != p.Category {
		return wrongField("sku", "is not of category "+string(p.Category))
	}
	p.ProductID, p.Name = product.ID, product.Name
	if product.Type != catalog.Postpaid { // a bill's were given when it was asked for
		if err := p.checkInputs(product); err != nil {
			return err
		}
	}
	if err := s.checkCallback(ctx, p.CallbackURL); err != nil {
		return err
	}
	if product.Type == catalog.Postpaid {
		return s.decideBill(ctx, p, snapshot, product)
	}
	if p.Price, ok = p.total(snapshot.Price(product, who.Tier)); !ok {
		return wrongField("quantity", "is too large")
	}
	if product.Category == order.Product {
		if open, reason, until := snapshot.Availability(product); !open && reason != catalog.OutOfStock {
			return unavailable(reason, until)
		}
	} else {
		units := int64(0)
		p.MaxCost = snapshot.MaxCost(product, p.Price)
		if p.Terms != nil {
			units = p.Terms.Units
			p.MaxCost = snapshot.MaxCostUnits(snapshot.Price(product, who.Tier), units)
		}
		p.Service, p.Country = snapshot.Rents(product)
		var err error
		if p.Route, err = snapshot.RouteUnits(product, units, p.MaxCost); err != nil {
			return err
		}
		if err := s.checkOperator(ctx, p); err != nil {
			return err
		}
	}
	// Last, since what cannot be bought at all has no price.
	if p.maxPrice > 0 && p.Price > p.maxPrice {
		return fault.New(fault.PriceChanged, "our price is above max_price")
	}
	return nil
}

// checkInputs refuses what this product needs and the request has not.
func (p *placement) checkInputs(product *catalog.Product) error {
	for _, in := range product.Inputs {
		if in.Name == "zone_id" && in.Required && p.ZoneID == nil {
			return wrongField("zone_id", "is required for this sku")
		}
	}
	if p.Category == order.SMM {
		return p.readSMM(product)
	}
	return nil
}

// total is what the whole order costs at a unit price.
func (p *placement) total(unit int64) (int64, bool) {
	switch p.Category {
	case order.SMM:
		return smm.Price(unit, p.Terms.Units)
	case order.Product:
		return unit * p.Quantity, unit <= math.MaxInt64/p.Quantity
	case order.PPOB, order.OTP:
	}
	return unit, true
}

func (s *server) checkCallback(ctx context.Context, url string) error {
	if url == "" {
		return nil
	}
	err := s.deps.CheckURL(ctx, url)
	var refused *webhook.RefusedError
	if errors.As(err, &refused) {
		return wrongField("callback_url", refused.Reason)
	}
	return err
}

func outOfStock() error { return unavailable(catalog.OutOfStock, nil) }

func unavailable(reason catalog.Reason, until *time.Time) error {
	f := fault.New(fault.Unavailable, "the product is not available now")
	f.Details = []fault.Detail{{Field: "sku", Message: "not available now", Reason: string(reason), Until: until}}
	return f
}

// load opens the content of premium orders.
func (s *server) load(ctx context.Context, orders ...*order.Order) error {
	return order.LoadItems(ctx, s.deps.DB.Bun, s.deps.Opener, orders...)
}

func (s *server) getOrder(ctx context.Context, in *orderInput) (*orderData, error) {
	o, err := order.Get(ctx, s.deps.DB.Bun, caller(ctx).WalletID, in.Ref)
	if err != nil {
		return nil, err
	}
	if !o.State.Final() {
		// A merchant is watching: the next look at the source comes sooner. It is a
		// hint; when it fails, the order is still looked at in its turn.
		if err := order.Touch(ctx, s.deps.DB.Pool, o.ID, s.deps.Now()); err != nil {
			s.deps.Log.WarnContext(ctx, "order not touched", "error", err)
		}
	}
	if err := s.load(ctx, o); err != nil {
		return nil, err
	}
	return &orderData{Order: o.View()}, nil
}

func (s *server) listOrders(ctx context.Context, in *ordersInput) (*ordersData, error) {
	limit, before, err := in.PageParams.Parse(cursorOrders)
	if err != nil {
		return nil, err
	}
	from, to, err := in.RangeParams.Parse(s.loc)
	if err != nil {
		return nil, err
	}
	rows, err := order.List(ctx, s.deps.DB.Bun, caller(ctx).WalletID, order.Filter{
		Status: in.Status, Category: order.Category(in.Category), SKU: in.SKU, Search: in.Search,
		From: from, To: to, Before: before, Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	out := &ordersData{Orders: []order.View{}}
	if len(rows) > limit {
		rows = rows[:limit]
		next := rest.Cursor(cursorOrders, rows[limit-1].ID)
		out.NextCursor = &next
	}
	if err := s.load(ctx, rows...); err != nil {
		return nil, err
	}
	for _, o := range rows {
		out.Orders = append(out.Orders, o.View())
	}
	out.Count = len(out.Orders)
	return out, nil
}

// wishFunc is one of the writer's methods that a merchant may call.
type wishFunc func(w *order.Writer, ctx context.Context, db bun.IDB, walletID int64, refOrID string) (*order.Order, error)

// actOn does what a merchant wishes for an order, and lets a worker know.
func (s *server) actOn(wish wishFunc) func(context.Context, *orderInput) (*orderData, error) {
	return func(ctx context.Context, in *orderInput) (*orderData, error) {
		o, err := wish(s.deps.Writer, ctx, s.deps.DB.Bun, caller(ctx).WalletID, in.Ref)
		if err != nil {
			return nil, err
		}
		if o.CancelRequested || o.FinishRequested || o.ResendRequested || o.Facts.Refill.Open() {
			s.tell.act(o.Upstream, o.ID, o.Version)
		}
		if err := s.load(ctx, o); err != nil {
			return nil, err
		}
		return &orderData{Order: o.View()}, nil
	}
}
