package sandbox

import (
	"context"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
)

// found gives a purchase and where it stands now. What the sandbox does not know
// cannot be wished for.
func (d *Driver) found(ctx context.Context, p *upstream.Purchase) (*record, *upstream.Result, time.Time, error) {
	now := d.now()
	if err := ended(ctx); err != nil {
		return nil, nil, now, err
	}
	r, err := d.books.find(ctx, kindPurchase, p.Ref)
	if err != nil {
		return nil, nil, now, err
	}
	if r == nil {
		return nil, nil, now, upstream.Reject("", "none", "no such purchase")
	}
	return r, result(r, now), now, nil
}

// Cancel undoes a number before its code came, and an smm order that is not done
// where its service allows that.
func (d *Driver) Cancel(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	r, res, now, err := d.found(ctx, p)
	if err != nil {
		return nil, err
	}
	o := d.sells[r.Code]
	may := r.Category == "otp" || o != nil && o.Cancel
	switch {
	case res.State == upstream.Canceled:
		return res, nil
	case !may || res.State != upstream.Pending || len(r.ResentAt) > 0:
		return nil, upstream.Reject("", "late", "cannot be canceled any more")
	}
	if err := d.books.cancel(ctx, r.ID, r.Debit, now); err != nil {
		return nil, err
	}
	r.CanceledAt = &now
	return result(r, now), nil
}

// Finish gives a number back after its code came.
func (d *Driver) Finish(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	r, res, now, err := d.found(ctx, p)
	if err != nil {
		return nil, err
	}
	if r.Category != "otp" || res.State != upstream.Succeeded {
		return nil, upstream.Reject("", "early", "no code has come")
	}
	return res, d.books.finish(ctx, r.ID, now)
}

// Resend asks for a further code, which comes after 5 s.
func (d *Driver) Resend(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	r, res, now, err := d.found(ctx, p)
	if err != nil {
		return nil, err
	}
	if r.Category != "otp" || res.State != upstream.Succeeded || r.FinishedAt != nil || !now.Before(r.At.Add(life)) {
		return nil, upstream.Reject("", "late", "no further code can come")
	}
	if err := d.books.resend(ctx, r.ID, now); err != nil {
		return nil, err
	}
	r.ResentAt = append(r.ResentAt, now)
	return result(r, now), nil
}

// Refill fills an smm order up again that was delivered, where its service allows
// that. It is done after 5 s; one whose target ends in 05 fails then.
func (d *Driver) Refill(ctx context.Context, p *upstream.Purchase) (*upstream.Refill, error) {
	r, res, now, err := d.found(ctx, p)
	if err != nil {
		return nil, err
	}
	if o := d.sells[r.Code]; o == nil || !o.Refill || res.State != upstream.Succeeded {
		return nil, upstream.Reject("", "refill", "cannot be refilled")
	}
	earlier, err := d.books.read(ctx, `kind = 'refill' AND code = $2 AND at > $3 LIMIT 1`, refOf(r), now.Add(-soon))
	if err != nil {
		return nil, err
	}
	if len(earlier) > 0 { // asking twice is asking once
		return refill(&earlier[0], now), nil
	}
	kept, _, err := d.books.keep(ctx, record{
		Kind: kindRefill, Ref: p.Ref + "/" + now.Format(time.RFC3339Nano), Category: r.Category, Code: refOf(r), Target: r.Target, Plan: r.Plan,
		Quantity: r.Quantity, At: now,
	})
	if err != nil {
		return nil, err
	}
	return refill(kept, now), nil
}

// RefillStatus tells where a refill stands.
func (d *Driver) RefillStatus(ctx context.Context, upstreamRef string) (*upstream.Refill, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	r, err := d.books.byID(ctx, kindRefill, numberOf(upstreamRef))
	if err != nil {
		return nil, err
	}
	if r == nil {
		return &upstream.Refill{UpstreamRef: upstreamRef, State: upstream.NotFound, Code: "none"}, nil
	}
	return refill(r, d.now()), nil
}

func refill(r *record, now time.Time) *upstream.Refill {
	out := &upstream.Refill{UpstreamRef: refOf(r), State: upstream.Pending, Code: "plan " + r.Plan}
	if now.Sub(r.At) >= soon {
		out.State = upstream.Succeeded
		if r.Plan == "05" {
			out.State = upstream.Failed
		}
	}
	return out
}
