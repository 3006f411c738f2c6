package testdb_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/testdb"
)

func TestNewGivesMigratedDatabasesThatDoNotShareRows(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, b := testdb.New(t), testdb.New(t)
	require.NoError(t, migrations.Check(ctx, a.Bun))

	_, err := a.Bun.ExecContext(ctx, `CREATE TABLE mark (n int)`)
	require.NoError(t, err)
	var seen bool
	require.NoError(t, a.Pool.QueryRow(ctx, `SELECT to_regclass('mark') IS NOT NULL`).Scan(&seen))
	require.True(t, seen, "Bun and the pool look at the same database")
	require.NoError(t, b.Pool.QueryRow(ctx, `SELECT to_regclass('mark') IS NOT NULL`).Scan(&seen))
	require.False(t, seen)
}

func TestAPassedTestLeavesNoDatabase(t *testing.T) {
	t.Parallel()
	look := testdb.New(t)
	var name string
	t.Run("inner", func(t *testing.T) {
		db := testdb.New(t)
		require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT current_database()`).Scan(&name))
	})
	var left int
	require.NoError(t, look.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_database WHERE datname = $1`, name).Scan(&left))
	require.Zero(t, left)
}

func TestServerKeepsItsRowsOverARestart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := testdb.StartServer(t)
	db := server.New(t)
	_, err := db.Pool.Exec(ctx, `CREATE TABLE mark AS SELECT 7 AS n`)
	require.NoError(t, err)
	server.Restart()
	db.Pool.Reset()
	var n int
	require.NoError(t, db.Pool.QueryRow(ctx, `SELECT n FROM mark`).Scan(&n))
	require.Equal(t, 7, n)
}
