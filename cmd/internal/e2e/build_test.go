package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// binaries are built once for all tests of a run, into a directory that TestMain
// removes.
var binaries = sync.OnceValues(build)

func build() (dir string, err error) {
	dir, err = os.MkdirTemp("", "muara-e2e.")
	if err != nil {
		return "", err
	}
	// As scripts/build does, so that it is the released binary that is tested, and compiled once.
	args, env := []string{"build", "-buildvcs=false", "-trimpath", "-tags", "timetzdata", "-o", dir + "/"}, "CGO_ENABLED=0"
	if os.Getenv("MUARA_E2E_RACE") == "1" {
		args, env = append(args, "-race"), "CGO_ENABLED=1"
	}
	cmd := exec.Command("go", append(args, "./cmd/muara", "./cmd/emulator")...)
	cmd.Env = append(os.Environ(), env)
	cmd.Dir = filepath.Join("..", "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
}

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := binaries()
	err = errors.Join(err, line.open())
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "e2e:", err)
	}
	if dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// fromEnv reads a number that scales a run.
func fromEnv(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}
