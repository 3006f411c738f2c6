package kube

import (
	"fmt"
	"math"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/muarahq/muara/pkg/kube/v1alpha1"
)

func condition(s *v1alpha1.UpstreamStatus, kind string) *metav1.Condition {
	return meta.FindStatusCondition(s.Conditions, kind)
}

// judge fills in the status.
func (r *Reconciler) judge(u *v1alpha1.Upstream, o *observed) {
	s := &u.Status
	s.ObservedGeneration = u.Generation
	s.Workers, s.ReadyWorkers = 0, 0
	if o.live != nil {
		s.Workers, s.ReadyWorkers = o.live.Status.Replicas, o.live.Status.ReadyReplicas
	}
	now := r.Now()
	set := func(kind string, is bool, reason, message string) {
		status := metav1.ConditionFalse
		if is {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: u.Generation, LastTransitionTime: metav1.NewTime(now),
		})
	}
	switch {
	case o.refused != "":
		set(v1alpha1.ConditionApplied, false, reasonRefused, o.refused)
	case o.retried:
		set(v1alpha1.ConditionApplied, false, "Retrying", "the API server did not take or tell it: it is tried again")
	case o.live == nil:
		set(v1alpha1.ConditionApplied, false, "Pending", "the Deployment is not there yet")
	default:
		set(v1alpha1.ConditionApplied, true, "Applied", "")
	}
	ready, reason, message := readiness(o.live, workers(u))
	set(v1alpha1.ConditionReady, ready, reason, message)
	if o.sight != nil {
		r.see(u, o.sight, set)
	}
	switch {
	case o.away != "":
		set(v1alpha1.ConditionObserved, false, "Away", o.away+" does not answer: what it said last is shown")
	case !o.sight.Configured:
		set(v1alpha1.ConditionObserved, false, "NotConfigured", "the operator's configuration has no upstream of this name")
	default:
		set(v1alpha1.ConditionObserved, true, "Observed", "")
	}
	if o.budget != nil {
		b := o.budget
		s.Budget = &v1alpha1.BudgetStatus{
			Requests: int32(b.Limit.Requests), Per: metav1.Duration{Duration: b.Limit.Per}, InUse: int32(b.InUse),
			Used: fmt.Sprintf("%d of %d in %s", b.InUse, b.Limit.Requests, b.Limit.Per),
		}
		if b.ClosedUntil.IsZero() {
			set(v1alpha1.ConditionBudgetClosed, false, "Open", "")
		} else {
			until := metav1.NewTime(b.ClosedUntil.Truncate(time.Second))
			s.Budget.ClosedUntil = &until
			set(v1alpha1.ConditionBudgetClosed, true, "Closed", "until "+until.UTC().Format(time.RFC3339)+": "+b.Why)
		}
	}
	at := metav1.NewTime(now.Truncate(time.Second))
	s.ObservedAt = &at
}

// see fills in what the database says.
func (r *Reconciler) see(u *v1alpha1.Upstream, sight *Sight, set func(kind string, is bool, reason, message string)) {
	s, now := &u.Status, r.Now()
	s.Driver, s.Mode, s.Paused, s.PausedWhy, s.Float = sight.Driver, sight.Mode, sight.Paused, sight.PausedWhy, sight.Float
	switch {
	case sight.Paused && declared(u).Made(sight.PausedWhy):
		set(v1alpha1.ConditionPaused, true, "BySpec", sight.PausedWhy)
	case sight.Paused:
		set(v1alpha1.ConditionPaused, true, "Elsewhere", sight.PausedWhy)
	default:
		set(v1alpha1.ConditionPaused, false, "Running", "")
	}
	switch {
	case !sight.BreakerUntil.IsZero():
		set(v1alpha1.ConditionDegraded, true, "BreakerOpen", "until "+sight.BreakerUntil.UTC().Truncate(time.Second).Format(time.RFC3339))
	case sight.Ailing != "":
		set(v1alpha1.ConditionDegraded, true, "Ailing", sight.Ailing)
	default:
		set(v1alpha1.ConditionDegraded, false, "AsExpected", "")
	}
	s.SuccessRate = ""
	if sight.Rate != nil {
		s.SuccessRate = fmt.Sprintf("%d%%", int(math.Round(*sight.Rate*100)))
	}
	s.LastSeen = nil
	if !sight.Seen.IsZero() {
		seen := metav1.NewTime(sight.Seen.UTC().Truncate(time.Minute))
		s.LastSeen = &seen
	}
	queued, age := sight.Queued.Count, metav1.Duration{}
	if queued > 0 && !sight.Queued.Oldest.IsZero() {
		age.Duration = max(now.Sub(sight.Queued.Oldest).Truncate(time.Second), 0)
	}
	s.Queued, s.QueueAge = &queued, &age
}

// readiness tells whether as many workers as wanted run as they are wanted.
func readiness(d *appsv1.Deployment, want int32) (ready bool, reason, message string) {
	if d == nil {
		return false, "NoDeployment", "there is no Deployment of it"
	}
	s := &d.Status
	for _, c := range s.Conditions {
		switch {
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			return false, "PodsRefused", c.Message
		case c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse:
			return false, "RolloutStuck", c.Message
		}
	}
	switch {
	case s.ObservedGeneration < d.Generation || s.UpdatedReplicas < want || s.Replicas != want:
		return false, "RollingOut", fmt.Sprintf("%d of %d workers are of the newest kind, and there are %d", s.UpdatedReplicas, want, s.Replicas)
	case s.ReadyReplicas < want:
		return false, "Starting", fmt.Sprintf("%d of %d workers are ready", s.ReadyReplicas, want)
	case want == 0:
		return true, "ScaledToZero", "no workers are wanted"
	}
	return true, "WorkersReady", ""
}

// worthTelling tells whether a status must be written. What only drifts is written at most every so often, and nothing is written
// that has not changed.
func (r *Reconciler) worthTelling(was, now *v1alpha1.UpstreamStatus) bool {
	a, b := was.DeepCopy(), now.DeepCopy()
	a.ObservedAt, b.ObservedAt = nil, nil
	if equality.Semantic.DeepEqual(a, b) {
		return false
	}
	if was.ObservedAt == nil || r.Now().Sub(was.ObservedAt.Time) >= Every-time.Second {
		return true
	}
	for _, s := range []*v1alpha1.UpstreamStatus{a, b} {
		s.Queued, s.QueueAge, s.SuccessRate, s.Float, s.LastSeen = nil, nil, "", nil, nil
		if s.Budget != nil {
			s.Budget.InUse, s.Budget.Used = 0, ""
		}
	}
	return !equality.Semantic.DeepEqual(a, b)
}
