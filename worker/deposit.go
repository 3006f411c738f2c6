package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
)

// askDeposit does what a merchant waits for with a deposit, and says how it went;
// the row has the facts.
func (w *Worker) askDeposit(ctx context.Context, t queue.Task) error {
	var verdict string
	var err error
	switch t.Kind {
	case deposit.AskInvoice:
		verdict, err = w.createInvoice(ctx, t)
	case deposit.AskCancel:
		verdict, err = w.cancelInvoice(ctx, t)
	default:
		verdict = deposit.Stale
	}
	if err != nil {
		w.Log.WarnContext(ctx, "ask", "kind", t.Kind, "upstream", w.Client.Name, "deposit", t.DepositID, "error", err)
		verdict = deposit.Refused
	}
	return w.Enqueuer.ReplyVerdict(context.WithoutCancel(ctx), t.Reply, verdict)
}

// createInvoice asks for an invoice, once an attempt: budget, claim, call, record.
func (w *Worker) createInvoice(ctx context.Context, t queue.Task) (verdict string, err error) {
	d, err := w.Deposits.ByID(ctx, t.DepositID)
	if errors.Is(err, deposit.ErrNotFound) {
		return deposit.Stale, nil
	}
	if err != nil {
		return "", err
	}
	if d.State != deposit.Creating || d.Attempt != t.Attempt || d.Gateway != w.Client.Name || d.Mode != w.Mode {
		return deposit.Stale, nil
	}
	// Whoever waits has left by the end of the lease.
	waiting, cancel := context.WithTimeout(ctx, d.LeaseUntil.Sub(w.Now()))
	defer cancel()
	slot, err := w.Client.Reserve(waiting, budget.Ask)
	if err == nil && w.paused(ctx) {
		slot.Unused(ctx)
		err = errors.New("paused by an operator")
	}
	if err != nil {
		return w.noInvoice(ctx, d, deposit.Ended{Outcome: deposit.OutcomeNotSent, Detail: upstream.Words(err)})
	}
	d, err = w.Deposits.Claim(ctx, d.ID, t.Attempt, w.Client.Name)
	if err != nil {
		slot.Unused(ctx)
		if errors.Is(err, deposit.ErrStale) {
			return deposit.Stale, nil
		}
		return "", err
	}
	inv, err := w.Client.CreateInvoice(ctx, slot, &upstream.InvoiceRequest{Ref: d.OurRef(), Amount: d.Asked})
	if err != nil {
		e := upstream.AsError(err)
		return w.noInvoice(ctx, d, deposit.Ended{Outcome: outcomeOf(e), Code: e.Code, Detail: said(e)})
	}
	return w.takeInvoice(ctx, d, inv)
}

// outcomeOf is how an attempt to get an invoice ended. After doubt there may be one;
// nobody has seen it, so nobody pays it.
func outcomeOf(e *upstream.Error) string {
	switch {
	case e.Reason == upstream.ReasonFull, e.Class == upstream.Throttled && !e.Pause:
		return deposit.OutcomeFull
	case e.Class == upstream.Rejected, e.Class == upstream.Throttled:
		return deposit.OutcomeRefused
	case e.Class == upstream.NotSent:
		return deposit.OutcomeNotSent
	}
	return deposit.OutcomeUnknown
}

func (w *Worker) noInvoice(ctx context.Context, d *deposit.Deposit, e deposit.Ended) (verdict string, err error) {
	return deposit.Refused, w.Deposits.End(ctx, d, d.Attempt, e)
}

// takeInvoice records an invoice. One that cannot be used or that nobody waits for
// any more is noted, and canceled in a later turn.
func (w *Worker) takeInvoice(ctx context.Context, d *deposit.Deposit, inv *upstream.Invoice) (verdict string, err error) {
	code, err := w.codeOf(ctx, inv)
	if err != nil {
		return w.noInvoice(ctx, d, deposit.Ended{Outcome: deposit.OutcomeRefused, Code: inv.Code, Detail: upstream.Words(err), UpstreamRef: inv.UpstreamRef})
	}
	err = w.steadily(ctx, func(ctx context.Context) error {
		_, err := w.Deposits.Opened(ctx, d.ID, d.Attempt, &deposit.Invoice{
			UpstreamRef: inv.UpstreamRef, QR: code, Total: inv.Total, Received: inv.Amount, ExpiresAt: inv.ExpiresAt,
		})
		return err
	}, deposit.ErrStale, deposit.ErrUnsound, deposit.ErrTaken, deposit.ErrNotFound)
	switch {
	case err == nil:
		if err := w.Deposits.Worked(context.WithoutCancel(ctx), w.Client.Name); err != nil {
			w.Log.WarnContext(ctx, "gateway note", "upstream", w.Client.Name, "error", err)
		}
		return deposit.Done, nil
	case errors.Is(err, deposit.ErrStale):
		_, err = w.noInvoice(ctx, d, deposit.Ended{Outcome: deposit.OutcomeLate, Code: inv.Code, UpstreamRef: inv.UpstreamRef})
		return deposit.Stale, err
	case errors.Is(err, deposit.ErrTaken):
		w.Log.ErrorContext(ctx, "an invoice was given twice", "upstream", w.Client.Name, "deposit", d.ID, "upstream_ref", inv.UpstreamRef)
		return w.noInvoice(ctx, d, deposit.Ended{Outcome: deposit.OutcomeRefused, Code: inv.Code, Detail: upstream.Words(err)})
	case errors.Is(err, deposit.ErrUnsound):
		w.Log.ErrorContext(ctx, "unsound invoice", "upstream", w.Client.Name, "deposit", d.ID, "error", err)
		return w.noInvoice(ctx, d, deposit.Ended{Outcome: deposit.OutcomeRefused, Code: inv.Code, Detail: upstream.Words(err), UpstreamRef: inv.UpstreamRef})
	}
	return "", err
}

// codeOf is the text of an invoice's code, read from its picture where the gateway
// gives nothing else.
func (w *Worker) codeOf(ctx context.Context, inv *upstream.Invoice) (string, error) {
	if inv.QR != "" || inv.ImageURL == "" {
		return inv.QR, nil
	}
	picture, err := w.Client.InvoiceImage(ctx, inv)
	if err != nil {
		return "", fmt.Errorf("the picture of the code: %w", err)
	}
	return qris.FromPicture(picture)
}

// steadily tries again while Postgres is away: what an upstream said must not be
// lost. The errors named are answers.
func (w *Worker) steadily(ctx context.Context, write func(context.Context) error, answers ...error) error {
	const patience = 2 * time.Minute
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := write(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		for _, answer := range answers {
			if errors.Is(err, answer) {
				return err
			}
		}
		w.Log.WarnContext(ctx, "recording again", "upstream", w.Client.Name, "error", err)
		pause(ctx, wait)
	}
}

// cancelInvoice tells a gateway that a merchant wants an invoice closed.
func (w *Worker) cancelInvoice(ctx context.Context, t queue.Task) (verdict string, err error) {
	d, err := w.Deposits.ByID(ctx, t.DepositID)
	if errors.Is(err, deposit.ErrNotFound) {
		return deposit.Stale, nil
	}
	if err != nil {
		return "", err
	}
	if d.State != deposit.Pending || !d.CancelRequested || d.Gateway != w.Client.Name {
		return deposit.Stale, nil
	}
	slot, err := w.Client.Reserve(ctx, budget.Cancel)
	if err != nil {
		return "", err // the row is due: a later turn tells
	}
	return deposit.Done, w.tellCancel(ctx, d, slot)
}

// tellCancel uses a slot for a cancel. What the gateway then says of the invoice
// decides, since a payment may have come first.
func (w *Worker) tellCancel(ctx context.Context, d *deposit.Deposit, slot *budget.Slot) error {
	inv, err := w.Client.CancelInvoice(ctx, slot, d.UpstreamRef)
	if err == nil {
		s := sighting(inv)
		if inv.State == "" {
			s.Seen = deposit.SeenCanceled
		}
		return w.saw(ctx, d, s, "cancel")
	}
	e := upstream.AsError(err)
	if e.Class != upstream.Rejected {
		return w.saw(ctx, d, unanswered(e), "cancel")
	}
	slot, err = w.Client.Reserve(ctx, budget.Ask)
	if err != nil {
		return nil //nolint:nilerr // the row is due: a later turn asks
	}
	inv, err = w.Client.InvoiceStatus(ctx, slot, d.UpstreamRef)
	if err != nil {
		return w.saw(ctx, d, unanswered(upstream.AsError(err)), "cancel")
	}
	s := sighting(inv)
	s.CancelRefused = true
	return w.saw(ctx, d, s, "cancel")
}

// MoneyTurn pays out what is to be paid out and asks about what is due, for as long
// as a turn lasts. Like a poll turn it waits for a slot before it chooses which
// deposit to ask about.
func (w *Worker) MoneyTurn(ctx context.Context, _ queue.Task) error {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	if err := w.payoutTurn(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		slot, err := w.Client.Reserve(ctx, budget.Poll)
		if err != nil {
			return nil // no slot in this turn; the next one tries again
		}
		more, err := w.lookOnce(ctx, slot)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// lookOnce spends one slot; more tells whether there may be further work.
func (w *Worker) lookOnce(ctx context.Context, slot *budget.Slot) (more bool, err error) {
	lease := w.Client.Timeout + settleTime
	d, err := w.Deposits.TakeDue(ctx, w.Client.Name, lease)
	switch {
	case err != nil:
		slot.Unused(ctx)
		return false, err
	case d == nil:
		return w.ridOne(ctx, slot, lease)
	case d.CancelRequested && d.State == deposit.Pending:
		return true, w.tellCancel(ctx, d, slot)
	}
	inv, err := w.Client.InvoiceStatus(ctx, slot, d.UpstreamRef)
	if err != nil {
		return true, w.saw(ctx, d, unanswered(upstream.AsError(err)), "poll")
	}
	return true, w.saw(ctx, d, sighting(inv), "poll")
}

// ridOne cancels an invoice that came when nobody waited for it any more.
func (w *Worker) ridOne(ctx context.Context, slot *budget.Slot, lease time.Duration) (more bool, err error) {
	u, err := w.Deposits.TakeUnwanted(ctx, w.Client.Name, lease)
	if err != nil || u == nil {
		slot.Unused(ctx)
		return false, err
	}
	_, err = w.Client.CancelInvoice(ctx, slot, u.UpstreamRef)
	e := upstream.AsError(err)
	return true, w.Deposits.Rid(ctx, u, e == nil || e.Class == upstream.Rejected)
}

// saw takes what a gateway said into account.
func (w *Worker) saw(ctx context.Context, d *deposit.Deposit, s deposit.Sighting, cause string) error {
	s.Cause = cause
	_, err := w.Deposits.See(ctx, d.ID, s)
	if errors.Is(err, deposit.ErrStale) {
		return nil
	}
	return err
}

// sighting is a gateway's word in the deposit's own terms.
func sighting(inv *upstream.Invoice) deposit.Sighting {
	s := deposit.Sighting{Total: inv.Total, Paid: inv.Paid, PaidAt: inv.PaidAt, Code: inv.Code, Detail: inv.Detail}
	switch inv.State {
	case upstream.InvoicePaid:
		s.Seen = deposit.SeenPaid
	case upstream.InvoicePending:
		s.Seen = deposit.SeenPending
	case upstream.InvoiceExpired:
		s.Seen = deposit.SeenExpired
	case upstream.InvoiceCanceled:
		s.Seen = deposit.SeenCanceled
	case upstream.InvoiceNotFound:
		s.Seen = deposit.SeenGone
	default:
		s.Seen = deposit.SeenNothing
	}
	return s
}

// unanswered is a question that brought nothing.
func unanswered(e *upstream.Error) deposit.Sighting {
	return deposit.Sighting{Seen: deposit.SeenNothing, Code: e.Code, Detail: said(e), After: e.After}
}
