package smm_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/smm"
)

// saying is a driver whose panel always answers the same; it keeps the form that it
// was asked with last.
func saying(t *testing.T, status int, body string, options map[string]string) (*smm.Driver, *url.Values) {
	t.Helper()
	asked := new(url.Values)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(b))
		form.Set("path", r.Method+" "+r.URL.Path)
		*asked = form
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	d, err := smm.New(upstream.Config{
		Name: "u", BaseURL: srv.URL, Credentials: map[string]string{"api_key": secret}, HTTP: upstream.NewHTTP(), Options: options,
	})
	require.NoError(t, err)
	return d, asked
}

// dollars is an account at 16,350.25 rupiah for one.
func dollars() map[string]string { return map[string]string{"currency": "USD", "rate": "16350.25"} }

func TestWhatTheAnswerToAnAddProves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		id     string
		class  upstream.Class
		reason upstream.Reason
	}{
		{200, `{"order":23501}`, "23501", 0, ""},
		{200, `{"order":"23501"}`, "23501", 0, ""},
		{201, `{"status":"success","order":151}`, "151", 0, ""},
		{200, `{"order":151,"error":null}`, "151", 0, ""},
		{200, `{"order":151,"error":""}`, "151", 0, ""},
		{200, `{"error":"Incorrect API key"}`, "", upstream.Rejected, upstream.ReasonOurAccount},
		{200, `{"error":"Invalid API key"}`, "", upstream.Rejected, upstream.ReasonOurAccount},
		{401, `{"error":"invalid api key."}`, "", upstream.Rejected, upstream.ReasonOurAccount},
		{200, `{"error":"Not enough funds on balance"}`, "", upstream.Rejected, upstream.ReasonOurBalance},
		{200, `{"error":"neworder.error.not_enough_funds"}`, "", upstream.Rejected, upstream.ReasonOurBalance},
		{402, `{"error":"Not enough funds on balance: 0.31 USD"}`, "", upstream.Rejected, upstream.ReasonOurBalance},
		{200, `{"error":"Incorrect service ID"}`, "", upstream.Rejected, upstream.ReasonGone},
		{404, `{"error":"error.incorrect_service_id"}`, "", upstream.Rejected, upstream.ReasonGone},
		{200, `{"error":"Incorrect link"}`, "", upstream.Rejected, upstream.ReasonCustomer},
		{200, `{"error":"neworder.error.link"}`, "", upstream.Rejected, upstream.ReasonCustomer},
		{200, `{"error":"Incorrect quantity"}`, "", upstream.Rejected, upstream.ReasonCustomer},
		{200, `{"error":"neworder.error.min_quantity"}`, "", upstream.Rejected, upstream.ReasonCustomer},
		{200, `{"error":"neworder.error.max_quantity"}`, "", upstream.Rejected, upstream.ReasonCustomer},
		{200, `{"error":"Active order with this link exists. Please wait until it is no longer in progress"}`, "", upstream.Rejected, upstream.ReasonBusy},
		{409, `{"error":"neworder.error.link_duplicate"}`, "", upstream.Rejected, upstream.ReasonBusy},

		{200, `{"error":"Incorrect request"}`, "", upstream.Unknown, ""},
		{200, `{"error":"Incorrect order ID"}`, "", upstream.Unknown, ""},
		{200, `{"error":"neworder.error.something_new"}`, "", upstream.Unknown, ""},
		{200, `{"error":"Incorrect linkage"}`, "", upstream.Unknown, ""},
		{200, `{"error":"The link is not correct"}`, "", upstream.Unknown, ""},
		{200, `{"error":"Not enough funds on balance, try again: your order is pending"}`, "", upstream.Unknown, ""},
		{200, `{"error":true,"order":151}`, "", upstream.Unknown, ""},
		{200, `{"error":"Incorrect link","order":151}`, "", upstream.Unknown, ""},
		{200, `{"error":{"message":"Incorrect link"}}`, "", upstream.Unknown, ""},
		{200, `{"status":"error","message":"Incorrect link"}`, "", upstream.Unknown, ""},
		{200, `{"status":"success"}`, "", upstream.Unknown, ""},
		{200, `{"order":null}`, "", upstream.Unknown, ""},
		{200, `{"order":0}`, "", upstream.Unknown, ""},
		{200, `{"order":[1]}`, "", upstream.Unknown, ""},
		{200, `[]`, "", upstream.Unknown, ""},
		{200, ``, "", upstream.Unknown, ""},
		{200, `<html>ok</html>`, "", upstream.Unknown, ""},
		{400, `{"order":151}`, "", upstream.Unknown, ""},
		{408, `{"error":"Incorrect link"}`, "", upstream.Unknown, ""},
		{429, `{"error":"Too many requests"}`, "", upstream.Unknown, ""},
		{500, `{"order":151}`, "", upstream.Unknown, ""},
		{503, `{"error":"Not enough funds on balance"}`, "", upstream.Unknown, ""},
	} {
		d, asked := saying(t, c.status, c.body, nil)
		res, err := d.Submit(t.Context(), &upstream.Purchase{Ref: "R", Code: "7", Target: "https://x.test/p/1", Quantity: 100})
		require.Equal(t, url.Values{
			"path": {"POST /api/v2"}, "key": {secret}, "action": {"add"}, "service": {"7"}, "link": {"https://x.test/p/1"}, "quantity": {"100"},
		}, *asked)
		if c.id != "" {
			require.NoError(t, err, c.body)
			require.Equal(t, upstream.Pending, res.State, c.body)
			require.Equal(t, c.id, res.UpstreamRef, c.body)
			continue
		}
		e := upstream.AsError(err)
		require.NotNil(t, e, c.body)
		require.Equal(t, c.class.String(), e.Class.String(), c.body)
		if c.class == upstream.Rejected {
			require.Equal(t, c.reason, e.Reason, c.body)
		}
	}
}

func TestEachKindSendsItsOwnFields(t *testing.T) {
	t.Parallel()
	inputs := map[string]string{
		"comments": "a\nb", "usernames": "u1\nu2", "hashtags": "#h", "hashtag": "#one", "username": "owner", "media": "https://x.test/m", "answer_number": "2",
		"groups": "g1", "min": "10", "max": "20", "posts": "3", "old_posts": "1", "delay": "5", "expiry": "31/12/2026", "country": "ID", "device": "5",
		"type_of_traffic": "1", "google_keyword": "pulsa", "keywords": "k", "runs": "2", "interval": "30",
	}
	for kind, want := range map[string]string{
		"default":                 "link quantity runs interval",
		"package":                 "link",
		"custom_comments":         "link comments",
		"mentions_with_hashtags":  "link quantity usernames hashtags",
		"mentions_custom_list":    "link usernames",
		"mentions_hashtag":        "link quantity hashtag",
		"mentions_user_followers": "link quantity username",
		"mentions_media_likers":   "link quantity media",
		"mentions":                "link quantity usernames",
		"custom_comments_package": "link comments",
		"comment_likes":           "link quantity username",
		"poll":                    "link quantity answer_number",
		"invites_from_groups":     "link quantity groups",
		"subscriptions":           "username min max posts old_posts delay expiry",
		"web_traffic":             "link quantity country device type_of_traffic google_keyword runs interval",
		"seo":                     "link quantity keywords",
	} {
		d, asked := saying(t, 200, `{"order":1}`, nil)
		_, err := d.Submit(t.Context(), &upstream.Purchase{
			Code: "7", Target: "@contoh", Quantity: 100, Inputs: inputs, Extra: []byte(`{"kind":"` + kind + `"}`),
		})
		require.NoError(t, err, kind)
		form := *asked
		for _, common := range []string{"path", "key", "action", "service"} {
			form.Del(common)
		}
		var names []string
		for _, name := range strings.Fields(want) {
			names = append(names, name)
			require.Len(t, form[name], 1, "%s needs %s", kind, name)
		}
		require.Len(t, form, len(names), kind)
		if kind == "subscriptions" {
			require.Equal(t, "contoh", form.Get("username"))
		} else {
			require.Equal(t, "@contoh", form.Get("link"))
		}
		if form.Has("comments") {
			require.Equal(t, "a\nb", form.Get("comments"))
		}
	}
}

func TestAnOrderOfAnotherKindNeverLeaves(t *testing.T) {
	t.Parallel()
	d, asked := saying(t, 200, `{"order":1}`, nil)
	_, err := d.Submit(t.Context(), &upstream.Purchase{Code: "7", Target: "x", Quantity: 1, Extra: []byte(`{"kind":"custom_comments"}`)})
	e := upstream.AsError(err)
	require.Equal(t, upstream.Rejected, e.Class)
	require.Equal(t, upstream.ReasonProduct, e.Reason)
	require.Nil(t, *asked, "nothing was sent")
}

func TestWhatAStatusMeans(t *testing.T) {
	t.Parallel()
	n := func(i int64) *int64 { return &i }
	for _, c := range []struct {
		body    string
		state   upstream.State
		remains *int64
		whole   bool
		cost    *int64
		alert   string
	}{
		// The order: 1000 at 0.9 for 1000, at 16,350.25 rupiah.
		{`{"charge":"0.9","start_count":"3572","status":"Pending","remains":"1000","currency":"USD"}`, upstream.Pending, n(1000), false, n(14716), ""},
		{`{"charge":0.9,"start_count":3572,"status":"In progress","remains":400,"currency":"USD"}`, upstream.Pending, n(400), false, n(14716), ""},
		{`{"charge":"0.90000","start_count":"0","status":"inprogress","remains":"1000"}`, upstream.Pending, n(1000), false, n(14716), ""},
		{`{"charge":"0.9","start_count":"0","status":" PROCESSING ","remains":"1000","currency":"usd"}`, upstream.Pending, n(1000), false, n(14716), ""},
		{`{"charge":"0.9","start_count":"","status":"creating","remains":"","currency":"USD"}`, upstream.Pending, nil, false, n(14716), ""},
		{`{"charge":"0.9","start_count":"1","status":"completed","remains":"0","currency":"USD"}`, upstream.Succeeded, n(0), false, n(14716), ""},
		{`{"charge":"0.92","start_count":"1","status":"Completed","remains":"0","currency":"USD"}`, upstream.Succeeded, n(0), false, n(15043), ""},
		{
			`{"charge":"1.8","start_count":"1","status":"Completed","remains":"0","currency":"USD"}`, upstream.Succeeded, n(0), false, n(29431),
			"the source charged 1.8 USD where 0.9 was expected",
		},
		{
			`{"charge":"0","start_count":"1","status":"Completed","remains":"0","currency":"USD"}`, upstream.Succeeded, n(0), false, nil,
			"the source charged 0 USD where 0.9 was expected",
		},
		{
			`{"charge":"0.9","start_count":"1","status":"Completed","remains":"0","currency":"EUR"}`, upstream.Succeeded, n(0), false, nil,
			"the source charges in another currency than the configured one",
		},
		{`{"charge":"0.27819","start_count":"3572","status":"Partial","remains":"691","currency":"USD"}`, upstream.Partial, n(691), false, n(4549), ""},
		{
			`{"charge":"0.9","start_count":"3572","status":"Partial","remains":"691","currency":"USD"}`, upstream.Partial, n(691), false, n(14716),
			"the source charged 0.9 USD where 0.2781 was expected",
		},
		{`{"charge":"0.27819","start_count":"3572","status":"partial","remains":"Unknown","currency":"USD"}`, upstream.Partial, nil, false, n(4549), ""},
		{`{"charge":"0.9","start_count":"3572","status":"Partial","remains":"-20","currency":"USD"}`, upstream.Partial, n(-20), false, n(14716), ""},
		{`{"charge":"0","start_count":"3572","status":"Canceled","remains":"1000","currency":"USD"}`, upstream.Canceled, n(1000), true, n(0), ""},
		{`{"charge":"0.00","start_count":"3572","status":"cancelled","remains":"","currency":"USD"}`, upstream.Canceled, nil, true, n(0), ""},
		{`{"charge":"0","start_count":"3572","status":"Canceled","remains":"300","currency":"USD"}`, upstream.Canceled, n(300), true, n(0), ""},
		{`{"charge":"0.9","start_count":"3572","status":"Canceled","remains":"1000","currency":"USD"}`, upstream.Canceled, n(1000), true, n(14716), ""},
		{`{"charge":"0.9","start_count":"3572","status":"Canceled","remains":"1500","currency":"USD"}`, upstream.Canceled, n(1500), true, n(14716), ""},
		{`{"charge":"0.45","start_count":"3572","status":"Canceled","remains":"500","currency":"USD"}`, upstream.Canceled, n(500), false, n(7358), ""},
		{`{"charge":"0.45","start_count":"3572","status":"Canceled","remains":"unknown","currency":"USD"}`, upstream.Canceled, nil, false, n(7358), ""},
		{`{"status":"Canceled"}`, upstream.Canceled, nil, false, nil, ""},
		{`{"charge":"0.9","status":"Fail","remains":"1000"}`, upstream.Pending, n(1000), false, nil, `the source says "fail", which proves nothing`},
		{`{"charge":"0.9","status":"Error","remains":"1000"}`, upstream.Pending, n(1000), false, nil, `the source says "error", which proves nothing`},
		{`{"charge":"0","status":"Refunded","remains":"1000"}`, upstream.Pending, n(1000), false, nil, `the source says "refunded", which proves nothing`},
		{`{"status":"Active","expiry":"","posts":"2","orders":[1,"2"]}`, upstream.Pending, nil, false, nil, ""},
		{`{"status":"Expired","expiry":"2026-01-01","posts":2,"orders":[]}`, upstream.Pending, nil, false, nil, `the source says "expired", which proves nothing`},
	} {
		d, asked := saying(t, 200, c.body, dollars())
		p := &upstream.Purchase{
			OrderID: 5, UpstreamRef: "23501", Code: "7", Target: "x", Quantity: 1000,
			Extra: []byte(`{"kind":"default","rate":"0.90","currency":"USD","fx":"16350.25"}`),
		}
		res, err := d.Status(t.Context(), p)
		require.NoError(t, err, c.body)
		require.Equal(t, "23501", asked.Get("order"))
		require.Equal(t, c.state, res.State, c.body)
		require.Equal(t, c.remains, res.Remains, c.body)
		require.Equal(t, c.whole, res.Whole, c.body)
		require.Equal(t, c.cost, res.Cost, c.body)
		require.Equal(t, c.alert, res.Alert, c.body)
	}
}

func TestAnOrderKeepsTheExchangeRateThatItWasPricedBy(t *testing.T) {
	t.Parallel()
	d, _ := saying(t, 200, `{"charge":"0.9","status":"Completed","remains":"0","currency":"USD"}`, map[string]string{"currency": "USD", "rate": "20000"})
	res, err := d.Status(t.Context(), &upstream.Purchase{
		UpstreamRef: "1", Quantity: 1000, Extra: []byte(`{"kind":"default","rate":"0.90","currency":"USD","fx":"16350.25"}`),
	})
	require.NoError(t, err)
	require.EqualValues(t, 14716, *res.Cost, "0.9 × 16,350.25 rounded up")
	require.Equal(t, "charge 0.9 USD at 16350.25", res.Detail)
}

func TestPackagesAndSubscriptionsHaveNoCountOfOurs(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"package", "custom_comments_package", "subscriptions"} {
		ask := func(body string) *upstream.Result {
			d, _ := saying(t, 200, body, nil)
			res, err := d.Status(t.Context(), &upstream.Purchase{UpstreamRef: "1", Quantity: 1, Extra: []byte(`{"kind":"` + kind + `"}`)})
			require.NoError(t, err)
			return res
		}
		require.Nil(t, ask(`{"charge":"5","status":"Partial","remains":"1"}`).Remains, kind)
		res := ask(`{"charge":"5","status":"Canceled","remains":"1"}`)
		require.Nil(t, res.Remains, kind)
		require.False(t, res.Whole, kind)
		require.True(t, ask(`{"charge":"0","status":"Canceled","remains":"0"}`).Whole, kind)
	}
}

func TestRunsCountTogether(t *testing.T) {
	t.Parallel()
	p := &upstream.Purchase{
		UpstreamRef: "1", Quantity: 100, Inputs: map[string]string{"runs": "5", "interval": "10"}, Extra: []byte(`{"kind":"default","rate":"2000"}`),
	}
	d, _ := saying(t, 200, `{"charge":"1000","status":"Canceled","remains":"500"}`, nil)
	res, err := d.Status(t.Context(), p)
	require.NoError(t, err)
	require.True(t, res.Whole, "all five runs remain")
	d, _ = saying(t, 200, `{"charge":"800","status":"Partial","remains":"100"}`, nil)
	res, err = d.Status(t.Context(), p)
	require.NoError(t, err)
	require.Empty(t, res.Alert, "four fifths of 1000 rupiah")
}

func TestOrdersThatThePanelDoesNotKnow(t *testing.T) {
	t.Parallel()
	d, _ := saying(t, 200, `{"error":"Incorrect order ID"}`, nil)
	res, err := d.Status(t.Context(), &upstream.Purchase{UpstreamRef: "1"})
	require.NoError(t, err)
	require.Equal(t, upstream.NotFound, res.State)
	d, _ = saying(t, 200, `{"error":"Incorrect order ID, still processing"}`, nil)
	_, err = d.Status(t.Context(), &upstream.Purchase{UpstreamRef: "1"})
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)

	d, asked := saying(t, 200, `{"1":{"status":"Completed","charge":"1","remains":"0"},"2":{"error":"Incorrect order ID"},"3":{"error":"Something else"},"4":{"charge":"1"},"9":{"status":"Completed"}}`, nil)
	var ps []*upstream.Purchase
	for i := range 5 {
		ps = append(ps, &upstream.Purchase{OrderID: int64(100 + i), UpstreamRef: []string{"", "1", "2", "3", "4"}[i], Quantity: 1})
	}
	got, err := d.BulkStatus(t.Context(), ps)
	require.NoError(t, err)
	require.Equal(t, "1,2,3,4", asked.Get("orders"))
	require.Len(t, got, 2, "what says nothing is left out")
	require.Equal(t, upstream.Succeeded, got[101].State)
	require.Equal(t, upstream.NotFound, got[102].State)
	_, err = d.BulkStatus(t.Context(), nil)
	require.NoError(t, err)
	d, _ = saying(t, 200, `{"error":"Incorrect API key"}`, nil)
	_, err = d.BulkStatus(t.Context(), ps)
	require.Equal(t, upstream.ReasonOurAccount, upstream.AsError(err).Reason, "a whole answer fails by the error at its top")
}

func TestCancelsAndRefillsBeingRefused(t *testing.T) {
	t.Parallel()
	p := &upstream.Purchase{UpstreamRef: "9"}
	for body, class := range map[string]upstream.Class{
		`[{"order":9,"cancel":{"error":"…"}},{"order":2,"cancel":1}]`: upstream.Rejected,
		`[{"order":2,"cancel":1}]`:                                    upstream.Unknown,
		`[]`:                                                          upstream.Unknown,
		`{"error":"Incorrect API key"}`:                               upstream.Rejected,
		`{"order":9,"cancel":1}`:                                      upstream.Unknown,
	} {
		d, asked := saying(t, 200, body, nil)
		_, err := d.Cancel(t.Context(), p)
		require.Equal(t, class.String(), upstream.AsError(err).Class.String(), body)
		require.Equal(t, "9", asked.Get("orders"))
	}
	for body, want := range map[string]struct {
		reason upstream.Reason
		after  time.Duration
	}{
		`{"error":"Refill is available in 9 hours 3 minutes"}`:             {upstream.ReasonEarly, 9*time.Hour + 3*time.Minute},
		`{"refill":{"error":"Refill will be available in 1 day 2 hours"}}`: {upstream.ReasonEarly, 26 * time.Hour},
		`{"error":"Refill is not allowed"}`:                                {upstream.ReasonProduct, 0},
		`{"error":"Incorrect order ID"}`:                                   {upstream.ReasonProduct, 0},
	} {
		d, _ := saying(t, 200, body, nil)
		_, err := d.Refill(t.Context(), p)
		e := upstream.AsError(err)
		require.Equal(t, upstream.Rejected, e.Class, body)
		require.Equal(t, want.reason, e.Reason, body)
		require.Equal(t, want.after, e.After, body)
	}
	d, _ := saying(t, 200, `{"refill":0}`, nil)
	_, err := d.Refill(t.Context(), p)
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
	for text, state := range map[string]upstream.State{
		"Completed": upstream.Succeeded, "rejected": upstream.Failed, "In Progress": upstream.Pending, "Error": upstream.Pending,
	} {
		d, _ := saying(t, 200, `{"status":"`+text+`"}`, nil)
		f, err := d.RefillStatus(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, state, f.State, text)
	}
}

func TestTheBalanceIsRupiahRoundedDown(t *testing.T) {
	t.Parallel()
	d, _ := saying(t, 200, `{"balance":"100.84292","currency":"USD"}`, dollars())
	n, err := d.Balance(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1_648_806, n) // 1,648,806.952…
	for _, body := range []string{`{"balance":"100","currency":"EUR"}`, `{"balance":"1,000.00","currency":"USD"}`, `{"balance":null}`, `{"currency":"USD"}`} {
		d, _ := saying(t, 200, body, dollars())
		_, err := d.Balance(t.Context())
		require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, body)
	}
}

func TestWhatIsOffered(t *testing.T) {
	t.Parallel()
	d, _ := saying(t, 200, `[
		{"service":"5","name":"Followers","type":"Default","category":"IG","rate":"0.000001","min":"0","max":"100","refill":1,"cancel":"0","dripfeed":0},
		{"service":6,"name":"Free","type":"Default","category":"IG","rate":"0","min":"1","max":"100","refill":true,"cancel":true},
		{"service":7,"name":"Odd","type":"Comment Replies","category":"IG","rate":"1","min":"1","max":"100","refill":true,"cancel":true},
		{"service":8,"name":"None","type":"Default","category":"IG","rate":"1","min":"10","max":"5","refill":true,"cancel":true},
		{"service":9,"name":"Package","type":"10","category":"IG","rate":"1.5","min":"500","max":"500","refill":null,"cancel":false,"desc":"d"},
		{"service":10,"name":"Comments","type":"custom comments","category":"IG","rate":"2","min":10,"max":20,"refill":false,"cancel":true,"average_time":"5 minutes","description":"long"},
		{"service":11,"name":"A","type":"Default","category":"IG","rate":"2","min":10,"max":20,"refill":false,"cancel":true},
		{"service":12,"name":"B","type":"Default","category":"IG","rate":"2","min":10,"max":20,"refill":false,"cancel":true},
		{"service":13,"name":"C","type":"Default","category":"IG","rate":"2","min":10,"max":20,"refill":false,"cancel":true},
		{"service":14,"name":"D","type":"Default","category":"IG","rate":"2","min":10,"max":20,"refill":false,"cancel":true},
		{"service":15,"name":"E","type":"Default","category":"IG","rate":"2,5","min":10,"max":20,"refill":false,"cancel":true}
	]`, dollars())
	page, err := d.CatalogPage(t.Context(), "services", 1)
	require.NoError(t, err)
	require.Zero(t, page.Next)
	var codes []string
	for _, o := range page.Offers {
		codes = append(codes, o.Code)
	}
	require.Equal(t, []string{"5", "9", "10", "11", "12", "13", "14"}, codes)
	first, pack, comments := page.Offers[0], page.Offers[1], page.Offers[2]
	require.EqualValues(t, 1, first.Cost, "0.01635025 rupiah rounded up")
	require.EqualValues(t, 1, first.Min)
	require.EqualValues(t, 100, first.Max)
	require.True(t, first.Refill)
	require.False(t, first.Cancel)
	require.Len(t, first.Inputs, 2, "no drip feed: target and quantity")
	require.JSONEq(t, `{"kind":"default","rate":"0.000001","currency":"USD","fx":"16350.25"}`, string(first.Extra))
	require.Equal(t, "package", pack.Kind)
	require.EqualValues(t, 24526, pack.Cost)
	require.EqualValues(t, 1, pack.Max, "a package is one")
	require.Equal(t, "d", pack.Description)
	require.Equal(t, "5 minutes", comments.AverageTime)
	require.Len(t, comments.Inputs, 2, "target and comments")
	require.Len(t, page.Offers[3].Inputs, 4, "nothing said of a drip feed: runs and interval as the convention has them")
	_, err = d.CatalogPage(t.Context(), "other", 1)
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class)
}

func TestABaseURLWithAPathIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	got := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Path
		_, _ = w.Write([]byte(`{"balance":"1"}`))
	}))
	t.Cleanup(srv.Close)
	d, err := smm.New(upstream.Config{Name: "u", BaseURL: srv.URL + "/v2/reseller/", Credentials: map[string]string{"api_key": "key"}, HTTP: upstream.NewHTTP()})
	require.NoError(t, err)
	_, err = d.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, "/v2/reseller", got)
}
