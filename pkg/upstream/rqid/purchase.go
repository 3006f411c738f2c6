package rqid

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// Submit buys by /topup. Sending it again with the same Ref is safe.
func (d *Driver) Submit(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.transaction(ctx, d.cfg.HTTP.Money, wire.PathTopup, p, d.order(p))
}

// Status asks about an attempt by its reference.
func (d *Driver) Status(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.transaction(ctx, d.cfg.HTTP.Read, wire.PathStatus, p, wire.StatusRequest{MMID: d.mmid(), Ref1: p.Ref})
}

// notFound is the API's word that it knows no such transaction.
func notFound(code string) *upstream.Result {
	return &upstream.Result{State: upstream.NotFound, Code: code}
}

// absent reads a refusal as that word; nil when it is not.
func absent(resp *upstream.Response, err error) *upstream.Result {
	refusal, ok := wire.AsRefusal(err)
	if !ok || !refusal.NotFound(resp.Status) || upstream.Doubtful(refusal.Message) {
		return nil
	}
	code := resp.Code()
	if refusal.RC != "" {
		code = "rc " + refusal.RC
	}
	return notFound(code)
}

func (d *Driver) transaction(ctx context.Context, send sender, path string, p *upstream.Purchase, body any) (*upstream.Result, error) {
	resp, err := d.ask(ctx, send, path, body)
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeTransaction(resp.Body)
	if res := absent(resp, err); res != nil && path == wire.PathStatus {
		return res, nil
	}
	if err != nil {
		e := d.explain(resp, err)
		if refusal, ok := wire.AsRefusal(err); ok && e.Answered && p.Bill != nil {
			e.Reason = billHint(refusal.RC, refusal.Message)
		}
		return nil, e
	}
	if broken(resp, int(r.Code)) {
		return nil, brokenAnswer(resp)
	}
	if string(r.Data.Ref1) != p.Ref {
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another purchase"))
	}
	cost := r.Data.TotalPrice
	if cost == nil {
		cost = r.Data.Price
	}
	s := said{ref: r.Data.Ref1, state: r.Data.State(), rc: r.RC, msg: r.Data.Msg, cost: cost, http: resp.Code(), bill: p.Bill != nil}
	if s.bill && path == wire.PathStatus {
		switch decided := s.state == wire.StateSuccess || s.state == wire.StateFailed; {
		case decided && wire.OfInquiry(s.msg):
			return notFound("inquired only"), nil
		case s.state == wire.StateSuccess && !wire.OfPayment(s.msg):
			return nil, upstream.Malformed(resp.Code(), errors.New("a success that may be the inquiry's"))
		}
	}
	return d.result(s)
}

// said is what any answer tells of a transaction.
type said struct {
	ref, rc, msg lenient.Text
	state        wire.State
	cost         *lenient.Rupiah
	http         string
	bill         bool // the payment of one
}

// result says what it means.
func (d *Driver) result(s said) (*upstream.Result, error) {
	res := &upstream.Result{UpstreamRef: string(s.ref), Code: s.state.Label(), Detail: d.cfg.Redact(string(s.msg))}
	if s.rc != "" {
		res.Code = "rc " + string(s.rc)
	}
	switch {
	case wire.OfInquiry(s.msg):
		return nil, upstream.Malformed(s.http, errors.New("an inquiry's answer"))
	case s.state == wire.StateSuccess:
		res.State, res.SN = upstream.Succeeded, wire.SN(string(s.msg))
		res.Incomplete = s.msg == ""
		if s.cost != nil {
			cost := int64(*s.cost)
			res.Cost = &cost
		}
	case s.state == wire.StateFailed:
		res.State = upstream.Failed
		res.Reason = hint(string(s.rc), string(s.msg))
		if s.bill {
			res.Reason = billHint(string(s.rc), string(s.msg))
		}
	case s.state.Pending():
		res.State = upstream.Pending
	default:
		return nil, upstream.Malformed(s.http, errors.New("status is not a documented one"))
	}
	return res, nil
}

// Lookup finds an attempt by its reference in the history. That it is not there is
// one piece of evidence: Status asks the other endpoint. The payment of a bill is
// looked up there, too: rows of the history do not tell it from its inquiry.
func (d *Driver) Lookup(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	if p.Bill != nil {
		return d.Status(ctx, p)
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.HistoryOf(p.Ref), wire.Account{MMID: d.mmid()})
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeHistoryOf(resp.Body)
	if res := absent(resp, err); res != nil {
		return res, nil
	}
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if broken(resp, int(r.Code)) {
		return nil, brokenAnswer(resp)
	}
	if len(r.Data.Rows) == 0 {
		if !empty(resp, r) {
			return nil, upstream.Malformed(resp.Code(), errors.New("an empty history that may not be empty"))
		}
		return notFound("empty history"), nil
	}
	row, agree := rowOf(r.Data.Rows, p.Ref)
	switch {
	case !agree:
		return nil, upstream.Malformed(resp.Code(), errors.New("rows contradict each other"))
	case row == nil:
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another purchase"))
	}
	return d.row(resp, row)
}

// empty is whether a history without rows says that there are none: a plain
// success that counts none either.
func empty(resp *upstream.Response, r *wire.Reply[wire.Listing[wire.HistoryRow]]) bool {
	return resp.Status == http.StatusOK && r.Code == http.StatusOK && (r.RC == "" || r.RC == wire.RCSuccess || r.RC == wire.RCNotFound) &&
		(r.Data.Meta == nil || r.Data.Meta.Total == 0 && r.Data.Meta.CurrentPage == 1)
}

// rowOf is the row of a reference, if there is one, and whether all of its rows
// tell the same state.
func rowOf(rows []wire.HistoryRow, ref string) (row *wire.HistoryRow, agree bool) {
	for i := range rows {
		if string(rows[i].Ref1) != ref {
			continue
		}
		if row != nil && row.State() != rows[i].State() {
			return nil, false
		}
		row = &rows[i]
	}
	return row, true
}

func (d *Driver) row(resp *upstream.Response, row *wire.HistoryRow) (*upstream.Result, error) {
	return d.result(said{ref: row.Ref1, state: row.State(), msg: row.Msg, cost: row.TotalPrice, http: resp.Code()})
}

// BulkLimit is how many purchases one page of the history can tell of.
func (d *Driver) BulkLimit() int { return wire.MaxPerPage }

// BulkStatus reads one page of the history since the day of the oldest purchase
// asked about. It is bounded by that page: of an account with more than 1,000
// transactions in those days, whatever the API sorts behind the first 1,000 is
// left out, as are rows that were not understood. To be left out says nothing:
// those purchases are asked about one by one.
func (d *Driver) BulkStatus(ctx context.Context, ps []*upstream.Purchase) (map[int64]*upstream.Result, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathHistory, d.since(ps))
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeHistory(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if broken(resp, int(r.Code)) {
		return nil, brokenAnswer(resp)
	}
	if r.Data.Odd > 0 && d.cfg.Log != nil {
		d.cfg.Log.WarnContext(ctx, "history rows not understood", "upstream", d.cfg.Name, "rows", r.Data.Odd)
	}
	return d.mentioned(resp, r.Data.Rows, ps), nil
}

// since asks for the days of these purchases. The API books by its own clock: an
// hour more covers the days' borders.
func (d *Driver) since(ps []*upstream.Purchase) wire.HistoryRequest {
	const skew = time.Hour
	now := d.cfg.Now()
	from := now
	for _, p := range ps {
		if !p.SentAt.IsZero() && p.SentAt.Before(from) {
			from = p.SentAt
		}
	}
	day := func(t time.Time) string { return t.In(lenient.WIB()).Format(wire.DateLayout) }
	return wire.HistoryRequest{
		MMID: d.mmid(), StartDate: day(from.Add(-skew)), EndDate: day(now.Add(skew)), Page: 1, PerPage: wire.MaxPerPage,
	}
}

// mentioned gives what the rows say of these purchases. One whose rows contradict
// each other, or are of a state that is not documented, is left out: asked alone,
// it will be said why.
func (d *Driver) mentioned(resp *upstream.Response, rows []wire.HistoryRow, ps []*upstream.Purchase) map[int64]*upstream.Result {
	byRef := make(map[string][]wire.HistoryRow, len(rows))
	for _, row := range rows {
		byRef[string(row.Ref1)] = append(byRef[string(row.Ref1)], row)
	}
	out := make(map[int64]*upstream.Result, len(ps))
	for _, p := range ps {
		row, agree := rowOf(byRef[p.Ref], p.Ref)
		if row == nil || !agree || p.Bill != nil && !wire.OfPayment(row.Msg) {
			continue
		}
		res, err := d.row(resp, row)
		if err != nil {
			continue
		}
		res.Incomplete = res.Incomplete || res.State == upstream.Failed && res.Reason == "" && row.Msg == ""
		out[p.OrderID] = res
	}
	return out
}
