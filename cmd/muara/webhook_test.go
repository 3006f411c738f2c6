package main

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/webhook"
)

func TestDeliveriesByCommand(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	s := shellOn(t, db.URL)
	id := s.json("merchant", "create", "--name", "Toko")["merchant_id"].(string)
	require.NoError(t, pg.InTx(t.Context(), db.Pool, func(tx pgx.Tx) error {
		var wallet int64
		if err := tx.QueryRow(t.Context(), `SELECT id FROM wallets WHERE merchant_id = $1 AND mode = 'live'`, id).Scan(&wallet); err != nil {
			return err
		}
		_, err := webhook.Insert(t.Context(), tx, []webhook.Event{
			{WalletID: wallet, Mode: "live", Type: webhook.OrderUpdated, Subject: "order:1", Version: 1, URL: "https://a.example/", At: time.Now()},
			{WalletID: wallet, Mode: "live", Type: webhook.TierChanged, Subject: "tier", Version: 1, URL: "https://a.example/", At: time.Now()},
		})
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `UPDATE webhook_events SET status = 'parked', next_run_at = NULL, attempts = 10, response_code = 500 WHERE subject = 'order:1'`)
		return err
	}))
	require.EqualValues(t, 2, s.json("webhook", "list", "--merchant", id)["count"])
	require.EqualValues(t, 0, s.json("webhook", "list", "--mode", "test")["count"])
	list := s.json("webhook", "list", "--status", "parked", "--type", "order.updated")
	require.EqualValues(t, 1, list["count"])
	row := list["deliveries"].([]any)[0].(map[string]any)
	require.Equal(t, "order:1", row["subject"])
	require.EqualValues(t, 500, row["response_code"])
	require.Nil(t, row["next_attempt_at"])

	replayed := s.json("webhook", "replay", jsonText(t, row["id"]))
	require.Equal(t, "pending", replayed["status"])
	require.Equal(t, row["event_id"], replayed["event_id"])
	var audited int
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action = 'webhook.replay' AND subject = $1`, id).Scan(&audited))
	require.Equal(t, 1, audited)

	code, out, errs := s.run("webhook", "list")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "https://a.example/")
	code, out, errs = s.run("webhook", "replay", jsonText(t, row["id"]))
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "is due now")
	code, _, errs = s.run("webhook", "replay", "4711")
	require.Equal(t, exitRefused, code)
	require.Equal(t, "muara: no such delivery\n", errs)
	code, _, _ = s.run("webhook", "list", "--limit", "0")
	require.Equal(t, exitUsage, code)
}

func TestEndpointsByCommand(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	s := shellOn(t, db.URL)
	id := s.json("merchant", "create", "--name", "Toko")["merchant_id"].(string)
	require.EqualValues(t, 0, s.json("webhook", "endpoints")["count"], "it has named no URL")
	_, err := db.Pool.Exec(t.Context(), `UPDATE webhook_endpoints SET url = 'https://merchant.example/hook', failing_since = now(), failing_attempts = 3`)
	require.NoError(t, err)
	row := s.json("webhook", "endpoints")["endpoints"].([]any)[0].(map[string]any)
	require.Equal(t, id, row["merchant_id"])
	require.EqualValues(t, 3, row["failing_attempts"])
	require.EqualValues(t, 0, s.json("webhook", "endpoints", "--suspended")["count"])
	_, err = db.Pool.Exec(t.Context(), `UPDATE webhook_endpoints SET enabled = false, suspended_reason = 'every delivery has failed for 5 days'`)
	require.NoError(t, err)
	code, out, _ := s.run("webhook", "endpoints", "--suspended")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "every delivery has failed for 5 days")
}
