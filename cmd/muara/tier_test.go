package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testdb"
)

func TestTiersAndMarkupsByCommand(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	s := shellOn(t, db.URL)
	id := s.json("merchant", "create", "--name", "Toko", "--tier", "2")["merchant_id"].(string)
	tiers := s.json("tier", "list")["tiers"].([]any)
	require.Len(t, tiers, 4)
	require.Equal(t, map[string]any{"tier": 2.0, "name": "Silver", "min_orders": 500.0, "min_volume": 10_000_000.0, "merchants": 1.0}, tiers[1])
	tiers = s.json("tier", "set", "2", "--name", "Perak", "--min-orders", "400")["tiers"].([]any)
	require.Equal(t, map[string]any{"tier": 2.0, "name": "Perak", "min_orders": 400.0, "min_volume": 10_000_000.0, "merchants": 1.0}, tiers[1], "what is left out stays")
	require.Len(t, s.json("tier", "set", "5", "--name", "Diamond", "--min-orders", "100000", "--min-volume", "9000000000")["tiers"], 5)

	refused := func(code int, says string, args ...string) {
		t.Helper()
		got, _, errs := s.run(args...)
		require.Equal(t, code, got, errs)
		require.Contains(t, errs, says)
	}
	refused(exitRefused, "tier 2 would take less than tier 1", "tier", "set", "1", "--min-orders", "401")
	refused(exitRefused, "needs a name", "tier", "set", "6", "--min-orders", "1")
	refused(exitRefused, "out of bounds", "tier", "set", "2", "--min-orders=-1")
	refused(exitUsage, "--min-volume", "tier", "set", "2")

	_, err := db.Pool.Exec(t.Context(), `INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, policy, closed, edited, version, created_at, updated_at)
		VALUES ('live', 'TSEL5', 'ppob', 'Telkomsel 5.000', 'TELKOMSEL', 'Pulsa', 'prepaid', '', '[]', '', 'price', false, '{}', 1, now(), now())`)
	require.NoError(t, err)
	set := s.json("tier", "markup", "2", "--brand", "Telkomsel", "--percent", "2.5", "--fixed", "50")
	require.Equal(t, map[string]any{"tier": 2.0, "scope": "brand", "key": "telkomsel", "percent": 2.5, "fixed": 50.0, "products": 1.0}, set)
	s.json("tier", "markup", "2", "--group", "Pulsa", "--percent", "3")
	s.json("tier", "markup", "2", "--sku", "TSEL5", "--fixed", "25")
	require.EqualValues(t, 3+3, s.json("tier", "markups", "2")["count"])
	require.EqualValues(t, 12+3, s.json("tier", "markups")["count"])
	require.EqualValues(t, 2+3, s.json("tier", "markup", "2", "--group", "pulsa", "--remove")["count"])
	code, out, _ := s.run("tier", "markups", "2")
	require.Equal(t, exitOK, code)
	require.Regexp(t, `2 +brand +telkomsel +2\.5 +50 +1`, out)

	refused(exitRefused, `tier 2 has no markup for group "pulsa"`, "tier", "markup", "2", "--group", "pulsa", "--remove")
	refused(exitRefused, "no such tier", "tier", "markup", "77", "--sku", "X", "--percent", "1")
	refused(exitRefused, "out of bounds", "tier", "markup", "2", "--sku", "X", "--fixed=-1")
	refused(exitUsage, "percentage", "tier", "markup", "2", "--sku", "X", "--percent", "1.005")
	refused(exitUsage, "one of", "tier", "markup", "2", "--sku", "X", "--brand", "Y", "--percent", "1")
	refused(exitUsage, "one of", "tier", "markup", "2", "--percent", "1")
	refused(exitUsage, "--remove", "tier", "markup", "2", "--sku", "X")

	var rows int
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action IN ('tier.set', 'markup.set', 'markup.remove')`).Scan(&rows))
	require.Equal(t, 6, rows, "what was refused leaves none")
	require.EqualValues(t, 2, s.json("merchant", "show", id)["tier"])
}
