package smm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// The names of credentials and options in the configuration.
const (
	credentialKey  = "api_key"
	optionCurrency = "currency"
	optionRate     = "rate"
	optionDrift    = "drift_percent"
)

const (
	rupiah       = "IDR"
	defaultDrift = 5
)

// Driver speaks to one account at one panel.
type Driver struct {
	cfg      upstream.Config
	endpoint string
	currency string
	// rate is rupiah for one of the currency; said is how the configuration wrote it.
	rate  *big.Rat
	said  string
	drift *big.Rat // as a share
}

// New makes a driver; the error names what the configuration lacks.
func New(cfg upstream.Config) (*Driver, error) {
	if err := cfg.Need(credentialKey); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Driver{cfg: cfg, endpoint: cfg.Base(), currency: strings.ToUpper(strings.TrimSpace(cfg.Options[optionCurrency]))}
	if u, err := url.Parse(d.endpoint); err == nil && u.Path == "" {
		d.endpoint += wire.Path
	}
	if d.currency == "" {
		d.currency = rupiah
	}
	if err := d.money(); err != nil {
		return nil, fmt.Errorf("upstream %s: %w", cfg.Name, err)
	}
	return d, nil
}

// money reads the options about money.
func (d *Driver) money() error {
	d.said = strings.TrimSpace(d.cfg.Options[optionRate])
	if d.currency == rupiah {
		if d.said != "" && d.said != "1" {
			return errors.New("options.rate is for another currency than IDR")
		}
		d.said = "1"
	}
	var err error
	if d.rate, err = wire.ParseDecimal(d.said); err != nil || d.rate.Sign() <= 0 {
		return fmt.Errorf("options.rate must be how many rupiah one %s is, as in \"16350.25\"", d.currency)
	}
	percent := int64(defaultDrift)
	if text := d.cfg.Options[optionDrift]; text != "" {
		if percent, err = strconv.ParseInt(text, 10, 64); err != nil || percent < 0 || percent > 1000 {
			return errors.New("options.drift_percent must be a whole number of 0 to 1000")
		}
	}
	d.drift = big.NewRat(percent, 100)
	return nil
}

var (
	_ upstream.Driver           = (*Driver)(nil)
	_ upstream.Serial           = (*Driver)(nil)
	_ upstream.BulkStatus       = (*Driver)(nil)
	_ upstream.Balance          = (*Driver)(nil)
	_ upstream.Cancel           = (*Driver)(nil)
	_ upstream.Refiller         = (*Driver)(nil)
	_ upstream.BulkRefillStatus = (*Driver)(nil)
	_ upstream.Catalog          = (*Driver)(nil)
)

// Orphaned says that a panel never gives back by itself what nobody knows the id of.
func (d *Driver) Orphaned(*upstream.Purchase) time.Duration { return 0 }

// Grain is a hundredth of the currency, and a rupiah at least: many panels charge by
// finer amounts than they show.
func (d *Driver) Grain() int64 {
	n, ok := ceil(new(big.Rat).Mul(d.rate, big.NewRat(1, 100)))
	if !ok {
		return math.MaxInt32
	}
	return max(n, 1)
}

// sender is one of the two ways of [upstream.HTTP].
type sender func(context.Context, *http.Request) (*upstream.Response, error)

// ask posts one action.
func (d *Driver) ask(ctx context.Context, send sender, action string, fields ...[2]string) (*upstream.Response, error) {
	form := wire.Request(d.cfg.Credentials[credentialKey], action, fields...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: errors.New("request could not be built")}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	return send(ctx, req)
}

// call posts an action and decodes its answer. What comes out of a server that
// failed proves nothing, and a success under a status of refusal contradicts itself.
func call[T any](ctx context.Context, d *Driver, send sender, decode func([]byte) (T, error), action string, fields ...[2]string) (T, *upstream.Response, error) {
	var none T
	resp, err := d.ask(ctx, send, action, fields...)
	if err != nil {
		return none, nil, err
	}
	if resp.Status >= http.StatusInternalServerError {
		return none, resp, upstream.Malformed(resp.Code(), errors.New("answer under a server's error"))
	}
	out, err := decode(resp.Body)
	if err != nil {
		return none, resp, d.explain(resp, err)
	}
	if resp.Status >= http.StatusBadRequest {
		return none, resp, upstream.Malformed(resp.Code(), errors.New("a success under a status of refusal"))
	}
	return out, resp, nil
}

// explain turns what a decoder said into the class of the call: Rejected for what is
// listed, Unknown for everything else.
func (d *Driver) explain(resp *upstream.Response, err error) *upstream.Error {
	r, ok := wire.AsRefusal(err)
	if !ok {
		return upstream.Malformed(resp.Code(), err)
	}
	detail := d.cfg.Redact(r.Text)
	e := &upstream.Error{Class: upstream.Unknown, Code: resp.Code(), Detail: detail, Err: errors.New("a refusal that is not listed")}
	meaning, tail := r.Meaning()
	reason := reasonOf(meaning)
	switch {
	case lostTime(resp.Status):
	case meaning == wire.ActiveOrder: // its text may go on to ask for patience
		return upstream.Reject(reason, "", detail)
	case upstream.Doubtful(tail), meaning == wire.Other && upstream.Doubtful(r.Text):
	case reason != "":
		e := upstream.Reject(reason, "", detail)
		e.Halt = meaning == wire.WrongKey // nobody gets in until a person has put it right
		if meaning == wire.TooEarly {
			e.After = r.After()
		}
		return e
	default:
		e.Answered, e.Reason = true, upstream.ReasonIn(r.Text)
	}
	return e
}

// lostTime is a status by which something was or is under way.
func lostTime(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooEarly
}

func reasonOf(m wire.Meaning) upstream.Reason {
	switch m {
	case wire.WrongKey:
		return upstream.ReasonOurAccount
	case wire.NoFunds:
		return upstream.ReasonOurBalance
	case wire.WrongService:
		return upstream.ReasonGone
	case wire.WrongLink, wire.WrongQuantity:
		return upstream.ReasonCustomer
	case wire.ActiveOrder:
		return upstream.ReasonBusy
	case wire.TooEarly:
		return upstream.ReasonEarly
	case wire.NoOrder, wire.NoRefill, wire.Other:
	}
	return ""
}

// Balance reads our balance, in whole rupiah, rounded down.
func (d *Driver) Balance(ctx context.Context) (int64, error) {
	b, resp, err := call(ctx, d, d.cfg.HTTP.Read, wire.DecodeBalance, wire.ActionBalance)
	if err != nil {
		return 0, err
	}
	if !d.ours(string(b.Currency)) {
		return 0, upstream.Malformed(resp.Code(), errors.New("the balance is in another currency than the configured one"))
	}
	n, ok := floor(new(big.Rat).Mul(b.Balance.Rat, d.rate))
	if !ok {
		return 0, upstream.Malformed(resp.Code(), errors.New("the balance is beyond any amount"))
	}
	return n, nil
}
