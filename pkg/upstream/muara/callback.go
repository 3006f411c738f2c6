package muara

import (
	"net/http"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
	"github.com/muarahq/muara/pkg/webhook/standard"
)

// Callback verifies and reads a webhook. What it says of an order is the order itself,
// signed: it is applied as if it had been asked for. Events about anything else tell
// nothing of purchases.
func (d *Driver) Callback(header http.Header, body []byte) (*upstream.Hint, error) {
	secret := d.cfg.Credentials[credentialSecret]
	if secret == "" {
		return nil, upstream.Reject(upstream.ReasonSignature, "", "credentials."+credentialSecret+" is not configured")
	}
	if err := standard.Verify(header, body, d.cfg.Now(), secret); err != nil {
		return nil, upstream.Reject(upstream.ReasonSignature, "", err.Error())
	}
	e, err := wire.DecodeEvent(body)
	if err != nil {
		return nil, upstream.Malformed("webhook", err)
	}
	if e.Type != wire.EventOrder {
		return nil, nil //nolint:nilnil // signed, and about nothing of ours
	}
	o := e.Data.Order
	return &upstream.Hint{Ref: string(o.Ref), UpstreamRef: string(o.OrderID), Result: d.result(o)}, nil
}
