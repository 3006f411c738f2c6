package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/emulator"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 4, 21, 11, 0, 0, 0, time.UTC)} }

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

func get(e http.Handler, target string) (int, []byte) {
	r := httptest.NewRequest(http.MethodGet, "http://emulator"+emulator.Base+target, nil)
	r.Header.Set(wire.KeyHeader, "key")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

func rent(t *testing.T, e *emulator.Emulator) *wire.Order {
	t.Helper()
	country := e.Countries("4")[0]
	_, body := get(e, wire.BuyNumber(strconv.Itoa(int(country.NumberID)), string(country.Pricelist[0].ProviderID), wire.AnyOperator))
	o, err := wire.DecodeOrder(body)
	require.NoError(t, err)
	return o
}

func status(t *testing.T, e *emulator.Emulator, id string) *wire.OrderStatus {
	t.Helper()
	_, body := get(e, wire.AskOrder(id))
	o, err := wire.DecodeOrderStatus(body)
	require.NoError(t, err, string(body))
	return o
}

func TestAnswersHaveTheDocumentedShape(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	country := e.Countries("4")[0]
	provider := string(country.Pricelist[0].ProviderID)
	id := string(rent(t, e).OrderID)
	_, body := get(e, wire.BuyProduct("DN10", "085612345678"))
	tr, err := wire.DecodeTransaction(body)
	require.NoError(t, err)
	for name, target := range map[string]string{
		"services":           wire.PathServices,
		"countries":          wire.Countries("4"),
		"operators":          wire.Operators("Indonesia", provider),
		"order":              wire.BuyNumber(strconv.Itoa(int(country.NumberID)), provider, "2"),
		"order_status":       wire.AskOrder(id),
		"order_set_status":   wire.SetOrder(id, wire.ActionDone),
		"balance":            wire.PathBalance,
		"products":           wire.PathProducts,
		"transaction_create": wire.BuyProduct("FF50", "12345678"),
		"transaction_status": wire.AskTransaction(string(tr.ID)),
		"failure_message":    wire.AskOrder("no"),
	} {
		example, err := os.ReadFile("../wire/testdata/" + name + ".json")
		require.NoError(t, err)
		_, answer := get(e, target)
		diff, err := emulate.Shape(example, answer)
		require.NoError(t, err, name)
		require.Empty(t, diff, name)
	}
}

func TestANumberThatGetsItsCode(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: emulate.Always(5 * time.Second), Balance: 100_000}})
	id := string(rent(t, e).OrderID)
	require.Equal(t, wire.OrderWaiting, status(t, e, id).State())
	code, _ := get(e, wire.SetOrder(id, wire.ActionDone))
	require.Equal(t, http.StatusBadRequest, code, "nothing to end yet")
	c.Add(5 * time.Second)
	o := status(t, e, id)
	require.Equal(t, wire.OrderReceived, o.State())
	first := o.Code()
	require.Len(t, first, 5)
	code, _ = get(e, wire.SetOrder(id, wire.ActionCancel))
	require.Equal(t, http.StatusBadRequest, code, "a code wins over a cancel")
	_, body := get(e, wire.SetOrder(id, wire.ActionResend))
	s, err := wire.DecodeSetStatus(body)
	require.NoError(t, err)
	require.EqualValues(t, "waiting", s.Status)
	require.Empty(t, status(t, e, id).Code())
	code, _ = get(e, wire.SetOrder(id, wire.ActionCancel))
	require.Equal(t, http.StatusBadRequest, code, "it had a code already")
	require.True(t, e.DeliverCode(id, "777"))
	require.Equal(t, "777", status(t, e, id).Code())
	code, _ = get(e, wire.SetOrder(id, wire.ActionDone))
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, wire.OrderCompleted, status(t, e, id).State())
	require.False(t, e.DeliverCode(id, "888"))
	p, _ := e.Books().Find(id)
	require.Equal(t, []string{first, "777"}, p.Codes)
	require.True(t, p.Delivered)
	require.Equal(t, e.Books().Opening-p.Price, e.Books().Balance)
}

func TestANumberWithoutACodeExpiresWithItsMoneyBack(t *testing.T) {
	t.Parallel()
	c := newClock()
	script, err := emulate.Mix(map[string]int{emulate.MixSilent: 1}, 0, 0)
	require.NoError(t, err)
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: script}})
	id := string(rent(t, e).OrderID)
	c.Add(15*time.Minute - time.Millisecond)
	require.Equal(t, wire.OrderWaiting, status(t, e, id).State())
	require.Less(t, e.Books().Balance, e.Books().Opening)
	c.Add(time.Millisecond)
	require.Equal(t, wire.OrderExpiring, status(t, e, id).State())
	require.Equal(t, e.Books().Opening, e.Books().Balance)
	require.False(t, e.DeliverCode(id, "1"))

	other := string(rent(t, e).OrderID)
	code, _ := get(e, wire.SetOrder(other, wire.ActionCancel))
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, wire.OrderCanceled, status(t, e, other).State())
	require.Equal(t, e.Books().Opening, e.Books().Balance)
	last := string(rent(t, e).OrderID)
	e.Settle()
	o := status(t, e, last)
	require.Equal(t, wire.OrderExpiring, o.State())
	require.False(t, o.ExpiresAt.Time().After(c.Now()), "it says when it really ended")
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: emulate.Digits(time.Second, 0)}})
	buy := func(target string) string {
		_, body := get(e, wire.BuyProduct("FF50", target))
		tr, err := wire.DecodeTransaction(body)
		require.NoError(t, err, string(body))
		require.Equal(t, wire.TransactionProcessing, tr.State())
		return string(tr.ID)
	}
	ask := func(id string) *wire.TransactionStatus {
		_, body := get(e, wire.AskTransaction(id))
		tr, err := wire.DecodeTransactionStatus(body)
		require.NoError(t, err, string(body))
		return tr
	}
	good, bad, off, late := buy("1244"), buy("1203"), buy("1212"), buy("1209")
	require.Equal(t, wire.TransactionProcessing, ask(good).State())
	c.Add(time.Second)
	require.Equal(t, wire.TransactionSuccess, ask(good).State())
	require.NotEmpty(t, ask(good).SN())
	for id, want := range map[string]wire.Status{bad: wire.TransactionFailed, off: wire.TransactionCanceled, late: wire.TransactionFailed} {
		require.Equal(t, want, ask(id).State())
		require.True(t, bool(*ask(id).Refund))
		require.Empty(t, ask(id).SN())
	}
	c.Add(time.Minute)
	require.Equal(t, wire.TransactionSuccess, ask(late).State())
	require.False(t, bool(*ask(late).Refund))
	code, body := get(e, wire.BuyProduct("FF50", "1207"))
	require.Equal(t, http.StatusBadGateway, code)
	require.True(t, strings.HasPrefix(string(body), "<"))
	require.Len(t, e.Books().Purchases, 5)
}

func TestRefusalsBuyNothing(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{Config: emulate.Config{Balance: 1}, APIKey: "key", Products: 500, Services: 30})
	require.Len(t, e.Products(), 500)
	country := e.Countries("30")[0]
	number, provider := strconv.Itoa(int(country.NumberID)), string(country.Pricelist[0].ProviderID)
	require.True(t, e.SetClosed("FF70", true))
	require.True(t, e.Remove("FF140"))
	require.False(t, e.Remove("FF140"))
	require.True(t, e.SetPrice("FF5", 1234))
	for target, want := range map[string]string{
		wire.BuyProduct("FF50", "12"):          "Saldo",
		wire.BuyProduct("FF70", "12"):          "gangguan",
		wire.BuyProduct("FF140", "12"):         "Produk",
		wire.BuyProduct("FF50", ""):            "target",
		wire.BuyNumber(number, provider, "1"):  "Saldo",
		wire.BuyNumber(number, provider, "99"): "Operator",
		wire.BuyNumber(number, "1", "1"):       "provider",
		wire.BuyNumber("x", provider, "1"):     "provider",
		wire.Countries("99"):                   "Layanan",
		wire.Operators("Atlantis", "1"):        "Negara",
		wire.Operators("Indonesia", ""):        "provider_id",
		wire.AskTransaction("x"):               "Transaksi",
		wire.SetOrder("x", "cancel"):           "Order",
		"/v9/none":                             "Endpoint",
	} {
		_, body := get(e, target)
		_, err := wire.DecodeTransaction(body)
		r, ok := wire.AsRefusal(err)
		require.True(t, ok, "%s %s", target, body)
		require.Contains(t, r.Message, want, target)
	}
	require.True(t, e.SetOffer(number, provider, 1500, 0))
	_, body := get(e, wire.BuyNumber(number, provider, "1"))
	require.Contains(t, string(body), "Stok")
	require.Empty(t, e.Books().Purchases)
	r := httptest.NewRequest(http.MethodGet, "http://emulator/api/v1/user/balance", nil)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	require.Equal(t, http.StatusUnauthorized, w.Code)
	r = httptest.NewRequest(http.MethodPost, "http://emulator/api/v1/user/balance", nil)
	w = httptest.NewRecorder()
	e.ServeHTTP(w, r)
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
}

func TestTheSameSeedIsTheSameProvider(t *testing.T) {
	t.Parallel()
	c := newClock()
	build := func() *emulator.Emulator {
		return emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Seed: 9}})
	}
	a, b := build(), build()
	require.Equal(t, a.Products(), b.Products())
	for range 3 {
		require.Equal(t, rent(t, a), rent(t, b))
	}
	require.Equal(t, a.Books(), b.Books())
}

func TestControl(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{Config: emulate.Config{Script: emulate.Always(time.Hour)}})
	post := func(path, body string) int {
		w := httptest.NewRecorder()
		e.Control().ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
		return w.Code
	}
	id := string(rent(t, e).OrderID)
	require.Equal(t, 200, post("/control/otp/"+id+"/code", `{"code":"4711"}`))
	require.Equal(t, "4711", status(t, e, id).Code())
	require.Equal(t, 404, post("/control/otp/no/code", `{"code":"4711"}`))
	require.Equal(t, 200, post("/control/products", `{"code":"FF50","price":6000,"closed":true}`))
	require.Equal(t, 200, post("/control/products", `{"code":"FF50","remove":true}`))
	require.Equal(t, 404, post("/control/products", `{"code":"FF50","price":1}`))
	require.Equal(t, 404, post("/control/offers", `{"number_id":"1","provider_id":"2","price":1,"stock":1}`))
	require.Equal(t, 400, post("/control/offers", `{"odd":1}`))
}
