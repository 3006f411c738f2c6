package float

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testdb"
)

// ledger is an account in the database, written by what workers write it with.
type ledger struct {
	t    *testing.T
	pool *pgxpool.Pool
	now  time.Time
	n    int64
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{t: t, pool: testdb.New(t).Pool, now: noon}
	l.exec(`INSERT INTO floats (upstream, created_at) VALUES ('u', $1)`, l.now)
	return l
}

func (l *ledger) exec(sql string, args ...any) {
	l.t.Helper()
	_, err := l.pool.Exec(l.t.Context(), sql, args...)
	require.NoError(l.t, err)
}

func (l *ledger) claim(cost int64, keeps time.Duration) Key {
	l.t.Helper()
	l.n++
	k := Key{"order", l.n, 1}
	b := new(pgx.Batch)
	QueueClaim(b, k, "u", cost, Watch{Ripe: ripeAfter, Keeps: keeps}, l.now)
	require.NoError(l.t, l.pool.SendBatch(l.t.Context(), b).Close())
	return k
}

func (l *ledger) learn(k Key, stands ...Stand) {
	l.t.Helper()
	for _, s := range stands {
		b := new(pgx.Batch)
		QueueLearned(b, Learned{Key: k, Stand: s}, l.now)
		require.NoError(l.t, l.pool.SendBatch(l.t.Context(), b).Close())
	}
}

func (l *ledger) read(balance int64) {
	l.t.Helper()
	begin, err := Tick(l.t.Context(), l.pool)
	require.NoError(l.t, err)
	require.NoError(l.t, Saw(l.t.Context(), l.pool, "u", begin, balance, l.now, l.now))
}

func (l *ledger) weigh(k Key) Opinion {
	l.t.Helper()
	since, err := Since(l.t.Context(), l.pool, k)
	require.NoError(l.t, err)
	b, err := Open(l.t.Context(), l.pool, "u", 0, k, since, l.now)
	require.NoError(l.t, err)
	return b.Weigh(k, since, l.now)
}

func TestWhatCameBackJustBeforeTheOldestReadingCounts(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	other := l.claim(1_500, life)
	l.learn(other, Bought)
	l.now = l.now.Add(2 * time.Minute)
	l.learn(other, Back) // its source said so, and pays it back in a moment
	l.now = l.now.Add(5 * time.Second)
	l.read(8_500)
	x := l.claim(1_500, life)
	l.learn(x, Unknown)
	l.now = l.now.Add(2 * time.Minute)
	l.read(8_500) // x was bought
	require.NotEqual(t, Home, l.weigh(x).Verdict)
}

func TestDepositsOnTheAccountAreKnown(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.exec(`INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ('M1', 'M1', 'active', 1, '{}', $1, $1)`, l.now)
	l.exec(`INSERT INTO ledger_accounts (mode, code) VALUES ('live', 'wallet:M1')`)
	l.exec(`INSERT INTO wallets (id, merchant_id, mode, balance, seq, created_at) SELECT id, 'M1', 'live', 0, 0, $1 FROM ledger_accounts WHERE code = 'wallet:M1'`, l.now)
	deposit := func(id int64, state string, received int64, at time.Time, paid *time.Time) {
		credited := int64(0)
		if paid != nil {
			credited = received
		}
		l.exec(`INSERT INTO deposits (id, wallet_id, mode, ref, amount, fee, total, received, asked, gateway, upstream_ref, qr, token, state, version, attempt, sent,
			cancel_requested, credited, suspense, flag, trace_parent, lease_until, polls, expires_at, paid_at, created_at, updated_at)
			SELECT $1, w.id, 'live', '', $2, 0, $2, $2, $2, 'u', '', 'qr', $3, $4, 1, 1, true, false, $5, 0, '', '', $6, 0, $6, $7, $6, $6 FROM wallets w`,
			id, received, "token"+state+at.String(), state, credited, at, paid)
	}
	l.read(10_000)
	x := l.claim(1_500, life)
	l.learn(x, Unknown)
	paid := l.now.Add(10 * time.Second)
	deposit(1, "paid", 50_000, l.now, &paid)
	deposit(2, "pending", 70_000, l.now, nil)
	l.now = l.now.Add(2 * time.Minute)
	l.read(58_500)
	o := l.weigh(x)
	require.Equal(t, Away, o.Verdict)
	require.Len(t, o.Parts, 2)
	gap, err := Follow(t.Context(), l.pool, "u", 0, l.now)
	require.NoError(t, err)
	require.Nil(t, gap)
	l.now = l.now.Add(time.Minute)
	l.read(128_500)
	gap, err = Follow(t.Context(), l.pool, "u", 0, l.now)
	require.NoError(t, err)
	require.Nil(t, gap, "the other one was paid, and nobody has told us yet")
	l.now = l.now.Add(time.Minute)
	l.read(127_000)
	gap, err = Follow(t.Context(), l.pool, "u", 0, l.now)
	require.NoError(t, err)
	require.EqualValues(t, -1_500, gap.Amount)
}
