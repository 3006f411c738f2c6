package order

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/rule"
)

func (f *fixture) guarded(t *testing.T, wallet int64, minutes int) {
	t.Helper()
	require.NoError(t, rule.SetDuplicateGuard(t.Context(), f.db.Pool, wallet, minutes, f.now))
}

func duplicateOf(t require.TestingT, err error) *DuplicateError {
	var d *DuplicateError
	require.ErrorAs(t, err, &d)
	return d
}

func TestASecondOrderForTheSameRecipientIsRefusedForAWhile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p := f.open(t, "M1", 100_000), f.placer(t)
	place := func(r *Request) error {
		_, err := p.Place(t.Context(), r)
		return err
	}
	require.NoError(t, place(pulsa(w, "before", 1_000)))
	require.NoError(t, place(pulsa(w, "off", 1_000)), "off unless set")
	f.guarded(t, w, 10)
	require.NoError(t, place(pulsa(w, "a", 1_000)), "what was placed before it was set does not count")
	first := f.now
	f.now = f.now.Add(time.Minute)
	d := duplicateOf(t, place(pulsa(w, "b", 2_000)))
	require.Equal(t, &DuplicateError{Ref: "a", At: first, Field: "customer_no"}, d)
	require.EqualValues(t, 97_000, f.balance(t, w), "it cost nothing")
	require.NoError(t, place(pulsa(w, "a", 1_000)), "the same ref is the same order")

	other := pulsa(w, "other", 1_000)
	other.SKU = "TSEL20"
	require.NoError(t, place(other), "another SKU")
	number, zone := "089999999999", "2685"
	other = pulsa(w, "else", 1_000)
	other.CustomerNo = &number
	require.NoError(t, place(other), "another customer")
	other = pulsa(w, "zone", 1_000)
	other.ZoneID = &zone
	require.NoError(t, place(other), "another zone")
	require.NoError(t, place(rented(w, "otp1")))
	require.NoError(t, place(rented(w, "otp2")), "a number is rented for nobody in particular")
	require.NoError(t, place(pulsa(f.open(t, "M2", 1_000), "x", 1_000)), "another merchant")

	meant := pulsa(w, "b", 2_000)
	meant.AllowDuplicate = true
	require.NoError(t, place(meant))
	require.Equal(t, "b", duplicateOf(t, place(pulsa(w, "c", 1_000))).Ref, "the latest is named")
	replayed, err := p.Place(t.Context(), pulsa(w, "b", 2_000))
	require.NoError(t, err)
	require.True(t, replayed.Replayed, "allow_duplicate is no part of the content")

	f.now = f.now.Add(10 * time.Minute)
	require.NoError(t, place(pulsa(w, "c", 1_000)), "the time has passed to the second")
	f.guarded(t, w, 0)
	require.NoError(t, place(pulsa(w, "d", 1_000)), "off again")
	f.verify(t)
}

func TestAnOrderThatCameToNothingIsNoDuplicate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, p, wr := f.open(t, "M1", 100_000), f.placer(t), f.writer(t, nil)
	f.guarded(t, w, 10)
	for i, to := range []State{Failed, Canceled, Expired, Completed} {
		placed, err := p.Place(t.Context(), pulsa(w, fmt.Sprint("r", i), 1_000))
		require.NoError(t, err)
		id := placed.Order.ID
		_, err = p.Place(t.Context(), pulsa(w, "twin", 1_000))
		duplicateOf(t, err)
		_, err = wr.Do(t.Context(), Step{OrderID: id, From: Queued, To: Sending})
		require.NoError(t, err)
		_, err = wr.Do(t.Context(), Step{OrderID: id, From: Sending, To: to, Attempt: 1, Outcome: "x"})
		require.NoError(t, err, to)
	}
	_, err := p.Place(t.Context(), pulsa(w, "twin", 1_000))
	require.Equal(t, "r3", duplicateOf(t, err).Ref, "what was delivered counts")
	f.verify(t)
}

func TestOfTwinsInOneCommitTheFirstIsTaken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	on, off := f.open(t, "M1", 10_000), f.open(t, "M2", 10_000)
	f.guarded(t, on, 5)
	p := f.placer(t)
	meant := pulsa(on, "d", 1_000)
	meant.AllowDuplicate = true
	set := []*placement{
		{ctx: t.Context(), in: pulsa(on, "a", 1_000)},
		{ctx: t.Context(), in: pulsa(on, "b", 1_000)},
		{ctx: t.Context(), in: pulsa(off, "a", 1_000)},
		{ctx: t.Context(), in: pulsa(off, "b", 1_000)},
		{ctx: t.Context(), in: pulsa(on, "a", 1_000)},
		{ctx: t.Context(), in: meant},
	}
	p.commit(set)
	require.NoError(t, set[0].err)
	require.Equal(t, "a", duplicateOf(t, set[1].err).Ref)
	require.NoError(t, set[2].err)
	require.NoError(t, set[3].err, "a neighbour without the guard")
	require.True(t, set[4].out.Replayed)
	require.NoError(t, set[5].err)
	require.EqualValues(t, 8_000, f.balance(t, on))
	f.verify(t)
}

// TestOfTwinsAtOnceOneIsTaken posts the same purchase under many refs through two
// processes at once.
func TestOfTwinsAtOnceOneIsTaken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	placers := []*Placer{f.placer(t), f.placer(t)}
	for round := range 5 {
		w := f.open(t, fmt.Sprint("M", round), 1_000_000)
		f.guarded(t, w, 1)
		var accepted, refused atomic.Int64
		var taken sync.Map
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range 60 {
			wg.Go(func() {
				<-start
				r := pulsa(w, fmt.Sprint("r", i), 1_000)
				no := fmt.Sprint("0812", i%3)
				r.CustomerNo = &no
				_, err := placers[i%2].Place(context.Background(), r)
				var d *DuplicateError
				switch {
				case err == nil:
					accepted.Add(1)
					if other, twice := taken.LoadOrStore(no, r.Ref); twice {
						t.Errorf("%s and %s were both taken", other, r.Ref)
					}
				case errors.As(err, &d):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		require.EqualValues(t, 3, accepted.Load())
		require.EqualValues(t, 57, refused.Load())
		require.EqualValues(t, 997_000, f.balance(t, w))
	}
	f.verify(t)
}

// modelTwin is an order as the guard's model has it.
type modelTwin struct {
	ref, key string
	id       int64
	at       time.Time
	// seen: it was placed under the guard; void: it came to nothing.
	seen, ended, void bool
}

// TestNoHistoryPassesTheGuard compares random histories with a model of the guard.
func TestNoHistoryPassesTheGuard(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p, wr := f.placer(t), f.writer(t, nil)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		w := f.open(t, fmt.Sprint("M", n), 1_000_000)
		minutes := 0
		var known []*modelTwin
		for step := range rapid.IntRange(5, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				minutes = rapid.SampledFrom([]int{0, 1, 10, 1440}).Draw(rt, "minutes")
				f.guarded(t, w, minutes)
			case 1:
				f.now = f.now.Add(rapid.SampledFrom([]time.Duration{time.Second, 59 * time.Second, time.Minute, 9 * time.Minute, 24 * time.Hour}).Draw(rt, "later"))
			case 2:
				if len(known) == 0 {
					continue
				}
				m := rapid.SampledFrom(known).Draw(rt, "order")
				if m.ended {
					continue
				}
				m.ended = true
				to := rapid.SampledFrom([]State{Failed, Canceled, Completed}).Draw(rt, "end")
				_, err := wr.Do(t.Context(), Step{OrderID: m.id, From: Queued, To: Sending})
				require.NoError(rt, err)
				_, err = wr.Do(t.Context(), Step{OrderID: m.id, From: Sending, To: to, Attempt: 1, Outcome: "x"})
				require.NoError(rt, err)
				m.void = to != Completed
			default:
				r := pulsa(w, fmt.Sprint(n, "-", step), 10)
				r.SKU = rapid.SampledFrom([]string{"A", "B"}).Draw(rt, "sku")
				no := rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "customer")
				r.CustomerNo = &no
				r.AllowDuplicate = rapid.IntRange(0, 4).Draw(rt, "meant") == 0
				m := &modelTwin{ref: r.Ref, key: r.SKU + no, at: f.now, seen: minutes > 0}
				var twin *modelTwin
				for _, k := range known {
					if k.key == m.key && k.seen && !k.void && k.at.After(f.now.Add(-time.Duration(minutes)*time.Minute)) {
						twin = k
					}
				}
				placed, err := p.Place(t.Context(), r)
				if minutes > 0 && twin != nil && !r.AllowDuplicate {
					d := duplicateOf(rt, err)
					require.True(rt, d.At.Equal(twin.at), "named %s of %s, not %s of %s", d.Ref, d.At, twin.ref, twin.at)
					continue
				}
				require.NoError(rt, err)
				m.id = placed.Order.ID
				known = append(known, m)
			}
		}
	})
	f.verify(t)
}
