package wire_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

// rewrite decodes a body and gives what is to be encoded again.
type rewrite func(body []byte) (any, error)

func answer[T any](decode func(int, []byte) (*T, error)) rewrite {
	return func(body []byte) (any, error) {
		v, err := decode(http.StatusOK, body)
		if err != nil {
			return nil, err
		}
		return wire.Accept(v), nil
	}
}

func request[T any]() rewrite {
	return func(body []byte) (any, error) {
		v := new(T)
		return v, json.Unmarshal(body, v)
	}
}

// examples are all JSON examples of the document.
func examples() map[string]rewrite {
	return map[string]rewrite{
		"success": answer(func(status int, body []byte) (*struct{}, error) {
			return wire.Decode(status, body, func(*struct{}) error { return nil })
		}),
		"failure":         request[wire.Reply](),
		"products":        answer(wire.DecodePPOB),
		"order":           answer(wire.DecodeOrder),
		"deposit_request": request[wire.DepositRequest](),
		"order_request":   request[wire.OrderRequest](),
		"otp_request":     request[wire.OrderRequest](),
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return b
}

// kept sees that all of want is in got: the completed contract has more than the page
// shows, and nothing less.
func kept(t *testing.T, at string, want, got any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		require.True(t, ok, at)
		for name, inner := range w {
			if name == "count" {
				continue // the page counts two and shows one
			}
			require.Contains(t, g, name, at)
			kept(t, at+"."+name, inner, g[name])
		}
	case []any:
		g, ok := got.([]any)
		require.True(t, ok, at)
		require.Len(t, g, len(w), at)
		for i := range w {
			kept(t, at, w[i], g[i])
		}
	default:
		require.Equal(t, want, got, at)
	}
}

func TestDocumentedExamplesSurviveARoundTrip(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(examples()), "every example has a test")
	require.Len(t, files, 7, "so many are in the document")
	for name, rewrite := range examples() {
		body := read(t, name)
		v, err := rewrite(body)
		require.NoError(t, err, name)
		again, err := json.Marshal(v)
		require.NoError(t, err)
		var want, got any
		require.NoError(t, json.Unmarshal(body, &want))
		require.NoError(t, json.Unmarshal(again, &got))
		kept(t, name, want, got)
	}
}

func TestAFailureIsOneUnderItsOwnStatus(t *testing.T) {
	t.Parallel()
	decode := func(status int, body string) error {
		_, err := wire.DecodeOrder(status, []byte(body))
		return err
	}
	r, ok := wire.AsRefusal(decode(402, `{"ok":false,"error":"saldo","code":"insufficient_balance"}`))
	require.True(t, ok)
	require.Equal(t, "refused: insufficient_balance: saldo", r.Error())
	r, ok = wire.AsRefusal(decode(422, `{"ok":false,"error":"x","code":"unavailable","details":[{"field":"sku","message":"m","reason":"trouble","until":"2026-04-21T11:00:00+07:00"}]}`))
	require.True(t, ok)
	require.EqualValues(t, "trouble", r.Details[0].Reason)
	require.Equal(t, time.Date(2026, 4, 21, 4, 0, 0, 0, time.UTC), r.Details[0].Until.Time)
	r, ok = wire.AsRefusal(decode(413, `{"ok":false,"error":"x","code":"invalid_request","details":7}`))
	require.True(t, ok, "odd details do not undo a refusal")
	require.Empty(t, r.Details)
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"under success":        {200, `{"ok":false,"error":"x","code":"insufficient_balance"}`},
		"under another status": {500, `{"ok":false,"error":"x","code":"insufficient_balance"}`},
		"an unknown code":      {400, `{"ok":false,"error":"x","code":"odd"}`},
		"no code":              {402, `{"ok":false,"error":"x"}`},
		"with data":            {402, `{"ok":false,"error":"x","code":"insufficient_balance","data":{"order":{}}}`},
		"neither":              {200, `{"data":{}}`},
		"ok under a failure":   {402, `{"ok":true,"data":{"order":{"ref":"a","order_id":"b","category":"ppob","status":"completed","price":1}}}`},
		"no order":             {200, `{"ok":true,"data":{}}`},
		"no price":             {200, `{"ok":true,"data":{"order":{"ref":"a","order_id":"b","category":"ppob","status":"completed"}}}`},
		"a price below zero":   {200, `{"ok":true,"data":{"order":{"ref":"a","order_id":"b","category":"ppob","status":"completed","price":-1}}}`},
		"a page":               {200, `<html>`},
		"nothing":              {200, ``},
	} {
		err := decode(c.status, c.body)
		require.ErrorIs(t, err, wire.ErrMalformed, name)
		_, ok := wire.AsRefusal(err)
		require.False(t, ok, name)
	}
	for _, code := range []string{
		wire.CodeInvalid, wire.CodeUnauthorized, wire.CodeForbidden, wire.CodeIP, wire.CodeRateLimited, wire.CodeNotFound, wire.CodeMethod, wire.CodeRefConflict,
		wire.CodeDuplicate, wire.CodeNotCancelable, wire.CodeNotAvailable, wire.CodeInquiryRequired, wire.CodeInquiryExpired, wire.CodeUnavailable, wire.CodePriceChanged,
		wire.CodeBillNotFound, wire.CodeLimit, wire.CodeInsufficient, wire.CodeUpstream, wire.CodeInternal,
	} {
		require.GreaterOrEqual(t, wire.StatusOf(code), 400, code)
	}
}

func TestOrdersOfEveryKind(t *testing.T) {
	t.Parallel()
	for category, c := range map[string]struct{ data, keeps, leavesOut string }{
		"ppob":    {`{"sn":"1","note":null,"bill":{"customer_name":"A","period":"APR26","amount":1,"admin":2,"total":3,"lines":{"tariff":"R1"}}}`, `"zone_id":null`, `"target"`},
		"smm":     {`{"start_count":"5","remains":10,"note":null,"cancel_requested":true,"refill_status":"pending"}`, `"cancel_requested":true`, `"customer_no"`},
		"otp":     {`{"phone_number":"+62","otp_code":"1","messages":[{"code":"1","text":"t","received_at":"2026-04-21T04:00:00Z"}],"country":null,"service":null,"operator":null,"expires_at":null}`, `"received_at":"2026-04-21T04:00:00Z"`, `"target"`},
		"product": {`{"content":"a\nb","items":["a","b"]}`, `"items":["a","b"]`, `"zone_id"`},
	} {
		body := `{"ok":true,"data":{"order":{"ref":"r","order_id":"o","category":"` + category + `","sku":"s","status":"processing","price":5,"refunded":0,"quantity":1,
			"customer_no":"0812","target":"t","created_at":"2026-04-21T11:00:00+07:00","data":` + c.data + `},"balance":7}}`
		out, err := wire.DecodeOrder(200, []byte(body))
		require.NoError(t, err, category)
		require.EqualValues(t, 7, *out.Balance)
		again, err := json.Marshal(out.Order)
		require.NoError(t, err)
		require.Contains(t, string(again), c.keeps)
		require.NotContains(t, string(again), c.leavesOut)
		require.Contains(t, string(again), `"created_at":"2026-04-21T04:00:00Z"`)
		require.Contains(t, string(again), `"completed_at":null`)
	}
	for _, data := range []string{`{"start_count":{}}`, `7`} {
		_, err := wire.DecodeOrder(200, []byte(`{"ok":true,"data":{"order":{"ref":"r","order_id":"o","category":"smm","status":"s","price":1,"data":`+data+`}}}`))
		require.ErrorIs(t, err, wire.ErrMalformed)
	}
}

func TestInputsStandBesideTheFieldsAndReplaceNone(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(wire.OrderRequest{
		Category: "smm", Ref: "r", SKU: "s", Target: "t", Quantity: 10, Inputs: map[string]string{"comments": "a\nb", "ref": "other", "quantity": "99"},
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"category":"smm","ref":"r","sku":"s","target":"t","quantity":10,"comments":"a\nb"}`, string(raw))
}

func TestListsAreReadRowByRow(t *testing.T) {
	t.Parallel()
	row := `{"sku":"A","name":"A","price":1}`
	many := row
	for range 10 {
		many += "," + row
	}
	list, err := wire.DecodePPOB(200, []byte(`{"ok":true,"data":{"tier":2,"products":[`+many+`,{"sku":"B"}]}}`))
	require.NoError(t, err)
	require.Len(t, list.Products, 11)
	require.Equal(t, 1, list.Odd)
	require.Nil(t, list.Products[0].Available, "the page does not show it")
	list, err = wire.DecodePPOB(200, []byte(`{"ok":true,"data":{"products":[]}}`))
	require.NoError(t, err)
	require.Empty(t, list.Products)
	for _, odd := range []string{`{"products":[{"sku":"B"}]}`, `{"products":null}`, `{}`, `{"products":{}}`} {
		_, err = wire.DecodePPOB(200, []byte(`{"ok":true,"data":`+odd+`}`))
		require.ErrorIs(t, err, wire.ErrMalformed, odd)
	}
	_, err = wire.DecodeOrders(200, []byte(`{"ok":true,"data":{"orders":[{"ref":"a"}]}}`))
	require.ErrorIs(t, err, wire.ErrMalformed, "where a missing row is evidence none may be odd")
}

func TestTheStatementIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	const head = "created_at,id,debit,credit,balance,kind,ref,order_id,notes\n"
	rows, err := wire.DecodeMutations([]byte(head + "2026-04-21T04:00:00Z,2,5,0,95,order,r,o,\"a, b\"\n2026-04-21T03:00:00.5Z,1,0,100,100,deposit,,,\n"))
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, "a, b", rows[0].Notes)
	require.EqualValues(t, 95, rows[0].Balance)
	rows, err = wire.DecodeMutations([]byte(head))
	require.NoError(t, err)
	require.Empty(t, rows)
	for _, odd := range []string{"", "id,debit\n", head + "x,1,0,0,0,o,,,\n", head + "2026-04-21T04:00:00Z,1.5,0,0,0,o,,,\n", head + "2026-04-21T04:00:00Z,1\n"} {
		_, err = wire.DecodeMutations([]byte(odd))
		require.ErrorIs(t, err, wire.ErrMalformed, odd)
	}
}

func TestMoments(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		`"2026-04-21T11:00:00+07:00"`: true, `"2026-04-21T04:00:00.123456Z"`: true, `""`: true, `null`: true,
		`"2026-04-21"`: false, `1762661992178`: false, `"1999-04-21T11:00:00Z"`: false, `"2300-04-21T11:00:00Z"`: false,
	} {
		var at wire.Time
		require.Equal(t, ok, json.Unmarshal([]byte(text), &at) == nil, text)
	}
	raw, err := json.Marshal(wire.Time{})
	require.NoError(t, err)
	require.Equal(t, "null", string(raw))
	require.True(t, (*wire.Time)(nil).Or().IsZero())
}

// FuzzDecoders: whatever arrives, a decoder gives an answer, a refusal or malformed, and
// what it understood can be written and understood again.
func FuzzDecoders(f *testing.F) {
	for name := range examples() {
		f.Add(200, read(f, name))
	}
	f.Add(402, []byte(`{"ok":false,"error":"x","code":"insufficient_balance"}`))
	f.Add(200, []byte("id,debit,credit,balance,kind,ref,order_id,notes,created_at\n1,0,1,1,o,,,,2026-04-21T04:00:00Z\n"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, decode := range []func(int, []byte) (any, error){
			wide(wire.DecodeOrder), wide(wire.DecodeOrders), wide(wire.DecodePPOB), wide(wire.DecodeSMM), wide(wire.DecodeOTPServices), wide(wire.DecodeOTPCountries),
			wide(wire.DecodeOperators), wide(wire.DecodePrice), wide(wire.DecodeProfile), wide(wire.DecodeInquiry), wide(wire.DecodeDeposit), wide(wire.DecodeWithdraw),
			wide(wire.DecodeWithdrawals), wide(wire.DecodeTargets), wide(wire.DecodeAccount),
		} {
			v, err := decode(status, body)
			if err != nil {
				_, refused := wire.AsRefusal(err)
				require.True(t, refused || errors.Is(err, wire.ErrMalformed), "%v", err)
				continue
			}
			_, err = json.Marshal(v)
			require.NoError(t, err)
		}
		if _, err := wire.DecodeMutations(body); err != nil {
			require.ErrorIs(t, err, wire.ErrMalformed)
		}
		if _, err := wire.DecodeEvent(body); err != nil {
			require.ErrorIs(t, err, wire.ErrMalformed)
		}
		if out, err := wire.DecodeOrder(200, body); err == nil {
			again, err := json.Marshal(wire.Accept(out))
			require.NoError(t, err)
			second, err := wire.DecodeOrder(200, again)
			require.NoError(t, err)
			require.Equal(t, out.Order.Status, second.Order.Status)
			require.Equal(t, *out.Order.Price, *second.Order.Price)
		}
	})
}

func wide[T any](decode func(int, []byte) (*T, error)) func(int, []byte) (any, error) {
	return func(status int, body []byte) (any, error) {
		v, err := decode(status, body)
		return v, err
	}
}
