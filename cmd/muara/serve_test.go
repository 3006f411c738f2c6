package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/metrics"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
)

// beginning serves a role that does what begin says, and gives where its health is, how to stop it, and how it ended.
func beginning(t *testing.T, begin func(ctx context.Context, d role.Deps) error) (health string, stop func(), ended <-chan error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "muara.yaml")
	require.NoError(t, os.WriteFile(path, []byte("database: {url: \""+testdb.New(t).URL+"\"}\nredis: {url: \""+testredis.URL(t)+"\"}\n"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	log, done, entered := &lines{}, make(chan error, 1), make(chan struct{})
	e := &env{ctx: ctx, stdout: io.Discard, stderr: log, configPath: path, now: time.Now}
	go func() {
		err := e.serve(served{
			name: "test", needs: config.NeedDatabase | config.NeedRedis,
			metrics: func(*config.Config) string { return "127.0.0.1:0" }, ready: role.Deps.Ready,
			run: func(ctx context.Context, d role.Deps, _ *metrics.Health) error {
				close(entered)
				return begin(ctx, d)
			},
		})
		done <- errors.Join(err, e.close())
	}()
	require.Eventually(t, func() bool { return log.find("metrics ready", "listen") != "" }, 20*time.Second, 5*time.Millisecond)
	<-entered
	return "http://" + log.find("metrics ready", "listen"), cancel, done
}

// answers asks a health URL.
func answers(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(said)
}

func TestARoleIsReadyOnceItHasBegun(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	health, stop, ended := beginning(t, func(ctx context.Context, d role.Deps) error {
		<-begun
		d.Started()
		<-ctx.Done()
		return nil
	})
	code, said := answers(t, health+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, "not ready: start\n", said, "it would be given requests that it does not take yet")
	code, _ = answers(t, health+"/livez")
	require.Equal(t, http.StatusOK, code)
	close(begun)
	require.Eventually(t, func() bool { code, _ := answers(t, health+"/readyz"); return code == http.StatusOK }, 20*time.Second, 5*time.Millisecond)
	stop()
	require.NoError(t, <-ended)
}

func TestARoleThatIsStoppedBeforeItHasBegunEndsWell(t *testing.T) {
	t.Parallel()
	given := errors.New("the disk is full")
	for want, begin := range map[error]func(context.Context, role.Deps) error{
		nil: func(ctx context.Context, _ role.Deps) error {
			<-ctx.Done()
			return fmt.Errorf("catalog: %w", ctx.Err())
		},
		given: func(ctx context.Context, _ role.Deps) error { <-ctx.Done(); return given },
		context.Canceled: func(ctx context.Context, d role.Deps) error {
			d.Started()
			<-ctx.Done()
			return fmt.Errorf("what was under way was given up: %w", ctx.Err())
		},
	} {
		_, stop, ended := beginning(t, begin)
		stop()
		require.ErrorIs(t, <-ended, want)
	}
}
