// Package v1alpha1 is the `Upstream` resource of Kubernetes: what `kubectl get upstreams` lists and `muara operator` acts upon.
//
// Decisions that bind:
//
//   - The resource says how many workers there are, whether orders go to the upstream, and, where it is said here at all, its budget.
//     Everything else about an upstream (driver, address, credentials) is the configuration's, and is only shown here.
//   - The Deployment is in it as the chart renders it, opaque: the template that makes the plain Deployment makes this one too, and no
//     field that a newer Kubernetes knows is lost on the way.
//   - Numbers are whole, money is whole rupiah, and a share is a text with a percent sign: the resource has no fractions.
//
// `make generate` writes the copying functions and the resource's definition in charts/muara-crds.
//
// +kubebuilder:object:generate=true
// +groupName=muara.io
package v1alpha1

//go:generate go tool -modfile=../../../charts/tools/controllergen/go.mod controller-gen object paths=. crd output:crd:dir=../../../charts/muara-crds/templates
