package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/callback"
)

const callbackToken = "an-unguessable-token-of-a-source"

// withCallbacks gives an API a door for one source.
func withCallbacks(t *testing.T) (*world, func(method, path, body string, header ...string) *httptest.ResponseRecorder) {
	t.Helper()
	w := newWorld(t, func(d *api.Deps) {
		d.Callbacks = callback.NewDoor(d.DB.Pool, map[string]string{callbackToken: "up-a"}, d.Now, d.Log, nil)
	})
	return w, func(method, path, body string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		rec := httptest.NewRecorder()
		w.apis[0].ServeHTTP(rec, r)
		return rec
	}
}

func TestACallbackIsAnsweredAlikeWhateverItIs(t *testing.T) {
	t.Parallel()
	w, send := withCallbacks(t)
	type seen struct {
		status int
		body   string
		header string
	}
	answers := map[seen]bool{}
	note := func(rec *httptest.ResponseRecorder) {
		rec.Header().Del("X-Request-Id") // its own
		h, err := json.Marshal(rec.Header())
		require.NoError(t, err)
		answers[seen{rec.Code, rec.Body.String(), string(h)}] = true
	}
	note(send(http.MethodPost, "/callback/"+callbackToken, `{"data":{"ref_id":"x"}}`, "X-Hub-Signature", "sha1=abc"))
	note(send(http.MethodPost, "/callback/"+callbackToken, `{"data":{"ref_id":"x"}}`, "X-Hub-Signature", "sha1=abc"))
	note(send(http.MethodPost, "/callback/"+callbackToken, `not JSON`))
	note(send(http.MethodPost, "/callback/"+callbackToken, strings.Repeat("x", callback.MaxBody+1)))
	note(send(http.MethodPost, "/callback/nobody", `{}`))
	note(send(http.MethodPost, "/callback/", `{}`))
	note(send(http.MethodPost, "/callback/"+callbackToken+"/more", `{}`))
	note(send(http.MethodPost, "/callback/..%2f..", `{}`, "Authorization", "Bearer wrong"))
	w.exec(`ALTER TABLE callbacks RENAME TO hidden_callbacks`)
	note(send(http.MethodPost, "/callback/"+callbackToken, `{"a":1}`))
	require.Len(t, answers, 1)
	for a := range answers {
		require.Equal(t, http.StatusOK, a.status)
		require.JSONEq(t, `{"ok":true}`, a.body)
		require.NotContains(t, strings.ToLower(a.header+a.body), "up-a")
	}
	require.NotContains(t, w.logs.String(), callbackToken)
	var n int
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM hidden_callbacks`).Scan(&n))
	require.Equal(t, 2, n, "what was signed and what was not; the same waits once")
	w.queue.posted(t, 2)
}

func TestACallbacksAddressIsNoPage(t *testing.T) {
	t.Parallel()
	_, send := withCallbacks(t)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		require.Equal(t, send(method, "/no-such-page", "").Code, send(method, "/callback/"+callbackToken, "").Code, method)
	}
	for _, path := range []string{"/api/v1/callback/" + callbackToken, "/v1/callback/" + callbackToken, "/callbacks/" + callbackToken} {
		require.Equal(t, http.StatusNotFound, send(http.MethodPost, path, "{}").Code, path)
	}
	for _, page := range []string{"/openapi.json", "/openapi-3.0.json", "/openapi.yaml", "/docs"} {
		rec := send(http.MethodGet, page, "")
		require.Equal(t, http.StatusOK, rec.Code)
		require.NotContains(t, rec.Body.String(), "/callback", "it is no merchant's")
	}
}

func TestWithoutSourcesThatPostCallbacksGoNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rec := httptest.NewRecorder()
	w.apis[0].ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/callback/"+callbackToken, strings.NewReader("{}")))
	require.Equal(t, http.StatusOK, rec.Code)
	require.JSONEq(t, `{"ok":true}`, rec.Body.String())
	w.queue.posted(t, 0)
}

// posted waits until the workers were told of n callbacks.
func (q *fakeQueue) posted(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return len(q.posts) == n
	}, 5*time.Second, time.Millisecond)
}
