package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/kube"
	"github.com/muarahq/muara/pkg/metrics"
)

type operatorCmd struct {
	Namespace  string `placeholder:"NAME" help:"Whose Upstreams; by default those of the pod's own namespace."`
	Lease      string `placeholder:"NAME" help:"The lease that one of several operators holds; without it there is only one."`
	Kubeconfig string `placeholder:"FILE" help:"How to reach the cluster from outside of it; by default as kubectl does."`
}

// podNamespace is where a pod finds the name of its namespace.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// Run acts upon Upstream resources until it is told to stop.
func (c *operatorCmd) Run(e *env) error {
	namespace := c.Namespace
	if namespace == "" {
		text, err := os.ReadFile(podNamespace)
		if errors.Is(err, fs.ErrNotExist) {
			return wrongUsage("--namespace: required outside of a pod")
		}
		if err != nil {
			return err
		}
		namespace = strings.TrimSpace(string(text))
	}
	api, err := kube.Cluster(c.Kubeconfig)
	if err != nil {
		return err
	}
	return e.serve(served{
		name: "operator", needs: config.NeedDatabase | config.NeedRedis,
		metrics: func(cfg *config.Config) string { return cfg.Operator.MetricsListen },
		// It goes on without them, and says so in the resources: they are no reason to replace it.
		ready: func(role.Deps) []metrics.Check { return nil },
		run: func(ctx context.Context, d role.Deps, health *metrics.Health) error {
			kube.LogTo(d.Log)
			return draining(ctx, health, func() error {
				return kube.Run(ctx, kube.Options{
					API: api, Namespace: namespace, Lease: c.Lease, Registerer: d.Registerer, Log: d.Log, Now: d.Now, Started: d.Started,
					Books: &kube.Gateway{Pool: d.DB.Pool, Redis: d.Redis, Upstreams: d.Config.Upstreams, Now: d.Now},
				})
			})
		},
	})
}
