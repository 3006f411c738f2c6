// Package charts tests the Helm chart beside it, and writes its README.
//
// Decisions that bind:
//
//   - A module of its own: Helm and Kubernetes are libraries of these tests and of nothing that is released.
//   - The chart is rendered by Helm's own code, with the schema of its values applied, and what comes out is judged as typed objects,
//     never as text.
//   - What the chart says about muara (its configuration's keys, its defaults, what a role reads and needs) is compared with muara's own
//     code, so that neither can move alone.
//   - No cluster can be had here. What needs one is said in docs/kubernetes.md.
package charts

//go:generate go run ./internal/drivers muara
//go:generate go run ./internal/readme muara
//go:generate go run ./internal/dashboards muara/files/dashboards
