package emulator

import (
	"bytes"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// Config makes an emulator. The zero value is a panel in rupiah with the demo
// catalogue that accepts any key and lets everything succeed at once.
type Config struct {
	emulate.Config
	// APIKey is the only one that is accepted; empty accepts any.
	APIKey string
	// Currency is the account's and Rate how many rupiah one of it is ("16350.25"), by
	// which the book keeps rupiah.
	Currency string
	Rate     string
	// Services is the catalogue's size; zero is the demo's own.
	Services int
	Dialect  Dialect
	// Links is how orders for one link meet.
	Links LinkRule
	// Repeat answers the same service, link and quantity within so long with the order
	// that there is.
	Repeat time.Duration
	// CancelAfter is how long a cancel takes, RefillAfter a refill, and RefillCooldown
	// how long after the last one the next may be asked for (24 h when zero).
	CancelAfter, RefillAfter, RefillCooldown time.Duration
	// RefillsRejected lets every refill end in rejection.
	RefillsRejected bool
}

// LinkRule is how orders for one link meet.
type LinkRule int

// The rules: one open order for a link at a service; for a link at all; any number.
const (
	PerService LinkRule = iota
	PerLink
	Parallel
)

// Emulator is the panel. It is safe for use by many goroutines.
type Emulator struct {
	*emulate.Core
	door *door
}

// New makes an emulator.
func New(cfg Config) *Emulator {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Currency == "" {
		cfg.Currency = "IDR"
	}
	if cfg.Rate == "" {
		cfg.Rate = "1"
	}
	if cfg.RefillCooldown == 0 {
		cfg.RefillCooldown = 24 * time.Hour
	}
	rate, ok := new(big.Rat).SetString(cfg.Rate)
	if !ok || rate.Sign() <= 0 {
		panic("smm emulator: rate is no number above zero: " + cfg.Rate)
	}
	d := &door{cfg: cfg, rate: rate, services: newServices(cfg, rate), refills: map[string]*refill{}}
	return &Emulator{Core: emulate.NewCore(cfg.Config, d), door: d}
}

const maxForm = 1 << 20

// ServeHTTP makes the action a part of the path and hands on.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	form, err := url.ParseQuery(string(body))
	action := "none"
	if err == nil && form.Get(wire.FieldAction) != "" {
		action = strings.ReplaceAll(form.Get(wire.FieldAction), "/", "")
	}
	inner := r.Clone(r.Context())
	inner.URL.Path = strings.TrimRight(r.URL.Path, "/") + "/" + action
	inner.Body = io.NopCloser(bytes.NewReader(body))
	e.Core.ServeHTTP(w, inner)
}

// door answers the actions. Core's lock guards what changes in it.
type door struct {
	cfg      Config
	rate     *big.Rat
	services []service
	refills  map[string]*refill
	last     int // number of the last refill
}

// Purchase tells the action that buys.
func (d *door) Purchase(path string) bool { return strings.HasSuffix(path, "/"+wire.ActionAdd) }

// Describe reads what a request is about.
func (d *door) Describe(r *emulate.Request) emulate.Subject {
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return emulate.Subject{}
	}
	ref := form.Get(wire.FieldOrder)
	if ref == "" {
		ref = form.Get(wire.FieldOrders)
	}
	return emulate.Subject{Product: form.Get(wire.FieldService), Target: target(form), Ref: ref}
}

// target is the link, or the user name of a subscription.
func target(form url.Values) string {
	if link := form.Get(wire.FieldLink); link != "" {
		return link
	}
	return form.Get(wire.FieldUsername)
}

// Answer carries a request out.
func (d *door) Answer(b *emulate.Book, r *emulate.Request) emulate.Answer {
	form, err := url.ParseQuery(string(r.Body))
	if r.Method != http.MethodPost || err != nil {
		return d.refuse(badRequest)
	}
	if key := form.Get(wire.FieldKey); key == "" || d.cfg.APIKey != "" && key != d.cfg.APIKey {
		return d.refuse(badKey)
	}
	switch form.Get(wire.FieldAction) {
	case wire.ActionServices:
		rows := make([]wire.Service, len(d.services))
		for i := range d.services {
			rows[i] = d.services[i].Service
		}
		return d.accept(rows)
	case wire.ActionAdd:
		return d.add(b, r, form)
	case wire.ActionStatus:
		return d.status(b, form)
	case wire.ActionRefill:
		return d.refill(b, r, form)
	case wire.ActionRefillStatus:
		return d.refillStatus(r, form)
	case wire.ActionCancel:
		return d.cancel(b, r, form)
	case wire.ActionBalance:
		left := new(big.Rat).Quo(new(big.Rat).SetInt64(b.Balance()), d.rate)
		return d.accept(wire.Balance{Balance: wire.NewDecimal(left, 12), Currency: lenient.Text(d.cfg.Currency)})
	}
	return d.refuse(badRequest)
}
