package retention_test

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
	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/retention"
	"github.com/muarahq/muara/pkg/testdb"
)

const day = 24 * time.Hour

// policy is the default one.
func policy() retention.Policy {
	return retention.Policy{Payloads: 90 * day, Deliveries: 30 * day, Codes: 30 * day, Customers: 400 * day}
}

// house is a gateway's database over the years.
type house struct {
	t        *testing.T
	db       *testdb.DB
	now      time.Time
	accounts *ledger.Accounts
	writer   *order.Writer
	wallet   int64
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, db: testdb.New(t), now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	h.accounts = ledger.NewAccounts(h.db.Pool)
	h.writer = order.NewWriter(h.db.Pool, h.accounts, h.clock, slog.New(slog.DiscardHandler), nil, nil)
	t.Cleanup(h.writer.Close)
	require.NoError(t, catalog.EnsureUpstreams(t.Context(), h.db.Pool, []catalog.Source{{Name: "up-a", Driver: "rqid", Mode: catalog.Live}}, h.now))
	require.NoError(t, pg.InTx(t.Context(), h.db.Pool, func(tx pgx.Tx) (err error) {
		_, err = tx.Exec(t.Context(), `INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at) VALUES ('M1', 'M1', 'active', 1, '{}', $1, $1)`, h.now)
		require.NoError(t, err)
		if h.wallet, err = ledger.CreateWallet(t.Context(), tx, "M1", "live", h.now); err != nil {
			return err
		}
		_, err = ledger.Adjust(t.Context(), tx, h.accounts, h.wallet, 1_000_000_000, "opening", "test", h.now)
		return err
	}))
	return h
}

func (h *house) clock() time.Time { return h.now }

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.db.Pool.Exec(h.t.Context(), sql, args...)
	require.NoError(h.t, err)
}

func (h *house) text(sql string, args ...any) string {
	h.t.Helper()
	var out string
	require.NoError(h.t, h.db.Pool.QueryRow(h.t.Context(), sql, args...).Scan(&out))
	return out
}

func request(ref string, wallet int64) *order.Request {
	no, zone := "081234567890", "2685"
	return &order.Request{
		WalletID: wallet, Ref: ref, Category: order.PPOB, SKU: "X", Name: "X", ProductID: 1, Quantity: 1, Price: 1_000, CustomerNo: &no, ZoneID: &zone,
		Inputs: map[string]string{"name": "Budi"}, Route: order.Route{Upstream: "up-a", OfferID: 1, Code: "X", Cost: 900}, CallbackURL: "https://toko.example/hook/081234567890",
		Bill: &order.Bill{InquiryID: 77, CustomerName: "BUDI SANTOSO", Amount: 900, Total: 900, Lines: map[string]string{"meter": "123456"}, PayBy: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)},
	}
}

// place takes an order; it is as good as its bill was inquired before.
func (h *house) place(r *order.Request) *order.Placed {
	h.t.Helper()
	p := order.NewPlacer(h.db.Pool, h.accounts, nil, h.clock, slog.New(slog.DiscardHandler), nil)
	defer p.Close()
	placed, err := p.Place(h.t.Context(), r)
	require.NoError(h.t, err)
	return placed
}

// otp is an order of another kind, with what came to its number.
func (h *house) otp(ref string) int64 {
	h.t.Helper()
	r := request(ref, h.wallet)
	r.Category, r.CustomerNo, r.ZoneID, r.Bill, r.Inputs = order.OTP, nil, nil, nil, nil
	return h.place(r).Order.ID
}

func (h *house) ppob(ref string) int64 {
	h.t.Helper()
	r := request(ref, h.wallet)
	r.Bill = nil
	return h.place(r).Order.ID
}

func (h *house) do(s order.Step) *order.Order {
	h.t.Helper()
	o, err := h.writer.Do(h.t.Context(), s)
	require.NoError(h.t, err)
	return o
}

func (h *house) send(orderID int64) {
	h.t.Helper()
	h.do(order.Step{OrderID: orderID, From: order.Queued, To: order.Sending, Cause: "claim"})
}

// finish completes an order with all that may be known of one.
func (h *house) finish(orderID int64) {
	h.t.Helper()
	h.send(orderID)
	cost := int64(900)
	h.do(order.Step{
		OrderID: orderID, Attempt: 1, Sends: 1, To: order.Completed, Cause: "submit", Outcome: "succeeded", SaidCode: "00", SaidDetail: "081234567890 BUDI berhasil",
		UpstreamRef: "T1", Cost: &cost, SN: "2514-1798-8056-2280-2824/BUDI/R1M", Phone: "628119998877",
		Messages: []order.Message{{Code: "482913", Text: "Kode 482913 untuk Budi", ReceivedAt: h.now}},
	})
}

func (h *house) turn(p retention.Policy) int {
	h.t.Helper()
	n, err := retention.Turn(h.t.Context(), h.db.Pool, p, h.now)
	require.NoError(h.t, err)
	return n
}

// of gives everything that is kept of an order, as text.
func (h *house) of(orderID int64) string {
	h.t.Helper()
	return h.text(`SELECT o::text || coalesce((SELECT string_agg(a::text, ' ') FROM order_attempts a WHERE a.order_id = o.id), '')
		|| coalesce((SELECT string_agg(e::text, ' ') FROM order_events e WHERE e.order_id = o.id), '')
		|| coalesce((SELECT string_agg(i::text, ' ') FROM inquiries i WHERE i.order_id = o.id), '') FROM orders o WHERE id = $1`, orderID)
}

func (h *house) verified() {
	h.t.Helper()
	report, err := ledger.Verify(h.t.Context(), h.db.Pool, order.Checks()...)
	require.NoError(h.t, err)
	require.Empty(h.t, report.Problems)
}

// TestAnOrderLosesWhatNobodyNeedsOneAfterTheOther: messages after a month, a source's words after three, its customer after 400 days.
func TestAnOrderLosesWhatNobodyNeedsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ids := []int64{h.ppob("a"), h.otp("b")}
	for _, orderID := range ids {
		h.finish(orderID)
	}
	h.exec(`INSERT INTO inquiries (id, wallet_id, mode, ref, sku, name, product_id, customer_no, zone_id, inputs, upstream, offer_id, code, extra, state, wait_until, outcome,
		said_code, said_detail, bill, price, expires_at, order_id, created_at, updated_at) VALUES (77, $1, 'live', 'a', 'X', 'X', 1, '081234567890', '2685', '{"name": "Budi"}', 'up-a', 1, 'X', '{}',
		'paid', $3, 'found', '00', 'a.n. BUDI', '{"customer_name": "BUDI", "total": 900, "lines": {"meter": "123456"}}', 1000, $3, $2, $3, $3)`, h.wallet, ids[0], h.now)
	h.exec(`INSERT INTO audit_log (actor, action, subject, detail, created_at) VALUES ('ops', 'order.resolve', $1, '{"sn": "2514-1798-8056-2280-2824", "why": "seen there"}', $2)`,
		order.PublicID(order.PPOB, ids[0]), h.now)
	begun := h.now
	h.now = begun.Add(30*day - time.Second)
	require.Zero(t, h.turn(policy()))
	before := h.of(ids[0])
	require.Contains(t, before, "BUDI berhasil")

	h.now = begun.Add(30*day + time.Second)
	require.Positive(t, h.turn(policy()))
	require.Equal(t, before, h.of(ids[0]), "a prepaid order has nothing that goes so soon")
	require.NotContains(t, h.of(ids[1]), "482913")
	require.Contains(t, h.of(ids[1]), "628119998877")
	require.Zero(t, h.turn(policy()), "nothing goes twice")

	h.now = begun.Add(90*day + time.Second)
	h.turn(policy())
	for _, orderID := range ids {
		require.NotContains(t, h.of(orderID), "berhasil")
		require.Equal(t, "succeeded T1 900", h.text(`SELECT outcome || ' ' || upstream_ref || ' ' || cost FROM order_attempts WHERE order_id = $1`, orderID))
	}
	require.Contains(t, h.of(ids[0]), "081234567890")
	require.NotContains(t, h.of(ids[0]), "a.n. BUDI")

	h.now = begun.Add(400*day + time.Second)
	h.turn(policy())
	for _, orderID := range ids {
		for _, gone := range []string{"081234567890", "BUDI", "Budi", "1798", "628119998877", "toko.example", "123456\"", "2685"} {
			require.NotContains(t, h.of(orderID), gone)
		}
	}
	require.Equal(t, "081******890 081******890", h.text(`SELECT o.customer_no || ' ' || i.customer_no FROM orders o JOIN inquiries i ON i.order_id = o.id WHERE o.id = $1`, ids[0]))
	require.JSONEq(t, `{"sn": "***", "why": "seen there"}`, h.text(`SELECT detail::text FROM audit_log WHERE action = 'order.resolve'`))
	require.Contains(t, h.of(ids[1]), "628******877")

	o, err := order.Get(t.Context(), h.db.Bun, h.wallet, "a")
	require.NoError(t, err)
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, "completed", o.Status())
	again := request("a", h.wallet)
	again.Bill = nil
	placed := h.place(again)
	require.True(t, placed.Replayed, "the same ref with the same content is still the same order")
	require.Equal(t, ids[0], placed.Order.ID)
	found, err := order.List(t.Context(), h.db.Bun, h.wallet, order.Filter{Search: "081234567890", Limit: 10})
	require.NoError(t, err)
	require.Empty(t, found)
	h.verified()
}

// TestWhatIsNotOverIsKept: an order that is open, flagged or looked at again keeps everything, and loses it in time once it is over.
func TestWhatIsNotOverIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	queued, unknown, flagged, watched := h.ppob("queued"), h.ppob("unknown"), h.ppob("flagged"), h.ppob("watched")
	h.send(unknown)
	h.do(order.Step{OrderID: unknown, Attempt: 1, Sends: 1, To: order.Unknown, Cause: "submit", Outcome: "unknown", SaidDetail: "BUDI?"})
	h.finish(flagged)
	require.NoError(t, h.writer.Raise(t.Context(), h.db.Bun, flagged, "looks odd", "test"))
	h.finish(watched)
	h.exec(`UPDATE orders SET next_run_at = $2 WHERE id = $1`, watched, h.now.Add(1000*day))
	h.now = h.now.Add(500 * day)
	kept := map[int64]string{}
	for _, orderID := range []int64{queued, unknown, flagged, watched} {
		kept[orderID] = h.of(orderID)
	}
	require.Zero(t, h.turn(policy()))
	h.now = h.now.Add(7 * time.Hour)
	require.Zero(t, h.turn(policy()), "looked at again")
	for orderID, text := range kept {
		require.Equal(t, text, h.of(orderID))
	}

	_, err := h.writer.Seen(t.Context(), h.db.Bun, flagged, "it is right", "ops")
	require.NoError(t, err)
	seen := h.now
	h.now = seen.Add(30 * day)
	h.turn(policy())
	require.Contains(t, h.of(flagged), "081234567890", "its time runs from its last change")
	h.now = seen.Add(91 * day)
	h.turn(policy())
	require.NotContains(t, h.of(flagged), "berhasil")
	require.Contains(t, h.of(flagged), "081234567890")
	h.now = seen.Add(402 * day)
	h.turn(policy())
	require.NotContains(t, h.of(flagged), "081234567890")
	require.Contains(t, h.of(unknown), "BUDI?", "years later nobody knows yet")
	h.verified()
}

// TestALateWordFindsAnOrderThatWasRedacted: money goes on working.
func TestALateWordFindsAnOrderThatWasRedacted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	orderID := h.ppob("late")
	h.send(orderID)
	h.do(order.Step{OrderID: orderID, Attempt: 1, Sends: 1, To: order.Failed, Cause: "submit", Outcome: "failed", SaidDetail: "gagal 081234567890"})
	h.now = h.now.Add(401 * day)
	h.turn(policy())
	require.NotContains(t, h.of(orderID), "081234567890")
	o := h.do(order.Step{OrderID: orderID, Attempt: 1, To: order.Completed, Cause: "callback", SN: "SN1"})
	require.NotEmpty(t, o.Flag, "an operator sees the loss")
	require.Equal(t, "081******890", *o.CustomerNo)
	h.verified()
}

func TestDeliveriesGoWhole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.finish(h.ppob("a"))
	require.Equal(t, "2 pending", h.text(`SELECT count(*) || ' ' || min(status) FROM webhook_events`))
	h.exec(`UPDATE webhook_events SET status = 'delivered', next_run_at = NULL, last_attempt_at = $1 WHERE id = (SELECT min(id) FROM webhook_events)`, h.now.Add(2*day))
	h.now = h.now.Add(31 * day)
	require.Zero(t, h.turn(policy()), "one waits, and one was delivered 29 days ago")
	h.now = h.now.Add(2 * day)
	h.turn(policy())
	require.Equal(t, "1 pending", h.text(`SELECT count(*) || ' ' || min(status) FROM webhook_events`))
	h.exec(`UPDATE webhook_events SET status = 'parked', next_run_at = NULL, last_attempt_at = $1`, h.now)
	h.now = h.now.Add(30*day + 7*time.Hour)
	h.turn(policy())
	require.Equal(t, "0", h.text(`SELECT count(*)::text FROM webhook_events`))
	require.Equal(t, "0", h.text(`SELECT count(*)::text FROM retention_later WHERE rule = 'deliveries'`))
}

func (h *house) deposit(state, flag string, credited, suspense int64) int64 {
	h.t.Helper()
	n := id.New(h.now)
	var ended *time.Time
	h.exec(`INSERT INTO deposits (id, wallet_id, mode, ref, amount, fee, total, received, asked, gateway, upstream_ref, qr, token, state, version, attempt, sent, cancel_requested,
		credited, suspense, flag, trace_parent, lease_until, next_run_at, polls, expires_at, ended_at, created_at, updated_at)
		VALUES ($1::bigint, $2, 'live', '', 5000, 0, 5000, 5000, 5000, 'up-a', $1::bigint::text, '000201', $1::bigint::text, $3, 1, 1, true, false, $4, $5, $6, '', $7, NULL, 0, $7, $8, $7, $7)`,
		n, h.wallet, state, credited, suspense, flag, h.now, ended)
	h.exec(`INSERT INTO deposit_attempts (deposit_id, n, gateway, asked, upstream_ref, outcome, said_code, said_detail, started_at) VALUES ($1, 1, 'up-a', 5000, '', 'opened', 'ok', 'BUDI SANTOSO', $2)`, n, h.now)
	h.exec(`INSERT INTO deposit_events (deposit_id, version, from_state, to_state, cause, detail, created_at) VALUES ($1, 1, 'pending', $2, 'status', 'paid BUDI SANTOSO', $3)`, n, state, h.now)
	outcome, of := "credited", &n
	if suspense > 0 {
		outcome, of = "ambiguous", nil
	}
	h.exec(`INSERT INTO deposit_lines (gateway, key, amount, paid_at, note, outcome, deposit_id, created_at) VALUES ('up-a', $1::bigint::text, 5000, $2, 'BUDI SANTOSO', $3, $4, $2)`, n, h.now, outcome, of)
	return n
}

func (h *house) withdrawal(state, flag string) int64 {
	h.t.Helper()
	n := id.New(h.now)
	var completed *time.Time
	if state == "success" {
		completed = &h.now
	}
	h.exec(`INSERT INTO withdrawals (id, wallet_id, mode, ref, content_hash, amount, fee, method, account_number, account_name, receiver, state, version, approvals, gateway, attempt, claim,
		upstream_ref, charge, refused, message, flag, trace_parent, checker, check_result, check_name, polls, created_at, updated_at, completed_at)
		VALUES ($1::bigint, $2, 'live', $1::bigint::text, '\x01', 5000, 0, 'dana', '081234567890', 'BUDI SANTOSO', '081234567890', $3, 1, 1, 'up-a', 1, '', '', 0, '', '', $4, '', '', 'valid', 'BUDI S', 0, $5, $5, $6)`,
		n, h.wallet, state, flag, h.now, completed)
	h.exec(`INSERT INTO withdrawal_events (withdrawal_id, version, from_state, to_state, cause, detail, created_at) VALUES ($1, 1, 'sent', $2, 'status', 'said BUDI', $3)`, n, state, h.now)
	return n
}

func TestMoneyInAndOutKeepsItsAmountsOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	paid, suspense, odd := h.deposit("paid", "", 5000, 0), h.deposit("suspense", "", 0, 5000), h.deposit("paid", "look", 5000, 0)
	success, open, doubted := h.withdrawal("success", ""), h.withdrawal("unknown", ""), h.withdrawal("success", "look")
	deposit := func(n int64) string {
		return h.text(`SELECT d.state || (SELECT string_agg(a::text, '') FROM deposit_attempts a WHERE a.deposit_id = d.id) || (SELECT string_agg(e::text, '') FROM deposit_events e WHERE e.deposit_id = d.id)
			|| (SELECT string_agg(l::text, '') FROM deposit_lines l WHERE l.key = d.id::text) FROM deposits d WHERE id = $1`, n)
	}
	withdrawal := func(n int64) string {
		return h.text(`SELECT w::text || (SELECT string_agg(e::text, '') FROM withdrawal_events e WHERE e.withdrawal_id = w.id) FROM withdrawals w WHERE id = $1`, n)
	}
	untouched := func() []string {
		return []string{deposit(suspense), deposit(odd), withdrawal(open), withdrawal(doubted)}
	}
	before := untouched()
	begun := h.now
	h.now = begun.Add(91 * day)
	require.Equal(t, 2, h.turn(policy()))
	require.NotContains(t, deposit(paid), "BUDI")
	require.NotContains(t, withdrawal(success), "said")
	require.Contains(t, withdrawal(success), "081234567890")
	h.now = begun.Add(401 * day)
	h.turn(policy())
	require.NotContains(t, withdrawal(success), "081234567890")
	require.Contains(t, withdrawal(success), "081******890")
	require.Contains(t, withdrawal(success), "B*** S******")
	require.Contains(t, withdrawal(success), "5000")
	require.Equal(t, before, untouched(), "what waits for somebody stays as it is")
}

func TestComparisonsKeepTheirFindings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i, state := range []string{"done", "running"} {
		h.exec(`INSERT INTO reconciliations (upstream, day, n, from_at, to_at, actor, state, phase, page, cursor_order, cursor_n, version, failures, last_error, means, matched, amount, only_ours,
			only_theirs, status, unchecked, ours_cost, theirs_cost, note, requested_at, next_run_at, finished_at)
			VALUES ('up-a', $1, $2, $3, $3, 'x', $4, '', 1, 0, 0, 1, 0, '', 'statement', 6000, 0, 0, 1, 0, 0, 0, 0, '', $3, $5, $6)`,
			h.now, i+1, h.now, state, map[bool]*time.Time{true: &h.now}[state == "running"], map[bool]*time.Time{true: &h.now}[state == "done"])
	}
	h.exec(`INSERT INTO reconciliation_lines (reconciliation_id, key, kind, our_ref, upstream_ref, code, target, ours, theirs, note)
		SELECT r.id, g::text, CASE WHEN g = 0 THEN 'only_theirs' ELSE 'matched' END, '', '', '', '0812345' || g, '', '', '' FROM reconciliations r, generate_series(0, 6000) g`)
	h.now = h.now.Add(91 * day)
	h.turn(policy())
	h.now = h.now.Add(2 * time.Minute)
	h.turn(policy())
	lines := `SELECT string_agg(r.state || ' ' || (SELECT count(*) FROM reconciliation_lines l WHERE l.reconciliation_id = r.id), ', ' ORDER BY r.n) FROM reconciliations r`
	require.Equal(t, "done 1, running 6001", h.text(lines))
	h.now = h.now.Add(400 * day)
	h.turn(policy())
	require.Equal(t, "08****50", h.text(`SELECT target FROM reconciliation_lines l JOIN reconciliations r ON r.id = l.reconciliation_id WHERE r.state = 'done'`))
	require.Equal(t, "running 6001", h.text(lines)[8:])
}

func TestQuestionsGoWithoutNewOnes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exec(`INSERT INTO account_checks (id, upstream, mode, kind, code, number, state, said_number, name, said_code, said_detail, wait_until, created_at, answered_at)
		SELECT n, 'up-a', 'live', 'bank', 'dana', '0812', 'valid', '0812', 'ANTO', '', '', $1, $1, $1 FROM generate_series(1, 300) n`, h.now)
	h.exec(`INSERT INTO upstreams (name, driver, mode, paused, paused_why, created_at, updated_at) VALUES ('seller', 'rqid', 'live', false, '', $1, $1)`, h.now)
	h.exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, policy, closed, edited, version, created_at, updated_at)
		VALUES ('live', 'ASKED', 'ppob', 'X', 'X', 'X', 'prepaid', '', '[]', '', 'price', false, '{}', 1, $1, $1)`, h.now)
	h.exec(`INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited, success_rate, closed, failures, priority, weight,
		created_at, updated_at) SELECT id, 'seller', 'p', 'A', '{}', 'X', '', '', 1000, true, '', 0, true, 0, false, 0, 0, 1, $1, $1 FROM products WHERE sku = 'ASKED'`, h.now)
	h.exec(`INSERT INTO price_checks (offer_id, upstream, n, asked_at, wait_until, taken) SELECT id, upstream, 1, $1, $1, true FROM offers WHERE upstream = 'seller'`, h.now)
	h.now = h.now.Add(23 * time.Hour)
	require.Zero(t, h.turn(policy()))
	h.now = h.now.Add(2 * time.Hour)
	require.Equal(t, 301, h.turn(policy()))
}

// TestManyOrdersAndTwoSchedulers: each order is dealt with once, in bounded turns, beside a writer that holds one of them.
func TestManyOrdersAndTwoSchedulers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const many = 1300
	h.exec(`INSERT INTO orders (id, wallet_id, mode, ref, content_hash, category, sku, name, product_id, quantity, price, refunded, customer_no, inputs, callback_url, max_cost, state, version,
		attempt, sends, upstream, offer_id, code, extra, cost, upstream_ref, message, facts, cancel_requested, finish_requested, resend_requested, flag, trace_parent, polls, created_at, updated_at)
		SELECT ($1::bigint + n::bigint * 4194304), $2, 'live', 'm' || n, '\x01', 'ppob', 'X', 'X', 1, 1, 1000, 0, '0812' || 1000000 + n, '{}', '', 0, 'completed', 1,
		1, 1, 'up-a', 1, 'X', '{}', 900, '', '', '{"sn": "0123456789"}', false, false, false, '', '', 0, $3, $3 FROM generate_series(1, $4::integer) n`, id.First(h.now), h.wallet, h.now, many)
	h.now = h.now.Add(401 * day)
	held, err := h.db.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = held.Exec(t.Context(), `SELECT FROM orders WHERE ref = 'm700' FOR UPDATE`)
	require.NoError(t, err)
	customers := retention.Policy{Customers: 400 * day}
	var did [2]int
	var wg sync.WaitGroup
	for i := range did {
		wg.Go(func() {
			n, err := retention.Turn(context.WithoutCancel(t.Context()), h.db.Pool, customers, h.now)
			if err != nil {
				t.Error(err)
			}
			did[i] = n
		})
	}
	wg.Wait()
	h.turn(customers)
	require.NoError(t, held.Rollback(t.Context()))
	unmasked := `SELECT coalesce(string_agg(ref, ' '), '') FROM orders WHERE customer_no NOT LIKE '%*%'`
	require.Equal(t, "m700", h.text(unmasked), "whoever writes an order has precedence")
	require.Equal(t, "1", h.text(`SELECT count(*)::text FROM retention_later`))
	h.now = h.now.Add(7 * time.Hour)
	require.Equal(t, 1, h.turn(customers))
	require.Empty(t, h.text(unmasked))
	require.Zero(t, h.turn(customers))

	plan := explain(t, h, `SELECT id FROM orders WHERE id > `+fmt.Sprint(id.First(h.now))+` AND id < `+fmt.Sprint(id.First(h.now)+1)+` ORDER BY id LIMIT 500`)
	require.Contains(t, plan, "orders_pkey", "a turn with nothing to do looks at nothing")
}

func explain(t *testing.T, h *house, sql string) string {
	t.Helper()
	rows, err := h.db.Pool.Query(t.Context(), `EXPLAIN `+sql)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}

func TestForEverIsForEver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	orderID := h.ppob("a")
	h.finish(orderID)
	text := h.of(orderID)
	h.now = h.now.Add(5000 * day)
	require.Zero(t, h.turn(retention.Policy{Payloads: -day, Deliveries: -day, Codes: -day, Customers: -day}))
	require.Equal(t, text, h.of(orderID))
}
