package kube_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/kube"
	"github.com/muarahq/muara/pkg/kube/v1alpha1"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/testredis"
)

const (
	namespace = "payments"
	name      = "hulu-1"
	workload  = "toko-muara-upstream-hulu-1"
)

// template is a Deployment's spec as the chart renders it, cut short.
const template = `{
	"revisionHistoryLimit": 5,
	"selector": {"matchLabels": {"app.kubernetes.io/name": "muara", "muara.io/upstream": "hulu-1"}},
	"template": {
		"metadata": {"labels": {"app.kubernetes.io/name": "muara", "muara.io/upstream": "hulu-1"}, "annotations": {"checksum/config": "c1"}},
		"spec": {"containers": [{"name": "muara", "image": "muara:v1", "args": ["--config", "/etc/muara/muara.yaml", "worker", "--upstream", "hulu-1"]}]}
	}
}`

// books are the real ones, which may be away.
type books struct {
	*kube.Gateway
	mu   sync.Mutex
	gone error // the database's
	dumb error // Redis's
}

func (b *books) away(database, redis error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone, b.dumb = database, redis
}

func (b *books) errs() (database, redis error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.gone, b.dumb
}

// errHangs has the books not answer until who asks has had enough.
var errHangs = errors.New("asked without an end")

// said is what becomes of a question to servers that are away so.
func said(ctx context.Context, err error) error {
	if _, bounded := ctx.Deadline(); bounded && errors.Is(err, errHangs) {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (b *books) Look(ctx context.Context, name string) (*kube.Sight, error) {
	if err, _ := b.errs(); err != nil {
		return nil, said(ctx, err)
	}
	return b.Gateway.Look(ctx, name)
}

func (b *books) Declare(ctx context.Context, d catalog.Declared) (bool, error) {
	if err, _ := b.errs(); err != nil {
		return false, said(ctx, err)
	}
	return b.Gateway.Declare(ctx, d)
}

func (b *books) Budget(ctx context.Context, name string, limit *budget.Limit) (*budget.State, error) {
	if _, err := b.errs(); err != nil {
		return nil, said(ctx, err)
	}
	return b.Gateway.Budget(ctx, name, limit)
}

// cluster is an API server with one Upstream, an operator, and the gateway's books.
type cluster struct {
	t      *testing.T
	api    client.WithWatch // as the operator has it: counted, and disturbed
	server client.WithWatch // as others have it
	books  *books
	pool   *pgxpool.Pool
	rdb    redis.UniversalClient
	events *events.FakeRecorder
	r      *kube.Reconciler

	mu     sync.Mutex
	now    time.Time
	writes []string
	// disturb is asked before each call and after it; an error is what the operator gets.
	disturb func(call string, after bool) error
}

func (c *cluster) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *cluster) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, now: time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC), pool: testdb.New(t).Pool, rdb: testredis.New(t), events: events.NewFakeRecorder(10_000)}
	c.books = &books{Gateway: &kube.Gateway{Pool: c.pool, Redis: c.rdb, Now: c.clock, Upstreams: []config.Upstream{
		{Name: name, Driver: "rumahotp", Budget: config.Budget{Requests: 5, Per: 10 * time.Second}},
		{Name: "rq", Driver: "rqid", Budget: config.Budget{Requests: 20, Per: time.Second}},
	}}}
	c.server = fake.NewClientBuilder().WithScheme(kube.Scheme()).WithStatusSubresource(&v1alpha1.Upstream{}, &appsv1.Deployment{}).Build()
	c.api = interceptor.NewClient(c.server, c.funcs())
	c.restart()
	return c
}

// restart has a new operator go on where the last one ended, with nothing but what the cluster and the books know.
func (c *cluster) restart() {
	c.books.Gateway = &kube.Gateway{Pool: c.pool, Redis: c.rdb, Now: c.clock, Upstreams: c.books.Upstreams}
	c.r = &kube.Reconciler{Client: c.api, Books: c.books, Events: c.events, Log: slog.New(slog.DiscardHandler), Now: c.clock}
}

// funcs count and disturb the operator's calls, and do what an API server does beside: a changed spec is another generation.
func (c *cluster) funcs() interceptor.Funcs {
	around := func(call string, do func() error) error {
		c.mu.Lock()
		disturb := c.disturb
		c.mu.Unlock()
		if disturb != nil {
			if err := disturb(call, false); err != nil {
				return err
			}
		}
		err := do()
		if err == nil && !strings.HasPrefix(call, "get") {
			c.mu.Lock()
			c.writes = append(c.writes, call)
			c.mu.Unlock()
		}
		if disturb != nil {
			if lost := disturb(call, true); lost != nil {
				return lost
			}
		}
		return err
	}
	return interceptor.Funcs{
		Get: func(ctx context.Context, w client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			call := "get deployment"
			if _, ok := obj.(*v1alpha1.Upstream); ok {
				call = "get upstream"
			}
			return around(call, func() error { return w.Get(ctx, key, obj, opts...) })
		},
		Apply: func(ctx context.Context, w client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			return around("apply deployment", func() error { return c.applied(ctx, w, obj, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, w client.Client, sub string, obj client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return around("patch "+sub, func() error { return w.SubResource(sub).Patch(ctx, obj, p, opts...) })
		},
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return errUnasked
		},
		Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error {
			return errUnasked
		},
		Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
			return errUnasked
		},
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return errUnasked
		},
	}
}

var errUnasked = errors.New("the operator has no right to do that")

func (c *cluster) applied(ctx context.Context, w client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	key := client.ObjectKey{Namespace: namespace, Name: workload}
	before, after := &appsv1.Deployment{}, &appsv1.Deployment{}
	if err := client.IgnoreNotFound(w.Get(ctx, key, before)); err != nil {
		return err
	}
	if err := w.Apply(ctx, obj, opts...); err != nil {
		return err
	}
	if err := w.Get(ctx, key, after); err != nil {
		return err
	}
	if !equality.Semantic.DeepEqual(before.Spec, after.Spec) || before.Generation == 0 {
		after.Generation = before.Generation + 1
		if after.UID == "" {
			after.UID = types.UID("uid-of-" + after.Name)
		}
		if err := w.Update(ctx, after); err != nil {
			return err
		}
	}
	text, err := json.Marshal(after)
	if err != nil {
		return err
	}
	answer := map[string]any{}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	answer["apiVersion"], answer["kind"] = "apps/v1", "Deployment"
	if text, err = json.Marshal(answer); err != nil {
		return err
	}
	return json.Unmarshal(text, obj)
}

// create makes the Upstream.
func (c *cluster) create(changes ...func(*v1alpha1.Upstream)) {
	c.t.Helper()
	u := &v1alpha1.Upstream{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "u-1", Generation: 1},
		Spec: v1alpha1.UpstreamSpec{Workers: new(int32(2)), Deployment: v1alpha1.Deployment{
			Name: workload, Labels: map[string]string{"muara.io/upstream": name}, Spec: runtime.RawExtension{Raw: []byte(template)},
		}},
	}
	for _, change := range changes {
		change(u)
	}
	require.NoError(c.t, c.server.Create(c.t.Context(), u))
}

// edit changes the Upstream's spec as a person does.
func (c *cluster) edit(change func(*v1alpha1.Upstream)) {
	c.t.Helper()
	u := c.upstream()
	change(u)
	u.Generation++
	require.NoError(c.t, c.server.Update(c.t.Context(), u))
}

// scale changes it through its scale subresource, by the paths of the definition.
func (c *cluster) scale(to int64) {
	c.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))
	require.NoError(c.t, c.server.Get(c.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, u))
	require.NoError(c.t, unstructured.SetNestedField(u.Object, to, strings.Split(strings.TrimPrefix(scalePaths(c.t).Spec, "."), ".")...))
	u.SetGeneration(u.GetGeneration() + 1)
	require.NoError(c.t, c.server.Update(c.t.Context(), u))
}

type paths struct {
	Spec     string `json:"specReplicasPath"`
	Status   string `json:"statusReplicasPath"`
	Selector string `json:"labelSelectorPath"`
}

// scalePaths are what the definition says of the scale subresource.
func scalePaths(t *testing.T) paths {
	t.Helper()
	text, err := os.ReadFile("../../charts/muara-crds/templates/muara.io_upstreams.yaml")
	require.NoError(t, err)
	var crd struct {
		Spec struct {
			Versions []struct {
				Subresources struct {
					Scale paths `json:"scale"`
				} `json:"subresources"`
			} `json:"versions"`
		} `json:"spec"`
	}
	require.NoError(t, yaml.Unmarshal(text, &crd))
	require.Len(t, crd.Spec.Versions, 1)
	return crd.Spec.Versions[0].Subresources.Scale
}

func (c *cluster) upstream() *v1alpha1.Upstream {
	c.t.Helper()
	u := &v1alpha1.Upstream{}
	require.NoError(c.t, c.server.Get(c.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, u))
	return u
}

// deployment is nil while there is none.
func (c *cluster) deployment() *appsv1.Deployment {
	c.t.Helper()
	d := &appsv1.Deployment{}
	err := c.server.Get(c.t.Context(), client.ObjectKey{Namespace: namespace, Name: workload}, d)
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(c.t, err)
	return d
}

// changeDeployment changes it as somebody else does.
func (c *cluster) changeDeployment(change func(*appsv1.Deployment)) {
	c.t.Helper()
	d := c.deployment()
	before := d.DeepCopy()
	change(d)
	if !equality.Semantic.DeepEqual(before.Spec, d.Spec) {
		d.Generation++
	}
	require.NoError(c.t, c.server.Update(c.t.Context(), d))
}

// rollOut does what the Deployment's own controller does: the pods are there, so many of them ready.
func (c *cluster) rollOut(ready int32) {
	c.t.Helper()
	d := c.deployment()
	n := *d.Spec.Replicas
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: ready, AvailableReplicas: ready}
	require.NoError(c.t, c.server.Status().Update(c.t.Context(), d))
}

var request = ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}

// once reconciles, which must go well.
func (c *cluster) once() {
	c.t.Helper()
	_, err := c.r.Reconcile(c.t.Context(), request)
	require.NoError(c.t, err)
}

// settle reconciles as the queue does: until it goes well, and again.
func (c *cluster) settle() {
	c.t.Helper()
	var err error
	for range 20 {
		if _, err = c.r.Reconcile(c.t.Context(), request); err == nil {
			break
		}
	}
	require.NoError(c.t, err)
	c.once()
}

// wrote gives what was written since it was asked last.
func (c *cluster) wrote() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.writes
	c.writes = nil
	return all
}

// told gives the events since it was asked last.
func (c *cluster) told() (all []string) {
	for {
		select {
		case e := <-c.events.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

// still requires that nothing is written and nothing told by n more reconciles.
func (c *cluster) still(n int) {
	c.t.Helper()
	c.wrote()
	c.told()
	for range n {
		c.once()
	}
	require.Empty(c.t, c.wrote())
	require.Empty(c.t, c.told())
}

func (c *cluster) disturbed(fn func(call string, after bool) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disturb = fn
}

func (c *cluster) condition(kind string) metav1.Condition {
	c.t.Helper()
	found := meta.FindStatusCondition(c.upstream().Status.Conditions, kind)
	require.NotNil(c.t, found, kind)
	return *found
}

// is requires a condition's status and reason.
func (c *cluster) is(kind string, status metav1.ConditionStatus, reason string) {
	c.t.Helper()
	found := c.condition(kind)
	require.Equal(c.t, [2]string{string(status), reason}, [2]string{string(found.Status), found.Reason}, found.Message)
	require.Equal(c.t, c.upstream().Generation, found.ObservedGeneration)
}

// paused is what the database says.
func (c *cluster) paused() (paused bool, why string) {
	c.t.Helper()
	all, err := catalog.Upstreams(c.t.Context(), c.pool)
	require.NoError(c.t, err)
	i := slices.IndexFunc(all, func(u catalog.Upstream) bool { return u.Name == name })
	if i < 0 {
		return false, "not known"
	}
	return all[i].Paused, all[i].PausedWhy
}

// known has the database know the upstream, as its scheduler does.
func (c *cluster) known() {
	c.t.Helper()
	require.NoError(c.t, catalog.KnowUpstream(c.t.Context(), c.pool, catalog.Source{Name: name, Driver: "rumahotp", Mode: catalog.Live}, c.clock()))
}

// replace replaces the one place of old, which must be there.
func replace(text, old, by string) string {
	if strings.Count(text, old) != 1 {
		panic("not once: " + old)
	}
	return strings.Replace(text, old, by, 1)
}
