package merchant

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"
)

// ErrUnauthorized: no such key, or it was revoked.
var ErrUnauthorized = errors.New("merchant: no such key")

const (
	// keepFor bounds how long an identity is believed where notifications are heard;
	// it is the bound on what a lost notification can do.
	keepFor = 5 * time.Second
	// keepDeaf is the same while none can be heard.
	keepDeaf = time.Second
	// keepUnknown is short, since a key may have been made meanwhile.
	keepUnknown = time.Second
	// maxRemembered bounds each of the two memories: known and unknown keys.
	maxRemembered = 20_000
	// lookupTimeout bounds the question to the database.
	lookupTimeout = 5 * time.Second
)

// Identity is who calls: a merchant in a mode, through one of its keys.
type Identity struct {
	MerchantID string
	Name       string
	Status     Status
	Tier       int
	TierName   string
	IPs        []netip.Prefix
	Mode       Mode
	WalletID   int64
	KeyID      int64
}

// Allows tells whether the merchant's list lets addr call; an empty list lets everybody.
func (id *Identity) Allows(addr netip.Addr) bool {
	if len(id.IPs) == 0 {
		return true
	}
	if !addr.IsValid() {
		return false
	}
	for _, p := range id.IPs {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Authenticator finds out who a key belongs to, and remembers it for seconds.
// Run keeps the memory honest.
type Authenticator struct {
	pool   *pgxpool.Pool
	prefix string
	now    func() time.Time
	cache  *identityCache
	flight singleflight.Group
	used   *usage
}

// NewAuthenticator reads through pool. keyPrefix is what our keys start with (mra).
func NewAuthenticator(pool *pgxpool.Pool, keyPrefix string, now func() time.Time) *Authenticator {
	return &Authenticator{pool: pool, prefix: keyPrefix, now: now, cache: newIdentityCache(), used: newUsage()}
}

// Authenticate gives the owner of a key. It fails with [ErrUnauthorized] for what
// is no key of ours, is unknown or was revoked. A suspended merchant is known.
func (a *Authenticator) Authenticate(ctx context.Context, secret string) (*Identity, error) {
	if !a.wellFormed(secret) {
		return nil, ErrUnauthorized
	}
	sum := sha256.Sum256([]byte(secret))
	if id, known := a.cache.get(sum, a.now()); known {
		if id == nil {
			return nil, ErrUnauthorized
		}
		return id, nil
	}
	// One question at a time for a key; it goes on when the asker that started it
	// leaves, since others wait for the same answer.
	found, err, _ := a.flight.Do(string(sum[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout)
		defer cancel()
		return a.load(ctx, sum)
	})
	if err != nil {
		return nil, err
	}
	id, _ := found.(*Identity)
	if id == nil {
		return nil, ErrUnauthorized
	}
	return id, nil
}

// wellFormed tells keys of ours from noise, so that noise costs no question.
func (a *Authenticator) wellFormed(secret string) bool {
	tail, ok := strings.CutPrefix(secret, a.prefix+"_")
	if !ok {
		return false
	}
	mode, random, ok := strings.Cut(tail, "_")
	return ok && (mode == string(Live) || mode == string(Test)) && len(random) == keyLength
}

func (a *Authenticator) load(ctx context.Context, sum [sha256.Size]byte) (*Identity, error) {
	before := a.cache.generation()
	var id Identity
	var ips []string
	err := a.pool.QueryRow(ctx, `SELECT m.id, m.name, m.status, m.tier, t.name, m.ip_whitelist::text[], k.mode, w.id, k.id
		FROM api_keys k JOIN merchants m ON m.id = k.merchant_id JOIN tiers t ON t.tier = m.tier
		JOIN wallets w ON w.merchant_id = k.merchant_id AND w.mode = k.mode
		WHERE k.hash = $1 AND k.revoked_at IS NULL`, sum[:]).
		Scan(&id.MerchantID, &id.Name, &id.Status, &id.Tier, &id.TierName, &ips, &id.Mode, &id.WalletID, &id.KeyID)
	if errors.Is(err, pgx.ErrNoRows) {
		a.cache.put(sum, nil, before, a.now())
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("merchant: authenticate: %w", err)
	}
	if id.IPs, err = parseCIDRs(ips); err != nil {
		return nil, fmt.Errorf("merchant: authenticate: %w", err)
	}
	a.cache.put(sum, &id, before, a.now())
	a.used.mark(id.KeyID)
	return &id, nil
}
