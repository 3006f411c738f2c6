package digiflazz

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
)

// The names of the credentials in the configuration. The webhook's secret may be left
// out: then no webhook is believed.
const (
	credentialUser = "username"
	credentialKey  = "api_key"
	credentialHook = "webhook_secret"
)

// The names of the options: "testing" ("true" on a development account, where test
// numbers choose the outcome) and "cb_url", where webhooks of our purchases are to go
// instead of the address that is set there.
const (
	optionTesting  = "testing"
	optionCallback = "cb_url"
)

// Driver speaks to one account.
type Driver struct {
	cfg      upstream.Config
	base     string
	testing  bool
	callback string
	rulings  map[wire.RC]ruling

	mu    sync.Mutex
	lists time.Time // when a price list was last read
}

// New makes a driver.
func New(cfg upstream.Config) (*Driver, error) {
	if err := cfg.Need(credentialUser, credentialKey); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Driver{cfg: cfg, base: cfg.Base(), rulings: rulings()}
	for name, value := range cfg.Options {
		switch {
		case name == optionTesting && slices.Contains([]string{"", "true", "false"}, value):
			d.testing = value == "true"
		case name == optionTesting:
			return nil, fmt.Errorf("upstream %s: options.%s is neither true nor false", cfg.Name, name)
		case name == optionCallback && web(value):
			d.callback = value
		case name == optionCallback:
			return nil, fmt.Errorf("upstream %s: options.%s is not an http or https URL", cfg.Name, name)
		default:
			return nil, fmt.Errorf("upstream %s: options.%s is not known (there are %s and %s)", cfg.Name, name, optionTesting, optionCallback)
		}
	}
	return d, nil
}

func web(value string) bool {
	u, err := url.Parse(value)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

var (
	_ upstream.Driver       = (*Driver)(nil)
	_ upstream.Asking       = (*Driver)(nil)
	_ upstream.Balance      = (*Driver)(nil)
	_ upstream.Catalog      = (*Driver)(nil)
	_ upstream.PriceCheck   = (*Driver)(nil)
	_ upstream.Inquire      = (*Driver)(nil)
	_ upstream.CheckAccount = (*Driver)(nil)
	_ upstream.Callback     = (*Driver)(nil)
)

// sender is one of the two ways of [upstream.HTTP].
type sender func(context.Context, *http.Request) (*upstream.Response, error)

func (d *Driver) user() string { return d.cfg.Credentials[credentialUser] }

func (d *Driver) sign(what string) string {
	return wire.Sign(d.user(), d.cfg.Credentials[credentialKey], what)
}

// ask posts one body.
func (d *Driver) ask(ctx context.Context, send sender, path string, body any) (*upstream.Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, unsent("request could not be built")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, unsent("request could not be built")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := send(ctx, req)
	if err != nil {
		return nil, err
	}
	if !answers(resp.Status) {
		return nil, upstream.Malformed(resp.Code(), errors.New("answer under a status that proves nothing"))
	}
	return resp, nil
}

// unsent is a request of which nothing left us.
func unsent(why string) *upstream.Error {
	return &upstream.Error{Class: upstream.NotSent, Err: errors.New(why)}
}

// answers is whether an answer can stand under a status: a server that failed, or one
// that says that the request is or was under way, proves nothing.
func answers(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly:
		return false
	}
	return status == http.StatusOK || status == http.StatusCreated || status >= http.StatusBadRequest && status < http.StatusInternalServerError
}

func label(rc wire.RC) string { return "rc " + string(rc) }

// refused turns a failure of a call that moves no money into its class.
func (d *Driver) refused(rc wire.RC, message string) *upstream.Error {
	r := d.rulings[rc]
	e := upstream.Reject(r.reason, label(rc), d.cfg.Redact(message))
	e.Halt = r.halt
	if r.wait > 0 {
		e.Class, e.After = upstream.Throttled, r.wait
	}
	return e
}

// explain turns what a decoder of such a call said into its class.
func (d *Driver) explain(resp *upstream.Response, err error) *upstream.Error {
	if r, ok := wire.AsRefusal(err); ok {
		return d.refused(r.RC, string(r.Message))
	}
	return upstream.Malformed(resp.Code(), err)
}

// Balance reads our balance, in whole rupiah; a fraction does not count.
func (d *Driver) Balance(ctx context.Context) (int64, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathBalance, wire.BalanceRequest{Cmd: wire.CmdBalance, Username: d.user(), Sign: d.sign(wire.SignBalance)})
	if err != nil {
		return 0, err
	}
	b, err := wire.DecodeBalance(resp.Body)
	if err != nil {
		return 0, d.explain(resp, err)
	}
	return int64(*b.Deposit), nil
}

// codeMeter is the one target that can be checked: a PLN meter.
const codeMeter = "pln"

// CheckTargets lists the electricity company among what is told by a code and a
// number.
func (d *Driver) CheckTargets(_ context.Context, kind string) ([]upstream.CheckTarget, error) {
	if kind != upstream.CheckGame {
		return nil, upstream.Reject(upstream.ReasonProduct, "", "only PLN meters can be checked")
	}
	return []upstream.CheckTarget{{Code: codeMeter, Name: "PLN", Type: "meter"}}, nil
}

// CheckAccount tells whose a PLN meter is. A number that is not known is an account
// that is not valid.
func (d *Driver) CheckAccount(ctx context.Context, kind, code, number string) (*upstream.Account, error) {
	if kind != upstream.CheckGame || !strings.EqualFold(code, codeMeter) {
		return nil, upstream.Reject(upstream.ReasonProduct, "", "only PLN meters can be checked")
	}
	number = strings.TrimSpace(number)
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathPLN, wire.PLNRequest{Username: d.user(), CustomerNo: number, Sign: d.sign(number)})
	if err != nil {
		return nil, err
	}
	m, err := wire.DecodeMeter(resp.Body)
	if err == nil {
		if string(m.CustomerNo) != number {
			return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another number"))
		}
		return &upstream.Account{Valid: true, Number: number, Name: string(m.Name)}, nil
	}
	e := d.explain(resp, err)
	r, ok := wire.AsRefusal(err)
	if ok && (e.Reason == upstream.ReasonCustomer || r.RC == wire.RCNotFound) {
		return &upstream.Account{Number: number}, nil
	}
	return nil, e
}
