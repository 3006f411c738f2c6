package worker

import (
	"context"
	"errors"
	"time"

	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// sendingWait is how long a callback waits while its order is being sent: the
	// answer that is on its way comes first.
	sendingWait = 3 * time.Second
	// staleTries bounds how often a callback is applied anew since its order moved on
	// meanwhile.
	staleTries = 5
)

// Callback reads what the upstream posted. It is believed only under the upstream's
// signature, and then no more than an answer to a question: it goes the same way.
func (w *Worker) Callback(ctx context.Context, t queue.Task) error {
	c, err := callback.Get(ctx, w.DB.Pool, t.CallbackID)
	if errors.Is(err, callback.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.State != callback.New || c.Upstream != w.Client.Name {
		return nil
	}
	hint, state := w.verified(ctx, c)
	var id int64
	if hint != nil {
		if id, state, err = w.hinted(ctx, c, hint); err != nil {
			return err
		}
	}
	ctx = context.WithoutCancel(ctx)
	if state == callback.New {
		return callback.Later(ctx, w.DB.Pool, c.ID, w.Now().UTC().Add(sendingWait))
	}
	w.Callbacks.done(w.Client.Name, state)
	return callback.Finish(ctx, w.DB.Pool, c.ID, state, id, w.Now().UTC())
}

// verified gives the hint of a callback that is the upstream's own, or else what
// became of it. Nothing of it is written to the log: it is not known whose it is.
func (w *Worker) verified(ctx context.Context, c *callback.Callback) (*upstream.Hint, callback.State) {
	d, ok := w.Client.Driver().(upstream.Callback)
	switch {
	case !ok:
		return nil, callback.Odd
	case c.Redacted:
		return nil, callback.Nothing // it told a secret, which a purchase's never does
	}
	hint, err := d.Callback(c.Header(), c.Body)
	switch e := upstream.AsError(err); {
	case e != nil && e.Reason == upstream.ReasonSignature:
		w.Log.WarnContext(ctx, "callback with a wrong signature", "upstream", w.Client.Name, "callback", c.ID)
		return nil, callback.Forged
	case e != nil:
		w.Log.WarnContext(ctx, "callback not understood", "upstream", w.Client.Name, "callback", c.ID, "code", e.Code)
		return nil, callback.Odd
	case hint == nil:
		return nil, callback.Nothing
	}
	return hint, callback.New
}

// hinted finds the order of a hint and applies it. State New: not yet.
func (w *Worker) hinted(ctx context.Context, c *callback.Callback, hint *upstream.Hint) (id int64, state callback.State, err error) {
	id, n, ok := order.ParseOurRef(hint.Ref)
	if bill, isBill := order.ParseInquiryRef(hint.Ref); isBill {
		// An inquiry and its payment bear one reference, so that a word about the one may be
		// taken for the other's: the source is asked, and nothing is applied.
		hint.Result, ok = nil, true
		id, n, err = order.PaidBy(ctx, w.DB.Pool, bill)
	}
	if !ok {
		return 0, callback.Stranger, nil
	}
	at := ""
	if err == nil {
		at, err = order.AttemptAt(ctx, w.DB.Pool, id, n)
	}
	switch {
	case errors.Is(err, order.ErrNotFound), err == nil && at != w.Client.Name:
		w.Log.WarnContext(ctx, "callback about no order of ours here", "upstream", w.Client.Name, "callback", c.ID, "our_ref", hint.Ref)
		return 0, callback.Stranger, nil
	case err != nil:
		return 0, "", err
	}
	before, err := c.AppliedBefore(ctx, w.DB.Pool)
	switch {
	case err != nil:
		return id, "", err
	case before:
		return id, callback.Repeated, nil
	case hint.Result == nil:
		return id, callback.Asked, w.askSoon(ctx, id)
	}
	for range staleTries {
		state, err = w.applied(ctx, id, n, hint.Result)
		if !errors.Is(err, order.ErrStale) {
			return id, state, err
		}
	}
	return id, callback.New, nil
}

// askSoon has an open order asked about; the upstream's rule for questions holds.
func (w *Worker) askSoon(ctx context.Context, id int64) error {
	now := w.Now().UTC()
	if did, err := order.LookNow(ctx, w.DB.Pool, id, now); err != nil || !did {
		return err
	}
	return w.Enqueuer.PollTurn(ctx, w.Client.Name, 0, now.Unix())
}

// applied takes what a callback says of an attempt to its order. What an order has
// behind it changes nothing, so that repeated and late ones are harmless.
func (w *Worker) applied(ctx context.Context, id int64, n int, res *upstream.Result) (callback.State, error) {
	o, err := order.ByID(ctx, w.DB.Bun, id)
	if err != nil {
		return "", err
	}
	switch {
	case o.State == order.Sending && o.Attempt == n:
		return callback.New, nil
	case o.Attempt != n || o.State == order.Queued:
		return w.appliedBehind(ctx, o, n, res)
	case res.State == upstream.Pending && o.State != order.Unknown:
		return callback.Nothing, nil // it is known to be under way, or has ended
	}
	s, reason := w.decided(ctx, o, answer{res: res})
	s.From = o.State
	if o.State.Final() && s.To == "" && (s.Flag == "" || s.Flag == o.Flag) && (res.SN == "" || res.SN == o.Facts.SN) {
		return callback.Nothing, nil
	}
	if err := w.record(ctx, o, s, "callback"); err != nil {
		return "", err
	}
	w.notes.saw(o, &s, reason)
	w.heard(context.WithoutCancel(ctx), o.OfferID, &s, reason)
	return callback.Applied, nil
}

// appliedBehind takes word of an attempt that the order has left behind, for which
// only a success counts: it was bought, whatever was thought of it.
func (w *Worker) appliedBehind(ctx context.Context, o *order.Order, n int, res *upstream.Result) (callback.State, error) {
	if res.State != upstream.Succeeded {
		return callback.Nothing, nil
	}
	s := news(w.facts(ctx, o), res)
	s.Attempt, s.To, s.Outcome = n, order.Completed, "succeeded"
	err := w.record(ctx, o, s, "callback")
	if errors.Is(err, order.ErrStale) && o.Attempt != n {
		return callback.Nothing, nil // it is booked already
	}
	if err != nil {
		return "", err
	}
	return callback.Applied, nil
}
