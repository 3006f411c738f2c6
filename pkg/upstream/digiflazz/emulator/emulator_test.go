package emulator_test

import (
	"encoding/json"
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

	"github.com/muarahq/muara/pkg/upstream/digiflazz/emulator"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/emulate"
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

const user, key = "username", "apikey"

func post(t *testing.T, e http.Handler, path string, body any) (int, []byte) {
	t.Helper()
	b, err := json.Marshal(body)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://emulator"+emulator.Base+path, strings.NewReader(string(b))))
	return w.Code, w.Body.Bytes()
}

func request(commands, ref, sku, number string) wire.TransactionRequest {
	return wire.TransactionRequest{Commands: commands, Username: user, SKU: sku, CustomerNo: number, RefID: ref, Sign: wire.Sign(user, key, ref)}
}

func send(t *testing.T, e http.Handler, r wire.TransactionRequest) *wire.Transaction {
	t.Helper()
	_, body := post(t, e, wire.PathTransaction, r)
	tx, err := wire.DecodeTransaction(body)
	require.NoError(t, err, string(body))
	return tx
}

func buy(t *testing.T, e http.Handler, ref, number string) *wire.Transaction {
	t.Helper()
	return send(t, e, request("", ref, "tsel10", number))
}

func start(c *clock, script emulate.Script) *emulator.Emulator {
	return emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: script, Seed: 1}, Username: user, APIKey: key})
}

func TestAnswersHaveTheDocumentedShape(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := start(c, emulate.Always(0))
	pay := request(wire.CommandPay, "b1", "pln", "530000000001")
	inq := pay
	inq.Commands = wire.CommandInquiry
	plan := func(cmd string) any {
		return wire.PricesRequest{Cmd: cmd, Username: user, Sign: wire.Sign(user, key, wire.SignPrices)}
	}
	for _, ask := range []struct {
		name, path string
		body       any
		loose      []string
	}{
		{"topup_success", wire.PathTransaction, request("", "t1", "tsel10", "0812"), nil},
		{"inquiry_pln", wire.PathTransaction, inq, []string{"denda", "meter_awal", "meter_akhir"}},
		{"payment_pln", wire.PathTransaction, pay, []string{"denda"}},
		{"balance", wire.PathBalance, wire.BalanceRequest{Cmd: "deposit", Username: user, Sign: wire.Sign(user, key, wire.SignBalance)}, nil},
		{"prices", wire.PathPrices, plan("prepaid"), nil},
		{"bills", wire.PathPrices, plan("pasca"), nil},
		{"deposit", wire.PathDeposit, wire.DepositRequest{Username: user, Amount: 200_000, Bank: "BCA", OwnerName: "A", Sign: wire.Sign(user, key, wire.SignDeposit)}, nil},
		{"meter", wire.PathPLN, wire.PLNRequest{Username: user, CustomerNo: "12345543211", Sign: wire.Sign(user, key, "12345543211")}, nil},
	} {
		c.Add(6 * time.Minute)
		example, err := os.ReadFile("../wire/testdata/" + ask.name + ".json")
		require.NoError(t, err)
		code, answer := post(t, e, ask.path, ask.body)
		require.Equal(t, 200, code, string(answer))
		diff, err := emulate.Shape(example, answer, ask.loose...)
		require.NoError(t, err)
		require.Empty(t, diff, ask.name)
	}
}

func TestUserAndSignatureAreChecked(t *testing.T) {
	t.Parallel()
	e := start(newClock(), emulate.Always(0))
	r := request("", "t1", "tsel10", "0812")
	r.Username = "somebody"
	require.Equal(t, wire.RCUser, send(t, e, r).RC)
	r = request("", "t1", "tsel10", "0812")
	r.Sign = wire.Sign(user, key, "t2")
	require.Equal(t, wire.RCSignature, send(t, e, r).RC)
	code, _ := post(t, e, "/nowhere", r)
	require.Equal(t, http.StatusNotFound, code)
	require.Empty(t, e.Books().Purchases)
}

func TestTheSamePurchaseAgainIsItsStatusOnceAMinute(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := start(c, emulate.Always(90*time.Second))
	require.Equal(t, wire.RCPending, buy(t, e, "t1", "0812").RC)
	c.Add(59 * time.Second)
	require.Equal(t, wire.RCLimit, buy(t, e, "t1", "0812").RC)
	c.Add(time.Minute)
	require.Equal(t, wire.RCSuccess, buy(t, e, "t1", "0812").RC)
	require.Equal(t, map[string]int{"transaction": 1}, e.Breaches())
	require.Len(t, e.Books().Purchases, 1)
	require.Equal(t, e.Books().Opening-10_250, e.Books().Balance)
	c.Add(time.Minute)
	require.Equal(t, wire.RCReference, buy(t, e, "t1", "0813").RC, "another number under the same reference")
	c.Add(91 * 24 * time.Hour)
	require.Equal(t, wire.RCPending, buy(t, e, "t1", "0812").RC, "so late it buys anew")
	require.Len(t, e.Books().Purchases, 2)
}

func TestPriceListsAreLimited(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := start(c, emulate.Always(0))
	list := func(cmd, code string) error {
		_, body := post(t, e, wire.PathPrices, wire.PricesRequest{Cmd: cmd, Code: code, Username: user, Sign: wire.Sign(user, key, wire.SignPrices)})
		if cmd == wire.ListPostpaid {
			_, _, err := wire.DecodeBills(body)
			return err
		}
		_, _, err := wire.DecodeProducts(body)
		return err
	}
	limited := func(err error) {
		t.Helper()
		r, ok := wire.AsRefusal(err)
		require.True(t, ok, "%v", err)
		require.Equal(t, wire.RCPriceLimit, r.RC)
	}
	require.NoError(t, list("prepaid", ""))
	limited(list("pasca", ""))
	require.NoError(t, list("prepaid", "tsel10"), "one product has a limit of its own")
	limited(list("prepaid", "tsel10"))
	c.Add(time.Second)
	require.NoError(t, list("prepaid", "tsel10"))
	c.Add(5 * time.Minute)
	require.NoError(t, list("pasca", ""))
	require.Equal(t, map[string]int{"list": 1, "product": 1}, e.Breaches())
}

func TestWhyAProductIsNotSold(t *testing.T) {
	t.Parallel()
	c := newClock() // 11:00 WIB
	e := start(c, emulate.Always(0))
	no, zero, price := false, int64(0), int64(99)
	n := 0
	try := func(change emulator.Change, most int64) wire.RC {
		t.Helper()
		e := start(c, emulate.Always(0))
		require.True(t, e.Change("tsel10", change))
		n++
		r := request("", fmt.Sprint("t", n), "tsel10", "0812")
		r.MaxPrice = most
		rc := send(t, e, r).RC
		if rc != wire.RCSuccess {
			require.Equal(t, e.Books().Opening, e.Books().Balance, rc)
		}
		return rc
	}
	require.Equal(t, wire.RCProductOff, try(emulator.Change{Buyer: &no}, 0))
	require.Equal(t, wire.RCSellerTrouble, try(emulator.Change{Seller: &no}, 0))
	require.Equal(t, wire.RCStock, try(emulator.Change{Stock: &zero}, 0))
	require.Equal(t, wire.RCCutOff, try(emulator.Change{CutOff: &[2]int{10 * 60, 12 * 60}}, 0))
	require.Equal(t, wire.RCCutOff, try(emulator.Change{CutOff: &[2]int{23 * 60, 12 * 60}}, 0), "across midnight")
	require.Equal(t, wire.RCSuccess, try(emulator.Change{CutOff: &[2]int{23 * 60, 60}}, 0))
	require.Equal(t, wire.RCPrice, try(emulator.Change{}, 10_249))
	require.Equal(t, wire.RCSuccess, try(emulator.Change{}, 10_250))
	require.Equal(t, wire.RCSuccess, try(emulator.Change{Price: &price}, 100))
	require.Equal(t, wire.RCProductOff, send(t, e, request("", "none", "no-such", "0812")).RC)

	require.True(t, e.Change("tsel10", emulator.Change{Multi: &no}))
	require.Equal(t, wire.RCSuccess, buy(t, e, "m1", "0812").RC)
	require.Equal(t, wire.RCRepeated, buy(t, e, "m2", "0812").RC)
	require.Equal(t, wire.RCSuccess, buy(t, e, "m3", "0813").RC)
	c.Add(24 * time.Hour)
	require.Equal(t, wire.RCSuccess, buy(t, e, "m4", "0812").RC, "another day")
	e.SetBalance(0)
	require.Equal(t, wire.RCBalance, buy(t, e, "m5", "0814").RC)
	require.True(t, e.Remove("tsel10"))
	require.False(t, e.Change("tsel10", emulator.Change{}))
	require.Equal(t, wire.RCProductOff, buy(t, e, "m6", "0815").RC)
}

func TestCodesCanBeForced(t *testing.T) {
	t.Parallel()
	for _, code := range wire.Codes() {
		e := start(newClock(), emulate.Always(0))
		require.True(t, e.Force(string(code.RC), 1))
		got := buy(t, e, "t1", "0812")
		require.Equal(t, code.RC, got.RC)
		require.Equal(t, code.Made, len(e.Books().Purchases) == 1, code.RC)
		spent := map[bool]int64{true: 0, false: 10_250}[!code.Made || code.Status == wire.StatusFailed]
		require.Equal(t, spent, e.Books().Opening-e.Books().Balance, code.RC)
		require.Equal(t, wire.RCSuccess, buy(t, e, "t2", "0813").RC, "once")
	}
	e := start(newClock(), emulate.Always(0))
	require.False(t, e.Force("77", 1))
	require.Equal(t, wire.RCSuccess, buy(t, e, "t1", "0812").RC)
	require.True(t, e.Refund("t1"))
	require.False(t, e.Refund("t2"))
	require.Equal(t, e.Books().Opening, e.Books().Balance)
}

func TestTheDocumentedTestNumbers(t *testing.T) {
	t.Parallel()
	for number, want := range map[string][2]wire.RC{ // at once, and in the end
		"087800001230": {"00", "00"}, "087800001232": {"55", "55"}, "087800001233": {"03", "00"}, "087800001234": {"03", "55"},
	} {
		c := newClock()
		e := start(c, emulate.Always(0))
		r := request("", "t1", "xld10", number)
		r.Testing = true
		require.Equal(t, want[0], send(t, e, r).RC, number)
		c.Add(2 * time.Minute)
		require.Equal(t, want[1], send(t, e, r).RC, number)
		require.Equal(t, e.Books().Opening, e.Books().Balance, "a test moves no money")
	}
	for _, x := range []struct {
		sku, number     string
		inquiry         wire.RC
		payment, in_end wire.RC
		sheets          string
	}{
		{"pln", "530000000001", "00", "00", "00", "1"}, {"pln", "530000000002", "00", "00", "00", "2"}, {"pln", "530000000003", "60", "", "", ""},
		{"pln", "530000000006", "00", "55", "55", "1"}, {"pln", "630000000001", "00", "03", "00", "1"}, {"pln", "630000000006", "00", "03", "55", "1"},
		{"pdam", "1013226", "00", "00", "00", "1"}, {"pdam", "1013227", "60", "", "", ""}, {"pdam", "1013230", "00", "55", "55", "1"},
		{"pdam", "2013226", "00", "03", "00", "1"}, {"pdam", "2013230", "00", "03", "55", "1"},
		{"internet", "6391601002", "60", "", "", ""}, {"bpjs", "8801234560005", "00", "55", "55", "1"}, {"tv", "127246500102", "60", "", "", ""},
		{"pgas", "0110014603", "60", "", "", ""}, {"cimahi", "329801092375999991", "00", "00", "00", "1"},
		{"hp", "081234560001", "00", "00", "00", "1"}, {"hp", "081234560002", "60", "", "", ""}, {"hp", "081234560003", "00", "55", "55", "1"},
		{"hp", "981234560001", "00", "03", "00", "1"}, {"hp", "981234560003", "00", "03", "55", "1"},
	} {
		c := newClock()
		e := start(c, emulate.Always(0))
		ask := func(commands string) *wire.Transaction {
			r := request(commands, "b1", x.sku, x.number)
			r.Testing = true
			return send(t, e, r)
		}
		found := ask(wire.CommandInquiry)
		require.Equal(t, x.inquiry, found.RC, x.number)
		if x.payment == "" {
			continue
		}
		require.Equal(t, x.sheets, wire.Describe(found.Desc).Of["lembar_tagihan"], x.number)
		require.Equal(t, x.payment, ask(wire.CommandPay).RC, x.number)
		c.Add(2 * time.Minute)
		require.Equal(t, x.in_end, ask(wire.CommandStatus).RC, x.number)
	}
}

func TestABillIsPaidOnItsDayAndOnce(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := start(c, emulate.Always(0))
	ask := func(commands, ref, number string) *wire.Transaction {
		t.Helper()
		return send(t, e, request(commands, ref, "pln", number))
	}
	require.Equal(t, wire.RCNotFound, ask(wire.CommandPay, "b0", "530").RC, "not asked for")
	require.Equal(t, wire.RCNotFound, ask(wire.CommandStatus, "b0", "530").RC)
	require.Equal(t, wire.RCNoBill, ask(wire.CommandInquiry, "b0", "530060").RC)
	found := ask(wire.CommandInquiry, "b1", "530")
	require.Equal(t, int64(*found.Price), int64(*found.SellingPrice)-1_800, "less the commission")
	require.Equal(t, found.Price, ask(wire.CommandInquiry, "b1", "530").Price, "found anew")
	require.Equal(t, e.Books().Opening, e.Books().Balance)
	require.Equal(t, wire.RCNotFound, ask(wire.CommandPay, "b1", "531").RC, "another customer's")
	c.Add(time.Minute)
	paid := ask(wire.CommandPay, "b1", "530")
	require.Equal(t, wire.RCSuccess, paid.RC)
	require.NotEmpty(t, paid.SN)
	require.Equal(t, int64(*found.Price), e.Books().Opening-e.Books().Balance)
	require.Equal(t, wire.RCLimit, ask(wire.CommandPay, "b1", "530").RC)
	c.Add(time.Minute)
	require.Equal(t, wire.RCSuccess, ask(wire.CommandPay, "b1", "530").RC)
	require.Len(t, e.Books().Purchases, 1)
	require.Equal(t, wire.RCReference, ask(wire.CommandInquiry, "b1", "530").RC)

	require.Equal(t, wire.RCSuccess, ask(wire.CommandInquiry, "b2", "530").RC)
	c.Add(13 * time.Hour) // past midnight, WIB
	require.Equal(t, wire.RCNotFound, ask(wire.CommandPay, "b2", "530").RC)
	require.Len(t, e.Books().Purchases, 1)
	c.Add(91 * 24 * time.Hour)
	got := ask(wire.CommandStatus, "b1", "530")
	require.Equal(t, wire.RCNotFound, got.RC)
	require.EqualValues(t, "Data belum ada", got.Message)
	r := request(wire.CommandInquiry, "b3", "emoney", "60329801")
	r.Amount = 50_500
	require.Equal(t, wire.RCEMoney, send(t, e, r).RC)
}

// received is a receiver of webhooks.
type received struct {
	mu   sync.Mutex
	got  []*wire.Transaction
	head []http.Header
	ok   []bool
}

func (r *received) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	t, _ := wire.DecodeHook(body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got, r.head = append(r.got, t), append(r.head, req.Header)
	r.ok = append(r.ok, wire.HookSigned("s3cret", req.Header.Get(wire.HeaderSignature), body))
}

func TestWebhooksTellWhatHappened(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := start(c, emulate.Always(time.Minute))
	r := &received{}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	e.SetHook(emulator.Hook{URL: srv.URL, Secret: "s3cret"})
	deliver := func(want int) {
		t.Helper()
		n, err := e.Deliver(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	buy(t, e, "t1", "0812")
	deliver(1)
	deliver(0)
	c.Add(time.Minute)
	deliver(1)
	require.True(t, e.Refund("t1"))
	deliver(1)
	e.SetScript(emulate.Always(0))
	buy(t, e, "t2", "0813")
	deliver(1)
	send(t, e, request(wire.CommandInquiry, "b1", "pln", "530"))
	deliver(0)
	send(t, e, request(wire.CommandPay, "b1", "pln", "530"))
	deliver(1)
	var codes []wire.RC
	for i, tx := range r.got {
		codes = append(codes, tx.RC)
		require.True(t, r.ok[i])
	}
	require.Equal(t, []wire.RC{"03", "00", "74", "00", "00"}, codes)
	require.NotEmpty(t, r.got[1].SN)
	require.Empty(t, r.got[2].SN)
	for i, want := range [][2]string{{"create", wire.AgentPrepaid}, {"update", wire.AgentPrepaid}, {"update", wire.AgentPrepaid}, {"create", wire.AgentPrepaid}, {"create", wire.AgentPostpaid}} {
		require.Equal(t, want, [2]string{r.head[i].Get(wire.HeaderEvent), r.head[i].Get("User-Agent")})
	}
	require.NoError(t, e.Ping(t.Context()))
	require.Nil(t, r.got[5])
	require.Contains(t, string(e.PingPost().Body), "s3cret", "which nobody may keep")
}

func TestWebhooksGoWrongAsAsked(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := start(c, emulate.Always(time.Minute))
	posts := func(h emulator.Hook, ref string) (codes []wire.RC, genuine []bool) {
		t.Helper()
		h.URL, h.Secret = "http://x.test", "s3cret"
		e.SetHook(h)
		r := request("", ref, "tsel10", "0812"+ref)
		send(t, e, r)
		c.Add(time.Minute)
		for _, p := range e.Posts() {
			tx, err := wire.DecodeHook(p.Body)
			require.NoError(t, err)
			codes = append(codes, tx.RC)
			genuine = append(genuine, wire.HookSigned("s3cret", p.Header.Get(wire.HeaderSignature), p.Body))
		}
		return codes, genuine
	}
	codes, _ := posts(emulator.Hook{Copies: 2}, "1")
	require.Equal(t, []wire.RC{"03", "03", "03", "00", "00", "00"}, codes)
	codes, _ = posts(emulator.Hook{Reorder: true}, "2")
	require.Equal(t, []wire.RC{"00", "03"}, codes)
	codes, genuine := posts(emulator.Hook{Forge: true}, "3")
	require.Equal(t, []wire.RC{"00", "03", "02", "00"}, codes)
	require.Equal(t, []bool{false, true, false, true}, genuine)
	codes, _ = posts(emulator.Hook{Lose: true}, "4")
	require.Empty(t, codes)
	require.Empty(t, e.Posts(), "what was lost is not told later")

	e.SetHook(emulator.Hook{URL: "http://x.test"})
	r := request("", "5", "tsel10", "08125")
	r.CallbackURL = "http://own.test/hook"
	send(t, e, r)
	p := e.Posts()[0]
	require.Equal(t, "http://own.test/hook", p.URL, "a purchase may name its own")
	require.Empty(t, p.Header.Get(wire.HeaderSignature), "without a secret nothing is signed")
}

func TestControl(t *testing.T) {
	t.Parallel()
	e := start(newClock(), emulate.Always(0))
	call := func(method, path, body string) (int, string) {
		w := httptest.NewRecorder()
		e.Control().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	for body, want := range map[string]int{
		`{"code":"tsel10","price":11000,"seller":false}`: 200, `{"code":"tsel5","remove":true}`: 200, `{"code":"none","price":1}`: 404, `{"odd":1}`: 400,
	} {
		code, _ := call(http.MethodPost, "/control/products", body)
		require.Equal(t, want, code, body)
	}
	code, _ := call(http.MethodPost, "/control/rc", `{"rc":"47"}`)
	require.Equal(t, 200, code)
	require.Equal(t, wire.RCElsewhere, buy(t, e, "t1", "0812").RC)
	code, _ = call(http.MethodPost, "/control/rc", `{"rc":"nope"}`)
	require.Equal(t, 404, code)
	code, _ = call(http.MethodPost, "/control/refund", `{"ref":"none"}`)
	require.Equal(t, 404, code)
	_, body := call(http.MethodGet, "/control/limits", "")
	require.JSONEq(t, `{}`, body)
	code, _ = call(http.MethodPost, "/control/hook", `{"url":"http://127.0.0.1:1","secret":"s"}`)
	require.Equal(t, 200, code)
	code, _ = call(http.MethodPost, "/control/ping", "")
	require.Equal(t, 502, code, "nobody is there")
}
