package muara

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

// inputOperator names the operator among an order's inputs.
const inputOperator = "operator_id"

// Submit places an order. Sending it again with the same Ref is safe.
func (d *Driver) Submit(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.place(ctx, p, d.request(p))
}

// request is the order that a purchase wants.
func (d *Driver) request(p *upstream.Purchase) wire.OrderRequest {
	r := wire.OrderRequest{
		Category: p.Category, Ref: p.Ref, SKU: p.Code, MaxPrice: max(p.MaxCost, 0), CallbackURL: d.cfg.Options[optionCallback],
	}
	switch p.Category {
	case wire.SMM:
		r.Target, r.Quantity, r.Inputs = p.Target, p.Quantity, p.Inputs
	case wire.OTP:
		r.OperatorID = p.Inputs[inputOperator]
	default:
		r.CustomerNo, r.ZoneID = p.Target, p.Zone
	}
	return r
}

// place posts an order and reads what became of it.
func (d *Driver) place(ctx context.Context, p *upstream.Purchase, body wire.OrderRequest) (*upstream.Result, error) {
	resp, err := d.post(ctx, wire.PathOrder, body)
	if err != nil {
		return nil, err
	}
	out, err := wire.DecodeOrder(resp.Status, resp.Body)
	if err != nil {
		return nil, d.refused(resp, err, p.Sends)
	}
	res, err := d.about(resp, out.Order, p)
	if err == nil && out.Balance != nil {
		left := int64(*out.Balance)
		res.Balance = &left
	}
	return res, err
}

// Status asks about an attempt by its reference.
func (d *Driver) Status(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	out, resp, err := ask(ctx, d, wire.Under(wire.PathOrder, p.Ref, ""), nil, wire.DecodeOrder)
	switch {
	case resp != nil && absent(err):
		return &upstream.Result{State: upstream.NotFound, Code: wire.CodeNotFound}, nil
	case err != nil:
		return nil, d.wrong(resp, err)
	}
	return d.about(resp, out.Order, p)
}

// Lookup is Status: our reference is all that the API needs.
func (d *Driver) Lookup(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.Status(ctx, p)
}

// about is what an answer says of a purchase. An order of another ref, SKU or customer
// is not ours.
func (d *Driver) about(resp *upstream.Response, o *wire.Order, p *upstream.Purchase) (*upstream.Result, error) {
	if !ours(o, p) {
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another purchase"))
	}
	return d.result(o), nil
}

// ours is whether an order is that of a purchase, as far as it shows.
func ours(o *wire.Order, p *upstream.Purchase) bool {
	same := func(said, want string) bool { return said == "" || want == "" || trimmed(said) == trimmed(want) }
	if string(o.Ref) != p.Ref || !same(string(o.SKU), p.Code) || !same(string(o.Category), p.Category) {
		return false
	}
	return same(wire.String(o.CustomerNo), p.Target) && same(wire.String(o.Target), p.Target)
}

// result says what an order means.
func (d *Driver) result(o *wire.Order) *upstream.Result {
	res := &upstream.Result{UpstreamRef: string(o.OrderID), Code: string(o.Status), Detail: d.cfg.Redact(wire.String(o.Message))}
	price, back, told := int64(*o.Price), int64(0), o.Refunded != nil
	if told {
		back = int64(*o.Refunded)
	}
	whole := told && back >= price
	switch o.Status {
	case wire.Pending, wire.Processing:
		res.State = upstream.Pending
	case wire.Completed:
		res.State = upstream.Succeeded
	case wire.Partial:
		res.State = upstream.Partial
	case wire.Failed:
		res.State, res.Reason, res.Whole = upstream.Failed, failedFor(wire.String(o.Message)), whole
	case wire.Canceled:
		res.State, res.Whole = upstream.Canceled, whole
	case wire.Expired:
		res.State = upstream.Expired
	default:
		res.State, res.Alert = upstream.Pending, "the source's status "+upstream.Clip(string(o.Status))+" is not one of its contract"
	}
	switch res.State {
	case upstream.Failed, upstream.Expired, upstream.Canceled:
		if told {
			res.Refunded = &whole
		}
		if whole {
			break // nothing was taken: what it would have cost stays known
		}
		fallthrough
	default:
		cost := max(price-back, 0)
		res.Cost = &cost
	}
	d.facts(o, res)
	return res
}

// failedFor is why an order failed, as far as its message for people tells.
func failedFor(message string) upstream.Reason {
	lower := strings.ToLower(message)
	if strings.Contains(lower, "destination number") || strings.Contains(lower, "nomor tujuan") {
		return upstream.ReasonCustomer
	}
	return upstream.ReasonIn(message)
}

// facts adds what an order delivers.
func (d *Driver) facts(o *wire.Order, res *upstream.Result) {
	f := &o.Data
	switch o.Category {
	case wire.OTP:
		res.Phone, res.Operator, res.ExpiresAt = wire.String(f.PhoneNumber), wire.String(f.Operator), f.ExpiresAt.Or()
		for _, m := range f.Messages {
			if m.Code != "" || m.Text != "" {
				res.Messages = append(res.Messages, upstream.Message{Code: string(m.Code), Text: string(m.Text), ReceivedAt: m.ReceivedAt.Or()})
			}
		}
		if code := wire.String(f.OTPCode); code != "" && len(res.Messages) == 0 {
			res.Messages = []upstream.Message{{Code: code, Text: code}}
		}
	case wire.SMM:
		if f.StartCount != nil {
			n := int64(*f.StartCount)
			res.StartCount = &n
		}
		if f.Remains != nil {
			n := int64(*f.Remains)
			res.Remains = &n
		}
	default:
		if res.State == upstream.Succeeded {
			res.SN = wire.String(f.SN)
		}
	}
}

// BulkLimit is how many orders one page of the list can tell of.
func (d *Driver) BulkLimit() int { return wire.MaxLimit }

// skew is how far two installations' clocks may be apart, and how long an order may
// take to arrive.
const skew = 5 * time.Minute

// BulkStatus reads one page of the orders of the time in which these were sent, newest
// first. Where there are more than a page of them the oldest are left out, which says
// nothing: they are asked about one by one.
func (d *Driver) BulkStatus(ctx context.Context, ps []*upstream.Purchase) (map[int64]*upstream.Result, error) {
	from, to := d.cfg.Now(), time.Time{}
	for _, p := range ps {
		if !p.SentAt.IsZero() && p.SentAt.Before(from) {
			from = p.SentAt
		}
		if p.SentAt.After(to) {
			to = p.SentAt
		}
	}
	if to.IsZero() {
		to = d.cfg.Now()
	}
	out, resp, err := ask(ctx, d, wire.PathOrders, page("", span(from.Add(-skew), to.Add(skew))), wire.DecodeOrders)
	if err != nil {
		return nil, d.wrong(resp, err)
	}
	byRef := make(map[string]*wire.Order, len(out.Orders))
	for i := range out.Orders {
		byRef[string(out.Orders[i].Ref)] = &out.Orders[i]
	}
	all := make(map[int64]*upstream.Result, len(ps))
	for _, p := range ps {
		if o := byRef[p.Ref]; o != nil && ours(o, p) {
			all[p.OrderID] = d.result(o)
		}
	}
	return all, nil
}

// act has something done with an order and reads how it stands then.
func (d *Driver) act(ctx context.Context, p *upstream.Purchase, action string) (*wire.Order, error) {
	resp, err := d.post(ctx, wire.Under(wire.PathOrder, p.Ref, action), nil)
	if err != nil {
		return nil, err
	}
	out, err := wire.DecodeOrder(resp.Status, resp.Body)
	if err != nil {
		e := d.refused(resp, err, 1)
		if e.Reason == upstream.ReasonGone {
			e.Reason = "" // of the order, not of the product
		}
		return nil, e
	}
	if !ours(out.Order, p) {
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another purchase"))
	}
	return out.Order, nil
}

func (d *Driver) acted(ctx context.Context, p *upstream.Purchase, action string) (*upstream.Result, error) {
	o, err := d.act(ctx, p, action)
	if err != nil {
		return nil, err
	}
	return d.result(o), nil
}

// Cancel asks for an order to be undone; a later answer says whether it was.
func (d *Driver) Cancel(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.acted(ctx, p, wire.ActionCancel)
}

// Finish says that no further code is wanted.
func (d *Driver) Finish(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.acted(ctx, p, wire.ActionFinish)
}

// Resend asks for a further code.
func (d *Driver) Resend(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.acted(ctx, p, wire.ActionResend)
}

// Refill asks for what an order lost. The refill is asked about by the order's ref: the
// API has no other name for it.
func (d *Driver) Refill(ctx context.Context, p *upstream.Purchase) (*upstream.Refill, error) {
	o, err := d.act(ctx, p, wire.ActionRefill)
	if err != nil {
		return nil, err
	}
	return refill(o), nil
}

// RefillStatus asks how the latest refill of an order stands.
func (d *Driver) RefillStatus(ctx context.Context, upstreamRef string) (*upstream.Refill, error) {
	out, resp, err := ask(ctx, d, wire.Under(wire.PathOrder, upstreamRef, ""), nil, wire.DecodeOrder)
	switch {
	case resp != nil && absent(err):
		return &upstream.Refill{UpstreamRef: upstreamRef, State: upstream.NotFound, Code: wire.CodeNotFound}, nil
	case err != nil:
		return nil, d.wrong(resp, err)
	case string(out.Order.Ref) != upstreamRef:
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another purchase"))
	}
	return refill(out.Order), nil
}

// refill is how an order's refill stands. What is not said to have ended is pending.
func refill(o *wire.Order) *upstream.Refill {
	status := wire.String(o.Data.RefillStatus)
	r := &upstream.Refill{UpstreamRef: string(o.Ref), State: upstream.Pending, Code: status}
	switch status {
	case wire.RefillCompleted:
		r.State = upstream.Succeeded
	case wire.RefillRejected:
		r.State = upstream.Failed
	case "":
		r.State = upstream.NotFound
	}
	return r
}
