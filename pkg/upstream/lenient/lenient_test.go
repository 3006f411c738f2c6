package lenient_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

func TestMoneyIsReadStrictly(t *testing.T) {
	t.Parallel()
	good := map[string]int64{`"5500"`: 5500, `5500`: 5500, `"0"`: 0, `-12`: -12, `"9223372036854775807"`: 1<<63 - 1}
	for in, want := range good {
		var m lenient.Rupiah
		require.NoError(t, lenient.Decode([]byte(in), &m), in)
		require.Equal(t, want, int64(m), in)
	}
	bad := []string{
		`"5.500"`, `"5,500"`, `5500.0`, `5.5e3`, `"Rp5500"`, `" 5500"`, `"+5500"`, `"05500"`, `""`, `"-"`,
		`null`, `true`, `{}`, `[]`, `"9223372036854775808"`, `"٥٥٠٠"`,
	}
	for _, in := range bad {
		var m lenient.Rupiah
		require.ErrorIs(t, lenient.Decode([]byte(in), &m), lenient.ErrMalformed, in)
	}
}

func TestScalarsAcceptBothForms(t *testing.T) {
	t.Parallel()
	var v struct {
		I lenient.Int
		T lenient.Text
		N lenient.Text
		F lenient.Flag
		G lenient.Flag
		R lenient.Rate
		M lenient.Millis
		L lenient.Local
	}
	in := `{"I":"7","T":3837,"N":null,"F":"true","G":0,"R":"81.5","M":"1762661992178","L":"2026-04-21 11:00:00"}`
	require.NoError(t, lenient.Decode([]byte(in), &v))
	require.EqualValues(t, 7, v.I)
	require.EqualValues(t, "3837", v.T)
	require.Empty(t, v.N)
	require.True(t, bool(v.F))
	require.False(t, bool(v.G))
	require.InDelta(t, 81.5, float64(v.R), 0)
	require.Equal(t, "2025-11-09T04:19:52.178Z", v.M.Time().Format(time.RFC3339Nano))
	require.Equal(t, "2026-04-21T04:00:00Z", v.L.UTC().Format(time.RFC3339))
	out, err := json.Marshal(v)
	require.NoError(t, err)
	require.JSONEq(t, `{"I":7,"T":"3837","N":"","F":true,"G":false,"R":81.5,"M":1762661992178,"L":"2026-04-21 11:00:00"}`, string(out))
}

func TestFlawsAreNamedWithoutValues(t *testing.T) {
	t.Parallel()
	type body struct {
		Data struct {
			Price lenient.Int `json:"price"`
		} `json:"data"`
	}
	cases := map[string]lenient.Flaw{
		"":                                  lenient.Empty,
		" \n":                               lenient.Empty,
		"<!doctype html><p>x":               lenient.HTML,
		`{"data":{"price":1`:                lenient.Truncated,
		`{"data":{"price":1}} trailing`:     lenient.Syntax,
		`{"data":{"price":,}}`:              lenient.Syntax,
		`{"data":{"price":"secret-value"}}`: lenient.Mistyped,
		`{"data":"secret-value"}`:           lenient.Mistyped,
		`["secret-value"]`:                  lenient.Mistyped,
	}
	for in, want := range cases {
		var b body
		err := lenient.Decode([]byte(in), &b)
		var m *lenient.Malformed
		require.ErrorAs(t, err, &m, in)
		require.Equal(t, want, m.Flaw, in)
		require.NotContains(t, err.Error(), "secret", in)
	}
}

func TestMomentsAreOfThisCentury(t *testing.T) {
	t.Parallel()
	for in, want := range map[lenient.Millis]string{
		1762661992178: "2025-11-09", 946684800000: "2000-01-01", 946684799999: "", 4133980799999: "2100-12-31", 4133980800000: "",
		0: "", 2: "", 1762661992: "", -1762661992178: "", math.MaxInt64: "", math.MinInt64: "",
	} {
		got := in.Time()
		require.Equal(t, want == "", got.IsZero(), "%d", in)
		if want != "" {
			require.Equal(t, want, got.Format(time.DateOnly), "%d", in)
		}
	}
	for _, in := range []string{`"0001-01-01 00:00:00"`, `"1999-12-31 23:59:59"`, `"2101-01-02 00:00:00"`, `"9999-12-31T23:59:59-12:00"`} {
		var l lenient.Local
		require.ErrorIs(t, lenient.Decode([]byte(in), &l), lenient.ErrMalformed, in)
	}
}

func TestRowsLeaveOutTheOddOne(t *testing.T) {
	t.Parallel()
	type row struct {
		Price lenient.Int `json:"price"`
	}
	check := func(r *row) error {
		if r.Price == 0 {
			return lenient.Lacks("price")
		}
		return nil
	}
	list := `[{"price":1},{"price":2},{"price":3},{"price":4},{"price":5},{"price":6},{"price":7},{"price":8},{"price":9},{"price":null}]`
	rows, odd, err := lenient.Rows([]byte(list), "data", check)
	require.NoError(t, err)
	require.Len(t, rows, 9)
	require.Equal(t, 1, odd)
	_, _, err = lenient.Rows([]byte(`[{"price":1},{}]`), "data", check)
	require.ErrorIs(t, err, lenient.ErrMalformed)
	_, _, err = lenient.Rows[row]([]byte(`null`), "data", check)
	require.ErrorIs(t, err, lenient.ErrMalformed)
	rows, _, err = lenient.Rows([]byte(`[]`), "data", check)
	require.NoError(t, err)
	require.Empty(t, rows)
}

func TestReadableRowsAreReadHoweverFew(t *testing.T) {
	t.Parallel()
	type row struct {
		Price lenient.Int `json:"price"`
	}
	check := func(*row) error { return nil }
	rows, odd, err := lenient.Readable([]byte(`[{"price":{}},{"price":1},7]`), "data", check)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, 2, odd)
	rows, _, err = lenient.Readable([]byte(`[]`), "data", check)
	require.NoError(t, err)
	require.Empty(t, rows)
	for _, in := range []string{`[{"price":{}}]`, `null`, `{}`, `7`, ``} {
		_, _, err = lenient.Readable([]byte(in), "data", check)
		require.ErrorIs(t, err, lenient.ErrMalformed, in)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"i":1,"m":"2","t":3,"f":true,"r":1.5,"l":"2026-04-21 11:00:00"}`, `{"i":"x"}`, `<html>`, ``, "{\"t\":\"\xc2\"}", `{"t":"a\u0000b"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v struct {
			I lenient.Int    `json:"i"`
			M lenient.Rupiah `json:"m"`
			T lenient.Text   `json:"t"`
			F lenient.Flag   `json:"f"`
			R lenient.Rate   `json:"r"`
			L lenient.Local  `json:"l"`
		}
		if err := lenient.Decode(body, &v); err != nil {
			require.ErrorIs(t, err, lenient.ErrMalformed)
			return
		}
		again, err := json.Marshal(v)
		require.NoError(t, err)
		w := v
		require.NoError(t, lenient.Decode(again, &w))
		require.Equal(t, v.M, w.M)
		require.Equal(t, v.T, w.T)
	})
}
