package rqid_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/rqid"
)

// saying is a driver whose provider always answers the same; it keeps what it
// was asked last.
func saying(t *testing.T, status int, body string) (*rqid.Driver, *string) {
	t.Helper()
	asked := new(string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		*asked = r.Method + " " + r.URL.Path + " " + string(b)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	d, err := rqid.New(upstream.Config{
		Name: "u", BaseURL: srv.URL, Credentials: map[string]string{"api_key": secret, "mmid": "MM001"}, HTTP: upstream.NewHTTP(),
		Now: func() time.Time { return time.Date(2026, 4, 21, 17, 30, 0, 0, time.UTC) },
	})
	require.NoError(t, err)
	return d, asked
}

func TestWhatAPurchasesAnswerProves(t *testing.T) {
	t.Parallel()
	const data = `{"ref_1":"R","product_code":"IS5","customer_id":"0812","price":"5500","total_price":"5500",`
	for _, c := range []struct {
		status int
		body   string
		state  upstream.State
		class  upstream.Class
		reason upstream.Reason
	}{
		{500, `{"status":"success","code":200,"message":"success","rc":"00","data":` + data + `"status":11,"status_label":"failed","msg":""}}`, "", upstream.Unknown, ""},
		{200, `{"status":"success","code":200,"message":"success","rc":"00","data":` + data + `"status":1,"status_label":"success","msg":"TRX SUKSES, SN:ABC123"}}`, upstream.Succeeded, 0, ""},
		{200, `{"status":"success","code":200,"message":"success","rc":"00","data":` + data + `"status":"2","status_label":"process","msg":""}}`, upstream.Pending, 0, ""},
		{200, `{"status":"success","code":200,"message":"success","data":` + data + `"status":3,"status_label":"","msg":""}}`, upstream.Pending, 0, ""},
		{200, `{"status":"success","code":200,"message":"success","rc":"14","data":` + data + `"status":11,"status_label":"failed","msg":"GAGAL"}}`, upstream.Failed, 0, upstream.ReasonCustomer},
		{200, `{"status":"success","code":200,"message":"success","rc":"00","data":` + data + `"status":11,"status_label":"failed","msg":"GAGAL, produk gangguan"}}`, upstream.Failed, 0, upstream.ReasonProduct},
		{422, `{"status":"failed","code":422,"message":"x","rc":"99","data":` + data + `"status":11,"status_label":"failed","msg":"GAGAL"}}`, upstream.Failed, 0, ""},
		{200, `{"status":"success","code":200,"message":"success","rc":"00","data":` + data + `"status":7,"status_label":"odd","msg":""}}`, "", upstream.Unknown, ""},
		{200, `{"status":"success","code":200,"message":"success","rc":"00","data":` + data + `"status":1,"status_label":"failed","msg":""}}`, "", upstream.Unknown, ""},
		{200, `{"status":"success","code":200,"message":"success","rc":"00","data":{"ref_1":"OTHER","status":1,"status_label":"success","msg":""}}`, "", upstream.Unknown, ""},
		{400, `{"status":"error","code":400,"message":"duplicate","rc":"94","data":null}`, "", upstream.Rejected, upstream.ReasonDuplicate},
		{200, `{"status":"success","code":200,"message":"duplicate","rc":"94","data":` + data + `"status":11,"status_label":"failed","msg":""}}`, "", upstream.Rejected, upstream.ReasonDuplicate},
		{401, `{"status":"error","code":401,"message":"?"}`, "", upstream.Rejected, upstream.ReasonOurAccount},
		{200, `{"status":"error","code":403,"message":"mmid tidak valid","rc":"58"}`, "", upstream.Rejected, upstream.ReasonOurAccount},
		{200, `{"status":"success","code":200,"message":"success","rc":"00","data":` + data + `"status":1,"status_label":"success","admin":"5.500","msg":""}}`, "", upstream.Unknown, ""},
	} {
		d, asked := saying(t, c.status, c.body)
		res, err := d.Submit(t.Context(), &upstream.Purchase{Ref: "R", Code: "IS5", Target: "+62 812", Zone: "9"})
		require.JSONEq(t, `{"mmid":"MM001","product_code":"IS5","customer_id":"08129","ref_1":"R"}`, (*asked)[len("POST /V1/api/topup "):])
		if c.state != "" {
			require.NoError(t, err, c.body)
			require.Equal(t, c.state, res.State, c.body)
			require.Equal(t, c.reason, res.Reason, c.body)
			require.Equal(t, "R", res.UpstreamRef)
			continue
		}
		e := upstream.AsError(err)
		require.NotNil(t, e, c.body)
		require.Equal(t, c.class.String(), e.Class.String(), c.body)
		require.Equal(t, c.reason, e.Reason, c.body)
	}
}

func TestWhatARefusalOfAPurchaseProves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   int
		body     string
		answered bool
		hint     upstream.Reason
	}{
		{422, `{"status":"error","code":422,"message":"?","rc":"51"}`, true, upstream.ReasonOurBalance},
		{422, `{"status":"error","code":422,"message":"target salah","rc":"30"}`, true, upstream.ReasonCustomer},
		{200, `{"status":"error","code":422,"message":"?","rc":"13"}`, true, upstream.ReasonProduct},
		{200, `{"status":"error","code":400,"message":"?","rc":"14"}`, true, upstream.ReasonCustomer},
		{422, `{"status":"error","code":422,"message":"?","rc":"58"}`, true, upstream.ReasonOurAccount},
		{422, `{"status":"error","code":422,"message":"produk sedang gangguan","rc":"91"}`, true, upstream.ReasonProduct},
		{422, `{"status":"error","code":422,"message":"saldo tidak cukup","rc":"77"}`, true, upstream.ReasonOurBalance},
		{404, `{"status":"error","code":404,"message":"tidak ditemukan","rc":"25","data":null}`, true, ""},
		{200, `{"status":"error","message":"Terjadi kesalahan","rc":"99"}`, true, ""},
		{200, `{"status":"error","code":500,"message":"saldo","rc":"51"}`, false, ""},
		{500, `{"status":"error","code":400,"message":"saldo","rc":"51"}`, false, ""},
		{500, `{"status":"error","code":400,"message":"?","rc":"94"}`, false, ""},
		{503, `{"status":"error","code":401,"message":"?"}`, false, ""},
		{200, `{"status":"error","code":408,"message":"?"}`, false, ""},
		{409, `{"status":"error","code":200,"message":"?"}`, false, ""},
		{200, `{"status":"error","code":400,"message":"timeout","rc":"91"}`, false, ""},
		{200, `{"status":"error","code":400,"message":"Suspect","rc":"51"}`, false, ""},
		{200, `{"status":"error","code":400,"message":"transaksi diproses","rc":"13"}`, false, ""},
		{401, `{"status":"error","code":401,"message":"sedang diproses"}`, false, ""},
		{200, `{"status":"error","code":400,"message":"?","rc":"68"}`, false, ""},
		{200, `{"status":"error","code":400,"message":"?","rc":"51","data":{"ref_1":"R"}}`, false, ""},
		{200, `{"status":"error","code":400,"message":"?","rc":"51","data":{"ref_1":"R","status":7}}`, false, ""},
		{200, `{"status":"error","code":400,"message":"?","rc":"51","data":{}}`, false, ""},
		{401, `{"status":"error","code":401,"message":"?","data":{"ref_1":"R","status":7}}`, false, ""},
	} {
		d, _ := saying(t, c.status, c.body)
		_, err := d.Submit(t.Context(), &upstream.Purchase{Ref: "R", Code: "IS5", Target: "1"})
		e := upstream.AsError(err)
		require.NotNil(t, e, c.body)
		require.Equal(t, upstream.Unknown.String(), e.Class.String(), c.body)
		require.Equal(t, c.answered, e.Answered, c.body)
		require.Equal(t, c.hint, e.Reason, c.body)
	}
}

func TestWhatIsEvidenceOfAbsence(t *testing.T) {
	t.Parallel()
	p := &upstream.Purchase{Ref: "R/1"}
	for _, c := range []struct {
		status int
		body   string
		absent bool
	}{
		{404, `{"status":"error","code":404,"message":"x","rc":"25","data":null}`, true},
		{200, `{"status":"error","code":400,"message":"","rc":"25"}`, true},
		{404, `{"status":"error","code":404,"message":"Transaksi tidak ditemukan"}`, true},
		{200, `{"status":"error","code":200,"message":"ref_1 R/1 not found.","data":[]}`, true},
		{200, `{"status":"success","code":200,"message":"success","data":[]}`, true},
		{200, `{"status":"success","code":200,"message":"success","data":null}`, true},
		{200, `{"status":"success","code":200,"message":"success","data":{"data":[],"meta":{"current_page":1,"total":0}}}`, true},
		{200, `{"status":"success","code":200,"message":"success","data":{"data":[],"meta":{"current_page":1,"total":3}}}`, false},
		{200, `{"status":"success","code":200,"message":"success","rc":"68","data":[]}`, false},
		{200, `{"status":"success","code":500,"message":"success","data":[]}`, false},
		{503, `{"status":"success","code":200,"message":"success","data":[]}`, false},
		{401, `{"status":"error","code":401,"message":"API key tidak ditemukan"}`, false},
		{401, `{"status":"error","code":404,"message":"Transaksi tidak ditemukan","rc":"25"}`, false},
		{403, `{"status":"error","code":404,"message":"Transaksi tidak ditemukan","rc":"25"}`, false},
		{500, `{"status":"error","code":404,"message":"Transaksi tidak ditemukan","rc":"25"}`, false},
		{200, `{"status":"error","code":401,"message":"x","rc":"25"}`, false},
		{404, `{"status":"error","code":500,"message":"x","rc":"25"}`, false},
		{404, `{"status":"error","code":404,"message":"API key tidak ditemukan","rc":"25"}`, false},
		{404, `{"status":"error","code":404,"message":"Route not found"}`, false},
		{404, `{"status":"error","code":404,"message":"endpoint tidak ditemukan"}`, false},
		{404, `{"status":"error","code":404,"message":"Transaction route not found"}`, false},
		{404, `{"status":"error","code":404,"message":"tidak ditemukan"}`, false},
		{404, `{"status":"error","code":404,"message":"x"}`, false},
		{404, `{"status":"error","code":404,"message":"Transaksi gagal, respon tidak ada"}`, false},
		{404, `{"status":"error","code":404,"message":"Transaksi belum ditemukan, sedang diproses","rc":"25"}`, false},
		{404, `{"status":"error","code":404,"message":"Transaksi tidak ditemukan","rc":"68"}`, false},
		{404, `{"status":"error","code":404,"message":"Transaksi tidak ditemukan","data":{}}`, false},
		{404, `{"status":"error","code":404,"message":"x","rc":"25","data":{"ref_1":"R/1","status":1}}`, false},
		{404, `{"error":"no route"}`, false},
		{404, ``, false},
		{422, `{"status":"error","code":422,"message":"x","rc":"77"}`, false},
		{401, `{"status":"error","code":401,"message":"x","rc":"58"}`, false},
		{200, `{"status":"success","code":200,"message":"success"}`, false},
		{200, `{"status":"success","code":200,"message":"success","data":{}}`, false},
		{200, `{"status":"success","code":200,"message":"success","data":[{"ref_1":"OTHER","status_label":"success"}]}`, false},
		{200, `{"status":"success","code":200,"message":"success","rc":"94","data":[]}`, false},
		{200, `{"status":"success","code":200,"message":"success","data":[{"ref_1":"R/1","status_label":"success"},{"ref_1":"R/1","status_label":"failed"}]}`, false},
		{200, `{"status":"success","code":200,"message":"success","data":[{"ref_1":"OTHER","status_label":{}}]}`, false},
	} {
		d, asked := saying(t, c.status, c.body)
		res, err := d.Lookup(t.Context(), p)
		require.Contains(t, *asked, "POST /V1/api/history/R/1 ")
		if c.absent {
			require.NoError(t, err, c.body)
			require.Equal(t, upstream.NotFound, res.State, c.body)
			continue
		}
		require.Error(t, err, c.body)
		require.Nil(t, res)
		res, err = d.Status(t.Context(), p)
		require.Error(t, err, c.body)
		require.Nil(t, res)
	}
}

func TestTheHistoryIsAskedForTheDaysOfThePurchases(t *testing.T) {
	t.Parallel()
	d, asked := saying(t, 200, `{"status":"success","code":200,"message":"success","data":[`+
		`{"ref_1":"A","product_code":"IS5","customer_id":"1","status_label":"success","total_price":"5500","created_at":"2026-04-21 11:00:00"},`+
		`{"ref_1":"B","product_code":"IS5","customer_id":"1","status_label":"failed","total_price":"5500","created_at":"2026-04-21 11:00:00"},`+
		`{"ref_1":"C","product_code":"IS5","customer_id":"1","status_label":"odd","total_price":"5500","created_at":"2026-04-21 11:00:00"},`+
		`{"ref_1":"Z","product_code":"IS5","customer_id":"1","status_label":"success","total_price":"5500","created_at":"2026-04-21 11:00:00"}]}`)
	got, err := d.BulkStatus(t.Context(), []*upstream.Purchase{
		{OrderID: 1, Ref: "A", SentAt: time.Date(2026, 4, 20, 17, 30, 0, 0, time.UTC)}, {OrderID: 2, Ref: "B"}, {OrderID: 3, Ref: "C"},
	})
	require.NoError(t, err)
	// 00:30 in WIB less an hour is the day before; 00:30 of the 22nd is now.
	require.JSONEq(t, `{"mmid":"MM001","start_date":"2026-04-20","end_date":"2026-04-22","page":1,"per_page":1000}`, (*asked)[len("POST /V1/api/history "):])
	require.Len(t, got, 2, "neither the one of an odd state nor a stranger's")
	require.True(t, got[1].Incomplete, "its serial number is not in the row")
	require.True(t, got[2].Incomplete, "its reason is not in the row")
	require.EqualValues(t, 5500, *got[1].Cost)
}

func TestAnOddRowDoesNotSpoilThePage(t *testing.T) {
	t.Parallel()
	const meta = `"links":null,"meta":{"current_page":1,"last_page":7,"per_page":1000,"total":6500}`
	d, _ := saying(t, 200, `{"status":"success","code":200,"message":"success","data":{"data":[`+
		`{"ref_1":"Z","status_label":{},"total_price":[]},`+
		`{"ref_1":"A","product_code":"IS5","customer_id":"1","status_label":"success","total_price":"5500","created_at":"2026-04-21 11:00:00"},`+
		`{"ref_1":"B","status_label":"success","total_price":"5.500"},`+
		`{"ref_1":"C","status_label":"success","total_price":"5500"},{"ref_1":"C","status_label":"failed","total_price":"5500"}],`+meta+`}}`)
	got, err := d.BulkStatus(t.Context(), []*upstream.Purchase{{OrderID: 1, Ref: "A"}, {OrderID: 2, Ref: "B"}, {OrderID: 3, Ref: "C"}, {OrderID: 4, Ref: "D"}})
	require.NoError(t, err)
	require.Len(t, got, 1, "odd rows, rows that contradict each other and what is behind the page are asked about one by one")
	require.Equal(t, upstream.Succeeded, got[1].State)
	d, _ = saying(t, 200, `{"status":"success","code":200,"message":"success","data":[{"ref_1":"A","status_label":{}}]}`)
	_, err = d.BulkStatus(t.Context(), []*upstream.Purchase{{OrderID: 1, Ref: "A"}})
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, "nothing on the page could be read")
}

func TestAProductWithoutAPriceIsNotListed(t *testing.T) {
	t.Parallel()
	d, _ := saying(t, 200, `{"status":"success","code":200,"message":"success","data":[{"kode":"A","nama":"A","harga":"0"},{"kode":"B","nama":"B","harga":"1","gangguan":"Ya","kosong":"Ya"}]}`)
	page, err := d.CatalogPage(t.Context(), "prepaid", 1)
	require.NoError(t, err)
	require.Len(t, page.Offers, 1)
	require.Equal(t, "trouble", page.Offers[0].Reason)
	require.Zero(t, page.Next)
	_, err = d.CatalogPage(t.Context(), "no such", 1)
	require.Equal(t, upstream.NotSent, upstream.AsError(err).Class)
}
