package main

import (
	"fmt"
	"io"
	"os"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/backoffice"
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
	db, err := e.DB()
	if err != nil {
		return err
	}
	p := catalog.Premium{Mode: c.Mode, SKU: c.SKU, Name: c.Name, Product: c.Product, Description: c.Description, Price: c.Price}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	out, err := backoffice.AddProduct(e.ctx, db.Pool, p, by, e.now())
	if err != nil {
		return asked(err)
	}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s is on sale for %d; it has no stock yet\n", out.SKU, out.Price)
	})
}

type productStockCmd struct {
	SKU  string `name:"sku" required:"" help:"The product."`
	File string `required:"" placeholder:"FILE" help:"One item a line; - reads standard input."`
}

func (c *productStockCmd) Run(e *env) error {
	in := os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
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
	by, err := e.Actor()
	if err != nil {
		return err
	}
	out, err := backoffice.AddStock(e.ctx, db.Pool, sealer, c.SKU, in, by, e.now())
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%d items added", out.Added)
		if out.Known > 0 {
			_, _ = fmt.Fprintf(w, ", %d were there already", out.Known)
		}
		_, _ = fmt.Fprintln(w)
	})
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
	by, err := e.Actor()
	if err != nil {
		return err
	}
	out, err := backoffice.SetProductClosed(e.ctx, db.Pool, sku, closed, by, e.now())
	if err != nil {
		return err
	}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, out.SKU, map[bool]string{true: "is closed", false: "is open"}[out.Closed])
	})
}
