package pg_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/testdb"
)

func TestTimesAreUTCOnBothWays(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := testdb.New(t)
	const query = `SELECT '2026-01-01 07:00:00+07'::timestamptz, current_setting('timezone')`
	var at time.Time
	var zone string
	require.NoError(t, db.Pool.QueryRow(ctx, query).Scan(&at, &zone))
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), at)
	require.Equal(t, "UTC", zone)
	require.NoError(t, db.Bun.QueryRowContext(ctx, query).Scan(&at, &zone))
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), at)
	require.Equal(t, "UTC", zone)
}

func TestBunIgnoresAColumnThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	var row struct{ A int }
	require.NoError(t, testdb.New(t).Bun.NewRaw(`SELECT 1 AS a, 2 AS added_by_a_later_version`).Scan(t.Context(), &row))
	require.Equal(t, 1, row.A)
}

func TestInTxCommitsOrLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := testdb.New(t)
	_, err := db.Pool.Exec(ctx, `CREATE TABLE mark (n int CONSTRAINT mark_once UNIQUE)`)
	require.NoError(t, err)
	insert := func(ctx context.Context, n int, then error) error {
		return pg.InTx(ctx, db.Pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO mark VALUES ($1)`, n); err != nil {
				return err
			}
			return then
		})
	}
	refused := errors.New("refused")
	require.NoError(t, insert(ctx, 1, nil))
	require.Equal(t, refused, insert(ctx, 2, refused), "the error comes back as it is")
	require.Panics(t, func() {
		_ = pg.InTx(ctx, db.Pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO mark VALUES (3)`)
			require.NoError(t, err)
			panic("bug")
		})
	})
	ending, cancel := context.WithCancel(ctx)
	err = pg.InTx(ending, db.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ending, `INSERT INTO mark VALUES (4)`)
		cancel()
		return err
	})
	require.ErrorIs(t, err, context.Canceled)

	duplicate := insert(ctx, 1, nil)
	require.True(t, pg.IsUnique(duplicate, "mark_once"))
	require.True(t, pg.IsUnique(duplicate, ""))
	require.False(t, pg.IsUnique(duplicate, "another"))
	require.False(t, pg.IsUnique(refused, ""))

	var all []int
	rows, err := db.Pool.Query(ctx, `SELECT n FROM mark`)
	require.NoError(t, err)
	all, err = pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	require.Equal(t, []int{1}, all)
	require.Zero(t, db.Pool.Stat().AcquiredConns(), "every connection came back")
}

func TestBothWaysKnowTheSameErrors(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := testdb.New(t)
	var n int
	require.True(t, pg.IsNoRows(db.Pool.QueryRow(ctx, `SELECT 1 WHERE false`).Scan(&n)))
	require.True(t, pg.IsNoRows(db.Bun.NewRaw(`SELECT 1 WHERE false`).Scan(ctx, &n)))
	_, err := db.Bun.ExecContext(ctx, `CREATE TABLE mark (n int CONSTRAINT mark_once UNIQUE); INSERT INTO mark VALUES (1)`)
	require.NoError(t, err)
	_, err = db.Bun.ExecContext(ctx, `INSERT INTO mark VALUES (1)`)
	require.True(t, pg.IsUnique(err, "mark_once"))
}

func TestOpenRefusesWhatItCannotReachAndKeepsThePassword(t *testing.T) {
	t.Parallel()
	_, err := pg.Open(t.Context(), "postgres://u:hunter2@/x?host="+t.TempDir())
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	_, err = pg.Open(t.Context(), "postgres://u:hunter2@%zz/x")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	db, err := pg.Open(t.Context(), testdb.New(t).URL, pg.WithBunConns(3), pg.WithPoolConns(4), pg.WithName("me"))
	require.NoError(t, err)
	require.EqualValues(t, 4, db.Pool.Config().MaxConns)
	require.Equal(t, 3, db.Bun.Stats().MaxOpenConnections)
	var name string
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SHOW application_name`).Scan(&name))
	require.Equal(t, "me", name)
	require.NoError(t, db.Close())
}
