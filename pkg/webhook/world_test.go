package webhook_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/webhook"
)

// clock is moved by tests only.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a database with merchants, and a deliverer that may dial this machine.
type world struct {
	t         testing.TB
	db        *testdb.DB
	clock     *clock
	sealer    *seal.Sealer
	guard     *webhook.Guard
	endpoints *webhook.Endpoints
	deliverer *webhook.Deliverer
	reg       *prometheus.Registry
	log       *syncBuffer
}

// syncBuffer is a buffer for many writers.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var noJitter = func() float64 { return 0 } //nolint:gochecknoglobals // a constant of the tests

func newWorld(t testing.TB, change ...func(*webhook.Options)) *world {
	t.Helper()
	sealer, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	require.NoError(t, err)
	w := &world{
		t: t, db: testdb.New(t), sealer: sealer, reg: prometheus.NewRegistry(), log: &syncBuffer{},
		clock: &clock{at: time.Date(2026, 11, 21, 3, 4, 5, 678901000, time.UTC)},
		guard: webhook.NewGuard(webhook.GuardOptions{AllowHTTP: true, AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
	}
	w.endpoints = webhook.NewEndpoints(w.db.Pool, sealer, w.guard, w.clock.now)
	o := webhook.Options{
		Now: w.clock.now, Jitter: noJitter, Registerer: w.reg, Log: slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	for _, f := range change {
		f(&o)
	}
	w.deliverer = webhook.NewDeliverer(w.db.Pool, sealer, w.guard, o)
	return w
}

// merchant adds one with a live wallet; url, if any, is its endpoint's.
func (w *world) merchant(id, url string) (wallet int64) {
	w.t.Helper()
	w.tx(func(tx pgx.Tx) error {
		now := w.clock.now()
		_, err := tx.Exec(w.t.Context(), `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at)
			VALUES ($1, 'Toko', 'active', 1, '{}', $2, $2)`, id, now)
		if err != nil {
			return err
		}
		if wallet, err = ledger.CreateWallet(w.t.Context(), tx, id, "live", now); err != nil || url == "" {
			return err
		}
		_, err = w.endpoints.Create(w.t.Context(), tx, id)
		return err
	})
	if url != "" {
		_, err := w.endpoints.Set(w.t.Context(), id, webhook.Change{URL: &url})
		require.NoError(w.t, err)
	}
	return wallet
}

func (w *world) tx(fn func(tx pgx.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, pg.InTx(w.t.Context(), w.db.Pool, fn))
}

// insert gives the ids of what is to be delivered.
func (w *world) insert(events ...webhook.Event) (ids []int64) {
	w.t.Helper()
	w.tx(func(tx pgx.Tx) (err error) {
		ids, err = webhook.Insert(w.t.Context(), tx, events)
		return err
	})
	return ids
}

// event is the n-th of an order.
func (w *world) event(wallet int64, order string, n int64) webhook.Event {
	return webhook.Event{
		WalletID: wallet, Mode: "live", Type: webhook.OrderUpdated, Subject: "order:" + order, Version: n,
		Data: map[string]any{"order": map[string]any{"ref": order, "n": n, "note": "<&>"}}, At: w.clock.now(),
	}
}

func (w *world) deliver(id int64) {
	w.t.Helper()
	require.NoError(w.t, w.deliverer.Deliver(w.t.Context(), id))
}

func (w *world) get(id int64) *webhook.Delivery {
	w.t.Helper()
	d, err := webhook.Get(w.t.Context(), w.db.Pool, "", id)
	require.NoError(w.t, err)
	return d
}

func (w *world) due(limit int) (ids []int64) {
	w.t.Helper()
	list, err := webhook.Due(w.t.Context(), w.db.Pool, w.clock.now(), limit)
	require.NoError(w.t, err)
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids
}

// sweep delivers what is due until nothing is.
func (w *world) sweep() {
	w.t.Helper()
	for range 1000 {
		ids := w.due(100)
		if len(ids) == 0 {
			return
		}
		for _, id := range ids {
			w.deliver(id)
		}
	}
	w.t.Fatal("never done")
}

func (w *world) replay(merchantID string, id int64) error {
	return pg.InTx(w.t.Context(), w.db.Pool, func(tx pgx.Tx) error {
		_, err := webhook.Replay(w.t.Context(), tx, merchantID, id, w.clock.now())
		return err
	})
}

func (w *world) metric(name string, labels ...string) int {
	w.t.Helper()
	families, err := w.reg.Gather()
	require.NoError(w.t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(labels) == 0 || m.GetLabel()[0].GetValue() == labels[0] {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	w.t.Fatalf("no metric %s %v", name, labels)
	return 0
}

// arrival is one delivery as a receiver sees it.
type arrival struct {
	id, timestamp, signature string
	body                     []byte
	header                   http.Header
	path                     string
}

// receiver is a merchant's server.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []arrival
	answer func(n int, rw http.ResponseWriter, r *http.Request) // n counts from 1; nil answers 200
}

func newReceiver(t testing.TB, answer func(n int, rw http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	r := unstarted(answer)
	r.Start()
	t.Cleanup(r.Close)
	return r
}

func unstarted(answer func(n int, rw http.ResponseWriter, r *http.Request)) *receiver {
	r := &receiver{answer: answer}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got = append(r.got, arrival{
			id: req.Header.Get("webhook-id"), timestamp: req.Header.Get("webhook-timestamp"), signature: req.Header.Get("webhook-signature"),
			body: body, header: req.Header.Clone(), path: req.URL.Path,
		})
		n := len(r.got)
		r.mu.Unlock()
		if r.answer != nil {
			r.answer(n, rw, req)
		}
	}))
	return r
}

func (r *receiver) arrivals() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrival(nil), r.got...)
}

// status answers every delivery with code.
func status(code int) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) }
}

func ptr[T any](v T) *T { return &v }

func itoa(n int) string { return strconv.Itoa(n) }

// background is for what must outlive the test's own context.
func background() context.Context { return context.Background() }
