package webhook_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
)

// dialled gives the address that net/http would connect to for a URL; ok is false
// when it would connect to none.
func dialled(t *testing.T, raw string) (address string, ok bool) {
	t.Helper()
	tr := &http.Transport{
		DialContext: func(_ context.Context, _, a string) (net.Conn, error) {
			address, ok = a, true
			return nil, errors.New("far enough")
		},
		DisableKeepAlives: true,
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, raw, strings.NewReader("{}"))
	if err != nil {
		return "", false
	}
	resp, err := tr.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return address, ok
}

// cutPort splits host and port as a dialler does.
func cutPort(address string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	return host, port, err == nil
}
