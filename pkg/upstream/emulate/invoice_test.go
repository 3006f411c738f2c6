package emulate

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// issuer is a provider that does nothing: the invoices are made by the test.
type issuer struct{}

func (issuer) Purchase(string) bool          { return false }
func (issuer) Describe(*Request) Subject     { return Subject{} }
func (issuer) Answer(*Book, *Request) Answer { return Answer{Status: http.StatusOK} }

func TestTheSumOfACodeIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	require.Equal(t, uint16(0x29B1), crc("123456789"), "the algorithm's check value")
	require.Equal(t, "00020101021226570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI"+
		"52044812530336054061003475802ID5911TOKO CONTOH6007JAKARTA61051234563049AED", QRIS("TOKO CONTOH", 100347))
}

func TestInvoicesArePaidCanceledOrRunOut(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 21, 11, 0, 0, 0, time.UTC)
	core := NewCore(Config{Clock: func() time.Time { return now }, Balance: 1000}, issuer{})
	issue := func(id string, amount int64) (total int64) {
		core.Do(func(b *Book, at time.Time) {
			total = b.Issue(Invoice{ID: id, Amount: amount, Fee: 10, At: at, ExpiresAt: at.Add(time.Minute)}).Total
		})
		return total
	}
	states := func() map[string]InvoiceState {
		out := map[string]InvoiceState{}
		for _, i := range core.Books().Invoices {
			out[i.ID] = i.State
		}
		return out
	}
	require.EqualValues(t, 510, issue("a", 500))
	require.EqualValues(t, 511, issue("b", 500), "no two that are pending ask for the same")
	require.EqualValues(t, 512, issue("c", 501))
	require.True(t, core.PayInvoice("a", false))
	require.False(t, core.PayInvoice("a", true), "once")
	require.False(t, core.PayInvoice("none", true))
	require.EqualValues(t, 510, issue("d", 500), "what has ended is free again")
	core.Do(func(b *Book, at time.Time) {
		require.True(t, b.CancelInvoice(b.InvoiceByID("b"), at))
		require.False(t, b.CancelInvoice(b.InvoiceByID("a"), at), "paid wins")
		require.Len(t, b.Pending(), 2)
		require.Equal(t, 4, b.Issued())
	})
	core.SetPayer(PaidAfter(30 * time.Second))
	issue("e", 700)
	core.SetPayer(PaidAfter(time.Hour))
	issue("f", 700)
	require.True(t, core.ExpireInvoice("c"))
	require.False(t, core.ExpireInvoice("c"))
	now = now.Add(time.Minute)
	require.Equal(t, map[string]InvoiceState{
		"a": InvoicePaid, "b": InvoiceCanceled, "c": InvoiceExpired, "d": InvoiceExpired, "e": InvoicePaid, "f": InvoiceExpired,
	}, states())
	require.False(t, core.PayInvoice("b", false))
	require.True(t, core.PayInvoice("b", true), "a payer's bank may be slow")
	books := core.Books()
	require.EqualValues(t, 500+700+500, books.Received())
	require.Equal(t, books.Opening+books.Received()-books.Spent(), books.Balance)
	require.Equal(t, now.Add(-30*time.Second), *books.Invoices[4].EndedAt)

	core.SetPayer(func(i Invoice, _ *rand.Rand) (time.Duration, bool) { return time.Hour, i.ID == "g" })
	issue("g", 800)
	issue("h", 800)
	core.Settle()
	require.Equal(t, InvoicePaid, states()["g"])
	require.Equal(t, InvoiceExpired, states()["h"])
}

func TestInvoicesAreSteeredFromOutside(t *testing.T) {
	t.Parallel()
	core := NewCore(Config{}, issuer{})
	post := func(path, body string) int {
		w := httptest.NewRecorder()
		core.Control().ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
		return w.Code
	}
	for _, id := range []string{"a", "b"} {
		core.Do(func(b *Book, at time.Time) {
			b.Issue(Invoice{ID: id, Amount: 500, At: at, ExpiresAt: at.Add(time.Hour)})
		})
	}
	require.Equal(t, http.StatusOK, post("/control/deposits/a/pay", ""))
	require.Equal(t, http.StatusNotFound, post("/control/deposits/a/pay", `{"late":true}`))
	require.Equal(t, http.StatusBadRequest, post("/control/deposits/b/pay", `{"odd":true}`))
	require.Equal(t, http.StatusOK, post("/control/deposits/b/expire", ""))
	require.Equal(t, http.StatusNotFound, post("/control/deposits/b/pay", ""))
	require.Equal(t, http.StatusOK, post("/control/deposits/b/pay", `{"late":true}`))
	require.Equal(t, http.StatusBadRequest, post("/control/script", `{"paid_after":"-1s"}`))
	require.Equal(t, http.StatusOK, post("/control/script", `{"mode":"always","paid_after":"1ns"}`))
	core.Do(func(b *Book, at time.Time) {
		b.Issue(Invoice{ID: "c", Amount: 500, At: at.Add(-time.Second), ExpiresAt: at.Add(time.Hour)})
	})
	require.Equal(t, InvoicePaid, core.Books().Invoices[2].State)
}
