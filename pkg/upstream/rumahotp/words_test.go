package rumahotp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/rumahotp"
)

// saying is a driver whose provider always answers the same.
func saying(t *testing.T, status int, body string, now time.Time) *rumahotp.Driver {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	d, err := rumahotp.New(upstream.Config{
		Name: "u", BaseURL: srv.URL + "/api/", Credentials: map[string]string{"api_key": secret}, HTTP: upstream.NewHTTP(),
		Now: func() time.Time { return now },
	})
	require.NoError(t, err)
	return d
}

func TestWordsOfARentedNumber(t *testing.T) {
	t.Parallel()
	ends := time.UnixMilli(1762662892178)
	for _, c := range []struct {
		status, code string
		now          time.Time
		want         upstream.State
	}{
		{"waiting", "-", ends.Add(-time.Minute), upstream.Pending},
		{"waiting", "-", ends.Add(time.Hour), upstream.Pending},
		{"received", "123", ends, upstream.Succeeded},
		{"Received", "-", ends, upstream.Pending},
		{"completed", "123", ends, upstream.Succeeded},
		{"completed", "-", ends.Add(time.Hour), upstream.Pending},
		{"canceled", "-", ends, upstream.Canceled},
		{"Cancelled", "-", ends, upstream.Canceled},
		{"cancel", "-", ends, upstream.Canceled},
		{"expiring", "-", ends.Add(-time.Millisecond), upstream.Pending},
		{"expiring", "-", ends, upstream.Expired},
		{"EXPIRED", "-", ends.Add(time.Hour), upstream.Expired},
	} {
		d := saying(t, 200, `{"success":true,"data":{"order_id":"RO1","status":"`+c.status+`","phone_number":"+62 856 4441 4442","service":"WhatsApp",`+
			`"country":"Indonesia","created_at":1762661992178,"expires_at":1762662892178,"otp_code":"`+c.code+`"}}`, c.now)
		res, err := d.Status(t.Context(), &upstream.Purchase{Category: "otp", UpstreamRef: "RO1"})
		require.NoError(t, err)
		require.Equal(t, c.want, res.State, "%+v", c)
		require.Equal(t, c.want == upstream.Succeeded, len(res.Messages) == 1)
	}
}

func TestWordsOfATransaction(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for _, c := range []struct {
		status, rest string
		want         upstream.State
		refunded     *bool
		reason       upstream.Reason
	}{
		{"processing", `"refund":false`, upstream.Pending, nil, ""},
		{"success", `"refund":false,"price":10500,"response":{"sn":"S1"}`, upstream.Succeeded, nil, ""},
		{"failed", `"refund":true,"response":[]`, upstream.Failed, &yes, ""},
		{"failed", `"refund":false`, upstream.Failed, &no, ""},
		{"failed", `"response":{"status":"gagal, nomor tujuan salah"}`, upstream.Failed, nil, upstream.ReasonCustomer},
		{"canceled", `"refund":true`, upstream.Failed, &yes, ""},
	} {
		d := saying(t, 200, `{"success":true,"data":{"id":"H1","status":"`+c.status+`",`+c.rest+`}}`, time.Now())
		res, err := d.Status(t.Context(), &upstream.Purchase{Category: "ppob", UpstreamRef: "H1"})
		require.NoError(t, err)
		require.Equal(t, c.want, res.State, "%+v", c)
		require.Equal(t, c.refunded, res.Refunded)
		require.Equal(t, c.reason, res.Reason)
		if c.want == upstream.Succeeded {
			require.Equal(t, "S1", res.SN)
			require.EqualValues(t, 10500, *res.Cost)
		}
	}
}

func TestWhatAPurchasesAnswerProves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		class  upstream.Class
		reason upstream.Reason
	}{
		{200, `{"success":false,"error":{"message":"Saldo tidak cukup"}}`, upstream.Rejected, upstream.ReasonOurBalance},
		{400, `{"success":false,"error":{"message":"Stok tidak tersedia"}}`, upstream.Rejected, upstream.ReasonProduct},
		{400, `{"success":false,"error":{"message":"Nomor tujuan salah"}}`, upstream.Rejected, upstream.ReasonCustomer},
		{401, `{"success":false,"error":{"message":"Unauthorized"}}`, upstream.Rejected, upstream.ReasonOurAccount},
		{200, `{"success":false,"error":{"message":"Ada masalah"}}`, upstream.Rejected, ""},
		{200, `{"success":false,"data":{}}`, upstream.Rejected, ""},
		{200, `{"success":false,"data":{"id":"H1","status":"processing"}}`, upstream.Unknown, ""},
		{503, `{"success":false,"error":{"message":"Saldo tidak cukup"}}`, upstream.Unknown, ""},
		{200, `{"success":false,"error":{"message":"Terlalu banyak permintaan"}}`, upstream.Throttled, ""},
		{429, `{"success":false,"error":{"message":"x"}}`, upstream.Unknown, ""},
		{200, `{"success":true,"data":{}}`, upstream.Unknown, ""},
		{200, `{"success":false}`, upstream.Unknown, ""},
		{200, `{}`, upstream.Unknown, ""},
		{204, ``, upstream.Unknown, ""},
	} {
		d := saying(t, c.status, c.body, time.Now())
		_, err := d.Submit(t.Context(), &upstream.Purchase{Category: "ppob", Code: "FF50", Target: "1"})
		e := upstream.AsError(err)
		require.NotNil(t, e, c.body)
		require.Equal(t, c.class.String(), e.Class.String(), c.body)
		require.Equal(t, c.reason, e.Reason, c.body)
	}
	d := saying(t, 200, `{"success":true,"data":{"id":"H1","status":"failed","sisa_balance":77}}`, time.Now())
	res, err := d.Submit(t.Context(), &upstream.Purchase{Category: "ppob", Code: "FF50", Target: "1"})
	require.NoError(t, err)
	require.Equal(t, upstream.Pending, res.State, "what it became, only the status tells")
	require.EqualValues(t, 77, *res.Balance)
}

func TestAnswersThatAreNotToBeTrusted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		category, body string
	}{
		{"otp", `{"success":true,"data":{"order_id":"OTHER","status":"received","otp_code":"1"}}`},
		{"otp", `{"success":true,"data":{"order_id":"A","status":"dancing","otp_code":"1"}}`},
		{"ppob", `{"success":true,"data":{"id":"OTHER","status":"success"}}`},
		{"ppob", `{"success":true,"data":{"id":"A","status":"dancing"}}`},
	} {
		d := saying(t, 200, c.body, time.Now())
		_, err := d.Status(t.Context(), &upstream.Purchase{Category: c.category, UpstreamRef: "A"})
		require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, c.body)
	}
	d := saying(t, 200, `{"success":true,"data":{"order_id":"OTHER","status":"canceled"}}`, time.Now())
	_, err := d.Cancel(t.Context(), &upstream.Purchase{Category: "otp", UpstreamRef: "A"})
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
	_, err = d.Cancel(t.Context(), &upstream.Purchase{Category: "ppob", UpstreamRef: "A"})
	require.Equal(t, upstream.Rejected, upstream.AsError(err).Class)
	_, err = d.Status(t.Context(), &upstream.Purchase{Category: "ppob"})
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class)
	_, err = d.Submit(t.Context(), &upstream.Purchase{Category: "otp", Code: "x"})
	require.Equal(t, upstream.Rejected, upstream.AsError(err).Class, "an offer without an address cannot be bought")
	_, err = d.CatalogPage(t.Context(), "no such", 1)
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class)
	_, err = d.Operators(t.Context(), "x", nil)
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class)
}
