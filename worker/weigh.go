package worker

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/float"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// returnLast after an orphan's money was due nobody looks for it any more.
	returnLast = 6 * time.Hour
	// requeueFor is how long after it was placed an order that was not bought is bought
	// after all; whoever has waited for longer gets the money back.
	requeueFor = 15 * time.Minute
	// maxLost bounds how many attempts of an order may get lost without being bought.
	maxLost = 6
	// soon is when to look again at what takes moments, and between how long lies at
	// least between two readings for one purchase.
	soon, between = 2 * time.Second, 5 * time.Second
	// patience is how long after a reading was due it is looked for at ease, and after which
	// a person is told that there is no useful one.
	patience = 15 * time.Minute
)

// serial is the driver's rule for purchases that nobody can ask about; nil where
// they can be asked about, or the balance cannot be told.
func (w *Worker) serial() upstream.Serial {
	s, ok := w.Client.Driver().(upstream.Serial)
	if _, told := w.Client.Driver().(upstream.Balance); !ok || !told {
		return nil
	}
	return s
}

// watch says how a purchase on a watched account may end by itself; nil elsewhere.
func (w *Worker) watch(o *order.Order) (*float.Watch, error) {
	s := w.serial()
	if s == nil {
		return nil, nil //nolint:nilnil // most accounts are not watched
	}
	p, err := purchase(o, o.Attempt+1)
	if err != nil {
		return nil, err
	}
	watch := float.Watch{Ripe: w.Client.Timeout + min(settleTime, w.DebitLongest), Keeps: s.Orphaned(p)}
	if watch.Keeps == 0 {
		watch.Ripe = w.Client.Timeout + w.DebitLongest
	}
	return &watch, nil
}

// heldBack tells whether purchases wait for the outcome of one. Not knowing counts as
// not: the claim asks again, under the account's lock.
func (w *Worker) heldBack(ctx context.Context) bool {
	if w.serial() == nil {
		return false
	}
	held, err := float.HeldBack(ctx, w.DB.Pool, w.Client.Name, w.Now())
	if err != nil {
		w.Log.WarnContext(ctx, "held back?", "upstream", w.Client.Name, "error", err)
	}
	return held
}

// tick draws the tick before a question about a purchase; zero where nobody needs it.
func (w *Worker) tick(ctx context.Context) (int64, error) {
	if w.serial() == nil {
		return 0, nil
	}
	return float.Tick(ctx, w.DB.Pool)
}

// read asks for our balance with a slot. On a watched account it becomes a reading,
// and what nothing of ours explains is told.
func (w *Worker) read(ctx context.Context, slot *budget.Slot) error {
	begin, err := w.tick(ctx)
	if err != nil {
		slot.Unused(ctx)
		return err
	}
	asked := w.Now().UTC()
	balance, err := w.Client.BalanceWith(ctx, slot)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	said := w.Now().UTC()
	if err := w.Desk.BalanceSeen(ctx, w.Client.Name, balance, said); err != nil || begin == 0 {
		return err
	}
	if err := float.Saw(ctx, w.DB.Pool, w.Client.Name, begin, balance, asked, said); err != nil {
		return err
	}
	gap, err := float.Follow(ctx, w.DB.Pool, w.Client.Name, w.serial().Grain(), said)
	if gap != nil {
		w.Log.WarnContext(ctx, "the balance moved by what is not ours", "upstream", w.Client.Name, "rupiah", gap.Amount)
	}
	return err
}

// weigh looks at the balance for what became of a purchase that nobody can be asked
// about. It takes one step: wait, have others asked about, read, or conclude.
func (w *Worker) weigh(ctx context.Context, o *order.Order, slot *budget.Slot) error {
	x, op, err := w.opinion(ctx, o)
	if errors.Is(err, float.ErrNoMove) {
		slot.Unused(ctx)
		return w.toOperator(ctx, o)
	}
	if err != nil {
		slot.Unused(ctx)
		return err
	}
	if due := x.Due(); x.Stand == float.Sending || w.Now().Before(due) {
		slot.Unused(ctx)
		return w.waitFor(ctx, o, x, due)
	}
	if op.Need != float.NeedReading {
		slot.Unused(ctx)
		return w.conclude(ctx, o, x, op)
	}
	ready, err := w.quiet(ctx, x)
	if err != nil || !ready {
		slot.Unused(ctx)
		return errors.Join(err, w.lookAgain(ctx, o, x, soon))
	}
	err = w.read(ctx, slot)
	if x.Stand != float.Unknown {
		// With a reading or without one: what may never come keeps nobody back.
		if err := float.Release(context.WithoutCancel(ctx), w.DB.Pool, w.Client.Name); err != nil {
			return err
		}
		if err := w.wake(ctx); err != nil {
			return err
		}
	}
	if err != nil {
		w.Log.WarnContext(ctx, "no reading", "upstream", w.Client.Name, "order", o.ID, "error", err)
		return w.lookAgain(ctx, o, x, between)
	}
	if x, op, err = w.opinion(ctx, o); err != nil {
		return err
	}
	return w.conclude(ctx, o, x, op)
}

// opinion reads the account's book and what it says of an order.
func (w *Worker) opinion(ctx context.Context, o *order.Order) (*float.Move, float.Opinion, error) {
	now := w.Now().UTC()
	k := order.Move(o.ID, o.Attempt)
	since, err := float.Since(ctx, w.DB.Pool, k)
	if err != nil {
		return nil, float.Opinion{}, err
	}
	b, err := float.Open(ctx, w.DB.Pool, w.Client.Name, w.serial().Grain(), k, since, now)
	if err != nil {
		return nil, float.Opinion{}, err
	}
	return b.Move(k), b.Weigh(k, since, now), nil
}

// waitFor moves the look to when it is worth something. A purchase that is unknown and
// that its account takes for on its way (an older scheduler called it so) is put right.
func (w *Worker) waitFor(ctx context.Context, o *order.Order, x *float.Move, due time.Time) error {
	s := order.Step{From: order.Unknown, Version: o.Version, NextRunAt: &due, Polled: true}
	if x.Stand == float.Sending {
		s.Stand = float.Unknown
	}
	return w.quietly(ctx, o, s)
}

// lookAgain comes back after a while: the longer it was in vain, the later, unless
// others are kept back meanwhile. In the end a person is told, and it is looked no more.
func (w *Worker) lookAgain(ctx context.Context, o *order.Order, x *float.Move, after time.Duration) error {
	now := w.Now().UTC()
	s := order.Step{From: order.Unknown, Version: o.Version, Polled: true}
	if x.Stand != float.Unknown {
		late := now.Sub(x.Due())
		after = max(after, min(late/8, patience))
		if late > patience && o.Flag == "" {
			s.Flag = "outcome unknown: the balance cannot be read to any use"
		}
		if late > returnLast {
			return w.quietly(ctx, o, s)
		}
	}
	at := now.Add(after)
	s.NextRunAt = &at
	return w.quietly(ctx, o, s)
}

// quiet tells whether the balance can be read at this moment to some use: no purchase
// is on its way, and the last reading is not of just now. Where no open outcome keeps
// purchases back they are held for as long as the reading takes.
func (w *Worker) quiet(ctx context.Context, x *float.Move) (bool, error) {
	now := w.Now().UTC()
	if x.Stand != float.Unknown {
		if err := float.Hold(ctx, w.DB.Pool, w.Client.Name, now.Add(w.Client.Timeout+between)); err != nil {
			return false, err
		}
	}
	under, last, err := float.Busy(ctx, w.DB.Pool, w.Client.Name)
	return err == nil && !under && now.Sub(last) >= between, err
}

// conclude turns an opinion into the order's next step.
func (w *Worker) conclude(ctx context.Context, o *order.Order, x *float.Move, op float.Opinion) error {
	switch op.Need {
	case float.NeedReading:
		return w.lookAgain(ctx, o, x, between)
	case float.NeedWords:
		ids := make([]int64, len(op.Ask))
		for i, k := range op.Ask {
			ids[i] = k.ID
		}
		if err := order.PutBack(ctx, w.DB.Pool, ids, w.Now()); err != nil {
			return err
		}
		return w.lookAgain(ctx, o, x, soon)
	case float.NeedNothing, float.NeedBefore:
	}
	f := w.facts(ctx, o)
	s := afterWeighing(f, x, op)
	s.From, s.Version, s.Polled = order.Unknown, o.Version, true
	s.SaidCode, s.Proof = "balance", proof(x, op)
	if op.Before != nil {
		s.BalanceBefore = &op.Before.Balance
	}
	if op.After != nil {
		s.BalanceAfter = &op.After.Balance
	}
	if err := w.quietly(ctx, o, s); err != nil {
		return err
	}
	return w.wake(ctx)
}

// wake has queued orders looked at once purchases are no longer kept back.
func (w *Worker) wake(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if w.heldBack(ctx) {
		return nil
	}
	return order.Wake(ctx, w.DB.Pool, w.Client.Name, w.Now())
}

// afterWeighing is the table from what the balance says to what happens next.
func afterWeighing(f facts, x *float.Move, op float.Opinion) order.Step {
	switch op.Verdict {
	case float.Home:
		return afterHome(f, op.Stand(x))
	case float.Away:
		s := afterAway(f, x)
		if s.Stand != "" {
			s.RipeAt = &op.RipeAt
		}
		return s
	case float.Ambiguous:
		return toPerson(f, x, "outcome unknown: the balance does not tell which of several purchases was made")
	case float.Unexplained:
		return toPerson(f, x, "outcome unknown: the balance moved by what nothing of ours explains")
	case float.Disturbed:
		return toPerson(f, x, "outcome unknown: somebody else moves money on the account")
	}
	// No later look can tell more.
	s := order.Step{Flag: "outcome unknown: the balance was not known before the purchase"}
	if x.Stand == float.Unknown {
		s.Stand = float.Spoilt
	}
	return s
}

// afterHome: nothing was bought, or the money has come back. Neither was delivered.
func afterHome(f facts, stand float.Stand) order.Step {
	s := order.Step{Outcome: order.OutcomeNotBought, SaidDetail: "the balance shows that nothing was bought", Flag: "-", Stand: stand}
	if stand == float.Back {
		s.Outcome, s.SaidDetail = order.OutcomeReturned, "the balance shows that our money is with us, whether it was away or not"
	}
	switch {
	case f.o.CancelRequested:
		s.To, s.Message = order.Canceled, sayCanceled
	case f.o.Attempt >= maxLost, f.now.Sub(f.o.CreatedAt) > requeueFor:
		s.To, s.Message = order.Failed, sayUnavailable
	default:
		s.To, s.NextRunAt = order.Queued, &f.now
		if f.o.Attempt%3 == 0 {
			s.Route = f.next()
		}
	}
	return s
}

// afterAway: it was bought, and nobody knows its id. A number's money comes back at
// its end; anything else is delivered, and for a person to find.
func afterAway(f facts, x *float.Move) order.Step {
	s := order.Step{SaidDetail: "the balance shows that it was bought"}
	if x.Stand != float.Orphan {
		s.Stand, s.Flag = float.Orphan, "-"
		if due := x.ReturnDue(); !x.EndsAt.IsZero() {
			s.NextRunAt = &due
			return s
		}
		s.Flag = "outcome unknown: the balance shows that it was bought; its id there has to be found"
		return s
	}
	return waitingForReturn(f, x, s, "outcome unknown: the balance shows that it was bought, and its money has not come back")
}

// toPerson leaves an outcome to an operator and lets purchases go on. A number's money
// may yet be seen to be back after its end.
func toPerson(f facts, x *float.Move, why string) order.Step {
	if x.Stand == float.Orphan {
		return waitingForReturn(f, x, order.Step{}, why)
	}
	return waitingForReturn(f, x, order.Step{Stand: float.Spoilt, Flag: why}, why)
}

// waitingForReturn looks for a number's money after its end, at growing distances. One
// more rent later an operator is told that it is missing.
func waitingForReturn(f facts, x *float.Move, s order.Step, why string) order.Step {
	if x.EndsAt.IsZero() {
		return s
	}
	due, rent := x.ReturnDue(), x.EndsAt.Sub(x.ClaimedAt)
	late := f.now.Sub(due)
	switch {
	case late < 0:
		s.NextRunAt = &due
	case late < returnLast:
		s.NextRunAt = f.in(min(max(late/2, min(time.Minute, rent/4)), time.Hour))
	}
	if late > rent || s.NextRunAt == nil {
		s.Flag = why
	}
	return s
}

// evidence is what was concluded from, as it is kept. Money is whole rupiah.
type evidence struct {
	Cost        int64        `json:"cost"`
	Before      *balanceSeen `json:"before"`
	After       *balanceSeen `json:"after"`
	ExplainedBy []share      `json:"explained_by"`
	// Alike is how many purchases of this price are in the same doubt, this one among
	// them, and Out how many of those are away.
	Alike int `json:"alike"`
	Out   int `json:"out"`
}

type balanceSeen struct {
	Reading int64     `json:"reading"`
	Balance int64     `json:"balance"`
	At      time.Time `json:"at"`
}

// share is what another purchase did to the balance between the two readings, or may
// have done.
type share struct {
	Order   string      `json:"order"`
	Attempt int         `json:"attempt"`
	Stands  float.Stand `json:"stands"`
	Moved   []int64     `json:"moved"`
}

func proof(x *float.Move, op float.Opinion) *order.Proof {
	seen := func(r *float.Reading) *balanceSeen {
		if r == nil {
			return nil
		}
		return &balanceSeen{Reading: r.ID, Balance: r.Balance, At: r.SaidAt.UTC()}
	}
	e := evidence{Cost: x.Cost, Before: seen(op.Before), After: seen(op.After), ExplainedBy: []share{}, Alike: op.Alike, Out: op.Out}
	for _, p := range op.Parts {
		e.ExplainedBy = append(e.ExplainedBy, share{Order: strconv.FormatInt(p.ID, 10), Attempt: p.N, Stands: p.Stand, Moved: p.May})
	}
	verdict := string(op.Verdict)
	if verdict == "" {
		verdict = "no balance from before"
	}
	return &order.Proof{Verdict: verdict, Detail: e}
}
