// Package budget shares an upstream's request budget between all processes, through Redis.
//
// # The promise
//
// A [Limit] of 5 requests per 10 s means: at the upstream's own clock no window of 10 s ever sees a sixth arrival, whatever
// latency, jitter, restarts and the number of processes do. A token bucket with burst 5 does not promise that: it admits five
// at once and refills meanwhile, so some windows see nine. A log of departure times does not either: a request that left
// early and crept arrives together with those that left late and flew. What is known of an arrival is only that it lies
// between the moment a call was allowed and the moment its response came back; so the budget counts from the one to the other.
//
// A call is counted from [Budget.Acquire] until one gap (Per, and a little more for two clocks being slewed apart) after its
// response, which [Slot.Release] tells; if its process died, until one gap after hold, the longest a call may take. Never
// are more than Requests calls counted at once.
//
// Proof. Suppose Requests+1 calls arrived within one Per. Take the one that was allowed last, at moment A. All the others
// were allowed before; as at most Requests-1 of them can have been counted at A, some call was not: its response was at least
// a gap before A, its arrival no later than its response, and the last call's arrival no sooner than A. The two arrived
// further apart than Per. Contradiction.
//
// The ceiling is Requests/(Per+mean latency) calls a second.
//
// # No memory means closed
//
// The count lives in one sorted set and is believed only if the Redis server that answers wrote it itself, all of it, since it
// started (its run_id is part of the epoch). After a flush, a restart, a promoted replica or at the very first start every
// slot counts as taken just now by a call that will run for the whole hold: the budget opens a hold and a gap later. That is
// what it costs to be right about calls of processes that died or are cut off and that nobody remembers.
// [Recovery] trades it: with Recovery(0) the budget opens one gap after the loss, and only calls in flight whose process is
// alive and reaches Redis within that gap are still exact, because every process tells with each turn what it has in flight,
// and an end that memory knows nothing of counts as a use.
//
// Redis away: fails closed. Callers wait until their context ends, and go on by themselves when it is back.
//
// A server that does not tell its run_id (an in-process one, or an ACL that forbids INFO) is believed by the presence of the
// memory alone: a flush is noticed, a restart from an old file is not.
//
// All moments are Redis's TIME, taken inside the one script that uses them. TIME is a wall clock. Set back, it takes the
// stored moments along. Set forward by a step, it would open slots early by the size of the step, and no script can tell a
// step from idle time: let NTP slew the clocks of Redis hosts, not step them. A split brain (an isolated old primary that
// still serves some processes) hands out two budgets: run primaries with min-replicas-to-write 1, or without replicas.
//
// A process frozen between Acquire and its first byte for longer than hold would break the promise like any lease; callers
// bound the call by [Slot.Deadline].
//
// # Changed limits
//
// While processes with different limits run, fewest requests and longest time of all of them rule. A process runs from
// [Budget.Announce] or its first call until Stop, or for six seconds after it was last heard of. So a limit that is lowered by
// replacing processes one by one holds from the first new one on, and one that is raised not before the last old one is gone.
// A limit that gets looser starts with the new slots counted as used just now; a changed Per with all of them.
//
// # Who is next
//
// Waiters are served by [Class], not by arrival, across processes; in order of arrival within a class. A class that is not
// served ages: each ageing step (see [Ageing]) since its last service, or since its oldest waiter came, whichever is later,
// makes up for one class. So a purchase passes a thousand polls that are being worked off, however long they have waited,
// while polls behind an endless row of purchases still get a slot every three steps. Time in which the budget is closed ages
// nobody.
//
// One goroutine a process and budget speaks for all local waiters. It tells Redis the first few of each class, is told when
// its next turn is, and asks at that moment: a slot costs two calls (take and return) and a few heartbeats, not one call a
// waiter. Heartbeats carry the waiters; those of a process that died are forgotten within a second.
package budget
