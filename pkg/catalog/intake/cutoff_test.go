package intake_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/upstream"
)

// cut gives an offer a window, WIB.
func cut(o upstream.Offer, from, to int) upstream.Offer {
	o.CutFrom, o.CutTo = &from, &to
	return o
}

// window is an offer's as it is stored.
func (d *desk) window(code string) string {
	d.t.Helper()
	var from, to *int16
	require.NoError(d.t, d.pool.QueryRow(d.t.Context(), `SELECT cut_from, cut_to FROM offers WHERE code = $1`, code).Scan(&from, &to))
	if from == nil {
		return "none"
	}
	return fmt.Sprintf("%d-%d", *from, *to)
}

func TestASourcesCutOffComesWithItsOffer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	late := cut(game("a", "ML 10", 1000), 23*60+45, 15)
	diff := d.imported("alpha", "p", []upstream.Offer{late, game("b", "ML 20", 2000)})
	require.Equal(t, 2, diff.Added)
	require.Equal(t, "1425-15", d.window("a"), "across midnight")
	require.Equal(t, "none", d.window("b"))
	require.Equal(t, intake.Diff{Listed: 2, Unchanged: 2}, d.imported("alpha", "p", []upstream.Offer{late, game("b", "ML 20", 2000)}))

	diff = d.imported("alpha", "p", []upstream.Offer{cut(game("a", "ML 10", 1000), 60, 120), cut(game("b", "ML 20", 2000), 0, 30)})
	require.Equal(t, 2, diff.Changed)
	require.Equal(t, "60-120", d.window("a"))
	require.Equal(t, "0-30", d.window("b"))

	var sku string
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT sku FROM products p JOIN offers o ON o.product_id = p.id WHERE o.code = 'a'`).Scan(&sku))
	require.NoError(t, catalog.SetCutOff(t.Context(), d.pool, sku, 600, 660, "test", d.clock.now()))
	diff = d.imported("alpha", "p", []upstream.Offer{game("a", "ML 10", 1000), cut(game("b", "ML 20", 2000), 0, 30)})
	require.Equal(t, 1, diff.Changed)
	require.Equal(t, "none", d.window("a"))
	require.EqualValues(t, 600, d.one(`SELECT cut_from FROM products WHERE sku = $1`, sku), "an operator's is the product's, and stays")

	for _, odd := range [][2]int{{5, 5}, {-1, 10}, {10, 1440}} { // no part of a day
		d.imported("alpha", "p", []upstream.Offer{game("a", "ML 10", 1000), cut(game("b", "ML 20", 2000), odd[0], odd[1])})
		require.Equal(t, "none", d.window("b"))
	}
}

func TestACutOffIsKeptByTheBrandsClock(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{"Asia/Jakarta": "1425-15", "UTC": "1005-1035", "Asia/Jayapura": "105-135", "Asia/Kolkata": "1335-1365"} {
		d := newDesk(t)
		loc, err := time.LoadLocation(zone)
		require.NoError(t, err)
		d.im = intake.New(d.pool, intake.Options{Now: d.clock.now, Location: loc})
		d.imported("alpha", "p", []upstream.Offer{cut(game("a", "ML 10", 1000), 23*60+45, 15)})
		require.Equal(t, want, d.window("a"), zone)
	}
}

func TestAScopeThatWasRefusedForItsRateWaitsAsLongAsItsSourceAsked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	now := d.clock.now()
	require.NoError(t, intake.RegisterScopes(t.Context(), d.pool, "alpha", []upstream.Scope{{Key: "prepaid", Every: time.Minute}}, now))
	s, err := intake.DueScope(t.Context(), d.pool, "alpha", now)
	require.NoError(t, err)
	next := func() time.Duration {
		var at time.Time
		require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT next_run_at FROM catalog_scopes`).Scan(&at))
		return at.Sub(now)
	}
	require.NoError(t, intake.ScopeFailed(t.Context(), d.pool, s, fmt.Errorf("scope: %w", &upstream.Error{Class: upstream.Throttled, After: 5 * time.Minute}), now))
	require.Equal(t, 5*time.Minute, next())
	require.NoError(t, intake.ScopeFailed(t.Context(), d.pool, s, errors.New("no answer"), now))
	require.Less(t, next(), time.Minute)
}
