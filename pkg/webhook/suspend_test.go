package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/webhook"
)

const day = 24 * time.Hour

// failDaily has an event delivered every half a day for so many halves.
func (w *world) failDaily(wallet int64, subject string, halves int) (ids []int64) {
	w.t.Helper()
	for i := range halves {
		ids = append(ids, w.insert(w.event(wallet, subject+itoa(i), 1))...)
		w.sweep()
		w.clock.add(day / 2)
	}
	return ids
}

func (w *world) endpoint() *webhook.Endpoint {
	w.t.Helper()
	e, err := w.endpoints.Get(w.t.Context(), "M1")
	require.NoError(w.t, err)
	return e
}

func TestAnEndpointThatOnlyFailsForDaysIsSuspended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(http.StatusInternalServerError))
	wallet := w.merchant("M1", r.URL)
	begun := w.clock.now()
	ids := w.failDaily(wallet, "a", 10)
	require.True(t, w.endpoint().Enabled, "not before five days are over")
	standing, err := webhook.Standings(t.Context(), w.db.Pool, false)
	require.NoError(t, err)
	require.Len(t, standing, 1)
	require.True(t, standing[0].FailingSince.Equal(begun.Truncate(time.Microsecond)))
	require.GreaterOrEqual(t, standing[0].FailingAttempts, 10)

	waiting := w.insert(w.event(wallet, "last", 1), w.event(wallet, "last", 2))
	w.deliver(waiting[0])
	e := w.endpoint()
	require.False(t, e.Enabled)
	require.Equal(t, "every delivery has failed for 5 days", e.SuspendedReason)
	require.Contains(t, w.log.String(), "webhook endpoint suspended")
	require.Equal(t, 1, w.metric("muara_webhook_suspensions_total"))
	n, err := webhook.Suspended(t.Context(), w.db.Pool)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	for _, id := range append(ids, waiting...) {
		d := w.get(id)
		require.Equal(t, webhook.Parked, d.Status, "nothing is tried any more")
		require.Nil(t, d.NextAttemptAt)
	}
	sent := len(r.arrivals())
	require.Empty(t, w.insert(w.event(wallet, "meanwhile", 1)), "what happens meanwhile is kept, parked")
	w.clock.add(day)
	w.sweep()
	require.Len(t, r.arrivals(), sent)
	standing, err = webhook.Standings(t.Context(), w.db.Pool, true)
	require.NoError(t, err)
	require.EqualValues(t, 13, standing[0].Parked)

	r.answer = nil
	_, err = w.endpoints.Set(t.Context(), "M1", webhook.Change{URL: ptr(r.URL)})
	require.NoError(t, err)
	require.False(t, w.endpoint().Enabled, "the same URL again says nothing")
	_, err = w.endpoints.Set(t.Context(), "M1", webhook.Change{Enabled: ptr(true)})
	require.NoError(t, err)
	require.True(t, w.endpoint().Enabled)
	require.Empty(t, w.endpoint().SuspendedReason)
	parked, err := webhook.List(t.Context(), w.db.Pool, webhook.Filter{MerchantID: "M1", Status: webhook.Parked})
	require.NoError(t, err)
	require.Len(t, parked, 13)
	for _, d := range parked {
		require.NoError(t, w.replay("M1", d.ID))
	}
	w.sweep()
	for _, d := range parked {
		require.Equal(t, webhook.Delivered, w.get(d.ID).Status)
	}
}

// An operator's lift once left since when it had failed: the next failure switched it off again.
func TestALiftedEndpointHasNotFailedYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(http.StatusInternalServerError))
	wallet := w.merchant("M1", r.URL)
	w.failDaily(wallet, "a", 11)
	require.False(t, w.endpoint().Enabled)
	_, was, err := webhook.Lift(t.Context(), w.db.Pool, "M1", w.clock.now())
	require.NoError(t, err)
	require.Equal(t, "every delivery has failed for 5 days", was)
	w.failDaily(wallet, "b", 10)
	require.True(t, w.endpoint().Enabled, "not before another five days are over")
	w.failDaily(wallet, "c", 1)
	require.False(t, w.endpoint().Enabled)
}

func TestOneDeliveryEndsTheFailing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(http.StatusInternalServerError))
	wallet := w.merchant("M1", r.URL)
	w.failDaily(wallet, "a", 9)
	r.answer = nil
	fine := w.insert(w.event(wallet, "fine", 1))
	w.clock.add(5 * time.Minute) // one that only fails is tried now and then
	w.sweep()
	require.Equal(t, webhook.Delivered, w.get(fine[0]).Status)
	r.answer = status(http.StatusInternalServerError)
	w.failDaily(wallet, "b", 9)
	require.True(t, w.endpoint().Enabled)
}

func TestAFewFailuresFarApartSuspendNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *webhook.Options) { o.Schedule = []time.Duration{time.Minute} })
	r := newReceiver(t, status(http.StatusBadGateway))
	wallet := w.merchant("M1", r.URL)
	for i := range 20 { // one each third day: in between nothing tells how it does
		w.insert(w.event(wallet, "a"+itoa(i), 1))
		w.sweep()
		w.clock.add(time.Minute)
		w.sweep()
		w.clock.add(3 * day)
	}
	require.True(t, w.endpoint().Enabled)

	few := newWorld(t, func(o *webhook.Options) { o.Schedule, o.Tries = []time.Duration{day}, 50 })
	wallet = few.merchant("M1", r.URL)
	few.failDaily(wallet, "a", 16)
	require.True(t, few.endpoint().Enabled, "too few to tell")
}

func TestAnOrdersOwnURLSaysNothingOfTheEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken, fine := newReceiver(t, status(http.StatusInternalServerError)), newReceiver(t, nil)
	wallet := w.merchant("M1", fine.URL)
	own := func(i int, url string) int64 {
		e := w.event(wallet, "own"+itoa(i), 1)
		e.URL = url
		return w.insert(e)[0]
	}
	for i := range 16 {
		own(i, broken.URL)
		w.sweep()
		w.clock.add(day / 2)
	}
	require.True(t, w.endpoint().Enabled, "failures elsewhere do not suspend it")

	other := newWorld(t)
	wallet = other.merchant("M1", broken.URL)
	w = other
	for i := range 11 {
		own(i, fine.URL)
		w.insert(w.event(wallet, "a"+itoa(i), 1))
		w.sweep()
		w.clock.add(day / 2)
	}
	require.False(t, w.endpoint().Enabled, "nor do successes elsewhere keep it")
	late := own(99, fine.URL)
	w.clock.add(5 * time.Minute)
	w.sweep()
	require.Equal(t, webhook.Delivered, w.get(late).Status, "orders' own URLs still get theirs")
}
