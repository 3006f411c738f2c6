package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
)

type catalogPolicyCmd struct {
	Policy string `arg:"" enum:"price,priority,weight" help:"price (the cheapest), priority (the lowest number first) or weight (at random)."`
	SKU    string `name:"sku" placeholder:"S" help:"Only this product; left out, all for which it was not said alone, and those to come."`
}

func (c *catalogPolicyCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	set, err := backoffice.SetPolicy(e.ctx, db.Pool, c.SKU, catalog.Policy(c.Policy), by, e.now())
	if err != nil {
		return err
	}
	return e.Print(set, func(w io.Writer) { _, _ = fmt.Fprintf(w, "by %s: %d products changed\n", set.Policy, set.Changed) })
}

type catalogRankCmd struct {
	Offer    int64 `arg:"" help:"The offer's id: see catalog list --json."`
	Priority *int  `placeholder:"N" help:"The lowest of several is chosen first."`
	Weight   *int  `placeholder:"N" help:"How often it is chosen beside others; 1 at least."`
}

func (c *catalogRankCmd) Run(e *env) error {
	if c.Priority == nil && c.Weight == nil {
		return errors.New("name a --priority or a --weight")
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	set, err := backoffice.SetRank(e.ctx, db.Pool, c.Offer, c.Priority, c.Weight, by, e.now())
	if err != nil {
		return err
	}
	return e.Print(set, func(w io.Writer) { _, _ = fmt.Fprintf(w, "offer %d is ranked\n", set.OfferID) })
}
