package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// find gives a field of the first line with a message.
func (l *lines) find(msg, field string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		var v map[string]any
		if json.Unmarshal([]byte(line), &v) == nil && v["msg"] == msg {
			s, _ := v[field].(string)
			return s
		}
	}
	return ""
}

func TestTheAPIWaitsForItsSchemaServesAndDrains(t *testing.T) {
	t.Parallel()
	url := testdb.NewEmpty(t)
	path := filepath.Join(t.TempDir(), "muara.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
api: {listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0", metrics_listen: "off"}
database: {url: "`+url+`"}
redis: {url: "`+testredis.URL(t)+`"}
secrets: {encryption_key: `+strings.Repeat("ab", 32)+`}
`), 0o600))
	s := &shell{t: t, config: path}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := &lines{}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--config", path, "api", "--drain-notice=1ms"}, io.Discard, log)
	}()
	require.Eventually(t, func() bool { return log.find("waiting for the schema", "level") == "WARN" }, 20*time.Second, 5*time.Millisecond)
	s.json("migrate", "up")
	var addr string
	require.Eventually(t, func() bool {
		addr = log.find("api ready", "listen")
		return addr != ""
	}, 20*time.Second, 5*time.Millisecond)

	key, _ := s.json("merchant", "create", "--name", "Toko")["key"].(string)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/api/v1/profile", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, string(body))
	require.Equal(t, "120", resp.Header.Get("RateLimit-Limit"))

	for _, expires := range []string{"0s", "-1h"} {
		code, _, _ := s.run("token", "create", "--name", "desk", "--role", "viewer", "--expires="+expires)
		require.Equal(t, exitUsage, code, "no token without an end by a slip")
	}
	made := s.json("token", "create", "--name", "desk", "--role", "viewer", "--expires", "1h")
	me := getJSON(t, "http://"+log.find("admin api ready", "listen")+"/admin/v1/me", made["token"].(string))
	require.Equal(t, "desk", me["data"].(map[string]any)["name"])

	stop()
	select {
	case code := <-ended:
		require.Equal(t, exitOK, code, log.find("muara", "msg"))
	case <-time.After(30 * time.Second):
		t.Fatal("does not end")
	}
}

func getJSON(t *testing.T, url, bearer string) (v map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&v))
	return v
}

func TestTheAPINeedsItsSecrets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "muara.yaml")
	require.NoError(t, os.WriteFile(path, []byte("brand: {name: X}\n"), 0o600))
	code, _, errs := (&shell{t: t, config: path}).run("api")
	require.Equal(t, exitRefused, code)
	for _, missing := range []string{"database.url", "redis.url", "secrets.encryption_key"} {
		require.Contains(t, errs, missing)
	}
	require.Equal(t, 1, strings.Count(errs, "\n"))
}

func TestTheOpenAPIDocumentNeedsNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "muara.yaml")
	require.NoError(t, os.WriteFile(path, []byte("brand: {name: X}\n"), 0o600))
	s := &shell{t: t, config: path}
	require.Equal(t, "3.1.0", s.json("openapi")["openapi"])
	require.Equal(t, "3.0.3", s.json("openapi", "--version", "3.0")["openapi"])
	require.Equal(t, "X admin API", s.json("openapi", "--admin")["info"].(map[string]any)["title"])
	code, _, _ := s.run("openapi", "--version", "2")
	require.Equal(t, exitUsage, code)
}
