package digiflazz_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
)

// noon is in the middle of a day, WIB.
var noon = time.Date(2026, 4, 21, 5, 0, 0, 0, time.UTC)

// provider always answers the same; it keeps what it was asked.
type provider struct {
	*digiflazz.Driver
	asked []string
	now   time.Time
}

func saying(t *testing.T, status int, body string, options ...string) *provider {
	t.Helper()
	p := &provider{now: noon}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		p.asked = append(p.asked, r.Method+" "+r.URL.Path+" "+string(b))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	set := map[string]string{}
	for i := 0; i+1 < len(options); i += 2 {
		set[options[i]] = options[i+1]
	}
	var err error
	p.Driver, err = digiflazz.New(upstream.Config{
		Name: "u", BaseURL: srv.URL + "/v1/", Credentials: map[string]string{"username": "username", "api_key": "apikey", "webhook_secret": "somesecret"}, Options: set,
		HTTP: upstream.NewHTTP(), Now: func() time.Time { return p.now },
	})
	require.NoError(t, err)
	return p
}

func purchase() *upstream.Purchase {
	return &upstream.Purchase{Ref: "some1d", Code: "xld10", Target: "+62 878-0000-1230", MaxCost: 11_000, Sends: 1}
}

func said(rc, status string, more ...string) string {
	return `{"data":{"ref_id":"some1d","customer_no":"087800001230","buyer_sku_code":"xld10","message":"words","status":"` + status + `","rc":"` + rc + `"` + strings.Join(more, "") + `}}`
}

func TestAPurchaseIsTheSameBytesEachTime(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, said("03", "Pending"), "testing", "true", "cb_url", "https://gateway.example/callback/x")
	p := purchase()
	_, err := d.Submit(t.Context(), p)
	require.NoError(t, err)
	require.JSONEq(t, `{"username":"username","buyer_sku_code":"xld10","customer_no":"087800001230","ref_id":"some1d","sign":"e116257bcba6185d963a62f9d05d240e",
		"testing":true,"max_price":11000,"cb_url":"https://gateway.example/callback/x"}`, strings.TrimPrefix(d.asked[0], "POST /v1/transaction "))
	p.Sends, p.UpstreamRef, p.Cost = 2, "some1d", 10_000
	_, err = d.Status(t.Context(), p)
	require.NoError(t, err)
	_, err = d.Submit(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, d.asked[0], d.asked[1])
	require.Equal(t, d.asked[0], d.asked[2])
	d.asked = nil
	p.Target, p.Zone = "123.456", "78"
	_, err = d.Submit(t.Context(), p)
	require.NoError(t, err)
	require.Contains(t, d.asked[0], `"customer_no":"123.45678"`)
	require.Contains(t, d.asked[0], `"allow_dot":true`)
}

func TestTheRuleForQuestions(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, "")
	r := d.AskRule(purchase())
	require.True(t, r.Buys)
	require.False(t, r.ByRef)
	require.GreaterOrEqual(t, r.Every, time.Minute)
	require.Equal(t, 80*24*time.Hour, r.Within)
	for _, p := range []*upstream.Purchase{{Extra: []byte(`{"postpaid":true}`)}, {Bill: &upstream.Bill{}}} {
		r = d.AskRule(p)
		require.False(t, r.Buys, "a bill has a question of its own")
		require.True(t, r.ByRef)
	}
	_, err := d.Submit(t.Context(), &upstream.Purchase{Extra: []byte(`{"postpaid":true}`)})
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class)
	require.Empty(t, d.asked)
}

// row is one line of the contract's table of codes.
type row struct {
	rc     string
	status string
	// first and again are what a first sending and a later one come to: a state, or a
	// class with its reason.
	first, again string
	halt         bool
}

// table is the contract's, "Response codes and driver class", in words of ours.
func table() []row {
	var out []row
	add := func(status, first, again string, halt bool, codes ...string) {
		for _, rc := range codes {
			out = append(out, row{rc, status, first, again, halt})
		}
	}
	const (
		pending, failed = "Pending", "Gagal"
		nothing         = "unknown"
	)
	add("Sukses", "succeeded", "succeeded", false, "00")
	add(pending, "pending", "pending", false, "03", "99")
	add(failed, "failed late", "failed late", false, "01", "70")
	add(failed, "failed", "failed", false, "02")
	add(failed, "failed", "not_found", false, "50")
	add(failed, "failed customer", "failed customer", false, "51", "52", "54", "57", "59", "60", "72", "73", "84")
	add(failed, "failed product", "failed product", false, "53", "55", "58", "71")
	add(failed, "failed refunded", "failed refunded", false, "74")
	add(failed, "throttled", nothing, false, "85", "86", "83")
	add(failed, "rejected request", nothing, false, "40")
	add(failed, "rejected our_account", nothing, true, "41", "42", "45", "61", "82", "88")
	add(failed, "rejected our_balance", nothing, false, "44")
	add(failed, "rejected product", nothing, false, "43", "62", "66", "67", "68", "80", "81")
	add(failed, "rejected price", nothing, false, "69")
	add(failed, "rejected twin", nothing, false, "47")
	add(failed, "rejected duplicate", "rejected duplicate", false, "49")
	add(failed, "rejected repeat", nothing, false, "63")
	add(failed, "rejected customer", nothing, false, "87")
	add(failed, "rejected", nothing, false, "56", "64", "65")
	return out
}

// told puts what came of a call into words.
func told(res *upstream.Result, err error) string {
	if e := upstream.AsError(err); e != nil {
		if e.Class == upstream.Unknown {
			return "unknown"
		}
		return strings.TrimSpace(e.Class.String() + " " + string(e.Reason))
	}
	text := string(res.State) + " " + string(res.Reason)
	if res.Refunded != nil && *res.Refunded {
		text += "refunded"
	}
	return strings.TrimSpace(text)
}

func TestEveryCodeComesToWhatTheContractSays(t *testing.T) {
	t.Parallel()
	rows := table()
	require.Len(t, rows, len(wire.Codes()), "every documented code has its row")
	for _, r := range rows {
		for _, status := range []int{200, 400} {
			d := saying(t, status, said(r.rc, r.status, `,"sn":"SN-1","price":0`))
			p := purchase()
			res, err := d.Submit(t.Context(), p)
			require.Equal(t, r.first, told(res, err), "rc %s", r.rc)
			if e := upstream.AsError(err); e != nil {
				require.Equal(t, r.halt, e.Halt, "rc %s", r.rc)
				require.False(t, e.Pause, "rc %s: one refusal keeps nothing else waiting", r.rc)
				require.Equal(t, r.first == "throttled", e.After >= time.Minute, "rc %s", r.rc)
				require.Equal(t, "rc "+r.rc, e.Code)
			} else {
				require.Equal(t, "some1d", res.UpstreamRef)
				require.Equal(t, "rc "+r.rc, res.Code)
				require.Equal(t, r.first == "succeeded", res.SN != "", "rc %s", r.rc)
				require.Nil(t, res.Cost, "a price of nothing is no price")
			}
			p.Sends = 2
			res, err = d.Submit(t.Context(), p)
			require.Equal(t, r.again, told(res, err), "rc %s sent again", r.rc)
			res, err = d.Status(t.Context(), p)
			require.Equal(t, r.again, told(res, err), "rc %s asked", r.rc)
			if e := upstream.AsError(err); e != nil {
				require.Equal(t, r.halt, e.Halt)
			}
			p.Extra = []byte(`{"postpaid":true}`)
			res, err = d.Status(t.Context(), p)
			require.Equal(t, r.again, told(res, err), "rc %s asked about a bill", r.rc)
			require.Contains(t, d.asked[len(d.asked)-1], `"commands":"status-pasca"`)
		}
		d := saying(t, 500, said(r.rc, r.status))
		_, err := d.Submit(t.Context(), purchase())
		require.Equal(t, "unknown", told(nil, err), "rc %s under a server's error", r.rc)
	}
}

func TestWhatIsNotInTheDocumentIsUnknown(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another code":                       said("77", "Gagal"),
		"no code":                            said("", "Gagal"),
		"a code that disagrees":              said("00", "Gagal"),
		"a failure that agrees with nothing": said("02", "Sukses"),
		"another reference":                  strings.Replace(said("00", "Sukses"), "some1d", "other", 1),
		"another product":                    strings.Replace(said("00", "Sukses"), `"xld10"`, `"xld20"`, 1),
		"no reference":                       strings.Replace(said("00", "Sukses"), "some1d", "", 1),
		"no data":                            `{"rc":"00","status":"Sukses"}`,
		"an empty body":                      ``,
		"a refusal of somebody":              `{"message":"Forbidden"}`,
		"an ambiguous price":                 said("00", "Sukses", `,"price":"5.500"`),
	} {
		for _, status := range []int{200, 400, 403} {
			d := saying(t, status, body)
			_, err := d.Submit(t.Context(), purchase())
			require.Equal(t, "unknown", told(nil, err), name)
		}
	}
	for _, status := range []int{408, 409, 425, 500, 502, 504, 302} {
		d := saying(t, status, said("44", "Gagal"))
		_, err := d.Submit(t.Context(), purchase())
		require.Equal(t, "unknown", told(nil, err), "%d", status)
	}
	d := saying(t, 400, `{"data":{"rc":"41","message":"Signature tidak valid"}}`)
	_, err := d.Submit(t.Context(), purchase())
	require.Equal(t, "rejected our_account", told(nil, err), "what was never made shows no reference")
}

func TestTheSellerIsEvidenceAndNothingElse(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, said("00", "Sukses", `,"sn":" 0139-4800 ","price":"10200.5","buyer_last_saldo":989799.9,"tele":"@SellerTele","wa":"0812999"`))
	res, err := d.Submit(t.Context(), purchase())
	require.NoError(t, err)
	require.Equal(t, "words; seller's tele @SellerTele; seller's wa 0812999", res.Detail)
	res.Detail = ""
	require.NotContains(t, fmt.Sprintf("%+v", res), "Seller")
	require.Equal(t, "0139-4800", res.SN)
	require.EqualValues(t, 10_201, *res.Cost)
	require.EqualValues(t, 989_799, *res.Balance)
	p := purchase()
	p.Sends = 2
	res, err = d.Submit(t.Context(), p)
	require.NoError(t, err)
	require.Nil(t, res.Balance, "of an earlier moment")
	for _, sn := range []string{"-", "", "--"} {
		d = saying(t, 200, said("00", "Sukses", `,"sn":"`+sn+`"`))
		res, err = d.Submit(t.Context(), purchase())
		require.NoError(t, err)
		require.Empty(t, res.SN)
		require.Equal(t, upstream.Succeeded, res.State, "a serial number never decides")
	}
}

func bill(more string) string {
	return strings.TrimSuffix(said("00", "Sukses", `,"customer_name":"SITI","admin":2500,"price":10700,"selling_price":"12500","periode":"202604",
		"desc":{"tarif":"R1","daya":1300,"seller":"secret","detail":[{"periode":"202604","nilai_tagihan":"8000","denda":"500"},{"periode":"202603","nilai_tagihan":"2000"}]}`), "}}") + more + "}}"
}

func postpaid() *upstream.Purchase {
	return &upstream.Purchase{Ref: "some1d", Code: "xld10", Target: "530000000001", Extra: []byte(`{"postpaid":true}`), Sends: 1}
}

func TestABillIsAskedForAndPaidOnTheSameDay(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, bill(""))
	p := postpaid()
	p.Inputs = map[string]string{"amount": "50000", "year": "2026"}
	b, err := d.Inquire(t.Context(), p)
	require.NoError(t, err)
	require.JSONEq(t, `{"commands":"inq-pasca","username":"username","buyer_sku_code":"xld10","customer_no":"530000000001","ref_id":"some1d",
		"sign":"e116257bcba6185d963a62f9d05d240e","amount":50000,"year":"2026"}`, strings.TrimPrefix(d.asked[0], "POST /v1/transaction "))
	require.Equal(t, "SITI", b.CustomerName)
	require.Equal(t, "202604", b.Period)
	require.Equal(t, []int64{10_000, 2_500, 12_500, 10_700}, []int64{b.Amount, b.Admin, b.Total, b.Cost})
	require.Equal(t, map[string]string{
		"tariff": "R1", "power": "1300", "period": "202604", "amount": "8000", "penalty": "500", "period_2": "202603", "amount_2": "2000",
	}, b.Lines, "only what is known by name is shown")
	require.Equal(t, time.Date(2026, 4, 21, 16, 59, 0, 0, time.UTC), b.ExpiresAt, "a minute before midnight, WIB")

	_, err = d.Pay(t.Context(), p)
	require.Equal(t, "rejected expired", told(nil, err), "nothing was asked for")
	p.Bill = b
	d.now = b.ExpiresAt.Add(-time.Second)
	res, err := d.Pay(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State)
	require.EqualValues(t, 10_700, *res.Cost)
	require.JSONEq(t, `{"commands":"pay-pasca","username":"username","buyer_sku_code":"xld10","customer_no":"530000000001","ref_id":"some1d",
		"sign":"e116257bcba6185d963a62f9d05d240e"}`, strings.TrimPrefix(d.asked[1], "POST /v1/transaction "))
	p.Sends = 2
	_, err = d.Pay(t.Context(), p)
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class, "never a second time")
	p.Sends = 1
	for _, now := range []time.Time{b.ExpiresAt, b.ExpiresAt.Add(time.Hour), noon.Add(-24 * time.Hour)} {
		d.now = now
		_, err = d.Pay(t.Context(), p)
		require.Equal(t, "rejected expired", told(nil, err), "another day")
	}
	require.Len(t, d.asked, 2)
}

func TestWhatAnInquiryMayComeTo(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		said("60", "Gagal"): "rejected no_bill", said("54", "Gagal"): "rejected no_bill", said("55", "Gagal"): "rejected product", said("70", "Gagal"): "rejected product",
		said("85", "Gagal"): "throttled", said("03", "Pending"): "unknown", said("41", "Gagal"): "rejected our_account", said("77", "Gagal"): "unknown",
		said("87", "Gagal"): "rejected no_bill", said("43", "Gagal"): "rejected product",
		said("00", "Sukses"): "unknown",
		said("00", "Sukses", `,"price":1,"selling_price":0`):           "unknown",
		said("00", "Sukses", `,"price":1,"selling_price":5,"admin":9`): "unknown",
		said("00", "Sukses", `,"price":"x","selling_price":5`):         "unknown",
	} {
		_, err := saying(t, 200, body).Inquire(t.Context(), postpaid())
		require.Equal(t, want, told(nil, err), body)
	}
	for _, amount := range []string{"x", "-5", "0", "1.5"} {
		d := saying(t, 200, bill(""))
		p := postpaid()
		p.Inputs = map[string]string{"amount": amount}
		_, err := d.Inquire(t.Context(), p)
		require.Equal(t, "rejected customer", told(nil, err))
		require.Empty(t, d.asked)
	}
}

func TestWhoseAMeterIs(t *testing.T) {
	t.Parallel()
	const found = `{"data":{"message":"Transaksi Sukses","status":"Sukses","rc":"00","customer_no":"12345543211","meter_no":"12345543211","subscriber_id":"5","name":"DAVID","segment_power":"R1 /000001300"}}`
	d := saying(t, 200, found)
	targets, err := d.CheckTargets(t.Context(), upstream.CheckGame)
	require.NoError(t, err)
	require.Equal(t, []upstream.CheckTarget{{Code: "pln", Name: "PLN", Type: "meter"}}, targets)
	_, err = d.CheckTargets(t.Context(), upstream.CheckBank)
	require.Equal(t, "rejected product", told(nil, err), "it looks no banks up, whoever asks")
	a, err := d.CheckAccount(t.Context(), upstream.CheckGame, "PLN", " 12345543211 ")
	require.NoError(t, err)
	require.Equal(t, &upstream.Account{Valid: true, Number: "12345543211", Name: "DAVID"}, a)
	require.JSONEq(t, `{"username":"username","customer_no":"12345543211","sign":"`+wire.Sign("username", "apikey", "12345543211")+`"}`,
		strings.TrimPrefix(d.asked[0], "POST /v1/inquiry-pln "))
	_, err = d.CheckAccount(t.Context(), upstream.CheckGame, "pln", "999")
	require.Equal(t, "unknown", told(nil, err), "an answer about another number")
	_, err = d.CheckAccount(t.Context(), upstream.CheckBank, "pln", "1")
	require.Equal(t, "rejected product", told(nil, err))
	for body, want := range map[string]string{`{"data":{"rc":"86","status":"Gagal","message":"x"}}`: "throttled", `{"data":{"rc":"45","message":"x"}}`: "rejected our_account", `{}`: "unknown"} {
		_, err := saying(t, 200, body).CheckAccount(t.Context(), upstream.CheckGame, "pln", "1")
		require.Equal(t, want, told(nil, err))
	}
	for _, rc := range []string{"54", "50"} {
		a, err := saying(t, 200, `{"data":{"rc":"`+rc+`","status":"Gagal","message":"x"}}`).CheckAccount(t.Context(), upstream.CheckGame, "pln", "1")
		require.NoError(t, err)
		require.False(t, a.Valid)
	}
}

const priceList = `{"data":[
	{"product_name":"A","category":"Pulsa","brand":"X","price":"10200","buyer_sku_code":"a","buyer_product_status":true,"seller_product_status":true,"unlimited_stock":true,"stock":0,
		"multi":false,"start_cut_off":"23:45","end_cut_off":"00:15","desc":"-","seller_name":"PT Rahasia"},
	{"product_name":"B","category":"Games","brand":"MOBILE LEGENDS","price":100.2,"buyer_sku_code":"b","buyer_product_status":true,"seller_product_status":true,"unlimited_stock":false,"stock":"0",
		"multi":true,"start_cut_off":"0:0","end_cut_off":"0:0","desc":"user id"},
	{"product_name":"C","category":"PLN","brand":"","price":1,"buyer_sku_code":"c","buyer_product_status":false,"seller_product_status":true,"unlimited_stock":true},
	{"product_name":"D","category":"","brand":"X","price":1,"buyer_sku_code":"d","buyer_product_status":true,"seller_product_status":false,"unlimited_stock":true},
	{"product_name":"E","category":"Pulsa","brand":"X","price":0,"buyer_sku_code":"e","buyer_product_status":true,"seller_product_status":true,"unlimited_stock":true}]}`

func TestThePriceList(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, priceList)
	page, err := d.CatalogPage(t.Context(), "1 prepaid", 1)
	require.NoError(t, err)
	require.JSONEq(t, `{"cmd":"prepaid","username":"username","sign":"`+wire.Sign("username", "apikey", "pricelist")+`"}`, strings.TrimPrefix(d.asked[0], "POST /v1/price-list "))
	require.Zero(t, page.Next)
	require.Len(t, page.Offers, 4, "what has no price is not listed")
	a, b, c, dd := page.Offers[0], page.Offers[1], page.Offers[2], page.Offers[3]
	require.True(t, a.Available)
	require.EqualValues(t, 10_200, a.Cost)
	require.Equal(t, []int{1425, 15}, []int{*a.CutFrom, *a.CutTo})
	require.JSONEq(t, `{"once":true}`, string(a.Extra), "that a number may have it once a day is known")
	require.Empty(t, a.Description)
	require.NotContains(t, fmt.Sprintf("%+v", a), "Rahasia")
	require.Equal(t, "out_of_stock", b.Reason)
	require.EqualValues(t, 101, b.Cost)
	require.Nil(t, b.CutFrom)
	require.Empty(t, b.Extra)
	require.Len(t, b.Inputs, 2)
	require.Equal(t, "closed", c.Reason)
	require.Equal(t, "Other", c.Brand)
	require.Equal(t, "trouble", dd.Reason)
	require.Equal(t, "Other", dd.Group)
	_, err = d.CatalogPage(t.Context(), "no such", 1)
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class)

	d = saying(t, 200, `{"data":[{"product_name":"PLN","category":"Pascabayar","brand":"PLN PASCABAYAR","admin":"2750","commission":1800,"buyer_sku_code":"pln","buyer_product_status":true,"seller_product_status":true},
		{"product_name":"X","category":"","brand":"PBB","admin":1000,"commission":1800,"buyer_sku_code":"x","buyer_product_status":true,"seller_product_status":false},
		{"product_name":"E","brand":"E-MONEY","admin":1000,"buyer_sku_code":"e","buyer_product_status":true,"seller_product_status":true}]}`)
	page, err = d.CatalogPage(t.Context(), "2 postpaid", 1)
	require.NoError(t, err)
	require.Zero(t, page.Offers[0].Cost, "the fee is within the total of a bill")
	require.Equal(t, "postpaid", page.Offers[0].Type)
	require.True(t, d.AskRule(&upstream.Purchase{Extra: page.Offers[0].Extra}).ByRef, "the offer says that it is a bill")
	require.Equal(t, "year", page.Offers[1].Inputs[1].Name)
	require.Equal(t, "amount", page.Offers[2].Inputs[1].Name)
}

func TestPriceListsAreReadOnceInFiveMinutes(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, `{"data":[]}`)
	for _, s := range d.RootScopes() {
		require.GreaterOrEqual(t, s.Every, 5*time.Minute)
	}
	_, err := d.CatalogPage(t.Context(), "1 prepaid", 1)
	require.NoError(t, err)
	_, err = d.CatalogPage(t.Context(), "2 postpaid", 1)
	e := upstream.AsError(err)
	require.Equal(t, upstream.Throttled, e.Class)
	require.Greater(t, e.After, 5*time.Minute)
	require.Len(t, d.asked, 1, "nothing left us")
	d.now = d.now.Add(e.After)
	_, err = d.CatalogPage(t.Context(), "2 postpaid", 1)
	require.NoError(t, err)

	d = saying(t, 400, `{"data":{"rc":"83","message":"limit"}}`)
	_, err = d.CatalogPage(t.Context(), "1 prepaid", 1)
	e = upstream.AsError(err)
	require.Equal(t, "throttled", told(nil, err))
	require.GreaterOrEqual(t, e.After, 5*time.Minute)
	require.False(t, e.Pause, "orders go on")
	_, err = d.PriceOf(t.Context(), "a")
	require.Equal(t, time.Second, upstream.AsError(err).After)
}

func TestThePriceOfOneProduct(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, priceList)
	for range 3 { // it is no price list
		p, err := d.PriceOf(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, &upstream.Price{Cost: 10_200, Available: true, Stock: &upstream.Stock{Unlimited: true}}, p)
	}
	require.Contains(t, d.asked[0], `"code":"a"`)
	p, err := d.PriceOf(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, "out_of_stock", p.Reason)
	p, err = d.PriceOf(t.Context(), "e")
	require.NoError(t, err)
	require.False(t, p.Available)
	_, err = d.PriceOf(t.Context(), "z")
	require.Equal(t, "rejected product", told(nil, err))
}

func TestOurBalance(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, `{"data":{"deposit":512345.99}}`)
	n, err := d.Balance(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 512_345, n)
	require.JSONEq(t, `{"cmd":"deposit","username":"username","sign":"`+wire.Sign("username", "apikey", "depo")+`"}`, strings.TrimPrefix(d.asked[0], "POST /v1/cek-saldo "))
	_, err = saying(t, 200, `{"data":{"rc":"45","message":"IP Anda tidak kami kenali"}}`).Balance(t.Context())
	require.True(t, upstream.AsError(err).Halt)
}

func TestAWebhookIsAHint(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, "")
	call := func(body, signature string) (*upstream.Hint, error) {
		h := http.Header{}
		h.Set("X-Digiflazz-Event", "update")
		if signature != "" {
			h.Set("X-Hub-Signature", signature)
		}
		return d.Callback(h, []byte(body))
	}
	signed := func(body string) (*upstream.Hint, error) {
		return call(body, wire.HookSignature("somesecret", []byte(body)))
	}
	const vector = `{"data":{"ref_id":"some1d","customer_no":"087800001230","buyer_sku_code":"xld10","message":"Transaksi Sukses","status":"Sukses","rc":"00"}}`
	h, err := call(vector, "sha1=d416ec5302589bfd876f6bd3c1082572bb689a70")
	require.NoError(t, err)
	require.Equal(t, "some1d", h.Ref)
	require.Equal(t, upstream.Succeeded, h.Result.State)
	require.Empty(t, d.asked, "it makes no request")
	for _, wrong := range []string{"", "sha1=", "sha1=0416ec5302589bfd876f6bd3c1082572bb689a70", "sha256=d416ec5302589bfd876f6bd3c1082572bb689a70"} {
		_, err := call(vector, wrong)
		require.Equal(t, "rejected signature", told(nil, err), wrong)
	}
	_, err = call(vector+" ", "sha1=d416ec5302589bfd876f6bd3c1082572bb689a70")
	require.Equal(t, "rejected signature", told(nil, err), "byte for byte")

	for _, r := range table() {
		h, err := signed(said(r.rc, r.status, `,"buyer_last_saldo":5`))
		require.NoError(t, err, r.rc)
		switch {
		case r.again == "not_found", r.again == "unknown", strings.HasPrefix(r.again, "rejected"):
			require.Nil(t, h.Result, "rc %s says nothing of the transaction: it is asked about", r.rc)
		default:
			require.Equal(t, r.again, told(h.Result, nil))
			require.Nil(t, h.Result.Balance)
		}
	}
	h, err = signed(`{"sed":"x","hook_id":"y","hook":{"url":"u","secret":"somesecret","type":"prepaid","status":"1"}}`)
	require.NoError(t, err)
	require.Nil(t, h, "a ping")
	_, err = signed(`{"data":{"rc":"77"}}`)
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)

	none, err := digiflazz.New(upstream.Config{Name: "u", BaseURL: "https://x.test", HTTP: upstream.NewHTTP(), Credentials: map[string]string{"username": "u", "api_key": "k"}})
	require.NoError(t, err)
	header := http.Header{}
	header.Set("X-Hub-Signature", wire.HookSignature("", []byte(vector)))
	_, err = none.Callback(header, []byte(vector))
	require.Equal(t, "rejected signature", told(nil, err), "without a secret none is believed")
	require.Error(t, errors.Join(err))
}

func FuzzCallback(f *testing.F) {
	d, err := digiflazz.New(upstream.Config{
		Name: "u", BaseURL: "https://x.test", HTTP: upstream.NewHTTP(), Credentials: map[string]string{"username": "u", "api_key": "k", "webhook_secret": "somesecret"},
	})
	require.NoError(f, err)
	f.Add([]byte(said("00", "Sukses")), true)
	f.Add([]byte(`{"hook_id":"y","hook":{}}`), false)
	f.Fuzz(func(t *testing.T, body []byte, sign bool) {
		h := http.Header{}
		if sign {
			h.Set("X-Hub-Signature", wire.HookSignature("somesecret", body))
		}
		hint, err := d.Callback(h, body)
		if !sign {
			require.Equal(t, upstream.ReasonSignature, upstream.AsError(err).Reason)
			require.Nil(t, hint)
			return
		}
		if hint != nil {
			require.NoError(t, err)
			require.NotEmpty(t, hint.Ref)
		}
	})
}
