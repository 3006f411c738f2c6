package rqid_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/rqid"
	"github.com/muarahq/muara/pkg/upstream/rqid/emulator"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

func wib(s string) time.Time {
	at, err := time.Parse("2006-01-02 15:04:05 -0700", s+" +0700")
	if err != nil {
		panic(err)
	}
	return at.UTC()
}

func TestAStatementIsOfItsTime(t *testing.T) {
	t.Parallel()
	row := func(ref, label, at string) string {
		return fmt.Sprintf(`{"ref_1":%q,"product_code":"IS5","customer_id":"08","status_label":%q,"total_price":"5500","created_at":%s}`, ref, label, at)
	}
	rows := "[" + strings.Join([]string{
		row("before", "success", `"2026-04-20 23:59:59"`), row("first", "success", `"2026-04-21 00:00:00"`), row("last", "failed", `"2026-04-21 23:59:59"`),
		row("after", "success", `"2026-04-22 00:00:00"`), row("undated", "pending", "null"), row("odd", "strange", `"2026-04-21 12:00:00"`), `{"ref_1":"spoilt","total_price":{}}`,
	}, ",") + "]"
	for _, data := range []string{rows, `{"data":` + rows + `,"links":null,"meta":{"current_page":1,"last_page":3,"per_page":1000,"total":2500}}`} {
		d, asked := saying(t, 200, `{"status":"success","code":200,"message":"success","data":`+data+`}`)
		lines, next, err := d.StatementPage(t.Context(), wib("2026-04-21 00:00:00"), wib("2026-04-22 00:00:00"), 1)
		require.NoError(t, err)
		require.JSONEq(t, `{"mmid":"MM001","start_date":"2026-04-21","end_date":"2026-04-21","page":1,"per_page":1000}`, (*asked)[len("POST /V1/api/history "):])
		var got []string
		for _, l := range lines {
			got = append(got, l.Ref+" "+string(l.State))
		}
		require.Equal(t, []string{"first succeeded", "last failed", "undated pending", "odd ", "spoilt "}, got)
		require.Equal(t, upstream.StatementLine{
			Ref: "first", Code: "IS5", Target: "08", State: upstream.Succeeded, Cost: 5500, At: wib("2026-04-21 00:00:00"),
		}, lines[0])
		require.Equal(t, map[bool]int{true: 2, false: 0}[data[0] == '{'], next)
	}
	d, _ := saying(t, 200, `{"status":"success","code":200,"message":"success","data":`+rows+`}`)
	_, _, err := d.StatementPage(t.Context(), at, at, 2)
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, "a flat list has no second page")
	d, _ = saying(t, 200, `{"status":"success","code":200,"message":"","data":{"data":[],"meta":{"current_page":1,"last_page":9,"per_page":50,"total":420}}}`)
	_, _, err = d.StatementPage(t.Context(), at, at, 2)
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, "a page that was not asked for")
}

func TestAStatementOfManyPages(t *testing.T) {
	t.Parallel()
	now := wib("2026-04-21 11:00:00")
	e := emulator.New(emulator.Config{Config: emulate.Config{Clock: func() time.Time { return now }}})
	const n = 2*wire.MaxPerPage + 5
	for i := range n {
		body := fmt.Sprintf(`{"mmid":"m","product_code":"IS5","customer_id":"0844","ref_1":"R-%d"}`, i)
		r := httptest.NewRequest(http.MethodPost, wire.PathTopup, strings.NewReader(body))
		r.Header.Set(wire.KeyHeader, "k")
		e.ServeHTTP(httptest.NewRecorder(), r)
	}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	d, err := rqid.New(upstream.Config{Name: "u", BaseURL: srv.URL, Credentials: map[string]string{"api_key": "k", "mmid": "m"}, HTTP: upstream.NewHTTP()})
	require.NoError(t, err)
	refs := map[string]bool{}
	pages := 0
	for page := 1; page > 0; pages++ {
		lines, next, err := d.StatementPage(t.Context(), wib("2026-04-21 00:00:00"), wib("2026-04-22 00:00:00"), page)
		require.NoError(t, err)
		for _, l := range lines {
			refs[l.Ref] = true
		}
		page = next
	}
	require.Equal(t, 3, pages)
	require.Len(t, refs, n)
}

// TestMovementsFindTheirSides: whichever of debit and credit an API means by "left us",
// and whichever end of the list is the newest.
func TestMovementsFindTheirSides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		amounts := rapid.SliceOfN(rapid.Int64Range(-1_000_000, 1_000_000).Filter(func(n int64) bool { return n != 0 }), 1, 12).Draw(rt, "amounts")
		turned, newest := rapid.Bool().Draw(rt, "turned"), rapid.Bool().Draw(rt, "newest first")
		if len(amounts) == 1 {
			turned = true // one row says nothing: as the document's example has it
		}
		var rows []string
		balance := int64(50_000_000)
		for i, a := range amounts {
			balance += a
			in, out := max(a, 0), max(-a, 0)
			debit, credit := in, out // the document's example: what leaves is a credit
			if !turned {
				debit, credit = out, in
			}
			rows = append(rows, fmt.Sprintf(`{"debit":%d,"credit":%d,"balance":%d,"notes":"n","trx_no":"%d","created_at":"2026-04-21 11:00:%02d"}`, debit, credit, balance, i, i))
		}
		if newest {
			for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
				rows[i], rows[j] = rows[j], rows[i]
			}
		}
		d, _ := saying(t, 200, `{"status":"success","code":200,"message":"success","data":[`+strings.Join(rows, ",")+`]}`)
		got, err := d.Movements(t.Context(), wib("2026-04-21 00:00:00"), wib("2026-04-22 00:00:00"))
		if err != nil {
			rt.Fatal(err)
		}
		for i, m := range got {
			if m.Credit-m.Debit != amounts[i] || m.UpstreamRef != fmt.Sprint(i) {
				rt.Fatalf("movement %d: %+v, not %d", i, m, amounts[i])
			}
		}
	})
}

func TestMovementsOfOneSecondAreReadAsTheExampleHasThem(t *testing.T) {
	t.Parallel()
	const row = `{"debit":0,"credit":5500,"balance":%d,"notes":"Trx IS5","trx_no":"T","created_at":"2026-04-21 11:00:00"}`
	for _, balances := range [][2]int{{994_500, 989_000}, {989_000, 994_500}} {
		d, asked := saying(t, 200, `{"status":"success","code":200,"message":"success","data":[`+fmt.Sprintf(row+","+row, balances[0], balances[1])+`]}`)
		got, err := d.Movements(t.Context(), wib("2026-04-20 00:00:00"), wib("2026-04-22 00:00:00"))
		require.NoError(t, err)
		require.JSONEq(t, `{"mmid":"MM001","start_date":"2026-04-20","end_date":"2026-04-21"}`, (*asked)[len("POST /V1/api/mutations "):])
		require.EqualValues(t, 994_500, got[0].Balance)
		require.EqualValues(t, 5500, got[0].Debit)
	}
	d, _ := saying(t, 200, `{"status":"success","code":200,"message":"","data":{"data":[],"meta":{"current_page":1,"last_page":2,"per_page":50,"total":70}}}`)
	_, err := d.Movements(t.Context(), at, at)
	require.Equal(t, upstream.Unknown, upstream.AsError(err).Class, "a part of the day is not the day")
	d, _ = saying(t, 200, `{"status":"success","code":200,"message":"","data":[]}`)
	got, err := d.Movements(t.Context(), at, at.Add(time.Hour))
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestCategoriesThatNothingReadsAreNamed(t *testing.T) {
	t.Parallel()
	d, asked := saying(t, 200, `{"status":"success","code":200,"message":"success","data":[{"id":1,"code":"PULSA","name":"Pulsa","type":"PRABAYAR"},{"id":2,"code":"X","name":"X","type":"LAIN"}]}`)
	page, err := d.CatalogPage(t.Context(), "categories", 1)
	require.NoError(t, err)
	require.Empty(t, page.Offers)
	require.Zero(t, page.Next)
	require.JSONEq(t, `{"mmid":"MM001"}`, (*asked)[len("POST /V1/api/product-categories "):])
}
