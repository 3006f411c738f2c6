package role_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/cmd/internal/role/roletest"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/webhook"
)

// gateway is every role that the test mode needs. Its clock runs, and the test may move
// it on.
type gateway struct {
	t      *testing.T
	deps   role.Deps
	store  *merchant.Store
	url    string
	moved  atomic.Int64
	events *events
}

func (g *gateway) now() time.Time { return time.Now().Add(time.Duration(g.moved.Load())) }

// pass moves the clock on.
func (g *gateway) pass(d time.Duration) { g.moved.Add(int64(d)) }

// events is where a merchant's webhooks go: what was told of each order, in the order
// of its coming.
type events struct {
	mu    sync.Mutex
	of    map[string][]string
	modes map[string]int
}

func (e *events) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var in struct {
		Mode string
		Data struct{ Order struct{ Ref, Status string } }
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	ref := in.Data.Order.Ref
	if told := e.of[ref]; len(told) == 0 || told[len(told)-1] != in.Data.Order.Status { // facts that come late are events too
		e.of[ref] = append(told, in.Data.Order.Status)
	}
	e.modes[in.Mode]++
}

func (e *events) told(ref string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.of[ref]...)
}

func newGateway(t *testing.T) *gateway { return newGatewayWithLog(t, slog.New(slog.DiscardHandler)) }

func newGatewayWithLog(t *testing.T, log *slog.Logger) *gateway {
	t.Helper()
	g := &gateway{t: t, events: &events{of: map[string][]string{}, modes: map[string]int{}}}
	running := roletest.New(t, g.now, log)
	g.deps, g.store, g.url = running.Deps, running.Store, running.URL
	return g
}

// shop is a merchant of the test's with a key for each mode.
type shop struct {
	g          *gateway
	id         string
	test, live string
}

func (g *gateway) shop() *shop {
	g.t.Helper()
	m, key, err := g.store.Create(g.t.Context(), merchant.New{Name: "Toko", Mode: merchant.Test, Actor: "test"})
	require.NoError(g.t, err)
	live, err := g.store.CreateKey(g.t.Context(), m.ID, merchant.Live, "live", "test")
	require.NoError(g.t, err)
	hook := httptest.NewServer(g.events)
	g.t.Cleanup(hook.Close)
	sealer, err := g.deps.Sealer()
	require.NoError(g.t, err)
	at, enabled := hook.URL, true
	_, err = webhook.NewEndpoints(g.deps.DB.Pool, sealer, g.deps.Guard(), g.now).Set(g.t.Context(), m.ID, webhook.Change{URL: &at, Enabled: &enabled})
	require.NoError(g.t, err)
	return &shop{g: g, id: m.ID, test: key.Secret, live: live.Secret}
}

// send makes a request and decodes its data, if it has any.
func (s *shop) send(key, method, path, body string, data any) (status int, code string) {
	s.g.t.Helper()
	req, err := http.NewRequestWithContext(s.g.t.Context(), method, s.g.url+path, strings.NewReader(body))
	require.NoError(s.g.t, err)
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.g.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(s.g.t, err)
	var in struct {
		Code string          `json:"code"`
		Data json.RawMessage `json:"data"`
	}
	require.NoError(s.g.t, json.Unmarshal(raw, &in), string(raw))
	if resp.StatusCode == http.StatusBadRequest {
		s.g.t.Log(string(raw))
	}
	if data != nil && resp.StatusCode == http.StatusOK {
		require.NoError(s.g.t, json.Unmarshal(in.Data, data), string(raw))
	}
	return resp.StatusCode, in.Code
}

// view is an order as its merchant sees it.
type view struct {
	Ref, Status, Message string
	Price, Refunded      int64
	Data                 struct {
		SN           string
		RefillStatus string `json:"refill_status"`
		OTPCode      string `json:"otp_code"`
		Content      string
		Remains      *int64
		Messages     []struct{ Code string }
	}
}

func (s *shop) order(body string) view {
	s.g.t.Helper()
	var out struct{ Order view }
	status, code := s.send(s.test, http.MethodPost, "/order", body, &out)
	require.Equal(s.g.t, http.StatusOK, status, "%s: %s", body, code)
	return out.Order
}

func (s *shop) orders(key string) map[string]view {
	s.g.t.Helper()
	var out struct{ Orders []view }
	s.send(key, http.MethodGet, "/orders?limit=500", "", &out)
	all := map[string]view{}
	for _, o := range out.Orders {
		all[o.Ref] = o
	}
	return all
}

// await moves the clock on, a step at a time, until every order has come to where it
// is wanted.
func (s *shop) await(step time.Duration, want map[string]string) map[string]view {
	s.g.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		all, missing := s.orders(s.test), ""
		for ref, status := range want {
			if all[ref].Status != status {
				missing += fmt.Sprintf(" %s is %s, not %s;", ref, all[ref].Status, status)
			}
		}
		if missing == "" {
			return all
		}
		if time.Now().After(deadline) {
			require.Fail(s.g.t, "waited in vain", missing)
		}
		<-tick.C
		s.g.pass(step)
	}
}

// ready waits until there is something of each kind to buy.
func (s *shop) ready(skus ...string) {
	s.g.t.Helper()
	for _, sku := range skus {
		require.Eventually(s.g.t, func() bool {
			status, _ := s.send(s.test, http.MethodGet, "/price?sku="+sku, "", nil)
			return status == http.StatusOK
		}, 30*time.Second, 50*time.Millisecond, sku)
	}
}

func TestTestModeAsItsTableSays(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	s := g.shop()
	s.ready("TESTPULSA5", "TESTOTPTGID", "TESTPREMIUM", "TESTHANG", "TESTFOLLOWERS")

	// Everything at once.
	early, soon, minute, late, long := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for digits, to := range map[string]struct {
		wave   map[string]string
		status string
	}{
		"00": {early, "completed"}, "01": {early, "completed"}, "02": {soon, "completed"}, "03": {early, "failed"}, "04": {early, "failed"},
		"05": {minute, "completed"}, "06": {minute, "failed"}, "07": {soon, "completed"}, "08": {soon, "failed"}, "09": {late, "completed"},
		"12": {early, "canceled"}, "77": {early, "completed"},
	} {
		s.order(`{"category":"ppob","sku":"TESTPULSA5","ref":"ppob-` + digits + `","customer_no":"0812-3456-78` + digits + `"}`)
		s.order(`{"category":"otp","sku":"TESTOTPTGID","ref":"otp-` + digits + `"}`)
		s.order(`{"category":"smm","sku":"TESTFOLLOWERS","ref":"smm-` + digits + `","target":"https://example.com/p/x` + digits + `","quantity":101}`)
		for _, category := range []string{"ppob-", "otp-", "smm-"} {
			to.wave[category+digits] = to.status
		}
	}
	s.order(`{"category":"smm","sku":"TESTCOMMENTS","ref":"smm-10","target":"https://example.com/p/10","comments":["a","b","c","d"]}`)
	early["smm-10"] = "partial"
	s.order(`{"category":"otp","sku":"TESTOTPTGID2","ref":"otp-11"}`)
	long["otp-11"] = "expired"
	for _, sku := range []string{"TESTHANG", "TESTLATESN", "TESTREVERSE"} {
		s.order(`{"category":"ppob","sku":"` + sku + `","ref":"` + sku + `","customer_no":"0812"}`)
		soon[sku] = "completed"
	}
	s.order(`{"category":"ppob","sku":"TESTPENDING","ref":"pending","customer_no":"0812"}`)
	s.order(`{"category":"ppob","sku":"TESTPRICE","ref":"price","customer_no":"0812"}`)
	early["price"] = "failed"
	premium := s.order(`{"category":"product","sku":"TESTPREMIUM","ref":"prd-1"}`)
	require.Equal(t, "completed", premium.Status)
	require.Contains(t, premium.Data.Content, "not-a-password")
	for sku, reason := range map[string]string{"TESTCLOSED": "closed", "TESTEMPTY": "out_of_stock", "TESTTROUBLE": "trouble", "TESTCUTOFF": "cut_off"} {
		status, code := s.send(s.test, http.MethodPost, "/order", `{"category":"ppob","sku":"`+sku+`","ref":"x","customer_no":"1"}`, nil)
		require.Equal(t, "422 unavailable", fmt.Sprint(status, " ", code), reason)
	}

	s.await(0, early)
	s.await(time.Second, soon)
	for ref := range minute {
		require.Equal(t, "processing", s.orders(s.test)[ref].Status, "%s before its minute", ref)
	}
	s.await(10*time.Second, minute)
	s.await(20*time.Second, late)
	all := s.await(30*time.Second, long)
	require.Equal(t, "processing", all["pending"].Status)
	require.NotEmpty(t, all["TESTLATESN"].Data.SN)
	require.Empty(t, all["TESTREVERSE"].Data.SN)
	for ref, o := range all {
		done := o.Status == "completed" && !strings.HasPrefix(ref, "TESTREVERSE")
		require.Equal(t, done && (strings.HasPrefix(ref, "ppob") || strings.HasPrefix(ref, "TEST")), o.Data.SN != "", ref)
		require.Equal(t, done && strings.HasPrefix(ref, "otp"), o.Data.OTPCode != "", ref)
	}
	s.money(all)
	s.hooks(all)
	s.apart()
}

// money holds the wallet to what the orders say, and the books to themselves.
func (s *shop) money(all map[string]view) {
	t := s.g.t
	want := int64(merchant.TestBalance)
	for ref, o := range all {
		switch o.Status {
		case "failed", "canceled", "expired":
			require.Equal(t, o.Price, o.Refunded, ref)
		case "partial":
			require.EqualValues(t, 2, *o.Data.Remains)
			require.Equal(t, o.Price/2, o.Refunded, ref)
		case "completed":
			if strings.HasSuffix(ref, "-09") {
				require.Equal(t, o.Price, o.Refunded, "%s: the merchant keeps the refund", ref)
			} else {
				require.Zero(t, o.Refunded, ref)
			}
		}
		want -= o.Price - o.Refunded
	}
	var profile struct{ Balance, Held int64 }
	s.send(s.test, http.MethodGet, "/profile", "", &profile)
	require.Equal(t, want, profile.Balance)
	require.Equal(t, all["pending"].Price, profile.Held)
	var mutations struct {
		Mutations []struct {
			Kind   string
			Credit int64
		}
	}
	s.send(s.test, http.MethodGet, "/mutations?limit=500", "", &mutations)
	first := mutations.Mutations[len(mutations.Mutations)-1]
	require.Equal(t, "adjustment", first.Kind)
	require.EqualValues(t, merchant.TestBalance, first.Credit)
	report, err := ledger.Verify(t.Context(), s.g.deps.DB.Pool, order.Checks()...)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}

// hooks holds the webhooks to what the orders went through.
func (s *shop) hooks(all map[string]view) {
	t := s.g.t
	for ref, o := range all {
		if ref == "prd-1" { // delivered in its own answer: nothing changes afterwards
			continue
		}
		want := []string{o.Status}
		if strings.HasSuffix(ref, "-09") {
			want = []string{"failed", "completed"}
		}
		require.Eventually(t, func() bool {
			told := s.g.events.told(ref)
			if len(told) > 1 && told[0] == "processing" { // an order that ended at once was never seen on its way
				told = told[1:]
			}
			return slices.Equal(told, want)
		}, 20*time.Second, 20*time.Millisecond, "%s: %v", ref, s.g.events.told(ref))
	}
	s.g.events.mu.Lock()
	defer s.g.events.mu.Unlock()
	require.Zero(t, s.g.events.modes["live"])
}

// apart sees that nothing of one mode is in the other.
func (s *shop) apart() {
	t := s.g.t
	require.Empty(t, s.orders(s.live))
	var products struct{ Products []struct{ SKU string } }
	for _, path := range []string{"/ppob/products", "/products"} {
		s.send(s.live, http.MethodGet, path, "", &products)
		require.Empty(t, products.Products, path)
	}
	s.send(s.test, http.MethodGet, "/ppob/products", "", &products)
	require.Greater(t, len(products.Products), 10)
	for _, p := range products.Products {
		require.True(t, strings.HasPrefix(p.SKU, "TEST"), p.SKU)
	}
	_, err := s.g.store.Adjust(t.Context(), s.id, merchant.Live, 100_000, "opening", "test")
	require.NoError(t, err)
	for _, sku := range []string{"TESTPULSA5", "TESTPREMIUM"} {
		status, _ := s.send(s.live, http.MethodPost, "/order", `{"category":"ppob","sku":"`+sku+`","ref":"ppob-01","customer_no":"1"}`, nil)
		require.Equal(t, http.StatusNotFound, status)
	}
	for _, path := range []string{"/order/ppob-01", "/price?sku=TESTPULSA5"} {
		status, _ := s.send(s.live, http.MethodGet, path, "", nil)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	var ping struct{ Merchant struct{ Mode string } }
	s.send(s.test, http.MethodGet, "/ping", "", &ping)
	require.Equal(t, "test", ping.Merchant.Mode)
}

func TestActionsInTestMode(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	s := g.shop()
	s.ready("TESTOTPTGID", "TESTFOLLOWERS")
	for digits, target := range map[string]string{"05": "https://example.com/p/5", "01": "https://example.com/p/1"} {
		s.order(`{"category":"smm","sku":"TESTFOLLOWERS","ref":"likes-` + digits + `","target":"` + target + digits + `","quantity":500}`)
	}
	var operators struct {
		Operators []struct {
			ID string `json:"operator_id"`
		}
	}
	status, _ := s.send(s.test, http.MethodGet, "/otp/operators?sku=TESTOTPTGID", "", &operators)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, operators.Operators, 2)
	s.order(`{"category":"otp","sku":"TESTOTPTGID","ref":"cancel-05","operator_id":"` + operators.Operators[1].ID + `"}`)
	s.order(`{"category":"otp","sku":"TESTOTPTGID","ref":"more-01"}`)
	s.await(0, map[string]string{"more-01": "completed", "cancel-05": "processing", "likes-01": "completed", "likes-05": "processing"})
	status, code := s.send(s.test, http.MethodPost, "/order/likes-05/cancel", "", nil)
	require.Equal(t, http.StatusOK, status, code)
	status, code = s.send(s.test, http.MethodPost, "/order/likes-01/refill", "", nil)
	require.Equal(t, http.StatusOK, status, code)
	status, code = s.send(s.test, http.MethodPost, "/order/cancel-05/cancel", "", nil)
	require.Equal(t, http.StatusOK, status, code)
	status, _ = s.send(s.test, http.MethodPost, "/order/more-01/resend", "", nil)
	require.Equal(t, http.StatusOK, status)
	require.Eventually(t, func() bool {
		g.pass(time.Second)
		return len(s.orders(s.test)["more-01"].Data.Messages) == 2
	}, 60*time.Second, 200*time.Millisecond)
	all := s.await(time.Second, map[string]string{"cancel-05": "canceled", "likes-05": "canceled"})
	for _, ref := range []string{"cancel-05", "likes-05"} {
		require.Equal(t, all[ref].Price, all[ref].Refunded, ref)
	}
	require.Eventually(t, func() bool {
		g.pass(2 * time.Second)
		return s.orders(s.test)["likes-01"].Data.RefillStatus == "completed"
	}, 60*time.Second, 200*time.Millisecond)
	codes := all["more-01"].Data.Messages
	require.NotEqual(t, codes[0].Code, codes[1].Code)
	require.Equal(t, codes[1].Code, all["more-01"].Data.OTPCode)
	status, _ = s.send(s.test, http.MethodPost, "/order/more-01/finish", "", nil)
	require.Equal(t, http.StatusOK, status)
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, g.deps.DB.Pool.QueryRow(t.Context(), `SELECT count(*) FROM sandbox_records WHERE finished_at IS NOT NULL`).Scan(&n))
		return n == 1
	}, 30*time.Second, 50*time.Millisecond)
	status, _ = s.send(s.test, http.MethodPost, "/order/more-01/resend", "", nil)
	require.Equal(t, http.StatusConflict, status)
}
