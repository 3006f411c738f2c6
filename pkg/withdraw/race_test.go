package withdraw

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crowd does 200 things at once, each of which may be refused because another was
// faster, and gives how many of each kind were not.
func crowd(t *testing.T, kinds ...func(i int) error) []int64 {
	t.Helper()
	done := make([]atomic.Int64, len(kinds))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			<-start
			err := kinds[i%len(kinds)](i)
			switch {
			case err == nil:
				done[i%len(kinds)].Add(1)
			case !errors.Is(err, ErrNotResolvable) && !errors.Is(err, ErrStale):
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	out := make([]int64, len(kinds))
	for i := range done {
		out[i] = done[i].Load()
	}
	return out
}

// entries are how many the ledger has of a withdrawal.
func (f *fixture) entries(w *Withdrawal, kind string) (n int) {
	f.t.Helper()
	require.NoError(f.t, f.db.Pool.QueryRow(f.t.Context(), `SELECT count(*) FROM ledger_entries WHERE subject = 'withdraw' AND subject_id = $1 AND kind = $2`, w.ID, kind).Scan(&n))
	return n
}

// TestManyDecisionsAtOnceEndInOne lets 200 operators approve and reject one withdrawal
// while workers claim it: it is given back once, or sent once, and never both.
func TestManyDecisionsAtOnceEndInOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := context.Background()
	ended := map[State]int{}
	for round := range 8 {
		f.wallet = f.merchant(fmt.Sprint("C", round), opening)
		w := f.place("wd")
		done := crowd(t,
			func(i int) error { _, err := f.k.Approve(ctx, w.ID, Decision{Actor: fmt.Sprint("op-", i)}); return err },
			func(i int) error { _, err := f.k.Claim(ctx, w.ID, fmt.Sprint("claim-", i), time.Minute); return err },
			func(i int) error { _, err := f.k.Approve(ctx, w.ID, Decision{Actor: fmt.Sprint("op-", i)}); return err },
			func(i int) error { _, err := f.k.Claim(ctx, w.ID, fmt.Sprint("claim-", i), time.Minute); return err },
			func(i int) error { _, err := f.k.Reject(ctx, w.ID, Decision{Actor: fmt.Sprint("op-", i)}); return err },
		)
		approved, claimed, rejected := done[0]+done[2], done[1]+done[3], done[4]
		require.LessOrEqual(t, approved, int64(1))
		require.EqualValues(t, 1, claimed+rejected, "sent or given back, once")
		w = f.read(w)
		ended[w.State]++
		require.Equal(t, map[bool]State{true: Rejected, false: Sending}[rejected == 1], w.State)
		require.Equal(t, 1, f.entries(w, "withdraw"))
		require.EqualValues(t, rejected, f.entries(w, "withdraw_refund"))
		require.Equal(t, opening-(1-rejected)*w.Total(), f.balance())
		f.verify()
	}
	t.Log(ended)
}

// TestManyWordsAtOnceEndInOne lets 200 answers of every kind meet one payout: it is paid
// out once, or given back once.
func TestManyWordsAtOnceEndInOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := context.Background()
	for round := range 4 {
		f.wallet = f.merchant(fmt.Sprint("C", round), opening)
		w := f.sending(fmt.Sprint("wd-", round))
		a := Answer{Attempt: w.Attempt, UpstreamRef: fmt.Sprint("P", round), Charge: 300, Cause: "test"}
		says := func(word Word) func(int) error {
			return func(int) error {
				b := a
				b.Word = word
				_, err := f.k.Heard(ctx, w.ID, b)
				return err
			}
		}
		done := crowd(t, says(Paid), says(Failed), says(Waiting), func(int) error {
			_, err := f.k.Resolve(ctx, w.ID, Decision{As: Rejected, Why: "test", Actor: "op"})
			return err
		})
		w = f.read(w)
		require.True(t, w.State.Final())
		require.EqualValues(t, 1, done[0]+done[1]+done[3], "one word ends it")
		paid, back := f.entries(w, "payout"), f.entries(w, "withdraw_refund")
		require.Equal(t, 1, paid+back)
		require.Equal(t, w.State == Success, paid == 1)
		require.Equal(t, opening-int64(paid)*w.Total(), f.balance())
		f.verify()
	}
}
