package kube_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/muarahq/muara/pkg/kube"
	"github.com/muarahq/muara/pkg/kube/v1alpha1"
)

// apiServer serves a cluster's objects over HTTP as far as the operator asks, and nothing that the chart's Role does not allow.
type apiServer struct {
	*cluster
	rules []rbacv1.PolicyRule
	*httptest.Server
	ended chan struct{}

	mu      sync.Mutex
	used    map[string]bool // "group/resource verb"
	refused []string
	events  []string
}

// kinds are what it serves, by resource.
var kinds = map[string]struct {
	group, version, kind string
	list                 client.ObjectList
}{
	"upstreams":   {"muara.io", "v1alpha1", "Upstream", &v1alpha1.UpstreamList{}},
	"deployments": {"apps", "v1", "Deployment", &appsv1.DeploymentList{}},
	"leases":      {"coordination.k8s.io", "v1", "Lease", &coordinationv1.LeaseList{}},
	"events":      {"events.k8s.io", "v1", "Event", nil},
}

// chartRole reads the rules of the operator's Role out of the chart.
func chartRole(t *testing.T, release string) []rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile("../../charts/muara/templates/operator.yaml")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?s)kind: Role\n.*?\n(rules:\n.*?)\n---`).FindStringSubmatch(string(text))
	require.NotNil(t, found)
	var role rbacv1.Role
	require.NoError(t, yaml.UnmarshalStrict([]byte(strings.ReplaceAll(found[1], "{{ $name }}", release)), &role))
	require.NotEmpty(t, role.Rules)
	return role.Rules
}

func serveCluster(t *testing.T) *apiServer {
	t.Helper()
	s := &apiServer{cluster: newCluster(t), rules: chartRole(t, "toko-muara-operator"), ended: make(chan struct{}), used: map[string]bool{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() { close(s.ended); s.Close() })
	return s
}

func (s *apiServer) allowed(group, resource, name, verb string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if slices.Contains(r.APIGroups, group) && slices.Contains(r.Resources, resource) && slices.Contains(r.Verbs, verb) &&
			(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, name)) {
			s.used[strings.TrimPrefix(group+"/"+resource, "/")+" "+verb] = true
			return true
		}
	}
	s.refused = append(s.refused, fmt.Sprintf("%s %s/%s %s", verb, group, resource, name))
	return false
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(path) < 6:
		s.discover(w, path)
		return
	case path[3] != "namespaces" || path[4] != namespace:
		answer(w, nil, apierrors.NewForbidden(deployments, "", fmt.Errorf("namespace %s", r.URL.Path)))
		return
	}
	resource, name, sub := path[5], "", ""
	if len(path) > 6 {
		name = path[6]
	}
	if len(path) > 7 {
		sub = "/" + path[7]
	}
	verb := map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete"}[r.Method]
	if verb == "get" && name == "" {
		verb = "list"
		if r.URL.Query().Get("watch") != "" {
			verb = "watch"
		}
	}
	if !s.allowed(path[1], resource+sub, name, verb) {
		answer(w, nil, apierrors.NewForbidden(deployments, name, fmt.Errorf("%s %s", verb, resource+sub)))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		answer(w, nil, err)
		return
	}
	switch verb {
	case "watch":
		s.watch(w, r, resource)
	case "list":
		list, _ := kinds[resource].list.DeepCopyObject().(client.ObjectList)
		answer(w, list, s.server.List(r.Context(), list, client.InNamespace(namespace)))
	default:
		obj, err := s.single(r, verb, resource+sub, name, body)
		answer(w, obj, err)
	}
}

// single is a call about one object.
func (s *apiServer) single(r *http.Request, verb, resource, name string, body []byte) (client.Object, error) {
	of := kinds[strings.TrimSuffix(resource, "/status")]
	u := &unstructured.Unstructured{Object: map[string]any{}}
	switch {
	case verb == "create" || verb == "update": // as JSON, or in Kubernetes' own form of its own kinds
		obj, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
		if err != nil {
			return nil, err
		}
		if u.Object, err = runtime.DefaultUnstructuredConverter.ToUnstructured(obj); err != nil {
			return nil, err
		}
	case r.Header.Get("Content-Type") == string(types.ApplyPatchType):
		if err := yaml.Unmarshal(body, &u.Object); err != nil {
			return nil, err
		}
	}
	u.SetAPIVersion(of.group + "/" + of.version)
	u.SetKind(of.kind)
	u.SetNamespace(namespace)
	if name != "" {
		u.SetName(name)
	}
	ctx := r.Context()
	if resource == "events" {
		s.mu.Lock()
		defer s.mu.Unlock()
		note, _, _ := unstructured.NestedString(u.Object, "reason")
		s.events = append(s.events, note)
		return u, nil
	}
	switch verb {
	case "get":
		return u, s.server.Get(ctx, client.ObjectKeyFromObject(u), u)
	case "create":
		return u, s.server.Create(ctx, u)
	case "update":
		return u, s.server.Update(ctx, u)
	case "patch":
		if resource == "deployments" {
			return u, s.applied(ctx, s.server, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(r.URL.Query().Get("fieldManager")), client.ForceOwnership)
		}
		return u, s.server.Status().Patch(ctx, u, client.RawPatch(types.PatchType(r.Header.Get("Content-Type")), body))
	}
	return nil, errUnasked
}

// watch streams what there is, if that is asked for, and what happens.
func (s *apiServer) watch(w http.ResponseWriter, r *http.Request, resource string) {
	list, _ := kinds[resource].list.DeepCopyObject().(client.ObjectList)
	events, err := s.server.Watch(r.Context(), list, client.InNamespace(namespace))
	if err != nil {
		answer(w, nil, err)
		return
	}
	defer events.Stop()
	flusher, _ := w.(http.Flusher)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	send := func(kind string, object any) {
		whole, err := named(resource, object)
		if err == nil {
			err = json.NewEncoder(w).Encode(map[string]any{"type": kind, "object": whole})
		}
		if err != nil {
			return // its client has gone
		}
		flusher.Flush()
	}
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		all := &unstructured.UnstructuredList{}
		all.SetAPIVersion(kinds[resource].group + "/" + kinds[resource].version)
		all.SetKind(kinds[resource].kind + "List")
		if err := s.server.List(r.Context(), all, client.InNamespace(namespace)); err != nil {
			return
		}
		for i := range all.Items {
			send("ADDED", all.Items[i].Object)
		}
		send("BOOKMARK", map[string]any{"metadata": map[string]any{"resourceVersion": "1", "annotations": map[string]any{metav1.InitialEventsAnnotationKey: "true"}}})
	}
	flusher.Flush()
	for {
		select {
		case <-s.ended:
			return
		case <-r.Context().Done():
			return
		case e, ok := <-events.ResultChan():
			if !ok {
				return
			}
			send(string(e.Type), e.Object)
		}
	}
}

// named is an object with its kind, which a watch's always has.
func named(resource string, object any) (map[string]any, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, err
	}
	out["apiVersion"], out["kind"] = kinds[resource].group+"/"+kinds[resource].version, kinds[resource].kind
	return out, nil
}

func (s *apiServer) discover(w http.ResponseWriter, path []string) {
	switch {
	case len(path) == 1 && path[0] == "apis":
		all := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		for _, k := range kinds {
			v := metav1.GroupVersionForDiscovery{GroupVersion: k.group + "/" + k.version, Version: k.version}
			all.Groups = append(all.Groups, metav1.APIGroup{Name: k.group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
		}
		answer(w, all, nil)
	case len(path) == 1:
		answer(w, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}, nil)
	default:
		all := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: strings.Join(path[1:], "/")}
		for name, k := range kinds {
			if k.group+"/"+k.version == all.GroupVersion {
				all.APIResources = append(all.APIResources, metav1.APIResource{Name: name, Kind: k.kind, Namespaced: true, Verbs: metav1.Verbs{"get", "list", "watch"}})
			}
		}
		answer(w, all, nil)
	}
}

func answer(w http.ResponseWriter, v any, err error) {
	code := http.StatusOK
	if err != nil {
		status := apierrors.NewInternalError(err).Status()
		if told := apierrors.APIStatus(nil); errors.As(err, &told) {
			status = told.Status()
		}
		status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
		v, code = status, int(status.Code)
	}
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(v); err != nil {
		code = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text.Bytes())
}

// operate runs an operator until the function that it gives is called, which gives how it ended.
func (s *apiServer) operate(lease string) (ready <-chan struct{}, stop func() error) {
	s.t.Helper()
	ctx, cancel := newContext(s.t)
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- kube.Run(ctx, kube.Options{
			API: &rest.Config{Host: s.URL, QPS: -1}, Namespace: namespace, Lease: lease, Books: s.books,
			Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Now: s.clock, Started: func() { close(begun) },
		})
	}()
	return begun, func() error { cancel(); return <-ended }
}

const soon = 30 * time.Second

func TestTheOperatorActsOnEventsWithTheRightsOfTheChart(t *testing.T) {
	t.Parallel()
	s := serveCluster(t)
	s.known()
	s.create()
	ready, stop := s.operate("toko-muara-operator")
	<-ready
	eventually := func(what string, is func() bool) {
		t.Helper()
		require.Eventually(t, is, soon, 5*time.Millisecond, "%s; refused: %v", what, s.refusals())
	}
	replicas := func(n int32) func() bool {
		return func() bool { d := s.deployment(); return d != nil && *d.Spec.Replicas == n }
	}
	eventually("the Deployment is made", replicas(2))
	eventually("and that is said", func() bool { return s.upstream().Status.Driver == "rumahotp" })
	s.rollOut(2) // an event of the Deployment
	eventually("its workers are counted", func() bool { return s.upstream().Status.ReadyWorkers == 2 })
	s.retry(func() error {
		u := s.upstream()
		u.Spec.Workers, u.Generation = new(int32(4)), u.Generation+1
		return s.server.Update(t.Context(), u)
	})
	eventually("an event of the resource", replicas(4))
	require.NoError(t, s.server.Delete(t.Context(), s.deployment()))
	eventually("what was deleted is made again", replicas(4))

	// Another one waits for the lease, and takes over at once when the first gives it back.
	ready2, stop2 := s.operate("toko-muara-operator")
	<-ready2
	require.NoError(t, stop())
	s.retry(func() error {
		u := s.upstream()
		u.Spec.Workers, u.Generation = new(int32(1)), u.Generation+1
		return s.server.Update(t.Context(), u)
	})
	eventually("the second acts", replicas(1))
	eventually("events are written", func() bool { return s.saw("WorkersCreated") && s.saw("WorkersScaled") })
	require.NoError(t, stop2())
	require.Empty(t, s.refusals(), "the Role suffices")
	for _, rule := range []string{
		"muara.io/upstreams watch", "muara.io/upstreams/status patch", "apps/deployments watch", "apps/deployments patch", "events.k8s.io/events create",
		"coordination.k8s.io/leases create", "coordination.k8s.io/leases get", "coordination.k8s.io/leases update",
	} {
		require.True(t, s.used[rule], "nobody needs %s", rule)
	}
}

func (s *apiServer) refusals() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refused)
}

func (s *apiServer) saw(event string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.events, event)
}

// retry is a person's edit while the operator writes too.
func (s *apiServer) retry(edit func() error) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return edit() == nil }, soon, time.Millisecond)
}

func newContext(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	return ctx, cancel
}
