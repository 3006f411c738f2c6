package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/httpx"
)

func TestClientAddr(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for name, tc := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"a direct caller is its peer":                         {peer: "203.0.113.9:4000", want: "203.0.113.9"},
		"an untrusted peer may claim nothing":                 {peer: "203.0.113.9:4000", forwarded: []string{"198.51.100.1"}, want: "203.0.113.9"},
		"a trusted proxy names its caller":                    {peer: "10.1.2.3:4000", forwarded: []string{"198.51.100.1"}, want: "198.51.100.1"},
		"what the caller wrote itself counts for nothing":     {peer: "10.1.2.3:4000", forwarded: []string{"192.0.2.1, 198.51.100.1"}, want: "198.51.100.1"},
		"a chain of proxies is followed":                      {peer: "10.1.2.3:4000", forwarded: []string{"192.0.2.1, 198.51.100.1, 10.9.9.9"}, want: "198.51.100.1"},
		"headers given twice are one list":                    {peer: "10.1.2.3:4000", forwarded: []string{"192.0.2.1", "198.51.100.1, 10.9.9.9"}, want: "198.51.100.1"},
		"a trusted proxy that names nobody is the caller":     {peer: "10.1.2.3:4000", want: "10.1.2.3"},
		"only proxies: the outermost is the caller":           {peer: "10.1.2.3:4000", forwarded: []string{"10.4.4.4"}, want: "10.4.4.4"},
		"what is no address ends the chain":                   {peer: "10.1.2.3:4000", forwarded: []string{"198.51.100.1, unknown"}, want: "10.1.2.3"},
		"IPv6 with brackets and port":                         {peer: "[2001:db8::1]:4000", forwarded: []string{"[2001:db9::7]:55"}, want: "2001:db9::7"},
		"IPv4 with port":                                      {peer: "10.1.2.3:4000", forwarded: []string{"198.51.100.1:8080"}, want: "198.51.100.1"},
		"IPv4 inside IPv6 is IPv4":                            {peer: "[::ffff:10.1.2.3]:4000", forwarded: []string{"::ffff:198.51.100.1"}, want: "198.51.100.1"},
		"a Unix socket has no address and is nobody's proxy":  {peer: "@", forwarded: []string{"198.51.100.1"}, want: "invalid IP"},
		"a zone does not make another address of the same IP": {peer: "[fe80::1%eth0]:4000", want: "fe80::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tc.peer
			for _, line := range tc.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			require.Equal(t, tc.want, httpx.ClientAddr(r, trusted).String())
		})
	}
}

func TestTheCallersRequestIDIsKeptWhenItIsOne(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a", "trx-0001", "A.b_c-9", strings.Repeat("x", 128)} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(httpx.RequestIDHeader, id)
		require.Equal(t, id, httpx.RequestID(r))
	}
}

func TestOtherwiseARequestGetsAnIDOfOurs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "a b", "a/b", "é", "a\x00", strings.Repeat("x", 129)} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(httpx.RequestIDHeader, id)
		got := httpx.RequestID(r)
		require.NotEqual(t, id, got)
		require.Regexp(t, `^[A-Za-z0-9._-]{1,128}$`, got)
	}
}

func TestARequestIDTravelsInTheContext(t *testing.T) {
	t.Parallel()
	require.Equal(t, "x", httpx.RequestIDOf(httpx.WithRequestID(t.Context(), "x")))
	require.Empty(t, httpx.RequestIDOf(t.Context()))
}
