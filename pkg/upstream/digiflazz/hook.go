package digiflazz

import (
	"net/http"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
)

// Callback reads a webhook of which the signature is right: what became of one of our
// transactions. A code that says nothing of the transaction itself gives no result, and
// a ping gives no hint.
func (d *Driver) Callback(header http.Header, body []byte) (*upstream.Hint, error) {
	if !wire.HookSigned(d.cfg.Credentials[credentialHook], header.Get(wire.HeaderSignature), body) {
		return nil, upstream.Reject(upstream.ReasonSignature, "", "the signature is missing or wrong")
	}
	t, err := wire.DecodeHook(body)
	if err != nil {
		return nil, upstream.Malformed("webhook", err)
	}
	if t == nil || t.RefID == "" {
		return nil, nil //nolint:nilnil // nothing is told of any purchase
	}
	hint := &upstream.Hint{Ref: string(t.RefID), UpstreamRef: string(t.RefID)}
	// What is told now was said at any time since the first sending.
	if res, err := d.judge(t, true); err == nil && res.State != upstream.NotFound {
		hint.Result = res
	}
	return hint, nil
}
