package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/emulator"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 4, 21, 4, 0, 0, 0, time.UTC)} }

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

func post(t *testing.T, e http.Handler, path string, body any) (int, []byte) {
	t.Helper()
	b, err := json.Marshal(body)
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodPost, "http://emulator"+path, strings.NewReader(string(b)))
	r.Header.Set(wire.KeyHeader, "key")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

func topup(t *testing.T, e http.Handler, ref, code, customer string) (*wire.Reply[wire.Transaction], error) {
	t.Helper()
	_, body := post(t, e, wire.PathTopup, wire.BuyRequest{MMID: "m", ProductCode: code, CustomerID: customer, Ref1: ref})
	return wire.DecodeTransaction(body)
}

func TestAnswersHaveTheDocumentedShape(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	_, err := topup(t, e, "TEST-1", "IS5", "081234567890")
	require.NoError(t, err)
	for name, ask := range map[string]struct {
		path string
		body any
	}{
		"price":      {wire.PathPrice, wire.PriceRequest{MMID: "m", ProductCode: "IS5"}},
		"categories": {wire.PathCategories, wire.Account{MMID: "m"}},
		"products":   {wire.PathProducts, wire.ProductsRequest{MMID: "m", Page: 1, PerPage: 50}},
		"topup":      {wire.PathTopup, wire.BuyRequest{MMID: "m", ProductCode: "IS5", CustomerID: "0844", Ref1: "TEST-2"}},
		"status":     {wire.PathStatus, wire.StatusRequest{MMID: "m", Ref1: "TEST-1"}},
		"history":    {wire.PathHistory, wire.HistoryRequest{MMID: "m"}},
		"balance":    {wire.PathBalance, wire.Account{MMID: "m"}},
		"mutations":  {wire.PathMutations, wire.MutationsRequest{MMID: "m"}},
	} {
		example, err := os.ReadFile("../wire/testdata/" + name + ".json")
		require.NoError(t, err)
		code, answer := post(t, e, ask.path, ask.body)
		require.Equal(t, 200, code)
		diff, err := emulate.Shape(example, answer)
		require.NoError(t, err)
		require.Empty(t, diff, name)
	}
	_, body := post(t, e, wire.PathPrice, wire.PriceRequest{MMID: "m", ProductCode: "IS5"})
	example, err := os.ReadFile("../wire/testdata/price.json")
	require.NoError(t, err)
	require.Contains(t, string(body), `"harga":"5500"`)
	require.Contains(t, string(example), `"harga": "5500"`)
}

func bill(t *testing.T, e http.Handler, path, ref, code, customer string) (*wire.Reply[wire.Transaction], error) {
	t.Helper()
	_, body := post(t, e, path, wire.BuyRequest{MMID: "m", ProductCode: code, CustomerID: customer, Ref1: ref})
	return wire.DecodeTransaction(body)
}

func TestABillHasTheDocumentedShape(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	for _, name := range []string{"inquiry", "payment"} {
		example, err := os.ReadFile("../wire/testdata/" + name + ".json")
		require.NoError(t, err)
		code, answer := post(t, e, "/V1/api/"+name, wire.BuyRequest{MMID: "m", ProductCode: "PLNPASCA", CustomerID: "546302215889", Ref1: "INQ-1"})
		require.Equal(t, 200, code)
		diff, err := emulate.Shape(example, answer)
		require.NoError(t, err)
		require.Empty(t, diff, name)
	}
	require.Equal(t, "bill", e.Books().Purchases[0].Kind)
}

func TestBillsAreInventedFromTheCustomer(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now}})
	one, err := bill(t, e, wire.PathInquiry, "A", "PLNPASCA", "546302215889")
	require.NoError(t, err)
	same, err := bill(t, e, wire.PathInquiry, "B", "PLNPASCA", "546302215889")
	require.NoError(t, err)
	require.Equal(t, one.Data.TotalPrice, same.Data.TotalPrice)
	require.NotEqual(t, one.Data.Ref2, same.Data.Ref2)
	require.Equal(t, "APR26", one.Data.Facts()["bl_th"])
	require.Equal(t, int64(*one.Data.Price)+int64(*one.Data.Admin), int64(*one.Data.TotalPrice))
	two, err := bill(t, e, wire.PathInquiry, "C", "PLNPASCA", "546302215821")
	require.NoError(t, err)
	require.Equal(t, "MAR26,APR26", two.Data.Facts()["bl_th"])
	require.Equal(t, "5000", two.Data.Facts()["denda"])
	require.Equal(t, int64(*two.Data.Price)+int64(*two.Data.Admin), int64(*two.Data.TotalPrice))
	for customer, words := range map[string]string{"546302215822": "sudah dibayar", "546302215823": "tidak terdaftar"} {
		_, err = bill(t, e, wire.PathInquiry, "D", "PLNPASCA", customer)
		r, ok := wire.AsRefusal(err)
		require.True(t, ok)
		require.Contains(t, r.Message, words)
	}
	require.Empty(t, e.Books().Purchases)
}

func TestAPaymentFollowsItsInquiry(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now}})
	refused := func(err error) *wire.Refusal {
		t.Helper()
		r, ok := wire.AsRefusal(err)
		require.True(t, ok, "%v", err)
		return r
	}
	_, err := bill(t, e, wire.PathPayment, "A", "PLNPASCA", "546302215889")
	require.Contains(t, refused(err).Message, "inquiry tidak ditemukan")
	inquiry, err := bill(t, e, wire.PathInquiry, "A", "PLNPASCA", "546302215889")
	require.NoError(t, err)
	_, err = bill(t, e, wire.PathPayment, "A", "PLNPASCA", "546302215888")
	require.Contains(t, refused(err).Message, "inquiry tidak ditemukan")
	_, err = bill(t, e, wire.PathInquiry, "A", "PLNPASCA", "546302215888")
	require.True(t, refused(err).Duplicate(), "another inquiry under the same reference")
	_, err = topup(t, e, "A", "IS5", "0844")
	require.True(t, refused(err).Duplicate())
	_, body := post(t, e, wire.PathStatus, wire.StatusRequest{MMID: "m", Ref1: "A"})
	status, err := wire.DecodeTransaction(body)
	require.NoError(t, err)
	require.True(t, wire.OfInquiry(status.Data.Msg))
	_, body = post(t, e, wire.HistoryOf("A"), wire.Account{MMID: "m"})
	_, err = wire.DecodeHistoryOf(body)
	require.True(t, refused(err).NotFound(404))

	c.Add(15 * time.Minute)
	_, err = bill(t, e, wire.PathPayment, "A", "PLNPASCA", "546302215889")
	require.Contains(t, refused(err).Message, "kadaluarsa")
	_, err = bill(t, e, wire.PathInquiry, "A", "PLNPASCA", "546302215889")
	require.NoError(t, err)
	c.Add(15*time.Minute - time.Second)
	paid, err := bill(t, e, wire.PathPayment, "A", "PLNPASCA", "546302215889")
	require.NoError(t, err)
	require.Equal(t, wire.StateSuccess, paid.Data.State())
	require.True(t, wire.OfPayment(paid.Data.Msg))
	require.Len(t, paid.Data.SN(), 32)
	_, err = bill(t, e, wire.PathPayment, "A", "PLNPASCA", "546302215889")
	require.True(t, refused(err).Duplicate())
	_, err = bill(t, e, wire.PathInquiry, "A", "PLNPASCA", "546302215889")
	require.True(t, refused(err).Duplicate())
	require.Equal(t, e.Books().Opening-int64(*inquiry.Data.TotalPrice), e.Books().Balance)
	later, err := bill(t, e, wire.PathInquiry, "L", "PDAM", "546302215805")
	require.NoError(t, err)
	require.Equal(t, wire.StateSuccess, later.Data.State())
	pending, err := bill(t, e, wire.PathPayment, "L", "PDAM", "546302215805")
	require.NoError(t, err)
	require.True(t, pending.Data.State().Pending(), "it is paid later")
	c.Add(time.Minute)
	require.True(t, e.Books().Purchases[1].Delivered)
	prepaid, err := bill(t, e, wire.PathPayment, "P", "IS5", "0844")
	require.NoError(t, err)
	require.Equal(t, wire.StateSuccess, prepaid.Data.State(), "of a prepaid product it is a topup")
}

func TestMutations(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: emulate.Digits(time.Minute, 0)}})
	for i, customer := range []string{"0844", "0803"} {
		_, err := topup(t, e, fmt.Sprint(i), "IS5", customer)
		require.NoError(t, err)
	}
	c.Add(time.Hour)
	e.Move(1_000_000, "TOPUP BCA")
	list := func(req wire.MutationsRequest) []wire.Mutation {
		req.MMID = "m"
		_, body := post(t, e, wire.PathMutations, req)
		r, err := wire.DecodeMutations(body)
		require.NoError(t, err, string(body))
		return r.Data.Rows
	}
	rows := list(wire.MutationsRequest{StartDate: "2026-04-21", EndDate: "2026-04-21"})
	require.Len(t, rows, 4)
	require.EqualValues(t, 1_000_000, rows[0].Debit, "newest first; what comes is a debit")
	require.EqualValues(t, "TOPUP BCA", rows[0].Notes)
	require.EqualValues(t, 5500, rows[1].Debit)
	require.EqualValues(t, 5500, rows[3].Credit)
	require.EqualValues(t, e.Books().Opening-5500, *rows[3].Balance)
	require.EqualValues(t, e.Books().Balance, *rows[0].Balance)
	require.Empty(t, list(wire.MutationsRequest{StartDate: "2026-04-22", EndDate: "2026-04-30"}))
	_, body := post(t, e, wire.PathMutations, map[string]any{"mmid": "m", "start_date": "x"})
	_, err := wire.DecodeMutations(body)
	_, ok := wire.AsRefusal(err)
	require.True(t, ok)
}

func TestAPlantedHistory(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	for _, ref := range []string{"A", "B", "C"} {
		_, err := topup(t, e, ref, "IS5", "0844")
		require.NoError(t, err)
	}
	w := httptest.NewRecorder()
	e.Control().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/control/history", strings.NewReader(`{"ref":"A","price":9999,"state":"failed"}`)))
	require.Equal(t, 200, w.Code)
	e.Plant("B", emulator.Plant{Hide: true})
	_, body := post(t, e, wire.PathHistory, wire.HistoryRequest{MMID: "m"})
	r, err := wire.DecodeHistory(body)
	require.NoError(t, err)
	require.Len(t, r.Data.Rows, 2)
	require.EqualValues(t, 9999, *r.Data.Rows[1].TotalPrice)
	require.Equal(t, wire.StateFailed, r.Data.Rows[1].State())
	_, body = post(t, e, wire.PathStatus, wire.StatusRequest{MMID: "m", Ref1: "A"})
	status, err := wire.DecodeTransaction(body)
	require.NoError(t, err)
	require.Equal(t, wire.StateSuccess, status.Data.State(), "the book stays true")
	_, body = post(t, e, wire.HistoryOf("B"), wire.Account{MMID: "m"})
	_, err = wire.DecodeHistoryOf(body)
	_, ok := wire.AsRefusal(err)
	require.True(t, ok)
}

func TestAReferenceBuysOnce(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	r, err := topup(t, e, "A", "IS5", "0844")
	require.NoError(t, err)
	require.Equal(t, wire.StateSuccess, r.Data.State())
	require.NotEmpty(t, r.Data.SN())
	_, err = topup(t, e, "A", "IS5", "0844")
	refusal, ok := wire.AsRefusal(err)
	require.True(t, ok)
	require.True(t, refusal.Duplicate())
	require.Len(t, e.Books().Purchases, 1)
	require.Equal(t, e.Books().Opening-5500, e.Books().Balance)
}

func TestPendingUntilDecided(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: emulate.Digits(time.Second, 0)}})
	for i, customer := range []string{"0844", "0803", "0804"} {
		r, err := topup(t, e, fmt.Sprint(i), "IS5", customer)
		require.NoError(t, err)
		require.True(t, r.Data.State().Pending())
		require.Empty(t, r.Data.SN())
		require.EqualValues(t, wire.RCPending, r.RC)
	}
	c.Add(time.Second)
	ask := func(ref string) *wire.Reply[wire.Transaction] {
		_, body := post(t, e, wire.PathStatus, wire.StatusRequest{MMID: "m", Ref1: ref})
		r, err := wire.DecodeTransaction(body)
		require.NoError(t, err)
		return r
	}
	require.Equal(t, wire.StateSuccess, ask("0").Data.State())
	require.NotEmpty(t, ask("0").Data.SN())
	require.Equal(t, wire.StateFailed, ask("1").Data.State())
	require.EqualValues(t, wire.RCTrouble, ask("1").RC)
	require.EqualValues(t, wire.RCUnknownCustomer, ask("2").RC)
	require.Equal(t, e.Books().Opening-5500, e.Books().Balance)
	_, body := post(t, e, wire.PathStatus, wire.StatusRequest{MMID: "m", Ref1: "none"})
	_, err := wire.DecodeTransaction(body)
	refusal, ok := wire.AsRefusal(err)
	require.True(t, ok)
	require.True(t, refusal.NotFound(http.StatusNotFound))
}

func TestHistory(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: emulate.Digits(0, 0)}})
	for i := range 5 {
		_, err := topup(t, e, fmt.Sprint("old", i), "IS5", "0844")
		require.NoError(t, err)
	}
	c.Add(24 * time.Hour)
	for i := range 120 {
		_, err := topup(t, e, fmt.Sprint("new", i), "IS10", []string{"0844", "0803"}[i%2])
		require.NoError(t, err)
	}
	list := func(req wire.HistoryRequest) wire.Listing[wire.HistoryRow] {
		req.MMID = "m"
		_, body := post(t, e, wire.PathHistory, req)
		r, err := wire.DecodeHistory(body)
		require.NoError(t, err, string(body))
		return r.Data
	}
	require.Len(t, list(wire.HistoryRequest{}).Rows, 120, "today, flat")
	require.EqualValues(t, "new119", list(wire.HistoryRequest{}).Rows[0].Ref1, "newest first")
	require.Len(t, list(wire.HistoryRequest{Date: "2026-04-21"}).Rows, 5)
	require.Len(t, list(wire.HistoryRequest{StartDate: "2026-04-21", EndDate: "2026-04-22"}).Rows, 125)
	require.Len(t, list(wire.HistoryRequest{Status: "11"}).Rows, 60)
	require.Len(t, list(wire.HistoryRequest{Status: "1,11", ProductCode: "IS10", CustomerID: "0844"}).Rows, 60)
	require.Empty(t, list(wire.HistoryRequest{Status: "2,3"}).Rows)
	page := list(wire.HistoryRequest{Page: 3})
	require.Len(t, page.Rows, 20)
	require.True(t, page.Last())
	require.EqualValues(t, 120, page.Meta.Total)
	require.Len(t, list(wire.HistoryRequest{Page: 1, PerPage: 5000}).Rows, 120)
	require.Empty(t, list(wire.HistoryRequest{Page: 9}).Rows)
	_, body := post(t, e, wire.PathHistory, map[string]any{"mmid": "m", "date": "tomorrow"})
	_, err := wire.DecodeHistory(body)
	_, ok := wire.AsRefusal(err)
	require.True(t, ok)

	_, body = post(t, e, wire.HistoryOf("old3"), wire.Account{MMID: "m"})
	one, err := wire.DecodeHistoryOf(body)
	require.NoError(t, err)
	require.Equal(t, wire.StateSuccess, one.Data.Rows[0].State())
	require.Equal(t, lenient.LocalOf(c.Now().Add(-24*time.Hour)).UTC(), one.Data.Rows[0].CreatedAt.UTC())
	_, body = post(t, e, wire.HistoryOf("none"), wire.Account{MMID: "m"})
	_, err = wire.DecodeHistoryOf(body)
	refusal, ok := wire.AsRefusal(err)
	require.True(t, ok)
	require.True(t, refusal.NotFound(http.StatusNotFound))
}

func TestProducts(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{Products: 1200})
	list := func(req wire.ProductsRequest) wire.Listing[wire.Product] {
		req.MMID = "m"
		_, body := post(t, e, wire.PathProducts, req)
		r, err := wire.DecodeProducts(body)
		require.NoError(t, err)
		require.Zero(t, r.Data.Odd)
		return r.Data
	}
	require.Len(t, list(wire.ProductsRequest{}).Rows, 1200)
	require.Len(t, list(wire.ProductsRequest{Type: wire.TypePostpaid}).Rows, 4)
	require.Len(t, list(wire.ProductsRequest{Page: 2, PerPage: 1000}).Rows, 200)
	for _, p := range list(wire.ProductsRequest{Type: wire.TypePrepaid, Category: "PULSA", Operator: "indosat", Sort: "price|desc"}).Rows {
		require.EqualValues(t, "INDOSAT", p.Operator)
	}
	require.True(t, e.SetFlags("IS5", true, false))
	require.True(t, e.SetPrice("IS10", 99))
	require.EqualValues(t, 99, *list(wire.ProductsRequest{Q: "IS10", Sort: "price|asc"}).Rows[0].Harga)
	for _, p := range list(wire.ProductsRequest{IsOpen: "1"}).Rows {
		require.NotEqualValues(t, "IS5", p.Kode)
	}
	require.True(t, e.Remove("IS20"))
	require.False(t, e.SetPrice("IS20", 1))
	require.Len(t, e.Products(), 1199)
	require.NotEmpty(t, list(wire.ProductsRequest{CategoryIDs: "22"}).Rows)
}

func TestRefusalsBuyNothing(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{Config: emulate.Config{Balance: 10}, APIKey: "key", MMID: "m"})
	require.True(t, e.SetFlags("IS10", true, false))
	require.True(t, e.SetFlags("IS20", false, true))
	for code, rc := range map[string]string{
		"IS5": wire.RCBalance, "IS10": wire.RCTrouble, "IS20": wire.RCTrouble, "NONE": wire.RCUnknownProduct, "BPJSKS": wire.RCUnknownProduct, "": wire.RCFormat,
	} {
		_, err := topup(t, e, "A", code, "0844")
		r, ok := wire.AsRefusal(err)
		require.True(t, ok, code)
		require.Equal(t, rc, r.RC, code)
	}
	require.Empty(t, e.Books().Purchases)
	for path, body := range map[string]any{
		wire.PathBalance: wire.Account{MMID: "other"}, wire.PathStatus: 7, "/V1/api/none": wire.Account{MMID: "m"}, wire.PathPrice: wire.PriceRequest{MMID: "m"},
	} {
		_, answer := post(t, e, path, body)
		_, err := wire.DecodeBalance(answer)
		_, ok := wire.AsRefusal(err)
		require.True(t, ok, path)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, wire.PathBalance, nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
}

func TestControl(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	send := func(body string) int {
		w := httptest.NewRecorder()
		e.Control().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/control/products", strings.NewReader(body)))
		return w.Code
	}
	require.Equal(t, 200, send(`{"code":"IS5","price":6000,"gangguan":true}`))
	require.Equal(t, 200, send(`{"code":"IS5","remove":true}`))
	require.Equal(t, 404, send(`{"code":"IS5","price":1}`))
	require.Equal(t, 400, send(`{"odd":1}`))
}
