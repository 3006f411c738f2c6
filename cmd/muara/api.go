package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/metrics"
)

type apiCmd struct {
	DrainNotice time.Duration `default:"2s" help:"How long to go on taking requests after saying not ready."`
}

// Run serves the merchant API, and the admin API on its own port, until it is told to stop.
func (c *apiCmd) Run(e *env) error {
	return e.serve(served{
		name: "api", needs: config.NeedDatabase | config.NeedRedis | config.NeedKey,
		metrics: func(cfg *config.Config) string { return cfg.API.MetricsListen },
		ready:   role.Deps.APIReady,
		run: func(ctx context.Context, d role.Deps, health *metrics.Health) error {
			listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.Config.API.Listen)
			if err != nil {
				return fmt.Errorf("api.listen: %w", err)
			}
			opts := role.APIOptions{Listener: listener, Health: health, Notice: c.DrainNotice}
			if at := d.Config.API.AdminListen; at != config.Off {
				if opts.Admin, err = (&net.ListenConfig{}).Listen(ctx, "tcp", at); err != nil {
					return errors.Join(fmt.Errorf("api.admin_listen: %w", err), listener.Close())
				}
			}
			return role.API(ctx, d, opts)
		},
	})
}
