package webhook_test

import (
	"sync"
	"testing"

	"github.com/muarahq/muara/pkg/webhook"
)

// BenchmarkDeliver is one event of one merchant, from its row to its delivered row,
// with all the lanes of that merchant in use and a receiver on this machine.
func BenchmarkDeliver(b *testing.B) {
	w := newWorld(b)
	r := newReceiver(b, nil)
	wallet := w.merchant("M1", r.URL)
	var ids []int64
	for left := b.N; left > 0; left -= 1000 {
		var events []webhook.Event
		for range min(left, 1000) {
			events = append(events, w.event(wallet, itoa(len(ids)+len(events)), 1))
		}
		ids = append(ids, w.insert(events...)...)
	}
	if _, err := w.db.Pool.Exec(b.Context(), `ANALYZE webhook_events`); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	var wg sync.WaitGroup
	for lane := range 8 {
		wg.Go(func() {
			for i := lane; i < len(ids); i += 8 {
				if err := w.deliverer.Deliver(b.Context(), ids[i]); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	if n := len(r.arrivals()); n != b.N {
		b.Fatalf("%d arrived of %d", n, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
