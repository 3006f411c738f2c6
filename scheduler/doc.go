// Package scheduler finds rows that are due and enqueues hints about them. It
// never calls an upstream or a merchant.
//
// Decisions that bind this package:
//
//   - Every job is a runOnce that may run in any number of replicas at the same
//     time: it takes due rows under SKIP LOCKED and moves their next look, or
//     enqueues a task whose id is the time slot. There is no leader to lose.
//   - A tick costs what is due, not what exists.
package scheduler
