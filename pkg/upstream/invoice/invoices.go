package invoice

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/invoice/wire"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// full finds a refusal to open one more invoice, which speaks of a number of them and
// not of an amount.
func full(message string) bool {
	return tooMany.MatchString(message) && ofInvoices.MatchString(message) && !ofAmounts.MatchString(message)
}

var (
	tooMany    = regexp.MustCompile(`(?i)terlalu banyak|too many|maks(?:imal|imum)?\b|maximum|batas|limit|penuh`)
	ofInvoices = regexp.MustCompile(`(?i)invoice|tagihan|deposit|pending|tertunda|belum dibayar`)
	ofAmounts  = regexp.MustCompile(`(?i)\brp\b|rupiah|nominal|\d[\d.,]{3,}`)
)

// CreateInvoice asks for an invoice. An answer for another amount is not used; that
// invoice expires by itself.
func (d *Driver) CreateInvoice(ctx context.Context, r *upstream.InvoiceRequest) (*upstream.Invoice, error) {
	if r.Amount <= 0 {
		return nil, unasked("no amount to ask for")
	}
	query := url.Values{"amount": {strconv.FormatInt(r.Amount, 10)}}
	resp, err := d.ask(ctx, d.cfg.HTTP.Money, http.MethodGet, optionCreate, query, nil)
	if err != nil {
		return nil, err
	}
	c, err := understood(resp, wire.DecodeCreated)
	if refusal, ok := wire.AsRefusal(err); ok && wire.Stands(resp.Status) && full(refusal.Message) {
		return nil, upstream.Reject(upstream.ReasonFull, resp.Code(), d.cfg.Redact(refusal.Message))
	}
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if int64(*c.Amount) != r.Amount {
		return nil, mixedUp(resp)
	}
	inv := &upstream.Invoice{UpstreamRef: string(c.InvoiceID), State: upstream.InvoicePending, Code: wire.InvoicePending, ExpiresAt: c.ExpiredAt.UTC()}
	d.fill(inv, c.Amount, c.Fee, c.Total, c.QRISImage)
	return inv, nil
}

// fill puts what every invoice has.
func (d *Driver) fill(inv *upstream.Invoice, amount, fee, total *lenient.Int, image lenient.Text) {
	inv.Amount, inv.Fee, inv.Total = int64(*amount), int64(*fee), int64(*total)
	inv.ImageURL = d.masked(string(image))
}

// InvoiceStatus asks about an invoice.
func (d *Driver) InvoiceStatus(ctx context.Context, upstreamRef string) (*upstream.Invoice, error) {
	if upstreamRef == "" {
		return nil, unasked("no id to ask by")
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, http.MethodGet, optionStatus, url.Values{"invoice_id": {upstreamRef}}, nil)
	if err != nil {
		return nil, err
	}
	i, err := understood(resp, wire.DecodeInvoice)
	if refusal, ok := wire.AsRefusal(err); ok && refusal.NoInvoice(resp.Status) {
		return &upstream.Invoice{UpstreamRef: upstreamRef, State: upstream.InvoiceNotFound, Code: resp.Code(), Detail: d.cfg.Redact(refusal.Message)}, nil
	}
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if string(i.InvoiceID) != upstreamRef {
		return nil, mixedUp(resp)
	}
	state, ok := stateOf(i.Status)
	if !ok {
		return nil, upstream.Malformed(resp.Code(), lenient.Odd("status"))
	}
	inv := &upstream.Invoice{UpstreamRef: upstreamRef, State: state, Code: wire.Lower(i.Status), ExpiresAt: i.ExpiredAt.UTC()}
	d.fill(inv, i.Amount, i.Fee, i.Total, i.QRISImage)
	return inv, nil
}

// stateOf is what a documented state means; canceled is accepted beside it.
func stateOf(status lenient.Text) (upstream.InvoiceState, bool) {
	switch wire.Lower(status) {
	case wire.InvoicePending:
		return upstream.InvoicePending, true
	case wire.InvoicePaid:
		return upstream.InvoicePaid, true
	case wire.InvoiceExpired:
		return upstream.InvoiceExpired, true
	case "canceled", "cancelled":
		return upstream.InvoiceCanceled, true
	}
	return "", false
}

// CancelInvoice closes a pending invoice. The answer has its state and no amounts.
func (d *Driver) CancelInvoice(ctx context.Context, upstreamRef string) (*upstream.Invoice, error) {
	if upstreamRef == "" {
		return nil, unasked("no id to ask by")
	}
	query, body := url.Values{"invoice_id": {upstreamRef}}, any(nil)
	if d.cancelID == inBody {
		query, body = url.Values{}, wire.CancelRequest{InvoiceID: upstreamRef}
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Money, http.MethodPost, optionCancel, query, body)
	if err != nil {
		return nil, err
	}
	c, err := understood(resp, wire.DecodeCanceled)
	if refusal, ok := wire.AsRefusal(err); ok && refusal.NoInvoice(resp.Status) {
		return &upstream.Invoice{UpstreamRef: upstreamRef, State: upstream.InvoiceNotFound, Code: resp.Code(), Detail: d.cfg.Redact(refusal.Message)}, nil
	}
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if string(c.InvoiceID) != upstreamRef {
		return nil, mixedUp(resp)
	}
	state, ok := stateOf(c.Status)
	switch {
	case !ok:
		return nil, upstream.Malformed(resp.Code(), lenient.Odd("status"))
	case state == upstream.InvoiceExpired:
		state = upstream.InvoiceCanceled
	}
	return &upstream.Invoice{UpstreamRef: upstreamRef, State: state, Code: wire.Lower(c.Status), Detail: d.cfg.Redact(string(c.Message))}, nil
}

// keyHere stands for the key in the address of an image.
const keyHere = "{apikey}"

// masked is an image's address without our key.
func (d *Driver) masked(address string) string {
	key := d.cfg.Credentials[credential]
	if len(key) < 4 { // it would spoil the address and is no secret
		return address
	}
	for _, form := range []string{url.QueryEscape(key), url.PathEscape(key), key} {
		address = strings.ReplaceAll(address, form, keyHere)
	}
	return address
}
