package order

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func TestAGroupSharesCommitsAndAnswersEveryCall(t *testing.T) {
	t.Parallel()
	var commits atomic.Int64
	gate := make(chan struct{})
	g := newGroup(8, func(set []*call[int, int]) {
		<-gate
		commits.Add(1)
		for _, c := range set {
			c.out = c.in * 2
		}
	})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			out, err := g.do(context.Background(), i)
			if err != nil || out != 2*i {
				t.Errorf("%d gives %d, %v", i, out, err)
			}
		})
	}
	for len(g.in) < cap(g.in) { // the first is being committed, and others gather behind it
		runtime.Gosched()
	}
	close(gate)
	wg.Wait()
	g.close()
	require.Less(t, commits.Load(), int64(40))
}

// A call that came at the very moment of closing was once put where nobody looked
// any more, and waited for ever.
func TestNoCallWaitsForAGroupThatCloses(t *testing.T) {
	t.Parallel()
	for range 300 {
		g := newGroup(4, func([]*call[int, int]) {})
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if _, err := g.do(context.Background(), i); err != nil && !errors.Is(err, errClosed) {
					t.Error(err)
				}
			})
		}
		g.close()
		_, err := g.do(context.Background(), 0)
		require.ErrorIs(t, err, errClosed)
		wg.Wait()
	}
}

func TestACallWhoseCallerLeftIsNotCommitted(t *testing.T) {
	t.Parallel()
	var committed atomic.Int64
	gate := make(chan struct{})
	g := newGroup(1, func(set []*call[int, int]) {
		<-gate
		committed.Add(int64(len(set)))
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			_, err := g.do(ctx, 1)
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	for len(g.in) == 0 { // one is being committed, one waits to be, one waits to be handed in
		if ctx.Err() != nil {
			break
		}
	}
	cancel()
	wg.Wait()
	close(gate)
	g.close()
	require.LessOrEqual(t, committed.Load(), int64(1))
}

// What one member caused is worth committing without it; the database being away or
// full is nobody's fault, and what became of the commit may not be known.
func TestOnlyWhatAMemberCausedIsCommittedWithoutIt(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"23514": true, "22003": true, "40P01": true, "08006": false, "57P01": false, "57014": false, "53100": false, "53300": false,
	} {
		require.Equal(t, want, isolable(fmt.Errorf("order: %w", &pgconn.PgError{Code: code})), code)
	}
	require.False(t, isolable(errors.New("connection reset")))
	require.True(t, isolable(fmt.Errorf("%w: item 7", errSealed)))
}
