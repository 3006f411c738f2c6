package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/config"
)

const (
	envDatabase  = "MUARA_TEST_DATABASE_URL"
	envRedis     = "MUARA_TEST_REDIS_URL"
	envInProcess = "MUARA_INPROCESS_REDIS"

	// Names of the emulated upstreams, and the key that they accept.
	otpUpstream  = "rumahotp-1"
	ppobUpstream = "rqid-1"
	smmUpstream  = "panel-1"
	postUpstream = "digiflazz-1" // it posts what becomes of purchases
	gateUpstream = "invoice-1"   // it pays withdrawals out
	emulatorKey  = "demo"
	// The account at the panel is in dollars, as most are.
	smmCurrency, smmRate = "USD", "16350.25"
	// withdrawFee is what a withdrawal costs its merchant, in rupiah.
	withdrawFee = 2_500

	encryptionKeyFile = "encryption_key"
	configFile        = "muara.yaml"

	// beat is how often the in-process Redis's clock is moved; its keys do not expire by themselves.
	beat = 50 * time.Millisecond
)

// place is where the gateway runs: its directory, its servers and its ports.
type place struct {
	options
	dir       string // absolute
	cfg       *config.Config
	listeners map[string]net.Listener
	redisNote string
	closers   []func() error
}

// openPlace provides a directory, a database, a Redis and ports, and writes the
// configuration that leads to them.
func openPlace(ctx context.Context, o options, out *screen) (_ *place, err error) {
	p := &place{options: o, listeners: map[string]net.Listener{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	server := os.Getenv(envDatabase)
	if server == "" {
		return nil, fmt.Errorf("%s is not set: start this by `make run`, or `scripts/servers --data .muara run -- go run ./cmd/dev`", envDatabase)
	}
	if p.dir, err = filepath.Abs(o.data); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, err
	}
	if err := p.ensureKey(); err != nil {
		return nil, err
	}
	database, err := ensureDatabase(ctx, server, o.database)
	if err != nil {
		return nil, err
	}
	redis, err := p.redis(out)
	if err != nil {
		return nil, err
	}
	for name, port := range map[string]int{
		"api": o.port, "admin": 8081, "metrics": 9090, "receiver": 8090, "control": 9100, otpUpstream: 9101, ppobUpstream: 9102, smmUpstream: 9103, gateUpstream: 9104, postUpstream: 9106,
	} {
		if p.listeners[name], err = listen(ctx, port); err != nil {
			return nil, err
		}
	}
	return p, p.configure(database, redis)
}

// listen takes a port of loopback, or a free one where it is taken.
func listen(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		l, err = lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	return l, err
}

// url is where a listener is reached.
func (p *place) url(name string) string { return "http://" + p.listeners[name].Addr().String() }

// close gives back what was taken, the newest first.
func (p *place) close() error {
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i]())
	}
	for _, l := range p.listeners {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// ensureKey draws the key that encrypts, once.
func (p *place) ensureKey() error {
	path := filepath.Join(p.dir, encryptionKeyFile)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	return keep(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"))
}

// keep writes a file that only its owner may read, whole or not at all.
func keep(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// ensureDatabase makes the database on the server where it is missing, and gives its URL.
func ensureDatabase(ctx context.Context, server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("%s is not a URL", envDatabase)
	}
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&there); err != nil {
		return "", err
	}
	if !there {
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0"); err != nil {
			return "", err
		}
	}
	u.Path = "/" + name
	return u.String(), nil
}

// redis gives the URL of the Redis beside us, or of one in this process.
func (p *place) redis(out *screen) (string, error) {
	if at := os.Getenv(envRedis); at != "" && os.Getenv(envInProcess) != "1" {
		return at, nil
	}
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		return "", err
	}
	stop := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() { keepTime(m, stop) })
	p.closers = append(p.closers, func() error {
		close(stop)
		ticking.Wait()
		m.Close()
		return nil
	})
	p.redisNote = "an in-process stand-in, empty at each start (no redis-server is installed)"
	out.say("no redis-server here: an in-process Redis stands in for it")
	return "redis://" + m.Addr(), nil
}

func keepTime(m *miniredis.Miniredis, stop <-chan struct{}) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			m.FastForward(now.Sub(last))
			last = now
		}
	}
}

// configure writes muara.yaml, which this process and ./cmd/muara read alike, and
// reads it. The environment is left out: a MUARA_DATABASE_URL that somebody has set
// for something else must not lead a demo merchant there.
func (p *place) configure(database, redis string) error {
	data := fmt.Appendf(nil, `# Written by "make run", anew at each start. With it, ./cmd/muara works on the same installation while it runs.
api:
  listen: %q
  admin_listen: %q
  metrics_listen: %q
  public_url: %q
database: {url: %q}
redis: {url: %q}
secrets: {encryption_key_file: %q}
upstreams:
  - name: %s
    driver: rumahotp
    base_url: %s/api
    credentials: {api_key: %s}
    budget: {requests: %d, per: %s}
    timeout: 20s
    provides: [otp, ppob, deposit, check]
  - name: %s
    driver: rqid
    base_url: %s
    credentials: {api_key: %s, mmid: %s}
    timeout: 20s
    provides: [ppob]
  - name: %s
    driver: smm
    base_url: %s/api/v2
    credentials: {api_key: %s}
    options: {currency: %s, rate: %q}
    timeout: 20s
    provides: [smm]
  - name: %s
    driver: digiflazz
    base_url: %s/v1
    credentials: {username: %s, api_key: %s, webhook_secret: %s}
    timeout: 20s
    provides: [ppob]
  - name: %s
    driver: invoice
    base_url: %s
    credentials: {api_key: %s}
    timeout: 20s
    provides: [withdraw]
withdrawals: {fee_fixed: %d}
webhooks: {allow_http: true, allow_cidrs: ["127.0.0.0/8", "::1/128"]}
worker: {metrics_listen: "off"}
scheduler: {metrics_listen: "off"}
log: {level: info, format: text}
`,
		p.listeners["api"].Addr(), p.listeners["admin"].Addr(), p.listeners["metrics"].Addr(), p.url("api"), database, redis, filepath.Join(p.dir, encryptionKeyFile),
		otpUpstream, p.url(otpUpstream), emulatorKey, p.requests, p.per, ppobUpstream, p.url(ppobUpstream), emulatorKey, emulatorKey,
		smmUpstream, p.url(smmUpstream), emulatorKey, smmCurrency, smmRate,
		postUpstream, p.url(postUpstream), emulatorKey, emulatorKey, emulatorKey, gateUpstream, p.url(gateUpstream), emulatorKey, withdrawFee)
	return p.read(data)
}

// read keeps a configuration, and takes it for this process.
func (p *place) read(data []byte) error {
	if err := keep(p.configPath(), data); err != nil {
		return err
	}
	nothing := func(string) (string, bool) { return "", false }
	cfg, err := config.Parse(data, config.Source{Env: nothing, ReadFile: os.ReadFile})
	if err != nil {
		return fmt.Errorf("%s: %w", p.configPath(), err)
	}
	p.cfg = cfg
	return nil
}

func (p *place) configPath() string { return filepath.Join(p.dir, configFile) }
