package emulator

import (
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// testPending is how long the pending test numbers take.
const testPending = time.Minute

// tested gives the outcome of a documented test number; ok is false for others. In
// every family of bills the last digit chooses (0 or 1 succeeds, and 2 with two sheets
// where there are such), and a leading 6 of PLN, 2 of PDAM and 9 of mobile bills means
// pending first.
func tested(number string) (emulate.Outcome, bool) {
	success, failure := emulate.Outcome{Result: emulate.Success}, emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonProduct}
	later := func(o emulate.Outcome) emulate.Outcome {
		o.After = testPending
		return o
	}
	switch number {
	case "087800001230":
		return success, true
	case "087800001232":
		return failure, true
	case "087800001233":
		return later(success), true
	case "087800001234":
		return later(failure), true
	case "1013226", "6391601001", "8801234560001", "6391601201", "329801092375999991", "0110014601", "0110014602", "127246500101":
		return success, true
	case "1013230", "6391601005", "8801234560005", "6391601205", "329801092375999995", "0110014605", "127246500105":
		return failure, true
	case "2013226":
		return later(success), true
	case "2013230":
		return later(failure), true
	}
	switch {
	case strings.HasPrefix(number, "53000000000"), strings.HasPrefix(number, "63000000000"):
		o := success
		if strings.HasSuffix(number, "6") {
			o = failure
		}
		if number[0] == '6' {
			o = later(o)
		}
		return o, true
	case strings.HasPrefix(number, "08") && strings.HasSuffix(number, "0003"):
		return failure, true
	case strings.HasPrefix(number, "9") && strings.HasSuffix(number, "0003"):
		return later(failure), true
	case strings.HasPrefix(number, "9") && strings.HasSuffix(number, "0001"):
		return later(success), true
	}
	return success, strings.HasPrefix(number, "08") && strings.HasSuffix(number, "0001")
}

// noBill is whether a documented test number's inquiry fails.
func noBill(number string) bool {
	switch number {
	case "530000000003", "630000000003", "1013227", "6391601002", "8801234560002", "6391601202", "329801092375999992", "0110014603", "127246500102":
		return true
	}
	return strings.HasSuffix(number, "0002") && (strings.HasPrefix(number, "08") || strings.HasPrefix(number, "9"))
}
