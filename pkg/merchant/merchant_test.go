package merchant_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/testdb"
)

func newStore(t *testing.T) (*merchant.Store, *testdb.DB) {
	t.Helper()
	db := testdb.New(t)
	return merchant.NewStore(&pg.DB{Bun: db.Bun, Pool: db.Pool}, ledger.NewAccounts(db.Pool), merchant.Options{
		IDPrefix: "MRA", KeyPrefix: "mra", Now: time.Now,
	}), db
}

func create(t *testing.T, s *merchant.Store, n merchant.New) (*merchant.Merchant, *merchant.Key) {
	t.Helper()
	if n.Name == "" {
		n.Name = "Toko Pulsa"
	}
	if n.Mode == "" {
		n.Mode = merchant.Live
	}
	n.Actor = "cli:test"
	m, key, err := s.Create(t.Context(), n)
	require.NoError(t, err)
	return m, key
}

func TestAMerchantStartsWithTwoWalletsAndAKey(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	m, key := create(t, s, merchant.New{IPs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	require.Regexp(t, `^MRA-M-[0-9A-HJKMNP-TV-Z]{10}$`, m.ID)
	require.Regexp(t, `^mra_live_[a-z2-9]{32}$`, key.Secret)

	got, err := s.Get(t.Context(), m.ID)
	require.NoError(t, err)
	require.Equal(t, merchant.Active, got.Status)
	require.Equal(t, 1, got.Tier)
	require.Equal(t, "Bronze", got.TierName)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, got.IPs)
	require.EqualValues(t, 0, got.LiveBalance)
	require.EqualValues(t, 10_000_000, got.TestBalance)

	var kind string
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT e.kind FROM ledger_entries e JOIN wallets w ON w.id = e.wallet_id
		WHERE w.merchant_id = $1 AND w.mode = 'test'`, m.ID).Scan(&kind))
	require.Equal(t, "adjustment", kind)
}

func TestOnlyTheHashOfAKeyIsStored(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	_, key := create(t, s, merchant.New{})
	var row json.RawMessage
	var hash []byte
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT to_jsonb(k), hash FROM api_keys k`).Scan(&row, &hash))
	sum := sha256.Sum256([]byte(key.Secret))
	require.Equal(t, sum[:], hash)
	require.NotContains(t, string(row), key.Secret)
	require.NotContains(t, string(row), key.Secret[9:20])
	var log string
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT string_agg(a::text, ' ') FROM audit_log a`).Scan(&log))
	require.NotContains(t, log, key.Secret)
}

func TestAMerchantIsCreatedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	s := merchant.NewStore(&pg.DB{Bun: db.Bun, Pool: db.Pool}, ledger.NewAccounts(db.Pool), merchant.Options{
		IDPrefix: "MRA", KeyPrefix: "mra", Now: time.Now,
		OnCreate: func(context.Context, pgx.Tx, string) error { return context.DeadlineExceeded },
	})
	_, _, err := s.Create(t.Context(), merchant.New{Name: "x", Mode: merchant.Live})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var n int
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM merchants) + (SELECT count(*) FROM api_keys)
		+ (SELECT count(*) FROM wallets) + (SELECT count(*) FROM audit_log)`).Scan(&n))
	require.Zero(t, n)
}

func TestWhatAMerchantCannotStartWith(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for name, n := range map[string]merchant.New{
		"no name":  {Mode: merchant.Live},
		"a space":  {Name: "  ", Mode: merchant.Live},
		"no mode":  {Name: "x"},
		"bad mode": {Name: "x", Mode: "demo"},
	} {
		_, _, err := s.Create(t.Context(), n)
		require.ErrorIs(t, err, merchant.ErrInvalid, name)
	}
	_, _, err := s.Create(t.Context(), merchant.New{Name: "x", Mode: merchant.Live, Tier: 99})
	require.ErrorIs(t, err, merchant.ErrNoTier)
}

func TestEveryChangeLeavesAnAuditRow(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	m, _ := create(t, s, merchant.New{})
	ctx := t.Context()
	require.NoError(t, s.SetStatus(ctx, m.ID, merchant.Suspended, "cli:budi"))
	require.NoError(t, s.SetStatus(ctx, m.ID, merchant.Active, "cli:budi"))
	require.NoError(t, s.SetTier(ctx, m.ID, 3, true, "cli:budi"))
	require.NoError(t, s.SetIPs(ctx, m.ID, nil, "cli:budi"))
	_, err := s.Adjust(ctx, m.ID, merchant.Live, 5000, "opening", "cli:budi")
	require.NoError(t, err)
	_, err = s.Adjust(ctx, m.ID, merchant.Live, -2000, "correction", "cli:budi")
	require.NoError(t, err)
	k, err := s.CreateKey(ctx, m.ID, merchant.Test, "ci", "cli:budi")
	require.NoError(t, err)
	require.NoError(t, s.RevokeKey(ctx, k.ID, "cli:budi"))

	entries, err := audit.List(ctx, db.Pool, m.ID, 50)
	require.NoError(t, err)
	var actions []string
	for _, e := range entries {
		actions = append(actions, e.Action)
	}
	require.Equal(t, []string{
		"key.revoke", "key.create", "merchant.debit", "merchant.credit", "merchant.ip", "merchant.tier", "merchant.resume", "merchant.suspend", "merchant.create",
	}, actions)
	require.Equal(t, "cli:budi", entries[0].Actor)
}

func TestARefusedChangeLeavesNone(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	m, _ := create(t, s, merchant.New{})
	ctx := t.Context()
	require.ErrorIs(t, s.SetStatus(ctx, "MRA-M-NOBODY", merchant.Suspended, "a"), merchant.ErrNotFound)
	require.ErrorIs(t, s.SetTier(ctx, m.ID, 99, false, "a"), merchant.ErrNoTier)
	_, err := s.Adjust(ctx, m.ID, merchant.Live, -1, "too much", "a")
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	_, err = s.Adjust(ctx, m.ID, merchant.Live, 1, " ", "a")
	require.ErrorIs(t, err, merchant.ErrInvalid)
	_, err = s.Adjust(ctx, m.ID, merchant.Live, 0, "nothing", "a")
	require.ErrorIs(t, err, merchant.ErrInvalid)
	_, err = s.Adjust(ctx, "MRA-M-NOBODY", merchant.Live, 1, "x", "a")
	require.ErrorIs(t, err, merchant.ErrNotFound)
	_, err = s.CreateKey(ctx, "MRA-M-NOBODY", merchant.Live, "x", "a")
	require.ErrorIs(t, err, merchant.ErrNotFound)
	require.ErrorIs(t, s.RevokeKey(ctx, 424242, "a"), merchant.ErrKeyNotFound)
	entries, err := audit.List(ctx, db.Pool, m.ID, 50)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestAMerchantMayHoldSeveralKeys(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	m, first := create(t, s, merchant.New{})
	second, err := s.CreateKey(t.Context(), m.ID, merchant.Test, "second", "a")
	require.NoError(t, err)
	require.Regexp(t, `^mra_test_`, second.Secret)
	require.NoError(t, s.RevokeKey(t.Context(), first.ID, "a"))
	require.ErrorIs(t, s.RevokeKey(t.Context(), first.ID, "a"), merchant.ErrKeyRevoked)
	keys, err := s.Keys(t.Context(), m.ID)
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.NotNil(t, keys[0].RevokedAt)
	require.Nil(t, keys[1].RevokedAt)
	require.Empty(t, keys[1].Secret)
	require.Equal(t, "mra_test_…"+second.Secret[len(second.Secret)-4:], keys[1].Hint)
}

func TestTiersAreListedLowestFirst(t *testing.T) {
	t.Parallel()
	_, db := newStore(t)
	tiers, err := merchant.Tiers(t.Context(), db.Pool)
	require.NoError(t, err)
	require.Equal(t, merchant.Tier{Tier: 1, Name: "Bronze"}, tiers[0])
	require.Greater(t, len(tiers), 1)
}

func TestParseIPs(t *testing.T) {
	t.Parallel()
	got, err := merchant.ParseIPs("203.0.113.7, 10.1.2.3/8,2001:db8::1,2001:db8::/32,::ffff:1.2.3.4")
	require.NoError(t, err)
	var texts []string
	for _, p := range got {
		texts = append(texts, p.String())
	}
	require.Equal(t, []string{"203.0.113.7/32", "10.0.0.0/8", "2001:db8::1/128", "2001:db8::/32", "1.2.3.4/32"}, texts)
	got, err = merchant.ParseIPs("")
	require.NoError(t, err)
	require.Empty(t, got)
	for _, bad := range []string{"x", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "::ffff:1.2.3.4/96"} {
		_, err := merchant.ParseIPs(bad)
		require.ErrorIs(t, err, merchant.ErrInvalid, bad)
	}
}
