package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/upstream"
)

func TestAPremiumProductByCommand(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	made := s.json("product", "add", "--sku", "nflx1", "--name", "Netflix - 1 Bulan", "--price", "35000")
	require.Equal(t, "NFLX1", made["sku"])
	file := filepath.Join(t.TempDir(), "items.txt")
	require.NoError(t, os.WriteFile(file, []byte("a@example.com:1\nb@example.com:2\n\na@example.com:1\n"), 0o600))
	require.EqualValues(t, 2, s.json("product", "stock", "--sku", "nflx1", "--file", file)["added"])
	again := s.json("product", "stock", "--sku", "NFLX1", "--file", file)
	require.EqualValues(t, 0, again["added"])
	require.EqualValues(t, 3, again["known"])

	list := s.json("catalog", "list")
	require.EqualValues(t, 1, list["count"])
	row := list["products"].([]any)[0].(map[string]any)
	require.Equal(t, "NFLX1", row["sku"])
	require.EqualValues(t, 2, row["stock"])
	require.Equal(t, true, row["available"])
	require.Equal(t, true, s.json("product", "close", "NFLX1")["closed"])
	require.EqualValues(t, 1, s.json("catalog", "list", "--closed")["count"])
	require.Equal(t, false, s.json("product", "open", "NFLX1")["closed"])
	require.EqualValues(t, 0, s.json("catalog", "list", "--closed")["count"])

	empty := filepath.Join(t.TempDir(), "empty.txt")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for _, args := range [][]string{
		{"product", "add", "--sku", "NFLX1", "--name", "again", "--price", "1"},
		{"product", "stock", "--sku", "NOBODY", "--file", file},
		{"product", "stock", "--sku", "NFLX1", "--file", empty},
		{"product", "stock", "--sku", "NFLX1", "--file", empty + "x"},
		{"product", "close", "NOBODY"},
		{"catalog", "review", "--accept", "99"},
		{"catalog", "import", "--upstream", "nobody"},
	} {
		code, out, errs := s.run(args...)
		require.Equal(t, exitRefused, code, args)
		require.Empty(t, out, args)
		require.Equal(t, 1, strings.Count(errs, "\n"), errs)
	}
	for _, args := range [][]string{{"--sku", "X", "--price", "0"}, {"--sku", "a b", "--price", "1"}} {
		code, _, _ := s.run(append([]string{"product", "add", "--name", "x"}, args...)...)
		require.Equal(t, exitUsage, code)
	}
}

// pages is an upstream with one scope.
type pages struct{ offers []upstream.Offer }

func (p pages) RootScopes() []upstream.Scope {
	return []upstream.Scope{{Key: "p", Every: time.Hour}, {Key: "q", Every: time.Hour}}
}

func (p pages) CatalogPage(_ context.Context, scope string, _ int) (*upstream.Page, error) {
	if scope == "q" {
		return &upstream.Page{}, nil
	}
	return &upstream.Page{Offers: p.offers}, nil
}

func TestAnImportByCommandWaitsForTheWorkers(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	s := shellOn(t, db.URL)
	b, err := os.ReadFile(s.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.config, append(b, "upstreams: [{name: alpha, driver: rqid, base_url: \"http://127.0.0.1:1\", credentials: {api_key: k, mmid: m}},\n"+
		"  {name: gateway, driver: invoice, base_url: \"http://127.0.0.1:1\", credentials: {api_key: k}}]\n"...), 0o600))
	code, _, errs := s.run("catalog", "import", "--upstream", "gateway")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "sells nothing")
	code, _, errs = s.run("catalog", "import")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "start its worker")
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), db.Pool, []catalog.Source{{Name: "alpha", Driver: "rqid", Mode: catalog.Live}}, time.Now()))
	runs := s.json("catalog", "import", "--no-wait")["runs"].([]any)
	require.Equal(t, false, runs[0].(map[string]any)["finished"])

	offer := upstream.Offer{Category: "ppob", Code: "ML10", Name: "Mobile Legends 10 Diamond", Brand: "MOBILE LEGENDS", Group: "Games", Cost: 2500, Available: true, Unlimited: true}
	im := intake.New(db.Pool, intake.Options{})
	// Its worker comes once the command has been seen waiting.
	var out bytes.Buffer
	waiting := newHeard("waiting for its worker")
	done := make(chan int)
	go func() {
		done <- run(t.Context(), []string{"--config", s.config, "catalog", "import", "--every", "1ms"}, &out, waiting)
	}()
	<-waiting.seen
	for range 2 {
		_, err = im.Turn(t.Context(), pages{[]upstream.Offer{offer}}, "alpha")
		require.NoError(t, err)
	}
	require.Equal(t, exitOK, <-done)
	require.Contains(t, out.String(), "2 of 2 parts")

	offer.Cost = 9000
	_, err = im.Import(t.Context(), "alpha", "p", []upstream.Offer{offer}, nil)
	require.NoError(t, err)
	pending := s.json("catalog", "review")["pending"].([]any)
	require.Len(t, pending, 1)
	require.EqualValues(t, 9000, pending[0].(map[string]any)["pending_cost"])
	row := s.json("catalog", "list", "--upstream", "alpha", "--category", "ppob", "--search", "legends", "--limit", "5")["products"].([]any)[0].(map[string]any)
	require.Equal(t, false, row["available"], "each order would lose money")
	for _, args := range [][]string{{"catalog", "list"}, {"catalog", "review"}} {
		code, out, _ := s.run(args...)
		require.Equal(t, exitOK, code)
		require.Contains(t, out, "9000")
	}
	require.Equal(t, "price", row["policy"])
	require.EqualValues(t, 1, s.json("catalog", "policy", "weight")["changed"])
	require.EqualValues(t, 1, s.json("catalog", "policy", "priority", "--sku", row["sku"].(string))["changed"])
	s.json("catalog", "rank", jsonText(t, pending[0].(map[string]any)["offer_id"]), "--priority", "7", "--weight", "3")
	row = s.json("catalog", "list")["products"].([]any)[0].(map[string]any)
	require.Equal(t, "priority", row["policy"])
	require.EqualValues(t, 7, row["offers"].([]any)[0].(map[string]any)["priority"])
	require.EqualValues(t, 3, row["offers"].([]any)[0].(map[string]any)["weight"])
	for _, args := range [][]string{{"catalog", "policy", "price", "--sku", "NOSUCH"}, {"catalog", "rank", "1"}, {"catalog", "rank", "999999", "--weight", "1"}} {
		code, _, _ = s.run(args...)
		require.Equal(t, exitRefused, code, args)
	}
	s.json("catalog", "review", "--accept", jsonText(t, pending[0].(map[string]any)["offer_id"]))
	require.EqualValues(t, 0, s.json("catalog", "review")["count"])
	require.EqualValues(t, 0, s.json("catalog", "list", "--upstream", "nobody")["count"])
	require.EqualValues(t, 0, s.json("catalog", "list", "--mode", "test")["count"])
	require.EqualValues(t, 0, s.json("catalog", "list", "--category", "otp")["count"])
	require.EqualValues(t, 0, s.json("catalog", "list", "--search", "nothing like it")["count"])

	ctx, cancel := context.WithCancel(t.Context())
	waiting = newHeard("parts read")
	go func() {
		done <- run(ctx, []string{"--config", s.config, "catalog", "import", "--every", "1ms"}, &out, waiting)
	}()
	<-waiting.seen
	cancel()
	require.Equal(t, exitRefused, <-done)
}

// heard is a writer that says when a text has been written.
type heard struct {
	text string
	seen chan struct{}
	all  bytes.Buffer
	told bool
}

func newHeard(text string) *heard { return &heard{text: text, seen: make(chan struct{})} }

func (s *heard) Write(b []byte) (int, error) {
	s.all.Write(b)
	if !s.told && strings.Contains(s.all.String(), s.text) {
		s.told = true
		close(s.seen)
	}
	return len(b), nil
}

func TestAnOperatorEditsTheCatalogueAsATable(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.json("product", "add", "--sku", "nflx1", "--name", "Netflix - 1 Bulan", "--price", "35000")
	file := filepath.Join(t.TempDir(), "catalogue.csv")
	code, out, errs := s.run("catalog", "export", "--csv", file)
	require.Equal(t, exitOK, code, errs)
	require.Empty(t, out)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, bytes.ReplaceAll(text, []byte(",35000,no,"), []byte(",36000,yes,")), 0o600))
	require.EqualValues(t, 1, s.json("catalog", "apply", "--csv", file, "--dry-run")["products"])
	require.EqualValues(t, 1, s.json("catalog", "apply", "--csv", file)["products"])
	code, out, errs = s.run("catalog", "apply", "--csv", file)
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "1 lines: 0 products changed")
	row := s.json("catalog", "list", "--closed")["products"].([]any)[0].(map[string]any)
	require.Equal(t, []any{36000.0, 36000.0, 36000.0, 36000.0}, row["prices"])

	require.NoError(t, os.WriteFile(file, []byte("sku,price\nNOBODY,1\nNFLX1,free\n"), 0o600))
	code, _, errs = s.run("catalog", "apply", "--csv", file)
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "line 2: there is no product NOBODY; line 3: price")
	for _, wrong := range [][]string{{"catalog", "apply", "--csv", file + "x"}, {"catalog", "review", "--reject", "9"}, {"catalog", "offer", "9", "--close"}} {
		code, _, _ := s.run(wrong...)
		require.Equal(t, exitRefused, code, wrong)
	}
	for _, wrong := range [][]string{{"catalog", "review", "--reject", "9", "--accept", "9"}, {"catalog", "offer", "9"}} {
		code, _, _ := s.run(wrong...)
		require.Equal(t, exitUsage, code, wrong)
	}
}
