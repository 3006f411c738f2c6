package withdraw

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/testdb"
)

// fixture is a database with a merchant of 1,000,000 rupiah and a clock that stands
// still unless it is moved.
type fixture struct {
	t      *testing.T
	db     *testdb.DB
	k      *Keeper
	ticks  atomic.Int64
	told   atomic.Int64
	wallet int64
}

const opening = 1_000_000

func newFixture(t *testing.T, edit ...func(*Policy)) *fixture {
	t.Helper()
	f := &fixture{t: t, db: testdb.New(t)}
	f.ticks.Store(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC).UnixNano())
	p := Policy{FeeFixed: 1_000, Live: Way{Gateway: "gw-a", Approvals: 1}, Test: Way{Gateway: "box"}}
	for _, e := range edit {
		e(&p)
	}
	f.k = New(Options{
		Pool: f.db.Pool, Accounts: ledger.NewAccounts(f.db.Pool), Now: f.now, Log: slog.New(slog.DiscardHandler), IDPrefix: "MRA", Policy: p,
		Told: func(ids []int64) { f.told.Add(int64(len(ids))) }, Metrics: NewMetrics(prometheus.NewRegistry()),
	})
	f.wallet = f.merchant("M1", opening)
	return f
}

func (f *fixture) now() time.Time { return time.Unix(0, f.ticks.Load()).UTC() }

func (f *fixture) advance(d time.Duration) { f.ticks.Add(int64(d)) }

// merchant opens a wallet whose merchant wants all events.
func (f *fixture) merchant(id string, balance int64) (wallet int64) {
	f.t.Helper()
	ctx := context.Background()
	require.NoError(f.t, pg.InTx(ctx, f.db.Pool, func(tx pgx.Tx) (err error) {
		_, err = tx.Exec(ctx, `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ($1, $1, 'active', 1, '{}', now(), now())`, id)
		require.NoError(f.t, err)
		_, err = tx.Exec(ctx, `INSERT INTO webhook_endpoints (merchant_id, url, events, enabled, suspended_reason, secret, secret_hint, failures, created_at, updated_at)
			VALUES ($1, 'https://merchant.example/hook', '{}', true, '', 'sealed', '', 0, now(), now())`, id)
		require.NoError(f.t, err)
		if wallet, err = ledger.CreateWallet(ctx, tx, id, "live", f.now()); err != nil {
			return err
		}
		_, err = ledger.Adjust(ctx, tx, f.k.Accounts, wallet, balance, "opening", "test", f.now())
		return err
	}))
	return wallet
}

func (f *fixture) request(ref string, amount int64) *Request {
	return &Request{WalletID: f.wallet, Mode: "live", Ref: ref, Amount: amount, Method: MethodDANA, AccountNumber: "081234567890", AccountName: "Budi"}
}

// place asks for 50,000 rupiah to be paid out.
func (f *fixture) place(ref string) *Withdrawal {
	f.t.Helper()
	w, _, err := f.k.Place(f.t.Context(), f.request(ref, 50_000))
	require.NoError(f.t, err)
	return w
}

func ops(why string) Decision { return Decision{Why: why, Actor: "cli:ops"} }

// approved is one that is on its way to a worker.
func (f *fixture) approved(ref string) *Withdrawal {
	f.t.Helper()
	w, err := f.k.Approve(f.t.Context(), f.place(ref).ID, ops("ok"))
	require.NoError(f.t, err)
	require.Equal(f.t, Approved, w.State)
	return w
}

// sending is one that a worker has claimed.
func (f *fixture) sending(ref string) *Withdrawal {
	f.t.Helper()
	w, err := f.k.Claim(f.t.Context(), f.approved(ref).ID, ref, time.Minute)
	require.NoError(f.t, err)
	require.Equal(f.t, Sending, w.State)
	return w
}

func (f *fixture) hear(w *Withdrawal, a Answer) *Withdrawal {
	f.t.Helper()
	a.Attempt = w.Attempt
	out, err := f.k.Heard(f.t.Context(), w.ID, a)
	require.NoError(f.t, err)
	return out
}

func (f *fixture) read(w *Withdrawal) *Withdrawal {
	f.t.Helper()
	out, err := f.k.ByID(f.t.Context(), w.ID)
	require.NoError(f.t, err)
	return out
}

func (f *fixture) balance() int64 {
	f.t.Helper()
	n, err := ledger.Balance(context.Background(), f.db.Bun, f.wallet)
	require.NoError(f.t, err)
	return n
}

// account is the balance of a system account, credits less debits.
func (f *fixture) account(code string) int64 {
	f.t.Helper()
	sums, err := ledger.SystemSums(context.Background(), f.db.Pool)
	require.NoError(f.t, err)
	for _, s := range sums {
		if s.Mode == "live" && s.Code == code {
			return s.Balance
		}
	}
	return 0
}

// verify proves the books.
func (f *fixture) verify() {
	f.t.Helper()
	r, err := ledger.Verify(context.Background(), f.db.Pool, Checks()...)
	require.NoError(f.t, err)
	require.Empty(f.t, r.Problems)
}

// events are the bodies of the webhooks so far, oldest first.
func (f *fixture) events() []string {
	f.t.Helper()
	rows, err := f.db.Pool.Query(f.t.Context(), `SELECT body FROM webhook_events ORDER BY id`)
	require.NoError(f.t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(f.t, err)
	return out
}
