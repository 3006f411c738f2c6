package webhook_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/webhook"
)

func TestASignatureIsTheStandards(t *testing.T) {
	t.Parallel()
	got, err := webhook.Sign("msg_loFOjxBNrRLzqYUf", time.Unix(1731705121, 0), []byte(`{"event_type":"ping","data":{"success":true}}`), "whsec_plJ3nmyCDGBKInavdOK15jsl")
	require.NoError(t, err)
	require.Equal(t, "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=", got)
	for _, bad := range []string{"", "whsec_", "whsec_%%%"} {
		_, err := webhook.Sign("msg_1", time.Unix(0, 0), nil, bad)
		require.Error(t, err, bad)
	}
}

func TestADeliveryIsWhatTheStandardsLibraryAccepts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	wallet := w.merchant("M1", r.URL+"/hook?token=t0ken")
	secret, err := w.endpoints.RotateSecret(t.Context(), "M1")
	require.NoError(t, err)
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, secret)
	ids := w.insert(w.event(wallet, "a", 2))
	require.Len(t, ids, 1)
	require.Equal(t, webhook.Pending, w.get(ids[0]).Status)
	w.deliver(ids[0])

	got := r.arrivals()
	require.Len(t, got, 1)
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, verifier.VerifyIgnoringTimestamp(got[0].body, got[0].header))
	require.Equal(t, "/hook", got[0].path)
	require.Equal(t, "application/json", got[0].header.Get("Content-Type"))
	require.NotContains(t, got[0].header, "Idempotency-Key")
	require.Equal(t, itoa(int(w.clock.now().Unix())), got[0].timestamp)
	require.Regexp(t, `^evt_[0-9A-V]{26}$`, got[0].id)
	want := `{"type":"order.updated","timestamp":"2026-11-21T03:04:05.678901Z","mode":"live","data":{"order":{"n":2,"note":"<&>","ref":"a"}}}`
	require.True(t, bytes.Equal([]byte(want), got[0].body), "%s", got[0].body)

	d := w.get(ids[0])
	require.Equal(t, webhook.Delivered, d.Status)
	require.Equal(t, 1, d.Attempts)
	require.Equal(t, 200, *d.ResponseCode)
	require.Equal(t, got[0].id, d.EventID)
	require.Nil(t, d.NextAttemptAt)
	require.Equal(t, w.clock.now(), *d.LastAttemptAt)
	require.Equal(t, 1, w.metric("muara_webhook_attempts_total", "delivered"))

	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.log.String()), &line), "one line an attempt")
	require.Equal(t, "delivered", line["outcome"])
	require.Equal(t, "M1", line["merchant_id"])
	require.Equal(t, d.EventID, line["event_id"])
	for _, secretText := range []string{secret, "t0ken", "/hook", `note`} {
		require.NotContains(t, w.log.String(), secretText)
	}
}

func TestRetriesFollowTheScheduleWithTheSameBytesAndThenParking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(http.StatusInternalServerError))
	wallet := w.merchant("M1", r.URL)
	id := w.insert(w.event(wallet, "a", 1))[0]
	w.deliver(id)
	for i, wait := range webhook.Schedule() {
		d := w.get(id)
		require.Equal(t, webhook.Failed, d.Status)
		require.Equal(t, i+1, d.Attempts)
		require.Equal(t, 500, *d.ResponseCode)
		require.Equal(t, w.clock.now().Truncate(time.Microsecond).Add(wait), *d.NextAttemptAt)
		w.clock.add(wait - time.Second)
		require.Empty(t, w.due(10))
		w.deliver(id)
		require.Len(t, r.arrivals(), i+1, "not before its time")
		w.clock.add(time.Second)
		require.Equal(t, []int64{id}, w.due(10))
		w.deliver(id)
	}
	d := w.get(id)
	require.Equal(t, webhook.Parked, d.Status)
	require.Equal(t, 10, d.Attempts)
	require.Nil(t, d.NextAttemptAt)
	w.clock.add(1000 * time.Hour)
	require.Empty(t, w.due(10))

	// A replay has the whole schedule again, and the same bytes under the same id.
	require.NoError(t, w.replay("M1", id))
	require.Equal(t, webhook.Pending, w.get(id).Status)
	w.deliver(id)
	require.Equal(t, webhook.Failed, w.get(id).Status)
	r.answer = nil
	w.clock.add(5 * time.Second)
	w.deliver(id)
	require.Equal(t, webhook.Delivered, w.get(id).Status)
	require.NoError(t, w.replay("", id), "also what was delivered")
	w.deliver(id)
	got := r.arrivals()
	require.Len(t, got, 13)
	body, err := webhook.Body(t.Context(), w.db.Pool, "M1", id)
	require.NoError(t, err)
	for _, a := range got {
		require.Equal(t, got[0].id, a.id)
		require.Equal(t, string(body), string(a.body))
	}
	require.NotEqual(t, got[0].timestamp, got[12].timestamp)
	require.NotEqual(t, got[0].signature, got[12].signature)
	require.Equal(t, 11, w.metric("muara_webhook_attempts_total", "status"))
	require.Equal(t, 1, w.metric("muara_webhook_parked_total"))
}

func TestJitterAddsUpToATenth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *webhook.Options) { o.Jitter = func() float64 { return 0.5 } })
	r := newReceiver(t, status(500))
	id := w.insert(w.event(w.merchant("M1", r.URL), "a", 1))[0]
	w.deliver(id)
	require.Equal(t, 5250*time.Millisecond, w.get(id).NextAttemptAt.Sub(w.clock.now().Truncate(time.Microsecond)))
}

func TestALongerRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header string
		want   time.Duration
	}{
		"longer":   {"120", 2 * time.Minute},
		"shorter":  {"1", 5 * time.Second},
		"negative": {"-7", 5 * time.Second},
		"spoilt":   {"soon", 5 * time.Second},
		"a date":   {"Sat, 21 Nov 2026 04:00:00 GMT", time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC).Sub(time.Date(2026, 11, 21, 3, 4, 5, 678901000, time.UTC))},
		"absurd":   {"99999999999", 7 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := newReceiver(t, func(_ int, rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Retry-After", tc.header)
				rw.WriteHeader(http.StatusTooManyRequests)
			})
			id := w.insert(w.event(w.merchant("M1", r.URL), "a", 1))[0]
			w.deliver(id)
			require.Equal(t, tc.want, w.get(id).NextAttemptAt.Sub(w.clock.now()))
		})
	}
}

func TestARedirectIsAFailureAndNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := newReceiver(t, nil)
	r := newReceiver(t, func(_ int, rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Location", elsewhere.URL)
		rw.WriteHeader(http.StatusTemporaryRedirect)
	})
	id := w.insert(w.event(w.merchant("M1", r.URL), "a", 1))[0]
	w.deliver(id)
	d := w.get(id)
	require.Equal(t, webhook.Failed, d.Status)
	require.Equal(t, 307, *d.ResponseCode)
	require.Equal(t, "redirect", d.Failure)
	require.Empty(t, elsewhere.arrivals())
}

func TestGoneDisablesTheEndpointAndParks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(http.StatusGone))
	wallet := w.merchant("M1", r.URL)
	ids := w.insert(w.event(wallet, "a", 1), w.event(wallet, "b", 1))
	own := w.event(wallet, "c", 1)
	own.URL = r.URL + "/own"
	w.deliver(ids[0])
	e, err := w.endpoints.Get(t.Context(), "M1")
	require.NoError(t, err)
	require.False(t, e.Enabled)
	require.NotEmpty(t, e.SuspendedReason)
	// The lane went on to the second: parked without being sent.
	require.Equal(t, webhook.Parked, w.get(ids[0]).Status)
	require.Equal(t, "gone", w.get(ids[0]).Failure)
	second := w.get(ids[1])
	require.Equal(t, webhook.Parked, second.Status)
	require.Equal(t, 0, second.Attempts)
	require.Len(t, r.arrivals(), 1)
	// What happens meanwhile is kept for a replay; a URL of an order's own still counts.
	require.Empty(t, w.insert(w.event(wallet, "d", 1)))
	require.Len(t, w.insert(own), 1)
	list, err := webhook.List(t.Context(), w.db.Pool, webhook.Filter{MerchantID: "M1", Status: webhook.Parked})
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Error(t, w.replay("M1", ids[0]), "nowhere to go")
	require.Equal(t, webhook.Parked, w.get(ids[0]).Status)

	r.answer = nil
	_, err = w.endpoints.Set(t.Context(), "M1", webhook.Change{Enabled: ptr(true)})
	require.NoError(t, err)
	for _, d := range list {
		require.NoError(t, w.replay("M1", d.ID))
	}
	w.sweep()
	for _, d := range list {
		require.Equal(t, webhook.Delivered, w.get(d.ID).Status)
	}
}

func TestGoneAtAnOrdersOwnURLLeavesTheEndpointAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone, fine := newReceiver(t, status(http.StatusGone)), newReceiver(t, nil)
	wallet := w.merchant("M1", fine.URL)
	own := w.event(wallet, "a", 1)
	own.URL = gone.URL
	ids := w.insert(own, w.event(wallet, "b", 1))
	w.deliver(ids[0])
	require.Equal(t, webhook.Parked, w.get(ids[0]).Status)
	require.Equal(t, webhook.Delivered, w.get(ids[1]).Status)
	e, err := w.endpoints.Get(t.Context(), "M1")
	require.NoError(t, err)
	require.True(t, e.Enabled)
}

func TestAReplacedSecretSignsForADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	wallet := w.merchant("M1", r.URL)
	old, err := w.endpoints.RotateSecret(t.Context(), "M1")
	require.NoError(t, err)
	w.clock.add(48 * time.Hour)
	fresh, err := w.endpoints.RotateSecret(t.Context(), "M1")
	require.NoError(t, err)
	accepted := func(secret string, a arrival) bool {
		v, err := standardwebhooks.NewWebhook(secret)
		require.NoError(t, err)
		return v.VerifyIgnoringTimestamp(a.body, a.header) == nil
	}
	w.clock.add(24*time.Hour - time.Second)
	w.deliver(w.insert(w.event(wallet, "a", 1))[0])
	w.clock.add(time.Second)
	w.deliver(w.insert(w.event(wallet, "b", 1))[0])
	got := r.arrivals()
	require.Len(t, strings.Fields(got[0].signature), 2)
	require.True(t, accepted(old, got[0]))
	require.True(t, accepted(fresh, got[0]))
	require.False(t, accepted(old, got[1]))
	require.True(t, accepted(fresh, got[1]))
	var sealed []byte
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT secret FROM webhook_endpoints`).Scan(&sealed))
	require.NotContains(t, string(sealed), fresh)
}

func TestEverySecretSignsForADayAfterItWasReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	wallet := w.merchant("M1", r.URL)
	inUse, err := w.endpoints.RotateSecret(t.Context(), "M1")
	require.NoError(t, err)
	w.clock.add(48 * time.Hour)
	lost, err := w.endpoints.RotateSecret(t.Context(), "M1") // the answer never came, and it is asked for again
	require.NoError(t, err)
	w.clock.add(time.Minute)
	fresh, err := w.endpoints.RotateSecret(t.Context(), "M1")
	require.NoError(t, err)
	signs := func(key string, n int64) []bool {
		w.deliver(w.insert(w.event(wallet, key, n))[0])
		all := r.arrivals()
		a := all[len(all)-1]
		var out []bool
		for _, secret := range []string{inUse, lost, fresh} {
			v, err := standardwebhooks.NewWebhook(secret)
			require.NoError(t, err)
			out = append(out, v.VerifyIgnoringTimestamp(a.body, a.header) == nil)
		}
		return out
	}
	require.Equal(t, []bool{true, true, true}, signs("a", 1))
	w.clock.add(24*time.Hour - time.Minute - time.Second)
	require.Equal(t, []bool{true, true, true}, signs("b", 1))
	w.clock.add(time.Second)
	require.Equal(t, []bool{false, true, true}, signs("c", 1))
	w.clock.add(time.Minute)
	require.Equal(t, []bool{false, false, true}, signs("d", 1))

	for range 5 {
		_, err = w.endpoints.RotateSecret(t.Context(), "M1")
		require.NoError(t, err)
	}
	_, err = w.endpoints.RotateSecret(t.Context(), "M1")
	var refused *fault.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, fault.RateLimited, refused.Kind, "a delivery does not carry more signatures than that")
	require.Equal(t, 24*time.Hour, refused.RetryAfter)
	w.clock.add(24 * time.Hour)
	_, err = w.endpoints.RotateSecret(t.Context(), "M1")
	require.NoError(t, err)
	var older int
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT cardinality(older_secrets) FROM webhook_endpoints`).Scan(&older))
	require.Zero(t, older, "what has ended is not kept")
}

func TestAMerchantWithoutAnEndpointSignsWithASecretOfItsOwnAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	e := w.event(w.merchant("M1", ""), "a", 1)
	e.URL = r.URL
	w.deliver(w.insert(e)[0])
	require.Len(t, r.arrivals(), 1)
	endpoint, err := w.endpoints.Get(t.Context(), "M1")
	require.NoError(t, err)
	require.Regexp(t, `^whsec_…[A-Za-z0-9+/]{4}$`, endpoint.SecretHint)
	require.NotEmpty(t, r.arrivals()[0].signature)
}

func TestOneKilobyteOfAnAnswerIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(_ int, rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write([]byte("a\x00b\xff" + strings.Repeat("x", 1<<20)))
	})
	id := w.insert(w.event(w.merchant("M1", r.URL), "a", 1))[0]
	w.deliver(id)
	d := w.get(id)
	require.Equal(t, webhook.Delivered, d.Status)
	require.Equal(t, "ab"+strings.Repeat("x", 1020), *d.ResponseBody)
}

func TestWithoutAnAnswerTheRowSaysWhy(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	hang := newReceiver(t, func(_ int, _ http.ResponseWriter, _ *http.Request) { <-stuck })
	t.Cleanup(func() { close(stuck) })
	untrusted := unstarted(nil)
	untrusted.Config.ErrorLog = nil
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	closed := newReceiver(t, nil)
	closed.Close()
	for name, tc := range map[string]struct{ url, want string }{
		"no answer in time":                  {hang.URL, "timeout"},
		"a certificate that nobody vouches":  {untrusted.URL, "tls"},
		"nobody listens":                     {closed.URL, "connect"},
		"an address that is not public":      {"http://10.1.2.3/", "refused"},
		"a name that does not exist":         {"http://nobody.invalid/", "dns"},
		"a scheme that is no longer allowed": {"ftp://127.0.0.1/", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *webhook.Options) {
				if tc.want == "timeout" {
					o.Timeout = 50 * time.Millisecond
				}
			})
			e := w.event(w.merchant("M1", ""), "a", 1)
			e.URL = tc.url
			id := w.insert(e)[0]
			w.deliver(id)
			d := w.get(id)
			require.Equal(t, tc.want, d.Failure)
			require.Equal(t, webhook.Failed, d.Status)
			require.Nil(t, d.ResponseCode)
			require.Equal(t, tc.url, d.URL)
			require.Equal(t, 1, w.metric("muara_webhook_attempts_total", tc.want))
			require.NotContains(t, w.log.String(), tc.url)
		})
	}
}

func TestHTTPSWithACertificateThatIsTrusted(t *testing.T) {
	t.Parallel()
	r := unstarted(nil)
	r.StartTLS()
	t.Cleanup(r.Close)
	w := newWorld(t, func(o *webhook.Options) {
		roots := x509.NewCertPool()
		roots.AddCert(r.Certificate())
		o.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	})
	w.deliver(w.insert(w.event(w.merchant("M1", r.URL), "a", 1))[0])
	require.Len(t, r.arrivals(), 1)
}

func TestDuplicatesOfATaskDeliverOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	wallet := w.merchant("M1", r.URL)
	var ids []int64
	for i := range 10 {
		ids = append(ids, w.insert(w.event(wallet, itoa(i), 1))...)
	}
	var wg sync.WaitGroup
	for range 4 {
		for _, id := range ids {
			wg.Go(func() {
				if err := w.deliverer.Deliver(background(), id); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	w.sweep()
	seen := map[string]int{}
	for _, a := range r.arrivals() {
		seen[a.id]++
	}
	require.Len(t, seen, 10)
	require.Len(t, r.arrivals(), 10)
}

func TestAMerchantHasNoMoreAttemptsUnderWayThanLanes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *webhook.Options) { o.Lanes = 3 })
	var inside, most atomic.Int64
	full := make(chan struct{})
	r := newReceiver(t, func(n int, _ http.ResponseWriter, _ *http.Request) {
		defer inside.Add(-1)
		for now := inside.Add(1); ; {
			if was := most.Load(); now <= was || most.CompareAndSwap(was, now) {
				break
			}
		}
		if n == 3 {
			close(full)
		}
		<-full // nobody is answered until all lanes are in use
	})
	wallet := w.merchant("M1", r.URL)
	var wg sync.WaitGroup
	for i := range 40 {
		id := w.insert(w.event(wallet, itoa(i), 1))[0]
		wg.Go(func() {
			if err := w.deliverer.Deliver(background(), id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.sweep()
	require.EqualValues(t, 3, most.Load())
	require.Len(t, r.arrivals(), 40)
}

func TestAKilledWorkersEventIsDeliveredWhenItsLeaseEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	wallet := w.merchant("M1", r.URL)
	ids := w.insert(w.event(wallet, "a", 1), w.event(wallet, "a", 2))
	dead, err := w.deliverer.Abandon(t.Context(), ids[0])
	require.NoError(t, err)
	require.NotNil(t, dead)
	w.deliver(ids[0])
	w.deliver(ids[1])
	require.Empty(t, r.arrivals(), "its lease is believed in, and its successor waits")
	require.Empty(t, w.due(10))
	w.clock.add(46 * time.Second)
	require.NotEmpty(t, w.due(10))
	w.sweep()
	require.Len(t, r.arrivals(), 2)
	require.Equal(t, w.get(ids[0]).EventID, r.arrivals()[0].id)
	require.Equal(t, 2, w.get(ids[0]).Attempts)

	stale, err := w.deliverer.Late(t.Context(), dead)
	require.NoError(t, err)
	require.True(t, stale, "who was thought dead writes nothing")
}

func TestAnAttemptThatWeBreakOffCountsForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arrived, leave := make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(n int, _ http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			close(arrived)
			<-leave
		}
	})
	t.Cleanup(func() { close(leave) })
	id := w.insert(w.event(w.merchant("M1", r.URL), "a", 1))[0]
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.deliverer.Deliver(ctx, id) }()
	<-arrived
	cancel()
	require.NoError(t, <-done, "the result is written all the same")
	d := w.get(id)
	require.Equal(t, webhook.Pending, d.Status)
	require.Equal(t, "aborted", d.Failure)
	require.Equal(t, []int64{id}, w.due(1), "at once")
	w.deliver(id)
	require.Equal(t, webhook.Delivered, w.get(id).Status)
}

func TestADeliveryContinuesTheTraceOfItsEvent(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	w := newWorld(t, func(o *webhook.Options) {
		o.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
	})
	r := newReceiver(t, status(500))
	e := w.event(w.merchant("M1", r.URL), "a", 1)
	e.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	w.deliver(w.insert(e)[0])
	ended := spans.Ended()
	require.Len(t, ended, 1)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", ended[0].SpanContext().TraceID().String())
	require.Equal(t, codes.Error, ended[0].Status().Code)
	require.NotContains(t, r.arrivals()[0].header, "Traceparent", "receivers need not know")
}

func TestAnEventThatIsNotThereIsNoError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deliver(4711)
}
