package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/rqid/emulator"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

const (
	// source is the one upstream of the lab.
	source = "source-1"
	// database is the API's, seedDatabase what it was when merchants and catalogue were all there was.
	database     = "muara_bench"
	seedDatabase = "muara_bench_seed"
	// plenty is what wallets and our account at the source hold, in rupiah.
	plenty = 1_000_000_000_000_000
	// serverConns is how many connections each role may open.
	serverConns = 32
)

// lab is everything around what is measured.
type lab struct {
	o       options
	stderr  io.Writer
	config  string
	adminDB string // the server's URL
	db      *pg.DB
	redis   redis.UniversalClient
	key     []byte
	addrs   addresses
	door    *door
	hooks   *receiver
	closers []func() error
	meter   *meter

	merchants []account
	goods     goods
}

// addresses are where roles listen.
type addresses struct {
	API, APIMetrics, WorkerMetrics, WebhookMetrics, SchedulerMetrics, Source string
}

// account is a merchant with what is needed to order as it.
type account struct {
	id     string
	wallet int64
	key    string
}

// goods is what is ordered.
type goods struct {
	productID, offerID, cost, price, maxCost int64
	sku, name, code, extra                   string
}

// newLab prepares servers, merchants and catalogue.
func newLab(ctx context.Context, o options, stderr io.Writer) (_ *lab, err error) {
	l := &lab{o: o, stderr: stderr, adminDB: os.Getenv("MUARA_TEST_DATABASE_URL"), key: make([]byte, 32)}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.adminDB == "" || os.Getenv("MUARA_TEST_REDIS_URL") == "" {
		return l, errors.New("a real Postgres and a real Redis are needed: run it by `make bench`, or under `scripts/servers --durable run --`")
	}
	_, _ = rand.Read(l.key) // never fails, see crypto/rand
	if err = os.MkdirAll(o.work, 0o755); err != nil {
		return l, err
	}
	if err = l.openServers(ctx); err != nil {
		return l, err
	}
	for _, a := range []*string{&l.addrs.API, &l.addrs.APIMetrics, &l.addrs.WorkerMetrics, &l.addrs.WebhookMetrics, &l.addrs.SchedulerMetrics} {
		if *a, err = freeAddr(); err != nil {
			return l, err
		}
	}
	if err = l.openSource(); err != nil {
		return l, err
	}
	if err = l.writeConfig(); err != nil {
		return l, err
	}
	l.say("seeding %d merchants", o.merchants)
	if err = l.seedMerchants(ctx); err != nil {
		return l, fmt.Errorf("merchants: %w", err)
	}
	if err = l.seedCatalogue(ctx); err != nil {
		return l, fmt.Errorf("catalogue: %w", err)
	}
	l.db.Pool.Reset() // a template must have no visitors
	_, err = l.createDatabase(ctx, seedDatabase, database)
	return l, err
}

// say tells of progress.
func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(l.stderr, "%s "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}

func (l *lab) close() {
	for i := len(l.closers) - 1; i >= 0; i-- {
		if err := l.closers[i](); err != nil {
			l.say("closing: %v", err)
		}
	}
}

// openServers makes the database and empties Redis.
func (l *lab) openServers(ctx context.Context) error {
	target, err := l.createDatabase(ctx, database, "")
	if err != nil {
		return err
	}
	if _, err := migrations.Up(ctx, target); err != nil {
		return err
	}
	if l.db, err = pg.Open(ctx, target, pg.WithBunConns(1), pg.WithName("bench")); err != nil {
		return err
	}
	l.closers = append(l.closers, l.db.Close)
	opts, err := config.Redis{URL: config.Secret(os.Getenv("MUARA_TEST_REDIS_URL"))}.Options()
	if err != nil {
		return err
	}
	l.redis = redis.NewUniversalClient(opts)
	l.closers = append(l.closers, l.redis.Close)
	if l.meter, err = newMeter(ctx, l.db.Pool, l.redis); err != nil {
		return err
	}
	return l.redis.FlushDB(ctx).Err()
}

// createDatabase makes a database, of a template or empty, and gives its URL.
func (l *lab) createDatabase(ctx context.Context, name, template string) (string, error) {
	conn, err := pgx.Connect(ctx, l.adminDB)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is under way on it
	if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
		return "", err
	}
	from := "template0"
	if template != "" {
		from = template
		if _, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, template); err != nil {
			return "", err
		}
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+name+` TEMPLATE `+from+` STRATEGY file_copy`); err != nil {
		return "", err
	}
	return databaseURL(l.adminDB, name)
}

func (l *lab) dropDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, l.adminDB)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is under way on it
	_, err = conn.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	return err
}

func databaseURL(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("MUARA_TEST_DATABASE_URL is not a URL")
	}
	u.Path = "/" + name
	return u.String(), nil
}

// openSource serves the emulated source, at whose door arrivals are noted, and the merchants' receivers.
func (l *lab) openSource() error {
	l.door = newDoor(emulator.New(emulator.Config{
		Config:   emulate.Config{Seed: 1, Balance: plenty, Script: emulate.Always(0), KeepRequests: 1000},
		Products: l.o.products,
	}), wire.PathTopup)
	addr, err := l.serve(l.door)
	if err != nil {
		return err
	}
	l.addrs.Source = addr
	l.hooks, err = newReceiver()
	if err != nil {
		return err
	}
	l.closers = append(l.closers, l.hooks.close)
	return nil
}

// serve serves on a free port until the lab closes.
func (l *lab) serve(h http.Handler) (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: readyTimeout}
	go func() { _ = server.Serve(ln) }() // ends with Close
	l.closers = append(l.closers, server.Close)
	return ln.Addr().String(), nil
}

// The source's budget is far above what is measured: it bounds nothing here, yet every call takes its slot.
const configText = `
api: {listen: "{{.API}}", admin_listen: "off", metrics_listen: "{{.APIMetrics}}", rate_limit: -1}
database: {url: "{{.Database}}", max_conns: {{.Conns}}}
redis: {url: "{{.Redis}}"}
secrets: {encryption_key: "{{.Key}}"}
worker: {metrics_listen: "{{.WorkerMetrics}}"}
scheduler: {metrics_listen: "{{.SchedulerMetrics}}"}
webhooks: {allow_http: true, allow_cidrs: [127.0.0.0/8]}
upstreams:
  - name: {{.Name}}
    driver: rqid
    base_url: http://{{.Source}}
    credentials: {api_key: bench, mmid: bench}
    budget: {requests: 4000, per: 100ms}
`

func (l *lab) writeConfig() error {
	target, err := databaseURL(l.adminDB, database)
	if err != nil {
		return err
	}
	var out strings.Builder
	err = template.Must(template.New("").Parse(configText)).Execute(&out, struct {
		addresses
		Database, Redis, Key, Name string
		Conns                      int
	}{l.addrs, target, os.Getenv("MUARA_TEST_REDIS_URL"), base64.StdEncoding.EncodeToString(l.key), source, serverConns})
	if err != nil {
		return err
	}
	l.config = filepath.Join(l.o.work, "muara.yaml")
	return os.WriteFile(l.config, []byte(out.String()), 0o600)
}

// role starts a role and waits until it is ready.
func (l *lab) role(ctx context.Context, name, metricsAddr string, env []string, args ...string) (*process, error) {
	program, all := l.o.muara, append([]string{"--config", l.config}, args...)
	if l.o.profile != "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		program, all = self, append([]string{profiledRole, l.config, l.o.profile}, args...)
	}
	// Two roles share this section; on one machine each needs a port of its own.
	p, err := start(l.o.work, name, append(env, "MUARA_WORKER_METRICS_LISTEN="+metricsAddr), program, all...)
	if err != nil {
		return nil, err
	}
	if err := p.ready(ctx, metricsAddr); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w (%s.log in %s)", name, err, name, l.o.work), p.stop())
	}
	return p, nil
}

// api starts the API, warm: every merchant has been seen once.
func (l *lab) api(ctx context.Context) (*process, error) {
	p, err := l.role(ctx, "api", l.addrs.APIMetrics, nil, "api", "--drain-notice", "0s")
	if err != nil {
		return nil, err
	}
	err = until(ctx, 10*time.Millisecond, func() (bool, error) {
		conn, err := net.Dial("tcp", l.addrs.API)
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		return true, conn.Close()
	})
	if err != nil {
		return p, err
	}
	_, err = barrage{addr: l.addrs.API, conns: 4, want: http.StatusOK, total: int64(len(l.merchants)), request: func(buf []byte, n int64) []byte {
		return get(buf, "/api/v1/ping", l.merchants[n].key, "")
	}}.run(ctx)
	return p, err
}

// get appends a GET request.
func get(buf []byte, path, key, more string) []byte {
	buf = append(append(append(buf, "GET "...), path...), " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "...)
	return append(append(append(append(buf, key...), "\r\n"...), more...), "\r\n"...)
}
