package rqid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// The names of the credentials in the configuration.
const (
	credentialKey  = "api_key"
	credentialMMID = "mmid"
)

// Driver speaks to one account.
type Driver struct {
	cfg  upstream.Config
	base string
}

// New makes a driver.
func New(cfg upstream.Config) (*Driver, error) {
	if err := cfg.Need(credentialKey, credentialMMID); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Driver{cfg: cfg, base: cfg.Base()}, nil
}

var (
	_ upstream.Driver           = (*Driver)(nil)
	_ upstream.Lookup           = (*Driver)(nil)
	_ upstream.IdempotentSubmit = (*Driver)(nil)
	_ upstream.BulkStatus       = (*Driver)(nil)
	_ upstream.Balance          = (*Driver)(nil)
	_ upstream.Catalog          = (*Driver)(nil)
	_ upstream.Inquire          = (*Driver)(nil)
	_ upstream.PriceCheck       = (*Driver)(nil)
	_ upstream.Statement        = (*Driver)(nil)
	_ upstream.Movements        = (*Driver)(nil)
)

// IdempotentSubmit says that the API never buys twice under one ref_1.
func (d *Driver) IdempotentSubmit() {}

// sender is one of the two ways of [upstream.HTTP].
type sender func(context.Context, *http.Request) (*upstream.Response, error)

// ask posts one body.
func (d *Driver) ask(ctx context.Context, send sender, path string, body any) (*upstream.Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: errors.New("request could not be built")}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: errors.New("request could not be built")}
	}
	req.Header.Set(wire.KeyHeader, d.cfg.Credentials[credentialKey])
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return send(ctx, req)
}

func (d *Driver) mmid() string { return d.cfg.Credentials[credentialMMID] }

// reasonOf is why, by result code: a hint, since of these codes only rc 94 is
// documented. Codes that are not here say nothing.
func reasonOf(rc string) upstream.Reason {
	switch rc {
	case wire.RCUnknownProduct, wire.RCTrouble:
		return upstream.ReasonProduct
	case wire.RCUnknownCustomer:
		return upstream.ReasonCustomer
	case wire.RCBalance:
		return upstream.ReasonOurBalance
	case wire.RCAccount:
		return upstream.ReasonOurAccount
	}
	return ""
}

// hint is why, by code or else by the words of the message.
func hint(rc, message string) upstream.Reason {
	if reason := reasonOf(rc); reason != "" {
		return reason
	}
	return upstream.ReasonIn(message)
}

// explain turns what a decoder said into the class of the call.
func (d *Driver) explain(resp *upstream.Response, err error) *upstream.Error {
	r, ok := wire.AsRefusal(err)
	if !ok {
		return upstream.Malformed(resp.Code(), err)
	}
	code, detail := resp.Code(), d.cfg.Redact(r.Message)
	if r.RC != "" {
		code = "rc " + r.RC
	}
	e := &upstream.Error{Class: upstream.Unknown, Code: code, Detail: upstream.Clip(detail), Err: errors.New("failure without proof")}
	switch {
	case broken(resp, r.Code):
	case r.Duplicate():
		return upstream.Reject(upstream.ReasonDuplicate, code, detail)
	case !lenient.Null(r.Data), r.RC == wire.RCPending, r.RC == wire.RCSuccess, upstream.Doubtful(r.Message):
	case refusesAccount(resp.Status) || refusesAccount(r.Code):
		return upstream.Reject(upstream.ReasonOurAccount, code, detail)
	case refuses(resp.Status) && (refuses(r.Code) || r.Code == 0):
		e.Answered, e.Reason = true, hint(r.RC, r.Message)
	}
	return e
}

// broken is whether an answer came out of a server that failed, by its own word
// or by HTTP's: it proves nothing, whatever it says.
func broken(resp *upstream.Response, code int) bool {
	return resp.Status >= http.StatusInternalServerError || code >= http.StatusInternalServerError
}

// brokenAnswer is what such an answer is.
func brokenAnswer(resp *upstream.Response) *upstream.Error {
	return upstream.Malformed(resp.Code(), errors.New("answer under a server's error"))
}

// refusesAccount is whether we were not let in: nothing can have been carried
// out without authentication.
func refusesAccount(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// refuses is whether a status can stand over a refusal. The API also refuses
// under 200; three of the 4xx mean that something is or was under way.
func refuses(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly:
		return false
	case http.StatusOK:
		return true
	}
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError
}

// Balance reads our balance, in rupiah.
func (d *Driver) Balance(ctx context.Context) (int64, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathBalance, wire.Account{MMID: d.mmid()})
	if err != nil {
		return 0, err
	}
	r, err := wire.DecodeBalance(resp.Body)
	if err != nil {
		return 0, d.explain(resp, err)
	}
	return int64(*r.Data.Saldo), nil
}
