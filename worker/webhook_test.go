package worker_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
	"github.com/muarahq/muara/pkg/webhook"
	"github.com/muarahq/muara/worker"
)

func TestAHintThroughTheQueueDeliversAWebhookOnceInOrder(t *testing.T) {
	t.Parallel()
	db, rdb := testdb.New(t), testredis.New(t)
	var mu sync.Mutex
	var got []string
	all := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if got = append(got, r.Header.Get(webhook.HeaderID)); len(got) == 20 {
			close(all)
		}
	}))
	t.Cleanup(receiver.Close)
	var events []webhook.Event
	require.NoError(t, pg.InTx(t.Context(), db.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at)
			VALUES ('M1', 'Toko', 'active', 1, '{}', now(), now())`)
		if err != nil {
			return err
		}
		wallet, err := ledger.CreateWallet(t.Context(), tx, "M1", "live", time.Now())
		for n := range 20 {
			events = append(events, webhook.Event{
				WalletID: wallet, Mode: "live", Type: webhook.OrderUpdated, Subject: "order:7", Version: int64(n), URL: receiver.URL, At: time.Now(),
			})
		}
		return err
	}))
	var ids []int64
	require.NoError(t, pg.InTx(t.Context(), db.Pool, func(tx pgx.Tx) (err error) {
		ids, err = webhook.Insert(t.Context(), tx, events)
		return err
	}))

	sealer, err := seal.New(bytes.Repeat([]byte{1}, seal.KeySize))
	require.NoError(t, err)
	deliverer := webhook.NewDeliverer(db.Pool, sealer, webhook.NewGuard(webhook.GuardOptions{
		AllowHTTP: true, AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}), webhook.Options{})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- worker.ServeWebhooks(ctx, rdb, slog.New(slog.DiscardHandler), deliverer.Deliver, worker.Capacity{Patient: 8, Shutdown: 5 * time.Second})
	}()
	enqueuer := queue.New(rdb)
	spoilt := asynq.NewClientFromRedisClient(rdb)
	_, err = spoilt.EnqueueContext(t.Context(), asynq.NewTask(queue.TypeWebhook, []byte("{")), asynq.Queue(queue.Webhook))
	require.NoError(t, err)
	for gen := range int64(2) { // every task twice, the last event's first
		for i := len(ids) - 1; i >= 0; i-- {
			require.NoError(t, enqueuer.Webhook(t.Context(), ids[i], 0, gen))
		}
	}
	select {
	case <-all:
	case <-time.After(30 * time.Second):
		t.Error("not all arrived")
	}
	stop()
	require.NoError(t, <-served, "an attempt under way is finished")
	list, err := webhook.List(t.Context(), db.Pool, webhook.Filter{MerchantID: "M1"})
	require.NoError(t, err)
	require.Len(t, list, 20)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, got, 20)
	for i, d := range list {
		require.Equal(t, webhook.Delivered, d.Status)
		require.Equal(t, d.EventID, got[19-i])
	}
}
