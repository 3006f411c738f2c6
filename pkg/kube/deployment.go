package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/kube/v1alpha1"
)

const (
	// manager is who writes the Deployment's fields.
	manager = "muara-operator"
	// appliedHash is the annotation of a Deployment with the hash of what was applied.
	appliedHash = "muara.io/applied"
	// appliedBudget is the annotation with the budget that its workers were given; absent while it is the configuration's.
	appliedBudget = "muara.io/budget"
	// upstreamLabel is the label with an upstream's name.
	upstreamLabel = "muara.io/upstream"
	// container is the one of muara in a pod.
	container = "muara"
)

// errTemplate: the Deployment in the resource is none.
var errTemplate = errors.New("spec.deployment.spec")

// workers is how many workers are wanted.
func workers(u *v1alpha1.Upstream) int32 {
	if u.Spec.Workers == nil {
		return 1
	}
	return *u.Spec.Workers
}

// budgetOf is the resource's budget as the worker's flag has it; empty where it says none.
func budgetOf(u *v1alpha1.Upstream) string {
	if u.Spec.Budget == nil {
		return ""
	}
	return config.Budget{Requests: int(u.Spec.Budget.Requests), Per: u.Spec.Budget.Per.Duration}.String()
}

// desired is the Deployment that the resource asks for, as it is applied.
func desired(u *v1alpha1.Upstream) (*unstructured.Unstructured, error) {
	var spec map[string]any
	if err := json.Unmarshal(u.Spec.Deployment.Spec.Raw, &spec); err != nil || spec == nil {
		return nil, fmt.Errorf("%w: not an object", errTemplate)
	}
	spec["replicas"] = int64(workers(u))
	annotations := map[string]string{}
	if limit := budgetOf(u); limit != "" {
		if err := addBudget(spec, limit); err != nil {
			return nil, err
		}
		annotations[appliedBudget] = limit
	}
	d := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	d.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	d.SetNamespace(u.Namespace)
	d.SetName(u.Spec.Deployment.Name)
	d.SetLabels(u.Spec.Deployment.Labels)
	d.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(u, v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))})
	written, err := json.Marshal(d.Object) // keys in their order
	if err != nil {
		return nil, fmt.Errorf("kube: %w", err)
	}
	sum := sha256.Sum256(written)
	annotations[appliedHash] = hex.EncodeToString(sum[:])
	d.SetAnnotations(annotations)
	return d, nil
}

// addBudget has the workers of a Deployment's spec keep another budget than the configuration's. It is an argument, so that an image
// that does not know it does not start, and never takes more than it is given.
func addBudget(spec map[string]any, limit string) error {
	containers, _, err := unstructured.NestedSlice(spec, "template", "spec", "containers")
	if err != nil {
		return fmt.Errorf("%w: %w", errTemplate, err)
	}
	for i := range containers {
		c, ok := containers[i].(map[string]any)
		if !ok || c["name"] != container {
			continue
		}
		args, _, err := unstructured.NestedStringSlice(c, "args")
		if err != nil {
			return fmt.Errorf("%w: %w", errTemplate, err)
		}
		if !slices.Contains(args, "worker") {
			return fmt.Errorf("%w: its container %q runs no worker", errTemplate, container)
		}
		if err := unstructured.SetNestedStringSlice(c, append(args, "--budget", limit), "args"); err != nil {
			return fmt.Errorf("%w: %w", errTemplate, err)
		}
		return unstructured.SetNestedSlice(spec, containers, "template", "spec", "containers")
	}
	return fmt.Errorf("%w: no container is called %q", errTemplate, container)
}

// selector is the Deployment's, as text.
func selector(d *unstructured.Unstructured) (string, error) {
	raw, _, err := unstructured.NestedMap(d.Object, "spec", "selector")
	if err != nil {
		return "", fmt.Errorf("%w: %w", errTemplate, err)
	}
	written, err := json.Marshal(raw)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errTemplate, err)
	}
	var s metav1.LabelSelector
	if err := json.Unmarshal(written, &s); err != nil {
		return "", fmt.Errorf("%w: selector: %w", errTemplate, err)
	}
	parsed, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		return "", fmt.Errorf("%w: selector: %w", errTemplate, err)
	}
	if parsed.Empty() || parsed.String() == labels.Nothing().String() {
		return "", fmt.Errorf("%w: no selector", errTemplate)
	}
	return parsed.String(), nil
}

// takenBy tells whose a Deployment of the wanted name is, if it may not be taken over; else it is empty. One that nobody owns is
// taken over if it says that it is this upstream's.
func takenBy(live *appsv1.Deployment, u *v1alpha1.Upstream) string {
	owner := metav1.GetControllerOf(live)
	switch {
	case owner == nil && live.Labels[upstreamLabel] == u.Name:
		return ""
	case owner == nil:
		return "nobody's that is known here"
	case owner.UID == u.UID:
		return ""
	}
	return strings.ToLower(owner.Kind) + "/" + owner.Name
}

// asApplied tells whether a Deployment is as it was last applied, and that is what is wanted now.
func asApplied(live *appsv1.Deployment, want *unstructured.Unstructured, u *v1alpha1.Upstream) bool {
	return live.Annotations[appliedHash] == want.GetAnnotations()[appliedHash] &&
		live.Generation == u.Status.DeploymentGeneration && metav1.IsControlledBy(live, u)
}
