package arrival

import (
	"math"
	"time"
)

// edges are the ages at which buckets begin, in seconds; the last has no end. They are
// narrow where most news comes.
var edges = [...]float64{0, 3, 5, 8, 12, 17, 23, 30, 38, 48, 60, 75, 90, 105, 120, 150, 180, 240, 300, 450, 600, 900} //nolint:gochecknoglobals // a table of constants

const buckets = len(edges)

// least is the lowest rate, in news a second: one in some five hours.
const least = 1.0 / 20_000

// begins and ends give a bucket's bounds in seconds.
func begins(i int) float64 { return edges[i] }
func ends(i int) float64 {
	if i+1 < buckets {
		return edges[i+1]
	}
	return math.Inf(1)
}

// Curve is how often news comes by age, in news a second.
type Curve [buckets]float64

// pass calls visit with each bucket's part of the time between two ages.
func pass(from, to float64, visit func(bucket int, seconds float64)) {
	for i := range buckets {
		if d := min(to, ends(i)) - max(from, begins(i)); d > 0 {
			visit(i, d)
		}
	}
}

// due is how many news are to be expected between two ages, in seconds.
func (c *Curve) due(from, to float64) float64 {
	sum := 0.0
	pass(from, to, func(i int, d float64) { sum += c[i] * d })
	return sum
}

// Waiting is how long news is expected to have been waiting: of an order that was last
// looked at in vain at age looked, that is of age now, and to which no news comes after
// the age end.
func (c *Curve) Waiting(looked, now, end time.Duration) time.Duration {
	from, to, over := looked.Seconds(), now.Seconds(), end.Seconds()
	sum, past := 0.0, 0.0 // past is what was due up to where the sum has come
	pass(from, min(to, over), func(i int, d float64) {
		// The chance that it has come, over the time: 1 - exp(-(past + rate × t)).
		sum += d - math.Exp(-past)*-math.Expm1(-c[i]*d)/c[i]
		past += c[i] * d
	})
	if rest := to - max(from, over); rest > 0 {
		sum += rest * -math.Expm1(-past)
	}
	return time.Duration(sum * float64(time.Second))
}

// guess is what is believed of a category before anything is known: most codes come
// within a minute, three in ten never, and top-ups are quick or take long.
func guess(category string) *Curve {
	rates := map[float64]float64{3: .05, 30: .06, 60: .03, 120: .015, 300: .005, 900: .001}
	switch category {
	case "otp":
		rates = map[float64]float64{3: .002, 5: .01, 60: .02, 120: .01, 300: .002, 900: .0003}
	case "smm":
		rates = map[float64]float64{900: .0005}
	}
	c := new(Curve)
	for i := range c {
		c[i] = .0003
		until := math.Inf(1)
		for end, rate := range rates {
			if begins(i) < end && end < until {
				until, c[i] = end, rate
			}
		}
	}
	return c
}

// Seen is what was watched: how many news came in each bucket, and in how many seconds
// of watching. Shares of news are counted, since nobody knows when it came exactly.
type Seen struct {
	News, Seconds [buckets]float64
}

// Look adds a look at age to after one at age from that found nothing. Where this one
// found something, the curve says when it may have come.
func (s *Seen) Look(from, to time.Duration, came bool, by *Curve) {
	if !came {
		pass(from.Seconds(), to.Seconds(), func(i int, d float64) { s.Seconds[i] += d })
		return
	}
	whole := -math.Expm1(-by.due(from.Seconds(), to.Seconds()))
	if whole <= 0 {
		return
	}
	left, past := 1.0, 0.0
	pass(from.Seconds(), to.Seconds(), func(i int, d float64) {
		share := math.Exp(-past) * -math.Expm1(-by[i]*d) / whole
		past += by[i] * d
		left = max(left-share, 0)
		s.News[i] += share
		s.Seconds[i] += d * (left + share/2) // until it came it was watched
	})
}

// add adds what was seen elsewhere.
func (s *Seen) add(o *Seen) {
	for i := range buckets {
		s.News[i] += o.News[i]
		s.Seconds[i] += o.Seconds[i]
	}
}

// weight is how many orders a belief is worth against what was seen.
const weight = 20

// Over gives the curve of what was seen, where little was seen like the one believed.
func (s *Seen) Over(believed *Curve) *Curve {
	c := new(Curve)
	for i := range c {
		// How long so many orders would have been watched at this age: fewer get older.
		width := ends(i) - begins(i)
		if math.IsInf(width, 1) {
			width = begins(i)
		}
		watched := weight * width * max(math.Exp(-believed.due(0, begins(i))), .2)
		c[i] = max((s.News[i]+believed[i]*watched)/(s.Seconds[i]+watched), least)
	}
	return c
}
