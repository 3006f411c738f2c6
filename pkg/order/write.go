package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/webhook"
)

// writeSet bounds how many steps share a commit.
const writeSet = 64

// Writer changes orders. It is the only way an order changes once it is placed:
// state, money, evidence and webhook go into one commit, guarded by the row's
// lock and by (state, attempt). Concurrent steps share commits.
type Writer struct {
	db       pg.Beginner
	accounts *ledger.Accounts
	now      func() time.Time
	log      *slog.Logger
	// told is called after a commit with the ids of the webhook events in it: a
	// hint, so that delivery need not wait for the scheduler. It must not block.
	told    func(events []int64)
	metrics *Metrics
	group   *group[*Step, *Order]
}

// NewWriter starts a writer; told and m may be nil.
func NewWriter(db pg.Beginner, accounts *ledger.Accounts, now func() time.Time, log *slog.Logger, told func(events []int64), m *Metrics) *Writer {
	w := &Writer{metrics: m, db: db, accounts: accounts, now: now, log: log, told: told}
	w.group = newGroup(writeSet, w.commit)
	return w
}

// Close finishes what is on its way and refuses the rest.
func (w *Writer) Close() { w.group.close() }

// Do takes the step and gives the order as it stands then. [ErrStale] when the
// order is no longer where the step starts, [ErrNotFound] when there is none.
func (w *Writer) Do(ctx context.Context, s Step) (*Order, error) {
	return w.group.do(ctx, &s)
}

func (w *Writer) commit(set []*call[*Step, *Order]) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(set[0].ctx), commitTimeout)
	defer cancel()
	var events []int64
	var changes []*change
	begun := time.Now()
	err := pg.InTx(ctx, w.db, func(tx pgx.Tx) (err error) {
		changes, events, err = w.write(ctx, tx, set)
		return err
	})
	if len(set) > 1 && isolable(err) {
		// One that cannot be written must not keep the others from it.
		for i := range set {
			w.commit(set[i : i+1])
		}
		return
	}
	w.metrics.took("write", begun)
	if pg.IsUnique(err, "orders_link") { // alone by now: it was to go where its link is taken
		for _, c := range set {
			c.out, c.err = nil, ErrLinkBusy
		}
		return
	}
	if err != nil {
		for _, c := range set {
			c.out, c.err = nil, fmt.Errorf("order: write: %w", err)
		}
		return
	}
	for _, c := range changes {
		w.metrics.changed(c, c.o.UpdatedAt)
	}
	if w.told != nil && len(events) > 0 {
		w.told(events)
	}
}

const lockSQL = `SELECT ` + columns + ` FROM orders o WHERE o.id = ANY($1) ORDER BY o.id FOR NO KEY UPDATE`

func (w *Writer) write(ctx context.Context, tx pgx.Tx, set []*call[*Step, *Order]) ([]*change, []int64, error) {
	ids := make([]int64, len(set))
	for i, c := range set {
		ids[i] = c.in.OrderID
	}
	rows, err := tx.Query(ctx, lockSQL, ids)
	if err != nil {
		return nil, nil, err
	}
	found, err := collect(rows)
	if err != nil {
		return nil, nil, err
	}
	orders := make(map[int64]*Order, len(found))
	for _, o := range found {
		orders[o.ID] = o
	}
	now := w.now().UTC().Truncate(time.Microsecond)
	held, err := watched(ctx, tx, orders, set, now)
	if err != nil {
		return nil, nil, err
	}
	var changes []*change
	late := earlierWins{}
	for _, c := range set {
		c.out, c.err = nil, nil
		o := orders[c.in.OrderID]
		if o == nil {
			c.err = ErrNotFound
			continue
		}
		if c.in.Watch != nil && held[o.Upstream] && o.can(c.in) {
			c.err = ErrHeld
			continue
		}
		if err := late.admit(ctx, tx, changes, o, c.in); err != nil {
			if !errors.Is(err, ErrStale) {
				return nil, nil, err
			}
			c.err = err
			continue
		}
		ch, err := apply(o, c.in, now)
		if err != nil {
			c.err = err
			continue
		}
		c.out = o
		changes = append(changes, ch)
	}
	events, err := w.store(ctx, tx, changes, now)
	return changes, events, err
}

// earlierWins remembers successes of earlier attempts within one commit.
type earlierWins map[[2]int64]bool

// admit prepares a success that comes when its order has gone on: of an earlier
// attempt, or of the last one after the order went back to the queue. What it was
// and cost is in the attempt's row; the row also says whether it was booked before.
func (e earlierWins) admit(ctx context.Context, tx pgx.Tx, set []*change, o *Order, s *Step) error {
	if s.found = false; s.To == Processing {
		return e.accepted(ctx, tx, set, o, s)
	}
	if s.To != Completed || s.Attempt < 1 || s.Attempt > o.Attempt || (s.Attempt == o.Attempt && o.State != Queued) {
		return nil
	}
	key := [2]int64{s.OrderID, int64(s.Attempt)}
	a, err := attempt(ctx, tx, set, s.OrderID, s.Attempt)
	if err != nil {
		return err
	}
	if e[key] || a.Outcome == "succeeded" {
		return ErrStale
	}
	e[key] = true
	s.Outcome = "succeeded"
	if s.Cost == nil {
		s.Cost = &a.Cost
	}
	if s.Attempt == o.Attempt {
		o.returnTo(a)
	}
	return nil
}

// accepted is admit for the word that a purchase is under way: its order is the
// attempt's again while nothing else was sent, and else an operator's task, once.
func (e earlierWins) accepted(ctx context.Context, tx pgx.Tx, set []*change, o *Order, s *Step) error {
	here := s.Attempt == o.Attempt && o.can(s)
	if s.Sends == 0 || s.Attempt < 1 || s.Attempt > o.Attempt || here && o.State != Queued || !here && s.UpstreamRef == "" {
		return nil
	}
	a, err := attempt(ctx, tx, set, s.OrderID, s.Attempt)
	key := [2]int64{s.OrderID, int64(s.Attempt)}
	switch {
	case err != nil:
		return err
	case e[key], a.UpstreamRef != "", a.Outcome == "succeeded", s.Attempt == o.Attempt && (o.State == Completed || o.State == Partial):
		return ErrStale
	case here:
		o.returnTo(a)
		return nil
	}
	e[key], s.found = true, true
	return nil
}

// returnTo makes the order an attempt's again, wherever it was going to go.
func (o *Order) returnTo(a *Attempt) {
	o.Upstream, o.OfferID, o.Code, o.UpstreamRef = a.Upstream, a.OfferID, a.Code, a.UpstreamRef
}

// attempt gives an attempt's row, which this very commit may be about to write.
func attempt(ctx context.Context, tx pgx.Tx, set []*change, orderID int64, n int) (*Attempt, error) {
	for _, c := range set {
		if c.claim != nil && c.claim.OrderID == orderID && c.claim.N == n {
			return c.claim, nil
		}
	}
	a := new(Attempt)
	err := tx.QueryRow(ctx, `SELECT outcome, upstream, offer_id, code, cost, upstream_ref FROM order_attempts WHERE order_id = $1 AND n = $2`, orderID, n).
		Scan(&a.Outcome, &a.Upstream, &a.OfferID, &a.Code, &a.Cost, &a.UpstreamRef)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrStale
	}
	return a, err
}

// store writes what changed: money first, since a late charge may not be borne,
// then orders, evidence and events.
func (w *Writer) store(ctx context.Context, tx pgx.Tx, changes []*change, now time.Time) ([]int64, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	book, err := w.lock(ctx, tx, changes)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if err := w.post(ctx, tx, book, changes, c); err != nil {
			return nil, err
		}
	}
	var b pgx.Batch
	written := map[int64]bool{}
	var events []webhook.Event
	for _, c := range changes {
		if !written[c.o.ID] { // every change of the set has been applied by now
			written[c.o.ID] = true
			c.queueOrder(&b)
		}
		c.queueAttempt(&b, now)
		c.queueMove(&b, now)
		c.queueEvent(&b, now)
		if c.event {
			events = append(events, c.webhook(now))
		}
	}
	book.Queue(&b, now)
	queueRoom(&b, changes)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, err
	}
	for _, c := range changes {
		if c.step.Audit == nil {
			continue
		}
		if err := audit.Write(ctx, tx, *c.step.Audit); err != nil {
			return nil, err
		}
	}
	if len(events) == 0 {
		return nil, nil
	}
	return webhook.Insert(ctx, tx, events)
}

func (w *Writer) lock(ctx context.Context, tx pgx.Tx, changes []*change) (*ledger.Book, error) {
	var wallets []int64
	for _, c := range changes {
		if c.wallet {
			wallets = append(wallets, c.o.WalletID)
		}
	}
	if len(wallets) == 0 {
		return ledger.NewBook(), nil
	}
	return ledger.Lock(ctx, tx, wallets...)
}

// post turns a change's postings into entries.
func (w *Writer) post(ctx context.Context, tx pgx.Tx, book *ledger.Book, set []*change, c *change) error {
	upstream := c.upstream
	if c.attemptOnly {
		a, err := attempt(ctx, tx, set, c.o.ID, c.step.Attempt)
		if err != nil {
			return err
		}
		upstream = a.Upstream
	}
	for i := 0; i < len(c.postings); i++ {
		p := c.postings[i]
		e, err := w.entry(ctx, c.o, upstream, p)
		if err != nil {
			return err
		}
		err = book.Post(e)
		if p.kind == ledger.KindLateCharge && (err == nil || errors.Is(err, ledger.ErrInsufficient)) {
			c.recharged(err == nil)
			if err != nil {
				i-- // the charge has been replaced by the loss
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry gives a posting its accounts.
func (w *Writer) entry(ctx context.Context, o *Order, upstream string, p posting) (ledger.Entry, error) {
	wallet := ledger.WalletAccount(o.WalletID)
	e := ledger.Entry{Subject: subject, SubjectID: o.ID, Kind: p.kind, N: p.n, Amount: p.amount, Notes: o.Name}
	debit, credit := "", ""
	switch p.kind {
	case ledger.KindRefund:
		debit, e.Credit = ledger.InFlight, wallet
		if p.n > 0 { // it had been settled
			debit = ledger.Revenue
		}
	case ledger.KindSettle:
		debit, credit = ledger.InFlight, ledger.Revenue
	case ledger.KindCost:
		debit, credit = ledger.Cost(upstream), ledger.Float(upstream)
	case ledger.KindCostBack:
		debit, credit = ledger.Float(upstream), ledger.Cost(upstream)
	case ledger.KindLateCost:
		debit, credit = ledger.Loss(upstream), ledger.Float(upstream)
	case ledger.KindLateCharge:
		e.Debit, credit = wallet, ledger.Revenue
	}
	var err error
	if debit != "" {
		if e.Debit, err = w.accounts.System(ctx, o.Mode, debit); err != nil {
			return e, err
		}
	}
	if credit != "" {
		if e.Credit, err = w.accounts.System(ctx, o.Mode, credit); err != nil {
			return e, err
		}
	}
	return e, nil
}

const updateSQL = `UPDATE orders SET state = $2, version = $3, attempt = $4, sends = $24, upstream = $5, offer_id = $6, code = $7, extra = $8, cost = $9,
	upstream_ref = $10, message = $11, facts = $12, refunded = $13, cancel_requested = $14, finish_requested = $15, resend_requested = $16,
	flag = $17, next_run_at = $18, polls = $19, expires_at = $20, sent_at = $21, updated_at = $22, completed_at = $23, serial = $25 WHERE id = $1`

func (c *change) queueOrder(b *pgx.Batch) {
	o := c.o
	b.Queue(updateSQL, o.ID, o.State, o.Version, o.Attempt, o.Upstream, o.OfferID, o.Code, o.Extra, o.Cost,
		o.UpstreamRef, o.Message, o.Facts, o.Refunded, o.CancelRequested, o.FinishRequested, o.ResendRequested,
		o.Flag, o.NextRunAt, o.Polls, o.ExpiresAt, o.SentAt, o.UpdatedAt, o.CompletedAt, o.Sends, o.Serial)
}

const claimSQL = `INSERT INTO order_attempts (order_id, n, upstream, offer_id, our_ref, upstream_ref, code, target, cost,
	outcome, reason, said_code, said_detail, balance_before, started_at) VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, 'sending', '', '', '', $9, $10)`

const attemptSQL = `UPDATE order_attempts SET outcome = coalesce(nullif($3, ''), outcome), reason = coalesce(nullif($4, ''), reason),
	said_code = coalesce(nullif($5, ''), said_code), said_detail = coalesce(nullif($6, ''), said_detail), upstream_ref = coalesce(nullif($7, ''), upstream_ref),
	cost = coalesce($8, cost), balance_before = coalesce($9, balance_before), balance_after = coalesce($10, balance_after),
	finished_at = CASE WHEN $11 THEN $12::timestamptz ELSE finished_at END
	WHERE order_id = $1 AND n = $2`

func (c *change) queueAttempt(b *pgx.Batch, now time.Time) {
	s, o := c.step, c.o
	if a := c.claim; a != nil {
		b.Queue(claimSQL, a.OrderID, a.N, a.Upstream, a.OfferID, a.OurRef, a.Code, a.Target, a.Cost, a.BalanceBefore, a.StartedAt)
		return
	}
	if s.Attempt == 0 || (s.Outcome == "" && s.UpstreamRef == "" && s.SaidCode == "" && s.SaidDetail == "" && s.BalanceBefore == nil && s.BalanceAfter == nil) {
		return
	}
	over := s.To != "" && s.To != Processing && s.To != Unknown
	b.Queue(attemptSQL, o.ID, s.Attempt, s.Outcome, s.Reason, s.SaidCode, s.SaidDetail, s.UpstreamRef, s.Cost, s.BalanceBefore, s.BalanceAfter, over, now)
}

const eventSQL = `INSERT INTO order_events (order_id, version, attempt, from_state, to_state, cause, detail, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

// queueEvent keeps the history of an order; a question that brought nothing new
// is not part of it.
func (c *change) queueEvent(b *pgx.Batch, now time.Time) {
	s, o := c.step, c.o
	if s.To == "" && !c.event && s.Flag == "" && s.Wish == "" && s.Audit == nil && !c.attemptOnly {
		return
	}
	to := s.To
	if to == "" || c.attemptOnly {
		to = c.from
	}
	b.Queue(eventSQL, o.ID, c.version, s.Attempt, string(c.from), string(to), s.Cause, s.detail(), now)
}

func (s *Step) detail() string {
	text := s.Outcome
	for _, part := range []string{s.Reason, s.SaidCode, s.SaidDetail, string(s.Wish), s.Flag, s.Note} {
		if part != "" && part != "-" {
			text += " " + part
		}
	}
	return text
}

// webhook is the event as the merchant gets it: the order as it stands now.
func (c *change) webhook(now time.Time) webhook.Event {
	return webhook.Event{
		WalletID: c.o.WalletID, Mode: c.o.Mode, Type: webhook.OrderUpdated, Subject: "order:" + strconv.FormatInt(c.o.ID, 10), Version: c.version,
		URL: c.o.CallbackURL, Data: map[string]any{"order": c.view}, At: now, TraceParent: c.o.TraceParent,
	}
}

// InquiryRef is our reference for an inquiry and for the payment of what it found.
func InquiryRef(inquiryID int64) string { return "I" + id.Text(inquiryID) }

// OurRef is our reference for an attempt at an upstream: unique for ever, and the
// same on every question about it.
func OurRef(orderID int64, attempt int) string {
	return "M" + id.Text(orderID) + strconv.Itoa(attempt)
}

// Recipient is the customer's number, id or link that the order is for.
func (o *Order) Recipient() string {
	if o.CustomerNo != nil {
		return *o.CustomerNo
	}
	return deref(o.Target)
}
