package main

import (
	"context"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/metrics"
)

type workerCmd struct {
	Upstream string `placeholder:"NAME" xor:"work" required:"" help:"Talk to this upstream of the configuration."`
	Webhooks bool   `xor:"work" required:"" help:"Deliver webhooks."`
	Budget   string `placeholder:"N/TIME" help:"In the place of the upstream's budget in the configuration, such as 5/10s."`
}

// Run works until it is told to stop; then it takes nothing new and finishes what it has.
func (c *workerCmd) Run(e *env) error {
	if c.Budget != "" {
		if _, err := config.ParseBudget(c.Budget); err != nil {
			return wrongUsage("--budget: %w", err)
		}
		if c.Webhooks {
			return wrongUsage("--budget: webhooks have none")
		}
	}
	s := served{
		name: "worker", needs: config.NeedDatabase | config.NeedRedis,
		metrics: func(cfg *config.Config) string { return cfg.Worker.MetricsListen },
		ready:   role.Deps.Ready,
		run: func(ctx context.Context, d role.Deps, health *metrics.Health) error {
			return draining(ctx, health, func() error { return role.Worker(ctx, d, d.NewUpstreamMetrics(), c.Upstream) })
		},
	}
	if c.Webhooks {
		s.name, s.needs = "webhooks", s.needs|config.NeedKey
		s.run = func(ctx context.Context, d role.Deps, health *metrics.Health) error {
			return draining(ctx, health, func() error { return role.Webhooks(ctx, d) })
		}
		return e.serve(s)
	}
	cfg, err := e.Config(s.needs)
	if err != nil {
		return err
	}
	if limit, err := config.ParseBudget(c.Budget); err == nil {
		cfg.SetBudget(c.Upstream, limit)
	}
	// What is wrong with its credentials is said at once, and not after the schema.
	if _, err := cfg.Upstream(c.Upstream); err != nil {
		return err
	}
	return e.serve(s)
}

// draining says not ready as soon as ctx ends, while run finishes what it has.
func draining(ctx context.Context, health *metrics.Health, run func() error) error {
	stop := context.AfterFunc(ctx, health.Drain)
	defer stop()
	return run()
}
