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
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

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
	actor      string
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

// Actor is who runs the command, for the audit log and for approvals, which take
// different people: as --actor or MUARA_ACTOR say; else whoever has become root by sudo;
// else the system's user. It fails where none is known, as in a container.
func (e *env) Actor() (string, error) {
	name := e.actor
	if name == "" && os.Geteuid() == 0 {
		name = os.Getenv("SUDO_USER")
	}
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	return actor(name)
}

// actor is a person's name as the audit log has it.
func actor(name string) (string, error) {
	const most = 64
	switch {
	case name == "":
		return "", wrongUsage("nobody knows who you are here: say so with --actor NAME or MUARA_ACTOR")
	case len(name) > most || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) || r == utf8.RuneError }):
		return "", wrongUsage("--actor: must be at most %d characters on one line", most)
	}
	return "cli:" + name, nil
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
