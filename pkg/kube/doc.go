// Package kube is `muara operator`: it acts upon the Upstream resources of one Kubernetes namespace.
//
// Decisions that bind:
//
//   - Level-triggered. A reconcile reads the resource, its Deployment and the gateway's own books, and does what is missing between them.
//     Nothing is remembered in the process, so that events may be lost, doubled or reordered, and the process may end at any instruction.
//     A second reconcile of the same state writes nothing.
//   - The Deployment is written by server-side apply, whole, under one field manager: what others add to it (a restart's annotation) stays,
//     what others change of ours is put back. It is written when it is not as the resource says: by the hash of what was applied, which it
//     carries, and by its generation, which the resource's status remembers.
//   - A pause in the database has one reason. One that begins with the resource's mark was made by the resource, and ends with it; any other
//     is somebody else's and stays. So an upstream is paused while either says so, and a resume by command ends the other one's alone.
//   - An upstream that is to be paused is paused before its first worker exists.
//   - There is no finalizer. A deleted resource takes its Deployment along by ownership; its workers end as at any rollout, orders stay in
//     the database, and a pause stays until it is ended by command or by the resource's return.
//   - What does not answer (the database, Redis) keeps nothing else from being done: scaling works without them.
//   - Only this package and cmd/muara know Kubernetes.
package kube
