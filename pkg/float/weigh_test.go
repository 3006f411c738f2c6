package float

import (
	"flag"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)

// histories is how many random histories are played.
const histories = "10000"

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("rapid.checks").Value.String() == "100" {
		if err := flag.Set("rapid.checks", histories); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

const (
	ripeAfter = 50 * time.Second
	life      = 15 * time.Minute
)

// truth is what really happened to a purchase, beside what we know of it.
type truth struct {
	Move
	really  time.Time // when it is given back where nobody uses it
	waits   bool      // its request is on its way
	taken   bool
	back    bool
	answers bool // its answer is on its way
}

// account is a provider and us in front of it, played step by step. Nobody else uses
// the account.
type account struct {
	t        *rapid.T
	now      time.Time
	tick     int64
	balance  int64
	all      []*truth
	readings []Reading
	was      map[int64][]int64 // by reading: what each purchase had taken at that moment
	reading  *Reading          // under way
	told     bool
	asked    *question
	punctual bool // numbers that nobody knows of are given back at their end, not after it
}

// later lets time pass.
func (a *account) later(d time.Duration) {
	a.now = a.now.Add(d)
	for _, x := range a.all {
		if a.punctual && x.taken && !x.back && x.Stand != Bought && x.Stand != Kept && !x.really.IsZero() && !a.now.Before(x.really) {
			x.back = true
			a.balance += x.Cost
		}
	}
}

type question struct {
	of   *truth
	tick int64
	seen bool
	back bool
}

func (a *account) draw() int64 {
	a.tick++
	return a.tick
}

func (a *account) pick(what string, fit func(*truth) bool) *truth {
	var some []*truth
	for _, x := range a.all {
		if fit(x) {
			some = append(some, x)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(a.t, what)]
}

func (a *account) claim() {
	for _, x := range a.all {
		if x.Stand == Unknown {
			return // the lock keeps it back
		}
	}
	x := &truth{waits: true, Move: Move{
		Key: Key{"order", int64(len(a.all) + 1), 1}, Stand: Sending, Claim: a.draw(), ClaimedAt: a.now, RipeAt: a.now.Add(ripeAfter),
		Cost: rapid.SampledFrom([]int64{1000, 1000, 1500, 2500}).Draw(a.t, "cost"),
	}}
	if rapid.IntRange(0, 3).Draw(a.t, "kind") > 0 {
		x.EndsAt = a.now.Add(life)
		x.really = x.EndsAt
	}
	a.all = append(a.all, x)
}

// arrive: a request reaches the provider, which takes the money or refuses.
func (a *account) arrive() {
	x := a.pick("arrives", func(x *truth) bool { return x.waits })
	if x == nil {
		return
	}
	x.waits = false
	if !a.now.Before(x.RipeAt) {
		return // it was never going to
	}
	if rapid.IntRange(0, 3).Draw(a.t, "refused") > 0 {
		x.taken = true
		a.balance -= x.Cost
	}
	x.answers = true
}

// answer: we hear of a purchase, or never will.
func (a *account) answer() {
	x := a.pick("answered", func(x *truth) bool { return x.Stand == Sending })
	switch {
	case x == nil:
	case !x.answers || rapid.IntRange(0, 2).Draw(a.t, "lost") == 0:
		x.Stand, x.DoubtAt = Unknown, a.now
	case x.taken:
		x.Stand, x.Bought = Bought, a.draw()
	default:
		x.Stand = Void
	}
}

// end: the provider gives a number back or delivers. One that nobody knows of is
// given back at its end, or else kept for ever.
func (a *account) end() {
	x := a.pick("ends", func(x *truth) bool { return x.taken && !x.back && x.Stand != Kept })
	if x == nil || ((x.Stand != Bought) && (x.really.IsZero() || a.now.Before(x.really))) {
		return
	}
	if x.Stand == Bought && rapid.Bool().Draw(a.t, "delivered") {
		x.Stand = Kept
		return
	}
	x.back = true
	a.balance += x.Cost
}

// ask goes through the steps of a question about a purchase that we know.
func (a *account) ask() {
	if a.asked == nil {
		if x := a.pick("asked", func(x *truth) bool { return x.Stand == Bought }); x != nil {
			a.asked = &question{of: x, tick: a.draw()}
		}
		return
	}
	q := a.asked
	if !q.seen {
		q.seen, q.back = true, q.of.back
		return
	}
	a.asked = nil
	if q.of.Stand != Bought {
		return
	}
	if q.back {
		q.of.Stand, q.of.Back, q.of.BackAt = Back, a.draw(), a.now
	} else {
		q.of.Held = max(q.of.Held, q.tick)
	}
}

// read goes through the steps of a question about the balance.
func (a *account) read() {
	switch {
	case a.reading == nil:
		a.reading, a.told = &Reading{ID: int64(len(a.readings) + 1), Begin: a.draw(), AskedAt: a.now}, false
	case !a.told:
		a.told, a.reading.Balance = true, a.balance
		for _, x := range a.all {
			taken := int64(0)
			if x.taken && !x.back {
				taken = x.Cost
			}
			a.was[a.reading.ID] = append(a.was[a.reading.ID], taken)
		}
	default:
		a.reading.End, a.reading.SaidAt = a.draw(), a.now
		a.readings = append(a.readings, *a.reading)
		a.reading = nil
	}
}

func (a *account) book() *Book {
	b := &Book{Readings: a.readings}
	for _, x := range a.all {
		b.Moves = append(b.Moves, x.Move)
	}
	return b
}

func (a *account) String() (text string) {
	for _, x := range a.all {
		text += fmt.Sprintf("%+v\n", *x)
	}
	for _, r := range a.readings {
		text += fmt.Sprintf("%+v %v\n", r, a.was[r.ID])
	}
	return text
}

// judge holds every verdict against the truth, and lets it count.
func (a *account) judge() (settled int) {
	for _, x := range a.all {
		b := a.book()
		if x.Stand != Unknown && x.Stand != Orphan && x.Stand != Spoilt {
			continue
		}
		since := time.Time{}
		if x.Stand == Orphan {
			since = x.Due()
		}
		o := b.Weigh(x.Key, since, a.now)
		if o.Verdict != Home && o.Verdict != Away {
			require.NotEqual(a.t, Disturbed, o.Verdict)
			if o.Verdict == Unexplained {
				a.t.Fatalf("nobody else was there, and yet the balance is not explained: %+v\n%s", o, a)
			}
			if o.Verdict == Ambiguous && x.Stand == Unknown && rapid.Bool().Draw(a.t, "given up") {
				x.Stand = Spoilt
			}
			continue
		}
		settled++
		text := fmt.Sprintf("%+v\nfrom %+v\nto %+v\n%d of %d out\nparts %+v\nall %s", x, o.Before, o.After, o.Out, o.Alike, o.Parts, a)
		a.swap(b, x, o)
		taken := a.was[o.After.ID][x.ID-1]
		if o.Verdict == Home {
			require.Zero(a.t, taken, "called home and away: %s", text)
		} else {
			require.Equal(a.t, x.Cost, taken, "called away and home: %s", text)
		}
		if x.Stand = o.Stand(&x.Move); x.Stand == Back {
			x.Back, x.BackAt = a.draw(), a.now
		}
		if x.Stand == Orphan {
			x.Orphaned, x.RipeAt = true, o.RipeAt
			if x.Bought == 0 {
				x.Bought = a.draw()
			}
		}
	}
	return settled
}

// swap exchanges what really happened with one of those alike, where a verdict gave x
// another's part: nobody can tell, and nobody need. What counts is their number.
func (a *account) swap(b *Book, x *truth, o Opinion) {
	was := a.was[o.After.ID]
	out := 0
	group := b.alike(b.Move(x.Key), o.Before, o.After)
	require.Len(a.t, group, o.Alike)
	for _, m := range group {
		if was[m.ID-1] != 0 {
			out++
		}
	}
	require.Equal(a.t, o.Out, out, "of %d alike: %+v\n%+v\n%+v\n%+v\n%s", o.Alike, x, o.Before, o.After, o.Parts, a)
	if (was[x.ID-1] != 0) == (o.Verdict == Away) {
		return
	}
	for _, m := range group {
		y := a.all[m.ID-1]
		if (was[m.ID-1] != 0) == (was[x.ID-1] != 0) {
			continue
		}
		x.taken, y.taken, x.back, y.back, x.really, y.really = y.taken, x.taken, y.back, x.back, y.really, x.really
		for _, w := range a.was {
			if int(max(x.ID, y.ID)) <= len(w) {
				w[x.ID-1], w[y.ID-1] = w[y.ID-1], w[x.ID-1]
			}
		}
		return
	}
}

func TestNoVerdictIsWrongWhileNobodyElseUsesTheAccount(t *testing.T) {
	t.Parallel()
	settled := 0
	rapid.Check(t, func(rt *rapid.T) {
		a := &account{t: rt, now: noon, balance: 1_000_000, was: map[int64][]int64{}, punctual: rapid.Bool().Draw(rt, "punctual")}
		for range rapid.IntRange(20, 160).Draw(rt, "steps") {
			switch rapid.IntRange(0, 19).Draw(rt, "what") {
			case 0, 1:
				a.claim()
			case 2, 3, 4:
				a.arrive()
			case 5, 6:
				a.answer()
			case 7:
				a.end()
			case 8, 9, 10:
				a.ask()
			case 11, 12, 13, 14, 15:
				a.read()
			case 16:
				a.later(time.Duration(rapid.SampledFrom([]int{1, 10, 60, 300}).Draw(rt, "later")) * time.Second)
			case 17: // all falls still for once
				for _, x := range a.all {
					if x.Stand == Sending {
						a.answer()
					}
				}
				for range len(a.all) {
					a.asked = nil
					for range 3 {
						a.ask()
					}
				}
				a.later(ripeAfter)
				for range 6 {
					a.read()
				}
				for range 6 * len(a.all) {
					a.ask()
				}
			default:
				settled += a.judge()
			}
			b := a.book()
			_, _, gap := b.Account(a.now)
			if a.punctual {
				require.Nil(rt, gap, a)
			}
		}
	})
	require.Greater(t, settled, 500, "and verdicts there are")
	t.Logf("%d verdicts", settled)
}

// tape makes books by hand.
type tape struct {
	tick int64
	now  time.Time
	b    Book
}

func newTape() *tape { return &tape{now: noon, b: Book{Moves: make([]Move, 0, 64)}} }

func (p *tape) draw() int64 {
	p.tick++
	return p.tick
}

func (p *tape) read(balance int64) {
	p.b.Readings = append(p.b.Readings, Reading{ID: int64(len(p.b.Readings) + 1), Begin: p.draw(), End: p.draw(), Balance: balance, AskedAt: p.now, SaidAt: p.now})
}

func (p *tape) move(cost int64, stand Stand) *Move {
	p.b.Moves = append(p.b.Moves, Move{Key: Key{"order", int64(len(p.b.Moves) + 1), 1}, Cost: cost, Stand: stand, Claim: p.draw(), ClaimedAt: p.now, RipeAt: p.now.Add(ripeAfter)})
	m := &p.b.Moves[len(p.b.Moves)-1]
	if stand == Bought || stand == Kept || stand == Back {
		m.Bought = p.draw()
	}
	return m
}

// reads reads twice, as for what nobody gives back.
func (p *tape) reads(balance int64) {
	p.read(balance)
	p.now = p.now.Add(twice)
	p.read(balance)
}

func (p *tape) weigh(n int64) Opinion { return p.b.Weigh(Key{"order", n, 1}, time.Time{}, p.now) }

func TestWhatTheBalanceSaysOfOnePurchase(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after int64
		want  Verdict
	}{
		"as before":            {10_000, Home},
		"lower by its price":   {8_500, Away},
		"lower by something":   {8_400, Unexplained},
		"higher":               {12_000, Unexplained},
		"lower by twice of it": {7_000, Unexplained},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newTape()
			p.read(10_000)
			p.move(1_500, Unknown)
			p.now = p.now.Add(time.Second)
			p.read(c.after)
			require.Equal(t, Opinion{Need: NeedReading}, p.weigh(1), "its request may still be on its way")
			p.now = p.now.Add(ripeAfter)
			p.read(c.after)
			if c.want != Away {
				require.Equal(t, NeedReading, p.weigh(1).Need, "a provider's books may lag: it is looked at twice")
				p.now = p.now.Add(twice)
				p.read(c.after)
			}
			require.Equal(t, c.want, p.weigh(1).Verdict)
		})
	}
}

func TestWithoutAReadingFromBeforeNothingIsConcluded(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.read(10_000)
	require.Equal(t, NeedBefore, p.weigh(1).Need)
}

func TestTwoDoubtsAreToldApartByTheirSums(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		costs  [2]int64
		after  int64
		first  Verdict
		second Verdict
	}{
		"neither":                   {[2]int64{1_000, 1_500}, 10_000, Home, Home},
		"the first":                 {[2]int64{1_000, 1_500}, 9_000, Away, Home},
		"the second":                {[2]int64{1_000, 1_500}, 8_500, Home, Away},
		"both":                      {[2]int64{1_000, 1_500}, 7_500, Away, Away},
		"one of two delivered":      {[2]int64{1_000, 1_000}, 9_000, Ambiguous, Ambiguous},
		"neither of two alike":      {[2]int64{1_000, 1_000}, 10_000, Home, Home},
		"both of two of one price":  {[2]int64{1_000, 1_000}, 8_000, Away, Away},
		"a sum that neither can be": {[2]int64{1_000, 1_500}, 9_500, Unexplained, Unexplained},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newTape()
			p.read(10_000)
			p.move(c.costs[0], Unknown)
			p.move(c.costs[1], Unknown)
			p.now = p.now.Add(ripeAfter)
			p.read(c.after)
			p.now = p.now.Add(twice)
			p.read(c.after)
			require.Equal(t, c.first, p.weigh(1).Verdict)
			require.Equal(t, c.second, p.weigh(2).Verdict)
		})
	}
}

func TestOfNumbersThatNobodyNeedTellApartTheNumberCounts(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.read(10_000)
	for range 3 {
		p.move(1_000, Unknown).EndsAt = p.now.Add(life)
		p.now = p.now.Add(time.Second)
	}
	p.now = p.now.Add(ripeAfter)
	p.read(9_000)
	require.Equal(t, []Verdict{Away, Home, Home}, []Verdict{p.weigh(1).Verdict, p.weigh(2).Verdict, p.weigh(3).Verdict})
	require.Equal(t, 3, p.weigh(1).Alike)
	require.Equal(t, 1, p.weigh(1).Out)
	p.b.Moves[1].Stand = Void
	require.Equal(t, Away, p.weigh(1).Verdict, "whatever came of the others")
	require.Equal(t, Home, p.weigh(3).Verdict)
	p.b.Moves[2].Stand = Void
	require.Equal(t, Away, p.weigh(1).Verdict)
}

func TestOtherPurchasesCountWhenTheyAreCertain(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.read(10_000)
	p.move(1_500, Unknown)
	p.move(300, Kept)
	p.move(900, Void)
	open := p.move(2_000, Bought)
	p.now = p.now.Add(ripeAfter)
	sending := p.move(700, Sending)
	p.read(7_000) // 300 and 2,000 are away, and 700
	require.Equal(t, NeedReading, p.weigh(1).Need, "one is on its way")
	sending.Stand, sending.Bought = Bought, p.draw()
	o := p.weigh(1)
	require.Equal(t, NeedWords, o.Need)
	require.Equal(t, []Key{open.Key, sending.Key}, o.Ask, "either may have been given back before")
	sending.Held, open.Held = p.draw(), p.draw()
	p.b.Moves[0].EndsAt = noon.Add(life)
	o = p.weigh(1)
	require.Equal(t, Home, o.Verdict, "whether the one was bought before the reading or after, the sums tell")
	require.Len(t, o.Parts, 3)
	p.b.Moves[0].Cost, p.b.Moves[0].EndsAt = 700, time.Time{}
	require.Equal(t, NeedReading, p.weigh(1).Need, "here they do not, and a later reading will")
	p.reads(7_000)
	sending.Held, open.Held = p.draw(), p.draw()
	require.Equal(t, Home, p.weigh(1).Verdict)

	back := p.move(500, Back)
	back.Back, back.BackAt = p.draw(), p.now
	p.read(7_000)
	require.Equal(t, Home, p.weigh(1).Verdict, "what was settled stays")
}

func TestAnOrphansMoneyComesBack(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.read(10_000)
	x := p.move(1_500, Orphan)
	x.EndsAt, x.Orphaned, x.Bought = p.now.Add(life), true, p.draw()
	p.now = p.now.Add(2 * time.Minute)
	p.read(8_500)
	p.now = p.now.Add(10 * time.Minute)
	other := p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.reads(8_500)
	require.Equal(t, Home, p.weigh(2).Verdict, "an orphan's money does not come back before its end")
	other.Stand = Void
	due := x.ReturnDue()
	p.now = due
	p.read(8_500)
	require.Equal(t, Away, p.b.Weigh(x.Key, due, p.now).Verdict)
	p.now = p.now.Add(time.Minute)
	p.read(10_000)
	require.Equal(t, Home, p.b.Weigh(x.Key, p.now, p.now).Verdict)
}

func TestSomebodyElseAtTheAccountSpoilsTheEvidence(t *testing.T) {
	t.Parallel()
	for amount, want := range map[int64]Verdict{-1: Disturbed, -100_000: Disturbed, 1_500: Disturbed, 500_000: Home} {
		p := newTape()
		p.b.Gaps = []Gap{{Amount: amount, FoundAt: p.now.Add(-time.Minute)}}
		p.read(10_000)
		p.move(1_500, Unknown)
		p.now = p.now.Add(ripeAfter)
		p.reads(10_000)
		require.Equal(t, want, p.weigh(1).Verdict, amount)
		p.now = p.now.Add(quietFor)
		require.Equal(t, Home, p.weigh(1).Verdict, amount)
	}
}

func TestGapsAreFound(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.read(10_000)
	anchor, _, gap := p.b.Account(p.now)
	require.EqualValues(t, 1, anchor.ID)
	require.Nil(t, gap)
	p.b.Anchor = 1
	p.move(1_500, Kept)
	p.now = p.now.Add(ripeAfter)
	p.read(8_500)
	anchor, before, gap := p.b.Account(p.now)
	require.EqualValues(t, 2, anchor.ID)
	require.EqualValues(t, 1, before.ID)
	require.Nil(t, gap)
	p.move(700, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.read(7_000)
	_, _, gap = p.b.Account(p.now)
	require.EqualValues(t, -1_500, gap.Amount, "neither with nor without the doubt")
	anchor, _, _ = (&Book{Anchor: 1, Readings: p.b.Readings, Moves: []Move{{Stand: Sending, RipeAt: p.now.Add(time.Minute)}}}).Account(p.now)
	require.Nil(t, anchor, "not while something is on its way")
}

func TestAGapBeforeThereIsAnAnchorIsFound(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.read(10_000) // nothing was ever bought, and nobody follows
	p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.read(9_223)
	anchor, before, gap := p.b.Account(p.now)
	require.EqualValues(t, 2, anchor.ID)
	require.EqualValues(t, 1, before.ID)
	require.EqualValues(t, -777, gap.Amount)
}

func TestTooManyDoubtsAreForAPerson(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.read(math.MaxInt32)
	for i := range 20 {
		p.move(1<<i, Unknown)
	}
	p.now = p.now.Add(ripeAfter)
	p.read(math.MaxInt32 - 5)
	require.Equal(t, Ambiguous, p.weigh(1).Verdict)
}

func TestMoneyThatComesInIsADoubtOfItsOwn(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.read(10_000)
	p.move(-50_000, Due)
	p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.read(58_500)
	require.Equal(t, Away, p.weigh(2).Verdict)
}

func TestWhatCameBackInPartBreaksTheChain(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.read(10_000)
	odd := p.move(3_000, Odd)
	odd.Bought = p.draw()
	odd.Back, odd.BackAt = p.draw(), p.now
	p.now = p.now.Add(backLongest)
	x := p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.read(8_000)
	require.Equal(t, NeedBefore, p.b.Weigh(x.Key, time.Time{}, p.now).Need)

	p = newTape()
	odd = p.move(3_000, Odd)
	odd.Bought = p.draw()
	odd.Back, odd.BackAt = p.draw(), p.now
	p.now = p.now.Add(backLongest)
	p.read(8_000)
	x = p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.reads(8_000)
	require.Equal(t, Home, p.b.Weigh(x.Key, time.Time{}, p.now).Verdict, "it was over before")
}

func TestALateSuccessIsUncertainUntilItWasTold(t *testing.T) {
	t.Parallel()
	p := newTape()
	late := p.move(1_000, Kept)
	p.now = p.now.Add(ripeAfter)
	p.read(10_000)
	late.Back, late.Bought = p.draw(), p.draw()
	x := p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.read(10_000)
	require.Equal(t, NeedBefore, p.b.Weigh(x.Key, time.Time{}, p.now).Need)
}

func TestWhatIsTakenLateIsNotCalledNotBought(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.read(10_000)
	p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.read(10_000)
	p.now = p.now.Add(twice - time.Second)
	p.read(10_000)
	require.Equal(t, NeedReading, p.weigh(1).Need, "one look is not enough where a wrong answer delivers twice")
	p.now = p.now.Add(time.Second)
	p.read(8_500)
	require.Equal(t, Away, p.weigh(1).Verdict)

	p = newTape()
	p.read(10_000)
	p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.read(10_000)
	p.now = p.now.Add(twice)
	p.read(9_900)
	p.now = p.now.Add(time.Second)
	p.read(10_000)
	require.Equal(t, NeedReading, p.weigh(1).Need, "nor are two that something strange lies between")
}

func TestARefundThatComesLateIsNotTakenForWhatWasNotBought(t *testing.T) {
	t.Parallel()
	for name, numbers := range map[string]bool{"a product": false, "a number": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newTape()
			other := p.move(1_500, Back)
			p.now = p.now.Add(10 * time.Minute)
			other.Back, other.BackAt = p.draw(), p.now
			p.now = p.now.Add(time.Minute)
			p.read(8_500) // its source calls it canceled, and has not paid it back yet
			x := p.move(1_500, Unknown)
			if numbers {
				x.EndsAt = p.now.Add(life)
			}
			p.now = p.now.Add(3 * time.Minute)
			p.reads(8_500) // x was bought, and the other one is paid back
			if numbers {
				require.Equal(t, Home, p.weigh(2).Verdict, "nobody can use it, and it is paid back: that does no harm")
				return
			}
			require.Equal(t, Ambiguous, p.weigh(2).Verdict)
		})
	}
}

func TestWhatIsOwedForLongComesNoMore(t *testing.T) {
	t.Parallel()
	p := newTape()
	owed := p.move(1_500, Owed)
	owed.Bought = p.draw()
	p.now = p.now.Add(time.Hour)
	p.read(10_000)
	p.move(1_500, Unknown)
	p.now = p.now.Add(ripeAfter)
	p.reads(10_000)
	require.Equal(t, Ambiguous, p.weigh(2).Verdict, "its refund could hide the other one")
	p.now = p.now.Add(owedFor)
	p.read(10_000)
	p.move(1_500, Unknown)
	p.b.Moves[1].Stand = Void
	p.now = p.now.Add(ripeAfter)
	p.reads(10_000)
	require.Equal(t, Home, p.weigh(3).Verdict)
}

func TestABalanceInCoarseUnitsProvesOnlyWhatIsLarger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cost, after int64
		want        Verdict
	}{
		{100, 10_000, Ambiguous}, // it may be bought and not be seen
		{100, 9_900, Ambiguous},
		{5_000, 10_000, Home},
		{5_000, 9_840, Home}, // as finely as it is told
		{5_000, 5_160, Away},
		{5_000, 5_000, Away},
		{5_000, 4_840, Away},
		{5_000, 7_500, Unexplained},
	} {
		p := newTape()
		p.b.Grain = 160
		p.read(10_000)
		p.move(c.cost, Unknown)
		p.now = p.now.Add(ripeAfter)
		p.reads(c.after)
		require.Equal(t, c.want, p.weigh(1).Verdict, c)
	}
	p := newTape()
	p.b.Grain = 1
	p.read(10_000)
	p.b.Anchor = 1
	p.move(500, Kept)
	p.now = p.now.Add(ripeAfter)
	p.read(9_501)
	_, _, gap := p.b.Account(p.now)
	require.Nil(t, gap, "costs are rounded up, balances down")
	p.read(9_400)
	_, _, gap = p.b.Account(p.now)
	require.EqualValues(t, -100, gap.Amount)
}

func TestWhatMerchantsPayInIsNoStranger(t *testing.T) {
	t.Parallel()
	due := func(p *tape, amount int64, paid time.Time) {
		m := p.move(-amount, Due)
		m.Claim, m.RipeAt = 0, paid
	}
	for name, c := range map[string]struct {
		pays, after int64
		paid        time.Duration
		want        Verdict
	}{
		"paid, and bought":             {50_000, 58_500, 0, Away},
		"paid, and not bought":         {50_000, 60_000, 0, Home},
		"not paid, and bought":         {50_000, 8_500, 0, Away},
		"as much as the purchase took": {1_500, 10_000, 0, Ambiguous},
		"long paid":                    {1_500, 10_000, -time.Minute, Home},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newTape()
			paid := time.Time{}
			if c.paid != 0 {
				paid = noon.Add(c.paid)
			}
			due(p, c.pays, paid)
			p.read(10_000)
			p.move(1_500, Unknown)
			p.now = p.now.Add(ripeAfter)
			p.reads(c.after)
			require.Equal(t, c.want, p.weigh(2).Verdict)
		})
	}
}

// crowded is the book of an account on which much is going on: an hour of readings,
// numbers whose state nobody has asked about of late, and several lost answers.
func crowded(numbers, lost int) (*tape, Key) {
	p := newTape()
	p.b.Moves = make([]Move, 0, numbers+lost)
	balance := int64(100_000_000)
	cost := func(i int) int64 { return int64(1_000 + 137*(i%17)) }
	for i := range numbers {
		p.read(balance)
		m := p.move(cost(i), Bought)
		m.EndsAt = p.now.Add(life)
		balance -= m.Cost
		p.now = p.now.Add(30 * time.Second)
	}
	for i := range lost {
		p.move(cost(3*i), Unknown).EndsAt = p.now.Add(life)
	}
	for range 2 * most {
		p.now = p.now.Add(ripeAfter)
		p.read(balance)
	}
	for i := range numbers {
		m := &p.b.Moves[i]
		m.Held = p.draw()
		if i%2 == 0 { // nobody asked about it until it was back
			m.Held, m.Stand, m.Back, m.BackAt = 0, Back, m.Bought, m.RipeAt
		}
	}
	return p, p.b.Moves[numbers].Key
}

func BenchmarkWeigh(b *testing.B) {
	p, k := crowded(mostBefore, 12)
	for b.Loop() {
		p.b.Weigh(k, time.Time{}, p.now)
	}
}
