package smm

import (
	"context"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// Submit buys by add. It must never be sent twice: the panel would take two orders.
func (d *Driver) Submit(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	t := d.terms(p)
	fields, err := form(p, t.Kind)
	if err != nil {
		return nil, err
	}
	added, _, err := call(ctx, d, d.cfg.HTTP.Money, wire.DecodeAdded, wire.ActionAdd, fields...)
	if err != nil {
		return nil, err
	}
	return &upstream.Result{State: upstream.Pending, UpstreamRef: added.Order.Text, Cost: t.rupiah(t.expected), Detail: t.priced()}, nil
}

// priced tells operators by what the order's cost was worked out.
func (t *terms) priced() string {
	if t.expected == nil {
		return ""
	}
	return "expected " + amount(t.expected) + " " + t.Currency + " at " + t.FX
}

// form gives the fields of add. What the kind does not have is not sent.
func form(p *upstream.Purchase, kind smm.Kind) ([][2]string, error) {
	fields := [][2]string{{wire.FieldService, p.Code}}
	if kind.Subscribes() {
		fields = append(fields, [2]string{wire.FieldUsername, strings.TrimPrefix(p.Target, "@")})
	} else {
		fields = append(fields, [2]string{wire.FieldLink, p.Target})
	}
	if kind.TakesQuantity() {
		fields = append(fields, [2]string{wire.FieldQuantity, strconv.FormatInt(p.Quantity, 10)})
	}
	for _, f := range (smm.Service{Kind: kind, Dripfeed: true}).Fields() {
		if f.Name == "target" || f.Name == "quantity" {
			continue
		}
		value := p.Inputs[f.Name]
		switch {
		case value != "":
			fields = append(fields, [2]string{f.Name, value})
		case f.Required:
			// The order was taken for a service of another type: nothing has left us.
			return nil, upstream.Reject(upstream.ReasonProduct, "", "the service needs "+f.Name)
		}
	}
	return fields, nil
}

// Status asks about one order.
func (d *Driver) Status(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	s, _, err := call(ctx, d, d.cfg.HTTP.Read, wire.DecodeStatus, wire.ActionStatus, [2]string{wire.FieldOrder, p.UpstreamRef})
	if unknownOrder(err) {
		return &upstream.Result{State: upstream.NotFound, Code: "incorrect order id"}, nil
	}
	if err != nil {
		return nil, err
	}
	return d.result(p, s), nil
}

// unknownOrder is the panel's word that it knows no such order.
func unknownOrder(err error) bool {
	e := upstream.AsError(err)
	if e == nil || !e.Answered {
		return false
	}
	m, tail := (&wire.Refusal{Text: e.Detail}).Meaning()
	return m == wire.NoOrder && !upstream.Doubtful(tail)
}

// BulkLimit is how many orders one status may name.
func (d *Driver) BulkLimit() int { return wire.MaxBulk }

// BulkStatus asks about many orders. One that is not mentioned, or whose row was not
// understood, is left out.
func (d *Driver) BulkStatus(ctx context.Context, ps []*upstream.Purchase) (map[int64]*upstream.Result, error) {
	byID := make(map[string]*upstream.Purchase, len(ps))
	var ids []string
	for _, p := range ps {
		if p.UpstreamRef != "" && byID[p.UpstreamRef] == nil {
			byID[p.UpstreamRef] = p
			ids = append(ids, p.UpstreamRef)
		}
	}
	if len(ids) == 0 {
		return map[int64]*upstream.Result{}, nil
	}
	rows, _, err := call(ctx, d, d.cfg.HTTP.Read, wire.DecodeStatuses, wire.ActionStatus, [2]string{wire.FieldOrders, strings.Join(ids, ",")})
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*upstream.Result, len(rows))
	for id, row := range rows {
		p := byID[id]
		if p == nil {
			continue
		}
		if row.Error == nil {
			out[p.OrderID] = d.result(p, row.Status)
			continue
		}
		if m, tail := row.Error.Meaning(); m == wire.NoOrder && !upstream.Doubtful(tail) {
			out[p.OrderID] = &upstream.Result{State: upstream.NotFound, Code: "incorrect order id"}
		}
	}
	return out, nil
}

// result says what a status means.
func (d *Driver) result(p *upstream.Purchase, s *wire.Status) *upstream.Result {
	t := d.terms(p)
	r := &upstream.Result{UpstreamRef: p.UpstreamRef, Code: d.cfg.Redact(strings.ToLower(strings.TrimSpace(string(s.Status))))}
	if s.StartCount.Known && s.StartCount.N >= 0 {
		r.StartCount = &s.StartCount.N
	}
	if s.Remains.Known {
		r.Remains = &s.Remains.N
	}
	charge := d.charge(&t, s, r)
	switch wire.StateOf(string(s.Status)) {
	case wire.Running:
		r.State = upstream.Pending
	case wire.Completed:
		r.State = upstream.Succeeded
	case wire.Partial:
		r.State = upstream.Partial
		if t.total == 0 {
			r.Remains = nil // it counts nothing that we know
		}
	case wire.Canceled:
		d.canceled(&t, r, charge)
		return r
	default:
		r.State = upstream.Pending
		r.Alert = "the source says \"" + r.Code + "\", which proves nothing"
		return r
	}
	if r.Alert == "" && charge != nil {
		r.Alert = d.drifted(&t, charge, t.due(r))
	}
	if charge != nil && charge.Sign() > 0 {
		r.Cost = t.rupiah(charge)
	}
	return r
}

// charge reads what the panel took, when it says so in the order's currency.
func (d *Driver) charge(t *terms, s *wire.Status, r *upstream.Result) *big.Rat {
	if !s.Charge.Known || s.Charge.Rat.Sign() < 0 {
		return nil
	}
	r.Detail = d.cfg.Redact(fmt.Sprintf("charge %s %s at %s", amount(s.Charge.Rat), s.Currency, t.FX))
	if !d.ours(string(s.Currency)) || t.Currency != d.currency {
		r.Alert = "the source charges in another currency than the configured one"
		return nil
	}
	return s.Charge.Rat
}

// due is what should have been charged where an order stands; nil when unknown.
func (t *terms) due(r *upstream.Result) *big.Rat {
	if t.expected == nil || r.State != upstream.Partial {
		return t.expected
	}
	if r.Remains == nil || t.total == 0 {
		return nil
	}
	delivered := t.total - min(max(*r.Remains, 0), t.total)
	return new(big.Rat).Mul(t.expected, big.NewRat(delivered, t.total))
}

// canceled says how much of a canceled order was delivered: nothing where nothing is
// charged or all remains, else what does not remain. Where neither is known, a
// person has to look.
func (d *Driver) canceled(t *terms, r *upstream.Result, charge *big.Rat) {
	r.State = upstream.Canceled
	if charge != nil {
		r.Cost = t.rupiah(charge)
	}
	switch {
	case charge != nil && charge.Sign() == 0:
		r.Whole = true
	case t.total > 0 && r.Remains != nil && *r.Remains >= t.total:
		r.Whole = true
	case t.total == 0:
		r.Remains = nil
	}
}

// Cancel asks for an order to be canceled. That it was heard says nothing yet: the
// money moves when a status says so.
func (d *Driver) Cancel(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	rows, resp, err := call(ctx, d, d.cfg.HTTP.Money, wire.DecodeCanceled, wire.ActionCancel, [2]string{wire.FieldOrders, p.UpstreamRef})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Order.Text != p.UpstreamRef {
			continue
		}
		if row.Cancel.Error != nil {
			return nil, upstream.Reject(upstream.ReasonProduct, "", d.cfg.Redact(row.Cancel.Error.Text))
		}
		return &upstream.Result{State: upstream.Pending, UpstreamRef: p.UpstreamRef}, nil
	}
	return nil, upstream.Malformed(resp.Code(), errOther)
}
