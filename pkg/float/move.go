package float

import (
	"slices"
	"time"
)

// Stand is where a move stands, as far as we know.
type Stand string

// The stands. Of Sending nothing is known yet; Unknown is one whose answer is
// lost, and keeps all other purchases back; Spoilt is such a one that the balance
// could not explain, left to an operator. Orphan was bought, the balance says so,
// and nobody knows its id. Bought is under way at the provider, Kept delivered.
// Back was given back, Void never bought. Owed is over, and nobody knows whether
// the money is back or comes back. Odd was given back in part. Due is money that
// may come (a deposit on its way); its cost is below zero.
const (
	Sending Stand = "sending"
	Unknown Stand = "unknown"
	Spoilt  Stand = "spoilt"
	Orphan  Stand = "orphan"
	Bought  Stand = "bought"
	Kept    Stand = "kept"
	Back    Stand = "back"
	Void    Stand = "void"
	Owed    Stand = "owed"
	Odd     Stand = "odd"
	Due     Stand = "due"
)

const (
	// backMargin is how long after its word a provider may take to give money back, and
	// backLongest what it is given where a wrong answer could deliver something twice.
	backMargin, backLongest = 15 * time.Second, 2 * time.Minute
	// owedFor is how long after it was claimed a purchase that is over, and whose money is
	// somewhere, is waited for; longer, and its money counts as staying where it is.
	owedFor = 6 * time.Hour
	// dueMargin is how far a provider's word of when money came in may be off.
	dueMargin = 5 * time.Minute
	// endMargin is how much earlier than its end an unused number may be given back, and
	// how much later it may be.
	endMargin = 30 * time.Second
)

// Reading is our balance at one moment between two ticks.
type Reading struct {
	ID      int64
	Begin   int64 // drawn before the question left
	End     int64 // drawn after the answer came
	Balance int64 // rupiah
	AskedAt time.Time
	SaidAt  time.Time

	// lag is how long before it a word must have come for the balance to show it.
	lag time.Duration
}

// Key names a move: a subject ("order"), its id and its attempt.
type Key struct {
	Subject string
	ID      int64
	N       int
}

// Move is what one purchase did to the balance. Ticks are zero where the thing has
// not happened, times where it never will.
type Move struct {
	Key
	// Cost is what it takes, in rupiah; below zero where it brings.
	Cost  int64
	Stand Stand
	// Claim was drawn before its first byte, Bought after it was known to be bought,
	// Held before a question that found it not given back, Back after it was known to
	// be given back.
	Claim, Bought, Held, Back int64
	ClaimedAt, BackAt         time.Time
	// RipeAt is from when on its request can no longer be on its way (of what is Due: from
	// when on it is there), EndsAt when its provider gives it back where nobody uses it.
	RipeAt, EndsAt time.Time
	// DoubtAt is since when its outcome is unknown.
	DoubtAt time.Time
	// Orphaned: nobody knows its id, so nobody can end it before its time.
	Orphaned bool
}

// Due is from when on a reading tells of a move: when its request can no longer
// arrive, or an orphan's money must be back. Its rent may have begun as late as the
// request could arrive.
func (m *Move) Due() time.Time {
	if m.Stand == Orphan && !m.EndsAt.IsZero() {
		return m.ReturnDue()
	}
	return m.RipeAt
}

// ReturnDue is when the money of a move that nobody used must be back.
func (m *Move) ReturnDue() time.Time {
	return m.EndsAt.Add(m.RipeAt.Sub(m.ClaimedAt)).Add(endMargin)
}

// returning tells whether the money may be coming back just at a reading.
func (m *Move) returning(r *Reading) bool {
	p, _ := m.at(r)
	return p&(away|returned) == away|returned && m.doubtful() && !m.EndsAt.IsZero() && r.SaidAt.Before(m.ReturnDue())
}

// phase is where a move's money may be; a set of them.
type phase uint8

const (
	never    phase = 1 << iota // nothing was taken and nothing will be
	before                     // nothing was taken yet
	away                       // it was taken
	returned                   // it was given back
)

// doubtful moves are those that no question about them can make certain.
func (m *Move) doubtful() bool {
	switch m.Stand {
	case Unknown, Spoilt, Orphan, Owed, Due:
		return true
	case Back:
		return m.Bought == 0 // it is back, if it ever was away
	case Sending, Bought, Kept, Void, Odd:
	}
	return false
}

// at gives where the money may have been when the reading was taken; known is false
// where not even that can be said.
func (m *Move) at(r *Reading) (p phase, known bool) {
	switch {
	case m.Claim > r.End:
		return before, true
	case m.Stand == Void:
		return never, true
	case m.Stand == Due:
		return m.due(r), true
	case (m.Stand == Kept || m.Stand == Bought) && m.Back != 0 && r.Begin <= m.Bought:
		return before | away, false // given back, and taken again: when, nobody knows
	case m.returnedFor(r) && m.Bought == 0:
		return never | returned, true
	case m.returnedFor(r):
		return returned, true
	}
	p = away
	if m.Bought == 0 {
		p |= never
	}
	if (m.Bought == 0 || m.Bought > r.Begin) && r.AskedAt.Before(m.RipeAt) {
		p |= before
	}
	if m.mayReturn(r) {
		p |= returned
	}
	return p, true
}

// due gives where money is that comes in: nobody tells us before it is there.
func (m *Move) due(r *Reading) phase {
	switch {
	case r.SaidAt.Before(m.ClaimedAt.Add(-dueMargin)):
		return before
	case !m.RipeAt.IsZero() && !r.AskedAt.Before(m.RipeAt):
		return away
	}
	return before | never | away
}

// settled tells whether a move that is over has come to rest, wherever its money is.
func (m *Move) settled(r *Reading) bool {
	return m.Stand == Owed && !r.AskedAt.Before(m.ClaimedAt.Add(owedFor))
}

// returnedFor tells whether the money was back for certain.
func (m *Move) returnedFor(r *Reading) bool {
	return (m.Stand == Back || m.Stand == Odd) && m.Back != 0 && m.Back < r.Begin && !r.AskedAt.Before(m.BackAt.Add(max(backMargin, r.lag)))
}

// mayReturn tells whether the money may have been back. One whose id nobody knows
// cannot be asked about, but neither can anybody end it before its time.
func (m *Move) mayReturn(r *Reading) bool {
	if m.Stand == Kept {
		return false
	}
	if (m.Bought == 0 || m.Orphaned) && !m.EndsAt.IsZero() && r.SaidAt.Before(m.EndsAt.Add(-endMargin)) {
		return false
	}
	return m.Held < r.End
}

// effect is what a move in one phase has done to the balance.
func (m *Move) effect(p phase) int64 {
	if p == away {
		return -m.Cost
	}
	return 0
}

// follows tells whether a move can get from one phase to another.
func follows(from, to phase) bool {
	switch from {
	case before:
		return true
	case away:
		return to == away || to == returned
	case never, returned:
		return to == from
	}
	return false
}

// between gives what a move may have done to the balance between two readings, in
// rupiah, each sum once; ok is false where nobody can say.
func (m *Move) between(a, b *Reading) (sums []int64, ok bool) {
	if m.settled(a) {
		return []int64{0}, true
	}
	from, known := m.at(a)
	to, sure := m.at(b)
	if !known || !sure || m.Stand == Odd && to&returned != 0 && from != returned {
		return nil, false // what came back in part is not known to the rupiah
	}
	for _, x := range []phase{never, before, away, returned} {
		for _, y := range []phase{never, before, away, returned} {
			if from&x == 0 || to&y == 0 || !follows(x, y) {
				continue
			}
			if d := m.effect(y) - m.effect(x); !slices.Contains(sums, d) {
				sums = append(sums, d)
			}
		}
	}
	return sums, len(sums) > 0
}

// lack is what keeps a reading from being worth something.
type lack uint8

const (
	lacksNothing lack = iota
	// lacksClarity: what the move had come to is not certain, and will not be. Where
	// sums tell it does not matter.
	lacksClarity
	// lacksWord: a question about the move would do.
	lacksWord
	// lacksTime: another reading will do, later.
	lacksTime
)

// lacks tells what a move leaves open at a reading that is to be the later one.
func (m *Move) lacks(r *Reading) lack {
	p, known := m.at(r)
	switch {
	case p == before, m.Stand == Due:
		return lacksNothing
	case !known, m.Stand == Sending, m.doubtful() && p&before != 0, m.Stand == Odd && p != returned && p&returned != 0:
		return lacksTime
	case m.doubtful(), p&(p-1) == 0:
		return lacksNothing
	case m.Stand == Bought && p&returned != 0:
		return lacksWord
	}
	return lacksClarity
}
