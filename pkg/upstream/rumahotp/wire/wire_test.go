package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
)

// rewrite decodes a body and encodes what was understood.
type rewrite func(body []byte) (any, error)

func object[T any](decode func([]byte) (*T, error)) rewrite {
	return func(body []byte) (any, error) {
		v, err := decode(body)
		return wire.Answer[*T]{Success: true, Data: v}, err
	}
}

func list[T any](decode func([]byte) (wire.List[T], error)) rewrite {
	return func(body []byte) (any, error) {
		v, err := decode(body)
		return wire.Answer[[]T]{Success: true, Data: v.Rows}, err
	}
}

func operators(body []byte) (any, error) {
	v, err := wire.DecodeOperators(body)
	return wire.OperatorsAnswer{Status: true, Data: v.Rows}, err
}

func balance(body []byte) (any, error) {
	var v wire.Answer[wire.Balance]
	return &v, lenient.Decode(body, &v)
}

// decoders are all decoders with the example of each.
func decoders() map[string]rewrite {
	return map[string]rewrite{
		"services":           list(wire.DecodeServices),
		"countries":          list(wire.DecodeCountries),
		"operators":          operators,
		"order":              object(wire.DecodeOrder),
		"order_status":       object(wire.DecodeOrderStatus),
		"order_set_status":   object(wire.DecodeSetStatus),
		"balance":            balance,
		"products":           list(wire.DecodeProducts),
		"transaction_create": object(wire.DecodeTransaction),
		"transaction_status": object(wire.DecodeTransactionStatus),
		"check_account":      object(wire.DecodeChecked),
		"check_username":     object(wire.DecodeChecked),
		"list_banks":         list(wire.DecodeBanks),
		"list_games":         list(wire.DecodeGames),
		"deposit_v1_create":  object(wire.DecodeDepositV1),
		"deposit_v2_create":  object(wire.DecodeDeposit),
		"deposit_v1_status":  object(wire.DecodeDepositStatusV1),
		"deposit_v2_status":  object(wire.DecodeDepositStatus),
		"deposit_v1_cancel":  object(wire.DecodeDepositStatusV1),
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return b
}

// examples are the JSON bodies of the document, in its order, with the file that has
// each word for word.
func examples() [][2]string {
	return [][2]string{
		{"errors, first form", "failure_message"}, {"errors, second form", "failure_data"},
		{"v2/countries", "countries"}, {"v2/services", "services"}, {"v2/operators", "operators"}, {"v2/orders", "order"},
		{"v1/orders/get_status", "order_status"}, {"v1/orders/set_status", "order_set_status"}, {"v1/user/balance", "balance"},
		{"v1/deposit/create", "deposit_v1_create"}, {"v2/deposit/create", "deposit_v2_create"}, {"v1/deposit/get_status", "deposit_v1_status"},
		{"v2/deposit/get_status", "deposit_v2_status"}, {"v1/deposit/cancel", "deposit_v1_cancel"},
		{"v1/h2h/product", "products"}, {"v1/h2h/check/rekening", "check_account"}, {"v1/h2h/list/rekening", "list_banks"},
		{"v1/h2h/check/username", "check_username"}, {"v1/h2h/list/username", "list_games"},
		{"v1/h2h/transaksi/create", "transaction_create"}, {"v1/h2h/transaksi/status", "transaction_status"},
	}
}

func TestEveryExampleOfTheDocumentIsHere(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	var here, want []string
	for _, f := range files {
		here = append(here, strings.TrimSuffix(filepath.Base(f), ".json"))
	}
	all := decoders()
	for _, e := range examples() {
		want = append(want, e[1])
		if !strings.HasPrefix(e[1], "failure_") {
			require.Contains(t, all, e[1], "%s has a decoder", e[0])
		}
	}
	require.ElementsMatch(t, want, here)
	require.Len(t, want, 21, "19 endpoints' answers and two forms of failure")
	require.Len(t, all, 19)
}

func TestDocumentedExamplesSurviveARoundTrip(t *testing.T) {
	t.Parallel()
	for name, rewrite := range decoders() {
		body := read(t, name)
		v, err := rewrite(body)
		require.NoError(t, err, name)
		again, err := json.Marshal(v)
		require.NoError(t, err, name)
		require.JSONEq(t, string(body), string(again), name)
	}
}

func TestDocumentedRefusalsAreRefusals(t *testing.T) {
	t.Parallel()
	for name, rewrite := range decoders() {
		if name == "balance" {
			rewrite = func(b []byte) (any, error) { return wire.DecodeBalance(b) }
		}
		_, err := rewrite(read(t, "failure_message"))
		r, ok := wire.AsRefusal(err)
		require.True(t, ok, name)
		require.Equal(t, "Pesan error akan muncul disini!", r.Message)
		_, err = rewrite(read(t, "failure_data"))
		r, ok = wire.AsRefusal(err)
		require.True(t, ok, name)
		require.Empty(t, r.Message)
		require.JSONEq(t, "{}", string(r.Data))
	}
	again, err := json.Marshal(wire.Refuse("Pesan error akan muncul disini!"))
	require.NoError(t, err)
	require.JSONEq(t, string(read(t, "failure_message")), string(again))
}

func TestGarbageIsNeitherSuccessNorRefusal(t *testing.T) {
	t.Parallel()
	bodies := []string{
		"", "   ", "<html><body>Attention Required</body></html>", "null", "[]", "5", `"ok"`, "{}", "{",
		`{"success":true}`, `{"success":true,"data":null}`, `{"success":true,"data":7}`, `{"success":"perhaps","data":{}}`,
		`{"success":false}`, `{"success":null,"data":{}}`, `{"success":true,"data":{"order_id":{}}}`, `{"success":false,"error":7.5e}`,
		`{"success":true,"data":{"order_id":"RO1","id":"H1","status":"waiting","balance":1}`,
	}
	for name, rewrite := range decoders() {
		if name == "balance" {
			rewrite = func(b []byte) (any, error) { return wire.DecodeBalance(b) }
		}
		for _, body := range bodies {
			if _, err := rewrite([]byte(body)); len(body) == 0 || err != nil {
				require.ErrorIs(t, err, wire.ErrMalformed, "%s %s", name, body)
			} else {
				require.Fail(t, "understood garbage", "%s %s", name, body)
			}
		}
		whole := read(t, name)
		for _, cut := range []int{1, len(whole) / 3, len(whole) / 2, len(whole) - 3} {
			_, err := rewrite(whole[:cut])
			require.ErrorIs(t, err, wire.ErrMalformed, name)
		}
	}
}

func TestAPurchaseWithOddFieldsStillNamesWhatWasBought(t *testing.T) {
	t.Parallel()
	o, err := wire.DecodeOrder([]byte(`{"success":true,"data":{"order_id":"RO1","price":"Rp2.150","phone_number":[]}}`))
	require.NoError(t, err)
	require.EqualValues(t, "RO1", o.OrderID)
	require.Nil(t, o.Price)
	tr, err := wire.DecodeTransaction([]byte(`{"success":1,"data":{"id":77,"sisa_balance":"990.000"}}`))
	require.NoError(t, err)
	require.EqualValues(t, "77", tr.ID)
	require.Nil(t, tr.SisaBalance)
}

func TestStatusesAndCodes(t *testing.T) {
	t.Parallel()
	o, err := wire.DecodeOrderStatus(read(t, "order_status"))
	require.NoError(t, err)
	require.Equal(t, wire.OrderWaiting, o.State())
	require.Empty(t, o.Code())
	require.Equal(t, "2025-11-09 11:34:52", o.ExpiresAt.Time().In(lenient.WIB()).Format("2006-01-02 15:04:05"))
	o.OTPCode = " 12345 "
	require.Equal(t, "12345", o.Code())
	for in, want := range map[lenient.Text]wire.Status{
		"Cancelled": wire.OrderCanceled, "cancel": wire.OrderCanceled, "EXPIRED": wire.OrderExpiring,
		"received": wire.OrderReceived, "Sukses": wire.TransactionSuccess, "failed": wire.TransactionFailed, "odd": "odd",
	} {
		require.Equal(t, want, wire.StatusOf(in))
	}
	tr, err := wire.DecodeTransactionStatus(read(t, "transaction_status"))
	require.NoError(t, err)
	require.Equal(t, "2786282728238HSIWJAWA821", tr.SN())
	tr, err = wire.DecodeTransactionStatus([]byte(`{"success":true,"data":{"id":"H","status":"processing","response":[],"tujuan_info":"","product":null}}`))
	require.NoError(t, err)
	require.Empty(t, tr.SN())
	require.Nil(t, tr.Refund)
}

func TestPhone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"+62 856 4441 4442": "+6285644414442", "62-856-44": "+6285644", "0062856": "+62856", "0856 44": "085644", " - ": "",
	} {
		require.Equal(t, want, wire.Phone(in), in)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	require.Equal(t, "/v2/orders?number_id=475&provider_id=2300&operator_id=1", wire.BuyNumber("475", "2300", wire.AnyOperator))
	require.Equal(t, "/v1/h2h/transaksi/create?target=12+3%264&id=FF50", wire.BuyProduct("FF50", "12 3&4"))
	require.Equal(t, "/v2/operators?country=Hong+Kong&provider_id=1", wire.Operators("Hong Kong", "1"))
	require.Equal(t, "/v2/deposit/create?amount=5000&payment_id=qris", wire.CreateDeposit(5000, wire.MethodQRIS))
	require.Equal(t, "/v1/deposit/create?amount=5000&payment_id=qris", wire.CreateDepositV1(5000, wire.MethodQRIS))
	require.Equal(t, "/v2/deposit/get_status?deposit_id=RO1", wire.AskDeposit("RO1"))
	require.Equal(t, "/v1/deposit/get_status?deposit_id=RO1", wire.AskDepositV1("RO1"))
	require.Equal(t, "/v1/deposit/cancel?deposit_id=RO1", wire.CancelDeposit("RO1"))
	require.Equal(t, "/v1/h2h/check/rekening?bank_code=dana&account_number=08%26x", wire.CheckAccount("dana", "08&x"))
	require.Equal(t, "/v1/h2h/check/username?account_code=freefire&account_number=12345678", wire.CheckUsername("freefire", "12345678"))
	require.True(t, wire.Open(wire.PathCheckAccount))
	require.False(t, wire.Open(wire.PathDepositCreate))
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
		if n, err := wire.DecodeBalance(body); err != nil {
			require.Zero(t, n)
		}
	})
}

func FuzzPhone(f *testing.F) {
	f.Add("+62 856 4441 4442")
	f.Fuzz(func(t *testing.T, s string) {
		once := wire.Phone(s)
		require.Equal(t, once, wire.Phone(once))
	})
}
