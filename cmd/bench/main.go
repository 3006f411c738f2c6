// Command bench measures Muara on this machine and prints one table of ratios: what
// the design promises, against what the same Postgres and Redis do without Muara,
// in the same run. `make bench` gives it its servers; docs/benchmarks.md says how to
// read it.
//
// The roles run as processes of their own, as in production; the source and the
// merchants' webhook receivers are in this process, and so is the load. All share the
// machine's cores: figures in seconds say little elsewhere, ratios say much.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong usage")

// options are the command line.
type options struct {
	muara, out, work, profile, only string
	quick                           bool
	rounds, merchants, products     int
	conns, pipeline, doors          int
	open, final, ticks              int
	entries, history, asks          int
	keep                            bool
	span                            time.Duration
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.muara, "muara", ".muara/bin/muara", "the program under measurement; built by make bench")
	fs.StringVar(&o.out, "out", ".muara/bench.json", "where the figures go after a whole run; empty for nowhere")
	fs.StringVar(&o.work, "work", ".muara/bench", "directory of configuration and logs")
	fs.StringVar(&o.profile, "profile", "", "run the roles with a CPU profile each, written to this directory")
	fs.StringVar(&o.only, "only", "", "figures to measure, of abcdefg; empty for all (a and b go together)")
	fs.BoolVar(&o.quick, "quick", false, "a tenth of everything: shows that it works, and little more")
	fs.DurationVar(&o.span, "span", 8*time.Second, "how long one stretch of load lasts")
	fs.IntVar(&o.rounds, "rounds", 3, "how often (a) and (b) take turns")
	fs.IntVar(&o.merchants, "merchants", 1000, "merchants that load is spread over")
	fs.IntVar(&o.products, "products", 20_000, "products in the catalogue")
	fs.IntVar(&o.conns, "conns", 32, "connections that send at once")
	fs.IntVar(&o.pipeline, "pipeline", 20_000, "orders that go the whole way")
	fs.IntVar(&o.doors, "doors", 300, "orders that are sent one by one to an idle system")
	fs.IntVar(&o.open, "open", 1000, "open orders that a tick finds")
	fs.IntVar(&o.final, "final", 1_000_000, "final orders that a tick must not notice")
	fs.IntVar(&o.entries, "entries", 10_000_000, "mutations of the merchant with a long past")
	fs.IntVar(&o.history, "history", 1_000_000, "its orders and deliveries")
	fs.IntVar(&o.asks, "asks", 200, "how often each of its pages is asked for")
	fs.BoolVar(&o.keep, "keep", false, "leave its database behind, and use it again if it is there")
	fs.IntVar(&o.ticks, "ticks", 60, "ticks measured on each side")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, err
	} else if err != nil {
		return o, errUsage
	}
	if fs.NArg() > 0 || strings.Trim(o.only, "abcdefg") != "" {
		fmt.Fprintln(stderr, "bench: what to measure is said by flags only, see -help")
		return o, errUsage
	}
	if o.quick {
		o.span, o.rounds, o.pipeline, o.doors, o.final, o.ticks = min(o.span, 2*time.Second), 1, o.pipeline/10, o.doors/10, o.final/10, o.ticks/3
		o.entries, o.history = o.entries/10, o.history/10
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == profiledRole {
		return runProfiled(ctx, args[1:], stderr)
	}
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	begun := time.Now()
	l, err := newLab(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer l.close()
	r := &report{}
	for _, f := range []struct {
		letters string
		measure func(context.Context, *lab, *report) error
	}{
		{"d", measureDoor}, {"c", measurePipeline}, {"f", measureCatalogue}, {"ab", measureAccept}, {"e", measureTick}, {"g", measureBook},
	} {
		if o.only != "" && !strings.ContainsAny(o.only, f.letters) {
			continue
		}
		if err := f.measure(ctx, l, r); err != nil {
			return fmt.Errorf("(%s): %w", f.letters, err)
		}
	}
	r.print(stdout)
	fmt.Fprintf(stdout, "\nmeasured in %s\n", time.Since(begun).Round(time.Second))
	if o.only != "" || o.out == "" {
		return nil
	}
	return r.write(o.out)
}
