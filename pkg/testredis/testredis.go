// Package testredis gives each test a Redis of its own: a real server on a Unix socket, so that a test may flush, stop or
// kill it, and channels and scripts are not shared with its neighbours. Where no redis-server is installed an in-process
// one stands in.
package testredis

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/muarahq/muara/pkg/testproc"
)

const (
	// envBin names the redis-server binary; without it, it is looked for on PATH.
	envBin = "MUARA_REDIS_SERVER"
	// envInProcess, when "1", says that there is no redis-server here.
	envInProcess = "MUARA_INPROCESS_REDIS"

	timeout = 20 * time.Second
	// beat is how often the in-process server's clock is moved; its keys do not expire by themselves.
	beat = 10 * time.Millisecond
)

// Server is one test's Redis.
type Server struct {
	// URL is redis:// or unix://, and stays the same over restarts.
	URL string

	t    testing.TB
	dir  string
	bin  string
	proc *testproc.Process
	mini *miniredis.Miniredis
}

// running finds the server of a test for New and URL, which a test may call in any order and number.
var running sync.Map // testing.TB -> *Server

// New gives a client of t's own Redis. It is closed when t ends.
func New(t testing.TB) redis.UniversalClient {
	t.Helper()
	return of(t).Client(t)
}

// URL is the address of t's own Redis, the one that New gives a client of.
func URL(t testing.TB) string {
	t.Helper()
	return of(t).URL
}

func of(t testing.TB) *Server {
	t.Helper()
	if s, ok := running.Load(t); ok {
		return s.(*Server)
	}
	s := StartServer(t)
	running.Store(t, s)
	t.Cleanup(func() { running.Delete(t) })
	return s
}

// StartServer starts another Redis, for tests that stop, restart or flush it. It is ended with t.
func StartServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, bin: binary()}
	if s.bin == "" {
		s.startInProcess()
		return s
	}
	// Short, since a socket's path has 107 bytes.
	dir, err := os.MkdirTemp("/tmp", "muara-redis.")
	if err != nil {
		t.Fatalf("testredis: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.dir = dir
	s.URL = "unix://" + s.socket()
	s.Start()
	return s
}

func binary() string {
	if os.Getenv(envInProcess) == "1" {
		return ""
	}
	name := os.Getenv(envBin)
	if name == "" {
		name = "redis-server"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// Client gives a client of this server; it is closed when t ends.
func (s *Server) Client(t testing.TB) redis.UniversalClient {
	t.Helper()
	opts, err := redis.ParseURL(s.URL)
	if err != nil {
		t.Fatalf("testredis: %v", err)
	}
	client := redis.NewClient(opts)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// Start starts a server that was stopped, and waits until it answers. It comes back empty, unless the test saved.
func (s *Server) Start() {
	s.t.Helper()
	if s.mini != nil {
		if err := s.mini.Restart(); err != nil {
			s.t.Fatalf("testredis: %v", err)
		}
		s.mini.FlushAll()
		return
	}
	cmd := exec.Command(s.bin, "--port", "0", "--unixsocket", s.socket(), "--dir", s.dir, "--save", "",
		"--appendonly", "no", "--daemonize", "no", "--logfile", filepath.Join(s.dir, "log"), "--maxmemory-policy", "noeviction")
	s.proc = testproc.Start(s.t, cmd)
	s.awaitAnswer()
}

func (s *Server) awaitAnswer() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), timeout)
	defer cancel()
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket(), MaxRetries: -1})
	defer client.Close()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		// Dialling is left until the socket is there: a refused dial makes the client wait.
		err := os.ErrNotExist
		if _, statErr := os.Stat(s.socket()); statErr == nil {
			if err = client.Ping(ctx).Err(); err == nil {
				return
			}
		}
		select {
		case <-tick.C:
		case <-s.proc.Done():
			s.t.Fatalf("testredis: the server ended: %v\n%s", err, s.logged())
		case <-ctx.Done():
			s.t.Fatalf("testredis: the server does not answer: %v\n%s", err, s.logged())
		}
	}
}

// Stop ends the server at once (SIGKILL), as a lost machine would: nothing is saved.
func (s *Server) Stop() {
	if s.mini != nil {
		s.mini.Close()
		return
	}
	s.proc.Kill()
	// A killed server leaves its socket, which the next one replaces; it must not be taken for an answer meanwhile.
	_ = os.Remove(s.socket())
}

// Restart is Stop and Start: every key is gone.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// Flush removes every key (FLUSHALL).
func (s *Server) Flush() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), timeout)
	defer cancel()
	if err := s.Client(s.t).FlushAll(ctx).Err(); err != nil {
		s.t.Fatalf("testredis: flush: %v", err)
	}
}

// Freeze stops the server from answering (SIGSTOP) until Thaw: connections stay open and nothing comes back. The in-process
// server cannot be frozen; it refuses every command instead.
func (s *Server) Freeze() {
	if s.mini != nil {
		s.mini.SetError("LOADING frozen by the test")
		return
	}
	_ = syscall.Kill(s.proc.PID(), syscall.SIGSTOP)
}

// Thaw undoes Freeze.
func (s *Server) Thaw() {
	if s.mini != nil {
		s.mini.SetError("")
		return
	}
	_ = syscall.Kill(s.proc.PID(), syscall.SIGCONT)
}

// Real tells whether this is a redis-server and not the in-process stand-in.
func (s *Server) Real() bool { return s.mini == nil }

func (s *Server) startInProcess() {
	s.t.Helper()
	s.mini = miniredis.NewMiniRedis()
	if err := s.mini.Start(); err != nil {
		s.t.Fatalf("testredis: %v", err)
	}
	s.URL = "redis://" + s.mini.Addr()
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(beat)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-stop:
				return
			case now := <-tick.C:
				s.mini.FastForward(now.Sub(last))
				last = now
			}
		}
	}()
	s.t.Cleanup(func() {
		close(stop)
		<-stopped
		s.mini.Close()
	})
}

func (s *Server) socket() string { return filepath.Join(s.dir, "redis.sock") }

func (s *Server) logged() []byte {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	return b
}
