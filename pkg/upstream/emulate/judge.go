package emulate

import (
	"slices"
	"time"
)

// Limit is a provider's request limit: no window of Per sees more than
// Requests arrivals. Block is how long a breach shuts the door; zero only
// records it. No Requests means no limit.
type Limit struct {
	Requests int
	Per      time.Duration
	Block    time.Duration
}

// Violation is a window that saw too many arrivals; At is the last of them.
type Violation struct {
	At    time.Time `json:"at"`
	Path  string    `json:"path"`
	Count int       `json:"count"`
	Since time.Time `json:"since"`
}

// judge watches every sliding window of arrivals. Core's lock guards it.
type judge struct {
	limit      Limit
	arrivals   []time.Time // sorted, the recent ones only
	violations []Violation
	blocked    time.Time // until when
	turned     int       // requests that met the closed door
}

// keptArrivals bounds the judge's memory; stamps may come out of order by far
// less than this many requests.
const keptArrivals = 4096

// arrive records an arrival and says whether the door is shut for it. Arrivals
// that meet the closed door count as well, as they do at the real one. Two
// arrivals exactly Per apart do not share a window.
func (j *judge) arrive(at time.Time, path string) (blocked bool) {
	if j.limit.Requests <= 0 {
		return false
	}
	i := len(j.arrivals)
	for i > 0 && j.arrivals[i-1].After(at) {
		i--
	}
	j.arrivals = slices.Insert(j.arrivals, i, at)
	breach := false
	for last := i; last < len(j.arrivals) && j.arrivals[last].Sub(at) < j.limit.Per; last++ {
		first := last
		for first > 0 && j.arrivals[last].Sub(j.arrivals[first-1]) < j.limit.Per {
			first--
		}
		if n := last - first + 1; n > j.limit.Requests {
			breach = true
			j.violations = append(j.violations, Violation{At: j.arrivals[last], Path: path, Count: n, Since: j.arrivals[first]})
			break
		}
	}
	if len(j.arrivals) > 2*keptArrivals {
		j.arrivals = slices.Clone(j.arrivals[len(j.arrivals)-keptArrivals:])
	}
	if breach && j.limit.Block > 0 {
		if until := at.Add(j.limit.Block); until.After(j.blocked) {
			j.blocked = until
		}
	}
	if at.Before(j.blocked) {
		j.turned++
		return true
	}
	return false
}
