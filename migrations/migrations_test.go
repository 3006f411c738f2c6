package migrations_test

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/testdb"
)

// all is more than there will ever be.
const all = 10_000

func open(t *testing.T, url string) *pg.DB {
	t.Helper()
	db, err := pg.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// schema is all that migrations make, as text: tables, columns, constraints, indexes, functions, triggers.
func schema(t *testing.T, db *pg.DB) []string {
	t.Helper()
	rows, err := db.Pool.Query(t.Context(), `
		SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
		FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
		FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind <> 'a'
		UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
		UNION ALL SELECT 'sequence ' || sequencename FROM pg_sequences WHERE schemaname = 'public'
		ORDER BY 1`)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "bun_migration") })
}

func TestUpDownUpWithRowsInPlace(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := testdb.NewEmpty(t)
	db := open(t, url)

	applied, err := migrations.Up(ctx, url)
	require.NoError(t, err)
	latest, err := migrations.Latest()
	require.NoError(t, err)
	require.Equal(t, latest, applied[len(applied)-1])
	require.NoError(t, migrations.Check(ctx, db.Bun))
	first := schema(t, db)
	insertRows(t, db)

	undone, err := migrations.Down(ctx, url, all)
	require.NoError(t, err)
	slices.Reverse(undone)
	require.Equal(t, applied, undone)
	require.Empty(t, schema(t, db), "down leaves nothing behind")

	again, err := migrations.Up(ctx, url)
	require.NoError(t, err)
	require.Equal(t, applied, again)
	require.Equal(t, first, schema(t, db))
	insertRows(t, db)
	for i := range applied { // from every depth back up, over the rows of what stayed
		undone, err := migrations.Down(ctx, url, i+1)
		require.NoError(t, err)
		require.Len(t, undone, i+1)
		_, err = migrations.Up(ctx, url)
		require.NoError(t, err)
		require.Equal(t, first, schema(t, db))
	}
}

// insertRows puts at least one row into every table, as testdata/rows.sql says.
func insertRows(t *testing.T, db *pg.DB) {
	t.Helper()
	ctx := t.Context()
	sql, err := os.ReadFile("testdata/rows.sql")
	require.NoError(t, err)
	_, err = db.Bun.ExecContext(ctx, string(sql))
	require.NoError(t, err)
	rows, err := db.Pool.Query(ctx, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, table := range tables {
		var some bool
		require.NoError(t, db.Pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+pgx.Identifier{table}.Sanitize()+")").Scan(&some))
		require.True(t, some || table == "bun_migration_locks", "testdata/rows.sql has no row for %s", table)
	}
}

func TestEveryMigrationIsTransactionalAndNamedInOrder(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(migrations.Files(), "*.sql")
	require.NoError(t, err)
	for _, name := range names {
		require.Regexp(t, `^\d{14}_[a-z_]+\.(tx\.)?(up|down)\.sql$`, name)
	}
	hash, err := migrations.Hash()
	require.NoError(t, err)
	require.Len(t, hash, 64)
}

func sql(pairs ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

func TestAFailedMigrationLeavesThoseBeforeItAndNothingOfItself(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := testdb.NewEmpty(t)
	db := open(t, url)
	files := sql(
		"20260101000000_a.tx.up.sql", "CREATE TABLE a (n int);", "20260101000000_a.tx.down.sql", "DROP TABLE a;",
		"20260102000000_b.tx.up.sql", "CREATE TABLE b (n int);\n--bun:split\nSELECT 1/0;", "20260102000000_b.tx.down.sql", "DROP TABLE b;",
	)
	applied, err := migrations.UpOf(ctx, url, files)
	require.ErrorContains(t, err, "division by zero")
	require.Equal(t, []string{"20260101000000_a"}, applied)
	require.Equal(t, []string{"column a.n integer YES "}, schema(t, db))

	var behind *migrations.BehindError
	require.ErrorAs(t, migrations.CheckOf(ctx, db.Bun, files), &behind)
	require.Equal(t, []string{"20260102000000_b"}, behind.Missing)

	files["20260102000000_b.tx.up.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE b (n int);")}
	applied, err = migrations.UpOf(ctx, url, files)
	require.NoError(t, err)
	require.Equal(t, []string{"20260102000000_b"}, applied)
	require.NoError(t, migrations.CheckOf(ctx, db.Bun, files))

	undone, err := migrations.DownOf(ctx, url, 1, files)
	require.NoError(t, err)
	require.Equal(t, []string{"20260102000000_b"}, undone, "each is taken back alone")
}

func TestASchemaThatIsNewerIsFine(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := testdb.NewEmpty(t)
	files := sql("20260101000000_a.tx.up.sql", "SELECT 1;", "20260101000000_a.tx.down.sql", "SELECT 1;")
	db := open(t, url)
	require.ErrorContains(t, migrations.CheckOf(ctx, db.Bun, files), "muara migrate up", "a database that was never migrated")
	_, err := migrations.UpOf(ctx, url, files)
	require.NoError(t, err)
	require.NoError(t, migrations.CheckOf(ctx, db.Bun, sql()))
	none, err := migrations.UpOf(ctx, url, sql())
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestConcurrentMigratorsApplyEachOnce(t *testing.T) {
	t.Parallel()
	url := testdb.NewEmpty(t)
	files := sql("20260101000000_a.tx.up.sql", "CREATE TABLE a (n int);\n--bun:split\nSELECT pg_sleep(0.1);", "20260101000000_a.tx.down.sql", "DROP TABLE a;")
	var applied [4][]string
	group, ctx := errgroup.WithContext(t.Context())
	for i := range applied {
		group.Go(func() (err error) {
			applied[i], err = migrations.UpOf(ctx, url, files)
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Len(t, slices.Concat(applied[:]...), 1)
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	url := testdb.NewEmpty(t)
	holder := open(t, url)
	conn, err := holder.Pool.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(conn.Release)
	_, err = conn.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, int64(0x6d75617261))
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := migrations.Up(ctx, url)
		done <- err
	}()
	var waiting bool
	for !waiting {
		require.NoError(t, holder.Pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waiting))
	}
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestAFileWithoutItsCounterpartIsRefused(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, migrations.LoadOf(sql("20260101000000_a.tx.up.sql", "SELECT 1;")), "lacks its up or its down file")
	require.Error(t, migrations.LoadOf(sql("a.up.sql", "SELECT 1;")))
}
