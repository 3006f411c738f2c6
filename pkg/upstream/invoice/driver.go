package invoice

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
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/invoice/wire"
)

// credential is the name of the API key in the configuration.
const credential = "api_key"

// The names of the options.
const (
	optionBalance  = "balance_path"
	optionCreate   = "invoice_create_path"
	optionStatus   = "invoice_status_path"
	optionCancel   = "invoice_cancel_path"
	optionWithdraw = "withdraw_path"
	optionWithdrew = "withdraw_status_path"
	optionHistory  = "withdraw_history_path"
	optionCancelID = "cancel_id"
	optionHosts    = "image_hosts"
)

// Where an invoice's id stands when it is canceled.
const (
	inQuery = "query"
	inBody  = "body"
)

// paths are the endpoints by the option that sets each.
func paths() map[string]string {
	return map[string]string{
		optionBalance: wire.PathBalance, optionCreate: wire.PathCreate, optionStatus: wire.PathStatus, optionCancel: wire.PathCancel,
		optionWithdraw: wire.PathWithdraw, optionWithdrew: wire.PathWithdrew, optionHistory: wire.PathHistory,
	}
}

// Driver speaks to one account.
type Driver struct {
	upstream.SellsNothing
	cfg      upstream.Config
	base     *url.URL
	paths    map[string]string
	cancelID string
	hosts    []string
}

var (
	_ upstream.Driver       = (*Driver)(nil)
	_ upstream.Balance      = (*Driver)(nil)
	_ upstream.Invoices     = (*Driver)(nil)
	_ upstream.InvoiceImage = (*Driver)(nil)
	_ upstream.Payouts      = (*Driver)(nil)
)

// New makes a driver. The error names every fault of the configuration, and no value of
// a credential.
func New(cfg upstream.Config) (*Driver, error) {
	if err := cfg.Need(credential); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	base, err := url.Parse(cfg.Base())
	if err != nil {
		return nil, fmt.Errorf("upstream %s: base_url is not a URL", cfg.Name)
	}
	d := &Driver{cfg: cfg, base: base, paths: paths(), cancelID: inQuery}
	var faults []string
	for name, value := range cfg.Options {
		if fault := d.set(name, value); fault != "" {
			faults = append(faults, fault)
		}
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return nil, fmt.Errorf("upstream %s: %s", cfg.Name, strings.Join(faults, "; "))
	}
	return d, nil
}

// set takes one option and gives what is wrong with it.
func (d *Driver) set(name, value string) (fault string) {
	_, path := d.paths[name]
	switch {
	case path:
		u, err := url.Parse(value)
		if err != nil || !strings.HasPrefix(value, "/") || u.Host != "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(value, "?") {
			return "options." + name + " is not a path"
		}
		d.paths[name] = value
	case name == optionCancelID:
		if value != inQuery && value != inBody {
			return "options." + name + " is neither query nor body"
		}
		d.cancelID = value
	case name == optionHosts:
		for host := range strings.SplitSeq(value, ",") {
			host = strings.ToLower(strings.TrimSpace(host))
			if u, err := url.Parse("//" + host); err != nil || u.Host != host || host == "" || u.Hostname() == "" {
				return "options." + name + " has something that is no host"
			}
			d.hosts = append(d.hosts, host)
		}
	default:
		return "options." + name + " is not known"
	}
	return ""
}

// unasked is a request that was not made.
func unasked(why string) *upstream.Error {
	return &upstream.Error{Class: upstream.NotSent, Err: errors.New(why)}
}

// sender is one of the two ways of [upstream.HTTP].
type sender func(context.Context, *http.Request) (*upstream.Response, error)

// ask sends a request to the endpoint of an option; body is nil, or becomes JSON.
func (d *Driver) ask(ctx context.Context, send sender, method, option string, query url.Values, body any) (*upstream.Response, error) {
	unbuilt := unasked("request could not be built")
	query.Set(wire.KeyParam, d.cfg.Credentials[credential])
	raw := []byte(nil)
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return nil, unbuilt
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, d.cfg.Base()+d.paths[option]+"?"+query.Encode(), bytes.NewReader(raw))
	if err != nil {
		return nil, unbuilt // err quotes the URL
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	return send(ctx, req)
}

// understood reads an answer: what decode gives, unless it came out of a server that
// says it failed.
func understood[T any](resp *upstream.Response, decode func([]byte) (*T, error)) (*T, error) {
	v, err := decode(resp.Body)
	if err == nil && resp.Status >= http.StatusBadRequest {
		return nil, upstream.Malformed(resp.Code(), errors.New("an answer under an error's status"))
	}
	return v, err
}

// explain turns what a decoder said into the class of a call that moves no money.
func (d *Driver) explain(resp *upstream.Response, err error) *upstream.Error {
	if e, ok := errors.AsType[*upstream.Error](err); ok {
		return e
	}
	r, ok := wire.AsRefusal(err)
	if !ok {
		return upstream.Malformed(resp.Code(), err)
	}
	detail := d.cfg.Redact(r.Message)
	switch {
	case !wire.Stands(resp.Status), upstream.Doubtful(r.Message):
		return &upstream.Error{Class: upstream.Unknown, Code: resp.Code(), Detail: detail, Err: errors.New("failure without proof")}
	case resp.Status == http.StatusUnauthorized, resp.Status == http.StatusForbidden:
		return upstream.Reject(upstream.ReasonOurAccount, resp.Code(), detail)
	}
	return upstream.Reject(upstream.ReasonIn(r.Message), resp.Code(), detail)
}

// mixedUp is the answer about something else than was asked.
func mixedUp(resp *upstream.Response) *upstream.Error {
	return upstream.Malformed(resp.Code(), errors.New("answer is about something else"))
}

// Balance reads our balance, in rupiah.
func (d *Driver) Balance(ctx context.Context) (int64, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, http.MethodGet, optionBalance, url.Values{}, nil)
	if err != nil {
		return 0, err
	}
	r, err := understood(resp, wire.DecodeBalance)
	if err != nil {
		return 0, d.explain(resp, err)
	}
	return int64(*r.Balance), nil
}
