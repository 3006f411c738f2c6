package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/drivers"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	rqid "github.com/muarahq/muara/pkg/upstream/rqid/emulator"
	rumahotp "github.com/muarahq/muara/pkg/upstream/rumahotp/emulator"
)

// stage is workers of both upstreams over emulators whose outcomes the test
// scripts. Its clock stands still unless the test moves it.
type stage struct {
	t        testing.TB
	db       *pg.DB
	rdb      redis.UniversalClient
	now      time.Time
	ticks    atomic.Int64 // now, for the emulators' goroutines
	ppob     *rqid.Emulator
	otp      *rumahotp.Emulator
	a, b     *Worker // at rqid and at RumahOTP
	placer   *order.Placer
	writer   *order.Writer
	enqueuer *queue.Enqueuer
	wallet   int64
}

// timeout of calls to the emulators; long enough for a busy machine.
const callTimeout = 2 * time.Second

func newStage(t testing.TB, script emulate.Script) *stage {
	t.Helper()
	tdb := testdb.New(t)
	s := &stage{t: t, db: &pg.DB{Bun: tdb.Bun, Pool: tdb.Pool}, rdb: testredis.New(t), now: time.Now().UTC().Truncate(time.Second)}
	s.advance(0)
	conf := emulate.Config{Script: script, Clock: s.clock}
	s.ppob = rqid.New(rqid.Config{Config: conf})
	s.otp = rumahotp.New(rumahotp.Config{Config: conf})
	accounts := ledger.NewAccounts(s.db.Pool)
	log := slog.New(slog.DiscardHandler)
	s.enqueuer = queue.New(s.rdb)
	s.writer = order.NewWriter(s.db.Pool, accounts, s.clock, log, nil, nil)
	t.Cleanup(s.writer.Close)
	s.placer = order.NewPlacer(s.db.Pool, accounts, nil, s.clock, log, nil)
	t.Cleanup(s.placer.Close)
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), s.db.Pool, []catalog.Source{
		{Name: "up-a", Driver: "rqid", Mode: catalog.Live}, {Name: "up-b", Driver: "rumahotp", Mode: catalog.Live},
		{Name: "up-c", Driver: "rqid", Mode: catalog.Live},
	}, s.now))
	s.a = s.worker("up-a", "rqid", s.serve(s.ppob))
	s.b = s.worker("up-b", "rumahotp", s.serve(s.otp)+"/api")
	require.NoError(t, pg.InTx(t.Context(), s.db.Pool, func(tx pgx.Tx) (err error) {
		_, err = tx.Exec(t.Context(), `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ('M1', 'M1', 'active', 1, '{}', $1, $1)`, s.now)
		require.NoError(t, err)
		if s.wallet, err = ledger.CreateWallet(t.Context(), tx, "M1", "live", s.now); err != nil {
			return err
		}
		_, err = ledger.Adjust(t.Context(), tx, accounts, s.wallet, 10_000_000, "opening", "test", s.now)
		return err
	}))
	return s
}

func (s *stage) clock() time.Time { return time.Unix(0, s.ticks.Load()).UTC() }

// advance moves the clock.
func (s *stage) advance(d time.Duration) {
	s.now = s.now.Add(d)
	s.ticks.Store(s.now.UnixNano())
}

func (s *stage) serve(h http.Handler) string {
	srv := httptest.NewServer(h)
	s.t.Cleanup(srv.Close)
	return srv.URL
}

func (s *stage) worker(name, driver, url string) *Worker {
	s.t.Helper()
	d, err := drivers.New(driver, upstream.Config{
		Name: name, BaseURL: url, Credentials: map[string]string{"api_key": "secret-key", "mmid": "M-1"}, HTTP: upstream.NewHTTP(), Now: s.clock,
	})
	require.NoError(s.t, err)
	return s.over(name, d)
}

// over gives a worker over a driver.
func (s *stage) over(name string, d upstream.Driver) *Worker {
	s.t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := budget.New(s.rdb, name, budget.Limit{Requests: 1000, Per: 100 * time.Millisecond}, callTimeout+time.Second, budget.Recovery(0))
	s.t.Cleanup(func() { require.NoError(s.t, b.Stop(context.WithoutCancel(s.t.Context()))) })
	return New(Options{
		Client: upstream.NewClient(d, upstream.Options{
			Name: name, Budget: b, Timeout: callTimeout, Metrics: upstream.NewMetrics(prometheus.NewRegistry()), Log: log,
			Tracer: noop.NewTracerProvider().Tracer(""), Now: s.clock,
		}),
		DB: s.db, Writer: s.writer, Enqueuer: s.enqueuer, Mode: catalog.Live, DebitLongest: 3 * time.Minute, Log: log, Tracer: noop.NewTracerProvider().Tracer(""), Now: s.clock,
		Desk: &intake.Desk{
			Pool: s.db.Pool, Importer: intake.New(s.db.Pool, intake.Options{Now: s.clock, Log: log}), Now: s.clock, Log: log,
			Router: &catalog.Router{Pool: s.db.Pool, Now: s.clock, Random: func(int64) int64 { return 0 }},
		},
		Deposits: s.keeper(), Payouts: s.payouts(),
		Inquiries: s.bills(), Checks: s.checks(),
	})
}

// place takes an order for a target at rqid's first product.
func (s *stage) place(ref, target string) *order.Order {
	s.t.Helper()
	p := s.ppob.Products()[0]
	return s.order(&order.Request{
		WalletID: s.wallet, Ref: ref, Category: order.PPOB, SKU: "X", Name: "X", ProductID: 1, Quantity: 1, Price: 20_000, CustomerNo: &target,
		Route: order.Route{Upstream: "up-a", OfferID: 1, Code: string(p.Kode), Cost: 5_500},
	})
}

// rent takes an order for a number at RumahOTP's first offer.
func (s *stage) rent(ref string) *order.Order {
	s.t.Helper()
	country := s.otp.Countries("1")[0]
	offer := country.Pricelist[0]
	for _, p := range country.Pricelist {
		if bool(p.Available) && p.Stock > 0 {
			offer = p
		}
	}
	extra, err := json.Marshal(map[string]string{"number_id": fmt.Sprint(country.NumberID), "provider_id": string(offer.ProviderID), "country": string(country.Name)})
	require.NoError(s.t, err)
	return s.order(&order.Request{
		WalletID: s.wallet, Ref: ref, Category: order.OTP, SKU: "O", Name: "O", ProductID: 2, Quantity: 1, Price: 9_000,
		Route: order.Route{Upstream: "up-b", OfferID: 2, Code: "1:2:3", Extra: extra, Cost: int64(offer.Price)},
	})
}

func (s *stage) order(r *order.Request) *order.Order {
	s.t.Helper()
	placed, err := s.placer.Place(s.t.Context(), r)
	require.NoError(s.t, err)
	return placed.Order
}

func (s *stage) read(o *order.Order) *order.Order {
	s.t.Helper()
	out, err := order.ByID(s.t.Context(), s.db.Bun, o.ID)
	require.NoError(s.t, err)
	return out
}

// buy runs the order's purchase task.
func (s *stage) buy(w *Worker, o *order.Order) *order.Order {
	s.t.Helper()
	o = s.read(o)
	require.NoError(s.t, w.Buy(s.t.Context(), queue.Task{OrderID: o.ID, Attempt: o.Attempt}))
	return s.read(o)
}

// poll moves the clock past the next look and asks about all that is due.
func (s *stage) poll(w *Worker, o *order.Order, later time.Duration) *order.Order {
	s.t.Helper()
	s.advance(later)
	require.NoError(s.t, w.PollTurn(s.t.Context(), queue.Task{}))
	return s.read(o)
}

func (s *stage) balance() int64 {
	s.t.Helper()
	n, err := ledger.Balance(s.t.Context(), s.db.Bun, s.wallet)
	require.NoError(s.t, err)
	return n
}

// audit proves that the books agree with each other and that nothing was bought twice.
func (s *stage) audit() {
	s.t.Helper()
	r, err := ledger.Verify(s.t.Context(), s.db.Pool, order.Checks()...)
	require.NoError(s.t, err)
	require.Empty(s.t, r.Problems)
	require.Empty(s.t, s.ppob.Books().Twice())
}

func (s *stage) fault(core *emulate.Core, r emulate.Rule) {
	s.t.Helper()
	_, err := core.AddFault(r)
	require.NoError(s.t, err)
}

// fund puts money into a wallet.
func (s *stage) fund(wallet, amount int64) error {
	return pg.InTx(s.t.Context(), s.db.Pool, func(tx pgx.Tx) error {
		_, err := ledger.Adjust(s.t.Context(), tx, ledger.NewAccounts(s.db.Pool), wallet, amount, "opening", "test", s.now)
		return err
	})
}
