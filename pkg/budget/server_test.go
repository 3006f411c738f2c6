package budget

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// server is a Redis server of a test's own, that may be flushed, killed and started again.
type server struct {
	t      *testing.T
	dir    string
	socket string
	args   []string
	cmd    *exec.Cmd
}

func newServer(t *testing.T, args ...string) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "muara-budget-") // a socket's path is at most 107 bytes: t.TempDir may be longer
	require.NoError(t, err)
	s := &server{t: t, dir: dir, socket: filepath.Join(dir, "redis.sock"), args: args}
	s.start()
	t.Cleanup(func() {
		s.kill()
		_ = os.RemoveAll(dir)
	})
	return s
}

func (s *server) start() {
	s.t.Helper()
	args := append([]string{"--port", "0", "--unixsocket", s.socket, "--dir", s.dir, "--save", "", "--daemonize", "no"}, s.args...)
	cmd := exec.Command("redis-server", args...)
	started := make(chan error, 1)
	go func() { // Pdeathsig follows the thread that forked
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		started <- cmd.Start()
		_ = cmd.Wait()
	}()
	require.NoError(s.t, <-started)
	s.cmd = cmd
	rdb := s.client()
	require.Eventually(s.t, func() bool { return rdb.Ping(context.Background()).Err() == nil }, 10*time.Second, 5*time.Millisecond)
}

// kill ends the server as a crash would.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		s.cmd = nil
	}
}

func (s *server) restart() {
	s.t.Helper()
	s.kill()
	s.start()
}

func (s *server) client() *redis.Client {
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket, DialTimeout: time.Second, MaxRetries: 1})
	s.t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// pod is one process's share, stopped with the test.
func (s *server) pod(name string, limit Limit, hold time.Duration, opts ...Option) *Budget {
	b := New(s.client(), name, limit, hold, opts...)
	s.t.Cleanup(func() { _ = b.Stop(context.Background()) })
	return b
}

// within is a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// pass waits for d, as a call's latency does.
func pass(d time.Duration) { <-time.After(d) }
