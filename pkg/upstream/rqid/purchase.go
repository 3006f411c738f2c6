package rqid

import (
	"context"
	"errors"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// Submit buys by /topup. Sending it again with the same Ref is safe.
func (d *Driver) Submit(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.transaction(ctx, d.cfg.HTTP.Money, wire.PathTopup, p, wire.BuyRequest{
		MMID: d.mmid(), ProductCode: p.Code, CustomerID: wire.CustomerID(p.Target) + p.Zone, Ref1: p.Ref,
	})
}

// Status asks about an attempt by its reference.
func (d *Driver) Status(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.transaction(ctx, d.cfg.HTTP.Read, wire.PathStatus, p, wire.StatusRequest{MMID: d.mmid(), Ref1: p.Ref})
}

// notFound is the API's word that it knows no such transaction.
func notFound(code string) *upstream.Result {
	return &upstream.Result{State: upstream.NotFound, Code: code}
}

func (d *Driver) transaction(ctx context.Context, send sender, path string, p *upstream.Purchase, body any) (*upstream.Result, error) {
	resp, err := d.ask(ctx, send, path, body)
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeTransaction(resp.Body)
	if refusal, ok := wire.AsRefusal(err); ok && path == wire.PathStatus && refusal.NotFound() {
		return notFound("rc " + refusal.RC), nil
	}
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if string(r.Data.Ref1) != p.Ref {
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another purchase"))
	}
	cost := r.Data.TotalPrice
	if cost == nil {
		cost = r.Data.Price
	}
	return d.result(said{
		ref: r.Data.Ref1, state: r.Data.State(), rc: r.RC, msg: r.Data.Msg, cost: cost, http: resp.Code(),
	})
}

// said is what any answer tells of a transaction.
type said struct {
	ref, rc, msg lenient.Text
	state        wire.State
	cost         *lenient.Rupiah
	http         string
}

// result says what it means.
func (d *Driver) result(s said) (*upstream.Result, error) {
	res := &upstream.Result{UpstreamRef: string(s.ref), Code: s.state.Label(), Detail: d.cfg.Redact(string(s.msg))}
	if s.rc != "" {
		res.Code = "rc " + string(s.rc)
	}
	switch {
	case s.state == wire.StateSuccess:
		res.State, res.SN = upstream.Succeeded, wire.SN(string(s.msg))
		res.Incomplete = s.msg == ""
		if s.cost != nil {
			cost := int64(*s.cost)
			res.Cost = &cost
		}
	case s.state == wire.StateFailed:
		res.State = upstream.Failed
		reason, known := reasonOf(string(s.rc))
		if !known || reason == "" || reason == upstream.ReasonDuplicate {
			reason = upstream.ReasonIn(string(s.msg))
		}
		res.Reason = reason
	case s.state.Pending():
		res.State = upstream.Pending
	default:
		return nil, upstream.Malformed(s.http, errors.New("status is not a documented one"))
	}
	return res, nil
}

// Lookup finds an attempt by its reference in the history.
func (d *Driver) Lookup(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.HistoryOf(p.Ref), wire.Account{MMID: d.mmid()})
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeHistoryOf(resp.Body)
	if refusal, ok := wire.AsRefusal(err); ok && refusal.NotFound() {
		return notFound("rc " + refusal.RC), nil
	}
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if len(r.Data.Rows) == 0 {
		return notFound("empty history"), nil
	}
	for i := range r.Data.Rows {
		if row := &r.Data.Rows[i]; string(row.Ref1) == p.Ref {
			return d.row(resp, row)
		}
	}
	return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another purchase"))
}

func (d *Driver) row(resp *upstream.Response, row *wire.HistoryRow) (*upstream.Result, error) {
	return d.result(said{ref: row.Ref1, state: row.State(), msg: row.Msg, cost: row.TotalPrice, http: resp.Code()})
}

// BulkLimit is how many purchases one page of the history can tell of.
func (d *Driver) BulkLimit() int { return wire.MaxPerPage }

// BulkStatus reads the newest page of the history since the day of the oldest
// purchase asked about. What is not on it is left out, which says nothing.
func (d *Driver) BulkStatus(ctx context.Context, ps []*upstream.Purchase) (map[int64]*upstream.Result, error) {
	// The API books by its own clock: an hour more covers the days' borders.
	const skew = time.Hour
	now := d.cfg.Now()
	from := now
	byRef := make(map[string]*upstream.Purchase, len(ps))
	for _, p := range ps {
		byRef[p.Ref] = p
		if !p.SentAt.IsZero() && p.SentAt.Before(from) {
			from = p.SentAt
		}
	}
	day := func(t time.Time) string { return t.In(lenient.WIB()).Format(wire.DateLayout) }
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathHistory, wire.HistoryRequest{
		MMID: d.mmid(), StartDate: day(from.Add(-skew)), EndDate: day(now.Add(skew)), Page: 1, PerPage: wire.MaxPerPage,
	})
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeHistory(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	out := make(map[int64]*upstream.Result, len(ps))
	for i := range r.Data.Rows {
		row := &r.Data.Rows[i]
		p := byRef[string(row.Ref1)]
		if p == nil {
			continue
		}
		res, err := d.row(resp, row)
		if err != nil {
			continue // its state is not known: asked alone, it will be said why
		}
		res.Incomplete = res.Incomplete || res.State == upstream.Failed && res.Reason == "" && row.Msg == ""
		out[p.OrderID] = res
	}
	return out, nil
}
