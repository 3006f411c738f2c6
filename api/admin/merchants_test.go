package admin_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/merchant"
)

func TestAMerchantsLifeByTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.finance.post("/merchants", `{"name":"Toko","tier":2,"ip_whitelist":["10.0.0.0/8","2001:db8::1"],"mode":"test"}`).data()
	id := made["merchant_id"].(string)
	require.Regexp(t, `^mra_test_`, made["key"])
	require.Equal(t, "token:f", w.audited(id).Actor)
	path := "/merchants/" + id
	m := w.viewer.get(path).data()
	require.Equal(t, "Toko", m["name"])
	require.Equal(t, "Silver", m["tier_name"])
	require.Equal(t, []any{"10.0.0.0/8", "2001:db8::1/128"}, m["ip_whitelist"])
	require.Equal(t, "1", fmt.Sprint(w.viewer.get("/merchants").data()["count"]))

	require.Equal(t, "suspended", w.operator.post(path+"/suspend", "").data()["status"])
	require.Equal(t, "merchant.suspend", w.audited(id).Action)
	require.Equal(t, "active", w.operator.post(path+"/resume", "").data()["status"])
	require.Equal(t, "3", fmt.Sprint(w.finance.send(http.MethodPut, path+"/tier", `{"tier":3,"hold":true}`).data()["tier"]))
	w.finance.send(http.MethodPut, path+"/tier", `{"tier":99}`).refused(http.StatusBadRequest, "invalid_request")
	require.Equal(t, []any{"192.0.2.7/32"}, w.operator.send(http.MethodPut, path+"/ip", `{"ip_whitelist":["192.0.2.7"]}`).data()["ip_whitelist"])
	w.operator.send(http.MethodPut, path+"/ip", `{"ip_whitelist":["nonsense"]}`).refused(http.StatusBadRequest, "invalid_request")
	require.Equal(t, "merchant.ip", w.audited(id).Action)

	limits := w.operator.send(http.MethodPut, path+"/limits", `{"per_order":50000}`).data()["limits"].(map[string]any)
	require.Equal(t, "50000", fmt.Sprint(limits["per_order"]))
	require.Equal(t, "merchant.limit", w.audited(id).Action)
	before := w.changes()
	require.Equal(t, limits, w.viewer.get(path + "/limits").data()["limits"])
	require.Equal(t, before, w.changes(), "reading changes nothing")
	require.Equal(t, "0", fmt.Sprint(w.viewer.get(path + "/limits?mode=test").data()["limits"].(map[string]any)["per_order"]))

	w.operator.post("/merchants", `{"name":""}`).refused(http.StatusBadRequest, "invalid_request").detail("name")
	for _, operation := range []string{"suspend", "resume", "keys"} {
		w.finance.post("/merchants/MRA-M-0000000000/"+operation, map[string]string{"keys": `{"name":"x"}`}[operation]).refused(http.StatusNotFound, "not_found")
	}
	w.viewer.get("/merchants/MRA-M-0000000000").refused(http.StatusNotFound, "not_found")
	require.Equal(t, "4", fmt.Sprint(len(w.viewer.get("/tiers").data()["tiers"].([]any))))
}

func TestMerchantsArePagedNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var made []string
	for i := range 5 {
		made = append(made, w.operator.post("/merchants", fmt.Sprintf(`{"name":"Toko %d"}`, i)).data()["merchant_id"].(string))
	}
	w.exec(`UPDATE wallets SET balance = balance + 7 WHERE mode = 'live' AND merchant_id = $1`, made[3])
	var seen []string
	path, pages := "/merchants?limit=2", 0
	for path != "" {
		data := w.viewer.get(path).data()
		for _, m := range data["merchants"].([]any) {
			row := m.(map[string]any)
			seen = append(seen, row["merchant_id"].(string))
			require.Equal(t, map[bool]string{true: "7", false: "0"}[row["merchant_id"] == made[3]], fmt.Sprint(row["balance"]))
			require.Equal(t, "10000000", fmt.Sprint(row["test_balance"]))
		}
		path, pages = "", pages+1
		if next, ok := data["next_cursor"].(string); ok {
			path = "/merchants?limit=2&cursor=" + next
		}
		// One that is made meanwhile shifts nothing.
		w.operator.post("/merchants", `{"name":"meanwhile"}`).data()
	}
	slices.Reverse(made)
	require.Equal(t, made, seen)
	require.Equal(t, 3, pages)
	w.viewer.get("/merchants?cursor=x").refused(http.StatusBadRequest, "invalid_request").detail("cursor")
	w.viewer.get("/merchants?limit=0").refused(http.StatusBadRequest, "invalid_request").detail("limit")
	other := w.operator.get("/audit?limit=1").data()["next_cursor"].(string)
	w.viewer.get("/merchants?cursor="+other).refused(http.StatusBadRequest, "invalid_request").detail("cursor")
}

// TestAMissingFieldIsNamed pins what details say of a body that lacks something: the field's own name.
func TestAMissingFieldIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(1)
	r := w.finance.post("/merchants/"+s.id+"/credit", `{}`).refused(http.StatusBadRequest, "invalid_request")
	require.Equal(t, "is required", r.detail("amount"))
	require.Equal(t, "is required", r.detail("note"))
	require.Equal(t, "is required", r.detail("ref"))
	require.Contains(t, r.raw, `"error":"amount: is required"`)
	require.NotContains(t, r.raw, `"field":"body"`)
	require.Equal(t, "is required", w.finance.post("/merchants/"+s.id+"/credit", `{"amount":1}`).refused(http.StatusBadRequest, "invalid_request").detail("note"))
	require.Equal(t, "is required", w.operator.send(http.MethodPut, "/merchants/"+s.id+"/ip", `{}`).refused(http.StatusBadRequest, "invalid_request").detail("ip_whitelist"))
	// What is there and wrong, or is nobody's, is named as before; a body that is none is the body's fault.
	w.operator.post("/merchants", `{"name":""}`).refused(http.StatusBadRequest, "invalid_request").detail("name")
	require.Equal(t, "unexpected property", w.operator.post("/merchants", `{"name":"x","colour":1}`).refused(http.StatusBadRequest, "invalid_request").detail("colour"))
	w.operator.post("/merchants", `[]`).refused(http.StatusBadRequest, "invalid_request").detail("body")
}

func TestKeysAreShownOnceAndRevokedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(1)
	w.operator.post("/merchants/"+s.id+"/keys", `{"name":"second"}`).refused(http.StatusForbidden, "forbidden")
	made := w.finance.post("/merchants/"+s.id+"/keys", `{"name":"second"}`).data()
	require.Regexp(t, `^mra_live_`, made["key"])
	list := w.viewer.get("/merchants/" + s.id + "/keys")
	require.Len(t, list.data()["keys"], 2)
	require.NotContains(t, list.raw, made["key"])
	auth := merchant.NewAuthenticator(w.db.Pool, "mra", time.Now)
	_, err := auth.Authenticate(t.Context(), made["key"].(string))
	require.NoError(t, err)
	path := fmt.Sprintf("/keys/%v/revoke", made["key_id"])
	require.Equal(t, true, w.operator.post(path, "").data()["revoked"])
	require.Equal(t, "key.revoke", w.audited(s.id).Action)
	_, err = merchant.NewAuthenticator(w.db.Pool, "mra", time.Now).Authenticate(t.Context(), made["key"].(string))
	require.ErrorIs(t, err, merchant.ErrUnauthorized)
	require.Equal(t, "revoked", w.operator.post(path, "").refused(http.StatusConflict, "conflict").detail("state"))
	w.operator.post("/keys/999/revoke", "").refused(http.StatusNotFound, "not_found")
}

func TestMoneyIsMovedByFinanceAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(10_000)
	path := "/merchants/" + s.id
	w.operator.post(path+"/credit", `{"amount":5000,"ref":"gift-1","note":"a gift"}`).refused(http.StatusForbidden, "forbidden")
	require.EqualValues(t, 10_000, s.balance())
	require.Equal(t, "15000", fmt.Sprint(w.finance.post(path+"/credit", `{"amount":5000,"ref":"gift-1","note":"a gift"}`).data()["balance"]))
	e := w.audited(s.id)
	require.Equal(t, "merchant.credit", e.Action)
	require.Equal(t, "token:f", e.Actor)
	taken := w.finance.post(path+"/debit", `{"amount":1000,"ref":"fee-1","note":"a fee"}`).data()
	require.Equal(t, "-1000", fmt.Sprint(taken["amount"]))
	require.Equal(t, "14000", fmt.Sprint(taken["balance"]))
	before := w.changes()
	w.finance.post(path+"/debit", `{"amount":14001,"ref":"fee-2","note":"too much"}`).refused(http.StatusConflict, "insufficient_balance")
	for _, body := range []string{
		`{"amount":0,"ref":"r","note":"x"}`, `{"amount":-5,"ref":"r","note":"x"}`, `{"amount":5,"ref":"r"}`, `{"amount":5,"ref":"r","note":"  "}`, `{"amount":1.5,"ref":"r","note":"x"}`,
		`{"amount":5,"ref":"r","note":"x","mode":"x"}`, `{"amount":5,"note":"x"}`, `{"amount":5,"ref":"","note":"x"}`, `{"amount":5,"ref":" r","note":"x"}`,
	} {
		w.finance.post(path+"/credit", body).refused(http.StatusBadRequest, "invalid_request")
	}
	w.finance.post("/merchants/MRA-M-0000000000/credit", `{"amount":5,"ref":"r","note":"x"}`).refused(http.StatusNotFound, "not_found")
	require.Equal(t, before, w.changes(), "what was refused left nothing")

	st := w.viewer.get(path + "/statement").data()
	require.Equal(t, "14000", fmt.Sprint(st["closing"]))
	require.Len(t, st["mutations"], 3)
	require.NotContains(t, w.viewer.get(path+"/statement").raw, "a fee", "what operators wrote is for operators")
	require.Contains(t, w.operator.get(path+"/statement").raw, "a fee")
	require.Empty(t, w.viewer.get(path + "/statement?to=2020-01-01").data()["mutations"])
	w.viewer.get(path+"/statement?from=x").refused(http.StatusBadRequest, "invalid_request").detail("from")
	books := w.operator.get("/ledger/verify").data()
	require.Equal(t, true, books["clean"])
	w.viewer.get("/ledger/verify").refused(http.StatusForbidden, "forbidden")
}

func TestWhatLetsMoreMoneyOutIsFinances(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/merchants/" + w.openShop(1).id
	put := func(c *client, below, body string) *reply { return c.send(http.MethodPut, path+below, body) }
	put(w.operator, "/limits", `{"per_order":50000,"per_day":900000}`).data()
	put(w.operator, "/limits", `{"per_order":40000}`).data()
	before := w.changes()
	for below, bodies := range map[string][]string{
		"/limits": {`{"per_order":40001}`, `{"per_day":0}`, `{"per_order":100,"per_day":900001}`},
		"/ip":     {`{"ip_whitelist":[]}`, `{"ip_whitelist":["192.0.2.1","0.0.0.0/1"]}`, `{"ip_whitelist":["::/0"]}`},
		"/tier":   {`{"tier":2}`},
	} {
		for _, body := range bodies {
			put(w.operator, below, body).refused(http.StatusForbidden, "forbidden")
		}
	}
	w.operator.post("/merchants", `{"name":"Toko","tier":2}`).refused(http.StatusForbidden, "forbidden")
	require.Equal(t, before, w.changes())
	put(w.operator, "/ip", `{"ip_whitelist":["192.0.2.0/24","10.0.0.0/8","2001:db8::/32"]}`).data()
	w.operator.post(path+"/keys", `{"name":"test","mode":"test"}`).data()
	put(w.finance, "/limits", `{"per_order":40001,"per_day":0}`).data()
	put(w.finance, "/ip", `{"ip_whitelist":[]}`).data()
	put(w.finance, "/tier", `{"tier":2}`).data()
	w.finance.post("/merchants", `{"name":"Toko","tier":2}`).data()
}

func TestAnAdjustmentIsDoneOnceForItsRef(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(10_000)
	path := "/merchants/" + s.id
	before := w.changes()
	credit := func() *reply { return w.finance.post(path+"/credit", `{"amount":5000,"ref":"gift-1","note":"a gift"}`) }
	require.Equal(t, map[int]int{http.StatusOK: 5}, w.race(credit, credit, credit, credit, credit))
	require.EqualValues(t, 15_000, s.balance())
	require.Equal(t, before+1, w.changes())
	w.finance.post(path+"/debit", `{"amount":1000,"ref":"fee-1","note":"a fee"}`).data()
	again := credit().data()
	require.Equal(t, "15000", fmt.Sprint(again["balance"]), "the first one's answer, whatever was since")
	require.Equal(t, "gift-1", again["ref"])
	for _, r := range []*reply{
		w.finance.post(path+"/credit", `{"amount":5001,"ref":"gift-1","note":"a gift"}`), w.finance.post(path+"/credit", `{"amount":5000,"ref":"gift-1","note":"another"}`),
		w.finance.post(path+"/debit", `{"amount":5000,"ref":"gift-1","note":"a gift"}`),
	} {
		require.Contains(t, r.refused(http.StatusConflict, "conflict").raw, "5000 rupiah")
	}
	require.EqualValues(t, 14_000, s.balance())
	test := w.finance.post(path+"/credit", `{"amount":5000,"ref":"gift-1","note":"a gift","mode":"test"}`).data()
	require.Equal(t, "10005000", fmt.Sprint(test["balance"]), "another wallet")
	s.proven()
}

func TestWhatNobodyClassifiedMayHaveBeenDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(10_000)
	w.exec(`ALTER TABLE audit_log RENAME TO elsewhere`)
	r := w.finance.post("/merchants/"+s.id+"/credit", `{"amount":5000,"ref":"gift-1","note":"a gift"}`).refused(http.StatusInternalServerError, "internal_error")
	require.Contains(t, r.raw, "read what became of it")
	require.NotContains(t, r.raw, "is safe")
	w.exec(`ALTER TABLE elsewhere RENAME TO audit_log`)
	require.EqualValues(t, 10_000, s.balance())
}

func TestABalanceIsNeverTakenTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(10_000)
	done := 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if r := w.finance.post("/merchants/"+s.id+"/debit", fmt.Sprintf(`{"amount":3000,"ref":"d-%d","note":"x"}`, i)); r.status == http.StatusOK {
				mu.Lock()
				defer mu.Unlock()
				done++
			} else {
				r.refused(http.StatusConflict, "insufficient_balance")
			}
		})
	}
	all.Wait()
	require.Equal(t, 3, done)
	require.EqualValues(t, 1_000, s.balance())
	s.proven()
}

func TestAnUpstreamIsPausedAndResumed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(100_000)
	s.unknown("doubt")
	s.place("queued")
	w.exec(`UPDATE upstreams SET balance = 9600, balance_at = now()`)
	list := w.viewer.get("/upstreams").data()["upstreams"].([]any)
	require.Len(t, list, 1)
	require.Equal(t, true, list[0].(map[string]any)["configured"])
	page := w.viewer.get("/upstreams/hiddenone").data()
	require.Equal(t, "1", fmt.Sprint(page["open_orders"].(map[string]any)["unknown"]))
	require.Equal(t, "1", fmt.Sprint(page["flagged_orders"]))
	require.Equal(t, "5", fmt.Sprint(page["budget"].(map[string]any)["requests"]))
	require.NotContains(t, page, "callback_url")

	row := w.operator.post("/upstreams/hiddenone/pause", `{"why":"their prices are odd"}`).data()
	require.Equal(t, true, row["paused"])
	require.Equal(t, "their prices are odd", row["paused_why"])
	require.Equal(t, "upstream.pause", w.audited("hiddenone").Action)
	require.Equal(t, "token:o", w.audited("hiddenone").Actor)
	w.operator.post("/upstreams/hiddenone/pause", `{"why":""}`).refused(http.StatusBadRequest, "invalid_request").detail("why")
	w.operator.post("/upstreams/hiddenone/pause", `{}`).refused(http.StatusBadRequest, "invalid_request")
	require.Equal(t, false, w.operator.post("/upstreams/hiddenone/resume", "").data()["paused"])
	require.Equal(t, "upstream.resume", w.audited("hiddenone").Action)
	for _, r := range []*reply{w.viewer.get("/upstreams/other"), w.operator.post("/upstreams/other/pause", `{"why":"x"}`), w.operator.post("/upstreams/other/resume", "")} {
		r.refused(http.StatusNotFound, "not_found")
	}
}
