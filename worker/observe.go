package worker

import (
	"context"
	"time"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

// observedEvery bounds how often a worker tells how its upstream does.
const observedEvery = 5 * time.Second

// took notes how long the answer to a purchase took, if it left us.
func (n *notes) took(d time.Duration, err error) {
	if err != nil && upstream.AsError(err).Class == upstream.NotSent {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.observed.Calls++
	n.observed.Took += d
}

// saw notes whether a purchase was taken or delivered, or was lost or failed for no
// reason of the customer's. What lies with one offer, or with our account, says nothing
// about the upstream, and neither does a number that got no code.
func (n *notes) saw(o *order.Order, s *order.Step, reason upstream.Reason) {
	sending := o.State == order.Sending
	n.mu.Lock()
	defer n.mu.Unlock()
	switch s.Outcome {
	case "accepted", "succeeded":
		if sending || s.To == order.Completed {
			n.observed.Good++
		}
	case upstream.Unknown.String(), upstream.NotSent.String():
		if sending {
			n.observed.Bad++
		}
	case "failed":
		if reason != upstream.ReasonCustomer {
			n.observed.Bad++
		}
	}
}

// told tells how the upstream does, at most every few seconds. In test mode failures
// are ordered, and say nothing.
func (w *Worker) told(ctx context.Context) error {
	now := w.Now().UTC()
	n := &w.notes
	n.mu.Lock()
	o := n.observed
	wait := o == (catalog.Observed{}) || now.Sub(n.observedAt) < observedEvery || w.Mode == catalog.Test
	if !wait {
		n.observed, n.observedAt = catalog.Observed{}, now
	}
	n.mu.Unlock()
	if wait {
		return nil
	}
	return catalog.Observe(ctx, w.DB.Pool, w.Client.Name, o, now)
}
