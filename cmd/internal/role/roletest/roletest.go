// Package roletest runs every role that the test mode needs in a test's process, on a
// database and a Redis of the test's own.
package roletest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/metrics"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
	"github.com/muarahq/muara/pkg/webhook"
)

// Gateway is the roles that run, and what they share.
type Gateway struct {
	Deps  role.Deps
	Store *merchant.Store
	// URL is where the merchants' API begins.
	URL string
}

// New starts the API, the sandbox's worker, webhooks and scheduler by this clock, and ends
// them with the test.
func New(t *testing.T, now func() time.Time, log *slog.Logger) *Gateway {
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
	g := &Gateway{Deps: role.Deps{
		Config: cfg, DB: &pg.DB{Bun: db.Bun, Pool: db.Pool}, Redis: testredis.New(t), Registerer: metrics.NewRegistry("test"),
		Tracer: noop.NewTracerProvider().Tracer(""), Log: log, Now: now,
	}}
	sealer, err := g.Deps.Sealer()
	require.NoError(t, err)
	g.Store = merchant.NewStore(g.Deps.DB, ledger.NewAccounts(db.Pool), merchant.Options{
		IDPrefix: "MRA", KeyPrefix: "mra", Now: now,
		OnCreate: func(ctx context.Context, tx pgx.Tx, id string) error {
			_, err := webhook.CreateEndpoint(ctx, tx, id, sealer, now())
			return err
		},
	})
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g.URL = "http://" + ln.Addr().String() + "/api/v1"
	g.run(t, ln)
	return g
}

func (g *Gateway) run(t *testing.T, ln net.Listener) {
	ctx, stop := context.WithCancel(context.Background())
	roles, ctx := errgroup.WithContext(ctx)
	shared := g.Deps.NewUpstreamMetrics()
	roles.Go(func() error {
		return role.API(ctx, g.Deps, role.APIOptions{Listener: ln, Health: metrics.NewHealth(g.Deps.Log)})
	})
	roles.Go(func() error { return role.Worker(ctx, g.Deps, shared, config.BuiltInSandbox) })
	roles.Go(func() error { return role.Webhooks(ctx, g.Deps) })
	roles.Go(func() error { return role.Scheduler(ctx, g.Deps) })
	t.Cleanup(func() {
		stop()
		require.NoError(t, roles.Wait())
	})
}
