package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

func TestAWorkerThatIsStoppedInTheMiddleOfPurchasesLosesNone(t *testing.T) {
	sideBySide(t, 15*time.Second)
	w := newWorld(t, settings{})
	w.scheduler(0)
	for n := range 2 {
		w.worker(otpName, n)
		w.worker(ppobName, n)
	}
	w.catalogue()
	w.api(0)
	w.api(1)
	m := w.merchant("Toko Surut", 1_000_000_000)
	for _, e := range []*emulated{w.otp, w.ppob} {
		e.fault(emulate.Rule{Kind: emulate.Latency, Endpoint: "purchase", Delay: emulate.Duration(time.Second), Jitter: emulate.Duration(200 * time.Millisecond)})
	}
	const each = 40
	prepaid, games, numbers := w.goods("ppob", ppobName)[0], w.goods("ppob", otpName)[0], w.goods("otp", otpName)[0]
	for _, shelf := range []*good{&prepaid, &games, &numbers} {
		answers := together(t, each, func(i int) (*reply, error) {
			order := ppob(fmt.Sprint(shelf.SKU, "-", i), shelf, fmt.Sprintf("0812%06d01", i))
			if shelf.Category == "otp" {
				order = rented(fmt.Sprint(shelf.SKU, "-", i), shelf)
			}
			return m.send(t.Context(), w.url(), http.MethodPost, "/api/v1/order", order)
		})
		for _, a := range answers {
			require.Equal(t, http.StatusOK, a.Status, "%s", a.Raw)
		}
		name := shelf.at()
		until(t, 20*time.Second, name+" is being bought at", func() bool {
			return w.count(`SELECT count(*) FROM orders WHERE state = 'sending' AND upstream = $1`, name) >= 4
		})
		w.proc("worker-" + name + "-0").drain(t)
		w.worker(name, 0)
	}
	until(t, 90*time.Second, "everything is final", func() bool { return w.count(`SELECT count(*) FROM orders WHERE state <> 'completed'`) == 0 })

	require.Len(t, w.ppob.books().Purchases, each)
	require.Len(t, w.otp.books().Purchases, 2*each)
	require.Empty(t, w.ppob.books().TwiceByTarget())
	require.Empty(t, w.otp.books().Twice())
	require.Zero(t, w.count(`SELECT count(*) FROM order_events WHERE to_state = 'unknown'`), "no call was given up")
	require.Zero(t, w.count(`SELECT count(*) FROM orders WHERE attempt <> 1`), "no purchase was tried twice")
	require.Empty(t, w.otp.books().Violations)
	require.Empty(t, w.ppob.books().Violations)
	w.verified()
}

func TestAnAPIThatIsStoppedAnswersWhatItHasTaken(t *testing.T) {
	sideBySide(t, 6*time.Second)
	w := shop(t)
	m := w.merchant("Toko Tutup", 1_000_000_000)
	good := w.goods("ppob", ppobName)[0]
	doomed := *w.apis[0].Load()
	var accepted, refused atomic.Int64
	var broken sync.Map
	var posts sync.WaitGroup
	stop := make(chan struct{})
	for p := range 8 {
		posts.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				ref := fmt.Sprintf("tutup-%d-%d", p, i)
				r, err := m.send(t.Context(), doomed, http.MethodPost, "/api/v1/order", ppob(ref, &good, fmt.Sprintf("0812%02d%05d01", p, i)))
				switch {
				case err == nil && r.Status == http.StatusOK:
					accepted.Add(1)
				case err == nil:
					broken.Store(ref, string(r.Raw))
					return
				default:
					refused.Add(1) // the listener is closed: the request was not taken
					return
				}
			}
		})
	}
	until(t, 20*time.Second, "orders are being accepted", func() bool { return accepted.Load() > 100 })
	w.proc("api-0").drain(t)
	close(stop)
	posts.Wait()
	broken.Range(func(ref, said any) bool {
		t.Errorf("%v was answered %v", ref, said)
		return true
	})
	// What was answered is there. A request that met a closing connection may have been
	// taken, too: its ref tells, at the other API.
	orders := int64(len(m.orders(t)))
	require.GreaterOrEqual(t, orders, accepted.Load())
	require.LessOrEqual(t, orders, accepted.Load()+refused.Load())
	w.verified()
}
