package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/order"
)

func TestAnOperatorReadsWhatTheBusinessCameTo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cheap, dear := int64(10_100), int64(11_000)
	d.order("good", order.Step{To: order.Sending}, order.Step{To: order.Completed, Outcome: "succeeded", SN: "1", Cost: &cheap})
	under := d.order("under", order.Step{To: order.Sending}, order.Step{To: order.Completed, Outcome: "succeeded", SN: "2", Cost: &dear})
	d.order("gone", order.Step{To: order.Sending}, order.Step{To: order.Failed, Outcome: "failed", Message: "no"})
	d.see(d.deposit(false), deposit.Sighting{Seen: deposit.SeenPaid})

	out := d.json("report", "orders", "--by", "sku,upstream")
	row := out["rows"].([]any)[0].(map[string]any)
	require.Equal(t, "TSEL10", row["sku"])
	require.Equal(t, "src-1", row["upstream"])
	require.NotContains(t, row, "day")
	require.InDelta(t, 0.6667, row["success_rate"], 0)
	require.EqualValues(t, 31_500, row["volume"])
	require.EqualValues(t, 10_500, row["refunds"])
	require.EqualValues(t, -100, row["margin"])
	require.Equal(t, row["margin"], out["total"].(map[string]any)["margin"])
	code, text, errs := d.run("report", "orders", "--by", "day,tier,merchant,category")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, text, "66.67%")
	require.Contains(t, text, d.merchant)

	losses := d.json("report", "losses")
	require.EqualValues(t, 1, losses["count"])
	require.Equal(t, under.PublicID(), losses["orders"].([]any)[0].(map[string]any)["order_id"])
	require.EqualValues(t, -500, losses["total"].(map[string]any)["margin"])
	require.EqualValues(t, 0, d.json("report", "losses", "--before", under.PublicID())["count"])
	_, text, _ = d.run("report", "losses")
	require.Contains(t, text, "1 orders in all")

	money := d.json("report", "money")
	require.EqualValues(t, 50_000, money["deposits_total"].(map[string]any)["amount"])
	require.Equal(t, "src-1", money["deposits"].([]any)[0].(map[string]any)["gateway"])
	require.EqualValues(t, 100_000, money["adjusted_credits"])
	_, text, _ = d.run("report", "money")
	require.Contains(t, text, "credited 100000")

	all := d.json("report", "summary")
	require.EqualValues(t, -100, all["result"])
	_, text, _ = d.run("report", "summary")
	require.Contains(t, text, "1 orders, -500")
	require.EqualValues(t, 100_000-21_000+50_000, d.json("report", "balances", "--mode", "live")["wallets"].([]any)[0].(map[string]any)["balance"])
	_, text, _ = d.run("report", "balances")
	require.Contains(t, text, "float:src-1")
}

func TestReportsAreWrittenForSpreadsheets(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.order("good", order.Step{To: order.Sending}, order.Step{To: order.Completed, Outcome: "succeeded", SN: "1"})
	path := filepath.Join(t.TempDir(), "orders.csv")
	code, out, errs := d.run("report", "orders", "--by", "sku", "--csv", path)
	require.Equal(t, exitOK, code, errs)
	require.Empty(t, out)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), "\n,,,,TSEL10,,1,1,")
	for _, name := range []string{"losses", "money"} {
		code, out, errs = d.run("report", name, "--csv", "-")
		require.Equal(t, exitOK, code, errs)
		require.Equal(t, 1, strings.Count(out, "\n"), "nothing but the head: %s", out)
	}
	for _, wrong := range [][]string{
		{"report", "orders", "--from", "yesterday"}, {"report", "orders", "--limit", "0"}, {"report", "losses", "--limit", "0"}, {"report", "losses", "--before", "x"},
		{"report", "orders", "--by", "weather"}, {"--json", "report", "orders", "--csv", "-"}, {"report", "money", "--from", "2026-01-02", "--to", "2026-01-02"},
	} {
		code, _, errs := d.run(wrong...)
		require.Equal(t, exitUsage, code, "%v: %s", wrong, errs)
	}
	day := time.Now().AddDate(0, 0, -3).Format(time.DateOnly)
	require.EqualValues(t, 0, d.json("report", "orders", "--to", day, "--from", "2026-01-01")["total"].(map[string]any)["placed"])
}
