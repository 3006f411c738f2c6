package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shop is an installation that sells what rqid offers: one worker and two APIs.
func shop(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, settings{})
	w.scheduler(0)
	w.worker(ppobName, 0)
	w.cli(nil, "catalog", "import", "--upstream", ppobName)
	w.api(0)
	w.api(1)
	return w
}

// together makes n requests at the same moment and gives the answers in order.
func together(t *testing.T, n int, send func(i int) (*reply, error)) []*reply {
	t.Helper()
	out, errs := make([]*reply, n), make([]error, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	start := make(chan struct{})
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			out[i], errs[i] = send(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	for i, err := range errs {
		require.NoError(t, err, "request %d", i)
	}
	return out
}

func TestFiftyPostsOfOneRefThroughTwoAPIsAreOneOrderAndOneCharge(t *testing.T) {
	sideBySide(t, 4*time.Second)
	w := shop(t)
	m := w.merchant("Toko Satu", 1_000_000)
	order := ppob("satu-1", &w.goods("ppob", ppobName)[0], "081200000101")

	answers := together(t, 50, func(i int) (*reply, error) {
		return m.send(t.Context(), *w.apis[i%2].Load(), http.MethodPost, "/api/v1/order", order)
	})
	first := decode[placed](t, answers[0])
	for i, a := range answers {
		require.Equal(t, http.StatusOK, a.Status, "%d: %s", i, a.Raw)
		p := decode[placed](t, a)
		require.Equal(t, first.Order.OrderID, p.Order.OrderID)
		require.Equal(t, first.Order.Price, p.Order.Price)
		require.Equal(t, m.Start-first.Order.Price, p.Balance)
	}
	until(t, 30*time.Second, "the order is final", func() bool { return final(m.order(t, "satu-1").Status) })
	require.Equal(t, m.Start-first.Order.Price, m.profile(t).Balance)
	require.Len(t, m.orders(t), 1)
	require.Equal(t, 1, w.ppob.books().Count("", "081200000101", ""), "bought once")
	require.Len(t, m.mutations(t), 2, "the opening and one charge")
	w.verified()

	other := ppob("satu-1", &w.goods("ppob", ppobName)[0], "081200000201")
	for i, a := range together(t, 10, func(i int) (*reply, error) {
		return m.send(t.Context(), *w.apis[i%2].Load(), http.MethodPost, "/api/v1/order", other)
	}) {
		require.Equal(t, http.StatusConflict, a.Status, "%d: %s", i, a.Raw)
		require.Equal(t, "ref_conflict", a.Code)
	}
	require.Len(t, m.orders(t), 1)
}

func TestABalanceForTenOrdersAcceptsTenOfAHundredAtOnce(t *testing.T) {
	sideBySide(t, 4*time.Second)
	w := shop(t)
	m := w.merchant("Toko Sepuluh", 0)
	good := w.goods("ppob", ppobName)[0]
	w.credit(m, 10*good.Prices[0])

	answers := together(t, 100, func(i int) (*reply, error) {
		return m.send(t.Context(), *w.apis[i%2].Load(), http.MethodPost, "/api/v1/order", ppob(fmt.Sprintf("seratus-%d", i), &good, fmt.Sprintf("0812%06d01", i)))
	})
	accepted := map[string]bool{}
	for i, a := range answers {
		if a.Status == http.StatusOK {
			require.Equal(t, good.Prices[0], decode[placed](t, a).Order.Price)
			accepted[fmt.Sprintf("seratus-%d", i)] = true
			continue
		}
		require.Equal(t, http.StatusPaymentRequired, a.Status, "%d: %s", i, a.Raw)
		require.Equal(t, "insufficient_balance", a.Code)
	}
	require.Len(t, accepted, 10)
	require.Zero(t, m.profile(t).Balance)

	// Of the ninety nothing is left: no order, no mutation, and their refs are free.
	orders := m.orders(t)
	require.Len(t, orders, 10)
	for ref := range orders {
		require.True(t, accepted[ref], ref)
	}
	require.Len(t, m.mutations(t), 11, "the opening and ten charges")
	require.Equal(t, 10, w.count(`SELECT count(*) FROM orders`))
	until(t, 30*time.Second, "the ten are bought", func() bool { return len(w.ppob.books().Purchases) == 10 })
	w.credit(m, good.Prices[0])
	for i := range answers {
		if ref := fmt.Sprintf("seratus-%d", i); !accepted[ref] {
			m.place(t, ppob(ref, &good, fmt.Sprintf("0812%06d01", i)))
			break
		}
	}
	until(t, 30*time.Second, "all eleven are final", func() bool {
		for _, o := range m.orders(t) {
			if !final(o.Status) {
				return false
			}
		}
		return true
	})
	require.Zero(t, m.profile(t).Balance)
	w.verified()
}
