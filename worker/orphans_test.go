package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/float"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// rental is a day at a provider of numbers that loses answers: two workers, a
// scheduler that sweeps, merchants who cancel, and workers that die in mid-call.
type rental struct {
	*stage
	rng    *rand.Rand
	pods   [2]*Worker
	orders []*order.Order
	coded  map[int64]bool
	late   []lateAnswer
	mu     sync.Mutex
}

// lateAnswer is the answer that a frozen worker comes back with.
type lateAnswer struct {
	o  *order.Order
	a  answer
	at time.Time
}

func newRental(t *testing.T, seed uint64) *rental {
	t.Helper()
	r := &rental{stage: newStage(t, always(emulate.Outcome{Result: emulate.Silent})), rng: rand.New(rand.NewPCG(seed, 7)), coded: map[int64]bool{}}
	r.pods = [2]*Worker{r.b, r.worker("up-b", "rumahotp", r.serve(r.otp)+"/api")}
	return r
}

// in gives orders of these states.
func (r *rental) in(states ...order.State) []order.Order {
	r.t.Helper()
	list, err := order.ListAll(r.t.Context(), r.db.Bun, order.OperatorFilter{States: states, Limit: 10_000})
	require.NoError(r.t, err)
	out := make([]order.Order, len(list))
	for i := range list {
		out[i] = list[i].Order
	}
	return out
}

// buys runs the purchase tasks that are due, at most so many, on both pods. A few are
// killed in mid-call.
func (r *rental) buys(most int) {
	r.t.Helper()
	var all errgroup.Group
	n := 0
	for _, o := range r.in(order.Queued) {
		if o.NextRunAt.After(r.now) || n == most {
			continue
		}
		n++
		pod, dies := r.pods[r.rng.IntN(2)], r.rng.IntN(40) == 0
		before, comesBack, after := r.rng.IntN(2) == 0, r.rng.IntN(2) == 0, time.Duration(40+r.rng.IntN(60))*time.Second
		all.Go(func() error {
			if !dies {
				return pod.Buy(context.Background(), queue.Task{OrderID: o.ID, Attempt: o.Attempt})
			}
			return r.dying(pod, &o, before, comesBack, after)
		})
	}
	require.NoError(r.t, all.Wait())
}

// dying claims an order and dies before its call or after it; or it only freezes, and
// records the answer later.
func (r *rental) dying(w *Worker, o *order.Order, before, comesBack bool, after time.Duration) error {
	ctx := context.Background()
	slot, err := w.Client.Reserve(ctx, budget.Buy)
	if err != nil {
		return err
	}
	watch, err := w.watch(o)
	if err != nil {
		return err
	}
	claimed, err := w.claim(ctx, o, order.Step{Attempt: o.Attempt, From: order.Queued, Version: o.Version, To: order.Sending, Watch: watch}, "claim")
	if err != nil || claimed == nil || before {
		slot.Unused(ctx)
		return nil // another one has it, or purchases are kept back: as any worker does
	}
	p, err := w.prepared(ctx, claimed)
	if err != nil {
		return err
	}
	res, err := w.Client.Submit(ctx, slot, p)
	if comesBack {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.late = append(r.late, lateAnswer{claimed, answer{res: res, err: err}, r.clock().Add(after)})
	}
	return nil
}

// answers lets frozen workers come back.
func (r *rental) answers() {
	r.t.Helper()
	var left []lateAnswer
	for _, l := range r.late {
		if l.at.After(r.now) {
			left = append(left, l)
			continue
		}
		require.NoError(r.t, r.b.settle(r.t.Context(), l.o, l.a, "submit"))
	}
	r.late = left
}

// sweep is what the scheduler does: calls of dead workers become unknown, and what
// has been open for too long is left to an operator.
func (r *rental) sweep() {
	r.t.Helper()
	stuck, err := order.Stuck(r.t.Context(), r.db.Pool, r.now, 1000)
	require.NoError(r.t, err)
	for _, o := range stuck {
		_, err := r.writer.Do(r.t.Context(), order.Step{OrderID: o.ID, Attempt: o.Attempt, From: order.Sending, To: order.Unknown, Cause: "sweep", Outcome: "unknown", NextRunAt: &r.now})
		require.NoError(r.t, err)
	}
	_, err = order.Reweigh(r.t.Context(), r.db.Pool, r.now)
	require.NoError(r.t, err)
	long, err := order.Doubts(r.t.Context(), r.db.Pool, r.now.Add(-10*time.Minute), 1000)
	require.NoError(r.t, err)
	for _, o := range long {
		_, err := r.writer.Do(r.t.Context(), order.Step{OrderID: o.ID, Attempt: o.Attempt, From: order.Unknown, Version: o.Version, Cause: "sweep", Stand: float.Spoilt, Flag: "too long", NextRunAt: &r.now})
		require.NoError(r.t, err)
	}
}

// customers do with their numbers what customers do: most get a code, some cancel,
// some wait in vain.
func (r *rental) customers() {
	r.t.Helper()
	for _, o := range r.in(order.Processing, order.Unknown) {
		switch n := r.rng.IntN(40); {
		case n < 12 && o.UpstreamRef != "":
			r.otp.DeliverCode(o.UpstreamRef, "482913")
		case n == 12:
			_, err := r.writer.Cancel(r.t.Context(), r.db.Bun, r.wallet, o.Ref)
			require.NoError(r.t, err)
		}
	}
}

// round lets time pass and everybody do what is due.
func (r *rental) round(step time.Duration) {
	r.t.Helper()
	r.advance(step)
	r.sweep()
	r.answers()
	r.customers()
	if r.now.Unix()/30 != r.now.Add(-step).Unix()/30 {
		r.reading(r.pods[r.rng.IntN(2)])
	}
	r.buys(8)
	var turns errgroup.Group
	for _, w := range r.pods {
		turns.Go(func() error { return w.PollTurn(context.Background(), queue.Task{}) })
	}
	require.NoError(r.t, turns.Wait())
}

// flush takes away what Redis remembers, and the budget's memory with it.
func (r *rental) flush() {
	r.t.Helper()
	require.NoError(r.t, r.rdb.FlushDB(r.t.Context()).Err())
}

// share of purchases whose answer is lost, before and after their effect.
func (r *rental) losing(share float64) {
	r.t.Helper()
	r.fault(r.otp.Core, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", Probability: share / 2})
	r.fault(r.otp.Core, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", Probability: share / 4, AfterEffect: true})
	r.fault(r.otp.Core, emulate.Rule{Kind: emulate.Garbled, Endpoint: "purchase", Probability: share / 4, AfterEffect: true})
}

// books holds the provider's against ours: nothing that was delivered was given back,
// nothing was bought twice, and every rupiah that is away is accounted for.
func (r *rental) books() (flagged int) {
	r.t.Helper()
	owner := map[string]string{}
	paid, orphans := map[string]int{}, 0
	for _, o := range r.in(order.Completed, order.Failed, order.Expired, order.Canceled, order.Unknown, order.Processing, order.Queued, order.Sending) {
		e, err := order.ReadEvidence(r.t.Context(), r.db.Bun, o.ID)
		require.NoError(r.t, err)
		for _, a := range e.Attempts {
			if a.UpstreamRef != "" {
				require.Empty(r.t, owner[a.UpstreamRef])
				owner[a.UpstreamRef] = o.Ref
			}
		}
	}
	b := r.otp.Books()
	for _, p := range b.Purchases {
		switch {
		case p.Refunded:
		case owner[p.ID] == "":
			orphans++
		default:
			paid[owner[p.ID]]++
		}
	}
	unknown, cost := 0, int64(0)
	for _, ref := range r.orders {
		o := r.read(ref)
		what := fmt.Sprintf("%s is %s (%s)", o.Ref, o.State, o.Flag)
		switch {
		case o.State == order.Completed:
			require.Equal(r.t, 1, paid[o.Ref], what)
			cost += o.Cost
		case o.State.Final():
			require.Zero(r.t, paid[o.Ref], "given back and delivered: %s", what)
			require.Equal(r.t, o.Price, o.Refunded, what)
		default:
			require.Equal(r.t, order.Unknown, o.State, what)
			require.NotEmpty(r.t, o.Flag, what)
			require.Zero(r.t, o.Refunded, what)
			unknown++
			cost += 0
		}
		if o.Flag != "" {
			flagged++
			r.t.Log(what, r.evidence(o))
			r.tell(o)
		}
	}
	require.LessOrEqual(r.t, orphans, unknown, "numbers were bought that no order waits for")
	if unknown == 0 {
		require.Equal(r.t, cost, b.Opening-b.Balance, "what the provider took is what our books say")
	}
	r.audit()
	return flagged
}

// fromEnv is a number that a longer run may choose.
func fromEnv(t *testing.T, name string, standard int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// tell shows what is known of an order that did not settle by itself.
func (r *rental) tell(o *order.Order) {
	r.t.Helper()
	e, err := order.ReadEvidence(r.t.Context(), r.db.Bun, o.ID)
	require.NoError(r.t, err)
	for i, c := range e.Concluded {
		if i > 2 && i < len(e.Concluded)-1 {
			continue
		}
		var v evidence
		require.NoError(r.t, json.Unmarshal(c.Detail, &v))
		sure, open := int64(0), map[string]int{}
		for _, p := range v.ExplainedBy {
			if len(p.Moved) > 1 {
				open[fmt.Sprint(p.Stands, p.Moved)]++
			} else {
				sure += p.Moved[0]
			}
		}
		r.t.Logf("%s %s %v to %v: certain %d, alike %d, out %d, %v", c.CreatedAt.Format("15:04:05"), c.Verdict, v.Before, v.After, sure, v.Alike, v.Out, open)
	}
	for _, x := range e.Events {
		r.t.Logf("%s %d %s -> %s %s %s", x.CreatedAt.Format("15:04:05"), x.Attempt, x.FromState, x.ToState, x.Cause, x.Detail)
	}
}

func TestLostAnswersSettleThemselves(t *testing.T) {
	t.Parallel()
	total := fromEnv(t, "MUARA_LOST_ANSWERS", 60)
	r := newRental(t, uint64(fromEnv(t, "MUARA_LOST_SEED", 11)))
	r.reading(r.b)
	r.losing(float64(fromEnv(t, "MUARA_LOST_PERCENT", 10)) / 100)
	for len(r.orders) < total {
		for range min(1+r.rng.IntN(3), total-len(r.orders)) {
			r.orders = append(r.orders, r.rent(fmt.Sprint("r", len(r.orders))))
		}
		r.round(5 * time.Second)
		if r.rng.IntN(50) == 0 {
			r.flush()
		}
	}
	r.otp.ClearFaults(0)
	open := func() int {
		n := 0
		for _, o := range r.in(order.Queued, order.Sending, order.Processing, order.Unknown) {
			if o.State != order.Unknown || o.NextRunAt != nil {
				n++
			}
		}
		return n
	}
	for range 3000 {
		if open() == 0 {
			break
		}
		r.round(10 * time.Second)
	}
	if open() > 0 {
		for _, o := range r.in(order.Queued, order.Sending, order.Processing, order.Unknown) {
			r.tell(&o)
			b, err := float.Open(t.Context(), r.db.Pool, "up-b", 0, order.Move(o.ID, o.Attempt), time.Time{}, r.now)
			require.NoError(t, err)
			t.Logf("%s %s attempt %d next %v flag %q ref %q move %+v evidence %v", o.Ref, o.State, o.Attempt, o.NextRunAt, o.Flag, o.UpstreamRef, *b.Move(order.Move(o.ID, o.Attempt)), r.evidence(&o))
		}
	}
	require.Zero(t, open(), "all is final, or with an operator")
	var lost, attempts, held int
	for sql, n := range map[string]*int{
		`SELECT count(*) FROM order_events WHERE to_state = 'unknown' AND from_state = 'sending'`: &lost,
		`SELECT count(*) FROM order_attempts`:                                                     &attempts,
		`SELECT count(*) FROM float_gaps`:                                                         &held,
	} {
		require.NoError(t, r.db.Pool.QueryRow(t.Context(), sql).Scan(n))
	}
	flagged := r.books()
	t.Logf("%d orders, %d purchases, %d answers lost; %d orders need an operator; %d gaps in the balance", total, attempts, lost, flagged, held)
	require.Positive(t, lost)
	require.LessOrEqual(t, flagged*10, lost, "of those lost at most a tenth needs a person; all did before")
}
