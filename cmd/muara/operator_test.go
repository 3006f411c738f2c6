package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
)

// desk is an operator's place: a shell, and a gateway whose orders go no way by themselves.
type desk struct {
	*shell
	db       *testdb.DB
	writer   *order.Writer
	placer   *order.Placer
	merchant string
	wallet   int64
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	db := testdb.New(t)
	path := filepath.Join(t.TempDir(), "muara.yaml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `
database: {url: %q}
redis: {url: %q}
secrets: {encryption_key: %s}
upstreams:
  - {name: src-1, driver: rqid, base_url: "http://127.0.0.1:1", credentials: {api_key: "${NOT_SET_FOR_OPERATORS}"}, budget: {requests: 3, per: 7s}}
`, db.URL, testredis.URL(t), strings.Repeat("ab", 32)), 0o600))
	d := &desk{shell: &shell{t: t, config: path}, db: db}
	log := slog.New(slog.DiscardHandler)
	accounts := ledger.NewAccounts(db.Pool)
	d.writer = order.NewWriter(db.Pool, accounts, time.Now, log, nil, nil)
	t.Cleanup(d.writer.Close)
	sealer, err := seal.New([]byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	d.placer = order.NewPlacer(db.Pool, accounts, sealer, time.Now, log, nil)
	t.Cleanup(d.placer.Close)
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), db.Pool, []catalog.Source{{Name: "src-1", Driver: "rqid", Mode: catalog.Live}}, time.Now()))

	d.merchant = d.json("merchant", "create", "--name", "Toko")["merchant_id"].(string)
	d.json("merchant", "credit", d.merchant, "100000", "--note", "opening")
	store := merchant.NewStore(&pg.DB{Bun: db.Bun, Pool: db.Pool}, accounts, merchant.Options{Now: time.Now})
	d.wallet, err = store.Wallet(t.Context(), d.merchant, merchant.Live)
	require.NoError(t, err)
	return d
}

// order places one and takes it through steps.
func (d *desk) order(ref string, steps ...order.Step) *order.Order {
	d.t.Helper()
	no := "081234567890"
	placed, err := d.placer.Place(d.t.Context(), &order.Request{
		WalletID: d.wallet, Ref: ref, Category: order.PPOB, SKU: "TSEL10", Name: "Telkomsel 10.000", ProductID: 1, Quantity: 1, Price: 10_500,
		CustomerNo: &no, Route: order.Route{Upstream: "src-1", OfferID: 7, Code: "S10", Cost: 10_100}, CallbackURL: "https://toko.example/hook",
	})
	require.NoError(d.t, err)
	o := placed.Order
	for _, s := range steps {
		s.OrderID, s.Attempt, s.Cause = o.ID, o.Attempt, "test"
		o, err = d.writer.Do(d.t.Context(), s)
		require.NoError(d.t, err)
	}
	return o
}

func (d *desk) unknown(ref string) *order.Order {
	return d.order(ref, order.Step{To: order.Sending}, order.Step{To: order.Unknown, Outcome: "unknown", SaidDetail: "connection reset", Flag: "nobody knows"})
}

// refused runs a command that must be refused, and gives the one line.
func (d *desk) refused(args ...string) string {
	d.t.Helper()
	code, out, errs := d.run(args...)
	require.Equal(d.t, exitRefused, code, "%v: %s", args, errs)
	require.Empty(d.t, out)
	require.Equal(d.t, 1, strings.Count(errs, "\n"), errs)
	return errs
}

func TestAnOperatorFindsReadsAndSettlesAnOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.order("waiting")
	o := d.unknown("lost")

	require.EqualValues(t, 2, d.json("order", "list", "--merchant", d.merchant)["count"])
	require.EqualValues(t, 1, d.json("order", "list", "--state", "queued,sending", "--upstream", "src-1", "--mode", "live")["count"])
	flagged := d.json("order", "list", "--flagged")["orders"].([]any)
	require.Len(t, flagged, 1)
	row := flagged[0].(map[string]any)
	require.Equal(t, o.PublicID(), row["order_id"])
	require.Equal(t, fmt.Sprint(o.ID), row["id"], "as text: it does not fit a float")
	require.Equal(t, "nobody knows", row["flag"])
	require.EqualValues(t, 1, d.json("order", "list", "--before", o.PublicID())["count"])

	for _, name := range []string{o.PublicID(), fmt.Sprint(o.ID)} {
		page := d.json("order", "show", name)
		require.Equal(t, "unknown", page["state"])
		require.Equal(t, d.merchant, page["merchant_id"])
		attempt := page["attempts"].([]any)[0].(map[string]any)
		require.Equal(t, "connection reset", attempt["said_detail"])
		require.Equal(t, order.OurRef(o.ID, 1), attempt["our_ref"])
		require.Len(t, page["events"], 2)
		entries := page["entries"].([]any)
		require.Len(t, entries, 1)
		require.Equal(t, "wallet:"+d.merchant, entries[0].(map[string]any)["debit"])
		require.Len(t, page["webhooks"], 1, "processing")
		require.Equal(t, []any{}, page["audit"])
	}

	settled := d.json("order", "resolve", o.PublicID(), "--as", "completed", "--sn", "SN-9", "--why", "it is in their list")
	require.Equal(t, "completed", settled["state"])
	require.Empty(t, settled["flag"])
	page := d.json("order", "show", o.PublicID())
	require.Equal(t, "SN-9", page["facts"].(map[string]any)["sn"])
	require.Len(t, page["webhooks"], 2)
	log := page["audit"].([]any)
	require.Len(t, log, 1)
	require.Equal(t, "order.resolve", log[0].(map[string]any)["action"])
	require.Contains(t, d.refused("order", "resolve", o.PublicID(), "--as", "failed", "--why", "no"), "completed, which is final")
	require.Equal(t, true, d.json("ledger", "verify")["clean"])

	lost := d.unknown("lost-2")
	require.EqualValues(t, 10_500, d.json("order", "resolve", fmt.Sprint(lost.ID), "--as", "failed", "--why", "it is not")["refunded"])
	stuck, next := d.unknown("stuck"), time.Now().Add(time.Hour)
	require.Contains(t, d.refused("order", "seen", stuck.PublicID(), "--why", "looked"), "until it is resolved")
	odd := d.order("odd", order.Step{To: order.Sending}, order.Step{To: order.Unknown, Flag: "odd", NextRunAt: &next})
	require.Equal(t, "unknown", d.json("order", "seen", odd.PublicID(), "--why", "asked them")["state"])
	require.Contains(t, d.refused("order", "seen", odd.PublicID(), "--why", "again"), "no flag")
	require.Contains(t, d.refused("order", "resolve", odd.PublicID(), "--as", "partial", "--remains", "1", "--why", "half"), "adjust the balance")
	require.Contains(t, d.refused("order", "show", "PPOB-0000000000001"), "not found")

	for _, args := range [][]string{{"order", "list"}, {"order", "show", o.PublicID()}, {"order", "resolve", odd.PublicID(), "--as", "failed", "--why", "no"}} {
		code, out, errs := d.run(args...)
		require.Equal(t, exitOK, code, errs)
		require.Contains(t, out, "PPOB-")
	}
}

func TestWrongCallsAboutOrdersAreCodeTwo(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	for _, args := range [][]string{
		{"order", "show", "nonsense"}, {"order", "list", "--limit", "0"}, {"order", "list", "--state", "lost"}, {"order", "list", "--before", "x"},
		{"order", "resolve", "4711", "--as", "canceled", "--why", "x"}, {"order", "resolve", "4711", "--as", "failed"},
		{"order", "resolve", "4711", "--as", "failed", "--sn", "1", "--why", "x"}, {"order", "resolve", "4711", "--as", "partial", "--why", "x"},
		{"order", "resolve", "4711", "--as", "failed", "--remains", "5", "--why", "x"}, {"order", "resolve", "4711", "--as", "failed", "--why", " "},
		{"worker"}, {"worker", "--upstream", "a", "--webhooks"}, {"ledger", "statement", "M", "--from", "yesterday"}, {"upstream", "pause", "src-1"},
	} {
		code, out, errs := s.run(args...)
		require.Equal(t, exitUsage, code, "%v: %s", args, errs)
		require.Empty(t, out, args)
	}
}

func TestTheBooksByCommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.order("one", order.Step{To: order.Sending}, order.Step{To: order.Failed})
	s := d.json("ledger", "statement", d.merchant)
	require.EqualValues(t, 0, s["opening"])
	require.EqualValues(t, 100_000, s["closing"])
	require.EqualValues(t, 10_500, s["debits"])
	ms := s["mutations"].([]any)
	require.Len(t, ms, 3)
	require.Equal(t, "one", ms[1].(map[string]any)["ref"])
	require.EqualValues(t, 3, ms[2].(map[string]any)["id"], "oldest first")

	today, tomorrow := time.Now().In(time.FixedZone("WIB", 7*3600)), time.Now().Add(48*time.Hour)
	require.Len(t, d.json("ledger", "statement", d.merchant, "--from", today.Add(-24*time.Hour).Format(time.DateOnly), "--to", tomorrow.Format(time.DateOnly))["mutations"], 3)
	later := d.json("ledger", "statement", d.merchant, "--from", tomorrow.Format(time.RFC3339))
	require.Empty(t, later["mutations"])
	require.EqualValues(t, 100_000, later["opening"])
	require.EqualValues(t, 100_000, later["closing"])
	before := d.json("ledger", "statement", d.merchant, "--to", "2020-01-01")
	long := d.json("ledger", "statement", d.merchant, "--month", "2020-01")
	require.Empty(t, long["mutations"])
	require.EqualValues(t, 0, long["closing"])
	for _, odd := range [][]string{{"--month", "soon"}, {"--month", "2020-01", "--from", "2020-01-01"}} {
		code, _, _ := d.run(append([]string{"ledger", "statement", d.merchant}, odd...)...)
		require.Equal(t, exitUsage, code)
	}
	require.EqualValues(t, 0, before["closing"])
	require.EqualValues(t, 10_000_000, d.json("ledger", "statement", d.merchant, "--mode", "test")["closing"])
	require.Contains(t, d.refused("ledger", "statement", "MRA-M-NOBODY"), "no such merchant")

	require.Equal(t, true, d.json("ledger", "verify")["clean"])
	for _, args := range [][]string{{"ledger", "verify"}, {"ledger", "statement", d.merchant}} {
		code, out, errs := d.run(args...)
		require.Equal(t, exitOK, code, errs)
		require.NotEmpty(t, out)
	}

	_, err := d.db.Pool.Exec(t.Context(), `UPDATE wallets SET balance = balance + 1 WHERE id = $1`, d.wallet)
	require.NoError(t, err)
	code, out, errs := d.run("--json", "ledger", "verify")
	require.Equal(t, exitRefused, code)
	require.Contains(t, out, `"clean":false`, "the report is there all the same")
	require.Contains(t, errs, "not clean: 1 problems")
	require.Equal(t, 1, strings.Count(errs, "\n"))
}

func TestAnUpstreamIsPausedAndResumed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.unknown("lost")
	require.NoError(t, catalog.SetBalance(t.Context(), d.db.Pool, "src-1", 750_000, time.Now()))

	list := d.json("upstream", "list")
	require.EqualValues(t, 1, list["count"])
	page := d.json("upstream", "show", "src-1")
	require.EqualValues(t, 750_000, page["balance"])
	require.EqualValues(t, 1, page["open_orders"].(map[string]any)["unknown"])
	require.EqualValues(t, 1, page["flagged_orders"])
	b := page["budget"].(map[string]any)
	require.EqualValues(t, 3, b["requests"])
	require.Equal(t, false, b["known"])

	require.Equal(t, true, d.json("upstream", "pause", "src-1", "--why", "they are down")["paused"])
	require.Equal(t, "they are down", d.json("upstream", "show", "src-1")["paused_why"])
	closed := budget.New(testredis.New(t), "src-1", budget.Limit{Requests: 3, Per: 7 * time.Second}, time.Second)
	require.NoError(t, closed.Close(t.Context(), time.Hour, "block page"))
	require.NotNil(t, d.json("upstream", "show", "src-1")["budget"].(map[string]any)["closed_until"])
	require.Equal(t, false, d.json("upstream", "resume", "src-1")["paused"])
	require.Nil(t, d.json("upstream", "show", "src-1")["budget"].(map[string]any)["closed_until"], "an operator knows better than the back-off")

	for _, args := range [][]string{{"upstream", "show", "nobody"}, {"upstream", "pause", "nobody", "--why", "x"}, {"upstream", "resume", "nobody"}} {
		require.Contains(t, d.refused(args...), `no upstream is called "nobody"`)
	}
	for _, args := range [][]string{{"upstream", "list"}, {"upstream", "show", "src-1"}, {"upstream", "pause", "src-1", "--why", "x"}} {
		code, out, errs := d.run(args...)
		require.Equal(t, exitOK, code, errs)
		require.Contains(t, out, "src-1")
	}
}

func TestAWorkerNeedsItsUpstreamConfigured(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	require.Contains(t, d.refused("worker", "--upstream", "nobody"), "src-1")
	require.Contains(t, d.refused("worker", "--upstream", "src-1"), "NOT_SET_FOR_OPERATORS")
}
