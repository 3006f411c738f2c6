package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/reconcile"
)

type upstreamReconcileCmd struct {
	Name  string        `arg:"" help:"Its name in the configuration."`
	Date  string        `placeholder:"2006-01-02" help:"A day in the brand's time zone that is over; left out, yesterday."`
	CSV   string        `placeholder:"FILE" help:"Write the findings there; - is standard output."`
	All   bool          `help:"Write what matched as well."`
	Wait  bool          `default:"true" negatable:"" help:"Wait until the day has been compared."`
	Every time.Duration `default:"1s" hidden:""`
}

// Run asks for a comparison and watches it. An end by a signal ends the watching, not
// the comparison.
func (c *upstreamReconcileCmd) Run(e *env) error {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return err
	}
	if c.CSV == "-" && e.json {
		return errors.New("standard output is for the JSON object or for the CSV, not for both")
	}
	if c.CSV != "" && !c.Wait {
		return errors.New("there are no lines to write before the day has been compared")
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	id, err := backoffice.RequestRun(e.ctx, db.Pool, c.Name, c.Date, cfg.Brand.Location(), by, e.now())
	if err != nil {
		return err
	}
	run, err := c.watch(e, db.Pool, id)
	if err != nil {
		return err
	}
	if c.CSV != "" {
		// Customers' numbers are in it.
		err := e.CSV(c.CSV, func(w io.Writer) error { return backoffice.FindingsCSV(e.ctx, db.Pool, id, c.All, w) })
		if err != nil {
			return err
		}
	}
	if c.CSV == "-" {
		return nil
	}
	return e.Print(run, func(w io.Writer) { printRun(w, run) })
}

// watch tells on standard error how it goes, until it has ended.
func (c *upstreamReconcileCmd) watch(e *env, pool *pgxpool.Pool, id int64) (*reconcile.Run, error) {
	tick := time.NewTicker(max(c.Every, time.Millisecond))
	defer tick.Stop()
	told := ""
	for {
		run, err := reconcile.Get(e.ctx, pool, id)
		if err != nil {
			return nil, err
		}
		if line := run.Upstream + " " + run.Day + ": " + run.Progress(); c.Wait && !e.json && line != told {
			told = line
			_, _ = fmt.Fprintln(e.stderr, line)
		}
		if run.State == reconcile.Done || !c.Wait {
			return run, nil
		}
		select {
		case <-e.ctx.Done():
			return nil, errors.New("stopped waiting; the worker goes on comparing")
		case <-tick.C:
		}
	}
}

func printRun(w io.Writer, r *reconcile.Run) {
	line := func(name string, value any) { _, _ = fmt.Fprintf(w, "%s\t%v\n", name, value) }
	line("upstream", r.Upstream)
	line("day", r.Day)
	if r.State != reconcile.Done {
		line("state", r.Progress())
		return
	}
	means := map[string]string{reconcile.ByStatement: "its own books", reconcile.ByStatus: "asking about each purchase", "": "its balance only"}
	line("compared by", means[r.Means])
	line("matched", r.Matched)
	line("amount differs", r.Amount)
	line("only ours", r.OnlyOurs)
	line("only theirs", r.OnlyTheirs)
	line("status differs", r.Status)
	if r.Unchecked > 0 {
		line("not to be learned", r.Unchecked)
	}
	line("taken", fmt.Sprintf("%d by our books, %d by theirs", r.OursCost, r.TheirsCost))
	line("balance", fmt.Sprintf("%s at %s, %s at %s", sum(r.Chain.Opening), timeOrDash(r.Chain.OpeningAt), sum(r.Chain.Closing), timeOrDash(r.Chain.ClosingAt)))
	line("unexplained", sum(r.Chain.Unexplained))
	if r.Chain.Breaks != nil {
		line("broken links", *r.Chain.Breaks)
	}
	if r.Note != "" {
		line("note", r.Note)
	}
}
