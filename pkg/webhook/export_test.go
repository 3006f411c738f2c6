package webhook

import "context"

// Abandoned is a claim whose worker died before it wrote anything.
type Abandoned struct{ c *claim }

// Abandon claims an event, as a worker does that is killed then.
func (d *Deliverer) Abandon(ctx context.Context, id int64) (*Abandoned, error) {
	_, c, err := d.store.claim(ctx, id, d.o.Now())
	if c == nil {
		return nil, err
	}
	return &Abandoned{c}, err
}

// Late writes the success of an abandoned claim after all, and tells whether it came too late.
func (d *Deliverer) Late(ctx context.Context, a *Abandoned) (bool, error) {
	now := d.o.Now()
	r := &result{code: 200}
	_, stale, _, err := d.store.finish(ctx, a.c, r, judge(a.c, r, d.o.Schedule, now, 0), now, false)
	return stale, err
}
