package digiflazz

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// extra is what an offer's address has besides its code.
type extra struct {
	// Postpaid: it is a bill.
	Postpaid bool `json:"postpaid,omitempty"`
	// Once: the same number may have it once a day only.
	Once bool `json:"once,omitempty"`
}

// postpaid is whether a purchase is a bill's payment.
func postpaid(p *upstream.Purchase) bool {
	var e extra
	return json.Unmarshal(p.Extra, &e) == nil && e.Postpaid || p.Bill != nil
}

// AskRule says that a purchase and the questions about it are a minute apart, and
// that asking about a prepaid one is sending it again.
func (d *Driver) AskRule(p *upstream.Purchase) upstream.AskRule {
	bill := postpaid(p)
	return upstream.AskRule{Every: minute, Within: oldest, Buys: !bill, ByRef: bill}
}

// request is what a purchase and every question about it have in common.
func (d *Driver) request(p *upstream.Purchase, commands string) wire.TransactionRequest {
	number := lenient.Customer(p.Target) + p.Zone
	return wire.TransactionRequest{
		Commands: commands, Username: d.user(), SKU: p.Code, CustomerNo: number, RefID: p.Ref, Sign: d.sign(p.Ref), Testing: d.testing,
	}
}

// topup is a prepaid purchase: the same bytes each time it is sent.
func (d *Driver) topup(p *upstream.Purchase) wire.TransactionRequest {
	r := d.request(p, "")
	r.MaxPrice, r.CallbackURL, r.AllowDot = p.MaxCost, d.callback, strings.Contains(r.CustomerNo, ".")
	return r
}

// Submit buys a prepaid product. Sent again under the same Ref, it tells what became of
// it; see [Driver.AskRule] for when it may.
func (d *Driver) Submit(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	if postpaid(p) {
		return nil, unsent("a bill is paid, not bought")
	}
	return d.transaction(ctx, p, d.topup(p), p.Sends > 1)
}

// Status asks how a purchase stands: of a bill by its own command, of a prepaid product
// by sending the same purchase again.
func (d *Driver) Status(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	if postpaid(p) {
		return d.transaction(ctx, p, d.request(p, wire.CommandStatus), true)
	}
	return d.transaction(ctx, p, d.topup(p), true)
}

// transaction asks and says what the answer means. again: something was sent under
// this reference before.
func (d *Driver) transaction(ctx context.Context, p *upstream.Purchase, body wire.TransactionRequest, again bool) (*upstream.Result, error) {
	t, err := d.exchange(ctx, p, body)
	if err != nil {
		return nil, err
	}
	return d.judge(t, again)
}

// exchange sends a transaction's body and reads the answer about it. All of them, the
// questions too, travel on a connection of their own.
func (d *Driver) exchange(ctx context.Context, p *upstream.Purchase, body wire.TransactionRequest) (*wire.Transaction, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Money, wire.PathTransaction, body)
	if err != nil {
		return nil, err
	}
	t, err := wire.DecodeTransaction(resp.Body)
	switch {
	case err != nil:
		return nil, upstream.Malformed(resp.Code(), err)
	case t.RefID != "" && string(t.RefID) != p.Ref, t.SKU != "" && string(t.SKU) != p.Code:
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another purchase"))
	}
	return t, nil
}

// judge says what a transaction's answer means.
func (d *Driver) judge(t *wire.Transaction, again bool) (*upstream.Result, error) {
	code, _ := t.RC.Documented() // the decoder has seen to it
	r := d.rulings[t.RC]
	switch {
	case code.Status != wire.StatusFailed:
		return d.result(t, again), nil
	case again && t.RC == wire.RCNotFound:
		return &upstream.Result{State: upstream.NotFound, Code: label(t.RC), Detail: d.detail(t)}, nil
	case again && r.wait > 0, again && !code.Made && r.reason != upstream.ReasonDuplicate:
		return nil, &upstream.Error{
			Class: upstream.Unknown, Halt: r.halt, After: r.wait, Code: label(t.RC), Detail: d.detail(t),
			Err: errors.New("refused again, which says nothing of what was sent before"),
		}
	case !code.Made, r.wait > 0:
		e := d.refused(t.RC, string(t.Message))
		e.Detail = d.detail(t)
		return nil, e
	}
	return d.result(t, again), nil
}

// result says how a transaction stands that was made.
func (d *Driver) result(t *wire.Transaction, again bool) *upstream.Result {
	res := &upstream.Result{UpstreamRef: string(t.RefID), Code: label(t.RC), Detail: d.detail(t)}
	if t.Price != nil && *t.Price > 0 && string(t.Status) != wire.StatusFailed {
		cost := int64(*t.Price)
		res.Cost = &cost
	}
	if t.BuyerLastSaldo != nil && !again && *t.BuyerLastSaldo >= 0 { // of an earlier moment otherwise
		left := int64(*t.BuyerLastSaldo)
		res.Balance = &left
	}
	switch string(t.Status) {
	case wire.StatusSuccess:
		res.State = upstream.Succeeded
		if sn := strings.TrimSpace(string(t.SN)); strings.Trim(sn, "-") != "" {
			res.SN = sn
		}
	case wire.StatusPending:
		res.State = upstream.Pending
	default:
		r := d.rulings[t.RC]
		res.State, res.Reason = upstream.Failed, r.reason
		if r.refunded {
			res.Refunded = &r.refunded
		}
	}
	return res
}

// detail is an operator's evidence: the message, and whom to ask at the seller's.
func (d *Driver) detail(t *wire.Transaction) string {
	text := string(t.Message)
	for _, way := range []struct {
		name string
		at   lenient.Text
	}{{"tele", t.Tele}, {"wa", t.WA}} {
		if way.at != "" {
			text += "; seller's " + way.name + " " + string(way.at)
		}
	}
	return d.cfg.Redact(text)
}
