package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/seal"
)

// rotation is how long a replaced secret keeps signing.
const rotation = 24 * time.Hour

// suspendedGone is why an endpoint that answers 410 is switched off.
const suspendedGone = "the endpoint answered 410 Gone"

// suspendedFailing is why one that has only failed is.
func suspendedFailing(patience time.Duration) string {
	if days := patience / (24 * time.Hour); days > 1 && patience%(24*time.Hour) == 0 {
		return fmt.Sprintf("every delivery has failed for %d days", days)
	}
	return "every delivery has failed for " + patience.String()
}

// Querier runs SQL: a pool, or a transaction.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Endpoint is where a merchant's events go.
type Endpoint struct {
	MerchantID string
	// URL is empty until the merchant names one.
	URL string
	// Events are the types wanted; empty means all.
	Events  []string
	Enabled bool
	// SuspendedReason is why we switched it off; empty when we did not.
	SuspendedReason string
	// SecretHint tells secrets apart without telling them.
	SecretHint string
	UpdatedAt  time.Time
}

// Change is what a merchant wants of its endpoint; what is nil stays.
type Change struct {
	URL     *string
	Events  *[]string
	Enabled *bool
}

// Endpoints keeps the endpoints of merchants.
type Endpoints struct {
	pool   *pgxpool.Pool
	sealer *seal.Sealer
	guard  *Guard
	now    func() time.Time
}

// NewEndpoints works on pool; secrets are sealed by sealer, and URLs checked by guard.
func NewEndpoints(pool *pgxpool.Pool, sealer *seal.Sealer, guard *Guard, now func() time.Time) *Endpoints {
	return &Endpoints{pool: pool, sealer: sealer, guard: guard, now: now}
}

// sealContext is what a merchant's secrets are sealed for.
func sealContext(merchantID string) string { return "webhook:" + merchantID }

// CreateEndpoint gives a merchant its endpoint, without a URL, and the secret that
// signs from now on. Where there is one already, it stays and the secret is empty.
func CreateEndpoint(ctx context.Context, db Querier, merchantID string, sealer *seal.Sealer, now time.Time) (secret string, err error) {
	secret = newSecret()
	tag, err := db.Exec(ctx, `INSERT INTO webhook_endpoints (merchant_id, url, events, enabled, suspended_reason, secret, secret_hint, failures, created_at, updated_at)
		VALUES ($1, '', '{}', true, '', $2, $3, 0, $4, $4) ON CONFLICT (merchant_id) DO NOTHING`,
		merchantID, sealer.Seal([]byte(secret), sealContext(merchantID)), hint(secret), now)
	if err != nil {
		return "", fmt.Errorf("webhook: create endpoint: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return "", nil
	}
	return secret, nil
}

// Create is [CreateEndpoint] in the transaction that creates the merchant.
func (s *Endpoints) Create(ctx context.Context, tx pgx.Tx, merchantID string) (secret string, err error) {
	return CreateEndpoint(ctx, tx, merchantID, s.sealer, s.now())
}

// Get reads a merchant's endpoint, and makes it when there is none yet.
func (s *Endpoints) Get(ctx context.Context, merchantID string) (*Endpoint, error) {
	e, err := readEndpoint(ctx, s.pool, merchantID, "")
	if !pg.IsNoRows(err) {
		return e, err
	}
	if _, err := CreateEndpoint(ctx, s.pool, merchantID, s.sealer, s.now()); err != nil {
		return nil, err
	}
	return readEndpoint(ctx, s.pool, merchantID, "")
}

func readEndpoint(ctx context.Context, db Querier, merchantID, lock string) (*Endpoint, error) {
	e := Endpoint{MerchantID: merchantID}
	err := db.QueryRow(ctx, `SELECT url, events, enabled, suspended_reason, secret_hint, updated_at
		FROM webhook_endpoints WHERE merchant_id = $1`+lock, merchantID).
		Scan(&e.URL, &e.Events, &e.Enabled, &e.SuspendedReason, &e.SecretHint, &e.UpdatedAt)
	if err != nil {
		return nil, fmt.Errorf("webhook: endpoint: %w", err)
	}
	return &e, nil
}

// Set changes a merchant's endpoint. It fails with a [fault.Error] that names the
// field when the URL is refused or a type is unknown. An endpoint that we had
// suspended runs again when it is enabled or gets another URL. An empty URL is none.
func (s *Endpoints) Set(ctx context.Context, merchantID string, c Change) (*Endpoint, error) {
	if err := s.check(ctx, c); err != nil {
		return nil, err
	}
	if _, err := s.Get(ctx, merchantID); err != nil {
		return nil, err
	}
	var out *Endpoint
	err := pg.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		e, err := readEndpoint(ctx, tx, merchantID, " FOR UPDATE")
		if err != nil {
			return err
		}
		was := *e
		c.apply(e)
		// Another URL, or one that runs again, has not failed yet.
		renewed := e.URL != was.URL || e.Enabled && !was.Enabled
		e.UpdatedAt = s.now().UTC().Truncate(time.Microsecond)
		out = e
		_, err = tx.Exec(ctx, `UPDATE webhook_endpoints SET url = $2, events = $3, enabled = $4, suspended_reason = $5, updated_at = $6,
			failures = 0, probe_at = NULL, failing_since = CASE WHEN $7 THEN NULL ELSE failing_since END,
			failing_at = CASE WHEN $7 THEN NULL ELSE failing_at END, failing_attempts = CASE WHEN $7 THEN 0 ELSE failing_attempts END WHERE merchant_id = $1`,
			merchantID, e.URL, e.Events, e.Enabled, e.SuspendedReason, e.UpdatedAt, renewed)
		if err != nil {
			return fmt.Errorf("webhook: endpoint: %w", err)
		}
		return nil
	})
	return out, err
}

func (c Change) apply(e *Endpoint) {
	if c.URL != nil && *c.URL != e.URL {
		e.URL = *c.URL
		if e.SuspendedReason != "" {
			e.Enabled, e.SuspendedReason = true, ""
		}
	}
	if c.Events != nil {
		e.Events = slices.Compact(slices.Sorted(slices.Values(*c.Events)))
		if e.Events == nil {
			e.Events = []string{}
		}
	}
	if c.Enabled != nil {
		e.Enabled, e.SuspendedReason = *c.Enabled, ""
	}
}

func (s *Endpoints) check(ctx context.Context, c Change) error {
	if c.Events != nil {
		for _, t := range *c.Events {
			if !slices.Contains(Types(), t) {
				return fault.Field("events", "unknown type; there are "+strings.Join(Types(), ", "))
			}
		}
	}
	if c.URL == nil || *c.URL == "" {
		return nil
	}
	err := s.guard.CheckURL(ctx, *c.URL)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return fault.Field("url", refused.Reason).Because(err)
	}
	return err
}

// rotations bounds how often in 24 hours a secret is replaced: every one of them signs.
const rotations = 5

// RotateSecret gives a new secret. Each one keeps signing for 24 hours after it was
// replaced: whose answer was lost and who asked for another still has the one that
// receives. Asked for too often for that, it is refused until one of them has ended.
func (s *Endpoints) RotateSecret(ctx context.Context, merchantID string) (secret string, err error) {
	if _, err := s.Get(ctx, merchantID); err != nil {
		return "", err
	}
	secret = newSecret()
	now := s.now()
	tag, err := s.pool.Exec(ctx, `UPDATE webhook_endpoints p SET previous_secret = secret, previous_until = $4,
		older_secrets = (SELECT coalesce(array_agg(r.secret ORDER BY r.until), '{}') FROM `+replaced+` WHERE r.until > $5),
		older_until = (SELECT coalesce(array_agg(r.until ORDER BY r.until), '{}') FROM `+replaced+` WHERE r.until > $5),
		secret = $2, secret_hint = $3, updated_at = $5
		WHERE merchant_id = $1 AND (SELECT count(*) FROM `+replaced+` WHERE r.until > $5) < $6`,
		merchantID, s.sealer.Seal([]byte(secret), sealContext(merchantID)), hint(secret), now.Add(rotation), now, rotations)
	if err != nil {
		return "", fmt.Errorf("webhook: rotate secret: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return "", s.tooOften(ctx, merchantID, now)
	}
	return secret, nil
}

// tooOften refuses another secret until the first of those that were replaced has ended.
func (s *Endpoints) tooOften(ctx context.Context, merchantID string, now time.Time) error {
	var until *time.Time
	err := s.pool.QueryRow(ctx, `SELECT (SELECT min(r.until) FROM `+replaced+` WHERE r.until > $2) FROM webhook_endpoints p WHERE merchant_id = $1`, merchantID, now).Scan(&until)
	if err != nil || until == nil {
		return errors.Join(errors.New("webhook: rotate secret: moved on meanwhile"), err)
	}
	return fault.New(fault.RateLimited, fmt.Sprintf("the secret was replaced %d times within 24 hours, and all of them still sign", rotations)).After(until.Sub(now))
}

// Test queues a webhook.test event to the endpoint of a wallet's merchant and gives
// its row's id. It is refused where the endpoint has no URL or is off.
func (s *Endpoints) Test(ctx context.Context, merchantID string, walletID int64, mode string) (int64, error) {
	e, err := s.Get(ctx, merchantID)
	if err != nil {
		return 0, err
	}
	if err := e.reachable(); err != nil {
		return 0, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	var ids []int64
	err = pg.InTx(ctx, s.pool, func(tx pgx.Tx) (err error) {
		ids, err = Insert(ctx, tx, []Event{{
			WalletID: walletID, Mode: mode, Type: TestSent, Subject: "test:" + newEventID(), Version: 1,
			Data: map[string]string{"message": "This is a test."}, At: now,
		}})
		return err
	})
	if err != nil {
		return 0, err
	}
	if len(ids) == 0 { // switched off in this very moment
		return 0, fault.New(fault.NotAvailable, "the webhook is disabled")
	}
	return ids[0], nil
}

// reachable is nil when events of this endpoint have somewhere to go.
func (e *Endpoint) reachable() error {
	switch {
	case e.URL == "":
		return fault.New(fault.NotAvailable, "no webhook URL is set")
	case !e.Enabled:
		return fault.New(fault.NotAvailable, "the webhook is disabled")
	}
	return nil
}
