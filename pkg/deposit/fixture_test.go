package deposit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/testdb"
)

const ownStatic = "00020101021126570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI5204481253033605802ID5911TOKO CONTOH6007JAKARTA61051234563041D84"

// fixture is a database with merchants, a clock that stands still unless it is
// moved, and gateways that the test scripts.
type fixture struct {
	t      *testing.T
	db     *testdb.DB
	k      *Keeper
	ticks  atomic.Int64
	mu     sync.Mutex
	asked  []string
	answer func(gateway string, d *Deposit) (verdict string, err error)
	refs   atomic.Int64
	told   atomic.Int64
	wallet int64
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, db: testdb.New(t)}
	f.ticks.Store(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC).UnixNano())
	f.k = New(Options{
		Pool: f.db.Pool, Accounts: ledger.NewAccounts(f.db.Pool), Now: f.now, Log: slog.New(slog.DiscardHandler),
		Links: Links{IDPrefix: "MRA", PublicURL: "https://api.example/"}, Told: func(ids []int64) { f.told.Add(int64(len(ids))) },
		Metrics: NewMetrics(prometheus.NewRegistry()),
	})
	f.answer = func(gateway string, d *Deposit) (string, error) { return f.give(d, nil) }
	f.wallet = f.merchant("M1")
	return f
}

func (f *fixture) now() time.Time { return time.Unix(0, f.ticks.Load()).UTC() }

func (f *fixture) advance(d time.Duration) { f.ticks.Add(int64(d)) }

// merchant opens a wallet whose merchant wants all events.
func (f *fixture) merchant(id string) (wallet int64) {
	f.t.Helper()
	ctx := f.t.Context()
	require.NoError(f.t, pg.InTx(ctx, f.db.Pool, func(tx pgx.Tx) (err error) {
		_, err = tx.Exec(ctx, `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ($1, $1, 'active', 1, '{}', now(), now())`, id)
		require.NoError(f.t, err)
		_, err = tx.Exec(ctx, `INSERT INTO webhook_endpoints (merchant_id, url, events, enabled, suspended_reason, secret, secret_hint, failures, created_at, updated_at)
			VALUES ($1, 'https://merchant.example/hook', '{}', true, '', 'sealed', '', 0, now(), now())`, id)
		require.NoError(f.t, err)
		wallet, err = ledger.CreateWallet(ctx, tx, id, "live", f.now())
		return err
	}))
	return wallet
}

// AskDeposit is the worker of every gateway.
func (f *fixture) AskDeposit(ctx context.Context, gateway, kind string, n int64, attempt int) (string, error) {
	f.mu.Lock()
	f.asked = append(f.asked, gateway)
	answer := f.answer
	f.mu.Unlock()
	d, err := f.k.Claim(ctx, n, attempt, gateway)
	if err != nil {
		return Stale, nil //nolint:nilerr // as a worker does
	}
	return answer(gateway, d)
}

// code is a code over so many rupiah.
func code(t require.TestingT, total int64) string {
	text, err := qris.Payload{{Tag: "00", Value: "01"}, {Tag: "01", Value: "12"}, {Tag: "54", Value: fmt.Sprint(total)}, {Tag: "59", Value: "TOKO"}}.Text()
	require.NoError(t, err)
	return text
}

// give answers an attempt with an invoice over what was asked, changed by edit.
func (f *fixture) give(d *Deposit, edit func(*Invoice)) (string, error) {
	inv := &Invoice{UpstreamRef: fmt.Sprint("INV-", f.refs.Add(1)), QR: code(f.t, d.Asked), Total: d.Asked, Received: d.Asked, ExpiresAt: f.now().Add(20 * time.Minute)}
	if edit != nil {
		edit(inv)
	}
	_, err := f.k.Opened(context.Background(), d.ID, d.Attempt, inv)
	if err != nil {
		return Refused, nil //nolint:nilerr // as a worker does
	}
	return Done, nil
}

func (f *fixture) opener(gateways ...Gateway) *Opener {
	if len(gateways) == 0 {
		gateways = []Gateway{{Name: "gw-a"}}
	}
	return &Opener{
		Keeper: f.k, Ask: f, Log: slog.New(slog.DiscardHandler),
		Policy: Policy{Live: gateways, Test: gateways, Patience: 5 * time.Second, Share: 500 * time.Millisecond},
	}
}

func (f *fixture) own(codes int64) Gateway {
	s, err := qris.Import(ownStatic)
	require.NoError(f.t, err)
	return Gateway{Name: "own", Own: &OwnCode{QRIS: s, Codes: codes, Life: 30 * time.Minute}}
}

// open opens a deposit of 100,000 rupiah.
func (f *fixture) open(gateways ...Gateway) *Deposit {
	f.t.Helper()
	d, err := f.opener(gateways...).Open(f.t.Context(), &Request{WalletID: f.wallet, Mode: "live", Amount: 100_000})
	require.NoError(f.t, err)
	require.Equal(f.t, Pending, d.State)
	return d
}

func (f *fixture) see(d *Deposit, s Sighting) *Deposit {
	f.t.Helper()
	out, err := f.k.See(f.t.Context(), d.ID, s)
	require.NoError(f.t, err)
	return out
}

func (f *fixture) read(d *Deposit) *Deposit {
	f.t.Helper()
	out, err := f.k.ByID(f.t.Context(), d.ID)
	require.NoError(f.t, err)
	return out
}

func (f *fixture) balance() int64 {
	f.t.Helper()
	n, err := ledger.Balance(f.t.Context(), f.db.Bun, f.wallet)
	require.NoError(f.t, err)
	return n
}

// account is the balance of a system account, credits less debits.
func (f *fixture) account(code string) int64 {
	f.t.Helper()
	sums, err := ledger.SystemSums(f.t.Context(), f.db.Pool)
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
	r, err := ledger.Verify(f.t.Context(), f.db.Pool, Checks()...)
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

func (f *fixture) count(sql string, args ...any) (n int) {
	f.t.Helper()
	require.NoError(f.t, f.db.Pool.QueryRow(f.t.Context(), sql, args...).Scan(&n))
	return n
}

func ptr[T any](v T) *T { return &v }
