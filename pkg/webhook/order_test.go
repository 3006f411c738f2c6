package webhook_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/webhook"
)

func TestEventsOfASubjectArriveInOrderAndOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var fail atomic.Bool
	fail.Store(true)
	r := newReceiver(t, func(_ int, rw http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/a" && fail.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	wallet := w.merchant("M1", "")
	var events []webhook.Event
	for n := int64(1); n <= 3; n++ {
		for _, order := range []string{"a", "b"} {
			e := w.event(wallet, order, n)
			e.URL = r.URL + "/" + order
			events = append(events, e)
		}
	}
	ids := w.insert(events...)
	for _, id := range []int64{ids[5], ids[4], ids[3], ids[2], ids[1], ids[0]} { // tasks come in any order
		w.deliver(id)
	}
	count := func(path string) (n int) {
		for _, a := range r.arrivals() {
			if a.path == path {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, count("/a"), "the second waits for the first")
	require.Equal(t, 3, count("/b"), "another subject does not wait")
	require.Empty(t, w.due(10))

	fail.Store(false)
	w.clock.add(5 * time.Second)
	require.Contains(t, w.due(10), ids[0])
	require.NotContains(t, w.due(10), ids[2])
	w.deliver(ids[0])
	require.Equal(t, 4, count("/a"), "those behind it go right after")
	for path, want := range map[string][]int64{"/a": {ids[0], ids[0], ids[2], ids[4]}, "/b": {ids[1], ids[3], ids[5]}} {
		var got []string
		for _, a := range r.arrivals() {
			if a.path == path {
				got = append(got, a.id)
			}
		}
		for i, id := range want {
			require.Equal(t, w.get(id).EventID, got[i])
		}
	}
}

func TestAParkedEventNoLongerHoldsUpThoseBehindIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *webhook.Options) { o.Schedule = []time.Duration{time.Second} })
	r := newReceiver(t, func(n int, rw http.ResponseWriter, _ *http.Request) {
		if n <= 2 {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	})
	wallet := w.merchant("M1", r.URL)
	ids := w.insert(w.event(wallet, "a", 1), w.event(wallet, "a", 2))
	w.deliver(ids[0])
	w.deliver(ids[1])
	require.Equal(t, webhook.Pending, w.get(ids[1]).Status)
	w.clock.add(time.Second)
	w.deliver(ids[0])
	require.Equal(t, webhook.Parked, w.get(ids[0]).Status)
	require.Equal(t, webhook.Delivered, w.get(ids[1]).Status, "at once")
}

func TestManyOrdersOverManyWorkersKeepTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(n int, rw http.ResponseWriter, _ *http.Request) {
		if n%5 == 0 {
			rw.WriteHeader(http.StatusBadGateway)
		}
	})
	wallet := w.merchant("M1", r.URL)
	type place struct {
		subject string
		n       int
	}
	places := map[string]place{}
	var ids []int64
	for n := range 5 {
		for i := range 12 {
			id := w.insert(w.event(wallet, itoa(i), int64(n)))[0]
			ids = append(ids, id)
			places[w.get(id).EventID] = place{itoa(i), n}
		}
	}
	for range 40 {
		var wg sync.WaitGroup
		for worker := range 6 {
			wg.Go(func() {
				for i := worker; i < len(ids); i += 3 {
					if err := w.deliverer.Deliver(background(), ids[i]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		w.clock.add(25 * time.Hour)
	}
	next := map[string]int{}
	for _, a := range r.arrivals() {
		p := places[a.id]
		require.LessOrEqual(t, p.n, next[p.subject], "none before its predecessor")
		if p.n == next[p.subject] {
			next[p.subject]++ // a failed one comes again: then it is below
		}
	}
	open, oldest, err := webhook.Backlog(t.Context(), w.db.Pool)
	require.NoError(t, err)
	require.Zero(t, open)
	require.True(t, oldest.IsZero())
}

func TestOneDeadMerchantStarvesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dead, fine := newReceiver(t, status(http.StatusInternalServerError)), newReceiver(t, nil)
	deadWallet, fineWallet := w.merchant("DEAD", dead.URL), w.merchant("FINE", fine.URL)
	var events []webhook.Event
	for i := range 100 {
		events = append(events, w.event(deadWallet, "d"+itoa(i), 1))
	}
	ids := w.insert(events...)
	w.clock.add(time.Second)
	good := w.insert(w.event(fineWallet, "f", 1))[0]
	due := w.due(1000)
	require.Len(t, due, 9, "as many as it has lanes, and the other's")
	require.Contains(t, due, good)
	require.Len(t, w.due(3), 3)
	open, oldest, err := webhook.Backlog(t.Context(), w.db.Pool)
	require.NoError(t, err)
	require.EqualValues(t, 101, open)
	require.Equal(t, w.get(ids[0]).CreatedAt, oldest)

	// It fails twenty times in a row: then it is tried once in a while only.
	w.deliver(ids[0])
	require.Len(t, dead.arrivals(), 20)
	require.Equal(t, []int64{good}, w.due(1000))
	_, oldest, err = webhook.Backlog(t.Context(), w.db.Pool)
	require.NoError(t, err)
	require.Equal(t, w.get(good).CreatedAt, oldest, "a dead merchant is no delay of ours")
	for _, seconds := range []int{15, 30, 60, 120, 240, 300, 300} {
		w.clock.add(time.Duration(seconds)*time.Second - time.Millisecond)
		require.Equal(t, []int64{good}, w.due(1000))
		w.clock.add(time.Millisecond)
		before := len(dead.arrivals())
		due := w.due(1000)
		require.Len(t, due, 2)
		for _, id := range due {
			if id != good {
				w.deliver(id)
				w.deliver(ids[99])
			}
		}
		require.Len(t, dead.arrivals(), before+1)
	}
	// One success, and it has all its lanes again.
	dead.answer = nil
	w.clock.add(300 * time.Second)
	w.deliver(ids[99])
	for _, id := range ids {
		if w.get(id).Status == webhook.Pending {
			t.Errorf("event %d was not tried", id)
		}
	}
	w.deliver(good)
	require.Len(t, fine.arrivals(), 1)
}

func TestAnEventGoesWhereItIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	none, all, some, off := w.merchant("NONE", ""), w.merchant("ALL", r.URL), w.merchant("SOME", r.URL), w.merchant("OFF", r.URL)
	_, err := w.endpoints.Set(t.Context(), "SOME", webhook.Change{Events: &[]string{webhook.TierChanged, webhook.BalanceLow, webhook.TierChanged}})
	require.NoError(t, err)
	_, err = w.endpoints.Set(t.Context(), "OFF", webhook.Change{Enabled: ptr(false)})
	require.NoError(t, err)
	own := func(wallet int64) webhook.Event {
		e := w.event(wallet, "own", 1)
		e.URL = r.URL + "/own"
		return e
	}
	tier := w.event(some, "x", 1)
	tier.Type = webhook.TierChanged
	for name, tc := range map[string]struct {
		event webhook.Event
		path  string
	}{
		"without an endpoint, nowhere":            {w.event(none, "a", 1), ""},
		"without an endpoint, to its own URL":     {own(none), "/own"},
		"to the endpoint":                         {w.event(all, "a", 1), "/"},
		"to its own URL and not to the endpoint":  {own(all), "/own"},
		"not to an endpoint that wants others":    {w.event(some, "a", 1), ""},
		"to an endpoint that wants its type":      {tier, "/"},
		"to its own URL whatever the endpoint is": {own(some), "/own"},
		"not to an endpoint that is off":          {w.event(off, "a", 1), ""},
	} {
		ids := w.insert(tc.event)
		if tc.path == "" {
			require.Empty(t, ids, name)
			continue
		}
		require.Len(t, ids, 1, name)
		w.deliver(ids[0])
		got := r.arrivals()
		require.Equal(t, tc.path, got[len(got)-1].path, name)
	}
	var rows int
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM webhook_events`).Scan(&rows))
	require.Equal(t, 5, rows)
}

func TestEventsGoOrStayWithTheirTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wallet := w.merchant("M1", "http://127.0.0.1/")
	tx, err := w.db.Pool.Begin(t.Context())
	require.NoError(t, err)
	ids, err := webhook.Insert(t.Context(), tx, []webhook.Event{w.event(wallet, "a", 1)})
	require.NoError(t, err)
	require.Len(t, ids, 1)
	require.NoError(t, tx.Rollback(t.Context()))
	list, err := webhook.List(t.Context(), w.db.Pool, webhook.Filter{})
	require.NoError(t, err)
	require.Empty(t, list)
	w.tx(func(tx pgx.Tx) error {
		ids, err := webhook.Insert(t.Context(), tx, nil)
		require.Empty(t, ids)
		require.NoError(t, err)
		_, err = webhook.Insert(t.Context(), tx, []webhook.Event{{WalletID: wallet, Data: func() {}}})
		require.Error(t, err, "what cannot be rendered")
		return nil
	})
}

func TestASetOfEventsIsOneStatementInTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.merchant("A", "http://127.0.0.1/a"), w.merchant("B", "http://127.0.0.1/b")
	var events []webhook.Event
	for i := range 300 {
		events = append(events, w.event([]int64{a, b}[i%2], strings.Repeat("0", i%7)+itoa(i), 1))
	}
	ids := w.insert(events...)
	require.Len(t, ids, 300)
	require.IsIncreasing(t, ids)
	for _, i := range []int{0, 1, 150, 299} {
		d := w.get(ids[i])
		require.Equal(t, events[i].Subject, d.Subject)
		require.Equal(t, []string{"A", "B"}[i%2], d.MerchantID)
		require.Equal(t, "http://127.0.0.1/"+[]string{"a", "b"}[i%2], d.URL)
	}
}
