// Command dev runs the whole gateway in one process, for a first look and for
// work on it: every role, emulators of the providers, a demo merchant and a
// receiver of its webhooks. `make run` starts it beside a private Postgres and
// Redis. Everything listens on loopback only, and no real provider is spoken to.
//
// What it keeps is in one directory (.muara): the servers' data, the key that
// encrypts, the demo merchant's key, and muara.yaml, with which ./cmd/muara works
// on the same installation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does not wait
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong usage")

// options are the command line.
type options struct {
	data     string
	database string
	port     int
	requests int
	per      time.Duration
	delay    time.Duration
	jitter   time.Duration
	verbose  bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("dev", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.data, "data", ".muara", "directory of what is kept from run to run")
	fs.StringVar(&o.database, "database", "muara", "name of the database; it is made where it is missing")
	fs.IntVar(&o.port, "port", 8080, "port of the merchant API; a free one where it is taken")
	fs.IntVar(&o.requests, "requests", 5, "how many requests the emulated RumahOTP allows in a window; no more are sent")
	fs.DurationVar(&o.per, "per", 10*time.Second, "that window")
	fs.DurationVar(&o.delay, "delay", 2*time.Second, "time until an emulated purchase succeeds or a code comes")
	fs.DurationVar(&o.jitter, "jitter", time.Second, "up to so much longer")
	fs.BoolVar(&o.verbose, "v", false, "show the log here, and not only in dev.log")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, err
	} else if err != nil {
		return o, errUsage
	}
	if fs.NArg() > 0 || o.requests < 1 || o.per <= 0 {
		fmt.Fprintln(stderr, "dev: unexpected argument, or a limit that allows nothing")
		return o, errUsage
	}
	return o, nil
}

// screen is what a person reads; lines of several goroutines do not mix.
type screen struct {
	mu  sync.Mutex
	out io.Writer
}

func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// run brings everything up, says so, and takes it down again when ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	out := &screen{out: stdout}
	p, err := openPlace(ctx, o, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	g, err := start(ctx, p, out, stderr)
	if err != nil {
		return err
	}
	if err := greet(g.ctx, g, out); err != nil && ctx.Err() == nil {
		return errors.Join(err, g.stop())
	}
	<-g.ctx.Done()
	out.say("\nstopping: what is under way is finished first (again Ctrl-C to leave at once)")
	if err := g.stop(); err != nil {
		return err
	}
	out.say("stopped")
	return nil
}

// greet waits until the catalogue is there and says what there is.
func greet(ctx context.Context, g *gateway, out *screen) error {
	d, err := prepareDemo(ctx, g)
	if err != nil {
		return err
	}
	if err := awaitCatalogue(ctx, g, out); err != nil {
		return err
	}
	goods, err := findGoods(ctx, g, d)
	if err != nil {
		return err
	}
	out.say("%s", welcome(g, d, goods))
	return nil
}
