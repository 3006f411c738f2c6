package order

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/pg"
)

func TestCountingWhatIsOpenReadsNoFinalOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.place(pulsa(s.wallet, "r1", 1_000))
	s.do(o, Step{Flag: "look"})
	// One connection, so that its reads are told of at once; no statistics, as after an import or a restore.
	db, err := pg.Open(t.Context(), s.db.URL, pg.WithPoolConns(1))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Pool.Exec(t.Context(), `ALTER TABLE orders SET (autovacuum_enabled = off)`)
	require.NoError(t, err)
	_, err = db.Pool.Exec(t.Context(), `CREATE TEMP TABLE more AS SELECT * FROM orders`)
	require.NoError(t, err)
	_, err = db.Pool.Exec(t.Context(), `UPDATE more SET state = 'completed', flag = '', next_run_at = NULL`)
	require.NoError(t, err)
	_, err = db.Pool.Exec(t.Context(), `INSERT INTO orders SELECT (jsonb_populate_record(m, jsonb_build_object('id', n, 'ref', 'f' || n))).* FROM more m, generate_series(1, 20000) n`)
	require.NoError(t, err)
	read := func() (n int64) {
		_, err := db.Pool.Exec(t.Context(), `SELECT pg_stat_force_next_flush()`)
		require.NoError(t, err)
		require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'orders'`).Scan(&n))
		return n
	}
	before := read()
	open, err := Standing(t.Context(), db.Pool, s.now)
	require.NoError(t, err)
	require.EqualValues(t, 1, open.Flagged)
	require.EqualValues(t, 1, open.Upstreams["up-a"].Queued.Count)
	require.Less(t, read()-before, int64(10))
}
