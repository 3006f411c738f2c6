package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/muarahq/muara/pkg/kube/v1alpha1"
)

// Options are what the operator runs with.
type Options struct {
	// API is the cluster; see [Cluster].
	API *rest.Config
	// Namespace is whose Upstreams it acts upon.
	Namespace string
	// Lease is the name of the lease that one of several operators holds; empty: there is only one.
	Lease      string
	Books      Books
	Registerer prometheus.Registerer
	Log        *slog.Logger
	Now        func() time.Time
	// Started is called once the resources have been read; whether this operator is the one that acts is another matter.
	Started func()
}

// Cluster gives the address of the API server and the way in: those of the pod that this runs in, or of a file as kubectl has it
// (empty: where kubectl looks for it).
func Cluster(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kube: no cluster: %w", err)
	}
	return cfg, nil
}

// LogTo has the libraries of the operator log like everything else of the process; to be called once, before [Run].
func LogTo(l *slog.Logger) {
	log := logr.FromSlogHandler(l.Handler())
	ctrl.SetLogger(log)
	klog.SetLogger(log)
}

// Scheme is of the kinds that the operator knows.
func Scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, coordinationv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err) // two kinds of one name: every run would fail
		}
	}
	return s
}

// The longest wait until what failed is tried again, and the first.
const (
	firstRetry   = 50 * time.Millisecond
	longestRetry = Every
)

// Run acts until ctx ends, or until the lease is lost, which is an error.
func Run(ctx context.Context, o Options) error {
	if err := register(o.Registerer); err != nil {
		return err
	}
	log := logr.FromSlogHandler(o.Log.Handler())
	mgr, err := ctrl.NewManager(o.API, ctrl.Options{
		Scheme: Scheme(), Logger: log,
		Cache:                  cache.Options{DefaultNamespaces: map[string]cache.Config{o.Namespace: {}}},
		Metrics:                metricsserver.Options{BindAddress: "0"}, // the role's own port has them, and its health
		HealthProbeBindAddress: "0",
		LeaderElection:         o.Lease != "", LeaderElectionID: o.Lease, LeaderElectionNamespace: o.Namespace, LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return fmt.Errorf("kube: %w", err)
	}
	r := &Reconciler{Client: mgr.GetClient(), Books: o.Books, Events: mgr.GetEventRecorder(manager), Log: o.Log, Now: o.Now}
	again := true // a second operator in one process, in tests
	err = ctrl.NewControllerManagedBy(mgr).Named("upstream").
		// A status that was written here is no event.
		For(&v1alpha1.Upstream{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&appsv1.Deployment{}).
		WithOptions(controller.Options{
			SkipNameValidation: &again, MaxConcurrentReconciles: acting,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, longestRetry),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("kube: %w", err)
	}
	if err := mgr.Add(&started{wait: mgr.GetCache().WaitForCacheSync, tell: o.Started}); err != nil {
		return fmt.Errorf("kube: %w", err)
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("kube: %w", err)
	}
	return nil
}

// started tells when the resources have been read, by an operator that waits for the lease too.
type started struct {
	wait func(context.Context) bool
	tell func()
}

func (*started) NeedLeaderElection() bool { return false }

func (s *started) Start(ctx context.Context) error {
	if s.wait(ctx) && s.tell != nil {
		s.tell()
	}
	return nil
}

// register adds the library's own metrics to the role's, but for those of the runtime and the process, which the role has.
func register(into prometheus.Registerer) error {
	ctrlmetrics.Registry.Unregister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	ctrlmetrics.Registry.Unregister(collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsAll)))
	all, ok := ctrlmetrics.Registry.(prometheus.Collector)
	if !ok {
		return errors.New("kube: the library's metrics are no collector any more")
	}
	if err := into.Register(all); err != nil {
		return fmt.Errorf("kube: metrics: %w", err)
	}
	return nil
}
