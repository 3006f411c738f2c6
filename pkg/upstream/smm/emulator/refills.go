package emulator

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// refill is a refill that was asked for.
type refill struct {
	order string
	at    time.Time
}

func (d *door) refill(b *emulate.Book, r *emulate.Request, form url.Values) emulate.Answer {
	if ids := form.Get(wire.FieldOrders); ids != "" {
		var out []wire.RefilledRow
		for _, id := range strings.Split(ids, ",") {
			out = append(out, wire.RefilledRow{Order: d.id(id), Refill: d.fill(b, id, r.Now, true)})
		}
		return d.accept(out)
	}
	a := d.fill(b, form.Get(wire.FieldOrder), r.Now, false)
	if a.Error != nil {
		return emulate.Answer{Status: 200, Body: a.Error}
	}
	return d.accept(wire.Refilled{Refill: a})
}

// fill asks for one refill. Single answers write its id as text, rows as a number.
func (d *door) fill(b *emulate.Book, id string, now time.Time, bare bool) wire.Outcome {
	e := b.ByID(id)
	if e == nil {
		return wire.Outcome{Error: d.says(noOrder)}
	}
	j := e.Facts.(*job)
	if !bool(j.service.Refill) || e.State != completed {
		return wire.Outcome{Error: d.says(notRefill)}
	}
	if wait := j.refilled.Add(d.cfg.RefillCooldown).Sub(now); !j.refilled.IsZero() && wait > 0 {
		minutes := int((wait + time.Minute - 1) / time.Minute)
		return wire.Outcome{Error: &wire.Refusal{Text: fmt.Sprintf("Refill will be available in %d hours %d minutes", minutes/60, minutes%60)}}
	}
	j.refilled = now
	d.last++
	d.refills[strconv.Itoa(d.last)] = &refill{order: id, at: now}
	return wire.Outcome{ID: wire.NewID(int64(d.last), bare)}
}

func (d *door) refillStatus(r *emulate.Request, form url.Values) emulate.Answer {
	state := func(id string) wire.RefillState {
		f := d.refills[id]
		switch {
		case f == nil:
			return wire.RefillState{Error: d.says(noRefill)}
		case r.Now.Sub(f.at) < d.cfg.RefillAfter:
			return wire.RefillState{Text: lenient.Text(inProgress)}
		case d.cfg.RefillsRejected:
			return wire.RefillState{Text: "Rejected"}
		}
		return wire.RefillState{Text: completed}
	}
	if ids := form.Get(wire.FieldRefills); ids != "" {
		var out []wire.RefillStatusRow
		for _, id := range strings.Split(ids, ",") {
			out = append(out, wire.RefillStatusRow{Refill: d.id(id), Status: state(id)})
		}
		return d.accept(out)
	}
	s := state(form.Get(wire.FieldRefill))
	if s.Error != nil {
		return d.refuse(noRefill)
	}
	return d.accept(wire.RefillStatus{Status: s})
}

// Refills are how many refills were asked for, by order.
func (e *Emulator) Refills() map[string]int {
	out := map[string]int{}
	e.Do(func(*emulate.Book, time.Time) {
		for _, f := range e.door.refills {
			out[f.order]++
		}
	})
	return out
}
