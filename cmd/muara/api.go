package main

import (
	"context"
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

// Run serves the merchant API until it is told to stop.
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
			return role.API(ctx, d, role.APIOptions{Listener: listener, Health: health, Notice: c.DrainNotice})
		},
	})
}
