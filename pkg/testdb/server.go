package testdb

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/testproc"
)

// envBin names the directory of the Postgres programs; without it they are looked for on PATH.
const envBin = "MUARA_PG_BINDIR"

// Server is a Postgres of one test's own, for tests that stop, kill or restart it. Tests that only need a database use
// New, which is far cheaper.
type Server struct {
	// URL is a superuser's, database "postgres", over a Unix socket. It stays the same over restarts.
	URL string

	t    testing.TB
	dir  string
	log  *os.File
	cred *syscall.Credential
	proc *testproc.Process
}

// StartServer makes a cluster, starts it, and removes it when t ends. Commits are durable against a kill of the server
// (though not of the machine).
func StartServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, dir: serverDir(t), cred: credential(t)}
	s.URL = "postgres://postgres@/postgres?host=" + s.dir
	if s.cred != nil {
		if err := os.Chown(s.dir, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
			t.Fatalf("testdb: %v", err)
		}
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	s.log = log
	t.Cleanup(func() { _ = log.Close() })
	initdb := s.command("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	var out bytes.Buffer
	initdb.Stdout, initdb.Stderr = &out, &out
	if err := initdb.Run(); err != nil {
		t.Fatalf("testdb: initdb: %v\n%s", err, out.Bytes())
	}
	s.Start()
	return s
}

// New gives t a fresh, migrated database on this server.
func (s *Server) New(t testing.TB) *DB {
	t.Helper()
	return create(t, s.URL)
}

// Start starts a server that was stopped or killed, and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	cmd := s.command("postgres", "-D", s.data(), "-c", "listen_addresses=", "-c", "unix_socket_directories="+s.dir,
		"-c", "dynamic_shared_memory_type=mmap", // posix segments would outlive a killed server
		"-c", "fsync=off", "-c", "max_connections=200", "-c", "timezone=UTC", "-c", "jit=off")
	cmd.Stdout, cmd.Stderr = s.log, s.log
	s.proc = testproc.Start(s.t, cmd)
	ctx, cancel := context.WithTimeout(s.t.Context(), timeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL)
		if err == nil {
			_ = conn.Close(ctx)
			return
		}
		select {
		case <-tick.C:
		case <-s.proc.Done():
			s.t.Fatalf("testdb: the server ended: %v\n%s", err, s.logged())
		case <-ctx.Done():
			s.t.Fatalf("testdb: the server does not answer: %v\n%s", err, s.logged())
		}
	}
}

// Stop shuts the server down in order; sessions are ended.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.proc.Stop(syscall.SIGINT); err != nil {
		s.t.Fatalf("testdb: stop: %v\n%s", err, s.logged())
	}
}

// Restart is Stop and Start.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) logged() []byte {
	b, err := os.ReadFile(s.log.Name())
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	if dir := os.Getenv(envBin); dir != "" {
		name = filepath.Join(dir, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	return cmd
}

// serverDir is short (a socket's path has 107 bytes) and, unlike t.TempDir, can be reached by another user.
func serverDir(t testing.TB) string {
	t.Helper()
	base := "/tmp"
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		base = "/dev/shm"
	}
	dir, err := os.MkdirTemp(base, "muara-pg.")
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// credential is whom root becomes, since Postgres refuses to run as root: postgres, or else nobody.
func credential(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatalf("testdb: no user to run Postgres as: %v", err)
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
