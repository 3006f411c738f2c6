package admin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/qris"
)

const ownStatic = "00020101021126570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI5204481253033605802ID5911TOKO CONTOH6007JAKARTA61051234563041D84"

// ownDeposits opens so many deposits by our own code, and gives a statement that pays each of them.
func (w *world) ownDeposits(wallet int64, n int) (ids []string, statement string) {
	w.t.Helper()
	code, err := qris.Import(ownStatic)
	require.NoError(w.t, err)
	o := deposit.Opener{
		Keeper: w.till.Deposits, Ask: invoices{w}, Log: w.till.Deposits.Log,
		Policy: deposit.Policy{
			Live: []deposit.Gateway{{Name: "static-qris", Own: &deposit.OwnCode{QRIS: code, Codes: 999, Life: time.Hour}}}, Patience: 5 * time.Second, Share: time.Second,
		},
	}
	statement = "time,amount,id\n"
	for i := range n {
		d, err := o.Open(w.t.Context(), &deposit.Request{WalletID: wallet, Mode: "live", Amount: 50_000})
		require.NoError(w.t, err)
		ids = append(ids, deposit.PublicID(w.cfg.Brand.IDPrefix, d.ID))
		statement += fmt.Sprintf("%s,%d,rrn-%d\n", w.clock.Now().UTC().Format(time.RFC3339Nano), d.Total, i)
	}
	return ids, statement
}

func TestAStatementThatIsCutOffNamesWhoseItWasAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids, statement := w.ownDeposits(w.wallet("MRA-M-1", 1_000), 3)
	w.exec(`INSERT INTO webhook_endpoints (merchant_id, url, events, enabled, suspended_reason, secret, secret_hint, failures, failing_attempts, created_at, updated_at)
		VALUES ('MRA-M-1', 'https://merchant.example/hook', '{deposit.updated}', true, '', 'sealed', '', 0, 0, now(), now())`)
	ctx, leave := context.WithCancel(t.Context())
	w.till.Deposits.Told = func([]int64) { leave() } // the caller is gone with the first that is paid
	read, err := w.till.ReadStatement(ctx, strings.NewReader(statement), "static-qris", "mutasi.csv", "token:f")
	require.Equal(t, fault.Upstream, fault.KindOf(err))
	require.ErrorContains(t, err, "1 of 3 lines")
	require.Equal(t, map[deposit.Outcome]int{deposit.LineCredited: 1}, read.Outcomes)
	require.Equal(t, "paid", w.finance.get("/deposits/" + ids[0]).data()["state"])
	require.Equal(t, "pending", w.finance.get("/deposits/" + ids[1]).data()["state"], "nothing counts behind an answer that was given up")
	require.Equal(t, "token:f", w.audited(ids[0]).Actor)
	require.Equal(t, "deposit.line", w.audited(ids[0]).Action)
	require.Equal(t, "deposit.statement", w.audited("static-qris").Action)

	w.till.Deposits.Told = nil
	again := w.finance.post("/statements", statement).data()
	require.Equal(t, "map[credited:2 seen:1]", fmt.Sprint(again["outcomes"]))
	for _, id := range ids {
		log, err := audit.List(t.Context(), w.db.Pool, id, 10)
		require.NoError(t, err)
		require.Len(t, log, 1, "a line counts once")
	}
}

func TestEveryLineThatWaitsIsOnAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	statement := "time,amount,id,note\n"
	for i := range 5 {
		statement += fmt.Sprintf("2026-11-20 15:04:05,%d,rrn-%d,SITI\n", 700+i, i)
	}
	w.finance.sendCSV("/statements", statement).data()
	require.Equal(t, "0", fmt.Sprint(w.viewer.get("/statements/lines").data()["count"]), "nothing is in suspense")
	var got []string
	path := "/statements/lines?unmatched=true&limit=2"
	for cursor := ""; ; {
		page := w.operator.get(path + cursor).data()
		for _, l := range page["lines"].([]any) {
			got = append(got, fmt.Sprint(l.(map[string]any)["amount"]))
		}
		next, more := page["next_cursor"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	require.Equal(t, []string{"704", "703", "702", "701", "700"}, got)
	require.NotContains(t, w.viewer.get(path).raw, "SITI")
	require.Contains(t, w.finance.get(path).raw, "SITI")
	w.viewer.get("/statements/lines?cursor=x").refused(400, "invalid_request").detail("cursor")
}

func TestAStatementIsOfOurOwnCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids, statement := w.ownDeposits(w.wallet("MRA-M-1", 1_000), 1)
	w.finance.post("/statements?gateway=static-qriss", statement).refused(400, "invalid_request").detail("gateway")
	w.finance.post("/statements?gateway=hiddenone", statement).refused(400, "invalid_request").detail("gateway")
	var accounts int
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM ledger_accounts WHERE code LIKE '%qriss' OR code = 'clearing:hiddenone'`).Scan(&accounts))
	require.Zero(t, accounts, "a slip makes no account")
	w.finance.post("/statements?gateway=static-qris", statement).data()
	require.Equal(t, "paid", w.finance.get("/deposits/" + ids[0]).data()["state"])

	w.cfg.Deposits.StaticQRIS.Name = "newer-qris" // codes of the name before it may still be paid
	require.Equal(t, "map[seen:1]", fmt.Sprint(w.finance.post("/statements?gateway=static-qris", statement).data()["outcomes"]))
}
