package admin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api/admin"
	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
	"github.com/muarahq/muara/pkg/token"
	"github.com/muarahq/muara/pkg/withdraw"
)

// world is an admin API over a database and a Redis, with a token of each role.
type world struct {
	t       testing.TB
	db      *pg.DB
	office  *backoffice.Office
	till    *backoffice.Till
	catalog *catalog.Catalog
	api     *admin.Server
	metrics *prometheus.Registry
	logs    *logBuffer
	clock   *clock
	cfg     *config.Config

	viewer, operator, finance *client
}

// option changes the configuration of the API.
type option func(*config.Config)

func newWorld(t testing.TB, opts ...option) *world {
	t.Helper()
	db := testdb.New(t)
	cfg, err := config.Parse(fmt.Appendf(nil, `
database: {url: %q}
redis: {url: %q}
upstreams:
  - {name: hiddenone, driver: rumahotp, base_url: "https://u.example", credentials: {api_key: sekretcredential}, budget: {requests: 5, per: 10s}}
`, db.URL, testredis.URL(t)), config.Source{Env: func(string) (string, bool) { return "", false }})
	require.NoError(t, err)
	for _, o := range opts {
		o(cfg)
	}
	sealer, err := seal.New(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	rdb := testredis.New(t)
	w := &world{t: t, db: &pg.DB{Bun: db.Bun, Pool: db.Pool}, metrics: prometheus.NewRegistry(), logs: &logBuffer{}, clock: &clock{}, cfg: cfg}
	w.office = &backoffice.Office{
		Config: cfg, DB: w.db, Sealer: sealer, Now: w.clock.Now, Redis: func() (redis.UniversalClient, error) { return rdb, nil },
	}
	accounts := ledger.NewAccounts(db.Pool)
	quiet := slog.New(slog.DiscardHandler)
	w.till = &backoffice.Till{
		Pool: db.Pool, Bun: db.Bun, Zone: cfg.Brand.Location(), Now: w.clock.Now,
		Deposits: deposit.New(deposit.Options{Pool: db.Pool, Accounts: accounts, Now: w.clock.Now, Log: quiet, Links: deposit.Links{IDPrefix: cfg.Brand.IDPrefix}}),
		Payouts: withdraw.New(withdraw.Options{
			Pool: db.Pool, Accounts: accounts, Now: w.clock.Now, Log: quiet, IDPrefix: cfg.Brand.IDPrefix,
			Policy: withdraw.Policy{FeeFixed: 1_000, Live: withdraw.Way{Approvals: 2}},
		}),
	}
	w.catalog, err = catalog.Open(t.Context(), db.Pool, catalog.Options{Location: cfg.Brand.Location(), Now: w.clock.Now})
	require.NoError(t, err)
	w.api = admin.New(admin.Deps{
		Brand: cfg.Brand, Listen: cfg.API, Office: w.office, Till: w.till, Catalog: w.catalog, Sources: []string{"hiddenone"}, Now: w.clock.Now, Log: slog.New(slog.NewTextHandler(w.logs, nil)), Metrics: w.metrics,
	})
	w.viewer, w.operator, w.finance = w.token("v", token.Viewer), w.token("o", token.Operator), w.token("f", token.Finance)
	return w
}

// exec changes the database behind the API's back.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.db.Pool.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}

// audited gives the newest change to a subject.
func (w *world) audited(subject string) audit.Entry {
	w.t.Helper()
	log, err := audit.List(w.t.Context(), w.db.Pool, subject, 1)
	require.NoError(w.t, err)
	require.Len(w.t, log, 1, subject)
	return log[0]
}

// changes counts the audit log.
func (w *world) changes() (n int) {
	w.t.Helper()
	require.NoError(w.t, w.db.Pool.QueryRow(w.t.Context(), `SELECT count(*) FROM audit_log`).Scan(&n))
	return n
}

// token makes one, and a client that uses it.
func (w *world) token(name string, role token.Role, with ...func(*token.New)) *client {
	w.t.Helper()
	n := token.New{Name: name, Role: role, Actor: "test"}
	for _, o := range with {
		o(&n)
	}
	made, err := w.office.Tokens().Create(w.t.Context(), n)
	require.NoError(w.t, err)
	return &client{w: w, id: made.ID, secret: made.Secret, addr: "192.0.2.1:4000"}
}

// client is an operator's program.
type client struct {
	w      *world
	id     int64
	secret string
	addr   string
}

// send calls the API below its base path.
func (c *client) send(method, path, body string) *reply {
	c.w.t.Helper()
	r := httptest.NewRequestWithContext(c.w.t.Context(), method, admin.Base+path, strings.NewReader(body))
	r.RemoteAddr = c.addr
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.secret != "" {
		r.Header.Set("Authorization", "Bearer "+c.secret)
	}
	return c.w.do(r)
}

func (w *world) do(r *http.Request) *reply {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	out := &reply{t: w.t, status: rec.Code, header: rec.Header(), raw: rec.Body.String()}
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") && out.raw != "" {
		dec := json.NewDecoder(strings.NewReader(out.raw))
		dec.UseNumber()
		require.NoError(w.t, dec.Decode(&out.body), out.raw)
	}
	return out
}

func (c *client) get(path string) *reply { c.w.t.Helper(); return c.send(http.MethodGet, path, "") }

func (c *client) post(path, body string) *reply {
	c.w.t.Helper()
	return c.send(http.MethodPost, path, body)
}

// reply is an answer, decoded.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// data is the answer's, which must be no refusal.
func (r *reply) data() map[string]any {
	r.t.Helper()
	require.Equal(r.t, http.StatusOK, r.status, r.raw)
	require.Equal(r.t, true, r.body["ok"])
	return r.body["data"].(map[string]any)
}

// refused checks that the answer is a refusal in the envelope.
func (r *reply) refused(status int, code string) *reply {
	r.t.Helper()
	require.Equal(r.t, status, r.status, r.raw)
	require.Equal(r.t, false, r.body["ok"], r.raw)
	require.Equal(r.t, code, r.body["code"], r.raw)
	require.NotEmpty(r.t, r.body["error"])
	return r
}

// detail gives what a refusal says of a field.
func (r *reply) detail(field string) string {
	r.t.Helper()
	details, _ := r.body["details"].([]any)
	for _, d := range details {
		if d := d.(map[string]any); d["field"] == field {
			return d["message"].(string)
		}
	}
	require.Fail(r.t, "no detail", "%s in %s", field, r.raw)
	return ""
}

// clock is the real one, so many nanoseconds ahead.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*logBuffer)(nil)

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
