package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

const (
	defaultBunConns  = 16
	defaultPoolConns = 16
	// idleLife bounds how long an idle connection is kept, so that a burst does not hold connections for ever.
	idleLife = 5 * time.Minute
	// rollbackTimeout bounds a rollback that runs after its caller's context has ended.
	rollbackTimeout = 5 * time.Second
)

// DB is one database, opened for Bun and for hand-written SQL. The two hold separate connections: a transaction
// begun on one is not seen by the other until it commits.
type DB struct {
	Bun  *bun.DB
	Pool *pgxpool.Pool
}

type options struct {
	bunConns  int
	poolConns int
	name      string
}

// Option changes how a database is opened.
type Option func(*options)

// WithBunConns bounds the connections that Bun may hold (default 16). Zero or less keeps the default.
func WithBunConns(n int) Option {
	return func(o *options) {
		if n > 0 {
			o.bunConns = n
		}
	}
}

// WithPoolConns bounds the connections of the pgx pool (default 16). Zero or less keeps the default.
func WithPoolConns(n int) Option {
	return func(o *options) {
		if n > 0 {
			o.poolConns = n
		}
	}
}

// WithName sets application_name, by which pg_stat_activity tells the roles apart.
func WithName(name string) Option {
	return func(o *options) { o.name = name }
}

// Open connects to url (postgres://…) and fails when the server cannot be reached now. No error names a password.
func Open(ctx context.Context, url string, opts ...Option) (*DB, error) {
	o := options{bunConns: defaultBunConns, poolConns: defaultPoolConns, name: "muara"}
	for _, opt := range opts {
		opt(&o)
	}
	db, err := open(ctx, url, o)
	if err != nil {
		return nil, fmt.Errorf("pg: open: %w", err)
	}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("pg: open: %w", err), db.Close())
	}
	return db, nil
}

func open(ctx context.Context, url string, o options) (*DB, error) {
	poolCfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	poolCfg.MaxConns = int32(min(o.poolConns, 10_000))
	poolCfg.MaxConnIdleTime = idleLife
	session(poolCfg.ConnConfig, o)
	poolCfg.AfterConnect = readUTC

	bunCfg := poolCfg.ConnConfig.Copy()
	bunCfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	bunCfg.StatementCacheCapacity = 0
	bunCfg.DescriptionCacheCapacity = 0

	pool, err := pgxpool.NewWithConfig(ctx, poolCfg)
	if err != nil {
		return nil, err
	}
	sqlDB := stdlib.OpenDB(*bunCfg, stdlib.OptionAfterConnect(readUTC))
	sqlDB.SetMaxOpenConns(o.bunConns)
	sqlDB.SetMaxIdleConns(o.bunConns)
	sqlDB.SetConnMaxIdleTime(idleLife)
	return &DB{
		Bun:  bun.NewDB(sqlDB, pgdialect.New(), bun.WithDiscardUnknownColumns()),
		Pool: pool,
	}, nil
}

func session(cfg *pgx.ConnConfig, o options) {
	cfg.RuntimeParams["timezone"] = "UTC"
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = o.name
	}
}

// readUTC makes a connection decode timestamptz in UTC; pgx would give the machine's zone.
func readUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// Ping asks over both kinds of connection.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.Pool.Ping(ctx); err != nil {
		return err
	}
	return db.Bun.PingContext(ctx)
}

// Close waits for connections in use to be given back, and closes all.
func (db *DB) Close() error {
	db.Pool.Close()
	return db.Bun.Close()
}

// Beginner is what starts a transaction: a *pgxpool.Pool, a *pgx.Conn, or a pgx.Tx (then it is a savepoint).
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// InTx runs fn in one read-committed transaction: committed when fn returns nil, rolled back when it returns an error or
// panics. It runs fn once; whoever can repeat the whole step repeats it.
//
// An error from the commit itself is an unknown outcome when the connection broke: the caller must be able to find out
// what was written, not assume.
func InTx(ctx context.Context, db Beginner, fn func(tx pgx.Tx) error) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return fmt.Errorf("pg: begin: %w", err)
	}
	done := false
	defer func() {
		if !done {
			_ = rollback(ctx, tx) // fn panicked, and the panic is the news
		}
	}()
	if err := fn(tx); err != nil {
		done = true
		if failed := rollback(ctx, tx); failed != nil {
			return errors.Join(err, failed)
		}
		return err
	}
	done = true
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("pg: commit: %w", err)
	}
	return nil
}

// rollback outlives ctx: one that has ended would close the connection instead of giving it back.
func rollback(ctx context.Context, tx pgx.Tx) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	err := tx.Rollback(ctx)
	// After a rollback the connection is the pool's again, and not to be looked at.
	if err == nil || errors.Is(err, pgx.ErrTxClosed) || tx.Conn().IsClosed() {
		return nil // the server has rolled back, or will when it sees the connection gone
	}
	return err
}

// IsUnique tells whether err is a violation of the unique constraint (or index) of that name; an empty name means any.
func IsUnique(err error, constraint string) bool {
	const uniqueViolation = "23505"
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == uniqueViolation &&
		(constraint == "" || pgErr.ConstraintName == constraint)
}

// IsNoRows tells whether err says that a query which must give a row gave none, over either way of asking.
func IsNoRows(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || errors.Is(err, pgx.ErrNoRows)
}
