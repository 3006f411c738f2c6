package order

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// sayWithdrawn is what a merchant reads of an order that was to be canceled and of which
// it turned out that nothing was bought.
const sayWithdrawn = "The order was canceled. You have been refunded."

// Telling is the claim of a wish by a worker that tells the source of it, so that nobody
// else does meanwhile.
type Telling struct {
	// Version is the order's as of the claim: it names the claim.
	Version int64 `json:"version"`
	// Until is how long the claim holds. After that the worker is gone.
	Until time.Time `json:"until"`
}

// Holds is whether a wish is being told at a moment.
func (t *Telling) Holds(now time.Time) bool { return t != nil && now.Before(t.Until) }

// Cancel asks for an order to be canceled on its merchant's behalf. One that waits in
// the queue is canceled at once; one on its way is marked, and its money moves when the
// source confirms, or when it is proved that nothing was bought: it is bought nowhere
// then. Asking twice is asking once. It fails with [ErrNotFound] and [ErrNotCancelable].
func (w *Writer) Cancel(ctx context.Context, db bun.IDB, walletID int64, refOrID string) (*Order, error) {
	return w.wish(ctx, db, walletID, refOrID, func(o *Order) (*Step, error) {
		switch {
		case o.State == Queued && o.mayCancel():
			return &Step{To: Canceled, Wish: WishCancel}, nil
		case o.State == Canceled || o.CancelRequested && !o.State.Final():
			return nil, nil //nolint:nilnil // nothing to do is not an error
		case o.State.Final() || !o.mayCancel():
			return nil, ErrNotCancelable
		}
		now := w.now()
		return &Step{Wish: WishCancel, NextRunAt: earliest(o.NextRunAt, &now, o.State == Sending)}, nil
	})
}

// mayCancel is whether orders of this kind can be canceled at all.
func (o *Order) mayCancel() bool {
	switch o.Category {
	case OTP:
		return true
	case SMM:
		return o.Facts.SMM != nil && o.Facts.SMM.Cancel
	case PPOB, Product:
	}
	return false
}

// Refill asks for a completed order to be filled up again where its service allows
// it. While a refill is under way asking again is asking once; after it has ended the
// next may be asked for. [ErrNotAvailable] for all other orders, those of which the
// source took something back among them.
func (w *Writer) Refill(ctx context.Context, db bun.IDB, walletID int64, refOrID string) (*Order, error) {
	return w.wish(ctx, db, walletID, refOrID, func(o *Order) (*Step, error) {
		switch {
		case o.State != Completed || o.Facts.SMM == nil || !o.Facts.SMM.Refill || o.UpstreamRef == "" || o.Refunded > 0 || o.Facts.TakenBack:
			return nil, ErrNotAvailable
		case o.Facts.Refill.Open():
			return nil, nil //nolint:nilnil // nothing to do is not an error
		}
		now := w.now()
		return &Step{Wish: WishRefill, NextRunAt: &now}, nil
	})
}

// Finish says that no further code is wanted on a rented number. It changes no
// status. [ErrNotAvailable] before a code came.
func (w *Writer) Finish(ctx context.Context, db bun.IDB, walletID int64, refOrID string) (*Order, error) {
	return w.wish(ctx, db, walletID, refOrID, func(o *Order) (*Step, error) {
		switch {
		case o.Category != OTP || o.State != Completed:
			return nil, ErrNotAvailable
		case o.FinishRequested:
			return nil, nil //nolint:nilnil // nothing to do is not an error
		}
		now := w.now()
		return &Step{Wish: WishFinish, NextRunAt: &now}, nil
	})
}

// Resend asks for a further code on a rented number. [ErrNotAvailable] before a
// code came, after the number's end and after Finish.
func (w *Writer) Resend(ctx context.Context, db bun.IDB, walletID int64, refOrID string) (*Order, error) {
	return w.wish(ctx, db, walletID, refOrID, func(o *Order) (*Step, error) {
		now := w.now()
		switch {
		case o.Category != OTP || o.State != Completed || o.FinishRequested:
			return nil, ErrNotAvailable
		case o.ExpiresAt == nil || !o.ExpiresAt.After(now):
			return nil, ErrNotAvailable
		case o.ResendRequested:
			return nil, nil //nolint:nilnil // nothing to do is not an error
		}
		return &Step{Wish: WishResend, NextRunAt: &now}, nil
	})
}

// wish reads the order, lets decide say what to do, and does it unless the order
// has moved on meanwhile, in which case it looks again.
func (w *Writer) wish(ctx context.Context, db bun.IDB, walletID int64, refOrID string, decide func(*Order) (*Step, error)) (*Order, error) {
	const tries = 5
	for range tries {
		o, err := Get(ctx, db, walletID, refOrID)
		if err != nil {
			return nil, err
		}
		s, err := decide(o)
		if err != nil || s == nil {
			return o, err
		}
		s.OrderID, s.Attempt, s.Cause, s.From = o.ID, o.Attempt, "merchant", o.State
		o, err = w.Do(ctx, *s)
		if !errors.Is(err, ErrStale) {
			return o, err
		}
	}
	return nil, ErrStale
}
