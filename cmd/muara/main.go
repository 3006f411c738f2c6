// Command muara is every role of the gateway and every tool of its operators:
// see `muara --help`.
//
// A subcommand is a struct in a file of its own, whose exported fields are its
// flags and arguments, with a method Run(*env) error; its line in [cli] makes it
// known. Every operator command takes --config, --json and --actor, prints one JSON object
// to standard output under --json, and exits 0 on success, 1 with one clear line
// on standard error when it is refused, 2 when it was called wrongly. One that
// changes something leaves an audit row in the same transaction.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK      = 0
	exitRefused = 1
	exitUsage   = 2
)

const defaultConfig = "muara.yaml"

// cli is the command line. A line a subcommand, in the order of --help.
type cli struct {
	Config string `short:"c" default:"${config}" placeholder:"FILE" help:"Configuration file."`
	JSON   bool   `help:"Print one JSON object."`
	Actor  string `env:"MUARA_ACTOR" placeholder:"NAME" help:"Who you are, for the audit log and approvals; the system's user unless said."`

	API       apiCmd       `cmd:"" name:"api" help:"Serve the merchant API."`
	Worker    workerCmd    `cmd:"" help:"Talk to one upstream, or deliver webhooks."`
	Scheduler schedulerCmd `cmd:"" help:"Find what is due and hand it to the workers."`
	Operator  operatorCmd  `cmd:"" help:"Act upon the Upstream resources of a Kubernetes namespace."`

	Merchant merchantCmd `cmd:"" help:"Merchants: create, list, suspend, credit."`
	Key      keyCmd      `cmd:"" help:"API keys of merchants."`
	Token    tokenCmd    `cmd:"" help:"Who may call the admin API."`
	Tier     tierCmd     `cmd:"" help:"Tiers: what they take, and what they pay on top of the cost."`
	Product  productCmd  `cmd:"" help:"Premium products: add, stock, close."`
	Catalog  catalogCmd  `cmd:"" help:"What is for sale: import, list, review."`
	Order    orderCmd    `cmd:"" help:"Orders: list, evidence, resolve."`
	Deposit  depositCmd  `cmd:"" help:"Deposits: list, evidence, credit, statements."`
	Withdraw withdrawCmd `cmd:"" help:"Withdrawals: list, evidence, approve, reject, resolve."`
	Upstream upstreamCmd `cmd:"" help:"Upstreams: how they are, pause, resume."`
	Ledger   ledgerCmd   `cmd:"" help:"The books: verify, statements."`
	Webhook  webhookCmd  `cmd:"" help:"Outgoing webhooks: list, replay."`
	Report   reportCmd   `cmd:"" help:"What the business came to: orders, margin, losses, money in and out."`

	Migrate migrateCmd `cmd:"" help:"The database's schema."`
	Conf    configCmd  `cmd:"" name:"config" help:"The configuration."`
	OpenAPI openapiCmd `cmd:"" name:"openapi" help:"Print the OpenAPI document of the merchant API."`
	Probe   probeCmd   `cmd:"" help:"Ask whether a role answers at its health URL."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exited is how kong's --help ends a parse.
type exited int

// run is main without the process: what a test calls.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exited:
			code = int(e)
		default:
			panic(e)
		}
	}()
	var c cli
	parser, err := kong.New(&c,
		kong.Name("muara"), kong.Description("One API and one balance over many providers."),
		kong.Vars{"config": defaultConfig}, kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(code int) { panic(exited(code)) }),
	)
	if err != nil {
		panic(err) // the structs above are wrong: every run would fail
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	e := &env{ctx: ctx, stdout: stdout, stderr: stderr, json: c.JSON, actor: c.Actor, configPath: c.Config, now: time.Now}
	err = errors.Join(parsed.Run(e), e.close())
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		complain(stderr, err)
		return exitUsage
	default:
		complain(stderr, err)
		return exitRefused
	}
}

// usageError is a wrong call that kong cannot see.
type usageError struct{ error }

// wrongUsage refuses a call whose flags or arguments make no sense.
func wrongUsage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// complain says why in one line.
func complain(w io.Writer, err error) {
	_, _ = fmt.Fprintln(w, "muara: "+strings.ReplaceAll(err.Error(), "\n", "; "))
}
