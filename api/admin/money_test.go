package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/token"
	"github.com/muarahq/muara/pkg/withdraw"
)

// wallet opens a merchant's wallet that holds so much.
func (w *world) wallet(merchant string, balance int64) (id int64) {
	w.t.Helper()
	ctx := w.t.Context()
	now := w.clock.Now()
	require.NoError(w.t, pgx.BeginFunc(ctx, w.db.Pool, func(tx pgx.Tx) (err error) {
		_, err = tx.Exec(ctx, `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ($1, $1, 'active', 1, '{}', $2, $2)`, merchant, now)
		if err != nil {
			return err
		}
		if id, err = ledger.CreateWallet(ctx, tx, merchant, "live", now); err != nil {
			return err
		}
		_, err = ledger.Adjust(ctx, tx, ledger.NewAccounts(w.db.Pool), id, balance, "opening", "test", now)
		return err
	}))
	return id
}

// invoices gives every deposit its invoice.
type invoices struct{ w *world }

func (g invoices) AskDeposit(ctx context.Context, gateway, _ string, id int64, attempt int) (string, error) {
	row, err := g.w.till.Deposits.Claim(ctx, id, attempt, gateway)
	if err != nil {
		return "", err
	}
	text, err := qris.Payload{{Tag: "00", Value: "01"}, {Tag: "54", Value: fmt.Sprint(row.Asked)}}.Text()
	if err != nil {
		return "", err
	}
	_, err = g.w.till.Deposits.Opened(ctx, id, attempt, &deposit.Invoice{UpstreamRef: fmt.Sprint("I", id), QR: text})
	return deposit.Done, err
}

// suspended is a deposit whose payer paid another amount.
func (w *world) suspended(wallet int64) string {
	w.t.Helper()
	o := deposit.Opener{
		Keeper: w.till.Deposits, Ask: invoices{w}, Log: w.till.Deposits.Log,
		Policy: deposit.Policy{Live: []deposit.Gateway{{Name: "hiddenone"}}, Patience: 5e9, Share: 1e9},
	}
	d, err := o.Open(w.t.Context(), &deposit.Request{WalletID: wallet, Mode: "live", Amount: 50_000})
	require.NoError(w.t, err)
	came := int64(49_000)
	_, err = w.till.Deposits.See(w.t.Context(), d.ID, deposit.Sighting{Seen: deposit.SeenPaid, Paid: &came, Detail: "by SITI AMINAH"})
	require.NoError(w.t, err)
	return deposit.PublicID(w.cfg.Brand.IDPrefix, d.ID)
}

func (w *world) withdrawal(wallet int64, ref string) string {
	w.t.Helper()
	p, _, err := w.till.Payouts.Place(w.t.Context(), &withdraw.Request{
		WalletID: wallet, Mode: "live", Ref: ref, Amount: 20_000, Method: "dana", AccountNumber: "081234567890", AccountName: "BUDI SANTOSO",
	})
	require.NoError(w.t, err)
	return withdraw.PublicID(w.cfg.Brand.IDPrefix, p.ID)
}

// race sends calls at once and counts what they were answered.
func (w *world) race(calls ...func() *reply) map[int]int {
	w.t.Helper()
	got := map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, call := range calls {
		all.Go(func() {
			r := call()
			mu.Lock()
			defer mu.Unlock()
			got[r.status]++
		})
	}
	all.Wait()
	return got
}

func TestAPaymentInSuspenseIsCreditedOrReturnedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wallet := w.wallet("MRA-M-1", 100_000)
	id := w.suspended(wallet)
	list := w.finance.get("/deposits?flagged=true&state=suspense").data()
	require.Equal(t, "1", fmt.Sprint(list["count"]))
	require.Nil(t, list["next_cursor"])
	require.Contains(t, w.finance.get("/deposits/"+id).raw, "SITI AMINAH")
	seen := w.viewer.get("/deposits/" + id)
	require.Equal(t, "suspense", seen.data()["state"])
	require.NotContains(t, seen.raw, "SITI AMINAH")
	before := w.changes()
	credit := func() *reply { return w.finance.post("/deposits/"+id+"/credit", `{"why":"the bank says so"}`) }
	back := func() *reply { return w.finance.post("/deposits/"+id+"/return", `{"why":"given back"}`) }
	require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusConflict: 5}, w.race(credit, back, credit, back, credit, back))
	require.Equal(t, before+1, w.changes(), "what was refused left nothing")
	require.Equal(t, "token:f", w.audited(id).Actor)
	state := w.finance.get("/deposits/" + id).data()["state"].(string)
	require.Contains(t, []string{"paid", "canceled"}, state)
	require.Equal(t, state, credit().refused(http.StatusConflict, "conflict").detail("state"))
	w.finance.post("/deposits/"+id+"/expire", `{"why":"nothing came"}`).refused(http.StatusConflict, "conflict")
	w.finance.post("/deposits/"+id+"/credit", `{"why":""}`).refused(http.StatusBadRequest, "invalid_request")
	w.finance.post("/deposits/MRA-DP-0000000000001/credit", `{"why":"x"}`).refused(http.StatusNotFound, "not_found")
	w.finance.get("/deposits/odd").refused(http.StatusBadRequest, "invalid_request").detail("id")
	w.suspended(wallet)
	page := w.operator.get("/deposits?limit=1").data()
	require.Equal(t, "1", fmt.Sprint(page["count"]))
	next := w.operator.get("/deposits?limit=1&cursor=" + page["next_cursor"].(string)).data()
	require.Equal(t, id, next["deposits"].([]any)[0].(map[string]any)["deposit_id"])
	require.Nil(t, next["next_cursor"])
}

func TestAWithdrawalTakesTwoTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wallet := w.wallet("MRA-M-1", 100_000)
	id := w.withdrawal(wallet, "wd-1")
	seen := w.viewer.get("/withdrawals?state=pending")
	require.Equal(t, "1", fmt.Sprint(seen.data()["count"]))
	for _, r := range []*reply{seen, w.viewer.get("/withdrawals/" + id)} {
		require.NotContains(t, r.raw, "081234567890")
		require.NotContains(t, r.raw, "BUDI SANTOSO")
	}
	require.Equal(t, "BUDI SANTOSO", w.operator.get("/withdrawals/" + id).data()["account_name"])
	approve := func(c *client) *reply { return c.post("/withdrawals/"+id+"/approve", `{}`) }
	require.Equal(t, "pending", approve(w.finance).data()["state"])
	require.Equal(t, "pending", approve(w.finance).refused(http.StatusConflict, "conflict").detail("state"), "one token is one person")
	approve(w.operator).refused(http.StatusForbidden, "forbidden")
	other := w.token("f2", token.Finance)
	done := approve(other).data()
	require.Equal(t, "approved", done["state"])
	require.Len(t, done["approvals"], 2)
	require.Equal(t, "token:f2", w.audited(id).Actor)
	require.Equal(t, "success", w.finance.post("/withdrawals/"+id+"/resolve", `{"as":"success","why":"by hand"}`).data()["state"])
	w.finance.post("/withdrawals/"+id+"/resolve", `{"as":"lost","why":"x"}`).refused(http.StatusBadRequest, "invalid_request")
	w.operator.post("/withdrawals/"+id+"/seen", `{"why":"looked"}`).refused(http.StatusConflict, "conflict")
}

func TestOfApprovalAndRejectionAtOnceOneHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wallet := w.wallet("MRA-M-1", 200_000)
	other := w.token("f2", token.Finance)
	for i := range 4 {
		id := w.withdrawal(wallet, fmt.Sprint("wd-", i))
		w.finance.post("/withdrawals/"+id+"/approve", `{}`).data()
		reject := func() *reply { return w.finance.post("/withdrawals/"+id+"/reject", `{"why":"not theirs"}`) }
		got := w.race(reject, reject, reject)
		require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusConflict: 2}, got)
		require.Equal(t, "rejected", other.post("/withdrawals/"+id+"/approve", `{}`).refused(http.StatusConflict, "conflict").detail("state"))

		id = w.withdrawal(wallet, fmt.Sprint("both-", i))
		w.finance.post("/withdrawals/"+id+"/approve", `{}`).data()
		got = w.race(
			func() *reply { return other.post("/withdrawals/"+id+"/approve", `{}`) },
			func() *reply { return w.finance.post("/withdrawals/"+id+"/reject", `{"why":"not theirs"}`) },
		)
		require.Zero(t, got[http.StatusInternalServerError])
		require.Equal(t, "rejected", w.finance.get("/withdrawals/" + id).data()["state"], "the rejection came first, or took back what was not sent")
	}
	r, err := ledger.Verify(t.Context(), w.db.Pool, withdraw.Checks()...)
	require.NoError(t, err)
	require.Empty(t, r.Problems)
}
