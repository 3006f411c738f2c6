// Package queue names Muara's Asynq queues and tasks and puts tasks into them.
//
// Decisions that bind this package:
//
//   - A task is a hint: a payload of ids that says "look at this row now". It may
//     be lost, doubled, late or reordered; the row in Postgres decides.
//   - A task id names one occurrence plus a generation. A conflict means "probably
//     queued" and is no error; a new generation, taken from the row's age, gets past
//     a task that is archived or stuck.
//   - Queues are per upstream, so that each has workers of its own. No Unique, no
//     Scheduler, no groups.
package queue
