package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/invoice/wire"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// rewrite decodes a body and encodes what was understood.
type rewrite func(body []byte) (any, error)

func answer[T any](decode func([]byte) (*T, error)) rewrite {
	return func(body []byte) (any, error) {
		v, err := decode(body)
		return v, err
	}
}

// decoders are all decoders of answers by the example of each.
func decoders() map[string]rewrite {
	return map[string]rewrite{
		"balance":          answer(wire.DecodeBalance),
		"create":           answer(wire.DecodeCreated),
		"status":           answer(wire.DecodeInvoice),
		"cancel":           answer(wire.DecodeCanceled),
		"withdraw":         answer(wire.DecodeRequested),
		"withdraw_status":  answer(wire.DecodeWithdrawal),
		"withdraw_history": answer(wire.DecodeHistory),
	}
}

// others are the examples that are no answer of success.
func others() map[string]rewrite {
	plain := func(v func() any) rewrite {
		return func(body []byte) (any, error) {
			out := v()
			return out, json.Unmarshal(body, out)
		}
	}
	return map[string]rewrite{
		"cancel_refused":   plain(func() any { return new(wire.Refused) }),
		"withdraw_form":    plain(func() any { return new(wire.WithdrawRequest) }),
		"withdraw_request": plain(func() any { return new(wire.WithdrawRequest) }),
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
	require.Len(t, files, 10, "the document has ten")
	require.Len(t, files, len(decoders())+len(others()), "every example has a test")
	for _, set := range []map[string]rewrite{decoders(), others()} {
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
	for body, message := range map[string]string{
		string(read(t, "cancel_refused")):                         "Invoice tidak bisa dibatalkan, status saat ini: paid",
		`{"success":false,"message":"Saldo tidak cukup"}`:         "Saldo tidak cukup",
		`{"success":"false","error":"a","message":"b"}`:           "a",
		`{"error":{"message":" c "}}`:                             "c",
		`{"success":false}`:                                       "",
		`{"success":0,"error":true,"message":"d"}`:                "d",
		"\xef\xbb\xbf" + `{"success":false,"message":"e"}` + "\n": "e",
	} {
		for name, rewrite := range decoders() {
			_, err := rewrite([]byte(body))
			r, ok := wire.AsRefusal(err)
			require.True(t, ok, "%s %s: %v", name, body, err)
			require.Equal(t, message, r.Message)
			require.Contains(t, r.Error(), message)
		}
	}
	for status, want := range map[int]bool{
		200: true, 400: true, 401: true, 404: true, 422: true, 408: false, 409: false, 425: false, 429: false, 500: false, 502: false, 302: false, 201: false,
	} {
		require.Equal(t, want, wire.Stands(status), status)
	}
}

func TestGarbageIsNeitherSuccessNorRefusal(t *testing.T) {
	t.Parallel()
	bodies := []string{
		"", " ", "<html>", "null", "[]", "{}", "{", "7", `"x"`, `{"success":true}`, `{"success":{}}`, `{"success":"maybe"}`, `{"error":null}`, `{"error":[1]}`,
		`{"success":true,"balance":"1.000","invoice_id":{},"withdraw_id":[],"data":7,"pagination":{}}`, `{"balance":null,"data":null}`,
		`{"success":true,"data":[],"pagination":{"page":0}}`,
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
		var object map[string]any
		require.NoError(t, json.Unmarshal(whole, &object))
		object["success"] = false
		both, err := json.Marshal(object)
		require.NoError(t, err)
		_, err = rewrite(both)
		require.ErrorIs(t, err, wire.ErrMalformed, "%s: an answer that is both proves nothing", name)
		object["success"], object["error"] = true, "x"
		both, err = json.Marshal(object)
		require.NoError(t, err)
		_, err = rewrite(both)
		require.ErrorIs(t, err, wire.ErrMalformed, "%s: success and an error", name)
	}
}

func TestStamps(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Time{
		`"2025-01-15T10:30:00.000Z"`:      time.Date(2025, 1, 15, 10, 30, 0, 0, time.UTC),
		`"2025-01-15T17:30:00.123+07:00"`: time.Date(2025, 1, 15, 10, 30, 0, 123e6, time.UTC),
		`"2025-01-15 17:30:00"`:           time.Date(2025, 1, 15, 10, 30, 0, 0, time.UTC),
		`"2025-01-15T17:30:00"`:           time.Date(2025, 1, 15, 10, 30, 0, 0, time.UTC),
		`null`:                            {},
		`""`:                              {},
	} {
		var s wire.Stamp
		require.NoError(t, json.Unmarshal([]byte(in), &s), in)
		require.Equal(t, want, s.Time, in)
	}
	for _, in := range []string{`"yesterday"`, `{}`, `true`, `"9999-01-01T00:00:00Z"`} {
		var s wire.Stamp
		require.Error(t, lenient.Decode([]byte(in), &s), in)
	}
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
	f.Add([]byte(`{"success":false,"error":{"message":"x"},"balance":"7"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, rewrite := range decoders() {
			v, err := rewrite(body)
			if r, refused := wire.AsRefusal(err); refused {
				for _, status := range []int{200, 404, 500} {
					require.False(t, r.NoInvoice(status) && r.NoWithdrawal(status), "one message is about one thing")
					require.False(t, status == 500 && (r.NoInvoice(status) || r.NoWithdrawal(status)))
				}
				continue
			}
			if err != nil {
				require.ErrorIs(t, err, wire.ErrMalformed, name)
				continue
			}
			again, err := json.Marshal(v)
			require.NoError(t, err, name)
			_, err = rewrite(again)
			require.NoError(t, err, "%s: what was understood is understood again: %s", name, again)
		}
	})
}
