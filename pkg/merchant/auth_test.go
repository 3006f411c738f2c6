package merchant_test

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/testdb"
)

// lookups counts what the authenticator asks the database.
type lookups struct{ n atomic.Int64 }

func (l *lookups) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	l.n.Add(1)
	return ctx
}

func (l *lookups) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// countedPool is a pool whose queries are counted.
func countedPool(t *testing.T, db *testdb.DB) (*pgxpool.Pool, *lookups) {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(db.URL)
	require.NoError(t, err)
	l := &lookups{}
	cfg.ConnConfig.Tracer = l
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool, l
}

// listening runs the authenticator and waits until it hears.
func listening(t *testing.T, a *merchant.Authenticator, db *testdb.DB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Run(ctx, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { cancel(); <-done })
	// That Postgres listens is not enough: what was remembered until then is dropped a moment later.
	require.Eventually(t, a.Hears, 10*time.Second, 5*time.Millisecond)
}

func listeners(t *testing.T, db *testdb.DB) int {
	t.Helper()
	var n int
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND query = 'LISTEN muara_merchant' AND state = 'idle'`).Scan(&n))
	return n
}

func TestAKeyTellsWhoCalls(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	m, live := create(t, s, merchant.New{Tier: 2, IPs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	test, err := s.CreateKey(t.Context(), m.ID, merchant.Test, "t", "a")
	require.NoError(t, err)
	a := merchant.NewAuthenticator(db.Pool, "mra", time.Now)
	l, err := a.Authenticate(t.Context(), live.Secret)
	require.NoError(t, err)
	require.Equal(t, m.ID, l.MerchantID)
	require.Equal(t, merchant.Live, l.Mode)
	require.Equal(t, 2, l.Tier)
	require.Equal(t, "Silver", l.TierName)
	require.Equal(t, m.IPs, l.IPs)
	require.Equal(t, live.ID, l.KeyID)
	x, err := a.Authenticate(t.Context(), test.Secret)
	require.NoError(t, err)
	require.Equal(t, merchant.Test, x.Mode)
	require.NotEqual(t, l.WalletID, x.WalletID)
}

func TestWhatIsNoKeyIsRefusedWithoutAQuestion(t *testing.T) {
	t.Parallel()
	_, db := newStore(t)
	pool, asked := countedPool(t, db)
	a := merchant.NewAuthenticator(pool, "mra", time.Now)
	for _, secret := range []string{"", "x", "mra_live_", "mra_live_short", "vel_live_abcdefghijkmnpqrstuvwxyz23456789", "mra_demo_abcdefghijkmnpqrstuvwxyz234567"} {
		_, err := a.Authenticate(t.Context(), secret)
		require.ErrorIs(t, err, merchant.ErrUnauthorized, secret)
	}
	require.Zero(t, asked.n.Load())
}

func TestAnswersAreRememberedForSeconds(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	_, key := create(t, s, merchant.New{})
	pool, asked := countedPool(t, db)
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	a := merchant.NewAuthenticator(pool, "mra", func() time.Time { return time.Unix(0, clock.Load()) })
	listening(t, a, db)
	before := asked.n.Load()
	for range 50 {
		_, err := a.Authenticate(t.Context(), key.Secret)
		require.NoError(t, err)
		_, err = a.Authenticate(t.Context(), "mra_live_abcdefghijkmnpqrstuvwxyz23456789"[:41])
		require.ErrorIs(t, err, merchant.ErrUnauthorized)
	}
	require.EqualValues(t, 2, asked.n.Load()-before, "one question for each key")
	clock.Add(int64(6 * time.Second))
	_, err := a.Authenticate(t.Context(), key.Secret)
	require.NoError(t, err)
	require.EqualValues(t, 3, asked.n.Load()-before, "asked again when the answer is old")
}

func TestManyCallersAskOnce(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	_, key := create(t, s, merchant.New{})
	pool, asked := countedPool(t, db)
	a := merchant.NewAuthenticator(pool, "mra", time.Now)
	require.NoError(t, pool.Ping(t.Context()))
	before := asked.n.Load()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			_, err := a.Authenticate(t.Context(), key.Secret)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, asked.n.Load()-before, int64(4), "far fewer questions than callers")
}

func TestARevokedKeyIsForgottenAtOnce(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	_, key := create(t, s, merchant.New{})
	frozen := time.Now() // nothing grows old: only a notification can end the memory
	a := merchant.NewAuthenticator(db.Pool, "mra", func() time.Time { return frozen })
	listening(t, a, db)
	_, err := a.Authenticate(t.Context(), key.Secret)
	require.NoError(t, err)
	require.NoError(t, s.RevokeKey(t.Context(), key.ID, "a"))
	require.Eventually(t, func() bool {
		_, err := a.Authenticate(t.Context(), key.Secret)
		return err != nil
	}, 5*time.Second, 2*time.Millisecond)
}

func TestAChangedMerchantIsForgottenAtOnce(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	m, key := create(t, s, merchant.New{})
	_, other := create(t, s, merchant.New{})
	frozen := time.Now()
	pool, asked := countedPool(t, db)
	a := merchant.NewAuthenticator(pool, "mra", func() time.Time { return frozen })
	listening(t, a, db)
	for name, step := range map[string]struct {
		change func() error
		seen   func(*merchant.Identity) bool
	}{
		"tier":      {func() error { return s.SetTier(t.Context(), m.ID, 4, false, "a") }, func(id *merchant.Identity) bool { return id.Tier == 4 }},
		"suspended": {func() error { return s.SetStatus(t.Context(), m.ID, merchant.Suspended, "a") }, func(id *merchant.Identity) bool { return id.Status == merchant.Suspended }},
		"addresses": {func() error {
			return s.SetIPs(t.Context(), m.ID, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "a")
		}, func(id *merchant.Identity) bool { return len(id.IPs) == 1 }},
	} {
		_, err := a.Authenticate(t.Context(), key.Secret)
		require.NoError(t, err)
		_, err = a.Authenticate(t.Context(), other.Secret)
		require.NoError(t, err)
		require.NoError(t, step.change(), name)
		require.Eventually(t, func() bool {
			id, err := a.Authenticate(t.Context(), key.Secret)
			return err == nil && step.seen(id)
		}, 5*time.Second, 2*time.Millisecond, name)
	}
	before := asked.n.Load()
	_, err := a.Authenticate(t.Context(), other.Secret)
	require.NoError(t, err)
	require.Equal(t, before, asked.n.Load(), "its neighbour is still remembered")
}

func TestALostConnectionForgetsEverythingAndIsMadeAgain(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	_, key := create(t, s, merchant.New{})
	frozen := time.Now()
	a := merchant.NewAuthenticator(db.Pool, "mra", func() time.Time { return frozen })
	listening(t, a, db)
	_, err := a.Authenticate(t.Context(), key.Secret)
	require.NoError(t, err)
	// The listener is cut off and the key revoked where its notification is not heard.
	_, err = db.Pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND query = 'LISTEN muara_merchant'`)
	require.NoError(t, err)
	require.NoError(t, s.RevokeKey(t.Context(), key.ID, "a"))
	require.Eventually(t, func() bool {
		_, err := a.Authenticate(t.Context(), key.Secret)
		return err != nil
	}, 10*time.Second, 5*time.Millisecond)
	require.Eventually(t, func() bool { return listeners(t, db) == 1 }, 10*time.Second, 5*time.Millisecond)
}

func TestWhenAKeyWasUsedIsWrittenOnTheWayOut(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	m, key := create(t, s, merchant.New{})
	a := merchant.NewAuthenticator(db.Pool, "mra", time.Now)
	_, err := a.Authenticate(t.Context(), key.Secret)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a.Run(ctx, slog.New(slog.DiscardHandler))
	keys, err := s.Keys(t.Context(), m.ID)
	require.NoError(t, err)
	require.NotNil(t, keys[0].LastUsedAt)
}

func TestAnEmptyListLetsEverybodyIn(t *testing.T) {
	t.Parallel()
	id := &merchant.Identity{}
	require.True(t, id.Allows(netip.MustParseAddr("203.0.113.1")))
	require.True(t, id.Allows(netip.Addr{}))
	id.IPs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	require.True(t, id.Allows(netip.MustParseAddr("10.9.9.9")))
	require.True(t, id.Allows(netip.MustParseAddr("2001:db8::9")))
	require.False(t, id.Allows(netip.MustParseAddr("203.0.113.1")))
	require.False(t, id.Allows(netip.Addr{}))
}
