package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testdb"
)

// shell runs commands on one database, as an operator would.
type shell struct {
	t      *testing.T
	config string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	return shellOn(t, testdb.New(t).URL)
}

func shellOn(t *testing.T, url string) *shell {
	t.Helper()
	path := filepath.Join(t.TempDir(), "muara.yaml")
	require.NoError(t, os.WriteFile(path, []byte("database: {url: \""+url+"\"}\nsecrets: {encryption_key: "+strings.Repeat("ab", 32)+"}\n"), 0o600))
	return &shell{t: t, config: path}
}

// run gives the exit code and both outputs.
func (s *shell) run(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	code = run(s.t.Context(), append([]string{"--config", s.config}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

// json runs a command that must succeed and decodes its one object.
func (s *shell) json(args ...string) map[string]any {
	s.t.Helper()
	code, out, errs := s.run(append([]string{"--json"}, args...)...)
	require.Equal(s.t, exitOK, code, errs)
	require.Empty(s.t, errs)
	var v map[string]any
	dec := json.NewDecoder(strings.NewReader(out))
	require.NoError(s.t, dec.Decode(&v), out)
	require.False(s.t, dec.More(), "one object: %s", out)
	return v
}

func TestAMerchantsLifeByCommand(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	made := s.json("merchant", "create", "--name", "Toko", "--tier", "2", "--ip", "10.0.0.0/8,2001:db8::1", "--mode", "test")
	id := made["merchant_id"].(string)
	require.Regexp(t, `^MRA-M-`, id)
	require.Regexp(t, `^mra_test_`, made["key"])
	require.Regexp(t, `^whsec_`, made["webhook_secret"])

	require.EqualValues(t, 5000, s.json("merchant", "credit", id, "5000", "--note", "opening")["balance"])
	require.EqualValues(t, 3000, s.json("merchant", "debit", id, "2000", "--note", "fee", "--ref", "fee-1")["balance"])
	require.EqualValues(t, 3000, s.json("merchant", "debit", id, "2000", "--note", "fee", "--ref", "fee-1")["balance"], "once for its ref")
	code, _, errs := s.run("merchant", "debit", id, "2001", "--note", "fee", "--ref", "fee-1")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "another adjustment's")
	require.EqualValues(t, 10_000_001, s.json("merchant", "credit", id, "1", "--note", "x", "--mode", "test")["balance"])
	require.Equal(t, "suspended", s.json("merchant", "suspend", id)["status"])
	require.Equal(t, "active", s.json("merchant", "resume", id)["status"])
	require.EqualValues(t, 4, s.json("merchant", "tier", id, "4")["tier"])
	require.Equal(t, []any{}, s.json("merchant", "ip", id)["ip_whitelist"])
	require.Equal(t, []any{"203.0.113.7/32"}, s.json("merchant", "ip", id, "203.0.113.7")["ip_whitelist"])
	show := s.json("merchant", "show", id)
	require.EqualValues(t, 3000, show["balance"])
	require.EqualValues(t, 1, s.json("merchant", "list")["count"])

	key := s.json("key", "create", id, "--name", "second")
	require.Regexp(t, `^mra_live_`, key["key"])
	require.EqualValues(t, 2, s.json("key", "list", id)["count"])
	keyID := json.Number(jsonText(t, key["key_id"])).String()
	s.json("key", "revoke", keyID)
	code, _, errs = s.run("key", "revoke", keyID)
	require.Equal(t, exitRefused, code)
	require.Equal(t, "muara: the key is revoked already\n", errs)
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func TestWithoutJSONAPersonReadsIt(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	code, out, errs := s.run("merchant", "create", "--name", "Toko")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "shown once")
	for _, args := range [][]string{{"merchant", "list"}, {"migrate", "status"}, {"version"}} {
		code, out, errs := s.run(args...)
		require.Equal(t, exitOK, code, errs)
		require.NotEmpty(t, out)
	}
}

func TestARefusalIsOneLineAndCodeOne(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	id := s.json("merchant", "create", "--name", "Toko")["merchant_id"].(string)
	for _, args := range [][]string{
		{"merchant", "show", "MRA-M-NOBODY"},
		{"merchant", "tier", id, "99"},
		{"merchant", "debit", id, "1", "--note", "more than there is"},
		{"merchant", "suspend", "MRA-M-NOBODY"},
		{"key", "list", "MRA-M-NOBODY"},
		{"key", "revoke", "4711"},
		{"config", "check"},
	} {
		code, out, errs := s.run(args...)
		require.Equal(t, exitRefused, code, args)
		require.Empty(t, out, args)
		require.Equal(t, 1, strings.Count(errs, "\n"), errs)
		require.True(t, strings.HasPrefix(errs, "muara: "), errs)
	}
}

func TestAWrongCallIsCodeTwo(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	for _, args := range [][]string{
		{},
		{"nonsense"},
		{"merchant", "create"},
		{"merchant", "create", "--name", "x", "--mode", "demo"},
		{"merchant", "create", "--name", "x", "--ip", "not-an-address"},
		{"merchant", "credit", "x", "0", "--note", "n"},
		{"merchant", "credit", "x", "ten", "--note", "n"},
		{"merchant", "credit", "x", "10"},
		{"migrate", "down", "0"},
		{"key", "revoke", "abc"},
		{"worker", "--webhooks", "--budget", "5/10s"},
		{"worker", "--upstream", "sandbox", "--budget", "five a day"},
		{"operator"}, // which namespace?
	} {
		code, out, errs := s.run(args...)
		require.Equal(t, exitUsage, code, args)
		require.Empty(t, out, args)
		require.Equal(t, 1, strings.Count(errs, "\n"), errs)
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	t.Parallel()
	s := &shell{t: t, config: "none.yaml"}
	code, out, _ := s.run("--help")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "merchant ")
}

func TestMigrateByCommand(t *testing.T) {
	t.Parallel()
	s := shellOn(t, testdb.NewEmpty(t))
	require.NotEmpty(t, s.json("migrate", "up")["applied"])
	require.Empty(t, s.json("migrate", "up")["applied"])
	require.Len(t, s.json("migrate", "down")["undone"], 1)
	require.Len(t, s.json("migrate", "up")["applied"], 1)
	for _, m := range s.json("migrate", "status")["migrations"].([]any) {
		require.NotNil(t, m.(map[string]any)["applied_at"])
	}
}

func TestLimitsByCommand(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	id := s.json("merchant", "create", "--name", "Toko")["merchant_id"].(string)
	require.Equal(t, map[string]any{"per_order": 0.0, "per_day": 0.0, "withdraw_per_day": 0.0}, s.json("merchant", "limit", id)["limits"])
	set := s.json("merchant", "limit", id, "--per-order", "50000", "--per-day", "1000000")
	require.Equal(t, map[string]any{"per_order": 50_000.0, "per_day": 1_000_000.0, "withdraw_per_day": 0.0}, set["limits"])
	set = s.json("merchant", "limit", id, "--per-order", "0")
	require.Equal(t, map[string]any{"per_order": 0.0, "per_day": 1_000_000.0, "withdraw_per_day": 0.0}, set["limits"], "what is left out stays")
	require.Equal(t, map[string]any{"per_order": 0.0, "per_day": 0.0, "withdraw_per_day": 0.0}, s.json("merchant", "limit", id, "--mode", "test")["limits"])
	code, out, _ := s.run("merchant", "limit", id)
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "orders of a day       1000000")
	code, _, errs := s.run("merchant", "limit", id, "--per-day=-5")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "per_day")
	code, _, _ = s.run("merchant", "limit", "MRA-M-0000000000", "--per-day", "5")
	require.Equal(t, exitRefused, code)
}

func TestAnActorHasAName(t *testing.T) {
	t.Parallel()
	who, err := actor("Siti Nur")
	require.NoError(t, err)
	require.Equal(t, "cli:Siti Nur", who)
	for name, says := range map[string]string{"": "--actor NAME or MUARA_ACTOR", strings.Repeat("x", 65): "at most 64", "a\nb": "one line", "\xff": "one line"} {
		_, err := actor(name)
		require.ErrorContains(t, err, says, "%q", name)
		require.ErrorAs(t, err, new(*usageError), "%q", name)
	}
}
