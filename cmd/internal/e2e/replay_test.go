package e2e

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// TestAProviderThatClosesAReusedConnectionAfterAPurchaseSeesOneArrival springs the
// trap of net/http: a request on a connection that was kept, and dies before its answer,
// is sent again by the transport itself.
func TestAProviderThatClosesAReusedConnectionAfterAPurchaseSeesOneArrival(t *testing.T) {
	sideBySide(t, 10*time.Second)
	w := newWorld(t, settings{})
	w.scheduler(0)
	w.worker(otpName, 0)
	w.worker(ppobName, 0)
	w.catalogue()
	w.api(0)
	w.api(1)
	m := w.merchant("Toko Jebakan", 1_000_000_000)
	for _, e := range []*emulated{w.otp, w.ppob} {
		e.fault(emulate.Rule{Kind: emulate.CloseReused, Endpoint: "purchase"})
	}
	w.trapSprings()

	before := len(w.otp.books().Purchases)
	const each = 15
	prepaid, games, numbers := w.goods("ppob", ppobName)[0], w.goods("ppob", otpName)[0], w.goods("otp", otpName)[0]
	for i := range each {
		m.place(t, ppob(fmt.Sprintf("a-%d", i), &prepaid, fmt.Sprintf("0812%06d01", i)))
		m.place(t, ppob(fmt.Sprintf("b-%d", i), &games, fmt.Sprintf("0813%06d01", i)))
		m.place(t, rented(fmt.Sprintf("c-%d", i), &numbers))
	}
	until(t, 60*time.Second, "everything is completed", func() bool { return w.count(`SELECT count(*) FROM orders WHERE state <> 'completed'`) == 0 })
	require.Len(t, w.otp.books().Purchases, before+2*each)
	require.Len(t, w.ppob.books().Purchases, each)
	arrived := map[string]int{}
	for _, a := range append(w.otp.requests(), w.ppob.requests()...) {
		if a.Target != "" {
			arrived[a.Target]++
		}
	}
	for target, n := range arrived {
		if target != bait {
			require.Equal(t, 1, n, "arrivals for %s", target)
		}
	}
	require.Len(t, arrived, 2*each+1)
	w.verified()
}

// bait is the target of the purchase that shows that the trap is armed.
const bait = "081399999901"

// trapSprings shows what an ordinary client does: one call, two arrivals, bought twice.
func (w *world) trapSprings() {
	w.t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	get := func(path string) int {
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.otp.base+"/api"+path, nil)
		require.NoError(w.t, err)
		req.Header.Set("x-apikey", apiKey)
		resp, err := client.Do(req)
		require.NoError(w.t, err)
		_, err = io.Copy(io.Discard, resp.Body) // what is left unread would not be kept
		require.NoError(w.t, err)
		require.NoError(w.t, resp.Body.Close())
		return resp.StatusCode
	}
	require.Equal(w.t, http.StatusOK, get("/v1/user/balance"))
	code := w.goods("ppob", otpName)[0].Offers[0].Code
	require.Equal(w.t, http.StatusOK, get("/v1/h2h/transaksi/create?id="+code+"&target="+bait))
	require.Equal(w.t, 2, w.otp.books().Count("", bait, ""), "the trap is armed")
}
