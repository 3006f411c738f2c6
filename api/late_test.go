package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
)

// deaf begins transactions whose commits happen and whose answers never come.
type deaf struct{ pg.Beginner }

type deafTx struct{ pgx.Tx }

func (d deaf) Begin(ctx context.Context) (pgx.Tx, error) {
	tx, err := d.Beginner.Begin(ctx)
	return deafTx{tx}, err
}

func (t deafTx) Commit(ctx context.Context) error {
	if err := t.Tx.Commit(ctx); err != nil {
		return err
	}
	return fmt.Errorf("timeout: %w", context.DeadlineExceeded)
}

func TestACommitWhoseAnswerIsLostIsNotCalledRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *api.Deps) {
		accounts := ledger.NewAccounts(d.DB.Pool)
		d.Placer = order.NewPlacer(deaf{d.DB.Pool}, accounts, nil, time.Now, slog.New(slog.DiscardHandler), nil, order.In(wib()))
		t.Cleanup(d.Placer.Close)
	})
	c := w.merchant(10_000)
	c.post("/order", `{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"0812"}`).refused(http.StatusInternalServerError, "internal_error")
	require.Equal(t, 1, w.count(`SELECT count(*) FROM orders`), "it was kept")
	require.EqualValues(t, 10_000-5_250, c.balance())
}

// hurried is a request whose answer must come before an instant has passed.
func (c *client) hurried(method, path, body string) *reply {
	c.w.t.Helper()
	ctx, cancel := context.WithTimeout(c.w.t.Context(), 300*time.Millisecond)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+c.key)
	return c.do(r)
}

// stalled keeps commits that write to a table from ending until the function it gives is called.
func (w *world) stalled(table string) (release func()) {
	w.t.Helper()
	const key = 4711
	w.exec(`CREATE FUNCTION wait_for_the_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$`)
	w.exec(`CREATE CONSTRAINT TRIGGER disk AFTER INSERT ON ` + table + ` DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_the_disk()`)
	conn, err := w.db.Pool.Acquire(w.t.Context())
	require.NoError(w.t, err)
	_, err = conn.Exec(w.t.Context(), `SELECT pg_advisory_lock($1)`, key)
	require.NoError(w.t, err)
	release = sync.OnceFunc(func() {
		_, err := conn.Exec(context.Background(), `SELECT pg_advisory_unlock($1)`, key)
		conn.Release()
		require.NoError(w.t, err)
	})
	w.t.Cleanup(release) // lest a failed test wait for its connection
	return release
}

func TestACommitThatStallsIsNotCalledRefused(t *testing.T) {
	t.Parallel()
	for table, c := range map[string]struct{ path, body, id string }{
		"orders":      {"/order", `{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"0812"}`, "order_id"},
		"withdrawals": {"/withdraw", out("a"), "withdraw_id"},
	} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := w.merchant(1_000_000)
			release := w.stalled(table)
			m.hurried(http.MethodPost, c.path, c.body).refused(http.StatusInternalServerError, "internal_error")
			// Nobody knows yet, and the wallet is locked by what is on its way.
			m.hurried(http.MethodPost, c.path, c.body).refused(http.StatusInternalServerError, "internal_error")
			release()
			d := m.post(c.path, c.body).data()
			if o, ok := d["order"].(map[string]any); ok {
				d = o
			}
			require.NotEmpty(t, d[c.id], "the same ref answers")
			require.Equal(t, 1, w.count(`SELECT count(*) FROM `+table), "and it was done once")
		})
	}
}

func TestAWishWhoseTimeEndsIsNotCalledRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	c.order(`{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"0812"}`)
	tx, err := w.db.Pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	_, err = tx.Exec(t.Context(), `LOCK TABLE orders IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	for _, wish := range []string{"cancel", "finish", "resend", "refill"} {
		c.hurried(http.MethodPost, "/order/a/"+wish, "").refused(http.StatusInternalServerError, "internal_error")
	}
	// What only asks may be asked again, and says so.
	read := c.hurried(http.MethodGet, "/order/a", "")
	read.refused(http.StatusServiceUnavailable, "upstream_error")
	require.Equal(t, "1", read.header.Get("Retry-After"))
}

func TestAKeyThatCannotBeLookedUpInTimeSaysNothingOfWhatWasSentBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.merchant(10_000)
	tx, err := w.db.Pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	_, err = tx.Exec(t.Context(), `LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	c.post("/order", `{"category":"ppob","ref":"a","sku":"TSEL5","customer_no":"0812"}`).refused(http.StatusInternalServerError, "internal_error")
	c.get("/ping").refused(http.StatusServiceUnavailable, "upstream_error")
}
