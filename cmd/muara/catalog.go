package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

type catalogCmd struct {
	Import catalogImportCmd `cmd:"" help:"Ask the workers to read what upstreams list, and wait for them."`
	List   catalogListCmd   `cmd:"" help:"List products with their offers, prices and states."`
	Review catalogReviewCmd `cmd:"" help:"List costs that jumped and wait for a decision, or accept one."`
	Policy catalogPolicyCmd `cmd:"" help:"Say how one of several offers is chosen: by price, priority or weight."`
	Rank   catalogRankCmd   `cmd:"" help:"Set an offer's priority and weight, for those policies."`
}

type catalogImportCmd struct {
	Upstream string        `placeholder:"NAME" help:"Only this upstream; left out, all that are configured."`
	Wait     bool          `default:"true" negatable:"" help:"Wait until everything was read."`
	Every    time.Duration `default:"1s" hidden:""`
}

// Run makes everything due and watches the workers read it. An end by a signal ends
// the watching, not the reading.
func (c *catalogImportCmd) Run(e *env) error {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return err
	}
	names := []string{}
	for _, u := range cfg.Upstreams {
		if kind, ok := drivers.ByName(u.Driver); ok && kind.NoGoods {
			if u.Name == c.Upstream {
				return fmt.Errorf("upstream %s sells nothing: it has no catalogue", u.Name)
			}
			continue
		}
		// The built-in source changes with the program only, and may have no worker.
		if c.Upstream == "" && !u.BuiltIn || u.Name == c.Upstream {
			names = append(names, u.Name)
		}
	}
	switch {
	case len(names) == 0 && c.Upstream == "":
		return errors.New("no upstream of the configuration has a catalogue")
	case len(names) == 0:
		return fmt.Errorf("no upstream is called %q in the configuration", c.Upstream)
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	var runs []int64
	for _, name := range names {
		id, err := intake.RequestImport(e.ctx, db.Pool, name, e.Actor(), e.now())
		if errors.Is(err, catalog.ErrNotFound) {
			return fmt.Errorf("upstream %s is not known yet: start its worker or the scheduler first", name)
		}
		if err != nil {
			return err
		}
		runs = append(runs, id)
	}
	progress, err := c.watch(e, db.Pool, runs)
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"count": len(progress), "runs": progress}, func(w io.Writer) {
		for _, p := range progress {
			state := "read"
			if !p.Finished {
				state = "asked for"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d of %d parts\t%d offers\n", p.Upstream, state, p.Done, p.Scopes, p.Offers)
		}
	})
}

// watch tells on standard error how the runs go, until all have ended.
func (c *catalogImportCmd) watch(e *env, pool *pgxpool.Pool, runs []int64) ([]intake.Progress, error) {
	tick := time.NewTicker(max(c.Every, time.Millisecond))
	defer tick.Stop()
	told := map[int64]string{}
	for {
		all := make([]intake.Progress, 0, len(runs))
		finished := true
		for _, id := range runs {
			p, err := intake.RunProgress(e.ctx, pool, id, e.now())
			if err != nil {
				return nil, err
			}
			all = append(all, p)
			finished = finished && p.Finished
			if line := progressLine(p); c.Wait && !e.json && told[id] != line {
				told[id] = line
				_, _ = fmt.Fprintln(e.stderr, line)
			}
		}
		if finished || !c.Wait {
			return all, nil
		}
		select {
		case <-e.ctx.Done():
			return nil, errors.New("stopped waiting; the workers go on reading")
		case <-tick.C:
		}
	}
}

func progressLine(p intake.Progress) string {
	if p.Scopes == 0 {
		return p.Upstream + ": waiting for its worker"
	}
	line := fmt.Sprintf("%s: %d of %d parts read, %d offers", p.Upstream, p.Done, p.Scopes, p.Offers)
	if p.Reading > 0 {
		line += fmt.Sprintf(", %d rows of the next part", p.Reading)
	}
	if p.Failed > 0 {
		line += fmt.Sprintf("; %d failed and will be tried again (%s)", p.Failed, p.LastError)
	}
	return line
}

type catalogListCmd struct {
	Mode     string `enum:"live,test" default:"live" help:"live or test."`
	Category string `enum:",ppob,smm,otp,product" default:"" help:"Only this: ppob, smm, otp or product."`
	Upstream string `placeholder:"NAME" help:"Only what this upstream offers."`
	Search   string `help:"Only what has this text in its SKU, name or brand."`
	Closed   bool   `help:"Only what cannot be ordered now."`
	Limit    int    `default:"0" help:"At most so many rows; 0 for all."`
}

// productRow is a product as operators see it; money is whole rupiah.
type productRow struct {
	SKU       string               `json:"sku"`
	Name      string               `json:"name"`
	Category  string               `json:"category"`
	Brand     string               `json:"brand"`
	Available bool                 `json:"available"`
	Reason    catalog.Reason       `json:"reason"`
	Until     *time.Time           `json:"until"`
	Cost      int64                `json:"cost"`
	Prices    []int64              `json:"prices"` // by tier, lowest first
	Stock     *int64               `json:"stock"`
	Policy    catalog.Policy       `json:"policy"`
	Offers    []catalog.OfferState `json:"offers"`
}

func (c *catalogListCmd) Run(e *env) error {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return err
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	loc, err := time.LoadLocation(cfg.Brand.Timezone)
	if err != nil {
		return err
	}
	cat, err := catalog.Open(e.ctx, db.Pool, catalog.Options{Rounding: catalog.Rounding{Step: cfg.Catalog.Step, Floor: cfg.Catalog.Floor}, Location: loc, Now: e.now})
	if err != nil {
		return err
	}
	s := cat.Snapshot()
	rows := []productRow{}
	for _, p := range s.All(c.Mode) {
		if row := c.row(s, p); row != nil && (c.Limit <= 0 || len(rows) < c.Limit) {
			rows = append(rows, *row)
		}
	}
	return e.Print(map[string]any{"count": len(rows), "tiers": s.Tiers(), "products": rows}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "SKU\tNAME\tSTATE\tCOST\tPRICES\tBY\tOFFERS")
		for i := range rows {
			r := &rows[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", r.SKU, r.Name, stateOf(r.Available, r.Reason), r.Cost, joined(r.Prices), r.Policy, offersText(r.Offers))
		}
	})
}

// row is nil for a product that the flags leave out.
func (c *catalogListCmd) row(s *catalog.Snapshot, p *catalog.Product) *productRow {
	if c.Category != "" && string(p.Category) != c.Category {
		return nil
	}
	if c.Search != "" && !strings.Contains(strings.ToLower(p.SKU+"\n"+p.Name+"\n"+p.Brand), strings.ToLower(c.Search)) {
		return nil
	}
	r := &productRow{SKU: p.SKU, Name: p.Name, Category: string(p.Category), Brand: p.Brand, Cost: p.Cost, Policy: p.Policy(), Offers: s.OfferStates(p)}
	r.Available, r.Reason, r.Until = s.Availability(p)
	if c.Closed && r.Available {
		return nil
	}
	from := c.Upstream == ""
	for i := range r.Offers {
		from = from || r.Offers[i].Upstream == c.Upstream
	}
	if !from {
		return nil
	}
	for _, tier := range s.Tiers() {
		r.Prices = append(r.Prices, s.Price(p, tier))
	}
	switch {
	case p.Category == "product":
		n := s.Stock(p)
		r.Stock = &n
	case !p.Unlimited:
		r.Stock = &p.Stock
	}
	return r
}

func stateOf(open bool, why catalog.Reason) string {
	if open {
		return "open"
	}
	return string(why)
}

func joined(prices []int64) string {
	texts := make([]string, len(prices))
	for i, p := range prices {
		texts[i] = fmt.Sprint(p)
	}
	return strings.Join(texts, "/")
}

func offersText(offers []catalog.OfferState) string {
	texts := make([]string, len(offers))
	for i := range offers {
		o := &offers[i]
		texts[i] = fmt.Sprintf("%s:%s=%d", o.Upstream, o.Code, o.Cost)
		if o.Pending != nil {
			texts[i] += fmt.Sprintf("→%d?", *o.Pending)
		}
		if !o.Open {
			texts[i] += " (" + string(o.Reason) + ")"
		}
	}
	return strings.Join(texts, ", ")
}

type catalogReviewCmd struct {
	Accept int64 `placeholder:"OFFER_ID" help:"Take this offer's new cost."`
}

func (c *catalogReviewCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	if c.Accept != 0 {
		err := catalog.AcceptCost(e.ctx, db.Pool, c.Accept, e.Actor(), e.now())
		if errors.Is(err, catalog.ErrNotFound) {
			return fmt.Errorf("no cost of offer %d waits for a decision", c.Accept)
		}
		if err != nil {
			return err
		}
		return e.Print(map[string]any{"offer_id": c.Accept, "accepted": true}, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "the new cost of offer %d holds\n", c.Accept)
		})
	}
	all, err := catalog.PendingCosts(e.ctx, db.Pool)
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"count": len(all), "pending": all}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "OFFER\tSKU\tNAME\tUPSTREAM\tCOST\tNEW COST\tSINCE")
		for i := range all {
			p := &all[i]
			_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%d\t%s\n", p.OfferID, p.SKU, p.Name, p.Upstream, p.Cost, p.Pending, p.Since.Format(time.RFC3339))
		}
	})
}
