package sandbox

import (
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// soon is what "after 5 s" means, for deposits, resent codes and refills too.
	soon = 5 * time.Second
	// later is how long what stays pending does so.
	later = time.Minute
	// turned is how long after its first word the sandbox takes it back: a failure that
	// succeeds, a success that is reversed, a serial number that comes late.
	turned = 30 * time.Second
	// life is how long a number is rented.
	life = 5 * time.Minute
)

// step is one dated change of a purchase.
type step struct {
	after  time.Duration
	state  upstream.State
	reason upstream.Reason
	// bare: no serial number is told yet.
	bare bool
}

// course is what becomes of a purchase: its steps, the earliest first. Before the
// first it is pending.
type course struct {
	// lost: the purchase is carried out and its answer is not told. hangs: nor does
	// the call end before its deadline.
	lost, hangs bool
	steps       []step
}

// The plans that no number chooses.
const (
	planSuccess = "01"
	planPartial = "10"
	planSilent  = "11"
	planHang    = "hang"
	planReverse = "reverse"
	planLateSN  = "late-sn"
	planPending = "pending"
	planPrice   = "price"
)

// courseOf is the course of a plan.
func courseOf(plan string) course {
	fails := step{state: upstream.Failed, reason: upstream.ReasonProduct}
	switch plan {
	case "02":
		return course{steps: []step{{after: soon, state: upstream.Succeeded}}}
	case "03":
		return course{steps: []step{fails}}
	case "04":
		return course{steps: []step{{state: upstream.Failed, reason: upstream.ReasonCustomer}}}
	case "05":
		return course{steps: []step{{after: later, state: upstream.Succeeded}}}
	case "06":
		return course{steps: []step{{after: later, state: upstream.Failed, reason: upstream.ReasonProduct}}}
	case "07":
		return course{lost: true, steps: []step{{state: upstream.Succeeded}}}
	case "08":
		return course{lost: true, steps: []step{fails}}
	case "09":
		return course{steps: []step{fails, {after: turned, state: upstream.Succeeded}}}
	case planPartial:
		return course{steps: []step{{state: upstream.Partial}}}
	case planSilent:
		return course{steps: []step{{after: life, state: upstream.Expired}}}
	case "12":
		return course{steps: []step{{state: upstream.Canceled}}}
	case planHang:
		return course{lost: true, hangs: true, steps: []step{{state: upstream.Succeeded}}}
	case planReverse:
		return course{steps: []step{{state: upstream.Succeeded, bare: true}, {after: turned, state: upstream.Failed, reason: upstream.ReasonProduct}}}
	case planLateSN:
		return course{steps: []step{{state: upstream.Succeeded, bare: true}, {after: turned, state: upstream.Succeeded}}}
	case planPending:
		return course{}
	case planPrice:
		return course{steps: []step{{state: upstream.Failed, reason: upstream.ReasonPrice}}}
	}
	return course{steps: []step{{state: upstream.Succeeded}}}
}

// at is the step that holds so long after the purchase; nil while it is pending.
func (c course) at(age time.Duration) *step {
	var now *step
	for i := range c.steps {
		if c.steps[i].after <= age {
			now = &c.steps[i]
		}
	}
	return now
}

// choose gives the plan of a purchase: the product's own, or the one that the
// merchant's digits name.
func choose(p *upstream.Purchase, o *upstream.Offer) string {
	if plan := planOf(o); plan != "" {
		return plan
	}
	text := p.Target
	if p.Category == "otp" {
		text = p.MerchantRef
	}
	switch d := lastDigits(text); d {
	case "02", "03", "04", "05", "06", "07", "08", "09", "12":
		return d
	case planPartial:
		if p.Category == "smm" && counted(o, p) > 0 {
			return d
		}
	case planSilent:
		if p.Category == "otp" {
			return d
		}
	}
	return planSuccess
}

// lastDigits gives the last two digits of a text, whatever else is in it; empty
// where it has fewer.
func lastDigits(text string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
	if len(digits) < 2 {
		return ""
	}
	return digits[len(digits)-2:]
}
