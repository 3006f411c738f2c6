package catalog_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
)

func TestTheDatabaseKeepsTheModesApart(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "p", games())
	s.imported("sandbox", "p", games())
	refused := func(constraint, sql string, args ...any) {
		t.Helper()
		_, err := s.pool.Exec(t.Context(), sql, args...)
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr)
		require.Equal(t, "23514", pgErr.Code)
		require.Equal(t, constraint, pgErr.ConstraintName)
	}
	live, test := s.product("MLID10"), s.product("TESTMLID10")
	refused("offers_of_one_mode", `UPDATE offers SET product_id = $1 WHERE upstream = 'sandbox'`, live.ID)
	refused("offers_of_one_mode", `UPDATE offers SET upstream = 'beta' WHERE product_id = $1`, test.ID)
	refused("offers_of_one_mode", `INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock,
		unlimited, success_rate, closed, failures, priority, weight, created_at, updated_at)
		SELECT $1, 'beta', scope, 'another', extra, said_name, facts, identity, cost, available, reason, stock, unlimited, success_rate, closed, failures,
			priority, weight, created_at, updated_at FROM offers LIMIT 1`, test.ID)
	refused("modes_stay", `UPDATE products SET mode = 'live' WHERE id = $1`, test.ID)
	require.ErrorContains(t, catalog.EnsureUpstreams(t.Context(), s.pool, []catalog.Source{{Name: "alpha", Driver: "sandbox", Mode: catalog.Test}}, s.clock()),
		"upstreams alpha: its mode cannot change")
	s.exec(`UPDATE offers SET product_id = product_id, upstream = upstream`)
}

func TestFailuresInTestModeCloseNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("sandbox", "p", games())
	r, err := s.c.Snapshot().Route(s.product("TESTMLID10"), 0)
	require.NoError(t, err)
	for range 10 {
		flagged, err := catalog.ProductFailed(t.Context(), s.pool, catalog.Flagging{After: 1}, r.OfferID, s.clock())
		require.NoError(t, err)
		require.False(t, flagged)
	}
	s.refresh()
	_, err = s.c.Snapshot().Route(s.product("TESTMLID10"), 0)
	require.NoError(t, err)
}
