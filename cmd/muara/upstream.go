package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/order"
)

type upstreamCmd struct {
	List   upstreamListCmd   `cmd:"" help:"List upstreams and how they are."`
	Show   upstreamShowCmd   `cmd:"" help:"Show an upstream with its budget and its open orders."`
	Pause  upstreamPauseCmd  `cmd:"" help:"Send it no order from now on; those on their way are still asked about."`
	Resume upstreamResumeCmd `cmd:"" help:"End a pause, an operator's or the upstream's own."`

	Reconcile upstreamReconcileCmd `cmd:"" help:"Ask its worker to compare a day of our books with its own, and wait for it."`
}

// doing is how it does, for people.
func doing(r *backoffice.UpstreamRow) string {
	text := "too few purchases of late to tell"
	if r.SuccessRate != nil {
		text = fmt.Sprintf("%.0f%% of purchases went well", 100**r.SuccessRate)
	}
	if r.Latency != nil {
		text += fmt.Sprintf(", answers took %.1fs", *r.Latency)
	}
	if r.Ailing != "" {
		text += "; others are preferred: " + r.Ailing
	}
	return text
}

type upstreamListCmd struct{}

func (upstreamListCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	list, err := o.ListUpstreams(e.ctx)
	if err != nil {
		return err
	}
	now := e.now()
	return e.Print(list, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "NAME\tDRIVER\tMODE\tSTATE\tBALANCE\tSEEN\tCATALOGUE\tWHY")
		for i := range list.Upstreams {
			r := &list.Upstreams[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Driver, r.Mode, r.State(now), sum(r.Balance),
				timeOrDash(r.SeenAt), timeOrDash(r.CatalogAt), dash(r.PausedWhy))
		}
	})
}

type upstreamShowCmd struct {
	Name string `arg:"" help:"Its name in the configuration."`
}

func (c *upstreamShowCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	page, err := o.ShowUpstream(e.ctx, c.Name)
	if err != nil {
		return err
	}
	page.CallbackURL = role.CallbackURL(e.cfg, c.Name)
	return e.Print(page, func(w io.Writer) { printUpstream(w, page, e.now()) })
}

func printUpstream(w io.Writer, p *backoffice.UpstreamPage, now time.Time) {
	line := func(name string, value any) { _, _ = fmt.Fprintf(w, "%s\t%v\n", name, value) }
	line("upstream", p.Name+" ("+p.Driver+", "+p.Mode+")")
	line("state", strings.TrimSpace(p.State(now)+" "+p.PausedWhy))
	if p.BreakerUntil != nil {
		line("breaker", "open until "+timeOrDash(p.BreakerUntil))
	}
	line("balance", fmt.Sprintf("%s at %s", sum(p.Balance), timeOrDash(p.BalanceAt)))
	line("doing", doing(&p.UpstreamRow))
	line("seen", timeOrDash(p.SeenAt))
	line("catalogue", timeOrDash(p.CatalogAt))
	line("open orders", fmt.Sprintf("%d queued, %d sending, %d processing, %d unknown", p.Open[order.Queued], p.Open[order.Sending], p.Open[order.Processing], p.Open[order.Unknown]))
	line("flagged", p.Flagged)
	if p.CallbackURL != "" {
		line("callbacks at", p.CallbackURL)
	}
	b := p.Budget
	if b == nil {
		line("budget", "none: not in the configuration")
		return
	}
	line("budget", fmt.Sprintf("%d requests in %s: %d in use, %d free, next at %s", b.Requests, b.Per, b.InUse, b.Free, timeOrDash(b.NextFree)))
	for _, class := range budget.Classes() {
		if n := b.Waiting[class.String()]; n > 0 {
			line("  waiting", fmt.Sprintf("%d for %s", n, class))
		}
	}
	if b.ClosedUntil != nil {
		line("  closed", fmt.Sprintf("until %s: %s", timeOrDash(b.ClosedUntil), b.Why))
	}
	if !b.Known {
		line("  memory", "lost: all slots count as used until they have come free")
	}
}

type upstreamPauseCmd struct {
	Name string `arg:"" help:"Its name in the configuration."`
	Why  string `required:"" help:"Why, for the audit log and for who comes after you."`
}

func (c *upstreamPauseCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	row, err := o.PauseUpstream(e.ctx, c.Name, c.Why, by)
	return printState(e, row, err)
}

type upstreamResumeCmd struct {
	Name string `arg:"" help:"Its name in the configuration."`
}

// Run ends the operator's pause, and the one that the upstream asked for by a
// refusal or a block page.
func (c *upstreamResumeCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	row, err := o.ResumeUpstream(e.ctx, c.Name, by)
	return printState(e, row, err)
}

func printState(e *env, row *backoffice.UpstreamRow, err error) error {
	if err != nil {
		return asked(err)
	}
	return e.Print(row, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", row.Name, strings.TrimSpace(row.State(e.now())+" "+row.PausedWhy))
	})
}
