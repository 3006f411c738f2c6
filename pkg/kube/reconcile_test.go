package kube_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/muarahq/muara/pkg/kube/v1alpha1"
)

func TestAnUpstreamHasItsWorkers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.create()
	c.once()
	d := c.deployment()
	require.EqualValues(t, 2, *d.Spec.Replicas)
	require.Equal(t, map[string]string{"muara.io/upstream": name}, d.Labels)
	require.True(t, metav1.IsControlledBy(d, c.upstream()), "it goes with its Upstream")
	var want appsv1.DeploymentSpec
	require.NoError(t, json.Unmarshal([]byte(template), &want))
	require.Equal(t, want.Template, d.Spec.Template, "the pods are the chart's")
	require.Equal(t, want.Selector, d.Spec.Selector)
	require.Equal(t, []string{"Normal WorkersCreated Deployment " + workload + " with 2 workers"}, c.told())
	c.is(v1alpha1.ConditionApplied, metav1.ConditionTrue, "Applied")
	c.is(v1alpha1.ConditionReady, metav1.ConditionFalse, "RollingOut")
	c.is(v1alpha1.ConditionPaused, metav1.ConditionFalse, "Running")
	c.is(v1alpha1.ConditionObserved, metav1.ConditionTrue, "Observed")

	c.rollOut(1)
	c.once()
	c.is(v1alpha1.ConditionReady, metav1.ConditionFalse, "Starting")
	c.rollOut(2)
	c.once()
	c.is(v1alpha1.ConditionReady, metav1.ConditionTrue, "WorkersReady")
	s := c.upstream().Status
	require.Equal(t, [2]int32{2, 2}, [2]int32{s.Workers, s.ReadyWorkers})
	require.Equal(t, "rumahotp", s.Driver)
	c.still(5)
	c.pass(time.Hour)
	c.still(2)
}

func TestAnUpstreamIsScaledThroughItsSubresource(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.create()
	c.settle()
	c.told()
	for _, n := range []int64{5, 0, 1} {
		before := *c.deployment().Spec.Replicas
		c.scale(n)
		c.once()
		require.EqualValues(t, n, *c.deployment().Spec.Replicas)
		events := c.told()
		require.Len(t, events, 1, "%d to %d", before, n)
		require.Contains(t, events[0], "Normal WorkersScaled From")
		c.rollOut(int32(n))
		c.once()
		c.is(v1alpha1.ConditionReady, metav1.ConditionTrue, map[bool]string{true: "ScaledToZero", false: "WorkersReady"}[n == 0])
		// What kubectl and autoscalers read.
		u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c.upstream())
		require.NoError(t, err)
		paths := scalePaths(t)
		require.Equal(t, ".status.workers .status.selector", paths.Status+" "+paths.Selector)
		count, _, err := unstructured.NestedInt64(u, "status", "workers")
		require.NoError(t, err)
		require.Equal(t, n, count)
		selector, _, err := unstructured.NestedString(u, "status", "selector")
		require.NoError(t, err)
		require.Equal(t, "app.kubernetes.io/name=muara,muara.io/upstream=hulu-1", selector)
		c.still(3)
	}
	c.edit(func(u *v1alpha1.Upstream) { u.Spec.Workers = nil })
	c.settle()
	require.EqualValues(t, 1, *c.deployment().Spec.Replicas)
}

func TestWhatOthersChangeIsPutBackAndWhatTheyAddStays(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.create()
	c.settle()
	c.changeDeployment(func(d *appsv1.Deployment) {
		*d.Spec.Replicas = 9
		d.Spec.Template.Spec.Containers[0].Image = "muara:old"
		d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] = "now"
	})
	c.wrote()
	c.once()
	d := c.deployment()
	require.EqualValues(t, 2, *d.Spec.Replicas)
	require.Equal(t, "muara:v1", d.Spec.Template.Spec.Containers[0].Image)
	require.Equal(t, "now", d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"], "a restart is not taken back")
	c.still(3)
	c.changeDeployment(func(d *appsv1.Deployment) { d.OwnerReferences = nil })
	c.once()
	require.True(t, metav1.IsControlledBy(c.deployment(), c.upstream()), "it is taken into care again")
	c.still(3)
}

func TestAChangedTemplateIsRolledOut(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.create()
	c.settle()
	c.told()
	c.edit(func(u *v1alpha1.Upstream) {
		u.Spec.Deployment.Spec.Raw = []byte(replace(template, `"c1"`, `"c2"`))
	})
	c.once()
	require.Equal(t, "c2", c.deployment().Spec.Template.Annotations["checksum/config"])
	require.Equal(t, []string{"Normal WorkersChanged A change is rolled out"}, c.told())
	// What is in it no more is taken away.
	c.edit(func(u *v1alpha1.Upstream) {
		u.Spec.Deployment.Spec.Raw = []byte(replace(template, `, "annotations": {"checksum/config": "c1"}`, ``))
	})
	c.once()
	require.Empty(t, c.deployment().Spec.Template.Annotations)
	c.still(3)
}

func TestABudgetIsGivenToTheWorkers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.create()
	c.settle()
	plain := c.deployment().Spec.Template
	c.told()
	c.edit(func(u *v1alpha1.Upstream) {
		u.Spec.Budget = &v1alpha1.Budget{Requests: 3, Per: metav1.Duration{Duration: 10 * time.Second}}
	})
	c.once()
	require.Equal(t, []string{"--config", "/etc/muara/muara.yaml", "worker", "--upstream", "hulu-1", "--budget", "3/10s"}, c.deployment().Spec.Template.Spec.Containers[0].Args)
	require.ElementsMatch(t, []string{"Normal WorkersChanged A change is rolled out", "Normal BudgetChanged From the configuration's to 3/10s"}, c.told())
	require.Equal(t, "3 of 3 in 10s", c.upstream().Status.Budget.Used, "nothing is known of it yet, so all counts as used")
	c.still(3)
	c.edit(func(u *v1alpha1.Upstream) { u.Spec.Budget = nil })
	c.once()
	require.Equal(t, plain, c.deployment().Spec.Template)
	require.Contains(t, c.told(), "Normal BudgetChanged From 3/10s to the configuration's")
	c.still(3)
}

func TestATemplateThatIsNoneIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for why, change := range map[string]func(*v1alpha1.Upstream){
		"not an object": func(u *v1alpha1.Upstream) { u.Spec.Deployment.Spec.Raw = []byte(`[1]`) },
		"no selector":   func(u *v1alpha1.Upstream) { u.Spec.Deployment.Spec.Raw = []byte(`{"template": {}}`) },
		`no container is called "muara"`: func(u *v1alpha1.Upstream) {
			u.Spec.Deployment.Spec.Raw = []byte(replace(template, `"name": "muara", "image"`, `"name": "other", "image"`))
			u.Spec.Budget = &v1alpha1.Budget{Requests: 1, Per: metav1.Duration{Duration: time.Second}}
		},
		"runs no worker": func(u *v1alpha1.Upstream) {
			u.Spec.Deployment.Spec.Raw = []byte(replace(template, `"worker"`, `"api"`))
			u.Spec.Budget = &v1alpha1.Budget{Requests: 1, Per: metav1.Duration{Duration: time.Second}}
		},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.create()
			c.settle()
			c.rollOut(2)
			c.settle()
			before := c.deployment().Spec
			c.told()
			c.edit(change)
			c.once()
			c.is(v1alpha1.ConditionApplied, metav1.ConditionFalse, "Refused")
			require.Contains(t, c.condition(v1alpha1.ConditionApplied).Message, why)
			events := c.told()
			require.Len(t, events, 1)
			require.Contains(t, events[0], "Warning DeploymentRefused")
			require.Equal(t, before, c.deployment().Spec)
			require.EqualValues(t, 2, c.upstream().Status.ReadyWorkers, "those that run are shown")
			c.still(3)
		})
	}
}

func TestWhatTheAPIServerRefusesIsToldOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.create()
	invalid := apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, workload, nil)
	c.disturbed(func(call string, after bool) error {
		if call == "apply deployment" && !after {
			return invalid
		}
		return nil
	})
	c.once()
	c.is(v1alpha1.ConditionApplied, metav1.ConditionFalse, "Refused")
	require.Len(t, c.told(), 1)
	c.still(3)
	c.disturbed(nil)
	c.once()
	c.is(v1alpha1.ConditionApplied, metav1.ConditionTrue, "Applied")
}

func TestADeploymentOfSomebodyElseIsNotTaken(t *testing.T) {
	t.Parallel()
	for owner, meta := range map[string]metav1.ObjectMeta{
		"nobody's that is known here": {},
		"upstream/hulu-1": {OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "muara.io/v1alpha1", Kind: "Upstream", Name: name, UID: "u-0", Controller: new(true),
		}}},
	} {
		t.Run(owner, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			meta.Namespace, meta.Name = namespace, workload
			var spec appsv1.DeploymentSpec
			require.NoError(t, json.Unmarshal([]byte(template), &spec))
			spec.Replicas = new(int32(7))
			require.NoError(t, c.server.Create(t.Context(), &appsv1.Deployment{ObjectMeta: meta, Spec: spec}))
			c.create()
			c.once()
			require.EqualValues(t, 7, *c.deployment().Spec.Replicas)
			c.is(v1alpha1.ConditionApplied, metav1.ConditionFalse, "Refused")
			require.Contains(t, c.condition(v1alpha1.ConditionApplied).Message, owner)
			c.still(2)
			// As when the one before, which has been deleted, has been collected.
			require.NoError(t, c.server.Delete(t.Context(), c.deployment()))
			c.once()
			require.EqualValues(t, 2, *c.deployment().Spec.Replicas)
			c.is(v1alpha1.ConditionApplied, metav1.ConditionTrue, "Applied")
		})
	}
	t.Run("an orphan of its own is", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t)
		var spec appsv1.DeploymentSpec
		require.NoError(t, json.Unmarshal([]byte(template), &spec))
		orphan := metav1.ObjectMeta{Namespace: namespace, Name: workload, Generation: 4, Labels: map[string]string{"muara.io/upstream": name}}
		require.NoError(t, c.server.Create(t.Context(), &appsv1.Deployment{ObjectMeta: orphan, Spec: spec}))
		c.create()
		c.settle()
		require.True(t, metav1.IsControlledBy(c.deployment(), c.upstream()))
		require.EqualValues(t, 2, *c.deployment().Spec.Replicas)
	})
}

func TestADeletedUpstreamIsLeftToItsOwner(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t)
		c.create()
		require.NoError(t, c.server.Delete(t.Context(), c.upstream()))
		c.still(1)
		require.Nil(t, c.deployment())
	})
	t.Run("while its Deployment goes first", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t)
		c.create(func(u *v1alpha1.Upstream) { u.Finalizers = []string{"foregroundDeletion"} })
		c.settle()
		require.NoError(t, c.server.Delete(t.Context(), c.upstream()))
		require.NoError(t, c.server.Delete(t.Context(), c.deployment()))
		c.still(2)
		require.Nil(t, c.deployment(), "nothing brings it back")
	})
	for _, call := range []string{"get deployment", "apply deployment", "patch status"} {
		t.Run("in the middle, at "+call, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.create()
			c.disturbed(func(at string, after bool) error {
				if at == call && !after {
					return client.IgnoreNotFound(c.server.Delete(t.Context(), &v1alpha1.Upstream{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}))
				}
				return nil
			})
			c.once()
			if d := c.deployment(); d != nil {
				require.Equal(t, "u-1", string(metav1.GetControllerOf(d).UID), "its owner is gone, so it is collected")
			}
			c.still(2)
		})
	}
	t.Run("and comes back as another", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t)
		c.create()
		c.settle()
		require.NoError(t, c.server.Delete(t.Context(), c.upstream()))
		c.create(func(u *v1alpha1.Upstream) { u.UID, u.Spec.Workers = "u-2", new(int32(4)) })
		c.once()
		c.is(v1alpha1.ConditionApplied, metav1.ConditionFalse, "Refused")
		require.EqualValues(t, 2, *c.deployment().Spec.Replicas, "the old one's still")
		require.NoError(t, c.server.Delete(t.Context(), c.deployment()))
		c.settle()
		require.EqualValues(t, 4, *c.deployment().Spec.Replicas)
		require.Equal(t, "u-2", string(metav1.GetControllerOf(c.deployment()).UID))
	})
}

func TestADeploymentThatIsBeingDeletedIsMadeAnewAfterwards(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.create()
	c.settle()
	c.changeDeployment(func(d *appsv1.Deployment) { d.Finalizers = []string{"foregroundDeletion"} })
	require.NoError(t, c.server.Delete(t.Context(), c.deployment()))
	c.settle()
	c.still(2)
	c.changeDeployment(func(d *appsv1.Deployment) { d.Finalizers = nil })
	require.Nil(t, c.deployment())
	c.settle()
	require.EqualValues(t, 2, *c.deployment().Spec.Replicas)
}

func TestARolloutThatIsStuckIsSaid(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.create()
	c.settle()
	for reason, condition := range map[string]appsv1.DeploymentCondition{
		"RolloutStuck": {Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Message: "has timed out progressing"},
		"PodsRefused":  {Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"},
	} {
		d := c.deployment()
		d.Status.Conditions = []appsv1.DeploymentCondition{condition}
		require.NoError(t, c.server.Status().Update(t.Context(), d))
		c.once()
		c.is(v1alpha1.ConditionReady, metav1.ConditionFalse, reason)
		require.Equal(t, condition.Message, c.condition(v1alpha1.ConditionReady).Message)
	}
}

func TestAConflictIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.create()
	met := 0
	c.disturbed(func(call string, after bool) error {
		if call == "patch status" && !after && met == 0 {
			met++
			c.edit(func(u *v1alpha1.Upstream) { u.Spec.Workers = new(int32(6)) }) // between the reading and the writing
		}
		return nil
	})
	_, err := c.r.Reconcile(t.Context(), request)
	require.True(t, apierrors.IsConflict(err), "a status that was made of an older spec is not written: %v", err)
	require.EqualValues(t, 2, *c.deployment().Spec.Replicas)
	c.settle()
	require.EqualValues(t, 6, *c.deployment().Spec.Replicas)
	require.Equal(t, c.upstream().Generation, c.upstream().Status.ObservedGeneration)
	c.still(3)
}
