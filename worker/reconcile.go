package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/upstream"
)

// ReconcileTurn goes on comparing our books with the upstream's, step by step, for as
// long as a turn lasts.
func (w *Worker) ReconcileTurn(ctx context.Context, _ queue.Task) error {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	r := reconcile.Reconciler{Pool: w.DB.Pool, Now: w.Now, Log: w.Log}
	for ctx.Err() == nil {
		did, err := r.Step(ctx, books{w}, w.Client.Name)
		if err != nil {
			// The comparison has its own next time; trying the task again would not wait for it.
			level := slog.LevelWarn
			if ctx.Err() != nil { // the turn ended while it waited for the budget
				level = slog.LevelDebug
			}
			w.Log.Log(ctx, level, "reconcile turn", "upstream", w.Client.Name, "error", err)
			return nil
		}
		if !did {
			return nil
		}
	}
	return nil
}

// books are the upstream's, as a comparison needs them.
type books struct{ w *Worker }

// Offers tells what the driver can do. Every one can be asked about a purchase.
func (b books) Offers() (statement, movements, status bool) {
	d := b.w.Client.Driver()
	_, statement = d.(upstream.Statement)
	_, movements = d.(upstream.Movements)
	return statement, movements, true
}

// StatementPage reads a page of the upstream's own books.
func (b books) StatementPage(ctx context.Context, from, to time.Time, page int) ([]upstream.StatementLine, int, error) {
	return b.w.Client.StatementPage(ctx, from, to, page)
}

// Movements reads the changes of our balance.
func (b books) Movements(ctx context.Context, from, to time.Time) ([]upstream.Movement, error) {
	return b.w.Client.Movements(ctx, from, to)
}

// AskLimit is how many purchases one request asks about.
func (b books) AskLimit() int { return max(b.w.Client.BulkLimit(), 1) }

// Raise shows an order to operators.
func (b books) Raise(ctx context.Context, orderID int64, why string) error {
	return b.w.Writer.Raise(ctx, b.w.DB.Bun, orderID, why, "reconcile")
}

// Ask asks about orders behind everything else. An answer that cannot be read, or that
// refuses, is one from which nothing is learned; without an answer it is asked again.
func (b books) Ask(ctx context.Context, orders []*order.Order) (map[int64]*upstream.Result, error) {
	var ps []*upstream.Purchase
	for _, o := range orders {
		p, err := purchase(o, o.Attempt)
		if err != nil {
			return nil, err
		}
		if b.mayAsk(o, p) {
			ps = append(ps, p)
		}
	}
	if len(ps) == 0 {
		return nil, nil //nolint:nilnil // nothing can be learned of any
	}
	slot, err := b.w.Client.Reserve(ctx, budget.Catalog)
	if err != nil {
		return nil, err
	}
	if b.w.Client.BulkLimit() > 0 {
		said, err := b.w.Client.BulkStatus(ctx, slot, ps)
		return said, failedAsk(err)
	}
	res, err := b.one(ctx, slot, ps[0])
	if err != nil {
		return nil, failedAsk(err)
	}
	return map[int64]*upstream.Result{ps[0].OrderID: res}, nil
}

// one asks about one purchase, by the upstream's id of it or else by our reference.
func (b books) one(ctx context.Context, slot *budget.Slot, p *upstream.Purchase) (*upstream.Result, error) {
	if p.UpstreamRef == "" {
		return b.w.Client.Lookup(ctx, slot, p)
	}
	return b.w.Client.Status(ctx, slot, p)
}

// mayAsk is whether a question about an order is free: never where it is an order
// itself, and where there is a rule for questions at all only once the order has ended,
// since the polls ask until then.
func (b books) mayAsk(o *order.Order, p *upstream.Purchase) bool {
	if p.UpstreamRef == "" {
		if _, lookup := b.w.Client.Driver().(upstream.Lookup); !lookup {
			return false
		}
	}
	rule, ok := b.w.rule(p)
	if !ok {
		return true
	}
	return !rule.Buys && o.State.Final() && (rule.Within == 0 || b.w.Now().Sub(o.CreatedAt) < rule.Within)
}

// failedAsk keeps an error only where it is the upstream's and not an answer's.
func failedAsk(err error) error {
	if err == nil || understandable(err) || upstream.AsError(err).Class == upstream.Rejected {
		return nil
	}
	return err
}
