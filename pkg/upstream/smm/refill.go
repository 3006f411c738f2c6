package smm

import (
	"context"
	"errors"
	"strings"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// errOther is an answer that does not mention what was asked about.
var errOther = errors.New("answer is about something else")

// Refill asks for what an order lost. A panel that wants it asked later is Rejected
// with [upstream.ReasonEarly] and, where it says so, After.
func (d *Driver) Refill(ctx context.Context, p *upstream.Purchase) (*upstream.Refill, error) {
	a, _, err := call(ctx, d, d.cfg.HTTP.Money, wire.DecodeRefilled, wire.ActionRefill, [2]string{wire.FieldOrder, p.UpstreamRef})
	if e := upstream.AsError(err); e != nil {
		if e.Class == upstream.Unknown && e.Answered {
			// No money hangs on it: its own words of refusal are enough.
			return nil, upstream.Reject(upstream.ReasonProduct, e.Code, e.Detail)
		}
		return nil, err
	}
	return &upstream.Refill{UpstreamRef: a.Refill.ID.Text, State: upstream.Pending}, nil
}

// RefillStatus asks about one refill.
func (d *Driver) RefillStatus(ctx context.Context, upstreamRef string) (*upstream.Refill, error) {
	a, _, err := call(ctx, d, d.cfg.HTTP.Read, wire.DecodeRefillStatus, wire.ActionRefillStatus, [2]string{wire.FieldRefill, upstreamRef})
	if e := upstream.AsError(err); e != nil && e.Answered {
		if m, tail := (&wire.Refusal{Text: e.Detail}).Meaning(); m == wire.NoRefill && !upstream.Doubtful(tail) {
			return &upstream.Refill{UpstreamRef: upstreamRef, State: upstream.NotFound}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return d.refill(upstreamRef, string(a.Status.Text)), nil
}

// RefillBulkLimit is how many refills one refill_status may name.
func (d *Driver) RefillBulkLimit() int { return wire.MaxBulk }

// BulkRefillStatus asks about many refills. One that is not mentioned is left out.
func (d *Driver) BulkRefillStatus(ctx context.Context, upstreamRefs []string) (map[string]*upstream.Refill, error) {
	if len(upstreamRefs) == 0 {
		return map[string]*upstream.Refill{}, nil
	}
	rows, _, err := call(ctx, d, d.cfg.HTTP.Read, wire.DecodeRefillStatuses, wire.ActionRefillStatus,
		[2]string{wire.FieldRefills, strings.Join(upstreamRefs, ",")})
	if err != nil {
		return nil, err
	}
	out := make(map[string]*upstream.Refill, len(rows))
	for _, row := range rows {
		ref := row.Refill.Text
		if row.Status.Error == nil {
			out[ref] = d.refill(ref, string(row.Status.Text))
			continue
		}
		if m, tail := row.Status.Error.Meaning(); m == wire.NoRefill && !upstream.Doubtful(tail) {
			out[ref] = &upstream.Refill{UpstreamRef: ref, State: upstream.NotFound}
		}
	}
	return out, nil
}

func (d *Driver) refill(ref, status string) *upstream.Refill {
	r := &upstream.Refill{UpstreamRef: ref, State: upstream.Pending, Code: d.cfg.Redact(strings.ToLower(strings.TrimSpace(status)))}
	switch wire.RefillStateOf(status) {
	case wire.Completed:
		r.State = upstream.Succeeded
	case wire.Rejected:
		r.State = upstream.Failed
	case wire.Running, wire.Partial, wire.Canceled, wire.Odd:
	}
	return r
}
