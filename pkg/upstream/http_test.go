package upstream_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
)

func TestARedirectIsNeverRead(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308, 399} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			if status != http.StatusNotModified {
				_, _ = w.Write([]byte(`{"success":false,"error":{"message":"Saldo tidak cukup"}}`)) // a lost answer is Unknown as well
			}
		}))
		t.Cleanup(srv.Close)
		h := upstream.NewHTTP()
		for name, send := range map[string]func(*http.Request) (*upstream.Response, error){
			"money": func(r *http.Request) (*upstream.Response, error) { return h.Money(t.Context(), r) },
			"read":  func(r *http.Request) (*upstream.Response, error) { return h.Read(t.Context(), r) },
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
			require.NoError(t, err)
			resp, err := send(req)
			require.Nil(t, resp, "%s %d", name, status)
			e := upstream.AsError(err)
			require.Equal(t, upstream.Unknown, e.Class)
			require.False(t, e.Pause)
			require.False(t, e.Answered)
		}
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 21, 4, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"": 0, "-1": 0, "soon": 0, "30": 30 * time.Second, "9223372036854775807": 24 * time.Hour,
		"Tue, 21 Apr 2026 04:01:00 GMT": time.Minute, "Tue, 21 Apr 2099 04:01:00 GMT": 24 * time.Hour, "Tue, 21 Apr 2020 04:01:00 GMT": 0,
	} {
		r := upstream.Response{Header: http.Header{"Retry-After": {in}}}
		require.Equal(t, want, r.RetryAfter(now), in)
	}
}
