package reconcile_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/upstream"
)

// wib is the brand's time zone in these tests.
var wib = time.FixedZone("WIB", 7*60*60)

const day = "2026-04-21"

// at is a time of the day.
func at(clock string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", day+" "+clock, wib)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// world is our books, with a source whose books the test writes.
type world struct {
	t      *testing.T
	db     *testdb.DB
	wallet int64
	last   int64
	mu     sync.Mutex
	now    time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: testdb.New(t), now: at("23:59:59").Add(time.Hour)}
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), w.db.Pool, []catalog.Source{
		{Name: "up-a", Driver: "rqid", Mode: catalog.Live}, {Name: "up-b", Driver: "rqid", Mode: catalog.Live}, {Name: "up-t", Driver: "sandbox", Mode: catalog.Test},
	}, at("00:00:00").AddDate(0, 0, -2)))
	require.NoError(t, pg.InTx(t.Context(), w.db.Pool, func(tx pgx.Tx) (err error) {
		_, err = tx.Exec(t.Context(), `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ('M1', 'M1', 'active', 1, '{}', $1, $1)`, w.now)
		require.NoError(t, err)
		w.wallet, err = ledger.CreateWallet(t.Context(), tx, "M1", "live", w.now)
		return err
	}))
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// mine is one of our attempts.
type mine struct {
	upstream, outcome, upstreamRef string
	cost                           int64
	at                             time.Time
	finished                       time.Time
	n                              int
}

const orderSQL = `INSERT INTO orders (id, wallet_id, mode, ref, content_hash, category, sku, name, product_id, quantity, price, refunded, inputs, callback_url,
		max_cost, state, version, attempt, sends, upstream, offer_id, code, extra, cost, upstream_ref, message, facts, cancel_requested, finish_requested,
		resend_requested, flag, trace_parent, polls, customer_no, sent_at, created_at, updated_at)
	VALUES ($1, $2, 'live', $3, '', 'ppob', 'X', 'X', 1, 1, 20000, 0, '{}', '', 0, $4, 1, $5, 1, $6, 1, 'IS5', '{}', $7, $8, '', '{}', false, false, false, '', '', 0, '0812', $9, $9, $9)`

// buy writes an order with its attempt and gives our reference.
func (w *world) buy(m mine) string {
	w.t.Helper()
	w.last++
	id := w.last
	if m.upstream == "" {
		m.upstream = "up-a"
	}
	if m.n == 0 {
		m.n = 1
	}
	if m.cost == 0 {
		m.cost = 5_500
	}
	state := map[string]order.State{"succeeded": order.Completed, "partial": order.Partial, "unknown": order.Unknown, "accepted": order.Processing}[m.outcome]
	if state == "" {
		state = order.Failed
	}
	_, err := w.db.Pool.Exec(w.t.Context(), orderSQL, id, w.wallet, fmt.Sprint("r", id), state, m.n, m.upstream, m.cost, m.upstreamRef, m.at)
	require.NoError(w.t, err)
	ref := order.OurRef(id, m.n)
	var finished *time.Time
	if !m.finished.IsZero() {
		finished = &m.finished
	}
	_, err = w.db.Pool.Exec(w.t.Context(), `INSERT INTO order_attempts (order_id, n, upstream, offer_id, our_ref, upstream_ref, code, target, cost, outcome, reason, said_code, said_detail, started_at, finished_at)
		VALUES ($1, $2, $3, 1, $4, $5, 'IS5', '0812', $6, $7, '', '', '', $8, $9)`, id, m.n, m.upstream, ref, m.upstreamRef, m.cost, m.outcome, m.at, finished)
	require.NoError(w.t, err)
	return ref
}

// source is theirs.
type source struct {
	lines     []upstream.StatementLine
	perPage   int
	moved     []upstream.Movement
	movements bool
	// said are the answers about orders, by id; asked by limit at a time.
	said  map[int64]*upstream.Result
	limit int
	// fail is what the next calls come to.
	fail error
	mu   sync.Mutex
	read []string
	// raised are the reasons by order.
	raised map[int64]string
	before func()
}

func (s *source) Offers() (statement, movements, status bool) {
	return s.said == nil, s.movements, s.said != nil
}

func (s *source) StatementPage(_ context.Context, from, to time.Time, page int) ([]upstream.StatementLine, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before != nil {
		s.before()
	}
	s.read = append(s.read, fmt.Sprintf("%s %s %d", from.In(wib).Format("02 15:04"), to.In(wib).Format("02 15:04"), page))
	if s.fail != nil {
		return nil, 0, s.fail
	}
	var in []upstream.StatementLine
	for _, l := range s.lines {
		if l.At.IsZero() || !l.At.Before(from) && l.At.Before(to) {
			in = append(in, l)
		}
	}
	per := max(s.perPage, 1)
	if s.perPage == 0 {
		per = len(in) + 1
	}
	start := min((page-1)*per, len(in))
	end := min(start+per, len(in))
	next := 0
	if end < len(in) {
		next = page + 1
	}
	return in[start:end], next, nil
}

func (s *source) Movements(context.Context, time.Time, time.Time) ([]upstream.Movement, error) {
	return s.moved, s.fail
}

func (s *source) AskLimit() int { return s.limit }

func (s *source) Ask(_ context.Context, orders []*order.Order) (map[int64]*upstream.Result, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	out := map[int64]*upstream.Result{}
	for _, o := range orders {
		if r, ok := s.said[o.ID]; ok {
			out[o.ID] = r
		}
	}
	return out, nil
}

func (s *source) Raise(_ context.Context, id int64, why string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raised == nil {
		s.raised = map[int64]string{}
	}
	s.raised[id] = why
	return nil
}

func (w *world) reconciler() *reconcile.Reconciler {
	return &reconcile.Reconciler{Pool: w.db.Pool, Now: w.clock, Log: slog.New(slog.DiscardHandler)}
}

// compare asks for the day and carries it to its end.
func (w *world) compare(s reconcile.Books) *reconcile.Run {
	w.t.Helper()
	id, err := reconcile.Request(w.t.Context(), w.db.Pool, "up-a", day, wib, "test", w.clock())
	require.NoError(w.t, err)
	w.carryOn(s)
	run, err := reconcile.Get(w.t.Context(), w.db.Pool, id)
	require.NoError(w.t, err)
	require.Equal(w.t, reconcile.Done, run.State)
	return run
}

func (w *world) carryOn(s reconcile.Books) {
	w.t.Helper()
	for did := true; did; {
		var err error
		did, err = w.reconciler().Step(w.t.Context(), s, "up-a")
		require.NoError(w.t, err)
	}
}

// lines are the lines of a comparison as text, findings alone unless all.
func (w *world) lines(id int64, all bool) (out []string) {
	w.t.Helper()
	money := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	require.NoError(w.t, reconcile.Lines(w.t.Context(), w.db.Pool, id, all, func(l reconcile.Line) error {
		out = append(out, strings.Join([]string{string(l.Kind), fmt.Sprint(l.OrderID), l.OurRef, l.Ours, l.Theirs, money(l.OursCost), money(l.TheirsCost), l.Note}, " "))
		return nil
	}))
	return out
}

func said(state upstream.State, cost int64) *upstream.Result {
	return &upstream.Result{State: state, Cost: &cost}
}
