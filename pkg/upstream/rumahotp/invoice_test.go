package rumahotp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
)

func TestWordsOfADeposit(t *testing.T) {
	t.Parallel()
	ends := time.UnixMilli(1762703871947)
	for _, c := range []struct {
		status string
		now    time.Time
		want   upstream.InvoiceState
	}{
		{"pending", ends.Add(-time.Second), upstream.InvoicePending},
		{"pending", ends.Add(time.Hour), upstream.InvoicePending},
		{"success", ends.Add(time.Hour), upstream.InvoicePaid},
		{"Success", ends, upstream.InvoicePaid},
		{"cancel", ends.Add(-time.Second), upstream.InvoiceCanceled},
		{"cancel", ends, upstream.InvoiceExpired},
		{"expired", ends.Add(-time.Second), upstream.InvoiceExpired},
	} {
		for version, body := range map[string]string{
			"v2": `{"success":true,"data":{"id":"D1","status":"` + c.status + `","total":2112,"fee":112,"diterima":2000,"expired_at_ts":1762703871947}}`,
			"v1": `{"success":true,"data":{"id":"D1","status":"` + c.status + `","created":1762702671947,"expired":1762703871947,"amount":2112}}`,
		} {
			d := saying(t, 200, body, c.now)
			for _, call := range []func() (*upstream.Invoice, error){
				func() (*upstream.Invoice, error) { return d.InvoiceStatus(t.Context(), "D1") },
				func() (*upstream.Invoice, error) { return d.CancelInvoice(t.Context(), "D1") },
			} {
				inv, err := call()
				require.NoError(t, err)
				require.Equal(t, c.want, inv.State, "%s %+v", version, c)
				require.True(t, inv.ExpiresAt.Equal(ends))
			}
		}
	}
}

func TestWhatADepositsAnswerProves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		class  upstream.Class
		reason upstream.Reason
	}{
		// The document's own sentence, and others that say the same.
		{400, `{"success":false,"error":{"message":"Jumlah maksimal status pembayaran yang tertunda adalah 3 pembayaran."}}`, upstream.Rejected, upstream.ReasonFull},
		{200, `{"success":false,"error":{"message":"Terlalu banyak deposit pending"}}`, upstream.Rejected, upstream.ReasonFull},
		{422, `{"success":false,"error":{"message":"You have 3 pending payments, limit reached"}}`, upstream.Rejected, upstream.ReasonFull},
		{400, `{"success":false,"error":{"message":"Terlalu banyak permintaan"}}`, upstream.Throttled, ""},
		{400, `{"success":false,"error":{"message":"Deposit sedang pending"}}`, upstream.Unknown, ""},
		{500, `{"success":false,"error":{"message":"Maksimal 3 pembayaran tertunda"}}`, upstream.Unknown, ""},
		{200, `{"success":false,"error":{"message":"Maksimal 3 pembayaran tertunda"},"data":{"id":"D1"}}`, upstream.Unknown, ""},
		{401, `{"success":false,"error":{"message":"Apikey tidak valid"}}`, upstream.Rejected, upstream.ReasonOurAccount},
		{400, `{"success":false,"error":{"message":"Nominal minimal 1000"}}`, upstream.Rejected, ""},
		{200, `{"success":true,"data":{"id":"D1","status":"pending","method":"usdt-polygon","total":2112,"fee":112,"diterima":2000,"qr_string":"0x"}}`, upstream.Unknown, ""},
		{200, `{"success":true,"data":{"id":"D1","status":"pending","method":"qris","total":2112,"fee":100,"diterima":2000,"qr_string":"q"}}`, upstream.Unknown, ""},
		{200, `{"success":true,"data":{"id":"D1","status":"dancing","method":"qris","total":2112,"fee":112,"diterima":2000,"qr_string":"q"}}`, upstream.Unknown, ""},
		{200, `{"success":true,"data":{"id":"D1","status":"pending","total":2112,"fee":112,"diterima":2000}}`, upstream.Unknown, ""},
		{200, `{"success":true,"data":{"status":"pending","total":2112,"fee":112,"diterima":2000,"qr_string":"q"}}`, upstream.Unknown, ""},
	} {
		d := saying(t, c.status, c.body, time.Now())
		inv, err := d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Ref: "R", Amount: 2000})
		require.Nil(t, inv)
		e := upstream.AsError(err)
		require.NotNil(t, e, c.body)
		require.Equal(t, c.class.String(), e.Class.String(), c.body)
		require.Equal(t, c.reason, e.Reason, c.body)
	}
}

func TestADepositOfTheOldFormIsReadToo(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, `{"success":true,"data":{"id":"D1","method":"qris","amount":2112,"currency":{"type":"IDR","total":2112,"fee":112,"diterima":2000},`+
		`"qr":"000201","expired":1762703871947,"createdAt":1762702671947,"merchant":"RumahOTP Payment"}}`, time.Now())
	inv, err := d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Amount: 2000})
	require.NoError(t, err)
	require.Equal(t, &upstream.Invoice{
		UpstreamRef: "D1", State: upstream.InvoicePending, Amount: 2000, Fee: 112, Total: 2112, QR: "000201",
		ExpiresAt: time.UnixMilli(1762703871947).UTC(), Code: "pending",
	}, inv)
}

func TestADepositThatIsNotFoundIsNotTheKeyThatIsNotFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  int
		message string
		unknown bool
	}{
		{404, "Deposit tidak ditemukan", true}, {200, "Pembayaran tidak ditemukan", true},
		{401, "Deposit tidak ditemukan", false}, {404, "Apikey tidak ditemukan", false}, {500, "Deposit tidak ditemukan", false},
	} {
		d := saying(t, c.status, `{"success":false,"error":{"message":"`+c.message+`"}}`, time.Now())
		inv, err := d.InvoiceStatus(t.Context(), "D1")
		if !c.unknown {
			require.Error(t, err, "%+v", c)
			continue
		}
		require.NoError(t, err, "%+v", c)
		require.Equal(t, upstream.InvoiceNotFound, inv.State)
	}
	d := saying(t, 200, `{"success":true,"data":{"id":"OTHER","status":"success"}}`, time.Now())
	_, err := d.InvoiceStatus(t.Context(), "D1")
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, "somebody else's deposit")
}

func TestWhoPaidIsForOperators(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, `{"success":true,"data":{"id":"D1","status":"success","total":2112,"fee":112,"diterima":2000,"brand_name":"DANA","buyer_reff":"NOBU / `+secret+`"}}`, time.Now())
	inv, err := d.InvoiceStatus(t.Context(), "D1")
	require.NoError(t, err)
	require.Equal(t, "DANA NOBU / ***", inv.Detail)
}

func TestWordsOfACheck(t *testing.T) {
	t.Parallel()
	refusal := func(message string) string { return `{"success":false,"error":{"message":"` + message + `"}}` }
	for _, c := range []struct {
		status int
		body   string
		valid  bool
		class  string // empty: an answer
	}{
		{200, `{"success":true,"data":{"status":"valid","account_number":"628","account_name":" DNID "}}`, true, ""},
		{200, `{"success":true,"data":{"status":"invalid","account_number":"628","account_name":"-"}}`, false, ""},
		{200, `{"success":true,"data":{"status":"valid"}}`, true, ""},
		{200, `{"success":true,"data":{"status":"perhaps"}}`, false, "unknown"},
		{200, `{"success":true,"data":{}}`, false, "unknown"},
		{404, refusal("Nomor rekening tidak ditemukan"), false, ""},
		{400, refusal("User ID tidak valid"), false, ""},
		{400, refusal("Kode bank tidak ditemukan"), false, "rejected"},
		{401, refusal("Akun tidak ditemukan"), false, "rejected"},
		{400, refusal("Rekening tidak ditemukan, silakan coba lagi"), false, "unknown"},
		{500, refusal("Rekening tidak ditemukan"), false, "unknown"},
		{200, refusal("Terlalu banyak permintaan"), false, "throttled"},
	} {
		for _, kind := range []string{upstream.CheckBank, upstream.CheckGame} {
			account, err := saying(t, c.status, c.body, time.Now()).CheckAccount(t.Context(), kind, "dana", "081")
			if c.class != "" {
				require.Equal(t, c.class, upstream.AsError(err).Class.String(), c.body)
				continue
			}
			require.NoError(t, err, c.body)
			require.Equal(t, c.valid, account.Valid, c.body)
			require.NotEmpty(t, account.Number)
			require.Equal(t, c.valid && strings.Contains(c.body, "DNID"), account.Name == "DNID", c.body)
		}
	}
}

func TestTargetsBearNobodysName(t *testing.T) {
	t.Parallel()
	d := saying(t, 200, `{"success":true,"data":[{"id":"1","bank_code":"dana","bank_name":"DANA","type":"EWALLET"},{"id":2,"bank_code":"x","bank_name":"X","type":"neo"},`+
		`{"id":"3","bank_code":"own","bank_name":"Rumah OTP Pay","type":"bank"}]}`, time.Now())
	list, err := d.CheckTargets(t.Context(), upstream.CheckBank)
	require.NoError(t, err)
	require.Equal(t, []upstream.CheckTarget{{Code: "dana", Name: "DANA", Type: "ewallet"}, {Code: "x", Name: "X", Type: "bank"}}, list)
}

func TestASuccessThatWasGivenBackIsToldAsBoth(t *testing.T) {
	t.Parallel()
	for refund, want := range map[string]bool{"true": true, "false": false} {
		d := saying(t, 200, `{"success":true,"data":{"id":"H1","status":"success","refund":`+refund+`,"tujuan_info":{"name":"DNID JAXX","nominal":"10000"},`+
			`"response":{"sn":"S1"}}}`, time.Now())
		res, err := d.Status(t.Context(), &upstream.Purchase{Category: "ppob", UpstreamRef: "H1"})
		require.NoError(t, err)
		require.Equal(t, upstream.Succeeded, res.State)
		require.Equal(t, want, res.Refunded != nil && *res.Refunded)
		require.Equal(t, "DNID JAXX, 10000", res.Detail, "who received it, for operators")
		require.Equal(t, "S1", res.SN)
	}
}
