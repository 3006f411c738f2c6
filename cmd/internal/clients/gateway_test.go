package clients

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/ledger"
	mer "github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/metrics"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
	"github.com/muarahq/muara/pkg/webhook"
)

// gateway is every role that the test mode needs, in this process, on its own database
// and Redis.
type gateway struct {
	t     *testing.T
	deps  role.Deps
	store *mer.Store
	url   string
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	db := testdb.New(t)
	var key [32]byte
	_, _ = rand.Read(key[:])
	cfg, err := config.Parse(fmt.Appendf(nil, `
api: {listen: "127.0.0.1:0", rate_limit: -1}
database: {url: %q}
redis: {url: %q}
secrets: {encryption_key: %q}
webhooks: {allow_http: true, allow_cidrs: ["127.0.0.0/8"]}
worker: {shutdown_timeout: 3s}
`, db.URL, testredis.URL(t), base64.StdEncoding.EncodeToString(key[:])), config.Source{
		Env: func(string) (string, bool) { return "", false }, ReadFile: os.ReadFile,
	})
	require.NoError(t, err)
	g := &gateway{t: t, deps: role.Deps{
		Config: cfg, DB: &pg.DB{Bun: db.Bun, Pool: db.Pool}, Redis: testredis.New(t), Registerer: metrics.NewRegistry("test"),
		Tracer: noop.NewTracerProvider().Tracer(""), Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}}
	sealer, err := g.deps.Sealer()
	require.NoError(t, err)
	g.store = mer.NewStore(g.deps.DB, ledger.NewAccounts(db.Pool), mer.Options{
		IDPrefix: "MRA", KeyPrefix: "mra", Now: time.Now,
		OnCreate: func(ctx context.Context, tx pgx.Tx, id string) error {
			_, err := webhook.CreateEndpoint(ctx, tx, id, sealer, time.Now())
			return err
		},
	})
	g.run()
	return g
}

// run starts the roles, and ends them with the test.
func (g *gateway) run() {
	ln, err := new(net.ListenConfig).Listen(g.t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(g.t, err)
	g.url = "http://" + ln.Addr().String() + "/api/v1"
	ctx, stop := context.WithCancel(context.Background())
	roles, ctx := errgroup.WithContext(ctx)
	shared := g.deps.NewUpstreamMetrics()
	roles.Go(func() error {
		return role.API(ctx, g.deps, role.APIOptions{Listener: ln, Health: metrics.NewHealth(g.deps.Log)})
	})
	roles.Go(func() error { return role.Worker(ctx, g.deps, shared, config.BuiltInSandbox) })
	roles.Go(func() error { return role.Webhooks(ctx, g.deps) })
	roles.Go(func() error { return role.Scheduler(ctx, g.deps) })
	g.t.Cleanup(func() {
		stop()
		require.NoError(g.t, roles.Wait())
	})
}

// merchant has a test key, and takes its webhooks as they come.
type merchant struct {
	g    *gateway
	key  string
	came chan delivery
}

// merchant makes one, once there is something to buy.
func (g *gateway) merchant() *merchant {
	g.t.Helper()
	_, key, err := g.store.Create(g.t.Context(), mer.New{Name: "Toko", Mode: mer.Test, Actor: "test"})
	require.NoError(g.t, err)
	m := &merchant{g: g, key: key.Secret, came: make(chan delivery, 16)}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			m.came <- delivery{r.Header, string(body)}
		}
	}))
	g.t.Cleanup(hook.Close)
	m.call(http.MethodPut, "/webhook", `{"url":"`+hook.URL+`","events":["webhook.test"],"enabled":true}`, nil)
	require.Eventually(g.t, func() bool {
		status, _ := m.send(g.t.Context(), http.MethodGet, "/price?sku=TESTPULSA5", "")
		return status == http.StatusOK
	}, 30*time.Second, 50*time.Millisecond)
	return m
}

func (m *merchant) send(ctx context.Context, method, path, body string) (status int, answer string) {
	m.g.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, m.g.url+path, strings.NewReader(body))
	require.NoError(m.g.t, err)
	r.Header.Set("Authorization", "Bearer "+m.key)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(m.g.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(m.g.t, err)
	return resp.StatusCode, string(raw)
}
