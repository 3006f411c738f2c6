package upstreamtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// Check is a bank, e-wallet or game of which the emulator knows accounts.
type Check struct {
	Kind, Code string
	// Valid is somebody's number, Invalid nobody's.
	Valid, Invalid string
}

// checks holds a driver to what it says of accounts.
func checks(t *testing.T, h Harness) {
	require.NotEmpty(t, h.Checks, "the harness names no account")
	r := h.setUp(t)
	d := r.driver.(upstream.CheckAccount)
	targets := func(kind string) ([]upstream.CheckTarget, error) {
		return once(t, r, func(ctx context.Context) ([]upstream.CheckTarget, error) { return d.CheckTargets(ctx, kind) })
	}
	check := func(kind, code, number string) (*upstream.Account, error) {
		return once(t, r, func(ctx context.Context) (*upstream.Account, error) { return d.CheckAccount(ctx, kind, code, number) })
	}
	for _, c := range h.Checks {
		listing := r.requests.Load()
		list, err := targets(c.Kind)
		require.NoError(t, err)
		fixed := r.requests.Load() == listing // the driver knows them by itself
		codes := map[string]bool{}
		for _, target := range list {
			require.NotEmpty(t, target.Code)
			require.NotEmpty(t, target.Name)
			require.False(t, codes[target.Code], "%s is listed twice", target.Code)
			codes[target.Code] = true
			require.Equal(t, c.Kind == upstream.CheckGame, target.Type == "game" || target.Type == "meter")
			require.Contains(t, []string{"bank", "ewallet", "game", "meter"}, target.Type)
		}
		require.True(t, codes[c.Code], "%s can be checked", c.Code)
		found, err := check(c.Kind, c.Code, c.Valid)
		require.NoError(t, err)
		require.True(t, found.Valid)
		require.NotEmpty(t, found.Number)
		require.NotEmpty(t, found.Name)
		found, err = check(c.Kind, c.Code, c.Invalid)
		require.NoError(t, err, "nobody's account is an answer")
		require.False(t, found.Valid)
		require.NotEmpty(t, found.Number)
		require.Empty(t, found.Name)
		_, err = check(c.Kind, "no-such-code", c.Valid)
		requireClass(t, upstream.Rejected, err)
		for _, rule := range faults(upstream.MaxBody + 1) {
			if h.BuiltIn != nil || rule.Kind == emulate.Hang {
				continue
			}
			rule.AfterEffect = true
			r.fault(t, rule)
			account, err := check(c.Kind, c.Code, c.Valid)
			require.Nil(t, account, "%s", rule.Kind)
			requireClass(t, upstream.Unknown, err)
			if !fixed {
				list, err := targets(c.Kind)
				require.Nil(t, list, "%s", rule.Kind)
				requireClass(t, upstream.Unknown, err)
			}
			r.backend.ClearFaults(0)
		}
	}
	before := r.requests.Load()
	_, err := targets("odd")
	undone(t, err)
	_, err = check("odd", "x", "1")
	undone(t, err)
	require.Equal(t, before, r.requests.Load())
}

// serials holds a driver to what it says of purchases that nobody knows the id of:
// those that it says end by themselves have given their money back by then.
func serials(t *testing.T, h Harness) {
	require.False(t, h.Offers.Lookup || h.Offers.IdempotentSubmit, "what can be asked about or sent again needs no balance for evidence")
	require.True(t, h.Offers.Balance, "the balance is the evidence")
	for _, product := range h.Products {
		t.Run(product.Name, func(t *testing.T) {
			t.Parallel()
			r := h.setUp(t)
			p := product.Purchase(r.backend, 44)
			p.SentAt = r.clock.Now()
			before := r.backend.Books().Balance
			r.fault(t, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", AfterEffect: true})
			_, err := r.submit(t, p)
			requireClass(t, upstream.Unknown, err)
			r.backend.ClearFaults(0)
			balance := func() int64 {
				n, err := once(t, r, r.driver.(upstream.Balance).Balance)
				require.NoError(t, err)
				return n
			}
			taken := before - balance()
			require.Positive(t, taken, "it was bought")
			until := r.driver.(upstream.Serial).Orphaned(p)
			require.GreaterOrEqual(t, until.Seconds(), 0.0)
			if until == 0 {
				r.clock.Add(1000 * 24 * 60 * 60 * 1e9)
				require.Equal(t, before-taken, balance(), "it never comes back by itself")
				return
			}
			r.clock.Add(until)
			require.Equal(t, before, balance(), "by then its money is back")
			require.False(t, r.backend.Books().Purchases[0].Delivered)
		})
	}
}
