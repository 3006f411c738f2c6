package rqid_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
)

// at is saying's clock.
var at = time.Date(2026, 4, 21, 17, 30, 0, 0, time.UTC)

func TestWhatAnInquiryFinds(t *testing.T) {
	t.Parallel()
	ok := func(amounts, more string) string {
		return `{"status":"success","code":200,"message":"success","rc":"00","data":{"ref_1":"R","ref_2":"I-1","product_code":"PLN","customer_id":"546302215889",` +
			`"status":1,"status_label":"success",` + amounts + `"msg":"INQ PLN.546302215889 SUKSES, DATA:Anto"` + more + `}}`
	}
	const detail = `,"detail":{"nama":"Anto","bl_th":"MAR26,APR26","tarif":"R1","daya":1300,"denda":"5000","admin_pusat":"1","rincian":[{"denda":"1"}]}`
	for _, c := range []struct {
		body                       string
		amount, admin, total, cost int64
	}{
		{ok(`"price":"300000","admin":"2750","total_price":"302750",`, detail), 300_000, 2_750, 302_750, 302_750},
		{ok(`"price":300000,"admin":2750,`, detail), 300_000, 2_750, 302_750, 302_750},
		{ok(`"price":"300000","total_price":"302750",`, detail), 300_000, 2_750, 302_750, 302_750},
		{ok(`"admin":"2750","total_price":"302750",`, detail), 300_000, 2_750, 302_750, 302_750},
		{ok(`"price":"300000","admin":"2750","total_price":"301000",`, detail), 300_000, 2_750, 302_750, 301_000},
		{ok(`"price":"300000","admin":"2750","total_price":"307750",`, detail), 300_000, 2_750, 307_750, 307_750},
	} {
		d, asked := saying(t, 200, c.body)
		b, err := d.Inquire(t.Context(), &upstream.Purchase{Ref: "R", Code: "PLN", Target: "546302215889"})
		require.NoError(t, err, c.body)
		require.JSONEq(t, `{"mmid":"MM001","product_code":"PLN","customer_id":"546302215889","ref_1":"R"}`, (*asked)[len("POST /V1/api/inquiry "):])
		require.Equal(t, [4]int64{c.amount, c.admin, c.total, c.cost}, [4]int64{b.Amount, b.Admin, b.Total, b.Cost}, c.body)
		require.Equal(t, "Anto", b.CustomerName)
		require.Equal(t, "MAR26,APR26", b.Period)
		require.Equal(t, map[string]string{"tariff": "R1", "power": "1300", "penalty": "5000"}, b.Lines, "names that are known, and no others")
		require.Equal(t, "I-1", b.UpstreamRef)
		require.Equal(t, at.Add(15*time.Minute), b.ExpiresAt)
	}
	for _, body := range []string{
		ok(`"price":"300000",`, ""), ok(``, ""), ok(`"total_price":"302750",`, ""), ok(`"price":"-1","admin":"2750","total_price":"302750",`, ""),
		ok(`"price":"9223372036854775807","admin":"9223372036854775807",`, ""), ok(`"price":"5","admin":"9","total_price":"99999999999999",`, ""),
		strings.Replace(ok(`"price":"1","admin":"1",`, ""), "546302215889", "546302215888", 1),
		strings.Replace(ok(`"price":"1","admin":"1",`, ""), `"R"`, `"S"`, 1),
		strings.Replace(ok(`"price":"1","admin":"1",`, ""), `"status":1,"status_label":"success"`, `"status":2,"status_label":"process"`, 1),
		strings.Replace(ok(`"price":"1","admin":"1",`, ""), `"status":1,"status_label":"success"`, `"status":7,"status_label":"?"`, 1),
		strings.Replace(ok(`"price":"1","admin":"1",`, ""), `"code":200`, `"code":500`, 1),
	} {
		d, _ := saying(t, 200, body)
		b, err := d.Inquire(t.Context(), &upstream.Purchase{Ref: "R", Code: "PLN", Target: "546302215889"})
		require.Nil(t, b, body)
		require.Equal(t, upstream.Unknown.String(), upstream.AsError(err).Class.String(), body)
	}
}

func TestWhyAnInquiryFindsNothing(t *testing.T) {
	t.Parallel()
	failed := `{"status":"success","code":200,"message":"success","rc":%q,"data":{"ref_1":"R","customer_id":"1","status":11,"status_label":"failed","msg":%q}}`
	for body, want := range map[string]upstream.Reason{
		`{"status":"error","code":422,"message":"tagihan sudah dibayar","rc":"88"}`:       upstream.ReasonNoBill,
		`{"status":"error","code":422,"message":"?","rc":"14"}`:                           upstream.ReasonNoBill,
		`{"status":"error","code":404,"message":"data tidak ditemukan","rc":"25"}`:        upstream.ReasonNoBill,
		`{"status":"error","code":422,"message":"nomor pelanggan salah"}`:                 upstream.ReasonNoBill,
		`{"status":"error","code":422,"message":"produk gangguan","rc":"91"}`:             upstream.ReasonProduct,
		`{"status":"error","code":401,"message":"?"}`:                                     upstream.ReasonOurAccount,
		`{"status":"error","code":400,"message":"duplicate","rc":"94"}`:                   upstream.ReasonDuplicate,
		fmt.Sprintf(failed, "14", "GAGAL"):                                                upstream.ReasonNoBill,
		fmt.Sprintf(failed, "99", "INQ GAGAL, belum ada tagihan"):                         upstream.ReasonNoBill,
		fmt.Sprintf(failed, "91", "INQ GAGAL"):                                            upstream.ReasonProduct,
		strings.Replace(fmt.Sprintf(failed, "99", "x"), "11", `1,"price":0,"admin":0`, 1): upstream.ReasonNoBill,
	} {
		body = strings.Replace(body, `"admin":0,"status_label":"failed"`, `"admin":0,"status_label":"success"`, 1)
		d, _ := saying(t, 200, body)
		b, err := d.Inquire(t.Context(), &upstream.Purchase{Ref: "R", Code: "PLN", Target: "1"})
		require.Nil(t, b)
		e := upstream.AsError(err)
		require.Equal(t, upstream.Rejected.String(), e.Class.String(), body)
		require.Equal(t, want, e.Reason, body)
	}
	for _, body := range []string{
		fmt.Sprintf(failed, "99", "timeout"), `{"status":"error","code":500,"message":"tagihan sudah dibayar","rc":"88"}`,
		`{"status":"error","code":422,"message":"sedang diproses","rc":"14"}`,
	} {
		d, _ := saying(t, 200, body)
		_, err := d.Inquire(t.Context(), &upstream.Purchase{Ref: "R", Code: "PLN", Target: "1"})
		require.Equal(t, upstream.Unknown.String(), upstream.AsError(err).Class.String(), body)
	}
}

// TestAnInquiryIsNeverAPayment: both share a ref_1, and a bill that was only inquired
// must not be taken for one that was paid.
func TestAnInquiryIsNeverAPayment(t *testing.T) {
	t.Parallel()
	tx := func(status int, label, msg string) string {
		return fmt.Sprintf(`{"status":"success","code":200,"message":"success","rc":"00","data":{"ref_1":"R","product_code":"PLN","status":%d,"status_label":%q,"msg":%q}}`, status, label, msg)
	}
	payment := &upstream.Purchase{OrderID: 1, Ref: "R", Code: "PLN", Target: "1", Bill: &upstream.Bill{Cost: 302_750}}
	for _, c := range []struct {
		body string
		want upstream.State // empty: not known
	}{
		{tx(1, "success", "INQ PLN.1 SUKSES, DATA:Anto"), upstream.NotFound},
		{tx(11, "failed", "INQ PLN.1 GAGAL"), upstream.NotFound},
		{tx(2, "process", "INQ PLN.1"), ""},
		{tx(1, "success", "..."), ""},
		{tx(1, "success", ""), ""},
		{tx(1, "success", "BAYAR PLN.1 SUKSES ..."), upstream.Succeeded},
		{tx(1, "success", "TRX PLN.1 SUKSES, SN:AB12"), upstream.Succeeded},
		{tx(11, "failed", "GAGAL"), upstream.Failed},
		{tx(3, "pending", ""), upstream.Pending},
	} {
		d, asked := saying(t, 200, c.body)
		for _, ask := range []func() (*upstream.Result, error){
			func() (*upstream.Result, error) { return d.Status(t.Context(), payment) },
			func() (*upstream.Result, error) { return d.Lookup(t.Context(), payment) },
		} {
			res, err := ask()
			require.Contains(t, *asked, "/V1/api/status ", "rows of the history do not tell")
			if c.want == "" {
				require.Nil(t, res, c.body)
				require.Equal(t, upstream.Unknown.String(), upstream.AsError(err).Class.String(), c.body)
				continue
			}
			require.NoError(t, err, c.body)
			require.Equal(t, c.want, res.State, c.body)
		}
	}
	d, _ := saying(t, 200, tx(1, "success", "INQ PLN.1 SUKSES"))
	_, err := d.Pay(t.Context(), payment)
	require.Equal(t, upstream.Unknown.String(), upstream.AsError(err).Class.String(), "not even from the payment's own answer")
	_, err = d.Status(t.Context(), &upstream.Purchase{Ref: "R"})
	require.Equal(t, upstream.Unknown.String(), upstream.AsError(err).Class.String(), "nor when the caller forgot that it was a bill")
	d, _ = saying(t, 200, tx(1, "success", "..."))
	res, err := d.Pay(t.Context(), payment)
	require.NoError(t, err)
	require.Equal(t, upstream.Succeeded, res.State, "a payment's own answer is about the payment")
	row := `{"status":"success","code":200,"message":"","data":[{"ref_1":"R","status_label":"success","total_price":"1","msg":%q}]}`
	for msg, want := range map[string]int{"": 0, "INQ PLN": 0, "BAYAR PLN SUKSES": 1} {
		d, _ = saying(t, 200, fmt.Sprintf(row, msg))
		got, err := d.BulkStatus(t.Context(), []*upstream.Purchase{payment})
		require.NoError(t, err)
		require.Len(t, got, want, msg)
	}
}

func TestTheRefusalOfAPaymentMeansAsk(t *testing.T) {
	t.Parallel()
	payment := &upstream.Purchase{Ref: "R", Code: "PLN", Target: "1", Bill: &upstream.Bill{Cost: 302_750, ExpiresAt: at.Add(time.Second)}}
	d, _ := saying(t, 400, `{"status":"error","code":400,"message":"?","rc":"94"}`)
	_, err := d.Pay(t.Context(), payment)
	require.Equal(t, upstream.ReasonDuplicate, upstream.AsError(err).Reason)
	require.Equal(t, upstream.Rejected, upstream.AsError(err).Class)
	for message, want := range map[string]upstream.Reason{
		"inquiry sudah kadaluarsa": upstream.ReasonExpired, "tagihan sudah dibayar": upstream.ReasonNoBill, "saldo kurang": upstream.ReasonOurBalance,
		"nomor pelanggan salah": upstream.ReasonCustomer,
	} {
		d, _ = saying(t, 422, `{"status":"error","code":422,"message":"`+message+`"}`)
		_, err = d.Pay(t.Context(), payment)
		e := upstream.AsError(err)
		require.Equal(t, upstream.Unknown.String(), e.Class.String(), "no refusal of a purchase is proof")
		require.True(t, e.Answered)
		require.Equal(t, want, e.Reason, message)
	}
	payment.Bill.ExpiresAt = at
	d, asked := saying(t, 200, `{}`)
	_, err = d.Pay(t.Context(), payment)
	require.Equal(t, upstream.ReasonExpired, upstream.AsError(err).Reason)
	require.Empty(t, *asked, "an inquiry that is over is not sent")
}

func TestThePriceOfOneProduct(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]upstream.Price{
		`{"gangguan":"Tidak","kosong":"Tidak","harga":"5500","kode":"IS5"}`: {Cost: 5500, Available: true},
		`{"gangguan":"Ya","kosong":"Tidak","harga":5500,"kode":"IS5"}`:      {Cost: 5500, Reason: "trouble"},
		`{"gangguan":"tidak","kosong":"YA","harga":"5500","kode":"IS5"}`:    {Cost: 5500, Reason: "out_of_stock"},
	} {
		d, asked := saying(t, 200, `{"status":"success","code":200,"message":"success","rc":"00","data":`+data+`}`)
		got, err := d.PriceOf(t.Context(), "IS5")
		require.NoError(t, err)
		require.Equal(t, want, *got)
		require.JSONEq(t, `{"mmid":"MM001","product_code":"IS5"}`, (*asked)[len("POST /V1/api/price "):])
	}
	for _, data := range []string{
		`{"harga":"0","kode":"IS5"}`, `{"harga":"5.500","kode":"IS5"}`, `{"harga":"5500","kode":"IS10"}`, `{"kode":"IS5"}`, `{"harga":"-1","kode":"IS5"}`,
	} {
		d, _ := saying(t, 200, `{"status":"success","code":200,"message":"success","rc":"00","data":`+data+`}`)
		_, err := d.PriceOf(t.Context(), "IS5")
		require.Equal(t, upstream.Unknown.String(), upstream.AsError(err).Class.String(), data)
	}
}
