package emulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Result is what becomes of a purchase in the end.
type Result string

// The results. Silent never decides: a top-up stays pending, a rented number
// gets no code and expires.
const (
	Success  Result = "success"
	Failure  Result = "failure"
	Canceled Result = "canceled"
	Silent   Result = "silent"
	Partial  Result = "partial" // smm: delivered in part
)

// Reason is why a purchase fails.
type Reason string

// The reasons.
const (
	ReasonProduct  Reason = "product"
	ReasonCustomer Reason = "customer"
)

// Outcome is a purchase's scripted future.
type Outcome struct {
	Result Result
	// After is how long it takes; zero means at once (in the answer itself where
	// the provider's contract allows that).
	After  time.Duration
	Reason Reason
	// Late makes a failure succeed after all, so long after it failed.
	Late time.Duration
	// Lost answers the purchase with a gateway's error page; it is carried out.
	Lost bool
	// SN and Code replace the emulator's own.
	SN   string
	Code string
	// Undelivered is the share that is not delivered, in percent, of a purchase that
	// ends in part (50 when zero) or canceled (all of it when zero).
	Undelivered int
	// Word is a state of the provider's own in which the purchase stays for good.
	Word string
}

// Script decides a purchase's outcome. It is called with the book locked, so it
// must not call back into the emulator.
type Script func(p Purchase, rng *rand.Rand) Outcome

// Spec is a script in JSON.
type Spec struct {
	// Mode is digits (the target's last two digits choose, see [Digits]), always
	// (everything succeeds) or mix (chance chooses by the weights of Mix).
	Mode   string         `json:"mode"`
	Mix    map[string]int `json:"mix,omitempty"`
	After  Duration       `json:"after,omitempty"`
	Jitter Duration       `json:"jitter,omitempty"`
	// PaidAfter is how long it takes until an invoice is paid; zero leaves that to the
	// control API.
	PaidAfter Duration `json:"paid_after,omitempty"`
}

// Script builds what the spec describes.
func (s Spec) Script() (Script, error) {
	switch s.Mode {
	case "", "digits":
		return Digits(time.Duration(s.After), time.Duration(s.Jitter)), nil
	case "always":
		return Always(time.Duration(s.After)), nil
	case "mix":
		return Mix(s.Mix, time.Duration(s.After), time.Duration(s.Jitter))
	}
	return nil, fmt.Errorf("script: unknown mode %q", s.Mode)
}

// Always lets everything succeed after the same time.
func Always(after time.Duration) Script {
	return func(Purchase, *rand.Rand) Outcome { return Outcome{Result: Success, After: after} }
}

// Names of outcomes for [Mix].
const (
	MixSuccess      = "success"
	MixFailProduct  = "fail_product"
	MixFailCustomer = "fail_customer"
	MixCancel       = "cancel"
	MixSilent       = "silent"
	MixLateSuccess  = "late_success"
	MixLostSuccess  = "lost_success"
	MixLostFail     = "lost_fail"
	MixPartial      = "partial"
)

// named are the outcomes by name, when they take so long.
func named(name string, after time.Duration) (Outcome, bool) {
	switch name {
	case MixSuccess:
		return Outcome{Result: Success, After: after}, true
	case MixFailProduct:
		return Outcome{Result: Failure, Reason: ReasonProduct, After: after}, true
	case MixFailCustomer:
		return Outcome{Result: Failure, Reason: ReasonCustomer, After: after}, true
	case MixCancel:
		return Outcome{Result: Canceled, After: after}, true
	case MixSilent:
		return Outcome{Result: Silent}, true
	case MixLateSuccess:
		return Outcome{Result: Failure, Reason: ReasonProduct, After: after, Late: max(after, time.Second)}, true
	case MixLostSuccess:
		return Outcome{Result: Success, After: after, Lost: true}, true
	case MixLostFail:
		return Outcome{Result: Failure, Reason: ReasonProduct, After: after, Lost: true}, true
	case MixPartial:
		return Outcome{Result: Partial, After: after}, true
	}
	return Outcome{}, false
}

// Mix chooses by weight. After is how long things take, up to jitter more.
func Mix(weights map[string]int, after, jit time.Duration) (Script, error) {
	names := make([]string, 0, len(weights))
	total := 0
	for name, w := range weights {
		if _, ok := named(name, 0); !ok || w < 0 {
			return nil, fmt.Errorf("script: unknown outcome or negative weight %q: %d", name, w)
		}
		names = append(names, name)
		total += w
	}
	if total == 0 {
		return nil, fmt.Errorf("script: a mix needs weights")
	}
	slices.Sort(names)
	return func(_ Purchase, rng *rand.Rand) Outcome {
		n := rng.IntN(total)
		took := after + jitter(jit, rng)
		for _, name := range names {
			if n -= weights[name]; n < 0 {
				o, _ := named(name, took)
				return o
			}
		}
		return Outcome{Result: Success, After: took}
	}, nil
}

// Digits lets the last two digits of the target choose:
//
//	01 success at once          05 pending 60 s, then success   09 fails, succeeds 30 s later
//	02 success after 5 s        06 pending 60 s, then fails     12 canceled by the provider
//	03 fails for the product    07 answer lost, succeeds        others: success after the usual time
//	04 fails for the customer   08 answer lost, fails        10 delivered in half (smm)
//
// A rented number has no target: its code comes after the usual time, which is
// after and up to jitter more.
func Digits(after, jit time.Duration) Script {
	return func(p Purchase, rng *rand.Rand) Outcome {
		usual := after + jitter(jit, rng)
		fail := Outcome{Result: Failure, Reason: ReasonProduct, After: usual}
		switch lastDigits(p.Target) {
		case "01":
			return Outcome{Result: Success}
		case "02":
			return Outcome{Result: Success, After: 5 * time.Second}
		case "03":
			return fail
		case "04":
			fail.Reason = ReasonCustomer
			return fail
		case "05":
			return Outcome{Result: Success, After: time.Minute}
		case "06":
			fail.After = time.Minute
			return fail
		case "07":
			return Outcome{Result: Success, After: usual, Lost: true}
		case "08":
			fail.Lost = true
			return fail
		case "09":
			fail.Late = 30 * time.Second
			return fail
		case "10":
			if p.Kind == KindSMM { // only these are delivered in part
				return Outcome{Result: Partial, After: usual}
			}
		case "12":
			return Outcome{Result: Canceled, After: usual}
		}
		return Outcome{Result: Success, After: usual}
	}
}

func lastDigits(target string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, target)
	if len(digits) < 2 {
		return ""
	}
	return digits[len(digits)-2:]
}
