package api_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/withdraw"
)

func payouts(pool *pgxpool.Pool, accounts *ledger.Accounts, now func() time.Time) *withdraw.Keeper {
	return withdraw.New(withdraw.Options{
		Pool: pool, Accounts: accounts, Now: now, Log: slog.New(slog.DiscardHandler), IDPrefix: "MRA",
		Policy: withdraw.Policy{FeeFixed: 1_000, Live: withdraw.Way{Gateway: "hiddengate", Approvals: 1}, Test: withdraw.Way{Gateway: "hiddenbox"}},
	})
}

// out is a body of POST /withdraw.
func out(ref string, edit ...string) string {
	body := `{"ref":"` + ref + `","amount":100000,"method":"dana","account_number":"081234567890","account_name":"John Doe"}`
	for i := 0; i+1 < len(edit); i += 2 {
		body = strings.Replace(body, edit[i], edit[i+1], 1)
	}
	return body
}

// through takes a withdrawal through its gateway.
func (w *world) through(id string, word withdraw.Word) {
	w.t.Helper()
	k := payouts(w.db.Pool, ledger.NewAccounts(w.db.Pool), w.clock.Now)
	n, ok := withdraw.ParseID(id)
	require.True(w.t, ok)
	_, err := k.Approve(w.t.Context(), n, withdraw.Decision{Actor: "test"})
	require.NoError(w.t, err)
	row, err := k.Claim(w.t.Context(), n, "claim", time.Minute)
	require.NoError(w.t, err)
	_, err = k.Heard(w.t.Context(), n, withdraw.Answer{Word: word, Attempt: row.Attempt, UpstreamRef: "HIDDENPAY" + id, Detail: "hiddengate says so"})
	require.NoError(w.t, err)
}

func TestAWithdrawalIsAskedForAndFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	d := c.post("/withdraw", out("wd-1")).data()
	id := d["withdraw_id"].(string)
	require.Regexp(t, `^MRA-WD-[0-9A-HJKMNP-TV-Z]{13}$`, id)
	for field, want := range map[string]int64{"amount": 100_000, "fee": 1_000, "total_deduct": 101_000, "balance": 899_000} {
		require.Equal(t, want, num(d[field]), field)
	}
	for field, want := range map[string]any{
		"ref": "wd-1", "status": "pending", "method": "dana", "account_number": "081234567890", "account_name": "John Doe", "processed_at": nil, "message": nil,
	} {
		require.Contains(t, d, field)
		require.Equal(t, want, d[field], field)
	}
	require.NotEmpty(t, d["created_at"])
	w.through(id, withdraw.Waiting)
	require.Equal(t, "processing", c.get("/withdraw/" + id).data()["status"])
	require.Equal(t, "processing", c.get("/withdraw/wd-1").data()["status"], "by its ref, too")

	back := c.post("/withdraw", out("wd-2")).data()["withdraw_id"].(string)
	w.through(back, withdraw.Failed)
	got := c.get("/withdraw/" + back).data()
	require.Equal(t, "rejected", got["status"])
	require.NotEmpty(t, got["message"])
	require.NotNil(t, got["processed_at"])
	require.EqualValues(t, 899_000, num(got["balance"]), "given back with the fee")
	var kinds []string
	for _, m := range c.get("/mutations").data()["mutations"].([]any) {
		row := m.(map[string]any)
		kinds = append(kinds, fmt.Sprint(row["kind"], " ", row["ref"]))
	}
	require.Equal(t, []string{"withdraw_refund wd-2", "withdraw wd-2", "withdraw wd-1", "adjustment <nil>"}, kinds)

	first, row := c.post("/withdraw", out("wd-1")).data(), c.get("/withdrawals?status=processing").data()["withdrawals"].([]any)[0].(map[string]any)
	require.Equal(t, first, row, "the same fields, flat")
}

func TestAWithdrawalsRefIsItsIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(150_000)
	var wg sync.WaitGroup
	answers := make([]*reply, 20)
	for i := range answers {
		wg.Go(func() {
			answers[i] = c.on(i%2).post("/withdraw", out("wd-1", `"dana"`, `"DANA"`, `}`, `,"extra":true}`))
		})
	}
	wg.Wait()
	for _, a := range answers {
		require.Equal(t, answers[0].data()["withdraw_id"], a.data()["withdraw_id"])
	}
	require.EqualValues(t, 49_000, c.balance())
	for _, change := range [][2]string{{"100000", "100001"}, {"081234567890", "081234567891"}, {"John", "Jane"}} {
		c.post("/withdraw", out("wd-1", change[0], change[1])).refused(http.StatusConflict, "ref_conflict")
	}
	c.post("/withdraw", out("wd-2")).refused(http.StatusPaymentRequired, "insufficient_balance")
	c.get("/withdraw/wd-2").refused(http.StatusNotFound, "not_found")
	require.EqualValues(t, 49_000, c.balance())
	require.Equal(t, "pending", c.post("/withdraw", out("wd-2", "100000", "48000")).data()["status"], "a refused one leaves its ref free")
	require.Zero(t, c.balance())
	other := w.merchant(150_000)
	other.get("/withdraw/"+answers[0].data()["withdraw_id"].(string)).refused(http.StatusNotFound, "not_found")
}

func TestAWithdrawalThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	c := newWorld(t).merchant(1_000_000)
	for field, edits := range map[string][][2]string{
		"ref":            {{`"ref":"wd-1",`, ``}, {`wd-1`, `w d`}, {`"wd-1"`, `7`}},
		"amount":         {{`"amount":100000,`, ``}, {`100000`, `9999`}, {`100000`, `10000001`}, {`100000`, `"100000"`}, {`100000`, `1.5`}},
		"method":         {{`"method":"dana",`, ``}, {`"dana"`, `"ovo"`}, {`"dana"`, `null`}},
		"account_number": {{`"account_number":"081234567890",`, ``}, {`081234567890`, `0812-3456`}, {`081234567890`, `0812`}, {`"081234567890"`, `81234567890`}},
		"account_name":   {{`,"account_name":"John Doe"`, ``}, {`John Doe`, strings.Repeat("x", 101)}, {`John Doe`, ` `}},
	} {
		for _, e := range edits {
			c.post("/withdraw", out("wd-1", e[0], e[1])).invalid(field)
		}
	}
	c.get("/withdraw/MRA-WD-0000000000000").refused(http.StatusNotFound, "not_found")
	c.get("/withdrawals?status=sent").invalid("status")
	require.EqualValues(t, 1_000_000, c.balance())
}

func TestWithdrawalsAreListedInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	for i := range 5 {
		c.post("/withdraw", out(fmt.Sprint("wd-", i), "100000", "10000"))
		w.clock.set(w.clock.Now().Add(time.Second))
	}
	var seen []string
	path := "/withdrawals?limit=2"
	for path != "" {
		page := c.get(path).data()
		for _, r := range page["withdrawals"].([]any) {
			seen = append(seen, r.(map[string]any)["ref"].(string))
		}
		path = ""
		if next, ok := page["next_cursor"].(string); ok {
			path = "/withdrawals?limit=2&cursor=" + next
		}
	}
	require.Equal(t, []string{"wd-4", "wd-3", "wd-2", "wd-1", "wd-0"}, seen)
	require.Len(t, c.get("/withdrawals?status=pending").data()["withdrawals"], 5)
	require.Empty(t, c.get("/withdrawals?from=2099-01-01").data()["withdrawals"])
	c.get("/withdrawals?cursor=" + "odd").invalid("cursor")
}

func TestAWithdrawalsEventsNameItAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(1_000_000)
	c.send(http.MethodPut, "/api/v1/webhook", `{"url":"https://merchant.example/hook"}`).data()
	id := c.post("/withdraw", out("wd-1")).data()["withdraw_id"].(string)
	w.through(id, withdraw.Paid)
	all := c.get("/webhook/deliveries")
	require.NotContains(t, strings.ToLower(all.raw), "hidden")
	rows := all.data()["deliveries"].([]any)
	require.Len(t, rows, 2, "approved and paid out; to be sent is no change to a merchant: "+all.raw)
	for _, r := range rows {
		require.Equal(t, "withdraw.updated", r.(map[string]any)["type"])
		require.Equal(t, id, r.(map[string]any)["subject"])
	}
}
