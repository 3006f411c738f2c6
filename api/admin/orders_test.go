package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
)

func TestOrdersOfEveryMerchantArePagedAndSelected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(100_000)
	var placed []string
	for i := range 5 {
		placed = append([]string{s.place(fmt.Sprintf("r%d", i)).PublicID()}, placed...)
		w.clock.pass(time.Millisecond) // ids grow with time
	}
	doubt := s.unknown("doubt").PublicID()
	var seen []string
	cursor := ""
	for {
		data := w.viewer.get("/orders?limit=4&state=queued" + cursor).data()
		for _, o := range data["orders"].([]any) {
			seen = append(seen, o.(map[string]any)["order_id"].(string))
		}
		next, more := data["next_cursor"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	require.Equal(t, placed, seen)
	only := func(query string) string {
		orders := w.viewer.get("/orders?" + query).data()["orders"].([]any)
		require.Len(t, orders, 1, query)
		return orders[0].(map[string]any)["order_id"].(string)
	}
	require.Equal(t, doubt, only("flagged=true"))
	require.Equal(t, doubt, only("state=unknown,processing"))
	require.Equal(t, placed[0], only("merchant="+s.id+"&ref=r4"))
	require.Empty(t, w.viewer.get("/orders?merchant=MRA-M-0000000000").data()["orders"])
	require.Empty(t, w.viewer.get("/orders?upstream=other").data()["orders"])
	w.viewer.get("/orders?ref=r4").refused(http.StatusBadRequest, "invalid_request").detail("ref")
	w.viewer.get("/orders?state=lost").refused(http.StatusBadRequest, "invalid_request")
	w.viewer.get("/orders?limit=0").refused(http.StatusBadRequest, "invalid_request").detail("limit")
}

func TestAnOrderIsShownWithAllEvidenceAndMaskedToViewers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(100_000)
	id := s.unknown("doubt").PublicID()
	full := w.operator.get("/orders/" + id)
	page := full.data()
	require.Equal(t, customer, page["recipient"])
	require.Equal(t, "hiddenone", page["upstream"])
	require.Len(t, page["attempts"], 1)
	require.Len(t, page["events"], 2)
	require.NotEmpty(t, page["entries"])
	w.operator.post("/orders/"+id+"/resolve", `{"as":"completed","sn":"`+receipt+`","why":"their panel shows it for `+customer+`"}`).data()
	full = w.operator.get("/orders/" + id)
	require.Contains(t, full.raw, receipt)
	seen := w.viewer.get("/orders/" + id)
	require.Equal(t, "081******890", seen.data()["recipient"])
	for _, hidden := range []string{customer, receipt} {
		require.NotContains(t, seen.raw, hidden)
		require.NotContains(t, w.viewer.get("/audit").raw, hidden)
		require.NotContains(t, w.viewer.get("/orders").raw, hidden)
	}
	require.Equal(t, "completed", seen.data()["state"])

	const word = "their staff wrote to 0812"
	quoted := s.step(s.step(s.place("quoted"), order.Step{To: order.Sending}), order.Step{To: order.Failed, Flag: word, Alert: word}).PublicID()
	for _, path := range []string{"/orders/" + quoted, "/orders?flagged=true"} {
		require.Contains(t, w.operator.get(path).raw, word)
		require.NotContains(t, w.viewer.get(path).raw, word)
		require.Contains(t, w.viewer.get(path).raw, "its source says something of it")
	}
	w.viewer.get("/orders/PPOB-XXXX").refused(http.StatusBadRequest, "invalid_request").detail("id")
	w.viewer.get("/orders/4711").refused(http.StatusNotFound, "not_found")
}

func TestAnOperatorSettlesAnOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(100_000)
	o := s.unknown("doubt")
	require.EqualValues(t, 95_000, s.balance())
	row := w.operator.post("/orders/"+o.PublicID()+"/resolve", `{"as":"failed","why":"nothing arrived"}`).data()
	require.Equal(t, "failed", row["state"])
	require.Equal(t, "5000", fmt.Sprint(row["refunded"]))
	require.EqualValues(t, 100_000, s.balance())
	e := w.audited(o.PublicID())
	require.Equal(t, "order.resolve", e.Action)
	require.Equal(t, "token:o", e.Actor)
	for i, body := range []string{
		``, `{}`, `{"as":"failed"}`, `{"as":"lost","why":"x"}`, `{"as":"failed","why":" "}`, `{"as":"failed","why":"x","sn":"1"}`, `{"as":"failed","why":"x","remains":3}`,
		`{"as":"partial","why":"x"}`, `{"as":"failed","why":"x","unknown":1}`, `{`,
	} {
		w.operator.post("/orders/"+s.unknown(fmt.Sprintf("d%d", i)).PublicID()+"/resolve", body).refused(http.StatusBadRequest, "invalid_request")
	}
	s.proven()
}

func TestAFlagIsTakenAwayOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(100_000)
	o := s.step(s.step(s.place("late"), order.Step{To: order.Sending}), order.Step{To: order.Failed, Flag: "look"})
	path := "/orders/" + o.PublicID() + "/seen"
	require.Empty(t, w.operator.post(path, `{"why":"all is well"}`).data()["flag"])
	require.Equal(t, "order.seen", w.audited(o.PublicID()).Action)
	before := w.changes()
	require.Equal(t, "failed", w.operator.post(path, `{"why":"again"}`).refused(http.StatusConflict, "conflict").detail("state"))
	require.Equal(t, before, w.changes())
}

// Operators who decide otherwise about one order at the same moment: one decision counts,
// its money moves once, and the others read what is so now.
func TestOfManyDecisionsAboutOneOrderOneCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(100_000)
	for round := range 5 {
		o := s.unknown(fmt.Sprintf("doubt%d", round))
		before := s.balance()
		changes := w.changes()
		replies := make([]*reply, 12)
		var all sync.WaitGroup
		for i := range replies {
			as := []string{"completed", "failed"}[i%2]
			all.Go(func() {
				replies[i] = w.operator.post("/orders/"+o.PublicID()+"/resolve", `{"as":"`+as+`","why":"I looked"}`)
			})
		}
		all.Wait()
		ended, err := w.office.OrderState(t.Context(), o.PublicID())
		require.NoError(t, err)
		won := 0
		for i, r := range replies {
			if r.status == http.StatusOK {
				won++
				require.Equal(t, []string{"completed", "failed"}[i%2], r.data()["state"])
				continue
			}
			r.refused(http.StatusConflict, "conflict")
			require.Contains(t, []string{"completed", "failed", "unknown"}, r.detail("state"), "it may have been read a moment before the end")
		}
		// A failed order may yet be found to have been delivered: that is a second decision on purpose, and
		// its cost is ours, since the merchant keeps what was given back.
		require.Equal(t, changes+won, w.changes())
		require.GreaterOrEqual(t, won, 1)
		require.LessOrEqual(t, won, 2)
		refund := map[string]int64{"failed": 5_000}[ended]
		if won == 2 {
			require.Equal(t, "completed", ended)
			refund = 5_000
		}
		require.Equal(t, before+refund, s.balance())
	}
	s.proven()
}

func TestNoAnswerHoldsASecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openShop(100_000)
	o := s.unknown("doubt")
	created := w.operator.post("/merchants", `{"name":"Toko Dua"}`)
	require.NotContains(t, created.raw, "webhook_secret")
	var hashes []string
	for _, sql := range []string{`SELECT encode(hash, 'hex') FROM api_keys`, `SELECT encode(hash, 'hex') FROM admin_tokens`, `SELECT encode(hash, 'base64') FROM api_keys`} {
		rows, err := w.db.Pool.Query(t.Context(), sql)
		require.NoError(t, err)
		for rows.Next() {
			var hash string
			require.NoError(t, rows.Scan(&hash))
			hashes = append(hashes, hash)
		}
		require.NoError(t, rows.Err())
	}
	secrets := append(hashes, "sekretcredential", "whsec_", strings.Repeat("07", 32), s.key, created.data()["key"].(string), w.viewer.secret, w.operator.secret, w.finance.secret)
	things := map[string]string{"/orders/{id}": o.PublicID(), "/merchants/{id}": s.id, "/merchants/{id}/keys": s.id, "/merchants/{id}/limits": s.id, "/merchants/{id}/statement": s.id, "/upstreams/{name}": "hiddenone"}
	for _, operation := range operations(t) {
		method, path, _ := strings.Cut(operation, " ")
		if method != http.MethodGet {
			continue
		}
		if thing, named := things[path]; named {
			path = parameter.ReplaceAllString(path, thing)
		}
		r := w.finance.get(path)
		for _, secret := range secrets {
			require.NotContains(t, r.raw, secret, path)
		}
	}
}
