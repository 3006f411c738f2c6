package upstreamtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// Payouts is what is to be known of a provider that sends money out. Its book has each
// payout as a purchase for the account's number.
type Payouts struct {
	// Request makes the nth request; n goes into the account's number.
	Request func(n int) *upstream.PayoutRequest
	// Decide approves or rejects a payout that waits for its provider's staff.
	Decide func(b Backend, ref string, approve bool) bool
}

// silent leaves everything undecided.
func silent(emulate.Purchase, *rand.Rand) emulate.Outcome {
	return emulate.Outcome{Result: emulate.Silent}
}

func (r *rig) createPayout(t *testing.T, req *upstream.PayoutRequest) (*upstream.Payout, error) {
	t.Helper()
	req.SentAt = r.clock.Now()
	return once(t, r, func(ctx context.Context) (*upstream.Payout, error) {
		return r.driver.(upstream.Payouts).CreatePayout(ctx, req)
	})
}

func (r *rig) payoutStatus(t *testing.T, ref string) (*upstream.Payout, error) {
	t.Helper()
	return once(t, r, func(ctx context.Context) (*upstream.Payout, error) {
		return r.driver.(upstream.Payouts).PayoutStatus(ctx, ref)
	})
}

// payoutHistory reads all pages.
func (r *rig) payoutHistory(t *testing.T) (rows []upstream.Payout, err error) {
	t.Helper()
	for page := 1; page > 0; {
		next := 0
		got, err := once(t, r, func(ctx context.Context) (out []upstream.Payout, err error) {
			out, next, err = r.driver.(upstream.Payouts).PayoutHistory(ctx, page)
			return out, err
		})
		if err != nil {
			return nil, err
		}
		require.True(t, next == 0 || next == page+1)
		rows, page = append(rows, got...), next
	}
	return rows, nil
}

// paid is how often the book has a request.
func (r *rig) paid(req *upstream.PayoutRequest) int {
	return r.backend.Books().Count("", req.AccountNumber, "")
}

// payouts holds a driver to what payouts are.
func payouts(t *testing.T, h Harness) {
	require.NotNil(t, h.Payouts.Request, "the harness makes no payouts")
	run := func(name string, test func(t *testing.T, r *rig)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := h.setUp(t)
			r.backend.SetScript(silent)
			test(t, r)
		})
	}
	for approve, want := range map[bool]upstream.State{true: upstream.Succeeded, false: upstream.Failed} {
		run(fmt.Sprintf("staff decides: %v", approve), func(t *testing.T, r *rig) { decided(t, r, approve, want) })
	}
	run("a payout that the provider does not know", func(t *testing.T, r *rig) {
		p, err := r.payoutStatus(t, "none")
		require.NoError(t, err)
		require.Equal(t, upstream.NotFound, p.State)
	})
	run("the history has all of them, newest first", manyPayouts)
	run("our balance is too low", func(t *testing.T, r *rig) {
		r.backend.SetBalance(0)
		_, err := r.createPayout(t, h.Payouts.Request(1))
		require.Equal(t, upstream.ReasonOurBalance, h.refused(t, err).Reason)
		require.Empty(t, r.backend.Books().Purchases)
		rows, err := r.payoutHistory(t)
		require.NoError(t, err)
		require.Empty(t, rows)
	})
	run("our key is wrong", func(t *testing.T, r *rig) {
		r.driver = h.drive(t, r.server.URL, h.wrongCredentials(), r.clock.Now)
		_, err := r.createPayout(t, h.Payouts.Request(1))
		require.Equal(t, upstream.ReasonOurAccount, classed(t, upstream.Rejected, err).Reason)
		require.Empty(t, r.backend.Books().Purchases)
	})
	payoutFaults(t, h)
	payoutConnections(t, h)
	payoutWords(t, h)
}

// decided follows a payout from its request to the staff's decision.
func decided(t *testing.T, r *rig, approve bool, want upstream.State) {
	before := r.backend.Books().Balance
	req := r.h.Payouts.Request(44)
	p, err := r.createPayout(t, req)
	require.NoError(t, err)
	require.NotEmpty(t, p.UpstreamRef)
	require.Equal(t, upstream.Pending, p.State)
	require.Equal(t, req.Amount, p.Amount)
	taken := r.backend.Books().Purchases[0].Price
	require.Equal(t, taken, p.Amount+p.Fee, "what is deducted")
	if p.Balance != nil {
		require.Equal(t, before-taken, *p.Balance)
	}
	same := func(state upstream.State) {
		got, err := r.payoutStatus(t, p.UpstreamRef)
		require.NoError(t, err)
		require.Equal(t, state, got.State)
		require.Equal(t, [3]any{p.UpstreamRef, p.Amount, p.Fee}, [3]any{got.UpstreamRef, got.Amount, got.Fee})
		require.Equal(t, req.AccountNumber, got.AccountNumber)
		require.Equal(t, req.AccountName, got.AccountName)
		require.Equal(t, req.SentAt, got.CreatedAt)
		require.Equal(t, state == upstream.Pending, got.ProcessedAt.IsZero())
	}
	same(upstream.Pending)
	r.clock.Add(4 * time.Hour)
	same(upstream.Pending)
	require.True(t, r.h.Payouts.Decide(r.backend, p.UpstreamRef, approve))
	same(want)
	r.clock.Add(48 * time.Hour)
	same(want)
}

// manyPayouts fills more than one page.
func manyPayouts(t *testing.T, r *rig) {
	want := map[string]*upstream.PayoutRequest{}
	for n := range 230 {
		req := r.h.Payouts.Request(n)
		p, err := r.createPayout(t, req)
		require.NoError(t, err)
		want[p.UpstreamRef] = req
		r.clock.Add(time.Second)
	}
	rows, err := r.payoutHistory(t)
	require.NoError(t, err)
	require.Len(t, rows, len(want))
	for i, row := range rows {
		req := want[row.UpstreamRef]
		require.NotNil(t, req, "each once")
		delete(want, row.UpstreamRef)
		require.Equal(t, [3]any{req.Amount, req.AccountNumber, req.AccountName}, [3]any{row.Amount, row.AccountNumber, row.AccountName})
		require.Equal(t, req.SentAt, row.CreatedAt)
		require.Equal(t, upstream.Pending, row.State)
		require.True(t, i == 0 || !row.CreatedAt.After(rows[i-1].CreatedAt), "newest first")
	}
}

// payoutFaults loses answers: the outcome is Unknown, the request left us once, and
// the history tells what became of it.
func payoutFaults(t *testing.T, h Harness) {
	for _, rule := range faults(2 << 20) {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("paying out, %s %d, carried out: %v", rule.Kind, rule.Status, after), func(t *testing.T) {
				t.Parallel()
				r := h.setUp(t)
				rule := rule
				rule.AfterEffect = after
				r.fault(t, rule)
				req := h.Payouts.Request(44)
				ctx, cancel := faultTime(t, rule.Kind)
				defer cancel()
				_, err := r.driver.(upstream.Payouts).CreatePayout(ctx, req)
				e := classed(t, upstream.Unknown, err)
				noSecret(t, h.Secret, nil, err)
				require.False(t, e.Answered)
				if html(rule.Kind) && pauses(rule.Status) {
					require.True(t, e.Pause, "a block page pauses the provider")
				}
				require.EqualValues(t, 1, r.requests.Load(), "sent once")
				found := map[bool]int{true: 1}[after]
				require.Equal(t, found, r.paid(req))
				r.backend.ClearFaults(0)
				rows, err := r.payoutHistory(t)
				require.NoError(t, err)
				require.Len(t, rows, found)
				for _, row := range rows {
					require.Equal(t, [2]any{req.Amount, req.AccountNumber}, [2]any{row.Amount, row.AccountNumber})
				}
			})
		}
		t.Run(fmt.Sprintf("asking for payouts, %s %d", rule.Kind, rule.Status), func(t *testing.T) {
			t.Parallel()
			r := h.setUp(t)
			r.backend.SetScript(silent)
			p, err := r.createPayout(t, h.Payouts.Request(44))
			require.NoError(t, err)
			rule := rule
			rule.AfterEffect = true
			if rule.Kind == emulate.Oversized {
				rule.Bytes = upstream.MaxBody + 1
			}
			if rule.Kind == emulate.Hang {
				rule.Delay = emulate.Duration(50 * time.Millisecond)
			}
			r.fault(t, rule)
			got, err := r.payoutStatus(t, p.UpstreamRef)
			require.Nil(t, got)
			requireClass(t, upstream.Unknown, err)
			rows, err := r.payoutHistory(t)
			require.Empty(t, rows)
			requireClass(t, upstream.Unknown, err)
		})
	}
}

// payoutConnections is what the connection itself proves.
func payoutConnections(t *testing.T, h Harness) {
	t.Run("nothing listens for payouts", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		r.server.Close()
		_, err := r.createPayout(t, h.Payouts.Request(1))
		requireClass(t, upstream.NotSent, err)
	})
	t.Run("the deadline of a payout had passed already", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.driver.(upstream.Payouts).CreatePayout(ctx, h.Payouts.Request(1))
		requireClass(t, upstream.NotSent, err)
		require.Zero(t, r.requests.Load())
	})
	t.Run("a reused connection is a trap for payouts, too", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		for range 3 {
			_, err := r.payoutHistory(t)
			require.NoError(t, err)
		}
		r.fault(t, emulate.Rule{Kind: emulate.CloseReused})
		_, err := r.createPayout(t, h.Payouts.Request(2))
		require.NoError(t, err, "a payout travels on a connection of its own")
		require.Len(t, r.backend.Books().Purchases, 1)
	})
}

// payoutWords are refusals that prove nothing.
func payoutWords(t *testing.T, h Harness) {
	for name, c := range map[string]struct {
		status  int
		message string
	}{
		"words of doubt about a payout":              {http.StatusOK, "permintaan sedang diproses"},
		"a payout refused under a server error":      {http.StatusInternalServerError, "saldo"},
		"a payout refused under a gateway's timeout": {http.StatusGatewayTimeout, "saldo"},
		"a payout refused under a conflict":          {http.StatusConflict, "saldo"},
		"a payout refused under a redirect":          {http.StatusFound, "saldo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := h.setUp(t)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				r.requests.Add(1)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = w.Write(h.Refusal(c.message)) // a lost answer is Unknown as well
			}))
			t.Cleanup(srv.Close)
			r.driver = h.drive(t, srv.URL, h.Credentials, r.clock.Now)
			_, err := r.createPayout(t, h.Payouts.Request(1))
			require.False(t, classed(t, upstream.Unknown, err).Answered)
		})
	}
}
