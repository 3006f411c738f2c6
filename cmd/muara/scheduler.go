package main

import (
	"context"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/metrics"
)

type schedulerCmd struct{}

// Run finds what is due until it is told to stop.
func (schedulerCmd) Run(e *env) error {
	return e.serve(served{
		name: "scheduler", needs: config.NeedDatabase | config.NeedRedis,
		metrics: func(cfg *config.Config) string { return cfg.Scheduler.MetricsListen },
		ready:   role.Deps.Ready,
		run: func(ctx context.Context, d role.Deps, health *metrics.Health) error {
			return draining(ctx, health, func() error { return role.Scheduler(ctx, d) })
		},
	})
}
