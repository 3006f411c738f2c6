package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
)

// rewrite decodes a body and encodes what was understood.
type rewrite func(body []byte) (any, error)

func data[T any](decode func([]byte) (*T, error)) rewrite {
	return func(body []byte) (any, error) {
		v, err := decode(body)
		if err != nil {
			return nil, err
		}
		return wire.Reply[*T]{Data: v}, nil
	}
}

func rows[T any](decode func([]byte) ([]T, int, error)) rewrite {
	return func(body []byte) (any, error) {
		v, _, err := decode(body)
		if err != nil {
			return nil, err
		}
		return wire.Reply[[]T]{Data: v}, nil
	}
}

func request[T any]() rewrite {
	return func(body []byte) (any, error) {
		v := new(T)
		return v, json.Unmarshal(body, v)
	}
}

// decoders are all decoders of answers with the examples of each.
func decoders() map[string]rewrite {
	transaction := data(wire.DecodeTransaction)
	out := map[string]rewrite{
		"balance": data(wire.DecodeBalance), "prices": rows(wire.DecodeProducts), "bills": rows(wire.DecodeBills), "deposit": data(wire.DecodeTicket),
		"meter": data(wire.DecodeMeter), "hook": data(wire.DecodeHook), "hook_bill": data(wire.DecodeHook),
	}
	for _, name := range []string{
		"topup_success", "topup_pending", "topup_failed", "topup_refused", "payment_pln", "inquiry_failed", "inquiry_pln", "inquiry_pdam", "inquiry_internet",
		"inquiry_bpjs", "inquiry_multifinance", "inquiry_pbb", "inquiry_gas", "inquiry_tv", "inquiry_samsat",
	} {
		out[name] = transaction
	}
	return out
}

func requests() map[string]rewrite {
	return map[string]rewrite{
		"balance_request": request[wire.BalanceRequest](), "prices_request": request[wire.PricesRequest](), "deposit_request": request[wire.DepositRequest](),
		"topup_request": request[wire.TransactionRequest](), "inquiry_request": request[wire.TransactionRequest](),
		"inquiry_emoney_request": request[wire.TransactionRequest](), "inquiry_pbb_request": request[wire.TransactionRequest](),
		"payment_request": request[wire.TransactionRequest](), "status_request": request[wire.TransactionRequest](), "meter_request": request[wire.PLNRequest](),
		"ping": request[wire.Ping](),
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return b
}

func TestDocumentedShapesSurviveARoundTrip(t *testing.T) {
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

func TestSignatures(t *testing.T) {
	t.Parallel()
	require.Equal(t, "e116257bcba6185d963a62f9d05d240e", wire.Sign("username", "apikey", "some1d"))
	for name, what := range map[string]string{
		"balance_request": wire.SignBalance, "prices_request": wire.SignPrices, "deposit_request": wire.SignDeposit, "meter_request": "1234554321",
		"topup_request": "some1d",
	} {
		var r struct{ Sign string }
		require.NoError(t, json.Unmarshal(read(t, name), &r))
		require.Equal(t, wire.Sign("username", "apikey", what), r.Sign, name)
	}
	body := read(t, "hook")
	const signature = "sha1=d416ec5302589bfd876f6bd3c1082572bb689a70"
	require.Equal(t, signature, wire.HookSignature("somesecret", body))
	require.True(t, wire.HookSigned("somesecret", signature, body))
	require.True(t, wire.HookSigned("somesecret", " SHA1=D416EC5302589BFD876F6BD3C1082572BB689A70", body))
	for _, wrong := range []string{"", "sha1=", "d416ec5302589bfd876f6bd3c1082572bb689a70", signature + "0", "sha256=" + signature[5:]} {
		require.False(t, wire.HookSigned("somesecret", wrong, body), wrong)
	}
	require.False(t, wire.HookSigned("somesecret", signature, append(body, '\n')), "byte for byte")
	require.False(t, wire.HookSigned("other", signature, body))
	require.False(t, wire.HookSigned("", wire.HookSignature("", body), body), "nothing is signed by an empty secret")
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]int64{ // up, down
		`5500`: {5500, 5500}, `"5500"`: {5500, 5500}, `5500.5`: {5501, 5500}, `"5500.50"`: {5501, 5500}, `5500.0`: {5500, 5500}, `"5500.00"`: {5500, 5500},
		`0`: {0, 0}, `""`: {0, 0}, `" "`: {0, 0}, `1.5e3`: {1500, 1500}, `-0.5`: {0, -1}, `123456789012.999`: {123456789013, 123456789012},
		`5.500`: {6, 5}, `-12`: {-12, -12},
	} {
		var up wire.Money
		var down wire.Float
		require.NoError(t, json.Unmarshal([]byte(in), &up), in)
		require.NoError(t, json.Unmarshal([]byte(in), &down), in)
		require.EqualValues(t, want[0], up, in)
		require.EqualValues(t, want[1], down, in)
	}
	for _, in := range []string{`"5.500"`, `"1.500.000"`, `"5,5"`, `"Rp5500"`, `true`, `{}`, `[]`, `"0x10"`, `"1/2"`, `"1_0"`, `"Inf"`, `1e400`, `1e19`, `99999999999999999999`, `"1e3"`} {
		var m wire.Money
		require.Error(t, json.Unmarshal([]byte(in), &m), in)
	}
	for in, want := range map[string]wire.Count{`7`: 7, `"7"`: 7, `""`: 0, `null`: 0, `"-"`: 0, `[]`: 0, `7.9`: 7} {
		var c wire.Count
		require.NoError(t, json.Unmarshal([]byte(in), &c), in)
		require.Equal(t, want, c, in)
	}
}

func TestTimesOfDay(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]wire.Minute{
		`"23:45"`: 1425, `"00:15"`: 15, `"0:0"`: 0, `"00:00"`: 0, `"24:00"`: 0, `""`: 0, `null`: 0, `"7:5"`: 425, `"23:45:00"`: 1425, `"08.30"`: 510,
	} {
		var m wire.Minute
		require.NoError(t, json.Unmarshal([]byte(in), &m), in)
		require.Equal(t, want, m, in)
	}
	for _, in := range []string{`"25:00"`, `"24:01"`, `"10:60"`, `"x"`, `true`, `"-1:00"`, `"1"`} {
		var m wire.Minute
		require.Error(t, json.Unmarshal([]byte(in), &m), in)
	}
	items, _, err := wire.DecodeProducts(read(t, "prices"))
	require.NoError(t, err)
	from, to, ok := items[0].CutOff()
	require.True(t, ok)
	require.Equal(t, []int{1425, 15}, []int{from, to}, "across midnight")
	_, _, ok = items[1].CutOff()
	require.False(t, ok)
}

func TestListsAreReadHoweverTheirTypesAreWritten(t *testing.T) {
	t.Parallel()
	items, odd, err := wire.DecodeProducts([]byte(`{"data":[{"product_name":"A","price":"10200","buyer_sku_code":1001,"buyer_product_status":1,"seller_product_status":"true",
		"unlimited_stock":"false","stock":"12","multi":"0","start_cut_off":"","end_cut_off":null}]}`))
	require.NoError(t, err)
	require.Zero(t, odd)
	p := items[0]
	require.EqualValues(t, 10200, *p.Price)
	require.EqualValues(t, "1001", p.SKU)
	require.True(t, bool(p.BuyerStatus) && bool(p.SellerStatus) && !bool(p.Unlimited))
	require.EqualValues(t, 12, p.Stock)
	require.False(t, bool(*p.Multi))
	items, _, err = wire.DecodeProducts([]byte(`{"data":[]}`))
	require.NoError(t, err)
	require.Empty(t, items)
	many := strings.Repeat(`{"buyer_sku_code":"a","price":1},`, 20)
	items, odd, err = wire.DecodeProducts([]byte(`{"data":[` + many + `{"price":1}]}`))
	require.NoError(t, err)
	require.Len(t, items, 20)
	require.Equal(t, 1, odd)
	_, _, err = wire.DecodeBills([]byte(`{"data":[{"buyer_sku_code":"a","admin":1,"commission":-1}]}`))
	require.ErrorIs(t, err, wire.ErrMalformed)
}

func TestRefusalsOfOtherCalls(t *testing.T) {
	t.Parallel()
	for name, decode := range map[string]rewrite{
		"balance": data(wire.DecodeBalance), "prices": rows(wire.DecodeProducts), "bills": rows(wire.DecodeBills), "deposit": data(wire.DecodeTicket), "meter": data(wire.DecodeMeter),
	} {
		for _, body := range []string{`{"data":{"rc":"83","message":"limit"}}`, `{"data":{"rc":"83","status":"Gagal","message":"limit"}}`} {
			_, err := decode([]byte(body))
			r, ok := wire.AsRefusal(err)
			require.True(t, ok, "%s %s: %v", name, body, err)
			require.Equal(t, wire.RCPriceLimit, r.RC)
		}
		for _, body := range []string{`{"data":{"rc":"77","message":"?"}}`, `{"data":{"rc":"00","message":"?"}}`, `{"data":{"rc":"83","status":"Sukses"}}`, `{"rc":"83"}`} {
			_, err := decode([]byte(body))
			require.ErrorIs(t, err, wire.ErrMalformed, "%s %s", name, body)
		}
	}
}

func TestACodeAndItsStatusAgreeOrSayNothing(t *testing.T) {
	t.Parallel()
	body := func(rc, status, ref string) []byte {
		return []byte(`{"data":{"rc":` + rc + `,"status":"` + status + `","ref_id":"` + ref + `","message":"m"}}`)
	}
	seen := map[wire.RC]bool{}
	for _, c := range wire.Codes() {
		require.False(t, seen[c.RC], c.RC)
		seen[c.RC] = true
		require.NotEmpty(t, c.Text)
		require.Regexp(t, `^[0-9]{2}$`, string(c.RC))
		got, err := wire.DecodeTransaction(body(`"`+string(c.RC)+`"`, c.Status, "r"))
		require.NoError(t, err, c.RC)
		require.Equal(t, c.RC, got.RC)
		for _, other := range []string{wire.StatusSuccess, wire.StatusPending, wire.StatusFailed, "sukses", "odd"} {
			if other == c.Status {
				continue
			}
			_, err := wire.DecodeTransaction(body(`"`+string(c.RC)+`"`, other, "r"))
			require.ErrorIs(t, err, wire.ErrMalformed, "%s %s", c.RC, other)
		}
		_, err = wire.DecodeTransaction(body(`"`+string(c.RC)+`"`, "", ""))
		require.Equal(t, c.Made, err != nil, "only what was never made needs no status and no reference: %s", c.RC)
	}
	require.Len(t, seen, 47)
	got, err := wire.DecodeTransaction(body(`0`, "Sukses", "r"))
	require.NoError(t, err)
	require.Equal(t, wire.RCSuccess, got.RC)
	for _, rc := range []string{`"77"`, `""`, `null`, `{}`, `"000"`} {
		_, err := wire.DecodeTransaction(body(rc, "Gagal", "r"))
		require.ErrorIs(t, err, wire.ErrMalformed, rc)
	}
}

func TestGarbageSaysNothing(t *testing.T) {
	t.Parallel()
	bodies := []string{
		"", " ", "<html><h1>502</h1>", "null", "[]", "{}", "{", "7", `{"data":null}`, `{"data":7}`, `{"data":"x"}`, `{"data":{}}`, `{"data":[7]}`,
		`{"data":{"rc":"00","status":{},"ref_id":"r","deposit":[],"price":{}}}`,
	}
	for name, rewrite := range decoders() {
		for _, body := range bodies {
			_, err := rewrite([]byte(body))
			require.ErrorIs(t, err, wire.ErrMalformed, "%s %s", name, body)
		}
		whole := read(t, name)
		for _, cut := range []int{1, len(whole) / 3, len(whole) / 2, len(whole) - 3} {
			_, err := rewrite(whole[:cut])
			require.ErrorIs(t, err, wire.ErrMalformed, name)
		}
	}
}

func TestAPingIsNothingToLookAt(t *testing.T) {
	t.Parallel()
	got, err := wire.DecodeHook(read(t, "ping"))
	require.NoError(t, err)
	require.Nil(t, got)
	got, err = wire.DecodeHook([]byte(`{"hook_id":"a","data":{"rc":"00","status":"Sukses","ref_id":"r"}}`))
	require.NoError(t, err)
	require.EqualValues(t, "r", got.RefID)
}

func TestABillIsDescribed(t *testing.T) {
	t.Parallel()
	bill, err := wire.DecodeTransaction(read(t, "inquiry_pln"))
	require.NoError(t, err)
	f := wire.Describe(bill.Desc)
	require.Equal(t, map[string]string{"tarif": "R1", "daya": "1300", "lembar_tagihan": "1"}, f.Of)
	require.Len(t, f.Details, 1)
	require.Equal(t, "2000", f.Details[0]["denda"])
	for _, odd := range []string{``, `null`, `[]`, `"x"`, `{"detail":7,"tarif":{}}`, `{"detail":[7]}`} {
		f := wire.Describe(json.RawMessage(odd))
		require.Empty(t, f.Details, odd)
		require.Empty(t, f.Of["tarif"], odd)
	}
	require.Len(t, wire.Describe(json.RawMessage(`{"detail":{"periode":"A"}}`)).Details, 1, "a row that stands alone")
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
	f.Add([]byte(`{"data":{"rc":83,"price":1e18}}`))
	all := decoders()
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, rewrite := range all {
			v, err := rewrite(body)
			if err != nil {
				if _, refused := wire.AsRefusal(err); !refused {
					require.ErrorIs(t, err, wire.ErrMalformed, name)
				}
				continue
			}
			_, err = json.Marshal(v)
			require.NoError(t, err, name)
		}
	})
}

func FuzzAmounts(f *testing.F) {
	for _, s := range []string{`5500`, `"5500.50"`, `1e18`, `"5.500"`, `-0.1`, `1E-18`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var up wire.Money
		var down wire.Float
		a, c := json.Unmarshal(b, &up), json.Unmarshal(b, &down)
		require.Equal(t, a == nil, c == nil)
		if a == nil {
			require.Contains(t, []int64{0, 1}, int64(up)-int64(down))
		}
	})
}

func FuzzDescribe(f *testing.F) {
	f.Add([]byte(`{"tarif":"R1","detail":[{"periode":"201901"}]}`))
	f.Add([]byte(`{"detail":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, row := range append(wire.Describe(b).Details, wire.Describe(b).Of) {
			for _, v := range row {
				require.NotContains(t, v, "\x00")
			}
		}
	})
}
