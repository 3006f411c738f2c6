package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTiersAndMarkupsAreFinances(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tiers := w.finance.send(http.MethodPut, "/tiers/2", `{"name":"Perak","min_orders":400}`).data()["tiers"].([]any)
	require.Equal(t, "Perak", tiers[1].(map[string]any)["name"])
	e := w.audited("tier 2")
	require.Equal(t, "tier.set", e.Action)
	require.Equal(t, "token:f", e.Actor)
	w.finance.send(http.MethodPut, "/tiers/1", `{"min_orders":401}`).refused(http.StatusBadRequest, "invalid_request")
	w.finance.send(http.MethodPut, "/tiers/2", `{}`).refused(http.StatusBadRequest, "invalid_request")
	w.finance.send(http.MethodPut, "/tiers/2", `{"rank":1}`).refused(http.StatusBadRequest, "invalid_request")

	row := w.finance.send(http.MethodPut, "/markups", `{"tier":2,"scope":"brand","key":"Telkomsel","percent":2.55,"fixed":50}`)
	require.Contains(t, row.raw, `"percent":2.55`)
	require.Contains(t, w.finance.send(http.MethodPut, "/markups", `{"tier":2,"scope":"brand","key":"Telkomsel","fixed":60}`).raw, `"percent":2.55`, "what is left out stays")
	w.finance.send(http.MethodPut, "/markups", `{"tier":1,"scope":"category","key":"ppob"}`).refused(http.StatusBadRequest, "invalid_request").detail("percent")
	require.Equal(t, "telkomsel", row.data()["key"])
	w.finance.send(http.MethodPut, "/markups", `{"tier":2,"scope":"brand","key":"Telkomsel","percent":2.555}`).refused(http.StatusBadRequest, "invalid_request")
	w.finance.send(http.MethodPut, "/markups", `{"tier":77,"scope":"sku","key":"X","percent":1}`).refused(http.StatusBadRequest, "invalid_request")
	require.Len(t, w.viewer.get("/markups?tier=2").data()["markups"], 4)
	require.Len(t, w.viewer.get("/markups").data()["markups"], 13)
	before := w.changes()
	w.operator.send(http.MethodPut, "/markups", `{"tier":2,"scope":"brand","key":"Telkomsel","percent":1}`).refused(http.StatusForbidden, "forbidden")
	require.Len(t, w.finance.post("/markups/remove", `{"tier":2,"scope":"brand","key":"telkomsel"}`).data()["markups"], 3)
	w.finance.post("/markups/remove", `{"tier":2,"scope":"brand","key":"telkomsel"}`).refused(http.StatusNotFound, "not_found")
	require.Equal(t, before+1, w.changes(), "what was refused left nothing")
}

func TestEndpointsThatFailAreSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ('M1', 'Toko', 'active', 1, '{}', now(), now())`)
	w.exec(`INSERT INTO webhook_endpoints (merchant_id, url, events, enabled, suspended_reason, secret, secret_hint, failures, failing_since, failing_attempts, created_at, updated_at)
		VALUES ('M1', 'https://merchant.example/hook', '{}', true, '', 'sealed', '', 3, now(), 3, now(), now())`)
	rows := w.viewer.get("/endpoints").data()["endpoints"].([]any)
	require.Len(t, rows, 1)
	require.NotNil(t, rows[0].(map[string]any)["failing_since"])
	require.NotContains(t, w.viewer.get("/endpoints").raw, "sealed")
	require.Empty(t, w.viewer.get("/endpoints?suspended=true").data()["endpoints"])
}
