package main

import (
	"fmt"
	"io"

	"github.com/muarahq/muara/pkg/config"
)

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Read the configuration as every role would, and name all that is wrong."`
}

type configCheckCmd struct{}

func (configCheckCmd) Run(e *env) error {
	cfg, err := e.Config(config.NeedDatabase | config.NeedRedis | config.NeedKey)
	if err != nil {
		return err
	}
	if err := cfg.CheckUpstreams(); err != nil {
		return err
	}
	return e.Print(map[string]any{"ok": true, "upstreams": len(cfg.Upstreams)}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "the configuration is fine (%d upstreams)\n", len(cfg.Upstreams))
	})
}
