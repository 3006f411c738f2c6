package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/pg"
)

// env is what a subcommand runs with. What it opens is opened when first asked
// for and closed when the command has ended.
type env struct {
	// ctx ends with SIGINT or SIGTERM.
	ctx        context.Context
	stdout     io.Writer
	stderr     io.Writer
	json       bool
	configPath string
	now        func() time.Time

	cfg     *config.Config
	db      *pg.DB
	rdb     redis.UniversalClient
	closers []func() error
}

// Config reads the configuration file and refuses when something of needs is
// missing. Without --config a missing muara.yaml is no error: the environment may say everything.
func (e *env) Config(needs config.Need) (*config.Config, error) {
	if e.cfg == nil {
		cfg, err := config.Load(e.configPath)
		if e.configPath == defaultConfig && errors.Is(err, fs.ErrNotExist) {
			cfg, err = config.Load("")
		}
		if err != nil {
			return nil, err
		}
		e.cfg = cfg
	}
	return e.cfg, e.cfg.Require(needs)
}

// DB opens the database.
func (e *env) DB() (*pg.DB, error) {
	if e.db != nil {
		return e.db, nil
	}
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return nil, err
	}
	bunConns := max(cfg.Database.MaxConns/4, 1)
	db, err := pg.Open(e.ctx, cfg.Database.URL.Reveal(), pg.WithBunConns(bunConns), pg.WithPoolConns(max(cfg.Database.MaxConns-bunConns, 1)))
	if err != nil {
		return nil, err
	}
	e.db = db
	e.closers = append(e.closers, db.Close)
	return db, nil
}

// Redis opens a client, which connects when it is first used.
func (e *env) Redis() (redis.UniversalClient, error) {
	if e.rdb != nil {
		return e.rdb, nil
	}
	cfg, err := e.Config(config.NeedRedis)
	if err != nil {
		return nil, err
	}
	opts, err := cfg.Redis.Options()
	if err != nil {
		return nil, fmt.Errorf("redis.url: %w", err)
	}
	e.rdb = redis.NewUniversalClient(opts)
	e.closers = append(e.closers, e.rdb.Close)
	return e.rdb, nil
}

// office opens what operators see and do.
func (e *env) office() (*backoffice.Office, error) {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return nil, err
	}
	db, err := e.DB()
	if err != nil {
		return nil, err
	}
	return &backoffice.Office{Config: cfg, DB: db, Redis: e.Redis, Now: e.now}, nil
}

// Actor is who runs the command, for the audit log.
func (e *env) Actor() string {
	name := os.Getenv("SUDO_USER")
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	return "cli:" + name
}

// Audit writes what the command changed, in the transaction that changed it.
func (e *env) Audit(tx audit.Execer, action, subject string, detail any) error {
	return audit.Write(e.ctx, tx, audit.Entry{Actor: e.Actor(), Action: action, Subject: subject, Detail: detail, At: e.now()})
}

// Print writes v as the one JSON object under --json, and else what text writes
// (columns are separated by tabs and aligned).
func (e *env) Print(v any, text func(w io.Writer)) error {
	if e.json {
		enc := json.NewEncoder(e.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// close gives back what was opened, the newest first.
func (e *env) close() error {
	var errs []error
	for i := len(e.closers) - 1; i >= 0; i-- {
		errs = append(errs, e.closers[i]())
	}
	return errors.Join(errs...)
}
