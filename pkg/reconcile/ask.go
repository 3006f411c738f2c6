package reconcile

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

const askSQL = `SELECT a.order_id, a.n, a.our_ref, a.upstream_ref, a.code, a.target, a.cost, a.outcome, a.started_at FROM order_attempts a
	WHERE a.upstream = $1 AND a.started_at >= $2 AND a.started_at < $3 AND (a.order_id, a.n) > ($4, $5)
		AND (a.outcome NOT IN ` + givenSQL + ` OR a.outcome IN ('failed', 'canceled', 'expired') AND a.upstream_ref <> '')
	ORDER BY a.order_id, a.n LIMIT $6`

// ask compares as many purchases as one request asks about: those that were bought or
// may have been, and those that the source said came to nothing.
func (r *Reconciler) ask(ctx context.Context, b Books, run *Run) error {
	rows, err := r.Pool.Query(ctx, askSQL, run.Upstream, run.From, run.To, run.cursorOrder, run.cursorN, max(min(b.AskLimit(), batch), 1))
	if err != nil {
		return fmt.Errorf("reconcile: attempts: %w", err)
	}
	mine, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*attempt, error) {
		a := new(attempt)
		return a, row.Scan(&a.orderID, &a.n, &a.ourRef, &a.upstreamRef, &a.code, &a.target, &a.cost, &a.outcome, &a.startedAt)
	})
	if err != nil {
		return fmt.Errorf("reconcile: attempts: %w", err)
	}
	orders, err := r.askable(ctx, run, mine)
	if err != nil {
		return err
	}
	said := map[int64]*upstream.Result{}
	if len(orders) > 0 {
		if said, err = b.Ask(ctx, orders); err != nil {
			return err
		}
	}
	asked := map[int64]int{}
	for _, o := range orders {
		asked[o.ID] = o.Attempt
	}
	return r.write(ctx, run, func(ctx context.Context, tx pgx.Tx, next *Run) error {
		if len(mine) == 0 {
			next.goTo(phaseBalance)
			return nil
		}
		var batch pgx.Batch
		for _, a := range mine {
			next.cursorOrder, next.cursorN = a.orderID, a.n
			res := said[a.orderID]
			if res == nil || asked[a.orderID] != a.n {
				next.Unchecked++
				continue
			}
			queueSaid(&batch, run.ID, a, res)
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
}

// askable are the orders of these attempts that the source can be asked about: an
// attempt that its order has left behind cannot.
func (r *Reconciler) askable(ctx context.Context, run *Run, mine []*attempt) ([]*order.Order, error) {
	current := map[int64]int{}
	ids := make([]int64, len(mine))
	for i, a := range mine {
		ids[i] = a.orderID
		current[a.orderID] = max(current[a.orderID], a.n)
	}
	all, err := order.ByIDs(ctx, r.Pool, ids)
	if err != nil {
		return nil, fmt.Errorf("reconcile: orders: %w", err)
	}
	var out []*order.Order
	for _, o := range all {
		if o.Attempt == current[o.ID] && o.Upstream == run.Upstream && o.State != order.Queued && o.State != order.Sending {
			out = append(out, o)
		}
	}
	return out, nil
}

// queueSaid writes what the source said of an attempt. That it knows none is a finding
// only where it should.
func queueSaid(b *pgx.Batch, id int64, a *attempt, res *upstream.Result) {
	l := &upstream.StatementLine{Ref: a.ourRef, UpstreamRef: a.upstreamRef, State: res.State, At: a.startedAt}
	if res.Cost != nil {
		l.Cost = *res.Cost
	}
	if res.State != upstream.NotFound {
		queueLine(b, id, l, a, "")
		return
	}
	if standingOf(a.outcome) != withUs {
		b.Queue(lineSQL, id, a.key(), OnlyOurs, a.orderID, a.n, a.ourRef, a.upstreamRef, a.code, a.target, a.outcome, "", a.cost, nil, a.startedAt, "")
	}
}
