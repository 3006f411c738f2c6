package clients

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/cmd/internal/role/roletest"
	mer "github.com/muarahq/muara/pkg/merchant"
)

// gateway is every role that the test mode needs.
type gateway struct {
	t     *testing.T
	store *mer.Store
	url   string
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := roletest.New(t, time.Now, slog.New(slog.DiscardHandler))
	return &gateway{t: t, store: g.Store, url: g.URL}
}

// merchant has a test key, and takes its webhooks as they come.
type merchant struct {
	g    *gateway
	key  string
	came chan delivery
}

// merchant makes one, once there is something to buy.
func (g *gateway) merchant() *merchant {
	g.t.Helper()
	_, key, err := g.store.Create(g.t.Context(), mer.New{Name: "Toko", Mode: mer.Test, Actor: "test"})
	require.NoError(g.t, err)
	m := &merchant{g: g, key: key.Secret, came: make(chan delivery, 16)}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			m.came <- delivery{r.Header, string(body)}
		}
	}))
	g.t.Cleanup(hook.Close)
	m.call(http.MethodPut, "/webhook", `{"url":"`+hook.URL+`","events":["webhook.test"],"enabled":true}`, nil)
	require.Eventually(g.t, func() bool {
		status, _ := m.send(g.t.Context(), http.MethodGet, "/price?sku=TESTPULSA5", "")
		return status == http.StatusOK
	}, 30*time.Second, 50*time.Millisecond)
	return m
}

func (m *merchant) send(ctx context.Context, method, path, body string) (status int, answer string) {
	m.g.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, m.g.url+path, strings.NewReader(body))
	require.NoError(m.g.t, err)
	r.Header.Set("Authorization", "Bearer "+m.key)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(m.g.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(m.g.t, err)
	return resp.StatusCode, string(raw)
}
