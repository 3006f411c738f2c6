package muara_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/muara"
	"github.com/muarahq/muara/pkg/upstream/muara/emulator"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
	"github.com/muarahq/muara/pkg/webhook/standard"
)

const hookSecret = "whsec_plJ3nmyCDGBKInavdOK15jsl"

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

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func drive(t *testing.T, url string, now func() time.Time) *muara.Driver {
	t.Helper()
	d, err := muara.New(upstream.Config{
		Name: "u", BaseURL: url, HTTP: upstream.NewHTTP(), Now: now, Log: slog.New(slog.DiscardHandler),
		Credentials: map[string]string{"api_key": secret, "webhook_secret": hookSecret}, Options: map[string]string{"callback_url": "https://a.example/hook"},
	})
	require.NoError(t, err)
	return d
}

// saying is a driver to which an API says the same whatever it asks.
func saying(t *testing.T, status int, body string, headers ...string) *muara.Driver {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return drive(t, srv.URL, newClock().Now)
}

func refusal(code string, details string) string {
	return `{"ok":false,"error":"words of ` + secret + `","code":"` + code + `"` + details + `}`
}

// TestTheTableOfRefusals is the contract's, code by code.
func TestTheTableOfRefusals(t *testing.T) {
	t.Parallel()
	details := func(field string) string { return `,"details":[{"field":"` + field + `","message":"m"}]` }
	for name, c := range map[string]struct {
		status  int
		body    string
		headers []string
		class   upstream.Class
		reason  upstream.Reason
		halt    bool
		pause   bool
		after   time.Duration
	}{
		"insufficient":         {402, refusal("insufficient_balance", ""), nil, upstream.Rejected, upstream.ReasonOurBalance, false, false, 0},
		"unauthorized":         {401, refusal("unauthorized", ""), nil, upstream.Rejected, upstream.ReasonOurAccount, true, false, 0},
		"suspended":            {403, refusal("forbidden", ""), nil, upstream.Rejected, upstream.ReasonOurAccount, true, false, 0},
		"address":              {403, refusal("ip_not_allowed", ""), nil, upstream.Rejected, upstream.ReasonOurAccount, true, false, 0},
		"no sku":               {404, refusal("not_found", ""), nil, upstream.Rejected, upstream.ReasonGone, false, false, 0},
		"no route":             {404, `{"ok":false,"error":"there is no such route","code":"not_found"}`, nil, upstream.Unknown, "", true, false, 0},
		"unavailable":          {422, refusal("unavailable", `,"details":[{"field":"sku","message":"m","reason":"cut_off","until":null}]`), nil, upstream.Rejected, upstream.ReasonProduct, false, false, 0},
		"price":                {422, refusal("price_changed", ""), nil, upstream.Rejected, upstream.ReasonPrice, false, false, 0},
		"limit":                {422, refusal("limit_exceeded", `,"details":[{"field":"sku","message":"m","limit":"per_day","allowed":9,"left":1}]`), nil, upstream.Rejected, upstream.ReasonOurBalance, false, false, 0},
		"no bill":              {422, refusal("bill_not_found", ""), nil, upstream.Rejected, upstream.ReasonNoBill, false, false, 0},
		"conflict":             {409, refusal("ref_conflict", ""), nil, upstream.Rejected, upstream.ReasonDuplicate, false, false, 0},
		"ordered already":      {409, refusal("duplicate_order", `,"details":[{"field":"customer_no","message":"m","ref":"M1"}]`), nil, upstream.Rejected, upstream.ReasonRepeat, false, false, 0},
		"inquiry":              {409, refusal("inquiry_required", ""), nil, upstream.Rejected, upstream.ReasonExpired, false, false, 0},
		"inquiry over":         {410, refusal("inquiry_expired", ""), nil, upstream.Rejected, upstream.ReasonExpired, false, false, 0},
		"source":               {503, refusal("upstream_error", ""), []string{"Retry-After", "30"}, upstream.Unknown, upstream.ReasonProduct, false, false, 30 * time.Second},
		"rate":                 {429, refusal("rate_limited", ""), []string{"Retry-After", "7"}, upstream.Throttled, "", false, true, 7 * time.Second},
		"rate without a time":  {429, refusal("rate_limited", ""), nil, upstream.Throttled, "", false, true, time.Second},
		"rate of somebody":     {429, `{"error":"slow down"}`, nil, upstream.Unknown, "", false, true, 0},
		"customer's number":    {400, refusal("invalid_request", details("customer_no")), nil, upstream.Rejected, upstream.ReasonCustomer, false, false, 0},
		"our fault":            {400, refusal("invalid_request", details("ref")), nil, upstream.Rejected, upstream.ReasonRequest, false, false, 0},
		"our fault, unsaid":    {400, refusal("invalid_request", ""), nil, upstream.Rejected, upstream.ReasonRequest, false, false, 0},
		"another category":     {400, refusal("invalid_request", details("sku")), nil, upstream.Rejected, upstream.ReasonProduct, false, false, 0},
		"too large":            {413, refusal("invalid_request", ""), nil, upstream.Rejected, upstream.ReasonRequest, false, false, 0},
		"method":               {405, refusal("method_not_allowed", ""), nil, upstream.Unknown, "", false, false, 0},
		"internal":             {500, refusal("internal_error", ""), nil, upstream.Unknown, "", false, false, 0},
		"a code out of place":  {500, refusal("insufficient_balance", ""), nil, upstream.Unknown, "", false, false, 0},
		"a source out of time": {504, refusal("upstream_error", ""), nil, upstream.Unknown, "", false, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := saying(t, c.status, c.body, c.headers...).Submit(t.Context(), &upstream.Purchase{Ref: "R", Category: "ppob", Code: "A", Target: "1"})
			e := upstream.AsError(err)
			require.NotNil(t, e)
			require.Equal(t, c.class.String(), e.Class.String(), "%v", e)
			require.Equal(t, c.reason, e.Reason)
			require.Equal(t, c.halt, e.Halt)
			require.Equal(t, c.pause, e.Pause)
			require.Equal(t, c.after, e.After)
			require.NotContains(t, e.Detail, secret)
			require.Equal(t, name == "source", e.Answered, "a refusal is proved or proves nothing, but for one")
		})
	}
}

// TestASourceOutOfTimeProvesNothing: the API may have kept what it says upstream_error to.
func TestASourceOutOfTimeProvesNothing(t *testing.T) {
	t.Parallel()
	p := &upstream.Purchase{Ref: "R", Category: "otp", Code: "A", Target: "1"}
	bill := &upstream.Purchase{Ref: "R", Category: "ppob", Code: "A", Target: "1", Bill: &upstream.Bill{Cost: 5}}
	for name, c := range map[string]func(*muara.Driver) error{
		"order":  func(d *muara.Driver) error { _, err := d.Submit(t.Context(), p); return err },
		"bill":   func(d *muara.Driver) error { _, err := d.Pay(t.Context(), bill); return err },
		"cancel": func(d *muara.Driver) error { _, err := d.Cancel(t.Context(), p); return err },
		"finish": func(d *muara.Driver) error { _, err := d.Finish(t.Context(), p); return err },
		"resend": func(d *muara.Driver) error { _, err := d.Resend(t.Context(), p); return err },
		"refill": func(d *muara.Driver) error { _, err := d.Refill(t.Context(), p); return err },
		"withdraw": func(d *muara.Driver) error {
			_, err := d.CreatePayout(t.Context(), &upstream.PayoutRequest{Ref: "W", Amount: 5})
			return err
		},
	} {
		e := upstream.AsError(c(saying(t, http.StatusServiceUnavailable, refusal("upstream_error", ""), "Retry-After", "30")))
		require.Equal(t, "unknown", e.Class.String(), name)
		require.True(t, e.Answered, name)
		require.Equal(t, 30*time.Second, e.After, name)
	}
	_, err := saying(t, http.StatusServiceUnavailable, refusal("upstream_error", "")).Inquire(t.Context(), p)
	require.Equal(t, upstream.Rejected, upstream.AsError(err).Class, "nothing is bought by asking")
}

// TestAKeyThatIsRefusedLaterProvesNothingOfWhatWasSentBefore: who may call is looked at before the ref is.
func TestAKeyThatIsRefusedLaterProvesNothingOfWhatWasSentBefore(t *testing.T) {
	t.Parallel()
	for code, status := range map[string]int{"unauthorized": http.StatusUnauthorized, "forbidden": http.StatusForbidden, "ip_not_allowed": http.StatusForbidden} {
		for sends, class := range map[int]upstream.Class{1: upstream.Rejected, 2: upstream.Unknown} {
			_, err := saying(t, status, refusal(code, "")).Submit(t.Context(), &upstream.Purchase{Ref: "R", Category: "ppob", Code: "A", Target: "1", Sends: sends})
			e := upstream.AsError(err)
			require.Equal(t, class.String(), e.Class.String(), "%s by sending %d", code, sends)
			require.True(t, e.Halt)
			require.False(t, e.Answered)
		}
	}
}

func order(status string, more string) string {
	return `{"ok":true,"data":{"order":{"ref":"R","order_id":"PPOB-1","category":"ppob","sku":"A","customer_no":"1","status":"` + status + `","price":1000` + more + `},"balance":500}}`
}

func TestWhatAnOrderSays(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	n := func(v int64) *int64 { return &v }
	for name, c := range map[string]struct {
		body string
		want upstream.Result
	}{
		"pending":    {order("pending", ""), upstream.Result{State: upstream.Pending, Cost: n(1000)}},
		"processing": {order("processing", `,"refunded":0,"data":{"sn":"early","note":null}`), upstream.Result{State: upstream.Pending, Cost: n(1000)}},
		"completed":  {order("completed", `,"refunded":0,"data":{"sn":"123","note":null}`), upstream.Result{State: upstream.Succeeded, Cost: n(1000), SN: "123"}},
		"a late success that was given back": {
			order("completed", `,"refunded":1000,"data":{"sn":"123"}`), upstream.Result{State: upstream.Succeeded, Cost: n(0), SN: "123"},
		},
		"failed":               {order("failed", `,"refunded":1000`), upstream.Result{State: upstream.Failed, Refunded: &yes, Whole: true}},
		"failed, and kept":     {order("failed", `,"refunded":0`), upstream.Result{State: upstream.Failed, Refunded: &no, Cost: n(1000)}},
		"failed as of old":     {order("failed", ``), upstream.Result{State: upstream.Failed, Cost: n(1000)}},
		"the customer's fault": {order("failed", `,"refunded":1000,"message":"The destination number or account was not accepted."`), upstream.Result{State: upstream.Failed, Reason: upstream.ReasonCustomer, Refunded: &yes, Whole: true}},
		"canceled":             {order("canceled", `,"refunded":1000`), upstream.Result{State: upstream.Canceled, Refunded: &yes, Whole: true}},
		"canceled in part":     {order("canceled", `,"refunded":400`), upstream.Result{State: upstream.Canceled, Refunded: &no, Cost: n(600)}},
		"expired":              {order("expired", `,"refunded":1000`), upstream.Result{State: upstream.Expired, Refunded: &yes}},
		"a status of its own": {
			order("odd", ""), upstream.Result{State: upstream.Pending, Cost: n(1000), Alert: "the source's status odd is not one of its contract"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := saying(t, 200, c.body).Submit(t.Context(), &upstream.Purchase{Ref: "R", Category: "ppob", Code: "A", Target: "1"})
			require.NoError(t, err)
			c.want.UpstreamRef, c.want.Balance = "PPOB-1", n(500)
			c.want.Code, c.want.Detail = got.Code, got.Detail
			require.Equal(t, &c.want, got)
		})
	}
	for name, p := range map[string]upstream.Purchase{
		"another ref":      {Ref: "X", Category: "ppob", Code: "A", Target: "1"},
		"another sku":      {Ref: "R", Category: "ppob", Code: "B", Target: "1"},
		"another customer": {Ref: "R", Category: "ppob", Code: "A", Target: "2"},
		"another category": {Ref: "R", Category: "smm", Code: "A", Target: "1"},
	} {
		d := saying(t, 200, order("completed", ""))
		_, err := d.Submit(t.Context(), &p)
		require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, name)
		_, err = d.Status(t.Context(), &p)
		require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, name)
		_, err = d.Cancel(t.Context(), &p)
		require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, name)
	}
}

func TestAWrongBaseURLIsNoEvidence(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{APIKey: secret})
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	p := &upstream.Purchase{Ref: "R", Category: "ppob", Code: "MLID10", Target: "1"}
	_, err := drive(t, srv.URL+emulator.BasePath, time.Now).Submit(t.Context(), p)
	require.NoError(t, err)
	lost := drive(t, srv.URL+emulator.BasePath+"/v2", time.Now)
	res, err := lost.Status(t.Context(), p)
	require.Nil(t, res, "a route that is not there says nothing of an order")
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
	_, err = lost.Submit(t.Context(), p)
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
	require.True(t, upstream.AsError(err).Halt)
}

func TestTheRateOfTheContractIsObeyed(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now}, RatePerMinute: 2})
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	d := drive(t, srv.URL+emulator.BasePath, c.Now)
	for range 2 {
		_, err := d.Balance(t.Context())
		require.NoError(t, err)
		c.add(10 * time.Second)
	}
	_, err := d.Submit(t.Context(), &upstream.Purchase{Ref: "R", Category: "ppob", Code: "MLID10", Target: "1"})
	refused := upstream.AsError(err)
	require.Equal(t, upstream.Throttled, refused.Class)
	require.Equal(t, 40*time.Second, refused.After)
	require.Empty(t, e.Books().Purchases)
	c.add(refused.After)
	_, err = d.Submit(t.Context(), &upstream.Purchase{Ref: "R", Category: "ppob", Code: "MLID10", Target: "1"})
	require.NoError(t, err)
}

func TestPayoutsAreFollowedByTheirRef(t *testing.T) {
	t.Parallel()
	c := newClock()
	staff := func(emulate.Purchase, *rand.Rand) emulate.Outcome { return emulate.Outcome{Result: emulate.Silent} }
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Balance: 10_000_000, Script: staff}})
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	d := drive(t, srv.URL+emulator.BasePath, c.Now)
	r := &upstream.PayoutRequest{Ref: "W1", Amount: 50_000, Method: "dana", AccountNumber: "0812", AccountName: "A"}
	p, err := d.CreatePayout(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, upstream.Pending, p.State)
	require.EqualValues(t, 10_000_000-51_000, *p.Balance)
	again, err := d.CreatePayout(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, p.UpstreamRef, again.UpstreamRef, "the same ref is the same withdrawal")
	other := *r
	other.Amount = 60_000
	_, err = d.CreatePayout(t.Context(), &other)
	require.Equal(t, upstream.ReasonDuplicate, upstream.AsError(err).Reason)
	_, err = d.CreatePayout(t.Context(), &upstream.PayoutRequest{Ref: "W2", Amount: 99_000_000, Method: "dana", AccountNumber: "1", AccountName: "A"})
	require.Equal(t, upstream.ReasonOurBalance, upstream.AsError(err).Reason)
	c.add(time.Hour)
	require.True(t, e.DecideWithdraw(p.UpstreamRef, true))
	require.False(t, e.DecideWithdraw(p.UpstreamRef, false))
	p, err = d.PayoutStatus(t.Context(), p.UpstreamRef)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, p.State)
	require.Equal(t, c.Now(), p.ProcessedAt)
	p, err = d.PayoutStatus(t.Context(), "none")
	require.NoError(t, err)
	require.Equal(t, upstream.NotFound, p.State)

	for i := range wire.MaxLimit {
		r.Ref, r.Amount = fmt.Sprint("M", i), 10_000
		p, err = d.CreatePayout(t.Context(), r)
		if upstream.AsError(err) != nil {
			e.Move(100_000_000, "top-up")
			p, err = d.CreatePayout(t.Context(), r)
		}
		require.NoError(t, err)
	}
	require.True(t, e.DecideWithdraw(p.UpstreamRef, false))
	_, _, err = drive(t, srv.URL+emulator.BasePath, c.Now).PayoutHistory(t.Context(), 2)
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class, "nobody told where it begins")
	rows, next, err := d.PayoutHistory(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, rows, wire.MaxLimit)
	require.Equal(t, upstream.Failed, rows[0].State, "newest first")
	require.Equal(t, 2, next)
	rows, next, err = d.PayoutHistory(t.Context(), next)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Zero(t, next)
	require.EqualValues(t, 50_000, rows[0].Amount)
}

func TestWhatIsSentOfAnOrder(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		bodies <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(raw)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(srv.Close)
	d := drive(t, srv.URL, time.Now)
	for want, p := range map[string]*upstream.Purchase{
		`{"category":"ppob","ref":"R","sku":"A","customer_no":"0812","zone_id":"9","max_price":7,"callback_url":"https://a.example/hook"}`: {
			Ref: "R", MerchantRef: "theirs", Category: "ppob", Code: "A", Target: "0812", Zone: "9", MaxCost: 7, Quantity: 1,
		},
		`{"category":"otp","ref":"R","sku":"A","operator_id":"op","callback_url":"https://a.example/hook"}`: {
			Ref: "R", Category: "otp", Code: "A", Inputs: map[string]string{"operator_id": "op"}, Quantity: 1,
		},
		`{"callback_url":"https://a.example/hook","category":"smm","comments":"a\nb","quantity":2,"ref":"R","sku":"A","target":"t"}`: {
			Ref: "R", Category: "smm", Code: "A", Target: "t", Quantity: 2, Inputs: map[string]string{"comments": "a\nb"},
		},
	} {
		_, err := d.Submit(t.Context(), p)
		require.Error(t, err)
		require.Equal(t, "POST /order Bearer "+secret+" "+want, <-bodies)
	}
}

// hook is a delivery as the other installation makes it.
func hook(t *testing.T, at time.Time, body string, secrets ...string) http.Header {
	t.Helper()
	signature, err := standard.Sign("msg_1", at, []byte(body), secrets...)
	require.NoError(t, err)
	h := http.Header{}
	h.Set(standard.HeaderID, "msg_1")
	h.Set(standard.HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standard.HeaderSignature, signature)
	return h
}

func TestCallbacks(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := drive(t, "https://b.example/api/v1", c.Now)
	event := func(kind, data string) string {
		return `{"type":"` + kind + `","timestamp":"2026-04-21T04:00:00Z","mode":"live","data":` + data + `}`
	}
	o := `{"order":{"ref":"M0001","order_id":"PPOB-1","category":"ppob","sku":"A","status":"completed","price":1000,"refunded":0,"data":{"sn":"77","note":null}}}`
	body := event("order.updated", o)
	hint, err := d.Callback(hook(t, c.now, body, hookSecret), []byte(body))
	require.NoError(t, err)
	require.Equal(t, "M0001", hint.Ref)
	require.Equal(t, "PPOB-1", hint.UpstreamRef)
	require.Equal(t, upstream.Succeeded, hint.Result.State)
	require.Equal(t, "77", hint.Result.SN)

	for name, kind := range map[string]string{"test": "webhook.test", "deposit": "deposit.updated", "to come": "odd.thing"} {
		body := event(kind, `{}`)
		hint, err = d.Callback(hook(t, c.now, body, hookSecret), []byte(body))
		require.NoError(t, err, name)
		require.Nil(t, hint)
	}
	for name, h := range map[string]http.Header{
		"unsigned": {}, "another secret": hook(t, c.now, body, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
		"another body": hook(t, c.now, body+" ", hookSecret), "an old one": hook(t, c.now.Add(-time.Hour), body, hookSecret),
	} {
		hint, err = d.Callback(h, []byte(body))
		require.Nil(t, hint, name)
		require.Equal(t, upstream.ReasonSignature, upstream.AsError(err).Reason, name)
		require.NotContains(t, err.Error(), hookSecret)
	}
	for _, odd := range []string{`{`, `{"type":"order.updated","data":{}}`, `{"type":"order.updated","data":{"order":{"ref":"x"}}}`} {
		hint, err = d.Callback(hook(t, c.now, odd, hookSecret), []byte(odd))
		require.Nil(t, hint)
		require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
	}
	bare, err := muara.New(upstream.Config{Name: "u", BaseURL: "https://b.example", HTTP: upstream.NewHTTP(), Credentials: map[string]string{"api_key": secret}})
	require.NoError(t, err)
	_, err = bare.Callback(hook(t, time.Now(), body, hookSecret), []byte(body))
	require.Equal(t, upstream.ReasonSignature, upstream.AsError(err).Reason, "without a secret nobody is believed")
}

func TestAListThatIsLongerThanAPageIsAskedAboutOneByOne(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now}})
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	d := drive(t, srv.URL+emulator.BasePath, c.Now)
	first := &upstream.Purchase{OrderID: 1, Ref: "first", Category: "ppob", Code: "MLID10", Target: "1", SentAt: c.now}
	_, err := d.Submit(t.Context(), first)
	require.NoError(t, err)
	for i := range wire.MaxLimit {
		_, err := d.Submit(t.Context(), &upstream.Purchase{Ref: fmt.Sprint("o", i), Category: "ppob", Code: "MLID10", Target: "1"})
		require.NoError(t, err)
	}
	last := &upstream.Purchase{OrderID: 2, Ref: "o499", Category: "ppob", Code: "MLID10", Target: "1", SentAt: c.now}
	all, err := d.BulkStatus(t.Context(), []*upstream.Purchase{first, last})
	require.NoError(t, err)
	require.NotContains(t, all, int64(1), "to be left out says nothing")
	require.Equal(t, upstream.Succeeded, all[2].State)
	lines, next, err := d.StatementPage(t.Context(), c.now, c.now.Add(time.Second), 1)
	require.NoError(t, err)
	require.Len(t, lines, wire.MaxLimit)
	lines, next, err = d.StatementPage(t.Context(), c.now, c.now.Add(time.Second), next)
	require.NoError(t, err)
	require.Zero(t, next)
	require.Equal(t, "first", lines[0].Ref)
}

func TestALateSuccessIsSeen(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: c.Now, Script: func(emulate.Purchase, *rand.Rand) emulate.Outcome {
		return emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonProduct, Late: time.Minute}
	}}})
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	d := drive(t, srv.URL+emulator.BasePath, c.Now)
	p := &upstream.Purchase{Ref: "R", Category: "ppob", Code: "MLID10", Target: "1"}
	res, err := d.Submit(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, upstream.Failed, res.State)
	require.Equal(t, upstream.ReasonProduct, res.Reason)
	require.True(t, *res.Refunded)
	c.add(time.Minute)
	res, err = d.Status(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State)
	require.EqualValues(t, 2_750, *res.Cost)
}

// FuzzCallback: nothing that is not signed is believed, and nothing that is makes it fall.
func FuzzCallback(f *testing.F) {
	f.Add([]byte(`{"type":"order.updated","data":{"order":{"ref":"r","order_id":"o","category":"otp","status":"completed","price":1,"data":{"messages":[{"code":"1"}]}}}}`), true)
	f.Add([]byte(`{}`), false)
	f.Fuzz(func(t *testing.T, body []byte, signed bool) {
		d, err := muara.New(upstream.Config{
			Name: "u", BaseURL: "https://b.example", HTTP: upstream.NewHTTP(), Now: newClock().Now,
			Credentials: map[string]string{"api_key": secret, "webhook_secret": hookSecret},
		})
		require.NoError(t, err)
		h := http.Header{}
		if signed {
			h = hook(t, newClock().now, string(body), hookSecret)
		}
		hint, err := d.Callback(h, body)
		if !signed {
			require.Nil(t, hint)
			require.Equal(t, upstream.ReasonSignature, upstream.AsError(err).Reason)
		}
		if hint != nil {
			require.NotEmpty(t, hint.Ref)
			require.NotNil(t, hint.Result)
			_, err := json.Marshal(hint)
			require.NoError(t, err)
		}
	})
}
