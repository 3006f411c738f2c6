package worker

import (
	"context"
	"errors"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/queue"
)

// askPrice asks what one offer costs at this moment, and says how it went; the catalogue
// has the price.
func (w *Worker) askPrice(ctx context.Context, t queue.Task) error {
	verdict, err := w.priceOf(ctx, t.OfferID, t.Attempt)
	return w.answered(ctx, t, verdict, err)
}

// priceOf asks at most once for each question that the API put down, whatever becomes of
// its task. A source that does not know the offer changes nothing: whether it is gone is
// the list's to say.
func (w *Worker) priceOf(ctx context.Context, offerID int64, n int) (verdict string, err error) {
	if w.paused(ctx) {
		return check.VerdictRefused, nil
	}
	now := w.Now()
	q, err := catalog.TakePrice(ctx, w.DB.Pool, offerID, n, w.Client.Name, w.Mode, now)
	switch {
	case errors.Is(err, catalog.ErrMovedOn):
		return check.VerdictStale, nil
	case err != nil:
		return "", err
	case now.Before(q.ListedAt.Add(catalog.PriceFresh)): // its list was read meanwhile
		return check.VerdictDone, nil
	}
	waiting, cancel := context.WithTimeout(ctx, q.WaitUntil.Sub(now))
	defer cancel()
	said, err := w.Client.PriceOf(waiting, q.Code)
	if err != nil {
		return check.VerdictRefused, nil // the client has told what its source said
	}
	err = w.Desk.Importer.Learn(ctx, w.Client.Name, q, said)
	if errors.Is(err, catalog.ErrMovedOn) {
		return check.VerdictStale, nil
	}
	return check.VerdictDone, err
}
