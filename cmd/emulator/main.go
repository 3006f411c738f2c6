// Command emulator serves emulators of the providers until it is told to stop:
// for local runs, tests of several processes, and load tests. It never talks to
// a real provider.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "emulator:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong usage")

// options are the command line.
type options struct {
	at                      map[string]*string // where each emulator is served; empty for nowhere
	control                 string
	key, mmid               string
	seed                    uint64
	services, h2h, products int
	balance                 int64
	delay, jitter, life     time.Duration
	paidAfter               time.Duration
	requests                int
	per, block              time.Duration
	rqidRequests            int
	rqidPer                 time.Duration
	instant                 bool
	currency, rate          string
	smmServices             int
	hook, hookSecret        string
	otherRequests           int
	otherPer                time.Duration
}

func parse(args []string, stderr io.Writer) (options, error) {
	o := options{at: map[string]*string{}}
	fs := flag.NewFlagSet("emulator", flag.ContinueOnError)
	fs.SetOutput(stderr)
	for n, e := range emulators() {
		o.at[e.name] = fs.String(e.name, fmt.Sprintf("127.0.0.1:%d", 9101+n), "address of the emulator of "+e.what+"; empty for none")
	}
	fs.StringVar(&o.currency, "smm-currency", "IDR", "currency of the account at the panel")
	fs.StringVar(&o.rate, "smm-rate", "1", "how many rupiah one of it is, as in 16350.25")
	fs.IntVar(&o.smmServices, "smm-services", 0, "number of the panel's services; 0 for the demo's")
	fs.StringVar(&o.hook, "digiflazz-hook", "", "URL to which it posts what becomes of purchases; empty for none")
	fs.StringVar(&o.hookSecret, "digiflazz-secret", "demo", "secret that signs what it posts")
	fs.StringVar(&o.control, "control", "127.0.0.1:9100", "address of the control API (/rumahotp/control/…, and so for each name); empty for none. Where an emulator is named, only those that are run")
	fs.StringVar(&o.key, "key", "", "the API key that is accepted; empty accepts any")
	fs.StringVar(&o.mmid, "mmid", "", "the rqid member id that is accepted; empty accepts any")
	fs.Uint64Var(&o.seed, "seed", 1, "seed of catalogues and chance")
	fs.IntVar(&o.services, "services", 0, "number of RumahOTP services; 0 for the demo's")
	fs.IntVar(&o.h2h, "h2h", 0, "number of RumahOTP H2H products; 0 for the demo's")
	fs.IntVar(&o.products, "products", 0, "number of rqid products; 0 for the demo's")
	fs.Int64Var(&o.balance, "balance", 1_000_000_000, "opening balance at each provider, in rupiah")
	fs.DurationVar(&o.delay, "delay", 2*time.Second, "time until a purchase succeeds or a code comes")
	fs.DurationVar(&o.jitter, "jitter", time.Second, "up to so much longer")
	fs.DurationVar(&o.life, "life", 15*time.Minute, "how long a number is rented")
	fs.DurationVar(&o.paidAfter, "paid-after", 0, "time until an invoice is paid; 0 leaves that to the control API")
	fs.IntVar(&o.requests, "requests", 5, "RumahOTP's limit of requests in a window; 0 for none")
	fs.DurationVar(&o.per, "per", 10*time.Second, "RumahOTP's window")
	fs.DurationVar(&o.block, "block", 30*time.Second, "how long a breach shuts the door; 0 only records it")
	fs.IntVar(&o.rqidRequests, "rqid-requests", 0, "rqid's limit of requests in a window; 0 for none")
	fs.DurationVar(&o.rqidPer, "rqid-per", time.Second, "rqid's window")
	fs.IntVar(&o.otherRequests, "other-requests", 0, "limit of requests in a window of each of the others; 0 for none")
	fs.DurationVar(&o.otherPer, "other-per", time.Second, "the others' window")
	fs.BoolVar(&o.instant, "instant", false, "for benchmarks: no delays, no limits, everything succeeds")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, err
	} else if err != nil {
		return o, errUsage
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "emulator: unexpected argument %q\n", fs.Arg(0))
		return o, errUsage
	}
	o.onlyNamed(fs)
	return o, nil
}

// onlyNamed leaves the emulators to those that were given an address, where any was:
// who names one wants that, and ports that another such process may have are not taken.
func (o *options) onlyNamed(fs *flag.FlagSet) {
	named := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { named[f.Name] = o.at[f.Name] != nil })
	if !slices.Contains(slices.Collect(maps.Values(named)), true) {
		return
	}
	for name, addr := range o.at {
		if !named[name] {
			*addr = ""
		}
	}
}

// common is what the emulators share; each has its own seed.
func (o *options) common(nth uint64, limit emulate.Limit) emulate.Config {
	c := emulate.Config{
		Seed: o.seed + nth, Balance: o.balance, Limit: limit, Script: emulate.Digits(o.delay, o.jitter), Payer: emulate.PaidAfter(o.paidAfter),
	}
	if o.instant {
		c.Limit, c.Script, c.KeepRequests = emulate.Limit{}, emulate.Always(0), 1000
	}
	return c
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	type door struct {
		name, addr string
		handler    http.Handler
	}
	control := http.NewServeMux()
	control.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		emulate.WriteJSON(w, http.StatusOK, map[string]bool{"ok": true})
	})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	var doors []door
	for n, e := range emulators() {
		s := e.make(&o, uint64(n))
		control.Handle("/"+e.name+"/control/", http.StripPrefix("/"+e.name, s.control))
		doors = append(doors, door{e.name, *o.at[e.name], s.api})
		if s.run != nil {
			group.Go(func() error {
				s.run(ctx)
				return nil
			})
		}
	}
	for _, d := range append(doors, door{"control", o.control, control}) {
		if d.addr == "" {
			continue
		}
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", d.addr)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s http://%s\n", d.name, ln.Addr())
		group.Go(func() error { return serve(ctx, ln, d.handler) })
	}
	fmt.Fprintln(stdout, "ready")
	return group.Wait()
}

// serve answers until the context ends; then it gives the requests under way a
// moment and closes, since some may hang on purpose.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		return srv.Close()
	}
	return nil
}
