package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/kube/v1alpha1"
)

// Every is how often an upstream is looked at without an event: its numbers move by themselves.
const Every = 30 * time.Second

// patience bounds a question to the gateway's books: servers that hang must not keep an upstream from being scaled, nor others from their
// turn.
const patience = 5 * time.Second

// acting is how many upstreams are acted upon at the same time.
const acting = 4

// Books are what a reconcile reads of the gateway and writes to it: a [Gateway].
type Books interface {
	Look(ctx context.Context, name string) (*Sight, error)
	Budget(ctx context.Context, name string, limit *budget.Limit) (*budget.State, error)
	Declare(ctx context.Context, d catalog.Declared) (did bool, err error)
}

// Reconciler makes Upstreams so.
type Reconciler struct {
	Client client.Client
	Books  Books
	Events events.EventRecorder
	Log    *slog.Logger
	Now    func() time.Time
	// Patience bounds each call of Books; zero is 5 seconds.
	Patience time.Duration
}

// ask calls the books, for as long as that may take.
func ask[T any](ctx context.Context, r *Reconciler, call func(context.Context) (T, error)) (T, error) {
	limit := r.Patience
	if limit <= 0 {
		limit = patience
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return call(ctx)
}

// The reasons of events.
const (
	eventCreated = "WorkersCreated"
	eventScaled  = "WorkersScaled"
	eventChanged = "WorkersChanged"
	eventBudget  = "BudgetChanged"
	eventPaused  = "Paused"
	eventResumed = "Resumed"
	eventRefused = "DeploymentRefused"
	eventUnseen  = "BooksAway"
)

// reasonRefused is the reason of the condition Applied where the API server, or what the resource says, rules the Deployment out.
const reasonRefused = "Refused"

// mark begins the reason of each pause that the resource makes.
func mark(u *v1alpha1.Upstream) string { return "upstream " + u.Namespace + "/" + u.Name + ": " }

// declared is the pause that the resource asks for.
func declared(u *v1alpha1.Upstream) catalog.Declared {
	why := u.Spec.PausedWhy
	if why == "" {
		why = "spec.paused"
	}
	return catalog.Declared{Name: u.Name, Mark: mark(u), Paused: u.Spec.Paused, Why: why, Actor: "operator:" + u.Namespace + "/" + u.Name}
}

// observed is what one reconcile found out.
type observed struct {
	live    *appsv1.Deployment // nil: there is none
	refused string             // why the Deployment is not as wanted; empty if it is
	retried bool               // it is not as wanted yet, and that is tried again
	sight   *Sight             // nil: the database did not answer
	budget  *budget.State      // nil: there is none
	away    string             // what did not answer
}

// Reconcile does what is missing between a resource and what there is.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	u := &v1alpha1.Upstream{}
	if err := r.Client.Get(ctx, req.NamespacedName, u); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !u.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil // its Deployment goes with it; nothing may make it anew
	}
	was := u.DeepCopy()
	o := &observed{}
	paused := r.pause(ctx, u, o)
	applied := r.apply(ctx, u, o, paused == nil)
	looked := r.look(ctx, u, o)
	r.judge(u, o)
	told := r.tell(ctx, was, u)
	if err := errors.Join(paused, applied, looked, told); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: Every}, nil
}

// pause reads how the upstream is, and makes its pause as the resource says.
func (r *Reconciler) pause(ctx context.Context, u *v1alpha1.Upstream, o *observed) error {
	sight, err := ask(ctx, r, func(ctx context.Context) (*Sight, error) { return r.Books.Look(ctx, u.Name) })
	if err != nil {
		o.away = "the database"
		return fmt.Errorf("looking at the books: %w", err)
	}
	o.sight = sight
	d := declared(u)
	own := sight.Paused && d.Made(sight.PausedWhy)
	switch {
	case d.Paused && (!sight.Paused || own && sight.PausedWhy != d.Reason()):
	case !d.Paused && own:
	default:
		return nil
	}
	did, err := ask(ctx, r, func(ctx context.Context) (bool, error) { return r.Books.Declare(ctx, d) })
	if errors.Is(err, catalog.ErrNotFound) {
		return nil // neither configured nor known: nothing goes there, and the condition Observed says it
	}
	if err != nil {
		o.away = "the database"
		return fmt.Errorf("pausing or resuming: %w", err)
	}
	switch {
	case !did: // somebody else was faster: the next look tells
	case d.Paused:
		sight.Paused, sight.PausedWhy = true, d.Reason()
		r.event(u, nil, corev1.EventTypeNormal, eventPaused, "Pause", "No order goes to it: %s", d.Why)
	default:
		sight.Paused, sight.PausedWhy = false, ""
		r.event(u, nil, corev1.EventTypeNormal, eventResumed, "Resume", "Orders go to it again")
	}
	return nil
}

// apply makes the Deployment as the resource says. sure tells that the pause is: an upstream that is to be paused gets no first
// worker before.
func (r *Reconciler) apply(ctx context.Context, u *v1alpha1.Upstream, o *observed, sure bool) error {
	live := &appsv1.Deployment{}
	switch err := r.Client.Get(ctx, client.ObjectKey{Namespace: u.Namespace, Name: u.Spec.Deployment.Name}, live); {
	case apierrors.IsNotFound(err):
		live = nil
	case err != nil:
		o.retried = true
		return fmt.Errorf("reading the Deployment: %w", err)
	}
	if live != nil {
		if owner := takenBy(live, u); owner != "" {
			o.refused = fmt.Sprintf("Deployment %s is taken: it is %s", live.Name, owner)
			return nil
		}
	}
	o.live = live
	want, wrong := wanted(u)
	if wrong != "" {
		o.refused = wrong
		return nil
	}
	if live != nil && (!live.DeletionTimestamp.IsZero() || asApplied(live, want, u)) {
		return nil
	}
	if live == nil && u.Spec.Paused && !sure {
		return nil // pausing failed, and its error is told
	}
	return r.write(ctx, u, o, want)
}

// wanted is the Deployment that the resource asks for, with the selector for its status; or what is wrong with it.
func wanted(u *v1alpha1.Upstream) (want *unstructured.Unstructured, wrong string) {
	want, err := desired(u)
	if err == nil {
		u.Status.Selector, err = selector(want)
	}
	if err != nil {
		return nil, err.Error()
	}
	return want, ""
}

// write applies the Deployment.
func (r *Reconciler) write(ctx context.Context, u *v1alpha1.Upstream, o *observed, want *unstructured.Unstructured) error {
	hash, limit := want.GetAnnotations()[appliedHash], want.GetAnnotations()[appliedBudget]
	got := want.DeepCopy()
	err := r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(got), client.FieldOwner(manager), client.ForceOwnership)
	switch {
	case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err):
		o.refused = err.Error()
		return nil // to ask again at once changes nothing
	case err != nil:
		o.retried = true
		return fmt.Errorf("applying the Deployment: %w", err)
	}
	was, now := o.live, &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(got.Object, now); err != nil {
		return fmt.Errorf("applying the Deployment: %w", err)
	}
	o.live, u.Status.DeploymentGeneration = now, now.Generation
	switch {
	case was == nil:
		r.event(u, now, corev1.EventTypeNormal, eventCreated, "Create", "Deployment %s with %d workers", now.Name, workers(u))
		return nil
	case was.Spec.Replicas != nil && *was.Spec.Replicas != workers(u):
		r.event(u, now, corev1.EventTypeNormal, eventScaled, "Scale", "From %d to %d workers", *was.Spec.Replicas, workers(u))
	case was.Annotations[appliedHash] != hash:
		r.event(u, now, corev1.EventTypeNormal, eventChanged, "Apply", "A change is rolled out")
	}
	if before := was.Annotations[appliedBudget]; before != limit {
		r.event(u, now, corev1.EventTypeNormal, eventBudget, "Apply", "From %s to %s", named(before), named(limit))
	}
	return nil
}

// named is a budget in words.
func named(limit string) string {
	if limit == "" {
		return "the configuration's"
	}
	return limit
}

// look reads how the budget stands.
func (r *Reconciler) look(ctx context.Context, u *v1alpha1.Upstream, o *observed) error {
	var limit *budget.Limit
	if b := u.Spec.Budget; b != nil {
		limit = &budget.Limit{Requests: int(b.Requests), Per: b.Per.Duration}
	}
	state, err := ask(ctx, r, func(ctx context.Context) (*budget.State, error) { return r.Books.Budget(ctx, u.Name, limit) })
	if err != nil {
		if o.away == "" {
			o.away = "Redis"
		}
		return fmt.Errorf("looking at the budget: %w", err)
	}
	o.budget = state
	return nil
}

// tell writes the status, if there is something to tell.
func (r *Reconciler) tell(ctx context.Context, was, u *v1alpha1.Upstream) error {
	if !r.worthTelling(&was.Status, &u.Status) {
		return nil
	}
	// With the version that was read: a status made of an older one is not written.
	err := r.Client.Status().Patch(ctx, u, client.MergeFromWithOptions(was, client.MergeFromWithOptimisticLock{}), client.FieldOwner(manager))
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	r.announce(was, u)
	return nil
}

// announce has events for conditions that changed.
func (r *Reconciler) announce(was, u *v1alpha1.Upstream) {
	for kind, reason := range map[string]string{v1alpha1.ConditionApplied: eventRefused, v1alpha1.ConditionObserved: eventUnseen} {
		before, now := condition(&was.Status, kind), condition(&u.Status, kind)
		if kind == v1alpha1.ConditionApplied && now != nil && now.Reason != reasonRefused {
			continue // it is tried again, or about to be there: nobody has refused anything
		}
		if now != nil && now.Status == "False" && (before == nil || before.Status != now.Status || before.Message != now.Message) {
			r.event(u, nil, corev1.EventTypeWarning, reason, "Reconcile", "%s", now.Message)
		}
	}
}

func (r *Reconciler) event(u *v1alpha1.Upstream, about *appsv1.Deployment, kind, reason, action, note string, args ...any) {
	var related runtime.Object // and not a nil of a type
	if about != nil {
		related = about
	}
	r.Events.Eventf(u, related, kind, reason, action, note, args...)
	r.Log.Info("upstream", "namespace", u.Namespace, "upstream", u.Name, "event", reason, "note", fmt.Sprintf(note, args...))
}
