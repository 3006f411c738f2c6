package emulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/muara/emulator"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

func send(t *testing.T, e *emulator.Emulator, method, path, key string, body any) (int, []byte) {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	r := httptest.NewRequest(method, path, bytes.NewReader(raw))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	out, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return w.Code, out
}

func code(t *testing.T, body []byte) string {
	t.Helper()
	var in struct {
		OK   bool
		Code string
	}
	require.NoError(t, json.Unmarshal(body, &in))
	require.Equal(t, in.Code == "", in.OK)
	return in.Code
}

// TestItEmitsWhatThePageShows compares answers with the document's examples: what the
// page shows is there, of the same type.
func TestItEmitsWhatThePageShows(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	read := func(name string) []byte {
		b, err := os.ReadFile("../wire/testdata/" + name + ".json")
		require.NoError(t, err)
		return b
	}
	status, body := send(t, e, http.MethodPost, "/api/v1/order", "any", json.RawMessage(`{"category":"ppob","ref":"trx-0001","sku":"MLID10","customer_no":"081234567890"}`))
	require.Equal(t, 200, status)
	missing(t, read("order"), body)
	_, body = send(t, e, http.MethodGet, "/v1/ppob/products", "any", nil)
	missing(t, read("products"), body)
	status, body = send(t, e, http.MethodGet, "/v1/none", "any", nil)
	require.Equal(t, 404, status)
	missing(t, read("failure"), body)
	status, _ = send(t, e, http.MethodPost, "/v1/order", "any", json.RawMessage(`{"category":"otp","ref":"otp-0001","sku":"OTPTGID"}`))
	require.Equal(t, 200, status)
	status, body = send(t, e, http.MethodPost, "/v1/deposit", "any", json.RawMessage(`{"amount":100000}`))
	require.Equal(t, 200, status)
	for _, field := range []string{"deposit_id", "total_payment", "qr_string", "status_url", "expires_at"} {
		require.Contains(t, string(body), `"`+field+`":`)
	}
}

// missing sees that an answer lacks nothing of an example. What it has beyond that is
// the completed contract's.
func missing(t *testing.T, example, answer []byte) {
	t.Helper()
	diff, err := emulate.Shape(example, answer, "note")
	require.NoError(t, err)
	for _, d := range diff {
		require.Contains(t, d, "not documented")
	}
}

func TestTheOrderOfChecks(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{APIKey: "key", Config: emulate.Config{Balance: 3_000}})
	post := func(body string) string {
		_, out := send(t, e, http.MethodPost, "/api/v1/order", "key", json.RawMessage(body))
		return code(t, out)
	}
	_, out := send(t, e, http.MethodPost, "/api/v1/order", "wrong", json.RawMessage(`{}`))
	require.Equal(t, wire.CodeUnauthorized, code(t, out))
	require.Equal(t, wire.CodeInvalid, post(`{"category":"ppob","sku":"MLID10","customer_no":"1"}`))
	require.Equal(t, wire.CodeNotFound, post(`{"category":"ppob","ref":"a","sku":"NONE","customer_no":"1"}`))
	require.Equal(t, wire.CodePriceChanged, post(`{"category":"ppob","ref":"a","sku":"MLID10","customer_no":"1","max_price":2749}`))
	require.Equal(t, wire.CodeInsufficient, post(`{"category":"ppob","ref":"a","sku":"TSELID5K","customer_no":"1"}`))
	require.True(t, e.Close("TSELID5K", "trouble"))
	require.Equal(t, wire.CodeUnavailable, post(`{"category":"ppob","ref":"a","sku":"TSELID5K","customer_no":"1"}`))
	require.Equal(t, wire.CodeInquiryRequired, post(`{"category":"ppob","ref":"a","sku":"PLNIDPASCA","customer_no":"1"}`))
	require.Equal(t, wire.CodeInvalid, post(`{"category":"ppob","ref":"a","sku":"MLID20Z","customer_no":"1"}`))
	require.Empty(t, e.Books().Purchases, "what was not accepted leaves no row")
	require.Empty(t, post(`{"category":"ppob","ref":"a","sku":"MLID10","customer_no":"1"}`))
	require.Empty(t, post(`{"category":"ppob","ref":"a","sku":"MLID10","customer_no":"1","max_price":1}`), "a known ref comes before everything else")
	require.Equal(t, wire.CodeRefConflict, post(`{"category":"ppob","ref":"a","sku":"MLID10","customer_no":"2"}`))
	require.Len(t, e.Books().Purchases, 1)
	require.False(t, e.Close("NONE", ""))
}
