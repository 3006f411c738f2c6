package rumahotp

import (
	"context"
	"errors"
	"strings"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// CreateInvoice makes a QRIS deposit into our balance. It may be sent once: after a
// lost answer the deposit is nobody's and runs out by itself.
func (d *Driver) CreateInvoice(ctx context.Context, r *upstream.InvoiceRequest) (*upstream.Invoice, error) {
	if r.Amount <= 0 {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: errors.New("no amount to ask for")}
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Money, wire.CreateDeposit(r.Amount, wire.MethodQRIS))
	if err != nil {
		return nil, err
	}
	p, err := wire.ReadDeposit(resp.Body)
	switch {
	case full(resp, err):
		refusal, _ := wire.AsRefusal(err)
		return nil, upstream.Reject(upstream.ReasonFull, resp.Code(), d.cfg.Redact(refusal.Message))
	case err != nil:
		return nil, d.explain(resp, err)
	case p.Method != wire.MethodQRIS && p.Method != "":
		return nil, mixedUp(resp)
	}
	return d.invoice(resp, p)
}

// full is whether a deposit was refused because too many wait for payment already.
func full(resp *upstream.Response, err error) bool {
	refusal, ok := wire.AsRefusal(err)
	if !ok || !refusal.Definite(resp.Status) {
		return false
	}
	message := strings.ToLower(refusal.Message)
	return says(message, "tertunda", "pending", "belum dibayar", "belum selesai", "unpaid") &&
		says(message, "maks", "max", "batas", "limit", "melebihi", "exceed", "terlalu banyak", "too many", "3")
}

// InvoiceStatus asks about a deposit.
func (d *Driver) InvoiceStatus(ctx context.Context, upstreamRef string) (*upstream.Invoice, error) {
	return d.deposit(ctx, d.cfg.HTTP.Read, upstreamRef, wire.AskDeposit(upstreamRef))
}

// CancelInvoice asks for a deposit to be closed. One that was paid first is refused.
func (d *Driver) CancelInvoice(ctx context.Context, upstreamRef string) (*upstream.Invoice, error) {
	return d.deposit(ctx, d.cfg.HTTP.Money, upstreamRef, wire.CancelDeposit(upstreamRef))
}

// deposit asks something about a deposit that is known by its id.
func (d *Driver) deposit(ctx context.Context, send sender, id, target string) (*upstream.Invoice, error) {
	if id == "" {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: errors.New("no id to ask by")}
	}
	resp, err := d.ask(ctx, send, target)
	if err != nil {
		return nil, err
	}
	p, err := wire.ReadDepositStatus(resp.Body)
	switch {
	case unknownTo(resp, err):
		return &upstream.Invoice{State: upstream.InvoiceNotFound, Code: resp.Code()}, nil
	case err != nil:
		return nil, d.explain(resp, err)
	case p.ID != id:
		return nil, mixedUp(resp)
	}
	return d.invoice(resp, p)
}

// invoice says what a deposit's state means. The provider has one word for one that
// was canceled and one that ran out: its end, as told now, tells them apart.
func (d *Driver) invoice(resp *upstream.Response, p *wire.Payment) (*upstream.Invoice, error) {
	inv := &upstream.Invoice{
		UpstreamRef: p.ID, Amount: p.Diterima, Fee: p.Fee, Total: p.Total, QR: p.QR, ExpiresAt: p.Expires,
		Code: string(p.Status), Detail: d.cfg.Redact(p.Payer),
	}
	switch p.Status {
	case wire.DepositPending:
		inv.State = upstream.InvoicePending
	case wire.DepositSuccess:
		inv.State = upstream.InvoicePaid
	case wire.DepositExpired:
		inv.State = upstream.InvoiceExpired
	case wire.DepositCancel:
		inv.State = upstream.InvoiceCanceled
		if !p.Expires.IsZero() && !d.cfg.Now().Before(p.Expires) {
			inv.State = upstream.InvoiceExpired
		}
	default:
		return nil, upstream.Malformed(resp.Code(), errors.New("status is not a documented one"))
	}
	return inv, nil
}
