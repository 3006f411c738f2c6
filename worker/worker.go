package worker

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/muarahq/muara/pkg/arrival"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/mask"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/withdraw"
)

// Options are what the workers of one upstream are made from.
type Options struct {
	Client   *upstream.Client
	DB       *pg.DB
	Writer   *order.Writer
	Desk     *intake.Desk
	Deposits *deposit.Keeper
	Payouts  *withdraw.Keeper
	// Inquiries keeps bills that are asked for, and Checks accounts that are looked up.
	Inquiries *inquiry.Keeper
	Checks    *check.Keeper
	Enqueuer  *queue.Enqueuer
	Log       *slog.Logger
	Tracer    trace.Tracer
	Now       func() time.Time
	// Mode is live, or test for workers of a sandbox: orders of the other are never sent.
	Mode string
	// DebitLongest is how long a purchase may take to show in the balance where a wrong
	// answer would deliver it twice; elsewhere it is half a minute of it at most.
	DebitLongest time.Duration
	// Recharge takes the price again after a late success where the balance allows.
	Recharge bool
	// Callbacks count what the upstream posted; nil counts nothing.
	Callbacks *CallbackMetrics
}

// Worker does the work of one upstream. Its methods are the tasks; [Serve] binds
// them to queues.
type Worker struct {
	Options
	notes    notes
	arrivals *arrival.Book
}

// New gives a worker.
func New(o Options) *Worker {
	return &Worker{Options: o, arrivals: arrival.New(o.DB.Pool, o.Client.Name)}
}

// errLater is returned by a task that has to wait: it is put back and no failure.
var errLater = errors.New("worker: later")

// purchase gives the driver's view of an order's attempt.
func purchase(o *order.Order, attempt int) (*upstream.Purchase, error) {
	p := &upstream.Purchase{
		OrderID: o.ID, Attempt: attempt, Ref: o.OurRef(attempt), MerchantRef: o.Ref, UpstreamRef: o.UpstreamRef, Category: string(o.Category),
		Code: o.Code, Extra: o.Extra, Target: o.Recipient(), Quantity: o.Quantity, Cost: o.Cost, MaxCost: o.MaxCost,
		Sends: o.Sends,
	}
	if o.ZoneID != nil {
		p.Zone = *o.ZoneID
	}
	if o.SentAt != nil {
		p.SentAt = *o.SentAt
	}
	if o.ExpiresAt != nil {
		p.ExpiresAt = *o.ExpiresAt
	}
	if b := o.Facts.Bill; b != nil {
		p.Bill = &upstream.Bill{
			UpstreamRef: b.UpstreamRef, CustomerName: b.CustomerName, Period: b.Period, Amount: b.Amount, Admin: b.Admin, Total: b.Total, Cost: b.Cost,
			Lines: b.Lines, ExpiresAt: b.PayBy,
		}
	}
	if len(o.Inputs) > 0 {
		if err := json.Unmarshal(o.Inputs, &p.Inputs); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// facts gathers what the policy needs.
func (w *Worker) facts(ctx context.Context, o *order.Order) facts {
	return facts{
		o: o, now: w.Now().UTC(), jitter: rand.Float64(), //nolint:gosec // spreads looks, guards nothing
		next: func() *order.Route { return w.next(ctx, o) },
	}
}

// next finds another offer. Without the history of attempts none may be chosen. A bill is
// paid through whom it was inquired, and through nobody else.
func (w *Worker) next(ctx context.Context, o *order.Order) *order.Route {
	if o.Facts.Bill != nil {
		return nil
	}
	tried, err := order.Tried(context.WithoutCancel(ctx), w.DB.Pool, o.ID)
	if err != nil {
		w.Log.ErrorContext(ctx, "no other offer looked for", "order", o.ID, "error", err)
		return nil
	}
	if len(tried)+1 >= maxRefusals {
		return nil
	}
	return w.Desk.NextRoute(o, append(tried, o.OfferID))
}

// record writes what an upstream said. It outlives its task and Postgres being
// away for a while; a step that is stale was overtaken by better news.
func (w *Worker) record(ctx context.Context, o *order.Order, s order.Step, cause string) error {
	const patience = 2 * time.Minute
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	s.OrderID, s.Cause, s.Recharge = o.ID, cause, w.Recharge
	if s.Attempt == 0 {
		s.Attempt = o.Attempt
	}
	w.spaced(o, &s)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		out, err := w.Writer.Do(ctx, s)
		switch {
		case err == nil:
			w.onward(ctx, out)
			return nil
		case errors.Is(err, order.ErrLinkBusy):
			return err
		case errors.Is(err, order.ErrStale), errors.Is(err, order.ErrNotFound):
			w.Log.WarnContext(ctx, "observation came too late", "order", o.ID, "attempt", s.Attempt, "to", s.To, "outcome", s.Outcome, "upstream_ref", s.UpstreamRef)
			return err
		case ctx.Err() != nil:
			// Everything an operator needs to finish it by hand is in this line.
			w.Log.ErrorContext(ctx, "observation lost", "order", o.ID, "attempt", s.Attempt, "to", s.To, "outcome", s.Outcome, "upstream_ref", s.UpstreamRef, "sn", mask.Number(s.SN), "error", err)
			return err
		}
		w.Log.WarnContext(ctx, "recording again", "order", o.ID, "error", err)
		pause(ctx, wait)
	}
}

// onward enqueues what a step has made due at once.
func (w *Worker) onward(ctx context.Context, o *order.Order) {
	if o.State != order.Queued || o.NextRunAt == nil || o.NextRunAt.After(w.Now()) {
		return
	}
	// Best effort: the scheduler finds the row.
	if err := w.Enqueuer.Buy(ctx, o.Upstream, o.ID, o.Attempt, 0); err != nil {
		w.Log.WarnContext(ctx, "enqueue", "order", o.ID, "error", err)
	}
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
