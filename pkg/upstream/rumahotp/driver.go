package rumahotp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// credential is the name of the API key in the configuration.
const credential = "api_key"

// optionLife names the option that says how long a number is rented, as a Go
// duration; documentedLife holds without it.
const (
	optionLife     = "number_life"
	documentedLife = 15 * time.Minute
)

// throttledFor is how long to stay away after a refusal for the rate.
const throttledFor = 10 * time.Second

// Driver speaks to one account.
type Driver struct {
	cfg  upstream.Config
	base string
	life time.Duration
}

// New makes a driver. The base URL ends in /api.
func New(cfg upstream.Config) (*Driver, error) {
	if err := cfg.Need(credential); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	life := documentedLife
	if text := cfg.Options[optionLife]; text != "" {
		var err error
		if life, err = time.ParseDuration(text); err != nil || life <= 0 {
			return nil, fmt.Errorf("options.%s: %q is no length of time", optionLife, text)
		}
	}
	return &Driver{cfg: cfg, base: cfg.Base(), life: life}, nil
}

// The driver offers these and, on purpose, neither Lookup nor IdempotentSubmit.
var (
	_ upstream.Driver       = (*Driver)(nil)
	_ upstream.Serial       = (*Driver)(nil)
	_ upstream.Balance      = (*Driver)(nil)
	_ upstream.Cancel       = (*Driver)(nil)
	_ upstream.Finish       = (*Driver)(nil)
	_ upstream.Resend       = (*Driver)(nil)
	_ upstream.Operators    = (*Driver)(nil)
	_ upstream.Catalog      = (*Driver)(nil)
	_ upstream.Invoices     = (*Driver)(nil)
	_ upstream.CheckAccount = (*Driver)(nil)
)

// sender is one of the two ways of [upstream.HTTP].
type sender func(context.Context, *http.Request) (*upstream.Response, error)

// ask sends one GET.
func (d *Driver) ask(ctx context.Context, send sender, target string) (*upstream.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+target, nil)
	if err != nil {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: errors.New("request could not be built")}
	}
	if path, _, _ := strings.Cut(target, "?"); !wire.Open(path) {
		req.Header.Set(wire.KeyHeader, d.cfg.Credentials[credential])
	}
	req.Header.Set("Accept", "application/json")
	return send(ctx, req)
}

// explain turns what a decoder said into the class of the call.
func (d *Driver) explain(resp *upstream.Response, err error) *upstream.Error {
	refusal, ok := wire.AsRefusal(err)
	if !ok {
		return upstream.Malformed(resp.Code(), err)
	}
	detail := d.cfg.Redact(refusal.Message)
	switch {
	case !refusal.Definite(resp.Status):
	case rateWords(refusal.Message):
		return &upstream.Error{
			Class: upstream.Throttled, Pause: true, After: throttledFor, Code: resp.Code(), Detail: upstream.Clip(detail),
		}
	case !upstream.Doubtful(refusal.Message):
		return upstream.Reject(upstream.ReasonIn(refusal.Message), resp.Code(), detail)
	}
	return &upstream.Error{
		Class: upstream.Unknown, Code: resp.Code(), Detail: upstream.Clip(detail), Err: errors.New("failure without proof"),
	}
}

// rateWords is whether a refusal is for our rate and for nothing else: "too many
// pending transactions" is not.
func rateWords(message string) bool {
	message = strings.ToLower(message)
	// Every refusal for the rate asks to come again.
	if upstream.Doubtful(strings.NewReplacer("coba lagi", "", "coba kembali", "", "try again", "").Replace(message)) {
		return false
	}
	for _, words := range []string{"too many", "rate limit", "terlalu banyak", "terlalu sering"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}

// unknownTo is whether a question was answered with "there is no such purchase".
// A key or a path that was not found is another matter.
func unknownTo(resp *upstream.Response, err error) bool {
	refusal, ok := wire.AsRefusal(err)
	if !ok || !refusal.Definite(resp.Status) || resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden {
		return false
	}
	message := strings.ToLower(refusal.Message)
	for _, other := range []string{"key", "route", "endpoint", "url", "path", "halaman", "page", "user", "akun", "account"} {
		if strings.Contains(message, other) {
			return false
		}
	}
	return !upstream.Doubtful(message) && (strings.Contains(message, "tidak ditemukan") || strings.Contains(message, "not found"))
}

// says is whether any of the words stands in a text.
func says(text string, words ...string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// mixedUp is the answer about something else than was asked.
func mixedUp(resp *upstream.Response) *upstream.Error {
	return upstream.Malformed(resp.Code(), errors.New("answer is about something else"))
}

// Balance reads our balance, in rupiah.
func (d *Driver) Balance(ctx context.Context) (int64, error) {
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathBalance)
	if err != nil {
		return 0, err
	}
	balance, err := wire.DecodeBalance(resp.Body)
	if err != nil {
		return 0, d.explain(resp, err)
	}
	return balance, nil
}
