package emulate

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"
)

// Kind is what a fault does.
type Kind string

// The kinds. Latency and Uplink delay and combine with any other; of the rest
// the first rule that matches wins. Effect tells whether the request is carried
// out; Drop, Hang and the answers exist in both forms ([Rule.AfterEffect]).
const (
	Latency     Kind = "latency"      // answer later, by Delay and up to Jitter more
	Uplink      Kind = "uplink"       // arrive later: delay before the arrival is stamped
	Hang        Kind = "hang"         // keep silent for Delay (0: until the client goes), then close
	Drop        Kind = "drop"         // close the connection without an answer
	CloseReused Kind = "close_reused" // carry out, then close, if the connection served a request before
	Status      Kind = "status"       // answer Status (default 502) with a short text
	BlockPage   Kind = "html"         // answer Status (default 503) with a page for people
	Garbled     Kind = "malformed"    // answer JSON with broken syntax
	Truncated   Kind = "truncated"    // answer the first half, and say that it is all
	Cut         Kind = "cut"          // announce the whole answer, send half, close
	Oversized   Kind = "oversized"    // answer Bytes (default 8 MiB) of JSON
	Mistyped    Kind = "mistyped"     // answer JSON whose values have other types
	Redirect    Kind = "redirect"     // answer 307 to the same address
)

func kinds() []Kind {
	return []Kind{
		Latency, Uplink, Hang, Drop, CloseReused, Status, BlockPage, Garbled, Truncated, Cut, Oversized, Mistyped, Redirect,
	}
}

// Rule is one scripted fault. The zero value of a condition is "always".
type Rule struct {
	ID   int  `json:"id"`
	Kind Kind `json:"kind"`
	// Endpoint is a path pattern (path.Match, or a prefix ending in *), or the
	// word "purchase" or "read"; empty means every request.
	Endpoint string `json:"endpoint,omitempty"`
	// AfterEffect carries the request out before the fault shows.
	AfterEffect bool `json:"after_effect,omitempty"`
	// Probability is the share of matching requests that are hit (0 means all).
	Probability float64 `json:"probability,omitempty"`
	// Count is how many requests are hit before the rule is spent (0: no end).
	Count int `json:"count,omitempty"`
	// From and For bound the rule in time, from when it was added.
	From Duration `json:"from,omitempty"`
	For  Duration `json:"for,omitempty"`
	// Delay and Jitter are for latency, uplink and hang.
	Delay  Duration `json:"delay,omitempty"`
	Jitter Duration `json:"jitter,omitempty"`
	Status int      `json:"status,omitempty"`
	Bytes  int      `json:"bytes,omitempty"`
	// Hits counts the requests that were hit.
	Hits int `json:"hits"`

	added time.Time
}

// Duration is a time span that JSON writes as text ("250ms").
type Duration time.Duration

// UnmarshalText reads "1.5s".
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// MarshalText writes "1.5s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (r *Rule) check() error {
	if !slices.Contains(kinds(), r.Kind) {
		return fmt.Errorf("fault: unknown kind %q", r.Kind)
	}
	if r.Probability < 0 || r.Probability > 1 {
		return fmt.Errorf("fault: probability %v is not between 0 and 1", r.Probability)
	}
	if r.Count < 0 || r.Delay < 0 || r.Jitter < 0 || r.From < 0 || r.For < 0 {
		return fmt.Errorf("fault: negative count or time")
	}
	if _, err := path.Match(r.Endpoint, "/"); err != nil {
		return fmt.Errorf("fault: endpoint %q: %w", r.Endpoint, err)
	}
	return nil
}

// matches is whether the rule is about this request now.
func (r *Rule) matches(c *call, now time.Time) bool {
	since := now.Sub(r.added)
	if since < time.Duration(r.From) || (r.For > 0 && since >= time.Duration(r.From)+time.Duration(r.For)) {
		return false
	}
	if r.Count > 0 && r.Hits >= r.Count {
		return false
	}
	if r.Kind == CloseReused && !c.reused {
		return false
	}
	switch r.Endpoint {
	case "":
		return true
	case "purchase":
		return c.purchase
	case "read":
		return !c.purchase
	}
	if prefix, ok := strings.CutSuffix(r.Endpoint, "*"); ok && strings.HasPrefix(c.path, prefix) {
		return true
	}
	ok, _ := path.Match(r.Endpoint, c.path)
	return ok
}

// faults is the list of rules; Core's lock guards it.
type faults struct {
	rules []*Rule
	next  int
}

func (f *faults) add(r Rule, now time.Time) int {
	f.next++
	r.ID, r.added, r.Hits = f.next, now, 0
	f.rules = append(f.rules, &r)
	return r.ID
}

// delay is the sum of the matching rules of one delaying kind.
func (f *faults) delay(kind Kind, c *call, now time.Time, rng *rand.Rand) time.Duration {
	var sum time.Duration
	for _, r := range f.rules {
		if r.Kind == kind && r.matches(c, now) && chance(r.Probability, rng) {
			r.Hits++
			sum += time.Duration(r.Delay) + jitter(time.Duration(r.Jitter), rng)
		}
	}
	return sum
}

// pick gives the first rule of another kind that hits; nil for none.
func (f *faults) pick(c *call, now time.Time, rng *rand.Rand) *Rule {
	for _, r := range f.rules {
		if r.Kind == Latency || r.Kind == Uplink {
			continue
		}
		if r.matches(c, now) && chance(r.Probability, rng) {
			r.Hits++
			hit := *r
			return &hit
		}
	}
	return nil
}

func chance(p float64, rng *rand.Rand) bool {
	return p == 0 || p == 1 || rng.Float64() < p
}

func jitter(d time.Duration, rng *rand.Rand) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(rng.Int64N(int64(d) + 1))
}
