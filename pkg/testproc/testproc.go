// Package testproc starts real processes for tests and sees to it that none outlives the test.
package testproc

import (
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// patience is how long a process may take to answer a signal before it is killed.
const patience = 20 * time.Second

// Process is a running command. Its methods may be called from any goroutine.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// Start runs cmd, and kills it when the test ends or when the test's own process dies. It fails the test when the command
// cannot be started.
//
// The kernel ties "when the parent dies" to the thread that forked, so that thread is kept for as long as the child lives.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("testproc: start %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() { p.Kill() })
	return p
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running tells whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill ends the process at whatever instruction it is (SIGKILL), and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // an error says that it is gone already
	<-p.done
}

// Stop sends sig, waits, and gives what exec.Cmd.Wait gave. A process that does not end within 20 seconds is killed.
func (p *Process) Stop(sig syscall.Signal) error {
	_ = p.cmd.Process.Signal(sig) // an error says that it is gone already
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.Kill()
	}
	return p.err
}
