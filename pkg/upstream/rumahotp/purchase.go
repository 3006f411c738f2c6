package rumahotp

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// categoryOTP is the category of rented numbers; all others are H2H products.
const categoryOTP = "otp"

// driverName is what no text for merchants may contain.
const driverName = "rumahotp"

// address is where a number's offer is found: what Extra holds.
type address struct {
	NumberID   string `json:"number_id"`
	ProviderID string `json:"provider_id"`
	Country    string `json:"country"`
}

// Submit rents a number or buys a product. It must not be sent twice.
func (d *Driver) Submit(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	if p.Category == categoryOTP {
		return d.rent(ctx, p)
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Money, wire.BuyProduct(p.Code, p.Target+p.Zone))
	if err != nil {
		return nil, err
	}
	t, err := wire.DecodeTransaction(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	// The answer says no more than that it is under way: what it became, and the
	// serial number, only the status tells.
	res := &upstream.Result{State: upstream.Pending, UpstreamRef: string(t.ID), Code: string(t.State()), Detail: d.cfg.Redact(string(t.Message))}
	if t.SisaBalance != nil {
		left := int64(*t.SisaBalance)
		res.Balance = &left
	}
	return res, nil
}

func (d *Driver) rent(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	var at address
	if err := json.Unmarshal(p.Extra, &at); err != nil || at.NumberID == "" || at.ProviderID == "" {
		return nil, upstream.Reject(upstream.ReasonProduct, "", "the offer has no address; import the catalogue again")
	}
	choice := p.Inputs["operator_id"]
	if choice == "" {
		choice = wire.AnyOperator
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Money, wire.BuyNumber(at.NumberID, at.ProviderID, choice))
	if err != nil {
		return nil, err
	}
	o, err := wire.DecodeOrder(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	res := &upstream.Result{
		State: upstream.Pending, UpstreamRef: string(o.OrderID), Phone: wire.Phone(string(o.PhoneNumber)), Operator: operator(string(o.Operator)),
	}
	if o.Price != nil {
		cost := int64(*o.Price)
		res.Cost = &cost
	}
	if o.ExpiresInMinute > 0 && o.ExpiresInMinute <= longestLife {
		res.ExpiresAt = d.cfg.Now().Add(time.Duration(o.ExpiresInMinute) * time.Minute)
	}
	return res, nil
}

// longestLife bounds how long a number may be said to live, in minutes: a year.
const longestLife = 366 * 24 * 60

// operatorName is what a mobile operator is called.
var operatorName = regexp.MustCompile(`^[\pL\pN][\pL\pN ]{0,39}$`)

// operator passes an operator's name on to merchants; a name with anything in it
// but letters, digits and blanks, or with the provider's own, is none.
func operator(name string) string {
	name = strings.TrimSpace(name)
	bare := strings.ToLower(strings.ReplaceAll(name, " ", ""))
	if !operatorName.MatchString(name) || strings.Contains(bare, driverName) {
		return ""
	}
	return name
}

// Status asks about a purchase by the id that Submit was told.
func (d *Driver) Status(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	if p.UpstreamRef == "" {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: errors.New("no id to ask by")}
	}
	if p.Category == categoryOTP {
		return d.orderStatus(ctx, p)
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.AskTransaction(p.UpstreamRef))
	if err != nil {
		return nil, err
	}
	t, err := wire.DecodeTransactionStatus(resp.Body)
	switch {
	case unknownTo(resp, err):
		return &upstream.Result{State: upstream.NotFound, Code: resp.Code()}, nil
	case err != nil:
		return nil, d.explain(resp, err)
	case string(t.ID) != p.UpstreamRef:
		return nil, mixedUp(resp)
	}
	return d.transaction(resp, t)
}

// transaction says what an H2H status means.
func (d *Driver) transaction(resp *upstream.Response, t *wire.TransactionStatus) (*upstream.Result, error) {
	res := &upstream.Result{UpstreamRef: string(t.ID), Code: string(t.State())}
	switch t.State() {
	case wire.TransactionProcessing:
		res.State = upstream.Pending
	case wire.TransactionSuccess:
		res.State, res.SN = upstream.Succeeded, t.SN()
		if t.Price != nil {
			cost := int64(*t.Price)
			res.Cost = &cost
		}
		if t.Refund != nil && bool(*t.Refund) { // delivered and given back: people should know
			refunded := true
			res.Refunded = &refunded
		}
		res.Detail = d.cfg.Redact(t.Receiver())
	case wire.TransactionFailed, wire.TransactionCanceled:
		res.State = upstream.Failed
		if t.Refund != nil {
			refunded := bool(*t.Refund)
			res.Refunded = &refunded
		}
		if t.Response.V != nil {
			res.Detail = d.cfg.Redact(string(t.Response.V.Status))
			res.Reason = upstream.ReasonIn(res.Detail)
		}
	default:
		return nil, upstream.Malformed(resp.Code(), errors.New("status is not a documented one"))
	}
	return res, nil
}

func (d *Driver) orderStatus(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.AskOrder(p.UpstreamRef))
	if err != nil {
		return nil, err
	}
	o, err := wire.DecodeOrderStatus(resp.Body)
	switch {
	case unknownTo(resp, err):
		return &upstream.Result{State: upstream.NotFound, Code: resp.Code()}, nil
	case err != nil:
		return nil, d.explain(resp, err)
	case string(o.OrderID) != p.UpstreamRef:
		return nil, mixedUp(resp)
	}
	state, ok := d.number(p, o)
	if !ok {
		return nil, upstream.Malformed(resp.Code(), errors.New("status is not a documented one"))
	}
	res := &upstream.Result{
		State: state, UpstreamRef: string(o.OrderID), Code: string(o.State()), Phone: wire.Phone(string(o.PhoneNumber)), ExpiresAt: o.ExpiresAt.Time(),
	}
	// It is over there, or about to be, and only the money's return is not certain.
	res.Ending = state == upstream.Pending && (o.State() == wire.OrderExpiring || o.State() == wire.OrderCompleted)
	if code := o.Code(); code != "" && state == upstream.Succeeded {
		res.Messages = []upstream.Message{{Code: code}}
	}
	return res, nil
}

// number says what a rented number's status means. A code that came wins over
// every end; only while the number waits (for a further code) it is not looked at.
func (d *Driver) number(p *upstream.Purchase, o *wire.OrderStatus) (upstream.State, bool) {
	state := o.State()
	switch state {
	case wire.OrderWaiting:
		return upstream.Pending, true
	case wire.OrderReceived, wire.OrderCompleted, wire.OrderCanceled, wire.OrderExpiring:
	default:
		return "", false
	}
	switch {
	case o.Code() != "":
		return upstream.Succeeded, true
	case state == wire.OrderCanceled:
		return upstream.Canceled, true
	case state == wire.OrderExpiring && d.ended(p, o):
		return upstream.Expired, true
	}
	return upstream.Pending, true
}

// ended is whether a number's own end has passed: as the provider tells it now,
// or else as it told it before. An end that nobody told has not passed.
func (d *Driver) ended(p *upstream.Purchase, o *wire.OrderStatus) bool {
	end := o.ExpiresAt.Time()
	if end.IsZero() {
		end = p.ExpiresAt
	}
	return !end.IsZero() && !d.cfg.Now().Before(end)
}

// Orphaned is how long a number is rented: one that nobody knows of gets no code and
// is paid back at its end. An H2H product that nobody knows of is delivered.
func (d *Driver) Orphaned(p *upstream.Purchase) time.Duration {
	if p.Category == categoryOTP {
		return d.life
	}
	return 0
}

// Grain is nothing: all money there is whole rupiah.
func (d *Driver) Grain() int64 { return 0 }

// Cancel asks for a number to be given back. A code that came first wins.
func (d *Driver) Cancel(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.set(ctx, p, wire.ActionCancel)
}

// Finish tells that no further code is wanted.
func (d *Driver) Finish(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.set(ctx, p, wire.ActionDone)
}

// Resend asks for a further code.
func (d *Driver) Resend(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.set(ctx, p, wire.ActionResend)
}

// set carries out an action. Its answer names a status and no more, so a code is
// never concluded from it.
func (d *Driver) set(ctx context.Context, p *upstream.Purchase, action string) (*upstream.Result, error) {
	if p.Category != categoryOTP || p.UpstreamRef == "" {
		return nil, upstream.Reject("", "", "only a rented number can be "+action)
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Money, wire.SetOrder(p.UpstreamRef, action))
	if err != nil {
		return nil, err
	}
	s, err := wire.DecodeSetStatus(resp.Body)
	switch {
	case err != nil:
		return nil, d.explain(resp, err)
	case string(s.OrderID) != p.UpstreamRef:
		return nil, mixedUp(resp)
	}
	res := &upstream.Result{State: upstream.Pending, UpstreamRef: p.UpstreamRef, Code: string(wire.StatusOf(s.Status))}
	switch wire.StatusOf(s.Status) {
	case wire.OrderCanceled:
		res.State = upstream.Canceled
	case wire.OrderCompleted:
		res.State = upstream.Succeeded
	default: // under way: the status will tell
	}
	return res, nil
}
