package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

type catalogCmd struct {
	Import catalogImportCmd `cmd:"" help:"Ask the workers to read what upstreams list, and wait for them."`
	List   catalogListCmd   `cmd:"" help:"List products with their offers, prices and states."`
	Export catalogExportCmd `cmd:"" help:"Write products and offers as CSV: mapping, prices, open and closed."`
	Apply  catalogApplyCmd  `cmd:"" help:"Change products and offers by an edited CSV, all of it or nothing."`
	Review catalogReviewCmd `cmd:"" help:"List costs that jumped and wait for a decision; accept or reject one."`
	Offer  catalogOfferCmd  `cmd:"" help:"Close one offer of a product, or open it again."`
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
	by, err := e.Actor()
	if err != nil {
		return err
	}
	runs, err := backoffice.RequestImports(e.ctx, db.Pool, names, by, e.now())
	if err != nil {
		return err
	}
	progress, err := c.watch(e, db.Pool, runs)
	if err != nil {
		return err
	}
	return e.Print(progress, func(w io.Writer) {
		for _, p := range progress.Runs {
			state := "read"
			if !p.Finished {
				state = "asked for"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d of %d parts\t%d offers\n", p.Upstream, state, p.Done, p.Scopes, p.Offers)
		}
	})
}

// watch tells on standard error how the runs go, until all have ended.
func (c *catalogImportCmd) watch(e *env, pool *pgxpool.Pool, runs []int64) (*backoffice.ImportList, error) {
	tick := time.NewTicker(max(c.Every, time.Millisecond))
	defer tick.Stop()
	told := make([]string, len(runs))
	for {
		all, err := backoffice.Imports(e.ctx, pool, runs, e.now())
		if err != nil {
			return nil, err
		}
		for i, p := range all.Runs {
			if line := progressLine(p); c.Wait && !e.json && told[i] != line {
				told[i] = line
				_, _ = fmt.Fprintln(e.stderr, line)
			}
		}
		if all.Finished() || !c.Wait {
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

func (c *catalogListCmd) Run(e *env) error {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return err
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	cat, err := catalog.Open(e.ctx, db.Pool, catalog.Options{
		Rounding: catalog.Rounding{Step: cfg.Catalog.Step, Floor: cfg.Catalog.Floor}, Location: cfg.Brand.Location(), Now: e.now,
	})
	if err != nil {
		return err
	}
	out := backoffice.ListProducts(cat.Snapshot(), &backoffice.ProductFilter{
		Mode: c.Mode, Category: c.Category, Upstream: c.Upstream, Search: c.Search, Closed: c.Closed, Limit: c.Limit,
	})
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "SKU\tNAME\tSTATE\tCOST\tPRICES\tBY\tOFFERS")
		for i := range out.Products {
			r := &out.Products[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", r.SKU, r.Name, stateOf(r.Available, r.Reason), r.Cost, joined(r.Prices), r.Policy, offersText(r.Offers))
		}
	})
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
