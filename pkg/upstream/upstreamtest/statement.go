package upstreamtest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// statement holds a driver to its provider's books: what was bought in a time is in
// them, in its state and at its price, and nothing else is.
func statement(t *testing.T, h Harness) {
	r := h.setUp(t)
	read := func(from, to time.Time) (lines []upstream.StatementLine, err error) {
		for page := 1; page > 0; {
			next := 0
			got, err := once(t, r, func(ctx context.Context) (out []upstream.StatementLine, err error) {
				out, next, err = r.driver.(upstream.Statement).StatementPage(ctx, from, to, page)
				return out, err
			})
			if err != nil {
				return nil, err
			}
			require.True(t, next == 0 || next == page+1)
			lines, page = append(lines, got...), next
		}
		return lines, nil
	}
	begun := r.clock.Now()
	want := map[string]upstream.State{}
	cost := map[string]int64{}
	buy := func(n int, o emulate.Outcome, state upstream.State) {
		r.backend.SetScript(func(emulate.Purchase, *rand.Rand) emulate.Outcome { return o })
		p := h.Products[0].Purchase(r.backend, n)
		res := r.bought(t, p)
		all := r.backend.Books().Purchases
		want[p.Ref+res.UpstreamRef], cost[p.Ref+res.UpstreamRef] = state, all[len(all)-1].Price
		r.clock.Add(time.Second)
	}
	buy(1, emulate.Outcome{Result: emulate.Success}, upstream.Succeeded)
	buy(2, emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonCustomer}, upstream.Failed)
	buy(3, emulate.Outcome{Result: emulate.Silent}, upstream.Pending)
	ended := r.clock.Now()
	r.clock.Add(time.Second)
	r.bought(t, h.Products[0].Purchase(r.backend, 4))
	r.clock.Add(48 * time.Hour)
	r.bought(t, h.Products[0].Purchase(r.backend, 5))

	lines, err := read(begun, ended)
	require.NoError(t, err)
	require.Len(t, lines, len(want), "from is inclusive, to is exclusive")
	for _, line := range lines {
		found := false
		for key, state := range want {
			if line.Ref != "" && len(line.Ref) <= len(key) && key[:len(line.Ref)] == line.Ref || line.UpstreamRef != "" && hasEnd(key, line.UpstreamRef) {
				require.Equal(t, state, line.State, key)
				require.Equal(t, cost[key], line.Cost, key)
				found = true
			}
		}
		require.True(t, found, "%+v", line)
		require.False(t, line.At.Before(begun) || !line.At.Before(ended))
		require.NotEmpty(t, line.Code)
	}
	lines, err = read(ended.Add(time.Hour), ended.Add(2*time.Hour))
	require.NoError(t, err)
	require.Empty(t, lines)
	throughFaults(t, r, func() error {
		lines, err := read(begun, ended)
		require.Empty(t, lines)
		return err
	})
}

func hasEnd(s, end string) bool { return len(end) <= len(s) && s[len(s)-len(end):] == end }

// movements holds a driver to the provider's changes of our balance: each leads from
// the balance before it to the one after.
func movements(t *testing.T, h Harness) {
	r := h.setUp(t)
	read := func(from, to time.Time) ([]upstream.Movement, error) {
		return once(t, r, func(ctx context.Context) ([]upstream.Movement, error) {
			return r.driver.(upstream.Movements).Movements(ctx, from, to)
		})
	}
	begun := r.clock.Now()
	opening := r.backend.Books().Balance
	for n, o := range []emulate.Outcome{
		{Result: emulate.Success}, {Result: emulate.Failure, Reason: emulate.ReasonCustomer, After: time.Minute}, {Result: emulate.Success},
	} {
		r.backend.SetScript(func(emulate.Purchase, *rand.Rand) emulate.Outcome { return o })
		r.bought(t, h.Products[0].Purchase(r.backend, n))
		r.clock.Add(time.Hour)
	}
	ended := r.clock.Now()
	r.bought(t, h.Products[0].Purchase(r.backend, 9))
	moved, err := read(begun, ended)
	require.NoError(t, err)
	require.Len(t, moved, 4, "three bought, one given back")
	left := opening
	for i, m := range moved {
		require.True(t, m.Debit >= 0 && m.Credit >= 0 && (m.Debit == 0) != (m.Credit == 0), "%+v", m)
		left += m.Credit - m.Debit
		require.Equal(t, left, m.Balance, "movement %d", i)
		require.False(t, m.At.Before(begun) || !m.At.Before(ended))
	}
	require.Positive(t, moved[0].Debit, "a purchase is a debit of ours")
	moved, err = read(ended.Add(time.Hour), ended.Add(2*time.Hour))
	require.NoError(t, err)
	require.Empty(t, moved)
	throughFaults(t, r, func() error {
		moved, err := read(begun, ended)
		require.Empty(t, moved)
		return err
	})
}
