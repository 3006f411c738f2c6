package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

// phase is a part of a comparison.
type phase string

// The phases, in their order. Those that the source cannot serve are left out.
const (
	phaseBegin     phase = ""
	phaseStatement phase = "statement" // the pages of the day
	phaseBefore    phase = "before"    // those of the quarter of an hour before it, and after it
	phaseAfter     phase = "after"
	phaseOurs      phase = "ours"    // what no page had
	phaseAsk       phase = "status"  // one purchase after the other, instead of the four above
	phaseBalance   phase = "balance" // the chain of balances
	phaseRecheck   phase = "recheck" // what our books have learned meanwhile
	phaseFlags     phase = "flags"   // shows findings to operators
)

const (
	// skew is how far the source's clock may be from ours.
	skew = 15 * time.Minute
	// lease is how long a step may take, the wait for the request budget included.
	lease = 3 * time.Minute
	// batch bounds what one step of our own reads.
	batch = 1000
	// writeTimeout bounds the writes of a step, which outlive its turn.
	writeTimeout = time.Minute
)

// Books is the source, as a comparison needs it. Its calls wait for the request budget
// by themselves; [upstream.ErrUnsupported] means that the source has no such thing.
type Books interface {
	// Offers tells which of the calls below the source has.
	Offers() (statement, movements, status bool)
	StatementPage(ctx context.Context, from, to time.Time, page int) (lines []upstream.StatementLine, next int, err error)
	Movements(ctx context.Context, from, to time.Time) ([]upstream.Movement, error)
	// AskLimit is how many purchases one request asks about, at least one. Ask gives
	// what the source says of them, by order id; those of which nothing can be learned
	// are left out. An error is one of the source or the budget, not of a purchase.
	AskLimit() int
	Ask(ctx context.Context, orders []*order.Order) (map[int64]*upstream.Result, error)
	// Raise shows an order to operators.
	Raise(ctx context.Context, orderID int64, why string) error
}

// Reconciler carries comparisons on.
type Reconciler struct {
	Pool *pgxpool.Pool
	Now  func() time.Time
	Log  *slog.Logger
}

// errOvertaken: another worker has gone on with the comparison.
var errOvertaken = errors.New("reconcile: overtaken")

// Step takes the next step of the oldest comparison of a source that is due; did tells
// whether there was one. After an error it is due again later, where it stood.
func (r *Reconciler) Step(ctx context.Context, b Books, upstream string) (did bool, err error) {
	run, err := r.take(ctx, upstream)
	if err != nil || run == nil {
		return false, err
	}
	err = r.step(ctx, b, run)
	if err == nil || errors.Is(err, errOvertaken) {
		return true, nil
	}
	over := ctx.Err() != nil // nobody failed: the turn is over, or the process drains
	wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return true, errors.Join(err, r.putBack(wctx, run, err, over))
}

const takeSQL = `UPDATE reconciliations SET next_run_at = $3, version = version + 1
	WHERE id = (SELECT id FROM reconciliations WHERE upstream = $1 AND next_run_at <= $2 ORDER BY next_run_at, day LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
	RETURNING ` + columns

// take leases a comparison.
func (r *Reconciler) take(ctx context.Context, upstream string) (*Run, error) {
	now := r.Now().UTC()
	run, err := scan(r.Pool.QueryRow(ctx, takeSQL, upstream, now, now.Add(lease)))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // none is due
	}
	if err != nil {
		return nil, fmt.Errorf("reconcile: take: %w", err)
	}
	return run, nil
}

// putBack makes it due again: at once after a turn that ended, later after a failure.
func (r *Reconciler) putBack(ctx context.Context, run *Run, cause error, over bool) error {
	now := r.Now().UTC()
	at, failures, said := now, run.Failures, run.LastError
	if !over {
		at = now.Add(min(time.Minute<<min(run.Failures, 6), time.Hour))
		failures, said = run.Failures+1, upstream.Words(cause)
	}
	_, err := r.Pool.Exec(ctx, `UPDATE reconciliations SET next_run_at = $3, failures = $4, last_error = $5, version = version + 1 WHERE id = $1 AND version = $2`,
		run.ID, run.version, at, failures, said)
	if err != nil {
		return fmt.Errorf("reconcile: put back: %w", err)
	}
	return nil
}

// step takes one step of a comparison. Steps talk to the source first and write then,
// also when the turn has ended meanwhile.
func (r *Reconciler) step(ctx context.Context, b Books, run *Run) error {
	hasStatement, _, hasStatus := b.Offers()
	switch run.phase {
	case phaseBegin:
		to, means := phaseBalance, ""
		switch {
		case hasStatement:
			to, means = phaseStatement, ByStatement
		case hasStatus:
			to, means = phaseAsk, ByStatus
		}
		return r.write(ctx, run, func(_ context.Context, _ pgx.Tx, next *Run) error {
			next.Means = means
			next.goTo(to)
			return nil
		})
	case phaseStatement, phaseBefore, phaseAfter:
		return r.readPage(ctx, b, run)
	case phaseOurs:
		return r.write(ctx, run, onlyOurs)
	case phaseAsk:
		return r.ask(ctx, b, run)
	case phaseBalance:
		return r.chain(ctx, b, run)
	case phaseRecheck:
		return r.write(ctx, run, lookAgain)
	case phaseFlags:
		return r.close(ctx, b, run)
	}
	return fmt.Errorf("reconcile: no such phase %q", run.phase)
}

// goTo begins a phase.
func (r *Run) goTo(p phase) { r.phase, r.page, r.cursorOrder, r.cursorN = p, 1, 0, 0 }

const advanceSQL = `UPDATE reconciliations SET version = version + 1, phase = $3, page = $4, cursor_order = $5, cursor_n = $6, means = $7, unchecked = $8, failures = 0, last_error = '',
	opening = $9, opening_at = $10, closing = $11, closing_at = $12, unexplained = $13, breaks = $14, note = $15, next_run_at = $16 WHERE id = $1 AND version = $2`

// write does what a step came to, in one commit with where to go on; fn changes next,
// a copy of the comparison.
func (r *Reconciler) write(ctx context.Context, run *Run, fn func(ctx context.Context, tx pgx.Tx, next *Run) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	next := *run
	err := pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		if err := fn(ctx, tx, &next); err != nil {
			return err
		}
		c := next.Chain
		tag, err := tx.Exec(ctx, advanceSQL, run.ID, run.version, next.phase, next.page, next.cursorOrder, next.cursorN, next.Means, next.Unchecked,
			c.Opening, c.OpeningAt, c.Closing, c.ClosingAt, c.Unexplained, c.Breaks, next.Note, r.Now().UTC())
		if err == nil && tag.RowsAffected() == 0 {
			err = errOvertaken
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reconcile: %s of %s: %w", run.Upstream, run.Day, err)
	}
	return nil
}

// onlyOurs writes what was bought, or may have been, and is in no page.
func onlyOurs(ctx context.Context, tx pgx.Tx, next *Run) error {
	_, err := tx.Exec(ctx, `INSERT INTO reconciliation_lines (reconciliation_id, key, kind, order_id, attempt, our_ref, upstream_ref, code, target, ours, theirs, ours_cost, at, note)
		SELECT $1, k.key, 'only_ours', a.order_id, a.n, a.our_ref, a.upstream_ref, a.code, a.target, a.outcome, '', a.cost, a.started_at, ''
		FROM order_attempts a CROSS JOIN LATERAL (SELECT 'o:' || a.order_id || ':' || a.n AS key) k
		WHERE a.upstream = $2 AND a.started_at >= $3 AND a.started_at < $4 AND a.outcome NOT IN `+givenSQL+`
			AND NOT EXISTS (SELECT FROM reconciliation_lines l WHERE l.reconciliation_id = $1 AND l.key = k.key)
		ON CONFLICT DO NOTHING`, next.ID, next.Upstream, next.From, next.To)
	next.goTo(phaseBalance)
	return err
}

// lookAgain compares findings with what our books say by now.
func lookAgain(ctx context.Context, tx pgx.Tx, next *Run) error {
	rows, err := tx.Query(ctx, `SELECT l.key, l.kind, l.theirs, coalesce(l.theirs_cost, 0), a.order_id, a.n, a.cost, a.outcome
		FROM reconciliation_lines l JOIN order_attempts a ON a.order_id = l.order_id AND a.n = l.attempt
		WHERE l.reconciliation_id = $1 AND l.kind <> 'matched' AND l.kind <> 'only_theirs' AND (l.order_id, l.attempt) > ($2, $3)
		ORDER BY l.order_id, l.attempt LIMIT $4`, next.ID, next.cursorOrder, next.cursorN, batch)
	if err != nil {
		return err
	}
	type found struct {
		key    string
		kind   Kind
		theirs upstream.State
		cost   int64
		a      attempt
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f found, err error) {
		err = row.Scan(&f.key, &f.kind, &f.theirs, &f.cost, &f.a.orderID, &f.a.n, &f.a.cost, &f.a.outcome)
		return f, err
	})
	if err != nil {
		return err
	}
	var b pgx.Batch
	for i := range all {
		f := &all[i]
		next.cursorOrder, next.cursorN = f.a.orderID, f.a.n
		if f.kind == OnlyOurs {
			if standingOf(f.a.outcome) == withUs { // nothing is at stake any more
				b.Queue(`DELETE FROM reconciliation_lines WHERE reconciliation_id = $1 AND key = $2`, next.ID, f.key)
			}
			continue
		}
		b.Queue(`UPDATE reconciliation_lines SET kind = $3, ours = $4, ours_cost = $5 WHERE reconciliation_id = $1 AND key = $2`,
			next.ID, f.key, compare(&f.a, f.theirs, f.cost), f.a.outcome, f.a.cost)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	if len(all) < batch {
		next.goTo(phaseFlags)
	}
	return nil
}
