package webhook_test

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/webhook"
)

func TestAnEndpointHasItsSecretFromTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.merchant("M1", "")
	w.tx(func(tx pgx.Tx) error {
		secret, err := w.endpoints.Create(t.Context(), tx, "M1")
		require.NoError(t, err)
		require.Regexp(t, `^whsec_`, secret)
		again, err := w.endpoints.Create(t.Context(), tx, "M1")
		require.NoError(t, err)
		require.Empty(t, again, "the first one stays")
		return nil
	})
	e, err := w.endpoints.Get(t.Context(), "M1")
	require.NoError(t, err)
	require.Equal(t, "M1", e.MerchantID)
	require.Empty(t, e.URL)
	require.Empty(t, e.Events)
	require.True(t, e.Enabled)
	_, err = w.endpoints.Get(t.Context(), "NOBODY")
	require.Error(t, err)
}

func TestAnEndpointIsChangedFieldByField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.merchant("M1", "")
	set := func(c webhook.Change) *webhook.Endpoint {
		t.Helper()
		e, err := w.endpoints.Set(t.Context(), "M1", c)
		require.NoError(t, err)
		read, err := w.endpoints.Get(t.Context(), "M1")
		require.NoError(t, err)
		require.Equal(t, read, e)
		return e
	}
	e := set(webhook.Change{URL: ptr("http://127.0.0.1:81/x"), Events: &[]string{webhook.OrderUpdated}})
	require.Equal(t, "http://127.0.0.1:81/x", e.URL)
	e = set(webhook.Change{Enabled: ptr(false)})
	require.Equal(t, "http://127.0.0.1:81/x", e.URL)
	require.Equal(t, []string{webhook.OrderUpdated}, e.Events)
	require.False(t, e.Enabled)
	e = set(webhook.Change{URL: ptr(""), Events: &[]string{}})
	require.Empty(t, e.URL)
	require.Equal(t, []string{}, e.Events)
	require.False(t, e.Enabled, "what the merchant switched off stays off")
}

func TestAnotherURLEndsASuspension(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(410))
	wallet := w.merchant("M1", r.URL)
	w.deliver(w.insert(w.event(wallet, "a", 1))[0])
	same, err := w.endpoints.Set(t.Context(), "M1", webhook.Change{URL: ptr(r.URL)})
	require.NoError(t, err)
	require.False(t, same.Enabled)
	e, err := w.endpoints.Set(t.Context(), "M1", webhook.Change{URL: ptr(r.URL + "/new")})
	require.NoError(t, err)
	require.True(t, e.Enabled)
	require.Empty(t, e.SuspendedReason)
}

func TestWhatAnEndpointCannotBeNamesItsField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.merchant("M1", "")
	for field, c := range map[string]webhook.Change{
		"url":    {URL: ptr("https://10.0.0.1/")},
		"events": {Events: &[]string{"order.updated", "order.deleted"}},
	} {
		_, err := w.endpoints.Set(t.Context(), "M1", c)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, field, f.Details[0].Field)
		require.NotContains(t, f.Message, "10.0.0.1")
	}
}

func TestATestEventGoesToAnyEndpointThatIsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	wallet := w.merchant("M1", "")
	send := func() (int64, error) { return w.endpoints.Test(t.Context(), "M1", wallet, "live") }
	_, err := send()
	require.Equal(t, fault.NotAvailable, fault.KindOf(err))
	_, err = w.endpoints.Set(t.Context(), "M1", webhook.Change{URL: ptr(r.URL), Events: &[]string{webhook.OrderUpdated}})
	require.NoError(t, err)
	id, err := send()
	require.NoError(t, err, "whatever types it wants")
	w.deliver(id)
	require.Contains(t, string(r.arrivals()[0].body), `"type":"webhook.test"`)
	_, err = w.endpoints.Set(t.Context(), "M1", webhook.Change{Enabled: ptr(false)})
	require.NoError(t, err)
	_, err = send()
	require.Equal(t, fault.NotAvailable, fault.KindOf(err))
}

func TestDeliveriesAreListedNewestFirstAndByWhatIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(500))
	a, b := w.merchant("A", r.URL), w.merchant("B", r.URL)
	ids := w.insert(w.event(a, "1", 1), w.event(a, "2", 1), w.event(b, "3", 1), w.event(a, "4", 1))
	w.deliver(ids[2])
	list := func(f webhook.Filter) (out []int64) {
		t.Helper()
		got, err := webhook.List(t.Context(), w.db.Pool, f)
		require.NoError(t, err)
		for _, d := range got {
			out = append(out, d.ID)
		}
		return out
	}
	require.Equal(t, []int64{ids[3], ids[2], ids[1], ids[0]}, list(webhook.Filter{}))
	require.Equal(t, []int64{ids[3], ids[1], ids[0]}, list(webhook.Filter{MerchantID: "A", Mode: "live", Type: webhook.OrderUpdated}))
	require.Equal(t, []int64{ids[3], ids[1]}, list(webhook.Filter{MerchantID: "A", Limit: 2}))
	require.Equal(t, []int64{ids[0]}, list(webhook.Filter{MerchantID: "A", Before: ids[1]}))
	require.Equal(t, []int64{ids[2]}, list(webhook.Filter{Status: webhook.Failed}))
	require.Equal(t, []int64{ids[1]}, list(webhook.Filter{Subject: "order:2"}))
	require.Equal(t, []int64{ids[0]}, list(webhook.Filter{EventID: w.get(ids[0]).EventID}))
	require.Empty(t, list(webhook.Filter{Mode: "test"}))

	_, err := webhook.Get(t.Context(), w.db.Pool, "B", ids[0])
	require.Equal(t, fault.NotFound, fault.KindOf(err), "another's")
	_, err = webhook.Body(t.Context(), w.db.Pool, "B", ids[0])
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	require.Equal(t, fault.NotFound, fault.KindOf(w.replay("B", ids[0])))
	require.Equal(t, fault.NotFound, fault.KindOf(w.replay("", 4711)))
}

func TestAReplayDuringAnAttemptLeavesItsResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arrived, leave := make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(n int, _ http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			close(arrived)
			<-leave
		}
	})
	id := w.insert(w.event(w.merchant("M1", r.URL), "a", 1))[0]
	done := make(chan error, 1)
	go func() { done <- w.deliverer.Deliver(background(), id) }()
	<-arrived
	require.NoError(t, w.replay("M1", id))
	w.deliver(id)
	close(leave)
	require.NoError(t, <-done)
	require.Len(t, r.arrivals(), 1)
	require.Equal(t, webhook.Delivered, w.get(id).Status)
	require.Equal(t, 1, w.get(id).Attempts)
}
