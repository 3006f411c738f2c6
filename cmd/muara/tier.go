package main

import (
	"fmt"
	"io"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
)

type tierCmd struct {
	List    tierListCmd    `cmd:"" help:"List the tiers."`
	Set     tierSetCmd     `cmd:"" help:"Change a tier, or make it: its name and what it takes to rise to it."`
	Markup  tierMarkupCmd  `cmd:"" help:"Set what a tier pays on top of the cost, or take that away."`
	Markups tierMarkupsCmd `cmd:"" help:"List what tiers pay on top of the cost."`
}

type tierListCmd struct{}

func (tierListCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	list, err := backoffice.ListTiers(e.ctx, db.Pool)
	if err != nil {
		return err
	}
	return e.Print(list, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "TIER\tNAME\tORDERS\tVOLUME\tMERCHANTS")
		for _, t := range list.Tiers {
			_, _ = fmt.Fprintf(w, "%d\t%s\t%d\t%d\t%d\n", t.Tier, t.Name, t.MinOrders, t.MinVolume, t.Merchants)
		}
	})
}

type tierSetCmd struct {
	Tier      int     `arg:"" help:"Its number."`
	Name      *string `help:"What it is called."`
	MinOrders *int64  `placeholder:"N" help:"Completed orders that it takes to rise to it."`
	MinVolume *int64  `placeholder:"RUPIAH" help:"What they must have come to."`
}

func (c *tierSetCmd) Run(e *env) error {
	if c.Name == nil && c.MinOrders == nil && c.MinVolume == nil {
		return wrongUsage("name a --name, --min-orders or --min-volume")
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	change := catalog.TierChange{Name: c.Name, MinOrders: c.MinOrders, MinVolume: c.MinVolume}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	if err := catalog.SetTier(e.ctx, db.Pool, c.Tier, change, by, e.now()); err != nil {
		return err
	}
	return tierListCmd{}.Run(e)
}

type tierMarkupCmd struct {
	Tier     int     `arg:"" help:"The tier; those above it that have none of their own pay the same."`
	Category string  `enum:",ppob,otp,smm" default:"" help:"For a whole category: ppob, otp or smm."`
	Group    string  `help:"For a category inside ppob, as pulsa."`
	Brand    string  `help:"For a brand."`
	SKU      string  `name:"sku" help:"For one product."`
	Percent  *string `placeholder:"P" help:"Percent on top of the cost, as 2.5; left out, it stays."`
	Fixed    *int64  `placeholder:"RUPIAH" help:"Rupiah on top of that; left out, they stay."`
	Remove   bool    `help:"Take it away: what is less specific holds, or the tier below."`
}

func (c *tierMarkupCmd) Run(e *env) error {
	row := backoffice.MarkupChange{Tier: c.Tier, Fixed: c.Fixed}
	for scope, key := range map[string]string{"category": c.Category, "group": c.Group, "brand": c.Brand, "sku": c.SKU} {
		if key == "" {
			continue
		}
		if row.Key != "" {
			return wrongUsage("name one of --category, --group, --brand and --sku")
		}
		row.Scope, row.Key = scope, key
	}
	switch {
	case row.Key == "":
		return wrongUsage("name one of --category, --group, --brand and --sku")
	case c.Remove == (c.Percent != nil || c.Fixed != nil):
		return wrongUsage("name --percent, --fixed or both, or else --remove")
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	if c.Remove {
		by, err := e.Actor()
		if err != nil {
			return err
		}
		if err := backoffice.RemoveMarkup(e.ctx, db.Pool, c.Tier, row.Scope, row.Key, by, e.now()); err != nil {
			return err
		}
		return (&tierMarkupsCmd{Tier: c.Tier}).Run(e)
	}
	if c.Percent != nil {
		percent, err := backoffice.ParsePercent(*c.Percent)
		if err != nil {
			return &usageError{err}
		}
		row.Percent = &percent
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	set, err := backoffice.SetMarkup(e.ctx, db.Pool, row, by, e.now())
	if err != nil {
		return err
	}
	return e.Print(set, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "tier %d pays %v %% and %d rupiah on top of the cost of %s %s: %d products\n", set.Tier, set.Percent, set.Fixed, set.Scope, set.Key, set.Products)
	})
}

type tierMarkupsCmd struct {
	Tier int `arg:"" optional:"" help:"Of this tier only."`
}

func (c *tierMarkupsCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	list, err := backoffice.ListMarkups(e.ctx, db.Pool, c.Tier)
	if err != nil {
		return err
	}
	return e.Print(list, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "TIER\tSCOPE\tKEY\tPERCENT\tFIXED\tPRODUCTS")
		for _, m := range list.Markups {
			_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%v\t%d\t%d\n", m.Tier, m.Scope, m.Key, m.Percent, m.Fixed, m.Products)
		}
	})
}
