package admin

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/httpx"
	"github.com/muarahq/muara/pkg/token"
)

const (
	// maxTries is how many calls of an address may fail in tryWindow.
	maxTries  = 10
	tryWindow = time.Minute
	// maxRemembered bounds what the door remembers: of addresses, and of tokens.
	maxRemembered = 4096
)

// door lets callers in. An address whose calls failed too often is not listened to for the
// rest of its minute; only a token that was good before still is, so that nobody
// locks the operators out who share an address with him.
type door struct {
	deps     Deps
	failures *prometheus.CounterVec

	mu    sync.Mutex
	tries map[netip.Addr]*tries
	good  map[[sha256.Size]byte]bool
}

// tries are the failed ones of an address since a time.
type tries struct {
	since time.Time
	n     int
}

func newDoor(deps Deps) *door {
	d := &door{
		deps: deps, tries: map[netip.Addr]*tries{}, good: map[[sha256.Size]byte]bool{},
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muara_admin_refused_total", Help: "Calls of the admin API that were let in nowhere, by why: address, missing, unknown, revoked, expired, tries.",
		}, []string{"why"}),
	}
	for _, why := range []string{"address", "missing", "unknown", "revoked", "expired", "tries"} {
		d.failures.WithLabelValues(why)
	}
	if deps.Metrics != nil {
		deps.Metrics.MustRegister(d.failures)
	}
	return d
}

// look refuses an address that is not listed.
func (d *door) look(r *http.Request) error {
	if d.listed(httpx.ClientAddr(r, d.deps.Listen.TrustedProxies)) {
		return nil
	}
	d.failures.WithLabelValues("address").Inc()
	return fault.New(fault.IPNotAllowed, "your address is not on the list of the admin API")
}

// enter gives the token of a call, or refuses it.
func (d *door) enter(r *http.Request) (*token.Token, error) {
	if err := d.look(r); err != nil {
		return nil, err
	}
	addr := httpx.ClientAddr(r, d.deps.Listen.TrustedProxies)
	secret, ok := rest.Bearer(r)
	sum := sha256.Sum256([]byte(secret))
	if wait := d.wait(addr, sum); wait > 0 {
		d.failures.WithLabelValues("tries").Inc()
		return nil, fault.New(fault.RateLimited, "too many calls from your address failed").After(wait)
	}
	if !ok || secret == "" {
		return nil, d.failed(r.Context(), addr, "missing", "send your token as Authorization: Bearer <token>")
	}
	who, err := d.deps.Office.Tokens().Authenticate(r.Context(), secret)
	switch {
	case errors.Is(err, token.ErrUnknown):
		return nil, d.failed(r.Context(), addr, "unknown", "the token is wrong")
	case errors.Is(err, token.ErrRevoked):
		return nil, d.failed(r.Context(), addr, "revoked", "the token is revoked")
	case errors.Is(err, token.ErrExpired):
		return nil, d.failed(r.Context(), addr, "expired", "the token has expired")
	case err != nil:
		return nil, err
	}
	d.remember(sum)
	return who, nil
}

// listed tells whether an address may call; without a list any may.
func (d *door) listed(addr netip.Addr) bool {
	list := d.deps.Listen.AdminAllow
	for _, p := range list {
		if addr.IsValid() && p.Contains(addr) {
			return true
		}
	}
	return len(list) == 0
}

// wait is how long an address is not listened to; nothing for a token that was good.
func (d *door) wait(addr netip.Addr, sum [sha256.Size]byte) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tries[addr]
	if t == nil || d.good[sum] || t.n < maxTries {
		return 0
	}
	return max(t.since.Add(tryWindow).Sub(d.deps.Now()), 0)
}

// failed counts a call that was refused and says why.
func (d *door) failed(ctx context.Context, addr netip.Addr, why, message string) error {
	d.failures.WithLabelValues(why).Inc()
	d.deps.Log.WarnContext(ctx, "admin call refused", "why", why, "address", addr.String())
	now := d.deps.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tries[addr]
	if t == nil || now.Sub(t.since) >= tryWindow {
		d.shrink(now)
		t = &tries{since: now}
		d.tries[addr] = t
	}
	t.n++
	return fault.New(fault.Unauthorized, message)
}

// shrink makes room for one more address: what is over goes, or else everything.
func (d *door) shrink(now time.Time) {
	if len(d.tries) < maxRemembered {
		return
	}
	for addr, t := range d.tries {
		if now.Sub(t.since) >= tryWindow {
			delete(d.tries, addr)
		}
	}
	if len(d.tries) >= maxRemembered {
		clear(d.tries)
	}
}

// remember keeps that a token was good.
func (d *door) remember(sum [sha256.Size]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.good) >= maxRemembered {
		clear(d.good)
	}
	d.good[sum] = true
}
