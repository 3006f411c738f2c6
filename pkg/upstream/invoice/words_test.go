package invoice_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/invoice"
)

// saying is a driver whose gateway always answers the same; it keeps what it was asked
// last.
func saying(t *testing.T, status int, body string, options map[string]string) (*invoice.Driver, *string) {
	t.Helper()
	asked := new(string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		*asked = r.Method + " " + r.URL.Path + "?" + r.URL.RawQuery + " " + string(b)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	d, err := invoice.New(upstream.Config{
		Name: "u", BaseURL: srv.URL, Credentials: map[string]string{"api_key": "k+y"}, HTTP: upstream.NewHTTP(), Options: options,
	})
	require.NoError(t, err)
	return d, asked
}

func TestHowTheGatewayIsAsked(t *testing.T) {
	t.Parallel()
	moved := map[string]string{
		"balance_path": "/v2/1", "invoice_create_path": "/v2/2", "invoice_status_path": "/v2/3", "invoice_cancel_path": "/v2/4", "withdraw_path": "/v2/5",
		"withdraw_status_path": "/v2/6", "withdraw_history_path": "/v2/7", "cancel_id": "body",
	}
	payout := &upstream.PayoutRequest{Amount: 100_000, Method: "DANA", AccountNumber: "+62 812-3456-7890", AccountName: "John Doe"}
	for _, c := range []struct {
		call          func(d *invoice.Driver) error
		want, wantsTo string
	}{
		{func(d *invoice.Driver) error { _, err := d.Balance(t.Context()); return err }, "GET /api/v1/balance?apikey=k%2By ", "GET /v2/1?apikey=k%2By "},
		{func(d *invoice.Driver) error {
			_, err := d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Ref: "R", Amount: 10_000})
			return err
		}, "GET /api/v1/invoice/create?amount=10000&apikey=k%2By ", "GET /v2/2?amount=10000&apikey=k%2By "},
		{
			func(d *invoice.Driver) error { _, err := d.InvoiceStatus(t.Context(), "a/b&c"); return err },
			"GET /api/v1/invoice/status?apikey=k%2By&invoice_id=a%2Fb%26c ", "GET /v2/3?apikey=k%2By&invoice_id=a%2Fb%26c ",
		},
		{
			func(d *invoice.Driver) error { _, err := d.CancelInvoice(t.Context(), "64c8"); return err },
			"POST /api/v1/invoice/cancel?apikey=k%2By&invoice_id=64c8 ", `POST /v2/4?apikey=k%2By {"invoice_id":"64c8"}`,
		},
		{
			func(d *invoice.Driver) error { _, err := d.CreatePayout(t.Context(), payout); return err },
			`POST /api/v1/withdraw?apikey=k%2By {"amount":100000,"accountNumber":"081234567890","accountName":"John Doe"}`,
			`POST /v2/5?apikey=k%2By {"amount":100000,"accountNumber":"081234567890","accountName":"John Doe"}`,
		},
		{
			func(d *invoice.Driver) error { _, err := d.PayoutStatus(t.Context(), "65a1"); return err },
			"GET /api/v1/withdraw/status?apikey=k%2By&withdraw_id=65a1 ", "GET /v2/6?apikey=k%2By&withdraw_id=65a1 ",
		},
		{
			func(d *invoice.Driver) error { _, _, err := d.PayoutHistory(t.Context(), 3); return err },
			"GET /api/v1/withdraw/history?apikey=k%2By&limit=100&page=3 ", "GET /v2/7?apikey=k%2By&limit=100&page=3 ",
		},
	} {
		d, asked := saying(t, 200, `{}`, nil)
		require.Error(t, c.call(d))
		require.Equal(t, c.want, *asked)
		d, asked = saying(t, 200, `{}`, moved)
		require.Error(t, c.call(d))
		require.Equal(t, c.wantsTo, *asked)
	}
	d, asked := saying(t, 200, `{}`, nil)
	_, err := d.CreatePayout(t.Context(), &upstream.PayoutRequest{Amount: 1, Method: "bca", AccountNumber: "1"})
	require.Equal(t, upstream.ReasonProduct, upstream.AsError(err).Reason)
	for _, r := range []*upstream.PayoutRequest{{Amount: 0, AccountNumber: "1"}, {Amount: 1, AccountNumber: "-"}} {
		_, err = d.CreatePayout(t.Context(), r)
		require.Equal(t, upstream.NotSent, upstream.AsError(err).Class)
	}
	_, err = d.PayoutStatus(t.Context(), "")
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class)
	require.Empty(t, *asked)
}

func TestWhatAnInvoicesAnswerProves(t *testing.T) {
	t.Parallel()
	const ok = `"invoice_id":"64c8","amount":10000,"fee":123,"total":10123,"qris_image":"https://x.test/a.png","expired_at":"2025-01-01 12:00:00"`
	created := `{"success":true,` + ok + `}`
	d, _ := saying(t, 200, created, nil)
	inv, err := d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Amount: 10_000})
	require.NoError(t, err)
	require.Equal(t, upstream.Invoice{
		UpstreamRef: "64c8", State: upstream.InvoicePending, Amount: 10_000, Fee: 123, Total: 10_123, ImageURL: "https://x.test/a.png", Code: "pending",
		ExpiresAt: time.Date(2025, 1, 1, 5, 0, 0, 0, time.UTC), // noon in WIB
	}, *inv)
	for status, want := range map[string]upstream.InvoiceState{
		"pending": upstream.InvoicePending, "PAID": upstream.InvoicePaid, "expired": upstream.InvoiceExpired, "canceled": upstream.InvoiceCanceled,
		"cancelled": upstream.InvoiceCanceled, "odd": "", "": "",
	} {
		d, _ = saying(t, 200, `{`+ok+`,"status":"`+status+`","created_at":"2025-01-01 11:30:00"}`, nil)
		inv, err = d.InvoiceStatus(t.Context(), "64c8")
		if want == "" {
			require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, status)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, inv.State)
		require.EqualValues(t, 10_123, inv.Total)
	}
	for name, body := range map[string]string{
		"another amount": strings.Replace(strings.Replace(created, "10000", "9000", 1), "10123", "9123", 1), "no sum": strings.Replace(created, "10123", "10124", 1),
		"negative": strings.Replace(strings.Replace(created, "123", "-123", 1), "10123", "9877", 1), "no id": strings.Replace(created, `"64c8"`, `" "`, 1),
		"a refusal beside an invoice": `{"success":false,` + ok + `}`, "success beside an error": `{"success":true,"error":"x",` + ok + `}`,
	} {
		d, _ = saying(t, 200, body, nil)
		_, err = d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Amount: 10_000})
		require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, name)
	}
	d, _ = saying(t, 500, created, nil)
	_, err = d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Amount: 10_000})
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
	d, _ = saying(t, 200, `{`+ok+`,"status":"paid","created_at":null}`, nil)
	_, err = d.InvoiceStatus(t.Context(), "other")
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, "an answer about another invoice")
	d, _ = saying(t, 200, `{"success":true,"invoice_id":"64c8","status":"expired","message":"Invoice berhasil dibatalkan"}`, nil)
	inv, err = d.CancelInvoice(t.Context(), "64c8")
	require.NoError(t, err)
	require.Equal(t, upstream.InvoiceCanceled, inv.State)
	_, err = d.CancelInvoice(t.Context(), "other")
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
	d, _ = saying(t, 200, `{"error":"Invoice tidak bisa dibatalkan, status saat ini: paid"}`, nil)
	_, err = d.CancelInvoice(t.Context(), "64c8")
	require.Equal(t, upstream.Rejected, upstream.AsError(err).Class)
}

func TestWhatIsNotKnownAndWhatIsFull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  int
		message string
		absent  bool
	}{
		{404, "Invoice tidak ditemukan", true},
		{200, "invoice not found.", true},
		{400, "Maaf, invoice 64c8 tidak ditemukan", true},
		{404, "Data invoice dengan id 64c8d9 tidak ditemukan", true},
		{404, "Tidak ada invoice", true},
		{404, "not found", false},
		{404, "Route /api/v1/invoice/status not found", false},
		{404, "API key untuk invoice tidak ditemukan", false},
		{404, "User invoice tidak ditemukan", false},
		{404, "Saldo invoice tidak ditemukan", false},
		{401, "Invoice tidak ditemukan", false},
		{500, "Invoice tidak ditemukan", false},
		{404, "Invoice ditemukan", false},
		{404, "Invoice sedang dicari, tidak ditemukan", false},
	} {
		d, _ := saying(t, c.status, `{"error":"`+c.message+`"}`, nil)
		inv, err := d.InvoiceStatus(t.Context(), "64c8d9")
		if !c.absent {
			require.Error(t, err, c.message)
			continue
		}
		require.NoError(t, err, c.message)
		require.Equal(t, upstream.InvoiceNotFound, inv.State)
	}
	for message, want := range map[string]upstream.State{
		"Withdraw tidak ditemukan": upstream.NotFound, "Permintaan penarikan tidak ditemukan": upstream.NotFound, "withdraw_id not found": upstream.NotFound,
		"Akun tidak ditemukan": "", "tidak ditemukan": "",
	} {
		d, _ := saying(t, 404, `{"success":false,"message":"`+message+`"}`, nil)
		p, err := d.PayoutStatus(t.Context(), "65a1")
		if want == "" {
			require.Error(t, err, message)
			continue
		}
		require.NoError(t, err, message)
		require.Equal(t, want, p.State)
	}
	for message, want := range map[string]upstream.Reason{
		"Terlalu banyak invoice pending": upstream.ReasonFull, "Maksimal 3 invoice yang belum dibayar": upstream.ReasonFull, "Too many pending invoices, limit of invoice reached": upstream.ReasonFull,
		"Batas jumlah invoice tercapai": upstream.ReasonFull, "API key tidak valid": upstream.ReasonOurAccount, "Minimal deposit Rp 1.000": "",
		"Maksimal deposit Rp 10.000.000": "", "Batas maksimal deposit adalah 10.000.000": "", "Limit invoice: amount too large": upstream.ReasonFull,
	} {
		d, _ := saying(t, 400, `{"error":"`+message+`"}`, nil)
		_, err := d.CreateInvoice(t.Context(), &upstream.InvoiceRequest{Amount: 10_000})
		e := upstream.AsError(err)
		require.Equal(t, upstream.Rejected.String(), e.Class.String(), message)
		require.Equal(t, want, e.Reason, message)
	}
}

func TestWhatAPayoutsAnswerProves(t *testing.T) {
	t.Parallel()
	request := &upstream.PayoutRequest{Amount: 100_000, AccountNumber: "6281234567890", AccountName: "John Doe"}
	const ok = `"withdraw_id":"65a1","amount":100000,"fee":1000,"total_deduct":101000,"status":"pending","created_at":"2025-01-15T10:30:00.000Z"`
	d, _ := saying(t, 200, `{"success":true,"message":"Permintaan penarikan berhasil diajukan","new_balance":899000,`+ok+`}`, nil)
	p, err := d.CreatePayout(t.Context(), request)
	require.NoError(t, err)
	left := int64(899_000)
	require.Equal(t, upstream.Payout{
		UpstreamRef: "65a1", State: upstream.Pending, Amount: 100_000, Fee: 1_000, Method: "dana", AccountNumber: "081234567890", AccountName: "John Doe",
		CreatedAt: time.Date(2025, 1, 15, 10, 30, 0, 0, time.UTC), Balance: &left, Code: "pending", Detail: "Permintaan penarikan berhasil diajukan",
	}, *p)
	for _, c := range []struct {
		status   int
		body     string
		class    upstream.Class
		answered bool
		reason   upstream.Reason
	}{
		{400, `{"error":"Saldo tidak cukup"}`, upstream.Unknown, true, upstream.ReasonOurBalance},
		{200, `{"success":false,"message":"Nomor tidak valid"}`, upstream.Unknown, true, upstream.ReasonCustomer},
		{401, `{"error":"API key tidak valid"}`, upstream.Rejected, false, upstream.ReasonOurAccount},
		{403, `{"error":"?"}`, upstream.Rejected, false, upstream.ReasonOurAccount},
		{409, `{"error":"Saldo tidak cukup"}`, upstream.Unknown, false, ""},
		{500, `{"error":"Saldo tidak cukup"}`, upstream.Unknown, false, ""},
		{400, `{"error":"coba lagi"}`, upstream.Unknown, false, ""},
		{200, `{"error":"Saldo tidak cukup",` + ok + `}`, upstream.Unknown, false, ""},
		{200, `{"success":true,` + strings.Replace(ok, "pending", "odd", 1) + `}`, upstream.Unknown, false, ""},
		{201, `{"success":true,` + strings.Replace(ok, `"65a1"`, `""`, 1) + `}`, upstream.Unknown, false, ""},
		{500, `{"success":true,` + ok + `}`, upstream.Unknown, false, ""},
		{200, `{}`, upstream.Unknown, false, ""},
	} {
		d, _ = saying(t, c.status, c.body, nil)
		_, err = d.CreatePayout(t.Context(), request)
		e := upstream.AsError(err)
		require.NotNil(t, e, c.body)
		require.Equal(t, c.class.String(), e.Class.String(), c.body)
		require.Equal(t, c.answered, e.Answered, c.body)
		require.Equal(t, c.reason, e.Reason, c.body)
	}
	const row = `"withdraw_id":"65a1","amount":100000,"fee":1000,"total_deduct":101000,"method":"dana","account_number":"081234567890","account_name":"John Doe",` +
		`"admin_note":"rekening salah","created_at":"2025-01-15T10:30:00.000Z","processed_at":"2025-01-15T14:20:00.000Z"`
	for status, want := range map[string]upstream.State{"pending": upstream.Pending, "success": upstream.Succeeded, "rejected": upstream.Failed, "odd": ""} {
		d, _ = saying(t, 200, `{"success":true,"status":"`+status+`",`+row+`}`, nil)
		p, err = d.PayoutStatus(t.Context(), "65a1")
		if want == "" {
			require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, p.State)
		require.Equal(t, "rekening salah", p.Detail)
		require.Equal(t, time.Date(2025, 1, 15, 14, 20, 0, 0, time.UTC), p.ProcessedAt)
		_, err = d.PayoutStatus(t.Context(), "other")
		require.Equal(t, upstream.Unknown, upstream.AsError(err).Class)
	}
	for name, body := range map[string]string{
		"another page":  `{"success":true,"data":[],"pagination":{"page":2,"limit":100,"total":0,"total_pages":0}}`,
		"no pagination": `{"success":true,"data":[]}`,
		"an odd row":    `{"success":true,"data":[{"status":"success",` + row + `},{"withdraw_id":"x"}],"pagination":{"page":1,"limit":100,"total":2,"total_pages":1}}`,
		"an odd state":  `{"success":true,"data":[{"status":"odd",` + row + `}],"pagination":{"page":1,"limit":100,"total":1,"total_pages":1}}`,
	} {
		d, _ = saying(t, 200, body, nil)
		rows, _, err := d.PayoutHistory(t.Context(), 1)
		require.Empty(t, rows)
		require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, name)
	}
}

// TestWherePicturesMayLie: the gateway's own host and those that are named, and only
// the first is told the key.
func TestWherePicturesMayLie(t *testing.T) {
	t.Parallel()
	const png = "\x89PNG\r\n\x1a\n"
	asked := make(chan string, 8)
	named := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		_, _ = io.WriteString(w, png)
	}))
	t.Cleanup(named.Close)
	page := new(atomic.Bool)
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		if page.Load() {
			_, _ = io.WriteString(w, "<html>blocked")
			return
		}
		_, _ = io.WriteString(w, png)
	}))
	t.Cleanup(own.Close)
	d, err := invoice.New(upstream.Config{
		Name: "u", BaseURL: own.URL + "/sub", Credentials: map[string]string{"api_key": "k+y!"}, HTTP: upstream.NewHTTP(),
		Options: map[string]string{"image_hosts": named.Listener.Addr().String()},
	})
	require.NoError(t, err)
	for address, want := range map[string]string{
		own.URL + "/qr.png?apikey={apikey}&x=1":   "/qr.png?apikey=k%2By%21&x=1",
		own.URL + "/qr/{apikey}/a.png":            "/qr/k%2By%21/a.png",
		named.URL + "/qr.png?apikey={apikey}&x=1": "/qr.png?apikey={apikey}&x=1",
	} {
		got, err := d.InvoiceImage(t.Context(), &upstream.Invoice{ImageURL: address})
		require.NoError(t, err, address)
		require.Equal(t, png, string(got))
		require.Equal(t, want, <-asked)
	}
	page.Store(true)
	_, err = d.InvoiceImage(t.Context(), &upstream.Invoice{ImageURL: own.URL + "/qr.png"})
	require.True(t, upstream.AsError(err).Pause)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>blocked") }))
	t.Cleanup(other.Close)
	d, err = invoice.New(upstream.Config{
		Name: "u", BaseURL: own.URL, Credentials: map[string]string{"api_key": "k+y!"}, HTTP: upstream.NewHTTP(),
		Options: map[string]string{"image_hosts": other.Listener.Addr().String()},
	})
	require.NoError(t, err)
	_, err = d.InvoiceImage(t.Context(), &upstream.Invoice{ImageURL: other.URL + "/qr.png"})
	require.False(t, upstream.AsError(err).Pause, "another host's page pauses nothing")
}
