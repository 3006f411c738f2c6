package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
	"github.com/muarahq/muara/pkg/webhook"
)

// world is one gateway with a small catalogue: two API processes over one database and one Redis.
type world struct {
	t       testing.TB
	db      *pg.DB
	store   *merchant.Store
	catalog *catalog.Catalog
	writer  *order.Writer
	queue   *fakeQueue
	till    *till
	bills   *inquiry.Keeper
	checks  *check.Keeper
	apis    [2]*api.Server
	sealer  *seal.Sealer
	clock   *clock
	logs    *logBuffer
}

// option changes what an API is made from.
type option func(*api.Deps)

func newWorld(t testing.TB, opts ...option) *world {
	t.Helper()
	db := testdb.New(t)
	w := &world{t: t, db: &pg.DB{Bun: db.Bun, Pool: db.Pool}, queue: &fakeQueue{}, clock: newClock(), logs: &logBuffer{}}
	w.seed()
	accounts := ledger.NewAccounts(db.Pool)
	var err error
	w.sealer, err = seal.New(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	w.store = merchant.NewStore(w.db, accounts, merchant.Options{IDPrefix: "MRA", KeyPrefix: "mra", Now: time.Now})
	w.catalog, err = catalog.Open(t.Context(), db.Pool, catalog.Options{Now: w.clock.Now, Location: wib()})
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(w.logs, nil))
	w.writer = order.NewWriter(db.Pool, accounts, time.Now, log, nil, nil)
	t.Cleanup(w.writer.Close)
	guard := webhook.NewGuard(webhook.GuardOptions{Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
		if strings.HasSuffix(host, ".internal") {
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
	}})
	rdb := testredis.New(t)
	w.till = newTill(w, accounts)
	w.bills = &inquiry.Keeper{Pool: db.Pool, Now: w.clock.Now}
	w.queue.inquire = w.biller
	w.checks = &check.Keeper{Pool: db.Pool, Now: w.clock.Now}
	for i := range w.apis {
		placer := order.NewPlacer(db.Pool, accounts, w.sealer, time.Now, log, nil, order.In(wib()))
		t.Cleanup(placer.Close)
		deps := api.Deps{
			Brand: config.Brand{Name: "Muara", KeyPrefix: "mra", IDPrefix: "MRA", Timezone: "Asia/Jakarta"},
			DB:    w.db, Auth: merchant.NewAuthenticator(db.Pool, "mra", time.Now), Limiter: merchant.NewLimiter(rdb, -1, time.Now, log),
			Placer: placer, Writer: w.writer, Catalog: w.catalog, Opener: w.sealer, Queue: w.queue,
			Deposits: w.till.keeper, Invoices: w.till.opener(log), Money: config.Deposits{Min: 10_000, Max: 10_000_000},
			Withdrawals: payouts(w.db.Pool, accounts, w.clock.Now), MoneyOut: config.Withdrawals{Min: 10_000, Max: 10_000_000},
			Inquiries: w.bills, Checks: w.checks, Checkers: api.Checkers{Live: []string{"hiddenone", "hiddenotp"}, Test: []string{"sandbox"}},
			Endpoints: webhook.NewEndpoints(db.Pool, w.sealer, guard, time.Now), CheckURL: guard.CheckURL,
			Now: w.clock.Now, Log: log, Metrics: prometheus.NewRegistry(),
		}
		for _, o := range opts {
			o(&deps)
		}
		w.apis[i] = api.New(deps)
		t.Cleanup(func() { w.apis[i].Close(context.Background()) })
	}
	return w
}

func wib() *time.Location { return time.FixedZone("WIB", 7*60*60) }

// limited gives the APIs a rate limit.
func limited(t *testing.T, limit int) option {
	t.Helper()
	rdb := testredis.New(t)
	return func(d *api.Deps) { d.Limiter = merchant.NewLimiter(rdb, limit, time.Now, d.Log) }
}

// trusting gives the APIs trusted proxies.
func trusting(prefix string) option {
	return func(d *api.Deps) { d.Listen.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(prefix)} }
}

// client is a merchant's program.
type client struct {
	w   *world
	id  string
	key string
	api int
}

// merchant makes one with a balance and a live key.
func (w *world) merchant(balance int64, with ...func(*merchant.New)) *client {
	w.t.Helper()
	n := merchant.New{Name: "Toko Pulsa", Mode: merchant.Live, Actor: "test"}
	for _, o := range with {
		o(&n)
	}
	m, key, err := w.store.Create(w.t.Context(), n)
	require.NoError(w.t, err)
	if balance > 0 {
		_, err = w.store.Adjust(w.t.Context(), m.ID, merchant.Live, balance, "opening", "test")
		require.NoError(w.t, err)
	}
	return &client{w: w, id: m.ID, key: key.Secret}
}

// on is the same merchant, calling the other process.
func (c *client) on(i int) *client {
	other := *c
	other.api = i
	return &other
}

// reply is an answer, decoded.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// send makes a request; headers are "Name: value".
func (c *client) send(method, path, body string, headers ...string) *reply {
	c.w.t.Helper()
	r := httptest.NewRequestWithContext(c.w.t.Context(), method, path, strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return c.do(r)
}

func (c *client) do(r *http.Request) *reply {
	c.w.t.Helper()
	rec := httptest.NewRecorder()
	c.w.apis[c.api].ServeHTTP(rec, r)
	out := &reply{t: c.w.t, status: rec.Code, header: rec.Header(), raw: rec.Body.String()}
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") && rec.Header().Get("Content-Encoding") == "" && out.raw != "" {
		dec := json.NewDecoder(strings.NewReader(out.raw))
		dec.UseNumber()
		require.NoError(c.w.t, dec.Decode(&out.body), out.raw)
	}
	return out
}

func (c *client) get(path string, headers ...string) *reply {
	c.w.t.Helper()
	return c.send(http.MethodGet, "/api/v1"+path, "", headers...)
}

func (c *client) post(path, body string, headers ...string) *reply {
	c.w.t.Helper()
	return c.send(http.MethodPost, "/api/v1"+path, body, headers...)
}

// order posts a body and must succeed.
func (c *client) order(body string) map[string]any {
	c.w.t.Helper()
	return c.post("/order", body).data()
}

// data is that of a success.
func (r *reply) data() map[string]any {
	r.t.Helper()
	require.Equal(r.t, http.StatusOK, r.status, r.raw)
	require.Equal(r.t, true, r.body["ok"], r.raw)
	data, ok := r.body["data"].(map[string]any)
	require.True(r.t, ok, r.raw)
	require.Len(r.t, r.body, 2, r.raw)
	return data
}

// refused checks that the answer is a refusal in the envelope, and gives its details.
func (r *reply) refused(status int, code string) []any {
	r.t.Helper()
	require.Equal(r.t, status, r.status, r.raw)
	require.Equal(r.t, "application/json", r.header.Get("Content-Type"))
	require.Equal(r.t, false, r.body["ok"], r.raw)
	require.Equal(r.t, code, r.body["code"], r.raw)
	require.NotEmpty(r.t, r.body["error"], r.raw)
	require.NotContains(r.t, r.body, "data")
	require.NotEmpty(r.t, r.header.Get("X-Request-Id"))
	details, _ := r.body["details"].([]any)
	return details
}

// field checks that a refusal names a field.
func (r *reply) invalid(field string) {
	r.t.Helper()
	details := r.refused(http.StatusBadRequest, "invalid_request")
	var named []string
	for _, d := range details {
		detail := d.(map[string]any)
		require.NotEmpty(r.t, detail["message"])
		named = append(named, detail["field"].(string))
	}
	require.Contains(r.t, named, field, r.raw)
}

func num(v any) int64 {
	n, _ := v.(json.Number).Int64()
	return n
}

// balance is what the merchant's live wallet holds.
func (c *client) balance() int64 {
	c.w.t.Helper()
	m, err := c.w.store.Get(c.w.t.Context(), c.id)
	require.NoError(c.w.t, err)
	return m.LiveBalance
}

// count runs a query that gives one number.
func (w *world) count(sql string, args ...any) int {
	w.t.Helper()
	var n int
	require.NoError(w.t, w.db.Pool.QueryRow(w.t.Context(), sql, args...).Scan(&n))
	return n
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.db.Pool.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}

// changed makes a change of the catalogue visible.
func (w *world) changed(sql string, args ...any) {
	w.t.Helper()
	w.exec(sql, args...)
	w.exec(`UPDATE catalog_version SET version = version + 1`)
	w.exec(`UPDATE products SET version = (SELECT version FROM catalog_version)`)
	require.NoError(w.t, w.catalog.Refresh(w.t.Context()))
}

// seed fills the catalogue: one product of each kind and some in trouble. The source's own names and codes must never be seen.
func (w *world) seed() {
	w.exec(`INSERT INTO upstreams (name, driver, mode, paused, paused_why, created_at, updated_at) VALUES
		('hiddenone', 'rqid', 'live', false, '', now(), now()), ('pausedone', 'rqid', 'live', true, 'x', now(), now()),
		('hiddenotp', 'rumahotp', 'live', false, '', now(), now()), ('sandbox', 'sandbox', 'test', false, '', now(), now())`)
	w.exec(`INSERT INTO otp_services (code, name, name_key, created_at) VALUES ('tg', 'Telegram', 'telegram', now())`)
	w.exec(`INSERT INTO otp_service_codes (upstream, code, service, scope) VALUES ('hiddenotp', 'SVC-9', 'tg', 'services')`)
	w.exec(`INSERT INTO otp_countries (iso, name, prefix, created_at) VALUES ('ID', 'Indonesia', '+62', now())`)
	product := func(mode, sku, category, name, kind, inputs string, extra ...any) {
		service, iso, server, price := any(nil), any(nil), any(nil), any(nil)
		if category == "otp" {
			service, iso, server = "tg", "ID", extra[0]
		}
		if category == "product" {
			price = extra[0]
		}
		w.exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, service, iso, server, variant_of, fixed_price,
			policy, closed, edited, version, created_at, updated_at)
			VALUES ($1, $2, $3, $4, 'TELKOMSEL', 'Pulsa', $5, '', $6::jsonb, $7, $8, $9, $10, $11, 'price', false, '{}', 1, now(), now())`,
			mode, sku, category, name, kind, inputs, service, iso, server, map[bool]string{true: "Netflix Premium"}[category == "product"], price)
	}
	offer := func(sku, upstream, code string, cost int64, available bool, reason string) {
		w.exec(`INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited,
			success_rate, closed, failures, priority, weight, created_at, updated_at)
			SELECT id, $2, 's', $3, '{}', 'HIDDEN SAID NAME', '\x00', '\x00', $4, $5, $6, 100, category <> 'otp', 81, false, 0, 0, 1, now(), now()
			FROM products WHERE sku = $1`, sku, upstream, code, cost, available, reason)
	}
	number := `[{"name":"customer_no","label":"Nomor","required":true,"example":"0812"}]`
	zone := `[{"name":"customer_no","label":"User ID","required":true,"example":"1"},{"name":"zone_id","label":"Zone ID","required":true,"example":"2"}]`
	product("live", "TSEL5", "ppob", "Telkomsel 5.000", "prepaid", number)
	product("live", "MLID10", "ppob", "Mobile Legends 10 Diamond", "prepaid", zone)
	product("live", "TSEL10", "ppob", "Telkomsel 10.000", "prepaid", number)
	product("live", "TSEL20", "ppob", "Telkomsel 20.000", "prepaid", number)
	product("live", "PLNPOST", "ppob", "PLN Pascabayar", "postpaid", number)
	product("live", "OTPTGID", "otp", "Telegram Indonesia", "", "[]", 1)
	product("live", "NETFLIX1B", "product", "Netflix Premium 1 Bulan", "", "[]", 35_000)
	product("test", "TESTPULSA", "ppob", "Test Pulsa", "prepaid", number)
	offer("TSEL5", "hiddenone", "HIDDENCODE1", 5000, true, "")
	offer("MLID10", "hiddenone", "HIDDENCODE2", 2500, true, "")
	offer("TSEL10", "hiddenone", "HIDDENCODE3", 10_000, false, "trouble")
	offer("TSEL20", "pausedone", "HIDDENCODE4", 20_000, true, "")
	offer("PLNPOST", "hiddenone", "HIDDENCODE5", 0, true, "")
	offer("OTPTGID", "hiddenotp", "HIDDENCODE6", 1000, true, "")
	offer("TESTPULSA", "sandbox", "HIDDENCODE7", 5000, true, "")
}

// stock puts premium items on sale.
func (w *world) stock(items ...string) {
	w.t.Helper()
	_, err := catalog.AddStock(w.t.Context(), w.db.Pool, w.sealer, "NETFLIX1B", items, "test", time.Now())
	require.NoError(w.t, err)
	require.NoError(w.t, w.catalog.Refresh(w.t.Context()))
}

// fakeQueue remembers what the workers were told.
type fakeQueue struct {
	mu    sync.Mutex
	buys  []int64
	acts  []int64
	hooks []int64
	posts []int64
	ask   func(ctx context.Context, offerID int64) (*queue.Answer, error)
	asked int
	// inquire answers whoever asks for a bill.
	inquire func(ctx context.Context, upstream string, inquiryID int64) (string, error)
	// check and targets answer whoever has an account looked up.
	check   func(ctx context.Context, upstream string, checkID int64) (string, error)
	targets func(ctx context.Context, upstream, kind string) (string, error)
	// price answers whoever asks for an offer's price; nobody does where it is nil.
	price func(ctx context.Context, upstream string, offerID int64, n int) (string, error)
}

func (q *fakeQueue) AskPrice(ctx context.Context, upstream string, offerID int64, n int) (string, error) {
	q.mu.Lock()
	price := q.price
	q.mu.Unlock()
	if price == nil {
		return "", queue.ErrNoAnswer
	}
	return price(ctx, upstream, offerID, n)
}

func (q *fakeQueue) AskCheck(ctx context.Context, upstream string, checkID int64) (string, error) {
	return q.check(ctx, upstream, checkID)
}

func (q *fakeQueue) AskTargets(ctx context.Context, upstream, kind string) (string, error) {
	return q.targets(ctx, upstream, kind)
}

func (q *fakeQueue) AskInquiry(ctx context.Context, upstream string, inquiryID int64) (string, error) {
	q.mu.Lock()
	inquire := q.inquire
	q.mu.Unlock()
	return inquire(ctx, upstream, inquiryID)
}

func (q *fakeQueue) Buy(_ context.Context, _ string, id int64, _ int, _ int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.buys = append(q.buys, id)
	return nil
}

func (q *fakeQueue) Act(_ context.Context, _ string, id, _ int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.acts = append(q.acts, id)
	return nil
}

func (q *fakeQueue) Webhook(_ context.Context, id int64, _ int, _ int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hooks = append(q.hooks, id)
	return nil
}

func (q *fakeQueue) Callback(_ context.Context, _ string, id int64, _ int, _ int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.posts = append(q.posts, id)
	return nil
}

func (q *fakeQueue) Ask(ctx context.Context, _, _ string, offerID int64) (*queue.Answer, error) {
	q.mu.Lock()
	q.asked++
	ask := q.ask
	q.mu.Unlock()
	if ask == nil {
		return nil, queue.ErrNoAnswer
	}
	return ask(ctx, offerID)
}

// told waits until the workers were told of n purchases.
func (q *fakeQueue) told(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return len(q.buys) == n
	}, 5*time.Second, time.Millisecond)
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// logBuffer is where the APIs log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// endless is a body of n bytes.
func endless(n int64) io.Reader { return io.LimitReader(zeros{}, n) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
