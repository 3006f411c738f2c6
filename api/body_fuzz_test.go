package api

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
)

// FuzzOrderBody: whatever is sent, the decoder gives a request in shape or a
// refusal that names fields; and what it accepts survives being written and read.
func FuzzOrderBody(f *testing.F) {
	for _, seed := range []string{
		`{"category":"ppob","ref":"trx-0001","sku":"MLID10","customer_no":"081234567890","zone_id":"1","max_price":5}`,
		`{"category":"smm","ref":"s","sku":"IG1","target":"https://x","quantity":100,"comments":["a","b"],"runs":2}`,
		`{"category":"smm","ref":"s","sku":"IG1","target":"https://x","quantity":100,"comments":"a\r\nb\n\n"}`,
		`{"category":"otp","ref":"o","sku":"OTPTGID","operator_id":"any"}`,
		`{"category":"product","ref":"p","sku":"N1","quantity":2}`,
		`{"category":null}`, `[]`, `{"ref":{"a":1}}`, "\xff", `{"category":"ppob","ref":"\u0000"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := parseOrder(body)
		if err != nil {
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			return
		}
		require.True(t, validRef(p.Ref) && len(p.Ref) >= 1 && len(p.Ref) <= maxRef)
		require.Positive(t, p.Quantity)
		for _, text := range texts(p) {
			require.True(t, utf8.ValidString(text))
			require.False(t, strings.ContainsRune(text, 0), "Postgres holds no NUL")
		}
		again, err := parseOrder(written(t, p))
		require.NoError(t, err)
		require.Equal(t, p.Hash(), again.Hash())
	})
}

// FuzzInquiryBody: whatever is sent, the decoder gives a question in shape or a refusal
// that names fields.
func FuzzInquiryBody(f *testing.F) {
	for _, seed := range []string{
		`{"ref":"bill-0001","sku":"PLNIDPASCA","customer_no":"546302215889"}`, `{"ref":"b","sku":"E","customer_no":"1","amount":50000,"year":"2026","zone_id":"2"}`,
		`{"ref":"b","sku":"E","customer_no":"1","amount":[1,2]}`, `{"ref":"b","sku":"E","customer_no":"1","amount":-1}`, `{}`, `null`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseInquiry(body)
		if err != nil {
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			return
		}
		require.True(t, validRef(r.Ref) && len(r.Ref) >= 1 && len(r.Ref) <= maxRef)
		for _, text := range []string{r.SKU, r.CustomerNo, r.Inputs[inputAmount], r.Inputs[inputYear]} {
			require.True(t, utf8.ValidString(text))
			require.False(t, strings.ContainsAny(text, "\x00\n"), "one line, and Postgres holds no NUL")
		}
		require.NotEmpty(t, r.SKU)
		require.NotEmpty(t, r.CustomerNo)
	})
}

func texts(p *placement) []string {
	out := []string{p.SKU, p.Ref, p.CallbackURL}
	for _, s := range []*string{p.CustomerNo, p.ZoneID, p.Target} {
		if s != nil {
			out = append(out, *s)
		}
	}
	for k, v := range p.Inputs {
		out = append(out, k, v)
	}
	return out
}

// written is a body that says the same.
func written(t *testing.T, p *placement) []byte {
	t.Helper()
	m := map[string]any{"category": p.Category, "ref": p.Ref, "sku": p.SKU, "customer_no": p.CustomerNo, "zone_id": p.ZoneID, "target": p.Target}
	if p.Category == order.SMM || p.Category == order.Product {
		m["quantity"] = p.Quantity
	}
	for k, v := range p.Inputs {
		m[k] = v
	}
	body, err := json.Marshal(m)
	require.NoError(t, err)
	return body
}

func TestAListIsTheSameContentAsTextAndAsAnArray(t *testing.T) {
	t.Parallel()
	hash := func(comments string) string {
		p, err := parseOrder([]byte(`{"category":"smm","ref":"r","sku":"S","target":"t","quantity":2,"comments":` + comments + `}`))
		require.NoError(t, err)
		return string(p.Hash())
	}
	want := hash(`["good","nice one"]`)
	require.Equal(t, want, hash(`"good\nnice one"`))
	require.Equal(t, want, hash(`"good\r\nnice one\n"`))
	require.Equal(t, want, hash(`[" good ","nice one",""]`))
	require.NotEqual(t, want, hash(`["nice one","good"]`))
}

func FuzzCursor(f *testing.F) {
	f.Add(rest.Cursor(cursorOrders, 42))
	broken := rest.Cursor(cursorOrders, 42)
	f.Add(broken[:9] + "\n" + broken[9:])
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		key, ok := rest.ParseCursor(cursorOrders, text)
		if ok {
			require.Equal(t, text, rest.Cursor(cursorOrders, key))
		}
	})
}
