package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
)

func TestADeclaredPauseEndsAloneWhatItMade(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	d := catalog.Declared{Name: "alpha", Mark: "toko/alpha: ", Why: "night", Actor: "operator:toko/alpha"}
	declare := func(paused bool) bool {
		t.Helper()
		d.Paused = paused
		did, err := catalog.Declare(t.Context(), s.pool, d, s.clock())
		require.NoError(t, err)
		return did
	}
	state := func() (paused bool, why string) {
		t.Helper()
		require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT paused, paused_why FROM upstreams WHERE name = 'alpha'`).Scan(&paused, &why))
		return paused, why
	}
	is := func(wantPaused bool, wantWhy string) {
		t.Helper()
		paused, why := state()
		require.Equal(t, wantPaused, paused)
		require.Equal(t, wantWhy, why)
	}
	audited := func() (n int) {
		t.Helper()
		require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE actor = 'operator:toko/alpha'`).Scan(&n))
		return n
	}

	require.False(t, declare(false), "it runs already")
	require.True(t, declare(true))
	is(true, "toko/alpha: night")
	require.False(t, declare(true), "again changes nothing")
	d.Why = "longer"
	require.True(t, declare(true))
	is(true, "toko/alpha: longer")
	require.True(t, declare(false))
	is(false, "")
	require.False(t, declare(false))
	require.Equal(t, 3, audited(), "what changed nothing leaves no row")

	// A person's pause stays, declared or not.
	require.NoError(t, catalog.Pause(t.Context(), s.pool, "alpha", "float is low", "cli:siti", s.clock()))
	require.False(t, declare(true))
	is(true, "float is low")
	require.False(t, declare(false))
	is(true, "float is low")

	// A person's resume does not outlive the declaration.
	require.NoError(t, catalog.Resume(t.Context(), s.pool, "alpha", "cli:siti", s.clock()))
	require.True(t, declare(true))
	is(true, "toko/alpha: longer")

	// Another declaration of the same name elsewhere is somebody else.
	d.Mark = "warung/alpha: "
	require.False(t, declare(false))
	is(true, "toko/alpha: longer")

	d.Name = "nobody"
	for _, paused := range []bool{true, false} {
		d.Paused = paused
		_, err := catalog.Declare(t.Context(), s.pool, d, s.clock())
		require.ErrorIs(t, err, catalog.ErrNotFound)
	}
}
