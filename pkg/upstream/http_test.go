package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
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

// TestNothingOfAURLOrAnAnswerIsInAnError: net/http quotes both, and the key of some
// providers travels in the query.
func TestNothingOfAURLOrAnAnswerIsInAnError(t *testing.T) {
	t.Parallel()
	const key = "s3cr3tKey"
	answering := func(answer string) string {
		ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = ln.Close() })
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 16<<10)) // a test's server
				_, _ = conn.Write([]byte(answer))
				_ = conn.Close()
			}
		}()
		return "http://" + ln.Addr().String()
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	for name, c := range map[string]struct {
		base  string
		class upstream.Class
		says  string
	}{
		"nothing listens":           {closed.URL, upstream.NotSent, "refused"},
		"no such host":              {"http://no-such-host.invalid", upstream.NotSent, "dial"},
		"no handshake":              {strings.Replace(plain.URL, "http:", "https:", 1), upstream.NotSent, ""},
		"a certificate of nobody's": {secure.URL, upstream.NotSent, "certificate"},
		"no HTTP":                   {answering("apikey=" + key + "\r\n\r\n"), upstream.Unknown, "no answer that HTTP knows"},
		"an odd status":             {answering("HTTP/1.1 " + key + " OK\r\n\r\n"), upstream.Unknown, "no answer that HTTP knows"},
		"an odd header":             {answering("HTTP/1.1 200 OK\r\n" + key + "\r\n\r\n"), upstream.Unknown, "no answer that HTTP knows"},
		"an odd redirect":           {answering("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://[::1?apikey=" + key + "\r\n\r\n"), upstream.Unknown, "no answer that HTTP knows"},
		"a closed connection":       {answering(""), upstream.Unknown, ""},
	} {
		for _, send := range []func(*upstream.HTTP, *http.Request) (*upstream.Response, error){
			func(h *upstream.HTTP, r *http.Request) (*upstream.Response, error) { return h.Money(r.Context(), r) },
			func(h *upstream.HTTP, r *http.Request) (*upstream.Response, error) { return h.Read(r.Context(), r) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/x?apikey="+key, nil)
			require.NoError(t, err)
			resp, err := send(upstream.NewHTTP(), req)
			cancel()
			require.Nil(t, resp, name)
			require.Equal(t, c.class.String(), upstream.AsError(err).Class.String(), "%s: %v", name, err)
			require.ErrorContains(t, err, c.says, name)
			for e := err; e != nil; e = errors.Unwrap(e) {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), key, name)
			}
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
