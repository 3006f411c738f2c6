package edit_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/edit"
	"github.com/muarahq/muara/pkg/testdb"
)

var now = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// shop is a catalogue of three products and three offers, with ids 1 to 3.
type shop struct {
	t  *testing.T
	db *testdb.DB
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, db: testdb.New(t)}
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), s.db.Pool, []catalog.Source{{Name: "up-a", Driver: "rqid", Mode: catalog.Live}, {Name: "up-b", Driver: "rqid", Mode: catalog.Live}}, now))
	s.exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, fixed_price, policy, closed, edited, version, created_at, updated_at) VALUES
		('live', 'TSEL10', 'ppob', 'Telkomsel 10', 'Telkomsel', 'Pulsa', 'prepaid', '=odd', '[]', '', NULL, 'price', false, '{}', 1, now(), now()),
		('live', 'TSEL10B', 'ppob', 'Telkomsel 10 too', 'Telkomsel', 'Pulsa', 'prepaid', '', '[]', '', NULL, 'price', false, '{}', 1, now(), now()),
		('live', 'NFLX1', 'product', 'Netflix', '', '', '', '', '[]', 'Netflix', 35000, 'price', false, '{}', 1, now(), now())`)
	s.exec(`INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited, success_rate, closed, failures, priority, weight, created_at, updated_at)
		SELECT p.id, u.upstream, 's', u.code, '{}', 'x', '', '', u.cost, true, '', 0, true, 100, false, 0, 0, 1, now(), now()
		FROM (VALUES ('TSEL10', 'up-a', 's10', 10100), ('TSEL10', 'up-b', 'S-10', 10200), ('TSEL10B', 'up-b', 'T10', 10050)) u (sku, upstream, code, cost) JOIN products p USING (sku) ORDER BY u.cost <> 10100, u.cost DESC`)
	return s
}

func (s *shop) exec(sql string) {
	s.t.Helper()
	_, err := s.db.Pool.Exec(s.t.Context(), sql)
	require.NoError(s.t, err)
}

func (s *shop) export(f edit.Filter) string {
	s.t.Helper()
	var w strings.Builder
	require.NoError(s.t, edit.Export(s.t.Context(), s.db.Pool, f, &w))
	return w.String()
}

func (s *shop) apply(table string) (*edit.Changed, error) {
	return edit.Apply(s.t.Context(), s.db.Pool, strings.NewReader(table), "x.csv", false, "cli:ops", now)
}

func (s *shop) applied(table string) *edit.Changed {
	s.t.Helper()
	out, err := s.apply(table)
	require.NoError(s.t, err)
	return out
}

func (s *shop) version() (n int64) {
	s.t.Helper()
	require.NoError(s.t, s.db.Pool.QueryRow(s.t.Context(), `SELECT version FROM catalog_version`).Scan(&n))
	return n
}

func TestWhatWasExportedChangesNothingWhenItComesBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	table := s.export(edit.Filter{})
	require.Equal(t, `sku,new_sku,mode,category,type,name,brand,group,description,price,closed,offer_id,upstream,code,said_name,cost,pending_cost,offer_closed,priority,weight
NFLX1,,live,product,,Netflix,,,,35000,no,,,,,,,,,
TSEL10,,live,ppob,prepaid,Telkomsel 10,Telkomsel,Pulsa,'=odd,,no,1,up-a,s10,x,10100,,no,0,1
TSEL10,,live,ppob,prepaid,Telkomsel 10,Telkomsel,Pulsa,'=odd,,no,2,up-b,S-10,x,10200,,no,0,1
TSEL10B,,live,ppob,prepaid,Telkomsel 10 too,Telkomsel,Pulsa,,,no,3,up-b,T10,x,10050,,no,0,1
`, table)
	before := s.version()
	require.Equal(t, &edit.Changed{Lines: 4}, s.applied(table))
	require.Equal(t, before, s.version())
	log, err := audit.List(t.Context(), s.db.Pool, "catalog", 10)
	require.NoError(t, err)
	require.Empty(t, log)
	require.Equal(t, table, s.export(edit.Filter{}))
	require.Equal(t, 2, strings.Count(s.export(edit.Filter{Upstream: "up-a", Mode: "live", Category: "ppob"}), "\n"))
}

func TestATableMovesRenamesPricesAndCloses(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	before := s.version()
	table := "\ufeffSKU, offer_id, new_sku, name, price, closed, offer_closed, priority, weight\n" +
		"NFLX1,,NFLX30,,36000,yes,,,\n" +
		"tsel10,1,,Telkomsel 10 rb,,,,3,\n" +
		"TSEL10,2,,Telkomsel 10 rb,,,yes,,5\n" +
		"TSEL10,3,,not read,,,,,\n"
	dry, err := edit.Apply(t.Context(), s.db.Pool, strings.NewReader(table), "x.csv", true, "cli:ops", now)
	require.NoError(t, err)
	require.Equal(t, &edit.Changed{Lines: 4, Products: 2, Renamed: 1, Offers: 2, Moved: 1, DryRun: true}, dry)
	require.Equal(t, before, s.version(), "nothing was written")
	done := s.applied(table)
	require.Equal(t, &edit.Changed{Lines: 4, Products: 2, Renamed: 1, Offers: 2, Moved: 1}, done)
	require.Equal(t, before+1, s.version())
	out := s.export(edit.Filter{})
	require.Contains(t, out, "NFLX30,,live,product,,Netflix,,,,36000,yes,")
	require.Contains(t, out, "TSEL10,,live,ppob,prepaid,Telkomsel 10 rb,Telkomsel,Pulsa,'=odd,,no,1,up-a,s10,x,10100,,no,3,1")
	require.Contains(t, out, "no,2,up-b,S-10,x,10200,,yes,0,5")
	require.Contains(t, out, "TSEL10,,live,ppob,prepaid,Telkomsel 10 rb,Telkomsel,Pulsa,'=odd,,no,3,up-b,T10,x")
	require.Contains(t, out, "TSEL10B,,live,ppob,prepaid,Telkomsel 10 too,Telkomsel,Pulsa,,,no,,,", "it stays, without an offer")
	var edited []string
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT edited FROM products WHERE sku = 'TSEL10'`).Scan(&edited))
	require.Equal(t, []string{"name"}, edited, "no import takes it back")
	log, err := audit.List(t.Context(), s.db.Pool, "catalog", 10)
	require.NoError(t, err)
	require.Len(t, log, 1)
	require.Equal(t, "catalog.apply", log[0].Action)
	require.Equal(t, "cli:ops", log[0].Actor)
	require.JSONEq(t, `{"file": "x.csv", "lines": 4, "products": 2, "offers": 2, "renamed": ["NFLX1 to NFLX30"], "closed": ["NFLX1"], "opened": null, "prices": ["NFLX1: 35000 to 36000"],
		"markups": null, "moved": ["up-b T10: TSEL10B to TSEL10"], "offers_closed": ["up-b S-10"], "offers_opened": null,
		"ranks": ["up-a s10: priority 0 to 3, weight 1 to 1", "up-b S-10: priority 0 to 0, weight 1 to 5"]}`, string(log[0].Detail.(json.RawMessage)))
}

func TestADescriptionThatWasTakenInComesBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.exec(`UPDATE products SET description = repeat('ꦩ', 1000) WHERE sku = 'TSEL10'`) // as long as an import lets it be
	require.Equal(t, &edit.Changed{Lines: 4}, s.applied(s.export(edit.Filter{})))
}

func TestARenamedProductKeepsItsMarkups(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.exec(`INSERT INTO markups (tier, scope, key, percent_bp, fixed) VALUES (1, 'sku', 'TSEL10', 300, 0), (2, 'sku', 'TSEL10', 0, 75), (1, 'sku', 'TSEL10B', 9, 9),
		(1, 'brand', 'TSEL10', 5, 5), (1, 'sku', 'TSEL11', 1, 1), (3, 'sku', 'TSEL11', 1, 1)`)
	s.applied("sku,new_sku\nTSEL10,TSEL11\n")
	var got []string
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT array_agg(tier || ' ' || scope || ' ' || key || ' ' || percent_bp || ' ' || fixed ORDER BY key, scope, tier)
		FROM markups WHERE key LIKE 'TSEL1%'`).Scan(&got))
	require.Equal(t, []string{"1 brand TSEL10 5 5", "1 sku TSEL10B 9 9", "1 sku TSEL11 300 0", "2 sku TSEL11 0 75"}, got,
		"no price moves by a name: what was set for the new one while it was nobody's goes")
	log, err := audit.List(t.Context(), s.db.Pool, "catalog", 1)
	require.NoError(t, err)
	require.Contains(t, string(log[0].Detail.(json.RawMessage)), `["tier 1: TSEL10 to TSEL11", "tier 2: TSEL10 to TSEL11"]`)
}

func TestEveryMistakeIsNamedWithItsLineAndNothingIsTaken(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	before := s.export(edit.Filter{})
	_, err := s.apply("sku,new_sku,name,price,closed,offer_id,upstream,code,offer_closed,priority,weight\n" +
		"TSEL10,,Good,,yes,1,,,,,\n" + // 2: fine by itself
		"TSEL10,,Bad,,yes,2,,,,,\n" + // 3: another name
		"NOBODY,,,,,,,,,,\n" + // 4
		"NFLX1,,,free,maybe,,,,,,\n" + // 5: twice
		"TSEL10B,,,100,,,,,,,\n" + // 6: has no price of its own
		"NFLX1,,,,,3,,,,,\n" + // 7: not the same kind of thing
		"TSEL10B,,,,,3,up-a,T10,,,\n" + // 8: on a line already
		"TSEL10B,,,,,99,,,,,\n" + // 9
		"NFLX1,S10,,,,,,,,,\n" + // 10: a code
		"TSEL10B,TSEL10,,,,,,,,,\n" + // 11: taken
		"TSEL10B,,,,,,,,,,0\n" + // 12: no weight, and no offer
		"short\n") // 13
	var problems *edit.Problems
	require.ErrorAs(t, err, &problems)
	at := map[int]int{}
	for _, p := range problems.List {
		at[p.Line]++
	}
	require.Equal(t, map[int]int{5: 2, 12: 1, 13: 1, 3: 1, 4: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1, 11: 1}, at, "%v", err)
	require.ErrorContains(t, err, "line 10: the SKU S10 is taken: it is the code of an upstream")
	require.Equal(t, before, s.export(edit.Filter{}))

	for table, want := range map[string]string{
		"":                                       "line 1: the header cannot be read",
		"name\nx\n":                              "line 1: the column sku is missing",
		"sku,colour\nTSEL10,red\n":               `line 1: there is no column "colour"`,
		"sku,sku\nTSEL10,TSEL10\n":               "line 1: the column sku is there twice",
		"sku,name\n\n\nTSEL10,\"x\ny\n":          "line 4",
		"sku,new_sku\nTSEL10,X\nTSEL10B,X\n":     "is to become X, and so is",
		"sku,offer_id,upstream\nTSEL10,1,up-b\n": "line 2: offer 1 is s10 of up-a",
		"sku,new_sku\nTSEL10,a b\n":              "is no SKU",
	} {
		_, err := s.apply(table)
		require.ErrorContains(t, err, want, "%q", table)
	}
	require.Equal(t, before, s.export(edit.Filter{}))
}

func TestMistakesAreNamedUpToABound(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, err := s.apply("sku\n" + strings.Repeat("NOBODY\n", 150))
	var problems *edit.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems.List, 100)
	require.True(t, problems.More)
	require.ErrorContains(t, err, "and more")
}

func FuzzApply(f *testing.F) {
	f.Add("sku,name\nTSEL10,x\n")
	f.Add("sku,offer_id,closed,price,weight\nTSEL10,1,yes,5,2\n\"")
	f.Fuzz(func(t *testing.T, table string) {
		lines, problems := edit.Read(strings.NewReader(table))
		for _, p := range problems {
			if p.Line < 1 || p.Message == "" {
				t.Fatalf("%+v of %q", p, table)
			}
		}
		if lines > strings.Count(table, "\n")+1 {
			t.Fatalf("%d lines of %q", lines, table)
		}
	})
}
