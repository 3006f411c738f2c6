package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/muarahq/muara/migrations"
	"github.com/muarahq/muara/pkg/config"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Apply what is missing."`
	Down   migrateDownCmd   `cmd:"" help:"Take back the newest; the data in what it drops are lost."`
	Status migrateStatusCmd `cmd:"" help:"List what is applied and what is missing."`
}

type migrateUpCmd struct{}

func (migrateUpCmd) Run(e *env) error {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return err
	}
	applied, err := migrations.Up(e.ctx, cfg.Database.URL.Reveal())
	return errors.Join(err, printNames(e, "applied", applied))
}

type migrateDownCmd struct {
	N int `arg:"" optional:"" default:"1" help:"How many."`
}

func (c *migrateDownCmd) Run(e *env) error {
	if c.N < 1 {
		return wrongUsage("how many: 1 or more")
	}
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return err
	}
	undone, err := migrations.Down(e.ctx, cfg.Database.URL.Reveal(), c.N)
	return errors.Join(err, printNames(e, "undone", undone))
}

func printNames(e *env, what string, names []string) error {
	if names == nil {
		names = []string{}
	}
	return e.Print(map[string]any{what: names}, func(w io.Writer) {
		if len(names) == 0 {
			_, _ = fmt.Fprintln(w, "nothing to do")
		}
		for _, n := range names {
			_, _ = fmt.Fprintln(w, what+" "+n)
		}
	})
}

type migrateStatusCmd struct{}

func (migrateStatusCmd) Run(e *env) error {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return err
	}
	states, err := migrations.Status(e.ctx, cfg.Database.URL.Reveal())
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"migrations": states}, func(w io.Writer) {
		for _, s := range states {
			at := "missing"
			if s.AppliedAt != nil {
				at = s.AppliedAt.Format(time.RFC3339)
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\n", s.Name, at)
		}
	})
}
