package backoffice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/float"
	"github.com/muarahq/muara/pkg/order"
)

// UpstreamRow is an upstream as operators see it; money is whole rupiah.
type UpstreamRow struct {
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
	// Runway is for how many seconds the balance lasts at the last hour's pace; null where it is not
	// known or nothing was bought.
	Runway *int64 `json:"runway_seconds"`
}

// State is one word for how the upstream is.
func (r *UpstreamRow) State(now time.Time) string {
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
func (r *UpstreamRow) judge(c catalog.Condition, now time.Time) {
	r.Ailing = c.Ailing(now)
	if rate, ok := c.Rate(now); ok {
		r.SuccessRate = &rate
	}
	if mean, ok := c.Latency(now); ok {
		seconds := mean.Seconds()
		r.Latency = &seconds
	}
}

// lasts fills in how long its balance does, of what was spent there in an hour.
func (r *UpstreamRow) lasts(spent int64) {
	if r.Balance != nil && spent > 0 {
		seconds := int64(float64(*r.Balance) / float64(spent) * time.Hour.Seconds())
		r.Runway = &seconds
	}
}

// BudgetRow is what Redis knows of an upstream's budget. Closed is until when the
// upstream itself asked to be left alone.
type BudgetRow struct {
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

// UpstreamPage is an upstream with its budget and its open orders.
type UpstreamPage struct {
	UpstreamRow
	// Budget is null where the upstream is not configured.
	Budget  *BudgetRow            `json:"budget"`
	Open    map[order.State]int64 `json:"open_orders"`
	Flagged int64                 `json:"flagged_orders"`
	// CallbackURL is where the upstream is to post to us, a secret of the two; empty where
	// it posts nothing.
	CallbackURL string `json:"callback_url,omitempty"`
	// KeptBackSince is since when purchases wait for one whose outcome only the balance tells; Orphans
	// is what those cost that were bought and are not known, and Strange what moved the balance
	// in the last day and was none of ours. Null where the account is not watched.
	KeptBackSince *time.Time `json:"kept_back_since"`
	Orphans       *int64     `json:"orphans"`
	Strange       *int64     `json:"strange"`
}

// UpstreamList is every upstream that the database knows of.
type UpstreamList struct {
	Count     int           `json:"count"`
	Upstreams []UpstreamRow `json:"upstreams" nullable:"false"`
}

// ListUpstreams gives all of them.
func (o *Office) ListUpstreams(ctx context.Context) (*UpstreamList, error) {
	rows, err := o.upstreams(ctx, "")
	if err != nil {
		return nil, err
	}
	return &UpstreamList{Count: len(rows), Upstreams: rows}, nil
}

// upstreams lists what the database knows of, or the one of that name.
func (o *Office) upstreams(ctx context.Context, name string) ([]UpstreamRow, error) {
	all, err := catalog.Upstreams(ctx, o.DB.Pool)
	if err != nil {
		return nil, err
	}
	now := o.Now()
	spent, err := order.Spent(ctx, o.DB.Pool, now.Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	rows := []UpstreamRow{}
	for i := range all {
		u := &all[i]
		if name == "" || u.Name == name {
			row := UpstreamRow{
				Name: u.Name, Driver: u.Driver, Mode: u.Mode, Configured: limitOf(o.Config, u.Name) != nil, Paused: u.Paused, PausedWhy: u.PausedWhy,
				BreakerUntil: u.BreakerUntil, Balance: u.Balance, BalanceAt: u.BalanceAt, CatalogAt: u.CatalogAt, SeenAt: u.SeenAt,
			}
			row.judge(u.Condition, now)
			row.lasts(spent[u.Name])
			rows = append(rows, row)
		}
	}
	if name != "" && len(rows) == 0 {
		return nil, noUpstream(name)
	}
	return rows, nil
}

func noUpstream(name string) error {
	return fault.New(fault.NotFound, fmt.Sprintf("no upstream is called %q", name))
}

// named says which upstream there is none of.
func named(name string, err error) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return noUpstream(name)
	}
	return err
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

// ShowUpstream gives an upstream with its budget and its open orders, without the address
// at which it calls back, which is a secret of the two.
func (o *Office) ShowUpstream(ctx context.Context, name string) (*UpstreamPage, error) {
	rows, err := o.upstreams(ctx, name)
	if err != nil {
		return nil, err
	}
	p := &UpstreamPage{UpstreamRow: rows[0]}
	if p.Open, p.Flagged, err = order.CountOpen(ctx, o.DB.Bun, name); err != nil {
		return nil, err
	}
	accounts, err := float.Standing(ctx, o.DB.Pool, o.Now())
	if err != nil {
		return nil, err
	}
	if a, watched := accounts[name]; watched {
		p.KeptBackSince, p.Orphans, p.Strange = moment(a.Since), &a.Out, &a.Strange
	}
	b, err := o.budget(name)
	if err != nil || b == nil {
		return p, err
	}
	s, err := b.State(ctx)
	if err != nil {
		return nil, err
	}
	p.Budget = &BudgetRow{
		Known: s.Known, Requests: s.Limit.Requests, Per: s.Limit.Per.String(), InUse: s.InUse, Free: s.Free, NextFree: moment(s.NextFree),
		Waiting: map[string]int{}, ClosedUntil: moment(s.ClosedUntil), Why: s.Why,
	}
	for class, n := range s.Waiting {
		p.Budget.Waiting[class.String()] = n
	}
	return p, nil
}

// budget opens an upstream's shared budget to look at it; nil where it is not configured.
func (o *Office) budget(name string) (*budget.Budget, error) {
	limit := limitOf(o.Config, name)
	if limit == nil {
		return nil, nil //nolint:nilnil // an upstream that left the configuration has none
	}
	rdb, err := o.Redis()
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

// PauseUpstream sends it no order from now on. Pausing it again gives it another reason.
func (o *Office) PauseUpstream(ctx context.Context, name, why, actor string) (*UpstreamRow, error) {
	if err := because(why); err != nil {
		return nil, err
	}
	if err := named(name, catalog.Pause(ctx, o.DB.Pool, name, why, actor, o.Now())); err != nil {
		return nil, err
	}
	return o.upstream(ctx, name)
}

// ResumeUpstream ends the operator's pause, and the one that the upstream asked for by a
// refusal or a block page.
func (o *Office) ResumeUpstream(ctx context.Context, name, actor string) (*UpstreamRow, error) {
	if err := named(name, catalog.Resume(ctx, o.DB.Pool, name, actor, o.Now())); err != nil {
		return nil, err
	}
	b, err := o.budget(name)
	if err == nil && b != nil {
		err = b.Reopen(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("the operator's pause has ended; its budget could not be reopened: %w", err)
	}
	return o.upstream(ctx, name)
}

func (o *Office) upstream(ctx context.Context, name string) (*UpstreamRow, error) {
	rows, err := o.upstreams(ctx, name)
	if err != nil {
		return nil, err
	}
	return &rows[0], nil
}
