package kube_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/kube/v1alpha1"
)

const bySpec = "upstream payments/hulu-1: "

func (c *cluster) requirePaused(want bool, wantWhy string) {
	c.t.Helper()
	paused, why := c.paused()
	require.Equal(c.t, want, paused, why)
	require.Equal(c.t, wantWhy, why)
	s := c.upstream().Status
	require.Equal(c.t, want, s.Paused, "the status shows it, whoever did it")
	require.Equal(c.t, wantWhy, s.PausedWhy)
}

func TestAPauseOfTheSpecIsOneOfTheGateway(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.known()
	c.create()
	c.settle()
	c.told()
	c.edit(func(u *v1alpha1.Upstream) { u.Spec.Paused, u.Spec.PausedWhy = true, "float is low" })
	c.once()
	c.requirePaused(true, bySpec+"float is low")
	c.is(v1alpha1.ConditionPaused, metav1.ConditionTrue, "BySpec")
	require.Equal(t, []string{"Normal Paused No order goes to it: float is low"}, c.told())
	require.EqualValues(t, 2, *c.deployment().Spec.Replicas, "those on their way are still asked about")
	c.still(3)
	c.edit(func(u *v1alpha1.Upstream) { u.Spec.PausedWhy = "" })
	c.once()
	c.requirePaused(true, bySpec+"spec.paused")
	c.told()
	c.edit(func(u *v1alpha1.Upstream) { u.Spec.Paused = false })
	c.once()
	c.requirePaused(false, "")
	c.is(v1alpha1.ConditionPaused, metav1.ConditionFalse, "Running")
	require.Equal(t, []string{"Normal Resumed Orders go to it again"}, c.told())
	c.still(3)
	entries, err := audit.List(t.Context(), c.pool, name, 10)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	for i, action := range []string{"upstream.resume", "upstream.pause", "upstream.pause"} {
		require.Equal(t, action, entries[i].Action)
		require.Equal(t, "operator:payments/hulu-1", entries[i].Actor)
	}
}

func TestAPauseByCommandIsShownAndStays(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.known()
	c.create()
	c.settle()
	require.NoError(t, catalog.Pause(t.Context(), c.pool, name, "their news", "cli:siti", c.clock()))
	c.once()
	c.requirePaused(true, "their news")
	c.is(v1alpha1.ConditionPaused, metav1.ConditionTrue, "Elsewhere")
	c.still(2)
	// Both ask for it: the first reason stays, and so does the pause when only one of them ends.
	c.edit(func(u *v1alpha1.Upstream) { u.Spec.Paused = true })
	c.once()
	c.requirePaused(true, "their news")
	require.NoError(t, catalog.Resume(t.Context(), c.pool, name, "cli:siti", c.clock()))
	c.once()
	c.requirePaused(true, bySpec+"spec.paused")
	// A person's word replaces the reason, and then it is a person's to end.
	require.NoError(t, catalog.Pause(t.Context(), c.pool, name, "their news again", "cli:siti", c.clock()))
	c.edit(func(u *v1alpha1.Upstream) { u.Spec.Paused = false })
	c.once()
	c.requirePaused(true, "their news again")
	c.still(2)
	require.NoError(t, catalog.Resume(t.Context(), c.pool, name, "cli:siti", c.clock()))
	c.once()
	c.requirePaused(false, "")
}

func TestAResumeByCommandDoesNotOutliveTheSpec(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.known()
	c.create(func(u *v1alpha1.Upstream) { u.Spec.Paused = true })
	c.settle()
	require.NoError(t, catalog.Resume(t.Context(), c.pool, name, "cli:siti", c.clock()))
	c.once()
	c.requirePaused(true, bySpec+"spec.paused")
}

func TestAnotherOperatorEndsThePauseOfTheFirst(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.known()
	c.create(func(u *v1alpha1.Upstream) { u.Spec.Paused = true })
	c.settle()
	c.edit(func(u *v1alpha1.Upstream) { u.Spec.Paused = false })
	c.restart()
	c.once()
	c.requirePaused(false, "")
}

func TestOneThatIsCreatedPausedHasNoWorkerBefore(t *testing.T) {
	t.Parallel()
	c := newCluster(t) // and the database has not heard of it
	away := errors.New("connection refused")
	c.books.away(away, nil)
	c.create(func(u *v1alpha1.Upstream) { u.Spec.Paused = true })
	_, err := c.r.Reconcile(t.Context(), request)
	require.ErrorIs(t, err, away)
	require.Nil(t, c.deployment())
	c.is(v1alpha1.ConditionApplied, metav1.ConditionFalse, "Pending")
	c.books.away(nil, nil)
	c.disturbed(func(call string, after bool) error {
		if call == "apply deployment" && !after {
			paused, _ := c.paused()
			require.True(t, paused)
		}
		return nil
	})
	c.settle()
	require.NotNil(t, c.deployment())
	c.requirePaused(true, bySpec+"spec.paused")
	c.is(v1alpha1.ConditionApplied, metav1.ConditionTrue, "Applied")
}

func TestAnUpstreamThatIsNotConfiguredIsSaidToBeSo(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.books.Upstreams = nil
	c.restart()
	c.create(func(u *v1alpha1.Upstream) { u.Spec.Paused = true })
	c.settle()
	c.is(v1alpha1.ConditionObserved, metav1.ConditionFalse, "NotConfigured")
	require.Nil(t, c.upstream().Status.Budget)
	c.still(3)
}

func TestScalingWorksWhileTheBooksAreAway(t *testing.T) {
	t.Parallel()
	for what, away := range map[string][2]error{"the database": {errors.New("gone"), nil}, "Redis": {nil, errors.New("gone")}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.known()
			require.NoError(t, catalog.SetBalance(t.Context(), c.pool, name, 1_250_000, c.clock()))
			c.create()
			c.settle()
			c.told()
			before := c.upstream().Status
			c.books.away(away[0], away[1])
			for range 3 {
				_, err := c.r.Reconcile(t.Context(), request)
				require.ErrorContains(t, err, "gone", "it is tried again")
			}
			c.is(v1alpha1.ConditionObserved, metav1.ConditionFalse, "Away")
			require.Equal(t, what+" does not answer: what it said last is shown", c.condition(v1alpha1.ConditionObserved).Message)
			require.Len(t, c.told(), 1, "once, however often it is tried")
			c.scale(7)
			_, err := c.r.Reconcile(t.Context(), request)
			require.Error(t, err)
			require.EqualValues(t, 7, *c.deployment().Spec.Replicas)
			require.Equal(t, before.Float, c.upstream().Status.Float)
			require.Equal(t, before.Budget, c.upstream().Status.Budget)
			c.books.away(nil, nil)
			c.settle()
			c.is(v1alpha1.ConditionObserved, metav1.ConditionTrue, "Observed")
			c.pass(time.Hour)
			c.settle()
			c.still(2)
		})
	}
}
