package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/order"
)

type upstreamCmd struct {
	List   upstreamListCmd   `cmd:"" help:"List upstreams and how they are."`
	Show   upstreamShowCmd   `cmd:"" help:"Show an upstream with its budget and its open orders."`
	Pause  upstreamPauseCmd  `cmd:"" help:"Send it no order from now on; those on their way are still asked about."`
	Resume upstreamResumeCmd `cmd:"" help:"End a pause, an operator's or the upstream's own."`

	Reconcile upstreamReconcileCmd `cmd:"" help:"Ask its worker to compare a day of our books with its own, and wait for it."`
}

// upstreamRow is an upstream as operators see it; money is whole rupiah.
type upstreamRow struct {
	Name         string     `json:"name"`
	Driver       string     `json:"driver"`
	Mode         string     `json:"mode"`
	Configured   bool       `json:"configured"`
	Paused       bool       `json:"paused"`
	PausedWhy    string     `json:"paused_why"`
	BreakerUntil *time.Time `json:"breaker_until"`
	Balance      *int64     `json:"balance"`
	BalanceAt    *time.Time `json:"balance_at"`
	CatalogAt    *time.Time `json:"catalog_at"`
	SeenAt       *time.Time `json:"seen_at"`
	// SuccessRate is the share of purchases taken well of late, of 1, and Latency how long
	// their answers took on average, in seconds; null while too few tell. Ailing says why
	// other sources are preferred; empty while they are not.
	SuccessRate *float64 `json:"success_rate"`
	Latency     *float64 `json:"latency_seconds"`
	Ailing      string   `json:"ailing"`
}

// state is one word for how the upstream is.
func (r *upstreamRow) state(now time.Time) string {
	switch {
	case r.Paused:
		return "paused"
	case r.BreakerUntil != nil && now.Before(*r.BreakerUntil):
		return "breaker open"
	case r.SeenAt == nil:
		return "not seen yet"
	}
	return "running"
}

// judge fills in how it does.
func (r *upstreamRow) judge(c catalog.Condition, now time.Time) {
	r.Ailing = c.Ailing(now)
	if rate, ok := c.Rate(now); ok {
		r.SuccessRate = &rate
	}
	if mean, ok := c.Latency(now); ok {
		seconds := mean.Seconds()
		r.Latency = &seconds
	}
}

// doing is how it does, for people.
func (r *upstreamRow) doing() string {
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

// upstreams lists what the database knows of, or the one of that name.
func upstreams(e *env, name string) ([]upstreamRow, error) {
	db, err := e.DB()
	if err != nil {
		return nil, err
	}
	all, err := catalog.Upstreams(e.ctx, db.Pool)
	if err != nil {
		return nil, err
	}
	rows := []upstreamRow{}
	for i := range all {
		u := &all[i]
		if name == "" || u.Name == name {
			row := upstreamRow{
				Name: u.Name, Driver: u.Driver, Mode: u.Mode, Configured: limitOf(e.cfg, u.Name) != nil, Paused: u.Paused, PausedWhy: u.PausedWhy,
				BreakerUntil: u.BreakerUntil, Balance: u.Balance, BalanceAt: u.BalanceAt, CatalogAt: u.CatalogAt, SeenAt: u.SeenAt,
			}
			row.judge(u.Condition, e.now())
			rows = append(rows, row)
		}
	}
	if name != "" && len(rows) == 0 {
		return nil, fmt.Errorf("no upstream is called %q", name)
	}
	return rows, nil
}

// limitOf is the configured budget of an upstream; nil where it is not configured.
// Its credentials are not needed, and not read.
func limitOf(cfg *config.Config, name string) *budget.Limit {
	for _, u := range cfg.Upstreams {
		if u.Name == name {
			return &budget.Limit{Requests: u.Budget.Requests, Per: u.Budget.Per}
		}
	}
	return nil
}

type upstreamListCmd struct{}

func (upstreamListCmd) Run(e *env) error {
	rows, err := upstreams(e, "")
	if err != nil {
		return err
	}
	now := e.now()
	return e.Print(map[string]any{"count": len(rows), "upstreams": rows}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "NAME\tDRIVER\tMODE\tSTATE\tBALANCE\tSEEN\tCATALOGUE\tWHY")
		for i := range rows {
			r := &rows[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Driver, r.Mode, r.state(now), sum(r.Balance),
				timeOrDash(r.SeenAt), timeOrDash(r.CatalogAt), dash(r.PausedWhy))
		}
	})
}

// budgetRow is what Redis knows of an upstream's budget. Closed is until when the
// upstream itself asked to be left alone.
type budgetRow struct {
	Known       bool           `json:"known"`
	Requests    int            `json:"requests"`
	Per         string         `json:"per"`
	InUse       int            `json:"in_use"`
	Free        int            `json:"free"`
	NextFree    *time.Time     `json:"next_free"`
	Waiting     map[string]int `json:"waiting"`
	ClosedUntil *time.Time     `json:"closed_until"`
	Why         string         `json:"why"`
}

type upstreamPage struct {
	upstreamRow
	// Budget is null where the upstream is not configured.
	Budget  *budgetRow            `json:"budget"`
	Open    map[order.State]int64 `json:"open_orders"`
	Flagged int64                 `json:"flagged_orders"`
	// CallbackURL is where the upstream is to post to us, a secret of the two; empty where
	// it posts nothing.
	CallbackURL string `json:"callback_url,omitempty"`
}

type upstreamShowCmd struct {
	Name string `arg:"" help:"Its name in the configuration."`
}

func (c *upstreamShowCmd) Run(e *env) error {
	page, err := readUpstream(e, c.Name)
	if err != nil {
		return err
	}
	return e.Print(page, func(w io.Writer) { page.print(w, e.now()) })
}

func readUpstream(e *env, name string) (*upstreamPage, error) {
	rows, err := upstreams(e, name)
	if err != nil {
		return nil, err
	}
	p := &upstreamPage{upstreamRow: rows[0]}
	if p.Open, p.Flagged, err = order.CountOpen(e.ctx, e.db.Bun, name); err != nil {
		return nil, err
	}
	b, err := e.budget(name)
	if err != nil || b == nil {
		return p, err
	}
	p.CallbackURL = role.CallbackURL(e.cfg, name)
	s, err := b.State(e.ctx)
	if err != nil {
		return nil, err
	}
	p.Budget = &budgetRow{
		Known: s.Known, Requests: s.Limit.Requests, Per: s.Limit.Per.String(), InUse: s.InUse, Free: s.Free, NextFree: moment(s.NextFree),
		Waiting: map[string]int{}, ClosedUntil: moment(s.ClosedUntil), Why: s.Why,
	}
	for class, n := range s.Waiting {
		p.Budget.Waiting[class.String()] = n
	}
	return p, nil
}

// budget opens an upstream's shared budget to look at it; nil where it is not configured.
func (e *env) budget(name string) (*budget.Budget, error) {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return nil, err
	}
	limit := limitOf(cfg, name)
	if limit == nil {
		return nil, nil //nolint:nilnil // an upstream that left the configuration has none
	}
	rdb, err := e.Redis()
	if err != nil {
		return nil, err
	}
	return budget.New(rdb, name, *limit, limit.Per), nil
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (p *upstreamPage) print(w io.Writer, now time.Time) {
	line := func(name string, value any) { _, _ = fmt.Fprintf(w, "%s\t%v\n", name, value) }
	line("upstream", p.Name+" ("+p.Driver+", "+p.Mode+")")
	line("state", strings.TrimSpace(p.state(now)+" "+p.PausedWhy))
	if p.BreakerUntil != nil {
		line("breaker", "open until "+timeOrDash(p.BreakerUntil))
	}
	line("balance", fmt.Sprintf("%s at %s", sum(p.Balance), timeOrDash(p.BalanceAt)))
	line("doing", p.doing())
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
	db, err := e.DB()
	if err != nil {
		return err
	}
	if err := named(c.Name, catalog.Pause(e.ctx, db.Pool, c.Name, c.Why, e.Actor(), e.now())); err != nil {
		return err
	}
	return printState(e, c.Name)
}

type upstreamResumeCmd struct {
	Name string `arg:"" help:"Its name in the configuration."`
}

// Run ends the operator's pause, and the one that the upstream asked for by a
// refusal or a block page.
func (c *upstreamResumeCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	if err := named(c.Name, catalog.Resume(e.ctx, db.Pool, c.Name, e.Actor(), e.now())); err != nil {
		return err
	}
	b, err := e.budget(c.Name)
	if err == nil && b != nil {
		err = b.Reopen(e.ctx)
	}
	if err != nil {
		return fmt.Errorf("the operator's pause has ended; its budget could not be reopened: %w", err)
	}
	return printState(e, c.Name)
}

// named says which upstream there is none of.
func named(name string, err error) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("no upstream is called %q", name)
	}
	return err
}

func printState(e *env, name string) error {
	rows, err := upstreams(e, name)
	if err != nil {
		return err
	}
	return e.Print(rows[0], func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", name, strings.TrimSpace(rows[0].state(e.now())+" "+rows[0].PausedWhy))
	})
}
