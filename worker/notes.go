package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// workedEvery bounds how often a success is told to the catalogue for one offer.
	workedEvery = 5 * time.Second
	// pausedFor is how long a worker believes that its upstream is not paused.
	pausedFor = time.Second
)

// notes are what a worker remembers so as not to ask or tell the catalogue too
// often.
type notes struct {
	mu       sync.Mutex
	worked   map[int64]time.Time
	paused   bool
	lookedAt time.Time

	observed   catalog.Observed
	observedAt time.Time // when it was last told
}

// heard tells the catalogue how an offer did and what our balance is.
func (w *Worker) heard(ctx context.Context, offerID int64, step *order.Step, reason upstream.Reason) {
	var err error
	switch {
	case step.Outcome == "succeeded" && w.notes.tell(offerID, w.Now()):
		err = w.Desk.ProductWorked(ctx, offerID)
	case reason == upstream.ReasonProduct || reason == upstream.ReasonPrice:
		err = w.Desk.ProductFailed(ctx, offerID)
	case reason == upstream.ReasonGone:
		err = w.Desk.ProductGone(ctx, offerID)
	case reason == upstream.ReasonOurBalance:
		// What is left is asked, not guessed: it is evidence in other orders.
		err = w.Enqueuer.BalanceTurn(ctx, w.Client.Name, w.Now().Unix())
	}
	err = errors.Join(err, w.told(ctx))
	if step.BalanceAfter != nil {
		err = errors.Join(err, w.Desk.BalanceSeen(ctx, w.Client.Name, *step.BalanceAfter, w.Now()))
	}
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		w.Log.WarnContext(ctx, "catalogue note", "offer", offerID, "error", err)
	}
}

// tell thins out successes: only the first after a while may end a row of failures.
func (n *notes) tell(offerID int64, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.worked[offerID]) < workedEvery {
		return false
	}
	const most = 10_000
	if n.worked == nil || len(n.worked) > most {
		n.worked = map[int64]time.Time{}
	}
	n.worked[offerID] = now
	return true
}

// paused tells whether an operator keeps purchases back. Not knowing counts as
// paused: the orders wait.
func (w *Worker) paused(ctx context.Context) bool {
	n := &w.notes
	n.mu.Lock()
	defer n.mu.Unlock()
	if w.Now().Sub(n.lookedAt) < pausedFor {
		return n.paused
	}
	err := w.DB.Pool.QueryRow(ctx, `SELECT paused FROM upstreams WHERE name = $1`, w.Client.Name).Scan(&n.paused)
	if err != nil {
		w.Log.WarnContext(ctx, "paused?", "upstream", w.Client.Name, "error", err)
		return true
	}
	n.lookedAt = w.Now()
	return n.paused
}

// balanceSeen is our balance as last seen, for the evidence of an attempt at an
// upstream that cannot be asked by our reference.
func (w *Worker) balanceSeen() *int64 {
	if _, ok := w.Client.Driver().(upstream.Lookup); ok {
		return nil
	}
	return w.Desk.BalanceKnown(w.Client.Name)
}
