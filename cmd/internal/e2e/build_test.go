package e2e

import (
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
	args := []string{"build", "-buildvcs=false", "-o", dir + "/"}
	if os.Getenv("MUARA_E2E_RACE") == "1" {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/muara", "./cmd/emulator")...)
	cmd.Dir = filepath.Join("..", "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
}

func TestMain(m *testing.M) {
	dir, err := binaries()
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
