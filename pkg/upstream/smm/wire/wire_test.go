package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// rewrite decodes a body and encodes what was understood.
type rewrite func(body []byte) (any, error)

func answer[T any](decode func([]byte) (T, error)) rewrite {
	return func(body []byte) (any, error) { return decode(body) }
}

// decoders are all decoders with the examples of each.
func decoders() map[string]rewrite {
	return map[string]rewrite{
		"add":             answer(wire.DecodeAdded),
		"add_success":     answer(wire.DecodeAdded),
		"status":          answer(wire.DecodeStatus),
		"statuses":        answer(wire.DecodeStatuses),
		"refill":          answer(wire.DecodeRefilled),
		"refills":         answer(wire.DecodeRefills),
		"refill_status":   answer(wire.DecodeRefillStatus),
		"refill_statuses": answer(wire.DecodeRefillStatuses),
		"cancel":          answer(wire.DecodeCanceled),
		"balance":         answer(wire.DecodeBalance),
		"services": func(body []byte) (any, error) {
			list, _, err := wire.DecodeServices(body)
			return list, err
		},
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
	require.Len(t, files, len(decoders()), "every example has a test")
	for name, rewrite := range decoders() {
		body := read(t, name)
		v, err := rewrite(body)
		require.NoError(t, err, name)
		again, err := json.Marshal(v)
		require.NoError(t, err, name)
		require.JSONEq(t, string(body), string(again), name)
	}
}

func TestAnErrorAtTheTopFailsTheWholeAnswer(t *testing.T) {
	t.Parallel()
	for name, rewrite := range decoders() {
		_, err := rewrite([]byte(`{"error":"Incorrect API key"}`))
		r, ok := wire.AsRefusal(err)
		require.True(t, ok, name)
		require.Equal(t, "Incorrect API key", r.Text)
	}
}

func TestGarbageIsNeitherAnAnswerNorARefusal(t *testing.T) {
	t.Parallel()
	for name, rewrite := range decoders() {
		for _, body := range []string{
			"", " ", "<html><h1>502</h1>", "null", "7", "{", `"ok"`, "[[]]", `[{"a":{}}]`, `{"error":{}}`, `{"error":[1]}`,
			`{"order":{},"status":[],"refill":[],"balance":{},"charge":[]}`,
		} {
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

func TestInBulkAnErrorIsData(t *testing.T) {
	t.Parallel()
	rows, err := wire.DecodeStatuses(read(t, "statuses"))
	require.NoError(t, err)
	require.EqualValues(t, 157, rows["1"].Remains.N)
	require.Equal(t, "Incorrect order ID", rows["10"].Error.Text)
	refills, err := wire.DecodeRefills(read(t, "refills"))
	require.NoError(t, err)
	require.Equal(t, "1", refills[0].Refill.ID.Text)
	require.NotNil(t, refills[1].Refill.Error)
	_, err = wire.DecodeStatuses([]byte(`{"1":{"charge":[]},"2":7}`))
	require.ErrorIs(t, err, wire.ErrMalformed, "not one readable row")
}

func TestCounts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]wire.Count{
		`"157"`: {N: 157, Known: true}, `157`: {N: 157, Known: true}, `"157.00"`: {N: 157, Known: true}, `-3`: {N: -3, Known: true}, `" 5 "`: {N: 5, Known: true},
		`"Unknown"`: {}, `""`: {}, `null`: {}, `"1.5"`: {}, `"1,000"`: {}, `"1e3"`: {}, `99999999999999999999`: {},
	} {
		var c wire.Count
		require.NoError(t, json.Unmarshal([]byte(text), &c), text)
		require.Equal(t, want.N, c.N, text)
		require.Equal(t, want.Known, c.Known, text)
		again, err := json.Marshal(c)
		require.NoError(t, err)
		require.JSONEq(t, text, string(again))
	}
	var c wire.Count
	require.Error(t, json.Unmarshal([]byte(`{}`), &c))
}

func TestDecimals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"0.27819"`: "27819/100000", `0.9`: "9/10", `9.0e-5`: "9/100000", `"8"`: "8", `-1.50`: "-3/2",
	} {
		var d wire.Decimal
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		require.True(t, d.Known)
		require.Equal(t, want, d.Rat.RatString(), text)
	}
	for _, text := range []string{`"1,5"`, `"1.000,5"`, `"0x10"`, `"1e999"`, `"1/3"`, `"Unknown"`, `"."`, `{}`, `true`} {
		var d wire.Decimal
		require.Error(t, json.Unmarshal([]byte(text), &d), text)
	}
	for _, text := range []string{`""`, `null`} {
		var d wire.Decimal
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		require.False(t, d.Known)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]wire.State{
		"Pending": wire.Running, "processing": wire.Running, "In progress": wire.Running, "In Progress": wire.Running, "inprogress": wire.Running,
		"in_progress": wire.Running, " Creating ": wire.Running, "Active": wire.Running, "Paused": wire.Running,
		"Completed": wire.Completed, "COMPLETED": wire.Completed, "Partial": wire.Partial, "Canceled": wire.Canceled, "Cancelled": wire.Canceled,
		"Fail": wire.Odd, "Error": wire.Odd, "": wire.Odd, "Complete?": wire.Odd, "Refunded": wire.Odd, "Partially completed": wire.Odd, "Expired": wire.Odd,
		"success": wire.Odd, "Not completed": wire.Odd,
	} {
		require.Equal(t, want, wire.StateOf(text), text)
	}
	require.Equal(t, wire.Rejected, wire.RefillStateOf("Rejected"))
	require.Equal(t, wire.Odd, wire.RefillStateOf("Partial"))
}

func TestMeanings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]wire.Meaning{
		"Incorrect API key": wire.WrongKey, "invalid api key": wire.WrongKey, "Not enough funds on balance.": wire.NoFunds,
		"neworder.error.not_enough_funds": wire.NoFunds, "Incorrect service ID": wire.WrongService, "error.incorrect_service_id": wire.WrongService,
		"Incorrect  link": wire.WrongLink, "neworder.error.link": wire.WrongLink, "neworder.error.link_duplicate": wire.ActiveOrder,
		"Incorrect quantity": wire.WrongQuantity, "Active order with this link exists…": wire.ActiveOrder, "Incorrect order ID": wire.NoOrder,
		"Refill not found": wire.NoRefill, "Refill available in 9 hours 3 minutes": wire.TooEarly,
		"Incorrect request": wire.Other, "neworder.error.linked": wire.Other, "Incorrect links": wire.Other, "": wire.Other, "funds": wire.Other,
		"Refill available in a while": wire.Other,
	} {
		got, _ := (&wire.Refusal{Text: text}).Meaning()
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]time.Duration{
		"Refill available in 9 hours 3 minutes": 9*time.Hour + 3*time.Minute, "available in 1 day": 24 * time.Hour, "Available in 40 secs": 40 * time.Second,
		"available in 9999 days": 60 * 24 * time.Hour, "later": 0,
	} {
		require.Equal(t, want, (&wire.Refusal{Text: text}).After(), text)
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
	f.Add([]byte(`{"error":"Refill available in 9 hours 3 minutes"}`))
	all := decoders()
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, rewrite := range all {
			v, err := rewrite(body)
			if r, refused := wire.AsRefusal(err); refused {
				_, _ = r.Meaning()
				require.GreaterOrEqual(t, r.After(), time.Duration(0))
				continue
			}
			if err != nil {
				require.ErrorIs(t, err, wire.ErrMalformed, name)
				continue
			}
			again, err := json.Marshal(v)
			require.NoError(t, err, name)
			if name == "statuses" && string(again) == "{}" {
				continue
			}
			_, err = rewrite(again)
			require.NoError(t, err, "%s: what was understood is understood again: %s", name, again)
		}
	})
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0.27819", "-1", "9e-5", "1e99", "0x1", "1_000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := wire.ParseDecimal(s)
		if err == nil {
			require.NotNil(t, r)
			require.Less(t, r.Num().BitLen()+r.Denom().BitLen(), 1000, "bounded, whatever the exponent")
		}
	})
}
