package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/drivers"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// TestNoByteThatAMerchantCanReadNamesAnUpstream drives every operation of the document
// and every way in which it refuses, in a run with both upstreams in all their moods,
// and then looks for the upstreams in everything that was answered or delivered.
func TestNoByteThatAMerchantCanReadNamesAnUpstream(t *testing.T) {
	sideBySide(t, 140*time.Second)
	w := newWorld(t, settings{life: 8 * time.Second, rateLimit: 600, watched: true, also: []string{smmName}})
	w.everything()
	s := &spy{t: t, w: w, rec: &recorder{next: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}}
	s.m = s.merchant("Toko Putih", 500_000_000)
	for _, act := range []struct {
		name string
		do   func()
	}{
		{"stock", s.stock}, {"ways", s.ways}, {"moods", s.moods}, {"wishes", s.wishes}, {"services", s.services}, {"bills", s.bills}, {"checks", s.checks}, {"deposits", s.deposits}, {"withdrawals", s.withdrawals},
		{"unreachable", s.unreachable}, {"refusals", s.refusals}, {"absent", s.absent}, {"operations", s.operations}, {"pages", s.pages}, {"search", s.search}, {"secrets", s.secrets},
	} {
		begun := time.Now()
		act.do()
		t.Logf("%-10s %5.1fs", act.name, time.Since(begun).Seconds())
	}
}

// spy is a merchant that asks everything and keeps all that it is told.
type spy struct {
	t   *testing.T
	w   *world
	rec *recorder
	m   *merchant
	n   int

	prepaid, games, numbers good
}

func (s *spy) merchant(name string, balance int64) *merchant {
	m := s.w.merchant(name, balance)
	m.http.Transport = s.rec
	return m
}

// ask makes a request and requires the answer's status, and the code of a refusal.
func (s *spy) ask(m *merchant, status int, code, method, path string, in any) *reply {
	s.t.Helper()
	r, err := m.send(s.t.Context(), s.w.url(), method, "/api/v1"+path, in)
	require.NoError(s.t, err)
	require.Equal(s.t, status, r.Status, "%s %s: %s", method, path, r.Raw)
	require.Equal(s.t, code, r.Code, "%s %s: %s", method, path, r.Raw)
	return r
}

func (s *spy) stock() {
	s.w.premium(account, 15_000, 20)
	s.ask(s.m, http.StatusOK, "", http.MethodPut, "/webhook", map[string]any{"url": s.w.receiver.URL + "/endpoint"})
	s.prepaid, s.games, s.numbers = s.w.goods("ppob", ppobName)[0], s.w.goods("ppob", otpName)[0], s.w.goods("otp", otpName)[0]
	until(s.t, 20*time.Second, "both apis know the premium product", func() bool {
		for n := range s.w.apis {
			if r, err := s.m.send(s.t.Context(), *s.w.apis[n].Load(), http.MethodGet, "/api/v1/price?sku="+account, nil); err != nil || r.Status != http.StatusOK {
				return false
			}
		}
		return true
	})
}

// buy places an order and gives its ref; digits choose the outcome.
func (s *spy) buy(g *good, digits string) string {
	s.t.Helper()
	s.n++
	ref := fmt.Sprintf("putih-%d", s.n)
	order := ppob(ref, g, fmt.Sprintf("0812%06d%s", s.n, digits))
	if g.Category == "otp" {
		order = rented(ref, g)
	}
	if s.n%2 == 0 {
		order["callback_url"] = s.w.receiver.URL + "/callback/" + ref
	}
	s.m.place(s.t, order)
	return ref
}

// ends waits until an order has one of these statuses.
func (s *spy) ends(ref string, statuses ...string) {
	s.t.Helper()
	until(s.t, 90*time.Second, fmt.Sprint(ref, " is ", statuses), func() bool {
		return s.w.count(`SELECT count(*) FROM orders WHERE ref = $1 AND state = ANY($2)`, ref, statuses) == 1
	})
	require.Contains(s.t, statuses, s.m.order(s.t, ref).Status)
}

// flagged waits until an order is in the operators' hands, and settles it by theirs.
func (s *spy) flagged(ref string) {
	s.t.Helper()
	until(s.t, 4*time.Minute, ref+" is flagged", func() bool { return s.w.count(`SELECT count(*) FROM orders WHERE ref = $1 AND flag <> ''`, ref) == 1 })
	s.m.order(s.t, ref)
	s.w.cli(nil, "order", "resolve", s.m.order(s.t, ref).OrderID, "--as", "failed", "--why", "rumahotp and rqid know nothing")
}

// ways are all that becomes of orders while the upstreams are well.
func (s *spy) ways() {
	outcomes := map[string]string{"01": "completed", "50": "completed", "03": "failed", "04": "failed", "07": "completed", "08": "failed"}
	var waits []func()
	for _, shelf := range []*good{&s.prepaid, &s.games} {
		for digits, status := range outcomes {
			if shelf == &s.games && (digits == "07" || digits == "08") {
				continue // a lost answer keeps the account shut: see moods
			}
			ref := s.buy(shelf, digits)
			waits = append(waits, func() { s.ends(ref, status) })
		}
	}
	canceled := s.buy(&s.games, "12")
	waits = append(waits, func() { s.ends(canceled, "canceled", "failed") })
	for _, wait := range waits {
		wait()
	}
	s.m.place(s.t, body{"category": "product", "ref": "putih-akun", "sku": account, "quantity": 2})
}

// moods are all that upstreams answer besides what they should.
func (s *spy) moods() {
	rules := []emulate.Rule{
		{Kind: emulate.BlockPage, Status: 502, AfterEffect: true}, {Kind: emulate.Status, Status: 500, AfterEffect: true}, {Kind: emulate.Garbled, AfterEffect: true},
		{Kind: emulate.Mistyped, AfterEffect: true}, {Kind: emulate.Redirect, AfterEffect: true}, {Kind: emulate.Drop, AfterEffect: true},
	}
	var waits []func()
	for _, r := range rules {
		// A lost answer of the one is found by our reference; of the other it keeps the account shut until the balance tells, so
		// that its moods are those of questions.
		r.Endpoint, r.Count = "purchase", 1
		atPPOB := s.w.ppob.fault(r)
		r.Endpoint = "/api/v1/h2h/transaksi/status*"
		atOTP := s.w.otp.fault(r)
		bought, asked := s.buy(&s.prepaid, "01"), s.buy(&s.games, "01")
		until(s.t, time.Minute, string(r.Kind)+" has hit both", func() bool { return s.w.ppob.hits(atPPOB)+s.w.otp.hits(atOTP) == 2 })
		waits = append(waits, func() { s.ends(bought, "completed") }, func() { s.ends(asked, "completed") })
	}
	for _, wait := range waits {
		wait()
	}
	s.w.otp.fault(emulate.Rule{Kind: emulate.Garbled, Endpoint: "purchase", Count: 1, AfterEffect: true})
	s.flagged(s.buy(&s.games, "01"))
}

// wishes are what a merchant may do with a rented number.
func (s *spy) wishes() {
	number := s.buy(&s.numbers, "")
	s.ends(number, "completed")
	s.ask(s.m, http.StatusOK, "", http.MethodPost, "/order/"+number+"/resend", nil)
	until(s.t, 60*time.Second, "a second code comes", func() bool {
		return s.w.count(`SELECT count(*) FROM orders WHERE ref = $1 AND jsonb_array_length(facts->'messages') = 2`, number) == 1
	})
	require.Len(s.t, s.m.order(s.t, number).Data.Messages, 2)
	s.ask(s.m, http.StatusOK, "", http.MethodPost, "/order/"+number+"/finish", nil)
	s.ask(s.m, http.StatusConflict, "not_cancelable", http.MethodPost, "/order/"+number+"/cancel", nil)

	s.w.otp.script(emulate.Spec{Mode: "mix", Mix: map[string]int{emulate.MixSilent: 1}})
	unwanted, silent := s.buy(&s.numbers, ""), s.buy(&s.numbers, "")
	s.ask(s.m, http.StatusConflict, "not_available", http.MethodPost, "/order/"+silent+"/resend", nil)
	s.ask(s.m, http.StatusConflict, "not_available", http.MethodPost, "/order/"+silent+"/finish", nil)
	s.ask(s.m, http.StatusOK, "", http.MethodPost, "/order/"+unwanted+"/cancel", nil)
	s.ends(unwanted, "canceled")
	s.ends(silent, "expired")
	s.w.otp.script(emulate.Spec{Mode: "mix", Mix: map[string]int{emulate.MixCancel: 1}})
	s.ends(s.buy(&s.numbers, ""), "canceled")
	s.w.otp.script(emulate.Spec{After: emulate.Duration(s.w.settings.delay)})

	s.ask(s.m, http.StatusOK, "", http.MethodGet, "/otp/operators?sku="+s.numbers.SKU, nil)
}

// services are what becomes of social media orders, and the wish to have one filled up.
func (s *spy) services() {
	list := decode[struct {
		Services []struct {
			SKU       string `json:"sku"`
			Type      string `json:"type"`
			Min       int64  `json:"min"`
			Refill    bool   `json:"refill"`
			Available bool   `json:"available"`
		} `json:"services"`
	}](s.t, s.ask(s.m, http.StatusOK, "", http.MethodGet, "/smm/services", nil))
	for _, service := range list.Services {
		if !strings.EqualFold(service.Type, "default") || !service.Refill || !service.Available {
			continue
		}
		refs := map[string]string{}
		for digits, status := range map[string]string{"01": "completed", "10": "partial", "12": "canceled"} {
			s.n++
			refs[status] = fmt.Sprintf("putih-%d", s.n)
			s.m.place(s.t, body{
				"category": "smm", "ref": refs[status], "sku": service.SKU, "quantity": 2 * service.Min, "target": fmt.Sprintf("https://instagram.com/p/putih%d%s", s.n, digits),
			})
		}
		for status, ref := range refs {
			s.ends(ref, status)
		}
		s.ask(s.m, http.StatusOK, "", http.MethodPost, "/order/"+refs["completed"]+"/refill", nil)
		s.ask(s.m, http.StatusConflict, "not_available", http.MethodPost, "/order/"+refs["partial"]+"/refill", nil)
		return
	}
	s.t.Fatal("no service of the default type can be filled up again")
}

// deposits are money on its way in: paid, canceled, and refused while nobody makes a code.
func (s *spy) deposits() {
	type deposit struct {
		DepositID string `json:"deposit_id"`
		Status    string `json:"status"`
		QRImage   string `json:"qr_image"`
	}
	open := func(ref string) deposit {
		return decode[deposit](s.t, s.ask(s.m, http.StatusOK, "", http.MethodPost, "/deposit", body{"amount": 50_000, "ref": ref}))
	}
	paid := open("putih-isi")
	_, path, found := strings.Cut(paid.QRImage, "/qr/")
	require.True(s.t, found)
	s.page("/qr/" + path)
	s.ask(s.m, http.StatusConflict, "ref_conflict", http.MethodPost, "/deposit", body{"amount": 60_000, "ref": "putih-isi"})
	s.ask(s.m, http.StatusBadRequest, "invalid_request", http.MethodPost, "/deposit", body{"amount": 1})
	var invoice string
	require.NoError(s.t, s.w.pool.QueryRow(s.t.Context(), `SELECT upstream_ref FROM deposits WHERE ref = 'putih-isi' AND state = 'pending'`).Scan(&invoice))
	s.w.otp.call(http.MethodPost, "/deposits/"+invoice+"/pay", map[string]bool{"late": false}, nil)
	until(s.t, time.Minute, "the payment is seen", func() bool { return s.w.count(`SELECT count(*) FROM deposits WHERE state = 'paid'`) == 1 })
	require.Equal(s.t, "paid", decode[deposit](s.t, s.ask(s.m, http.StatusOK, "", http.MethodGet, "/deposit/"+paid.DepositID, nil)).Status)
	s.ask(s.m, http.StatusConflict, "not_cancelable", http.MethodPost, "/deposit/putih-isi/cancel", nil)
	require.Equal(s.t, "canceled", decode[deposit](s.t, s.ask(s.m, http.StatusOK, "", http.MethodPost, "/deposit/"+open("putih-batal").DepositID+"/cancel", nil)).Status)
	id := s.w.otp.fault(emulate.Rule{Kind: emulate.Status, Status: 500})
	s.ask(s.m, http.StatusServiceUnavailable, "upstream_error", http.MethodPost, "/deposit", body{"amount": 50_000})
	s.w.otp.call(http.MethodDelete, "/faults?id="+strconv.Itoa(id), nil, nil)
	s.ask(s.m, http.StatusNotFound, "not_found", http.MethodGet, "/deposit/takada", nil)
	s.ask(s.m, http.StatusOK, "", http.MethodGet, "/deposits", nil)
	s.w.cli(nil, "deposit", "list")
}

// bills are asked for and paid, by customers of every kind.
func (s *spy) bills() {
	list := decode[struct {
		Products []struct {
			SKU string `json:"sku"`
		} `json:"products"`
	}](s.t, s.ask(s.m, http.StatusOK, "", http.MethodGet, "/ppob/products?type=postpaid&available=true", nil))
	require.NotEmpty(s.t, list.Products)
	bill := func(ref, customer string) body {
		return body{"ref": ref, "sku": list.Products[0].SKU, "customer_no": customer}
	}
	pays := func(ref, customer string) body {
		b := bill(ref, customer)
		b["category"] = "ppob"
		return b
	}
	refs := map[string]string{}
	for digits, status := range map[string]string{"01": "completed", "04": "failed", "07": "completed"} {
		s.n++
		ref := fmt.Sprintf("putih-%d", s.n)
		refs[ref] = status
		s.ask(s.m, http.StatusOK, "", http.MethodPost, "/inquiry", bill(ref, "5463022158"+digits))
		s.ask(s.m, http.StatusConflict, "ref_conflict", http.MethodPost, "/order", pays(ref, "546302215899"))
		s.m.place(s.t, pays(ref, "5463022158"+digits))
	}
	for ref, status := range refs {
		s.ends(ref, status)
	}
	s.ask(s.m, http.StatusUnprocessableEntity, "bill_not_found", http.MethodPost, "/inquiry", bill("putih-lunas", "546302215822"))
	s.ask(s.m, http.StatusConflict, "inquiry_required", http.MethodPost, "/order", pays("putih-lunas", "546302215822"))
	id := s.w.ppob.fault(emulate.Rule{Kind: emulate.Status, Endpoint: "/V1/api/inquiry", Status: 500})
	s.ask(s.m, http.StatusServiceUnavailable, "upstream_error", http.MethodPost, "/inquiry", bill("putih-diam", "546302215801"))
	s.w.ppob.call(http.MethodDelete, "/faults?id="+strconv.Itoa(id), nil, nil)
	s.ask(s.m, http.StatusOK, "", http.MethodPost, "/inquiry", bill("putih-usang", "546302215801"))
	_, err := s.w.pool.Exec(s.t.Context(), `UPDATE inquiries SET expires_at = now() WHERE ref = 'putih-usang' AND state = 'open'`)
	require.NoError(s.t, err)
	s.ask(s.m, http.StatusGone, "inquiry_expired", http.MethodPost, "/order", pays("putih-usang", "546302215801"))
}

// checks are accounts that are looked up.
func (s *spy) checks() {
	banks := decode[struct {
		Banks []struct {
			BankCode string `json:"bank_code"`
		} `json:"banks"`
	}](s.t, s.ask(s.m, http.StatusOK, "", http.MethodGet, "/check/banks", nil))
	games := decode[struct {
		Games []struct {
			AccountCode string `json:"account_code"`
		} `json:"games"`
	}](s.t, s.ask(s.m, http.StatusOK, "", http.MethodGet, "/check/games", nil))
	require.NotEmpty(s.t, banks.Banks)
	require.NotEmpty(s.t, games.Games)
	bank := "/check/bank?bank_code=" + banks.Banks[0].BankCode + "&account_number="
	for _, number := range []string{"081234567801", "081234567804"} {
		s.ask(s.m, http.StatusOK, "", http.MethodGet, bank+number, nil)
		s.ask(s.m, http.StatusOK, "", http.MethodGet, "/check/game?account_code="+games.Games[0].AccountCode+"&account_number="+number, nil)
	}
	s.ask(s.m, http.StatusNotFound, "not_found", http.MethodGet, "/check/bank?bank_code=takada&account_number=1", nil)
	s.ask(s.m, http.StatusBadRequest, "invalid_request", http.MethodGet, "/check/bank", nil)
	id := s.w.otp.fault(emulate.Rule{Kind: emulate.Status, Endpoint: "/api/v1/h2h/check/*", Status: 500})
	s.ask(s.m, http.StatusServiceUnavailable, "upstream_error", http.MethodGet, bank+"081234567855", nil)
	s.w.otp.call(http.MethodDelete, "/faults?id="+strconv.Itoa(id), nil, nil)
}

// withdrawals are money on its way out, by a person's hand: nobody here pays out.
func (s *spy) withdrawals() {
	type withdrawal struct {
		WithdrawID string `json:"withdraw_id"`
		Status     string `json:"status"`
	}
	ask := func(ref string) string {
		in := body{"ref": ref, "amount": 50_000, "method": "dana", "account_number": "081234567890", "account_name": "Budi"}
		return decode[withdrawal](s.t, s.ask(s.m, http.StatusOK, "", http.MethodPost, "/withdraw", in)).WithdrawID
	}
	paid, back := ask("putih-tarik"), ask("putih-tolak")
	until(s.t, time.Minute, "the accounts have been looked up", func() bool { return s.w.count(`SELECT count(*) FROM withdrawals WHERE check_result <> ''`) == 2 })
	s.w.cli(nil, "withdraw", "approve", paid)
	s.w.cli(nil, "withdraw", "resolve", paid, "--as", "success", "--why", "sent by hand, not by rumahotp")
	s.w.cli(nil, "withdraw", "reject", back, "--why", "rumahotp would not")
	s.ask(s.m, http.StatusOK, "", http.MethodGet, "/withdraw/putih-tarik", nil)
	s.ask(s.m, http.StatusOK, "", http.MethodGet, "/withdrawals", nil)
	s.ask(s.m, http.StatusConflict, "ref_conflict", http.MethodPost, "/withdraw",
		body{"ref": "putih-tarik", "amount": 60_000, "method": "dana", "account_number": "081234567890", "account_name": "Budi"})
	s.ask(s.m, http.StatusBadRequest, "invalid_request", http.MethodPost, "/withdraw", body{"ref": "putih-aneh"})
	s.ask(s.m, http.StatusNotFound, "not_found", http.MethodGet, "/withdraw/takada", nil)
	s.w.cli(nil, "withdraw", "list")
}

// refusals are the ways in which a request is refused that no upstream has a part in.
func (s *spy) refusals() {
	order := func(change body) body {
		b := ppob("ditolak", &s.prepaid, "081299999901")
		for k, v := range change {
			b[k] = v
		}
		return b
	}
	post := func(status int, code string, in any) { s.ask(s.m, status, code, http.MethodPost, "/order", in) }
	post(http.StatusBadRequest, "invalid_request", []byte(`{"category":`))
	post(http.StatusBadRequest, "invalid_request", order(body{"customer_no": 7}))
	post(http.StatusBadRequest, "invalid_request", order(body{"ref": "a b"}))
	post(http.StatusBadRequest, "invalid_request", order(body{"category": "otp"}))
	post(http.StatusBadRequest, "invalid_request", order(body{"callback_url": "gopher://127.0.0.1/"}))
	post(http.StatusNotFound, "not_found", order(body{"sku": "TAKADA"}))
	for _, g := range []*good{&s.prepaid, &s.games, &s.numbers} {
		post(http.StatusNotFound, "not_found", order(body{"sku": g.Offers[0].Code}))
	}
	post(http.StatusUnprocessableEntity, "price_changed", order(body{"max_price": 1}))
	post(http.StatusConflict, "ref_conflict", order(body{"ref": "putih-1", "customer_no": "0811"}))
	post(http.StatusUnprocessableEntity, "unavailable", body{"category": "product", "ref": "ditolak", "sku": account, "quantity": 1000})
	post(http.StatusRequestEntityTooLarge, "invalid_request", append([]byte(`{"ref":"`), make([]byte, 2<<20)...))
	s.ask(s.m, http.StatusNotFound, "not_found", http.MethodGet, "/order/takada", nil)
	s.ask(s.m, http.StatusNotFound, "not_found", http.MethodGet, "/takada", nil)
	s.ask(s.m, http.StatusMethodNotAllowed, "method_not_allowed", http.MethodDelete, "/order", nil)
	s.ask(s.m, http.StatusBadRequest, "invalid_request", http.MethodGet, "/orders?limit=x", nil)
	s.ask(s.m, http.StatusNotFound, "not_found", http.MethodGet, "/otp/countries?service=takada", nil)

	poor := s.merchant("Toko Hampa", 0)
	s.ask(poor, http.StatusPaymentRequired, "insufficient_balance", http.MethodPost, "/order", order(nil))
	s.w.cli(nil, "merchant", "ip", poor.ID, "198.51.100.0/24")
	s.forbidden(poor, "ip_not_allowed")
	s.w.cli(nil, "merchant", "suspend", poor.ID)
	s.forbidden(poor, "forbidden")
	stranger := &merchant{w: s.w, http: poor.http, Key: "mra_live_bukan"}
	s.ask(stranger, http.StatusUnauthorized, "unauthorized", http.MethodGet, "/profile", nil)
	hasty := s.merchant("Toko Tergesa", 0)
	for range s.w.settings.rateLimit {
		s.ask(hasty, http.StatusOK, "", http.MethodGet, "/ping", nil)
	}
	s.ask(hasty, http.StatusTooManyRequests, "rate_limited", http.MethodGet, "/ping", nil)
}

// forbidden waits until both APIs know what an operator changed.
func (s *spy) forbidden(m *merchant, code string) {
	s.t.Helper()
	until(s.t, 20*time.Second, "the change is known", func() bool {
		r, err := m.send(s.t.Context(), s.w.url(), http.MethodGet, "/api/v1/profile", nil)
		require.NoError(s.t, err)
		return r.Status == http.StatusForbidden && r.Code == code
	})
}

// absent are the ways in which products and their sources are away.
func (s *spy) absent() {
	refused := func(g *good, status int, code string) {
		until(s.t, 30*time.Second, g.SKU+" is refused with "+code, func() bool {
			s.n++
			order := ppob(fmt.Sprintf("pergi-%d", s.n), g, fmt.Sprintf("0813%06d01", s.n))
			r, err := s.m.send(s.t.Context(), s.w.url(), http.MethodPost, "/api/v1/order", order)
			require.NoError(s.t, err)
			return r.Status == status && r.Code == code
		})
		s.ask(s.m, http.StatusOK, "", http.MethodGet, "/price?sku="+g.SKU, nil)
	}
	// The provider itself says that it has trouble.
	disturbed := s.w.goods("ppob", ppobName)[1]
	s.w.ppob.call(http.MethodPost, "/products", map[string]any{"code": disturbed.Offers[0].Code, "gangguan": true}, nil)
	s.w.cli(nil, "catalog", "import", "--upstream", ppobName)
	refused(&disturbed, http.StatusUnprocessableEntity, "unavailable")

	// It cannot be asked what a merchant waits for.
	id := s.w.otp.fault(emulate.Rule{Kind: emulate.BlockPage, Endpoint: "/api/v2/operators", Status: 502})
	other := s.w.goods("otp", otpName)
	until(s.t, time.Minute, "operators are not to be had", func() bool {
		r, err := s.m.send(s.t.Context(), s.w.url(), http.MethodGet, "/api/v1/otp/operators?sku="+other[len(other)-1].SKU, nil)
		require.NoError(s.t, err)
		return r.Status == http.StatusServiceUnavailable && r.Code == "upstream_error"
	})
	s.w.otp.call(http.MethodDelete, "/faults?id="+strconv.Itoa(id), nil, nil)

	// Our money there is gone: the order fails in our words, and the next is refused.
	s.w.ppob.call(http.MethodPost, "/balance", map[string]int64{"balance": 0}, nil)
	s.ends(s.buy(&s.prepaid, "01"), "failed")
	refused(&s.prepaid, http.StatusServiceUnavailable, "upstream_error")

	s.w.cli(nil, "upstream", "pause", otpName, "--why", "rumahotp asked us to")
	refused(&s.games, http.StatusServiceUnavailable, "upstream_error")
	s.w.cli(nil, "product", "close", s.games.SKU)
	refused(&s.games, http.StatusUnprocessableEntity, "unavailable")
}

// operations asks every operation of the document, in every encoding, and requires
// that each has answered well at least once.
func (s *spy) operations() {
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	raw := s.page("/openapi.json")
	require.NoError(s.t, json.Unmarshal(raw, &doc))
	require.NotEmpty(s.t, doc.Paths)
	for _, query := range []string{"/ppob/products", "/ppob/categories", "/ppob/brands", "/smm/services", "/otp/services", "/products", "/ping", "/profile", "/tiers", "/webhook",
		"/otp/countries?service=" + s.service(), "/mutations", "/mutations?format=csv", "/statement", "/statement?format=csv", "/settings", "/orders?limit=500", "/webhook/deliveries?limit=500"} {
		for _, encoding := range []string{"", "gzip", "zstd"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				s.fetch(method, "/api/v1"+query, encoding)
			}
		}
	}
	s.fetch(http.MethodGet, "/v1/orders?search=putih-1", "")
	s.ask(s.m, http.StatusOK, "", http.MethodPost, "/webhook/test", nil)
	s.ask(s.m, http.StatusOK, "", http.MethodPut, "/settings", body{"low_balance": 50_000})
	deliveries := decode[struct {
		Deliveries []struct {
			ID     string `json:"id"`
			Status string `json:"status"`
		} `json:"deliveries"`
	}](s.t, s.ask(s.m, http.StatusOK, "", http.MethodGet, "/webhook/deliveries?status=delivered", nil))
	require.NotEmpty(s.t, deliveries.Deliveries)
	s.ask(s.m, http.StatusOK, "", http.MethodPost, "/webhook/deliveries/"+deliveries.Deliveries[0].ID+"/replay", nil)
	s.w.receiver.trust(decode[struct {
		Secret string `json:"secret"`
	}](s.t, s.ask(s.m, http.StatusOK, "", http.MethodPost, "/webhook/secret", nil)).Secret)

	for path, methods := range doc.Paths {
		for method := range methods {
			if method != "parameters" {
				require.True(s.t, s.answered(strings.ToUpper(method), path), "%s %s is in the document and never answered well here", method, path)
			}
		}
	}
}

// answered tells whether an operation was asked and answered without refusal.
func (s *spy) answered(method, template string) bool {
	want := strings.Split("/api/v1"+template, "/")
	for _, h := range s.rec.everything() {
		verb, uri, _ := strings.Cut(h.what, " ")
		path, _, _ := strings.Cut(uri, "?")
		have := strings.Split(path, "/")
		if h.code < 300 && verb == method && slices.EqualFunc(have, want, func(a, b string) bool { return a == b || strings.HasPrefix(b, "{") }) {
			return true
		}
	}
	return false
}

func (s *spy) service() string {
	services := decode[struct {
		Services []struct {
			Service string `json:"service"`
		} `json:"services"`
	}](s.t, s.ask(s.m, http.StatusOK, "", http.MethodGet, "/otp/services", nil))
	require.NotEmpty(s.t, services.Services)
	return services.Services[0].Service
}

// fetch reads something in an encoding; the recorder keeps it.
func (s *spy) fetch(method, path, encoding string) []byte {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.w.url()+path, nil)
	require.NoError(s.t, err)
	req.Header.Set("Authorization", "Bearer "+s.m.Key)
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	resp, err := s.m.http.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	require.Less(s.t, resp.StatusCode, http.StatusBadRequest, "%s %s", method, path)
	all := s.rec.everything()
	return all[len(all)-1].body
}

func (s *spy) page(path string) []byte { return s.fetch(http.MethodGet, path, "") }

func (s *spy) pages() {
	for _, path := range []string{"/", "/docs", "/docs/id", "/docs/en", "/docs/reference", "/openapi.json", "/openapi.yaml", "/openapi-3.0.json", "/openapi-3.0.yaml", "/postman.json",
		"/pricelist", "/pricelist/en", "/pricelist?category=ppob&available=1", "/pricelist?category=otp&print=1", "/pricelist?q=a", "/pricelist.csv", "/pricelist.json"} {
		s.page(path)
		s.fetch(http.MethodGet, path, "gzip")
	}
}

// search looks for every upstream in everything that was said.
func (s *spy) search() {
	until(s.t, time.Minute, "every webhook is delivered", func() bool { return s.w.count(`SELECT count(*) FROM webhook_events WHERE status <> 'delivered'`) == 0 })
	for _, d := range s.w.receiver.everything() {
		s.rec.keep("webhook "+d.Type+" "+d.Path, 0, d.Header, d.Body)
	}
	require.Empty(s.t, s.w.receiver.wrong())
	words, texts, codes := s.vocabulary()
	all := s.rec.everything()
	size := 0
	for _, h := range all {
		size += len(h.head) + len(h.body)
		text := strings.ToLower(readable(h))
		looked := words
		if !ourProse(h.what) {
			looked = slices.Concat(words, texts)
		}
		for _, word := range looked {
			if at := strings.Index(text, word); at >= 0 {
				s.t.Errorf("%s (%d) names %q: …%s…", h.what, h.code, word, text[max(0, at-100):min(len(text), at+100)])
			}
		}
		var v any
		if json.Unmarshal(h.body, &v) == nil {
			each(v, "", func(path, value string) {
				// A provider's code for what has no sizes is its brand's name (PDAM, TELKOM).
				if codes[value] && (strings.ContainsAny(value, "0123456789") || !strings.HasSuffix(path, ".name") && !strings.HasSuffix(path, ".brand") && !strings.HasSuffix(path, ".group")) {
					s.t.Errorf("%s (%d) has an upstream's code at %s: %q", h.what, h.code, path, value)
				}
			})
		}
	}
	s.t.Logf("%d answers and webhooks, %d bytes, %d words and %d codes looked for", len(all), size, len(words)+len(texts), len(codes))
}

// ourProse tells whether an answer is a page for people, which is in Indonesian too: there
// an upstream's plain words are ours, and only what names it gives it away.
func ourProse(what string) bool {
	_, uri, _ := strings.Cut(what, " ")
	return strings.HasPrefix(uri, "/docs") || strings.HasPrefix(uri, "/pricelist") && !strings.HasPrefix(uri, "/pricelist.")
}

// opaque are values that are drawn at random, so that any short word may turn up in
// them: ids of requests, events and bodies, secrets and signatures.
var opaque = regexp.MustCompile(`(?i)(X-Request-Id|Etag|Webhook-Id|Webhook-Signature): [^\n]*|"(secret|secret_hint|event_id)":"[^"]*"`)

// cursor is where a list goes on: ids of ours in base64.
var cursor = regexp.MustCompile(`"next_cursor":"([^"]*)"`)

// readable is what an answer says, with its cursors decoded and without what is opaque.
func readable(h heard) string {
	text := opaque.ReplaceAllString(h.head+"\n"+string(h.body), "")
	return cursor.ReplaceAllStringFunc(text, func(found string) string {
		plain, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(cursor.FindStringSubmatch(found)[1], "="))
		return string(plain)
	})
}

// vocabulary gives what only an upstream could be meant by: words wherever they stand, texts
// that an answer of ours does not say, and codes that must be no value. They come from the emulators' books, from what they
// sent us, and from our own configuration.
func (s *spy) vocabulary() (words, texts []string, codes map[string]bool) {
	words = append(drivers.Brands(),
		"rumah otp", otpName, ppobName, smmName, strings.TrimPrefix(s.w.smm.base, "http://"), "hulu-", strings.TrimPrefix(s.w.otp.base, "http://"), strings.TrimPrefix(s.w.ppob.base, "http://"),
		apiKey, mmid, "otp_emulatedsecretkey", "example.invalid", "number_id", "provider_id", "server_id", "ref_1", "x-apikey",
	)
	texts = []string{
		// Their own texts.
		"transaksi", "gangguan", "kosong", "gagal", "sukses", "sedang diproses", "proses...", "nomor tujuan salah", "saldo", "stok", "tidak ", "emulated", "been blocked",
		"bad gateway", "upstream connect error", "restricted",
		// The words of operators.
		"know nothing", "asked us to",
	}
	codes = map[string]bool{}
	for _, b := range []emulate.Books{s.w.otp.books(), s.w.ppob.books()} {
		require.NotEmpty(s.t, b.Purchases)
		for _, p := range b.Purchases {
			words = append(words, p.ID)
			if p.Ref != "" {
				words = append(words, p.Ref)
			}
		}
	}
	rows, err := s.w.pool.Query(s.t.Context(), `SELECT code, coalesce(extra->>'number_id', ''), coalesce(extra->>'provider_id', ''), upstream FROM offers
		UNION SELECT our_ref, upstream_ref, code, upstream FROM order_attempts`)
	require.NoError(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var c [4]string
		require.NoError(s.t, rows.Scan(&c[0], &c[1], &c[2], &c[3]))
		for _, code := range c {
			if len(code) > 2 { // a panel's service 7 is told by no seven
				codes[code] = true
			}
		}
	}
	require.NoError(s.t, rows.Err())
	for i := range words {
		words[i] = strings.ToLower(words[i])
	}
	return words, texts, codes
}

// each gives every text in a JSON value, and every key.
func each(v any, path string, visit func(path, value string)) {
	switch v := v.(type) {
	case string:
		visit(path, v)
	case []any:
		for i, inner := range v {
			each(inner, fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case map[string]any:
		for k, inner := range v {
			visit(path+" (key)", k)
			each(inner, path+"."+k, visit)
		}
	}
}
