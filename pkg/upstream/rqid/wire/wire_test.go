package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// rewrite decodes a body and encodes what was understood.
type rewrite func(body []byte) (any, error)

func answer[T any](decode func([]byte) (*wire.Reply[T], error)) rewrite {
	return func(body []byte) (any, error) {
		v, err := decode(body)
		return v, err
	}
}

func request[T any]() rewrite {
	return func(body []byte) (any, error) {
		v := new(T)
		return v, json.Unmarshal(body, v)
	}
}

// decoders are all decoders of answers with the example of each.
func decoders() map[string]rewrite {
	return map[string]rewrite{
		"price":      answer(wire.DecodePrice),
		"categories": answer(wire.DecodeCategories),
		"products":   answer(wire.DecodeProducts),
		"topup":      answer(wire.DecodeTransaction),
		"inquiry":    answer(wire.DecodeTransaction),
		"payment":    answer(wire.DecodeTransaction),
		"status":     answer(wire.DecodeTransaction),
		"history":    answer(wire.DecodeHistory),
		"balance":    answer(wire.DecodeBalance),
		"mutations":  answer(wire.DecodeMutations),
	}
}

// requests are all request bodies. The document's page of a history is a
// number, as ours.
func requests() map[string]rewrite {
	return map[string]rewrite{
		"price_request":       request[wire.PriceRequest](),
		"categories_request":  request[wire.Account](),
		"products_request":    request[wire.ProductsRequest](),
		"topup_request":       request[wire.BuyRequest](),
		"inquiry_request":     request[wire.BuyRequest](),
		"payment_request":     request[wire.BuyRequest](),
		"status_request":      request[wire.StatusRequest](),
		"history_ref_request": request[wire.Account](),
		"history_request":     request[wire.HistoryRequest](),
		"balance_request":     request[wire.Account](),
		"mutations_request":   request[wire.MutationsRequest](),
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return b
}

func TestDocumentedExamplesSurviveARoundTrip(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(decoders())+len(requests()), "every example has a test")
	for _, set := range []map[string]rewrite{decoders(), requests()} {
		for name, rewrite := range set {
			body := read(t, name)
			v, err := rewrite(body)
			require.NoError(t, err, name)
			again, err := json.Marshal(v)
			require.NoError(t, err, name)
			require.JSONEq(t, string(body), string(again), name)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	duplicate, err := json.Marshal(wire.Refuse(400, wire.RCDuplicate, "ref_1 sudah digunakan"))
	require.NoError(t, err)
	for name, rewrite := range decoders() {
		_, err := rewrite(duplicate)
		r, ok := wire.AsRefusal(err)
		require.True(t, ok, name)
		require.True(t, r.Duplicate())
		require.False(t, r.NotFound(400))
		require.Equal(t, 400, r.Code)
	}
	_, err = wire.DecodeTransaction([]byte(`{"status":"success","code":200,"message":"x","rc":"94","data":{"ref_1":"A","status":11,"status_label":"failed"}}`))
	r, ok := wire.AsRefusal(err)
	require.True(t, ok, "rc 94 is never a failed transaction")
	require.True(t, r.Duplicate())
	_, err = wire.DecodeHistoryOf([]byte(`{"status":"error","code":404,"message":"Transaksi tidak ditemukan","data":null}`))
	r, ok = wire.AsRefusal(err)
	require.True(t, ok)
	require.True(t, r.NotFound(404))
	require.False(t, r.NotFound(401))
	_, err = wire.DecodeHistoryOf([]byte(`{"status":"error","code":404,"message":"?","data":{"ref_1":"A","status":1}}`))
	r, ok = wire.AsRefusal(err)
	require.True(t, ok)
	require.False(t, r.NotFound(404), "an answer with a transaction in it is no proof of absence")
}

func TestWordsForATransactionThatIsNotKnown(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		"Transaksi tidak ditemukan": true, "transaksi tidak ditemukan.": true, "Data transaksi tidak ditemukan!": true, "Transaction not found": true,
		"The transaction was not found": true, "ref_1 tidak ditemukan": true, "Ref1 A-77 not found": true, "Reference not found": true,
		"Maaf, data transaksi dengan ref_1 MRA-77 tidak ditemukan": true, "Transaksi tidak ada": true, "Tidak ada transaksi": true,
		"No such transaction": true, "Transaksi 'T-1' tidak ditemukan": true,
		"": false, "tidak ditemukan": false, "not found": false, "API key tidak ditemukan": false, "Route not found": false,
		"Route for transaction not found": false, "Mitra tidak ditemukan": false, "Produk transaksi tidak ditemukan": false,
		"API key untuk transaksi ini tidak ditemukan": false, "Transaksi gagal, sn tidak ada": false, "Transaksi sukses": false,
		"Transaksi tidak ditemukan atau masih diproses": false, "Prefix not found": false, "The refresh token was not found": false,
		"Akun A-77 tidak ditemukan": false, "Transaksi ditemukan": false,
	} {
		r := wire.Refusal{Code: 404, Message: message}
		require.Equal(t, want, r.NotFound(404), message)
	}
}

func TestGarbageIsNeitherSuccessNorRefusal(t *testing.T) {
	t.Parallel()
	bodies := []string{
		"", " ", "<html><h1>502</h1>", "null", "[]", "{}", "{", "7", `{"status":"success","code":200,"message":"success"}`,
		`{"status":"success","code":200,"message":"success","data":7}`, `{"status":{},"code":200,"data":{}}`,
		`{"status":"error"}`, `{"status":"success","code":"2e2","data":[]}`, `{"code":200,"data":[]}`,
		`{"status":"success","code":200,"message":"success","rc":"00","data":{"ref_1":{},"status":1,"kode":{},"saldo":null}}`,
		`{"status":"success","code":200,"message":"success","data":{"data":[]}}`,
	}
	all := decoders()
	all["history_of"], all["statement"] = answer(wire.DecodeHistoryOf), answer(wire.DecodeStatement)
	for name, rewrite := range all {
		for _, body := range bodies {
			_, err := rewrite([]byte(body))
			require.ErrorIs(t, err, wire.ErrMalformed, "%s %s", name, body)
		}
		if name == "history_of" || name == "statement" {
			continue
		}
		whole := read(t, name)
		for _, cut := range []int{1, len(whole) / 3, len(whole) / 2, len(whole) - 3} {
			_, err := rewrite(whole[:cut])
			require.ErrorIs(t, err, wire.ErrMalformed, name)
		}
	}
}

func TestAnEnvelopeAndItsTransaction(t *testing.T) {
	t.Parallel()
	body := func(envelope, data string) []byte {
		return []byte(`{"status":"` + envelope + `","code":400,"message":"m","rc":"99","data":` + data + `}`)
	}
	r, err := wire.DecodeTransaction(body("failed", `{"ref_1":"A","status":"11","status_label":"failed"}`))
	require.NoError(t, err)
	require.Equal(t, wire.StateFailed, r.Data.State())
	require.EqualValues(t, "99", r.RC)
	_, err = wire.DecodeTransaction(body("failed", `{"ref_1":"A","status":1,"status_label":"success"}`))
	require.ErrorIs(t, err, wire.ErrMalformed, "a refusal around a success contradicts itself")
	_, err = wire.DecodeTransaction(body("failed", `{"ref_1":"A","status":5}`))
	_, refused := wire.AsRefusal(err)
	require.True(t, refused)
}

func TestStates(t *testing.T) {
	t.Parallel()
	n := func(i int64) *lenient.Int { v := lenient.Int(i); return &v }
	require.Equal(t, wire.StateSuccess, wire.StateOf(n(1), "success"))
	require.Equal(t, wire.StateFailed, wire.StateOf(n(11), ""))
	require.Equal(t, wire.StateProcess, wire.StateOf(n(2), "pending"))
	require.Equal(t, wire.StatePending, wire.StateOf(nil, "Pending"))
	require.Equal(t, wire.StateSuccess, wire.StateOf(nil, "SUKSES"))
	require.Zero(t, wire.StateOf(n(1), "failed"), "a contradiction is not known")
	require.Zero(t, wire.StateOf(n(4), "success"))
	require.Zero(t, wire.StateOf(nil, "odd"))
	for _, s := range []wire.State{1, 2, 3, 11} {
		require.Equal(t, s, wire.StateOf(nil, lenient.Text(s.Label())))
	}
}

func TestProductsFlatAndPaged(t *testing.T) {
	t.Parallel()
	r, err := wire.DecodeProducts(read(t, "products"))
	require.NoError(t, err)
	require.False(t, r.Data.Last())
	require.EqualValues(t, 5500, *r.Data.Rows[0].Harga)
	r, err = wire.DecodeProducts([]byte(`{"status":"success","code":200,"message":"ok","data":[{"kode":"A","harga":1,"gangguan":"ya","kosong":"TIDAK"}]}`))
	require.NoError(t, err)
	require.True(t, r.Data.Last())
	require.True(t, bool(r.Data.Rows[0].Gangguan))
	require.False(t, bool(r.Data.Rows[0].Kosong))
}

func TestTheHistoryOfOneIsStrict(t *testing.T) {
	t.Parallel()
	row := `{"ref_1":"A","product_code":"X","customer_id":"1","status_label":"success","total_price":"1","created_at":"2026-04-21 11:00:00"}`
	wrap := func(data string) []byte {
		return []byte(`{"status":"success","code":200,"message":"success","data":` + data + `}`)
	}
	many := "[" + row
	for range 30 {
		many += "," + row
	}
	_, err := wire.DecodeHistoryOf(wrap(many + `,{"ref_1":"B"}]`))
	require.ErrorIs(t, err, wire.ErrMalformed, "a row that is not understood must not look absent")
	page, err := wire.DecodeHistory(wrap(many + `,{"ref_1":"B"}]`))
	require.NoError(t, err)
	require.Len(t, page.Data.Rows, 31)
	require.Equal(t, 1, page.Data.Odd)
	for _, data := range []string{row, "[" + row + "]", `{"data":[` + row + `],"links":null,"meta":{"current_page":1,"last_page":1,"per_page":50,"total":1}}`} {
		r, err := wire.DecodeHistoryOf(wrap(data))
		require.NoError(t, err, data)
		require.Len(t, r.Data.Rows, 1)
		require.Equal(t, wire.StateSuccess, r.Data.Rows[0].State())
	}
	for _, data := range []string{"[]", "null"} {
		r, err := wire.DecodeHistoryOf(wrap(data))
		require.NoError(t, err)
		require.Empty(t, r.Data.Rows)
	}
}

func TestAStatementKeepsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	const rows = `[{"ref_1":"A","status_label":"success","total_price":"1"},{"ref_1":"B","total_price":"1"},` +
		`{"ref_1":7,"status_label":"failed","total_price":"1.000"},{"ref_1":{},"status_label":"failed"},[],null]`
	for _, data := range []string{rows, `{"data":` + rows + `,"meta":{"current_page":1,"last_page":1,"per_page":50,"total":6}}`} {
		r, err := wire.DecodeStatement([]byte(`{"status":"success","code":200,"message":"success","data":` + data + `}`))
		require.NoError(t, err)
		require.Len(t, r.Data.Rows, 6, "a row that is not understood must not look absent")
		require.Equal(t, 5, r.Data.Odd)
		require.Equal(t, wire.StateSuccess, r.Data.Rows[0].State())
		require.EqualValues(t, "B", r.Data.Rows[1].Ref1)
		require.EqualValues(t, "7", r.Data.Rows[2].Ref1)
		for _, row := range r.Data.Rows[1:] {
			require.Zero(t, row.State())
		}
	}
}

func TestAnInquiryIsToldFromItsPayment(t *testing.T) {
	t.Parallel()
	for msg, want := range map[string][2]bool{
		"INQ PLN.546302215889 SUKSES, DATA:Anto ...": {true, false}, "inquiry sukses": {true, false}, "Cek tagihan PLN": {true, false},
		"INQ PLN.1 SUKSES, SN:123":          {true, false},
		"BAYAR PLN.546302215889 SUKSES ...": {false, true}, "Pembayaran sukses": {false, true}, "TRX PLN.1 SUKSES, SN:AB12": {false, true},
		"...": {}, "": {}, "SUKSES": {}, "INQUISITOR SUKSES": {}, "TRX PLN.1 SUKSES": {},
	} {
		require.Equal(t, want, [2]bool{wire.OfInquiry(lenient.Text(msg)), wire.OfPayment(lenient.Text(msg))}, msg)
	}
}

func TestCustomersAreComparedByTheirDigits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"546302215889", "546302215889", true}, {"0001234567890", "1234567890", true}, {"08123456789", "+62 812-3456-789", true}, {"", "1", true},
		{"546302215889", "546302215888", false}, {"12345", "99912345", false}, {"123456", "999123456", true},
	} {
		require.Equal(t, c.same, wire.SameCustomer(c.a, c.b), c)
		require.Equal(t, c.same, wire.SameCustomer(c.b, c.a), c)
	}
}

func TestTheFactsOfABill(t *testing.T) {
	t.Parallel()
	r, err := wire.DecodeTransaction(read(t, "inquiry"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"no_pelanggan": "546302215889", "nama": "Anto", "bl_th": "APR26", "tagihan": "300000"}, r.Data.Facts())
	for detail, want := range map[string]map[string]string{
		`{"Nama":" A ","daya":1300,"denda":null,"rincian":[{"nama":"x"}],"alamat":{}}`: {"nama": "A", "daya": "1300"},
		`[]`: nil, `null`: {}, `"text"`: nil, `{}`: {}, ``: nil,
	} {
		tx := wire.Transaction{Detail: json.RawMessage(detail)}
		require.Equal(t, want, tx.Facts(), detail)
	}
}

func TestBalancesAreNumbersOrTexts(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int64{`1000000`: 1_000_000, `"1000000"`: 1_000_000, `0`: 0, `-5`: -5} {
		r, err := wire.DecodeBalance([]byte(`{"status":"success","code":200,"message":"success","data":{"saldo":` + body + `}}`))
		require.NoError(t, err)
		require.EqualValues(t, want, *r.Data.Saldo)
	}
	for _, body := range []string{`"1.000.000"`, `1e6`, `1.5`, `true`, `null`, `""`} {
		_, err := wire.DecodeBalance([]byte(`{"status":"success","code":200,"message":"success","data":{"saldo":` + body + `}}`))
		require.ErrorIs(t, err, wire.ErrMalformed, body)
	}
	_, err := wire.DecodeMutations([]byte(`{"status":"success","code":200,"message":"","data":[{"debit":0,"credit":5500,"notes":"x"}]}`))
	require.ErrorIs(t, err, wire.ErrMalformed, "a movement without its balance")
	_, err = wire.DecodeMutations([]byte(`{"status":"success","code":200,"message":"","data":[{"debit":-1,"credit":0,"balance":1}]}`))
	require.ErrorIs(t, err, wire.ErrMalformed)
}

func TestSerialNumbers(t *testing.T) {
	t.Parallel()
	for msg, want := range map[string]string{
		"TRX IS5.081234567890 SUKSES, SN:ABC123":                                             "ABC123",
		"SUKSES SN: 01394800006993562868. Saldo 994.500 - 5.500 = 989.000 @21/04/2026 11:00": "01394800006993562868",
		"SUKSES, S/N=ABC123, Harga: 5500":                                                    "ABC123",
		"sn:2514-1798-8056-2280-2824/BUDI SANTOSO/R1M/900VA/33.7":                            "2514-1798-8056-2280-2824/BUDI SANTOSO/R1M/900VA/33.7",
		"SN:2514-1798-8056-2280-2824/M. YUSUF/R1/1300VA/22,5. Sisa saldo 100":                "2514-1798-8056-2280-2824/M. YUSUF/R1/1300VA/22,5",
		"SN:DNID JAXX/20190401214753214742":                                                  "DNID JAXX/20190401214753214742",
		"SN:1234 5678 9012 3456 7890 terima kasih":                                           "1234 5678 9012 3456 7890",
		"SN:ABC123 terkirim":                                                                 "ABC123",
		"SN:ABC.12.3":                                                                        "ABC.12.3",
		"SN:ABC123.":                                                                         "ABC123",
		"SN:-":                                                                               "",
		"SN:":                                                                                "",
		"TRX GAGAL, PSN:77":                                                                  "",
		"TRX IS5.081234567890 SUKSES":                                                        "",
		"":                                                                                   "",
		"SUKSES\nSN:ABC123\nterima kasih":                                                    "ABC123",
	} {
		require.Equal(t, want, wire.SN(msg), msg)
	}
}

func TestCustomerID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" 081234 ": "081234", "+62 812-3456": "08123456", "+6208123": "08123", "628123": "628123", "0001234567890": "0001234567890",
	} {
		require.Equal(t, want, wire.CustomerID(in), in)
	}
	require.Equal(t, "/V1/api/history/a%2Fb", wire.HistoryOf("a/b"))
}

func FuzzDecoders(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(f, err)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`<html>`))
	f.Add([]byte(`{"status":"success","code":200,"message":"","data":[{"ref_1":7},{"ref_1":{}},[],null,"x"]}`))
	f.Add([]byte(`{"status":"success","code":200,"message":"","data":{"ref_1":"A","status":1,"msg":"INQ","detail":{"nama":"x","daya":1300,"rincian":[1],"Denda":null}}}`))
	all := decoders()
	all["history_of"], all["statement"] = answer(wire.DecodeHistoryOf), answer(wire.DecodeStatement)
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, rewrite := range all {
			v, err := rewrite(body)
			if err != nil {
				if _, refused := wire.AsRefusal(err); !refused {
					require.ErrorIs(t, err, wire.ErrMalformed, name)
				}
				continue
			}
			if t1, ok := v.(*wire.Reply[wire.Transaction]); ok {
				for fact, value := range t1.Data.Facts() {
					require.Equal(t, strings.ToLower(fact), fact)
					require.NotEmpty(t, value)
				}
			}
			if name == "history" || name == "history_of" || name == "statement" || name == "mutations" {
				continue // a local time may lie beyond what its layout can write
			}
			_, err = json.Marshal(v)
			require.NoError(t, err, name)
		}
	})
}

func FuzzSN(f *testing.F) {
	for _, s := range []string{"TRX SUKSES, SN:ABC123", "SN:1/2 3/4. Saldo 1", "S/N = 1 2 3", "SN:\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, msg string) {
		sn := wire.SN(msg)
		require.Contains(t, msg, firstOf(sn))
		require.NotContains(t, sn, "\n")
	})
}

// firstOf is the part of a serial number before its first blank: blanks inside
// are folded, so only it is sure to stand in the message as it is.
func firstOf(sn string) string {
	for i, r := range sn {
		if r == ' ' {
			return sn[:i]
		}
	}
	return sn
}
