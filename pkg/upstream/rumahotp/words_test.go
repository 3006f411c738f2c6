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
		{"waiting", "123", ends, upstream.Pending},
		{"canceled", "123", ends, upstream.Succeeded},
		{"expiring", "123", ends.Add(-time.Millisecond), upstream.Succeeded},
		{"expiring", "123", ends.Add(time.Hour), upstream.Succeeded},
	} {
		d := saying(t, 200, `{"success":true,"data":{"order_id":"RO1","status":"`+c.status+`","phone_number":"+62 856 4441 4442","service":"WhatsApp",`+
			`"country":"Indonesia","created_at":1762661992178,"expires_at":1762662892178,"otp_code":"`+c.code+`"}}`, c.now)
		res, err := d.Status(t.Context(), &upstream.Purchase{Category: "otp", UpstreamRef: "RO1"})
		require.NoError(t, err)
		require.Equal(t, c.want, res.State, "%+v", c)
		require.Equal(t, c.want == upstream.Succeeded, len(res.Messages) == 1)
		require.Empty(t, res.Country+res.Service, "the provider's own names")
	}
}

func TestANumberExpiresOnlyAtAnEndThatWasTold(t *testing.T) {
	t.Parallel()
	ends := time.UnixMilli(1762662892178)
	for _, c := range []struct {
		told   string // what the answer says
		before time.Time
		now    time.Time
		want   upstream.State
	}{
		{``, time.Time{}, ends.Add(time.Hour), upstream.Pending},
		{`,"expires_at":0`, time.Time{}, ends.Add(time.Hour), upstream.Pending},
		{`,"expires_at":2`, time.Time{}, ends.Add(time.Hour), upstream.Pending},
		{`,"expires_at":1762662892`, ends, ends.Add(-time.Second), upstream.Pending},
		{`,"expires_at":9223372036854775807`, ends, ends, upstream.Expired},
		{``, ends, ends.Add(-time.Second), upstream.Pending},
		{``, ends, ends, upstream.Expired},
		{`,"expires_at":1762662892178`, ends.Add(time.Hour), ends, upstream.Expired},
		{`,"expires_at":1762662892178`, ends.Add(-time.Hour), ends.Add(-time.Second), upstream.Pending},
	} {
		d := saying(t, 200, `{"success":true,"data":{"order_id":"RO1","status":"expiring","otp_code":"-"`+c.told+`}}`, c.now)
		res, err := d.Status(t.Context(), &upstream.Purchase{Category: "otp", UpstreamRef: "RO1", ExpiresAt: c.before})
		require.NoError(t, err)
		require.Equal(t, c.want, res.State, "%+v", c)
		require.True(t, res.ExpiresAt.IsZero() || res.ExpiresAt.Equal(ends), "%+v", c)
	}
}

func TestWhatIsToldOfARentedNumber(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1762662892178)
	for name, want := range map[string]string{
		"any": "any", "Telkomsel": "Telkomsel", "China Mobile 5": "China Mobile 5", " XL ": "XL",
		"rumahotp": "", "by RumahOTP": "", "Rumah OTP": "", "t.me/rumah": "", "<b>x</b>": "", "https://a": "", "": "",
	} {
		d := saying(t, 200, `{"success":true,"data":{"order_id":"RO1","phone_number":"+62 856","service":"WhatsApp by RumahOTP","country":"Indonesia (RumahOTP)",`+
			`"operator":"`+name+`","expires_in_minute":153722867281,"price":2150}}`, now)
		res, err := d.Submit(t.Context(), &upstream.Purchase{Category: "otp", Extra: []byte(`{"number_id":"1","provider_id":"2"}`)})
		require.NoError(t, err)
		require.Equal(t, want, res.Operator)
		require.Empty(t, res.Country+res.Service)
		require.True(t, res.ExpiresAt.IsZero(), "nothing lives for 300,000 years")
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
		{404, `{"success":false,"error":{"message":"Produk tidak ditemukan"},"data":null}`, upstream.Rejected, upstream.ReasonProduct},
		{422, `{"success":false,"error":{"message":"Produk sedang gangguan"}}`, upstream.Rejected, upstream.ReasonProduct},
		{403, `{"success":false,"error":{"message":"IP belum di-whitelist"}}`, upstream.Rejected, upstream.ReasonOurAccount},
		{200, `{"success":false,"data":{}}`, upstream.Unknown, ""},
		{200, `{"success":false,"error":{"message":"Saldo tidak cukup"},"data":{}}`, upstream.Unknown, ""},
		{200, `{"success":false,"error":{"message":"Saldo tidak cukup"},"data":[]}`, upstream.Unknown, ""},
		{200, `{"success":false,"error":"Saldo tidak cukup"}`, upstream.Unknown, ""},
		{200, `{"success":false,"message":"Saldo tidak cukup"}`, upstream.Unknown, ""},
		{200, `{"success":false,"error":{"message":" "}}`, upstream.Unknown, ""},
		{200, `{"success":false,"error":{}}`, upstream.Unknown, ""},
		{200, `{"success":false,"error":{"message":"Timeout ke supplier saldo"}}`, upstream.Unknown, ""},
		{400, `{"success":false,"error":{"message":"Transaksi sedang diproses"}}`, upstream.Unknown, ""},
		{400, `{"success":false,"error":{"message":"Terlalu banyak transaksi pending"}}`, upstream.Unknown, ""},
		{400, `{"success":false,"error":{"message":"Silakan coba lagi"}}`, upstream.Unknown, ""},
		{302, `{"success":false,"error":{"message":"Saldo tidak cukup"}}`, upstream.Unknown, ""},
		{201, `{"success":false,"error":{"message":"Saldo tidak cukup"}}`, upstream.Unknown, ""},
		{408, `{"success":false,"error":{"message":"Saldo tidak cukup"}}`, upstream.Unknown, ""},
		{409, `{"success":false,"error":{"message":"Saldo tidak cukup"}}`, upstream.Unknown, ""},
		{200, `{"success":false,"error":{"message":"Terlalu banyak permintaan, coba lagi nanti"}}`, upstream.Throttled, ""},
		{500, `{"success":false,"error":{"message":"Terlalu banyak permintaan"}}`, upstream.Unknown, ""},
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

func TestAKeyThatIsNotFoundIsNoPurchaseThatIsNotFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  int
		message string
		unknown bool // to the provider
	}{
		{404, "Order tidak ditemukan", true}, {200, "Transaksi tidak ditemukan", true}, {400, "not found", true},
		{401, "Order tidak ditemukan", false}, {403, "Order tidak ditemukan", false}, {500, "Order tidak ditemukan", false},
		{404, "Apikey tidak ditemukan", false}, {404, "Endpoint tidak ditemukan", false}, {404, "Route not found", false},
	} {
		for _, category := range []string{"otp", "ppob"} {
			d := saying(t, c.status, `{"success":false,"error":{"message":"`+c.message+`"}}`, time.Now())
			res, err := d.Status(t.Context(), &upstream.Purchase{Category: category, UpstreamRef: "A"})
			if !c.unknown {
				require.Error(t, err, "%+v", c)
				continue
			}
			require.NoError(t, err, "%+v", c)
			require.Equal(t, upstream.NotFound, res.State)
		}
	}
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
