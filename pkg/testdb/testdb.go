// Package testdb gives each test a Postgres database of its own, migrated and empty.
//
// The migrated schema is built once, as a template named after the hash of the migrations, and every test gets a copy of
// it: some milliseconds each. The template is made under an advisory lock, since go test runs packages side by side. A
// passed test's database is dropped; a failed one's is kept and its URL logged.
package testdb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"

	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/pg"
)

const (
	// EnvURL names the server: a superuser's URL with any database in it.
	EnvURL = "MUARA_TEST_DATABASE_URL"

	timeout = 60 * time.Second
	// templateLock is the advisory lock of making templates, in the server's own database.
	templateLock int64 = 0x746573746462
)

// DB is one test's database.
type DB struct {
	URL  string
	Bun  *bun.DB
	Pool *pgxpool.Pool
}

// New gives t a fresh, migrated database on the server that MUARA_TEST_DATABASE_URL names.
func New(t testing.TB) *DB {
	t.Helper()
	return create(t, serverURL(t))
}

// NewEmpty gives t a database without any schema, and its URL.
func NewEmpty(t testing.TB) string {
	t.Helper()
	return clone(t, serverURL(t), "template0")
}

func serverURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(EnvURL)
	if server == "" {
		t.Fatalf("testdb: %s is not set: these tests need a real Postgres, so run `make test` (or `scripts/servers run -- go test ./...`)", EnvURL)
	}
	return server
}

func create(t testing.TB, server string) *DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	template, err := ensureTemplate(ctx, server)
	if err != nil {
		t.Fatalf("testdb: template: %v", err)
	}
	dbURL := clone(t, server, template)
	db, err := pg.Open(ctx, dbURL, pg.WithName("test"))
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	// Cleanups run last in, first out: connections close before the database is dropped.
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("testdb: close: %v", err)
		}
	})
	return &DB{URL: dbURL, Bun: db.Bun, Pool: db.Pool}
}

// clone copies template into a new database that lives as long as t does, or longer when t fails.
func clone(t testing.TB, server, template string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	name := databaseName(t)
	dbURL, err := withDatabase(server, name)
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	// Copying files, not WAL-logging them page by page, is what makes this fast on a server in memory.
	create := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", quote(name), quote(template))
	if err := run(ctx, server, create); err != nil {
		t.Fatalf("testdb: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("testdb: kept for a look: %s", dbURL)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := run(ctx, server, "DROP DATABASE "+quote(name)+" WITH (FORCE)"); err != nil {
			t.Logf("testdb: %v", err) // the server may have been stopped by the test
		}
	})
	return dbURL
}

// ensureTemplate gives the name of the migrated template on the server, making it when it is not there.
func ensureTemplate(ctx context.Context, server string) (string, error) {
	hash, err := migrations.Hash()
	if err != nil {
		return "", err
	}
	name := "muara_template_" + hash[:16]
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // ends the session, and with it the lock
	if ready, err := isTemplate(ctx, conn, name); err != nil || ready {
		return name, err
	}
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, templateLock); err != nil {
		return "", err
	}
	if ready, err := isTemplate(ctx, conn, name); err != nil || ready {
		return name, err
	}
	// One that is there but no template was left half made by a process that died.
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE template0"); err != nil {
		return "", err
	}
	dbURL, err := withDatabase(server, name)
	if err != nil {
		return "", err
	}
	if _, err := migrations.Up(ctx, dbURL); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+quote(name)+" IS_TEMPLATE true")
	return name, err
}

func isTemplate(ctx context.Context, conn *pgx.Conn, name string) (bool, error) {
	var ready bool
	err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)`, name).Scan(&ready)
	return ready, err
}

func run(ctx context.Context, server, statement string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}

var notPlain = regexp.MustCompile(`[^a-z0-9]+`)

// databaseName is readable (the test's name is in it), unique, and within Postgres's 63 bytes.
func databaseName(t testing.TB) string {
	plain := strings.Trim(notPlain.ReplaceAllString(strings.ToLower(t.Name()), "_"), "_")
	return "t_" + plain[:min(len(plain), 40)] + "_" + random()
}

func random() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("%s is not a URL", EnvURL)
	}
	u.Path = "/" + name
	return u.String(), nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
