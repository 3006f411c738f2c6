package upstreamtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// Run holds a driver to everything.
func Run(t *testing.T, h Harness) {
	t.Helper()
	t.Run("offers what it says", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, h.Offers, offersOf(h.setUp(t).driver))
	})
	for _, p := range h.Products {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			buying(t, h, p)
			unknown(t, h, p)
			if h.BuiltIn != nil {
				return
			}
			refusing(t, h, p)
			refusingAgain(t, h, p)
			failing(t, h, p)
			connecting(t, h, p)
			asking(t, h, p)
		})
	}
	optional(t, h)
}

func offersOf(d upstream.Driver) Offers {
	var o Offers
	_, o.Lookup = d.(upstream.Lookup)
	_, o.IdempotentSubmit = d.(upstream.IdempotentSubmit)
	_, o.BulkStatus = d.(upstream.BulkStatus)
	_, o.Balance = d.(upstream.Balance)
	_, o.Cancel = d.(upstream.Cancel)
	_, o.Finish = d.(upstream.Finish)
	_, o.Resend = d.(upstream.Resend)
	_, o.Operators = d.(upstream.Operators)
	_, o.Catalog = d.(upstream.Catalog)
	_, o.Serial = d.(upstream.Serial)
	_, o.Inquire = d.(upstream.Inquire)
	_, o.PriceCheck = d.(upstream.PriceCheck)
	_, o.Invoices = d.(upstream.Invoices)
	_, o.InvoiceImage = d.(upstream.InvoiceImage)
	_, o.Payouts = d.(upstream.Payouts)
	_, o.CheckAccount = d.(upstream.CheckAccount)
	_, o.Statement = d.(upstream.Statement)
	_, o.Movements = d.(upstream.Movements)
	_, o.Callback = d.(upstream.Callback)
	_, o.Refiller = d.(upstream.Refiller)
	_, o.BulkRefillStatus = d.(upstream.BulkRefillStatus)
	_, o.Asking = d.(upstream.Asking)
	return o
}

// fails scripts failure for a reason.
func fails(reason emulate.Reason, after time.Duration) emulate.Script {
	return func(emulate.Purchase, *rand.Rand) emulate.Outcome {
		return emulate.Outcome{Result: emulate.Failure, Reason: reason, After: after}
	}
}

// buying: what is asked for is bought once, and followed to its end.
func buying(t *testing.T, h Harness, product Product) {
	t.Run("a purchase that succeeds", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		p := r.make(t, product, 44)
		r.bought(t, p)
		require.Equal(t, 1, r.count(product, p))
		delivered(t, r, product, p)
	})
	t.Run("a purchase that takes its time", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		r.backend.SetScript(emulate.Always(h.takes()))
		p := r.make(t, product, 44)
		require.Equal(t, upstream.Pending, r.bought(t, p).State)
		res, err := r.status(t, p)
		require.NoError(t, err)
		require.Equal(t, upstream.Pending, res.State)
		require.Empty(t, res.SN)
		require.Empty(t, res.Messages)
		r.clock.Add(h.takes())
		delivered(t, r, product, p)
	})
	t.Run("a purchase that fails", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		r.backend.SetScript(fails(emulate.ReasonCustomer, h.takes()))
		p := r.make(t, product, 44)
		r.bought(t, p)
		r.clock.Add(h.takes())
		res, err := r.status(t, p)
		require.NoError(t, err)
		require.Equal(t, h.failed(product), res.State)
		if product.Counted {
			require.True(t, res.Whole, "nothing was delivered")
		}
		if res.State != upstream.Failed {
			return
		}
		if h.Reasons {
			require.Equal(t, upstream.ReasonCustomer, res.Reason)
		}
		require.Empty(t, res.SN)
	})
	t.Run("the purchases of different attempts are different", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		a, b := r.make(t, product, 1), r.make(t, product, 2)
		r.bought(t, a)
		r.bought(t, b)
		require.NotEqual(t, a.UpstreamRef, b.UpstreamRef)
		require.Len(t, r.backend.Books().Purchases, 2)
	})
}

// delivered asks and finds what the customer gets.
func delivered(t *testing.T, r *rig, product Product, p *upstream.Purchase) {
	t.Helper()
	res, err := r.status(t, p)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State)
	book := r.backend.Books().Purchases[0]
	if product.Rented {
		require.Len(t, res.Messages, 1)
		require.Equal(t, book.Codes[0], res.Messages[0].Code)
		require.Regexp(t, `^\+[0-9]{8,15}$`, res.Phone)
		require.False(t, res.ExpiresAt.IsZero())
		return
	}
	if product.Counted {
		require.NotNil(t, res.StartCount)
		require.NotNil(t, res.Remains)
		require.Zero(t, *res.Remains)
		require.Empty(t, res.Alert)
	}
	require.Equal(t, book.SN, res.SN)
}

// refusing: what the provider refuses is Rejected, with nothing in its book.
func refusing(t *testing.T, h Harness, product Product) {
	t.Run("our balance is too low", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		r.backend.SetBalance(0)
		_, err := r.submit(t, r.make(t, product, 1))
		require.Equal(t, upstream.ReasonOurBalance, h.refused(t, err).Reason)
		require.Empty(t, r.backend.Books().Purchases)
	})
	t.Run("our key is wrong", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		p := r.make(t, product, 1)
		r.driver = h.drive(t, r.server.URL, h.wrongCredentials(), r.clock.Now)
		_, err := r.submit(t, p)
		require.Equal(t, upstream.ReasonOurAccount, classed(t, upstream.Rejected, err).Reason)
		require.Empty(t, r.backend.Books().Purchases)
	})
	t.Run("a message that quotes our key", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			r.requests.Add(1)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(max(h.RefusalStatus, http.StatusOK))
			_, _ = w.Write(h.Refusal("saldo " + h.Secret + " kurang")) // a lost answer fails the test below
		}))
		t.Cleanup(echo.Close)
		p := r.make(t, product, 1)
		r.driver = h.drive(t, echo.URL, h.Credentials, r.clock.Now)
		_, err := r.submit(t, p)
		require.Equal(t, upstream.ReasonOurBalance, h.refused(t, err).Reason)
	})
	t.Run("words of doubt prove nothing", func(t *testing.T) {
		t.Parallel()
		for _, message := range []string{"timeout ke supplier", "transaksi sedang diproses", "status pending", "silakan coba lagi"} {
			e := h.saying(t, product, http.StatusOK, h.Refusal(message), h.doubted())
			require.False(t, e.Answered, message)
		}
	})
	t.Run("a refusal under a redirect or a lost time proves nothing", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusRequestTimeout, http.StatusGatewayTimeout} {
			e := h.saying(t, product, status, h.Refusal("saldo tidak cukup"), upstream.Unknown)
			require.False(t, e.Answered, "%d", status)
		}
	})
	t.Run("a refusal under a server error proves nothing", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(h.Refusal("saldo")) // a lost answer is Unknown as well
		}))
		t.Cleanup(broken.Close)
		p := r.make(t, product, 1)
		r.driver = h.drive(t, broken.URL, h.Credentials, r.clock.Now)
		_, err := r.submit(t, p)
		requireClass(t, upstream.Unknown, err)
	})
}

// refusingAgain: what is refused on a later sending says nothing of the first, unless the
// provider looks for what it knows before it refuses.
func refusingAgain(t *testing.T, h Harness, product Product) {
	if !h.Offers.IdempotentSubmit && !h.AskBuys || h.KnownFirst {
		return
	}
	t.Run("a refusal of what was sent before proves nothing", func(t *testing.T) {
		t.Parallel()
		e := h.sayingOn(t, product, 2, max(h.RefusalStatus, http.StatusOK), h.Refusal("saldo tidak cukup"))
		require.Contains(t, []upstream.Class{upstream.Unknown, upstream.NotSent}, e.Class, "%v", e)
	})
}

// refused sees that err is what a refusal of the provider proves.
func (h Harness) refused(t *testing.T, err error) *upstream.Error {
	t.Helper()
	if !h.Unproven {
		return classed(t, upstream.Rejected, err)
	}
	e := classed(t, upstream.Unknown, err)
	require.True(t, e.Answered, "refused in the provider's own words: %v", e)
	return e
}

// saying buys from a provider that answers with this and sees of which class the
// outcome is.
func (h Harness) saying(t *testing.T, product Product, status int, body []byte, class upstream.Class) *upstream.Error {
	t.Helper()
	e := h.sayingOn(t, product, 1, status, body)
	requireClass(t, class, e)
	return e
}

// sayingOn buys, by the nth sending, from a provider that answers with this.
func (h Harness) sayingOn(t *testing.T, product Product, sends, status int, body []byte) *upstream.Error {
	t.Helper()
	r := h.setUp(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.requests.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(body) // a lost answer is Unknown as well
	}))
	t.Cleanup(srv.Close)
	p := r.make(t, product, 1)
	p.Sends = sends
	r.driver = h.drive(t, srv.URL, h.Credentials, r.clock.Now)
	_, err := r.submit(t, p)
	e, ok := errors.AsType[*upstream.Error](err)
	require.True(t, ok, "a driver returns *upstream.Error, not %T: %v", err, err)
	return e
}

// faults are all ways in which an answer is lost or spoilt. An answer to a
// purchase is too large long before a catalogue is.
func faults(tooLarge int) []emulate.Rule {
	return []emulate.Rule{
		{Kind: emulate.Drop}, {Kind: emulate.Hang}, {Kind: emulate.Cut}, {Kind: emulate.Truncated}, {Kind: emulate.Garbled},
		{Kind: emulate.Mistyped}, {Kind: emulate.Oversized, Bytes: tooLarge}, {Kind: emulate.Redirect}, {Kind: emulate.Redirect, Status: http.StatusFound},
		{Kind: emulate.Status, Status: http.StatusInternalServerError}, {Kind: emulate.Status, Status: http.StatusGatewayTimeout},
		{Kind: emulate.BlockPage, Status: http.StatusOK}, {Kind: emulate.BlockPage, Status: http.StatusForbidden},
		{Kind: emulate.BlockPage, Status: http.StatusTooManyRequests}, {Kind: emulate.BlockPage, Status: http.StatusServiceUnavailable},
		{Kind: emulate.BlockPage, Status: http.StatusBadGateway}, {Kind: emulate.BlockPage, Status: 520},
	}
}

// pauses is whether a page means "go away".
func pauses(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusForbidden, http.StatusServiceUnavailable:
		return true
	}
	return false
}

// failing: a purchase whose answer is lost is Unknown, whatever became of it,
// and left us once.
func failing(t *testing.T, h Harness, product Product) {
	for _, rule := range faults(2 << 20) {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %d, carried out: %v", rule.Kind, rule.Status, after), func(t *testing.T) {
				t.Parallel()
				r := h.setUp(t)
				rule := rule
				rule.Endpoint, rule.AfterEffect = "purchase", after
				p := r.make(t, product, 44)
				r.fault(t, rule)
				before := r.requests.Load()
				begun := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				if rule.Kind == emulate.Hang {
					cancel()
					ctx, cancel = context.WithTimeout(t.Context(), 150*time.Millisecond)
				}
				defer cancel()
				_, err := send(ctx, r.driver, p)
				e := classed(t, upstream.Unknown, err)
				noSecret(t, h.Secret, nil, err)
				require.Less(t, time.Since(begun), 20*time.Second)
				if html(rule.Kind) && pauses(rule.Status) {
					require.True(t, e.Pause, "a block page pauses the provider")
				}
				require.EqualValues(t, 1, r.requests.Load()-before, "sent once")
				require.Equal(t, map[bool]int{true: 1}[after], r.count(product, p))
			})
		}
	}
}

// connecting: what the connection itself proves, and the two ways in which
// net/http would send a purchase again by itself.
func connecting(t *testing.T, h Harness, product Product) {
	t.Run("nothing listens", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		p := r.make(t, product, 1)
		r.server.Close()
		_, err := r.submit(t, p)
		requireClass(t, upstream.NotSent, err)
	})
	t.Run("the deadline had passed already", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p := r.make(t, product, 1)
		before := r.requests.Load()
		_, err := send(ctx, r.driver, p)
		requireClass(t, upstream.NotSent, err)
		require.Equal(t, before, r.requests.Load())
	})
	t.Run("a connection that is closed once the request was read", func(t *testing.T) {
		t.Parallel()
		closesAfterReading(t, h, product)
	})
	t.Run("a reused connection is a trap", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		first := r.make(t, product, 1)
		r.bought(t, first)
		for range 3 { // now there are idle connections to reuse
			_, err := r.status(t, first)
			require.NoError(t, err)
		}
		r.fault(t, emulate.Rule{Kind: emulate.CloseReused, Endpoint: "purchase"})
		p := r.make(t, product, 2)
		before := len(r.backend.Books().Purchases)
		_, err := r.submit(t, p)
		require.NoError(t, err, "a purchase travels on a connection of its own")
		require.Len(t, r.backend.Books().Purchases, before+1)
	})
}

// closesAfterReading counts requests on a bare listener that reads each one and
// closes: the moment at which net/http would send a GET again by itself.
func closesAfterReading(t *testing.T, h Harness, product Product) {
	t.Helper()
	r := h.setUp(t)
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	arrivals := make(chan struct{}, 16)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 16<<10)
			if n, err := conn.Read(buf); n > 0 && (err == nil || err == io.EOF) { //nolint:errorlint // a bare connection's EOF
				arrivals <- struct{}{}
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close() })
	d := h.drive(t, "http://"+ln.Addr().String(), h.Credentials, r.clock.Now)
	_, err = send(t.Context(), d, r.make(t, product, 1))
	requireClass(t, upstream.Unknown, err)
	require.Len(t, arrivals, 1, "sent once")
}

// unknown: what was never bought is not found.
func unknown(t *testing.T, h Harness, product Product) {
	t.Run("a purchase that the provider does not know", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		p := r.make(t, product, 1)
		p.UpstreamRef = "none"
		res, err := r.status(t, p)
		require.NoError(t, err)
		if h.AskBuys && !product.Bill {
			require.Equal(t, upstream.Succeeded, res.State)
			require.Equal(t, 1, r.count(product, p))
			return
		}
		require.Equal(t, upstream.NotFound, res.State)
	})
}

// asking: a question that gets no answer says nothing about the purchase.
func asking(t *testing.T, h Harness, product Product) {
	for _, rule := range faults(upstream.MaxBody + 1) {
		t.Run(fmt.Sprintf("asking through %s %d", rule.Kind, rule.Status), func(t *testing.T) {
			t.Parallel()
			r := h.setUp(t)
			p := r.make(t, product, 44)
			r.bought(t, p)
			rule := rule
			rule.Endpoint, rule.AfterEffect = h.asks(), true
			r.fault(t, rule)
			r.clock.Add(h.Apart)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			if rule.Kind == emulate.Hang {
				cancel()
				ctx, cancel = context.WithTimeout(t.Context(), 150*time.Millisecond)
			}
			defer cancel()
			res, err := r.driver.Status(ctx, p)
			require.Nil(t, res)
			requireClass(t, upstream.Unknown, err)
			r.backend.ClearFaults(0)
			delivered(t, r, product, p)
		})
	}
}
