package float

import (
	"cmp"
	"slices"
	"time"
)

const (
	// quietFor is how long after money moved that is not ours nothing is concluded.
	quietFor = 30 * time.Minute
	// twice unexplained, so far apart, a difference is taken for somebody else's; and twice
	// seen, so far apart, it is believed that nothing was bought where it could be delivered.
	twice = 20 * time.Second
	// mostSums bounds the search for sums of several doubts, and mostBases against how many
	// earlier readings one later reading is held: a worker has other things to do.
	mostSums, mostBases = 1 << 11, 8
)

// Verdict is what the balance says about a purchase whose answer was lost.
type Verdict string

// The verdicts. Home: its money is not away; it was not bought, or has been given
// back. Away: it was bought and has not been given back. Ambiguous: both answers
// explain the balance. Unexplained: neither does. Disturbed: one does, but
// somebody else has used the account.
const (
	Home        Verdict = "home"
	Away        Verdict = "away"
	Ambiguous   Verdict = "ambiguous"
	Unexplained Verdict = "unexplained"
	Disturbed   Verdict = "disturbed"
)

// Need is what a verdict has to wait for.
type Need uint8

// The needs: nothing; a reading, or a later one; questions about other purchases; a
// reading from before the purchase, which nobody can take any more.
const (
	NeedNothing Need = iota
	NeedReading
	NeedWords
	NeedBefore
)

// Part is one move's share in the difference between two readings.
type Part struct {
	Key
	Stand Stand
	// May are the sums that it may have come to; one where it is certain.
	May []int64
}

// Opinion is what is to be thought of a purchase, and from what.
type Opinion struct {
	Verdict Verdict // empty while something is needed
	Need    Need
	// Ask are the moves that a question would make certain.
	Ask []Key
	// Before and After are the readings compared; Parts the moves between them apart
	// from the purchase itself.
	Before, After *Reading
	Parts         []Part
	// Alike is how many purchases, this one among them, are in doubt that nobody can
	// or need tell apart, and Out how many of them are away. The verdicts go by age.
	Alike, Out int
	// RipeAt is from when on none of those alike can have been on its way: before it
	// nobody knows which of them was away.
	RipeAt time.Time
}

// Stand is where the verdict leaves the move; empty where it leaves it in doubt.
func (o *Opinion) Stand(x *Move) Stand {
	switch o.Verdict {
	case Away:
		return Orphan
	case Home:
		if p, _ := x.at(o.After); p&returned != 0 {
			return Back
		}
		return Void
	case Ambiguous, Unexplained, Disturbed:
	}
	return ""
}

// Gap is a movement that was none of ours.
type Gap struct {
	Amount  int64
	FoundAt time.Time
}

// Book is an account as it stood at one moment: readings, oldest first, the moves
// that may lie between them, and the gaps of the last while.
type Book struct {
	Upstream string
	Anchor   int64 // reading up to which all is accounted for; 0 for none
	Readings []Reading
	Moves    []Move
	Gaps     []Gap
	// Grain is how finely the account's money is told, in rupiah; zero is exactly. Two
	// balances may be off by one grain each, and each purchase by one rupiah.
	Grain int64
}

// Move finds a move; nil when the book has none.
func (b *Book) Move(k Key) *Move {
	for i := range b.Moves {
		if b.Moves[i].Key == k {
			return &b.Moves[i]
		}
	}
	return nil
}

// Weigh says what the balance tells of a move, from readings that were asked for
// at since or later. The first reading that settles it counts. Where nothing comes back
// by itself a purchase called not bought too soon would be delivered twice: there words
// count later, and two readings must agree.
func (b *Book) Weigh(k Key, since, now time.Time) Opinion {
	x := b.Move(k)
	lasting, lag := x.EndsAt.IsZero(), time.Duration(0)
	if lasting {
		lag = backLongest
	}
	for i := range b.Readings {
		b.Readings[i].lag = lag
	}
	var strange, home *Opinion
	last := Opinion{Need: NeedReading}
	for i := range b.Readings {
		after := &b.Readings[i]
		if after.AskedAt.Before(since) || after.AskedAt.Before(x.RipeAt) || after.Begin < x.Claim {
			continue
		}
		o := b.compare(x, after)
		switch o.Verdict {
		case Home, Away:
			if o.Verdict == Home && lasting && (home == nil || after.AskedAt.Sub(home.After.AskedAt) < twice) {
				if home == nil {
					first := o
					home = &first
				}
				o = Opinion{Need: NeedReading}
				break
			}
			if b.disturbed(x, now) {
				o.Verdict = Disturbed
			}
			return o
		case Unexplained:
			home = nil
			if strange != nil && after.AskedAt.Sub(strange.After.AskedAt) >= twice {
				return o
			}
			if strange == nil {
				first := o
				strange = &first
			}
			o = Opinion{Need: NeedReading}
		case Ambiguous, Disturbed, "":
		}
		last = o
	}
	return last
}

// disturbed tells whether somebody else seems to use the account. Money that was
// brought is no such sign, unless it could have hidden this very purchase.
func (b *Book) disturbed(x *Move, now time.Time) bool {
	return slices.ContainsFunc(b.Gaps, func(g Gap) bool {
		return now.Sub(g.FoundAt) < quietFor && (g.Amount < 0 || g.Amount == x.Cost)
	})
}

// compare weighs one later reading against those from before, until one allows a single
// answer. What one does not explain at which every other move was certain, no older one
// may explain.
func (b *Book) compare(x *Move, after *Reading) Opinion {
	o := Opinion{After: after}
	blurred := false
	for i := range b.Moves {
		m := &b.Moves[i]
		if m.Key == x.Key {
			continue
		}
		switch m.lacks(after) {
		case lacksTime:
			return Opinion{After: after, Need: NeedReading}
		case lacksWord:
			o.Need, o.Ask = NeedWords, append(o.Ask, m.Key)
		case lacksClarity:
			blurred = true
		case lacksNothing:
			blurred = blurred || m.returning(after)
		}
	}
	if o.Need != NeedNothing {
		return o
	}
	best := Opinion{After: after, Need: NeedBefore}
	oldest := int64(0)
	for _, c := range b.bases(x, after) {
		if c.reading.End < oldest {
			continue
		}
		o := Opinion{After: after, Before: c.reading, Parts: c.parts}
		if b.judge(&o, x); o.certain() {
			best = o
			break
		}
		if o.Verdict == Unexplained && c.blurs == 0 && oldest == 0 {
			best, oldest = o, c.reading.End
		}
		if best.Need == NeedBefore {
			best = o
		}
	}
	if blurred && !best.certain() {
		return Opinion{After: after, Need: NeedReading}
	}
	return best
}

func (o *Opinion) certain() bool { return o.Verdict == Home || o.Verdict == Away }

// base is an earlier reading, what moved since besides the purchase in question, and how
// many of those are blurred there.
type base struct {
	reading *Reading
	parts   []Part
	blurs   int
}

// bases gives the readings from before x that a later one can be held against: the
// clearest first, and of those the newest.
func (b *Book) bases(x *Move, after *Reading) (list []base) {
	for i := len(b.Readings) - 1; i >= 0; i-- {
		r := &b.Readings[i]
		if p, _ := x.at(r); r.End >= after.Begin || p != before && p != away {
			continue
		}
		if parts, blurs, ok := b.parts(x, r, after); ok {
			list = append(list, base{r, parts, blurs})
		}
	}
	slices.SortStableFunc(list, func(a, b base) int { return cmp.Compare(a.blurs, b.blurs) })
	return list[:min(len(list), mostBases)]
}

// parts gives what moved between two readings besides x, and how many of those could
// be certain and are not; ok is false where a part has no sum at all.
func (b *Book) parts(x *Move, base, after *Reading) (parts []Part, blurs int, ok bool) {
	for i := range b.Moves {
		m := &b.Moves[i]
		if x != nil && m.Key == x.Key {
			continue
		}
		may, known := m.between(base, after)
		switch {
		case !known:
			return nil, 0, false
		case len(may) == 1 && may[0] == 0:
			continue
		case len(may) > 1 && !m.doubtful():
			blurs++
		}
		parts = append(parts, Part{Key: m.Key, Stand: m.Stand, May: may})
	}
	return parts, blurs, true
}

// alike gives the purchases that cannot be told from x and need not be: of one price,
// open at the later reading and certain at the earlier, and given back at their end
// whichever it was, since nobody can use what nobody knows of. So many of the first
// count as away as are: those whose rent runs before those whose end has come, the
// earliest claim (whatever was bought, was bought no earlier) and the latest end first.
func (b *Book) alike(x *Move, base, after *Reading) (group []*Move) {
	for i := range b.Moves {
		m := &b.Moves[i]
		if m.Key == x.Key {
			group = append(group, m)
			continue
		}
		f, _ := m.at(base)
		t, _ := m.at(after)
		orphan := m.Stand == Unknown || m.Stand == Spoilt || m.Stand == Orphan
		if orphan && m.Cost == x.Cost && !m.EndsAt.IsZero() && !x.EndsAt.IsZero() && (f == before || f == away) && t&away != 0 && t != away {
			group = append(group, m)
		}
	}
	ended := func(m *Move) int {
		p, _ := m.at(after)
		return int(p & returned)
	}
	slices.SortFunc(group, func(a, b *Move) int {
		if e := ended(a); e != 0 && ended(b) != 0 {
			return b.EndsAt.Compare(a.EndsAt)
		}
		return cmp.Or(cmp.Compare(ended(a), ended(b)), cmp.Compare(a.Claim, b.Claim))
	})
	return group
}

// judge tells how many of x and those like it are away, if only one number explains
// the difference, and counts the first ones as those.
func (b *Book) judge(o *Opinion, x *Move) {
	group := b.alike(x, o.Before, o.After)
	rest := slices.DeleteFunc(slices.Clone(o.Parts), func(p Part) bool {
		return slices.ContainsFunc(group, func(m *Move) bool { return m.Key == p.Key })
	})
	sums, ok := sumsOf(rest)
	if !ok {
		o.Verdict = Ambiguous
		return
	}
	diff := o.After.Balance - o.Before.Balance
	for _, m := range group { // what they had taken before counts as if nothing had been
		from, _ := m.at(o.Before)
		diff += m.effect(from)
		if m.RipeAt.After(o.RipeAt) {
			o.RipeAt = m.RipeAt
		}
	}
	p, _ := x.at(o.After)
	fits, n := 0, len(group)
	for out := range n + 1 {
		if out > 0 && p&away == 0 || out < n && p == away || !b.fits(sums, diff+int64(out)*x.Cost, len(o.Parts)+n) {
			continue
		}
		fits++
		o.Alike, o.Out = n, out
	}
	switch {
	case fits == 0:
		o.Verdict = Unexplained
	case fits > 1:
		o.Verdict, o.Alike, o.Out = Ambiguous, 0, 0
	case o.Out > 0 && o.Out < n && mixed(group, o.After):
		o.Verdict = Ambiguous
	case slices.Index(group, x) < o.Out:
		o.Verdict = Away
	default:
		o.Verdict = Home
	}
}

// fits tells whether so many purchases can have come to a sum, as finely as it is told.
func (b *Book) fits(sums map[int64]bool, sum int64, purchases int) bool {
	if b.Grain == 0 || sums[sum] {
		return sums[sum]
	}
	off := 2*b.Grain + int64(purchases)
	for s := range sums {
		if s-off <= sum && sum <= s+off {
			return true
		}
	}
	return false
}

// mixed tells whether some of a group are just coming back while others' rent runs:
// which are away is told when they are back.
func mixed(group []*Move, r *Reading) bool {
	coming := slices.ContainsFunc(group, func(m *Move) bool { return m.returning(r) })
	return coming && slices.ContainsFunc(group, func(m *Move) bool {
		p, _ := m.at(r)
		return p&returned == 0
	})
}

// sumsOf gives every sum that the parts may come to; ok is false when there are
// too many to tell.
func sumsOf(parts []Part) (sums map[int64]bool, ok bool) {
	sums = map[int64]bool{certain(parts): true}
	for _, p := range parts {
		if len(p.May) == 1 {
			continue
		}
		next := make(map[int64]bool, len(sums)*len(p.May))
		for sum := range sums {
			for _, d := range p.May {
				next[sum+d] = true
			}
		}
		if len(next) > mostSums {
			return nil, false
		}
		sums = next
	}
	return sums, true
}

// Account follows the chain of readings from the anchor on: the newest one that
// all moves are certain at becomes the anchor, and what the moves between do not
// explain is a gap. None of both without such a reading. Where there is no anchor yet
// the oldest such reading is where the chain begins.
func (b *Book) Account(now time.Time) (anchor *Reading, before *Reading, gap *Gap) {
	var from *Reading
	// Nothing is called a gap that may be a blur.
	blurred := func(r *Reading) bool {
		return slices.ContainsFunc(b.Moves, func(m Move) bool { return m.lacks(r) != lacksNothing })
	}
	for i := range b.Readings {
		if r := &b.Readings[i]; r.ID == b.Anchor || b.Anchor == 0 && from == nil && !blurred(r) {
			from = r
		}
	}
	if from == nil {
		return nil, nil, nil
	}
	for i := len(b.Readings) - 1; i >= 0; i-- {
		r := &b.Readings[i]
		if r.Begin < from.End {
			break
		}
		if blurred(r) {
			continue
		}
		parts, _, ok := b.parts(nil, from, r)
		if !ok {
			continue
		}
		sums, ok := sumsOf(parts)
		diff := r.Balance - from.Balance
		if !ok || b.fits(sums, diff, len(parts)) {
			return r, from, nil
		}
		return r, from, &Gap{Amount: diff - certain(parts), FoundAt: now}
	}
	if b.Anchor == 0 {
		return from, nil, nil
	}
	return nil, from, nil
}

// certain is the sum of the parts that are.
func certain(parts []Part) (sum int64) {
	for _, p := range parts {
		if len(p.May) == 1 {
			sum += p.May[0]
		}
	}
	return sum
}
