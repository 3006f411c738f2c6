// Command strict decodes the manifests on standard input, YAML documents, as an API server of the Kubernetes version that it was built
// with would under strict field validation: an unknown or repeated field, or one of the wrong kind, is an error. Resources of other API
// groups are left out. It prints how many it decoded.
//
// It is built with the types of several versions of Kubernetes: see k8s-*.mod beside go.mod.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	n, err := decode(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "strict:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, n)
}

// decode counts what it decoded, and gives every error.
func decode(in io.Reader) (int, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return 0, err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(in))
	var errs []error
	for n := 0; ; {
		doc, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return n, errors.Join(errs...)
		}
		if err != nil {
			return n, err
		}
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(doc, &kind); err != nil {
			return n, err
		}
		if !scheme.IsGroupRegistered(kind.GroupVersionKind().Group) {
			continue
		}
		if _, _, err := decoder.Decode(doc, nil, nil); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kind.Kind, err))
			continue
		}
		n++
	}
}
