package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"github.com/muarahq/muara/pkg/pg"
)

const (
	table = "bun_migrations"
	// lockKey is the advisory lock of migrating, the bytes of "muara": any other number would do, as long as it stays.
	lockKey int64 = 0x6d75617261
	// unlockTimeout bounds giving the lock back; the server frees it with the session anyway.
	unlockTimeout = 5 * time.Second

	undefinedTable = "42P01"
)

// State is one migration and what a database knows of it.
type State struct {
	Name      string     `json:"name"`
	AppliedAt *time.Time `json:"applied_at"` // nil: not applied
}

// Up applies what is missing, oldest first, and names what it applied. It stops at the first that fails; those before
// it stay applied.
func Up(ctx context.Context, url string) ([]string, error) {
	return up(ctx, url, files)
}

func up(ctx context.Context, url string, fsys fs.FS) ([]string, error) {
	var applied []string
	err := locked(ctx, url, fsys, func(db *bun.DB, set *migrate.Migrations) error {
		m := migrate.NewMigrator(db, set, migrate.WithTableName(table), migrate.WithMarkAppliedOnSuccess(true),
			migrate.WithUpsert(true), migrate.AfterMigration(markInside(&applied)))
		if err := m.Init(ctx); err != nil {
			return err
		}
		_, err := m.Migrate(ctx)
		return err
	})
	if err != nil {
		return applied, fmt.Errorf("migrations: up: %w", err)
	}
	return applied, nil
}

// markInside marks a migration in its own transaction; Bun's mark after it then finds the same row. Each becomes a group
// of its own, so that Down takes back one at a time.
func markInside(applied *[]string) migrate.MigrationHook {
	return func(ctx context.Context, db bun.IConn, m *migrate.Migration) error {
		m.GroupID += int64(len(*applied))
		_, err := db.ExecContext(ctx, `INSERT INTO `+table+` (name, group_id) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET group_id = EXCLUDED.group_id`, m.Name, m.GroupID)
		*applied = append(*applied, m.String())
		return err
	}
}

// Down takes back the newest n migrations, newest first, and names them. Data in what they drop are lost.
func Down(ctx context.Context, url string, n int) ([]string, error) {
	return down(ctx, url, n, files)
}

func down(ctx context.Context, url string, n int, fsys fs.FS) ([]string, error) {
	var undone []string
	err := locked(ctx, url, fsys, func(db *bun.DB, set *migrate.Migrations) error {
		m := migrate.NewMigrator(db, set, migrate.WithTableName(table), migrate.WithMarkAppliedOnSuccess(true),
			migrate.WithUpsert(true), migrate.AfterMigration(unmarkInside(&undone)))
		if err := m.Init(ctx); err != nil {
			return err
		}
		for range n {
			before := len(undone)
			if _, err := m.Rollback(ctx); err != nil {
				return err
			}
			if len(undone) == before {
				return nil // nothing is left
			}
		}
		return nil
	})
	if err != nil {
		return undone, fmt.Errorf("migrations: down: %w", err)
	}
	return undone, nil
}

func unmarkInside(undone *[]string) migrate.MigrationHook {
	return func(ctx context.Context, db bun.IConn, m *migrate.Migration) error {
		_, err := db.ExecContext(ctx, `DELETE FROM `+table+` WHERE name = ?`, m.Name)
		*undone = append(*undone, m.String())
		return err
	}
}

// locked runs fn with the lock of migrating held, waiting for whoever holds it now.
func locked(ctx context.Context, url string, fsys fs.FS, fn func(*bun.DB, *migrate.Migrations) error) (err error) {
	set, err := load(fsys)
	if err != nil {
		return err
	}
	if len(set.Sorted()) == 0 {
		return nil
	}
	db, err := pg.Open(ctx, url, pg.WithName("muara migrate"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Bun.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(?)`, lockKey); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer func() {
		free, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		_, failed := conn.ExecContext(free, `SELECT pg_advisory_unlock(?)`, lockKey)
		err = errors.Join(err, failed)
	}()
	return fn(db.Bun, set)
}

// Status lists the migrations of this binary, oldest first, with when each was applied to the database at url.
func Status(ctx context.Context, url string) (_ []State, err error) {
	db, err := pg.Open(ctx, url, pg.WithName("muara migrate"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return status(ctx, db.Bun, files)
}

func status(ctx context.Context, db bun.IDB, fsys fs.FS) ([]State, error) {
	set, err := load(fsys)
	if err != nil {
		return nil, err
	}
	applied, err := appliedAt(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("migrations: status: %w", err)
	}
	states := make([]State, 0, len(applied))
	for _, m := range set.Sorted() {
		s := State{Name: m.String()}
		if at, ok := applied[m.Name]; ok {
			s.AppliedAt = &at
		}
		states = append(states, s)
	}
	return states, nil
}

func appliedAt(ctx context.Context, db bun.IDB) (map[string]time.Time, error) {
	var rows []struct {
		Name       string
		MigratedAt time.Time
	}
	err := db.NewSelect().Table(table).Column("name", "migrated_at").Scan(ctx, &rows)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == undefinedTable {
		return nil, nil // never migrated
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	at := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		at[r.Name] = r.MigratedAt
	}
	return at, nil
}

// BehindError says that a database lacks migrations that this binary needs.
type BehindError struct{ Missing []string }

func (e *BehindError) Error() string {
	return "the database's schema is older than this program needs: missing " + strings.Join(e.Missing, ", ") +
		" (run `muara migrate up`)"
}

// Check is for readiness: nil when the database has every migration of this binary. A *BehindError names those it
// lacks. A newer schema is fine: migrations expand before they contract.
func Check(ctx context.Context, db bun.IDB) error {
	return check(ctx, db, files)
}

func check(ctx context.Context, db bun.IDB, fsys fs.FS) error {
	states, err := status(ctx, db, fsys)
	if err != nil {
		return err
	}
	var missing []string
	for _, s := range states {
		if s.AppliedAt == nil {
			missing = append(missing, s.Name)
		}
	}
	if len(missing) > 0 {
		return &BehindError{Missing: missing}
	}
	return nil
}
