package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
)

func TestASourceThatRefusesOurAccountIsPausedOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	did, err := catalog.Halt(t.Context(), s.pool, "alpha", "its account was refused: rc 45", s.clock())
	require.NoError(t, err)
	require.True(t, did)
	did, err = catalog.Halt(t.Context(), s.pool, "alpha", "again", s.clock())
	require.NoError(t, err)
	require.False(t, did)
	var why string
	var rows int
	require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT paused_why FROM upstreams WHERE name = 'alpha' AND paused`).Scan(&why))
	require.Equal(t, "its account was refused: rc 45", why, "the first reason stays")
	require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action = 'upstream.halt'`).Scan(&rows))
	require.Equal(t, 1, rows)
	require.NoError(t, catalog.Resume(t.Context(), s.pool, "alpha", "test", s.clock()))
	did, err = catalog.Halt(t.Context(), s.pool, "alpha", "once more", s.clock())
	require.NoError(t, err)
	require.True(t, did)
}
