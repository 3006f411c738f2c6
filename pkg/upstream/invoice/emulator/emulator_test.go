package emulator_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/invoice/emulator"
	"github.com/muarahq/muara/pkg/upstream/invoice/wire"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2025, 1, 15, 10, 30, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func ask(t *testing.T, e http.Handler, method, target, body string) (int, []byte) {
	t.Helper()
	r := httptest.NewRequest(method, "http://gateway.test"+target, strings.NewReader(body))
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return w.Code, b
}

func create(t *testing.T, e http.Handler, amount int) *wire.Created {
	t.Helper()
	_, body := ask(t, e, http.MethodGet, fmt.Sprintf("%s?amount=%d&apikey=k", wire.PathCreate, amount), "")
	c, err := wire.DecodeCreated(body)
	require.NoError(t, err, string(body))
	return c
}

func status(t *testing.T, e http.Handler, id string) *wire.Invoice {
	t.Helper()
	_, body := ask(t, e, http.MethodGet, wire.PathStatus+"?apikey=k&invoice_id="+id, "")
	i, err := wire.DecodeInvoice(body)
	require.NoError(t, err, string(body))
	return i
}

func withdraw(t *testing.T, e http.Handler, amount int, account string) *wire.Requested {
	t.Helper()
	_, body := ask(t, e, http.MethodPost, wire.PathWithdraw+"?apikey=k", fmt.Sprintf(`{"amount":%d,"accountNumber":%q,"accountName":"John Doe"}`, amount, account))
	w, err := wire.DecodeRequested(body)
	require.NoError(t, err, string(body))
	return w
}

func withdrew(t *testing.T, e http.Handler, id string) *wire.Withdrawal {
	t.Helper()
	_, body := ask(t, e, http.MethodGet, wire.PathWithdrew+"?apikey=k&withdraw_id="+id, "")
	w, err := wire.DecodeWithdrawal(body)
	require.NoError(t, err, string(body))
	return w
}

func refused(t *testing.T, code int, body []byte) string {
	t.Helper()
	require.GreaterOrEqual(t, code, 400)
	_, err := wire.DecodeBalance(body)
	r, ok := wire.AsRefusal(err)
	require.True(t, ok, string(body))
	return r.Message
}

func TestAnswersHaveTheDocumentedShape(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	paid := create(t, e, 10_000)
	require.True(t, e.PayInvoice(string(paid.InvoiceID), false))
	open := create(t, e, 10_000)
	w := withdraw(t, e, 100_000, "081234567844")
	for name, r := range map[string]struct{ method, target, body string }{
		"balance":          {http.MethodGet, wire.PathBalance + "?apikey=k", ""},
		"create":           {http.MethodGet, wire.PathCreate + "?apikey=k&amount=10000", ""},
		"status":           {http.MethodGet, wire.PathStatus + "?apikey=k&invoice_id=" + string(paid.InvoiceID), ""},
		"cancel":           {http.MethodPost, wire.PathCancel + "?apikey=k&invoice_id=" + string(open.InvoiceID), ""},
		"cancel_refused":   {http.MethodPost, wire.PathCancel + "?apikey=k", fmt.Sprintf(`{"invoice_id":%q}`, paid.InvoiceID)},
		"withdraw":         {http.MethodPost, wire.PathWithdraw + "?apikey=k", `{"amount":50000,"accountNumber":"081234567890","accountName":"John Doe"}`},
		"withdraw_status":  {http.MethodGet, wire.PathWithdrew + "?apikey=k&withdraw_id=" + string(w.WithdrawID), ""},
		"withdraw_history": {http.MethodGet, wire.PathHistory + "?apikey=k&status=success", ""},
	} {
		example, err := os.ReadFile("../wire/testdata/" + name + ".json")
		require.NoError(t, err)
		_, answer := ask(t, e, r.method, r.target, r.body)
		diff, err := emulate.Shape(example, answer)
		require.NoError(t, err)
		require.Empty(t, diff, "%s: %s", name, answer)
	}
	_, answer := ask(t, e, http.MethodPost, wire.PathCancel+"?apikey=k&invoice_id="+string(paid.InvoiceID), "")
	example, err := os.ReadFile("../wire/testdata/cancel_refused.json")
	require.NoError(t, err)
	require.JSONEq(t, string(example), string(answer), "the documented words")
}

func TestAnInvoicesLife(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Balance: 1_000_000}})
	first, second := create(t, e, 10_000), create(t, e, 10_000)
	require.NotEqual(t, *first.Total, *second.Total, "no two open ones have one total")
	require.Equal(t, *first.Amount+*first.Fee, *first.Total)
	require.Equal(t, c.Now().Add(30*time.Minute), first.ExpiredAt.UTC())
	require.Len(t, string(first.InvoiceID), 24)
	require.Equal(t, c.Now(), status(t, e, string(first.InvoiceID)).CreatedAt.UTC())
	require.True(t, e.PayInvoice(string(first.InvoiceID), false))
	require.EqualValues(t, wire.InvoicePaid, status(t, e, string(first.InvoiceID)).Status)
	require.EqualValues(t, 1_010_000, e.Books().Balance, "the fee is the gateway's")
	c.Add(30 * time.Minute)
	require.EqualValues(t, wire.InvoiceExpired, status(t, e, string(second.InvoiceID)).Status)
	require.True(t, e.PayInvoice(string(second.InvoiceID), true))
	require.EqualValues(t, wire.InvoicePaid, status(t, e, string(second.InvoiceID)).Status, "paid after it expired")
	e.SetPayer(emulate.PaidAfter(time.Minute))
	third := create(t, e, 20_000)
	c.Add(time.Minute)
	require.EqualValues(t, wire.InvoicePaid, status(t, e, string(third.InvoiceID)).Status)
	require.EqualValues(t, 1_040_000, e.Books().Balance)
	for _, amount := range []string{"999", "10000001", "1e4", "", "10.000"} {
		code, body := ask(t, e, http.MethodGet, wire.PathCreate+"?apikey=k&amount="+amount, "")
		refused(t, code, body)
	}
	code, body := ask(t, e, http.MethodPost, wire.PathCancel+"?apikey=k", `{"invoice_id":"none"}`)
	require.Equal(t, 404, code)
	require.Equal(t, "Invoice tidak ditemukan", refused(t, code, body))
}

func TestThePictureAsksForTheTotal(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	inv := create(t, e, 25_000)
	path, ok := strings.CutPrefix(string(inv.QRISImage), "http://gateway.test")
	require.True(t, ok)
	code, png := ask(t, e, http.MethodGet, path, "")
	require.Equal(t, 200, code)
	text, err := qris.FromPicture(png)
	require.NoError(t, err)
	require.Equal(t, emulator.QR(e.Books().Invoices[0]), text)
	read, err := qris.Read(text)
	require.NoError(t, err)
	require.EqualValues(t, *inv.Total, read.Amount)
	code, _ = ask(t, e, http.MethodGet, "/qr/none.png", "")
	require.Equal(t, 404, code)
	elsewhere := emulator.New(emulator.Config{ImageHost: "cdn.test:81"})
	require.Contains(t, string(create(t, elsewhere, 25_000).QRISImage), "http://cdn.test:81/qr/")
}

func TestStaffDecides(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Balance: 1_000_000, Script: emulate.Digits(time.Hour, 0)}})
	approved, rejected, byHand := withdraw(t, e, 100_000, "081234567844"), withdraw(t, e, 50_000, "081234567804"), withdraw(t, e, 20_000, "081234567805")
	require.EqualValues(t, 101_000, *approved.TotalDeduct)
	require.EqualValues(t, 899_000, *approved.NewBalance)
	require.EqualValues(t, wire.WithdrawPending, approved.Status)
	require.True(t, withdrew(t, e, string(approved.WithdrawID)).ProcessedAt.IsZero())
	require.True(t, e.Decide(string(byHand.WithdrawID), false, "salah"))
	require.False(t, e.Decide(string(byHand.WithdrawID), true, ""), "once")
	require.False(t, e.Decide("none", true, ""))
	require.EqualValues(t, "salah", *withdrew(t, e, string(byHand.WithdrawID)).AdminNote)
	c.Add(time.Hour)
	require.EqualValues(t, wire.WithdrawSuccess, withdrew(t, e, string(approved.WithdrawID)).Status)
	got := withdrew(t, e, string(rejected.WithdrawID))
	require.EqualValues(t, wire.WithdrawRejected, got.Status)
	require.Equal(t, c.Now(), got.ProcessedAt.Time)
	require.NotNil(t, got.AdminNote)
	require.EqualValues(t, 899_000, e.Books().Balance, "what was rejected came back with its fee")
	at := withdraw(t, e, 10_000, "081234567801")
	require.EqualValues(t, wire.WithdrawPending, at.Status, "staff is not asked within the request")
	require.EqualValues(t, wire.WithdrawSuccess, withdrew(t, e, string(at.WithdrawID)).Status)
	lost := `{"amount":10000,"accountNumber":"081234567807","accountName":"John Doe"}`
	code, _ := ask(t, e, http.MethodPost, wire.PathWithdraw+"?apikey=k", lost)
	require.Equal(t, 502, code)
	require.Len(t, e.Books().Purchases, 5)
	for _, body := range []string{
		``, `{}`, `{"amount":9999,"accountNumber":"0812","accountName":"x"}`, `{"amount":10000,"accountNumber":"0812"}`, `{"amount":10000,"accountNumber":"+62","accountName":"x"}`,
		`{"amount":10000000,"accountNumber":"0812","accountName":"x"}`,
	} {
		code, answer := ask(t, e, http.MethodPost, wire.PathWithdraw+"?apikey=k", body)
		refused(t, code, answer)
	}
	require.Len(t, e.Books().Purchases, 5)
}

func TestTheHistoryHasPagesAndAFilter(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: emulate.Digits(0, 0)}})
	for i := range 25 {
		withdraw(t, e, 10_000, []string{"081234567801", "081234567804"}[i%2])
		c.Add(time.Second)
	}
	list := func(query string) *wire.History {
		_, body := ask(t, e, http.MethodGet, wire.PathHistory+"?apikey=k"+query, "")
		h, err := wire.DecodeHistory(body)
		require.NoError(t, err, string(body))
		return h
	}
	h := list("")
	require.Len(t, h.Data, 10)
	require.Equal(t, wire.Pagination{Page: 1, Limit: 10, Total: 25, TotalPages: 3}, *h.Pagination)
	require.True(t, h.Data[0].CreatedAt.After(h.Data[1].CreatedAt.Time), "newest first")
	require.Len(t, list("&page=3").Data, 5)
	require.Empty(t, list("&page=9").Data)
	require.Len(t, list("&limit=1000").Data, 25)
	require.EqualValues(t, 100, list("&limit=1000").Pagination.Limit)
	require.Len(t, list("&status=rejected&limit=50").Data, 12)
	require.Empty(t, list("&status=odd").Data)
	for _, query := range []string{"&page=0", "&limit=x"} {
		code, body := ask(t, e, http.MethodGet, wire.PathHistory+"?apikey=k"+query, "")
		refused(t, code, body)
	}
}

func TestTheDoorIsClosed(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{APIKey: "key", MaxPending: 1})
	for target, want := range map[string]int{
		"GET " + wire.PathBalance: 401, "GET " + wire.PathBalance + "?apikey=other": 401, "POST " + wire.PathBalance + "?apikey=key": 405,
		"GET " + wire.PathCancel + "?apikey=key": 405, "GET /api/v1/none?apikey=key": 404, "GET " + wire.PathStatus + "?apikey=key": 404,
		"GET " + wire.PathWithdrew + "?apikey=key&withdraw_id=x": 404,
	} {
		method, path, _ := strings.Cut(target, " ")
		code, body := ask(t, e, method, path, "")
		require.Equal(t, want, code, target)
		refused(t, code, body)
	}
	code, _ := ask(t, e, http.MethodGet, wire.PathCreate+"?apikey=key&amount=10000", "")
	require.Equal(t, 200, code)
	code, body := ask(t, e, http.MethodGet, wire.PathCreate+"?apikey=key&amount=10000", "")
	require.Equal(t, "Terlalu banyak invoice yang belum dibayar", refused(t, code, body))
	for _, a := range e.Books().Requests {
		require.NotContains(t, fmt.Sprintf("%+v", a), "apikey")
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{Config: emulate.Config{Script: emulate.Digits(time.Hour, 0)}})
	a, b := withdraw(t, e, 10_000, "081234567844"), withdraw(t, e, 10_000, "081234567844")
	send := func(path, body string) int {
		code, _ := ask(t, e.Control(), http.MethodPost, path, body)
		return code
	}
	require.Equal(t, 200, send("/control/withdrawals/"+string(a.WithdrawID)+"/approve", ""))
	require.Equal(t, 404, send("/control/withdrawals/"+string(a.WithdrawID)+"/reject", ""))
	require.Equal(t, 200, send("/control/withdrawals/"+string(b.WithdrawID)+"/reject", `{"note":"salah"}`))
	require.Equal(t, 400, send("/control/withdrawals/"+string(b.WithdrawID)+"/reject", `{"odd":1}`))
	require.EqualValues(t, wire.WithdrawSuccess, withdrew(t, e, string(a.WithdrawID)).Status)
	require.EqualValues(t, "salah", *withdrew(t, e, string(b.WithdrawID)).AdminNote)
	inv := create(t, e, 10_000)
	require.Equal(t, 200, send("/control/deposits/"+string(inv.InvoiceID)+"/pay", ""))
	require.EqualValues(t, wire.InvoicePaid, status(t, e, string(inv.InvoiceID)).Status)
}
