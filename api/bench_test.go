package api_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/muarahq/muara/api"
)

// BenchmarkPlaceOrder is the whole way of an order through one API process, without the network.
func BenchmarkPlaceOrder(b *testing.B) {
	w := newWorld(b, func(d *api.Deps) { d.Log = nil })
	c := w.merchant(1 << 50)
	var n atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			body := `{"category":"ppob","ref":"trx-` + strconv.FormatInt(n.Add(1), 10) + `","sku":"TSEL5","customer_no":"081234567890"}`
			r := httptest.NewRequest(http.MethodPost, "/api/v1/order", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+c.key)
			rec := httptest.NewRecorder()
			w.apis[0].ServeHTTP(rec, r)
			if rec.Code != http.StatusOK {
				b.Error(rec.Body.String())
				return
			}
		}
	})
}

// BenchmarkPing is what every request costs besides its own work.
func BenchmarkPing(b *testing.B) {
	w := newWorld(b, func(d *api.Deps) { d.Log = nil })
	c := w.merchant(0)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/ping", nil)
		r.Header.Set("Authorization", "Bearer "+c.key)
		rec := httptest.NewRecorder()
		w.apis[0].ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			b.Fatal(rec.Body.String())
		}
	}
}
