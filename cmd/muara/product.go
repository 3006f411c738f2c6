package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
)

type productCmd struct {
	Add   productAddCmd   `cmd:"" help:"Put a premium product on sale."`
	Stock productStockCmd `cmd:"" help:"Add items to a premium product's stock."`
	Close productCloseCmd `cmd:"" help:"Take a product, of whatever kind, off sale."`
	Open  productOpenCmd  `cmd:"" help:"Put a closed product on sale again."`
}

type productAddCmd struct {
	SKU         string `name:"sku" required:"" help:"Our code for it: letters, digits, dots, underscores, hyphens."`
	Name        string `required:"" help:"What it is called."`
	Price       int64  `required:"" help:"Rupiah, the same for every tier."`
	Product     string `help:"The product whose variant it is; left out, what stands before \" - \" in the name."`
	Description string `help:"What merchants read about it."`
	Mode        string `enum:"live,test" default:"live" help:"Who sees it: live or test keys."`
}

func (c *productAddCmd) Run(e *env) error {
	if c.Price <= 0 {
		return wrongUsage("--price must be above zero")
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	p := catalog.Premium{Mode: c.Mode, SKU: strings.ToUpper(strings.TrimSpace(c.SKU)), Name: c.Name, Product: c.Product, Description: c.Description, Price: c.Price}
	err = catalog.AddProduct(e.ctx, db.Pool, p, e.Actor(), e.now())
	if errors.Is(err, catalog.ErrExists) {
		return fmt.Errorf("there is a product %s already", p.SKU)
	}
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"sku": p.SKU, "name": p.Name, "price": p.Price, "mode": p.Mode}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s is on sale for %d; it has no stock yet\n", p.SKU, p.Price)
	})
}

type productStockCmd struct {
	SKU  string `name:"sku" required:"" help:"The product."`
	File string `required:"" placeholder:"FILE" help:"One item a line; - reads standard input."`
}

func (c *productStockCmd) Run(e *env) error {
	items, err := c.items()
	if err != nil {
		return err
	}
	cfg, err := e.Config(config.NeedDatabase | config.NeedKey)
	if err != nil {
		return err
	}
	sealer, err := role.Deps{Config: cfg}.Sealer()
	if err != nil {
		return err
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	sku := strings.ToUpper(strings.TrimSpace(c.SKU))
	added, err := catalog.AddStock(e.ctx, db.Pool, sealer, sku, items, e.Actor(), e.now())
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("there is no premium product %s", sku)
	}
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"sku": sku, "added": added.Added, "known": added.Known}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%d items added", added.Added)
		if added.Known > 0 {
			_, _ = fmt.Fprintf(w, ", %d were there already", added.Known)
		}
		_, _ = fmt.Fprintln(w)
	})
}

func (c *productStockCmd) items() (items []string, err error) {
	in := os.Stdin
	if c.File != "-" {
		in, err = os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer in.Close()
	}
	items, err = catalog.ParseStock(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.File, err)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("%s has no items", c.File)
	}
	return items, nil
}

type productCloseCmd struct {
	SKU string `arg:"" name:"sku" help:"The product."`
}

func (c *productCloseCmd) Run(e *env) error { return setClosed(e, c.SKU, true) }

type productOpenCmd struct {
	SKU string `arg:"" name:"sku" help:"The product."`
}

func (c *productOpenCmd) Run(e *env) error { return setClosed(e, c.SKU, false) }

func setClosed(e *env, sku string, closed bool) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	err = catalog.SetClosed(e.ctx, db.Pool, sku, closed, e.Actor(), e.now())
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("there is no product %s", sku)
	}
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"sku": sku, "closed": closed}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, sku, map[bool]string{true: "is closed", false: "is open"}[closed])
	})
}
