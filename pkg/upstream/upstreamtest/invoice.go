package upstreamtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// Cashier is a [Backend] whose invoices can be paid.
type Cashier interface {
	// PayInvoice lets an invoice be paid now; late also one that has ended unpaid.
	PayInvoice(id string, late bool) bool
}

// Invoicing is what is to be known of a provider's invoices.
type Invoicing struct {
	// Most is how many invoices may wait for payment at once; zero for any number.
	Most int
	// Paid is an amount that is paid by itself after Soon, and Unpaid one that is not:
	// of a backend that is no [Cashier], and zero for one that is.
	Paid, Unpaid int64
	Soon         time.Duration
}

// amount gives an amount that will be paid when the test says so, or will not.
func (i Invoicing) amount(paid bool) int64 {
	switch {
	case i.Paid == 0:
		return 25_000
	case paid:
		return i.Paid
	}
	return i.Unpaid
}

// pay lets an invoice be paid.
func (r *rig) pay(t *testing.T, inv *upstream.Invoice) {
	t.Helper()
	if k, ok := r.backend.(Cashier); ok {
		require.True(t, k.PayInvoice(inv.UpstreamRef, false))
		return
	}
	r.clock.Add(r.h.Invoicing.Soon)
}

// undone sees that nothing was done.
func undone(t *testing.T, err error) {
	t.Helper()
	require.Contains(t, []upstream.Class{upstream.NotSent, upstream.Rejected}, upstream.AsError(err).Class)
}

// invoices holds a driver to what invoices are.
func invoices(t *testing.T, h Harness) {
	run := func(name string, test func(t *testing.T, r *rig)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h.setUp(t))
		})
	}
	run("an invoice that is paid", paidInvoice)
	run("an invoice that runs out", func(t *testing.T, r *rig) {
		inv := r.invoice(t, false)
		r.clock.Add(inv.ExpiresAt.Sub(r.clock.Now()))
		require.Equal(t, upstream.InvoiceExpired, r.invoiceStatus(t, inv.UpstreamRef).State)
		require.Zero(t, r.backend.Books().Received())
	})
	run("an invoice that is canceled", func(t *testing.T, r *rig) {
		inv := r.invoice(t, false)
		out, err := r.cancelInvoice(t, inv.UpstreamRef)
		require.NoError(t, err)
		require.Equal(t, inv.UpstreamRef, out.UpstreamRef)
		ended(t, out.State)
		ended(t, r.invoiceStatus(t, inv.UpstreamRef).State)
		if k, ok := r.backend.(Cashier); ok && k.PayInvoice(inv.UpstreamRef, true) {
			require.Equal(t, upstream.InvoicePaid, r.invoiceStatus(t, inv.UpstreamRef).State, "what was paid after all is paid")
		}
	})
	run("a payment that comes first wins over a cancel", func(t *testing.T, r *rig) {
		inv := r.invoice(t, true)
		r.pay(t, inv)
		out, err := r.cancelInvoice(t, inv.UpstreamRef)
		if err != nil {
			require.Equal(t, upstream.Rejected, upstream.AsError(err).Class)
		} else {
			require.Equal(t, upstream.InvoicePaid, out.State)
		}
		require.Equal(t, upstream.InvoicePaid, r.invoiceStatus(t, inv.UpstreamRef).State)
	})
	run("an invoice that the provider does not know", func(t *testing.T, r *rig) {
		require.Equal(t, upstream.InvoiceNotFound, r.invoiceStatus(t, "none").State)
		out, err := r.cancelInvoice(t, "none")
		if err != nil {
			require.Equal(t, upstream.Rejected, upstream.AsError(err).Class)
		} else {
			require.Equal(t, upstream.InvoiceNotFound, out.State)
		}
	})
	run("nothing is asked without an id or an amount", nothingToAsk)
	if h.BuiltIn != nil {
		return
	}
	if h.Invoicing.Most > 0 {
		run("no more invoices than the provider allows", fullOfInvoices)
	}
	run("our key is wrong", func(t *testing.T, r *rig) {
		r.driver = h.drive(t, r.server.URL, h.wrongCredentials(), r.clock.Now)
		_, err := r.createInvoice(t, r.h.Invoicing.amount(false))
		require.Equal(t, upstream.ReasonOurAccount, classed(t, upstream.Rejected, err).Reason)
		require.Empty(t, r.backend.Books().Invoices)
	})
	invoiceFaults(t, h)
	invoiceWords(t, h)
}

// nothingToAsk asks without an id or an amount.
func nothingToAsk(t *testing.T, r *rig) {
	d := r.driver.(upstream.Invoices)
	for _, call := range []func(context.Context) (*upstream.Invoice, error){
		func(ctx context.Context) (*upstream.Invoice, error) {
			return d.CreateInvoice(ctx, &upstream.InvoiceRequest{Ref: "R"})
		},
		func(ctx context.Context) (*upstream.Invoice, error) { return d.InvoiceStatus(ctx, "") },
		func(ctx context.Context) (*upstream.Invoice, error) { return d.CancelInvoice(ctx, "") },
	} {
		out, err := once(t, r, call)
		if err != nil {
			undone(t, err)
		} else {
			require.Equal(t, upstream.InvoiceNotFound, out.State)
		}
	}
	require.Zero(t, r.requests.Load())
}

// paidInvoice follows an invoice from its making to its money.
func paidInvoice(t *testing.T, r *rig) {
	inv, other := r.invoice(t, true), r.invoice(t, false)
	require.NotEqual(t, inv.UpstreamRef, other.UpstreamRef)
	book := r.backend.Books()
	_, cashier := r.backend.(Cashier)
	if cashier {
		require.Len(t, book.Invoices, 2)
		require.Equal(t, book.Invoices[0].Total, inv.Total)
	}
	seen := r.invoiceStatus(t, inv.UpstreamRef)
	require.Equal(t, upstream.InvoicePending, seen.State)
	require.Equal(t, inv.UpstreamRef, seen.UpstreamRef)
	r.pay(t, inv)
	seen = r.invoiceStatus(t, inv.UpstreamRef)
	require.Equal(t, upstream.InvoicePaid, seen.State)
	for _, said := range [][2]int64{{seen.Amount, inv.Amount}, {seen.Fee, inv.Fee}, {seen.Total, inv.Total}} {
		require.True(t, said[0] == 0 || said[0] == said[1], "what is said of its money stays the same: %+v", seen)
	}
	if seen.Paid != nil {
		require.Equal(t, inv.Total, *seen.Paid)
	}
	require.Equal(t, upstream.InvoicePending, r.invoiceStatus(t, other.UpstreamRef).State, "one payment pays one")
	if cashier {
		require.Equal(t, book.Balance+inv.Amount, r.backend.Books().Balance)
	}
	r.clock.Add(48 * time.Hour)
	require.Equal(t, upstream.InvoicePaid, r.invoiceStatus(t, inv.UpstreamRef).State, "and stays paid")
}

// fullOfInvoices makes as many as may be, and one more.
func fullOfInvoices(t *testing.T, r *rig) {
	var all []*upstream.Invoice
	for range r.h.Invoicing.Most {
		all = append(all, r.invoice(t, false))
	}
	full := func() {
		_, err := r.createInvoice(t, r.h.Invoicing.amount(false))
		e := upstream.AsError(err)
		require.NotNil(t, e)
		require.False(t, e.Pause, "other questions go on")
		if e.Class != upstream.Throttled {
			require.Equal(t, upstream.ReasonFull, classed(t, upstream.Rejected, err).Reason)
		}
		require.Len(t, r.backend.Books().Invoices, len(all), "nothing was made")
	}
	full()
	_, err := r.cancelInvoice(t, all[0].UpstreamRef)
	require.NoError(t, err)
	all = append(all, r.invoice(t, false))
	full()
	r.pay(t, all[1])
	all = append(all, r.invoice(t, false))
	full()
	r.clock.Add(all[len(all)-1].ExpiresAt.Sub(r.clock.Now()))
	r.invoice(t, false)
}

// invoiceFaults loses answers: what became of the request is Unknown, whatever it was.
func invoiceFaults(t *testing.T, h Harness) {
	for _, rule := range faults(upstream.MaxBody + 1) {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("making, %s %d, carried out: %v", rule.Kind, rule.Status, after), func(t *testing.T) {
				t.Parallel()
				r := h.setUp(t)
				rule := rule
				rule.AfterEffect = after
				r.fault(t, rule)
				ctx, cancel := faultTime(t, rule.Kind)
				defer cancel()
				_, err := r.driver.(upstream.Invoices).CreateInvoice(ctx, &upstream.InvoiceRequest{Ref: "R1", Amount: h.Invoicing.amount(false)})
				e := classed(t, upstream.Unknown, err)
				noSecret(t, h.Secret, nil, err)
				if html(rule.Kind) && pauses(rule.Status) {
					require.True(t, e.Pause, "a block page pauses the provider")
				}
				require.EqualValues(t, 1, r.requests.Load(), "sent once")
				require.Len(t, r.backend.Books().Invoices, map[bool]int{true: 1}[after])
			})
		}
		t.Run(fmt.Sprintf("asking and canceling, %s %d", rule.Kind, rule.Status), func(t *testing.T) {
			t.Parallel()
			r := h.setUp(t)
			inv := r.invoice(t, false)
			rule := rule
			rule.AfterEffect = true
			r.fault(t, rule)
			d := r.driver.(upstream.Invoices)
			for _, call := range []func(context.Context, string) (*upstream.Invoice, error){d.InvoiceStatus, d.CancelInvoice} {
				ctx, cancel := faultTime(t, rule.Kind)
				out, err := call(ctx, inv.UpstreamRef)
				cancel()
				require.Nil(t, out)
				requireClass(t, upstream.Unknown, err)
				noSecret(t, h.Secret, nil, err)
			}
			r.backend.ClearFaults(0)
			ended(t, r.invoiceStatus(t, inv.UpstreamRef).State)
		})
	}
	t.Run("a reused connection is a trap", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		first := r.invoice(t, false)
		for range 3 { // now there may be idle connections to reuse
			r.invoiceStatus(t, first.UpstreamRef)
		}
		r.fault(t, emulate.Rule{Kind: emulate.CloseReused})
		r.invoice(t, false)
		require.Len(t, r.backend.Books().Invoices, 2)
		_, err := r.cancelInvoice(t, first.UpstreamRef)
		require.NoError(t, err, "a cancel travels on a connection of its own as well")
	})
	t.Run("nothing listens", func(t *testing.T) {
		t.Parallel()
		r := h.setUp(t)
		r.server.Close()
		_, err := r.createInvoice(t, r.h.Invoicing.amount(false))
		requireClass(t, upstream.NotSent, err)
	})
}

// invoiceWords are refusals that prove nothing.
func invoiceWords(t *testing.T, h Harness) {
	for name, c := range map[string]struct {
		status  int
		message string
	}{
		"words of doubt":                   {http.StatusOK, "timeout ke supplier"},
		"a refusal under a server error":   {http.StatusInternalServerError, "saldo"},
		"a refusal under a gateway's time": {http.StatusGatewayTimeout, "apikey"},
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
			_, err := r.createInvoice(t, r.h.Invoicing.amount(false))
			requireClass(t, upstream.Unknown, err)
		})
	}
}

// faultTime is how long a call waits for an answer that a fault spoils.
func faultTime(t *testing.T, k emulate.Kind) (context.Context, context.CancelFunc) {
	t.Helper()
	if k == emulate.Hang {
		return context.WithTimeout(t.Context(), 150*time.Millisecond)
	}
	return context.WithTimeout(t.Context(), 30*time.Second)
}

// ended sees that an invoice will not be paid; not every provider tells why.
func ended(t *testing.T, s upstream.InvoiceState) {
	t.Helper()
	require.Contains(t, []upstream.InvoiceState{upstream.InvoiceCanceled, upstream.InvoiceExpired}, s)
}

func (r *rig) createInvoice(t *testing.T, amount int64) (*upstream.Invoice, error) {
	t.Helper()
	ref := fmt.Sprint("I-", r.made.Add(1))
	return once(t, r, func(ctx context.Context) (*upstream.Invoice, error) {
		return r.driver.(upstream.Invoices).CreateInvoice(ctx, &upstream.InvoiceRequest{Ref: ref, Amount: amount})
	})
}

// invoice makes one that can be shown to a payer.
func (r *rig) invoice(t *testing.T, paid bool) *upstream.Invoice {
	t.Helper()
	amount := r.h.Invoicing.amount(paid)
	inv, err := r.createInvoice(t, amount)
	require.NoError(t, err)
	require.Equal(t, upstream.InvoicePending, inv.State)
	require.NotEmpty(t, inv.UpstreamRef)
	require.Equal(t, amount, inv.Amount)
	require.Equal(t, inv.Total, inv.Amount+inv.Fee)
	require.True(t, inv.QR != "" || inv.ImageURL != "", "there is something to scan")
	require.True(t, inv.ExpiresAt.After(r.clock.Now()))
	return inv
}

func (r *rig) invoiceStatus(t *testing.T, ref string) *upstream.Invoice {
	t.Helper()
	out, err := once(t, r, func(ctx context.Context) (*upstream.Invoice, error) {
		return r.driver.(upstream.Invoices).InvoiceStatus(ctx, ref)
	})
	require.NoError(t, err)
	return out
}

func (r *rig) cancelInvoice(t *testing.T, ref string) (*upstream.Invoice, error) {
	t.Helper()
	return once(t, r, func(ctx context.Context) (*upstream.Invoice, error) {
		return r.driver.(upstream.Invoices).CancelInvoice(ctx, ref)
	})
}
