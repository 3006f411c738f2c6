package ledger_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
)

// history writes n mutations at times that grow but for disorder, and gives them, oldest first.
func (b *books) history(t *testing.T, w int64, n int, step, disorder time.Duration, seed uint64) []ledger.Mutation {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	at := noon
	for i := range n {
		at = at.Add(time.Duration(rnd.Int64N(int64(step))))
		e := ledger.Entry{Subject: "thing", SubjectID: w*1000 + int64(i), Kind: "order", Debit: ledger.WalletAccount(w), Credit: b.revenue, Amount: 1 + rnd.Int64N(900)}
		if rnd.IntN(3) == 0 {
			e.Kind, e.Debit, e.Credit = "refund", b.revenue, ledger.WalletAccount(w)
		}
		require.NoError(t, b.post(t.Context(), at.Add(-time.Duration(rnd.Int64N(int64(disorder)))), []int64{w}, e))
	}
	all, err := ledger.Mutations(t.Context(), b.Pool, w, ledger.Range{OldestFirst: true})
	require.NoError(t, err)
	require.Len(t, all, n+1)
	return all
}

// TestTimesAreFoundByNumbers: whatever is asked for by time is what looking at every mutation gives, in transactions that overlap,
// before and after hours are closed.
func TestTimesAreFoundByNumbers(t *testing.T) {
	t.Parallel()
	const n = 150
	for seed := range uint64(3) {
		b := newBooks(t)
		w, other := b.open(t, "M1", 1_000_000), b.open(t, "M2", 1_000_000)
		b.history(t, other, 5, 10*time.Hour, time.Second, seed)
		all := b.history(t, w, n, 40*time.Minute, 14*time.Minute, seed)
		last := all[n].CreatedAt
		rnd := rand.New(rand.NewPCG(seed, 2))
		moment := func() *time.Time {
			if rnd.IntN(8) == 0 {
				return nil
			}
			at := noon.Add(-time.Hour + time.Duration(rnd.Int64N(int64(last.Sub(noon)+2*time.Hour))))
			if rnd.IntN(2) == 0 {
				at = at.Truncate(time.Hour)
			}
			return &at
		}
		for round := range 120 {
			if round%40 == 20 { // hours close meanwhile, the last ones never
				_, err := ledger.Rollup(t.Context(), b.Pool, noon.Add(last.Sub(noon)*time.Duration(round)/120))
				require.NoError(t, err)
			}
			from, to := moment(), moment()
			within := func(m ledger.Mutation) bool {
				return (from == nil || !m.CreatedAt.Before(*from)) && (to == nil || m.CreatedAt.Before(*to))
			}
			var want []ledger.Mutation
			for _, m := range all {
				if within(m) {
					want = append(want, m)
				}
			}
			got, err := ledger.Mutations(t.Context(), b.Pool, w, ledger.Range{From: from, To: to, OldestFirst: true})
			require.NoError(t, err)
			require.Equal(t, want, got, "%v to %v", from, to)
			if from != nil && to != nil && to.Before(*from) {
				continue
			}
			s, err := ledger.StatementOf(t.Context(), b.Pool, w, from, to)
			require.NoError(t, err)
			require.Equal(t, walked(all, from, to), s, "%v to %v", from, to)
		}
	}
}

// walked is a statement as looking at every mutation gives it.
func walked(all []ledger.Mutation, from, to *time.Time) *ledger.Statement {
	s := &ledger.Statement{}
	for _, m := range all {
		if from != nil && m.CreatedAt.Before(*from) {
			s.After, s.Opening = m.ID, m.Balance
		}
		if to == nil || m.CreatedAt.Before(*to) {
			s.Through, s.Closing = m.ID, m.Balance
		}
	}
	if s.Through < s.After {
		s.Through, s.Closing = s.After, s.Opening
	}
	for _, m := range all {
		if m.ID > s.After && m.ID <= s.Through {
			s.Debits += m.Debit
			s.Credits += m.Credit
		}
	}
	return s
}

// TestAClockThatWasWrongByHoursSpoilsNoSum: what times do not explain is added up one by one.
func TestAClockThatWasWrongByHoursSpoilsNoSum(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 1_000_000)
	pay := func(id int64, at time.Time) {
		require.NoError(t, b.post(t.Context(), at, []int64{w}, ledger.Entry{
			Subject: "thing", SubjectID: id, Kind: "order", Debit: ledger.WalletAccount(w), Credit: b.revenue, Amount: 100,
		}))
	}
	for i := range int64(10) {
		pay(i, noon.Add(time.Duration(i)*time.Hour))
	}
	pay(10, noon.Add(5*time.Hour)) // numbered last
	pay(11, noon.Add(11*time.Hour))
	_, err := ledger.Rollup(t.Context(), b.Pool, noon.Add(20*time.Hour))
	require.NoError(t, err)
	from, to := noon.Add(7*time.Hour), noon.Add(12*time.Hour)
	s, err := ledger.StatementOf(t.Context(), b.Pool, w, &from, &to)
	require.NoError(t, err)
	require.Equal(t, s.Closing, s.Opening+s.Credits-s.Debits)
	require.Equal(t, (s.Through-s.After)*100, s.Debits)
}

// TestAStreamIsReadInPages: more than one page, in both directions, to the end and no further.
func TestAStreamIsReadInPages(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 1)
	const n = 4_000 // the opening and two whole pages less one
	_, err := b.Pool.Exec(t.Context(), `INSERT INTO ledger_entries (subject, subject_id, kind, n, debit, credit, amount, wallet_id, wallet_seq, wallet_balance, notes, created_at)
		SELECT 'thing', i, 'refund', 0, (SELECT id FROM ledger_accounts WHERE code = 'revenue' LIMIT 1), $1, 1, $1, i + 1, i + 1, '', $2 FROM generate_series(1, $3::bigint - 1) i`, w, noon, n)
	require.NoError(t, err)
	_, err = b.Pool.Exec(t.Context(), `UPDATE wallets SET seq = $2, balance = $2 WHERE id = $1`, w, n)
	require.NoError(t, err)
	for _, r := range []ledger.Range{{}, {OldestFirst: true}, {Limit: 3_999}, {After: 10, Before: 3_990, OldestFirst: true}, {From: &noon}} {
		ms, err := ledger.Mutations(t.Context(), b.Pool, w, r)
		require.NoError(t, err)
		want := n
		switch {
		case r.Limit > 0:
			want = r.Limit
		case r.After > 0:
			want = 3_979
		}
		require.Len(t, ms, want)
		for i := 1; i < len(ms); i++ {
			step := int64(-1)
			if r.OldestFirst {
				step = 1
			}
			require.Equal(t, ms[i-1].ID+step, ms[i].ID)
		}
	}
}
