package order

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rentedOut places a number that is being processed and due now.
func (s *scene) rentedOut(ref string) *Order {
	s.t.Helper()
	o := s.place(rented(s.wallet, ref))
	s.do(o, Step{To: Sending, NextRunAt: &s.now})
	return s.do(o, Step{To: Processing, UpstreamRef: "RO-" + ref, NextRunAt: &s.now, ExpiresAt: ptr(s.now.Add(15 * time.Minute))})
}

func TestCandidatesTellWhatChoosingNeeds(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	plain, watched, canceled, again, lost := s.rentedOut("r1"), s.rentedOut("r2"), s.rentedOut("r3"), s.rentedOut("r4"), s.place(rented(s.wallet, "r5"))
	s.do(lost, Step{To: Sending})
	s.do(lost, Step{To: Unknown, NextRunAt: &s.now})
	later := s.now.Add(time.Minute)
	s.do(s.rentedOut("not yet"), Step{NextRunAt: ptr(later.Add(time.Second))})
	s.place(rented(s.wallet, "queued"))
	require.NoError(t, Touch(t.Context(), s.db.Pool, watched.ID, later))
	_, err := s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "r3")
	require.NoError(t, err)
	s.do(again, Step{To: Completed, Messages: []Message{{Code: "1", ReceivedAt: s.now}}})
	_, err = s.w.Resend(t.Context(), s.db.Bun, s.wallet, "r4")
	require.NoError(t, err)
	read := func() map[int64]Candidate {
		list, err := Candidates(t.Context(), s.db.Pool, "up-b", later, 100)
		require.NoError(t, err)
		out := map[int64]Candidate{}
		for _, c := range list {
			out[c.ID] = c
		}
		require.Len(t, out, len(list))
		return out
	}
	got := read()
	require.Len(t, got, 5)
	end := s.now.Add(15 * time.Minute)
	want := Candidate{ID: plain.ID, ProductID: 2, Category: OTP, State: Processing, Since: s.now, LookedAt: s.now, ExpiresAt: &end}
	require.Equal(t, fmt.Sprintf("%+v", want.at()), fmt.Sprintf("%+v", got[plain.ID].at()))
	require.True(t, got[watched.ID].Watched)
	require.False(t, got[watched.ID].Wished)
	require.True(t, got[canceled.ID].Wished)
	require.True(t, got[again.ID].Wished)
	require.Equal(t, Unknown, got[lost.ID].State)
	require.Nil(t, got[lost.ID].ExpiresAt)

	s.now = s.now.Add(30 * time.Second)
	s.do(again, Step{Wish: WishSent, NextRunAt: &s.now})
	c := read()[again.ID]
	require.False(t, c.Wished, "its source has heard it")
	require.True(t, c.Since.Equal(s.now), "what is waited for is asked for since then")
	few, err := Candidates(t.Context(), s.db.Pool, "up-b", later, 2)
	require.NoError(t, err)
	require.Len(t, few, 2)
	none, err := Candidates(t.Context(), s.db.Pool, "up-a", later, 2)
	require.NoError(t, err)
	require.Empty(t, none)
}

// at is the candidate with its times in one zone and its pointer looked through.
func (c Candidate) at() any {
	return struct {
		c       Candidate
		expires time.Time
	}{Candidate{c.ID, c.ProductID, c.Category, c.State, c.Wished, c.Since.UTC(), c.LookedAt.UTC(), nil, c.Watched}, c.ExpiresAt.UTC()}
}

func TestTheFirstThatIsStillToBeHadIsTaken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a, b := s.rentedOut("r1"), s.rentedOut("r2")
	take := func(ids ...int64) *Order {
		o, err := TakeFirst(t.Context(), s.db.Pool, "up-b", s.now, time.Minute, ids)
		require.NoError(t, err)
		return o
	}
	require.Equal(t, b.ID, take(b.ID, a.ID).ID)
	require.Equal(t, a.ID, take(b.ID, a.ID).ID, "the other is taken")
	require.Nil(t, take(b.ID, a.ID))
	require.Nil(t, take())
	s.now = s.now.Add(time.Minute)
	require.Equal(t, b.ID, take(b.ID).ID, "a lease ends")
	s.now = s.now.Add(time.Minute)
	s.do(a, Step{To: Completed})
	require.Nil(t, take(a.ID), "nothing more is to come of it")
	queued := s.place(rented(s.wallet, "r3"))
	require.Nil(t, take(queued.ID))
	o, err := TakeFirst(t.Context(), s.db.Pool, "up-a", s.now, time.Minute, []int64{b.ID})
	require.NoError(t, err)
	require.Nil(t, o, "another source's")
}

func TestOfManyWorkersEachTakesAnother(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var ids []int64
	for i := range 24 {
		ids = append(ids, s.rentedOut(fmt.Sprint("r", i)).ID)
	}
	// One is locked by somebody who writes it: nobody waits for that.
	tx, err := s.db.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT 1 FROM orders WHERE id = $1 FOR NO KEY UPDATE`, ids[0])
	require.NoError(t, err)
	var mu sync.Mutex
	taken := map[int64]int{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				o, err := TakeFirst(context.Background(), s.db.Pool, "up-b", s.now, time.Minute, ids)
				if err != nil {
					t.Error(err)
					return
				}
				if o == nil {
					return
				}
				mu.Lock()
				taken[o.ID]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	require.NoError(t, tx.Rollback(t.Context()))
	require.Len(t, taken, len(ids)-1)
	for id, n := range taken {
		require.Equal(t, 1, n, id)
		require.NotEqual(t, ids[0], id)
	}
}

func TestChoosingReadsWhatIsDueAndNotWhatExists(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.rentedOut("r1")
	_, err := s.db.Pool.Exec(t.Context(), `INSERT INTO orders SELECT (o).* FROM (
		SELECT jsonb_populate_record(o, jsonb_build_object('id', n, 'ref', 'old' || n, 'state', 'completed', 'next_run_at', NULL)) AS o
		FROM orders o, generate_series(1, 20000) n) x`)
	require.NoError(t, err)
	_, err = s.db.Pool.Exec(t.Context(), `ANALYZE orders`)
	require.NoError(t, err)
	for name, q := range map[string]struct {
		sql  string
		args []any
	}{
		"candidates": {candidatesSQL, []any{"up-b", s.now, 1000}},
		"take":       {takeFirstSQL, []any{"up-b", s.now, time.Minute, []int64{1, 2, 3}}},
	} {
		rows, err := s.db.Pool.Query(t.Context(), "EXPLAIN "+q.sql, q.args...)
		require.NoError(t, err)
		var plan []string
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			plan = append(plan, line)
		}
		require.NoError(t, rows.Err())
		require.NotContains(t, strings.Join(plan, "\n"), "Seq Scan on orders", name)
	}
}
