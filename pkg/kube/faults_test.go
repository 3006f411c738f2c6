package kube_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/kube/v1alpha1"
)

var deployments = schema.GroupResource{Group: "apps", Resource: "deployments"}

// faults are how a call can go wrong.
func faults() map[string]error {
	return map[string]error{
		"lost":     errors.New("connection reset"),
		"conflict": apierrors.NewConflict(deployments, workload, errors.New("changed")),
		"internal": apierrors.NewInternalError(errors.New("etcd")),
		"busy":     apierrors.NewTooManyRequestsError("later"),
		"timeout":  apierrors.NewTimeoutError("slow", 1),
	}
}

func TestEachCallMayFailBeforeAndAfterItWasDone(t *testing.T) {
	t.Parallel()
	const calls = 4 // get upstream, get deployment, apply deployment, patch status
	for fault, err := range faults() {
		for nth := range calls {
			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprint(fault, " at ", nth, " done ", done), func(t *testing.T) {
					t.Parallel()
					c := newCluster(t)
					c.known()
					c.create(func(u *v1alpha1.Upstream) { u.Spec.Paused, u.Spec.PausedWhy = true, "night" })
					seen := 0
					c.disturbed(func(_ string, after bool) error {
						if after != done {
							return nil
						}
						if seen++; seen == nth+1 {
							return err
						}
						return nil
					})
					_, got := c.r.Reconcile(t.Context(), request)
					require.ErrorIs(t, got, err, "the queue must know")
					if d := c.deployment(); d != nil { // nothing half
						paused, _ := c.paused()
						require.True(t, paused)
						require.EqualValues(t, 2, *d.Spec.Replicas)
						require.True(t, metav1.IsControlledBy(d, c.upstream()))
					}
					c.restart()
					c.settle()
					c.asWanted()
					c.still(2)
				})
			}
		}
	}
}

// TestServersThatHangDoNotKeepWorkersFromBeingScaled: neither a database nor a Redis that takes a question and never answers.
func TestServersThatHangDoNotKeepWorkersFromBeingScaled(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.known()
	c.create()
	c.settle()
	c.r.Patience = 10 * time.Millisecond
	c.books.away(errHangs, errHangs)
	c.edit(func(u *v1alpha1.Upstream) { u.Spec.Workers = new(int32(5)) })
	_, err := c.r.Reconcile(t.Context(), request)
	require.ErrorIs(t, err, context.DeadlineExceeded, "the queue must know")
	require.NotErrorIs(t, err, errHangs)
	require.EqualValues(t, 5, *c.deployment().Spec.Replicas)
	c.is(v1alpha1.ConditionObserved, metav1.ConditionFalse, "Away")
}

func TestWhatIsTriedAgainIsNotToldAsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.known()
	c.create()
	busy := apierrors.NewTooManyRequestsError("later")
	c.disturbed(func(call string, after bool) error {
		if call == "apply deployment" && !after {
			return busy
		}
		return nil
	})
	_, err := c.r.Reconcile(t.Context(), request)
	require.ErrorIs(t, err, busy)
	c.is(v1alpha1.ConditionApplied, metav1.ConditionFalse, "Retrying")
	for _, event := range c.told() {
		require.NotContains(t, event, "DeploymentRefused")
	}
}

// asWanted requires that everything is as the resource says.
func (c *cluster) asWanted() {
	c.t.Helper()
	if why := c.differs(); why != "" {
		require.Fail(c.t, why)
	}
}

// differs tells what is not as the resource says.
func (c *cluster) differs() string {
	u, d := c.upstream(), c.deployment()
	paused, why := c.paused()
	switch {
	case d == nil:
		return "no Deployment"
	case *d.Spec.Replicas != *u.Spec.Workers:
		return fmt.Sprintf("%d replicas and not %d", *d.Spec.Replicas, *u.Spec.Workers)
	case !metav1.IsControlledBy(d, u):
		return "not its owner"
	case d.Spec.Template.Spec.Containers[0].Image != "muara:v1":
		return "another image"
	case (u.Spec.Budget != nil) != (len(d.Spec.Template.Spec.Containers[0].Args) == 7):
		return fmt.Sprint("another budget: ", d.Spec.Template.Spec.Containers[0].Args)
	case u.Spec.Paused && !paused:
		return "not paused"
	case !u.Spec.Paused && paused && len(why) > len(bySpec) && why[:len(bySpec)] == bySpec:
		return "still paused"
	case u.Status.Paused != paused || u.Status.PausedWhy != why && paused:
		return "the status does not show the pause"
	case u.Status.ObservedGeneration != u.Generation:
		return "the status is of an older generation"
	}
	return ""
}

// TestWhateverHappensItComesOut lets people, autoscalers and the network do what they like, in any order, with operators that are
// restarted and reconciles that are repeated: in the end everything is as the resource says, and then nothing is written any more.
func TestWhateverHappensItComesOut(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.known()
	c.create()
	rapid.Check(t, func(rt *rapid.T) {
		var fail error
		at := 0
		c.disturbed(func(string, bool) error {
			if at--; at == 0 {
				return fail
			}
			return nil
		})
		actions := map[string]func(){
			"workers": func() {
				n := rapid.Int32Range(0, 5).Draw(rt, "workers")
				c.edit(func(u *v1alpha1.Upstream) { u.Spec.Workers = &n })
			},
			"pause": func() { c.edit(func(u *v1alpha1.Upstream) { u.Spec.Paused = !u.Spec.Paused }) },
			"budget": func() {
				c.edit(func(u *v1alpha1.Upstream) {
					if u.Spec.Budget = nil; rapid.Bool().Draw(rt, "budget") {
						u.Spec.Budget = &v1alpha1.Budget{Requests: rapid.Int32Range(1, 9).Draw(rt, "requests"), Per: metav1.Duration{Duration: time.Second}}
					}
				})
			},
			"pause by command":  func() { require.NoError(rt, catalog.Pause(t.Context(), c.pool, name, "by hand", "cli:x", c.clock())) },
			"resume by command": func() { require.NoError(rt, catalog.Resume(t.Context(), c.pool, name, "cli:x", c.clock())) },
			"another's hand": func() {
				if d := c.deployment(); d != nil {
					c.changeDeployment(func(d *appsv1.Deployment) {
						*d.Spec.Replicas = rapid.Int32Range(0, 9).Draw(rt, "replicas")
						d.Spec.Template.Spec.Containers[0].Image = "muara:v0"
					})
				}
			},
			"lost Deployment": func() {
				if d := c.deployment(); d != nil {
					require.NoError(rt, c.server.Delete(t.Context(), d))
				}
			},
			"fault": func() {
				all := faults()
				fail = all[rapid.SampledFrom([]string{"lost", "conflict", "internal", "busy", "timeout"}).Draw(rt, "fault")]
				at = rapid.IntRange(1, 8).Draw(rt, "at")
			},
			"away": func() {
				var away [2]error
				if rapid.Bool().Draw(rt, "database") {
					away[0] = errors.New("gone")
				}
				if rapid.Bool().Draw(rt, "redis") {
					away[1] = errors.New("gone")
				}
				c.books.away(away[0], away[1])
			},
			"restart": c.restart,
			"time":    func() { c.pass(time.Duration(rapid.Int64Range(0, 60).Draw(rt, "seconds")) * time.Second) },
			"reconcile": func() {
				for range rapid.IntRange(1, 3).Draw(rt, "times") {
					_, _ = c.r.Reconcile(t.Context(), request) // it may fail
				}
			},
		}
		names := []string{"workers", "pause", "budget", "pause by command", "resume by command", "another's hand", "lost Deployment", "fault", "away", "restart", "time", "reconcile", "reconcile"}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			actions[rapid.SampledFrom(names).Draw(rt, "action")]()
		}
		c.disturbed(nil)
		c.books.away(nil, nil)
		c.settle()
		c.pass(time.Minute)
		c.settle()
		require.Empty(rt, c.differs())
		c.still(2)
	})
}
