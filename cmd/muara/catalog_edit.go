package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog/edit"
)

type catalogExportCmd struct {
	CSV      string `required:"" name:"csv" placeholder:"FILE" help:"Where to; - is standard output."`
	Mode     string `enum:",live,test" default:"" help:"Only of this mode."`
	Category string `enum:",ppob,smm,otp,product" default:"" help:"Only this: ppob, smm, otp or product."`
	Upstream string `placeholder:"NAME" help:"Only what this upstream offers."`
}

func (c *catalogExportCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	return e.CSV(c.CSV, func(w io.Writer) error {
		return edit.Export(e.ctx, db.Pool, edit.Filter{Mode: c.Mode, Category: c.Category, Upstream: c.Upstream}, w)
	})
}

type catalogApplyCmd struct {
	CSV    string `required:"" name:"csv" placeholder:"FILE" help:"As catalog export wrote it, edited; - is standard input. Lines and columns may be left out."`
	DryRun bool   `help:"Only tell what would change."`
}

func (c *catalogApplyCmd) Run(e *env) error {
	in := io.Reader(os.Stdin)
	if c.CSV != "-" {
		f, err := os.Open(c.CSV)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	out, err := edit.Apply(e.ctx, db.Pool, in, c.CSV, c.DryRun, by, e.now())
	if err != nil {
		return err
	}
	return e.Print(out, func(w io.Writer) {
		did := "changed"
		if out.DryRun {
			did = "would change"
		}
		_, _ = fmt.Fprintf(w, "%d lines: %d products %s (%d with another SKU), %d offers, and %d offers go to another product\n", out.Lines, out.Products, did, out.Renamed, out.Offers, out.Moved)
	})
}

type catalogReviewCmd struct {
	Accept int64 `placeholder:"OFFER_ID" xor:"decision" help:"Take this offer's new cost."`
	Reject int64 `placeholder:"OFFER_ID" xor:"decision" help:"Do not: the offer is closed until catalog offer --open."`
}

func (c *catalogReviewCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	if c.Accept != 0 || c.Reject != 0 {
		by, err := e.Actor()
		if err != nil {
			return err
		}
		out, err := backoffice.DecideCost(e.ctx, db.Pool, c.Accept+c.Reject, c.Accept != 0, by, e.now())
		if err != nil {
			return err
		}
		return e.Print(out, func(w io.Writer) {
			if out.Accepted {
				_, _ = fmt.Fprintf(w, "the new cost of offer %d holds\n", out.OfferID)
				return
			}
			_, _ = fmt.Fprintf(w, "offer %d is closed\n", out.OfferID)
		})
	}
	out, err := backoffice.ListPending(e.ctx, db.Pool)
	if err != nil {
		return err
	}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "OFFER\tSKU\tNAME\tUPSTREAM\tCOST\tNEW COST\tSINCE")
		for i := range out.Pending {
			p := &out.Pending[i]
			_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%d\t%s\n", p.OfferID, p.SKU, p.Name, p.Upstream, p.Cost, p.Pending, p.Since.Format(time.RFC3339))
		}
	})
}

type catalogOfferCmd struct {
	Offer int64 `arg:"" help:"The offer's id: see catalog list --json."`
	Close bool  `xor:"state" required:"" help:"Buy nothing through it."`
	Open  bool  `xor:"state" required:"" help:"Buy through it again."`
}

func (c *catalogOfferCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	out, err := backoffice.SetOfferClosed(e.ctx, db.Pool, c.Offer, c.Close, by, e.now())
	if err != nil {
		return err
	}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "offer", out.OfferID, map[bool]string{true: "is closed", false: "is open"}[out.Closed])
	})
}
